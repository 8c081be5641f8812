package store

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stagedoor/stagedoor/internal/state"
)

const (
	recordsStream  = "STAGEDOOR_STATE"
	recordsSubject = "stagedoor.state."
)

// dedupeWindow is the shortest that NATS allows. Nothing here relies on message
// ids, and at start the server reads every message of the window (2 minutes by
// default): 5 ms for 2,000 records.
const dedupeWindow = 100 * time.Millisecond

// mirror is this node's picture of the records stream.
type mirror struct {
	byKey   *shardMap[*entry]
	seed    treeSeed
	ordered atomic.Pointer[tree]
	applied atomic.Uint64 // highest sequence that mirror and views show

	mu       sync.Mutex          // held while changes are applied and views are added
	watchers []watcher           // guarded by mu
	graves   map[state.Key]grave // tombstones; guarded by mu

	waitMu  sync.Mutex
	waiting []waiter
	failure error
}

type watcher struct {
	prefix state.Key
	apply  func(old, next *entry, revision uint64) // one of the entries may be nil
}

type waiter struct {
	revision uint64
	done     chan error
}

func (m *mirror) init() {
	m.byKey = newShardMap[*entry]()
	m.seed = maphash.MakeSeed()
	m.graves = map[state.Key]grave{}
}

// wait returns when the mirror and every view have applied revision.
func (m *mirror) wait(revision uint64) error {
	if m.applied.Load() >= revision {
		return nil
	}
	m.waitMu.Lock()
	if m.failure != nil || m.applied.Load() >= revision {
		defer m.waitMu.Unlock()
		return m.failure
	}
	w := waiter{revision: revision, done: make(chan error, 1)}
	m.waiting = append(m.waiting, w)
	m.waitMu.Unlock()
	return <-w.done
}

func (m *mirror) advance(revision uint64) {
	m.waitMu.Lock()
	m.applied.Store(revision)
	m.waiting = slices.DeleteFunc(m.waiting, func(w waiter) bool {
		if w.revision > revision {
			return false
		}
		w.done <- nil
		return true
	})
	m.waitMu.Unlock()
}

// fail ends every wait, now and later, with err.
func (m *mirror) fail(err error) {
	m.waitMu.Lock()
	if m.failure == nil {
		m.failure = err
	}
	for _, w := range m.waiting {
		w.done <- m.failure
	}
	m.waiting = nil
	m.waitMu.Unlock()
}

// openRecords finds or makes the stream of records.
func (s *Store) openRecords(ctx context.Context, o Options) (jetstream.Stream, error) {
	ctx, cancel := s.context(ctx)
	defer cancel()
	stream, err := s.js.Stream(ctx, recordsStream)
	if err == nil {
		return stream, readable(stream, o.URL)
	}
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, s.explain(err, o.URL)
	}
	if s.server != nil {
		if err := s.server.dir.mayBeEmpty(); err != nil {
			return nil, err
		}
	}
	stream, err = s.js.CreateStream(ctx, jetstream.StreamConfig{
		Name:               recordsStream,
		Description:        "stagedoor: all records",
		Subjects:           []string{recordsSubject + ">"},
		Storage:            s.storage,
		Replicas:           s.replicas,
		MaxMsgsPerSubject:  1,
		Discard:            jetstream.DiscardNew,
		Duplicates:         dedupeWindow,
		AllowDirect:        true,
		AllowAtomicPublish: true,
		DenyPurge:          true, // nobody empties the state by a slip
		Metadata:           map[string]string{formatKey: fmt.Sprint(dirFormat)},
	})
	if err != nil {
		return nil, s.explain(err, o.URL)
	}
	return stream, nil
}

// formatKey names, in the stream's metadata, the version of the layout: what
// format.json is to a data directory.
const formatKey = "stagedoor.format"

// readable refuses a stream that a newer version of stagedoor made.
func readable(stream jetstream.Stream, url string) error {
	format := stream.CachedInfo().Config.Metadata[formatKey]
	if n, err := strconv.Atoi(format); err == nil && n > dirFormat {
		return fmt.Errorf("the state on %s was %w (format %d, this version reads up to %d): use that version, or export with it and import here",
			url, errNewerFormat, n, dirFormat)
	}
	return nil
}

// explain adds the remedy to what a server answers at start.
func (s *Store) explain(err error, url string) error {
	switch {
	case url == "":
		return fmt.Errorf("open store: %w", err)
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return fmt.Errorf("the NATS server %s has no JetStream: %w; start it with \"nats-server -js\" or enable JetStream for the account", url, err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the NATS server %s did not answer in time: %w; in a cluster, JetStream needs a majority of its servers", url, err)
	}
	return fmt.Errorf("open store on %s: %w", url, err)
}

// feed is the subscription that keeps the mirror current.
type feed struct {
	consumer jetstream.Consumer
	consume  jetstream.ConsumeContext
}

func (f *feed) stop(s *Store) {
	if f.consume != nil {
		f.consume.Stop()
		<-f.consume.Closed()
	}
	if f.consumer == nil || s.conn.Status() != nats.CONNECTED {
		return
	}
	// A consumer that still waits for messages delays the embedded server's
	// shutdown by 50 ms.
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if info := f.consumer.CachedInfo(); info != nil {
		_ = s.js.DeleteConsumer(ctx, recordsStream, info.Name)
	}
}

// loading gathers the records that are there at Open.
type loading struct {
	mu      sync.Mutex
	entries []*entry
	done    chan error // the outcome, once
}

func (l *loading) add(e *entry) {
	l.mu.Lock()
	l.entries = append(l.entries, e)
	l.mu.Unlock()
}

func (l *loading) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.entries)
}

// load fills the mirror with everything the stream holds, then leaves the feed
// running.
func (s *Store) load(ctx context.Context) error {
	info := s.records.CachedInfo()
	consumer, err := s.js.OrderedConsumer(ctx, recordsStream, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy})
	if err != nil {
		return fmt.Errorf("read the records: %w", err)
	}
	load := &loading{done: make(chan error, 1)}
	if info.State.Msgs > 0 {
		s.loaded = load
	} else {
		s.mirror.applied.Store(info.State.LastSeq)
	}
	s.feed.consumer = consumer
	s.feed.consume, err = consumer.Consume(s.receive,
		jetstream.PullMaxMessages(4096),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
			if !s.closed.Load() {
				s.log.Warn("following the records", "error", err)
			}
		}))
	if err != nil {
		return fmt.Errorf("read the records: %w", err)
	}
	if info.State.Msgs == 0 {
		return nil
	}
	return s.awaitLoad(ctx, load)
}

// stallAfter is how long the initial load may make no progress before the store
// looks for records that cannot be read.
const stallAfter = 250 * time.Millisecond

// awaitLoad waits for the initial load. JetStream does not tell of a record
// that it cannot read: it skips it, and the load never ends.
func (s *Store) awaitLoad(ctx context.Context, load *loading) error {
	tick := time.NewTicker(stallAfter)
	defer tick.Stop()
	for before := -1; ; {
		select {
		case err := <-load.done:
			return err
		case <-ctx.Done():
			return fmt.Errorf("read the records: %w", ctx.Err())
		case <-tick.C:
			now := load.count()
			if now == before {
				if err := s.unreadable(ctx, load); err != nil {
					return err
				}
			}
			before = now
		}
	}
}

// unreadable names the records that are in the stream and were not delivered.
func (s *Store) unreadable(ctx context.Context, load *loading) error {
	ctx, cancel := s.context(ctx)
	defer cancel()
	info, err := s.records.Info(ctx, jetstream.WithSubjectFilter(recordsSubject+">"))
	if err != nil {
		return fmt.Errorf("read the records: %w", err)
	}
	load.mu.Lock()
	defer load.mu.Unlock()
	for _, e := range load.entries {
		delete(info.State.Subjects, recordsSubject+string(e.key))
	}
	s.mirror.mu.Lock()
	defer s.mirror.mu.Unlock()
	for key := range s.mirror.graves {
		delete(info.State.Subjects, recordsSubject+string(key))
	}
	if len(info.State.Subjects) == 0 {
		return nil
	}
	first := slices.Min(slices.Collect(maps.Keys(info.State.Subjects)))
	if _, err := s.records.GetLastMsgForSubject(ctx, first); err == nil {
		return nil // only slow
	}
	return corrupt(state.Key(strings.TrimPrefix(first, recordsSubject)), fmt.Errorf("the NATS server cannot read %d of %d records", len(info.State.Subjects), info.State.NumSubjects))
}

// receive takes one message of the stream, in order, in the one goroutine that
// feeds the mirror.
func (s *Store) receive(msg jetstream.Msg) {
	meta, err := msg.Metadata()
	if err != nil {
		s.damaged(fmt.Errorf("a message of the records stream without metadata: %w", err))
		return
	}
	key := state.Key(strings.TrimPrefix(msg.Subject(), recordsSubject))
	revision := meta.Sequence.Stream
	payload, compressed, deleted, err := unseal(key, msg.Data())
	if err != nil {
		s.damaged(corrupt(key, err))
		return
	}
	var next *entry
	if !deleted {
		next = newEntry(key, revision, payload, compressed)
	}
	if load := s.loaded; load != nil {
		if next != nil {
			load.add(next)
		} else {
			s.mirror.mu.Lock()
			s.mirror.graves[key] = grave{revision, meta.Timestamp}
			s.mirror.mu.Unlock()
		}
		if meta.NumPending == 0 {
			s.mirror.install(load.entries, revision)
			s.loaded = nil
			load.done <- nil
		}
		return
	}
	s.mirror.apply(key, next, revision, meta.Timestamp)
	s.sealing.changed()
	if next == nil {
		s.sweepSome()
	}
}

// install puts the loaded records in place. Nobody reads yet.
func (m *mirror) install(entries []*entry, revision uint64) {
	slices.SortFunc(entries, func(a, b *entry) int { return strings.Compare(string(a.key), string(b.key)) })
	for _, e := range entries {
		m.byKey.load(e.key, e)
	}
	m.ordered.Store(buildTree(m.seed, entries))
	m.advance(revision)
}

// apply shows one change, next nil for a deletion, in the mirror and then in
// every view.
func (m *mirror) apply(key state.Key, next *entry, revision uint64, at time.Time) {
	m.mu.Lock()
	old, _ := m.byKey.get(key)
	switch {
	case next != nil:
		m.byKey.set(key, next)
		m.ordered.Store(m.ordered.Load().insert(m.seed, next))
		delete(m.graves, key)
	default:
		if old != nil {
			m.byKey.remove(key)
			m.ordered.Store(m.ordered.Load().remove(key))
		}
		m.graves[key] = grave{revision, at}
	}
	if old != nil || next != nil {
		for _, w := range m.watchers {
			if key.Under(w.prefix) {
				w.apply(old, next, revision)
			}
		}
	}
	m.mu.Unlock()
	m.advance(revision)
}

// damaged stops the store's writes: what it shows may no longer be whole.
func (s *Store) damaged(err error) {
	s.fail(err)
	if load := s.loaded; load != nil {
		select {
		case load.done <- err:
		default:
		}
	}
}
