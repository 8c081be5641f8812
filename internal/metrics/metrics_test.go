package metrics_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/stagedoor/stagedoor/internal/metrics"
	"github.com/stagedoor/stagedoor/internal/store"
	"github.com/stagedoor/stagedoor/internal/store/storetest"
)

const account, region = "000000000000", "eu-west-1"

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// clock is set by tests.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

func open(t testing.TB, s *store.Store, c *clock) *metrics.Metrics {
	t.Helper()
	m, err := metrics.New(s, metrics.Options{Now: c.Now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close(context.Background()) })
	return m
}

func series(namespace, name string, dims ...string) metrics.Series {
	s := metrics.Series{Namespace: namespace, Name: name}
	for i := 0; i+1 < len(dims); i += 2 {
		s.Dimensions = append(s.Dimensions, metrics.Dimension{Name: dims[i], Value: dims[i+1]})
	}
	return s
}

// all reads one series' points of the day.
func all(t testing.TB, m *metrics.Metrics, s metrics.Series) []metrics.Unit {
	t.Helper()
	units, err := m.Read(t.Context(), account, region, []metrics.Series{s}, noon.Add(-12*time.Hour), noon.Add(24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return units[0]
}

// shown is a series' points as "unit HH:MM count sum min max".
func shown(units []metrics.Unit) (lines []string) {
	for _, u := range units {
		for _, p := range u.Points {
			lines = append(lines, fmt.Sprintf("%s %s %g %g %g %g", u.Unit, time.Unix(p.Second, 0).UTC().Format("15:04:05"), p.Count, p.Sum, p.Min, p.Max))
		}
	}
	return lines
}

// TestAPICall: namespace, names, dimensions and values of APIGW-DG:
// api-gateway-metrics-and-dimensions; the canary's of APIGW-DG: canary-release.
func TestAPICall(t *testing.T) {
	c := &clock{now: noon.Add(30 * time.Second)}
	m := open(t, storetest.New(t), c)
	call := metrics.APICall{Account: account, Region: region, APIName: "orders", Stage: "prod", Status: 200, Latency: 12 * time.Millisecond, IntegrationLatency: 10 * time.Millisecond}
	m.APICall(&call)
	call.Status, call.Latency, call.IntegrationLatency, call.Canary = 502, 30*time.Millisecond, 25*time.Millisecond, true
	m.APICall(&call)
	call.Status, call.Latency, call.IntegrationLatency, call.Canary, call.Method, call.Resource = 403, 2*time.Millisecond, 0, false, "GET", "/orders/{id}"
	c.set(noon.Add(60 * time.Second))
	m.APICall(&call)

	api := []string{"ApiName", "orders"}
	stage := append(slices.Clone(api), "Stage", "prod")
	canary := append(slices.Clone(api), "Stage", "prod/Canary")
	method := append(slices.Clone(stage), "Method", "GET", "Resource", "/orders/{id}")
	for _, tc := range []struct {
		metric string
		dims   []string
		want   []string
	}{
		{"Count", api, []string{"Count 12:00:00 2 2 1 1", "Count 12:01:00 1 1 1 1"}},
		{"Count", stage, []string{"Count 12:00:00 2 2 1 1", "Count 12:01:00 1 1 1 1"}},
		{"Count", canary, []string{"Count 12:00:00 1 1 1 1"}},
		{"Count", method, []string{"Count 12:01:00 1 1 1 1"}},
		{"4XXError", stage, []string{"Count 12:00:00 2 0 0 0", "Count 12:01:00 1 1 1 1"}},
		{"5XXError", stage, []string{"Count 12:00:00 2 1 0 1", "Count 12:01:00 1 0 0 0"}},
		{"5XXError", canary, []string{"Count 12:00:00 1 1 1 1"}},
		{"Latency", stage, []string{"Milliseconds 12:00:00 2 42 12 30", "Milliseconds 12:01:00 1 2 2 2"}},
		{"IntegrationLatency", stage, []string{"Milliseconds 12:00:00 2 35 10 25"}},
		{"Count", []string{"Stage", "prod"}, nil},
	} {
		for _, step := range []string{"pending", "flushed"} {
			if d := cmp.Diff(tc.want, shown(all(t, m, series("AWS/ApiGateway", tc.metric, tc.dims...)))); d != "" {
				t.Errorf("%s %v, %s: %s", tc.metric, tc.dims, step, d)
			}
		}
	}
	if err := m.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The order of dimensions means nothing.
	if d := cmp.Diff([]string{"Count 12:00:00 2 2 1 1", "Count 12:01:00 1 1 1 1"}, shown(all(t, m, series("AWS/ApiGateway", "Count", "Stage", "prod", "ApiName", "orders")))); d != "" {
		t.Error(d)
	}
	other, err := m.Read(t.Context(), account, "us-east-1", []metrics.Series{series("AWS/ApiGateway", "Count", api...)}, noon, noon.Add(time.Hour))
	if err != nil || len(other[0]) != 0 {
		t.Errorf("another region sees %v, %v", other, err)
	}
}

// TestFunctionCall: Lambda-DG: monitoring-metrics-types and -view.
func TestFunctionCall(t *testing.T) {
	c := &clock{now: noon.Add(61 * time.Second)}
	m := open(t, storetest.New(t), c)
	call := metrics.FunctionCall{Account: account, Region: region, Function: "f", ExecutedVersion: "$LATEST", Duration: 1500 * time.Microsecond, Concurrent: 2}
	m.FunctionCall(&call)
	call.Qualifier, call.ExecutedVersion, call.Err, call.Duration = "live", "3", true, 2*time.Second // began a minute earlier
	m.FunctionCall(&call)
	call.Throttled, call.Err, call.Duration, call.ExecutedVersion = true, false, 0, ""
	m.FunctionCall(&call)
	fn := []string{"FunctionName", "f"}
	plain := append(slices.Clone(fn), "Resource", "f")
	alias := append(slices.Clone(fn), "Resource", "f:live")
	version := append(slices.Clone(alias), "ExecutedVersion", "3")
	for _, tc := range []struct {
		metric string
		dims   []string
		want   []string
	}{
		{"Invocations", nil, []string{"Count 12:00:00 1 1 1 1", "Count 12:01:00 1 1 1 1"}},
		{"Invocations", fn, []string{"Count 12:00:00 1 1 1 1", "Count 12:01:00 1 1 1 1"}},
		{"Invocations", plain, []string{"Count 12:01:00 1 1 1 1"}},
		{"Invocations", alias, []string{"Count 12:00:00 1 1 1 1"}},
		{"Invocations", version, []string{"Count 12:00:00 1 1 1 1"}},
		{"Errors", version, []string{"Count 12:00:00 1 1 1 1"}},
		{"Errors", fn, []string{"Count 12:00:00 1 1 1 1", "Count 12:01:00 1 0 0 0"}},
		{"Throttles", fn, []string{"Count 12:00:00 1 0 0 0", "Count 12:01:00 2 1 0 1"}},
		{"Duration", fn, []string{"Milliseconds 12:00:00 1 2000 2000 2000", "Milliseconds 12:01:00 1 1.5 1.5 1.5"}},
		{"ConcurrentExecutions", fn, []string{"Count 12:00:00 1 2 2 2", "Count 12:01:00 1 2 2 2"}},
		{"ConcurrentExecutions", nil, nil},
	} {
		if d := cmp.Diff(tc.want, shown(all(t, m, series("AWS/Lambda", tc.metric, tc.dims...)))); d != "" {
			t.Errorf("%s %v: %s", tc.metric, tc.dims, d)
		}
	}
}

// TestSums: however observations are spread over two processes, their puts,
// flushes, sums of entries and restarts, what either reads is the sum.
func TestSums(t *testing.T) {
	s := storetest.New(t)
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		c := &clock{now: noon}
		processes := []*metrics.Metrics{open(t, s, c), open(t, s, c)}
		place := fmt.Sprintf("%012d", run)
		names := []string{"a", "b"}
		want := map[string]map[int64]*metrics.Point{}
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			i := rapid.IntRange(0, 1).Draw(rt, "process")
			m := processes[i]
			switch rapid.IntRange(0, 5).Draw(rt, "step") {
			case 0:
				must(rt, m.Flush(t.Context()))
			case 1:
				must(rt, m.Compact(t.Context()))
			case 2:
				must(rt, m.Close(t.Context()))
				processes[i] = open(t, s, c)
			case 3:
				c.set(c.Now().Add(time.Duration(rapid.IntRange(0, 3000).Draw(rt, "seconds")) * time.Second))
			default:
				name := rapid.SampledFrom(names).Draw(rt, "name")
				p := metrics.Point{Second: c.Now().Unix() - int64(rapid.IntRange(0, 4000).Draw(rt, "ago"))}
				for range rapid.IntRange(1, 3).Draw(rt, "values") {
					p.Add(float64(rapid.IntRange(-3, 300).Draw(rt, "value")), float64(rapid.IntRange(1, 3).Draw(rt, "times")))
				}
				must(rt, m.Put(t.Context(), place, region, []metrics.Datum{{Series: series("n", name), Unit: "Count", Point: p}}))
				minute := p.Second - p.Second%60
				if want[name] == nil {
					want[name] = map[int64]*metrics.Point{}
				}
				merged := metrics.Merged(minute, []metrics.Point{p})
				if before := want[name][minute]; before != nil {
					merged = metrics.Merged(minute, []metrics.Point{*before, p})
				}
				want[name][minute] = &merged
			}
		}
		m := processes[run%2]
		got, err := m.Read(t.Context(), place, region, []metrics.Series{series("n", "a"), series("n", "b")}, noon.Add(-48*time.Hour), noon.Add(48*time.Hour))
		must(rt, err)
		for i, name := range names {
			if len(want[name]) == 0 {
				if len(got[i]) != 0 {
					rt.Fatalf("%s: %v", name, got[i])
				}
				continue
			}
			var points []metrics.Point
			for _, second := range slices.Sorted(maps.Keys(want[name])) {
				points = append(points, *want[name][second])
			}
			if d := cmp.Diff([]metrics.Unit{{Unit: "Count", Points: points}}, got[i], cmp.Comparer(samePoint)); d != "" {
				rt.Fatalf("%s: %s", name, d)
			}
		}
		listed, err := m.List(t.Context(), place, region, noon.Add(-48*time.Hour))
		must(rt, err)
		if len(listed) != len(want) {
			rt.Fatalf("listed %v, want %d", listed, len(want))
		}
		for _, m := range processes {
			must(rt, m.Close(t.Context()))
		}
	})
}

// TestImport: an import numbers the journal's entries anew, and everything still
// counts once.
func TestImport(t *testing.T) {
	from, to := storetest.New(t), storetest.New(t)
	c := &clock{now: noon}
	m := open(t, from, c)
	call := func(m *metrics.Metrics, n int) {
		for range n {
			m.APICall(&metrics.APICall{Account: account, Region: region, APIName: "a", Stage: "s", Status: 200})
			must(t, m.Flush(t.Context()))
		}
	}
	call(m, 20)
	must(t, m.Compact(t.Context()))
	call(m, 3)
	var file bytes.Buffer
	must(t, from.Export(t.Context(), &file))
	must(t, to.Import(t.Context(), &file))
	imported := open(t, to, c)
	call(imported, 2)
	for _, step := range []string{"imported", "summed"} {
		if d := cmp.Diff([]string{"Count 12:00:00 25 25 1 1"}, shown(all(t, imported, series("AWS/ApiGateway", "Count", "ApiName", "a")))); d != "" {
			t.Errorf("%s: %s", step, d)
		}
		must(t, imported.Compact(t.Context()))
	}
	if n, err := imported.Entries(t.Context()); n != 1 || err != nil {
		t.Errorf("%d entries, %v", n, err)
	}
}

func must(t interface {
	Helper()
	Fatal(args ...any)
}, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func samePoint(a, b metrics.Point) bool {
	av, _ := a.Values()
	bv, _ := b.Values()
	return a.Second == b.Second && a.Count == b.Count && a.Sum == b.Sum && a.Min == b.Min && a.Max == b.Max && cmp.Equal(av, bv)
}

// TestEveryCallCountsOnce: calls from many goroutines, with reads, flushes and
// sums of entries between them.
func TestEveryCallCountsOnce(t *testing.T) {
	m := open(t, storetest.New(t), &clock{now: noon})
	const goroutines, calls = 8, 2000
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range calls {
				m.APICall(&metrics.APICall{Account: account, Region: region, APIName: "a", Stage: []string{"dev", "prod"}[i%2], Status: 200 + 300*(i%4/3), Latency: time.Duration(g) * time.Millisecond})
			}
		})
	}
	stop := make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		last := 0.0
		for {
			select {
			case <-stop:
				return
			default:
			}
			if units := all(t, m, series("AWS/ApiGateway", "Count", "ApiName", "a")); len(units) > 0 {
				if n := units[0].Points[0].Count; n < last {
					t.Errorf("%g calls, after %g", n, last)
				} else {
					last = n
				}
			}
			if err := m.Flush(t.Context()); err != nil {
				t.Error(err)
			}
			if err := m.Compact(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	close(stop)
	reader.Wait()
	if d := cmp.Diff([]string{fmt.Sprintf("Count 12:00:00 %d %d 1 1", goroutines*calls, goroutines*calls)}, shown(all(t, m, series("AWS/ApiGateway", "Count", "ApiName", "a")))); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{fmt.Sprintf("Count 12:00:00 %d %d 0 1", goroutines*calls/2, goroutines*calls/4)}, shown(all(t, m, series("AWS/ApiGateway", "5XXError", "ApiName", "a", "Stage", "prod")))); d != "" {
		t.Error(d)
	}
}

// TestRestart: what was flushed, or counted before Close, is there afterwards.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	c := &clock{now: noon}
	for range 3 {
		s, err := store.Open(t.Context(), store.Options{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		m := open(t, s, c)
		m.APICall(&metrics.APICall{Account: account, Region: region, APIName: "a", Stage: "s", Status: 200})
		if err := m.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s, err := store.Open(t.Context(), store.Options{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	m := open(t, s, c)
	if d := cmp.Diff([]string{"Count 12:00:00 3 3 1 1"}, shown(all(t, m, series("AWS/ApiGateway", "Count", "ApiName", "a")))); d != "" {
		t.Error(d)
	}
	if err := m.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestUnwritable: calls go on being counted, in bounds, while the journal cannot
// be written, and a client that puts is told.
func TestUnwritable(t *testing.T) {
	s := storetest.New(t)
	m := open(t, s, &clock{now: noon})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		m.APICall(&metrics.APICall{Account: account, Region: region, APIName: "a", Stage: "s", Status: 200})
	}
	for range 2 {
		if err := m.Flush(t.Context()); err == nil {
			t.Fatal("written to a closed store")
		}
		if n := m.Pending(); n != 8 { // no backend was called
			t.Errorf("%d points wait, want 8", n)
		}
	}
	if err := m.Put(t.Context(), account, region, []metrics.Datum{{Series: series("n", "a"), Point: metrics.Point{Count: 1}}}); err == nil {
		t.Error("put into a closed store")
	}
}

// TestCompaction: many flushes leave few entries.
func TestCompaction(t *testing.T) {
	m := open(t, storetest.New(t), &clock{now: noon})
	for range 50 {
		m.APICall(&metrics.APICall{Account: account, Region: region, APIName: "a", Stage: "s", Status: 200})
		if err := m.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	before, _ := m.Entries(t.Context())
	if err := m.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	after, err := m.Entries(t.Context())
	if before != 50 || after != 1 || err != nil {
		t.Errorf("%d entries became %d, %v", before, after, err)
	}
	if d := cmp.Diff([]string{"Count 12:00:00 50 50 1 1"}, shown(all(t, m, series("AWS/ApiGateway", "Count", "ApiName", "a")))); d != "" {
		t.Error(d)
	}
}

// TestRetention: what is older than 15 days is not shown.
func TestRetention(t *testing.T) {
	c := &clock{now: noon}
	m := open(t, storetest.New(t), c)
	m.APICall(&metrics.APICall{Account: account, Region: region, APIName: "a", Stage: "s", Status: 200})
	c.set(noon.Add(metrics.Retention + time.Hour))
	if units := all(t, m, series("AWS/ApiGateway", "Count", "ApiName", "a")); len(units) != 0 {
		t.Errorf("still there: %v", shown(units))
	}
	list, err := m.List(t.Context(), account, region, time.Time{})
	if err != nil || len(list) != 0 {
		t.Errorf("still listed: %v %v", list, err)
	}
}

func TestList(t *testing.T) {
	c := &clock{now: noon}
	m := open(t, storetest.New(t), c)
	put := func(s metrics.Series) {
		p := metrics.Point{Second: c.Now().Unix()}
		p.Add(1, 1)
		if err := m.Put(t.Context(), account, region, []metrics.Datum{{Series: s, Point: p}}); err != nil {
			t.Fatal(err)
		}
	}
	put(series("z", "m"))
	c.set(noon.Add(5 * time.Hour))
	put(series("a", "n", "y", "1", "x", "2"))
	put(series("a", "m"))
	list := func(since time.Time) []metrics.Series {
		all, err := m.List(t.Context(), account, region, since)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	recent := []metrics.Series{series("a", "m"), series("a", "n", "x", "2", "y", "1")}
	if d := cmp.Diff(append(recent, series("z", "m")), list(noon.Add(-time.Hour)), cmpopts.EquateEmpty()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(recent, list(noon.Add(2*time.Hour)), cmpopts.EquateEmpty()); d != "" {
		t.Error(d)
	}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestBackground: what was counted reaches the journal by itself, and an hour
// that is over becomes one entry.
func TestBackground(t *testing.T) {
	c := &clock{now: noon}
	m, err := metrics.New(storetest.New(t), metrics.Options{Now: c.Now, Logger: slog.New(slog.DiscardHandler), FlushEvery: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close(context.Background())
	until := func(what string, want func(entries int) bool) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); ; {
			n, err := m.Entries(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if want(n) && m.Pending() == 0 {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: there are %d entries", what, n)
			}
		}
	}
	for i := range 3 {
		m.APICall(&metrics.APICall{Account: account, Region: region, APIName: "a", Stage: "s", Status: 200})
		until("a flush", func(n int) bool { return n == i+1 })
	}
	c.set(noon.Add(time.Hour))
	m.APICall(&metrics.APICall{Account: account, Region: region, APIName: "a", Stage: "s", Status: 200})
	until("the next hour", func(n int) bool { return n == 2 })
	if d := cmp.Diff([]string{"Count 12:00:00 3 3 1 1", "Count 13:00:00 1 1 1 1"}, shown(all(t, m, series("AWS/ApiGateway", "Count", "ApiName", "a")))); d != "" {
		t.Error(d)
	}
}
