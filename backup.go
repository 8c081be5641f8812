package stagedoor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/stagedoor/stagedoor/internal/store"
)

// Export writes everything that the data directory (or the NATS server) of o
// holds into w, in the form that Import reads. No stagedoor may be using the
// directory.
func Export(ctx context.Context, o Options, w io.Writer) error {
	if err := o.defaults(); err != nil {
		return err
	}
	if o.NATS == "" {
		if _, err := os.Stat(o.Data); errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("there is nothing to export: %s does not exist. Name the data directory with --data, or the running stagedoor with --endpoint-url", o.Data)
		}
	}
	return withStore(ctx, o, func(s *store.Store) error { return s.Export(ctx, w) })
}

// Import fills the empty data directory (or NATS server) of o from r.
func Import(ctx context.Context, o Options, r io.Reader) error {
	if err := o.defaults(); err != nil {
		return err
	}
	return withStore(ctx, o, func(s *store.Store) error { return s.Import(ctx, r) })
}

func withStore(ctx context.Context, o Options, use func(*store.Store) error) error {
	s, err := store.Open(ctx, store.Options{Dir: o.Data, URL: o.NATS, Logger: o.Logger})
	if err != nil {
		return err
	}
	return errors.Join(use(s), s.Close())
}
