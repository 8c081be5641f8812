package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

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

func must(t interface {
	Helper()
	Fatal(args ...any)
}, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
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

// Whoever gave up does not wait for the list of another, and leaves no trace.
func TestListGivenUp(t *testing.T) {
	m := open(t, storetest.New(t), &clock{now: noon})
	given, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 { // a context that has ended and a free place: either may win
		if _, err := m.List(given, account, region, time.Time{}); err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if _, err := m.List(t.Context(), account, region, time.Time{}); err != nil {
		t.Error(err)
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
