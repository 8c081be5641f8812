package invoke

import (
	"context"
	"errors"

	"github.com/stagedoor/stagedoor/internal/sandbox"
)

// Broker runs invocations.
type Broker struct {
	driver sandbox.Driver
}

// Invoke runs one invocation and waits for its answer.
func (b *Broker) Invoke(ctx context.Context, r *Request) (*Result, error) {
	return nil, errors.ErrUnsupported
}

// InvokeAsync accepts one invocation (InvocationType Event) and runs it in the
// background.
func (b *Broker) InvokeAsync(ctx context.Context, r *Request) error {
	return errors.ErrUnsupported
}

// Close refuses new invocations, lets the running ones end and then closes
// every environment.
func (b *Broker) Close(ctx context.Context) error { return nil }
