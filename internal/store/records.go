package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stagedoor/stagedoor/internal/state"
)

// Item is one record of a List.
type Item[T any] struct {
	Key      state.Key
	Revision uint64
	Record   *T // shared, read-only
}

// maxTries bounds the retries of an Update that keeps losing to other writers.
const maxTries = 100

// Get returns the record of key and its revision, or ErrNotFound, or a
// CorruptError if its bytes are no T. The record is shared: read it only.
func Get[T any](s *Store, key state.Key) (rec *T, revision uint64, err error) {
	e, ok := s.mirror.byKey.get(key)
	if !ok {
		return nil, 0, keyError(ErrNotFound, key)
	}
	rec, err = decode[T](e)
	return rec, e.revision, err
}

// List returns the records under prefix, in the order of their keys, as they
// were at one moment. A record that is no T is logged and left out.
func List[T any](s *Store, prefix state.Key) []Item[T] {
	var items []Item[T]
	s.mirror.ordered.Load().under(prefix, func(e *entry) bool {
		rec, err := decode[T](e)
		if err != nil {
			s.log.Error("list records", "error", err)
			return true
		}
		items = append(items, Item[T]{Key: e.key, Revision: e.revision, Record: rec})
		return true
	})
	return items
}

// Create writes a record that must not exist yet: ErrExists.
func Create[T any](ctx context.Context, s *Store, key state.Key, rec *T) (revision uint64, err error) {
	payload, err := json.Marshal(rec)
	if err != nil {
		return 0, fmt.Errorf("encode %s: %w", key, err)
	}
	for range maxTries {
		if _, ok, err := s.current(ctx, key, false); err != nil {
			return 0, err
		} else if ok {
			return 0, keyError(ErrExists, key)
		}
		revision, err = s.write(ctx, key, payload, s.grave(key))
		if !errors.Is(err, ErrConflict) {
			return revision, err
		}
		if err := s.catchUp(ctx, key); err != nil {
			return 0, err
		}
	}
	return 0, keyError(ErrConflict, key)
}

// Put writes a record whatever was there.
func Put[T any](ctx context.Context, s *Store, key state.Key, rec *T) (revision uint64, err error) {
	payload, err := json.Marshal(rec)
	if err != nil {
		return 0, fmt.Errorf("encode %s: %w", key, err)
	}
	return s.write(ctx, key, payload, anyRevision)
}

// Update decodes a private copy of key's record, lets change alter it and
// writes it if nobody else wrote meanwhile; else it starts again, so change may
// run several times. It returns the record as written, shared from then on. An
// error of change is returned as it is and nothing is written.
func Update[T any](ctx context.Context, s *Store, key state.Key, change func(rec *T) error) (*T, error) {
	for range maxTries {
		e, ok, err := s.current(ctx, key, true)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, keyError(ErrNotFound, key)
		}
		rec, err := fresh[T](e)
		if err != nil {
			return nil, err
		}
		if err := change(rec); err != nil {
			return nil, err
		}
		payload, err := json.Marshal(rec)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", key, err)
		}
		if _, err = s.write(ctx, key, payload, e.revision); err == nil {
			return rec, nil
		} else if !errors.Is(err, ErrConflict) {
			return nil, err
		}
		if err := s.catchUp(ctx, key); err != nil {
			return nil, err
		}
	}
	return nil, keyError(ErrConflict, key)
}

// Delete removes a record: ErrNotFound if there is none.
func Delete(ctx context.Context, s *Store, key state.Key) error {
	for range maxTries {
		e, ok, err := s.current(ctx, key, true)
		if err != nil {
			return err
		}
		if !ok {
			return keyError(ErrNotFound, key)
		}
		_, err = s.write(ctx, key, nil, e.revision)
		if !errors.Is(err, ErrConflict) {
			return err
		}
		if err := s.catchUp(ctx, key); err != nil {
			return err
		}
	}
	return keyError(ErrConflict, key)
}

// anyRevision makes a write unconditional.
const anyRevision = ^uint64(0)

// write stores payload (nil: a tombstone) if the key's last sequence is
// expected, and waits until the mirror shows it.
func (s *Store) write(ctx context.Context, key state.Key, payload []byte, expected uint64) (uint64, error) {
	if err := s.usable(); err != nil {
		return 0, err
	}
	msg := &nats.Msg{Subject: recordsSubject + string(key), Data: seal(key, payload, compressRecordFrom)}
	if err := s.fits(key, msg); err != nil {
		return 0, err
	}
	ctx, cancel := s.context(ctx)
	defer cancel()
	var opts []jetstream.PublishOpt
	if expected != anyRevision {
		opts = append(opts, jetstream.WithExpectLastSequencePerSubject(expected))
	}
	ack, err := s.js.PublishMsg(ctx, msg, opts...)
	if err != nil {
		if failed := s.failed.Load(); failed != nil {
			return 0, *failed
		}
		return 0, writeError(key, err)
	}
	if err := s.mirror.wait(ack.Sequence); err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

// headroom is what subject and headers may take of a message, in bytes.
const headroom = 8 << 10

func (s *Store) fits(key state.Key, msg *nats.Msg) error {
	if limit := s.conn.MaxPayload(); int64(len(msg.Data)+headroom) > limit {
		return fmt.Errorf("%w: %s takes %d bytes compressed, the NATS server's max_payload is %d", ErrTooLarge, key, len(msg.Data), limit)
	}
	return nil
}

func writeError(key state.Key, err error) error {
	if isWrongLast(err) {
		return keyError(ErrConflict, key)
	}
	return fmt.Errorf("write %s: %w", key, err)
}

// grave returns the sequence of key's tombstone, 0 if there is none: what a
// Create must find.
func (s *Store) grave(key state.Key) uint64 {
	s.mirror.mu.Lock()
	defer s.mirror.mu.Unlock()
	return s.mirror.graves[key].seq
}

// current returns what the mirror shows of key. If that is not what the caller
// hopes for (present or absent) and other nodes may write too, it makes sure
// first that the mirror is not merely late.
func (s *Store) current(ctx context.Context, key state.Key, hope bool) (*entry, bool, error) {
	e, ok := s.mirror.byKey.get(key)
	if ok == hope || s.server != nil || s.usable() != nil {
		return e, ok, nil
	}
	if err := s.catchUp(ctx, key); err != nil {
		return nil, false, err
	}
	e, ok = s.mirror.byKey.get(key)
	return e, ok, nil
}

// catchUp waits, after a lost compare-and-set, until the mirror shows the
// change that won. A tombstone that was cleared away meanwhile is forgotten.
func (s *Store) catchUp(ctx context.Context, key state.Key) error {
	ctx, cancel := s.context(ctx)
	defer cancel()
	msg, err := s.records.GetLastMsgForSubject(ctx, recordsSubject+string(key))
	switch {
	case err == nil:
		return s.mirror.wait(msg.Sequence)
	case errors.Is(err, jetstream.ErrMsgNotFound):
		s.mirror.mu.Lock()
		delete(s.mirror.graves, key)
		s.mirror.mu.Unlock()
		return nil
	}
	return fmt.Errorf("read %s: %w", key, err)
}
