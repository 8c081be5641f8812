package grants

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/state"
)

// sameGrants reports whether nothing changed that decides a call of a function,
// or that tells which code it runs.
func sameGrants(old, next *state.Function) bool {
	return next != nil && old.ID == next.ID &&
		maps.EqualFunc(old.Policies, next.Policies, func(a, b *state.FunctionPolicy) bool {
			return a == b || a != nil && b != nil && *a == *b
		}) &&
		maps.EqualFunc(old.Aliases, next.Aliases, func(a, b *state.Alias) bool {
			return a == b || a != nil && b != nil && a.FunctionVersion == b.FunctionVersion
		})
}

func sameRole(old, next *state.Role) bool {
	return next != nil && sameIdentity(&old.Identity, &next.Identity) && old.AssumeRolePolicyDocument == next.AssumeRolePolicyDocument
}

func sameIdentity(old, next *state.Identity) bool {
	return old.ARN == next.ARN && old.ID == next.ID && old.PermissionsBoundary == next.PermissionsBoundary &&
		maps.Equal(old.InlinePolicies, next.InlinePolicies) && slices.Equal(old.AttachedPolicies, next.AttachedPolicies) && maps.Equal(old.Tags, next.Tags)
}

func sameManaged(old, next *state.ManagedPolicy) bool {
	if next == nil || old.DefaultVersion != next.DefaultVersion {
		return false
	}
	a, b := old.Versions[old.DefaultVersion], next.Versions[next.DefaultVersion]
	return a == b || a != nil && b != nil && a.Document == b.Document
}

func sameTarget(old, next *state.Stage) bool {
	return next != nil && old.DeploymentID == next.DeploymentID && maps.Equal(old.Variables, next.Variables) && sameCanary(old.Canary, next.Canary)
}

// sameCanary: how many of the requests reach a canary makes none of them allowed.
func sameCanary(old, next *state.CanarySettings) bool {
	return old == next || old != nil && next != nil && old.DeploymentID == next.DeploymentID && maps.Equal(old.StageVariableOverrides, next.StageVariableOverrides)
}

// differ takes one difference.
type differ func(key state.Key, what, from, to, detail string)

// collect returns a differ and the list that it fills.
func collect(since []moment) (differ, *[]Change) {
	out := &[]Change{}
	return func(key state.Key, what, from, to, detail string) {
		if from != to || detail != "" {
			*out = append(*out, Change{What: what, From: from, To: to, Detail: detail, Time: latest(since, key)})
		}
	}, out
}

// differences says what is different now, in the order in which a call meets
// it.
func (q *callQuestion) differences(since []moment) []Change {
	add, out := collect(since)
	q.release.differences(add)
	switch {
	case q.was.Resource() != q.call.Resource():
		add(q.key, "function that the method calls", targetName(functionName(q.was.FunctionARN), q.was.Qualifier),
			targetName(functionName(q.call.FunctionARN), q.call.Qualifier), "")
		return *out
	case q.was.Credentials != q.call.Credentials:
		add(q.key, "role of the integration", q.was.Credentials, q.call.Credentials, "")
		return *out
	}
	q.functionDifferences(add, q.call.FunctionARN, q.call.Qualifier, q.call.Credentials == "")
	if q.call.Credentials != "" {
		q.roleDifferences(add, q.call.Credentials, true, true)
	}
	return *out
}

// functionDifferences compares what decides calls of a function, and which code
// they run.
func (r *rewind) functionDifferences(add differ, arn, qualifier string, policy bool) {
	key := keyOfFunction(arn)
	old, now := r.then.functionByARN(arn), r.now.functionByARN(arn)
	name := functionName(arn)
	switch {
	case old == nil || old == now:
		return
	case now == nil:
		add(key, "function "+name, "", "", "it was deleted")
		return
	case old.rec.ID != now.rec.ID:
		add(key, "function "+name, "", "", "it was deleted and created again, and the grants went with the old one")
	}
	if policy {
		before, after := old.rec.Policies[qualifier], now.rec.Policies[qualifier]
		from, to := policyOrNone(before), policyOrNone(after)
		if from != to {
			add(key, "policy of "+targetName(name, qualifier), from.RevisionID, to.RevisionID, statementChanges(from.Document, to.Document))
		}
	}
	if qualifier != "" {
		add(key, targetName(name, qualifier), aliasVersion(old.rec, qualifier), aliasVersion(now.rec, qualifier), "")
	}
}

func policyOrNone(p *state.FunctionPolicy) state.FunctionPolicy {
	if p == nil {
		return state.FunctionPolicy{}
	}
	return *p
}

func aliasVersion(f *state.Function, alias string) string {
	if a := f.Aliases[alias]; a != nil {
		return a.FunctionVersion
	}
	return ""
}

// roleDifferences compares a role: whom it trusts, and what it may do.
func (r *rewind) roleDifferences(add differ, arn string, trust, policies bool) {
	old, now := r.then.roleByARN(arn), r.now.roleByARN(arn)
	if old == nil {
		return
	}
	key := state.RoleKey(old.rec.Account, strings.ToLower(old.rec.Name))
	name := "role " + old.rec.Name
	if now == nil {
		add(key, name, "", "", "it was deleted")
		return
	}
	if trust && old.rec.AssumeRolePolicyDocument != now.rec.AssumeRolePolicyDocument {
		add(key, "trust policy of "+name, "", "", cmp.Or(statementChanges(old.rec.AssumeRolePolicyDocument, now.rec.AssumeRolePolicyDocument), "it was replaced"))
	}
	if policies {
		r.identityDifferences(add, key, name, &old.rec.Identity, &now.rec.Identity)
	}
}

// identityDifferences compares the policies of a user, group or role.
func (r *rewind) identityDifferences(add differ, key state.Key, name string, old, now *state.Identity) {
	add(key, "permissions boundary of "+name, old.PermissionsBoundary, now.PermissionsBoundary, "")
	for _, policy := range slices.Sorted(maps.Keys(old.InlinePolicies)) {
		switch document, ok := now.InlinePolicies[policy]; {
		case !ok:
			add(key, "policy "+policy+" of "+name, "", "", "it was deleted")
		case document != old.InlinePolicies[policy]:
			add(key, "policy "+policy+" of "+name, "", "", cmp.Or(statementChanges(old.InlinePolicies[policy], document), "it was replaced"))
		}
	}
	for _, policy := range slices.Sorted(maps.Keys(now.InlinePolicies)) {
		if _, ok := old.InlinePolicies[policy]; !ok {
			add(key, "policy "+policy+" of "+name, "", "", "it was added")
		}
	}
	for _, arn := range old.AttachedPolicies {
		if !slices.Contains(now.AttachedPolicies, arn) {
			add(key, "policy "+arn, "", "", "it was detached from "+name)
		}
	}
	for _, arn := range now.AttachedPolicies {
		if !slices.Contains(old.AttachedPolicies, arn) {
			add(key, "policy "+arn, "", "", "it was attached to "+name)
			continue
		}
		r.managedDifferences(add, arn)
	}
	if now.PermissionsBoundary == old.PermissionsBoundary {
		r.managedDifferences(add, now.PermissionsBoundary)
	}
	for _, tag := range slices.Sorted(maps.Keys(old.Tags)) {
		add(key, "tag "+tag+" of "+name, old.Tags[tag], now.Tags[tag], "")
	}
	for _, tag := range slices.Sorted(maps.Keys(now.Tags)) {
		if _, ok := old.Tags[tag]; !ok {
			add(key, "tag "+tag+" of "+name, "", now.Tags[tag], "")
		}
	}
}

// managedDifferences compares a managed policy of a customer's.
func (r *rewind) managedDifferences(add differ, arn string) {
	account, _ := policyAccount(arn)
	before, after := r.then.managedPolicy(arn), r.now.managedPolicy(arn)
	switch {
	case before == nil || account == "aws":
	case after == nil:
		add(state.ManagedPolicyKey(account, arn), "policy "+arn, "", "", "it was deleted")
	case before.document != after.document:
		add(state.ManagedPolicyKey(account, arn), "policy "+arn, before.revision, after.revision, cmp.Or(statementChanges(before.document, after.document), "it was replaced"))
	}
}

// latest is when the record under key changed last.
func latest(since []moment, key state.Key) time.Time {
	for _, m := range slices.Backward(since) {
		if m.key == key {
			return m.until
		}
	}
	return since[0].until
}

// statementChanges compares two policies by the Sids of their statements:
// "statements api, jobs removed; statement other added". "" where only
// statements without a Sid differ, or none.
func statementChanges(old, now string) string {
	before, after := statementsBySid(old), statementsBySid(now)
	var removed, added, changed []string
	for _, sid := range slices.Sorted(maps.Keys(before)) {
		switch text, ok := after[sid]; {
		case !ok:
			removed = append(removed, sid)
		case text != before[sid]:
			changed = append(changed, sid)
		}
	}
	for _, sid := range slices.Sorted(maps.Keys(after)) {
		if _, ok := before[sid]; !ok {
			added = append(added, sid)
		}
	}
	var parts []string
	for _, p := range []struct {
		sids []string
		verb string
	}{{removed, "removed"}, {changed, "changed"}, {added, "added"}} {
		if len(p.sids) > 0 {
			noun := "statement "
			if len(p.sids) > 1 {
				noun = "statements "
			}
			parts = append(parts, noun+strings.Join(p.sids, ", ")+" "+p.verb)
		}
	}
	return strings.Join(parts, "; ")
}

// statementsBySid returns the statements that have a Sid, as compact JSON.
func statementsBySid(document string) map[string]string {
	var policy struct{ Statement json.RawMessage }
	if json.Unmarshal([]byte(document), &policy) != nil {
		return nil // an unreadable policy has no statements to name
	}
	var many []json.RawMessage
	if json.Unmarshal(policy.Statement, &many) != nil {
		many = []json.RawMessage{policy.Statement}
	}
	out := map[string]string{}
	for _, raw := range many {
		var statement map[string]any
		if json.Unmarshal(raw, &statement) != nil {
			continue
		}
		sid, _ := statement["Sid"].(string)
		text, err := json.Marshal(statement) // keys sorted: their order means nothing
		if sid != "" && err == nil {
			out[sid] = string(text)
		}
	}
	return out
}
