package grants

import (
	"strings"

	"github.com/stagedoor/stagedoor/iampolicy"
)

// The kinds of policy that decide about a caller, beside those of a Decision
// about a call by API Gateway.
const (
	UserPolicy           PolicyKind = "user policy"
	GroupPolicy          PolicyKind = "group policy"
	SessionPolicy        PolicyKind = "session policy"
	ResourcePolicy       PolicyKind = "resource policy"
	ServiceControlPolicy PolicyKind = "service control policy"
)

// AppliedPolicy is one policy document in the place where it applies. It is
// immutable and may be shared.
type AppliedPolicy struct {
	Kind  PolicyKind
	Owner string // ARN of what it hangs on
	*policy
}

// NewAppliedPolicy compiles a document; name is that of an inline policy or the
// ARN of a managed one. A document that is no policy is kept with its error:
// see CallerPolicies.
func NewAppliedPolicy(kind PolicyKind, owner, name, document string) *AppliedPolicy {
	p := compilePolicy(document)
	p.name = name
	return &AppliedPolicy{Kind: kind, Owner: owner, policy: p}
}

// Name is the name of an inline policy or the ARN of a managed one.
func (p *AppliedPolicy) Name() string { return p.name }

// Err says why the document is no policy; nil when it is one.
func (p *AppliedPolicy) Err() error { return p.err }

// Compiled is the policy itself; nil when the document is none.
func (p *AppliedPolicy) Compiled() *iampolicy.Policy { return p.compiled }

// unreadable reports whether nobody can tell what the policy says.
func (p *AppliedPolicy) unreadable() bool { return p == nil || p.policy == nil || p.compiled == nil }

// CallerPolicies are all policies that apply to one request.
//
// A policy that cannot be read might deny: where one is among them, nothing is
// allowed, and the verdict names it.
type CallerPolicies struct {
	// Organization must all allow (one per level of the organization). Without
	// any, the account belongs to none.
	Organization []*AppliedPolicy
	// Identity policies are the caller's own: of a user, its groups, a role.
	Identity []*AppliedPolicy
	// Boundary is what the caller's own policies can allow at most; nil: no
	// boundary is set.
	Boundary *AppliedPolicy
	// Session policies were passed when the session was made; HasSession also
	// tells a session that was made with none that allows anything.
	Session    []*AppliedPolicy
	HasSession bool
	// Resource is the policy of what is asked for; nil: it has none.
	Resource *AppliedPolicy
}

// CallerRequest asks whether a principal may do something.
type CallerRequest struct {
	Request iampolicy.Request
	// Root is the account's root user: no identity policy applies to it.
	Root bool
	// ServiceLinked is a role that belongs to a service: an organization does
	// not limit it.
	ServiceLinked bool
	// ResourceAccount owns the resource; "" means the principal's own account.
	ResourceAccount string
	// MustGrant: the resource policy must allow even in the same account, as
	// the trust policy of a role must.
	MustGrant bool
	Policies  CallerPolicies
}

// Basis says on what a verdict rests.
type Basis uint8

// The bases of a verdict.
const (
	// NothingAllows: a kind of policy that must allow does not.
	NothingAllows Basis = iota
	// ExplicitDeny: a statement denies.
	ExplicitDeny
	// Unreadable: a policy that applies is none, so it cannot be decided.
	Unreadable
	// IdentityAllows: the caller's own policies allow (or it is the root).
	IdentityAllows
	// ResourceAllows: the policy of the resource allows by itself.
	ResourceAllows
	// BothAllow: the caller's own policies and the resource's, each of which
	// was needed.
	BothAllow
)

var basisNames = [...]string{"NothingAllows", "ExplicitDeny", "Unreadable", "IdentityAllows", "ResourceAllows", "BothAllow"}

// String returns the name.
func (b Basis) String() string { return basisNames[min(int(b), len(basisNames)-1)] }

// CallerVerdict is the answer to a CallerRequest.
type CallerVerdict struct {
	Basis Basis
	// Kind is the kind of policy that refused, or that allowed.
	Kind PolicyKind
	// Policy is the one that decided; nil where a whole kind is silent, and for
	// the root.
	Policy *AppliedPolicy
}

// Allowed reports whether the request may be made.
func (v CallerVerdict) Allowed() bool { return v.Basis >= IdentityAllows }

// EvaluateCaller decides as AWS documents it (IAM user guide, "Policy evaluation
// logic"): a deny anywhere is final; then the organization, the resource's
// policy, the caller's own policies, the boundary and the session policies are
// asked in this order. It is a pure function and takes microseconds.
func EvaluateCaller(r *CallerRequest) CallerVerdict {
	e := callerEvaluation{r: r}
	if v, final := e.denied(); final {
		return v
	}
	if v, refused := e.organization(); refused {
		return v
	}
	if r.Request.Principal.Type != iampolicy.AWS { // a service, a provider or nobody has no policies of its own
		return e.resourceAlone()
	}
	return e.principal()
}

// callerEvaluation holds what each policy answered, so that none is asked twice.
type callerEvaluation struct {
	r *CallerRequest

	grant    iampolicy.Grant
	identity *AppliedPolicy // the first that allows
	boundary bool
	session  *AppliedPolicy
	silent   *AppliedPolicy // an organization's policy that does not allow
}

// denied asks every policy, and ends the matter where one denies or cannot be
// read. AWS names one kind where several deny.
// unverified: which; here it is the order of the evaluation.
func (e *callerEvaluation) denied() (v CallerVerdict, final bool) {
	p := &e.r.Policies
	for _, o := range p.Organization {
		if e.r.ServiceLinked {
			break
		}
		switch effect, ok := e.ask(o, &v); {
		case ok:
			return v, true
		case effect != iampolicy.Allow && e.silent == nil:
			e.silent = o
		}
	}
	if p.Resource != nil {
		if _, ok := e.askResource(p.Resource, &v); ok {
			return v, true
		}
	}
	if !e.r.Root {
		for _, own := range p.Identity {
			switch effect, ok := e.ask(own, &v); {
			case ok:
				return v, true
			case effect == iampolicy.Allow && e.identity == nil:
				e.identity = own
			}
		}
		if p.Boundary != nil {
			effect, ok := e.ask(p.Boundary, &v)
			if ok {
				return v, true
			}
			e.boundary = effect == iampolicy.Allow
		}
	}
	for _, s := range p.Session {
		switch effect, ok := e.ask(s, &v); {
		case ok:
			return v, true
		case effect == iampolicy.Allow && e.session == nil:
			e.session = s
		}
	}
	return v, false
}

// ask evaluates one policy; final is true when it ends the matter, as v says.
func (e *callerEvaluation) ask(p *AppliedPolicy, v *CallerVerdict) (effect iampolicy.Effect, final bool) {
	if p.unreadable() {
		*v = CallerVerdict{Basis: Unreadable, Kind: kindOf(p), Policy: p}
		return iampolicy.NoMatch, true
	}
	effect = p.compiled.Evaluate(&e.r.Request)
	if effect == iampolicy.Deny {
		*v = CallerVerdict{Basis: ExplicitDeny, Kind: p.Kind, Policy: p}
	}
	return effect, effect == iampolicy.Deny
}

func (e *callerEvaluation) askResource(p *AppliedPolicy, v *CallerVerdict) (effect iampolicy.Effect, final bool) {
	if p.unreadable() {
		*v = CallerVerdict{Basis: Unreadable, Kind: kindOf(p), Policy: p}
		return iampolicy.NoMatch, true
	}
	effect, e.grant = p.compiled.EvaluateGrant(&e.r.Request)
	if effect == iampolicy.Deny {
		*v = CallerVerdict{Basis: ExplicitDeny, Kind: p.Kind, Policy: p}
	}
	return effect, effect == iampolicy.Deny
}

func kindOf(p *AppliedPolicy) PolicyKind {
	if p == nil {
		return Boundary // the only one that is named by an ARN which may lead nowhere
	}
	return p.Kind
}

func (e *callerEvaluation) organization() (CallerVerdict, bool) {
	if e.silent == nil {
		return CallerVerdict{}, false
	}
	return CallerVerdict{Basis: NothingAllows, Kind: e.silent.Kind, Policy: e.silent}, true
}

// resourceKind is the kind of the resource's policy, if it has none too.
func (e *callerEvaluation) resourceKind() PolicyKind {
	if p := e.r.Policies.Resource; p != nil {
		return p.Kind
	}
	if e.r.MustGrant {
		return TrustPolicy
	}
	return ResourcePolicy
}

func (e *callerEvaluation) resourceAlone() CallerVerdict {
	if e.grant == iampolicy.NotGranted {
		return CallerVerdict{Basis: NothingAllows, Kind: e.resourceKind(), Policy: e.r.Policies.Resource}
	}
	return CallerVerdict{Basis: ResourceAllows, Kind: e.resourceKind(), Policy: e.r.Policies.Resource}
}

// principal decides about users, roles, sessions and the root.
//
// unverified: which side AWS names where neither that of the caller nor that of
// another account's resource allows; here it is the resource's.
func (e *callerEvaluation) principal() CallerVerdict {
	r := e.r
	across := r.ResourceAccount != "" && r.ResourceAccount != r.Request.Principal.Account
	if (across || r.MustGrant) && e.grant == iampolicy.NotGranted {
		return e.resourceAlone()
	}
	// In one account the resource's policy may do without the caller's own. In
	// another it never may.
	if !across {
		switch e.grant {
		case iampolicy.Direct:
			return e.resourceAlone()
		case iampolicy.ThroughRole:
			if v, limited := e.limited(); limited {
				return v
			}
			return e.resourceAlone()
		}
	}
	if e.identity == nil && !r.Root {
		return CallerVerdict{Basis: NothingAllows, Kind: e.identityKind()}
	}
	if v, limited := e.limited(); limited {
		return v
	}
	v := CallerVerdict{Basis: IdentityAllows, Policy: e.identity}
	if e.identity != nil {
		v.Kind = e.identity.Kind
	}
	if across || r.MustGrant {
		v.Basis = BothAllow
	}
	return v
}

// identityKind is what the caller's own policies are called: they are told
// apart by owner only, so any will do.
func (e *callerEvaluation) identityKind() PolicyKind {
	if own := e.r.Policies.Identity; len(own) > 0 {
		return own[0].Kind
	}
	if e.r.Request.Principal.RoleARN != "" {
		return RolePolicy
	}
	return UserPolicy
}

// limited asks boundary and session policies.
func (e *callerEvaluation) limited() (CallerVerdict, bool) {
	p := &e.r.Policies
	if p.Boundary != nil && !e.boundary && !e.r.Root {
		return CallerVerdict{Basis: NothingAllows, Kind: Boundary, Policy: p.Boundary}, true
	}
	if (p.HasSession || len(p.Session) > 0) && e.session == nil {
		v := CallerVerdict{Basis: NothingAllows, Kind: SessionPolicy}
		if len(p.Session) > 0 {
			v.Policy = p.Session[0]
		}
		return v, true
	}
	return CallerVerdict{}, false
}

// Sentence is AWS's text for a refusal ("Troubleshoot access denied error
// messages"): who may not do what, and which kind of policy is the reason.
//
// STS and CloudWatch name no resource where an action has none ("… not authorized
// to perform: sts:GetAccessKeyInfo because no …", "… cloudwatch:PutMetricData
// because no …": github-aws-runners/terraform-aws-github-runner#3067), Lambda and
// IAM print "*" (public threads).
func (v CallerVerdict) Sentence(r *CallerRequest) string {
	resource := " on resource: " + r.Request.Resource
	service, _, _ := strings.Cut(r.Request.Action, ":")
	if r.Request.Resource == "*" && (service == "sts" || service == "cloudwatch") {
		resource = ""
	}
	return "User: " + r.Request.Principal.ID + " is not authorized to perform: " + r.Request.Action + resource + v.Reason(r.Request.Action)
}

// Reason is the end of the sentence, which says why: " because no …" or " with
// an explicit deny in …". A policy that cannot be read is one that does not
// allow. A trust policy that does not let a caller in is not named (public
// threads of AssumeRole: noqdev/iambic#357 and others). Of a managed policy that
// denies AWS gives the ARN since 2026; of an inline one, which has none, nothing
// (IAM user guide, "Troubleshoot access denied error messages with authorization
// ID"; its console link belongs to a preview and is left out).
func (v CallerVerdict) Reason(action string) string {
	switch {
	case v.Allowed():
		return ""
	case v.Basis == ExplicitDeny:
		reason := " with an explicit deny in " + policyTypes[v.Kind].article + " " + policyTypes[v.Kind].name
		if v.Policy != nil && strings.HasPrefix(v.Policy.name, "arn:") {
			reason += ": " + v.Policy.name
		}
		return reason
	case v.Kind == TrustPolicy:
		return ""
	default:
		return " because no " + policyTypes[v.Kind].name + " allows the " + action + " action"
	}
}

// policyTypes are AWS's names for the kinds.
var policyTypes = map[PolicyKind]struct{ article, name string }{
	UserPolicy:           {"an", "identity-based policy"},
	GroupPolicy:          {"an", "identity-based policy"},
	RolePolicy:           {"an", "identity-based policy"},
	FunctionPolicy:       {"a", "resource-based policy"},
	ResourcePolicy:       {"a", "resource-based policy"},
	TrustPolicy:          {"a", "role trust policy"},
	Boundary:             {"a", "permissions boundary"},
	SessionPolicy:        {"a", "session policy"},
	ServiceControlPolicy: {"a", "service control policy"},
}
