package store

import (
	"encoding/json"
	"fmt"
	"sync/atomic"

	"github.com/stagedoor/stagedoor/internal/state"
)

// entry is one record of the mirror at one revision. It never changes but for
// its form: bytes until somebody reads it, a decoded record from then on.
type entry struct {
	key      state.Key
	revision uint64
	form     atomic.Pointer[form]
}

// form holds a record as bytes or decoded, not both: with 2,000 records that
// are read, keeping the bytes too would double the memory.
type form struct {
	payload    []byte
	compressed bool
	record     any // *T
}

func newEntry(key state.Key, revision uint64, payload []byte, compressed bool) *entry {
	e := &entry{key: key, revision: revision}
	e.form.Store(&form{payload: payload, compressed: compressed})
	return e
}

// decode returns the shared record of e, decoding it at the first call.
func decode[T any](e *entry) (*T, error) {
	f := e.form.Load()
	if rec, ok := f.record.(*T); ok {
		return rec, nil
	}
	rec, err := fresh[T](e)
	if err != nil {
		return nil, err
	}
	if f.record != nil {
		return rec, nil // read as two types: the first keeps the place
	}
	if e.form.CompareAndSwap(f, &form{record: rec}) {
		return rec, nil
	}
	if first, ok := e.form.Load().record.(*T); ok {
		return first, nil
	}
	return rec, nil
}

// fresh decodes a private copy of e's record.
func fresh[T any](e *entry) (*T, error) {
	data, err := e.json()
	if err != nil {
		return nil, err
	}
	rec := new(T)
	if err := json.Unmarshal(data, rec); err != nil {
		return nil, corrupt(e.key, fmt.Errorf("not a %T: %w", rec, err))
	}
	return rec, nil
}

func (e *entry) json() ([]byte, error) {
	f := e.form.Load()
	if f.record != nil {
		return json.Marshal(f.record)
	}
	data, err := inflate(f.payload, f.compressed)
	if err != nil {
		return nil, corrupt(e.key, err)
	}
	return data, nil
}
