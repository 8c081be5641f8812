package why

import (
	"bytes"
	"context"
	"testing"

	"github.com/stagedoor/stagedoor/internal/grants"
)

// turnedAway is a client's request to a method with a resource policy.
func turnedAway(policy string) *grants.APIRefusal {
	r := &grants.APIRefusal{
		Call: grants.APICall{
			Account: account, Region: "us-east-1", APIID: api, Stage: "dev", DeploymentID: "d3p10y",
			Method: "GET", ResourcePath: "/users/{id}", ResourceID: "r3s", Verb: "GET", Path: "users/42", SourceIP: "127.0.0.1",
			RequestID: "0b1a3c5e-0000-4000-8000-c0ffee000001", Time: at,
			Policy: grants.NewAPIPolicy("us-east-1", account, api, policy),
		},
		Outcome: grants.CallerRefused,
	}
	r.Request = r.Call.AnonymousRequest()
	r.Verdict = grants.EvaluateCaller(r.Request)
	r.Answer = r.Call.Sentence(r.Request, r.Verdict)
	return r
}

func TestFront(t *testing.T) {
	ids := []string{"4m0ust", "n0s1gn"}
	n := 0
	c := newScene(t, grants.Options{NewID: func() string { n++; return ids[n-1] }})
	c.g.RefuseAPI(turnedAway(`{"Version":"2012-10-17","Statement":[{"Sid":"Office","Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/*","Condition":{"IpAddress":{"aws:SourceIp":["192.0.2.0/24"]}}}]}`))
	unsigned := turnedAway(`{"Version":"2012-10-17","Statement":[]}`)
	unsigned.Outcome, unsigned.Request, unsigned.Call.Signed = grants.BadCredentials, nil, true
	unsigned.Code, unsigned.Answer = "MissingAuthenticationTokenException", "Missing Authentication Token"
	c.g.RefuseAPI(unsigned)
	all, err := c.g.Decisions(context.Background(), 10)
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	for i, name := range []string{"front-unsigned", "front"} {
		golden(t, name, plain(t, func(b *bytes.Buffer) error { return Print(b, all[i]) }))
	}
	golden(t, "front-list", plain(t, func(b *bytes.Buffer) error { return List(b, all, at) }))
	lost := &grants.Decision{
		Kind: grants.FrontKind, Outcome: grants.NotFound, Request: "GET /usres/42", Answer: "Missing Authentication Token",
		API: api, Stage: "dev", Principal: grants.AnonymousCaller, Nearest: -1, Time: at, RequestID: unsigned.Call.RequestID,
		Cause: grants.Cause{Code: grants.CauseRouteNotFound, Sentence: "Stage dev of API " + api + " has no method GET /usres/42. AWS calls that a missing authentication token; it has nothing to do with one."},
		Notes: []string{"The nearest path that the stage serves is /users/{id}."},
	}
	golden(t, "front-lost", plain(t, func(b *bytes.Buffer) error { return Print(b, lost) }))
}
