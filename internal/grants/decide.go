package grants

import (
	"strconv"
	"time"

	"github.com/stagedoor/stagedoor/iampolicy"
)

// CallerCredentials is the value of an integration's credentials that stands
// for "whoever calls the API" (APIGW-DG permissions).
const CallerCredentials = "arn:aws:iam::*:user/*"

// Decide says whether API Gateway may make the call. It takes no lock, does no
// I/O and costs microseconds. In mode Off it answers Allowed without looking;
// in the other modes it answers the truth, and the gateway asks Mode what to
// make of it.
func (g *Grants) Decide(c *Call) Outcome {
	if g.options.Mode == Off {
		return Allowed
	}
	return g.decide(c)
}

func (g *Grants) decide(c *Call) Outcome {
	f := g.functionByARN(c.FunctionARN)
	if c.Credentials != "" {
		return g.decideWithRole(c, f)
	}
	if f == nil {
		return FunctionMissing
	}
	// One policy per qualifier, and none falls through to another: a grant on
	// the bare function does not cover an alias, nor the reverse (aws-facts
	// part 5). An alias with weights is decided by the alias' policy, whatever
	// version it picks.
	//
	// unverified: "$LATEST" in the URI. AddPermission refuses that qualifier, so
	// no policy can allow it here.
	p := f.policies[c.Qualifier]
	if p == nil {
		if !g.has(f, c.Qualifier) {
			return QualifierMissing
		}
		return NoPermission
	}
	if evaluateGateway(p, c) != iampolicy.Allow {
		return NoPermission
	}
	if !g.has(f, c.Qualifier) {
		return QualifierMissing
	}
	return Allowed
}

// evaluateGateway asks a function policy about the gateway itself.
func evaluateGateway(p *policy, c *Call) iampolicy.Effect {
	if p == nil {
		return iampolicy.NoMatch
	}
	if p.clock {
		return p.evaluate(gatewayRequest(p.resource, c, true))
	}
	// Kept on the stack: this is the data plane's path.
	// unverified: whether Lambda sees the two aws:PrincipalService… keys; the
	// IAM user guide lists them for direct calls by a service principal.
	values := [...]string{c.SourceARN, c.SourceAccount, "true", GatewayPrincipal}
	keys := [...]iampolicy.ContextKey{
		{Name: "aws:SourceArn", Values: values[0:1]},
		{Name: "aws:SourceAccount", Values: values[1:2]},
		{Name: "aws:PrincipalIsAWSService", Values: values[2:3]},
		{Name: "aws:PrincipalServiceName", Values: values[3:4]},
	}
	r := iampolicy.Request{
		Principal: iampolicy.Principal{Type: iampolicy.Service, ID: GatewayPrincipal},
		Action:    InvokeAction,
		Resource:  p.resource,
		Context:   keys[:],
	}
	return p.evaluate(&r)
}

// withClock adds the keys that tell the time; few policies ask for them.
func withClock(keys iampolicy.Context, at time.Time) iampolicy.Context {
	if at.IsZero() {
		at = time.Now()
	}
	at = at.UTC()
	out := append(iampolicy.Context{}, keys...)
	return append(out,
		iampolicy.ContextKey{Name: "aws:CurrentTime", Values: []string{at.Format(time.RFC3339)}},
		iampolicy.ContextKey{Name: "aws:EpochTime", Values: []string{strconv.FormatInt(at.Unix(), 10)}},
	)
}

// gatewayRequest is what evaluateGateway asks, for explanations.
func gatewayRequest(resource string, c *Call, clock bool) *iampolicy.Request {
	r := &iampolicy.Request{
		Principal: iampolicy.Principal{Type: iampolicy.Service, ID: GatewayPrincipal},
		Action:    InvokeAction,
		Resource:  resource,
		Context: iampolicy.Context{
			{Name: "aws:SourceArn", Values: []string{c.SourceARN}},
			{Name: "aws:SourceAccount", Values: []string{c.SourceAccount}},
			{Name: "aws:PrincipalIsAWSService", Values: []string{"true"}},
			{Name: "aws:PrincipalServiceName", Values: []string{GatewayPrincipal}},
		},
	}
	if clock {
		r.Context = withClock(r.Context, c.Time)
	}
	return r
}
