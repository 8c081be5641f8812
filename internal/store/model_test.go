package store_test

import (
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
	"github.com/stagedoor/stagedoor/internal/store/storetest"
	"pgregory.net/rapid"
)

// machine compares a store, a view of it and its list of changes with a map,
// over any sequence of operations.
type machine struct {
	s      *store.Store
	prefix state.Key
	view   *store.View[int]
	model  map[state.Key]int
	seen   map[state.Key]int // what OnChange told
	next   int
}

func (m *machine) key(t *rapid.T) state.Key {
	return m.prefix.Child(rapid.SampledFrom([]string{"a", "b", "c", "a b", ""}).Draw(t, "key"))
}

func (m *machine) expect(t *rapid.T, err, want error) bool {
	if want == nil && err != nil || want != nil && !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
	return err == nil
}

func (m *machine) missing(key state.Key) error {
	if _, ok := m.model[key]; !ok {
		return store.ErrNotFound
	}
	return nil
}

func (m *machine) existing(key state.Key) error {
	if _, ok := m.model[key]; ok {
		return store.ErrExists
	}
	return nil
}

func (m *machine) note() *storetest.Note {
	m.next++
	return &storetest.Note{N: m.next}
}

func (m *machine) Create(t *rapid.T) {
	key, rec := m.key(t), m.note()
	_, err := store.Create(t.Context(), m.s, key, rec)
	if m.expect(t, err, m.existing(key)) {
		m.model[key] = rec.N
	}
}

func (m *machine) Put(t *rapid.T) {
	key, rec := m.key(t), m.note()
	_, err := store.Put(t.Context(), m.s, key, rec)
	if m.expect(t, err, nil) {
		m.model[key] = rec.N
	}
}

func (m *machine) Update(t *rapid.T) {
	key, rec := m.key(t), m.note()
	_, err := store.Update(t.Context(), m.s, key, func(old *storetest.Note) error {
		if old.N != m.model[key] {
			t.Fatalf("Update sees %d, want %d", old.N, m.model[key])
		}
		*old = *rec
		return nil
	})
	if m.expect(t, err, m.missing(key)) {
		m.model[key] = rec.N
	}
}

func (m *machine) Delete(t *rapid.T) {
	key := m.key(t)
	if m.expect(t, store.Delete(t.Context(), m.s, key), m.missing(key)) {
		delete(m.model, key)
	}
}

func (m *machine) Apply(t *rapid.T) {
	a, b := m.prefix.Child("a"), m.prefix.Child("b")
	one, two := m.note(), m.note()
	err := store.Apply(t.Context(), m.s, store.PutOp(a, one, 0), store.CreateOp(b, two))
	if m.expect(t, err, m.existing(b)) {
		m.model[a], m.model[b] = one.N, two.N
	}
}

func (m *machine) Check(t *rapid.T) {
	listed, viewed := map[state.Key]int{}, maps.Collect(m.view.All())
	for _, item := range store.List[storetest.Note](m.s, m.prefix) {
		listed[item.Key] = item.Record.N
		if rec, rev, err := store.Get[storetest.Note](m.s, item.Key); err != nil || rec.N != item.Record.N || rev != item.Revision {
			t.Fatalf("%s: listed %d at %d, got %+v at %d, %v", item.Key, item.Record.N, item.Revision, rec, rev, err)
		}
	}
	for what, got := range map[string]map[state.Key]int{"List": listed, "View": viewed, "OnChange": m.seen} {
		if diff := cmp.Diff(m.model, got); diff != "" {
			t.Fatalf("%s differs from the model:\n%s", what, diff)
		}
	}
}

func TestModel(t *testing.T) {
	s := storetest.New(t)
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		m := &machine{s: s, prefix: state.NewKey("model", fmt.Sprint(run)), model: map[state.Key]int{}, seen: map[state.Key]int{}}
		m.view = store.NewView(s, m.prefix, func(_ state.Key, rec *storetest.Note, _ uint64) int { return rec.N })
		store.OnChange(s, m.prefix, func(key state.Key, _, rec *storetest.Note, _ uint64) {
			if delete(m.seen, key); rec != nil {
				m.seen[key] = rec.N
			}
		})
		t.Repeat(map[string]func(*rapid.T){"create": m.Create, "put": m.Put, "update": m.Update, "delete": m.Delete, "apply": m.Apply, "": m.Check})
	})
}
