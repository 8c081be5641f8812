package grants

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// Bounds of what is remembered about refusals.
const (
	journalAge      = 7 * 24 * time.Hour
	journalBytes    = 32 << 20
	queueLength     = 4096            // refusals waiting to be explained; more are counted and dropped
	burstLength     = 5 * time.Second // identical refusals within this time are one Decision
	repeatEvery     = time.Second     // how often the repeats of a burst are written
	burstsAtOnce    = 1024            // different refusals within one burst length that are told apart
	requestIDsKept  = 512             // request ids kept per Decision
	recentDecisions = 256             // Decisions kept in memory
)

// ErrDecisionNotFound says that no refusal has this id or request id.
var ErrDecisionNotFound = errors.New("no such decision")

// newID returns 40 random bits as 8 characters without look-alikes.
func newID() string {
	const alphabet = "0123456789abcdefghjkmnpqrstvwxyz" // Crockford's base 32
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	for i := range b {
		b[i] = alphabet[b[i]%32]
	}
	return string(b[:])
}

// refusal is one refused call on its way to the journal; with done set it is a
// mark that asks to be told when everything before it is written.
type refusal struct {
	call    Call
	outcome Outcome
	api     *APIRefusal    // of a client of a deployed API; then call is empty
	caller  *CallerRefusal // of the control plane; then call has request id and time only
	done    chan<- struct{}
}

// fingerprint is what makes two refusals identical. The revision is part of it:
// after a change of the policy a refusal has another story.
type fingerprint struct {
	resource, sourceARN, sourceAccount, credentials, revision string
	outcome                                                   Outcome
	canary                                                    bool
}

// burst is a row of identical refusals.
type burst struct {
	decision *Decision // shared with memory: change under its lock only
	began    time.Time
	pending  repeat // counted, not yet written
}

// repeat is the journal's entry for further refusals of one Decision.
type repeat struct {
	Count      int       `json:"count"`
	LastTime   time.Time `json:"lastTime"`
	RequestIDs []string  `json:"requestIds,omitempty"`
}

// recorder explains refusals and writes them down, in one goroutine, so that
// the data plane never waits.
type recorder struct {
	g       *Grants
	queue   chan refusal
	quit    chan struct{}
	ended   chan struct{}
	closed  atomic.Bool
	dropped atomic.Int64
	memory  memory

	mu        sync.Mutex
	listeners map[int]func(*Decision)
	nextID    int

	openJournal func() (*store.Journal, error) // opens it once

	// Of the goroutine alone:
	bursts map[fingerprint]*burst
}

func newRecorder(g *Grants) *recorder {
	r := &recorder{
		g:         g,
		queue:     make(chan refusal, queueLength),
		quit:      make(chan struct{}),
		ended:     make(chan struct{}),
		listeners: map[int]func(*Decision){},
		bursts:    map[fingerprint]*burst{},
	}
	r.openJournal = sync.OnceValues(func() (*store.Journal, error) {
		return g.store.Journal(context.Background(), store.JournalConfig{Name: "DECISIONS", MaxAge: journalAge, MaxBytes: journalBytes})
	})
	go r.run()
	return r
}

// Refuse records a refused call: it is explained, written to the journal and
// shown to the subscribers, all of it later and elsewhere. Refuse itself copies
// the call and returns; it never blocks. When refusals come faster than they
// can be written, identical ones are counted and the rest is dropped and
// reported as a number.
func (g *Grants) Refuse(_ context.Context, c *Call, o Outcome) {
	g.recorder.put(refusal{call: *c, outcome: o})
}

// put queues a refusal, or counts it when there is no room.
func (r *recorder) put(next refusal) {
	if r.closed.Load() {
		return
	}
	select {
	case r.queue <- next:
	default:
		r.dropped.Add(1)
	}
}

// Subscribe calls f with each new Decision, from the recorder's goroutine: f
// must be quick, must not change what it gets and must not call Flush or Close.
// Repeats of a Decision are not shown again. cancel ends the subscription.
func (g *Grants) Subscribe(f func(*Decision)) (cancel func()) {
	r := g.recorder
	r.mu.Lock()
	defer r.mu.Unlock()
	id := r.nextID
	r.nextID++
	r.listeners[id] = f
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.listeners, id)
	}
}

func (r *recorder) close(ctx context.Context) error {
	if r.closed.CompareAndSwap(false, true) {
		close(r.quit)
	}
	select {
	case <-r.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *recorder) flush(ctx context.Context) error {
	done := make(chan struct{})
	select {
	case r.queue <- refusal{done: done}:
	case <-r.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-done:
		return nil
	case <-r.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *recorder) run() {
	defer close(r.ended)
	var tick <-chan time.Time // nil, so no wake-ups, while nothing is refused
	for {
		select {
		case next := <-r.queue:
			r.take(next)
		case <-tick:
			tick = nil
			r.writeRepeats()
			r.endBursts(r.g.options.now())
		case <-r.quit:
			r.drain()
			return
		}
		if tick == nil && len(r.bursts) > 0 {
			tick = time.After(repeatEvery)
		}
	}
}

// drain takes what is queued at the end.
func (r *recorder) drain() {
	for {
		select {
		case next := <-r.queue:
			r.take(next)
		default:
			r.writeRepeats()
			return
		}
	}
}

func (r *recorder) take(next refusal) {
	defer func() {
		// Explaining must never bring down what it explains.
		if p := recover(); p != nil {
			r.g.log.Error("a refusal could not be explained", "function", next.call.Resource(), "sourceArn", next.call.SourceARN, "requestId", next.requestID(), "panic", p)
		}
	}()
	if next.done != nil {
		r.writeRepeats()
		close(next.done)
		return
	}
	now := r.g.options.now()
	key := r.g.fingerprint(&next)
	b := r.bursts[key]
	if b != nil && now.Sub(b.began) < burstLength {
		b.pending.Count++
		b.pending.LastTime = next.time(now)
		if len(b.pending.RequestIDs) < requestIDsKept {
			b.pending.RequestIDs = append(b.pending.RequestIDs, next.requestID())
		}
		return
	}
	if b != nil {
		r.writeRepeat(b)
		delete(r.bursts, key)
	}
	d := r.g.explain(&next)
	d.ID, d.Time, d.LastTime, d.Count = r.g.options.NewID(), next.time(now), next.time(now), 1
	d.RequestIDs = []string{next.requestID()}
	if len(r.bursts) < burstsAtOnce {
		r.bursts[key] = &burst{decision: d, began: now}
	}
	shown := *d
	r.memory.add(d)
	r.append(d.ID, "first", d)
	r.notify(&shown)
}

// explain builds the Decision of any kind of refusal.
func (g *Grants) explain(next *refusal) *Decision {
	switch {
	case next.api != nil:
		d := g.buildAPI(next.api)
		d.Changed = g.changedAPI(next.api)
		return d
	case next.caller != nil:
		d := next.caller.decision(g.options.Mode)
		d.EncodedMessage = g.encodeMessage(next.caller, d)
		d.Changed = g.changedCaller(next.caller)
		return d
	}
	d := g.build(&next.call, next.outcome)
	d.Changed = g.changed(&next.call)
	return d
}

func (g *Grants) fingerprint(next *refusal) fingerprint {
	switch {
	case next.api != nil:
		return next.api.fingerprint()
	case next.caller != nil:
		return next.caller.fingerprint()
	}
	c := &next.call
	credentials := c.Credentials
	if c.Caller != nil { // they are passed on, and every caller has his own
		credentials = c.Caller.Request.Principal.ID
	}
	return fingerprint{
		resource: c.Resource(), sourceARN: c.SourceARN, sourceAccount: c.SourceAccount,
		credentials: credentials, revision: g.revision(c), outcome: next.outcome, canary: c.Canary,
	}
}

func (next *refusal) requestID() string {
	if next.api != nil {
		return next.api.Call.RequestID
	}
	return next.call.RequestID
}

// time is when the request came, or now where nobody noted it.
func (next *refusal) time(now time.Time) time.Time {
	at := next.call.Time
	if next.api != nil {
		at = next.api.Call.Time
	}
	if at.IsZero() {
		return now.UTC()
	}
	return at.UTC()
}

// revision names the state of the policy that refused.
func (g *Grants) revision(c *Call) string {
	if f := g.functionByARN(c.FunctionARN); f != nil {
		if p := f.policies[c.Qualifier]; p != nil {
			return p.revision
		}
	}
	return ""
}

func (r *recorder) notify(d *Decision) {
	r.mu.Lock()
	listeners := make([]func(*Decision), 0, len(r.listeners))
	for _, f := range r.listeners {
		listeners = append(listeners, f)
	}
	r.mu.Unlock()
	for _, f := range listeners {
		f(d)
	}
}

func (r *recorder) writeRepeats() {
	for _, b := range r.bursts {
		r.writeRepeat(b)
	}
	if n := r.dropped.Swap(0); n > 0 {
		r.g.log.Warn("refusals came too fast to record them all", "dropped", n)
	}
}

func (r *recorder) writeRepeat(b *burst) {
	if b.pending.Count == 0 {
		return
	}
	r.memory.repeat(b.decision, &b.pending)
	r.append(b.decision.ID, "again", &b.pending)
	b.pending = repeat{}
}

func (r *recorder) endBursts(now time.Time) {
	for key, b := range r.bursts {
		if now.Sub(b.began) >= burstLength {
			delete(r.bursts, key)
		}
	}
}

// append writes one entry and waits for it: one at a time is quick enough for
// refusals, and what Flush promised is then durable. A failure is logged; the
// Decision stays in memory.
func (r *recorder) append(id, what string, v any) {
	data, err := json.Marshal(v)
	if err == nil {
		var j *store.Journal
		if j, err = r.openJournal(); err == nil {
			_, err = j.Append(context.Background(), state.NewKey(id, what), data)
		}
	}
	if err != nil {
		r.g.log.Error("a refusal was not recorded", "decision", id, "error", err)
	}
}
