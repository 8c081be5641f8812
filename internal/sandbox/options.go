package sandbox

import (
	"context"
	"log/slog"
)

// Options configures NewProcess. Code and Logs are required.
type Options struct {
	// CacheDir keeps extracted code and the loaders; several stagedoors may
	// share it. "": a temporary directory that Close removes.
	CacheDir string
	// Code loads the zip whose SHA-256 is digest.
	Code func(ctx context.Context, digest string) ([]byte, error)
	// Logs opens a function's log stream.
	Logs func(fn *Function, stream string) LogWriter
	// Endpoint is stagedoor's own URL as functions reach it ("http://127.0.0.1:4566"),
	// asked at each start; AWS_ENDPOINT_URL inside functions. nil or "": unset.
	Endpoint func() string
	// Credentials makes the credentials of fn's role. nil: the account's root
	// key (access key = account id, secret "test").
	Credentials func(ctx context.Context, fn *Function) (Credentials, error)
	// Isolation demands a level instead of the best one that works:
	// "bubblewrap", "namespaces" or "plain". NewProcess fails if it does not
	// work here.
	Isolation string
	// Reexec says that this program's main calls Main before anything else:
	// isolation by namespaces starts the program a second time.
	Reexec bool
	// Logger takes what concerns the host, never a function's output. nil:
	// discarded.
	Logger *slog.Logger
}
