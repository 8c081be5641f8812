package store

import (
	"context"
	"errors"
	"io"
)

// Export writes one file with all records, blobs and journals.
func (s *Store) Export(ctx context.Context, w io.Writer) error {
	return errors.ErrUnsupported
}

// Import fills an empty store from a file that Export wrote.
func (s *Store) Import(ctx context.Context, r io.Reader) error {
	return errors.ErrUnsupported
}
