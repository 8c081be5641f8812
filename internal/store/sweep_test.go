package store

import (
	"fmt"
	"testing"

	"github.com/stagedoor/stagedoor/internal/state"
)

// Tombstones are cleared away, also when the process is killed in between, and
// their keys can be used again.
func TestSweep(t *testing.T) {
	type note struct{ N int }
	dir := t.TempDir()
	s, err := Open(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	const n = 50
	key := func(i int) state.Key { return state.NewKey("test", fmt.Sprint(i)) }
	for i := range n {
		if _, err := Create(t.Context(), s, key(i), &note{i}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.sealing.now(); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := Delete(t.Context(), s, key(i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Create(t.Context(), s, key(7), &note{77}); err != nil {
		t.Fatal(err)
	}
	if err := s.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.mirror.mu.Lock()
	if len(s.mirror.graves) != 0 {
		t.Errorf("%d tombstones are left", len(s.mirror.graves))
	}
	s.mirror.mu.Unlock()
	if _, err := Create(t.Context(), s, key(8), &note{88}); err != nil {
		t.Error(err)
	}
	s.sealing.mu.Lock()
	s.sealing.store = nil // as if killed: no seal at the end
	s.sealing.mu.Unlock()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(t.Context(), Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if info := s.records.CachedInfo(); info.State.Msgs != 2 {
		t.Errorf("%d messages after the sweep, want 2", info.State.Msgs)
	}
	if rec, _, err := Get[note](s, key(7)); err != nil || rec.N != 77 {
		t.Errorf("%+v, %v", rec, err)
	}
}
