package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// dirFormat is the version of the data directory's layout. A directory of a
// higher version is refused.
const dirFormat = 1

// dataDir is a locked data directory:
//
//	lock         flock'ed by the process that uses it; holds its pid
//	format.json  dirMark, written when the directory is first used
//	seal         what was there at the last stop or so: see seal.go
//	jetstream/   NATS's own files
type dataDir struct {
	path      string
	ephemeral bool
	lock      *os.File
	mark      dirMark
	fresh     bool // there was no mark: this directory was never used
}

// dirMark is the content of format.json.
type dirMark struct {
	Format  int       `json:"format"`
	Created time.Time `json:"created"`
}

// openDir makes, locks and checks the data directory.
func openDir(path string, ephemeral bool) (*dataDir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, dirError(path, err)
	}
	d := &dataDir{path: path, ephemeral: ephemeral}
	if err := d.acquire(); err != nil {
		return nil, err
	}
	if err := d.readMark(); err != nil {
		_ = d.unlock()
		return nil, err
	}
	return d, nil
}

func (d *dataDir) acquire() error {
	name := filepath.Join(d.path, "lock")
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return dirError(d.path, err)
	}
	if err := lockFile(f); err != nil {
		text, _ := os.ReadFile(name)
		f.Close()
		pid := strings.TrimSpace(string(text))
		if pid == "" {
			pid = "unknown"
		}
		return fmt.Errorf("data directory %s in use by pid %s: end that process, or give this one a directory of its own with --data DIR (or --ephemeral)", d.path, pid)
	}
	d.lock = f
	if err := f.Truncate(0); err != nil {
		return dirError(d.path, err)
	}
	if _, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return dirError(d.path, err)
	}
	return nil
}

func (d *dataDir) readMark() error {
	data, err := os.ReadFile(filepath.Join(d.path, "format.json"))
	if errors.Is(err, fs.ErrNotExist) {
		d.fresh = true
		d.mark = dirMark{Format: dirFormat, Created: time.Now().UTC()}
		return nil
	}
	if err != nil {
		return dirError(d.path, err)
	}
	if err := json.Unmarshal(data, &d.mark); err != nil || d.mark.Format < 1 {
		return fmt.Errorf("%s is not readable (%v): restore it from a backup, or start with an empty data directory and load the last export with \"stagedoor import FILE\"",
			filepath.Join(d.path, "format.json"), err)
	}
	if d.mark.Format > dirFormat {
		return fmt.Errorf("data directory %s was %w (format %d, this version reads up to %d): use that version, or export with it and import here",
			d.path, errNewerFormat, d.mark.Format, dirFormat)
	}
	return nil
}

func (d *dataDir) writeMark() error {
	data, err := json.MarshalIndent(d.mark, "", "  ")
	if err != nil {
		return err
	}
	return d.replace("format.json", append(data, '\n'))
}

// replace writes a file of the directory whole or not at all.
func (d *dataDir) replace(name string, data []byte) error {
	path := filepath.Join(d.path, name)
	if err := writeSynced(path+".new", data); err != nil {
		return dirError(d.path, err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return dirError(d.path, err)
	}
	return nil
}

func writeSynced(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// mayBeEmpty refuses to begin anew in a directory that held state before.
func (d *dataDir) mayBeEmpty() error {
	if d.fresh {
		return nil
	}
	return d.lost("its records are gone")
}

func (d *dataDir) lost(what string) error {
	return fmt.Errorf("data directory %s has been in use since %s, but %s: nothing is served from it. "+
		"Restore the directory from a backup, or start with an empty one and load the last export with \"stagedoor import FILE\"",
		d.path, d.mark.Created.Format(time.DateTime), what)
}

// loaded checks what was loaded against the seal and marks a new directory as
// used.
func (d *dataDir) loaded(m *mirror) error {
	if d.ephemeral {
		return nil
	}
	if err := d.checkSeal(m); err != nil {
		return err
	}
	if d.fresh {
		return d.writeMark()
	}
	return nil
}

func (d *dataDir) unlock() error {
	if d.lock == nil {
		return nil
	}
	_ = d.lock.Truncate(0)
	err := d.lock.Close()
	d.lock = nil
	return err
}

// dirError adds the remedy to what the file system answered.
func dirError(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("data directory %s is not writable: %w; change its owner or mode, or name another with --data DIR (or --ephemeral)", path, err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("no space left for the data directory %s: %w; free some, or name another with --data DIR", path, err)
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("data directory %s: %w; name a directory with --data DIR", path, err)
	}
	return fmt.Errorf("data directory %s: %w", path, err)
}
