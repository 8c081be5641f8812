package grants

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/iampolicy"
)

// CallerKind is the Decision about a caller of the control plane. Its fields
// about API and function are empty.
const CallerKind Kind = "caller"

// The causes of refused callers.
const (
	CauseCallerDenied     = "caller-denied"     // a statement denies
	CauseCallerIdentity   = "caller-identity"   // none of the caller's own policies allows
	CauseCallerBoundary   = "caller-boundary"   // the permissions boundary does not allow
	CauseCallerSession    = "caller-session"    // the session policy does not allow
	CauseCallerResource   = "caller-resource"   // another account's resource does not allow
	CauseCallerTrust      = "caller-trust"      // the role's trust policy does not let the caller in
	CauseCallerUnreadable = "caller-unreadable" // a policy that applies is none
	CauseCallerToken      = "caller-token"      // the ID token that was shown does not hold
)

// CallerRefusal is a refused call of the control plane. It is only read.
type CallerRefusal struct {
	Request   *CallerRequest
	Verdict   CallerVerdict
	Operation string // "lambda CreateFunction"
	Region    string
	RequestID string
	Time      time.Time
	// Reason says why the caller was not believed to be who it says; "" where
	// policies decided.
	Reason string
}

// Refuse records a refused caller, as Grants.Refuse does for refused calls: it
// never blocks.
func (c *Callers) Refuse(r *CallerRefusal) {
	c.g.recorder.put(refusal{call: Call{RequestID: r.RequestID, Time: r.Time}, outcome: NoPermission, caller: r})
}

func (r *CallerRefusal) fingerprint() fingerprint {
	q := &r.Request.Request
	return fingerprint{resource: q.Action + " " + q.Resource, sourceARN: q.Principal.ID, credentials: r.Operation,
		sourceAccount: string(r.Verdict.Kind), revision: r.Verdict.Basis.String() + r.Reason, outcome: NoPermission}
}

// decision explains the refusal from the policies that decided it: they are
// immutable pictures, so nothing that changed since can creep in.
func (r *CallerRefusal) decision(mode Mode) *Decision {
	q := &r.Request.Request
	d := &Decision{
		Kind: CallerKind, Operation: r.Operation, RequestID: r.RequestID, Mode: mode, Outcome: NoPermission,
		Principal: q.Principal.ID, Action: q.Action, Resource: q.Resource, Account: q.Principal.Account, Region: r.Region,
		Nearest: -1, Fix: []string{}, Statements: []Statement{}, Policies: []PolicyRead{},
	}
	x := &explainer{c: &Call{}, d: d}
	x.context(q)
	for _, p := range r.read() {
		at := x.read(p.Kind, p.Owner, p.policy, q)
		d.Policies[at].Missing = p.err != nil && p.document == ""
	}
	r.nearest(d)
	x.bound()
	r.cause(x)
	return d
}

// read lists the policies that were asked, the one that decided first.
func (r *CallerRefusal) read() []*AppliedPolicy {
	p := &r.Request.Policies
	var all []*AppliedPolicy
	add := func(more ...*AppliedPolicy) {
		for _, one := range more {
			if one != nil && one.policy != nil && !slices.Contains(all, one) {
				all = append(all, one)
			}
		}
	}
	add(r.Verdict.Policy)
	add(p.Resource)
	add(p.Identity...)
	add(p.Boundary)
	add(p.Session...)
	add(p.Organization...)
	return all
}

// nearest points at the statement that denied or, of the policies that should
// have allowed, at the Allow statement that is nearest to applying.
func (r *CallerRefusal) nearest(d *Decision) {
	for i := range d.Statements {
		s := &d.Statements[i]
		if r.Verdict.Basis == ExplicitDeny {
			if s.Matched && s.Effect == iampolicy.Deny {
				d.Nearest = i
				return
			}
			continue
		}
		if s.Effect != iampolicy.Allow || s.Matched || policyTypes[d.Policies[s.Policy].Kind] != policyTypes[r.Verdict.Kind] {
			continue
		}
		if d.Nearest < 0 || s.Distance < d.Statements[d.Nearest].Distance {
			d.Nearest = i
		}
	}
}

// cause says why in a sentence, and how to mend it.
func (r *CallerRefusal) cause(x *explainer) {
	q := &r.Request.Request
	who, v := callerName(q.Principal.ID), &r.Verdict
	may := fmt.Sprintf("%s may not do %s on %s", who, q.Action, q.Resource)
	switch {
	case r.Reason != "":
		x.cause(CauseCallerToken, "%s was refused %s on %s before any policy was asked: %s.", capital(who), q.Action, q.Resource, r.Reason)
	case v.Basis == ExplicitDeny:
		x.cause(CauseCallerDenied, "%s: a statement of %s denies it, and a deny wins over every allow.", may, v.Policy.describe())
	case v.Basis == Unreadable:
		x.cause(CauseCallerUnreadable, "%s: %s cannot be read (%v), so nothing can be allowed.", may, v.Policy.describe(), v.Policy.Err())
	case v.Kind == TrustPolicy:
		if r.Request.Policies.Resource == nil {
			x.cause(CauseCallerTrust, "%s: there is no such role.", may)
			return
		}
		x.cause(CauseCallerTrust, "%s: the role's trust policy does not let %s in.", may, who)
		r.fixTrust(x)
	case v.Kind == FunctionPolicy || v.Kind == ResourcePolicy:
		x.cause(CauseCallerResource, "%s: it belongs to account %s, whose policy on it must allow as well.", may, r.Request.ResourceAccount)
		r.fixResource(x)
	case v.Kind == Boundary:
		x.cause(CauseCallerBoundary, "%s: the permissions boundary %s does not allow it.", may, v.Policy.Owner)
		x.note("A boundary is the most that %s can do: let it allow the action, or remove it.", who)
	case v.Kind == SessionPolicy:
		x.cause(CauseCallerSession, "%s: the policy that was passed when the session was made does not allow it.", may)
		x.note("A session's policy cannot be changed: make a new session with a wider one.")
	default:
		x.cause(CauseCallerIdentity, "%s: %s.", may, silence(len(r.Request.Policies.Identity)))
		r.fixIdentity(x)
	}
}

func silence(policies int) string {
	switch policies {
	case 0:
		return "it has no policy at all"
	case 1:
		return "its one policy does not allow it"
	default:
		return fmt.Sprintf("none of its %d policies allows it", policies)
	}
}

// callerName names a principal as people do: "user ada", "role job (session
// run)".
func callerName(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return arn
	}
	kind, path, _ := strings.Cut(parts[5], "/")
	switch kind {
	case "user":
		return "user " + path[strings.LastIndexByte(path, '/')+1:]
	case "assumed-role":
		role, session, _ := strings.Cut(path, "/")
		return "role " + role + " (session " + session + ")"
	case "federated-user":
		return "federated user " + path
	case "oidc-provider":
		return "an ID token of " + path
	default:
		return arn
	}
}

func (p *AppliedPolicy) describe() string {
	switch {
	case p.name == "":
		return "the " + string(p.Kind)
	case strings.HasPrefix(p.name, "arn:"):
		return p.name
	default:
		return fmt.Sprintf("%s %q", p.Kind, p.name)
	}
}

// fixIdentity allows exactly this action on this resource, in a new inline
// policy of the user or role.
func (r *CallerRefusal) fixIdentity(x *explainer) {
	q := &r.Request.Request
	owner := q.Principal.ID
	if q.Principal.RoleARN != "" { // the role, or the user behind a federated session
		owner = q.Principal.RoleARN
	}
	parts := strings.SplitN(owner, ":", 6)
	if len(parts) < 6 {
		return
	}
	kind, path, _ := strings.Cut(parts[5], "/")
	if kind != "user" && kind != "role" {
		return
	}
	name := path[strings.LastIndexByte(path, '/')+1:]
	document := grantDocument(q, nil)
	x.d.Fix = append(x.d.Fix, command("aws", "iam", "put-"+kind+"-policy", "--"+kind+"-name", name,
		"--policy-name", r.freeName(q.Action), "--policy-document", document))
}

// freeName names the new policy after its action, unlike those that are there.
func (r *CallerRefusal) freeName(action string) string {
	base := "allow-" + strings.NewReplacer(":", "-", "*", "all").Replace(action)
	taken := func(name string) bool {
		return slices.ContainsFunc(r.Request.Policies.Identity, func(p *AppliedPolicy) bool { return strings.EqualFold(p.name, name) })
	}
	name := base
	for n := 2; taken(name); n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	return name
}

// policyStatement is a statement that a fix adds.
type policyStatement struct {
	Effect    string                       `json:"Effect"`
	Principal map[string]string            `json:"Principal,omitempty"`
	Action    string                       `json:"Action"`
	Resource  string                       `json:"Resource,omitempty"`
	Condition map[string]map[string]string `json:"Condition,omitempty"`
}

// grantDocument is a policy with one statement behind those that are there.
func grantDocument(q *iampolicy.Request, before []json.RawMessage) string {
	s := policyStatement{Effect: "Allow", Action: q.Action, Resource: q.Resource}
	if before != nil {
		s.Resource, s.Principal = "", map[string]string{"AWS": trustedName(&q.Principal)}
	}
	if q.Principal.Type == iampolicy.Federated {
		s.Principal, s.Condition = map[string]string{"Federated": q.Principal.ID}, tokenConditions(q)
	}
	if service := q.Context.Lookup("iam:PassedToService"); len(service) == 1 {
		s.Condition = map[string]map[string]string{"StringEquals": {"iam:PassedToService": service[0]}}
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return ""
	}
	whole, err := json.Marshal(struct {
		Version   string
		Statement []json.RawMessage
	}{"2012-10-17", append(slices.Clip(before), raw)})
	if err != nil {
		return ""
	}
	return string(whole)
}

// tokenConditions bind a grant to the token's audience and subject: whoever
// trusts a provider without them trusts all of its users.
func tokenConditions(q *iampolicy.Request) map[string]map[string]string {
	_, provider, _ := strings.Cut(q.Principal.ID, ":oidc-provider/")
	keys := map[string]string{}
	for _, claim := range []string{":aud", ":sub"} {
		if values := q.Context.Lookup(provider + claim); len(values) == 1 {
			keys[provider+claim] = values[0]
		}
	}
	return map[string]map[string]string{"StringEquals": keys}
}

// trustedName is what a trust policy should name: a role rather than one of its
// sessions.
func trustedName(p *iampolicy.Principal) string {
	if p.RoleARN != "" {
		return p.RoleARN
	}
	return p.ID
}

// fixTrust adds a statement for the caller to the trust policy.
func (r *CallerRefusal) fixTrust(x *explainer) {
	var document struct{ Statement json.RawMessage }
	if json.Unmarshal([]byte(r.Request.Policies.Resource.document), &document) != nil {
		return
	}
	before := []json.RawMessage{}
	if json.Unmarshal(document.Statement, &before) != nil {
		before = []json.RawMessage{document.Statement}
	}
	_, name, ok := splitRoleARN(r.Request.Request.Resource)
	if !ok {
		return
	}
	x.d.Fix = append(x.d.Fix, command("aws", "iam", "update-assume-role-policy", "--role-name", name,
		"--policy-document", grantDocument(&r.Request.Request, before)))
}

// fixResource lets the caller in at another account's function.
func (r *CallerRefusal) fixResource(x *explainer) {
	q := &r.Request.Request
	if functionAccount(q.Resource) == "" || !strings.Contains(q.Resource, ":function:") {
		return
	}
	x.d.Fix = append(x.d.Fix, command("aws", "lambda", "add-permission", "--region", regionOf(q.Resource), "--function-name", q.Resource,
		"--statement-id", "caller-"+strings.ReplaceAll(q.Action, ":", "-"), "--action", q.Action, "--principal", trustedName(&q.Principal)))
	x.note("Run the command with the credentials of account %s.", r.Request.ResourceAccount)
}
