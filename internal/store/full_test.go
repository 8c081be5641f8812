package store_test

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
	"github.com/stagedoor/stagedoor/internal/store/storetest"
)

// On a full disk a write fails at once and says what to do; what was
// acknowledged is there after a restart. It needs a small file system, so it
// runs where tests may mount one.
func TestFullDisk(t *testing.T) {
	dir := smallDisk(t)
	s, err := store.Open(t.Context(), store.Options{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	written := 0
	text := strings.Repeat("x", 12<<10)
	for ; written < 1000; written++ {
		start := time.Now()
		if _, err = store.Create(t.Context(), s, state.NewKey("full", fmt.Sprint(written)), &storetest.Note{N: written, Text: text}); err != nil {
			if took := time.Since(start); took > 3*time.Second {
				t.Errorf("the failing write took %v", took)
			}
			break
		}
	}
	if !errors.Is(err, store.ErrUnwritable) || !strings.Contains(err.Error(), "free space") || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("after %d writes: %v", written, err)
	}
	if _, err := store.Put(t.Context(), s, "full.x", &storetest.Note{}); !errors.Is(err, store.ErrUnwritable) {
		t.Errorf("a later write: %v", err)
	}
	_ = s.Close() // it cannot write the seal

	if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
		t.Fatal(err)
	}
	s = open(t, store.Options{Dir: dir})
	for i := range written {
		if rec, _, err := store.Get[storetest.Note](s, state.NewKey("full", fmt.Sprint(i))); err != nil || rec.N != i {
			t.Fatalf("record %d of %d acknowledged: %+v, %v", i, written, rec, err)
		}
	}
	if _, err := store.Put(t.Context(), s, "full.x", &storetest.Note{}); err != nil {
		t.Errorf("after space was freed: %v", err)
	}
}
