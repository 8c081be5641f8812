package cli

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/stagedoor/stagedoor/iampolicy"
	"github.com/stagedoor/stagedoor/internal/doctor"
	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/target"
	"github.com/stagedoor/stagedoor/internal/why"
)

// callersOf are the roles whose sessions a log says were refused, as ARNs
// without a path, which the log does not tell.
func callersOf(failures []why.Failure) []string {
	var arns []string
	for i := range failures {
		if r, ok := failures[i].RefusedCaller(); ok {
			if account, name, ok := r.Role(); ok {
				arns = append(arns, "arn:aws:iam::"+account+":role/"+name)
			}
		}
	}
	return arns
}

// explainCaller explains a refused client from the policies of the account: the
// API's as it is deployed, and those of the caller's role. note says what is not
// known, or that the answer would be another one by now.
func explainCaller(d *target.Dump, f *why.Failure, r *why.RefusedCaller) (found []explanation, note string) {
	policy, configured, ok := apiPolicyOf(d, r)
	if !ok {
		return nil, "The API " + r.API + " is not there any more, or belongs to another account or region: nothing can be said about its policies."
	}
	call := grants.APICall{
		Account: d.Account, Region: d.Region, APIID: r.API, Stage: r.Stage, Method: r.Verb, ResourcePath: "/" + r.Path, Verb: r.Verb, Path: r.Path,
		SourceIP: f.SourceIP, Signed: r.Caller != grants.AnonymousCaller, Time: f.Last,
	}
	if configured != nil {
		call.Method, call.ResourcePath, call.ResourceID = configured.method, configured.path, configured.resource
	}
	if policy != "" {
		call.Policy = grants.NewAPIPolicy(d.Region, d.Account, r.API, policy)
	}
	request, known := callerRequest(d, r, &call)
	verdict := grants.EvaluateCaller(request)
	switch {
	case verdict.Allowed() && !known:
		return nil, "The policies of " + r.Caller + " could not be read: only roles are, and only those of this account without a path in their ARN. The API's resource policy does not deny the call."
	case verdict.Allowed():
		return nil, "It would be allowed now: what decides it was changed after the failure."
	}
	refusal := &grants.APIRefusal{Call: call, Outcome: grants.CallerRefused, Request: request, Verdict: verdict, Answer: f.Message, Logged: true}
	decision := grants.Offline(grants.Records{}).ExplainAPI(refusal)
	decision.LastTime, decision.Count, decision.RequestIDs = f.Last, f.Count, f.RequestIDs
	if len(f.RequestIDs) > 0 {
		decision.RequestID = f.RequestIDs[len(f.RequestIDs)-1]
	}
	if f.SourceIP == "" && !call.Signed {
		decision.Fix = nil // who should be let in cannot be told
		note = "The log does not tell where the call came from: give it a format with $context.identity.sourceIp."
	}
	if r.Reason != "" && verdict.Reason(grants.InvokeAPIAction) != r.Reason {
		note = "The log gives another reason (\"" + strings.TrimSpace(r.Reason) + "\"): a policy was changed since, or it asks for something that the log does not tell."
	}
	x := explanation{API: r.API, Stage: r.Stage, Method: call.Method + " " + call.ResourcePath, Verdict: doctor.Refused, Decision: decision}
	return []explanation{x}, note
}

// callerRequest is the question whether the caller may call. known is false where
// the caller's own policies are not in the dump: then they are taken to allow,
// unless the log says that they do not.
func callerRequest(d *target.Dump, r *why.RefusedCaller, call *grants.APICall) (request *grants.CallerRequest, known bool) {
	if !call.Signed {
		return call.AnonymousRequest(), true
	}
	request = &grants.CallerRequest{
		Request: iampolicy.Request{
			Principal: iampolicy.Principal{Type: iampolicy.AWS, ID: r.Caller}, Action: grants.InvokeAPIAction, Resource: call.Resource(), Context: call.Keys(),
		},
		ResourceAccount: d.Account,
	}
	request.Policies.Resource = call.Policy
	principal := &request.Request.Principal
	if parts := strings.SplitN(r.Caller, ":", 6); len(parts) == 6 {
		principal.Account = parts[4]
	}
	arn := r.Caller
	if account, name, ok := r.Role(); ok {
		arn = "arn:aws:iam::" + account + ":role/" + name
		principal.RoleARN = arn
		if i := slices.IndexFunc(d.Roles, func(role *target.Role) bool { return role.ARN == arn }); i >= 0 && !d.Roles[i].Missing && d.Roles[i].Unread == "" {
			addRole(&request.Policies, d.Roles[i])
			known = true
		}
	}
	request.Request.Context = append(request.Request.Context,
		iampolicy.ContextKey{Name: "aws:PrincipalArn", Values: []string{arn}}, iampolicy.ContextKey{Name: "aws:PrincipalAccount", Values: []string{principal.Account}})
	if !known && strings.Contains(r.Reason, "no identity-based policy") {
		return request, true
	}
	request.Root = !known
	return request, known
}

// addRole adds the policies of a role.
func addRole(p *grants.CallerPolicies, role *target.Role) {
	add := func(documents map[string]string) {
		names := make([]string, 0, len(documents))
		for name := range documents {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			p.Identity = append(p.Identity, grants.NewAppliedPolicy(grants.RolePolicy, role.ARN, name, documents[name]))
		}
	}
	add(role.Inline)
	add(role.Attached)
	if role.Boundary != "" {
		p.Boundary = grants.NewAppliedPolicy(grants.Boundary, role.Boundary, role.Boundary, role.BoundaryDocument)
	}
}

// configuredMethod is the method that a request meets.
type configuredMethod struct{ method, path, resource string }

// apiPolicyOf is the resource policy that a stage of an API serves, "" for none,
// and the method that the request met, nil where it is not there any more.
func apiPolicyOf(d *target.Dump, r *why.RefusedCaller) (policy string, m *configuredMethod, ok bool) {
	for _, a := range d.HTTPAPIs {
		if aws.ToString(a.API.ApiId) == r.API {
			return "", nil, true // HTTP APIs have none
		}
	}
	for _, a := range d.RestAPIs {
		if aws.ToString(a.API.Id) != r.API {
			continue
		}
		policy = aws.ToString(a.API.Policy)
		if strings.HasPrefix(policy, `{\"`) { // as AWS answers it
			var plain string
			if json.Unmarshal([]byte(`"`+policy+`"`), &plain) == nil {
				policy = plain
			}
		}
		if raw, read := a.Exports[r.Stage]; read { // what is deployed
			var export struct {
				Policy json.RawMessage `json:"x-amazon-apigateway-policy"`
			}
			if json.Unmarshal(raw, &export) == nil {
				policy = string(export.Policy)
			}
		}
		return policy, methodOf(a, r), true
	}
	return "", nil, false
}

// methodOf finds the most specific method that fits the request.
func methodOf(a *target.RestAPI, r *why.RefusedCaller) *configuredMethod {
	var best *configuredMethod
	literal := -1
	for i := range a.Resources {
		resource := &a.Resources[i]
		path := aws.ToString(resource.Path)
		same, fits := fitting(path, "/"+r.Path)
		if !fits || same <= literal {
			continue
		}
		for _, verb := range []string{r.Verb, "ANY"} {
			if _, ok := resource.ResourceMethods[verb]; ok {
				best, literal = &configuredMethod{verb, path, aws.ToString(resource.Id)}, same
				break
			}
		}
	}
	return best
}

// fitting reports whether a path fits a template, and how many of its segments
// are the template's own.
func fitting(template, path string) (same int, ok bool) {
	want, got := strings.Split(template, "/"), strings.Split(path, "/")
	for i, w := range want {
		switch {
		case strings.HasSuffix(w, "+}"):
			return same, len(got) > i
		case i >= len(got):
			return 0, false
		case w == got[i]:
			same++
		case !strings.HasPrefix(w, "{"):
			return 0, false
		}
	}
	return same, len(want) == len(got)
}
