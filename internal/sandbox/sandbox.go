package sandbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stagedoor/stagedoor/runtimeapi"
)

// Function is what an environment needs to know of a function version. It is
// fixed for the environment's life: a changed function gets new environments.
type Function struct {
	ARN            string // unqualified: arn:aws:lambda:R:A:function:NAME
	Name           string
	Version        string // "$LATEST" or a number
	Account        string
	Region         string
	Runtime        string // "nodejs22.x", "python3.12", "provided.al2023", …
	Handler        string
	CodeDigest     string // SHA-256 of the zip, hexadecimal
	Env            map[string]string
	MemoryMB       int
	TimeoutSeconds int
	EphemeralMB    int
	LogGroup       string
	LogFormat      string // "Text" (also "") or "JSON"
	AppLogLevel    string // JSON only: "TRACE" … "FATAL", "" is INFO
	SystemLogLevel string // JSON only: "DEBUG", "INFO", "WARN", "" is INFO
	Role           string // ARN of the execution role
}

// Driver starts environments.
type Driver interface {
	// Start starts a new environment of fn and returns when its process runs;
	// the first Invoke waits for the end of its init phase. Errors are those
	// that a human must fix (*RuntimeMissingError, broken code, no memory for
	// a process): what the function itself does wrong is a Result of Invoke.
	Start(ctx context.Context, fn *Function) (Environment, error)
	// Describe says how environments are kept apart, for the start-up print.
	Describe() Isolation
	// Close kills every environment that is left and frees what the driver
	// holds.
	Close(ctx context.Context) error
}

// Environment is one running instance of a function.
type Environment interface {
	// Invoke hands one invocation to the function and waits for its answer or
	// its timeout. An error means that the environment failed to take the
	// invocation at all (ErrClosed: it had died while idle; the caller may
	// take another environment). What the function does wrong, its timeout and
	// its crash included, is a Result. After Invoke the environment is usable
	// unless Result.Dead.
	Invoke(ctx context.Context, in *Invocation) (*Result, error)
	// LogStream is the name of the environment's log stream.
	LogStream() string
	// Initialized is closed when the init phase is over, well or badly.
	Initialized() <-chan struct{}
	// Done is closed when the environment can take no further invocation.
	Done() <-chan struct{}
	// Close kills the environment's processes and frees its directories.
	Close()
}

// Invocation is one call of a function.
type Invocation struct {
	RequestID       string // a UUID; the driver makes none
	InvokedARN      string // the ARN as it was called, qualifier included; "" is Function.ARN
	TraceID         string // X-Amzn-Trace-Id form, "Root=1-…"; "" none
	ClientContext   string // JSON, "" none
	CognitoIdentity string // JSON, "" none
	Payload         []byte
	LogTail         bool // collect Result.LogTail
	// Detached takes the result when the caller's context ended first.
	Detached func(*Result, error)
}

// Result is how an invocation ended.
type Result struct {
	Payload       []byte // the function's answer, or the JSON error object
	FunctionError string // "" or "Unhandled"
	ErrorType     string // errorType of the failure when the host knows it: "Runtime.ExitError", "Sandbox.Timedout", …
	LogTail       []byte // last 4 KB of the invocation's log lines
	Duration      time.Duration
	InitDuration  time.Duration // zero for warm calls
	MaxMemoryMB   int
	Dead          bool // the environment ended with this invocation
}

// Isolation says how a driver keeps environments apart.
type Isolation struct {
	Name   string   // "bubblewrap", "namespaces" or "plain process"
	Holds  []string // what is guaranteed, one short phrase each
	Lacks  []string // what is not, with the remedy where there is one
	Notes  []string // other things to say at start: interpreters found, their versions
	Strong bool     // /var/task is read-only and every environment has its own /tmp and process space
}

// LogLine is one event for a function's log stream.
type LogLine struct {
	Millis  int64 // Unix time, milliseconds
	Message string
}

// LogWriter takes the lines of one log stream. Write must not block.
type LogWriter interface {
	Write(lines ...LogLine)
}

// Credentials are what a function finds in its environment as its role's.
type Credentials struct {
	AccessKeyID, SecretAccessKey, SessionToken string
}

// MaxPayload is the largest synchronous request and response payload: AWS's
// 6 MB plus 100 bytes of envelope (LDG:gettingstarted-limits; RIE constants).
const MaxPayload = runtimeapi.MaxPayload

// ErrClosed says that an environment can take no invocation any more.
var ErrClosed = errors.New("environment is closed")

// ErrDetached says that the caller's context ended before the invocation, which
// goes on.
var ErrDetached = errors.New("invocation goes on without its caller")

// RuntimeMissingError says that the program which runs a function is not on
// this machine.
type RuntimeMissingError struct {
	Runtime string // "nodejs22.x"
	Program string // "node"; "" when no program of any machine would do
	Remedy  string // what to install
}

func (e *RuntimeMissingError) Error() string {
	if e.Program == "" {
		return fmt.Sprintf("runtime %s is not run by this version of stagedoor: %s", e.Runtime, e.Remedy)
	}
	return fmt.Sprintf("runtime %s needs %s, which is not on this machine: %s", e.Runtime, e.Program, e.Remedy)
}
