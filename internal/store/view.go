package store

import (
	"iter"

	"github.com/stagedoor/stagedoor/internal/state"
)

// View is a compiled picture of the records under one prefix. It is kept
// current by the goroutine that feeds the mirror and read without locks.
type View[C any] struct {
	m *shardMap[C]
}

// NewView compiles every record under prefix with compile, now and at each
// change. compile must not block and must not write to s; a record that is no T
// is logged and left out. Views live as long as the store.
func NewView[T, C any](s *Store, prefix state.Key, compile func(key state.Key, rec *T, revision uint64) C) *View[C] {
	v := &View[C]{m: newShardMap[C]()}
	set := v.m.load // in place, until somebody can read v
	s.watch(prefix, func(_, e *entry) {
		rec, err := decode[T](e)
		if err != nil {
			s.log.Error("compile a record", "error", err)
			return
		}
		set(e.key, compile(e.key, rec, e.revision))
	}, func(old *entry, _ uint64) { v.m.remove(old.key) }, func() { set = v.m.set })
	return v
}

// Get returns the compiled record of key. It allocates nothing.
func (v *View[C]) Get(key state.Key) (C, bool) { return v.m.get(key) }

// All yields the compiled records in the order of their keys.
func (v *View[C]) All() iter.Seq2[state.Key, C] {
	return func(yield func(state.Key, C) bool) {
		for _, key := range v.m.keys() {
			if c, ok := v.m.get(key); ok && !yield(key, c) {
				return
			}
		}
	}
}

// OnChange calls f for every record under prefix, now (old is nil), and then
// for each change in the order of the revisions; new is nil when the record is
// deleted. f must not block and must not write to s.
func OnChange[T any](s *Store, prefix state.Key, f func(key state.Key, old, new *T, revision uint64)) {
	read := func(e *entry) *T {
		if e == nil {
			return nil
		}
		rec, err := decode[T](e)
		if err != nil {
			s.log.Error("follow a record", "error", err)
		}
		return rec
	}
	s.watch(prefix, func(old, e *entry) {
		if rec := read(e); rec != nil {
			f(e.key, read(old), rec, e.revision)
		}
	}, func(old *entry, revision uint64) { f(old.key, read(old), nil, revision) }, func() {})
}

// watch runs set for every record under prefix and ready after the last, then
// registers set and gone for changes; no change is lost or seen twice between.
func (s *Store) watch(prefix state.Key, set func(old, e *entry), gone func(old *entry, revision uint64), ready func()) {
	m := &s.mirror
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ordered.Load().under(prefix, func(e *entry) bool {
		set(nil, e)
		return true
	})
	ready()
	m.watchers = append(m.watchers, watcher{prefix: prefix, apply: func(old, next *entry, revision uint64) {
		if next == nil {
			gone(old, revision)
			return
		}
		set(old, next)
	}})
}
