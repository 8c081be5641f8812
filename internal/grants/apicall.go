package grants

import (
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/iampolicy"
	"github.com/stagedoor/stagedoor/internal/state"
)

// InvokeAPIAction is the action that a client performs on a method of a
// deployed API.
const InvokeAPIAction = "execute-api:Invoke"

// AnonymousCaller is how AWS names a caller who has not said who he is
// ("User: anonymous is not authorized …": serverless/serverless#11808).
const AnonymousCaller = "anonymous"

// APICall is one request of a client to a method of a deployed API: what its
// resource policy, and with AWS_IAM the policies of the caller, are asked about.
// The strings may be shared; nothing here changes them.
type APICall struct {
	Account string // of the API
	Region  string // of the API
	APIID   string
	Stage   string

	Method       string // the configured verb, "ANY" for an ANY method
	ResourcePath string // the resource's template, "/users/{id}"
	ResourceID   string
	DeploymentID string
	Canary       bool // the stage's canary answers

	Verb string // of the request
	Path string // of the request, below the stage; a leading slash does not count

	SourceIP  string
	UserAgent string // "" for none, as Referer
	Referer   string

	// Policy is the API's resource policy as it was deployed; nil: it has none.
	Policy *AppliedPolicy
	// Signed says that the method demands a signature (AWS_IAM).
	Signed bool

	RequestID string
	Time      time.Time
}

// Resource is the ARN of the request: the actual verb and the actual path
// (APIGW-DG api-gateway-control-access-using-iam-policies-to-invoke-api); the
// root is "…/stage/GET/" (ASFHyP3/hyp3#2283).
func (c *APICall) Resource() string {
	return SourceARN(c.Region, c.Account, c.APIID, c.Stage, c.Verb, c.Path)
}

// MaskedResource is Resource as API Gateway prints it to clients: of the account
// only the last four digits (ASFHyP3/hyp3#2283).
func (c *APICall) MaskedResource() string {
	account := c.Account
	if n := len(account) - 4; n > 0 {
		account = strings.Repeat("*", n) + account[n:]
	}
	return SourceARN(c.Region, account, c.APIID, c.Stage, c.Verb, c.Path)
}

// NewAPIPolicy compiles the resource policy of an API. A document that is no
// policy allows nobody anything.
func NewAPIPolicy(region, account, api, document string) *AppliedPolicy {
	return NewAppliedPolicy(ResourcePolicy, apiARN(region, account, api), "", ExpandAPIPolicy(document, region, account, api))
}

func apiARN(region, account, api string) string {
	return "arn:" + state.Partition(region) + ":apigateway:" + region + "::/restapis/" + api
}

// ExpandAPIPolicy writes the short form of resources out, as API Gateway does
// when a policy is saved: "execute-api:/stage/GET/path" becomes the whole ARN
// (APIGW-DG apigateway-control-access-policy-language-overview). The document
// is JSON without insignificant white space or with it; nothing but a string
// that begins so is touched, and no other member of a policy can.
func ExpandAPIPolicy(document, region, account, api string) string {
	if !strings.Contains(document, `"execute-api:/`) {
		return document
	}
	return strings.ReplaceAll(document, `"execute-api:/`, `"arn:`+state.Partition(region)+":execute-api:"+region+":"+account+":"+api+"/")
}

// EvaluateAnonymous asks the API's policy about a caller who has not said who
// he is. It is for the data plane: no lock, one allocation. A policy that
// cannot be read answers Deny, for it might deny.
func (c *APICall) EvaluateAnonymous() iampolicy.Effect {
	p := c.Policy
	if p.unreadable() {
		return iampolicy.Deny
	}
	if p.clock {
		return p.compiled.Evaluate(c.request(true))
	}
	values := [...]string{c.SourceIP, "true", c.UserAgent, c.Referer}
	keys := [...]iampolicy.ContextKey{
		{Name: "aws:SourceIp", Values: values[0:1]},
		{Name: "aws:SecureTransport", Values: values[1:2]},
		{Name: "aws:UserAgent", Values: presentOnly(values[2:3])},
		{Name: "aws:Referer", Values: presentOnly(values[3:4])},
	}
	r := iampolicy.Request{
		Principal: iampolicy.Principal{Type: iampolicy.Anonymous, ID: AnonymousCaller},
		Action:    InvokeAPIAction,
		Resource:  c.Resource(),
		Context:   keys[:],
	}
	return p.compiled.Evaluate(&r)
}

// presentOnly drops an empty value: a key without values counts as absent.
func presentOnly(values []string) []string {
	if values[0] == "" {
		return nil
	}
	return values
}

// request is what EvaluateAnonymous asks, for explanations.
func (c *APICall) request(clock bool) *iampolicy.Request {
	r := &iampolicy.Request{
		Principal: iampolicy.Principal{Type: iampolicy.Anonymous, ID: AnonymousCaller},
		Action:    InvokeAPIAction,
		Resource:  c.Resource(),
		Context:   c.Keys(),
	}
	if clock {
		r.Context = withClock(r.Context, c.Time)
	}
	return r
}

// Keys are the condition keys of the request itself (APIGW-DG
// apigateway-resource-policies-aws-condition-keys, those that need no
// authentication). aws:SourceVpc, aws:SourceVpce and aws:VpcSourceIp exist only
// in calls through a VPC endpoint, of which there is none here.
//
// aws:SecureTransport is always true: AWS offers APIs over TLS only, and a
// policy that relies on it must not refuse here what it allows there.
// unverified: what aws:SourceArn, which that table has too, would hold; it is
// left out.
func (c *APICall) Keys() iampolicy.Context {
	keys := iampolicy.Context{{Name: "aws:SecureTransport", Values: []string{"true"}}}
	if c.SourceIP != "" { // a log may not tell
		keys = append(keys, iampolicy.ContextKey{Name: "aws:SourceIp", Values: []string{c.SourceIP}})
	}
	if c.UserAgent != "" {
		keys = append(keys, iampolicy.ContextKey{Name: "aws:UserAgent", Values: []string{c.UserAgent}})
	}
	if c.Referer != "" {
		keys = append(keys, iampolicy.ContextKey{Name: "aws:Referer", Values: []string{c.Referer}})
	}
	return keys
}

// AnonymousRequest is the question about a caller who has not said who he is,
// in full.
func (c *APICall) AnonymousRequest() *CallerRequest {
	return &CallerRequest{Request: *c.request(true), ResourceAccount: c.Account, Policies: CallerPolicies{Resource: c.Policy}}
}

// Sentence is AWS's text for a refusal, as clients of API Gateway get it: the
// account is masked, and since 2025 the reason follows. A client in the
// internet gets, for a policy that wants a VPC endpoint: "User: anonymous is not
// authorized to perform: execute-api:Invoke on resource:
// arn:aws:execute-api:us-east-1:********9489:609x52qn26/dev/GET/weather because
// no resource-based policy allows the execute-api:Invoke action" (a public
// test report of a private API; others of 2025 alike).
func (c *APICall) Sentence(r *CallerRequest, v CallerVerdict) string {
	who := r.Request.Principal.ID
	return "User: " + who + " is not authorized to perform: " + InvokeAPIAction + " on resource: " + c.MaskedResource() + v.Reason(InvokeAPIAction)
}
