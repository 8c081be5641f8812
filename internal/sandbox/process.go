package sandbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// Process is the Driver that runs functions as processes of this machine.
type Process struct {
	o       Options
	log     *slog.Logger
	dir     string // cache: code/, runtime-…/
	tmp     string // this driver's own: /tmp directories where the isolation has no tmpfs
	ownDir  bool   // dir is temporary
	runtime string // the loaders' directory
	iso     isolator
	interp  *interpreters

	codes codeCache
	watch memoryWatch
	noted sync.Map // version notes that were logged, by function

	initLimit time.Duration

	mu     sync.Mutex
	envs   map[*environment]struct{}
	closed bool
	wg     sync.WaitGroup
}

// isolator turns a command into one that runs isolated.
type isolator interface {
	describe() Isolation
	// wrap completes c: the program and its arguments as seen from outside,
	// and what the function sees as task root and /tmp.
	wrap(c *command) error
}

// command is a program to start, as the function sees it.
type command struct {
	argv     []string          // program and arguments; wrap turns inside into outside
	env      map[string]string // what the program itself needs
	prefixes []string          // directory trees the program needs besides the system's
	taskDir  string            // host directory with the code
	tmpDir   string            // host directory for /tmp; made by wrap
	runtime  string            // host directory with the loaders
	// Set by wrap: the same directories as the function sees them.
	taskRoot, runtimeIn, tmpIn string
	relays                     bool            // what is started runs argv as its child and exits with 128 + a signal of it
	outer                      func(*exec.Cmd) // completes what is started; may be nil
}

// NewProcess returns the process driver. It finds out which isolation works
// here; Options.Isolation demands one.
func NewProcess(o Options) (*Process, error) {
	if o.Code == nil || o.Logs == nil {
		return nil, errors.New("sandbox: Options.Code and Options.Logs are required")
	}
	p := &Process{o: o, log: o.Logger, dir: o.CacheDir, envs: map[*environment]struct{}{}, interp: newInterpreters(), initLimit: defaultInitLimit}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if p.dir == "" {
		p.ownDir = true
		if p.dir, err = os.MkdirTemp("", "stagedoor-code-"); err != nil {
			return nil, fmt.Errorf("sandbox: making a directory for code: %w", err)
		}
	}
	if p.dir, err = filepath.Abs(p.dir); err == nil {
		err = os.MkdirAll(filepath.Join(p.dir, "code"), 0o755)
	}
	if err != nil {
		return nil, fmt.Errorf("sandbox: preparing the code directory %s: %w", p.dir, err)
	}
	if p.runtime, err = writeLoaders(p.dir); err != nil {
		return nil, p.abandon(fmt.Errorf("sandbox: writing the runtime loaders: %w", err))
	}
	if p.tmp, err = os.MkdirTemp("", "stagedoor-tmp-"); err != nil {
		return nil, p.abandon(fmt.Errorf("sandbox: making a directory for functions' /tmp: %w", err))
	}
	p.codes = codeCache{dir: filepath.Join(p.dir, "code"), load: o.Code}
	if p.iso, err = chooseIsolation(o, p.tmp); err != nil {
		return nil, p.abandon(err)
	}
	p.watch = memoryWatch{p: p, stop: make(chan struct{})}
	// Which interpreters there are is asked in the background: starting them
	// for their version takes longer than all the rest of a start.
	p.wg.Go(p.interp.probe)
	return p, nil
}

func (p *Process) abandon(err error) error {
	if p.tmp != "" {
		os.RemoveAll(p.tmp)
	}
	if p.ownDir {
		os.RemoveAll(p.dir)
	}
	return err
}

// Describe implements Driver.
func (p *Process) Describe() Isolation {
	d := p.iso.describe()
	d.Notes = append(d.Notes, p.interp.notes()...)
	return d
}

// Start implements Driver.
func (p *Process) Start(ctx context.Context, fn *Function) (Environment, error) {
	task, err := p.codes.get(ctx, fn.CodeDigest)
	if err != nil {
		return nil, fmt.Errorf("code of %s: %w", fn.Name, err)
	}
	e := &environment{p: p, fn: fn, task: task, done: make(chan struct{}), initDone: make(chan struct{}), stream: streamName(fn)}
	e.log = p.o.Logs(fn, e.stream)
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, ErrClosed
	}
	p.envs[e] = struct{}{}
	p.mu.Unlock()
	if err := e.launch(ctx); err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// Close implements Driver.
func (p *Process) Close(ctx context.Context) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	close(p.watch.stop)
	envs := make([]*environment, 0, len(p.envs))
	for e := range p.envs {
		envs = append(envs, e)
	}
	p.mu.Unlock()
	for _, e := range envs {
		e.Close()
	}
	ended := make(chan struct{})
	go func() { p.wg.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-ctx.Done():
		return fmt.Errorf("sandbox: processes of functions have not ended: %w", ctx.Err())
	}
	p.abandon(nil)
	return nil
}

func (p *Process) forget(e *environment) {
	p.mu.Lock()
	delete(p.envs, e)
	p.mu.Unlock()
}
