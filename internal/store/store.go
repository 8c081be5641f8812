package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Options say where a Store keeps its data.
type Options struct {
	// Dir is the data directory of the embedded server; it is created when
	// missing. Ignored with URL.
	Dir string
	// Ephemeral keeps everything in memory; a Dir is not needed then. Nothing
	// survives Close.
	Ephemeral bool
	// URL names an external NATS server or cluster with JetStream
	// ("nats://host:4222", several separated by commas) to use instead of the
	// embedded one.
	URL string
	// Replicas is the number of copies that an external cluster keeps of
	// streams made by this Store: 1 (default), 3 or 5.
	Replicas int
	// Logger receives what cannot be returned as an error, such as a lost
	// connection. nil: slog.Default().
	Logger *slog.Logger
}

// timeout bounds one round trip to the server when the caller's context has no
// deadline.
const timeout = 10 * time.Second

// Store is an open store. See the package's documentation.
type Store struct {
	log      *slog.Logger
	storage  jetstream.StorageType
	replicas int

	server  *embedded // nil with an external server
	conn    *nats.Conn
	js      jetstream.JetStream
	records jetstream.Stream
	blobs   lazyStream
	feed    feed
	loaded  *loading // the initial load, until it is done

	mirror  mirror
	sealing sealing
	sweeper sweeper

	closed atomic.Bool
	failed atomic.Pointer[error] // why nothing more is written: every write reports it
	dead   context.Context       // ends with failed
	kill   context.CancelFunc

	mu       sync.Mutex
	journals map[string]*Journal
}

// Open starts the embedded server, or connects to the external one, and loads
// the mirror. Its errors say what to do: a data directory in use, written by a
// newer version, unexpectedly empty or damaged; a server without JetStream.
func Open(ctx context.Context, o Options) (_ *Store, err error) {
	s := &Store{log: o.Logger, storage: jetstream.FileStorage, replicas: max(o.Replicas, 1), journals: map[string]*Journal{}}
	if s.log == nil {
		s.log = slog.Default()
	}
	s.mirror.init()
	s.dead, s.kill = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			s.shutdown()
		}
	}()
	if o.URL == "" {
		if o.Ephemeral {
			s.storage = jetstream.MemoryStorage
		}
		if s.server, err = startEmbedded(o, s.log, s.unwritable); err != nil {
			return nil, err
		}
	}
	if s.conn, err = s.connect(o.URL); err != nil {
		return nil, err
	}
	if s.js, err = jetstream.New(s.conn, jetstream.WithDefaultTimeout(timeout)); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if s.records, err = s.openRecords(ctx, o); err != nil {
		return nil, err
	}
	if err := s.load(ctx); err != nil {
		return nil, err
	}
	if s.server != nil {
		if err := s.server.dir.loaded(&s.mirror); err != nil {
			return nil, err
		}
	}
	s.sealing.start(s)
	s.sweepSome()
	return s, nil
}

// connect opens the one connection of this store.
func (s *Store) connect(url string) (*nats.Conn, error) {
	opts := []nats.Option{
		nats.Name("stagedoor"),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.Timeout(5 * time.Second),
		nats.ReconnectBufSize(-1), // a write while disconnected fails at once rather than later and unseen
		nats.NoCallbacksAfterClientClose(),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil && !s.closed.Load() {
				s.log.Warn("lost the NATS server; reads go on from memory, writes fail until it is back", "error", err)
			}
		}),
		nats.ReconnectHandler(func(c *nats.Conn) {
			s.log.Info("the NATS server is back", "server", c.ConnectedUrlRedacted())
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if !s.closed.Load() {
				s.log.Error("NATS reports", "error", err)
			}
		}),
	}
	if s.server != nil {
		// No pings: the peer is this process.
		opts = append(opts, nats.InProcessServer(s.server.server), nats.PingInterval(24*time.Hour))
	}
	conn, err := nats.Connect(url, opts...)
	if err != nil {
		if url == "" {
			return nil, fmt.Errorf("connect to the embedded NATS server: %w", err)
		}
		return nil, fmt.Errorf("connect to the NATS server %s: %w; is it running, and are address and credentials right?", url, err)
	}
	return conn, nil
}

// Close ends the feed and the embedded server. Everything acknowledged is on
// the disk already. Reads go on answering from memory.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	return s.shutdown()
}

func (s *Store) shutdown() error {
	s.closed.Store(true)
	s.feed.stop(s)
	s.sweeper.done.Wait()
	s.mirror.fail(ErrClosed)
	var errs []error
	errs = append(errs, s.sealing.stop(s))
	if s.conn != nil {
		s.conn.Close()
	}
	if s.server != nil {
		errs = append(errs, s.server.stop())
	}
	s.kill()
	return errors.Join(errs...)
}

// context gives ctx a deadline if it has none, and ends it when the store fails.
func (s *Store) context(ctx context.Context) (context.Context, context.CancelFunc) {
	var cancel context.CancelFunc
	if _, ok := ctx.Deadline(); ok {
		ctx, cancel = context.WithCancel(ctx)
	} else {
		ctx, cancel = context.WithTimeout(ctx, timeout)
	}
	stop := context.AfterFunc(s.dead, cancel)
	return ctx, func() { stop(); cancel() }
}

// fail stops the store's writes for good; reads go on.
func (s *Store) fail(err error) {
	if s.failed.CompareAndSwap(nil, &err) {
		s.log.Error("nothing more is written", "error", err)
		s.kill()
	}
	s.mirror.fail(err)
}

// unwritable is called when the embedded server cannot write its files.
func (s *Store) unwritable(text string) {
	s.fail(fmt.Errorf("%w (%s): free space or mend the disk of the data directory, then start again", ErrUnwritable, text))
}

// usable reports why writes are refused, if they are.
func (s *Store) usable() error {
	if s.closed.Load() {
		return ErrClosed
	}
	if err := s.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// mkTemp makes the directory in which an ephemeral embedded server keeps its
// bookkeeping; the data itself stays in memory.
func mkTemp() (string, error) {
	return os.MkdirTemp("", "stagedoor-")
}
