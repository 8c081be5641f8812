package gateway

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/grants"
)

// TryRequest is a request that somebody wants to see on its way.
type TryRequest struct {
	API, Stage    string
	Verb          string
	PathWithQuery string      // below the stage, as a client sends it: "/users/42?a=1"
	Headers       [][2]string // in order and spelling
	Body          []byte
	// Release is which release of a stage with a canary answers: "" by chance,
	// as for everybody, ProductionRelease or CanaryRelease.
	Release string
	// Host is what follows "{api}.execute-api." in the Host; "" is localhost.
	Host string
	// SourceIP is the client's address; "" is 127.0.0.1.
	SourceIP string
}

// Values of TryRequest.Release.
const (
	ProductionRelease = "production"
	CanaryRelease     = "canary"
)

// Trace is what became of a TryRequest.
type Trace struct {
	RequestID    string // by which logs and Decisions are found
	DeploymentID string // that answered; "" when no stage did
	Canary       bool   // the stage's canary answered
	Status       int
	Headers      [][2]string // sorted by name
	Body         []byte
	Duration     time.Duration
	Steps        []Step // in order, as far as the request came
	// LogGroup is the execution log that the request wrote to; "" for none.
	LogGroup string
}

// Step is one part of a request's way.
type Step struct {
	Name     string // a Step… constant
	What     string // what happened, one sentence for a person
	Duration time.Duration
	OK       bool   // the request went on, or was answered well
	Decision string // id of the Decision about a refusal, "" for none
}

// The steps of a request. A method that calls no function has no door.
const (
	StepRoute       = "route"
	StepAuthorizer  = "authorizer"
	StepDoor        = "door"
	StepIntegration = "integration"
	StepAnswer      = "answer"
)

// Try sends a real request through the data plane, the code of ServeHTTP, and
// tells its way. It is logged and counted as any other. An error says that t
// cannot be sent; everything that may happen to a request that was sent is a
// Trace.
func (g *Gateway) Try(ctx context.Context, t TryRequest) (*Trace, error) {
	r, err := t.request(ctx)
	if err != nil {
		return nil, err
	}
	if err := t.checkRelease(g); err != nil {
		return nil, err
	}
	way := &tracer{release: t.Release, now: g.now}
	w := &recorder{header: make(http.Header)}
	x := g.exchanges.Get().(*exchange)
	x.begin(r)
	x.header, x.fields = append(x.header[:0], t.Headers...), true
	x.tracer, way.last = way, x.start
	x.serve(w)
	way.answer(x)
	x.finish()
	out := &Trace{RequestID: x.ids.request, Status: w.status, Headers: w.fields, Body: w.body, Duration: way.last.Sub(x.start), Steps: way.steps}
	if p := x.plan; p != nil {
		out.DeploymentID, out.Canary = p.deployment, p.release == canaryRelease
		if x.lines.on {
			out.LogGroup = p.group
		}
	}
	if x.release() {
		g.exchanges.Put(x)
	}
	return out, g.findDecision(ctx, out)
}

// request is t as the server would have read it.
func (t *TryRequest) request(ctx context.Context) (*http.Request, error) {
	switch {
	case t.API == "" || !word(t.API, "-"):
		return nil, fmt.Errorf("%q is no id of an API", t.API)
	case t.Stage == "" || !word(t.Stage, "-_"):
		return nil, fmt.Errorf("%q is no name of a stage", t.Stage)
	}
	host, verb := t.API+".execute-api."+cmp.Or(t.Host, "localhost"), cmp.Or(t.Verb, http.MethodGet)
	r, err := http.NewRequestWithContext(ctx, verb, "http://"+host+"/"+t.Stage+"/"+strings.TrimPrefix(t.PathWithQuery, "/"), bytes.NewReader(t.Body))
	if err == nil && r.URL.Fragment != "" {
		err = errors.New("what follows a # stays with the client; write %23 for the sign itself")
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s cannot be sent: %w", verb, t.PathWithQuery, err)
	}
	for _, f := range t.Headers {
		if f[0] == "" || !word(f[0], tokenSigns) || strings.ContainsFunc(f[1], isControl) {
			return nil, fmt.Errorf("the header %q: %q cannot be sent: a name is of letters, digits and %s, a value has no line break", f[0], f[1], tokenSigns)
		}
		r.Header.Add(f[0], f[1])
	}
	r.RequestURI, r.Host, r.RemoteAddr = r.URL.RequestURI(), host, cmp.Or(t.SourceIP, "127.0.0.1")
	return r, nil
}

// tokenSigns may stand in the name of a header (RFC 9110, 5.6.2).
const tokenSigns = "!#$%&'*+-.^_`|~"

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// checkRelease refuses a release that the stage does not have.
func (t *TryRequest) checkRelease(g *Gateway) error {
	switch t.Release {
	case "", ProductionRelease:
		return nil
	case CanaryRelease:
		if d := g.picture.Load().find(t.API, t.Stage); d == nil || d.canary == nil {
			return fmt.Errorf("stage %s of API %s has no canary that could answer", t.Stage, t.API)
		}
		return nil
	}
	return fmt.Errorf("release %q is neither %s nor %s", t.Release, ProductionRelease, CanaryRelease)
}

// findDecision fills in what the refusal is remembered as: it is explained
// beside the request, and a moment later.
func (g *Gateway) findDecision(ctx context.Context, t *Trace) error {
	for i := range t.Steps {
		s := &t.Steps[i]
		if s.Name != StepDoor && s.Name != StepAuthorizer || s.OK {
			continue
		}
		if err := g.door.Flush(ctx); err != nil {
			return err
		}
		// One that is not remembered, in mode off or under a flood, has no id.
		if d, err := g.door.Decision(ctx, t.RequestID); err == nil {
			s.Decision = d.ID
		}
	}
	return nil
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	fields [][2]string
	body   []byte
}

func (w *recorder) Header() http.Header { return w.header }

// WriteHeader copies the header, as net/http does: the exchange uses its values
// again.
func (w *recorder) WriteHeader(status int) {
	w.status = status
	for name, values := range w.header {
		for _, v := range values {
			w.fields = append(w.fields, [2]string{name, v})
		}
	}
	slices.SortStableFunc(w.fields, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
}

func (w *recorder) Write(b []byte) (int, error) {
	w.body = append(w.body, b...)
	return len(b), nil
}

// tracer notes the way of one request. The exchanges of ordinary requests have
// none.
type tracer struct {
	release string
	now     func() time.Time
	last    time.Time // end of the last step
	problem string    // what the person at stagedoor was told
	steps   []Step
}

func (t *tracer) step(name string, ok bool, format string, args ...any) {
	now := t.now()
	t.steps = append(t.steps, Step{Name: name, OK: ok, What: fmt.Sprintf(format, args...), Duration: now.Sub(t.last)})
	t.last = now
}

// choose lets whoever asked for a release have it.
func (t *tracer) choose(d, chosen *deployed) *deployed {
	switch {
	case t.release == CanaryRelease && d.canary != nil:
		return d.canary
	case t.release == ProductionRelease:
		return d
	}
	return chosen
}

func (t *tracer) route(x *exchange, ok bool) {
	p, m := x.plan, x.method
	switch {
	case p == nil || m == nil && x.answer.gateway != headerTooLong:
		sentence := x.answer.gateway.message
		if d := x.gateway.Explained(x.ctx, x.ids.request); d != nil {
			sentence = d.Cause.Sentence
		}
		t.step(StepRoute, false, "%s", sentence)
	case !ok:
		t.step(StepRoute, false, "%s", x.answer.gateway.message)
	default:
		served := "deployment " + p.deployment
		if p.release == canaryRelease {
			served = "its canary, deployment " + p.deployment
		}
		t.step(StepRoute, true, "%s %s is method %s %s of stage %s (%s).", x.verb, x.path, m.verb, m.resource.path, p.name, served)
	}
}

func (t *tracer) authorizer(x *exchange, ok bool) {
	g := x.method.guard
	switch {
	case !ok && x.method.refusal != nil:
		t.step(StepAuthorizer, false, "Refused with %d: %s.", x.answer.status, x.method.refusal.reason)
	case !ok:
		t.step(StepAuthorizer, false, "Refused with %d: %s", x.answer.status, x.answer.gateway.message)
	case g == nil:
		t.step(StepAuthorizer, true, "The method is open: nobody is asked who calls.")
	case x.who != nil:
		t.step(StepAuthorizer, true, "Signed by %s, who may call it.", x.who.ARN)
	default:
		t.step(StepAuthorizer, true, "The method asks for no signature, and the API's resource policy lets the caller in.")
	}
}

func (t *tracer) door(x *exchange, o grants.Outcome, ok bool) {
	target := &x.method.target
	what := target.name
	if target.qualifier != "" {
		what += ":" + target.qualifier
	}
	switch {
	case ok && o.Refused():
		t.step(StepDoor, true, "%s (stagedoor runs with --grants warn: it is called all the same.)", doorSentence(x, what, o))
	default:
		t.step(StepDoor, ok, "%s", doorSentence(x, what, o))
	}
}

// doorSentence says what was decided about a call of a function.
func doorSentence(x *exchange, function string, o grants.Outcome) string {
	c := &x.call
	switch o {
	case grants.Allowed:
		if c.Credentials != "" {
			return fmt.Sprintf("API Gateway may call %s with the credentials %s.", function, c.Credentials)
		}
		return fmt.Sprintf("API Gateway may call %s from %s.", function, c.SourceARN)
	case grants.FunctionMissing:
		return fmt.Sprintf("Refused: there is no function %s.", c.FunctionARN)
	case grants.QualifierMissing:
		return fmt.Sprintf("Refused: the function has no version or alias %s (%s).", c.Qualifier, c.FunctionARN)
	case grants.CannotAssumeRole:
		return fmt.Sprintf("Refused: API Gateway cannot assume the role %s.", c.Credentials)
	}
	if c.Credentials != "" {
		return fmt.Sprintf("Refused: the credentials %s do not allow to call %s.", c.Credentials, function)
	}
	return fmt.Sprintf("Refused: no policy of %s lets API Gateway call it from %s.", function, c.SourceARN)
}

func (t *tracer) integration(x *exchange) {
	i := &x.integration
	switch {
	case x.answer.cause != "" || x.method.kind == kindBroken:
		sentence := cmp.Or(t.problem, x.answer.cause)
		t.step(StepIntegration, false, "%s", strings.TrimSuffix(sentence, ".")+".")
	case x.method.kind == kindMock:
		t.step(StepIntegration, x.answer.gateway == nil, "A MOCK: nothing was called.")
	default:
		t.step(StepIntegration, x.answer.gateway == nil, "%s ran as version %s and answered in %s ms (request id %s).",
			x.method.target.qualified(), cmp.Or(i.version, "$LATEST"), ms(i.latency), i.requestID)
	}
}

func (t *tracer) answer(x *exchange) {
	if g := x.answer.gateway; g != nil {
		t.step(StepAnswer, false, "API Gateway itself answered %d: %s", g.status, g.message)
		return
	}
	t.step(StepAnswer, x.answer.status < 500, "%d, %d bytes.", x.answer.status, len(x.answer.body))
}
