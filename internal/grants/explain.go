package grants

import (
	"slices"

	"github.com/stagedoor/stagedoor/iampolicy"
)

// statementsKept bounds the statements of a Decision: the nearest ones. A
// policy of 20 KB has a hundred, and the hundredth explains nothing.
const statementsKept = 12

// Explain decides c and says why, whatever the mode, without a trace in the
// journal: for the start-up matrix and for dry runs. Of an allowed call it
// names the statement that allowed it.
func (g *Grants) Explain(c *Call) *Decision {
	d := g.build(c, g.decide(c))
	d.Time, d.LastTime, d.Count = c.Time, c.Time, 1
	return d
}

// build gathers everything about a call that was decided as o. It is explained
// as it would be decided now: refusals are explained after they were answered,
// and a policy may have changed in between.
func (g *Grants) build(c *Call, o Outcome) *Decision {
	now := g.decide(c)
	d := &Decision{
		RequestID: c.RequestID, Mode: g.options.Mode, Outcome: now,
		Principal: GatewayPrincipal, Action: InvokeAction, Resource: c.Resource(),
		Account: c.Account, Region: c.Region, API: c.APIID, Stage: c.Stage, Method: c.Method, Path: c.ResourcePath,
		DeploymentID: c.DeploymentID, Canary: c.Canary, TestInvoke: c.TestInvoke,
		FunctionARN: c.FunctionARN, Qualifier: c.Qualifier,
		SourceARN: c.SourceARN, SourceAccount: c.SourceAccount, Credentials: c.Credentials,
		Nearest: -1, Fix: []string{}, Statements: []Statement{}, Policies: []PolicyRead{},
	}
	x := &explainer{g: g, c: c, d: d, f: g.functionByARN(c.FunctionARN)}
	if c.Credentials != "" {
		x.explainRole()
	} else {
		x.explainFunction()
	}
	x.bound()
	if d.Outcome = o; o.Refused() && !now.Refused() {
		x.cause(CauseChanged, "The call was refused and would be allowed now: what decides it was changed in the meantime.")
	}
	return d
}

// explainer fills in one Decision.
type explainer struct {
	g *Grants
	c *Call
	d *Decision
	f *function // nil: there is none
}

// read adds a policy and its statements to the Decision and returns its index.
func (x *explainer) read(kind PolicyKind, owner string, p *policy, r *iampolicy.Request) int {
	at := len(x.d.Policies)
	entry := PolicyRead{Kind: kind, Owner: owner}
	switch {
	case p == nil:
		entry.Missing = true
	case p.err != nil:
		entry.Name, entry.Revision, entry.Document, entry.Error = p.name, p.revision, p.document, p.err.Error()
	default:
		if p.clock {
			timed := *r
			timed.Context = withClock(r.Context, x.c.Time)
			r = &timed
		}
		e := p.compiled.Explain(r)
		entry.Name, entry.Revision, entry.Document, entry.Effect = p.name, p.revision, p.document, e.Effect
		entry.Count = len(e.Statements)
		for _, s := range e.Statements {
			x.d.Statements = append(x.d.Statements, Statement{Policy: at, StatementResult: s})
		}
	}
	x.d.Policies = append(x.d.Policies, entry)
	return at
}

// context records the condition keys of the request that matters.
func (x *explainer) context(r *iampolicy.Request) {
	x.d.Context = nil
	for _, k := range r.Context {
		x.d.Context = append(x.d.Context, ContextValue{Key: k.Name, Values: k.Values})
	}
}

// explainFunction is the plain case: the gateway asks the policy of exactly
// this qualifier.
func (x *explainer) explainFunction() {
	var p *policy
	if x.f != nil {
		p = x.f.policies[x.c.Qualifier]
	}
	resource := x.c.Resource()
	if p != nil {
		resource = p.resource // what Decide asks about
	}
	r := gatewayRequest(resource, x.c, p != nil && p.clock)
	x.context(r)
	x.read(FunctionPolicy, x.c.Resource(), p, r)
	x.pickNearest(0)
	x.functionCause(p)
}

// pickNearest points at the statement that decided, or else at the nearest
// Allow statement, of the policy at index.
func (x *explainer) pickNearest(index int) {
	for i := range x.d.Statements {
		s := &x.d.Statements[i]
		if s.Policy != index {
			continue
		}
		if s.Matched || s.Effect == iampolicy.Allow {
			x.d.Nearest = i
			return
		}
	}
}

// bound keeps the nearest statements only; Nearest stays among them.
func (x *explainer) bound() {
	d := x.d
	if len(d.Statements) <= statementsKept {
		return
	}
	if d.Nearest >= statementsKept {
		d.Statements[statementsKept-1] = d.Statements[d.Nearest]
		d.Nearest = statementsKept - 1
	}
	d.Omitted = len(d.Statements) - statementsKept
	d.Statements = slices.Clip(d.Statements[:statementsKept])
}
