// Package storetest gives other packages' tests a store, and holds the
// conformance suite that every kind of store must pass.
package storetest

import (
	"log/slog"
	"testing"

	"github.com/stagedoor/stagedoor/internal/store"
)

// New opens an ephemeral store that ends with the test.
func New(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Ephemeral: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
