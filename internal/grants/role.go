package grants

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/iampolicy"
	"github.com/stagedoor/stagedoor/internal/state"
)

// Errors of RoleAssumable, for errors.Is.
var (
	ErrRoleMissing      = errors.New("the role does not exist")
	ErrRoleNotTrusting  = errors.New("the role's trust policy does not let the service assume it")
	ErrRoleCrossAccount = errors.New("the role belongs to another account")
)

// sessionName is the name of the sessions in which API Gateway acts for a REST
// integration (recorded from AWS, rest_integration_credentials.json).
const sessionName = "BackplaneAssumeRoleSession"

// role is what deciding needs of a role.
type role struct {
	rec    *state.Role
	trust  *policy
	inline []*policy // by name
}

func compileRole(_ state.Key, rec *state.Role, _ uint64) *role {
	r := &role{rec: rec, trust: compilePolicy(rec.AssumeRolePolicyDocument)}
	for _, name := range slices.Sorted(maps.Keys(rec.InlinePolicies)) {
		p := compilePolicy(rec.InlinePolicies[name])
		p.name = name
		r.inline = append(r.inline, p)
	}
	return r
}

func compileManaged(_ state.Key, rec *state.ManagedPolicy, _ uint64) *policy {
	version := rec.Versions[rec.DefaultVersion]
	if version == nil {
		return nil
	}
	p := compilePolicy(version.Document)
	p.name, p.revision = rec.ARN, rec.DefaultVersion
	return p
}

// managedCache holds the compiled AWS-managed policies that were asked for.
type managedCache struct{ byARN sync.Map } // string → *policy

// managedPolicy finds an attached policy by its ARN; nil when there is none.
func (g *Grants) managedPolicy(arn string) *policy {
	account, ok := policyAccount(arn)
	if !ok {
		return nil
	}
	if account != "aws" {
		p, _ := g.managed.Get(state.ManagedPolicyKey(account, arn))
		return p
	}
	if known, ok := g.aws.byARN.Load(arn); ok {
		return known.(*policy)
	}
	if g.options.ManagedPolicy == nil {
		return nil
	}
	document, ok := g.options.ManagedPolicy(arn)
	if !ok {
		return nil
	}
	p := compilePolicy(document)
	p.name = arn
	known, _ := g.aws.byARN.LoadOrStore(arn, p)
	return known.(*policy)
}

// policyAccount returns the account part of a policy's ARN, "aws" for
// AWS-managed ones.
func policyAccount(arn string) (string, bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[2] != "iam" {
		return "", false
	}
	return parts[4], true
}

// splitRoleARN returns account and name of arn:aws:iam::ACCOUNT:role/path/NAME.
func splitRoleARN(arn string) (account, name string, ok bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[2] != "iam" || !strings.HasPrefix(parts[5], "role/") {
		return "", "", false
	}
	return parts[4], parts[5][strings.LastIndexByte(parts[5], '/')+1:], true
}

// roleByARN finds a role; nil when there is none, or one with another path.
func (g *Grants) roleByARN(arn string) *role {
	account, name, ok := splitRoleARN(arn)
	if !ok {
		return nil
	}
	r, ok := g.roles.Get(state.RoleKey(account, strings.ToLower(name)))
	if !ok || r.rec.ARN != arn {
		return nil
	}
	return r
}

// assumableBy asks the trust policy. A service that assumes a role sends
// neither aws:SourceArn nor aws:SourceAccount here: API Gateway's AssumeRole
// carries neither, so a trust policy that demands them refuses it (recorded
// from AWS, rest_integration_credentials.json).
func (r *role) assumableBy(service string) bool {
	return evaluateAt(r.trust, trustRequest(r.rec.ARN, service)) == iampolicy.Allow
}

func trustRequest(roleARN, service string) *iampolicy.Request {
	return &iampolicy.Request{
		Principal: iampolicy.Principal{Type: iampolicy.Service, ID: service},
		Action:    "sts:AssumeRole",
		Resource:  roleARN,
		Context: iampolicy.Context{
			{Name: "aws:PrincipalIsAWSService", Values: []string{"true"}},
			{Name: "aws:PrincipalServiceName", Values: []string{service}},
		},
	}
}

// RoleAssumable reports whether a service ("lambda.amazonaws.com") may assume a
// role on behalf of an account: the role exists, belongs to the account and
// trusts the service. The error wraps one of the ErrRole… values; the services
// answer AWS's own sentence instead. With LaxRoles a missing role is accepted.
func (g *Grants) RoleAssumable(account, roleARN, service string) error {
	owner, _, ok := splitRoleARN(roleARN)
	if !ok {
		return fmt.Errorf("%q is no role ARN: %w", roleARN, ErrRoleMissing)
	}
	if owner != account {
		return fmt.Errorf("role %s, account %s: %w", roleARN, account, ErrRoleCrossAccount)
	}
	r := g.roleByARN(roleARN)
	switch {
	case r == nil && g.options.LaxRoles:
		return nil
	case r == nil:
		return fmt.Errorf("role %s: %w", roleARN, ErrRoleMissing)
	case !r.assumableBy(service):
		return fmt.Errorf("role %s, service %s: %w", roleARN, service, ErrRoleNotTrusting)
	}
	return nil
}

// RoleAllows reports whether the role's own policies, within its permissions
// boundary, allow an action on a resource. A missing role allows nothing, or
// everything with LaxRoles.
func (g *Grants) RoleAllows(roleARN, action, resource string) bool {
	r := g.roleByARN(roleARN)
	if r == nil {
		return g.options.LaxRoles
	}
	return g.identityEffect(r, sessionRequest(r, action, resource)) == iampolicy.Allow
}

// sessionRequest is a request by API Gateway in a session of the role.
func sessionRequest(r *role, action, resource string) *iampolicy.Request {
	id, account := r.rec.ID+":"+sessionName, r.rec.Account
	return &iampolicy.Request{
		Principal: iampolicy.Principal{
			Type:     iampolicy.AWS,
			ID:       "arn:aws:sts::" + account + ":assumed-role/" + r.rec.Name + "/" + sessionName,
			Account:  account,
			RoleARN:  r.rec.ARN,
			UniqueID: id,
		},
		Action:   action,
		Resource: resource,
		Context: iampolicy.Context{
			{Name: "aws:PrincipalArn", Values: []string{r.rec.ARN}},
			{Name: "aws:PrincipalAccount", Values: []string{account}},
			{Name: "aws:PrincipalType", Values: []string{"AssumedRole"}},
			{Name: "aws:PrincipalIsAWSService", Values: []string{"false"}},
			{Name: "aws:userid", Values: []string{id}},
		},
	}
}

// policies yields the role's own policies; a managed one that is gone is left
// out.
func (g *Grants) policies(r *role) []*policy {
	all := slices.Clone(r.inline)
	for _, arn := range r.rec.AttachedPolicies {
		if p := g.managedPolicy(arn); p != nil {
			all = append(all, p)
		}
	}
	return all
}

// identityEffect combines the role's own policies and its boundary: a deny
// anywhere wins, and the boundary must allow as well ("Permissions boundaries
// for IAM entities").
func (g *Grants) identityEffect(r *role, req *iampolicy.Request) iampolicy.Effect {
	effect := iampolicy.NoMatch
	for _, p := range g.policies(r) {
		switch evaluateAt(p, req) {
		case iampolicy.Deny:
			return iampolicy.Deny
		case iampolicy.Allow:
			effect = iampolicy.Allow
		}
	}
	if r.rec.PermissionsBoundary == "" {
		return effect
	}
	switch boundary := evaluateAt(g.managedPolicy(r.rec.PermissionsBoundary), req); boundary {
	case iampolicy.Allow:
		return effect
	default:
		return boundary
	}
}

// evaluateAt evaluates p, telling it the time if it asks.
func evaluateAt(p *policy, req *iampolicy.Request) iampolicy.Effect {
	if p == nil || !p.clock {
		return p.evaluate(req)
	}
	timed := *req
	timed.Context = withClock(req.Context, time.Time{})
	return p.evaluate(&timed)
}

// decideWithRole decides a call with `credentials`: the role decides, and in
// another account the function's policy must agree (aws-facts part 5).
func (g *Grants) decideWithRole(c *Call, f *function) Outcome {
	if c.Credentials == CallerCredentials {
		return g.decideCaller(c, f)
	}
	r := g.roleByARN(c.Credentials)
	if r == nil {
		if !g.options.LaxRoles {
			return CannotAssumeRole
		}
	} else if outcome := g.decideSession(c, f, r); outcome != Allowed {
		return outcome
	}
	switch {
	case f == nil:
		return FunctionMissing
	case !g.has(f, c.Qualifier):
		return QualifierMissing
	}
	return Allowed
}

// decideCaller decides a call that is made with the credentials of who signed
// the request.
func (g *Grants) decideCaller(c *Call, f *function) Outcome {
	switch {
	case c.Caller == nil || !EvaluateCaller(c.Caller).Allowed():
		return NoPermission
	case f == nil:
		return FunctionMissing
	case !g.has(f, c.Qualifier):
		return QualifierMissing
	}
	return Allowed
}

func (g *Grants) decideSession(c *Call, f *function, r *role) Outcome {
	if !r.assumableBy(GatewayPrincipal) {
		return CannotAssumeRole
	}
	req := sessionRequest(r, InvokeAction, c.Resource())
	identity, resource := g.identityEffect(r, req), iampolicy.NoMatch
	if f != nil {
		resource = evaluateAt(f.policies[c.Qualifier], req)
	}
	if identity == iampolicy.Deny || resource == iampolicy.Deny {
		return NoPermission
	}
	allowed := identity == iampolicy.Allow
	if functionAccount(c.FunctionARN) != r.rec.Account {
		allowed = allowed && resource == iampolicy.Allow
	} else if r.rec.PermissionsBoundary == "" {
		// unverified: with a boundary a grant in the function's policy alone
		// does not suffice here; AWS distinguishes grants to the role from
		// grants to its session.
		allowed = allowed || resource == iampolicy.Allow
	}
	if !allowed {
		return NoPermission
	}
	return Allowed
}

// functionAccount returns the account of a function's ARN.
func functionAccount(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return ""
	}
	return parts[4]
}

// regionOf returns the region of an ARN.
func regionOf(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return ""
	}
	return parts[3]
}
