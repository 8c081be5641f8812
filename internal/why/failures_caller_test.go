package why

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Sentences as clients and access logs showed them; names are replaced. The
// first is a public test report of a private API, the second of 2023
// (ASFHyP3/hyp3#2283).
func TestRefusedCaller(t *testing.T) {
	for text, want := range map[string]RefusedCaller{
		"User: anonymous is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:us-east-1:********9489:609x52qn26/dev/GET/weather because no resource-based policy allows the execute-api:Invoke action": {
			Caller: "anonymous", Region: "us-east-1", API: "609x52qn26", Stage: "dev", Verb: "GET", Path: "weather",
			Resource: "arn:aws:execute-api:us-east-1:********9489:609x52qn26/dev/GET/weather", Reason: " because no resource-based policy allows the execute-api:Invoke action",
		},
		"User: anonymous is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:us-west-2:********1234:abc/api/GET/": {
			Caller: "anonymous", Region: "us-west-2", API: "abc", Stage: "api", Verb: "GET",
			Resource: "arn:aws:execute-api:us-west-2:********1234:abc/api/GET/",
		},
		"User: arn:aws:sts::111122223333:assumed-role/client/run is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:eu-central-1:********3333:abc/$default/POST/a/b with an explicit deny in a resource-based policy": {
			Caller: "arn:aws:sts::111122223333:assumed-role/client/run", Region: "eu-central-1", API: "abc", Stage: "$default", Verb: "POST", Path: "a/b",
			Resource: "arn:aws:execute-api:eu-central-1:********3333:abc/$default/POST/a/b", Reason: " with an explicit deny in a resource-based policy",
		},
	} {
		f := Failures("access", []LogEvent{{Time: time.Unix(0, 0), Message: `{"requestId":"r","ip":"192.0.2.7","error":` + quote(text) + `}`}})
		if len(f) != 1 || f[0].Kind != NoCaller || f[0].SourceIP != "192.0.2.7" {
			t.Fatalf("%s: %+v", text, f)
		}
		got, ok := f[0].RefusedCaller()
		if diff := cmp.Diff(want, got); diff != "" || !ok {
			t.Error(ok, diff)
		}
	}
	for _, text := range []string{
		"User: anonymous is not authorized to perform: execute-api:Invoke on resource: x",
		"User: arn:aws:sts::1:assumed-role/r/s is not authorized to perform: lambda:InvokeFunction on resource: arn:aws:lambda:us-east-1:1:function:f",
		"User is not authorized to access this resource with an explicit deny",
	} {
		f := Failure{Kind: NoCaller, Message: text}
		if r, ok := f.RefusedCaller(); ok {
			t.Errorf("%s: %+v", text, r)
		}
	}
	r := RefusedCaller{Caller: "arn:aws:sts::111122223333:assumed-role/client/run"}
	if account, name, ok := r.Role(); account != "111122223333" || name != "client" || !ok {
		t.Error(account, name, ok)
	}
	r.Caller = "arn:aws:iam::111122223333:user/ada"
	if _, _, ok := r.Role(); ok {
		t.Error("a user is no role")
	}
}

func quote(text string) string { return `"` + text + `"` }
