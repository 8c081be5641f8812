package store

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// maxPayload is the largest message of the embedded server, in bytes: an API
// with hundreds of resources is one record of several MB, compressed about a
// tenth of that. NATS advises against more than 8 MB.
const maxPayload = 8 << 20

// embedded is a NATS server inside this process that listens nowhere.
type embedded struct {
	server    *server.Server
	dir       *dataDir
	temporary string // removed at stop
}

// startEmbedded starts the server; broken is called if it can write no more.
func startEmbedded(o Options, log *slog.Logger, broken func(text string)) (*embedded, error) {
	e := &embedded{}
	dir := o.Dir
	if o.Ephemeral {
		temporary, err := mkTemp()
		if err != nil {
			return nil, fmt.Errorf("make a temporary directory: %w; set TMPDIR to a writable directory", err)
		}
		dir, e.temporary = temporary, temporary
	} else if dir == "" {
		return nil, fmt.Errorf("no data directory given; name one, or ask for an ephemeral store")
	}
	var err error
	if e.dir, err = openDir(dir, o.Ephemeral); err != nil {
		e.stop()
		return nil, err
	}
	e.server, err = server.NewServer(&server.Options{
		ServerName:             "stagedoor",
		DontListen:             true,
		NoSigs:                 true,
		NoLog:                  true,
		JetStream:              true,
		StoreDir:               filepath.Join(dir, "jetstream"),
		SyncAlways:             !o.Ephemeral, // the default, every 2 minutes, loses acknowledged writes at a power cut (nats-server #7564)
		JetStreamMaxMemory:     1 << 40,
		JetStreamMaxStore:      1 << 50, // the disk is the limit, not a quarter of what was free at start
		DisableJetStreamBanner: true,
		MaxPayload:             maxPayload,
		MaxControlLine:         16 << 10, // keys with long names make long subjects
		NoFastProducerStall:    true,
		DisableShortFirstPing:  true,
		PingInterval:           24 * time.Hour,
	})
	if err != nil {
		e.stop()
		return nil, fmt.Errorf("start the embedded NATS server: %w", err)
	}
	relay := &serverLog{log: log, broken: broken}
	e.server.SetLoggerV2(relay, false, false, false)
	e.server.Start()
	if !e.server.ReadyForConnections(timeout) || !e.server.JetStreamEnabled() {
		err := fmt.Errorf("the embedded NATS server did not start in %s: %s", dir, relay.last())
		e.stop()
		return nil, err
	}
	return e, nil
}

func (e *embedded) stop() error {
	if e.server != nil {
		e.server.Shutdown()
		e.server.WaitForShutdown()
	}
	var err error
	if e.dir != nil {
		err = e.dir.unlock()
	}
	if e.temporary != "" {
		_ = os.RemoveAll(e.temporary)
	}
	return err
}
