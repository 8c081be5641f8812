package invoke

import (
	"errors"
	"fmt"
	"time"
)

// Request is one call of a function.
type Request struct {
	Account   string
	Region    string
	Function  string // name
	Qualifier string // "" or "$LATEST", a version, or an alias
	Payload   []byte
	// ClientContext is the JSON of the client context (already base64-decoded);
	// "" none.
	ClientContext string
	LogTail       bool   // collect Result.LogTail
	TraceID       string // X-Amzn-Trace-Id; "" lets the broker make one
	RequestID     string // UUID; "" lets the broker make one
	InvokedARN    string // context.invokedFunctionArn; "" is built from name and qualifier
}

// Result is a function's answer.
type Result struct {
	Payload         []byte // the answer, or the JSON error object when FunctionError is set
	FunctionError   string // "" or "Unhandled"
	ErrorType       string // errorType of the failure when known, for logs
	ExecutedVersion string // "$LATEST" or a number
	LogTail         []byte // last 4 KB of the call's log, plain
	RequestID       string
	Duration        time.Duration // of the invocation, without init
}

// Payload limits in bytes (LDG:gettingstarted-limits): 6 MB synchronous; 1 MB
// asynchronous since October 2025, 256 KB before.
const (
	MaxSyncPayload  = 6 * 1024 * 1024
	MaxAsyncPayload = 1024 * 1024
)

// Kinds of refusal; the caller puts them into AWS's words.
var (
	// ErrFunctionNotFound: no such function, version or alias.
	ErrFunctionNotFound = errors.New("function not found")
	// ErrTooManyRequests: see *ThrottledError.
	ErrTooManyRequests = errors.New("too many concurrent invocations")
	// ErrPayloadTooLarge: see *PayloadError.
	ErrPayloadTooLarge = errors.New("payload too large")
	// ErrClosed: the broker is shutting down.
	ErrClosed = errors.New("invocation broker is closed")
)

// ThrottledError is an ErrTooManyRequests with AWS's reason.
type ThrottledError struct {
	// Reason is the Reason member of TooManyRequestsException:
	// "ReservedFunctionConcurrentInvocationLimitExceeded",
	// "ConcurrentInvocationLimitExceeded" or, for a full asynchronous queue,
	// "CallerRateLimitExceeded".
	Reason string
}

func (e *ThrottledError) Error() string { return "Rate Exceeded." }

// Is makes errors.Is(err, ErrTooManyRequests) true.
func (e *ThrottledError) Is(target error) bool { return target == ErrTooManyRequests }

// PayloadError is an ErrPayloadTooLarge with the figures of AWS's message.
type PayloadError struct {
	Size, Limit int // bytes
}

func (e *PayloadError) Error() string {
	return fmt.Sprintf("%d byte payload is too large for the limit of %d bytes", e.Size, e.Limit)
}

// Is makes errors.Is(err, ErrPayloadTooLarge) true.
func (e *PayloadError) Is(target error) bool { return target == ErrPayloadTooLarge }

// NotReadyError says that a function exists but cannot run now: its state is
// Pending or Failed (ResourceConflictException on AWS), or its runtime is
// missing on this machine (Err).
type NotReadyError struct {
	Function string // name
	State    string // "Pending", "Failed", …; "" when Err is set
	Err      error  // why the environment could not be started
}

func (e *NotReadyError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("function %s cannot be started: %v", e.Function, e.Err)
	}
	return fmt.Sprintf("function %s is in state %s", e.Function, e.State)
}

func (e *NotReadyError) Unwrap() error { return e.Err }
