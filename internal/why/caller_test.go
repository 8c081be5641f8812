package why

import (
	"bytes"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
	"github.com/stagedoor/stagedoor/internal/store/storetest"
)

// Refused callers of the control plane are told as the operation, the caller
// and the policies, in full and in the list.
func TestCaller(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	s := storetest.New(t)
	user := &state.User{Identity: state.Identity{
		Account: "000000000000", Path: "/", Name: "ada", ID: "AIDAAAAAAAAAAAAAAAAAA", ARN: "arn:aws:iam::000000000000:user/ada",
		InlinePolicies: map[string]string{"functions": `{"Version":"2012-10-17","Statement":[{"Sid":"Orders","Effect":"Allow","Action":"lambda:GetFunction","Resource":"arn:aws:lambda:us-east-1:000000000000:function:orders-dev"}]}`},
	}}
	if _, err := store.Create(t.Context(), s, state.UserKey("000000000000", "ada"), user); err != nil {
		t.Fatal(err)
	}
	g := grants.New(s, grants.Options{NewID: func() string { return "k7m2p9qx" }})
	t.Cleanup(func() { _ = g.Close(t.Context()) })
	callers := grants.NewCallers(g)
	who := &grants.Who{Account: "000000000000", Region: "us-east-1", ARN: user.ARN, UserID: user.ID}
	q := callers.Request(who, "lambda:GetFunction", "arn:aws:lambda:us-east-1:000000000000:function:orders-prod", nil, at)
	callers.Refuse(&grants.CallerRefusal{Request: q, Verdict: grants.EvaluateCaller(q), Operation: "lambda GetFunction",
		Region: "us-east-1", RequestID: "5d1c8f6e", Time: at})
	if err := g.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	all, err := g.Decisions(t.Context(), 1)
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	golden(t, "caller", plain(t, func(b *bytes.Buffer) error { return Print(b, all[0]) }))
	golden(t, "caller-list", plain(t, func(b *bytes.Buffer) error { return List(b, all, at.Add(time.Minute)) }))
}
