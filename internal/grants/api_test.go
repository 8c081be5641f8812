package grants

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/iampolicy"
	"github.com/stagedoor/stagedoor/internal/store/storetest"
)

func apiCall(policy string) *APICall {
	c := &APICall{
		Account: "111122223333", Region: "eu-west-1", APIID: "abc", Stage: "dev", DeploymentID: "d1",
		Method: "ANY", ResourcePath: "/users/{id}", ResourceID: "r1", Verb: "GET", Path: "users/42",
		SourceIP: "127.0.0.1", UserAgent: "curl/8", RequestID: "q", Time: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC),
	}
	if policy != "" {
		c.Policy = NewAPIPolicy(c.Region, c.Account, c.APIID, policy)
	}
	return c
}

// The fast path and the documented evaluation answer alike about strangers.
func TestAnonymousEvaluations(t *testing.T) {
	for _, c := range []struct {
		statements string
		want       iampolicy.Effect
	}{
		{``, iampolicy.NoMatch},
		{`{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/*"}`, iampolicy.Allow},
		{`{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/dev/GET/users/*"}`, iampolicy.Allow},
		{`{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/dev/ANY/users/*"}`, iampolicy.NoMatch}, // the actual verb counts
		{`{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/dev/GET/users/{id}"}`, iampolicy.NoMatch},
		{`{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"arn:aws:execute-api:eu-west-1:111122223333:other/*"}`, iampolicy.NoMatch},
		{`{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"execute-api:Invoke","Resource":"*"}`, iampolicy.NoMatch},
		{`{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"},"Bool":{"aws:SecureTransport":"true"},"StringLike":{"aws:UserAgent":"curl*"}}}`, iampolicy.Allow},
		{`{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2026-11-21T00:00:00Z"}}}`, iampolicy.Allow},
		{`{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:CurrentTime":"2026-11-21T00:00:00Z"}}}`, iampolicy.NoMatch},
		{`{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:Referer":"x"}}}`, iampolicy.NoMatch},
		{`{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"},{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:SourceVpce":"vpce-1"}}}`, iampolicy.Deny},
		{`{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"},{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*","Condition":{"Null":{"aws:Referer":"true"}}}`, iampolicy.Deny},
		{`unreadable`, iampolicy.Deny},
	} {
		call := apiCall(`{"Version":"2012-10-17","Statement":[` + c.statements + `]}`)
		if got := call.EvaluateAnonymous(); got != c.want {
			t.Errorf("%s: %v, want %v", c.statements, got, c.want)
		}
		r := call.AnonymousRequest()
		if v := EvaluateCaller(r); v.Allowed() != (c.want == iampolicy.Allow) {
			t.Errorf("%s: the evaluation of callers says %+v", c.statements, v)
		}
	}
}

// What a fix adds is exactly what was refused, and what stands above is named.
func TestAPIRefusals(t *testing.T) {
	g := New(storetest.New(t), Options{})
	t.Cleanup(func() { _ = g.Close(context.Background()) })
	role := iampolicy.Principal{Type: iampolicy.AWS, ID: "arn:aws:sts::111122223333:assumed-role/job/run", Account: "111122223333", RoleARN: "arn:aws:iam::111122223333:role/job"}
	ask := func(call *APICall, who iampolicy.Principal, policies CallerPolicies) *Decision {
		call.Signed = true
		policies.Resource = call.Policy
		r := &CallerRequest{ResourceAccount: call.Account, Policies: policies,
			Request: iampolicy.Request{Principal: who, Action: InvokeAPIAction, Resource: call.Resource(), Context: call.Keys()}}
		return g.buildAPI(&APIRefusal{Call: *call, Outcome: CallerRefused, Request: r, Verdict: EvaluateCaller(r)})
	}
	all := NewAppliedPolicy(RolePolicy, role.RoleARN, "invoke-abc", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	none := NewAppliedPolicy(Boundary, "arn:aws:iam::111122223333:policy/edge", "", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`)
	deny := NewAppliedPolicy(RolePolicy, role.RoleARN, "own", `{"Version":"2012-10-17","Statement":[{"Sid":"No","Effect":"Deny","Action":"execute-api:*","Resource":"*"}]}`)
	other := NewAppliedPolicy(RolePolicy, role.RoleARN, "invoke-abc", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"arn:aws:execute-api:eu-west-1:111122223333:abc/prod/*"}]}`)
	stranger := role
	stranger.Account, stranger.ID, stranger.RoleARN = "444455556666", "arn:aws:sts::444455556666:assumed-role/job/run", "arn:aws:iam::444455556666:role/job"
	for _, c := range []struct {
		name, cause, fix, note string
		got                    *Decision
	}{
		{"role", CauseCallerIdentity, `aws iam put-role-policy --role-name job --policy-name invoke-abc-2 --policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"arn:aws:execute-api:eu-west-1:111122223333:abc/dev/*/users/*"}]}'`, "",
			ask(apiCall(""), role, CallerPolicies{Identity: []*AppliedPolicy{other}})},
		{"boundary", CauseCallerBoundary, "", "has to be changed by whoever set it", ask(apiCall(""), role, CallerPolicies{Identity: []*AppliedPolicy{all}, Boundary: none})},
		{"session", CauseCallerSession, "", "has to be changed by whoever set it", ask(apiCall(""), role, CallerPolicies{Identity: []*AppliedPolicy{all}, HasSession: true})},
		{"deny", CauseCallerDenied, "", "has to be changed by whoever set it", ask(apiCall(""), role, CallerPolicies{Identity: []*AppliedPolicy{all, deny}})},
		{"both accounts", CauseAPIPolicy, `{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::444455556666:role/job\"}`, "", ask(apiCall(""), stranger, CallerPolicies{})},
		{"unreadable", CausePolicyUnreadable, "update-rest-api", "", ask(apiCall("{"), role, CallerPolicies{})},
	} {
		fix, notes := strings.Join(c.got.Fix, "\n"), strings.Join(c.got.Notes, "\n")
		if c.got.Cause.Code != c.cause || !strings.Contains(fix, c.fix) || c.fix == "" && fix != "" || !strings.Contains(notes, c.note) {
			t.Errorf("%s: %+v\n%s\n%s", c.name, c.got.Cause, fix, notes)
		}
	}
}

// Many requests that are refused for one reason are one Decision, whatever
// their paths.
func TestAPIRefusalsAreCounted(t *testing.T) {
	g := New(storetest.New(t), Options{})
	t.Cleanup(func() { _ = g.Close(context.Background()) })
	for i := range 50 {
		call := apiCall(`{"Version":"2012-10-17","Statement":[]}`)
		call.Path, call.RequestID = "users/"+string(rune('a'+i)), string(rune('A'+i))
		r := call.AnonymousRequest()
		g.RefuseAPI(&APIRefusal{Call: *call, Outcome: CallerRefused, Request: r, Verdict: EvaluateCaller(r)})
	}
	all, err := g.Decisions(context.Background(), 10)
	if err != nil || len(all) != 1 || all[0].Count != 50 || len(all[0].RequestIDs) != 50 {
		t.Fatalf("%+v %v", all, err)
	}
}
