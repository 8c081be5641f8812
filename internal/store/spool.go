package store

import (
	"io"
	"os"
)

// spool is a copy of an export in a temporary file, to be read twice.
type spool struct {
	file *os.File
}

func newSpool(r io.Reader) (*spool, error) {
	f, err := os.CreateTemp("", "stagedoor-import-")
	if err != nil {
		return nil, err
	}
	s := &spool{file: f}
	if _, err := io.Copy(f, r); err != nil {
		s.remove()
		return nil, err
	}
	return s, nil
}

func (s *spool) frames(yield func(kind byte, name string, data []byte) error) error {
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return readFrames(s.file, yield)
}

func (s *spool) remove() {
	_ = s.file.Close()
	_ = os.Remove(s.file.Name())
}
