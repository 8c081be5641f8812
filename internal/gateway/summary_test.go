package gateway

import (
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
	"github.com/stagedoor/stagedoor/internal/store/storetest"
)

// counting is a door that notes how often it was asked.
type counting struct {
	*grants.Grants
	asked atomic.Int64
}

func (d *counting) Decide(c *grants.Call) grants.Outcome {
	d.asked.Add(1)
	return d.Grants.Decide(c)
}

// Summary has the verdicts of now after every kind of change, and asks again
// about the API only that the change concerns.
func TestSummaryFollows(t *testing.T) {
	s := storetest.New(t)
	g := grants.New(s, grants.Options{})
	t.Cleanup(func() { _ = g.Close(t.Context()) })
	door := &counting{Grants: g}
	now := testTime
	gw := New(s, door, openDoor{}, nil, Options{Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }})
	b := &storeBed{t: t, store: s}
	role := "arn:aws:iam::123456789012:role/caller"
	plain := resources(map[string]*state.Method{"GET /a": proxy(variable("one")), "GET /b": proxy(variable("one:${stageVariables.alias}")), "GET /m": mock(`{"statusCode": 200}`, ``)})
	withRole := resources(map[string]*state.Method{"GET /r": {Integration: &state.Integration{Type: "AWS_PROXY", HTTPMethod: "POST", URI: variable("two"), Credentials: &role}}})
	deploy := func(api string, snapshot state.APISnapshot) {
		put(b, state.DeploymentKey(testAccount, testRegion, api, "dep1"), &state.Deployment{Account: testAccount, Region: testRegion, API: api, ID: "dep1", APIName: "name of " + api, APISnapshot: snapshot})
	}
	stage := func(api, name, alias string) {
		put(b, state.StageKey(testAccount, testRegion, api, name), &state.Stage{Account: testAccount, Region: testRegion, API: api, Name: name, DeploymentID: "dep1", Variables: map[string]string{"alias": alias}})
	}
	one := func(change func(*state.Function)) {
		f := &state.Function{Account: testAccount, Region: testRegion, Name: "one", ID: "1", Policies: map[string]*state.FunctionPolicy{}, Aliases: map[string]*state.Alias{}}
		change(f)
		put(b, state.FunctionKey(testAccount, testRegion, "one"), f)
	}
	grant := func(f *state.Function, qualifier string) {
		resource := "arn:aws:lambda:us-east-1:123456789012:function:one"
		if qualifier != "" {
			resource += ":" + qualifier
		}
		f.Policies[qualifier] = &state.FunctionPolicy{Document: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"apigateway.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"` + resource + `"}]}`}
	}
	deploy("aaa", plain)
	deploy("bbb", withRole)
	stage("aaa", "dev", "live")
	stage("bbb", "dev", "")

	for _, step := range []struct {
		what   string
		change func()
		asked  int64 // at most once for each method that the change may concern
		want   []string
	}{
		{"nothing is granted", func() {}, 3, []string{"aaa 2/3 dev GET /a one FunctionMissing, dev GET /b one:live FunctionMissing", "bbb 1/1 dev GET /r two CannotAssumeRole"}},
		{"nothing happens", func() {}, 0, []string{"aaa 2/3 dev GET /a one FunctionMissing, dev GET /b one:live FunctionMissing", "bbb 1/1 dev GET /r two CannotAssumeRole"}},
		{"a function", func() { one(func(*state.Function) {}) }, 2, []string{"aaa 2/3 dev GET /a one NoPermission, dev GET /b one:live QualifierMissing", "bbb 1/1 dev GET /r two CannotAssumeRole"}},
		{"a grant", func() { one(func(f *state.Function) { grant(f, "") }) }, 2, []string{"aaa 1/3 dev GET /b one:live QualifierMissing", "bbb 1/1 dev GET /r two CannotAssumeRole"}},
		{"an alias", func() {
			one(func(f *state.Function) {
				grant(f, "")
				grant(f, "live")
				f.Aliases["live"] = &state.Alias{FunctionVersion: "1"}
			})
		}, 2, []string{"aaa 0/3", "bbb 1/1 dev GET /r two CannotAssumeRole"}},
		{"a stage", func() { stage("aaa", "prod", "7") }, 4, []string{"aaa 1/6 prod GET /b one:7 QualifierMissing", "bbb 1/1 dev GET /r two CannotAssumeRole"}},
		{"a grant for a version", func() {
			one(func(f *state.Function) {
				grant(f, "")
				grant(f, "live")
				grant(f, "7")
				f.Aliases["live"] = &state.Alias{FunctionVersion: "1"}
			})
		}, 4, []string{"aaa 1/6 prod GET /b one:7 QualifierMissing", "bbb 1/1 dev GET /r two CannotAssumeRole"}},
		{"the version", func() {
			put(b, state.FunctionVersionKey(testAccount, testRegion, "one", "7"), &state.FunctionVersion{FunctionID: "1"})
		}, 4, []string{"aaa 0/6", "bbb 1/1 dev GET /r two CannotAssumeRole"}},
		{"a role", func() {
			put(b, state.RoleKey(testAccount, "caller"), &state.Role{Identity: state.Identity{Account: testAccount, Name: "caller", Path: "/", ARN: role}, AssumeRolePolicyDocument: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"apigateway.amazonaws.com"},"Action":"sts:AssumeRole"}]}`})
		}, 1, []string{"aaa 0/6", "bbb 1/1 dev GET /r two NoPermission"}},
		{"a stage goes", func() {
			if err := store.Delete(t.Context(), s, state.StageKey(testAccount, testRegion, "bbb", "dev")); err != nil {
				t.Fatal(err)
			}
		}, 0, []string{"aaa 0/6"}},
		{"a function goes", func() {
			if err := store.Delete(t.Context(), s, state.FunctionKey(testAccount, testRegion, "one")); err != nil {
				t.Fatal(err)
			}
		}, 4, []string{"aaa 4/6 dev GET /a one FunctionMissing, dev GET /b one:live FunctionMissing, prod GET /a one FunctionMissing, prod GET /b one:7 FunctionMissing"}},
		{"time: a policy may ask for it", func() { now = now.Add(summaryAge) }, 4, []string{"aaa 4/6 dev GET /a one FunctionMissing, dev GET /b one:live FunctionMissing, prod GET /a one FunctionMissing, prod GET /b one:7 FunctionMissing"}},
	} {
		step.change()
		door.asked.Store(0)
		got := []string{}
		for _, a := range gw.Summary(testAccount, testRegion) {
			got = append(got, describeSummary(a))
		}
		if d := cmp.Diff(step.want, got); d != "" {
			t.Errorf("%s: %s", step.what, d)
		}
		if asked := door.asked.Load(); asked != step.asked {
			t.Errorf("%s: asked %d times, want %d", step.what, asked, step.asked)
		}
	}
	if got := gw.Summary("999999999999", testRegion); len(got) != 0 {
		t.Errorf("a stranger sees %v", got)
	}
}

func describeSummary(a APISummary) string {
	var refused []string
	for _, c := range a.First {
		refused = append(refused, fmt.Sprintf("%s %s %s %s %s", c.Stage, c.Verb, c.Path, strings.TrimPrefix(c.Function, "arn:aws:lambda:us-east-1:123456789012:function:"), c.Outcome))
	}
	return strings.TrimSpace(fmt.Sprintf("%s %d/%d %s", a.API, a.Refused, a.Cells, strings.Join(refused, ", ")))
}

// More changes than are kept are all of them.
func TestManyChanges(t *testing.T) {
	var c changes
	c.function(functionName{name: "before anybody asks"})
	if got := c.take(); len(got.functions) != 0 {
		t.Errorf("%+v", got)
	}
	s := &summary{functions: map[functionName]struct{}{{name: "fn"}: {}}}
	for i := range changesKept {
		c.function(functionName{name: itoa(i)})
	}
	if got := c.take(); len(got.functions) != changesKept || got.concern(s) {
		t.Errorf("%d functions, %v", len(got.functions), got.concern(s))
	}
	for i := range changesKept * 2 {
		c.function(functionName{name: itoa(i)})
	}
	if got := c.take(); len(got.functions) != 0 || !got.concern(s) {
		t.Errorf("%d functions, %v", len(got.functions), got.concern(s))
	}
	c.function(functionName{name: "fn"})
	if got := c.take(); !got.concern(s) {
		t.Errorf("%+v", got)
	}
	if got := c.take(); got.concern(s) {
		t.Errorf("%+v", got)
	}
}

// Of many refused cells the first few are named, in the order of Matrix.
func TestSummaryIsShort(t *testing.T) {
	methods := map[string]*state.Method{}
	for i := range 20 {
		methods[fmt.Sprintf("GET /m%02d", i)] = proxy(uri)
	}
	b := newBed(t, answers(`{}`, nil), resources(methods), &state.Stage{Name: "prod"}, &state.Stage{Name: "dev"})
	b.door.outcome = grants.NoPermission
	got := b.Summary(testAccount, testRegion)
	if len(got) != 1 || got[0].Refused != 40 || got[0].Cells != 40 || got[0].Methods != 20 || got[0].Name != "story" || strings.Join(got[0].Stages, " ") != "dev prod" {
		t.Fatalf("%+v", got)
	}
	matrix := b.Matrix()
	for i, c := range got[0].First {
		if m := matrix[i]; c.Stage != m.Stage || c.Verb != m.Verb || c.Path != m.Path || c.Function != m.Function {
			t.Errorf("%+v, want %+v", c, m)
		}
	}
	if len(got[0].First) != refusedShown {
		t.Errorf("%d are named", len(got[0].First))
	}
}
