package metrics

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

const (
	// compactFrom is how many entries of the present hour are summed into one.
	compactFrom = 120
	// maxCompact bounds the bytes that are summed, and with them the memory for it:
	// 4 MiB can hold 250,000 series, which take 100 MB for the moment. An hour with
	// more stays as it was written; it is read all the same.
	maxCompact = 4 << 20
)

// compactDue sums the entries of hours that are over, or that are many. Only
// what this process wrote is looked at.
func (m *Metrics) compactDue(ctx context.Context) {
	present := hourOf(m.now().Unix())
	m.flushing.RLock()
	var due []hourKey
	for key, n := range m.entries {
		if n >= compactFrom || key.hour < present {
			due = append(due, key)
		}
	}
	m.flushing.RUnlock()
	for _, key := range due {
		if err := m.compact(ctx, key); err != nil {
			m.log.Warn("metrics are not summed up; they take more room than they should", "error", err)
			return
		}
	}
}

// compact sums the entries of one hour. The sum says up to which entry it goes,
// so whenever this is interrupted, and if two nodes do it at once, every
// observation counts once.
func (m *Metrics) compact(ctx context.Context, key hourKey) error {
	m.flushing.Lock()
	defer m.flushing.Unlock()
	delete(m.entries, key)
	journal, err := m.journal()
	if err != nil {
		return err
	}
	entries, err := journal.Read(ctx, key.subject(), 0, int(^uint(0)>>1))
	if err != nil || len(entries) < 2 {
		return err
	}
	size := 0
	for i := range entries {
		size += len(entries[i].Data)
	}
	if size > maxCompact {
		return nil
	}
	counted := effective(parse(entries))
	bodies := encode(key.hour, m.sum(key, counted))
	stamps := union(counted)
	for i, body := range bodies {
		h := header{stamps: stamps, part: uint64(i), parts: uint64(len(bodies))}
		if _, err := journal.Append(ctx, key.subject(), append(appendHeader(nil, h), body.data...)); err != nil {
			return fmt.Errorf("sum up metrics: %w", err)
		}
	}
	return journal.PurgeBefore(ctx, key.subject(), entries[len(entries)-1].Seq+1)
}

// union is the last stamp of each process among entries.
func union(entries []entry) []stamp {
	last := map[uint64]uint64{}
	for _, e := range entries {
		for _, s := range e.stamps {
			last[s.process] = max(last[s.process], s.count)
		}
	}
	stamps := make([]stamp, 0, len(last))
	for process, count := range last {
		stamps = append(stamps, stamp{process, count})
	}
	slices.SortFunc(stamps, func(a, b stamp) int { return cmp.Compare(a.process, b.process) })
	return stamps
}

func (m *Metrics) sum(key hourKey, entries []entry) []unitSeries {
	t := table{}
	m.decode(key.hour, entries, func(id, unit []byte) func(*Point) {
		s := t.at(key.place, seriesKey{seriesID(id), string(unit)})
		return func(p *Point) { s.point(p.Second).merge(p) }
	})
	return byHour(t[key.place])[key.hour]
}
