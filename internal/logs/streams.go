package logs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// Stream describes one stream.
type Stream struct {
	Name          string
	CreatedMillis int64
	// Times of the first and the last event and of the last write, 0 when
	// there are none.
	FirstMillis, LastMillis, IngestionMillis int64
}

// Streams returns the streams of a group in the order of their names: those
// with a record and those that events made.
func (l *Logs) Streams(ctx context.Context, account, region, group string) ([]Stream, error) {
	g := l.group(account, region, group)
	byName := map[string]Stream{}
	for _, item := range store.List[state.LogStream](l.s, state.LogStreams.Child(account, region, group)) {
		if !item.Record.Deleted {
			byName[item.Record.Name] = Stream{Name: item.Record.Name, CreatedMillis: item.Record.CreatedMillis}
		}
	}
	err := l.indexed(ctx, g, func(x *index) error {
		for _, info := range x.names {
			if info.ingestion == 0 {
				continue // all its events are cleared
			}
			s, ok := byName[info.name]
			if !ok {
				s = Stream{Name: info.name, CreatedMillis: info.created}
			}
			s.FirstMillis, s.LastMillis, s.IngestionMillis = info.first, info.last, info.ingestion
			byName[info.name] = s
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	streams := make([]Stream, 0, len(byName))
	for _, s := range byName {
		streams = append(streams, s)
	}
	slices.SortFunc(streams, func(a, b Stream) int { return strings.Compare(a.Name, b.Name) })
	return streams, nil
}

// HasStream reports whether a stream exists.
func (l *Logs) HasStream(ctx context.Context, account, region, group, stream string) (bool, error) {
	rec, _, err := store.Get[state.LogStream](l.s, state.LogStreamKey(account, region, group, stream))
	if err == nil && !rec.Deleted {
		return true, nil
	}
	found := false
	err = l.indexed(ctx, l.group(account, region, group), func(x *index) error {
		info := x.streams[stream]
		found = info != nil && info.ingestion != 0
		return nil
	})
	return found, err
}

// ErrStreamExists and ErrStreamNotFound are what CreateStream and DeleteStream
// refuse with.
var (
	ErrStreamExists   = errors.New("log stream exists")
	ErrStreamNotFound = errors.New("log stream not found")
)

// CreateStream makes a record of a stream.
func (l *Logs) CreateStream(ctx context.Context, account, region, group, stream string) error {
	exists, err := l.HasStream(ctx, account, region, group, stream)
	if err != nil {
		return err
	}
	if exists {
		return ErrStreamExists
	}
	key := state.LogStreamKey(account, region, group, stream)
	rec := state.LogStream{Account: account, Region: region, Group: group, Name: stream, CreatedMillis: l.now().UnixMilli()}
	_, err = store.Update(ctx, l.s, key, func(old *state.LogStream) error {
		if !old.Deleted {
			return ErrStreamExists
		}
		rec.ClearedSeq = old.ClearedSeq
		*old = rec
		return nil
	})
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if _, err = store.Create(ctx, l.s, key, &rec); errors.Is(err, store.ErrExists) {
		return ErrStreamExists
	}
	return err
}

// DeleteStream removes a stream with its events. Their chunks, shared with other
// streams, stay on the disk until the group's retention removes them.
func (l *Logs) DeleteStream(ctx context.Context, account, region, group, stream string) error {
	exists, err := l.HasStream(ctx, account, region, group, stream)
	if err != nil {
		return err
	}
	if !exists {
		return ErrStreamNotFound
	}
	g := l.group(account, region, group)
	if err := l.flush(ctx, g); err != nil {
		return err
	}
	_, last, err := l.journal.Bounds(ctx)
	if err != nil {
		return err
	}
	rec := state.LogStream{Account: account, Region: region, Group: group, Name: stream, ClearedSeq: last, Deleted: true}
	key := state.LogStreamKey(account, region, group, stream)
	if _, err := store.Put(ctx, l.s, key, &rec); err != nil {
		return err
	}
	g.generation.Add(1)
	return nil
}

// DeleteGroup removes a group with its streams and events: store.ErrNotFound if
// there is no such group.
func (l *Logs) DeleteGroup(ctx context.Context, account, region, group string) error {
	g := l.group(account, region, group)
	if err := l.flush(ctx, g); err != nil { // a group that a Writer is about to make exists
		return err
	}
	g.flushing.Lock()
	defer g.flushing.Unlock()
	if err := store.Delete(ctx, l.s, g.key); err != nil {
		return err
	}
	if err := store.DeleteUnder(ctx, l.s, state.LogStreams.Child(account, region, group)); err != nil {
		return fmt.Errorf("delete the streams of log group %s: %w", group, err)
	}
	if err := l.journal.Purge(ctx, g.chunk); err != nil {
		return fmt.Errorf("delete the events of log group %s: %w", group, err)
	}
	g.indexing.Lock()
	g.index = nil
	g.indexing.Unlock()
	return nil
}

// expire removes events from the disk that their group's retention hides.
func (l *Logs) expire(ctx context.Context) {
	for _, item := range store.List[state.LogGroup](l.s, state.LogGroups) {
		rec := item.Record
		if rec.RetentionDays == 0 {
			continue
		}
		g := l.group(rec.Account, rec.Region, rec.Name)
		// Events may be up to two hours younger than their time of arrival
		// (PutLogEvents).
		cutoff := l.now().Add(-time.Duration(rec.RetentionDays)*24*time.Hour - 2*time.Hour)
		if err := l.expireGroup(ctx, g, cutoff.UnixMilli()); err != nil {
			l.log.Error("remove expired log events", "group", rec.Name, "error", err)
		}
	}
}

func (l *Logs) expireGroup(ctx context.Context, g *group, cutoff int64) error {
	var before uint64
	err := l.indexed(ctx, g, func(x *index) error {
		keep := 0
		for keep < len(x.chunks) && x.chunks[keep].max < cutoff {
			before = x.chunks[keep].seq + 1
			keep++
		}
		x.chunks = slices.Delete(x.chunks, 0, keep)
		return nil
	})
	if err != nil || before == 0 {
		return err
	}
	return l.journal.PurgeBefore(ctx, g.chunk, before)
}
