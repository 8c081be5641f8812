package sandbox

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stagedoor/stagedoor/runtimeapi"
)

// defaultInitLimit is how long the init phase of a function may take before it
// is started again within the invocation (LDG:lambda-runtime-environment).
const defaultInitLimit = 10 * time.Second

// maxTail is how much of an invocation's log its caller may get (LDG:Invoke,
// LogType).
const maxTail = 4096

// environment implements Environment with processes. A crash or a timeout ends
// its processes, not the environment: as on AWS the next invocation starts the
// runtime again, in the same /tmp and with the same log stream.
type environment struct {
	p      *Process
	fn     *Function
	task   string
	stream string
	log    LogWriter

	initDone chan struct{} // closed when the first init phase is over

	fresh  bool // no invocation yet; only Invoke touches it after Start
	warned bool

	mu    sync.Mutex
	in    *instance // nil: none runs
	fault *fault    // the function cannot be started
	done  chan struct{}
	ended bool

	active atomic.Bool // an init or an invocation is under way: memory is watched

	logMu   sync.Mutex
	tail    []byte
	tailing bool
}

func (e *environment) LogStream() string     { return e.stream }
func (e *environment) Done() <-chan struct{} { return e.done }

// Initialized implements Environment.
func (e *environment) Initialized() <-chan struct{} { return e.initDone }

// tmp is the host's directory behind the environment's /tmp.
func (e *environment) tmp() string {
	return filepath.Join(e.p.tmp, e.stream[strings.LastIndexByte(e.stream, ']')+1:])
}

func (e *environment) setFault(f *fault) {
	e.mu.Lock()
	e.fault, e.fresh = f, true
	e.mu.Unlock()
	close(e.initDone)
}

func (e *environment) setInstance(in *instance) {
	e.mu.Lock()
	ended := e.ended
	if !ended {
		e.in = in
	}
	first := !e.warned
	e.warned, e.fresh = true, first
	e.mu.Unlock()
	if ended {
		in.kill()
		return
	}
	e.setActive()
	if first {
		e.emit(platform{e.fn}.initStart(in.started))
		e.p.wg.Go(func() {
			defer close(e.initDone)
			select {
			case <-in.api.Ready():
			case <-in.api.InitFailed():
			case <-in.exited:
			}
		})
		if note := e.versionNote(); note != "" {
			if _, said := e.p.noted.LoadOrStore(e.fn.ARN+note, true); !said {
				e.p.log.Warn(note, "function", e.fn.Name)
			}
		}
	}
}

func (e *environment) versionNote() string {
	if isProvided(e.fn.Runtime) {
		return ""
	}
	found, err := e.p.interp.forRuntime(e.fn.Runtime)
	if err != nil {
		return ""
	}
	return versionNote(e.fn.Runtime, found)
}

func (e *environment) setActive() {
	if !e.active.Swap(true) {
		e.p.watch.wake()
	}
}

// Close implements Environment.
func (e *environment) Close() {
	e.mu.Lock()
	if e.ended {
		e.mu.Unlock()
		return
	}
	e.ended = true
	in := e.in
	close(e.done)
	e.mu.Unlock()
	e.p.forget(e)
	e.p.wg.Go(func() {
		if in != nil {
			in.kill()
			<-in.exited
		}
		os.RemoveAll(e.tmp())
	})
}

// emit writes to the log stream and, during an invocation that asked for it,
// to the tail.
func (e *environment) emit(lines []LogLine) {
	if len(lines) == 0 {
		return
	}
	e.log.Write(lines...)
	e.logMu.Lock()
	defer e.logMu.Unlock()
	if !e.tailing {
		return
	}
	for _, l := range lines {
		e.tail = append(e.tail, l.Message...)
	}
	if n := len(e.tail); n > 4*maxTail {
		e.tail = append(e.tail[:0], e.tail[n-maxTail:]...)
	}
}

func (e *environment) startTail(on bool) {
	e.logMu.Lock()
	e.tailing, e.tail = on, nil
	e.logMu.Unlock()
}

func (e *environment) takeTail() []byte {
	e.logMu.Lock()
	defer e.logMu.Unlock()
	tail := e.tail
	e.tailing, e.tail = false, nil
	return tail[max(0, len(tail)-maxTail):]
}

// call is one invocation under way.
type call struct {
	in       *Invocation
	begun    time.Time
	deadline time.Time
	initTook time.Duration // of an init phase before the invocation
	dead     bool
}

// Invoke implements Environment.
func (e *environment) Invoke(ctx context.Context, in *Invocation) (*Result, error) {
	e.mu.Lock()
	ended, inst, broken, fresh := e.ended, e.in, e.fault, e.fresh
	e.fresh = false
	e.mu.Unlock()
	if ended {
		return nil, ErrClosed
	}
	e.startTail(in.LogTail)
	e.setActive()
	if in.Detached == nil {
		ctx = context.WithoutCancel(ctx)
	}
	c := &call{in: in}
	if broken != nil {
		defer e.active.Store(false)
		return e.brokenStart(c, broken), nil
	}
	if fresh {
		c.initTook = e.firstInit(inst)
	}
	c.begun = time.Now()
	c.deadline = c.begun.Add(e.timeout())
	inst, initFault, err := e.revive(c)
	if err != nil {
		e.active.Store(false)
		return nil, err
	}
	e.emit(platform{e.fn}.start(c.begun, in.RequestID))
	if initFault != nil {
		defer e.active.Store(false)
		return e.finish(c, inst, initFault.payload, initFault.fault), nil
	}
	return e.run(ctx, c, inst)
}

// firstInit waits for the end of the environment's init phase and returns how
// long it took; 0 when it failed, which the invocation then repeats.
func (e *environment) firstInit(in *instance) time.Duration {
	f := e.awaitInit(in, e.p.initLimit)
	if f == nil {
		return in.api.ReadyAt().Sub(in.started)
	}
	e.endInstance(in)
	e.emit(platform{e.fn}.initReport(time.Now(), time.Since(in.started), "init", f.status(), f.shownType()))
	return 0
}

func (e *environment) timeout() time.Duration {
	return time.Duration(max(1, e.fn.TimeoutSeconds)) * time.Second
}

// initFailure is a failed init phase.
type initFailure struct {
	fault   *fault
	payload []byte // what the runtime posted to init/error, else nil
}

func (f *initFailure) status() string {
	if f.fault.typ == typeTimeout {
		return "timeout"
	}
	return "error"
}

func (f *initFailure) shownType() string {
	if f.fault.typ == typeTimeout {
		return ""
	}
	return reportedType(f.fault.typ)
}

// awaitInit waits for the end of in's init phase; nil: it succeeded.
func (e *environment) awaitInit(in *instance, limit time.Duration) *initFailure {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-in.api.Ready():
		return nil
	case <-in.api.InitFailed():
		o := in.api.InitError()
		return &initFailure{fault: &fault{typ: reportedType(o.ErrorType)}, payload: o.Payload}
	case <-in.exited:
		select { // what it said last counts more than that it ended
		case <-in.api.InitFailed():
			o := in.api.InitError()
			return &initFailure{fault: &fault{typ: reportedType(o.ErrorType)}, payload: o.Payload}
		default:
		}
		return &initFailure{fault: &fault{typeExit, in.exitText()}}
	case <-timer.C:
		return &initFailure{fault: &fault{typeTimeout, timedOut(e.timeout())}}
	}
}

// revive returns a running instance. When the last one ended, a new one goes
// through its init phase within the invocation ("suppressed init"), under the
// function's timeout and without an Init Duration of its own.
func (e *environment) revive(c *call) (*instance, *initFailure, error) {
	e.mu.Lock()
	in := e.in
	e.mu.Unlock()
	if in != nil {
		select {
		case <-in.exited:
		default:
			return in, nil, nil
		}
		e.endInstance(in)
	}
	if err := e.launch(context.Background()); err != nil {
		return nil, nil, err
	}
	e.mu.Lock()
	in, e.fresh = e.in, false
	e.mu.Unlock()
	if in == nil {
		return nil, nil, ErrClosed
	}
	f := e.awaitInit(in, time.Until(c.deadline))
	if f == nil {
		return in, nil, nil
	}
	e.endInstance(in)
	if f.fault.typ != typeTimeout {
		e.emit(platform{e.fn}.initReport(time.Now(), time.Since(in.started), "invoke", f.status(), f.shownType()))
	}
	return in, f, nil
}

// endInstance kills in and takes its last log lines.
func (e *environment) endInstance(in *instance) {
	if in == nil {
		return
	}
	in.kill()
	<-in.exited
	e.mu.Lock()
	if e.in == in {
		e.in = nil
	}
	e.mu.Unlock()
}

// run hands the invocation to the runtime.
func (e *environment) run(ctx context.Context, c *call, in *instance) (*Result, error) {
	limited, cancel := context.WithDeadline(ctx, c.deadline)
	defer cancel()
	arn := c.in.InvokedARN
	if arn == "" {
		arn = e.fn.ARN
	}
	inv := &runtimeapi.Invocation{
		ID: c.in.RequestID, InvokedARN: arn, TraceID: c.in.TraceID, ClientContext: c.in.ClientContext,
		CognitoIdentity: c.in.CognitoIdentity, Deadline: c.deadline, Payload: c.in.Payload,
	}
	o, err := in.api.Invoke(limited, inv)
	if err != nil && ctx.Err() != nil && time.Now().Before(c.deadline) {
		e.p.wg.Go(func() {
			limited, cancel := context.WithDeadline(context.Background(), c.deadline)
			defer cancel()
			o, err := in.api.Wait(limited, inv)
			c.in.Detached(e.conclude(context.Background(), c, in, o, err))
		})
		return nil, ErrDetached
	}
	return e.conclude(ctx, c, in, o, err)
}

// conclude turns what became of an invocation into its result.
func (e *environment) conclude(ctx context.Context, c *call, in *instance, o runtimeapi.Outcome, err error) (*Result, error) {
	defer e.active.Store(false)
	switch {
	case err == nil:
		return e.answered(c, in, o), nil
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		e.endInstance(in)
		return e.finish(c, in, nil, &fault{typeTimeout, timedOut(e.timeout())}), nil
	case !errors.Is(err, runtimeapi.ErrLost) && !errors.Is(err, runtimeapi.ErrClosed):
		return nil, err
	}
	e.mu.Lock()
	ended := e.ended
	e.mu.Unlock()
	if ended {
		return nil, ErrClosed
	}
	e.endInstance(in)
	if errors.Is(err, runtimeapi.ErrClosed) { // it died before it saw the invocation
		return e.again(ctx, c)
	}
	return e.finish(c, in, nil, &fault{typeExit, in.exitText()}), nil
}

// again starts the runtime anew for an invocation that the old one never saw.
func (e *environment) again(ctx context.Context, c *call) (*Result, error) {
	in, f, err := e.revive(c)
	if err != nil {
		return nil, err
	}
	if f != nil {
		return e.finish(c, in, f.payload, f.fault), nil
	}
	e.setActive()
	return e.run(ctx, c, in)
}

// answered ends an invocation that the runtime answered.
func (e *environment) answered(c *call, in *instance, o runtimeapi.Outcome) *Result {
	took := time.Since(c.begun)
	in.logs.drain()
	r := &Result{Payload: o.Payload, Duration: took, InitDuration: c.initTook, MaxMemoryMB: e.memory(in, took)}
	status := "success"
	if o.Failed {
		r.FunctionError, r.ErrorType, status = "Unhandled", o.ErrorType, "error"
	}
	shown := ""
	if o.ErrorType == "Function.ResponseSizeTooLarge" {
		shown = o.ErrorType
	}
	e.report(r, c, status, shown)
	return r
}

// finish ends an invocation that the host had to end.
func (e *environment) finish(c *call, in *instance, payload []byte, f *fault) *Result {
	took := time.Since(c.begun)
	status := "error"
	if f.typ == typeTimeout {
		took, status = e.timeout(), "timeout" // AWS reports the timeout itself: "Duration: 3000.00 ms"
	}
	r := &Result{Payload: payload, FunctionError: "Unhandled", ErrorType: f.typ, Duration: took, InitDuration: c.initTook}
	if in != nil {
		r.MaxMemoryMB = e.memory(in, 0)
	}
	if payload == nil {
		r.Payload = f.payload(c.in.RequestID)
		e.emit(platform{e.fn}.failure(time.Now(), c.in.RequestID, f))
	}
	shown := ""
	if status == "error" {
		shown = reportedType(f.typ)
	}
	e.report(r, c, status, shown)
	return r
}

func (e *environment) report(r *Result, c *call, status, errorType string) {
	e.emit(platform{e.fn}.end(time.Now(), ending{
		id: c.in.RequestID, took: r.Duration, initTook: c.initTook, memoryMB: r.MaxMemoryMB, status: status, errorType: errorType,
	}))
	if c.in.LogTail {
		r.LogTail = e.takeTail()
	}
	r.Dead = c.dead
}

// brokenStart answers for a function that cannot be started at all (no
// bootstrap in its code): the failed init of AWS, without a process.
func (e *environment) brokenStart(c *call, f *fault) *Result {
	c.begun = time.Now()
	c.dead = true
	p := platform{e.fn}
	e.emit(p.initReport(c.begun, 0, "init", "error", f.typ))
	e.emit(p.start(c.begun, c.in.RequestID))
	return e.finish(c, nil, nil, f)
}

func timedOut(d time.Duration) string {
	return "Task timed out after " + formatSeconds(d) + " seconds"
}
