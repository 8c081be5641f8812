// Package stagedoor is API Gateway and Lambda in one process, with AWS's
// permission checks. It is what the stagedoor command runs, and what a Go
// program or test embeds:
//
//	server, err := stagedoor.New(stagedoor.Options{Ephemeral: true, Listen: "127.0.0.1:0"})
//	if err != nil { … }
//	if err := server.Start(ctx); err != nil { … }
//	defer server.Close(ctx)
//	// point any AWS client at server.Endpoint()
//
// This package is the only place where the parts are wired together; see
// ARCHITECTURE.md for what each of them does.
package stagedoor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/stagedoor/stagedoor/internal/console"
	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/identity"
	"github.com/stagedoor/stagedoor/internal/sandbox"
)

// Options say how a Server runs. The zero value is what "stagedoor up" does
// without flags.
type Options struct {
	// Listen is the address of the one port, HOST:PORT. "" means
	// 127.0.0.1:4566; port 0 takes any free one.
	Listen string
	// Data is the directory of the state. "" means DefaultData.
	Data string
	// Ephemeral keeps everything in memory; Data is not touched.
	Ephemeral bool
	// NATS is the URL of a NATS server with JetStream that holds the state in
	// place of Data.
	NATS string
	// Region is that of requests that name none, Account that of the key
	// test/test. "" means us-east-1 and 000000000000.
	Region, Account string
	// Grants is what a refused call of a function comes to: "enforce" ("")
	// answers as AWS does, "warn" makes the call and reports it, "off" asks
	// nobody.
	Grants string
	// Credentials is "lax" (""): a key that was not issued here is the root of
	// its account; or "strict": it is refused.
	Credentials string
	// LaxRoles accepts role ARNs that were never real.
	LaxRoles bool
	// Console is what the web console may do: "on" (""), "read-only", or "off".
	Console string
	// Logger takes the server's own errors. nil means slog.Default.
	Logger *slog.Logger
	// Version is what the health page shows.
	Version string
	// Reexec says that this program's main calls FirstStage before anything
	// else, as the stagedoor command's does: functions can then be isolated by
	// namespaces where bubblewrap does not work.
	Reexec bool
}

// What holds unless Options say otherwise.
const (
	DefaultListen  = "127.0.0.1:4566"
	DefaultRegion  = identity.DefaultRegion
	DefaultAccount = identity.DefaultAccount
)

// DefaultData is the directory of the state unless told otherwise:
// $XDG_DATA_HOME/stagedoor, by default ~/.local/share/stagedoor.
func DefaultData() string {
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "stagedoor")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "stagedoor-data"
	}
	return filepath.Join(home, ".local", "share", "stagedoor")
}

var (
	accountID  = regexp.MustCompile(`^[0-9]{12}$`)
	regionName = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
)

// defaults fills in what is empty and refuses what makes no sense.
func (o *Options) defaults() error {
	if o.Listen == "" {
		o.Listen = DefaultListen
	}
	if _, port, err := net.SplitHostPort(o.Listen); err != nil || !portNumber(port) {
		return fmt.Errorf("--listen %q is not HOST:PORT, for example %s", o.Listen, DefaultListen)
	}
	if o.Data == "" {
		o.Data = DefaultData()
	}
	if o.Ephemeral && o.NATS != "" {
		return errors.New("--ephemeral keeps state in memory and --nats on a server: choose one")
	}
	if o.Region == "" {
		o.Region = DefaultRegion
	}
	if !regionName.MatchString(o.Region) {
		return fmt.Errorf("--region %q is not the name of a region, such as eu-central-1", o.Region)
	}
	if o.Account == "" {
		o.Account = DefaultAccount
	}
	if !accountID.MatchString(o.Account) {
		return fmt.Errorf("--account %q is not an account id: 12 digits", o.Account)
	}
	if _, err := grants.ParseMode(o.Grants); err != nil {
		return err
	}
	if !slices.Contains([]string{"", "lax", "strict"}, o.Credentials) {
		return fmt.Errorf("--credentials %q is neither lax nor strict", o.Credentials)
	}
	if _, err := console.ParseMode(o.Console); err != nil {
		return err
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return nil
}

// Server is a stagedoor. Its methods may be called from any goroutine.
type Server struct {
	options  Options
	parts    *parts
	listener net.Listener
	served   chan error
	closed   chan struct{}
	refused  []func(*grants.Decision)
}

// New checks the options; Start does the work.
func New(o Options) (*Server, error) {
	if err := o.defaults(); err != nil {
		return nil, err
	}
	return &Server{options: o, served: make(chan error, 1), closed: make(chan struct{})}, nil
}

// OnRefusal lets f see each refused call, after it was answered. It is called
// from one goroutine, and before Start only.
func (s *Server) OnRefusal(f func(*grants.Decision)) {
	s.refused = append(s.refused, f)
}

// Start opens the state, builds the parts and answers on the port. It returns
// when the first request can be answered; its errors name the remedy.
func (s *Server) Start(ctx context.Context) error {
	listener, err := listen(s.options.Listen)
	if err != nil {
		return err
	}
	parts, err := wire(ctx, s.options, "http://"+reachable(listener.Addr()))
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	for _, f := range s.refused {
		parts.grants.Subscribe(f)
	}
	s.listener, s.parts = listener, parts
	go func() { s.served <- parts.endpoint.Serve(listener) }()
	return nil
}

// listen takes the port, or says who has it and what to do.
func listen(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err == nil {
		return listener, nil
	}
	if isInUse(err) {
		return nil, fmt.Errorf("%s is taken, perhaps by a stagedoor that runs already (\"stagedoor why\" would ask it). "+
			"End that one, or choose another port: stagedoor up --listen 127.0.0.1:4567", address)
	}
	remedy := "; give an address of this machine, for example --listen " + DefaultListen
	if errors.Is(err, fs.ErrPermission) {
		remedy = "; ports below 1024 need privileges: choose a higher one, for example --listen " + DefaultListen
	}
	return nil, fmt.Errorf("cannot listen at %s: %w%s", address, err, remedy)
}

func portNumber(text string) bool {
	_, err := strconv.ParseUint(text, 10, 16)
	return err == nil
}

// reachable turns the address of a listener on all interfaces into one that
// functions on this machine can call.
func reachable(address net.Addr) string {
	host, port, err := net.SplitHostPort(address.String())
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return address.String()
}

// Endpoint is the URL for AWS_ENDPOINT_URL, once Start has returned.
func (s *Server) Endpoint() string {
	return "http://" + reachable(s.listener.Addr())
}

// Ready reports whether requests are answered. It holds from Start to Close.
func (s *Server) Ready() bool {
	select {
	case <-s.closed:
		return false
	default:
		return s.parts != nil
	}
}

// Wait returns when the server has ended: nil after Close, otherwise why.
func (s *Server) Wait() error { return <-s.served }

// Close refuses new requests, lets running invocations end as long as ctx
// allows, and writes what is still in memory.
func (s *Server) Close(ctx context.Context) error {
	if s.parts == nil {
		return nil
	}
	close(s.closed)
	return s.parts.close(ctx)
}

// Place says where the state is kept, for a person.
func (s *Server) Place() string {
	switch {
	case s.options.NATS != "":
		return s.options.NATS
	case s.options.Ephemeral:
		return "memory"
	default:
		return s.options.Data
	}
}

// closeTimeout bounds each part's farewell after ctx has ended.
const closeTimeout = 5 * time.Second

// FirstStage does nothing, except in a process that a Server started to isolate a
// function by namespaces: there it runs the function and never returns. See
// Options.Reexec.
func FirstStage() { sandbox.Main() }

// Isolation says how functions are kept apart on this machine.
func (s *Server) Isolation() sandbox.Isolation { return s.parts.sandbox.Describe() }
