package logs

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// Position is the place of an event: events are ordered by time, and those of
// the same millisecond in the order in which they were written.
type Position struct {
	Millis int64
	Seq    uint64 // of the chunk in the journal
	Index  int    // within the chunk
}

// First and Last lie before and after every event.
func First() Position { return Position{Millis: math.MinInt64} }

// Last lies after every event.
func Last() Position { return Position{Millis: math.MaxInt64, Seq: math.MaxUint64, Index: math.MaxInt} }

// Compare orders positions.
func (p Position) Compare(q Position) int {
	return cmp.Or(cmp.Compare(p.Millis, q.Millis), cmp.Compare(p.Seq, q.Seq), cmp.Compare(p.Index, q.Index))
}

// Query asks for events of one group.
type Query struct {
	Account, Region, Group string

	// Streams to look in; nil: those whose name begins with StreamPrefix.
	Streams      []string
	StreamPrefix string

	// After and Before bound the places, both exclusive: time bounds are
	// positions too (AtOrAfter, BeforeTime). The zero Before is Last().
	After, Before Position

	// Match selects events by their message; nil: all.
	Match func(message string) bool

	// Limit and MaxBytes (of messages) bound the answer, 0: 10,000 and 1 MiB. The
	// oldest events after After are taken or, with Backward, the newest before
	// Before.
	Limit    int
	MaxBytes int
	Backward bool
}

// AtOrAfter is the position that, as Query.After, selects events at millis and
// later.
func AtOrAfter(millis int64) Position {
	return Position{Millis: millis - 1, Seq: math.MaxUint64, Index: math.MaxInt}
}

// BeforeTime is the position that, as Query.Before, selects events earlier than
// millis.
func BeforeTime(millis int64) Position { return Position{Millis: millis} }

// Page is the answer to a Query.
type Page struct {
	Events []StreamEvent // oldest first
	// More tells that the answer was cut, by Limit, MaxBytes or because too
	// much had to be searched; Resume is where to go on (as After, or as Before
	// when Backward). Without More it is past the last event looked at.
	More   bool
	Resume Position
}

// searchBytes is how much one Query decodes before it answers what it found, so
// that a filter that matches nothing in gigabytes does not hold a client up
// (FilterLogEvents too may answer an empty page with a token).
const searchBytes = 256 << 20

// Query returns the events of a page.
func (l *Logs) Query(ctx context.Context, q Query) (*Page, error) {
	if q.Before == (Position{}) {
		q.Before = Last()
	}
	if q.Limit <= 0 {
		q.Limit = 10_000
	}
	if q.MaxBytes == 0 {
		q.MaxBytes = 1 << 20
	}
	g := l.group(q.Account, q.Region, q.Group)
	if hidden := l.hiddenBefore(g); hidden.Compare(q.After) > 0 {
		q.After = hidden
	}
	s := search{l: l, g: g, q: q, streams: map[string]uint64{}}
	err := l.indexed(ctx, g, func(x *index) error {
		s.choose(x)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.run(ctx)
}

// hiddenBefore is the position before which the group's retention hides events.
func (l *Logs) hiddenBefore(g *group) Position {
	rec, _, err := store.Get[state.LogGroup](l.s, g.key)
	if err != nil || rec.RetentionDays == 0 {
		return First()
	}
	return AtOrAfter(l.now().Add(-time.Duration(rec.RetentionDays) * 24 * time.Hour).UnixMilli())
}

// search is one run of a Query.
type search struct {
	l       *Logs
	g       *group
	q       Query
	streams map[string]uint64 // wanted, and up to where they are cleared
	chunks  []chunkInfo       // that may hold wanted events, nearest first
	events  []StreamEvent
	ahead   map[uint64]store.Entry // read together with a chunk before
	read    int                    // bytes
}

// choose picks the chunks and streams that matter.
func (s *search) choose(x *index) {
	wanted := map[int32]bool{}
	for _, info := range x.names {
		if s.q.Streams != nil && !slices.Contains(s.q.Streams, info.name) || !strings.HasPrefix(info.name, s.q.StreamPrefix) {
			continue
		}
		wanted[info.number] = true
		s.streams[info.name] = info.cleared
	}
	for _, chunk := range x.chunks {
		if chunk.max < s.q.After.Millis || chunk.min > s.q.Before.Millis {
			continue
		}
		if slices.ContainsFunc(chunk.streams, func(n int32) bool { return wanted[n] }) {
			s.chunks = append(s.chunks, chunk)
		}
	}
	slices.SortFunc(s.chunks, func(a, b chunkInfo) int {
		if s.q.Backward {
			return cmp.Or(cmp.Compare(b.max, a.max), cmp.Compare(b.seq, a.seq))
		}
		return cmp.Or(cmp.Compare(a.min, b.min), cmp.Compare(a.seq, b.seq))
	})
}

func (s *search) run(ctx context.Context) (*Page, error) {
	for i, chunk := range s.chunks {
		if s.complete(chunk) {
			break
		}
		if s.read > searchBytes {
			if page := s.partial(chunk); page != nil {
				return page, nil
			}
		}
		if err := s.take(ctx, chunk, s.chunks[i:]); err != nil {
			return nil, err
		}
	}
	return s.page(), nil
}

// complete reports that nothing in chunk, or in those after it, can come before
// the last event of a full page.
func (s *search) complete(chunk chunkInfo) bool {
	s.trim()
	if len(s.events) <= s.q.Limit {
		return false // one more than the limit tells that there is more
	}
	edge := s.events[s.q.Limit].At.Millis
	if s.q.Backward {
		return chunk.max < edge
	}
	return chunk.min > edge
}

// trim sorts what was found, nearest first, and keeps Limit+1.
func (s *search) trim() {
	if len(s.events) <= s.q.Limit {
		return
	}
	s.sort()
	s.events = s.events[:s.q.Limit+1]
}

func (s *search) sort() {
	slices.SortFunc(s.events, func(a, b StreamEvent) int {
		if s.q.Backward {
			a, b = b, a
		}
		return a.At.Compare(b.At)
	})
}

// take adds the wanted events of chunk.
func (s *search) take(ctx context.Context, chunk chunkInfo, following []chunkInfo) error {
	entry, ok, err := s.fetch(ctx, chunk.seq, following)
	if err != nil || !ok {
		return err
	}
	s.read += len(entry.Data)
	return decodeChunk(entry.Data, func(stream string, ingestion int64, index int, millis int64, message []byte) bool {
		at := Position{Millis: millis, Seq: entry.Seq, Index: index}
		cleared, wanted := s.streams[stream]
		if !wanted || entry.Seq <= cleared || at.Compare(s.q.After) <= 0 || at.Compare(s.q.Before) >= 0 {
			return true
		}
		text := string(message)
		if s.q.Match == nil || s.q.Match(text) {
			s.events = append(s.events, StreamEvent{Stream: stream, At: at, Event: Event{Millis: millis, Message: text, IngestionMillis: ingestion}})
		}
		if len(s.events) > 4*s.q.Limit+1024 {
			s.trim()
		}
		return true
	})
}

// fetch reads a chunk, and those that follow it in the journal if they are
// needed next. A chunk that the journal dropped meanwhile is not ok.
func (s *search) fetch(ctx context.Context, seq uint64, following []chunkInfo) (store.Entry, bool, error) {
	if entry, ok := s.ahead[seq]; ok {
		delete(s.ahead, seq)
		return entry, true, nil
	}
	n := 1
	for n < len(following) && n < 16 && following[n].seq > following[n-1].seq {
		n++
	}
	entries, err := s.l.journal.Read(ctx, s.g.chunk, seq, n)
	if err != nil || len(entries) == 0 || entries[0].Seq != seq {
		return store.Entry{}, false, err
	}
	s.ahead = map[uint64]store.Entry{}
	for _, entry := range entries[1:] {
		s.ahead[entry.Seq] = entry
	}
	return entries[0], true, nil
}

// partial is the answer of a search that ran too long before chunk: what was
// found is complete up to the nearest time of chunk. nil if that would be no
// progress.
func (s *search) partial(chunk chunkInfo) *Page {
	resume := AtOrAfter(chunk.min)
	if s.q.Backward {
		resume = BeforeTime(chunk.max + 1)
	}
	beyond := func(p Position) bool {
		if s.q.Backward {
			return p.Compare(resume) < 0
		}
		return p.Compare(resume) > 0
	}
	from := s.q.After
	if s.q.Backward {
		from = s.q.Before
	}
	if !beyond(resume) && (from == resume || beyond(from)) {
		return nil
	}
	s.events = slices.DeleteFunc(s.events, func(e StreamEvent) bool { return beyond(e.At) })
	page := s.page()
	if !page.More {
		page.More, page.Resume = true, resume
	}
	return page
}

// page cuts what was found to the limits.
func (s *search) page() *Page {
	s.sort()
	n, size := 0, 0
	for n < len(s.events) && n < s.q.Limit {
		size += len(s.events[n].Message)
		if size > s.q.MaxBytes && n > 0 {
			break
		}
		n++
	}
	page := &Page{More: n < len(s.events), Events: s.events[:n:n], Resume: s.q.After}
	if s.q.Backward {
		page.Resume = s.q.Before
	}
	if n > 0 {
		page.Resume = page.Events[n-1].At
	}
	if s.q.Backward {
		slices.Reverse(page.Events)
	}
	return page
}
