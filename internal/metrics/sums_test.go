package metrics_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/stagedoor/stagedoor/internal/metrics"
	"github.com/stagedoor/stagedoor/internal/store"
	"github.com/stagedoor/stagedoor/internal/store/storetest"
)

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

func samePoint(a, b metrics.Point) bool {
	av, _ := a.Values()
	bv, _ := b.Values()
	return a.Second == b.Second && a.Count == b.Count && a.Sum == b.Sum && a.Min == b.Min && a.Max == b.Max && cmp.Equal(av, bv)
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
