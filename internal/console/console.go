package console

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/why"
)

// Prefix is the path below which the console lies. The JSON of internal/admin
// shares it: the root package sends each its own.
const Prefix = "/_stagedoor/"

// Mode says what the console may do.
type Mode string

// The modes of --console.
const (
	On       Mode = "on"
	ReadOnly Mode = "read-only" // shows everything, changes nothing
	Off      Mode = "off"       // answers 404
)

// ParseMode reads --console; "" is On.
func ParseMode(text string) (Mode, error) {
	switch m := Mode(text); m {
	case "":
		return On, nil
	case On, ReadOnly, Off:
		return m, nil
	}
	return "", fmt.Errorf("--console %q is neither on, read-only nor off", text)
}

// Summary is what the data plane knows about one API at a glance. It counts the
// cells of the matrix: methods × deployed stages.
type Summary struct {
	API     string
	Stages  []string // deployed stages, sorted
	Methods int      // distinct methods over all stages
	Allowed int      // cells whose calls would pass
	Refused int      // cells whose calls would be refused
	Broken  int      // cells that cannot work for another reason
}

// Cell is one method of one deployed stage and what would become of a call.
type Cell struct {
	why.Cell
	// Canary is set for what the stage's canary answers, where that is not what
	// the stage itself does.
	Canary      bool
	Integration string // "AWS_PROXY", "MOCK", …
	SourceARN   string // what API Gateway sends; "" when no function is called
	Credentials string // the integration's role; "" when the function's policy decides
}

// Gateway is what the console needs of the data plane and AWS has no operation
// for. Its methods are called from many goroutines.
type Gateway interface {
	// Summaries tells about every API of an account and region, in any order.
	// It is asked for each view of the overview: answers should be remembered.
	Summaries(account, region string) []Summary
	// Matrix lists the methods of the deployed stages of one API.
	Matrix(account, region, api string) []Cell
	// Try sends a request through the data plane and reports its way.
	Try(ctx context.Context, r *TryRequest) (*Trace, error)
}

// TryRequest is a request to a deployed stage.
type TryRequest struct {
	Account, Region, API, Stage string
	Method, Path                string // "/users/42?verbose=1"
	Header                      http.Header
	Body                        []byte
	// Credentials sign the request where the method wants that; nil: unsigned.
	Credentials aws.CredentialsProvider
	// RemoteAddr is the address of the person who asks.
	RemoteAddr string
}

// Trace is the answer to a TryRequest and the way to it.
type Trace struct {
	Status    int
	Header    http.Header
	Body      []byte
	RequestID string
	Latency   time.Duration
	Steps     []Step
	// Decision explains a refusal; nil where nothing was refused.
	Decision *grants.Decision
}

// Step is one station of a request's way.
type Step struct {
	Name     string // "route", "authorizer", "door", "integration" or "answer"
	What     string // one sentence
	OK       bool
	Duration time.Duration
}

// Journal is the journal of refusals. grants.Grants fills it.
type Journal interface {
	// Decisions returns the newest refusals, newest first, limit at most.
	Decisions(ctx context.Context, limit int) ([]*grants.Decision, error)
	// Decision returns the refusal with this id or of the request with this id;
	// an error wrapping grants.ErrDecisionNotFound where there is none.
	Decision(ctx context.Context, id string) (*grants.Decision, error)
	// Subscribe lets f see each refusal from now on, from one goroutine, which
	// f must not hold up.
	Subscribe(f func(*grants.Decision)) (cancel func())
}

// Options say what a Console works with.
type Options struct {
	// Config configures clients of AWS: calls go to this stagedoor, signed with
	// credentials, for the person at the address from (HOST:PORT).
	Config  func(credentials aws.CredentialsProvider, from string) aws.Config
	Gateway Gateway
	Journal Journal
	// Code reads an uploaded function package by its digest, as package admin's
	// Code does; nil: packages are not looked into. GetFunction decides who may.
	Code func(ctx context.Context, digest string) ([]byte, error)
	// Endpoint is the URL of this stagedoor in commands and examples.
	Endpoint string
	// Account and Region are those of the access key "test" and of requests
	// that name none.
	Account, Region string
	// Mode; "" is On.
	Mode Mode
	// Version is shown at the foot of each page.
	Version string
	// Logger takes errors that are nobody's fault but ours; nil: slog.Default.
	Logger *slog.Logger
	// Now and Random are time.Now and crypto/rand unless a test says otherwise.
	Now    func() time.Time
	Random io.Reader
}

// Console answers the requests below Prefix.
type Console struct {
	o         Options
	mux       *http.ServeMux
	origins   *http.CrossOriginProtection
	nav       []navItem
	sessions  *sessions
	forms     *forms
	templates templates
	assets    func() *assets
	runs      *runs
	live      atomic.Int64 // open streams
	closing   chan struct{}
	close     func()
}

// New makes a Console. It is cheap: templates and assets are prepared when they
// are first asked for.
func New(o Options) *Console {
	if o.Mode == "" {
		o.Mode = On
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	c := &Console{o: o, origins: http.NewCrossOriginProtection(), assets: sync.OnceValue(loadAssets)}
	c.templates.assets = c.assets
	c.sessions, c.forms = newSessions(o.Now, o.Random), newForms(o.Now, o.Random)
	c.runs = newRuns()
	c.closing = make(chan struct{})
	c.close = sync.OnceFunc(func() { close(c.closing) })
	c.route()
	return c
}

// Close ends the streams that pages hold open, which a server that is being
// shut down would wait for, and interrupts promotions: a later one goes on with
// them. Pages are answered as before.
func (c *Console) Close(ctx context.Context) error {
	c.close()
	return c.runs.close(ctx)
}

// Link returns a URL below base (such as http://192.0.2.7:4566) that lets in
// whoever opens it first, within a day, as the root of Options.Account. Each
// call makes another.
func (c *Console) Link(base string) string {
	return strings.TrimSuffix(base, "/") + linkURL(c.sessions.newLink())
}

// ServeHTTP implements http.Handler.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	if c.o.Mode == Off {
		http.Error(w, "stagedoor: the console is off. Start stagedoor without --console off, or with --console read-only.", http.StatusNotFound)
		return
	}
	if r.URL.Path == strings.TrimSuffix(Prefix, "/") {
		http.Redirect(w, r, Prefix, http.StatusSeeOther)
		return
	}
	c.mux.ServeHTTP(w, r)
}
