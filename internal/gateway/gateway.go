package gateway

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/invoke"
	"github.com/stagedoor/stagedoor/internal/logs"
	"github.com/stagedoor/stagedoor/internal/metrics"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// Invoker runs functions; *invoke.Broker is one.
type Invoker interface {
	Invoke(ctx context.Context, r *invoke.Request) (*invoke.Result, error)
}

// Door decides whether API Gateway may call a function, and remembers refusals,
// those of clients too; *grants.Grants is one.
type Door interface {
	Decide(c *grants.Call) grants.Outcome
	Refuse(ctx context.Context, c *grants.Call, o grants.Outcome)
	RefuseAPI(r *grants.APIRefusal)
	Explain(c *grants.Call) *grants.Decision
	Mode() grants.Mode
	// Flush waits until the refusals so far can be found by Decision, which
	// takes a request id too.
	Flush(ctx context.Context) error
	Decision(ctx context.Context, id string) (*grants.Decision, error)
}

// Meter counts requests; *metrics.Metrics is one. It must neither block nor keep
// c, which the next request uses again.
type Meter interface {
	APICall(c *metrics.APICall)
}

// Options are what a Gateway may be told; the zero value works.
type Options struct {
	// RawHeader appends the header fields of a request as {name, value}, in
	// the order and spelling of the client, and reports whether it knows them
	// (endpoint.RawHeader). Nil: net/http's canonical names.
	RawHeader func(r *http.Request, dst [][2]string) ([][2]string, bool)
	// Callers knows who signs requests. Nil: methods with AWS_IAM refuse
	// everybody.
	Callers Callers
	// Metrics counts requests. Nil: nothing is counted.
	Metrics Meter
	// Logger is told what only the person at stagedoor should know. Nil:
	// slog.Default.
	Logger *slog.Logger
	// Now and Random are for tests. Nil: time.Now, a ChaCha8 generator seeded
	// by the operating system.
	Now    func() time.Time
	Random func() uint64
}

// Gateway is the data plane.
type Gateway struct {
	store   *store.Store
	door    Door
	invoker Invoker
	callers Callers
	logs    *logs.Logs
	metrics Meter
	log     *slog.Logger

	rawHeader func(r *http.Request, dst [][2]string) ([][2]string, bool)
	now       func() time.Time
	random    func() uint64
	boot      uint64 // names this run's log streams

	picture   atomic.Pointer[picture]
	compiler  compiler
	exchanges sync.Pool
	lost      lostRequests
	summaries summaries
	running   sync.WaitGroup // function calls that outlived their request
}

// New makes the data plane over s and follows its records from now on. l may be
// nil: then nothing is logged.
func New(s *store.Store, d Door, b Invoker, l *logs.Logs, o Options) *Gateway {
	g := &Gateway{store: s, door: d, invoker: b, callers: o.Callers, logs: l, metrics: o.Metrics, log: o.Logger, rawHeader: o.RawHeader, now: o.Now, random: o.Random}
	if g.log == nil {
		g.log = slog.Default()
	}
	if g.now == nil {
		g.now = time.Now
	}
	if g.random == nil {
		g.random = rand.Uint64
	}
	g.boot = g.random()
	g.exchanges.New = func() any { return &exchange{gateway: g} }
	g.compiler.init(g)
	if s != nil {
		g.compiler.load(func() {
			store.OnChange(s, state.APIGatewayAccounts, g.compiler.onAccount)
			store.OnChange(s, state.Deployments, g.compiler.onDeployment)
			store.OnChange(s, state.Stages, g.compiler.onStage)
		})
		g.summaries.changed.follow(s)
	}
	return g
}

// ServeHTTP answers one call to a deployed stage.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := g.exchanges.Get().(*exchange)
	x.begin(r)
	x.serve(w)
	x.finish()
	if x.release() {
		g.exchanges.Put(x)
	}
}

// Close waits, as long as ctx allows, for function calls whose requests have
// already been answered (timed out). Requests themselves are the server's to
// wait for.
func (g *Gateway) Close(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		g.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
