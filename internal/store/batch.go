package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stagedoor/stagedoor/internal/state"
)

// maxBatch is how many operations one Apply takes: the limit of NATS
// (streamDefaultMaxAtomicBatchSize).
const maxBatch = 1000

// Op is one operation of an Apply.
type Op struct {
	key      state.Key
	kind     opKind
	record   any
	revision uint64
}

type opKind int

const (
	opCreate opKind = iota
	opPut
	opDelete
)

// CreateOp writes a record that must not exist.
func CreateOp[T any](key state.Key, rec *T) Op { return Op{key: key, kind: opCreate, record: rec} }

// PutOp writes a record if its revision is still the given one; 0: whatever is
// there.
func PutOp[T any](key state.Key, rec *T, revision uint64) Op {
	return Op{key: key, kind: opPut, record: rec, revision: revision}
}

// DeleteOp removes a record if its revision is still the given one; 0: the one
// this node sees.
func DeleteOp(key state.Key, revision uint64) Op {
	return Op{key: key, kind: opDelete, revision: revision}
}

// Apply writes all of ops or none: ErrExists, ErrNotFound or ErrConflict names
// an operation that could not be done. Other readers see the changes one after
// the other, in the order of ops. A batch costs 20 to 100 times one write
// (NATS stages it separately): keep what changes together in one record.
func Apply(ctx context.Context, s *Store, ops ...Op) error {
	if len(ops) == 0 {
		return nil
	}
	if len(ops) > maxBatch {
		return fmt.Errorf("apply %d operations: a batch takes at most %d", len(ops), maxBatch)
	}
	if err := s.usable(); err != nil {
		return err
	}
	msgs := make([]*nats.Msg, len(ops))
	for i, op := range ops {
		msg, err := s.prepare(op)
		if err != nil {
			return err
		}
		msgs[i] = msg
	}
	ctx, cancel := s.context(ctx)
	defer cancel()
	last, err := s.publishBatch(ctx, msgs)
	if err != nil {
		if isWrongLast(err) {
			for _, op := range ops {
				if err := s.catchUp(ctx, op.key); err != nil {
					return err
				}
			}
			return fmt.Errorf("%w: one of %d records of a batch", ErrConflict, len(ops))
		}
		if failed := s.failed.Load(); failed != nil {
			return *failed
		}
		return fmt.Errorf("write a batch of %d records: %w", len(ops), err)
	}
	return s.mirror.wait(last)
}

// prepare makes op's message, with the sequence that its subject must have.
func (s *Store) prepare(op Op) (*nats.Msg, error) {
	e, found := s.mirror.byKey.get(op.key)
	expected := op.revision
	switch {
	case op.kind == opCreate && found:
		return nil, keyError(ErrExists, op.key)
	case op.kind == opCreate:
		expected = s.grave(op.key)
	case op.kind == opDelete && !found:
		return nil, keyError(ErrNotFound, op.key)
	case op.kind == opDelete && expected == 0:
		expected = e.revision
	case op.kind == opPut && expected == 0:
		expected = anyRevision
	}
	var payload []byte
	if op.kind != opDelete {
		var err error
		if payload, err = json.Marshal(op.record); err != nil {
			return nil, fmt.Errorf("encode %s: %w", op.key, err)
		}
	}
	msg := &nats.Msg{Subject: recordsSubject + string(op.key), Data: seal(op.key, payload, compressRecordFrom), Header: nats.Header{}}
	if expected != anyRevision {
		msg.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(expected, 10))
	}
	return msg, s.fits(op.key, msg)
}

// publishBatch sends msgs as one atomic batch (ADR-50) and returns the sequence
// of the last of them. nats.go 1.55 has the stream option but no client for it.
func (s *Store) publishBatch(ctx context.Context, msgs []*nats.Msg) (uint64, error) {
	id := rand.Text()
	for i, msg := range msgs {
		msg.Header.Set("Nats-Batch-Id", id)
		msg.Header.Set("Nats-Batch-Sequence", strconv.Itoa(i+1))
		if i == len(msgs)-1 {
			break
		}
		if i > 0 {
			// Only the first and the last message are answered.
			if err := s.conn.PublishMsg(msg); err != nil {
				return 0, err
			}
			continue
		}
		if err := s.batchReply(ctx, msg, nil); err != nil {
			return 0, err
		}
	}
	commit := msgs[len(msgs)-1]
	commit.Header.Set("Nats-Batch-Commit", "1")
	var ack jetstream.PubAck
	if err := s.batchReply(ctx, commit, &ack); err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

func (s *Store) batchReply(ctx context.Context, msg *nats.Msg, ack *jetstream.PubAck) error {
	reply, err := s.conn.RequestMsgWithContext(ctx, msg)
	if err != nil {
		return err
	}
	if len(reply.Data) == 0 {
		return nil
	}
	var answer struct {
		*jetstream.PubAck
		Error *jetstream.APIError `json:"error"`
	}
	if answer.PubAck = ack; ack == nil {
		answer.PubAck = &jetstream.PubAck{}
	}
	if err := json.Unmarshal(reply.Data, &answer); err != nil {
		return fmt.Errorf("an answer that is no publish acknowledgement: %w", err)
	}
	if answer.Error != nil {
		return answer.Error
	}
	return nil
}

// DeleteUnder removes every record under prefix, all or none while there are
// at most 1,000 of them, else in batches of so many.
func DeleteUnder(ctx context.Context, s *Store, prefix state.Key) error {
	var ops []Op
	s.mirror.ordered.Load().under(prefix, func(e *entry) bool {
		ops = append(ops, DeleteOp(e.key, e.revision))
		return true
	})
	for len(ops) > 0 {
		n := min(len(ops), maxBatch)
		if n == 1 {
			if err := Delete(ctx, s, ops[0].key); err != nil {
				return err
			}
		} else if err := Apply(ctx, s, ops[:n]...); err != nil {
			return err
		}
		ops = ops[n:]
	}
	return nil
}
