package grants

import (
	"encoding/json"
	"strings"

	"github.com/stagedoor/stagedoor/iampolicy"
)

// explainRole is the case of an integration with credentials.
func (x *explainer) explainRole() {
	c := x.c
	if c.Credentials == CallerCredentials {
		x.explainCaller()
		return
	}
	r := x.g.roleByARN(c.Credentials)
	if r == nil {
		x.roleMissing()
		return
	}
	trust := trustRequest(c.Credentials, GatewayPrincipal)
	x.context(trust)
	x.read(TrustPolicy, c.Credentials, r.trust, trust)
	if x.d.Outcome == CannotAssumeRole {
		x.d.Action, x.d.Resource = trust.Action, c.Credentials
		x.pickNearest(0)
		x.trustCause(r)
		return
	}
	x.d.Statements = []Statement{} // the trust policy agreed: the rest is about the role's rights
	req := sessionRequest(r, InvokeAction, c.Resource())
	x.d.Principal = req.Principal.ID
	x.context(req)
	x.readRolePolicies(r, req)
	switch {
	case x.d.Outcome == Allowed:
		x.allowed()
	case x.d.Outcome == FunctionMissing:
		x.functionMissing()
	case x.d.Outcome == QualifierMissing:
		x.qualifierMissing()
	default:
		x.rolePolicyCause(r, req)
	}
}

// explainCaller is the case of an integration that passes the caller's own
// credentials on.
func (x *explainer) explainCaller() {
	c := x.c
	switch {
	case c.Caller == nil && c.RequestID == "":
		x.cause(CauseCaller, "The integration passes the caller's own credentials on (%s): whether a call is allowed depends on who calls.", CallerCredentials)
		return
	case c.Caller == nil:
		x.cause(CauseCaller, "The integration passes the caller's own credentials on (%s), and nobody signed the request: the method must ask for a signature (AWS_IAM).", CallerCredentials)
		x.note("Or give the integration a role, or no credentials, so that the function's policy decides.")
		return
	}
	q, v := &c.Caller.Request, EvaluateCaller(c.Caller)
	refusal := &CallerRefusal{Request: c.Caller, Verdict: v}
	x.d.Principal = q.Principal.ID
	x.context(q)
	for _, p := range refusal.read() {
		at := x.read(p.Kind, p.Owner, p.policy, q)
		x.d.Policies[at].Missing = p.err != nil && p.document == ""
	}
	refusal.nearest(x.d)
	switch x.d.Outcome {
	case Allowed:
		x.cause(CauseAllowed, "The policies of %s allow the call.", callerName(q.Principal.ID))
	case FunctionMissing:
		x.functionMissing()
	case QualifierMissing:
		x.qualifierMissing()
	default:
		x.cause(CauseCaller, "The integration passes the caller's own credentials on, and %s may not call %s%s.", callerName(q.Principal.ID), x.target(), v.Reason(InvokeAction))
		if v.Basis == NothingAllows && policyTypes[v.Kind] == policyTypes[UserPolicy] {
			refusal.fixIdentity(x)
		}
	}
}

func (x *explainer) readRolePolicies(r *role, req *iampolicy.Request) {
	for _, p := range x.g.policies(r) {
		x.read(RolePolicy, r.rec.ARN, p, req)
	}
	if arn := r.rec.PermissionsBoundary; arn != "" {
		x.read(Boundary, arn, x.g.managedPolicy(arn), req)
	}
	if x.f != nil {
		if p := x.f.policies[x.c.Qualifier]; p != nil || functionAccount(x.c.FunctionARN) != r.rec.Account {
			x.read(FunctionPolicy, x.c.Resource(), p, req)
		}
	}
	x.nearestOfAll()
}

// nearestOfAll picks among the statements of several policies: one that denies,
// then the nearest Allow.
func (x *explainer) nearestOfAll() {
	best := 1 << 30
	for i := range x.d.Statements {
		s := &x.d.Statements[i]
		switch {
		case s.Matched && s.Effect == iampolicy.Deny:
			x.d.Nearest = i
			return
		case s.Effect == iampolicy.Allow && s.Distance < best:
			x.d.Nearest, best = i, s.Distance
		}
	}
}

func (x *explainer) roleMissing() {
	c := x.c
	account, name, ok := splitRoleARN(c.Credentials)
	if !ok {
		x.cause(CauseRoleMissing, "The integration's credentials %q are no role ARN.", c.Credentials)
		return
	}
	x.cause(CauseRoleMissing, "The integration's role %s does not exist in account %s.", name, account)
	for _, r := range x.g.roles.All() {
		if r.rec.Account == account && r.rec.Name == name {
			x.note("There is a role of that name with another path: %s.", r.rec.ARN)
			return
		}
	}
	x.d.Fix = append(x.d.Fix,
		command("aws", "iam", "create-role", "--role-name", name, "--assume-role-policy-document",
			`{"Version":"2012-10-17","Statement":[`+trustStatement+`]}`),
		x.putRolePolicy(name))
}

// trustStatement is what lets API Gateway assume a role.
const trustStatement = `{"Effect":"Allow","Principal":{"Service":"` + GatewayPrincipal + `"},"Action":"sts:AssumeRole"}`

// trustCause explains a trust policy that does not let API Gateway in.
func (x *explainer) trustCause(r *role) {
	name := r.rec.Name
	s := x.d.NearestMiss()
	switch {
	case x.d.Policies[0].Error != "":
		x.cause(CausePolicyUnreadable, "The trust policy of role %s cannot be read: %s.", name, x.d.Policies[0].Error)
	case s != nil && s.Effect == iampolicy.Deny && s.Matched:
		x.cause(CauseDenied, "Statement %s of the trust policy of role %s denies API Gateway the role.", statementName(s), name)
		return
	case s != nil && demandsSource(s):
		x.cause(CauseRoleTrustKeys, "The trust policy of role %s demands aws:SourceArn or aws:SourceAccount, and API Gateway sends neither when it assumes a role.", name)
		if doc, ok := withoutSourceKeys(r.trust.document); ok {
			x.d.Fix = append(x.d.Fix, updateTrust(name, doc))
		}
		return
	default:
		x.cause(CauseRoleTrust, "The trust policy of role %s does not let %s assume it.", name, GatewayPrincipal)
	}
	x.d.Fix = append(x.d.Fix, updateTrust(name, withTrustStatement(r.trust.document)))
}

// demandsSource reports whether the SourceArn and SourceAccount conditions are
// all that a trust statement fails in (denials.md cause 51).
func demandsSource(s *Statement) bool {
	failed := s.Failed()
	for i := range failed {
		if !isSourceKey(failed[i].Key) {
			return false
		}
	}
	return len(failed) > 0
}

func isSourceKey(key string) bool {
	return strings.EqualFold(key, "aws:SourceArn") || strings.EqualFold(key, "aws:SourceAccount")
}

func updateTrust(name, document string) string {
	return command("aws", "iam", "update-assume-role-policy", "--role-name", name, "--policy-document", document)
}

// trustDocument is a document taken apart as far as the fixes need it; what
// they do not touch stays as it is.
type trustDocument struct {
	Version   string            `json:"Version"`
	ID        string            `json:"Id,omitempty"`
	Statement []json.RawMessage `json:"Statement"`
}

func readTrust(document string) (d trustDocument) {
	var outer struct {
		Version   string          `json:"Version"`
		ID        string          `json:"Id"`
		Statement json.RawMessage `json:"Statement"`
	}
	d.Version = "2012-10-17"
	if json.Unmarshal([]byte(document), &outer) != nil {
		return d
	}
	if outer.Version != "" {
		d.Version = outer.Version
	}
	d.ID = outer.ID
	if json.Unmarshal(outer.Statement, &d.Statement) != nil {
		d.Statement = []json.RawMessage{outer.Statement} // a single statement without a list
	}
	return d
}

func (d trustDocument) write() string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(d) != nil {
		return ""
	}
	return strings.TrimSpace(b.String())
}

// withTrustStatement adds the statement that lets API Gateway in and keeps the
// others: update-assume-role-policy replaces the whole document.
func withTrustStatement(document string) string {
	d := readTrust(document)
	d.Statement = append(d.Statement, json.RawMessage(trustStatement))
	return d.write()
}

// withoutSourceKeys removes the conditions on aws:SourceArn and
// aws:SourceAccount.
func withoutSourceKeys(document string) (string, bool) {
	d := readTrust(document)
	for i, raw := range d.Statement {
		var s map[string]json.RawMessage
		var conditions map[string]map[string]json.RawMessage
		if json.Unmarshal(raw, &s) != nil || json.Unmarshal(s["Condition"], &conditions) != nil {
			continue
		}
		for operator, keys := range conditions {
			for key := range keys {
				if isSourceKey(key) {
					delete(keys, key)
				}
			}
			if len(keys) == 0 {
				delete(conditions, operator)
			}
		}
		delete(s, "Condition")
		if len(conditions) > 0 {
			s["Condition"], _ = json.Marshal(conditions)
		}
		changed, err := json.Marshal(s)
		if err != nil {
			return "", false
		}
		d.Statement[i] = changed
	}
	return d.write(), true
}

// rolePolicyCause explains a role that was assumed and may not invoke.
func (x *explainer) rolePolicyCause(r *role, req *iampolicy.Request) {
	name, c := r.rec.Name, x.c
	if s := x.d.NearestMiss(); s != nil && s.Matched && s.Effect == iampolicy.Deny {
		x.cause(CauseDenied, "Statement %s of %s denies the call.", statementName(s), x.policyName(s.Policy))
		return
	}
	identity := x.identityWithoutBoundary(r, req)
	switch {
	case identity && x.g.identityEffect(r, req) != iampolicy.Allow:
		x.cause(CauseRoleBoundary, "The role %s allows the call, but its permissions boundary %s does not.", name, r.rec.PermissionsBoundary)
	case identity:
		x.cause(CauseCrossAccount, "The role %s allows the call, but the function belongs to another account, and then its policy must allow the role as well.", name)
		x.d.Fix = append(x.d.Fix, x.addPermission(x.f.policy(c.Qualifier), "", r.rec.ARN))
	case c.Qualifier != "" && x.g.RoleAllows(r.rec.ARN, InvokeAction, c.FunctionARN):
		x.cause(CauseRoleQualifier, "The role %s may invoke the bare function, but the integration calls %s, which is another resource.", name, x.target())
		x.d.Fix = append(x.d.Fix, x.putRolePolicy(name))
	default:
		x.cause(CauseRolePolicy, "No policy of the role %s allows %s on %s.", name, InvokeAction, c.Resource())
		x.d.Fix = append(x.d.Fix, x.putRolePolicy(name))
	}
}

func (f *function) policy(qualifier string) *policy {
	if f == nil {
		return nil
	}
	return f.policies[qualifier]
}

func (x *explainer) identityWithoutBoundary(r *role, req *iampolicy.Request) bool {
	for _, p := range x.g.policies(r) {
		if evaluateAt(p, req) == iampolicy.Allow {
			return true
		}
	}
	return false
}

func (x *explainer) policyName(index int) string {
	p := x.d.Policies[index]
	if p.Name != "" {
		return "policy " + p.Name
	}
	return "the " + string(p.Kind) + " of " + p.Owner
}

// putRolePolicy grants the function with and without qualifier: an alias is a
// resource of its own (denials.md cause 24).
func (x *explainer) putRolePolicy(role string) string {
	arn := x.c.FunctionARN
	return command("aws", "iam", "put-role-policy", "--role-name", role, "--policy-name", "invoke-"+functionName(arn),
		"--policy-document", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"`+InvokeAction+`","Resource":["`+arn+`","`+arn+`:*"]}]}`)
}
