package store

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stagedoor/stagedoor/internal/state"
)

// grave is a tombstone: the message that says that a record was deleted.
type grave struct {
	seq uint64
	at  time.Time
}

const (
	// sweepFrom is how many tombstones may gather before they are cleared away:
	// each takes some 150 bytes of the disk and is read at every start.
	sweepFrom = 2000
	// sweepAge is how old a tombstone must be on an external server, where
	// another node that was cut off has yet to read it.
	sweepAge = time.Hour
)

// sweeper clears tombstones away in the background.
type sweeper struct {
	running atomic.Bool
	done    sync.WaitGroup
}

// sweepSome starts a sweep if there is enough to clear away and none runs.
func (s *Store) sweepSome() {
	s.mirror.mu.Lock()
	n := len(s.mirror.graves)
	s.mirror.mu.Unlock()
	if n < sweepFrom || s.closed.Load() || s.sweeper.running.Swap(true) {
		return
	}
	s.sweeper.done.Go(func() {
		defer s.sweeper.running.Store(false)
		if err := s.sweep(context.Background()); err != nil && !s.closed.Load() {
			s.log.Warn("clear deleted records away", "error", err)
		}
	})
}

func (s *Store) sweep(ctx context.Context) error {
	var before time.Time
	if s.server == nil {
		before = time.Now().Add(-sweepAge)
	}
	swept := map[state.Key]grave{}
	s.mirror.mu.Lock()
	for key, g := range s.mirror.graves {
		if before.IsZero() || g.at.Before(before) {
			swept[key] = g
		}
	}
	s.mirror.mu.Unlock()
	// The seal must not list a record of which not even the tombstone is left.
	if err := s.sealing.now(); err != nil {
		return err
	}
	for key, g := range swept {
		if s.closed.Load() {
			return nil
		}
		if err := s.dig(ctx, key, g); err != nil {
			return err
		}
	}
	return nil
}

// dig removes one tombstone. If the key was written since, its tombstone is
// gone already.
func (s *Store) dig(ctx context.Context, key state.Key, g grave) error {
	ctx, cancel := s.context(ctx)
	defer cancel()
	err := s.records.DeleteMsg(ctx, g.seq)
	var api *jetstream.APIError
	gone := errors.Is(err, jetstream.ErrMsgNotFound) || errors.As(err, &api) && (api.ErrorCode == jetstream.JSErrCodeMessageNotFound || api.ErrorCode == streamMsgDeleteFailed)
	if err != nil && !gone {
		return err
	}
	s.mirror.mu.Lock()
	defer s.mirror.mu.Unlock()
	if s.mirror.graves[key].seq == g.seq {
		delete(s.mirror.graves, key)
	}
	return nil
}

// streamMsgDeleteFailed is JSStreamMsgDeleteFailedF, which nats.go has no name
// for.
const streamMsgDeleteFailed = 10057
