package grants

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/stagedoor/stagedoor/iampolicy"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

func policyNamed(sid, effect, action string) string {
	return `{"Version":"2012-10-17","Statement":[{"Sid":"` + sid + `","Effect":"` + effect + `","Action":"` + action + `","Resource":"*"}]}`
}

// callerWorld is an account with ada, who is in the group Devs, and the role
// job, all of which may list functions; and a function "one" that has a policy.
type callerWorld struct {
	t       *testing.T
	g       *Grants
	s       *store.Store
	callers *Callers
}

const ownManaged = "arn:aws:iam::000000000000:policy/own"

func newCallerWorld(t *testing.T) *callerWorld {
	t.Helper()
	g, s := newGrants(t, Options{})
	w := &callerWorld{t, g, s, NewCallers(g)}
	put(t, s, state.UserKey("000000000000", "ada"), userRecord("ada", func(u *state.User) {
		u.InlinePolicies = map[string]string{"list": policyNamed("list", "Allow", "lambda:ListFunctions")}
		u.Groups, u.AttachedPolicies, u.Tags = []string{"Devs"}, []string{ownManaged}, map[string]string{"team": "eng"}
	}))
	put(t, s, state.GroupKey("000000000000", "devs"), &state.Group{Identity: state.Identity{Account: "000000000000", Name: "Devs", ARN: "arn:aws:iam::000000000000:group/Devs",
		InlinePolicies: map[string]string{"layers": policyNamed("layers", "Allow", "lambda:ListLayers")}}})
	w.managed("v1", "lambda:GetFunction")
	put(t, s, state.RoleKey("000000000000", "job"), &state.Role{
		Identity: state.Identity{Account: "000000000000", Path: "/", Name: "job", ID: "AROAJOB", ARN: "arn:aws:iam::000000000000:role/job",
			InlinePolicies: map[string]string{"list": policyNamed("list", "Allow", "lambda:ListFunctions")}},
		AssumeRolePolicyDocument: `{"Version":"2012-10-17","Statement":[{"Sid":"ada","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:user/ada"},"Action":"sts:AssumeRole"}]}`,
	})
	return w
}

func (w *callerWorld) managed(version, action string) {
	w.t.Helper()
	put(w.t, w.s, state.ManagedPolicyKey("000000000000", ownManaged), &state.ManagedPolicy{ARN: ownManaged, DefaultVersion: version,
		Versions: map[string]*state.PolicyVersion{version: {Document: policyNamed("own", "Allow", action)}}})
}

func (w *callerWorld) user(change func(*state.User)) {
	w.t.Helper()
	if _, err := store.Update(w.t.Context(), w.s, state.UserKey("000000000000", "ada"), func(u *state.User) error { change(u); return nil }); err != nil {
		w.t.Fatal(err)
	}
}

func (w *callerWorld) role(change func(*state.Role)) {
	w.t.Helper()
	if _, err := store.Update(w.t.Context(), w.s, state.RoleKey("000000000000", "job"), func(r *state.Role) error { change(r); return nil }); err != nil {
		w.t.Fatal(err)
	}
}

// ask asks for who and records the refusal, as the control plane does.
func (w *callerWorld) ask(who *Who, action, resource string) []Change {
	w.t.Helper()
	q := w.callers.Request(who, action, resource, nil, time.Now())
	v := EvaluateCaller(q)
	if v.Allowed() {
		w.t.Fatalf("%s may do %s", who.ARN, action)
	}
	w.callers.Refuse(&CallerRefusal{Request: q, Verdict: v, Operation: "x " + action})
	all, err := w.g.Decisions(w.t.Context(), 1)
	if err != nil || len(all) != 1 {
		w.t.Fatalf("%d decisions, %v", len(all), err)
	}
	return all[0].Changed
}

func jobSession() *Who {
	return &Who{Account: "000000000000", Region: "us-east-1", ARN: "arn:aws:sts::000000000000:assumed-role/job/run", UserID: "AROAJOB:run"}
}

// What is different since a refused caller was last allowed.
func TestChangedCallers(t *testing.T) {
	list, job := "lambda:ListFunctions", "arn:aws:iam::000000000000:role/job"
	for _, c := range []struct {
		name             string
		edit             func(w *callerWorld)
		who              *Who
		action, resource string
		want             []Change
	}{
		{"never allowed", func(w *callerWorld) { w.user(func(u *state.User) { u.Tags = nil }) }, whoIs("ada"), "lambda:DeleteFunction", "*", nil},
		{"another's policy", func(w *callerWorld) { w.role(func(r *state.Role) { r.InlinePolicies = nil }) }, whoIs("ada"), "lambda:DeleteFunction", "*", nil},
		{"inline policy deleted", func(w *callerWorld) { w.user(func(u *state.User) { u.InlinePolicies = nil }) }, whoIs("ada"), list, "*",
			[]Change{{What: "policy list of user ada", Detail: "it was deleted"}}},
		{"inline policy that denies", func(w *callerWorld) {
			w.user(func(u *state.User) { u.InlinePolicies["no"] = policyNamed("no", "Deny", "lambda:List*") })
		}, whoIs("ada"), list, "*", []Change{{What: "policy no of user ada", Detail: "it was added"}}},
		{"inline policy changed, twice", func(w *callerWorld) {
			w.user(func(u *state.User) { u.InlinePolicies["list"] = policyNamed("list", "Allow", "lambda:List") })
			w.user(func(u *state.User) { u.InlinePolicies["list"] = policyNamed("list", "Allow", "lambda:L") })
		}, whoIs("ada"), list, "*", []Change{{What: "policy list of user ada", Detail: "statement list changed"}}},
		{"managed policy, another version", func(w *callerWorld) { w.managed("v2", "lambda:Get") }, whoIs("ada"), "lambda:GetFunction", "*",
			[]Change{{What: "policy " + ownManaged, From: "v1", To: "v2", Detail: "statement own changed"}}},
		{"managed policy detached", func(w *callerWorld) { w.user(func(u *state.User) { u.AttachedPolicies = nil }) }, whoIs("ada"), "lambda:GetFunction", "*",
			[]Change{{What: "policy " + ownManaged, Detail: "it was detached from user ada"}}},
		{"out of the group", func(w *callerWorld) { w.user(func(u *state.User) { u.Groups = nil }) }, whoIs("ada"), "lambda:ListLayers", "*",
			[]Change{{What: "group Devs", Detail: "user ada was removed from it"}}},
		{"the group's policy", func(w *callerWorld) {
			put(w.t, w.s, state.GroupKey("000000000000", "devs"), &state.Group{Identity: state.Identity{Account: "000000000000", Name: "Devs", ARN: "arn:aws:iam::000000000000:group/Devs"}})
		}, whoIs("ada"), "lambda:ListLayers", "*", []Change{{What: "policy layers of group Devs", Detail: "it was deleted"}}},
		{"a boundary", func(w *callerWorld) { w.user(func(u *state.User) { u.PermissionsBoundary = ownManaged }) }, whoIs("ada"), list, "*",
			[]Change{{What: "permissions boundary of user ada", To: ownManaged}}},
		{"the boundary's policy", func(w *callerWorld) {
			w.managed("v2", list)
			w.user(func(u *state.User) { u.PermissionsBoundary, u.AttachedPolicies = ownManaged, nil })
			w.managed("v3", "lambda:Get")
		}, whoIs("ada"), list, "*", []Change{{What: "policy " + ownManaged, From: "v2", To: "v3", Detail: "statement own changed"}}},
		{"a tag that a condition wants", func(w *callerWorld) {
			w.user(func(u *state.User) {
				u.InlinePolicies["list"] = `{"Version":"2012-10-17","Statement":[{"Sid":"list","Effect":"Allow","Action":"lambda:*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"eng"}}}]}`
			})
			w.user(func(u *state.User) { u.Tags = map[string]string{"team": "ops"} })
		}, whoIs("ada"), list, "*", []Change{{What: "tag team of user ada", From: "eng", To: "ops"}}},
		{"a session's role", func(w *callerWorld) { w.role(func(r *state.Role) { r.InlinePolicies = nil }) }, jobSession(), list, "*",
			[]Change{{What: "policy list of role job", Detail: "it was deleted"}}},
		{"a role that cannot be assumed any more", func(w *callerWorld) {
			w.user(func(u *state.User) { u.InlinePolicies["assume"] = policyNamed("assume", "Allow", "sts:AssumeRole") })
			w.role(func(r *state.Role) {
				r.AssumeRolePolicyDocument = `{"Version":"2012-10-17","Statement":[{"Sid":"other","Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
			})
		}, whoIs("ada"), "sts:AssumeRole", job, []Change{{What: "trust policy of role job", Detail: "statement ada removed; statement other added"}}},
		{"a role that is gone", func(w *callerWorld) {
			w.user(func(u *state.User) { u.InlinePolicies["assume"] = policyNamed("assume", "Allow", "sts:AssumeRole") })
			if err := store.Delete(w.t.Context(), w.s, state.RoleKey("000000000000", "job")); err != nil {
				w.t.Fatal(err)
			}
		}, whoIs("ada"), "sts:AssumeRole", job, []Change{{What: "role job", Detail: "it was deleted"}}},
		{"a function's policy", func(w *callerWorld) {
			f := &state.Function{Account: "000000000000", Region: "us-east-1", Name: "one", ID: "one"}
			f.Policies = map[string]*state.FunctionPolicy{"": {RevisionID: "a", Document: `{"Version":"2012-10-17","Statement":[{"Sid":"ada","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:user/ada"},"Action":"lambda:InvokeFunction","Resource":"*"}]}`}}
			put(w.t, w.s, state.FunctionKey("000000000000", "us-east-1", "one"), f)
			editOf(w.t, w.s, "one", func(f *state.Function) { f.Policies = nil })
		}, whoIs("ada"), "lambda:InvokeFunction", "arn:aws:lambda:us-east-1:000000000000:function:one",
			[]Change{{What: "policy of function one", From: "a", Detail: "statement ada removed"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newCallerWorld(t)
			c.edit(w)
			if diff := cmp.Diff(c.want, w.ask(c.who, c.action, c.resource), cmpopts.IgnoreFields(Change{}, "Time")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func editOf(t *testing.T, s *store.Store, name string, change func(*state.Function)) {
	t.Helper()
	if _, err := store.Update(t.Context(), s, state.FunctionKey("000000000000", "us-east-1", name), func(f *state.Function) error { change(f); return nil }); err != nil {
		t.Fatal(err)
	}
}

// A role that trusted the tokens of a provider (AssumeRoleWithWebIdentity).
func TestChangedWebIdentity(t *testing.T) {
	w := newCallerWorld(t)
	const provider = "arn:aws:iam::000000000000:oidc-provider/issuer.example.com"
	trust := func(branch string) string {
		return `{"Version":"2012-10-17","Statement":[{"Sid":"web","Effect":"Allow","Principal":{"Federated":"` + provider + `"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"issuer.example.com:sub":"` + branch + `"}}}]}`
	}
	w.role(func(r *state.Role) { r.AssumeRolePolicyDocument = trust("main") })
	w.role(func(r *state.Role) { r.AssumeRolePolicyDocument = trust("release") })
	role := w.g.roleByARN("arn:aws:iam::000000000000:role/job")
	q := &CallerRequest{
		Request: iampolicy.Request{Principal: iampolicy.Principal{Type: iampolicy.Federated, ID: provider, Account: "000000000000"}, Action: "sts:AssumeRoleWithWebIdentity", Resource: role.rec.ARN,
			Context: iampolicy.Context{{Name: "issuer.example.com:sub", Values: []string{"main"}}}},
		Root: true, MustGrant: true, ResourceAccount: "000000000000",
		Policies: CallerPolicies{Resource: NewAppliedPolicy(TrustPolicy, role.rec.ARN, "", role.rec.AssumeRolePolicyDocument)},
	}
	r := &CallerRefusal{Request: q, Verdict: EvaluateCaller(q)}
	want := []Change{{What: "trust policy of role job", Detail: "statement web changed"}}
	if diff := cmp.Diff(want, w.g.changedCaller(r), cmpopts.IgnoreFields(Change{}, "Time")); diff != "" {
		t.Error(diff)
	}
	r.Reason = "expired"
	if got := w.g.changedCaller(r); got != nil {
		t.Errorf("a token that does not hold: %v", got)
	}
}

// stages puts deployments "open" (no authorization), "signed" (AWS_IAM), "shut" (a
// resource policy that allows nobody), and the stage dev on one of them.
func (w *callerWorld) deployments() {
	w.t.Helper()
	for id, method := range map[string]string{"open": "NONE", "signed": "AWS_IAM", "shut": "NONE"} {
		d := &state.Deployment{ID: id, API: testAPI, Account: "000000000000", Region: "us-east-1"}
		d.Resources = map[string]*state.Resource{"r": {Path: "/resource", Methods: map[string]*state.Method{"GET": {HTTPMethod: "GET", AuthorizationType: method}}}}
		if id == "shut" {
			policy := `{"Version":"2012-10-17","Statement":[]}`
			d.Policy = &policy
		}
		put(w.t, w.s, state.DeploymentKey("000000000000", "us-east-1", testAPI, id), d)
	}
}

func (w *callerWorld) stage(deployment, canary string) {
	w.t.Helper()
	s := &state.Stage{Account: "000000000000", Region: "us-east-1", API: testAPI, Name: "dev", DeploymentID: deployment}
	if canary != "" {
		s.Canary = &state.CanarySettings{PercentTraffic: 50, DeploymentID: canary}
	}
	put(w.t, w.s, state.StageKey("000000000000", "us-east-1", testAPI, "dev"), s)
}

// What is different since a refused client of a deployed API was last allowed, a
// canary's deployment included.
func TestChangedAPICallers(t *testing.T) {
	for _, c := range []struct {
		name     string
		edit     func(w *callerWorld)
		deployed string // that the request met
		signed   bool
		want     []Change
	}{
		{"nothing", func(*callerWorld) {}, "shut", false, nil},
		{"a resource policy was deployed", func(w *callerWorld) { w.stage("open", ""); w.stage("shut", "") }, "shut", false, []Change{
			{What: "deployment of stage dev", From: "open", To: "shut"}, {What: "deployed resource policy of the API", Detail: "there was none"}}},
		{"a signature is wanted", func(w *callerWorld) { w.stage("open", ""); w.stage("signed", "") }, "signed", false, []Change{
			{What: "deployment of stage dev", From: "open", To: "signed"}, {What: "authorization of GET /resource", From: "NONE", To: "AWS_IAM"}}},
		{"a canary began", func(w *callerWorld) { w.stage("open", ""); w.stage("open", "shut") }, "shut", false, []Change{
			{What: "canary of stage dev", From: "open", To: "shut", Detail: "it began: a share of the requests goes to its deployment"},
			{What: "deployed resource policy of the API", Detail: "there was none"}}},
		{"a canary got another deployment", func(w *callerWorld) { w.stage("open", "open"); w.stage("open", "signed"); w.stage("open", "shut") }, "shut", false, []Change{
			{What: "deployment of the canary of stage dev", From: "open", To: "shut"}, {What: "deployed resource policy of the API", Detail: "there was none"}}},
		{"a deployment that nobody knows", func(w *callerWorld) { w.stage("open", ""); w.stage("signed", "") }, "shut", false, nil},
		{"a policy of the caller", func(w *callerWorld) {
			w.user(func(u *state.User) {
				u.InlinePolicies["call"] = policyNamed("call", "Allow", "execute-api:Invoke")
			})
			w.stage("signed", "")
			w.user(func(u *state.User) { delete(u.InlinePolicies, "call") })
		}, "signed", true, []Change{{What: "policy call of user ada", Detail: "it was deleted"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newCallerWorld(t)
			w.deployments()
			c.edit(w)
			stage, _, err := store.Get[state.Stage](w.s, state.StageKey("000000000000", "us-east-1", testAPI, "dev"))
			canary := err == nil && stage.Canary != nil
			call := APICall{Canary: canary, Account: "000000000000", Region: "us-east-1", APIID: testAPI, Stage: "dev", Method: "GET", ResourcePath: "/resource",
				Verb: "GET", Path: "resource", DeploymentID: c.deployed, SourceIP: "127.0.0.1", Signed: c.deployed == "signed"}
			r := &APIRefusal{Call: call, Outcome: CallerRefused}
			switch {
			case c.signed:
				r.Request = w.callers.Request(whoIs("ada"), InvokeAPIAction, call.Resource(), call.Keys(), time.Now())
			case call.Signed:
				r.Outcome, r.Code = BadCredentials, "MissingAuthenticationTokenException"
			default:
				r.Call.Policy = NewAPIPolicy("us-east-1", "000000000000", testAPI, `{"Version":"2012-10-17","Statement":[]}`)
				r.Request = r.Call.AnonymousRequest()
			}
			if r.Request != nil {
				r.Verdict = EvaluateCaller(r.Request)
			}
			w.g.RefuseAPI(r)
			all, err := w.g.Decisions(t.Context(), 1)
			if err != nil || len(all) != 1 {
				t.Fatalf("%d decisions, %v", len(all), err)
			}
			if diff := cmp.Diff(c.want, all[0].Changed, cmpopts.IgnoreFields(Change{}, "Time")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A canary whose variables lead to a function that may not be called.
func TestChangedCanary(t *testing.T) {
	g, s := changedWorld(t)
	canary := func(env string) {
		put(t, s, state.StageKey(testAccount, "us-east-1", testAPI, "dev"), &state.Stage{
			Account: testAccount, Region: "us-east-1", API: testAPI, Name: "dev", DeploymentID: "d2", Variables: map[string]string{"env": "one"},
			Canary: &state.CanarySettings{DeploymentID: "d1", StageVariableOverrides: map[string]string{"env": env}},
		})
	}
	canary("one")
	canary("two")
	c := gatewayCall("two", "")
	c.DeploymentID, c.Canary = "d1", true
	want := []Change{
		{What: "stage variable env of dev", From: "one", To: "two"},
		{What: "function that the method calls", From: "function one", To: "function two"},
	}
	if diff := cmp.Diff(want, g.changed(c), cmpopts.IgnoreFields(Change{}, "Time")); diff != "" {
		t.Error(diff)
	}
}
