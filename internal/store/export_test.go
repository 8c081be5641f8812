package store_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
	"github.com/stagedoor/stagedoor/internal/store/storetest"
)

// exported is a store with something of everything, and its export.
func exported(t testing.TB) (*store.Store, []byte) {
	t.Helper()
	s := open(t, store.Options{Dir: t.TempDir()})
	for _, name := range []string{"a", "b", "ü/c"} {
		if _, err := store.Create(t.Context(), s, state.NewKey("test", name), &storetest.Note{Text: name}); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Delete(t.Context(), s, state.NewKey("test", "b")); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 10, 700_000} {
		if _, err := s.PutBlob(t.Context(), bytes.Repeat([]byte{'x'}, size)); err != nil {
			t.Fatal(err)
		}
	}
	j, err := s.Journal(t.Context(), store.JournalConfig{Name: "events", MaxBytes: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"one", "two", "three"} {
		if _, err := j.Append(t.Context(), "s.x", []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	var file bytes.Buffer
	if err := s.Export(t.Context(), &file); err != nil {
		t.Fatal(err)
	}
	return s, file.Bytes()
}

func TestExportImport(t *testing.T) {
	s, file := exported(t)
	other := open(t, store.Options{Ephemeral: true})
	if err := other.Import(t.Context(), bytes.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	notes := func(s *store.Store) map[state.Key]storetest.Note {
		notes := map[state.Key]storetest.Note{}
		for _, item := range store.List[storetest.Note](s, "") {
			notes[item.Key] = *item.Record
		}
		return notes
	}
	if diff := cmp.Diff(notes(s), notes(other)); diff != "" || len(notes(other)) != 2 {
		t.Errorf("records differ:\n%s", diff)
	}
	for _, size := range []int{0, 10, 700_000} {
		digest, _ := s.PutBlob(t.Context(), bytes.Repeat([]byte{'x'}, size))
		if data, err := other.GetBlob(t.Context(), digest); err != nil || len(data) != size {
			t.Errorf("blob of %d bytes: %d, %v", size, len(data), err)
		}
	}
	j, err := other.Journal(t.Context(), store.JournalConfig{Name: "events"})
	if err != nil {
		t.Fatal(err)
	}
	entries, err := j.Read(t.Context(), "s.x", 0, 10)
	if err != nil || len(entries) != 3 || string(entries[2].Data) != "three" {
		t.Errorf("journal: %d entries, %v", len(entries), err)
	}
	if err := other.Import(t.Context(), bytes.NewReader(file)); err == nil || !strings.Contains(err.Error(), "empty data directory") {
		t.Errorf("a second import: %v", err)
	}
}

// A file that is not whole is refused before anything is written.
func TestImportRefusesDamage(t *testing.T) {
	_, file := exported(t)
	s := open(t, store.Options{Ephemeral: true})
	for name, damage := range map[string]func([]byte) []byte{
		"empty":          func(b []byte) []byte { return nil },
		"another file":   func(b []byte) []byte { return []byte("PK\x03\x04 something else entirely") },
		"a newer format": func(b []byte) []byte { return bytes.Replace(b, []byte("export 1"), []byte("export 2"), 1) },
		"cut short":      func(b []byte) []byte { return b[:len(b)-20] },
		"cut in half":    func(b []byte) []byte { return b[:len(b)/2] },
		"a flipped bit":  func(b []byte) []byte { b[len(b)/2] ^= 4; return b },
	} {
		if err := s.Import(t.Context(), bytes.NewReader(damage(bytes.Clone(file)))); err == nil {
			t.Errorf("%s: imported", name)
		}
		if n := len(store.List[storetest.Note](s, "")); n != 0 {
			t.Fatalf("%s: %d records written", name, n)
		}
	}
}
