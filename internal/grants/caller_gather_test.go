package grants

import (
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/iampolicy"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

const everythingPolicy = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`

func userRecord(name string, change func(*state.User)) *state.User {
	u := &state.User{Identity: state.Identity{Account: "000000000000", Path: "/", Name: name, ID: "AIDA" + name, ARN: "arn:aws:iam::000000000000:user/" + name}}
	if change != nil {
		change(u)
	}
	return u
}

func whoIs(name string) *Who {
	return &Who{Account: "000000000000", Region: "us-east-1", ARN: "arn:aws:iam::000000000000:user/" + name, UserID: "AIDA" + name}
}

// What applies to a caller is what the records say now, and one who is gone can
// do nothing.
func TestCallersFollowRecords(t *testing.T) {
	g, s := newGrants(t, Options{})
	c, ctx, now := NewCallers(g), t.Context(), time.Now()
	decide := func(name string) CallerVerdict {
		return EvaluateCaller(c.Request(whoIs(name), "lambda:ListFunctions", "*", nil, now))
	}
	key := state.UserKey("000000000000", "ada")
	put := func(change func(*state.User)) {
		t.Helper()
		if _, err := store.Put(ctx, s, key, userRecord("ada", change)); err != nil {
			t.Fatal(err)
		}
	}
	want := func(what string, basis Basis, kind PolicyKind) {
		t.Helper()
		if v := decide("ada"); v.Basis != basis || v.Kind != kind {
			t.Errorf("%s: %v %q, want %v %q", what, v.Basis, v.Kind, basis, kind)
		}
	}
	want("nobody", NothingAllows, UserPolicy)
	put(nil)
	want("without policies", NothingAllows, UserPolicy)
	put(func(u *state.User) { u.InlinePolicies = map[string]string{"all": everythingPolicy} })
	want("with a policy", IdentityAllows, UserPolicy)
	put(func(u *state.User) {
		u.InlinePolicies = map[string]string{"all": everythingPolicy}
		u.PermissionsBoundary = "arn:aws:iam::000000000000:policy/gone"
	})
	want("with a boundary that is gone", Unreadable, Boundary)
	put(func(u *state.User) {
		u.InlinePolicies = map[string]string{"all": everythingPolicy, "torn": `{"Version":"2012-10-17","Statement":[{"Effect":"De`}
	})
	want("with a policy that is torn", Unreadable, UserPolicy)
	group := &state.Group{Identity: state.Identity{Account: "000000000000", Name: "Devs", ARN: "arn:aws:iam::000000000000:group/Devs", InlinePolicies: map[string]string{"all": everythingPolicy}}}
	if _, err := store.Put(ctx, s, state.GroupKey("000000000000", "devs"), group); err != nil {
		t.Fatal(err)
	}
	put(func(u *state.User) { u.Groups = []string{"Devs", "Gone"} })
	want("by a group", IdentityAllows, GroupPolicy)
	if err := store.Delete(ctx, s, key); err != nil {
		t.Fatal(err)
	}
	want("deleted", NothingAllows, UserPolicy)
}

// The root needs nothing, and of another account nothing helps it.
func TestCallersRoot(t *testing.T) {
	g, _ := newGrants(t, Options{})
	c := NewCallers(g)
	root := &Who{Account: "000000000000", Region: "us-east-1", ARN: "arn:aws:iam::000000000000:root", UserID: "000000000000", Root: true}
	if v := EvaluateCaller(c.Request(root, "lambda:GetFunction", "arn:aws:lambda:us-east-1:000000000000:function:f", nil, time.Now())); !v.Allowed() {
		t.Error(v)
	}
	if v := EvaluateCaller(c.Request(root, "lambda:GetFunction", "arn:aws:lambda:us-east-1:111122223333:function:f", nil, time.Now())); v.Allowed() {
		t.Error(v)
	}
}

// Policy variables and the clock reach the policies.
func TestCallerKeys(t *testing.T) {
	g, s := newGrants(t, Options{})
	c, at := NewCallers(g), time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	user := userRecord("ada", func(u *state.User) {
		u.Tags = map[string]string{"team": "red"}
		u.InlinePolicies = map[string]string{"own": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"logs:*","Resource":"arn:aws:logs:*:*:log-group:/${aws:PrincipalTag/team}/${aws:username}:*",
			"Condition":{"DateLessThan":{"aws:CurrentTime":"2026-12-01T00:00:00Z"},"StringEquals":{"aws:PrincipalType":"User"}}}}`}
	})
	if _, err := store.Create(t.Context(), s, state.UserKey("000000000000", "ada"), user); err != nil {
		t.Fatal(err)
	}
	decide := func(group string, now time.Time) bool {
		return EvaluateCaller(c.Request(whoIs("ada"), "logs:GetLogEvents", "arn:aws:logs:us-east-1:000000000000:log-group:"+group+":log-stream:x", nil, now)).Allowed()
	}
	if !decide("/red/ada", at) || decide("/blue/ada", at) || decide("/red/ada", at.AddDate(0, 1, 0)) {
		t.Error("tag, name or time do not decide")
	}
}

// BenchmarkCaller gathers and decides: the price of each call of the control
// plane by a user.
func BenchmarkCaller(b *testing.B) {
	g, s := newGrants(b, Options{})
	c := NewCallers(g)
	user := userRecord("ada", func(u *state.User) { u.InlinePolicies = map[string]string{"all": everythingPolicy} })
	if _, err := store.Create(b.Context(), s, state.UserKey("000000000000", "ada"), user); err != nil {
		b.Fatal(err)
	}
	who, now := whoIs("ada"), time.Now()
	keys := iampolicy.Context{{Name: "aws:SourceIp", Values: []string{"127.0.0.1"}}}
	b.ReportAllocs()
	for b.Loop() {
		if !EvaluateCaller(c.Request(who, "lambda:GetFunction", "arn:aws:lambda:us-east-1:000000000000:function:f", keys, now)).Allowed() {
			b.Fatal("refused")
		}
	}
}
