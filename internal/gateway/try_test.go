package gateway

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/invoke"
	"github.com/stagedoor/stagedoor/internal/state"
)

// way writes a trace's steps, one a line.
func way(t *Trace) []string {
	var out []string
	for _, s := range t.Steps {
		mark := "ok"
		if !s.OK {
			mark = "no"
		}
		line := mark + " " + s.Name + ": " + steady(s.What)
		if s.Decision != "" {
			line += " [" + s.Decision + "]"
		}
		out = append(out, line)
	}
	return out
}

// What becomes of requests of every kind, in the words that a person reads.
func TestTry(t *testing.T) {
	policy := func(statements string) state.APISnapshot {
		s := resources(map[string]*state.Method{"GET /": mock(`{"statusCode": 200}`, `ok`)})
		document := `{"Version":"2012-10-17","Statement":[` + statements + `]}`
		s.Policy = &document
		return s
	}
	methods := resources(map[string]*state.Method{
		"GET /users/{id}": proxy(variable("fn:${stageVariables.alias}")),
		"GET /mock":       mock(`{"statusCode": 200}`, `{"a":1}`),
		"GET /role":       {Integration: &state.Integration{Type: "AWS_PROXY", HTTPMethod: "POST", URI: uri, Credentials: new("arn:aws:iam::123456789012:role/caller")}},
		"GET /get":        {Integration: &state.Integration{Type: "AWS_PROXY", HTTPMethod: "GET", URI: uri}},
		"GET /broken":     proxy("nonsense"),
		"GET /key":        {APIKeyRequired: true, Integration: proxy(uri).Integration},
		"GET /vtl":        mock(`{"statusCode": $x}`, ``),
		"POST /users":     proxy(uri),
	})
	for _, c := range []struct {
		what     string
		snapshot state.APISnapshot
		request  TryRequest
		outcome  grants.Outcome
		mode     grants.Mode
		payload  string
		status   int
		body     string
		steps    string
	}{
		{what: "a function answers", request: TryRequest{PathWithQuery: "/users/42?a=1"}, payload: `{"statusCode":201,"body":"hello"}`, status: 201, body: "hello", steps: `
ok route: GET /users/42 is method GET /users/{id} of stage dev (deployment dep1).
ok authorizer: The method is open: nobody is asked who calls.
ok door: API Gateway may call fn:live from arn:aws:execute-api:us-east-1:123456789012:abc/dev/GET/users/{id}.
ok integration: arn:aws:lambda:us-east-1:123456789012:function:fn:live ran as version 7 and answered in 0 ms (request id lambda-id).
ok answer: 201, 5 bytes.`},
		{what: "with a body", request: TryRequest{Verb: "POST", PathWithQuery: "/users", Body: []byte("{}")}, payload: `{"statusCode":500,"body":""}`, status: 500, steps: `
ok route: POST /users is method POST /users of stage dev (deployment dep1).
ok authorizer: The method is open: nobody is asked who calls.
ok door: API Gateway may call fn from arn:aws:execute-api:us-east-1:123456789012:abc/dev/POST/users.
ok integration: arn:aws:lambda:us-east-1:123456789012:function:fn ran as version 7 and answered in 0 ms (request id lambda-id).
no answer: 500, 0 bytes.`},
		{what: "a MOCK", request: TryRequest{PathWithQuery: "mock"}, status: 200, body: `{"a":1}`, steps: `
ok route: GET /mock is method GET /mock of stage dev (deployment dep1).
ok authorizer: The method is open: nobody is asked who calls.
ok integration: A MOCK: nothing was called.
ok answer: 200, 7 bytes.`},
		{what: "no permission", request: TryRequest{PathWithQuery: "/users/42"}, outcome: grants.NoPermission, status: 500, body: `{"message": "Internal server error"}`, steps: `
ok route: GET /users/42 is method GET /users/{id} of stage dev (deployment dep1).
ok authorizer: The method is open: nobody is asked who calls.
no door: Refused: no policy of fn:live lets API Gateway call it from arn:aws:execute-api:us-east-1:123456789012:abc/dev/GET/users/{id}. [door0]
no answer: API Gateway itself answered 500: Internal server error`},
		{what: "no such alias", request: TryRequest{PathWithQuery: "/users/42"}, outcome: grants.QualifierMissing, mode: grants.Warn, status: 500, body: `{"message": "Internal server error"}`, steps: `
ok route: GET /users/42 is method GET /users/{id} of stage dev (deployment dep1).
ok authorizer: The method is open: nobody is asked who calls.
no door: Refused: the function has no version or alias live (arn:aws:lambda:us-east-1:123456789012:function:fn). [door0]
no answer: API Gateway itself answered 500: Internal server error`},
		{what: "no such function", request: TryRequest{PathWithQuery: "/users/42"}, outcome: grants.FunctionMissing, status: 500, body: `{"message": "Internal server error"}`, steps: `
ok route: GET /users/42 is method GET /users/{id} of stage dev (deployment dep1).
ok authorizer: The method is open: nobody is asked who calls.
no door: Refused: there is no function arn:aws:lambda:us-east-1:123456789012:function:fn. [door0]
no answer: API Gateway itself answered 500: Internal server error`},
		{what: "a role that trusts nobody", request: TryRequest{PathWithQuery: "/role"}, outcome: grants.CannotAssumeRole, status: 500, body: `{"message": "Internal server error"}`, steps: `
ok route: GET /role is method GET /role of stage dev (deployment dep1).
ok authorizer: The method is open: nobody is asked who calls.
no door: Refused: API Gateway cannot assume the role arn:aws:iam::123456789012:role/caller. [door0]
no answer: API Gateway itself answered 500: Internal server error`},
		{what: "mode warn", request: TryRequest{PathWithQuery: "/role"}, outcome: grants.NoPermission, mode: grants.Warn, payload: `{}`, status: 200, steps: `
ok route: GET /role is method GET /role of stage dev (deployment dep1).
ok authorizer: The method is open: nobody is asked who calls.
ok door: Refused: the credentials arn:aws:iam::123456789012:role/caller do not allow to call fn. (stagedoor runs with --grants warn: it is called all the same.)
ok integration: arn:aws:lambda:us-east-1:123456789012:function:fn ran as version 7 and answered in 0 ms (request id lambda-id).
ok answer: 200, 0 bytes.`},
		{what: "a malformed answer", request: TryRequest{PathWithQuery: "/users/42"}, payload: `"hello"`, status: 502, body: `{"message": "Internal server error"}`, steps: `
ok route: GET /users/42 is method GET /users/{id} of stage dev (deployment dep1).
ok authorizer: The method is open: nobody is asked who calls.
ok door: API Gateway may call fn:live from arn:aws:execute-api:us-east-1:123456789012:abc/dev/GET/users/{id}.
no integration: the function's answer is malformed: it is not a JSON object.
no answer: API Gateway itself answered 502: Internal server error`},
		{what: "the wrong verb", request: TryRequest{PathWithQuery: "/get"}, status: 500, body: `{"message": "Internal server error"}`, steps: `
ok route: GET /get is method GET /get of stage dev (deployment dep1).
ok authorizer: The method is open: nobody is asked who calls.
no integration: Lambda is only called by POST, the integration's httpMethod is "GET".
no answer: API Gateway itself answered 500: Internal server error`},
		{what: "a broken integration", request: TryRequest{PathWithQuery: "/broken"}, status: 500, body: `{"message": "Internal server error"}`, steps: `
ok route: GET /broken is method GET /broken of stage dev (deployment dep1).
ok authorizer: The method is open: nobody is asked who calls.
no integration: the integration URI "nonsense" is not of the form arn:aws:apigateway:REGION:lambda:path/2015-03-31/functions/FUNCTION/invocations.
no answer: API Gateway itself answered 500: Internal server error`},
		{what: "a MOCK that needs more", request: TryRequest{PathWithQuery: "/vtl"}, status: 500, body: `{"message": "Internal server error"}`, steps: `
ok route: GET /vtl is method GET /vtl of stage dev (deployment dep1).
ok authorizer: The method is open: nobody is asked who calls.
no integration: the mapping template uses VTL (# or $), which this version of stagedoor does not evaluate yet.
no answer: API Gateway itself answered 500: Internal server error`},
		{what: "an API key", request: TryRequest{PathWithQuery: "/key"}, status: 403, body: `{"message":"Forbidden"}`, steps: `
ok route: GET /key is method GET /key of stage dev (deployment dep1).
no authorizer: Refused with 403: the method needs an API key, which this version of stagedoor does not check yet.
no answer: API Gateway itself answered 403: Forbidden`},
		{what: "no such path", request: TryRequest{PathWithQuery: "/nowhere"}, status: 403, body: `{"message":"Missing Authentication Token"}`, steps: `
no route: Stage dev of API abc has no method GET /nowhere. AWS calls that a missing authentication token; it has nothing to do with one.
no answer: API Gateway itself answered 403: Missing Authentication Token`},
		{what: "no such stage", request: TryRequest{Stage: "qa", PathWithQuery: "/"}, status: 403, body: `{"message":"Forbidden"}`, steps: `
no route: API abc has no stage "qa". Its stages are dev; the path of a URL begins with one.
no answer: API Gateway itself answered 403: Forbidden`},
		{what: "too long", request: TryRequest{PathWithQuery: "/mock", Headers: [][2]string{{"x", strings.Repeat("x", maxHead)}}}, status: 431, body: "HTTP header is larger than 10240 bytes.", steps: `
no route: HTTP header is larger than 10240 bytes.
no answer: API Gateway itself answered 431: HTTP header is larger than 10240 bytes.`},
		{what: "a resource policy", snapshot: policy(`{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/*","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.1"}}}`), request: TryRequest{SourceIP: "192.0.2.1"}, status: 200, body: "ok", steps: `
ok route: GET / is method GET / of stage dev (deployment dep1).
ok authorizer: The method asks for no signature, and the API's resource policy lets the caller in.
ok integration: A MOCK: nothing was called.
ok answer: 200, 2 bytes.`},
		{what: "a resource policy that does not allow", snapshot: policy(``), status: 403, steps: `
ok route: GET / is method GET / of stage dev (deployment dep1).
no authorizer: Refused with 403: User: anonymous is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:us-east-1:********9012:abc/dev/GET/ because no resource-based policy allows the execute-api:Invoke action [front0]
no answer: API Gateway itself answered 403: User: anonymous is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:us-east-1:********9012:abc/dev/GET/ because no resource-based policy allows the execute-api:Invoke action`},
	} {
		t.Run(c.what, func(t *testing.T) {
			if c.snapshot.Resources == nil {
				c.snapshot = methods
			}
			b := newBed(t, function(func(context.Context, *invoke.Request) (*invoke.Result, error) {
				return &invoke.Result{Payload: []byte(c.payload), RequestID: "lambda-id", ExecutedVersion: "7"}, nil
			}), c.snapshot, &state.Stage{Name: "dev", Variables: map[string]string{"alias": "live"}})
			b.door.outcome = c.outcome
			if c.mode != "" {
				b.door.mode = c.mode
			}
			c.request.API = "abc"
			if c.request.Stage == "" {
				c.request.Stage = "dev"
			}
			trace, err := b.Try(t.Context(), c.request)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(strings.Split(c.steps[1:], "\n"), way(trace)); d != "" {
				t.Error(d)
			}
			if trace.Status != c.status || c.body != "" && string(trace.Body) != c.body || !uuid.MatchString(trace.RequestID) && c.status != 431 {
				t.Errorf("%d %s %s", trace.Status, trace.Body, trace.RequestID)
			}
		})
	}
}

// Try is the request that a client would send: same event, answer and header.
func TestTryIsARequest(t *testing.T) {
	var event string
	b := newBed(t, answers(`{"body":"hello","multiValueHeaders":{"Set-Cookie":["a=1","b=2"]}}`, &event), resources(map[string]*state.Method{"PUT /{proxy+}": proxy(uri)}))
	trace, err := b.Try(t.Context(), TryRequest{
		API: "abc", Stage: "dev", Verb: "PUT", PathWithQuery: "/a%20b/c?x=1&x=2", Headers: [][2]string{{"x-CASE", "1"}, {"Accept", "*/*"}, {"x-CASE", "2"}},
		Body: []byte(`{"a":1}`), Host: "localhost:4566",
	})
	if err != nil {
		t.Fatal(err)
	}
	tried := steady(event)
	b.get("PUT /dev/a%20b/c?x=1&x=2", func(r *http.Request) {
		r.Header["x-CASE"], r.Header["Accept"] = []string{"1", "2"}, []string{"*/*"}
		body(`{"a":1}`)(r)
	})
	without := func(s string) any {
		v := canonicalJSON(t, s).(map[string]any)
		delete(v["requestContext"].(map[string]any), "extendedRequestId")
		return v
	}
	if d := cmp.Diff(without(steady(event)), without(tried)); d != "" {
		t.Error(d)
	}
	var cookies []string
	for _, f := range trace.Headers {
		if f[0] == "Set-Cookie" {
			cookies = append(cookies, f[1])
		}
	}
	if d := cmp.Diff([]string{"a=1", "b=2"}, cookies); d != "" || string(trace.Body) != "hello" || trace.DeploymentID != "dep1" || trace.Canary {
		t.Errorf("%s\n%+v", d, trace)
	}
	// The exchange goes back to the pool: what the trace holds is its own.
	before := cmp.Diff(nil, trace.Headers)
	b.get("PUT /dev/other")
	if after := cmp.Diff(nil, trace.Headers); after != before {
		t.Errorf("%s became %s", before, after)
	}
}

// Which release answers can be chosen.
func TestTryCanary(t *testing.T) {
	own := resources(map[string]*state.Method{"GET /": mock(`{"statusCode": 200}`, "own")})
	next := resources(map[string]*state.Method{"GET /": mock(`{"statusCode": 200}`, "next")})
	b := canaryBed(t, own, &state.Stage{Name: "dev", Canary: &state.CanarySettings{PercentTraffic: 50, DeploymentID: "canary"}}, next)
	b.deploy(own, &state.Stage{Name: "plain"})
	for _, c := range []struct {
		release string
		share   float64
		want    string
	}{{"", 0, "next"}, {"", 0.5, "own"}, {ProductionRelease, 0, "own"}, {CanaryRelease, 0.5, "next"}} {
		b.draws(c.share)
		trace, err := b.Try(t.Context(), TryRequest{API: "abc", Stage: "dev", Release: c.release})
		if err != nil {
			t.Fatal(err)
		}
		if string(trace.Body) != c.want || trace.Canary != (c.want == "next") {
			t.Errorf("%q at %g: %s, %+v", c.release, c.share, trace.Body, trace)
		}
		if want := "its canary, deployment canary"; trace.Canary != strings.Contains(trace.Steps[0].What, want) {
			t.Error(trace.Steps[0].What)
		}
	}
}

// What cannot be sent is an error with the remedy, and nothing is sent.
func TestTryRefuses(t *testing.T) {
	b := newBed(t, answers(`{}`, nil), resources(map[string]*state.Method{"GET /": proxy(uri)}))
	for _, c := range []struct {
		request TryRequest
		want    string
	}{
		{TryRequest{API: "abc", Stage: "dev", Release: CanaryRelease}, "stage dev of API abc has no canary"},
		{TryRequest{API: "abc", Stage: "dev", Release: "both"}, `release "both" is neither production nor canary`},
		{TryRequest{API: "abc", Stage: "dev", Verb: "G T"}, "cannot be sent"},
		{TryRequest{API: "abc", Stage: "dev", PathWithQuery: "/%zz"}, "cannot be sent"},
		{TryRequest{API: "abc", Stage: "dev", PathWithQuery: "/a#b"}, "write %23"},
		{TryRequest{API: "abc", Stage: "dev", Headers: [][2]string{{"a b", ""}}}, "a name is of letters"},
		{TryRequest{API: "abc", Stage: "dev", Headers: [][2]string{{"a", "b\r\nc: d"}}}, "no line break"},
		{TryRequest{API: "a/b", Stage: "dev"}, "is no id of an API"},
		{TryRequest{API: "abc", Stage: "dev/../x"}, "is no name of a stage"},
	} {
		if _, err := b.Try(t.Context(), c.request); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c.request, err)
		}
	}
	if len(b.door.asked) != 0 {
		t.Errorf("asked %d times", len(b.door.asked))
	}
}
