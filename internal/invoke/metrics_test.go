package invoke

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/metrics"
	"github.com/stagedoor/stagedoor/internal/sandbox"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

type meter struct {
	mu    sync.Mutex
	calls []metrics.FunctionCall
	told  chan struct{}
}

func (m *meter) FunctionCall(c *metrics.FunctionCall) {
	m.mu.Lock()
	m.calls = append(m.calls, *c)
	m.mu.Unlock()
	if m.told != nil {
		m.told <- struct{}{}
	}
}

// take returns what was counted since the last time.
func (m *meter) take() []metrics.FunctionCall {
	m.mu.Lock()
	defer m.mu.Unlock()
	defer func() { m.calls = nil }()
	return slices.Clone(m.calls)
}

// What is counted: calls that ran, and calls that were throttled; not those that
// led to no function, or that the host could not start (Lambda-DG:
// monitoring-metrics-types).
func TestMetrics(t *testing.T) {
	rec := record("f")
	rec.Aliases = map[string]*state.Alias{"live": {FunctionVersion: "1"}}
	none := record("none")
	none.ReservedConcurrency = new(int32)
	broken := record("broken")
	count := new(meter)
	b, d, s := fixture(t, Options{Metrics: count}, rec, none, broken)
	config := rec.Latest
	config.Version = "1"
	if _, err := store.Put(t.Context(), s, state.FunctionVersionKey(account, region1, "f", "1"), &state.FunctionVersion{FunctionID: rec.ID, Config: config}); err != nil {
		t.Fatal(err)
	}
	d.start = func(fn *sandbox.Function) error {
		if fn.Name == "broken" {
			return errors.New("no such runtime")
		}
		return nil
	}
	result := &sandbox.Result{Duration: 3 * time.Millisecond}
	d.handle = func(*fakeEnv, *sandbox.Invocation) *sandbox.Result { return result }
	call := func(function, qualifier, version string, failed, throttled bool, took time.Duration, concurrent int) []metrics.FunctionCall {
		return []metrics.FunctionCall{{Account: account, Region: region1, Function: function, Qualifier: qualifier, ExecutedVersion: version,
			Err: failed, Throttled: throttled, Duration: took, Concurrent: concurrent}}
	}
	const ms = time.Millisecond
	for _, c := range []struct {
		function, qualifier, failure string
		want                         []metrics.FunctionCall
	}{
		{"f", "", "", call("f", "", "$LATEST", false, false, 3*ms, 1)},
		{"f", "live", "", call("f", "live", "1", false, false, 3*ms, 1)},
		{"f", "1", "Unhandled", call("f", "1", "1", true, false, 3*ms, 1)},
		{"none", "", "", call("none", "", "$LATEST", false, true, 0, 0)},
		{"broken", "", "", nil},
		{"f", "gone", "", nil},
		{"g", "", "", nil},
	} {
		result.FunctionError = c.failure
		_, _ = b.Invoke(t.Context(), request(c.function, c.qualifier))
		if diff := cmp.Diff(c.want, count.take()); diff != "" {
			t.Errorf("%s:%s: %s", c.function, c.qualifier, diff)
		}
	}
}

// Calls of one function count together whatever version runs them, and a call
// that its caller has left is counted when it ends.
func TestMetricsOfConcurrentCalls(t *testing.T) {
	rec := record("f")
	count := &meter{told: make(chan struct{}, 2)}
	b, d, s := fixture(t, Options{Metrics: count}, rec)
	config := rec.Latest
	config.Version = "1"
	if _, err := store.Put(t.Context(), s, state.FunctionVersionKey(account, region1, "f", "1"), &state.FunctionVersion{FunctionID: rec.ID, Config: config}); err != nil {
		t.Fatal(err)
	}
	gate, inside := make(chan struct{}), make(chan struct{}, 1)
	d.handle = func(e *fakeEnv, _ *sandbox.Invocation) *sandbox.Result {
		if e.fn.Version == "$LATEST" {
			inside <- struct{}{}
			<-gate
		}
		return &sandbox.Result{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() { _, err := b.Invoke(ctx, request("f", "")); left <- err }()
	<-inside
	if _, err := b.Invoke(t.Context(), request("f", "1")); err != nil {
		t.Fatal(err)
	}
	<-count.told
	cancel()
	<-left
	close(gate)
	<-count.told
	var got [][2]any
	for _, c := range count.take() {
		got = append(got, [2]any{c.ExecutedVersion, c.Concurrent})
	}
	if diff := cmp.Diff([][2]any{{"1", 2}, {"$LATEST", 1}}, got); diff != "" {
		t.Error(diff)
	}
}
