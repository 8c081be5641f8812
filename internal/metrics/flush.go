package metrics

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// hourKey names the entries of one account and region in one hour.
type hourKey struct {
	place
	hour int64 // Unix seconds
}

// subject of the journal's entries.
func (k hourKey) subject() state.Key {
	return state.NewKey(k.account, k.region, strconv.FormatInt(k.hour/secondsPerHour, 10))
}

// hourOfSubject is the last token of a subject, in Unix seconds.
func hourOfSubject(key state.Key) (int64, bool) {
	tokens := key.Tokens()
	n, err := strconv.ParseInt(tokens[len(tokens)-1], 10, 64)
	return n * secondsPerHour, err == nil
}

// Flush returns when everything recorded so far is in the journal.
func (m *Metrics) Flush(ctx context.Context) error {
	m.flushing.Lock()
	defer m.flushing.Unlock()
	m.mu.Lock()
	m.dirty.Store(false)
	m.drain()
	taken := m.pending
	m.pending, m.targets = table{}, map[target]*counted{}
	m.mu.Unlock()
	left, err := m.write(ctx, taken)
	if err != nil {
		m.putBack(left)
		return fmt.Errorf("write metrics: %w", err)
	}
	return nil
}

// write appends the entries of a table, and returns what it could not.
func (m *Metrics) write(ctx context.Context, t table) (left table, err error) {
	if len(t) == 0 {
		return nil, nil
	}
	journal, err := m.journal()
	if err != nil {
		return t, err
	}
	left = table{}
	for p, in := range t {
		for hour, all := range byHour(in) {
			key := hourKey{p, hour}
			if err == nil {
				all, err = m.append(ctx, journal, key, all)
			}
			for _, s := range all {
				mine := left.at(p, seriesKey{s.id, s.unit})
				for i := range s.points {
					mine.point(s.points[i].Second).merge(&s.points[i])
				}
			}
		}
	}
	return left, err
}

// append writes series of one hour, as one entry unless they are many, and returns
// those that it could not write.
func (m *Metrics) append(ctx context.Context, journal *store.Journal, key hourKey, all []unitSeries) (left []unitSeries, err error) {
	for _, body := range encode(key.hour, all) {
		m.count++
		h := header{stamps: []stamp{{m.process, m.count}}}
		_, err := journal.Append(ctx, key.subject(), append(appendHeader(nil, h), body.data...))
		if errors.Is(err, store.ErrTooLarge) {
			// An external server with a small max_payload: trying again is no use.
			m.log.Error("metrics are lost", "error", err)
		} else if err != nil {
			return all, err
		}
		all = all[body.n:]
		m.entries[key]++
	}
	return nil, nil
}

// putBack makes what could not be written pending again, unless it is too much.
func (m *Metrics) putBack(left table) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := left.size() + m.pending.size(); n > maxPendingPoints {
		m.log.Error("metrics are lost", "points", n)
		return
	}
	m.pending.addAll(left)
}

// Datum is what a client puts: observations of a series in a unit.
type Datum struct {
	Series Series
	Unit   string
	Point  Point // Second may be any time; HighResolution says what it is rounded to
	// HighResolution keeps the second; otherwise the minute is kept.
	HighResolution bool
}

// Put adds observations and returns when they are in the journal.
func (m *Metrics) Put(ctx context.Context, account, region string, data []Datum) error {
	p, t := place{account, region}, table{}
	for i := range data {
		d := &data[i]
		second := d.Point.Second
		if !d.HighResolution {
			second -= mod(second, 60)
		}
		t.at(p, seriesKey{d.Series.id(), d.Unit}).point(second).merge(&d.Point)
	}
	// Held as by Flush: m.entries, and a read sees all of it or nothing.
	m.flushing.Lock()
	_, err := m.write(ctx, t)
	m.flushing.Unlock()
	if err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	m.touch()
	return nil
}
