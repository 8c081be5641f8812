package stagedoor

import (
	"context"
	"net"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/awswire"
	"github.com/stagedoor/stagedoor/iampolicy"
	"github.com/stagedoor/stagedoor/internal/actions"
	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/service/iam"
)

// authorizer asks, before each call of the control plane, whether its caller may
// make it. The root of an account may; users and sessions need what their
// policies allow.
type authorizer struct {
	callers *grants.Callers
	mode    grants.Mode
	now     func() time.Time
	current resources
}

// resources tells what an ARN is about, as it is now: the condition keys that
// come from it.
type resources interface {
	ConditionKeys(account, region, arn string) map[string][]string
}

// newAuthorizer returns the hooks of the control plane's server.
func newAuthorizer(g *grants.Grants, c *grants.Callers, current resources) []func(context.Context, *awswire.Request) error {
	a := &authorizer{c, g.Mode(), time.Now, current}
	return []func(context.Context, *awswire.Request) error{a.authorize}
}

// authorize is awswire's hook: nil lets the call pass.
func (a *authorizer) authorize(ctx context.Context, r *awswire.Request) error {
	caller := awswire.CallerFrom(ctx)
	if a.mode == grants.Off || caller.Root || caller.ARN == "" { // unsigned operations judge for themselves
		return nil
	}
	if r.Service == "iam" && a.callers.WithoutIAM(caller.AccessKeyID) {
		return &awswire.Error{Code: "InvalidClientTokenId", Message: "The security token included in the request is invalid", Status: 403}
	}
	checks, known := actions.For(r.Service, r.Operation, r.Input, caller, a.entity)
	if !known {
		// Better closed than open; a test keeps the table complete.
		checks = []actions.Check{{Action: r.Service + ":" + r.Operation, Resource: "*"}}
	}
	for i := range checks {
		if err := a.check(ctx, r, caller, &checks[i]); err != nil {
			return err
		}
	}
	return nil
}

func (a *authorizer) check(ctx context.Context, r *awswire.Request, caller awswire.Caller, c *actions.Check) error {
	who := &grants.Who{
		Account: caller.Account, Region: caller.Region, ARN: caller.ARN,
		UserID: caller.UserID, AccessKeyID: caller.AccessKeyID, Root: caller.Root,
	}
	if r.Service == "iam" {
		who.Region = "us-east-1" // IAM is one service for all regions, and this is where it runs
	}
	now := a.now()
	q := a.callers.Request(who, c.Action, c.Resource, a.keys(r, caller, c), now)
	if c.Action == "iam:PassRole" {
		// Roles are passed within an account; the handlers refuse another's in
		// their own words.
		q.ResourceAccount = ""
	}
	verdict := grants.EvaluateCaller(q)
	if verdict.Allowed() {
		return nil
	}
	a.callers.Refuse(&grants.CallerRefusal{
		Request: q, Verdict: verdict, Operation: r.Service + " " + r.Operation,
		Region: caller.Region, RequestID: awswire.RequestID(ctx), Time: now,
	})
	if a.mode == grants.Warn {
		return nil
	}
	return accessDenied(r.Service, sentence(c, q, verdict))
}

// sentence is what AWS says of the refusal.
func sentence(c *actions.Check, q *grants.CallerRequest, v grants.CallerVerdict) string {
	switch {
	case c.Refusal != "":
		return c.Refusal
	case c.Shown != "":
		shown := *q
		shown.Request.Resource = c.Shown
		return v.Sentence(&shown)
	default:
		return v.Sentence(q)
	}
}

// accessDenied is the refusal in the shape of a service: CloudWatch Logs, whose
// protocol is JSON-RPC, answers 400 (elastic/apm-aws-lambda#526), the others 403.
func accessDenied(service, text string) error {
	switch service {
	case "iam", "sts":
		return &awswire.Error{Code: "AccessDenied", Message: text, Status: 403}
	case "logs":
		return &awswire.Error{Code: "AccessDeniedException", Message: text, Status: 400}
	default:
		return &awswire.Error{Code: "AccessDeniedException", Message: text, Status: 403}
	}
}

// keys are the condition keys that the request itself brings, and those of what
// it is about.
func (a *authorizer) keys(r *awswire.Request, caller awswire.Caller, c *actions.Check) iampolicy.Context {
	keys := make(iampolicy.Context, 0, len(c.Keys)+4)
	for _, k := range c.Keys {
		keys = append(keys, iampolicy.ContextKey{Name: k.Name, Values: k.Values})
	}
	add := func(name, value string) {
		if value != "" {
			keys = append(keys, iampolicy.ContextKey{Name: name, Values: []string{value}})
		}
	}
	if h := r.HTTP; h != nil {
		if host, _, err := net.SplitHostPort(h.RemoteAddr); err == nil {
			add("aws:SourceIp", host)
		}
		add("aws:UserAgent", h.UserAgent())
		add("aws:Referer", h.Referer())
		secure := "false"
		if h.TLS != nil {
			secure = "true"
		}
		add("aws:SecureTransport", secure)
	}
	if c.Current {
		for name, values := range a.current.ConditionKeys(caller.Account, caller.Region, c.Resource) {
			keys = append(keys, iampolicy.ContextKey{Name: name, Values: values})
		}
	}
	for key, value := range a.callers.ResourceTags(caller.Account, c.Resource) {
		add("aws:ResourceTag/"+key, value)
		if strings.HasPrefix(c.Action, "iam:") {
			add("iam:ResourceTag/"+key, value)
		}
	}
	return keys
}

func (a *authorizer) entity(account, kind, name string) (actions.Entity, bool) {
	if kind == "linked" {
		role, ok := iam.ServiceLinkedRole(name)
		return actions.Entity{ARN: "arn:aws:iam::" + account + ":role/aws-service-role/" + name + "/" + role}, ok
	}
	arn, boundary, ok := a.callers.Entity(account, kind, name)
	return actions.Entity{ARN: arn, Boundary: boundary}, ok
}
