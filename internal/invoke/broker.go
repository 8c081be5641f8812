package invoke

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stagedoor/stagedoor/internal/logs"
	"github.com/stagedoor/stagedoor/internal/metrics"
	"github.com/stagedoor/stagedoor/internal/sandbox"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// Options tunes New; the zero value is AWS's behaviour.
type Options struct {
	// AccountConcurrency is how many calls may run at once in one account and
	// region. 0: 1000.
	AccountConcurrency int
	// Idle is how long an environment stays warm without calls. 0: 10 minutes.
	Idle time.Duration
	// Starts is how many environments may be starting at once. 0: twice the
	// processors.
	Starts int
	// AsyncQueue bounds the accepted asynchronous invocations, AsyncWorkers how
	// many of them run at once. 0: 10,000 and four times the processors.
	AsyncQueue, AsyncWorkers int
	// RetryDelays are the waits before the retries of an asynchronous invocation
	// whose function failed. nil: one minute, then two.
	RetryDelays []time.Duration
	// Random chooses among an alias's versions, in [0, 1). nil: math/rand.
	Random func() float64
	// Now is the clock of idle times and event ages. nil: time.Now.
	Now func() time.Time
	// Metrics counts calls. Nil: nothing is counted.
	Metrics Meter
	Logger  *slog.Logger // nil: discarded
}

// Meter counts calls of functions; *metrics.Metrics is one. It must neither
// block nor keep c.
type Meter interface {
	FunctionCall(c *metrics.FunctionCall)
}

// Broker runs invocations. New makes it, Close ends it.
type Broker struct {
	o      Options
	driver sandbox.Driver
	logs   *logs.Logs
	log    *slog.Logger
	now    func() time.Time
	random func() float64

	functions *store.View[*function]
	versions  *store.View[*version]
	limits    *limits

	pools       sync.Map      // poolKey → *pool
	concurrency sync.Map      // functionKey → *atomic.Int64, how many calls are under way
	starting    chan struct{} // a place for each start under way

	queue    chan *event
	accepted atomic.Int64 // asynchronous events on their way

	closed  atomic.Bool
	stop    chan struct{}
	wg      sync.WaitGroup // goroutines
	calls   sync.WaitGroup // running invocations
	closing sync.RWMutex   // read-held while a call is counted in
}

// New returns a Broker that runs the functions recorded in s on d. l takes what
// the broker has to say in a function's own log; nil leaves it out.
func New(s *store.Store, d sandbox.Driver, l *logs.Logs, o Options) *Broker {
	o = withDefaults(o)
	b := &Broker{
		o: o, driver: d, logs: l, log: o.Logger, now: o.Now, random: o.Random,
		limits:   newLimits(o.AccountConcurrency),
		starting: make(chan struct{}, o.Starts),
		queue:    make(chan *event, o.AsyncQueue),
		stop:     make(chan struct{}),
	}
	b.functions = store.NewView(s, state.Functions, compileFunction)
	b.versions = store.NewView(s, state.FunctionVersions, compileVersion)
	store.OnChange(s, state.Functions, b.functionChanged)
	for range o.AsyncWorkers {
		b.wg.Go(b.runEvents)
	}
	b.wg.Go(b.reap)
	return b
}

func withDefaults(o Options) Options {
	if o.AccountConcurrency == 0 {
		o.AccountConcurrency = 1000
	}
	if o.Idle == 0 {
		o.Idle = 10 * time.Minute
	}
	if o.Starts == 0 {
		o.Starts = 2 * runtime.GOMAXPROCS(0)
	}
	if o.AsyncQueue == 0 {
		o.AsyncQueue = 10_000
	}
	if o.AsyncWorkers == 0 {
		o.AsyncWorkers = 4 * runtime.GOMAXPROCS(0)
	}
	if o.RetryDelays == nil {
		o.RetryDelays = []time.Duration{time.Minute, 2 * time.Minute}
	}
	if o.Random == nil {
		o.Random = mathrand.Float64
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Invoke runs one invocation and waits for its answer. When ctx ends first, its
// error is returned and the invocation goes on, as on AWS. Errors are the kinds
// above; what the function does wrong is a Result.
func (b *Broker) Invoke(ctx context.Context, r *Request) (*Result, error) {
	if len(r.Payload) > MaxSyncPayload {
		return nil, &PayloadError{Size: len(r.Payload), Limit: MaxSyncPayload}
	}
	f, v, err := b.resolve(r)
	if err != nil {
		return nil, err
	}
	if !b.enter() {
		return nil, ErrClosed
	}
	c := &call{Request: *r, version: v}
	c.running, err = b.limits.acquire(r, f.reserved)
	if err != nil {
		b.calls.Done()
		c.counted.Throttled = true
		b.count(c)
		return nil, err
	}
	b.complete(&c.Request)
	return b.run(ctx, c)
}

// enter counts a call in, unless the broker is closed.
func (b *Broker) enter() bool {
	b.closing.RLock()
	defer b.closing.RUnlock()
	if b.closed.Load() {
		return false
	}
	b.calls.Add(1)
	return true
}

// call is one invocation under way.
type call struct {
	Request
	version *version
	running *atomic.Int64 // of limits: this call counts in it
	counted metrics.FunctionCall
}

// end counts the call out.
func (b *Broker) end(p *pool, c *call) {
	p.running.Add(-1)
	c.running.Add(-1)
	b.calls.Done()
}

// ran counts a call that has run; what it ran into before, a host that cannot
// start the function, is no invocation (Lambda-DG: monitoring-metrics-types).
func (b *Broker) ran(c *call, res *sandbox.Result) {
	c.counted.Err, c.counted.Duration = res.FunctionError != "", res.Duration
	b.count(c)
}

// count tells the meter.
func (b *Broker) count(c *call) {
	if b.o.Metrics == nil {
		return
	}
	c.counted.Account, c.counted.Region, c.counted.Function = c.Account, c.Region, c.Function
	c.counted.Qualifier, c.counted.ExecutedVersion = c.Qualifier, c.version.name
	b.o.Metrics.FunctionCall(&c.counted)
}

// run runs a call that was counted in.
func (b *Broker) run(ctx context.Context, r *call) (*Result, error) {
	v := r.version
	p := b.pool(poolKey{r.Account, r.Region, r.Function, v.name})
	r.counted.Concurrent = int(p.running.Add(1))
	for attempt := 0; ; attempt++ {
		s, err := p.take(ctx, v)
		if err != nil {
			b.end(p, r)
			return nil, b.startFailed(ctx, v, err)
		}
		in := &sandbox.Invocation{
			RequestID: r.RequestID, InvokedARN: r.InvokedARN, TraceID: r.TraceID,
			ClientContext: r.ClientContext, Payload: r.Payload, LogTail: r.LogTail,
		}
		if ctx.Done() != nil {
			in.Detached = func(res *sandbox.Result, err error) {
				if err == nil {
					b.ran(r, res)
				}
				p.give(s)
				b.end(p, r)
			}
		}
		res, err := s.env.Invoke(ctx, in)
		switch {
		case err == nil:
			if res.Dead {
				s.env.Close()
			} else {
				p.give(s)
			}
			b.ran(r, res)
			b.end(p, r)
			return result(&r.Request, v, res), nil
		case errors.Is(err, sandbox.ErrDetached):
			return nil, ctx.Err()
		case errors.Is(err, sandbox.ErrClosed) && attempt < 3 && !b.closed.Load():
			s.env.Close() // it ended between two calls: the next one, please
		default:
			s.env.Close()
			b.end(p, r)
			return nil, b.startFailed(ctx, v, err)
		}
	}
}

func result(r *Request, v *version, res *sandbox.Result) *Result {
	return &Result{
		Payload: res.Payload, FunctionError: res.FunctionError, ErrorType: res.ErrorType,
		ExecutedVersion: v.name, LogTail: res.LogTail, RequestID: r.RequestID, Duration: res.Duration,
	}
}

// startFailed turns an error of the host into the caller's, and tells the
// function's log: that is where its owner looks.
func (b *Broker) startFailed(ctx context.Context, v *version, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, sandbox.ErrClosed) {
		return ErrClosed
	}
	b.log.Error("a function cannot be started", "function", v.fn.Name, "error", err)
	if b.logs != nil {
		b.logs.Writer(v.fn.Account, v.fn.Region, v.fn.LogGroup, "stagedoor").Write(
			logs.Event{Millis: b.now().UnixMilli(), Message: "stagedoor cannot start this function: " + err.Error() + "\n"})
	}
	return &NotReadyError{Function: v.fn.Name, Err: err}
}

// complete fills in what the caller left to the broker.
func (b *Broker) complete(r *Request) {
	if r.RequestID == "" {
		r.RequestID = newRequestID()
	}
	if r.TraceID == "" {
		r.TraceID = b.newTraceID()
	}
	if len(r.Payload) == 0 {
		r.Payload = []byte("{}") // what a function gets from a call without payload
	}
	if r.InvokedARN == "" {
		r.InvokedARN = functionARN(r.Account, r.Region, r.Function, r.Qualifier)
	}
}

// newRequestID makes a random UUID. It names a call and is no secret: the
// operating system's generator, for which every call's new goroutine grew its
// stack, was 6 % of the processor time of a request.
func newRequestID() string {
	var u [16]byte
	randomize(u[:])
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	b := make([]byte, 0, 36)
	for i, part := range [...][]byte{u[:4], u[4:6], u[6:8], u[8:10], u[10:]} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, part)
	}
	return string(b)
}

// randomize fills b from the generator of math/rand/v2, ChaCha8 seeded by the
// operating system.
func randomize(b []byte) {
	var word [8]byte
	for len(b) > 0 {
		binary.LittleEndian.PutUint64(word[:], mathrand.Uint64())
		b = b[copy(b, word[:]):]
	}
}

// newTraceID makes the X-Ray header of a call that brought none
// (X-Ray developer guide, "Tracing header").
func (b *Broker) newTraceID() string {
	var u [20]byte
	randomize(u[:])
	return fmt.Sprintf("Root=1-%08x-%x;Parent=%x;Sampled=0", b.now().Unix(), u[:12], u[12:])
}

func (b *Broker) pool(k poolKey) *pool {
	if p, ok := b.pools.Load(k); ok {
		return p.(*pool)
	}
	running, _ := b.concurrency.LoadOrStore(functionKey{k.account, k.region, k.function}, new(atomic.Int64))
	p, _ := b.pools.LoadOrStore(k, &pool{b: b, key: k, running: running.(*atomic.Int64)})
	return p.(*pool)
}

// functionChanged retires what a changed or deleted function had running; the
// store calls it in the order of changes, so it hands the work on.
func (b *Broker) functionChanged(key state.Key, old, now *state.Function, _ uint64) {
	rec := now
	if rec == nil {
		rec = old
	}
	if rec == nil || b.closed.Load() {
		return
	}
	b.limits.reserve(regionKey{rec.Account, rec.Region}, reservedOf(old), reservedOf(now))
	if old == nil {
		return
	}
	if now == nil || now.ID != old.ID { // deleted, or created anew under its name
		b.pools.Range(func(k, v any) bool {
			if k := k.(poolKey); k.account == rec.Account && k.region == rec.Region && k.function == rec.Name {
				v.(*pool).retire(func(*slot) bool { return true })
			}
			return true
		})
		return
	}
	if p, ok := b.pools.Load(poolKey{rec.Account, rec.Region, rec.Name, "$LATEST"}); ok {
		signature := compileConfig(now.Account, now.Region, now.Name, now.ID, &now.Latest).signature
		p.(*pool).retire(func(s *slot) bool { return s.signature != signature })
	}
}

// reap closes environments that were idle for too long.
func (b *Broker) reap() {
	ticker := time.NewTicker(max(b.o.Idle/4, time.Second))
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			b.reapOnce()
		case <-b.stop:
			return
		}
	}
}

func (b *Broker) reapOnce() {
	limit := b.now().Add(-b.o.Idle)
	b.pools.Range(func(_, v any) bool {
		v.(*pool).retire(func(s *slot) bool { return s.since.Before(limit) })
		return true
	})
}

// Close refuses new invocations, lets the running ones end (until ctx does) and
// closes every environment. Asynchronous invocations that have not begun are
// lost, which is logged.
func (b *Broker) Close(ctx context.Context) error {
	b.closing.Lock()
	again := b.closed.Swap(true)
	b.closing.Unlock()
	if again {
		return nil
	}
	close(b.stop)
	ended := make(chan struct{})
	go func() { b.calls.Wait(); close(ended) }()
	var err error
	select {
	case <-ended:
	case <-ctx.Done():
		err = fmt.Errorf("invocations are still running: %w", ctx.Err())
	}
	b.pools.Range(func(_, v any) bool {
		v.(*pool).retire(func(*slot) bool { return true })
		return true
	})
	if lost := b.accepted.Load(); lost > 0 {
		b.log.Warn("asynchronous invocations are lost at the end", "count", lost)
	}
	if err == nil {
		b.wg.Wait()
	}
	return err
}

// FunctionLogs is sandbox.Options.Logs over l.
func FunctionLogs(l *logs.Logs) func(fn *sandbox.Function, stream string) sandbox.LogWriter {
	return func(fn *sandbox.Function, stream string) sandbox.LogWriter {
		return logWriter{l.Writer(fn.Account, fn.Region, fn.LogGroup, stream)}
	}
}

type logWriter struct{ w *logs.Writer }

func (l logWriter) Write(lines ...sandbox.LogLine) {
	var few [4]logs.Event
	events := few[:0]
	for _, line := range lines {
		events = append(events, logs.Event{Millis: line.Millis, Message: line.Message})
	}
	l.w.Write(events...)
}
