package gateway

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/awswire/sigv4"
	"github.com/stagedoor/stagedoor/iampolicy"
	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/state"
)

// Callers knows who signs requests to APIs, and what applies to them.
type Callers interface {
	// Authenticate says who signed r for execute-api in region; body is what
	// was received. The error is a *CredentialError.
	Authenticate(r *http.Request, body []byte, region string) (*Caller, error)
	// Request is the question whether a caller may do action to resource, with
	// the caller's policies; keys are the condition keys of the request.
	Request(c *Caller, action, resource string, keys iampolicy.Context, now time.Time) *grants.CallerRequest
}

// Caller is who signed a request.
type Caller struct {
	Account, Region string
	ARN, UserID     string
	AccessKeyID     string
	Root            bool // of Account
}

// CredentialError is AWS's refusal of the credentials of a request: the error
// type and the message.
type CredentialError struct {
	Code, Message string
	AccessKeyID   string // that the request claims; "" for none
}

func (e *CredentialError) Error() string { return e.Code + ": " + e.Message }

// guard is what stands before a method: a signature, the API's resource policy,
// or both. A method without either has none.
//
// The order is AWS's (APIGW-DG apigateway-authorization-flow): with AWS_IAM the
// signature, then the caller's policies and the resource policy together, in
// one account either of which may allow, across accounts both must (tables A
// and B); without authorization the resource policy alone must allow; before an
// authorizer only its explicit denies count.
type guard struct {
	iam      bool
	denyOnly bool // an authorizer decides about the rest
	policy   *grants.AppliedPolicy
}

// compileGuard is nil for a method that is open, and in TestInvokeMethod, which
// asks nobody.
func compileGuard(p *stagePlan, m *state.Method) *guard {
	iam := strings.EqualFold(m.AuthorizationType, authIAM)
	if p.test || p.policy == nil && !iam {
		return nil
	}
	g := &guard{iam: iam, policy: p.policy}
	switch {
	case iam, m.AuthorizationType == "", strings.EqualFold(m.AuthorizationType, authNone):
	case strings.EqualFold(m.AuthorizationType, authCustom):
		g.denyOnly = true
	default:
		return nil // Cognito asks for a token first, and nobody has one that holds
	}
	return g
}

// The authorization types of methods.
const (
	authNone   = "NONE"
	authIAM    = "AWS_IAM"
	authCustom = "CUSTOM"
)

// admit lets the client in or answers itself.
func (x *exchange) admit(g *guard) bool {
	if g.iam {
		return x.admitSigned(g)
	}
	mode := x.gateway.door.Mode()
	if mode == grants.Off {
		return true
	}
	x.apiCall(g)
	switch effect := x.entry.EvaluateAnonymous(); {
	case effect == iampolicy.Allow, g.denyOnly && effect == iampolicy.NoMatch:
		return true
	}
	call := x.entry // RefuseAPI keeps it
	r := call.AnonymousRequest()
	return x.refused(&call, r, grants.EvaluateCaller(r), "", mode)
}

// admitSigned finds out who signed the request and asks whether he may.
func (x *exchange) admitSigned(g *guard) bool {
	x.apiCall(g)
	callers := x.gateway.callers
	if callers == nil {
		return x.badCredentials(&CredentialError{Code: missingToken.errorType, Message: missingToken.message})
	}
	who, err := callers.Authenticate(x.request, x.body, x.plan.region)
	if err != nil {
		return x.badCredentials(err)
	}
	x.who = who
	mode := x.gateway.door.Mode()
	if mode == grants.Off {
		return true
	}
	r := callers.Request(who, grants.InvokeAPIAction, x.entry.Resource(), x.entry.Keys(), x.start)
	r.ResourceAccount, r.Policies.Resource = x.entry.Account, g.policy
	v := grants.EvaluateCaller(r)
	if v.Allowed() {
		return true
	}
	call := x.entry
	return x.refused(&call, r, v, who.AccessKeyID, mode)
}

// apiCall describes the request as policies see it, in x.entry.
func (x *exchange) apiCall(g *guard) {
	p, m := x.plan, x.method
	x.entry = grants.APICall{
		Account: p.account, Region: p.region, APIID: p.api, Stage: p.name, DeploymentID: p.deployment, Canary: p.release == canaryRelease,
		Method: m.verb, ResourcePath: m.resource.path, ResourceID: m.resource.id,
		Verb: x.verb, Path: x.policyPath(),
		SourceIP: x.clientIP, UserAgent: x.headerValue("User-Agent"), Referer: x.headerValue("Referer"),
		Policy: g.policy, Signed: g.iam,
		RequestID: x.ids.request, Time: x.start,
	}
}

// policyPath is the path of the request as policies see it: what the router
// read, not what was sent, so that nobody evades a statement by a slash too many
// or by an escape where none is needed.
// unverified: that AWS builds the ARN from the routed path.
func (x *exchange) policyPath() string {
	path := strings.TrimSuffix(strings.TrimLeft(x.path, "/"), "/")
	if strings.IndexByte(path, '%') < 0 {
		return path
	}
	parts := strings.Split(strings.TrimPrefix(x.method.resource.path, "/"), "/")
	n := 0
	for i, part := range parts {
		if strings.HasPrefix(part, "{") && n < x.params.n {
			parts[i] = x.params.values[n]
			n++
		}
	}
	return strings.Join(parts, "/")
}

// refused records and answers a refusal by policies; in mode Warn it lets the
// client in all the same.
func (x *exchange) refused(call *grants.APICall, r *grants.CallerRequest, v grants.CallerVerdict, accessKey string, mode grants.Mode) bool {
	text := call.Sentence(r, v)
	x.gateway.door.RefuseAPI(&grants.APIRefusal{
		Call: *call, Outcome: grants.CallerRefused, Request: r, Verdict: v,
		AccessKeyID: accessKey, Code: accessDenied.errorType, Answer: text,
	})
	if mode == grants.Warn {
		return true
	}
	// Only this answer has a capital M (ASFHyP3/hyp3#2283 and many more).
	x.reject(messageResponse(accessDenied, accessDenied.errorType, "Message", text))
	return false
}

// badCredentials answers a request whose signature is missing or does not hold.
func (x *exchange) badCredentials(err error) bool {
	e := credentialError(err)
	x.gateway.door.RefuseAPI(&grants.APIRefusal{
		Call: x.entry, Outcome: grants.BadCredentials, AccessKeyID: e.AccessKeyID, Code: e.Code, Answer: e.Message,
	})
	x.reject(credentialResponse(e))
	return false
}

func credentialError(err error) *CredentialError {
	var e *CredentialError
	if !errors.As(err, &e) {
		e = &CredentialError{Code: "InvalidSignatureException", Message: err.Error()}
	}
	return e
}

// credentialResponse is the answer to bad credentials.
//
// Types and texts: mhart/aws4#23, postmanlabs/postman-app-support#5815 and
// amzn/selling-partner-api-models#113 (InvalidSignatureException, with the
// canonical request), mhart/aws4#118 (Signature expired: … - 5 min.),
// kndt84/aws-api-gateway-client#31 (the security token … is invalid).
// unverified: UnrecognizedClientException, which other services answer to a key
// that they do not know; KC:api-gateway-troubleshoot-403-forbidden has
// AccessDeniedException beside that sentence. And its gateway response type, as
// that of IncompleteSignatureException.
func credentialResponse(e *CredentialError) *gatewayResponse {
	switch e.Code {
	case missingToken.errorType:
		return missingToken
	case "ExpiredTokenException":
		return messageResponse(expiredToken, e.Code, "message", e.Message)
	default:
		return messageResponse(invalidSignature, e.Code, "message", e.Message)
	}
}

// messageResponse is a gateway response of a type with a message of its own.
func messageResponse(of *gatewayResponse, errorType, member, message string) *gatewayResponse {
	body := append([]byte(`{"`), member...)
	body = append(body, `":`...)
	body = appendString(body, message)
	return &gatewayResponse{status: of.status, kind: of.kind, errorType: errorType, message: message, body: append(body, '}')}
}

// reject answers before the execution.
func (x *exchange) reject(g *gatewayResponse) {
	x.lines.refused(x, g)
	x.refuse(g)
}

// unknownRoute answers a request that leads to no method. AWS takes it for a
// call of one of its own operations: without Authorization header it misses a
// token, one that is no signature is judged as one (HumanCellAtlas/data-store#328),
// and with a signature there is nothing to authorize (JuliaCloud/AWS.jl#254).
func (x *exchange) unknownRoute() {
	answer := missingToken
	if x.request.Header["Authorization"] != nil {
		answer = undeterminable
		_, err := sigv4.Parse(x.request)
		var e *sigv4.Error
		if errors.As(err, &e) {
			code, message, _ := e.Answer(sigv4.RestJSON)
			answer = credentialResponse(&CredentialError{Code: code, Message: message})
		}
	}
	x.refuse(answer)
	x.gateway.lost.note(x)
}

// Explained is the Decision about a recent request that led to no method, nil
// for any other. It is no refusal of anybody: the journal does not hold it.
func (g *Gateway) Explained(_ context.Context, requestID string) *grants.Decision {
	return g.lost.explain(g, requestID)
}
