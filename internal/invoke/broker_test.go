package invoke

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/stagedoor/stagedoor/internal/sandbox"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
	"github.com/stagedoor/stagedoor/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeDriver starts environments whose invocations run a Go function.
type fakeDriver struct {
	mu      sync.Mutex
	started []*fakeEnv
	handle  func(e *fakeEnv, in *sandbox.Invocation) *sandbox.Result
	start   func(fn *sandbox.Function) error
}

type fakeEnv struct {
	d      *fakeDriver
	n      int
	fn     *sandbox.Function
	done   chan struct{}
	once   sync.Once
	served atomic.Int32
}

func (d *fakeDriver) Start(_ context.Context, fn *sandbox.Function) (sandbox.Environment, error) {
	if d.start != nil {
		if err := d.start(fn); err != nil {
			return nil, err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	e := &fakeEnv{d: d, n: len(d.started), fn: fn, done: make(chan struct{})}
	d.started = append(d.started, e)
	return e, nil
}

func (d *fakeDriver) Describe() sandbox.Isolation { return sandbox.Isolation{} }
func (d *fakeDriver) Close(context.Context) error { return nil }
func (e *fakeEnv) LogStream() string              { return fmt.Sprint(e.n) }
func (e *fakeEnv) Done() <-chan struct{}          { return e.done }
func (e *fakeEnv) Close()                         { e.once.Do(func() { close(e.done) }) }
func (e *fakeEnv) Initialized() <-chan struct{}   { c := make(chan struct{}); close(c); return c }
func (e *fakeEnv) closed() bool {
	select {
	case <-e.done:
		return true
	default:
		return false
	}
}
func (d *fakeDriver) count() int { d.mu.Lock(); defer d.mu.Unlock(); return len(d.started) }

func (e *fakeEnv) Invoke(ctx context.Context, in *sandbox.Invocation) (*sandbox.Result, error) {
	if e.closed() {
		return nil, sandbox.ErrClosed
	}
	e.served.Add(1)
	if in.Detached == nil {
		return e.d.handle(e, in), nil
	}
	c := make(chan *sandbox.Result, 1)
	go func() { c <- e.d.handle(e, in) }()
	select {
	case r := <-c:
		return r, nil
	case <-ctx.Done():
		go func() { in.Detached(<-c, nil) }()
		return nil, sandbox.ErrDetached
	}
}

const (
	account = "123456789012"
	region1 = "us-east-1"
)

func fixture(t *testing.T, o Options, records ...*state.Function) (*Broker, *fakeDriver, *store.Store) {
	t.Helper()
	s := storetest.New(t)
	for _, rec := range records {
		put(t, s, rec)
	}
	d := &fakeDriver{handle: func(e *fakeEnv, in *sandbox.Invocation) *sandbox.Result {
		return &sandbox.Result{Payload: []byte(fmt.Sprintf("%d %s", e.n, e.fn.Version))}
	}}
	b := New(s, d, nil, o)
	t.Cleanup(func() {
		if err := b.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return b, d, s
}

func put(t *testing.T, s *store.Store, rec *state.Function) {
	t.Helper()
	if _, err := store.Put(t.Context(), s, state.FunctionKey(account, region1, rec.Name), rec); err != nil {
		t.Fatal(err)
	}
}

func record(name string) *state.Function {
	return &state.Function{Account: account, Region: region1, Name: name, ID: "id-" + name, Latest: state.FunctionConfig{
		Version: "$LATEST", Runtime: "nodejs20.x", MemoryMB: 128, TimeoutSeconds: 3, State: "Active", CodeDigest: "d1",
	}}
}

func request(name, qualifier string) *Request {
	return &Request{Account: account, Region: region1, Function: name, Qualifier: qualifier, Payload: []byte("{}")}
}

func TestResolve(t *testing.T) {
	rec := record("f")
	rec.Aliases = map[string]*state.Alias{
		"live":   {Name: "live", FunctionVersion: "1"},
		"canary": {Name: "canary", FunctionVersion: "1", RoutingWeights: map[string]float64{"2": 0.1}},
		"gone":   {Name: "gone", FunctionVersion: "7"},
	}
	pending := record("pending")
	pending.Latest.State = "Pending"
	random := 0.5
	b, _, s := fixture(t, Options{Random: func() float64 { return random }}, rec, pending)
	for _, v := range []string{"1", "2", "3"} {
		config := rec.Latest
		config.Version = v
		owner := map[string]string{"3": "another life of f"}[v]
		if owner == "" {
			owner = rec.ID
		}
		if _, err := store.Put(t.Context(), s, state.FunctionVersionKey(account, region1, "f", v),
			&state.FunctionVersion{FunctionID: owner, Config: config}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, qualifier string
		random          float64
		version         string
		err             error
	}{
		{"f", "", 0, "$LATEST", nil},
		{"f", "$LATEST", 0, "$LATEST", nil},
		{"f", "1", 0, "1", nil},
		{"f", "live", 0, "1", nil},
		{"f", "canary", 0.05, "2", nil},
		{"f", "canary", 0.1, "1", nil},
		{"f", "canary", 0.99, "1", nil},
		{"f", "gone", 0, "", ErrFunctionNotFound},
		{"f", "3", 0, "", ErrFunctionNotFound}, // of a deleted function of the same name
		{"f", "unknown", 0, "", ErrFunctionNotFound},
		{"g", "", 0, "", ErrFunctionNotFound},
	} {
		random = c.random
		res, err := b.Invoke(t.Context(), request(c.name, c.qualifier))
		if !errors.Is(err, c.err) || err == nil && res.ExecutedVersion != c.version {
			t.Errorf("%s:%s at %v: %+v, %v", c.name, c.qualifier, c.random, res, err)
		}
	}
	var notReady *NotReadyError
	if _, err := b.Invoke(t.Context(), request("pending", "")); !errors.As(err, &notReady) || notReady.State != "Pending" {
		t.Errorf("pending function: %v", err)
	}
}

// The newest idle environment is taken first, concurrent calls get their own,
// and the oldest idle ones are reaped.
func TestPool(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	b, d, _ := fixture(t, Options{Now: func() time.Time { return now }, Idle: time.Minute}, record("f"))
	gate, inside := make(chan struct{}), make(chan struct{})
	d.handle = func(e *fakeEnv, in *sandbox.Invocation) *sandbox.Result {
		inside <- struct{}{}
		<-gate
		return &sandbox.Result{}
	}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() { b.Invoke(context.Background(), request("f", "")) })
	}
	for range 3 {
		<-inside
	}
	close(gate)
	wg.Wait()
	if d.count() != 3 {
		t.Fatalf("%d environments for 3 concurrent calls", d.count())
	}
	d.handle = func(e *fakeEnv, in *sandbox.Invocation) *sandbox.Result {
		return &sandbox.Result{Payload: []byte(e.LogStream())}
	}
	now = now.Add(50 * time.Second)
	var used []string
	for range 5 {
		res, err := b.Invoke(t.Context(), request("f", ""))
		if err != nil {
			t.Fatal(err)
		}
		used = append(used, string(res.Payload))
	}
	if len(slices.Compact(used)) != 1 {
		t.Errorf("calls one after the other used environments %v", used)
	}
	now = now.Add(20 * time.Second)
	b.reapOnce()
	var alive int
	for _, e := range d.started {
		if !e.closed() {
			alive++
		}
	}
	if alive != 1 {
		t.Errorf("%d environments alive after the idle time of two", alive)
	}
}

// A changed configuration or code retires environments; a changed policy, tag
// or alias does not.
func TestRetirement(t *testing.T) {
	rec := record("f")
	b, d, s := fixture(t, Options{}, rec)
	call := func() *fakeEnv {
		t.Helper()
		if _, err := b.Invoke(t.Context(), request("f", "")); err != nil {
			t.Fatal(err)
		}
		return d.started[len(d.started)-1]
	}
	first := call()
	rec.Tags = map[string]string{"a": "b"}
	rec.Policies = map[string]*state.FunctionPolicy{"": {Document: "{}"}}
	put(t, s, rec)
	if call() != first {
		t.Fatal("a changed policy retired the environment")
	}
	rec.Latest.CodeDigest = "d2"
	put(t, s, rec)
	<-first.done // without another call
	second := call()
	if second == first || second.fn.CodeDigest != "d2" {
		t.Fatal("the old code ran")
	}
	if err := store.Delete(t.Context(), s, state.FunctionKey(account, region1, "f")); err != nil {
		t.Fatal(err)
	}
	<-second.done
}

// An environment that is busy while its function changes ends its invocation
// and is not used again.
func TestRetirementOfBusy(t *testing.T) {
	rec := record("f")
	b, d, s := fixture(t, Options{}, rec)
	gate, inside := make(chan struct{}), make(chan struct{}, 1)
	d.handle = func(e *fakeEnv, _ *sandbox.Invocation) *sandbox.Result {
		if e.n == 0 {
			inside <- struct{}{}
			<-gate
		}
		return &sandbox.Result{Payload: []byte("old")}
	}
	got := make(chan string)
	go func() {
		res, err := b.Invoke(context.Background(), request("f", ""))
		got <- fmt.Sprint(string(res.Payload), err)
	}()
	<-inside
	rec.Latest.Environment = map[string]string{"A": "b"}
	put(t, s, rec)
	if _, err := b.Invoke(t.Context(), request("f", "")); err != nil || d.count() != 2 {
		t.Fatalf("%v, %d environments", err, d.count())
	}
	close(gate)
	if text := <-got; text != "old<nil>" {
		t.Fatal(text)
	}
	<-d.started[0].done
}

func TestConcurrencyLimits(t *testing.T) {
	none, one := int32(0), int32(1)
	stopped, small := record("stopped"), record("small")
	stopped.ReservedConcurrency, small.ReservedConcurrency = &none, &one
	b, d, s := fixture(t, Options{AccountConcurrency: 3}, record("f"), stopped, small)
	gate, inside := make(chan struct{}), make(chan struct{}, 10)
	d.handle = func(*fakeEnv, *sandbox.Invocation) *sandbox.Result {
		inside <- struct{}{}
		<-gate
		return &sandbox.Result{}
	}
	var wg sync.WaitGroup
	for _, name := range []string{"small", "f", "f"} { // 1 reserved + 2 unreserved
		wg.Go(func() { b.Invoke(context.Background(), request(name, "")) })
		<-inside
	}
	for name, reason := range map[string]string{
		"stopped": "ReservedFunctionConcurrentInvocationLimitExceeded",
		"small":   "ReservedFunctionConcurrentInvocationLimitExceeded",
		"f":       "ConcurrentInvocationLimitExceeded",
	} {
		var throttled *ThrottledError
		if _, err := b.Invoke(t.Context(), request(name, "")); !errors.As(err, &throttled) || throttled.Reason != reason || !errors.Is(err, ErrTooManyRequests) {
			t.Errorf("%s: %v", name, err)
		}
	}
	small.ReservedConcurrency = nil // gives its place back
	put(t, s, small)
	wg.Go(func() { b.Invoke(context.Background(), request("f", "")) })
	<-inside
	close(gate)
	wg.Wait()
}

// A burst of first calls shares environments as they become free instead of
// starting one each at the same instant.
func TestBurst(t *testing.T) {
	b, d, _ := fixture(t, Options{Starts: 2}, record("f"))
	var starting, most atomic.Int32
	d.start = func(*sandbox.Function) error {
		n := starting.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(time.Millisecond)
		starting.Add(-1)
		return nil
	}
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			if _, err := b.Invoke(context.Background(), request("f", "")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most.Load() > 2 {
		t.Errorf("%d starts at once", most.Load())
	}
	if d.count() > 150 {
		t.Errorf("%d environments for 200 instant calls", d.count())
	}
}

func TestErrors(t *testing.T) {
	b, d, _ := fixture(t, Options{}, record("f"))
	r := request("f", "")
	r.Payload = make([]byte, MaxSyncPayload+1)
	var tooLarge *PayloadError
	if _, err := b.Invoke(t.Context(), r); !errors.As(err, &tooLarge) || tooLarge.Size != MaxSyncPayload+1 {
		t.Errorf("6 MB and a byte: %v", err)
	}
	if err := b.InvokeAsync(t.Context(), r); !errors.Is(err, ErrPayloadTooLarge) {
		t.Errorf("async: %v", err)
	}
	if err := b.InvokeAsync(t.Context(), request("g", "")); !errors.Is(err, ErrFunctionNotFound) {
		t.Errorf("async, unknown: %v", err)
	}
	missing := &sandbox.RuntimeMissingError{Runtime: "nodejs20.x", Program: "node", Remedy: "install it"}
	d.start = func(*sandbox.Function) error { return missing }
	var notReady *NotReadyError
	if _, err := b.Invoke(t.Context(), request("f", "")); !errors.As(err, &notReady) || !errors.Is(err, missing) || !strings.Contains(err.Error(), "install it") {
		t.Errorf("no runtime: %v", err)
	}
}

// An environment that ended while it was idle is replaced without the caller
// noticing.
func TestDeadWhileIdle(t *testing.T) {
	b, d, _ := fixture(t, Options{}, record("f"))
	for range 2 {
		if _, err := b.Invoke(t.Context(), request("f", "")); err != nil {
			t.Fatal(err)
		}
		d.started[0].Close()
	}
	if d.count() != 2 {
		t.Fatalf("%d environments", d.count())
	}
}

// A caller that gives up does not end the invocation; its environment comes
// back and its concurrency is freed when it ends.
func TestDetached(t *testing.T) {
	b, d, _ := fixture(t, Options{AccountConcurrency: 1}, record("f"))
	gate, inside := make(chan struct{}), make(chan struct{}, 1)
	d.handle = func(*fakeEnv, *sandbox.Invocation) *sandbox.Result {
		inside <- struct{}{}
		<-gate
		return &sandbox.Result{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error)
	go func() { _, err := b.Invoke(ctx, request("f", "")); errs <- err }()
	<-inside
	cancel()
	if err := <-errs; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if _, err := b.Invoke(t.Context(), request("f", "")); !errors.Is(err, ErrTooManyRequests) {
		t.Fatalf("the abandoned invocation does not count: %v", err)
	}
	close(gate)
	for {
		_, err := b.Invoke(t.Context(), request("f", ""))
		if err == nil {
			break
		}
		if !errors.Is(err, ErrTooManyRequests) {
			t.Fatal(err)
		}
	}
	if d.count() != 1 {
		t.Errorf("%d environments", d.count())
	}
}

func TestAsync(t *testing.T) {
	b, d, _ := fixture(t, Options{RetryDelays: []time.Duration{time.Millisecond, time.Millisecond}, AsyncQueue: 2}, record("f"))
	ids := make(chan string, 10)
	d.handle = func(_ *fakeEnv, in *sandbox.Invocation) *sandbox.Result {
		ids <- in.RequestID
		return &sandbox.Result{FunctionError: "Unhandled"}
	}
	if err := b.InvokeAsync(t.Context(), request("f", "")); err != nil {
		t.Fatal(err)
	}
	first := <-ids
	for range 2 {
		if again := <-ids; again != first {
			t.Errorf("a retry has request id %s, the first try had %s", again, first)
		}
	}
	for b.accepted.Load() != 0 { // no third retry keeps it
		time.Sleep(time.Millisecond)
	}
	if len(ids) != 0 {
		t.Error("a third retry")
	}
	// A full queue refuses.
	gate := make(chan struct{})
	d.handle = func(*fakeEnv, *sandbox.Invocation) *sandbox.Result { <-gate; return &sandbox.Result{} }
	for range 2 {
		if err := b.InvokeAsync(t.Context(), request("f", "")); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.InvokeAsync(t.Context(), request("f", "")); !errors.Is(err, ErrTooManyRequests) {
		t.Errorf("third of two: %v", err)
	}
	close(gate)
}

func TestClose(t *testing.T) {
	b, d, _ := fixture(t, Options{}, record("f"))
	gate, inside := make(chan struct{}), make(chan struct{})
	d.handle = func(*fakeEnv, *sandbox.Invocation) *sandbox.Result {
		close(inside)
		<-gate
		return &sandbox.Result{Payload: []byte("ended")}
	}
	got := make(chan string)
	go func() {
		res, _ := b.Invoke(context.Background(), request("f", ""))
		got <- string(res.Payload)
	}()
	<-inside
	closed := make(chan error)
	go func() { closed <- b.Close(context.Background()) }()
	for !b.closed.Load() {
		time.Sleep(100 * time.Microsecond)
	}
	if _, err := b.Invoke(t.Context(), request("f", "")); !errors.Is(err, ErrClosed) {
		t.Errorf("Invoke after Close: %v", err)
	}
	close(gate)
	if text := <-got; text != "ended" {
		t.Errorf("the running invocation answered %q", text)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	<-d.started[0].done
}
