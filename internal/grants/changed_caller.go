package grants

import (
	"cmp"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/iampolicy"
	"github.com/stagedoor/stagedoor/internal/state"
)

// changedCaller says what is different from the last state in which a refused
// call of the control plane would have been allowed.
func (g *Grants) changedCaller(refused *CallerRefusal) []Change {
	r := g.newRewindOfCallers()
	if r == nil || refused.Reason != "" {
		return nil
	}
	return r.ask(&callerQuestion{rewind: r, request: refused.Request})
}

// changedAPI is changedCaller for a refused client of a deployed API.
func (g *Grants) changedAPI(refused *APIRefusal) []Change {
	r := g.newRewindOfCallers()
	if r == nil || refused.Outcome == BadCredentials && refused.Code != "MissingAuthenticationTokenException" {
		return nil
	}
	c := &refused.Call
	q := &apiQuestion{call: c, release: r.releaseOf(c.Account, c.Region, c.APIID, c.Stage, c.DeploymentID, c.Canary)}
	if q.release.now == nil {
		return nil
	}
	q.rewind, q.request = r, refused.Request
	return r.ask(q)
}

func (g *Grants) newRewindOfCallers() *rewind {
	if g.past == nil || g.store == nil || g.callers.Load() == nil {
		return nil
	}
	return g.newRewind()
}

// callerQuestion asks again about a caller. What it brought along itself, its
// session's policies among it, is as it was refused.
type callerQuestion struct {
	*rewind
	request *CallerRequest
}

func (q *callerQuestion) concerns(m *moment) bool {
	_, account, kind, name := q.principal()
	switch {
	case m.managed != nil:
		return true
	case m.function != nil:
		return strings.HasPrefix(q.request.Request.Resource, functionARN(m.function))
	case m.role != nil:
		return q.request.Request.Resource == m.role.ARN || kind == "role" && m.key == state.RoleKey(account, name)
	case m.user != nil:
		return kind == "user" && m.key == state.UserKey(account, name)
	case m.group != nil:
		return kind == "user"
	}
	return false
}

// principal is the entity whose policies apply to the caller: its ARN, account,
// kind and name in lower case. kind is "" for whoever has none: the root, and
// who came with a token.
func (q *callerQuestion) principal() (arn, account, kind, name string) {
	p := &q.request.Request.Principal
	if q.request.Root || p.Type != iampolicy.AWS {
		return "", "", "", ""
	}
	arn = p.ID
	if p.RoleARN != "" { // of a session it is the role, or the user who federated
		arn = p.RoleARN
	}
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[2] != "iam" {
		return "", "", "", ""
	}
	kind, path, _ := strings.Cut(parts[5], "/")
	if kind != "user" && kind != "role" {
		return "", "", "", ""
	}
	return arn, parts[4], kind, strings.ToLower(path[strings.LastIndexByte(path, '/')+1:])
}

func (q *callerQuestion) allowed() bool {
	was := q.asked(q.thenCallers)
	q.thenCallers.AddResource(was)
	was.ResourceAccount, was.MustGrant = q.request.ResourceAccount, q.request.MustGrant
	return EvaluateCaller(was).Allowed()
}

// asked is the request with the caller's own policies as c has them, and without
// a policy of the resource.
func (q *callerQuestion) asked(c *Callers) *CallerRequest {
	was := *q.request
	was.Policies.Resource = nil
	_, account, kind, name := q.principal()
	known := &knownPrincipal{}
	switch kind {
	case "user":
		c.user(known, account, name)
	case "role":
		if r, ok := c.g.roles.Get(state.RoleKey(account, name)); ok {
			c.role(known, r)
		}
	default:
		return &was
	}
	was.Policies.Identity, was.Policies.Boundary = known.policies.Identity, known.policies.Boundary
	if now := q.identity(q.rewind.now.callers.Load()); known.identity != nil && now != nil {
		was.Request.Context = withTags(was.Request.Context, now.Tags, known.identity.Tags)
	}
	return &was
}

// identity is the record of the caller's user or role as c has it.
func (q *callerQuestion) identity(c *Callers) *state.Identity {
	_, account, kind, name := q.principal()
	switch kind {
	case "user":
		if u, ok := c.users.Get(state.UserKey(account, name)); ok {
			return u.Identity
		}
	case "role":
		if r, ok := c.g.roles.Get(state.RoleKey(account, name)); ok {
			return &r.rec.Identity
		}
	}
	return nil
}

// withTags is a context whose aws:PrincipalTag keys are those of other tags of
// the caller's user or role; a session's own tags stay.
func withTags(keys iampolicy.Context, now, was map[string]string) iampolicy.Context {
	const prefix = "aws:PrincipalTag/"
	out := slices.DeleteFunc(slices.Clone(keys), func(k iampolicy.ContextKey) bool {
		tag, ok := strings.CutPrefix(k.Name, prefix)
		value, own := now[tag]
		return ok && own && len(k.Values) == 1 && k.Values[0] == value
	})
	for tag, value := range was {
		if len(out.Lookup(prefix+tag)) == 0 {
			out = append(out, iampolicy.ContextKey{Name: prefix + tag, Values: []string{value}})
		}
	}
	return out
}

func (q *callerQuestion) differences(since []moment) []Change {
	add, out := collect(since)
	resource := q.request.Request.Resource
	switch parts := strings.SplitN(resource, ":", 8); {
	case len(parts) >= 7 && parts[2] == "lambda" && parts[5] == "function":
		qualifier := ""
		if len(parts) == 8 && parts[7] != "$LATEST" {
			qualifier = parts[7]
		}
		q.functionDifferences(add, strings.Join(parts[:7], ":"), qualifier, true)
	case q.request.MustGrant:
		q.roleDifferences(add, resource, true, false)
	}
	q.callerDifferences(add)
	return *out
}

// callerDifferences compares the policies of the caller's user or role.
func (q *callerQuestion) callerDifferences(add differ) {
	arn, account, kind, name := q.principal()
	switch kind {
	case "role":
		q.roleDifferences(add, arn, false, true)
	case "user":
		key := state.UserKey(account, name)
		old, ok := q.users.Get(key)
		now, still := q.rewind.now.callers.Load().users.Get(key)
		if !ok || !still {
			return
		}
		q.identityDifferences(add, key, "user "+now.Name, old.Identity, now.Identity)
		q.groupDifferences(add, key, account, old, now)
	}
}

// groupDifferences compares the groups of a user, and what they lend.
func (q *callerQuestion) groupDifferences(add differ, key state.Key, account string, old, now *entity) {
	for _, group := range old.groups {
		if !slices.Contains(now.groups, group) {
			add(key, "group "+group, "", "", "user "+now.Name+" was removed from it")
		}
	}
	for _, group := range now.groups {
		if !slices.Contains(old.groups, group) {
			add(key, "group "+group, "", "", "user "+now.Name+" was added to it")
			continue
		}
		at := state.GroupKey(account, strings.ToLower(group))
		before, was := q.groups.Get(at)
		after, is := q.rewind.now.callers.Load().groups.Get(at)
		if was && is {
			q.identityDifferences(add, at, "group "+group, before.Identity, after.Identity)
		}
	}
}

// apiQuestion asks again about a client of a deployed API: under the resource
// policy, and the authorization of the method, that were deployed at the time.
type apiQuestion struct {
	callerQuestion // its request is nil for somebody who did not say who he is
	release
	call *APICall
}

func (q *apiQuestion) concerns(m *moment) bool {
	if m.stage != nil {
		if m.key == q.key {
			q.release.was = m.stage
		}
		return m.key == q.key
	}
	return q.request != nil && q.callerQuestion.concerns(m)
}

// deployedAt is the policy and the authorization that the release had with its
// stage as given; ok is false when that cannot be told any more.
func (q *apiQuestion) deployedAt(s *state.Stage) (policy *AppliedPolicy, authorization string, ok bool) {
	d, m := q.deployed(q.rewind.now, s, q.call.Method, q.call.ResourcePath)
	if m == nil {
		return nil, "", false
	}
	if d.Policy != nil && *d.Policy != "" {
		policy = NewAPIPolicy(q.call.Region, q.call.Account, q.call.APIID, *d.Policy)
	}
	return policy, m.AuthorizationType, true
}

func (q *apiQuestion) allowed() bool {
	policy, authorization, ok := q.deployedAt(q.release.was)
	switch {
	case !ok:
		return false
	case authorization != "AWS_IAM" && policy == nil:
		return true
	case authorization != "AWS_IAM":
		was := q.call.AnonymousRequest()
		was.Policies.Resource = policy
		return EvaluateCaller(was).Allowed()
	case q.request == nil || q.request.Request.Principal.Type != iampolicy.AWS:
		return false // the method wanted a signature then, and there is none
	}
	was := q.asked(q.thenCallers)
	was.Policies.Resource = policy
	return EvaluateCaller(was).Allowed()
}

func (q *apiQuestion) differences(since []moment) []Change {
	add, out := collect(since)
	q.release.differences(add)
	before, asked, _ := q.deployedAt(q.release.was)
	after, asks, ok := q.deployedAt(q.release.now)
	if !ok {
		return *out
	}
	add(q.key, "authorization of "+q.call.Method+" "+q.call.ResourcePath, asked, asks, "")
	switch from, to := documentOf(before), documentOf(after); {
	case from == to:
	case from == "":
		add(q.key, "deployed resource policy of the API", "", "", "there was none")
	case to == "":
		add(q.key, "deployed resource policy of the API", "", "", "there is none any more")
	default:
		add(q.key, "deployed resource policy of the API", "", "", cmp.Or(statementChanges(from, to), "it was replaced"))
	}
	if q.request != nil {
		q.callerDifferences(add)
	}
	return *out
}
