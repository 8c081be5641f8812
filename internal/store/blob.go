package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	blobsStream  = "STAGEDOOR_BLOBS"
	blobsSubject = "stagedoor.blob."
	// chunkSize keeps chunks under the default max_payload (1 MB) of external
	// servers. Payloads over a megabyte do not belong in NATS messages.
	chunkSize = 512 << 10

	chunksHeader = "Stagedoor-Chunks"
	sizeHeader   = "Stagedoor-Size"
)

// lazyStream is a stream that is made when it is first needed.
type lazyStream struct {
	mu     sync.Mutex
	stream jetstream.Stream
}

func (s *Store) blobStream(ctx context.Context) (jetstream.Stream, error) {
	s.blobs.mu.Lock()
	defer s.blobs.mu.Unlock()
	if s.blobs.stream != nil {
		return s.blobs.stream, nil
	}
	stream, err := s.ensureStream(ctx, jetstream.StreamConfig{
		Name:              blobsStream,
		Description:       "stagedoor: function code, by SHA-256, in chunks",
		Subjects:          []string{blobsSubject + ">"},
		Storage:           s.storage,
		Replicas:          s.replicas,
		MaxMsgsPerSubject: 1,
		AllowDirect:       true,
	})
	if err != nil {
		return nil, fmt.Errorf("open the blobs: %w", err)
	}
	s.blobs.stream = stream
	return stream, nil
}

// ensureStream finds a stream or makes it.
func (s *Store) ensureStream(ctx context.Context, config jetstream.StreamConfig) (jetstream.Stream, error) {
	stream, err := s.js.Stream(ctx, config.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = s.js.CreateStream(ctx, config)
	}
	return stream, err
}

// A blob is stored as chunks 1, 2, … and last chunk 0, which says how many
// there are: a blob without chunk 0 was never finished and does not exist.

// PutBlob stores data under its SHA-256 (hexadecimal), which it returns. A blob
// that is there already is read and verified; a damaged one cannot be replaced
// (JetStream refuses to remove what it cannot read): a CorruptError.
func (s *Store) PutBlob(ctx context.Context, data []byte) (digest string, err error) {
	sum := sha256.Sum256(data)
	digest = hex.EncodeToString(sum[:])
	if err := s.usable(); err != nil {
		return "", err
	}
	stream, err := s.blobStream(ctx)
	if err != nil {
		return "", err
	}
	if _, err := s.GetBlob(ctx, digest); !errors.Is(err, ErrNotFound) {
		return digest, err
	}
	chunks := max(1, (len(data)+chunkSize-1)/chunkSize)
	for i := chunks - 1; i >= 0; i-- {
		msg := &nats.Msg{Subject: blobSubject(digest, i), Data: data[i*chunkSize : min((i+1)*chunkSize, len(data))]}
		if i == 0 {
			msg.Header = nats.Header{chunksHeader: {strconv.Itoa(chunks)}, sizeHeader: {strconv.Itoa(len(data))}}
		}
		ctx, cancel := s.context(ctx)
		_, err := s.js.PublishMsg(ctx, msg, jetstream.WithExpectStream(stream.CachedInfo().Config.Name))
		cancel()
		if err != nil {
			if failed := s.failed.Load(); failed != nil {
				return "", *failed
			}
			return "", fmt.Errorf("write blob %s: %w", digest, err)
		}
	}
	return digest, nil
}

func blobSubject(digest string, chunk int) string {
	return blobsSubject + digest + "." + strconv.Itoa(chunk)
}

// GetBlob returns the bytes whose SHA-256 is digest, having verified that:
// ErrNotFound if there are none, a CorruptError if they changed.
func (s *Store) GetBlob(ctx context.Context, digest string) ([]byte, error) {
	if raw, err := hex.DecodeString(digest); err != nil || len(raw) != sha256.Size {
		return nil, fmt.Errorf("%w: %q is no SHA-256 in hexadecimal", ErrNotFound, digest)
	}
	stream, err := s.blobStream(ctx)
	if err != nil {
		return nil, err
	}
	first, err := s.chunk(ctx, stream, digest, 0)
	if err != nil {
		return nil, err
	}
	chunks, _ := strconv.Atoi(first.Header.Get(chunksHeader))
	size, _ := strconv.Atoi(first.Header.Get(sizeHeader))
	if chunks < 1 || size < 0 || size > chunks*chunkSize {
		return nil, &CorruptError{What: "blob " + digest, Err: fmt.Errorf("%d bytes in %d chunks", size, chunks)}
	}
	data := make([]byte, 0, size)
	data = append(data, first.Data...)
	for i := 1; i < chunks; i++ {
		msg, err := s.chunk(ctx, stream, digest, i)
		if errors.Is(err, ErrNotFound) {
			return nil, &CorruptError{What: "blob " + digest, Err: fmt.Errorf("chunk %d of %d: %w", i, chunks, err)}
		} else if err != nil {
			return nil, err
		}
		data = append(data, msg.Data...)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != digest {
		return nil, &CorruptError{What: "blob " + digest, Err: fmt.Errorf("its SHA-256 is %x", sum)}
	}
	return data, nil
}

func (s *Store) chunk(ctx context.Context, stream jetstream.Stream, digest string, i int) (*jetstream.RawStreamMsg, error) {
	ctx, cancel := s.context(ctx)
	defer cancel()
	msg, err := stream.GetLastMsgForSubject(ctx, blobSubject(digest, i))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, absentOrUnreadable(ctx, stream, digest, i)
	}
	if err != nil {
		return nil, fmt.Errorf("read blob %s: %w", digest, err)
	}
	return msg, nil
}

// absentOrUnreadable tells a chunk that is not there from one that JetStream
// cannot read: it answers both alike.
func absentOrUnreadable(ctx context.Context, stream jetstream.Stream, digest string, i int) error {
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(blobSubject(digest, i)))
	if err != nil {
		return fmt.Errorf("read blob %s: %w", digest, err)
	}
	if len(info.State.Subjects) == 0 {
		return fmt.Errorf("%w: blob %s", ErrNotFound, digest)
	}
	return &CorruptError{What: "blob " + digest, Err: fmt.Errorf("the NATS server cannot read chunk %d", i)}
}

// DeleteBlob removes a blob; that it is not there is no error.
func (s *Store) DeleteBlob(ctx context.Context, digest string) error {
	stream, err := s.blobStream(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := s.context(ctx)
	defer cancel()
	// Chunk 0 first: from then on the blob does not exist.
	for _, chunk := range []string{".0", ".>"} {
		if err := stream.Purge(ctx, jetstream.WithPurgeSubject(blobsSubject+digest+chunk)); err != nil {
			return fmt.Errorf("delete blob %s: %w", digest, err)
		}
	}
	return nil
}
