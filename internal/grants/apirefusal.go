package grants

import (
	"strings"

	"github.com/stagedoor/stagedoor/iampolicy"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// APIRefusal is a request of a client that was refused before anything of the
// API ran.
type APIRefusal struct {
	Call    APICall
	Outcome Outcome // CallerRefused or BadCredentials
	// Request and Verdict say who asked and what decided; of a CallerRefused
	// only.
	Request *CallerRequest
	Verdict CallerVerdict
	// AccessKeyID signed the request, or claims to have; "" without signature.
	AccessKeyID string
	// Code and Answer are AWS's error type and message, as the client got them.
	Code, Answer string
	// Logged: it is known from a log, which does not tell every condition key.
	Logged bool
}

// RefuseAPI records a refused request of a client, as Refuse does for a refused
// call of a function: later and elsewhere, bounded, and identical ones together.
// r must not be changed afterwards.
func (g *Grants) RefuseAPI(r *APIRefusal) {
	g.recorder.put(refusal{api: r})
}

// ExplainAPI explains a refused client without a trace in the journal, for
// refusals that somebody else's log tells of.
func (g *Grants) ExplainAPI(r *APIRefusal) *Decision {
	d := g.buildAPI(r)
	d.Time, d.LastTime, d.Count = r.Call.Time, r.Call.Time, 1
	return d
}

// principal is who asked, as AWS names him.
func (r *APIRefusal) principal() string {
	if r.Request != nil {
		return r.Request.Request.Principal.ID
	}
	return AnonymousCaller
}

// fingerprint: who calls /users/1, /users/2 and so on is refused for one reason.
func (r *APIRefusal) fingerprint() fingerprint {
	c := &r.Call
	return fingerprint{
		resource:  SourceARN(c.Region, c.Account, c.APIID, c.Stage, c.Method, c.ResourcePath),
		sourceARN: r.principal() + " " + r.Code, sourceAccount: c.SourceIP, // not the key, which whoever is refused for it makes up
		revision: c.DeploymentID, outcome: r.Outcome, canary: c.Canary,
	}
}

// buildAPI explains a refused client.
func (g *Grants) buildAPI(r *APIRefusal) *Decision {
	c := &r.Call
	d := &Decision{
		Kind: FrontKind, RequestID: c.RequestID, Mode: g.options.Mode, Outcome: r.Outcome,
		Request: c.Verb + " /" + strings.TrimPrefix(c.Path, "/"), AccessKeyID: r.AccessKeyID, Answer: r.Answer,
		Principal: r.principal(), Action: InvokeAPIAction, Resource: c.Resource(),
		Account: c.Account, Region: c.Region, API: c.APIID, Stage: c.Stage, Method: c.Method, Path: c.ResourcePath,
		DeploymentID: c.DeploymentID, Canary: c.Canary,
		Nearest: -1, Fix: []string{}, Statements: []Statement{}, Policies: []PolicyRead{},
	}
	x := &apiExplainer{explainer: explainer{g: g, c: &Call{Time: c.Time}, d: d}, r: r}
	if r.Outcome == BadCredentials {
		x.credentials()
		return d
	}
	x.context(&r.Request.Request)
	x.readAll()
	x.nearest()
	x.causeAndFix()
	x.bound()
	return d
}

// apiExplainer fills in one Decision about a client.
type apiExplainer struct {
	explainer
	r *APIRefusal
}

// readAll explains every policy that was asked, the API's own first.
func (x *apiExplainer) readAll() {
	p := &x.r.Request.Policies
	if p.Resource != nil {
		x.readOne(p.Resource)
	}
	for _, one := range p.Identity {
		x.readOne(one)
	}
	if p.Boundary != nil {
		x.readOne(p.Boundary)
	}
	for _, one := range p.Session {
		x.readOne(one)
	}
}

func (x *apiExplainer) readOne(p *AppliedPolicy) {
	at := x.read(p.Kind, p.Owner, p.policy, &x.r.Request.Request)
	x.d.Policies[at].Name = p.name
}

// nearest points at the statement that denied, or else at the Allow statement
// that nearly applied, in the kind of policy that did not allow.
func (x *apiExplainer) nearest() {
	v, best := x.r.Verdict, -1
	for i := range x.d.Statements {
		s := &x.d.Statements[i]
		if v.Basis == ExplicitDeny {
			if s.Matched && s.Effect == iampolicy.Deny && x.d.Policies[s.Policy].Kind == v.Kind {
				x.d.Nearest = i
				return
			}
			continue
		}
		if s.Effect != iampolicy.Allow || s.Matched || !sameKind(x.d.Policies[s.Policy].Kind, v.Kind) {
			continue
		}
		if best < 0 || s.Distance < x.d.Statements[best].Distance {
			best = i
		}
	}
	x.d.Nearest = best
}

// sameKind: the caller's own policies are one kind, wherever they hang.
func sameKind(a, b PolicyKind) bool {
	return a == b || policyTypes[a].name == "identity-based policy" && policyTypes[a] == policyTypes[b]
}

// live is the API's resource policy as it stands now, deployed or not; ok is
// false when that cannot be told.
func (x *apiExplainer) live() (p *AppliedPolicy, ok bool) {
	c := &x.r.Call
	if x.g.store == nil {
		return nil, false
	}
	rec, _, err := store.Get[state.RestAPI](x.g.store, state.RestAPIKey(c.Account, c.Region, c.APIID))
	if err != nil {
		return nil, false
	}
	if rec.Policy == nil || *rec.Policy == "" {
		return nil, true
	}
	return NewAPIPolicy(c.Region, c.Account, c.APIID, *rec.Policy), true
}

// with is the request as another resource policy would have decided it; without
// one, everybody may call a method that asks for no signature.
func (x *apiExplainer) with(p *AppliedPolicy) bool {
	r := *x.r.Request
	r.Policies.Resource = p
	if p == nil && !x.r.Call.Signed {
		return true
	}
	return EvaluateCaller(&r).Allowed()
}

func documentOf(p *AppliedPolicy) string {
	if p == nil || p.policy == nil {
		return ""
	}
	return p.document
}
