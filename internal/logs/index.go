package logs

import (
	"context"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// indexBatch is how many chunks are read from the journal at once: at most 32 MB.
const indexBatch = 64

// index says which chunk of the journal holds what of one group. About 60 bytes
// a chunk: 10 chunks a second for a whole day take 50 MB, a group that is
// written now and then next to nothing.
type index struct {
	generation uint64
	next       uint64 // first sequence of the journal not yet indexed
	chunks     []chunkInfo
	streams    map[string]*streamInfo
	names      []*streamInfo // by number
}

type chunkInfo struct {
	seq      uint64
	min, max int64   // times of its events
	streams  []int32 // numbers of the streams with events in it
}

type streamInfo struct {
	number                 int32
	name                   string
	created                int64 // first ingestion
	first, last, ingestion int64
	cleared                uint64 // chunks up to here do not count
}

// indexed calls f with the index of g, current with everything written so far.
func (l *Logs) indexed(ctx context.Context, g *group, f func(*index) error) error {
	if err := l.flush(ctx, g); err != nil {
		return err
	}
	g.indexing.Lock()
	defer g.indexing.Unlock()
	if generation := g.generation.Load(); g.index == nil || g.index.generation != generation {
		g.index = &index{generation: generation, streams: map[string]*streamInfo{}}
	}
	for {
		entries, err := l.journal.Read(ctx, g.chunk, g.index.next, indexBatch)
		if err != nil {
			g.index = nil
			return err
		}
		for _, entry := range entries {
			g.index.add(l, g, entry)
		}
		if len(entries) < indexBatch {
			return f(g.index)
		}
	}
}

func (x *index) add(l *Logs, g *group, entry store.Entry) {
	x.next = entry.Seq + 1
	info := chunkInfo{seq: entry.Seq}
	seen := map[int32]bool{}
	err := decodeChunk(entry.Data, func(stream string, ingestion int64, _ int, millis int64, _ []byte) bool {
		s := x.stream(l, g, stream, ingestion)
		if entry.Seq <= s.cleared {
			return true
		}
		if len(seen) == 0 {
			info.min, info.max = millis, millis
		}
		info.min, info.max = min(info.min, millis), max(info.max, millis)
		if !seen[s.number] {
			seen[s.number] = true
			info.streams = append(info.streams, s.number)
		}
		if s.ingestion == 0 {
			s.created, s.first, s.last = ingestion, millis, millis
		}
		s.first, s.last, s.ingestion = min(s.first, millis), max(s.last, millis), ingestion
		return true
	})
	if err != nil {
		l.log.Error("a chunk of log events is left out", "group", g.name, "entry", entry.Seq, "error", err)
		return
	}
	if len(seen) > 0 {
		x.chunks = append(x.chunks, info)
	}
}

func (x *index) stream(l *Logs, g *group, name string, ingestion int64) *streamInfo {
	s := x.streams[name]
	if s == nil {
		s = &streamInfo{number: int32(len(x.names)), name: name}
		if rec, _, err := store.Get[state.LogStream](l.s, state.LogStreamKey(g.account, g.region, g.name, name)); err == nil {
			s.cleared = rec.ClearedSeq
		}
		x.streams[name] = s
		x.names = append(x.names, s)
	}
	return s
}
