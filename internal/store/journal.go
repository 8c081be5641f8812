package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stagedoor/stagedoor/internal/state"
)

const (
	journalStream  = "STAGEDOOR_JOURNAL_"
	journalSubject = "stagedoor.journal."
)

// entrySuffix ends every entry's NATS subject.
const entrySuffix = "._"

// compressEntryFrom is the size in bytes from which entries are compressed:
// lower than for records, because journals are the bulk of the disk.
const compressEntryFrom = 1 << 10

// readBatch is how many entries one round trip asks for at most.
const readBatch = 1024

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
	j := &Journal{s: s, config: config, prefix: journalSubject + config.Name + "."}
	want := jetstream.StreamConfig{
		Name:        journalStream + config.Name,
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

// Append writes an entry and returns when it is synced.
func (j *Journal) Append(ctx context.Context, subject state.Key, data []byte) (seq uint64, err error) {
	if j.s.closed.Load() {
		return 0, ErrClosed
	}
	msg := j.message(subject, data)
	if err := j.s.fits(subject, msg); err != nil {
		return 0, err
	}
	ctx, cancel := j.s.context(ctx)
	defer cancel()
	ack, err := j.s.js.PublishMsg(ctx, msg)
	if err != nil {
		if failed := j.s.failed.Load(); failed != nil {
			return 0, *failed
		}
		return 0, fmt.Errorf("append to journal %s: %w", j.config.Name, err)
	}
	return ack.Sequence, nil
}

// message makes the NATS message of an entry, in the envelope of records. Its
// subject ends in a token of its own, so that one wildcard (filter.>) names
// filter itself and all below.
func (j *Journal) message(subject state.Key, data []byte) *nats.Msg {
	return &nats.Msg{Subject: j.prefix + string(subject) + entrySuffix, Data: seal(subject, data, compressEntryFrom)}
}

// Read returns up to limit entries from sequence fromSeq on, oldest first,
// whose subject is under filter ("": all).
func (j *Journal) Read(ctx context.Context, filter state.Key, fromSeq uint64, limit int) ([]Entry, error) {
	if j.s.closed.Load() {
		return nil, ErrClosed
	}
	ctx, cancel := j.s.context(ctx)
	defer cancel()
	var entries []Entry
	for seq := max(fromSeq, 1); len(entries) < limit; {
		batch, next, err := j.batch(ctx, filter, seq, min(limit-len(entries), readBatch))
		if err != nil {
			return nil, fmt.Errorf("read journal %s: %w", j.config.Name, err)
		}
		if next == 0 {
			break
		}
		seq = next
		entries = append(entries, batch...)
	}
	return entries, nil
}

// Last returns the newest n entries whose subject is under filter, oldest
// first.
func (j *Journal) Last(ctx context.Context, filter state.Key, n int) ([]Entry, error) {
	if j.s.closed.Load() {
		return nil, ErrClosed
	}
	ctx, cancel := j.s.context(ctx)
	defer cancel()
	first, last, err := j.Bounds(ctx)
	if err != nil || n <= 0 {
		return nil, err
	}
	// JetStream reads forwards only: look at the end, then further back.
	for window := uint64(n); ; window *= 8 {
		from := first
		if last-min(last, window) > first {
			from = last - window + 1
		}
		entries, err := j.Read(ctx, filter, from, int(^uint(0)>>1))
		if err != nil {
			return nil, err
		}
		if len(entries) >= n {
			return entries[len(entries)-n:], nil
		}
		if from == first {
			return entries, nil
		}
	}
}

// Bounds returns the sequences of the oldest and the newest entry; first is
// last+1 when the journal is empty.
func (j *Journal) Bounds(ctx context.Context) (first, last uint64, err error) {
	ctx, cancel := j.s.context(ctx)
	defer cancel()
	info, err := j.stream.Info(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("read journal %s: %w", j.config.Name, err)
	}
	return info.State.FirstSeq, info.State.LastSeq, nil
}

// Purge removes the entries whose subject is under filter ("": all).
func (j *Journal) Purge(ctx context.Context, filter state.Key) error {
	if j.s.closed.Load() {
		return ErrClosed
	}
	ctx, cancel := j.s.context(ctx)
	defer cancel()
	return j.purge(ctx, filter, 0)
}

// PurgeBefore removes the entries under filter whose sequence is below seq.
func (j *Journal) PurgeBefore(ctx context.Context, filter state.Key, seq uint64) error {
	if seq <= 1 {
		return nil
	}
	ctx, cancel := j.s.context(ctx)
	defer cancel()
	return j.purge(ctx, filter, seq)
}

func (j *Journal) purge(ctx context.Context, filter state.Key, before uint64) error {
	var opts []jetstream.StreamPurgeOpt
	if filter != "" {
		opts = append(opts, jetstream.WithPurgeSubject(j.subject(filter)))
	}
	if before > 0 {
		opts = append(opts, jetstream.WithPurgeSequence(before))
	}
	if err := j.stream.Purge(ctx, opts...); err != nil {
		return fmt.Errorf("purge journal %s: %w", j.config.Name, err)
	}
	return nil
}

// subject is the NATS subject of all entries under filter.
func (j *Journal) subject(filter state.Key) string {
	if filter == "" {
		return j.prefix + ">"
	}
	return j.prefix + string(filter) + ".>"
}

// batch reads up to n entries in one round trip (direct get, ADR-31). next is
// the sequence to go on from, 0 when there are no more. Damaged entries are
// logged and left out: wrong log lines are worse than missing ones.
func (j *Journal) batch(ctx context.Context, filter state.Key, from uint64, n int) (entries []Entry, next uint64, err error) {
	msgs, blocked, err := j.s.getBatch(ctx, j.stream.CachedInfo().Config.Name, j.subject(filter), from, n)
	if err != nil {
		return nil, 0, err
	}
	entries = make([]Entry, 0, len(msgs))
	for _, msg := range msgs {
		next = msg.sequence + 1
		subject := state.Key(strings.TrimSuffix(strings.TrimPrefix(msg.subject, j.prefix), entrySuffix))
		data, compressed, _, err := unseal(subject, msg.data)
		if err == nil {
			data, err = inflate(data, compressed)
		}
		if err != nil {
			j.s.log.Error("a damaged journal entry is left out", "journal", j.config.Name, "entry", msg.sequence, "subject", string(subject), "error", err)
			continue
		}
		entries = append(entries, Entry{Seq: msg.sequence, Subject: subject, Time: msg.time, Data: data})
	}
	if blocked {
		j.s.log.Error("a journal entry cannot be read and is left out", "journal", j.config.Name, "after", next-1)
		next++
	}
	return entries, next, nil
}
