package store

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/internal/state"
)

// The seal is a file that lists every record with its revision, written at a
// clean stop and sealEvery after a change. Whatever it lists was synced before:
// a stream without it, or with an older revision of it, has lost records, and
// the seal knows which. JetStream alone would go on without a word: it cuts a
// damaged block of messages at the first bad one (nats-server #7549).
//
//	stagedoor seal 1
//	REVISION KEY
//	…
//	crc32c XXXXXXXX
const (
	sealHeader = "stagedoor seal 1\n"
	sealEvery  = 5 * time.Second
)

// sealing writes the seal of an embedded, durable store. The zero sealing does
// nothing.
type sealing struct {
	mu      sync.Mutex
	store   *Store
	timer   *time.Timer
	pending bool
}

func (w *sealing) start(s *Store) {
	if s.server == nil || s.server.dir.ephemeral {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.store = s
	w.timer = time.AfterFunc(time.Hour, w.write)
	w.timer.Stop()
}

// changed has a seal written soon.
func (w *sealing) changed() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.store != nil && !w.pending {
		w.pending = true
		w.timer.Reset(sealEvery)
	}
}

func (w *sealing) write() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.store == nil || !w.pending || w.store.failed.Load() != nil {
		return
	}
	w.pending = false
	if err := w.store.server.dir.writeSeal(&w.store.mirror); err != nil {
		w.store.log.Error("note which records there are", "error", err)
	}
}

// now writes the seal at once, if there is to be one.
func (w *sealing) now() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.store == nil {
		return nil
	}
	return w.store.server.dir.writeSeal(&w.store.mirror)
}

// stop writes the last seal. A store that never finished opening has none.
func (w *sealing) stop(s *Store) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.store == nil {
		return nil
	}
	w.timer.Stop()
	w.store = nil
	if s.failed.Load() != nil {
		return nil
	}
	return s.server.dir.writeSeal(&s.mirror)
}

func (d *dataDir) writeSeal(m *mirror) error {
	out := []byte(sealHeader)
	m.ordered.Load().under("", func(e *entry) bool {
		out = strconv.AppendUint(out, e.revision, 10)
		out = append(out, ' ')
		out = append(out, e.key...)
		out = append(out, '\n')
		return true
	})
	return d.replace("seal", fmt.Appendf(out, "crc32c %08x\n", crc32.Checksum(out, castagnoli)))
}

// checkSeal reports the records that the seal lists and m lacks.
func (d *dataDir) checkSeal(m *mirror) error {
	data, err := os.ReadFile(filepath.Join(d.path, "seal"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // killed in its first seconds
	}
	if err != nil {
		return dirError(d.path, err)
	}
	body, err := unsealed(data)
	if err != nil {
		return d.lost(fmt.Sprintf("its seal, the list of its records, is damaged (%v)", err))
	}
	var missing []state.Key
	for line := range bytes.Lines(body) {
		number, key, ok := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(" "))
		revision, err := strconv.ParseUint(string(number), 10, 64)
		if !ok || err != nil {
			return d.lost(fmt.Sprintf("its seal, the list of its records, has a line %q", line))
		}
		e, found := m.byKey.get(state.Key(key))
		if found && e.revision >= revision || m.graves[state.Key(key)].seq > revision {
			continue
		}
		missing = append(missing, state.Key(key))
	}
	if len(missing) == 0 {
		return nil
	}
	return d.lost(fmt.Sprintf("%d of its records are missing or older than what was acknowledged, the first %s", len(missing), missing[0]))
}

// unsealed verifies a seal and returns its lines.
func unsealed(data []byte) ([]byte, error) {
	const tail = len("crc32c 00000000\n")
	if !bytes.HasPrefix(data, []byte(sealHeader)) || len(data) < len(sealHeader)+tail {
		return nil, errors.New("cut short")
	}
	body := data[:len(data)-tail]
	if want := fmt.Sprintf("crc32c %08x\n", crc32.Checksum(body, castagnoli)); want != string(data[len(body):]) {
		return nil, errors.New("wrong checksum")
	}
	return body[len(sealHeader):], nil
}
