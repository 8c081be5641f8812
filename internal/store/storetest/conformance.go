package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// Note is the record of the suite's tests.
type Note struct {
	Text string            `json:"text"`
	N    int               `json:"n"`
	Tags map[string]string `json:"tags,omitempty"`
}

// Run checks that what open returns behaves as package store promises. open is
// called once for each test and must give an empty store.
func Run(t *testing.T, open func(t *testing.T) *store.Store) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *store.Store)
	}{
		{"records", testRecords},
		{"update", testUpdate},
		{"update under contention", testContention},
		{"list", testList},
		{"views", testViews},
		{"changes", testChanges},
		{"batch", testBatch},
		{"delete under", testDeleteUnder},
		{"large records", testLarge},
		{"blobs", testBlobs},
		{"journal", testJournal},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

func noteKey(tokens ...string) state.Key { return state.NewKey("test", "note").Child(tokens...) }

func want(t *testing.T, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("error %v, want %v", err, target)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("-want +got:\n%s", diff)
	}
}

func testRecords(t *testing.T, s *store.Store) {
	ctx, key := t.Context(), noteKey("a b", "ü.x", "")
	_, _, err := store.Get[Note](s, key)
	want(t, err, store.ErrNotFound)
	want(t, store.Delete(ctx, s, key), store.ErrNotFound)

	rev, err := store.Create(ctx, s, key, &Note{Text: "one"})
	must(t, err)
	rec, at, err := store.Get[Note](s, key)
	must(t, err)
	same(t, rec, &Note{Text: "one"})
	if at != rev {
		t.Errorf("revision %d, want that of Create, %d", at, rev)
	}
	if again, _, _ := store.Get[Note](s, key); again != rec {
		t.Error("a second Get decoded again")
	}
	_, err = store.Create(ctx, s, key, &Note{Text: "two"})
	want(t, err, store.ErrExists)

	next, err := store.Put(ctx, s, key, &Note{Text: "three"})
	must(t, err)
	if next <= rev {
		t.Errorf("revision %d after %d", next, rev)
	}
	must(t, store.Delete(ctx, s, key))
	_, _, err = store.Get[Note](s, key)
	want(t, err, store.ErrNotFound)
	_, err = store.Create(ctx, s, key, &Note{Text: "four"})
	must(t, err)
	rec, _, err = store.Get[Note](s, key)
	must(t, err)
	same(t, rec, &Note{Text: "four"})
}

func testUpdate(t *testing.T, s *store.Store) {
	ctx, key := t.Context(), noteKey("u")
	_, err := store.Update(ctx, s, key, func(*Note) error { return nil })
	want(t, err, store.ErrNotFound)
	_, err = store.Create(ctx, s, key, &Note{Tags: map[string]string{"a": "1"}})
	must(t, err)
	before, _, _ := store.Get[Note](s, key)
	after, err := store.Update(ctx, s, key, func(n *Note) error {
		n.Tags["b"] = "2"
		return nil
	})
	must(t, err)
	same(t, before.Tags, map[string]string{"a": "1"})
	same(t, after.Tags, map[string]string{"a": "1", "b": "2"})
	refusal := errors.New("no")
	_, err = store.Update(ctx, s, key, func(n *Note) error {
		n.Tags["c"] = "3"
		return refusal
	})
	if err != refusal {
		t.Errorf("error %v, want the one of change itself", err)
	}
	now, _, _ := store.Get[Note](s, key)
	same(t, now, after)
}

func testContention(t *testing.T, s *store.Store) {
	ctx, key := t.Context(), noteKey("counter")
	_, err := store.Create(ctx, s, key, &Note{})
	must(t, err)
	const writers, each = 8, 10
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				if _, err := store.Update(ctx, s, key, func(n *Note) error { n.N++; return nil }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	created := make(chan int, writers)
	for i := range writers {
		wg.Go(func() {
			if _, err := store.Create(ctx, s, noteKey("race"), &Note{N: i}); err == nil {
				created <- i
			} else if !errors.Is(err, store.ErrExists) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	rec, _, _ := store.Get[Note](s, key)
	if rec.N != writers*each {
		t.Errorf("counted to %d, want %d", rec.N, writers*each)
	}
	if len(created) != 1 {
		t.Errorf("%d of %d racing Creates succeeded, want 1", len(created), writers)
	}
}

func testList(t *testing.T, s *store.Store) {
	ctx := t.Context()
	for _, name := range []string{"b", "a", "a-b", "c", "a/b"} {
		for _, sub := range []string{"2", "1"} {
			_, err := store.Create(ctx, s, noteKey(name, sub), &Note{Text: name + sub})
			must(t, err)
		}
	}
	_, err := store.Create(ctx, s, noteKey("a"), &Note{Text: "itself"})
	must(t, err)
	texts := func(prefix state.Key) (texts []string) {
		for _, item := range store.List[Note](s, prefix) {
			texts = append(texts, item.Record.Text)
		}
		return texts
	}
	same(t, texts(noteKey("a")), []string{"itself", "a1", "a2"})
	same(t, texts("test.note"), []string{"itself", "a-b1", "a-b2", "a1", "a2", "a/b1", "a/b2", "b1", "b2", "c1", "c2"})
	same(t, len(texts("")), 11)
	same(t, len(texts("test.not")), 0)
}

func testViews(t *testing.T, s *store.Store) {
	ctx := t.Context()
	_, err := store.Create(ctx, s, noteKey("v", "1"), &Note{N: 1})
	must(t, err)
	compile := func(_ state.Key, rec *Note, _ uint64) int { return rec.N * 10 }
	view := store.NewView(s, noteKey("v"), compile)
	_, err = store.Create(ctx, s, noteKey("v", "2"), &Note{N: 2})
	must(t, err)
	_, err = store.Create(ctx, s, noteKey("w", "3"), &Note{N: 3})
	must(t, err)
	got := map[state.Key]int{}
	for k, c := range view.All() {
		got[k] = c
	}
	same(t, got, map[state.Key]int{noteKey("v", "1"): 10, noteKey("v", "2"): 20})
	_, err = store.Update(ctx, s, noteKey("v", "2"), func(n *Note) error { n.N = 7; return nil })
	must(t, err)
	if c, ok := view.Get(noteKey("v", "2")); !ok || c != 70 {
		t.Errorf("compiled %d, %v after Update, want 70: a view must show what was written", c, ok)
	}
	must(t, store.Delete(ctx, s, noteKey("v", "1")))
	if _, ok := view.Get(noteKey("v", "1")); ok {
		t.Error("a deleted record is still in the view")
	}
	key := noteKey("v", "2")
	if n := testing.AllocsPerRun(100, func() { view.Get(key) }); n != 0 {
		t.Errorf("View.Get allocates %v times", n)
	}
}

func testChanges(t *testing.T, s *store.Store) {
	ctx, key := t.Context(), noteKey("c")
	_, err := store.Create(ctx, s, key, &Note{N: 1})
	must(t, err)
	var mu sync.Mutex
	var seen []string
	var last uint64
	store.OnChange(s, "test", func(_ state.Key, old, new *Note, revision uint64) {
		mu.Lock()
		defer mu.Unlock()
		text := func(n *Note) string {
			if n == nil {
				return "-"
			}
			return fmt.Sprint(n.N)
		}
		seen = append(seen, text(old)+text(new))
		if revision <= last {
			t.Errorf("revision %d after %d", revision, last)
		}
		last = revision
	})
	_, err = store.Put(ctx, s, key, &Note{N: 2})
	must(t, err)
	must(t, store.Delete(ctx, s, key))
	_, err = store.Create(ctx, s, key, &Note{N: 3})
	must(t, err)
	same(t, seen, []string{"-1", "12", "2-", "-3"})
}

func testBatch(t *testing.T, s *store.Store) {
	ctx, a, b, c := t.Context(), noteKey("ba"), noteKey("bb"), noteKey("bc")
	must(t, store.Apply(ctx, s))
	must(t, store.Apply(ctx, s, store.CreateOp(a, &Note{N: 1}), store.CreateOp(b, &Note{N: 2}), store.PutOp(c, &Note{N: 3}, 0)))
	rec, rev, err := store.Get[Note](s, b)
	must(t, err)
	same(t, rec.N, 2)

	want(t, store.Apply(ctx, s, store.PutOp(a, &Note{N: 9}, 0), store.CreateOp(b, &Note{})), store.ErrExists)
	want(t, store.Apply(ctx, s, store.PutOp(a, &Note{N: 9}, 0), store.DeleteOp(noteKey("none"), 0)), store.ErrNotFound)
	want(t, store.Apply(ctx, s, store.PutOp(a, &Note{N: 9}, 0), store.PutOp(b, &Note{N: 9}, rev+100)), store.ErrConflict)
	rec, _, err = store.Get[Note](s, a)
	must(t, err)
	same(t, rec.N, 1)

	must(t, store.Apply(ctx, s, store.DeleteOp(a, 0), store.PutOp(b, &Note{N: 22}, rev)))
	_, _, err = store.Get[Note](s, a)
	want(t, err, store.ErrNotFound)
	rec, _, _ = store.Get[Note](s, b)
	same(t, rec.N, 22)
	must(t, store.Apply(ctx, s, store.CreateOp(a, &Note{N: 5})))
}

func testDeleteUnder(t *testing.T, s *store.Store) {
	ctx := t.Context()
	for i := range 5 {
		_, err := store.Create(ctx, s, noteKey("d", fmt.Sprint(i)), &Note{})
		must(t, err)
	}
	_, err := store.Create(ctx, s, noteKey("e"), &Note{})
	must(t, err)
	must(t, store.DeleteUnder(ctx, s, noteKey("d")))
	must(t, store.DeleteUnder(ctx, s, noteKey("d")))
	same(t, len(store.List[Note](s, "test")), 1)
}

func testLarge(t *testing.T, s *store.Store) {
	ctx, key := t.Context(), noteKey("large")
	text := string(bytes.Repeat([]byte("an API of several megabytes, "), 200_000))
	_, err := store.Create(ctx, s, key, &Note{Text: text})
	must(t, err)
	rec, _, err := store.Get[Note](s, key)
	must(t, err)
	if rec.Text != text {
		t.Error("a large record came back changed")
	}
	_, err = store.Put(ctx, s, key, &Note{Text: noise(16 << 20)})
	want(t, err, store.ErrTooLarge)
}

// noise is text that does not compress to less than half.
func noise(n int) string {
	out := make([]byte, n)
	x := uint64(88172645463325252)
	for i := range out {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		out[i] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"[x%64]
	}
	return string(out)
}

func testBlobs(t *testing.T, s *store.Store) {
	ctx := t.Context()
	for _, size := range []int{0, 1, 512 << 10, 512<<10 + 1, 3 << 20} {
		data := []byte(noise(size))
		digest, err := s.PutBlob(ctx, data)
		must(t, err)
		again, err := s.PutBlob(ctx, data)
		must(t, err)
		same(t, again, digest)
		got, err := s.GetBlob(ctx, digest)
		must(t, err)
		if !bytes.Equal(got, data) {
			t.Errorf("a blob of %d bytes came back changed", size)
		}
		must(t, s.DeleteBlob(ctx, digest))
		must(t, s.DeleteBlob(ctx, digest))
		_, err = s.GetBlob(ctx, digest)
		want(t, err, store.ErrNotFound)
	}
	_, err := s.GetBlob(ctx, "not a digest")
	want(t, err, store.ErrNotFound)
}

func testJournal(t *testing.T, s *store.Store) {
	ctx := t.Context()
	j, err := s.Journal(ctx, store.JournalConfig{Name: "test"})
	must(t, err)
	if again, err := s.Journal(ctx, store.JournalConfig{Name: "test"}); err != nil || again != j {
		t.Errorf("opened again: %p, %v, want %p", again, err, j)
	}
	var seqs []uint64
	for i := range 10 {
		seq, err := j.Append(ctx, state.NewKey("s", fmt.Sprint(i%2)), fmt.Append(nil, i))
		must(t, err)
		seqs = append(seqs, seq)
	}
	read := func(entries []store.Entry, err error) string {
		must(t, err)
		var out []byte
		for _, e := range entries {
			out = append(out, e.Data...)
		}
		return string(out)
	}
	same(t, read(j.Read(ctx, "", 0, 100)), "0123456789")
	same(t, read(j.Read(ctx, "", seqs[3], 4)), "3456")
	same(t, read(j.Read(ctx, "s.1", 0, 100)), "13579")
	same(t, read(j.Read(ctx, "s", 0, 100)), "0123456789")
	same(t, read(j.Read(ctx, "none", 0, 100)), "")
	same(t, read(j.Last(ctx, "", 3)), "789")
	same(t, read(j.Last(ctx, "s.0", 2)), "68")
	must(t, j.Purge(ctx, "s.0"))
	same(t, read(j.Read(ctx, "", 0, 100)), "13579")
	must(t, j.Purge(ctx, ""))
	same(t, read(j.Read(ctx, "", 0, 100)), "")
	seq, err := j.Append(ctx, "s.2", []byte("x"))
	must(t, err)
	if seq <= seqs[9] {
		t.Errorf("sequence %d after %d: numbers must not come twice", seq, seqs[9])
	}
}
