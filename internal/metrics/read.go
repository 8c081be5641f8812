package metrics

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// Unit is what was observed of a series in one unit, by time.
type Unit struct {
	Unit   string
	Points []Point
}

// Read returns what was observed of each series from from on and before to, by
// unit. A series that was never observed has no units.
func (m *Metrics) Read(ctx context.Context, account, region string, series []Series, from, to time.Time) ([][]Unit, error) {
	p, first, end := place{account, region}, from.Unix(), to.Unix()
	if oldest := m.now().Add(-Retention).Unix(); first < oldest {
		first = oldest
	}
	wanted := make(map[seriesID]bool, len(series))
	ids := make([]seriesID, len(series))
	for i := range series {
		ids[i] = series[i].id()
		wanted[ids[i]] = true
	}
	found := table{}
	take := func(id, unit []byte) func(*Point) {
		if !wanted[seriesID(id)] { // allocates nothing: most are not
			return nil
		}
		key := seriesKey{seriesID(id), string(unit)}
		return func(point *Point) {
			if point.Second >= first && point.Second < end {
				found.at(p, key).point(point.Second).merge(point)
			}
		}
	}
	if err := m.visit(ctx, p, first, end, take); err != nil {
		return nil, err
	}
	byID := map[seriesID][]Unit{}
	for k, s := range found[p] {
		byID[k.id] = append(byID[k.id], Unit{k.unit, s.points})
	}
	units := make([][]Unit, len(series))
	for i, id := range ids {
		slices.SortFunc(byID[id], func(a, b Unit) int { return strings.Compare(a.Unit, b.Unit) })
		units[i] = byID[id]
	}
	return units, nil
}

// List returns the series that were observed since a time, by namespace, name
// and dimensions. One caller is served at a time.
func (m *Metrics) List(ctx context.Context, account, region string, since time.Time) ([]Series, error) {
	select {
	case m.listing <- struct{}{}:
		defer func() { <-m.listing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	seen := map[seriesID]bool{}
	first := max(since.Unix(), m.now().Add(-Retention).Unix())
	// A whole day ahead: clients may put what is up to two hours in the future.
	err := m.visit(ctx, place{account, region}, first, m.now().Add(24*time.Hour).Unix(), func(id, _ []byte) func(*Point) {
		if seen[seriesID(id)] {
			return nil
		}
		key := seriesID(id)
		return func(p *Point) {
			if p.Second >= first {
				seen[key] = true
			}
		}
	})
	if err != nil {
		return nil, err
	}
	all := make([]Series, 0, len(seen))
	for id := range seen {
		s, err := id.series()
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	slices.SortFunc(all, compareSeries)
	return all, nil
}

func compareSeries(a, b Series) int {
	if c := strings.Compare(a.Namespace, b.Namespace); c != 0 {
		return c
	}
	if c := strings.Compare(a.Name, b.Name); c != 0 {
		return c
	}
	return slices.CompareFunc(a.Dimensions, b.Dimensions, func(a, b Dimension) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return strings.Compare(a.Value, b.Value)
	})
}

// visit shows all series of the hours that first to end touch, in the journal
// and pending.
func (m *Metrics) visit(ctx context.Context, p place, first, end int64, take visitor) error {
	m.flushing.RLock()
	defer m.flushing.RUnlock()
	journal, err := m.journal()
	if err != nil {
		return fmt.Errorf("read metrics: %w", err)
	}
	err = m.hours(ctx, journal, p, first, end, func(hour int64, entries []store.Entry) {
		m.decode(hour, effective(parse(entries)), take)
	})
	if err != nil {
		return fmt.Errorf("read metrics: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drain()
	for k, s := range m.pending[p] {
		if f := take([]byte(k.id), []byte(k.unit)); f != nil {
			for i := range s.points {
				f(&s.points[i])
			}
		}
	}
	return nil
}

// fewHours is up to how many hours are read one by one; of more, all of the
// account's entries are.
const fewHours = 6

// hours reads the entries of the hours that first to end touch.
func (m *Metrics) hours(ctx context.Context, journal *store.Journal, p place, first, end int64, each func(hour int64, entries []store.Entry)) error {
	const all = int(^uint(0) >> 1)
	if end <= first {
		return nil
	}
	if hourOf(end)-hourOf(first) <= fewHours*secondsPerHour {
		for hour := hourOf(first); hour < end; hour += secondsPerHour {
			entries, err := journal.Read(ctx, hourKey{p, hour}.subject(), 0, all)
			if err != nil {
				return err
			}
			each(hour, entries)
		}
		return nil
	}
	entries, err := journal.Read(ctx, state.NewKey(p.account, p.region), 0, all)
	if err != nil {
		return err
	}
	byHour := map[int64][]store.Entry{}
	for _, e := range entries {
		if hour, ok := hourOfSubject(e.Subject); ok && hour >= hourOf(first) && hour < end {
			byHour[hour] = append(byHour[hour], e)
		}
	}
	for hour, entries := range byHour {
		each(hour, entries)
	}
	return nil
}

// decode shows the series of one hour's entries. Damaged entries are left out:
// a missing minute is better than a wrong one.
func (m *Metrics) decode(hour int64, entries []entry, take visitor) {
	for _, e := range entries {
		if err := e.body.decode(hour, take); err != nil {
			m.log.Error("a part of the metrics cannot be read and is left out", "error", err)
		}
	}
}

// entry is one of the journal's, its header read.
type entry struct {
	header
	body reader
}

// parse reads the headers of entries. Damaged ones are left out.
func parse(entries []store.Entry) []entry {
	all := make([]entry, 0, len(entries))
	for i := range entries {
		e := entry{body: reader{rest: entries[i].Data}}
		var err error
		if e.header, err = e.body.header(); err == nil {
			all = append(all, e)
		}
	}
	return all
}

// effective picks the entries that count: the newest complete sum, and what it
// does not cover. Of two sums one covers all that the other does, for each is of
// everything up to some moment.
func effective(all []entry) (count []entry) {
	type parts map[uint64]entry
	sums := map[string]parts{} // by stamps
	var newest parts
	var covered map[uint64]uint64
	total := uint64(0)
	for _, e := range all {
		if !e.sum() {
			continue
		}
		key := fmt.Sprint(e.stamps)
		if sums[key] == nil {
			sums[key] = parts{}
		}
		sums[key][e.part] = e
		if uint64(len(sums[key])) < e.parts {
			continue
		}
		if n := e.total(); n >= total {
			total, newest, covered = n, sums[key], e.last()
		}
	}
	for _, e := range newest {
		count = append(count, e)
	}
	for _, e := range all {
		if s := e.stamps[0]; !e.sum() && s.count > covered[s.process] {
			count = append(count, e)
		}
	}
	return count
}

// total grows with what a sum covers.
func (h *header) total() (n uint64) {
	for _, s := range h.stamps {
		n += s.count
	}
	return n
}

// last is the number of each process's last entry that a sum covers.
func (h *header) last() map[uint64]uint64 {
	last := make(map[uint64]uint64, len(h.stamps))
	for _, s := range h.stamps {
		last[s.process] = s.count
	}
	return last
}
