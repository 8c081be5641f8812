package logs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// Event is one log event.
type Event struct {
	Millis          int64 // Unix time of the event in milliseconds
	Message         string
	IngestionMillis int64 // when it was written; set by this package
}

// group is the buffer of one log group and the index of its events.
type group struct {
	logs                  *Logs
	account, region, name string
	key                   state.Key // of the record
	chunk                 state.Key // subject of the chunks

	mu      sync.Mutex // held for microseconds: Write takes it
	buf     encoder    // what is pending
	writing bool       // spare holds events that are on their way to the journal
	dropped map[*Writer]int

	// flushing is held while a chunk is written, so that chunks reach the
	// journal in the order of their events.
	flushing sync.Mutex
	spare    encoder // the other of two buffers; guarded by flushing

	indexing sync.Mutex
	index    *index // nil until the group is read; guarded by indexing
	// generation tells that the index is out of date: the group or one of its
	// streams was deleted.
	generation atomic.Uint64
}

// Writer writes to one stream of one group; both appear at the first write. It
// is safe for concurrent use.
type Writer struct {
	g      *group
	stream string

	// Guarded by g.mu: the number of the stream in the buffer of this epoch.
	epoch  uint64
	number int
}

// Writer returns a writer for a stream. Making one writes nothing.
func (l *Logs) Writer(account, region, group, stream string) *Writer {
	return &Writer{g: l.group(account, region, group), stream: stream}
}

// Write appends events to the stream. It never blocks and keeps nothing of
// events; a message longer than MaxMessage is cut.
func (w *Writer) Write(events ...Event) {
	g := w.g
	g.mu.Lock()
	first := g.buf.len() == 0
	for i := range events {
		if g.buf.len()+len(events[i].Message) > g.logs.maxPending {
			if g.dropped == nil {
				g.dropped = map[*Writer]int{}
			}
			g.dropped[w] += len(events) - i
			break
		}
		g.add(w, events[i].Millis, events[i].Message)
	}
	size := g.buf.len()
	g.mu.Unlock()
	if first && size > 0 {
		g.logs.signal(g.logs.wake)
	}
	if size >= flushBytes {
		g.logs.signal(g.logs.full)
	}
}

// add encodes one event. g.mu is held.
func (g *group) add(w *Writer, millis int64, message string) {
	if w.epoch != g.buf.epoch || w.epoch == 0 {
		if g.buf.epoch == 0 {
			g.buf.epoch = 1
		}
		w.epoch, w.number = g.buf.epoch, g.buf.stream(w.stream)
	}
	g.buf.event(w.number, millis, cut(message))
}

// cut shortens a message to MaxMessage, not within a character.
func cut(message string) string {
	if len(message) <= MaxMessage {
		return message
	}
	n := MaxMessage
	for n > MaxMessage-utf8.UTFMax && !utf8.RuneStart(message[n]) {
		n--
	}
	return message[:n]
}

// dirty reports whether some events are not in the journal yet: pending, or on
// their way, for whoever flushes must wait for those, too.
func (g *group) dirty() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.buf.len() > 0 || g.writing
}

func (g *group) written() {
	g.mu.Lock()
	g.writing = false
	g.mu.Unlock()
}

// reset drops what is pending and the index, after the group's deletion.
func (g *group) reset() {
	g.mu.Lock()
	g.buf.reset()
	g.dropped = nil
	g.mu.Unlock()
	// Not under indexing: this runs where changes are applied and must not
	// wait for a read of the journal. The index notices by its generation.
	g.generation.Add(1)
}

// flush writes what is pending in g as chunks.
func (l *Logs) flush(ctx context.Context, g *group) error {
	g.flushing.Lock()
	defer g.flushing.Unlock()
	g.mu.Lock()
	if g.buf.len() == 0 {
		g.mu.Unlock()
		return nil
	}
	g.reportDrops()
	epoch := g.buf.epoch
	g.buf, g.spare = g.spare, g.buf
	g.buf.reset()
	g.buf.epoch = epoch + 1
	g.writing = true
	g.mu.Unlock()
	defer g.written()
	written, err := l.write(ctx, g, &g.spare)
	switch {
	case errors.Is(err, store.ErrTooLarge):
		// An external server with a small max_payload: trying again is no use.
		l.log.Error("log events are lost", "group", g.name, "error", err)
	case err != nil:
		g.putBack(written)
		return err
	}
	g.spare.reset()
	return nil
}

// reportDrops puts a line into the streams that lost some. g.mu is held.
func (g *group) reportDrops() {
	for w, n := range g.dropped {
		g.add(w, g.logs.now().UnixMilli(), fmt.Sprintf("stagedoor: %d log events of this stream were dropped here, because they came faster than they could be written", n))
	}
	clear(g.dropped)
}

// putBack returns to the buffer what could not be written (all but the first
// chunks), before what came since, unless that is too much.
func (g *group) putBack(written int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.spare.len()+g.buf.len() > g.logs.maxPending {
		g.logs.log.Error("log events are lost", "group", g.name, "bytes", g.spare.len())
		g.spare.reset()
		return
	}
	events := append(decodeAll(g.spare.chunks(0)[written:]), decodeAll(g.buf.chunks(0))...)
	epoch := g.buf.epoch + 1
	g.buf.reset()
	g.buf.epoch = epoch
	for _, e := range events {
		g.buf.event(g.buf.stream(e.Stream), e.Millis, e.Message)
	}
	g.spare.reset()
}

// write appends the chunks of e, making the group's record if there is none. It
// returns how many it wrote.
func (l *Logs) write(ctx context.Context, g *group, e *encoder) (written int, err error) {
	if err := l.ensureGroup(ctx, g); err != nil {
		return 0, err
	}
	for i, chunk := range e.chunks(l.now().UnixMilli()) {
		if _, err := l.journal.Append(ctx, g.chunk, chunk); err != nil {
			return i, err
		}
		written = i + 1
	}
	return written, nil
}

func (l *Logs) ensureGroup(ctx context.Context, g *group) error {
	if _, _, err := store.Get[state.LogGroup](l.s, g.key); err == nil {
		return nil
	}
	_, err := store.Create(ctx, l.s, g.key, &state.LogGroup{
		Account: g.account, Region: g.region, Name: g.name, CreatedMillis: l.now().UnixMilli(),
	})
	if errors.Is(err, store.ErrExists) {
		return nil
	}
	return err
}

// Put writes events to a stream and returns when they are on the disk.
func (l *Logs) Put(ctx context.Context, account, region, group, stream string, events []Event) error {
	g := l.group(account, region, group)
	if err := l.flush(ctx, g); err != nil {
		return err
	}
	var e encoder
	number := e.stream(stream)
	for _, event := range events {
		e.event(number, event.Millis, cut(event.Message))
	}
	g.flushing.Lock()
	defer g.flushing.Unlock()
	_, err := l.write(ctx, g, &e)
	return err
}
