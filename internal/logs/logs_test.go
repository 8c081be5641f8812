package logs

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
	"github.com/stagedoor/stagedoor/internal/store/storetest"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	account = "000000000000"
	region  = "us-east-1"
)

func open(t testing.TB, s *store.Store, o Options) *Logs {
	t.Helper()
	o.Logger = slog.New(slog.DiscardHandler)
	l, err := New(s, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return l
}

func query(t testing.TB, l *Logs, q Query) *Page {
	t.Helper()
	q.Account, q.Region = account, region
	if q.Limit == 0 {
		q.Limit = 10_000
	}
	page, err := l.Query(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func messages(p *Page) []string {
	var texts []string
	for _, e := range p.Events {
		texts = append(texts, e.Message)
	}
	return texts
}

func same(t testing.TB, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("-want +got:\n%s", diff)
	}
}

func TestReadsSeeWhatWasWritten(t *testing.T) {
	s := storetest.New(t)
	l := open(t, s, Options{})
	w := l.Writer(account, region, "g", "a")
	w.Write(Event{Millis: 2, Message: "two"}, Event{Millis: 1, Message: "one"})
	same(t, messages(query(t, l, Query{Group: "g"})), []string{"one", "two"})
	l.Writer(account, region, "g", "b").Write(Event{Millis: 1, Message: "other"})
	w.Write(Event{Millis: 2, Message: "again two"}, Event{Millis: 3, Message: ""})
	same(t, messages(query(t, l, Query{Group: "g"})), []string{"one", "other", "two", "again two", ""})
	same(t, messages(query(t, l, Query{Group: "g", Streams: []string{"b"}})), []string{"other"})
	same(t, messages(query(t, l, Query{Group: "g", Streams: []string{"none"}})), []string(nil))
	same(t, messages(query(t, l, Query{Group: "g", StreamPrefix: "a"})), []string{"one", "two", "again two", ""})
	same(t, messages(query(t, l, Query{Group: "none"})), []string(nil))
	if _, _, err := store.Get[state.LogGroup](s, state.LogGroupKey(account, region, "g")); err != nil {
		t.Errorf("the group was not made: %v", err)
	}
}

// Flush waits for events that another flush is writing: whoever flushed before
// looking for a group must find it.
func TestFlushWaitsForOthers(t *testing.T) {
	s := storetest.New(t)
	l := open(t, s, Options{})
	for i := range 100 {
		name := fmt.Sprint("g", i)
		l.Writer(account, region, name, "s").Write(Event{Millis: 1, Message: "one"})
		other := make(chan error, 1)
		go func() { other <- l.Flush(t.Context()) }()
		for range i {
			runtime.Gosched() // lets the other get further each time
		}
		if err := l.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, _, err := store.Get[state.LogGroup](s, state.LogGroupKey(account, region, name)); err != nil {
			t.Fatalf("group %s after Flush: %v", name, err)
		}
		if err := <-other; err != nil {
			t.Fatal(err)
		}
	}
}

func TestPaging(t *testing.T) {
	l := open(t, storetest.New(t), Options{})
	w := l.Writer(account, region, "g", "s")
	var want []string
	for i := range 50 {
		w.Write(Event{Millis: int64(i / 3), Message: fmt.Sprint(i)})
		want = append(want, fmt.Sprint(i))
		if i%7 == 0 {
			if err := l.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	var forward []string
	for after, more := First(), true; more; {
		p := query(t, l, Query{Group: "g", After: after, Limit: 7})
		forward, after, more = append(forward, messages(p)...), p.Resume, p.More
	}
	same(t, forward, want)
	var backward []string
	for before, more := Last(), true; more; {
		p := query(t, l, Query{Group: "g", After: First(), Before: before, Limit: 7, Backward: true})
		backward, before, more = append(messages(p), backward...), p.Resume, p.More
	}
	same(t, backward, want)
	same(t, messages(query(t, l, Query{Group: "g", After: AtOrAfter(2), Before: BeforeTime(4)})), want[6:12])
	same(t, messages(query(t, l, Query{Group: "g", Match: func(m string) bool { return m == "31" }})), []string{"31"})
	same(t, len(query(t, l, Query{Group: "g", MaxBytes: 5}).Events), 5)
}

func TestStreams(t *testing.T) {
	l := open(t, storetest.New(t), Options{Now: func() time.Time { return time.UnixMilli(100) }})
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(l.CreateStream(ctx, account, region, "g", "empty"))
	if err := l.CreateStream(ctx, account, region, "g", "empty"); err != ErrStreamExists {
		t.Errorf("created twice: %v", err)
	}
	l.Writer(account, region, "g", "seen").Write(Event{Millis: 5, Message: "x"}, Event{Millis: 3, Message: "y"})
	list := func() []Stream {
		streams, err := l.Streams(ctx, account, region, "g")
		must(err)
		return streams
	}
	seen := Stream{Name: "seen", CreatedMillis: 100, FirstMillis: 3, LastMillis: 5, IngestionMillis: 100}
	same(t, list(), []Stream{{Name: "empty", CreatedMillis: 100}, seen})
	if err := l.CreateStream(ctx, account, region, "g", "seen"); err != ErrStreamExists {
		t.Errorf("a stream that events made was created: %v", err)
	}

	must(l.DeleteStream(ctx, account, region, "g", "seen"))
	if err := l.DeleteStream(ctx, account, region, "g", "seen"); err != ErrStreamNotFound {
		t.Errorf("deleted twice: %v", err)
	}
	same(t, list(), []Stream{{Name: "empty", CreatedMillis: 100}})
	same(t, messages(query(t, l, Query{Group: "g"})), []string(nil))
	must(l.CreateStream(ctx, account, region, "g", "seen"))
	same(t, messages(query(t, l, Query{Group: "g"})), []string(nil))
	must(l.Put(ctx, account, region, "g", "seen", []Event{{Millis: 9, Message: "new"}}))
	same(t, messages(query(t, l, Query{Group: "g"})), []string{"new"})

	must(l.DeleteGroup(ctx, account, region, "g"))
	same(t, messages(query(t, l, Query{Group: "g"})), []string(nil))
	same(t, list(), []Stream{})
	if err := l.DeleteGroup(ctx, account, region, "g"); err == nil {
		t.Error("a group was deleted twice")
	}
}

func TestRetention(t *testing.T) {
	s := storetest.New(t)
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	l := open(t, s, Options{Now: func() time.Time { return now }})
	ctx := t.Context()
	for _, days := range []int{10, 3, 0} {
		if err := l.Put(ctx, account, region, "g", "s", []Event{{Millis: now.AddDate(0, 0, -days).UnixMilli(), Message: fmt.Sprint(days)}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := store.Update(ctx, s, state.LogGroupKey(account, region, "g"), func(g *state.LogGroup) error { g.RetentionDays = 5; return nil }); err != nil {
		t.Fatal(err)
	}
	same(t, messages(query(t, l, Query{Group: "g"})), []string{"3", "0"})
	l.expire(ctx)
	if _, err := store.Update(ctx, s, state.LogGroupKey(account, region, "g"), func(g *state.LogGroup) error { g.RetentionDays = 0; return nil }); err != nil {
		t.Fatal(err)
	}
	same(t, messages(query(t, l, Query{Group: "g"})), []string{"3", "0"})
}

// Events survive a restart, and an index built from the journal is the one that
// was carried on.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	var want []string
	for i := range 3 {
		s, err := store.Open(t.Context(), store.Options{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		l, err := New(s, Options{})
		if err != nil {
			t.Fatal(err)
		}
		l.Writer(account, region, "g", "s").Write(Event{Millis: int64(i), Message: fmt.Sprint(i)})
		want = append(want, fmt.Sprint(i))
		if i == 1 {
			same(t, messages(query(t, l, Query{Group: "g"})), want)
		}
		if err := l.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			same(t, messages(query(t, l, Query{Group: "g"})), want)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A writer that is faster than the disk loses lines, never memory or time, and
// says so.
func TestFlood(t *testing.T) {
	l := open(t, storetest.New(t), Options{MaxPending: 1 << 20})
	w := l.Writer(account, region, "g", "s")
	line := strings.Repeat("x", 1000)
	const lines = 100_000
	for i := range lines {
		w.Write(Event{Millis: int64(i), Message: line})
	}
	page := query(t, l, Query{Group: "g", Limit: lines + 10, MaxBytes: 1 << 30})
	kept, dropped := 0, 0
	for _, e := range page.Events {
		var n int
		if _, err := fmt.Sscanf(e.Message, "stagedoor: %d log events of this stream were dropped", &n); err == nil {
			dropped += n
			continue
		}
		kept++
	}
	if kept+dropped != lines || dropped == 0 {
		t.Errorf("%d lines kept and %d reported as dropped, of %d", kept, dropped, lines)
	}
}

func TestLongLinesAreCut(t *testing.T) {
	l := open(t, storetest.New(t), Options{})
	l.Writer(account, region, "g", "s").Write(Event{Message: strings.Repeat("ü", MaxMessage)})
	got := query(t, l, Query{Group: "g"}).Events[0].Message
	if len(got) > MaxMessage || len(got) < MaxMessage-1 || strings.ContainsRune(got, '\uFFFD') {
		t.Errorf("%d bytes", len(got))
	}
}

func TestManyStreamsAndGroups(t *testing.T) {
	l := open(t, storetest.New(t), Options{})
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 300 {
				w := l.Writer(account, region, fmt.Sprint("g", g), fmt.Sprint("stream-", i))
				w.Write(Event{Millis: int64(i), Message: fmt.Sprint(g, "/", i)})
			}
		})
	}
	wg.Wait()
	for g := range 4 {
		streams, err := l.Streams(t.Context(), account, region, fmt.Sprint("g", g))
		if err != nil || len(streams) != 300 {
			t.Fatalf("%d streams, %v", len(streams), err)
		}
		same(t, messages(query(t, l, Query{Group: fmt.Sprint("g", g), Streams: []string{"stream-77"}})), []string{fmt.Sprint(g, "/77")})
	}
}

// Whatever is encoded comes back, whole and in order, over any number of chunks.
func TestChunkRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type event struct {
			Stream  string
			Millis  int64
			Message string
		}
		events := rapid.SliceOf(rapid.Custom(func(t *rapid.T) event {
			return event{rapid.SampledFrom([]string{"", "a", "b/c"}).Draw(t, "stream"), rapid.Int64Range(-1<<50, 1<<50).Draw(t, "millis"),
				strings.Repeat("m", rapid.SampledFrom([]int{0, 1, 300_000}).Draw(t, "length"))}
		})).Draw(t, "events")
		var e encoder
		for _, ev := range events {
			e.event(e.stream(ev.Stream), ev.Millis, ev.Message)
		}
		var got []event
		for _, ev := range decodeAll(e.chunks(7)) {
			got = append(got, event{ev.Stream, ev.Millis, ev.Message})
		}
		if !slices.Equal(got, events) {
			t.Fatalf("%d events came back as %d others", len(events), len(got))
		}
	})
}

func FuzzChunk(f *testing.F) {
	var e encoder
	e.event(e.stream("s"), 5, "message")
	f.Add(e.chunks(1)[0])
	f.Fuzz(func(t *testing.T, data []byte) {
		_ = decodeChunk(data, func(string, int64, int, int64, []byte) bool { return true })
	})
}

func BenchmarkWrite(b *testing.B) {
	s, err := store.Open(context.Background(), store.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	l := open(b, s, Options{})
	w := l.Writer(account, region, "/aws/lambda/f", "2026/11/22/[$LATEST]0123456789abcdef0123456789abcdef")
	b.ReportAllocs()
	n := int64(0)
	for b.Loop() {
		w.Write(Event{Millis: n, Message: "START RequestId: 8c0d2c0e-6a3c-4a5c-8a5e-9a3c1a9e9f00 Version: $LATEST"})
		if n++; n%100_000 == 0 {
			b.StopTimer() // the writer is faster than any disk
			if err := l.Flush(context.Background()); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	}
}

// When the journal cannot be written, events wait in memory, keep their order
// and are not written twice.
func TestPutBack(t *testing.T) {
	l := open(t, storetest.New(t), Options{})
	w := l.Writer(account, region, "g", "s")
	g := l.group(account, region, "g")
	g.flushing.Lock() // before the first event: the background flush must not take any
	for i := range 3 {
		w.Write(Event{Millis: int64(i), Message: fmt.Sprint(i) + strings.Repeat("x", 200_000)})
	}
	g.mu.Lock()
	g.buf, g.spare = g.spare, g.buf
	g.buf.epoch = g.spare.epoch + 1
	chunks := len(g.spare.chunks(0))
	g.mu.Unlock()
	w.Write(Event{Millis: 9, Message: "later"})
	g.putBack(1) // the first chunk was written
	g.flushing.Unlock()
	var got []string
	for _, m := range messages(query(t, l, Query{Group: "g"})) {
		got = append(got, m[:1])
	}
	if chunks != 2 || !slices.Equal(got, []string{"2", "l"}) {
		t.Errorf("%d chunks, then %q", chunks, got)
	}
	w.Write(Event{Millis: 10, Message: "after"})
	same(t, len(query(t, l, Query{Group: "g", Streams: []string{"s"}}).Events), 3)
}
