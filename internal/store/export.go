package store

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stagedoor/stagedoor/internal/state"
)

// An export is one line of text, then a gzip stream of frames:
//
//	kind (1 byte) · length and bytes of a name · length and bytes of data
//
// Lengths are varints. Frames come in the order records, blobs, journals with
// their entries, end; the end's data is the SHA-256 of all frames before it.
const exportHeader = "stagedoor export 1\n"

const (
	frameRecord  = 'r' // name: key, data: JSON
	frameBlob    = 'b' // name: SHA-256 in hexadecimal, data: the blob
	frameJournal = 'J' // name: journal, data: exportedJournal in JSON
	frameEntry   = 'j' // name: subject, data: the entry
	frameEnd     = 'e'
)

// maxFrame bounds what Import believes of a length.
const maxFrame = 1 << 30

type exportedJournal struct {
	MaxAgeSeconds int64 `json:"maxAgeSeconds"`
	MaxBytes      int64 `json:"maxBytes"`
}

// Export writes one file with all records, blobs and journals. The records are
// those of one moment; blobs and journals are read after them.
func (s *Store) Export(ctx context.Context, w io.Writer) error {
	if err := s.usable(); err != nil {
		return err
	}
	if _, err := io.WriteString(w, exportHeader); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	zipped := gzip.NewWriter(w)
	out := &frameWriter{w: zipped, sum: sha256.New()}
	for _, part := range []func(context.Context, *frameWriter) error{s.exportRecords, s.exportBlobs, s.exportJournals} {
		if err := part(ctx, out); err != nil {
			return fmt.Errorf("export: %w", err)
		}
	}
	if err := errors.Join(out.frame(frameEnd, "", out.sum.Sum(nil)), zipped.Close()); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}

func (s *Store) exportRecords(_ context.Context, out *frameWriter) (err error) {
	s.mirror.ordered.Load().under("", func(e *entry) bool {
		var data []byte
		if data, err = e.json(); err == nil {
			err = out.frame(frameRecord, string(e.key), data)
		}
		return err == nil
	})
	return err
}

func (s *Store) exportBlobs(ctx context.Context, out *frameWriter) error {
	stream, err := s.js.Stream(ctx, blobsStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(blobsSubject+"*.0"))
	if err != nil {
		return err
	}
	for _, subject := range slices.Sorted(maps.Keys(info.State.Subjects)) {
		digest := strings.TrimSuffix(strings.TrimPrefix(subject, blobsSubject), ".0")
		data, err := s.GetBlob(ctx, digest)
		if errors.Is(err, ErrNotFound) {
			continue // deleted meanwhile
		}
		if err == nil {
			err = out.frame(frameBlob, digest, data)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) exportJournals(ctx context.Context, out *frameWriter) error {
	var names []string
	streams := s.js.StreamNames(ctx, jetstream.WithStreamListSubject(journalSubject+">"))
	for name := range streams.Name() {
		names = append(names, strings.TrimPrefix(name, journalStream))
	}
	if err := streams.Err(); err != nil {
		return err
	}
	slices.Sort(names)
	for _, name := range names {
		if err := s.exportJournal(ctx, out, name); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) exportJournal(ctx context.Context, out *frameWriter, name string) error {
	stream, err := s.js.Stream(ctx, journalStream+name)
	if err != nil {
		return err
	}
	config := stream.CachedInfo().Config
	data, err := json.Marshal(exportedJournal{MaxAgeSeconds: int64(config.MaxAge / time.Second), MaxBytes: max(config.MaxBytes, 0)})
	if err == nil {
		err = out.frame(frameJournal, name, data)
	}
	if err != nil {
		return err
	}
	j := &Journal{s: s, config: JournalConfig{Name: name}, prefix: journalSubject + name + ".", stream: stream}
	for seq := uint64(1); ; {
		entries, err := j.Read(ctx, "", seq, 64)
		if err != nil || len(entries) == 0 {
			return err
		}
		for _, e := range entries {
			if err := out.frame(frameEntry, string(e.Subject), e.Data); err != nil {
				return err
			}
			seq = e.Seq + 1
		}
	}
}

// Import fills an empty store from a file that Export wrote. The file is read
// and verified whole before anything is written. Journal entries get new
// sequence numbers and times.
func (s *Store) Import(ctx context.Context, r io.Reader) error {
	if s.mirror.ordered.Load() != nil {
		return errors.New("import: this store has records already; import needs an empty data directory (--data DIR)")
	}
	spool, err := newSpool(r)
	if err != nil {
		return fmt.Errorf("import: %w", err)
	}
	defer spool.remove()
	if err := spool.frames(func(byte, string, []byte) error { return nil }); err != nil {
		return fmt.Errorf("import: nothing was imported: %w", err)
	}
	in := &importer{s: s}
	if err := spool.frames(func(kind byte, name string, data []byte) error { return in.frame(ctx, kind, name, data) }); err != nil {
		return fmt.Errorf("import: stopped half-way, start again with an empty data directory: %w", err)
	}
	return nil
}

// importer writes frames to a store.
type importer struct {
	s       *Store
	journal *Journal
}

func (in *importer) frame(ctx context.Context, kind byte, name string, data []byte) error {
	switch kind {
	case frameRecord:
		_, err := in.s.write(ctx, state.Key(name), data, 0)
		return err
	case frameBlob:
		digest, err := in.s.PutBlob(ctx, data)
		if err == nil && digest != name {
			err = &CorruptError{What: "blob " + name, Err: fmt.Errorf("its SHA-256 is %s", digest)}
		}
		return err
	case frameJournal:
		var config exportedJournal
		err := json.Unmarshal(data, &config)
		if err == nil {
			in.journal, err = in.s.Journal(ctx, JournalConfig{Name: name, MaxAge: time.Duration(config.MaxAgeSeconds) * time.Second, MaxBytes: config.MaxBytes})
		}
		return err
	case frameEntry:
		if in.journal == nil {
			return errors.New("a journal entry before its journal")
		}
		_, err := in.journal.Append(ctx, state.Key(name), data)
		return err
	}
	return fmt.Errorf("a frame of kind %q; the file was %w", kind, errNewerFormat)
}

type frameWriter struct {
	w   io.Writer
	sum hash.Hash
}

func (f *frameWriter) frame(kind byte, name string, data []byte) error {
	head := append(make([]byte, 0, len(name)+24), kind)
	head = binary.AppendUvarint(head, uint64(len(name)))
	head = append(head, name...)
	head = binary.AppendUvarint(head, uint64(len(data)))
	for _, part := range [][]byte{head, data} {
		f.sum.Write(part)
		if _, err := f.w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// readFrames calls yield for every frame but the end and verifies the end.
func readFrames(r io.Reader, yield func(kind byte, name string, data []byte) error) error {
	header := make([]byte, len(exportHeader))
	if _, err := io.ReadFull(r, header); err != nil || string(header) != exportHeader {
		if strings.HasPrefix(string(header), "stagedoor export ") {
			return fmt.Errorf("the file was %w: import it with that version", errNewerFormat)
		}
		return errors.New("not a file written by \"stagedoor export\"")
	}
	zipped, err := gzip.NewReader(r)
	if err != nil {
		return fmt.Errorf("the file is damaged: %w", err)
	}
	f := frameReader{r: bufio.NewReader(zipped), sum: sha256.New()}
	for {
		want := f.sum.Sum(nil)
		kind, name, data, err := f.next()
		if err != nil {
			return fmt.Errorf("the file is damaged or cut short: %w", err)
		}
		if kind == frameEnd {
			if string(data) != string(want) {
				return errors.New("the file is damaged: wrong checksum")
			}
			return nil
		}
		if err := yield(kind, name, data); err != nil {
			return err
		}
	}
}

type frameReader struct {
	r   *bufio.Reader
	sum hash.Hash
}

// ReadByte makes frameReader an io.ByteReader for binary.ReadUvarint.
func (f *frameReader) ReadByte() (byte, error) {
	b, err := f.r.ReadByte()
	if err == nil {
		f.sum.Write([]byte{b})
	}
	return b, err
}

func (f *frameReader) next() (kind byte, name string, data []byte, err error) {
	if kind, err = f.ReadByte(); err != nil {
		return 0, "", nil, err
	}
	text, err := f.bytes()
	if err == nil {
		data, err = f.bytes()
	}
	return kind, string(text), data, err
}

func (f *frameReader) bytes() ([]byte, error) {
	n, err := binary.ReadUvarint(f)
	if err != nil || n > maxFrame {
		return nil, errors.Join(err, io.ErrUnexpectedEOF)
	}
	// A wrong length must not allocate more than there is.
	data, err := io.ReadAll(io.LimitReader(f.r, int64(n)))
	if err == nil && uint64(len(data)) < n {
		err = io.ErrUnexpectedEOF
	}
	f.sum.Write(data)
	return data, err
}
