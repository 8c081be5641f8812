package codezip

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

type entry struct {
	name, body string
	mode       fs.FileMode
}

func pack(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		h.SetMode(e.mode)
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		f.Write([]byte(e.body))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func extract(t testing.TB, data []byte) (dir string, err error) {
	t.Helper()
	parent := t.TempDir()
	dir = filepath.Join(parent, "task")
	os.Mkdir(dir, 0o755)
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	_, err = Extract(data, root)
	left, _ := os.ReadDir(parent)
	if len(left) != 1 {
		t.Fatalf("extraction wrote beside its root: %v", left)
	}
	return dir, err
}

func TestExtract(t *testing.T) {
	dir, err := extract(t, pack(t,
		entry{"lib/", "", fs.ModeDir | 0o755},
		entry{"lib/real.txt", "real", 0o600},
		entry{"bootstrap", "#!/bin/sh", 0o755},
		entry{"lib/link.txt", "real.txt", fs.ModeSymlink | 0o777},
		entry{"up", "lib/../bootstrap", fs.ModeSymlink | 0o777},
		entry{"dangling", "nothing", fs.ModeSymlink | 0o777},
		entry{"twice", "first", 0o644}, entry{"twice", "second", 0o644},
		entry{"without/directory/entry", "x", 0},
	))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"lib/link.txt": "real", "up": "#!/bin/sh", "twice": "second", "without/directory/entry": "x"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if st, _ := os.Stat(filepath.Join(dir, "bootstrap")); st.Mode().Perm()&0o111 != 0o111 || st.Mode().Perm()&0o222 != 0 {
		t.Errorf("bootstrap has mode %v", st.Mode())
	}
}

func TestRefused(t *testing.T) {
	good := pack(t, entry{"index.js", strings.Repeat("exports.handler = 1\n", 1000), 0o644})
	lying := bytes.Clone(good)
	// The sizes of the central directory say less than the data holds.
	at := bytes.LastIndex(lying, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(lying[at+24:], 10)
	for name, c := range map[string]struct {
		data []byte
		want error
	}{
		"nothing":           {nil, ErrInvalid},
		"text":              {[]byte("hello"), ErrInvalid},
		"truncated":         {good[:len(good)-30], ErrInvalid},
		"truncated inside":  {append(bytes.Clone(good[:40]), good[60:]...), ErrInvalid},
		"empty":             {pack(t), ErrEmpty},
		"slip":              {pack(t, entry{"../evil", "x", 0o644}), ErrInvalid},
		"slip inside":       {pack(t, entry{"a/../../evil", "x", 0o644}), ErrInvalid},
		"absolute":          {pack(t, entry{"/etc/evil", "x", 0o644}), ErrInvalid},
		"backslash":         {pack(t, entry{`..\evil`, "x", 0o644}), ErrInvalid},
		"device":            {pack(t, entry{"dev", "x", fs.ModeDevice | 0o644}), ErrInvalid},
		"link outside":      {pack(t, entry{"l", "../../etc/passwd", fs.ModeSymlink | 0o777}), ErrInvalid},
		"link to root":      {pack(t, entry{"l", "/etc/passwd", fs.ModeSymlink | 0o777}), ErrInvalid},
		"through a link":    {pack(t, entry{"l", "sub", fs.ModeSymlink | 0o777}, entry{"l/../../evil", "x", 0o644}), ErrInvalid},
		"file as directory": {pack(t, entry{"a", "x", 0o644}, entry{"a/b", "x", 0o644}), ErrInvalid},
		"sizes that lie":    {lying, ErrInvalid},
		"too large":         {make([]byte, MaxZipped+1), ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := extract(t, c.data); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			// The upload refuses it already, but for what only a file system
			// can tell.
			if _, err := Validate(c.data); !errors.Is(err, c.want) && name != "file as directory" {
				t.Errorf("at the upload: got %v, want %v", err, c.want)
			}
		})
	}
}

// Three files of 100 MB each in a few bytes: refused by Validate, before
// anything is written.
func TestBomb(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range []string{"a", "b", "c"} {
		if _, err := w.CreateRaw(&zip.FileHeader{Name: name, Method: zip.Deflate, UncompressedSize64: 100 << 20}); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	if _, err := Validate(b.Bytes()); !errors.Is(err, ErrUnzippedTooLarge) {
		t.Fatalf("got %v", err)
	}
	if _, err := extract(t, b.Bytes()); !errors.Is(err, ErrUnzippedTooLarge) {
		t.Fatalf("got %v", err)
	}
}

// FuzzExtract: whatever a zip holds, nothing is written beside the root.
func FuzzExtract(f *testing.F) {
	f.Add(pack(f, entry{"index.js", "x", 0o644}, entry{"d/", "", fs.ModeDir | 0o755}))
	f.Add(pack(f, entry{"l", "d", fs.ModeSymlink | 0o777}, entry{"d/x", "x", 0o644}, entry{"../evil", "x", 0o644}))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir, err := extract(t, data)
		if err != nil {
			return
		}
		filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				t.Fatal(err)
			}
			if d.Type()&^(fs.ModeDir|fs.ModeSymlink) != 0 {
				t.Fatalf("%s is %v", p, d.Type())
			}
			return nil
		})
	})
}
