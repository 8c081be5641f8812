package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/stagedoor/stagedoor/runtimeapi"
)

// instance is one run of an environment's processes.
type instance struct {
	api     *runtimeapi.Server
	cmd     *exec.Cmd
	logs    *logPipe
	apiAddr string
	started time.Time
	exited  chan struct{} // closed when the process has ended and all it sent was read
	exit    error         // of cmd.Wait; valid once exited is closed
	relays  bool          // see command
	tooBig  atomic.Bool   // killed by the memory watch
	peak    atomic.Int64  // largest memory seen, bytes
	rounds  int           // of the memory watch

	treeMu sync.Mutex
	tree   []int // its processes when they were last looked for
}

// launchGrace is how long what an ended runtime sent may take to be read.
const launchGrace = 200 * time.Millisecond

// launch starts e's program. A *fault means that the function itself is wrong.
func (e *environment) launch(ctx context.Context) error {
	c, err := e.p.command(e.fn, e.task, e.tmp())
	if err != nil {
		var f *fault
		if errors.As(err, &f) {
			e.setFault(f)
			return nil
		}
		return err
	}
	in := &instance{api: runtimeapi.New(), exited: make(chan struct{})}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listening for the Runtime API: %w", err)
	}
	in.apiAddr = listener.Addr().String()
	env, err := e.p.environ(ctx, e.fn, e.stream, in.apiAddr, c)
	if err != nil {
		listener.Close()
		return err
	}
	e.p.wg.Go(func() { in.api.Serve(listener) })
	if err := e.start(in, c, env); err != nil {
		in.api.Close()
		return fmt.Errorf("starting %s: %w", e.fn.Runtime, err)
	}
	e.setInstance(in)
	return nil
}

// start runs the program with the Runtime API on file descriptor 3 (used by our
// loaders, beside the TCP address that every runtime knows) and its output in
// one pipe.
func (e *environment) start(in *instance, c *command, env []string) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer w.Close()
	if in.logs, err = newLogPipe(r, e.emit); err != nil {
		r.Close()
		return err
	}
	in.cmd = &exec.Cmd{
		Path: c.argv[0], Args: c.argv, Env: env, Dir: c.taskDir,
		Stdout: w, Stderr: w, SysProcAttr: processAttributes(),
	}
	if !isProvided(e.fn.Runtime) {
		host, child, err := socketPair()
		if err != nil {
			r.Close()
			return err
		}
		defer child.Close()
		in.cmd.ExtraFiles = []*os.File{child}
		e.p.wg.Go(func() { in.api.ServeConn(host) })
	}
	in.relays = c.relays
	if c.outer != nil {
		c.outer(in.cmd)
	}
	in.started = time.Now()
	if err := in.cmd.Start(); err != nil {
		r.Close()
		return err
	}
	e.p.wg.Go(in.logs.run)
	e.p.wg.Go(func() { in.wait(e.p) })
	return nil
}

// wait notices the end of the process, lets what it sent arrive, and ends
// whatever it left behind.
func (in *instance) wait(p *Process) {
	in.exit = in.cmd.Wait()
	in.killLeftovers(p)
	in.api.Drain(launchGrace)
	in.api.Close()
	in.logs.drain()
	close(in.exited)
	in.logs.r.Close()
}

// kill ends the process and everything it started.
func (in *instance) kill() {
	// The process group: the runtime is the leader of its own session.
	syscall.Kill(-in.cmd.Process.Pid, syscall.SIGKILL)
	in.cmd.Process.Kill()
}

// exitText is how the process ended, in the words of AWS's host.
func (in *instance) exitText() string {
	// unverified: AWS's error type when memory runs out; Runtime.OutOfMemory is
	// reported in places, Runtime.ExitError with this text in more.
	if in.tooBig.Load() {
		return "Runtime exited with error: signal: killed"
	}
	var status *exec.ExitError
	switch {
	case in.exit == nil:
		return "Runtime exited without providing a reason"
	case !errors.As(in.exit, &status):
		return "Runtime exited with error: " + in.exit.Error()
	}
	// bubblewrap and our first stage pass a signal on as 128 + its number, as a
	// shell does.
	if code := status.ExitCode(); code > 128 && code < 128+65 && in.relays {
		sig := syscall.Signal(code - 128)
		switch sig {
		case syscall.SIGKILL, syscall.SIGSEGV, syscall.SIGABRT, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGTERM, syscall.SIGINT:
			return "Runtime exited with error: signal: " + sig.String()
		}
	}
	return "Runtime exited with error: " + status.Error()
}

// socketPair makes the connection that a loader finds as file descriptor 3.
func socketPair() (host net.Conn, child *os.File, err error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	syscall.CloseOnExec(fds[0])
	syscall.CloseOnExec(fds[1])
	ours, child := os.NewFile(uintptr(fds[0]), "runtime-api"), os.NewFile(uintptr(fds[1]), "runtime-api-child")
	defer ours.Close()
	if host, err = net.FileConn(ours); err != nil {
		child.Close()
		return nil, nil, err
	}
	return host, child, nil
}
