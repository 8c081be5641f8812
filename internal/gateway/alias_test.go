package gateway

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/invoke"
	"github.com/stagedoor/stagedoor/internal/logs"
	"github.com/stagedoor/stagedoor/internal/sandbox"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
	"github.com/stagedoor/stagedoor/internal/store/storetest"
)

// versions is a sandbox.Driver whose functions answer with their version and the
// ARN under which they were called.
type versions struct{}

func (versions) Start(_ context.Context, fn *sandbox.Function) (sandbox.Environment, error) {
	ready := make(chan struct{})
	close(ready)
	return &versionEnv{fn: fn, ready: ready, done: make(chan struct{})}, nil
}
func (versions) Describe() sandbox.Isolation { return sandbox.Isolation{} }
func (versions) Close(context.Context) error { return nil }

type versionEnv struct {
	fn          *sandbox.Function
	ready, done chan struct{}
}

func (e *versionEnv) Invoke(_ context.Context, in *sandbox.Invocation) (*sandbox.Result, error) {
	return &sandbox.Result{Payload: []byte(`{"body":"` + e.fn.Version + " " + in.InvokedARN + `"}`)}, nil
}
func (e *versionEnv) LogStream() string            { return "stream" }
func (e *versionEnv) Initialized() <-chan struct{} { return e.ready }
func (e *versionEnv) Done() <-chan struct{}        { return e.done }
func (e *versionEnv) Close()                       { close(e.done) }

// A method that calls an alias with weights: the broker draws the version, for
// each request anew (LDG:configuring-alias-routing), the function hears of the
// alias, the log of the version, and the door asks the policy of the alias,
// whatever version is drawn (LDG:access-control-resource-based; aws-facts part 5).
func TestAliasWithWeights(t *testing.T) {
	const arn = "arn:aws:lambda:us-east-1:123456789012:function:fn"
	s := storetest.New(t)
	l, err := logs.New(s, logs.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	g := grants.New(s, grants.Options{})
	random := 0.5
	broker := invoke.New(s, versions{}, nil, invoke.Options{Random: func() float64 { return random }})
	b := &storeBed{t: t, store: s, logs: l}
	b.Gateway = New(s, g, broker, l, Options{Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() {
		for _, closed := range []func(context.Context) error{b.Close, broker.Close, g.Close, l.Close} {
			if err := closed(context.Background()); err != nil {
				t.Error(err)
			}
		}
	})
	granted := func(qualifiers ...string) {
		f := &state.Function{Account: testAccount, Region: testRegion, Name: "fn", ID: "1", Policies: map[string]*state.FunctionPolicy{},
			Latest:  state.FunctionConfig{Version: "$LATEST", State: "Active", Runtime: "provided.al2023", TimeoutSeconds: 3},
			Aliases: map[string]*state.Alias{"live": {Name: "live", FunctionVersion: "1", RoutingWeights: map[string]float64{"2": 0.25}}}}
		for _, q := range qualifiers {
			f.Policies[q] = &state.FunctionPolicy{Document: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"apigateway.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"` +
				strings.TrimSuffix(arn+":"+q, ":") + `"}]}`}
		}
		put(b, state.FunctionKey(testAccount, testRegion, "fn"), f)
	}
	for _, v := range []string{"1", "2"} {
		put(b, state.FunctionVersionKey(testAccount, testRegion, "fn", v), &state.FunctionVersion{FunctionID: "1",
			Config: state.FunctionConfig{Version: v, State: "Active", Runtime: "provided.al2023", TimeoutSeconds: 3}})
	}
	put(b, state.DeploymentKey(testAccount, testRegion, "abc", "dep1"), &state.Deployment{Account: testAccount, Region: testRegion, API: "abc", ID: "dep1",
		APISnapshot: resources(map[string]*state.Method{"GET /": proxy(variable("fn:${stageVariables.alias}"))})})
	put(b, state.StageKey(testAccount, testRegion, "abc", "dev"), &state.Stage{Account: testAccount, Region: testRegion, API: "abc", Name: "dev", DeploymentID: "dep1",
		Variables: map[string]string{"alias": "live"}, MethodSettings: logging("INFO", true)})
	b.cloudWatchRole()

	// The grant of the alias is what counts, not those of its versions or of
	// the function.
	granted("", "1", "2")
	r := b.get("GET /dev/")
	if err := g.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	d, err := g.Decision(t.Context(), r.Header["x-amzn-RequestId"][0])
	if err != nil || r.StatusCode != 500 || d.Resource != arn+":live" || d.Outcome != grants.NoPermission {
		t.Errorf("without a grant for the alias: %d, %+v, %v", r.StatusCode, d, err)
	}
	granted("live")
	for _, c := range []struct {
		random float64
		want   string
	}{{0, "2"}, {0.2499, "2"}, {0.25, "1"}, {0.999, "1"}} {
		random = c.random
		if got := read(b.get("GET /dev/")); got != c.want+" "+arn+":live" {
			t.Errorf("at %g: %s, want version %s", c.random, got, c.want)
		}
	}
	if cells := b.Matrix(); len(cells) != 1 || !cells[0].Allowed || cells[0].Function != arn+":live" {
		t.Errorf("%+v", cells)
	}
	var executed []string
	for _, line := range b.messages(execGroup) {
		if _, rest, found := strings.Cut(line, "X-Amz-Executed-Version="); found {
			executed = append(executed, rest[:1])
		}
	}
	slices.Sort(executed) // events of one millisecond
	if d := cmp.Diff([]string{"1", "1", "2", "2"}, executed); d != "" {
		t.Error(d)
	}
	random = 0
	trace, err := b.Try(t.Context(), TryRequest{API: "abc", Stage: "dev"})
	if err != nil || !slices.ContainsFunc(trace.Steps, func(s Step) bool {
		return strings.HasPrefix(s.What, arn+":live ran as version 2 ")
	}) || trace.LogGroup != execGroup {
		t.Errorf("%v %+v", err, trace)
	}
	// A weight that goes to a version that is gone fails as a call of it would.
	if err := store.Delete(t.Context(), s, state.FunctionVersionKey(testAccount, testRegion, "fn", "2")); err != nil {
		t.Fatal(err)
	}
	if r := b.get("GET /dev/"); r.StatusCode != 500 {
		t.Errorf("a version that is gone: %d", r.StatusCode)
	}
}
