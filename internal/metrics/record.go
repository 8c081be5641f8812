package metrics

import (
	"math/rand/v2"
	"sync"
	"time"
)

// recordsPerBuffer is how many calls a buffer holds: some 20 KB.
const recordsPerBuffer = 128

// maxQueued bounds the full buffers that wait to be counted; who fills one more
// counts it.
const maxQueued = 64

// record is one call as the data plane leaves it: of a REST API, or of a
// function when function is set.
type record struct {
	target      target
	second      int64
	latency     time.Duration // Duration of a function
	integration time.Duration
	status      int16
	err         bool
	throttled   bool
	concurrent  int32
}

// target is what a call is counted for.
type target struct {
	place
	name     string // of the API or the function
	stage    string // or qualifier
	method   string // or executed version
	resource string
	canary   bool
	function bool
}

type buffer struct {
	n       int
	records [recordsPerBuffer]record
}

// shard is one of the buffers that are being filled. Its lock is held to copy
// one record; who finds it taken takes another.
type shard struct {
	mu  sync.Mutex
	buf *buffer
	_   [64]byte // shards lie in cache lines of their own
}

// APICall counts one request. It does not block, allocates nothing and keeps
// nothing of c but its strings. Any goroutine may call it.
func (m *Metrics) APICall(c *APICall) {
	s := m.shard()
	r := s.next(m)
	*r = record{
		target: target{place: place{c.Account, c.Region}, name: c.APIName, stage: c.Stage, method: c.Method, resource: c.Resource, canary: c.Canary},
		second: m.now().Unix(), latency: c.Latency, integration: c.IntegrationLatency, status: int16(c.Status),
	}
	m.recorded(s)
}

// FunctionCall counts one call of a function, as APICall counts a request.
func (m *Metrics) FunctionCall(c *FunctionCall) {
	s := m.shard()
	r := s.next(m)
	*r = record{
		target: target{place: place{c.Account, c.Region}, name: c.Function, stage: c.Qualifier, method: c.ExecutedVersion, function: true},
		// "The timestamp on a metric reflects when the function was invoked"
		// (Lambda-DG: monitoring-metrics-view).
		second: m.now().Add(-c.Duration).Unix(), latency: c.Duration,
		err: c.Err, throttled: c.Throttled, concurrent: int32(c.Concurrent),
	}
	m.recorded(s)
}

// shard returns a locked one.
func (m *Metrics) shard() *shard {
	first := int(rand.Uint32())
	for i := range m.shards {
		if s := &m.shards[(first+i)&(len(m.shards)-1)]; s.mu.TryLock() {
			return s
		}
	}
	s := &m.shards[first&(len(m.shards)-1)]
	s.mu.Lock()
	return s
}

// next is the place of the next record.
func (s *shard) next(m *Metrics) *record {
	if s.buf == nil {
		s.buf = m.newBuffer()
	}
	r := &s.buf.records[s.buf.n]
	s.buf.n++
	return r
}

// recorded unlocks a shard after its record was written.
func (m *Metrics) recorded(s *shard) {
	var full *buffer
	if s.buf.n == recordsPerBuffer {
		full, s.buf = s.buf, nil
	}
	s.mu.Unlock()
	if full != nil && !m.enqueue(full) {
		m.mu.Lock()
		m.countUp(full)
		m.mu.Unlock()
	}
	m.touch()
}

// touch sees to it that the goroutine comes by in a while.
func (m *Metrics) touch() {
	if !m.dirty.Load() && m.dirty.CompareAndSwap(false, true) {
		signal(m.wake)
	}
}

// enqueue leaves a full buffer to the goroutine; false: there are too many.
func (m *Metrics) enqueue(b *buffer) bool {
	m.queueMu.Lock()
	defer m.queueMu.Unlock()
	if len(m.queue) >= maxQueued {
		return false
	}
	m.queue = append(m.queue, b)
	signal(m.full)
	return true
}

func (m *Metrics) dequeue() *buffer {
	m.queueMu.Lock()
	defer m.queueMu.Unlock()
	n := len(m.queue)
	if n == 0 {
		return nil
	}
	b := m.queue[n-1]
	m.queue[n-1] = nil
	m.queue = m.queue[:n-1]
	return b
}

func (m *Metrics) newBuffer() *buffer {
	select {
	case b := <-m.free:
		return b
	default:
		return new(buffer)
	}
}

// countUp sums the records of a buffer into the pending table. m.mu is held.
func (m *Metrics) countUp(b *buffer) {
	for i := range b.records[:b.n] {
		m.tell(&b.records[i])
	}
	clear(b.records[:b.n]) // do not keep the strings alive
	b.n = 0
	select {
	case m.free <- b:
	default:
	}
}

// drain sums everything that was recorded before into the pending table. m.mu is
// held.
func (m *Metrics) drain() {
	m.drainQueue()
	for i := range m.shards {
		s := &m.shards[i]
		s.mu.Lock()
		b := s.buf
		s.buf = nil
		s.mu.Unlock()
		if b != nil {
			m.countUp(b)
		}
	}
	m.drainQueue() // a shard may have filled its buffer since the first time
}

func (m *Metrics) drainQueue() {
	for b := m.dequeue(); b != nil; b = m.dequeue() {
		m.countUp(b)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
