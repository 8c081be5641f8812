package sandbox_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/codezip"
	"github.com/stagedoor/stagedoor/internal/sandbox"
	"github.com/stagedoor/stagedoor/internal/sandbox/sandboxtest"
)

func invoke(t *testing.T, e sandbox.Environment, payload string) *sandbox.Result {
	t.Helper()
	r, err := e.Invoke(t.Context(), &sandbox.Invocation{RequestID: "6e9f4a1c-0000-4000-8000-000000000000", Payload: []byte(payload), LogTail: true})
	if err != nil {
		t.Fatalf("Invoke: %v", err)
	}
	return r
}

const python = `
import os, sys, subprocess, time, signal
def handler(event, context):
    do = event["do"]
    if do == "print":
        line = b"x" * 1023 + b"\n"
        for _ in range(event["mb"] * 1024):
            os.write(1, line)
    if do == "long line":
        os.write(1, b"y" * (600 * 1024) + b"\n")
    if do == "eat":
        kept = []
        while True:
            kept.append(bytearray(8 << 20))
    if do == "fork":
        pid = os.fork()
        if pid == 0:
            os.setsid()
            time.sleep(600)
            os._exit(0)
        return pid
    if do == "write":
        denied = []
        for path in event["paths"]:
            try:
                open(path, "w").close()
            except OSError as e:
                denied.append(path)
        return denied
    if do == "fork bomb":
        # One parent of many, not many of many: a test must not outrun the watch
        # on a machine that is busy already.
        while True:
            if os.fork() == 0:
                time.sleep(1000)
    if do == "tmp":
        return sorted(os.listdir("/tmp"))
    if do.startswith("kill "):
        os.kill(os.getpid(), int(do[5:]))
        time.sleep(60)
    if do.startswith("exit "):
        os._exit(int(do[5:]))
    if do == "rights":
        status = dict(line.split(":\t") for line in open("/proc/self/status").read().splitlines() if ":\t" in line)
        rights = {k: status[k].lstrip("0") or "0" for k in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs")}
        rights["mount"] = subprocess.run(["mount", "-t", "tmpfs", "none", "/tmp"], stderr=subprocess.DEVNULL).returncode == 0
        try:
            os.readlink("/proc/1/root")
            open("/proc/1/mem").close()
            rights["trace"] = True
        except OSError:
            rights["trace"] = False
        files = os.listdir("/proc/self/fd")
        rights["files"] = sorted(int(f) for f in files if os.path.exists("/proc/self/fd/" + f) or int(f) < 4)
        return rights
    if do == "home":
        return os.path.exists(event["path"])
    return "fine"
`

func start(t *testing.T, h *sandboxtest.Host, change func(*sandbox.Function)) sandbox.Environment {
	t.Helper()
	sandboxtest.Need(t, "python3.12")
	fn := h.Function("python3.12", "app.handler", map[string]string{"app.py": python})
	if change != nil {
		change(fn)
	}
	return h.Start(t, fn)
}

// A function may print as much as it likes: nothing is kept but the last lines.
func TestFloodOfOutput(t *testing.T) {
	h := sandboxtest.NewHost(t, open)
	e := start(t, h, func(fn *sandbox.Function) { fn.TimeoutSeconds = 60 })
	r := invoke(t, e, `{"do": "print", "mb": `+strconv.Itoa(floodMB)+`}`)
	if r.FunctionError != "" {
		t.Fatalf("%s", r.Payload)
	}
	if n := len(r.LogTail); n != 4096 || !strings.Contains(string(r.LogTail), "REPORT RequestId") {
		t.Errorf("log tail of %d bytes", n)
	}
	r = invoke(t, e, `{"do": "long line"}`)
	for line := range strings.Lines(h.Log(e.LogStream())) {
		if len(line) > 600*1024+1 {
			t.Errorf("line of %d bytes", len(line))
		}
	}
	if r.FunctionError != "" {
		t.Fatalf("%s", r.Payload)
	}
}

func TestMemoryLimit(t *testing.T) {
	h := sandboxtest.NewHost(t, open)
	e := start(t, h, func(fn *sandbox.Function) { fn.MemoryMB = 128; fn.TimeoutSeconds = 60 })
	r := invoke(t, e, `{"do": "eat"}`)
	if r.ErrorType != "Runtime.ExitError" || !strings.Contains(string(r.Payload), "Runtime exited with error: signal: killed") {
		t.Fatalf("%s %s", r.ErrorType, r.Payload)
	}
	if r.MaxMemoryMB != 128 {
		t.Errorf("max memory used: %d MB", r.MaxMemoryMB)
	}
	if r := invoke(t, e, `{"do": "nothing"}`); string(r.Payload) != `"fine"` {
		t.Errorf("after the kill: %s", r.Payload)
	}
}

// Everything a function started ends with its environment, also what left its
// process group.
func TestForks(t *testing.T) {
	for _, isolation := range isolations(t) {
		t.Run(isolation, func(t *testing.T) {
			h := sandboxtest.NewHost(t, with(isolation))
			fn := h.Function("provided.al2023", "x", map[string]string{"bootstrap": "#!/bin/sh\nsetsid sleep 617 &\nexec sleep 617\n"})
			e := h.Start(t, fn)
			waitFor(t, func() bool { return sleepers() == 2 })
			e.Close()
			waitFor(t, func() bool { return sleepers() == 0 })
		})
	}
}

// An init phase that takes too long is repeated within the invocation, under the
// function's timeout.
func TestSlowInit(t *testing.T) {
	h := sandboxtest.NewHost(t, func(o sandbox.Options) (sandbox.Driver, error) {
		p, err := sandbox.NewProcess(o)
		if err == nil {
			p.SetInitLimit(100 * time.Millisecond)
		}
		return p, err
	})
	fn := h.Function("provided.al2023", "x", map[string]string{"bootstrap": "#!/bin/sh\nexec sleep 600\n"})
	fn.TimeoutSeconds = 1
	e := h.Start(t, fn)
	r := invoke(t, e, "{}")
	if r.ErrorType != "Sandbox.Timedout" || !strings.Contains(string(r.Payload), "Task timed out after 1.00 seconds") {
		t.Errorf("%s", r.Payload)
	}
	if log := h.Log(e.LogStream()); !strings.Contains(log, "\tPhase: init\tStatus: timeout\n") || !strings.Contains(log, "\tStatus: timeout\n") {
		t.Error(log)
	}
}

func TestForkBomb(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a thousand processes")
	}
	h := sandboxtest.NewHost(t, open)
	if !h.Driver.Describe().Strong {
		t.Skip("no process isolation here")
	}
	e := start(t, h, func(fn *sandbox.Function) { fn.MemoryMB = 3008; fn.TimeoutSeconds = 60 })
	if r := invoke(t, e, `{"do": "fork bomb"}`); r.ErrorType != "Runtime.ExitError" {
		t.Fatalf("%s %s", r.ErrorType, r.Payload)
	}
}

// With isolation nothing but /tmp is writable, each environment has its own,
// and homes are hidden.
func TestIsolation(t *testing.T) {
	for _, isolation := range strong(t) {
		t.Run(isolation, func(t *testing.T) { testIsolation(t, isolation) })
	}
}

func testIsolation(t *testing.T, isolation string) {
	h := sandboxtest.NewHost(t, with(isolation))
	secret := t.TempDir() // below the host's /tmp
	a, b := start(t, h, nil), start(t, h, nil)
	r := invoke(t, a, `{"do": "write", "paths": ["/var/task/x", "/var/runtime/x", "/etc/x", "/usr/x", "/x", "/var/x", "/home/x", "/tmp/mine"]}`)
	if got, want := string(r.Payload), `["/var/task/x", "/var/runtime/x", "/etc/x", "/usr/x", "/x", "/var/x", "/home/x"]`; got != want {
		t.Errorf("denied %s, want %s", got, want)
	}
	if r := invoke(t, a, `{"do": "tmp"}`); string(r.Payload) != `["mine"]` {
		t.Errorf("own /tmp holds %s", r.Payload)
	}
	if r := invoke(t, b, `{"do": "tmp"}`); string(r.Payload) != `[]` {
		t.Errorf("another's /tmp holds %s", r.Payload)
	}
	if r := invoke(t, a, `{"do": "home", "path": "`+secret+`"}`); string(r.Payload) != "false" {
		t.Errorf("%s is visible", secret)
	}
	if isolation != "namespaces" {
		return // how bubblewrap takes rights away is its own affair
	}
	r = invoke(t, a, `{"do": "rights"}`)
	if got, want := string(r.Payload), `{"CapInh": "0", "CapPrm": "0", "CapEff": "0", "CapBnd": "0", "CapAmb": "0", "NoNewPrivs": "1", "mount": false, "trace": false, "files": [0, 1, 2, 3]}`; got != want {
		t.Errorf("rights %s, want %s", got, want)
	}
}

// Nothing that a function's variables say to a program reaches the first stage,
// which has rights outside.
func TestFirstStageEnvironment(t *testing.T) {
	for _, isolation := range strong(t) {
		t.Run(isolation, func(t *testing.T) {
			h := sandboxtest.NewHost(t, with(isolation))
			fn := h.Function("provided.al2023", "x", map[string]string{
				"bootstrap": "#!/bin/sh\necho variables $GOMAXPROCS $GOGC $GOMEMLIMIT $GOTRACEBACK\nexec sleep 600\n"})
			fn.Env = map[string]string{"GOMEMLIMIT": "nonsense", "GOTRACEBACK": "crash"}
			e := h.Start(t, fn)
			waitFor(t, func() bool { return strings.Contains(h.Log(e.LogStream()), "variables nonsense crash\n") })
		})
	}
}

// A memory limit and the ends of processes are the function's, not those of
// what isolates it.
func TestIsolatedEnds(t *testing.T) {
	for _, isolation := range strong(t) {
		t.Run(isolation, func(t *testing.T) {
			h := sandboxtest.NewHost(t, with(isolation))
			e := start(t, h, func(fn *sandbox.Function) { fn.MemoryMB = 128; fn.TimeoutSeconds = 60 })
			if r := invoke(t, e, `{"do": "nothing"}`); r.MaxMemoryMB > 40 {
				t.Errorf("max memory used by nothing: %d MB", r.MaxMemoryMB)
			}
			for do, want := range map[string]string{
				"eat": "signal: killed", "kill 9": "signal: killed", "kill 6": "signal: aborted", "kill 15": "signal: terminated", "exit 7": "exit status 7",
			} {
				r := invoke(t, e, `{"do": "`+do+`"}`)
				if !strings.Contains(string(r.Payload), "Runtime exited with error: "+want) {
					t.Errorf("%s: %s", do, r.Payload)
				}
			}
		})
	}
}

// The conformance cases that do not name /var/task hold without isolation too.
func TestPlain(t *testing.T) {
	h := sandboxtest.NewHost(t, with("plain"))
	if d := h.Driver.Describe(); d.Strong || len(d.Lacks) == 0 {
		t.Errorf("a plain process is described as %+v", d)
	}
	e := start(t, h, nil)
	if r := invoke(t, e, `{"do": "nothing"}`); string(r.Payload) != `"fine"` {
		t.Fatalf("%s", r.Payload)
	}
	sandboxtest.Need(t, "nodejs20.x")
	fn := h.Function("nodejs20.x", "index.handler", map[string]string{"index.js": "exports.handler = async () => require('os').tmpdir() === process.env.TMPDIR"})
	if r := invoke(t, h.Start(t, fn), `{}`); string(r.Payload) != "true" {
		t.Fatalf("%s", r.Payload)
	}
}

func TestStartErrors(t *testing.T) {
	h := sandboxtest.NewHost(t, open)
	fn := h.Function("ruby3.3", "x", map[string]string{"x": "x"})
	var missing *sandbox.RuntimeMissingError
	if _, err := h.Driver.Start(t.Context(), fn); !errors.As(err, &missing) || missing.Remedy == "" {
		t.Errorf("ruby: %v", err)
	}
	fn.CodeDigest = strings.Repeat("0", 64)
	if _, err := h.Driver.Start(t.Context(), fn); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("unknown code: %v", err)
	}
	fn.CodeDigest = h.Add([]byte("this is no zip"))
	if _, err := h.Driver.Start(t.Context(), fn); !errors.Is(err, codezip.ErrInvalid) {
		t.Errorf("broken code: %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	bare := sandboxtest.NewHost(t, with("plain"))
	for _, runtime := range []string{"nodejs22.x", "python3.12"} {
		fn := bare.Function(runtime, "x.y", map[string]string{"x": "x"})
		if _, err := bare.Driver.Start(t.Context(), fn); !errors.As(err, &missing) || !strings.Contains(err.Error(), "install") {
			t.Errorf("%s without an interpreter: %v", runtime, err)
		}
	}
}

// A caller that leaves gets its context's error; the invocation ends later.
func TestDetach(t *testing.T) {
	h := sandboxtest.NewHost(t, open)
	sandboxtest.Need(t, "nodejs20.x")
	fn := h.Function("nodejs20.x", "index.handler", map[string]string{
		"index.js": "exports.handler = async (e) => { if (e.wait) await new Promise((r) => setTimeout(r, 100)); return 'done' }"})
	e := h.Start(t, fn)
	invoke(t, e, `{}`)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	got := make(chan *sandbox.Result, 1)
	_, err := e.Invoke(ctx, &sandbox.Invocation{RequestID: "d", Payload: []byte(`{"wait": true}`), Detached: func(r *sandbox.Result, err error) { got <- r }})
	if !errors.Is(err, sandbox.ErrDetached) {
		t.Fatal(err)
	}
	if r := <-got; r == nil || string(r.Payload) != `"done"` {
		t.Fatalf("%+v", r)
	}
}

func TestCloseDuringInvoke(t *testing.T) {
	h := sandboxtest.NewHost(t, open)
	sandboxtest.Need(t, "nodejs20.x")
	fn := h.Function("nodejs20.x", "index.handler", map[string]string{"index.js": "exports.handler = () => { console.log('hangs'); for (;;); }"})
	e := h.Start(t, fn)
	go func() {
		waitFor(t, func() bool { return strings.Contains(h.Log(e.LogStream()), "hangs") })
		e.Close()
	}()
	if _, err := e.Invoke(t.Context(), &sandbox.Invocation{RequestID: "c", Payload: []byte("{}")}); !errors.Is(err, sandbox.ErrClosed) {
		t.Fatal(err)
	}
	if _, err := e.Invoke(t.Context(), &sandbox.Invocation{RequestID: "c", Payload: []byte("{}")}); !errors.Is(err, sandbox.ErrClosed) {
		t.Fatal(err)
	}
}

func with(isolation string) func(sandbox.Options) (sandbox.Driver, error) {
	return func(o sandbox.Options) (sandbox.Driver, error) {
		o.Isolation, o.Reexec = isolation, true
		return sandbox.NewProcess(o)
	}
}

func isolations(t *testing.T) []string { return append(strong(t), "plain") }

// strong lists the isolations that work here and keep environments apart.
func strong(t testing.TB) (names []string) {
	t.Helper()
	for _, name := range []string{"bubblewrap", "namespaces"} {
		p, err := with(name)(sandbox.Options{
			Code: func(context.Context, string) ([]byte, error) { return nil, fs.ErrNotExist },
			Logs: func(*sandbox.Function, string) sandbox.LogWriter { return nil },
		})
		if err != nil {
			t.Log(err)
			continue
		}
		if d := p.Describe(); d.Name != name || !d.Strong {
			t.Errorf("%s is described as %+v", name, d)
		}
		if err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
		names = append(names, name)
	}
	return names
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Error("waited for 10 seconds in vain")
			return
		}
	}
}

// sleepers counts the processes of TestForks.
func sleepers() (n int) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if b, err := os.ReadFile("/proc/" + e.Name() + "/cmdline"); err == nil && string(b) == "sleep\x00617\x00" {
			n++
		}
	}
	return n
}
