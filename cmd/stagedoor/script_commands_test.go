package main

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// daemon is the stagedoor that a script started.
type daemon struct {
	cmd  *exec.Cmd
	gone chan error
}

// running holds a script's daemon, if it has one.
type running struct{ daemon *daemon }

// up [FLAG…] starts "stagedoor up" on a free port and waits until it answers.
// It sets PORT and AWS_ENDPOINT_URL; what it prints goes to up.log.
func up(ts *testscript.TestScript, neg bool, args []string) {
	port := freePort(ts)
	address := "127.0.0.1:" + port
	log, err := os.OpenFile(ts.MkAbs("up.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	ts.Check(err)
	defer log.Close()
	cmd := exec.Command(lookIn(ts.Getenv("PATH"), "stagedoor"), append([]string{"up", "--listen", address}, args...)...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = environ(ts)
	cmd.Stdout, cmd.Stderr = log, log
	ts.Check(cmd.Start())
	d := &daemon{cmd: cmd, gone: make(chan error, 1)}
	go func() { d.gone <- cmd.Wait() }()
	ts.Setenv("PORT", port)
	ts.Setenv("AWS_ENDPOINT_URL", "http://"+address)
	ts.Setenv("STAGEDOOR_ENDPOINT_URL", "http://"+address)
	ts.Setenv("STAGEDOOR_PID", fmt.Sprint(cmd.Process.Pid))
	ts.Value(runningKey{}).(*running).daemon = d
	ts.Defer(func() { stop(ts, syscall.SIGTERM) })
	err = healthy(address, d.gone)
	switch {
	case neg && err == nil:
		ts.Fatalf("stagedoor started, and should not have")
	case !neg && err != nil:
		text, _ := os.ReadFile(ts.MkAbs("up.log"))
		ts.Fatalf("stagedoor did not start: %v\n%s", err, text)
	}
}

type runningKey struct{}

// down ends stagedoor in order and checks that it ended well.
func down(ts *testscript.TestScript, neg bool, args []string) {
	if err := stop(ts, syscall.SIGTERM); err != nil && !neg {
		ts.Fatalf("stagedoor did not shut down cleanly: %v", err)
	}
}

// kill9 ends it as a power cut would.
func kill9(ts *testscript.TestScript, neg bool, args []string) {
	stop(ts, syscall.SIGKILL)
}

func stop(ts *testscript.TestScript, signal os.Signal) error {
	holder := ts.Value(runningKey{}).(*running)
	d := holder.daemon
	if d == nil {
		return nil
	}
	holder.daemon = nil
	d.cmd.Process.Signal(signal)
	select {
	case err := <-d.gone:
		return err
	case <-time.After(20 * time.Second):
		d.cmd.Process.Kill()
		return errors.New("still running 20 seconds later")
	}
}

func healthy(address string, gone <-chan error) error {
	deadline := time.After(20 * time.Second)
	for {
		response, err := http.Get("http://" + address + "/_stagedoor/health")
		if err == nil {
			response.Body.Close()
			return nil
		}
		select {
		case err := <-gone:
			return fmt.Errorf("it ended: %w", errors.Join(err, errors.New("before it answered")))
		case <-deadline:
			return err
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// set NAME COMMAND… runs a command and puts its trimmed output into $NAME.
func set(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: set NAME COMMAND [ARG…]")
	}
	ts.Setenv(args[0], strings.TrimSpace(run(ts, args[1:])))
}

func run(ts *testscript.TestScript, args []string) string {
	program := lookIn(ts.Getenv("PATH"), args[0])
	if program == "" {
		ts.Fatalf("%s is not in the path", args[0])
	}
	cmd := exec.Command(program, args[1:]...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), environ(ts)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		ts.Fatalf("%s: %v\n%s%s", strings.Join(args, " "), err, out, stderr.Bytes())
	}
	return string(out)
}

// get STATUS URL [BODY-PART…] calls a URL below *.localhost or the endpoint and
// checks status and body.
func get(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: get STATUS URL [BODY-PART…]")
	}
	if err := fetch(ts.Getenv("PORT"), args); err != nil {
		ts.Fatalf("%v", err)
	}
}

// eventually ARGS… is get for what AWS, too, does a moment later. It asks for
// five seconds at most.
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	var err error
	for begin := time.Now(); time.Since(begin) < 5*time.Second; {
		if err = fetch(ts.Getenv("PORT"), args); err == nil {
			return
		}
	}
	ts.Fatalf("%v", err)
}

func fetch(port string, args []string) error {
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, "127.0.0.1:"+port)
		},
	}}
	response, err := client.Get(args[1])
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if fmt.Sprint(response.StatusCode) != args[0] {
		return fmt.Errorf("GET %s: status %d, want %s\n%s", args[1], response.StatusCode, args[0], body)
	}
	for _, part := range args[2:] {
		if !strings.Contains(string(body), part) {
			return fmt.Errorf("GET %s: %q is not in the body\n%s", args[1], part, body)
		}
	}
	return nil
}

// zipfile ARCHIVE FILE… packs files, executable, under their base names.
func zipfile(ts *testscript.TestScript, neg bool, args []string) {
	var buf bytes.Buffer
	archive := zip.NewWriter(&buf)
	for _, name := range args[1:] {
		header := &zip.FileHeader{Name: filepath.Base(name), Method: zip.Deflate}
		header.SetMode(0o755)
		w, err := archive.CreateHeader(header)
		ts.Check(err)
		_, err = io.WriteString(w, ts.ReadFile(name))
		ts.Check(err)
	}
	ts.Check(archive.Close())
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), buf.Bytes(), 0o644))
}

// bootstrap FILE writes the example's Go function, compiled.
func bootstrap(ts *testscript.TestScript, neg bool, args []string) {
	data, err := compiled()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o755))
}

var compiled = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "stagedoor-bootstrap-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "bootstrap")
	build := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", out, "github.com/stagedoor/stagedoor/examples/stages/functions/go")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, text)
	}
	return os.ReadFile(out)
})

func freePort(ts *testscript.TestScript) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	ts.Check(err)
	return port
}

// environ is the script's environment; testscript keeps it to itself, so the
// names that matter are named here.
func environ(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{
		"PATH", "HOME", "XDG_DATA_HOME", "TMPDIR", "NO_COLOR", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
		"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PAGER", "AWS_MAX_ATTEMPTS", "AWS_EC2_METADATA_DISABLED",
		"AWS_ENDPOINT_URL", "STAGEDOOR_ENDPOINT_URL", "TF_CLI_CONFIG_FILE", "CHECKPOINT_DISABLE",
	} {
		if value := ts.Getenv(name); value != "" || name == "AWS_PAGER" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

func lookIn(path, program string) string {
	dirs := filepath.SplitList(path)
	i := slices.IndexFunc(dirs, func(dir string) bool {
		info, err := os.Stat(filepath.Join(dir, program))
		return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
	})
	if i < 0 {
		return ""
	}
	return filepath.Join(dirs[i], program)
}
