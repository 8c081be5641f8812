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
	return next != nil && old.ARN == next.ARN && old.ID == next.ID &&
		old.AssumeRolePolicyDocument == next.AssumeRolePolicyDocument &&
		old.PermissionsBoundary == next.PermissionsBoundary &&
		maps.Equal(old.InlinePolicies, next.InlinePolicies) &&
		slices.Equal(old.AttachedPolicies, next.AttachedPolicies)
}

func sameManaged(old, next *state.ManagedPolicy) bool {
	if next == nil || old.DefaultVersion != next.DefaultVersion {
		return false
	}
	a, b := old.Versions[old.DefaultVersion], next.Versions[next.DefaultVersion]
	return a == b || a != nil && b != nil && a.Document == b.Document
}

func sameTarget(old, next *state.Stage) bool {
	return next != nil && old.DeploymentID == next.DeploymentID && maps.Equal(old.Variables, next.Variables)
}

// differences says what is different now, in the order in which a call meets
// it. since are the moments that were undone, oldest first.
func (r *rewind) differences(since []moment) []Change {
	var out []Change
	add := func(key state.Key, what, from, to, detail string) {
		if from != to || detail != "" {
			out = append(out, Change{What: what, From: from, To: to, Detail: detail, Time: latest(since, key)})
		}
	}
	if r.stage != r.stageNow {
		r.stageDifferences(add)
	}
	if r.was.Resource() != r.call.Resource() {
		add(r.stageKey, "function that the method calls", targetName(functionName(r.was.FunctionARN), r.was.Qualifier),
			targetName(functionName(r.call.FunctionARN), r.call.Qualifier), "")
		return out
	}
	if r.was.Credentials != r.call.Credentials {
		add(r.stageKey, "role of the integration", r.was.Credentials, r.call.Credentials, "")
		return out
	}
	r.functionDifferences(add)
	if r.call.Credentials != "" {
		r.roleDifferences(add)
	}
	return out
}

// differ takes one difference.
type differ func(key state.Key, what, from, to, detail string)

func (r *rewind) stageDifferences(add differ) {
	old, now := r.stage, r.stageNow
	add(r.stageKey, "deployment of stage "+now.Name, old.DeploymentID, now.DeploymentID, "")
	names := slices.Sorted(maps.Keys(old.Variables))
	for _, name := range slices.Sorted(maps.Keys(now.Variables)) {
		if _, ok := old.Variables[name]; !ok {
			names = append(names, name)
		}
	}
	for _, name := range names {
		add(r.stageKey, "stage variable "+name+" of "+now.Name, old.Variables[name], now.Variables[name], "")
	}
}

func (r *rewind) functionDifferences(add differ) {
	c := r.call
	key := keyOfFunction(c.FunctionARN)
	old, now := r.then.functionByARN(c.FunctionARN), r.now.functionByARN(c.FunctionARN)
	name := functionName(c.FunctionARN)
	switch {
	case old == nil || old == now:
		return
	case now == nil:
		add(key, "function "+name, "", "", "it was deleted")
		return
	case old.rec.ID != now.rec.ID:
		add(key, "function "+name, "", "", "it was deleted and created again, and the grants went with the old one")
	}
	if c.Credentials == "" {
		before, after := old.rec.Policies[c.Qualifier], now.rec.Policies[c.Qualifier]
		from, to := policyOrNone(before), policyOrNone(after)
		if from != to {
			add(key, "policy of "+targetName(name, c.Qualifier), from.RevisionID, to.RevisionID, statementChanges(from.Document, to.Document))
		}
	}
	if c.Qualifier != "" {
		add(key, targetName(name, c.Qualifier), aliasVersion(old.rec, c.Qualifier), aliasVersion(now.rec, c.Qualifier), "")
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

func (r *rewind) roleDifferences(add differ) {
	old, now := r.then.roleByARN(r.call.Credentials), r.now.roleByARN(r.call.Credentials)
	if old == nil {
		return
	}
	key := state.RoleKey(old.rec.Account, strings.ToLower(old.rec.Name))
	name := old.rec.Name
	if now == nil {
		add(key, "role "+name, "", "", "it was deleted")
		return
	}
	if old.rec.AssumeRolePolicyDocument != now.rec.AssumeRolePolicyDocument {
		add(key, "trust policy of role "+name, "", "", cmp.Or(statementChanges(old.rec.AssumeRolePolicyDocument, now.rec.AssumeRolePolicyDocument), "it was replaced"))
	}
	add(key, "permissions boundary of role "+name, old.rec.PermissionsBoundary, now.rec.PermissionsBoundary, "")
	for _, policy := range slices.Sorted(maps.Keys(old.rec.InlinePolicies)) {
		switch document, ok := now.rec.InlinePolicies[policy]; {
		case !ok:
			add(key, "policy "+policy+" of role "+name, "", "", "it was deleted")
		case document != old.rec.InlinePolicies[policy]:
			add(key, "policy "+policy+" of role "+name, "", "", cmp.Or(statementChanges(old.rec.InlinePolicies[policy], document), "it was replaced"))
		}
	}
	for _, policy := range slices.Sorted(maps.Keys(now.rec.InlinePolicies)) {
		if _, ok := old.rec.InlinePolicies[policy]; !ok {
			add(key, "policy "+policy+" of role "+name, "", "", "it was added")
		}
	}
	r.attachedDifferences(key, old.rec, now.rec, add)
}

// attachedDifferences compares the managed policies of a role.
func (r *rewind) attachedDifferences(key state.Key, old, now *state.Role, add differ) {
	for _, arn := range old.AttachedPolicies {
		if !slices.Contains(now.AttachedPolicies, arn) {
			add(key, "policy "+arn, "", "", "it was detached from role "+now.Name)
		}
	}
	for _, arn := range now.AttachedPolicies {
		if !slices.Contains(old.AttachedPolicies, arn) {
			add(key, "policy "+arn, "", "", "it was attached to role "+now.Name)
			continue
		}
		before, after := r.then.managedPolicy(arn), r.now.managedPolicy(arn)
		account, _ := policyAccount(arn)
		switch {
		case before == nil || account == "aws":
		case after == nil:
			add(state.ManagedPolicyKey(account, arn), "policy "+arn, "", "", "it was deleted")
		case before.document != after.document:
			add(state.ManagedPolicyKey(account, arn), "policy "+arn, before.revision, after.revision, cmp.Or(statementChanges(before.document, after.document), "it was replaced"))
		}
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
