package store

import (
	"hash/maphash"
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
	next[key] = v
	p.Store(&next)
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
}

func (m *shardMap[V]) keys() []state.Key {
	var keys []state.Key
	for i := range m.parts {
		if part := m.parts[i].Load(); part != nil {
			for k := range *part {
				keys = append(keys, k)
			}
		}
	}
	return keys
}
