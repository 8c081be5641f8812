package grants

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

func openPolicy(revision, sid string) *state.FunctionPolicy {
	return &state.FunctionPolicy{RevisionID: revision, Document: `{"Version":"2012-10-17","Statement":[{"Sid":"` + sid +
		`","Effect":"Allow","Principal":{"Service":"apigateway.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"*"}]}`}
}

// changedWorld has an API of one method, whose stage "dev" names the function
// with the variable env, and two functions, of which "one" may be called.
func changedWorld(t *testing.T) (*Grants, *store.Store) {
	t.Helper()
	g, s := newGrants(t, Options{})
	for _, name := range []string{"one", "two"} {
		f := newFunction("us-east-1", name)
		if name == "one" {
			f.Policies = map[string]*state.FunctionPolicy{"": openPolicy("a", "api"), "live": openPolicy("l", "api")}
		}
		putFunction(t, s, f)
	}
	for _, id := range []string{"d1", "d2"} {
		uri := "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:" + testAccount + ":function:${stageVariables.env}/invocations"
		if id == "d2" {
			uri = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:" + testAccount + ":function:two/invocations"
		}
		d := &state.Deployment{ID: id, API: testAPI, Account: testAccount, Region: "us-east-1"}
		d.Resources = map[string]*state.Resource{"r": {Path: "/resource", Methods: map[string]*state.Method{
			"GET": {HTTPMethod: "GET", Integration: &state.Integration{Type: "AWS_PROXY", URI: uri}},
		}}}
		put(t, s, state.DeploymentKey(testAccount, "us-east-1", testAPI, id), d)
	}
	putStage(t, s, "d1", "one")
	return g, s
}

func put[T any](t *testing.T, s *store.Store, key state.Key, rec *T) {
	t.Helper()
	if _, err := store.Put(context.Background(), s, key, rec); err != nil {
		t.Fatal(err)
	}
}

func putStage(t *testing.T, s *store.Store, deployment, env string) {
	t.Helper()
	put(t, s, state.StageKey(testAccount, "us-east-1", testAPI, "dev"), &state.Stage{
		Account: testAccount, Region: "us-east-1", API: testAPI, Name: "dev", DeploymentID: deployment, Variables: map[string]string{"env": env},
	})
}

func editFunction(t *testing.T, s *store.Store, name string, change func(f *state.Function)) {
	t.Helper()
	_, err := store.Update(context.Background(), s, state.FunctionKey(testAccount, "us-east-1", name), func(f *state.Function) error {
		change(f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestChanged(t *testing.T) {
	cases := []struct {
		name      string
		edit      func(t *testing.T, s *store.Store)
		function  string
		qualifier string
		deployed  string
		want      []Change
	}{
		{"nothing changed", func(*testing.T, *store.Store) {}, "two", "", "d1", nil},
		{"the grant was removed", func(t *testing.T, s *store.Store) {
			editFunction(t, s, "one", func(f *state.Function) { delete(f.Policies, "") })
		}, "one", "", "d1", []Change{{What: "policy of function one", From: "a", Detail: "statement api removed"}}},
		{"the grant was replaced, and the alias moved", func(t *testing.T, s *store.Store) {
			editFunction(t, s, "one", func(f *state.Function) {
				f.Policies["live"] = &state.FunctionPolicy{RevisionID: "b", Document: `{"Version":"2012-10-17","Statement":[]}`}
			})
			editFunction(t, s, "one", func(f *state.Function) { f.Aliases["live"].FunctionVersion = "1" })
		}, "one", "live", "d1", []Change{
			{What: "policy of alias live of one", From: "l", To: "b", Detail: "statement api removed"},
			{What: "alias live of one", From: "2", To: "1"},
		}},
		{"the function was made anew", func(t *testing.T, s *store.Store) {
			if err := store.Delete(t.Context(), s, state.FunctionKey(testAccount, "us-east-1", "one")); err != nil {
				t.Fatal(err)
			}
			f := newFunction("us-east-1", "one")
			f.ID = "another"
			put(t, s, state.FunctionKey(testAccount, "us-east-1", "one"), f)
		}, "one", "", "d1", []Change{
			{What: "function one", Detail: "it was deleted and created again, and the grants went with the old one"},
			{What: "policy of function one", From: "a", Detail: "statement api removed"},
		}},
		{"a stage variable leads elsewhere", func(t *testing.T, s *store.Store) { putStage(t, s, "d1", "two") }, "two", "", "d1", []Change{
			{What: "stage variable env of dev", From: "one", To: "two"},
			{What: "function that the method calls", From: "function one", To: "function two"},
		}},
		{"a deployment leads elsewhere", func(t *testing.T, s *store.Store) { putStage(t, s, "d2", "one") }, "two", "", "d2", []Change{
			{What: "deployment of stage dev", From: "d1", To: "d2"},
			{What: "function that the method calls", From: "function one", To: "function two"},
		}},
		{"only another function changed", func(t *testing.T, s *store.Store) {
			editFunction(t, s, "one", func(f *state.Function) { delete(f.Policies, "") })
		}, "two", "", "d1", nil},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			g, s := changedWorld(t)
			tc.edit(t, s)
			c := gatewayCall(tc.function, tc.qualifier)
			c.DeploymentID = tc.deployed
			g.Refuse(t.Context(), c, NoPermission)
			all, err := g.Decisions(t.Context(), 1)
			if err != nil || len(all) != 1 {
				t.Fatalf("%d decisions, %v", len(all), err)
			}
			if diff := cmp.Diff(tc.want, all[0].Changed, cmpopts.IgnoreFields(Change{}, "Time")); diff != "" {
				t.Error(diff)
			}
			for _, change := range all[0].Changed {
				if time.Since(change.Time) > time.Minute || change.Time.Location() != time.UTC {
					t.Errorf("%s changed at %v", change.What, change.Time)
				}
			}
		})
	}
}

// A role that no longer trusts API Gateway.
func TestChangedRole(t *testing.T) {
	g, s := changedWorld(t)
	role := func(trusted string) *state.Role {
		return &state.Role{
			Identity: state.Identity{
				Account: testAccount, Path: "/", Name: "door", ID: "AROADOOR", ARN: "arn:aws:iam::" + testAccount + ":role/door",
				InlinePolicies: map[string]string{"p": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`},
			},
			AssumeRolePolicyDocument: `{"Version":"2012-10-17","Statement":[{"Sid":"trust","Effect":"Allow","Principal":{"Service":"` + trusted + `"},"Action":"sts:AssumeRole"}]}`,
		}
	}
	c := gatewayCall("two", "")
	c.Credentials = role("").ARN
	put(t, s, state.RoleKey(testAccount, "door"), role(GatewayPrincipal))
	if o := g.Decide(c); o != Allowed {
		t.Fatal(o)
	}
	put(t, s, state.RoleKey(testAccount, "door"), role("lambda.amazonaws.com"))
	want := []Change{{What: "trust policy of role door", Detail: "statement trust changed"}}
	if diff := cmp.Diff(want, g.changed(c), cmpopts.IgnoreFields(Change{}, "Time")); diff != "" {
		t.Error(diff)
	}
}

// A managed policy of a role gets another default version.
func TestChangedManagedPolicy(t *testing.T) {
	g, s := changedWorld(t)
	const arn = "arn:aws:iam::" + testAccount + ":policy/call"
	managed := func(version, action string) *state.ManagedPolicy {
		return &state.ManagedPolicy{ARN: arn, DefaultVersion: version, Versions: map[string]*state.PolicyVersion{
			version: {Document: `{"Version":"2012-10-17","Statement":[{"Sid":"call","Effect":"Allow","Action":"` + action + `","Resource":"*"}]}`},
		}}
	}
	role := &state.Role{
		Identity: state.Identity{
			Account: testAccount, Path: "/", Name: "door", ID: "AROADOOR", ARN: "arn:aws:iam::" + testAccount + ":role/door", AttachedPolicies: []string{arn},
		},
		AssumeRolePolicyDocument: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"apigateway.amazonaws.com"},"Action":"sts:AssumeRole"}]}`,
	}
	c := gatewayCall("two", "")
	c.Credentials = role.ARN
	put(t, s, state.RoleKey(testAccount, "door"), role)
	put(t, s, state.ManagedPolicyKey(testAccount, arn), managed("v1", InvokeAction))
	if o := g.Decide(c); o != Allowed {
		t.Fatal(o)
	}
	put(t, s, state.ManagedPolicyKey(testAccount, arn), managed("v2", "lambda:GetFunction"))
	want := []Change{{What: "policy " + arn, From: "v1", To: "v2", Detail: "statement call changed"}}
	if diff := cmp.Diff(want, g.changed(c), cmpopts.IgnoreFields(Change{}, "Time")); diff != "" {
		t.Error(diff)
	}
}

// What is remembered has a bound, and what was read before stays as it was.
func TestPastIsBounded(t *testing.T) {
	var p past
	for i := range momentsKept {
		p.add(moment{key: state.Key(fmt.Sprint(i))})
	}
	before := p.all()
	p.add(moment{key: "new"})
	if now := p.all(); len(now) != momentsKept || now[0].key != "1" || now[momentsKept-1].key != "new" || before[0].key != "0" {
		t.Errorf("%d moments from %q to %q, before from %q", len(now), now[0].key, now[len(now)-1].key, before[0].key)
	}
}
