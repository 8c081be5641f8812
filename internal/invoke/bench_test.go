package invoke_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/invoke"
	"github.com/stagedoor/stagedoor/internal/logs"
	"github.com/stagedoor/stagedoor/internal/sandbox"
	"github.com/stagedoor/stagedoor/internal/sandbox/sandboxtest"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
	"github.com/stagedoor/stagedoor/internal/store/storetest"
	"github.com/stagedoor/stagedoor/runtimeapi"
)

const benchAccount, benchRegion = "123456789012", "us-east-1"

// rig is the whole path of an invocation: store, logs, driver and broker.
type rig struct {
	s     *store.Store
	l     *logs.Logs
	b     *invoke.Broker
	cache string
}

func newRig(tb testing.TB, isolation string) *rig {
	tb.Helper()
	s := storetest.New(tb)
	l, err := logs.New(s, logs.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	r := &rig{s: s, l: l, cache: tb.TempDir()}
	d, err := sandbox.NewProcess(sandbox.Options{CacheDir: r.cache, Code: s.GetBlob, Logs: invoke.FunctionLogs(l), Isolation: isolation})
	if err != nil {
		tb.Fatal(err)
	}
	r.b = invoke.New(s, d, l, invoke.Options{})
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		for _, err := range []error{r.b.Close(ctx), d.Close(ctx), l.Close(ctx)} {
			if err != nil {
				tb.Error(err)
			}
		}
	})
	return r
}

func (r *rig) create(tb testing.TB, name, runtime string) {
	tb.Helper()
	digest, err := r.s.PutBlob(context.Background(), sandboxtest.Zip(benchFiles(tb, runtime)))
	if err != nil {
		tb.Fatal(err)
	}
	rec := &state.Function{Account: benchAccount, Region: benchRegion, Name: name, ID: name, Latest: state.FunctionConfig{
		Version: "$LATEST", Runtime: runtime, Handler: "index.handler", CodeDigest: digest, State: "Active",
		MemoryMB: 256, TimeoutSeconds: 30, LogGroup: "/aws/lambda/" + name,
	}}
	if _, err := store.Put(context.Background(), r.s, state.FunctionKey(benchAccount, benchRegion, name), rec); err != nil {
		tb.Fatal(err)
	}
}

func (r *rig) call(tb testing.TB, name string) *invoke.Result {
	res, err := r.b.Invoke(context.Background(), &invoke.Request{Account: benchAccount, Region: benchRegion, Function: name, Payload: benchEvent})
	if err != nil || res.FunctionError != "" {
		tb.Errorf("%v %+v", err, res)
	}
	return res
}

var benchEvent = []byte(`{"resource":"/","path":"/","httpMethod":"GET","headers":{"a":"` + strings.Repeat("b", 900) + `"}}`)

func benchFiles(tb testing.TB, runtime string) map[string]string {
	switch runtime {
	case "nodejs20.x":
		return map[string]string{"index.js": "exports.handler = async (event) => ({ statusCode: 200, body: 'hello from ' + event.path });"}
	case "python3.12":
		return map[string]string{"index.py": "def handler(event, context):\n    return {'statusCode': 200, 'body': 'hello from ' + event['path']}\n"}
	}
	return map[string]string{"bootstrap": sandboxtest.GoBootstrap(tb)}
}

// floor is the smallest possible host: the same program and function with a
// Runtime API server and nothing else (no logs, pool, limits or isolation).
type floor struct {
	api *runtimeapi.Server
	cmd *exec.Cmd
}

func startFloor(tb testing.TB, r *rig, runtime, task string) *floor {
	tb.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	f := &floor{api: runtimeapi.New()}
	go f.api.Serve(l)
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		tb.Fatal(err)
	}
	child, ours := os.NewFile(uintptr(fds[0]), ""), os.NewFile(uintptr(fds[1]), "")
	host, err := net.FileConn(ours)
	if err != nil {
		tb.Fatal(err)
	}
	ours.Close()
	defer child.Close()
	go f.api.ServeConn(host)
	loaders, _ := filepath.Glob(r.cache + "/runtime-*")
	switch runtime {
	case "nodejs20.x":
		f.cmd = exec.Command("node", loaders[0]+"/node.cjs")
	case "python3.12":
		f.cmd = exec.Command(realPython(tb), "-I", "-S", "-c", fmt.Sprintf("import sys;sys.path.insert(0,%q);import python_loader as l;l.main()", loaders[0]))
	default:
		f.cmd = exec.Command(task + "/bootstrap")
	}
	f.cmd.Env = []string{"AWS_LAMBDA_RUNTIME_API=" + l.Addr().String(), "_HANDLER=index.handler", "LAMBDA_TASK_ROOT=" + task,
		"LAMBDA_RUNTIME_DIR=" + loaders[0], "PATH=" + os.Getenv("PATH")}
	f.cmd.ExtraFiles = []*os.File{child}
	if err := f.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	return f
}

func (f *floor) stop() {
	f.cmd.Process.Kill()
	f.cmd.Wait()
	f.api.Close()
}

func (f *floor) call(tb testing.TB) {
	o, err := f.api.Invoke(context.Background(), &runtimeapi.Invocation{ID: "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
		InvokedARN: "arn:aws:lambda:us-east-1:123456789012:function:f", Deadline: time.Now().Add(time.Minute), Payload: benchEvent})
	if err != nil || o.Failed {
		tb.Errorf("%v %s", err, o.Payload)
	}
}

var pythonPath = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("python3", "-c", "import sys;print(sys.executable)").Output()
	return strings.TrimSpace(string(out)), err
})

func realPython(tb testing.TB) string {
	path, err := pythonPath()
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

func writeTask(tb testing.TB, runtime string) string {
	dir := tb.TempDir()
	for name, text := range benchFiles(tb, runtime) {
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o755); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

var benchRuntimes = []string{"nodejs20.x", "python3.12", "provided.al2023"}

// BenchmarkWarm compares warm calls, one and sixteen at a time, with the floor.
func BenchmarkWarm(b *testing.B) {
	for _, runtime := range benchRuntimes {
		for _, parallel := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s/%d/floor", runtime, parallel), func(b *testing.B) {
				r, task := newRig(b, ""), writeTask(b, runtime)
				free := make(chan *floor, parallel)
				for range parallel {
					f := startFloor(b, r, runtime, task)
					defer f.stop()
					f.call(b)
					free <- f
				}
				measure(b, parallel, func() { f := <-free; f.call(b); free <- f })
			})
			b.Run(fmt.Sprintf("%s/%d/stagedoor", runtime, parallel), func(b *testing.B) {
				r := newRig(b, "")
				r.create(b, "f", runtime)
				var wg sync.WaitGroup
				for range parallel {
					wg.Go(func() { r.call(b, "f") })
				}
				wg.Wait()
				measure(b, parallel, func() { r.call(b, "f") })
			})
		}
	}
}

func measure(b *testing.B, parallel int, call func()) {
	work := make(chan struct{})
	var wg sync.WaitGroup
	for range parallel {
		wg.Go(func() {
			for range work {
				call()
			}
		})
	}
	for b.Loop() {
		work <- struct{}{}
	}
	close(work)
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}

// BenchmarkFirstCall compares the first call of a fresh function with the
// floor: exec, init and first answer.
func BenchmarkFirstCall(b *testing.B) {
	for _, runtime := range benchRuntimes {
		b.Run(runtime+"/floor", func(b *testing.B) {
			r, task := newRig(b, ""), writeTask(b, runtime)
			for b.Loop() {
				f := startFloor(b, r, runtime, task)
				f.call(b)
				b.StopTimer()
				f.stop()
				b.StartTimer()
			}
		})
		for _, isolation := range []string{"plain", "bubblewrap"} {
			b.Run(runtime+"/stagedoor-"+isolation, func(b *testing.B) {
				if _, err := exec.LookPath("bwrap"); err != nil && isolation == "bubblewrap" {
					b.Skip("no bubblewrap")
				}
				r := newRig(b, isolation)
				r.create(b, "first", runtime)
				r.call(b, "first") // the interpreter is known, the code extracted
				n := 0
				for b.Loop() {
					b.StopTimer()
					n++
					name := fmt.Sprint("f", n)
					r.create(b, name, runtime)
					b.StartTimer()
					r.call(b, name)
				}
			})
		}
	}
}
