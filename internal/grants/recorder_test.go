package grants

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store/storetest"
)

func numberedCall(function string, n int) *Call {
	c := gatewayCall(function, "")
	c.RequestID = fmt.Sprintf("request-%d", n)
	return c
}

// Thousands of identical refusals are one Decision with a count; each request
// id within the bound finds it; the subscriber hears of it once.
func TestIdenticalRefusals(t *testing.T) {
	ctx := context.Background()
	g, s := newGrants(t, Options{})
	putFunction(t, s, newFunction("us-east-1", "one"))
	var heard atomic.Int32
	cancel := g.Subscribe(func(d *Decision) { heard.Add(1) })
	const n = 3000
	for i := range n {
		g.Refuse(ctx, numberedCall("one", i), NoPermission)
		if i%1000 == 999 {
			if err := g.Flush(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	all, err := g.Decisions(ctx, 10)
	if err != nil || len(all) != 1 || all[0].Count != n {
		t.Fatalf("%d decisions, %v", len(all), err)
	}
	d := all[0]
	if len(d.RequestIDs) != requestIDsKept || d.Cause.Code != CauseNoPolicy || len(d.ID) != 8 {
		t.Errorf("%d request ids, cause %s, id %q", len(d.RequestIDs), d.Cause.Code, d.ID)
	}
	for _, id := range []string{d.ID, strings.ToUpper(d.ID), "request-0", "request-300"} {
		if found, err := g.Decision(ctx, id); err != nil || found.ID != d.ID {
			t.Errorf("Decision(%q): %v", id, err)
		}
	}
	if _, err := g.Decision(ctx, "nobody"); !errors.Is(err, ErrDecisionNotFound) || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("Decision: %v", err)
	}
	if _, err := g.Decision(ctx, ""); !errors.Is(err, ErrDecisionNotFound) {
		t.Errorf("Decision of nothing: %v", err)
	}
	cancel()
	g.Refuse(ctx, numberedCall("other", 1), FunctionMissing)
	if err := g.Flush(ctx); err != nil || heard.Load() != 1 {
		t.Errorf("heard %d, %v", heard.Load(), err)
	}
}

// What differs is told apart: the method, the outcome, the policy's revision;
// and a new burst is a new Decision.
func TestDifferentRefusals(t *testing.T) {
	ctx := context.Background()
	var mu sync.Mutex
	now := time.Date(2026, 9, 25, 12, 0, 0, 0, time.UTC)
	g, s := newGrants(t, Options{now: func() time.Time { mu.Lock(); defer mu.Unlock(); return now }})
	f := newFunction("us-east-1", "one")
	putFunction(t, s, f)
	refuse := func(change func(*Call)) {
		t.Helper()
		c := numberedCall("one", 1)
		if change != nil {
			change(c)
		}
		g.Refuse(ctx, c, g.Decide(c))
		if err := g.Flush(ctx); err != nil {
			t.Fatal(err)
		}
	}
	count := func(want int) {
		t.Helper()
		if all, err := g.Decisions(ctx, 100); err != nil || len(all) != want {
			t.Errorf("%d decisions, want %d (%v)", len(all), want, err)
		}
	}
	refuse(nil)
	refuse(nil)
	count(1)
	refuse(func(c *Call) { c.Stage = "prod"; c.SourceARN += "x" })
	count(2)
	f.Policies = map[string]*state.FunctionPolicy{"": {Document: document(t, statementFor("x", "arn:y", "arn:z")), RevisionID: "2"}}
	putFunction(t, s, f)
	refuse(nil)
	count(3)
	mu.Lock()
	now = now.Add(burstLength)
	mu.Unlock()
	refuse(nil)
	count(4)
	if all, _ := g.Decisions(ctx, 2); len(all) != 2 || !all[0].Time.After(all[1].Time) {
		t.Error("not the newest first")
	}
	// The tick that ends bursts.
	g.recorder.endBursts(now.Add(burstLength))
}

// Decisions outlive the process: a new Grants over the same store reads them,
// repeats included, and newer ones come first.
func TestHistory(t *testing.T) {
	ctx := context.Background()
	s := storetest.New(t)
	putFunction(t, s, newFunction("us-east-1", "one"))
	first := New(s, Options{NewID: func() string { return "11111111" }})
	for i := range 5 {
		first.Refuse(ctx, numberedCall("one", i), NoPermission)
	}
	if err := first.Close(ctx); err != nil {
		t.Fatal(err)
	}
	first.Refuse(ctx, numberedCall("one", 9), NoPermission) // too late: lost, and no harm
	if err := first.Flush(ctx); err != nil {
		t.Error(err)
	}

	second := New(s, Options{NewID: func() string { return "22222222" }})
	defer func() { _ = second.Close(ctx) }()
	second.Refuse(ctx, numberedCall("two", 7), FunctionMissing)
	all, err := second.Decisions(ctx, 10)
	if err != nil || len(all) != 2 || all[0].ID != "22222222" || all[1].ID != "11111111" || all[1].Count != 5 {
		t.Fatalf("%+v, %v", all, err)
	}
	for _, id := range []string{"11111111", "request-4"} {
		d, err := second.Decision(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		want := first.recorder.memory.recent[0]
		if diff := cmp.Diff(want, d); diff != "" {
			t.Errorf("read back (-written +read):\n%s", diff)
		}
	}
}

// What memory has forgotten the journal still finds, by id and by request.
func TestForgotten(t *testing.T) {
	ctx := context.Background()
	n := 0
	g, _ := newGrants(t, Options{NewID: func() string { n++; return fmt.Sprintf("id%06d", n) }})
	for i := range recentDecisions + 10 {
		g.Refuse(ctx, numberedCall(fmt.Sprintf("fn-%d", i), i), FunctionMissing)
	}
	all, err := g.Decisions(ctx, 1000)
	if err != nil || len(all) != recentDecisions {
		t.Fatalf("%d in memory, %v", len(all), err)
	}
	for _, id := range []string{"id000001", "request-0"} {
		if d, err := g.Decision(ctx, id); err != nil || d.ID != "id000001" {
			t.Errorf("Decision(%q): %v", id, err)
		}
	}
}

// A queue that is full drops and counts; it never makes the caller wait.
func TestFullQueue(t *testing.T) {
	ctx := context.Background()
	var log bytes.Buffer
	g, s := newGrants(t, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	putFunction(t, s, newFunction("us-east-1", "one"))
	hold, held := make(chan struct{}), make(chan struct{})
	var once sync.Once
	g.Subscribe(func(*Decision) { once.Do(func() { close(held); <-hold }) })
	g.Refuse(ctx, numberedCall("one", 0), NoPermission)
	<-held
	for i := range queueLength + 100 {
		g.Refuse(ctx, numberedCall("one", i), NoPermission)
	}
	impatient, cancel := context.WithCancel(ctx)
	cancel()
	if err := g.Flush(impatient); !errors.Is(err, context.Canceled) {
		t.Errorf("Flush: %v", err)
	}
	if _, err := g.Decisions(impatient, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("Decisions: %v", err)
	}
	if _, err := g.Decision(impatient, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("Decision: %v", err)
	}
	close(hold)
	if err := g.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if err := g.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "dropped=100") {
		t.Errorf("log: %s", log.String())
	}
}

// Entries that cannot be read are left out, not fatal.
func TestUnreadableEntries(t *testing.T) {
	ctx := context.Background()
	g, _ := newGrants(t, Options{})
	j, err := g.recorder.openJournal()
	if err != nil {
		t.Fatal(err)
	}
	for _, subject := range []state.Key{state.NewKey("a"), state.NewKey("b", "first"), state.NewKey("b", "again")} {
		if _, err := j.Append(ctx, subject, []byte("{")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := j.Append(ctx, state.NewKey("c", "again"), []byte(`{"count":1}`)); err != nil {
		t.Fatal(err)
	}
	if all, err := g.Decisions(ctx, 10); err != nil || len(all) != 0 {
		t.Errorf("%d decisions, %v", len(all), err)
	}
}

func TestCloseEndsTheGoroutine(t *testing.T) {
	s := storetest.New(t)
	// The first Grants makes the journal, whose goroutines are the store's.
	if _, err := New(s, Options{}).recorder.openJournal(); err != nil {
		t.Fatal(err)
	}
	before := goleak.IgnoreCurrent()
	g := New(s, Options{})
	g.Refuse(context.Background(), numberedCall("one", 1), NoPermission)
	for range 2 {
		if err := g.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	goleak.VerifyNone(t, before)
}

// Deciding while policies change is safe and never sees half a policy.
func TestDecideWhilePoliciesChange(t *testing.T) {
	g, s := newGrants(t, Options{})
	f := newFunction("us-east-1", "one")
	f.LastVersion = 0
	putFunction(t, s, f)
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for c := gatewayCall("one", ""); ; {
				select {
				case <-stop:
					return
				default:
					if o := g.Decide(c); o != Allowed && o != NoPermission {
						t.Errorf("%v", o)
						return
					}
				}
			}
		})
	}
	for i := range 50 {
		changed := *f
		changed.Policies = nil
		if i%2 == 0 {
			changed.Policies = map[string]*state.FunctionPolicy{"": {Document: document(t, statementFor("s", functionARN(f), testSource))}}
		}
		putFunction(t, s, &changed)
		want := NoPermission
		if i%2 == 0 {
			want = Allowed
		}
		// A write that is acknowledged acts at once.
		if got := g.Decide(gatewayCall("one", "")); got != want {
			t.Errorf("after change %d: %v, want %v", i, got, want)
		}
	}
	close(stop)
	readers.Wait()
}

func BenchmarkRefuse(b *testing.B) {
	g, _ := newGrants(b, Options{})
	c := gatewayCall("one", "")
	b.ReportAllocs()
	for b.Loop() {
		g.Refuse(context.Background(), c, FunctionMissing)
	}
}

// A refusal that is explained after the grant was added says so.
func TestChangedSince(t *testing.T) {
	ctx := context.Background()
	g, s := newGrants(t, Options{})
	f := newFunction("us-east-1", "one")
	f.Policies = map[string]*state.FunctionPolicy{"": {Document: document(t, statementFor("s", functionARN(f), testSource))}}
	putFunction(t, s, f)
	for i, o := range []Outcome{NoPermission, FunctionMissing, QualifierMissing, CannotAssumeRole} {
		g.Refuse(ctx, numberedCall("one", i), o)
		all, err := g.Decisions(ctx, 1)
		if err != nil || len(all) != 1 || all[0].Outcome != o || all[0].Cause.Code != CauseChanged || len(all[0].Fix) != 0 {
			t.Errorf("%v: %+v %v", o, all, err)
		}
	}
	// The other way: refused for one reason, refused now for another.
	g.Refuse(ctx, numberedCall("gone", 1), NoPermission)
	if all, err := g.Decisions(ctx, 1); err != nil || all[0].Outcome != NoPermission || all[0].Cause.Code != CauseFunctionMissing {
		t.Errorf("%+v %v", all[0], err)
	}
}
