package metrics

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stagedoor/stagedoor/internal/store"
)

const (
	defaultFlushEvery = 5 * time.Second
	// maxBackoff bounds the pause between tries when the journal cannot be
	// written.
	maxBackoff = 2 * time.Minute
	// maxPendingPoints bounds what waits for a journal that cannot be written,
	// some 20 MB.
	maxPendingPoints = 100_000

	// Retention is how long metrics are kept (CloudWatch-UG:
	// cloudwatch_concepts, "Metrics retention": "Data points with a period of 60
	// seconds (1 minute) are available for 15 days").
	Retention = 15 * 24 * time.Hour

	defaultMaxBytes = 256 << 20
	maxShards       = 16
)

// Options tune Metrics.
type Options struct {
	Logger *slog.Logger     // nil: slog.Default()
	Now    func() time.Time // nil: time.Now
	// MaxBytes bounds the journal on the disk; beyond it the oldest metrics go.
	// 0: 256 MiB.
	MaxBytes int64
	// FlushEvery is how long what was counted may wait in memory: what a kill -9
	// loses. 0: 5 s.
	FlushEvery time.Duration
}

// Metrics is the store of metrics. New makes it, Close ends it.
type Metrics struct {
	log     *slog.Logger
	now     func() time.Time
	every   time.Duration                  // between flushes
	journal func() (*store.Journal, error) // opened at first use: an idle process has none

	shards  []shard
	free    chan *buffer // counted buffers
	queueMu sync.Mutex
	queue   []*buffer // full ones

	// flushing is held while pending observations move to the journal, and for
	// reading while both are summed, so that nothing is seen twice or never.
	flushing sync.RWMutex

	// listing is taken by whoever lists series: a million of them are a quarter
	// of a gigabyte for the moment, which ten at once must not have ten times.
	listing chan struct{}

	mu      sync.Mutex
	pending table               // guarded by mu
	targets map[target]*counted // of pending, guarded by mu
	entries map[hourKey]int     // entries written by this process, guarded by flushing
	process uint64              // of the stamps of these entries
	count   uint64              // the last stamp's, guarded by flushing

	dirty atomic.Bool   // wake was signalled since the last flush
	wake  chan struct{} // something was recorded
	full  chan struct{} // a buffer is full
	stop  chan struct{}
	done  chan struct{}

	closed atomic.Bool
}

// New makes the store of metrics over s and starts the goroutine that writes
// them out. Nothing is read or written before the first call.
func New(s *store.Store, o Options) (*Metrics, error) {
	m := &Metrics{
		log: o.Logger, now: o.Now, every: o.FlushEvery,
		pending: table{}, targets: map[target]*counted{}, entries: map[hourKey]int{}, process: rand.Uint64(),
		wake: make(chan struct{}, 1), full: make(chan struct{}, 1), listing: make(chan struct{}, 1),
		stop: make(chan struct{}), done: make(chan struct{}),
	}
	if m.log == nil {
		m.log = slog.Default()
	}
	if m.now == nil {
		m.now = time.Now
	}
	if m.every == 0 {
		m.every = defaultFlushEvery
	}
	n := 1
	for n < min(2*runtime.GOMAXPROCS(0), maxShards) {
		n *= 2
	}
	m.shards = make([]shard, n)
	m.free = make(chan *buffer, n)
	maxBytes := o.MaxBytes
	if maxBytes == 0 {
		maxBytes = defaultMaxBytes
	}
	m.journal = func() (*store.Journal, error) {
		return s.Journal(context.Background(), store.JournalConfig{Name: "metrics", MaxAge: Retention, MaxBytes: maxBytes})
	}
	go m.run()
	return m, nil
}

// Close writes what is pending and ends. What is counted afterwards is lost.
func (m *Metrics) Close(ctx context.Context) error {
	if m.closed.Swap(true) {
		return nil
	}
	close(m.stop)
	<-m.done
	return m.Flush(ctx)
}

// run counts full buffers and writes out what is pending. It sleeps, without a
// timer, while there is nothing.
func (m *Metrics) run() {
	defer close(m.done)
	wait := time.NewTimer(m.every)
	wait.Stop()
	defer wait.Stop()
	for failures := 0; ; {
		select {
		case <-m.stop:
			return
		case <-m.full:
			m.mu.Lock()
			m.drainQueue()
			m.mu.Unlock()
		case <-m.wake:
			wait.Reset(min(m.every<<failures, maxBackoff))
		case <-wait.C:
			err := m.Flush(context.Background())
			if err == nil {
				failures = 0
				m.compactDue(context.Background())
				continue
			}
			if failures == 0 {
				m.log.Error("metrics stay in memory for now", "error", err)
			}
			failures = min(failures+1, 8)
			m.touch()
		}
	}
}
