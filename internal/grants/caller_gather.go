package grants

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/iampolicy"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// errPolicyGone: a boundary or session policy names a managed policy that does
// not exist. What it would allow cannot be told.
var errPolicyGone = errors.New("there is no such managed policy")

// Who is an authenticated caller of the control plane.
type Who struct {
	Account     string
	Region      string
	ARN         string // of a user, a role session, a federated session or the root
	UserID      string
	AccessKeyID string
	Root        bool
}

// Callers gathers the policies that apply to callers. It keeps users, groups
// and sessions compiled beside what its Grants keeps; its methods take no lock
// and do no I/O.
type Callers struct {
	g        *Grants
	users    pictures[*entity]
	groups   pictures[*entity]
	sessions *store.View[*session]
}

// NewCallers compiles the policies of all users, groups and sessions and keeps
// them compiled.
func NewCallers(g *Grants) *Callers {
	c := &Callers{
		g:        g,
		users:    store.NewView(g.store, state.Users, compileUser),
		groups:   store.NewView(g.store, state.Groups, compileGroup),
		sessions: store.NewView(g.store, state.Sessions, compileSession),
	}
	g.callers.Store(c)
	return c
}

func compileUser(_ state.Key, rec *state.User, _ uint64) *entity {
	return &entity{Identity: &rec.Identity, groups: rec.Groups, inline: inlinePolicies(UserPolicy, &rec.Identity)}
}

func compileGroup(_ state.Key, rec *state.Group, _ uint64) *entity {
	return &entity{Identity: &rec.Identity, inline: inlinePolicies(GroupPolicy, &rec.Identity)}
}

// entity is a user or a group with its inline policies compiled.
type entity struct {
	*state.Identity
	groups []string
	inline []*AppliedPolicy
}

func inlinePolicies(kind PolicyKind, rec *state.Identity) []*AppliedPolicy {
	var all []*AppliedPolicy
	for _, name := range slices.Sorted(maps.Keys(rec.InlinePolicies)) {
		all = append(all, NewAppliedPolicy(kind, rec.ARN, name, rec.InlinePolicies[name]))
	}
	return all
}

// session is a set of temporary credentials with its policy compiled.
type session struct {
	*state.Session
	policy *AppliedPolicy // nil: none was passed
}

func compileSession(_ state.Key, rec *state.Session, _ uint64) *session {
	s := &session{Session: rec}
	if rec.Policy != "" {
		s.policy = NewAppliedPolicy(SessionPolicy, rec.PrincipalARN, "", rec.Policy)
	}
	return s
}

// Request is the question whether who may do action to resource. keys are the
// condition keys of the request itself; those about the principal, the time and
// the region are added. now tells the time.
func (c *Callers) Request(who *Who, action, resource string, keys iampolicy.Context, now time.Time) *CallerRequest {
	p := c.principal(who)
	r := &CallerRequest{
		Request: iampolicy.Request{Principal: p.Principal, Action: action, Resource: resource},
		Root:    who.Root, ServiceLinked: p.serviceLinked, Policies: p.policies,
	}
	r.Request.Context = append(p.keys(who, now), keys...)
	c.AddResource(r)
	return r
}

// Principal gathers the identity policies and the boundary of a user, group or
// role by its ARN, as the policy simulator does; ok is false when there is none.
func (c *Callers) Principal(arn string) (p iampolicy.Principal, policies CallerPolicies, ok bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[2] != "iam" {
		return p, policies, false
	}
	kind, _, _ := strings.Cut(parts[5], "/")
	name := strings.ToLower(parts[5][strings.LastIndexByte(parts[5], '/')+1:])
	var known knownPrincipal
	switch kind {
	case "user":
		ok = c.user(&known, parts[4], name)
	case "role":
		if r, found := c.g.roles.Get(state.RoleKey(parts[4], name)); found {
			c.role(&known, r)
			ok = true
		}
	case "group":
		if e, found := c.groups.Get(state.GroupKey(parts[4], name)); found {
			known.identity, ok = e.Identity, true
			known.policies.Identity = c.own(GroupPolicy, e.Identity, e.inline)
		}
	}
	if !ok || known.identity.ARN != arn {
		return p, policies, false
	}
	return iampolicy.Principal{Type: iampolicy.AWS, ID: arn, Account: parts[4], UniqueID: known.identity.ID}, known.policies, true
}

// knownPrincipal is what is known about a caller.
type knownPrincipal struct {
	iampolicy.Principal
	identity      *state.Identity // user, group or role; nil for the root
	session       *session        // nil for long-lived credentials
	policies      CallerPolicies
	serviceLinked bool
}

// principal finds out who a caller is and what applies to it. Somebody who is
// gone by now has no policies, and so no rights.
func (c *Callers) principal(who *Who) *knownPrincipal {
	p := &knownPrincipal{Principal: iampolicy.Principal{Type: iampolicy.AWS, ID: who.ARN, Account: who.Account, UniqueID: who.UserID}}
	if s, ok := c.sessions.Get(state.SessionKey(who.AccessKeyID)); ok && s.PrincipalARN == who.ARN {
		p.session = s
		p.RoleARN = s.RoleARN
	}
	parts := strings.SplitN(who.ARN, ":", 6)
	if len(parts) < 6 {
		return p
	}
	kind, name, _ := strings.Cut(parts[5], "/")
	switch kind {
	case "user":
		c.user(p, parts[4], strings.ToLower(name[strings.LastIndexByte(name, '/')+1:]))
	case "assumed-role":
		role, _, _ := strings.Cut(name, "/")
		if r, ok := c.g.roles.Get(state.RoleKey(parts[4], strings.ToLower(role))); ok {
			p.RoleARN = r.rec.ARN
			c.role(p, r)
		}
	case "federated-user":
		c.federated(p, parts[4])
	}
	c.sessionPolicies(p)
	return p
}

// user adds a user's own policies and those of its groups.
func (c *Callers) user(p *knownPrincipal, account, lowerName string) bool {
	u, ok := c.users.Get(state.UserKey(account, lowerName))
	if !ok {
		return false
	}
	p.identity = u.Identity
	p.policies.Identity = c.own(UserPolicy, u.Identity, u.inline)
	for _, name := range u.groups {
		if g, ok := c.groups.Get(state.GroupKey(account, strings.ToLower(name))); ok {
			p.policies.Identity = append(p.policies.Identity, c.own(GroupPolicy, g.Identity, g.inline)...)
		}
	}
	p.policies.Boundary = c.boundary(u.PermissionsBoundary)
	return true
}

func (c *Callers) role(p *knownPrincipal, r *role) {
	p.identity, p.serviceLinked = &r.rec.Identity, r.rec.Service != ""
	inline := make([]*AppliedPolicy, 0, len(r.inline)+len(r.rec.AttachedPolicies))
	for _, own := range r.inline {
		inline = append(inline, &AppliedPolicy{Kind: RolePolicy, Owner: r.rec.ARN, policy: own})
	}
	p.policies.Identity = c.own(RolePolicy, p.identity, inline)
	p.policies.Boundary = c.boundary(r.rec.PermissionsBoundary)
}

// federated gives a federated session the rights of the user who made it.
func (c *Callers) federated(p *knownPrincipal, account string) {
	if p.session == nil {
		return
	}
	p.RoleARN = p.session.Issuer
	// The policies of a root that federates are everything (STS API reference,
	// GetFederationToken), so the session policies alone decide.
	if strings.HasSuffix(p.session.Issuer, ":root") {
		p.policies.Identity = []*AppliedPolicy{everything(p.session.Issuer)}
		return
	}
	_, name, _ := strings.Cut(p.session.Issuer, ":user/")
	c.user(p, account, strings.ToLower(name[strings.LastIndexByte(name, '/')+1:]))
	p.identity = nil // the session has none of the user's keys (aws:username)
}

func everything(owner string) *AppliedPolicy {
	return NewAppliedPolicy(UserPolicy, owner, "", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`)
}

// sessionPolicies adds what was passed when the session was made. A federated
// session without any can do nothing.
func (c *Callers) sessionPolicies(p *knownPrincipal) {
	s := p.session
	if s == nil {
		return
	}
	p.policies.HasSession = s.policy != nil || len(s.PolicyARNs) > 0 || s.Issuer != ""
	if s.policy != nil {
		p.policies.Session = append(p.policies.Session, s.policy)
	}
	for _, arn := range s.PolicyARNs {
		p.policies.Session = append(p.policies.Session, c.named(SessionPolicy, s.PrincipalARN, arn))
	}
}

// own are the inline policies of an entity and the managed ones attached to it.
// One that is gone is left out: it grants nothing, and IAM deletes no policy
// that is attached.
func (c *Callers) own(kind PolicyKind, rec *state.Identity, inline []*AppliedPolicy) []*AppliedPolicy {
	all := slices.Clip(inline)
	for _, arn := range rec.AttachedPolicies {
		if p := c.g.managedPolicy(arn); p != nil {
			all = append(all, &AppliedPolicy{Kind: kind, Owner: rec.ARN, policy: p})
		}
	}
	return all
}

func (c *Callers) boundary(arn string) *AppliedPolicy {
	if arn == "" {
		return nil
	}
	return c.named(Boundary, arn, arn)
}

// named is a managed policy that must be there.
func (c *Callers) named(kind PolicyKind, owner, arn string) *AppliedPolicy {
	p := c.g.managedPolicy(arn)
	if p == nil {
		p = &policy{name: arn, err: errPolicyGone}
	}
	return &AppliedPolicy{Kind: kind, Owner: owner, policy: p}
}

// ManagedPolicy reports whether a managed policy exists, AWS's or a customer's.
func (c *Callers) ManagedPolicy(arn string) bool { return c.g.managedPolicy(arn) != nil }

// AddResource adds the policy of the resource, if it has one here, and says whose
// the resource is: function policies, and the trust policies of roles for the
// actions of STS.
func (c *Callers) AddResource(r *CallerRequest) {
	parts := strings.SplitN(r.Request.Resource, ":", 6)
	if len(parts) < 6 {
		return
	}
	r.ResourceAccount = parts[4]
	if parts[4] == "aws" { // AWS-managed policies belong to everybody
		r.ResourceAccount = ""
	}
	switch {
	case parts[2] == "lambda":
		r.Policies.Resource = c.functionPolicy(r.Request.Resource)
	case parts[2] == "iam" && strings.HasPrefix(r.Request.Action, "sts:") && strings.HasPrefix(parts[5], "role/"):
		r.MustGrant = true
		if role := c.g.roleByARN(r.Request.Resource); role != nil {
			r.Policies.Resource = &AppliedPolicy{Kind: TrustPolicy, Owner: role.rec.ARN, policy: role.trust}
		}
	}
}

// functionPolicy is the policy of a function, version or alias by its ARN.
func (c *Callers) functionPolicy(arn string) *AppliedPolicy {
	parts := strings.SplitN(arn, ":", 8)
	if len(parts) < 7 || parts[5] != "function" {
		return nil
	}
	qualifier := ""
	if len(parts) == 8 && parts[7] != "$LATEST" {
		qualifier = parts[7]
	}
	f := c.g.functionByARN(strings.Join(parts[:7], ":"))
	if f == nil || f.policies[qualifier] == nil {
		return nil
	}
	return &AppliedPolicy{Kind: FunctionPolicy, Owner: arn, policy: f.policies[qualifier]}
}

// Applying returns the statements of the policy that answer r, as
// iampolicy.Policy.Applying; none for a policy that cannot be read.
func (p *AppliedPolicy) Applying(r *iampolicy.Request) (iampolicy.Effect, []int) {
	if p.unreadable() {
		return iampolicy.NoMatch, nil
	}
	return p.compiled.Applying(r)
}

// WithoutIAM reports whether temporary credentials may not call IAM at all:
// those of GetSessionToken without MFA, which nothing here has, and those of
// GetFederationToken (IAM user guide, "Compare AWS STS credentials"; public
// threads quote InvalidClientTokenId). The root's may: it is what local tools
// use for everything.
func (c *Callers) WithoutIAM(accessKeyID string) bool {
	s, ok := c.sessions.Get(state.SessionKey(accessKeyID))
	return ok && (strings.Contains(s.PrincipalARN, ":user/") || strings.Contains(s.PrincipalARN, ":federated-user/"))
}
