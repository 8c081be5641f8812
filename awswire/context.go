package awswire

import (
	"context"
	"net"
)

// Caller is the principal behind a control-plane call. The Authenticate hook of [ServerOptions] puts it into the context.
type Caller struct {
	Account     string // 12 digits
	Region      string // of the credential scope, else the server's default
	ARN         string // arn:aws:iam::ACCOUNT:root, …:user/NAME or arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION
	UserID      string // as GetCallerIdentity prints it
	AccessKeyID string // empty for calls without a signature
	Root        bool   // the account itself: no identity policies apply
}

type callerKey struct{}

// WithCaller returns a context in which [CallerFrom] finds c.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerFrom returns the caller of the current operation; the zero Caller when nobody was authenticated.
func CallerFrom(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

// call is what the server knows about the operation in progress.
type call struct {
	service   string
	operation string
	requestID string
	host      string
	remote    string // host:port of the client
	present   *presence
}

type callKey struct{}

func withCall(ctx context.Context, c *call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

func callFrom(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// RequestID returns the id of the current operation, the one that the answer carries in x-amzn-RequestId; "" outside of
// one.
func RequestID(ctx context.Context) string {
	if c := callFrom(ctx); c != nil {
		return c.requestID
	}
	return ""
}

// Host returns the host and port under which the client reached the control plane ("localhost:4566"); "" for in-process
// calls.
func Host(ctx context.Context) string {
	if c := callFrom(ctx); c != nil {
		return c.host
	}
	return ""
}

// ClientIP returns the address of the client, what policies know as aws:SourceIp; "" for in-process calls.
func ClientIP(ctx context.Context) string {
	if c := callFrom(ctx); c != nil {
		if host, _, err := net.SplitHostPort(c.remote); err == nil {
			return host
		}
	}
	return ""
}

// OperationName returns the model name of the service and the operation in progress ("lambda", "CreateFunction"); empty
// outside of one.
func OperationName(ctx context.Context) (service, operation string) {
	if c := callFrom(ctx); c != nil {
		return c.service, c.operation
	}
	return "", ""
}

// Present reports whether the member at path was on the wire. It tells zero from absent where the SDK's input type has a
// plain scalar instead of a pointer. path names model members separated by dots, without regard to case
// ("throttleSettings.rateLimit"); list elements and map values have no names: a member inside of them is present when any
// element has it. An explicit JSON null is absent. For in-process calls a member is present when its Go field is not
// zero. Without any call in ctx the answer is false (see [WithPresent]).
func Present(ctx context.Context, path string) bool {
	c := callFrom(ctx)
	return c != nil && c.present.has(path)
}

// WithPresent returns a context in which exactly the given paths are [Present]: for tests that call a handler directly.
func WithPresent(ctx context.Context, paths ...string) context.Context {
	c := call{}
	if old := callFrom(ctx); old != nil {
		c = *old
	}
	c.present = &presence{fixed: paths}
	return withCall(ctx, &c)
}
