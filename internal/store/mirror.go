package store

import (
	"hash/maphash"
	"slices"
	"sync/atomic"

	"github.com/stagedoor/stagedoor/internal/state"
)

// shards is the number of parts of a shardMap: a change copies one of them, so
// with 10,000 keys it copies about 40.
const shards = 256

// shardMap is a map that many read without locks while one goroutine changes
// it: each shard is an immutable map behind an atomic pointer, replaced whole.
// (sync.Map would allocate at each Load to box the string.)
type shardMap[V any] struct {
	seed  maphash.Seed
	parts [shards]atomic.Pointer[map[state.Key]V]
	// moved counts the keys that came and went; sorted are the keys as of one
	// of its values.
	moved  atomic.Uint64
	sorted atomic.Pointer[sortedKeys]
}

type sortedKeys struct {
	moved uint64
	keys  []state.Key
}

func newShardMap[V any]() *shardMap[V] {
	return &shardMap[V]{seed: maphash.MakeSeed()}
}

func (m *shardMap[V]) part(key state.Key) *atomic.Pointer[map[state.Key]V] {
	return &m.parts[maphash.String(m.seed, string(key))%shards]
}

func (m *shardMap[V]) get(key state.Key) (v V, ok bool) {
	part := m.part(key).Load()
	if part == nil {
		return v, false
	}
	v, ok = (*part)[key]
	return v, ok
}

// load sets key in place. Only for a map that nobody reads yet.
func (m *shardMap[V]) load(key state.Key, v V) {
	p := m.part(key)
	part := p.Load()
	if part == nil {
		part = &map[state.Key]V{}
		p.Store(part)
	}
	(*part)[key] = v
	m.moved.Add(1)
}

// set and remove are called by one goroutine at a time.
func (m *shardMap[V]) set(key state.Key, v V) {
	p := m.part(key)
	old := p.Load()
	var next map[state.Key]V
	if old == nil {
		next = make(map[state.Key]V, 1)
	} else {
		next = make(map[state.Key]V, len(*old)+1)
		for k, v := range *old {
			next[k] = v
		}
	}
	before := len(next)
	next[key] = v
	p.Store(&next)
	if len(next) != before {
		m.moved.Add(1)
	}
}

func (m *shardMap[V]) remove(key state.Key) {
	p := m.part(key)
	old := p.Load()
	if old == nil {
		return
	}
	next := make(map[state.Key]V, len(*old))
	for k, v := range *old {
		if k != key {
			next[k] = v
		}
	}
	p.Store(&next)
	m.moved.Add(1)
}

// keys are all keys, sorted. Nobody may change the slice.
func (m *shardMap[V]) keys() []state.Key {
	// Counted before the keys are gathered: what moves meanwhile makes the next
	// caller gather them again.
	moved := m.moved.Load()
	if s := m.sorted.Load(); s != nil && s.moved == moved {
		return s.keys
	}
	var keys []state.Key
	for i := range m.parts {
		if part := m.parts[i].Load(); part != nil {
			for k := range *part {
				keys = append(keys, k)
			}
		}
	}
	slices.Sort(keys)
	m.sorted.Store(&sortedKeys{moved, keys})
	return keys
}
