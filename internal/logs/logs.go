package logs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

const (
	// flushEvery is how long an event may wait in memory. Long enough that
	// 10,000 lines a second are ten synced writes, short enough that a kill -9
	// loses next to nothing and "tail --follow" looks live.
	flushEvery = 75 * time.Millisecond
	// maxBackoff bounds the pause between tries when the journal cannot be
	// written.
	maxBackoff = 30 * time.Second
	// flushBytes wakes the flush before its time.
	flushBytes = 512 << 10
	// MaxMessage is the size in bytes at which a line is cut: CloudWatch Logs'
	// largest event, 262,144 bytes of message and 26 of overhead (API
	// reference, PutLogEvents).
	MaxMessage = 262144 - 26
	// retentionEvery is how often expired events are removed from the disk.
	// Reads hide them at once.
	retentionEvery = time.Hour

	defaultMaxBytes   = 4 << 30
	defaultMaxPending = 8 << 20
)

// Options tune Logs.
type Options struct {
	Logger *slog.Logger     // nil: slog.Default()
	Now    func() time.Time // nil: time.Now
	// MaxBytes bounds the journal on the disk; beyond it the oldest events go.
	// 0: 4 GiB.
	MaxBytes int64
	// MaxPending bounds the bytes that one group may have waiting in memory. 0:
	// 8 MiB.
	MaxPending int
}

// Logs is the store of log events. New makes it, Close ends it.
type Logs struct {
	s          *store.Store
	journal    *store.Journal
	log        *slog.Logger
	now        func() time.Time
	maxPending int

	mu     sync.Mutex
	groups map[state.Key]*group // by the key of the group's record

	wake chan struct{} // something is pending
	full chan struct{} // a buffer reached flushBytes
	stop chan struct{}
	done chan struct{}

	closed atomic.Bool
}

// New opens the journal of events and starts the goroutine that writes it.
func New(s *store.Store, o Options) (*Logs, error) {
	l := &Logs{
		s: s, log: o.Logger, now: o.Now, maxPending: o.MaxPending,
		groups: map[state.Key]*group{},
		wake:   make(chan struct{}, 1), full: make(chan struct{}, 1),
		stop: make(chan struct{}), done: make(chan struct{}),
	}
	if l.log == nil {
		l.log = slog.Default()
	}
	if l.now == nil {
		l.now = time.Now
	}
	if l.maxPending == 0 {
		l.maxPending = defaultMaxPending
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMaxBytes
	}
	var err error
	if l.journal, err = s.Journal(context.Background(), store.JournalConfig{Name: "logs", MaxBytes: o.MaxBytes}); err != nil {
		return nil, err
	}
	store.OnChange(s, state.LogGroups, func(key state.Key, _, rec *state.LogGroup, _ uint64) {
		if rec == nil {
			l.forget(key)
		}
	})
	store.OnChange(s, state.LogStreams, func(_ state.Key, old, rec *state.LogStream, _ uint64) {
		if old != nil && (rec == nil || rec.ClearedSeq > old.ClearedSeq) {
			l.reindex(state.LogGroupKey(old.Account, old.Region, old.Group))
		}
	})
	go l.run()
	return l, nil
}

// Close writes what is pending and ends. Events written afterwards are lost.
func (l *Logs) Close(ctx context.Context) error {
	if l.closed.Swap(true) {
		return nil
	}
	close(l.stop)
	<-l.done
	return l.Flush(ctx)
}

// Flush returns when everything written so far is in the journal.
func (l *Logs) Flush(ctx context.Context) error {
	var errs []error
	for _, g := range l.pending() {
		if err := l.flush(ctx, g); err != nil {
			errs = append(errs, fmt.Errorf("write the events of log group %s: %w", g.name, err))
		}
	}
	return errors.Join(errs...)
}

func (l *Logs) pending() []*group {
	l.mu.Lock()
	defer l.mu.Unlock()
	var pending []*group
	for _, g := range l.groups {
		if g.dirty() {
			pending = append(pending, g)
		}
	}
	return pending
}

// run writes pending events out. It sleeps, without a timer, while there are
// none.
func (l *Logs) run() {
	defer close(l.done)
	expire := time.NewTicker(retentionEvery)
	defer expire.Stop()
	wait := time.NewTimer(flushEvery)
	wait.Stop()
	defer wait.Stop()
	for failures := 0; ; {
		select {
		case <-l.stop:
			return
		case <-expire.C:
			l.expire(context.Background())
			continue
		case <-l.wake:
		}
		full := l.full
		if failures > 0 {
			full = nil // the next try has time
		}
		wait.Reset(min(flushEvery<<failures, maxBackoff))
		select {
		case <-l.stop:
			return
		case <-full:
		case <-wait.C:
		}
		if err := l.Flush(context.Background()); err == nil {
			failures = 0
			continue
		} else if failures == 0 {
			l.log.Error("log events stay in memory for now", "error", err)
		}
		failures = min(failures+1, 16)
		l.signal(l.wake)
	}
}

func (l *Logs) signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// group returns the buffer of a group, whether or not the group exists.
func (l *Logs) group(account, region, name string) *group {
	key := state.LogGroupKey(account, region, name)
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.groups[key]
	if g == nil {
		g = &group{logs: l, account: account, region: region, name: name, key: key, chunk: journalKey(account, region, name)}
		l.groups[key] = g
	}
	return g
}

// forget drops what is pending and indexed of a group that was deleted.
func (l *Logs) forget(key state.Key) {
	l.mu.Lock()
	g := l.groups[key]
	l.mu.Unlock()
	if g != nil {
		g.reset()
	}
}

// reindex makes the next read of a group build its index anew.
func (l *Logs) reindex(key state.Key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if g := l.groups[key]; g != nil {
		g.generation.Add(1)
	}
}

// journalKey is the subject of a group's chunks.
func journalKey(account, region, name string) state.Key {
	return state.NewKey(account, region, name)
}
