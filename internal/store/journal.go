package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stagedoor/stagedoor/internal/state"
)

// JournalConfig describes a journal.
type JournalConfig struct {
	Name     string        // letters, digits, - and _
	MaxAge   time.Duration // entries older than this disappear; 0: never
	MaxBytes int64         // the oldest entries disappear above this; 0: no bound
}

// Journal is an append-only sequence of entries beside the records: log events,
// decisions. Each entry has a subject, by which it can be read and purged.
type Journal struct {
	s      *Store
	config JournalConfig
	prefix string // of the subjects
	stream jetstream.Stream
}

// Entry is one entry of a Journal.
type Entry struct {
	Seq     uint64
	Subject state.Key
	Time    time.Time // when it was appended
	Data    []byte
}

// Journal opens a journal, making it if needed. Changed bounds are applied. The
// same name gives the same Journal.
func (s *Store) Journal(ctx context.Context, config JournalConfig) (*Journal, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Load() {
		return nil, ErrClosed
	}
	if j := s.journals[config.Name]; j != nil {
		return j, nil
	}
	j := &Journal{s: s, config: config, prefix: "stagedoor.journal." + config.Name + "."}
	want := jetstream.StreamConfig{
		Name:        "STAGEDOOR_JOURNAL_" + config.Name,
		Description: "stagedoor: journal " + config.Name,
		Subjects:    []string{j.prefix + ">"},
		Storage:     s.storage,
		Replicas:    s.replicas,
		MaxAge:      config.MaxAge,
		MaxBytes:    max(config.MaxBytes, 0),
		Discard:     jetstream.DiscardOld,
		AllowDirect: true,
	}
	if want.MaxBytes == 0 {
		want.MaxBytes = -1
	}
	ctx, cancel := s.context(ctx)
	defer cancel()
	stream, err := s.ensureStream(ctx, want)
	if err != nil {
		return nil, fmt.Errorf("open journal %s: %w", config.Name, err)
	}
	if have := stream.CachedInfo().Config; have.MaxAge != want.MaxAge || have.MaxBytes != want.MaxBytes {
		have.MaxAge, have.MaxBytes = want.MaxAge, want.MaxBytes
		if stream, err = s.js.UpdateStream(ctx, have); err != nil {
			return nil, fmt.Errorf("change the bounds of journal %s: %w", config.Name, err)
		}
	}
	j.stream = stream
	s.journals[config.Name] = j
	return j, nil
}

func (j *Journal) close() {}

// Append writes an entry and returns when it is synced.
func (j *Journal) Append(ctx context.Context, subject state.Key, data []byte) (seq uint64, err error) {
	if j.s.closed.Load() {
		return 0, ErrClosed
	}
	ctx, cancel := j.s.context(ctx)
	defer cancel()
	ack, err := j.s.js.PublishMsg(ctx, &nats.Msg{Subject: j.prefix + string(subject), Data: data})
	if err != nil {
		return 0, fmt.Errorf("append to journal %s: %w", j.config.Name, err)
	}
	return ack.Sequence, nil
}

// AppendAsync writes an entry without waiting for it; a failure is logged.
func (j *Journal) AppendAsync(subject state.Key, data []byte) {
	if j.s.closed.Load() {
		return
	}
	if err := j.s.conn.PublishMsg(&nats.Msg{Subject: j.prefix + string(subject), Data: data}); err != nil {
		j.s.log.Error("append to a journal", "journal", j.config.Name, "error", err)
	}
}

// Read returns up to limit entries from sequence fromSeq on, oldest first,
// whose subject is under filter ("": all).
func (j *Journal) Read(ctx context.Context, filter state.Key, fromSeq uint64, limit int) ([]Entry, error) {
	ctx, cancel := j.s.context(ctx)
	defer cancel()
	var entries []Entry
	for seq := max(fromSeq, 1); len(entries) < limit; {
		msg, err := j.stream.GetMsg(ctx, seq, jetstream.WithGetMsgSubject(j.subject(filter)))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return entries, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read journal %s: %w", j.config.Name, err)
		}
		entries = append(entries, j.entry(msg.Subject, msg.Sequence, msg.Time, msg.Data))
		seq = msg.Sequence + 1
	}
	return entries, nil
}

// Last returns the newest n entries whose subject is under filter, oldest
// first.
func (j *Journal) Last(ctx context.Context, filter state.Key, n int) ([]Entry, error) {
	all, err := j.Read(ctx, filter, 1, int(^uint(0)>>1))
	if err != nil || len(all) <= n {
		return all, err
	}
	return all[len(all)-n:], nil
}

// Purge removes the entries whose subject is under filter ("": all).
func (j *Journal) Purge(ctx context.Context, filter state.Key) error {
	ctx, cancel := j.s.context(ctx)
	defer cancel()
	var opts []jetstream.StreamPurgeOpt
	if filter != "" {
		opts = append(opts, jetstream.WithPurgeSubject(j.subject(filter)))
	}
	if err := j.stream.Purge(ctx, opts...); err != nil {
		return fmt.Errorf("purge journal %s: %w", j.config.Name, err)
	}
	return nil
}

// subject is the NATS subject of filter itself, or of everything.
func (j *Journal) subject(filter state.Key) string {
	if filter == "" {
		return j.prefix + ">"
	}
	return j.prefix + string(filter)
}

func (j *Journal) entry(subject string, seq uint64, at time.Time, data []byte) Entry {
	return Entry{Seq: seq, Subject: state.Key(strings.TrimPrefix(subject, j.prefix)), Time: at, Data: data}
}
