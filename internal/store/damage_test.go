package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
	"github.com/stagedoor/stagedoor/internal/store/storetest"
)

// filled is a data directory that was used and closed.
func filled(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	s, err := store.Open(t.Context(), store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if _, err := store.Create(t.Context(), s, state.NewKey("test", fmt.Sprint(i)), &storetest.Note{Text: fmt.Sprintf("the text of number %d", i), N: i}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// blocks are the files in which NATS keeps the records.
func blocks(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "jetstream/jetstream/*/streams/STAGEDOOR_STATE/msgs/*.blk"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no blocks: %v", err)
	}
	return files
}

func edit(t *testing.T, name string, change func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, change(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A record that is not what was written is never served: the store does not
// open, and says which record it was and what to do.
func TestDamageIsReported(t *testing.T) {
	flip := func(marker string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			edit(t, blocks(t, dir)[0], func(b []byte) []byte {
				i := bytes.Index(b, []byte(marker))
				if i < 0 {
					t.Fatalf("no %q on the disk", marker)
				}
				b[i+5] ^= 0x10
				return b
			})
		}
	}
	noIndex := func(t *testing.T, dir string) {
		if err := os.Remove(filepath.Join(filepath.Dir(blocks(t, dir)[0]), "index.db")); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, dir string)
		want   []string
	}{
		{"a flipped bit in a record", flip("the text of number 30"), []string{"test.30", "stagedoor import"}},
		{"a flipped bit in the last record", flip("the text of number 49"), []string{"test.49", "stagedoor import"}},
		{"a flipped bit, and no index", func(t *testing.T, dir string) { flip("the text of number 30")(t, dir); noIndex(t, dir) }, []string{"test.30", "stagedoor import"}},
		{"a truncated block", func(t *testing.T, dir string) {
			edit(t, blocks(t, dir)[0], func(b []byte) []byte { return b[:len(b)/2] })
		}, []string{"records are missing", "stagedoor import"}},
		{"an empty block", func(t *testing.T, dir string) {
			edit(t, blocks(t, dir)[0], func(b []byte) []byte { return nil })
		}, []string{"stagedoor import"}},
		{"no records at all", func(t *testing.T, dir string) {
			if err := os.RemoveAll(filepath.Join(dir, "jetstream")); err != nil {
				t.Fatal(err)
			}
		}, []string{"has been in use since", "records are gone", "stagedoor import"}},
		{"a damaged seal", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "seal"), func(b []byte) []byte { return b[:len(b)-3] })
		}, []string{"seal", "stagedoor import"}},
		{"a newer format", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "format.json"), func(b []byte) []byte { return bytes.Replace(b, []byte(`"format": 1`), []byte(`"format": 2`), 1) })
		}, []string{"written by a newer version of stagedoor", "use that version"}},
		{"an unreadable format", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "format.json"), func(b []byte) []byte { return nil })
		}, []string{"format.json", "not readable"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // most of the time is waiting for what never comes
			dir := filled(t, 50)
			c.damage(t, dir)
			for range 2 { // the second time too: nothing may be mended by forgetting
				s, err := store.Open(t.Context(), store.Options{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
				if err == nil {
					n := len(store.List[storetest.Note](s, ""))
					s.Close()
					t.Fatalf("opened, with %d of 50 records", n)
				}
				for _, want := range c.want {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("error %q does not say %q", err, want)
					}
				}
			}
		})
	}
}

func TestDirectoryInUse(t *testing.T) {
	dir := t.TempDir()
	open(t, store.Options{Dir: dir})
	_, err := store.Open(t.Context(), store.Options{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("in use by pid %d", os.Getpid())) || !strings.Contains(err.Error(), "--data DIR") {
		t.Errorf("a second store on one directory: %v", err)
	}
}

func TestDirectoryNotUsable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{file: "name a directory", "/proc/stagedoor": "data directory /proc/stagedoor"} {
		if _, err := store.Open(context.Background(), store.Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", dir, err, want)
		}
	}
	if _, err := store.Open(context.Background(), store.Options{}); err == nil {
		t.Error("opened without a directory")
	}
}

// flipIn changes one bit behind marker in one of the blocks of a stream.
func flipIn(t *testing.T, dir, stream, marker string) {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, "jetstream/jetstream/*/streams", stream, "msgs/*.blk"))
	for _, name := range files {
		edit(t, name, func(b []byte) []byte {
			if i := bytes.Index(b, []byte(marker)); i >= 0 {
				b[i+3] ^= 1
				return b
			}
			t.Fatalf("no %q on the disk", marker)
			return b
		})
	}
}

// Function code is verified at each load; a journal goes on behind an entry that
// cannot be read.
func TestDamageBesideRecords(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(t.Context(), store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	digest, err := s.PutBlob(t.Context(), []byte("the code of a function"))
	if err != nil {
		t.Fatal(err)
	}
	j, err := s.Journal(t.Context(), store.JournalConfig{Name: "log"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		if _, err := j.Append(t.Context(), "s", fmt.Appendf(nil, "entry %d of the log", i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	flipIn(t, dir, "STAGEDOOR_BLOBS", "the code of")
	flipIn(t, dir, "STAGEDOOR_JOURNAL_log", "entry 4 of")

	s = open(t, store.Options{Dir: dir})
	var damaged *store.CorruptError
	if data, err := s.GetBlob(t.Context(), digest); !errors.As(err, &damaged) {
		t.Errorf("a damaged blob: %q, %v", data, err)
	}
	if _, err := s.PutBlob(t.Context(), []byte("the code of a function")); !errors.As(err, &damaged) {
		t.Errorf("put again: %v", err)
	}
	if j, err = s.Journal(t.Context(), store.JournalConfig{Name: "log"}); err != nil {
		t.Fatal(err)
	}
	entries, err := j.Read(t.Context(), "", 0, 100)
	var read []string
	for _, e := range entries {
		read = append(read, string(e.Data[6]))
	}
	if got := strings.Join(read, ""); err != nil || got != "012356789" {
		t.Errorf("read entries %s, %v", got, err)
	}
}
