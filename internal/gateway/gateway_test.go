package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/invoke"
	"github.com/stagedoor/stagedoor/internal/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeDoor answers as it is told and notes what it was asked.
type fakeDoor struct {
	mu      sync.Mutex
	outcome grants.Outcome
	mode    grants.Mode
	asked   []grants.Call
	refused []grants.Call
	turned  []*grants.APIRefusal // away
}

func (d *fakeDoor) Decide(c *grants.Call) grants.Outcome {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, *c)
	return d.outcome
}

func (d *fakeDoor) Refuse(_ context.Context, c *grants.Call, _ grants.Outcome) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refused = append(d.refused, *c)
}

func (d *fakeDoor) RefuseAPI(r *grants.APIRefusal) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.turned = append(d.turned, r)
}

func (d *fakeDoor) Explain(c *grants.Call) *grants.Decision {
	return &grants.Decision{SourceARN: c.SourceARN, Outcome: d.outcome}
}

func (d *fakeDoor) Mode() grants.Mode { return d.mode }

func (d *fakeDoor) Flush(context.Context) error { return nil }

func (d *fakeDoor) Decision(_ context.Context, id string) (*grants.Decision, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, c := range d.refused {
		if c.RequestID == id {
			return &grants.Decision{ID: "door" + itoa(i)}, nil
		}
	}
	for i, r := range d.turned {
		if r.Call.RequestID == id {
			return &grants.Decision{ID: "front" + itoa(i)}, nil
		}
	}
	return nil, grants.ErrDecisionNotFound
}

// function is an Invoker that is a Go function.
type function func(ctx context.Context, r *invoke.Request) (*invoke.Result, error)

func (f function) Invoke(ctx context.Context, r *invoke.Request) (*invoke.Result, error) {
	return f(ctx, r)
}

// answers returns a function that answers payload and stores the event.
func answers(payload string, event *string) function {
	return func(_ context.Context, r *invoke.Request) (*invoke.Result, error) {
		if event != nil {
			*event = string(r.Payload)
		}
		return &invoke.Result{Payload: []byte(payload), RequestID: "lambda-request-id", ExecutedVersion: "$LATEST"}, nil
	}
}

var testTime = time.Date(2015, 4, 9, 12, 34, 56, 789e6, time.UTC)

// counter is a predictable source of "random" numbers.
func counter() func() uint64 {
	var n atomic.Uint64
	return func() uint64 { return n.Add(1) * 0x0101010101010101 }
}

type bed struct {
	*Gateway
	door *fakeDoor
	log  *bytes.Buffer
}

// newBed is a Gateway without a store that serves one API, id "abc".
func newBed(t testing.TB, f Invoker, snapshot state.APISnapshot, stages ...*state.Stage) *bed {
	t.Helper()
	b := &bed{door: &fakeDoor{mode: grants.Enforce}, log: new(bytes.Buffer)}
	b.Gateway = New(nil, b.door, f, nil, Options{
		Now: func() time.Time { return testTime }, Random: counter(),
		Logger: slog.New(slog.NewTextHandler(b.log, nil)),
	})
	b.deploy(snapshot, stages...)
	t.Cleanup(func() {
		if err := b.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return b
}

const (
	testAccount = "123456789012"
	testRegion  = "us-east-1"
)

func (b *bed) deploy(snapshot state.APISnapshot, stages ...*state.Stage) {
	dep := &state.Deployment{Account: testAccount, Region: testRegion, API: "abc", ID: "dep1", APIName: "story", APISnapshot: snapshot}
	b.compiler.onDeployment(state.DeploymentKey(testAccount, testRegion, "abc", "dep1"), nil, dep, 1)
	if len(stages) == 0 {
		stages = []*state.Stage{{Name: "dev"}}
	}
	for _, s := range stages {
		s.Account, s.Region, s.API, s.DeploymentID = testAccount, testRegion, "abc", "dep1"
		b.compiler.onStage(state.StageKey(testAccount, testRegion, "abc", s.Name), nil, s, 2)
	}
}

// resources makes a snapshot from "VERB /path" → method.
func resources(methods map[string]*state.Method) state.APISnapshot {
	s := state.APISnapshot{Resources: map[string]*state.Resource{}}
	for line, m := range methods {
		verb, path, _ := strings.Cut(line, " ")
		id := "res" + strings.NewReplacer("/", "_", "{", "", "}", "", "+", "").Replace(path)
		if s.Resources[id] == nil {
			s.Resources[id] = &state.Resource{ID: id, Path: path, Methods: map[string]*state.Method{}}
		}
		m.HTTPMethod = verb
		if m.AuthorizationType == "" {
			m.AuthorizationType = "NONE"
		}
		s.Resources[id].Methods[verb] = m
	}
	return s
}

const uri = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:fn/invocations"

func proxy(uri string) *state.Method {
	return &state.Method{Integration: &state.Integration{Type: "AWS_PROXY", HTTPMethod: "POST", URI: uri, TimeoutMillis: 29000}}
}

func mock(request, response string) *state.Method {
	return &state.Method{
		Responses: map[string]*state.MethodResponse{"200": {StatusCode: "200"}},
		Integration: &state.Integration{Type: "MOCK",
			RequestTemplates: map[string]string{"application/json": request},
			Responses: map[string]*state.IntegrationResponse{
				"200": {StatusCode: "200", ResponseTemplates: map[string]string{"application/json": response}},
			}},
	}
}

const host = "abc.execute-api.localhost:4566"

// get sends one request, "VERB /path", to the virtual host.
func (b *bed) get(line string, edit ...func(*http.Request)) *http.Response {
	verb, path, _ := strings.Cut(line, " ")
	r := httptest.NewRequest(verb, path, nil)
	r.Host = host
	r.RemoteAddr = "127.0.0.1:40000"
	for _, e := range edit {
		e(r)
	}
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	return w.Result()
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Add(name, value) }
}

func body(text string) func(*http.Request) {
	return func(r *http.Request) {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	}
}

func read(r *http.Response) string {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// The answers that the gateway itself makes: status, body, error type.
func TestGatewayAnswers(t *testing.T) {
	b := newBed(t, answers(`{}`, nil), resources(map[string]*state.Method{
		"GET /mock":      mock(`{"statusCode": 200}`, `ok`),
		"GET /iam":       {AuthorizationType: "AWS_IAM", Integration: mock(`{"statusCode": 200}`, `secret`).Integration},
		"GET /custom":    {AuthorizationType: "CUSTOM", Integration: mock(`{"statusCode": 200}`, `secret`).Integration},
		"GET /cognito":   {AuthorizationType: "COGNITO_USER_POOLS", Integration: mock(`{"statusCode": 200}`, `secret`).Integration},
		"GET /key":       {APIKeyRequired: true, Integration: mock(`{"statusCode": 200}`, `secret`).Integration},
		"GET /http":      {Integration: &state.Integration{Type: "HTTP_PROXY", URI: "http://example.com"}},
		"GET /none":      {},
		"POST /mock":     mock(`{"statusCode": 200}`, `ok`),
		"GET /malformed": proxy("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions//invocations"),
	}))
	const ise = `{"message": "Internal server error"}`
	for _, c := range []struct {
		request, what string
		status        int
		body, kind    string
		edit          []func(*http.Request)
	}{
		{"GET /dev/mock", "", 200, "ok", "", nil},
		{"GET /dev/nowhere", "AWS recording test_apigateway_common", 403, `{"message":"Missing Authentication Token"}`, "MissingAuthenticationTokenException", nil},
		{"PUT /dev/mock", "a verb that does not exist is an unknown path", 403, `{"message":"Missing Authentication Token"}`, "MissingAuthenticationTokenException", nil},
		{"GET /nostage/mock", "aws-facts part 4", 403, `{"message":"Forbidden"}`, "ForbiddenException", nil},
		{"GET /", "", 403, `{"message":"Forbidden"}`, "ForbiddenException", nil},
		{"GET /dev/mock", "unknown API", 403, `{"message":"Forbidden"}`, "ForbiddenException", []func(*http.Request){func(r *http.Request) { r.Host = "zzz.execute-api.localhost" }}},
		{"GET /dev/iam", "never silently open", 403, `{"message":"Missing Authentication Token"}`, "MissingAuthenticationTokenException", nil},
		{"GET /dev/custom", "never silently open", 401, `{"message":"Unauthorized"}`, "UnauthorizedException", nil},
		{"GET /dev/cognito", "never silently open", 401, `{"message":"Unauthorized"}`, "UnauthorizedException", nil},
		{"GET /dev/key", "never silently open", 403, `{"message":"Forbidden"}`, "ForbiddenException", nil},
		{"GET /dev/http", "not implemented", 500, ise, "InternalServerErrorException", nil},
		{"GET /dev/none", "no integration", 500, ise, "InternalServerErrorException", nil},
		{"GET /dev/malformed", "denials 38", 500, ise, "InternalServerErrorException", nil},
		{"GET /dev/mock", "10,240 bytes", 431, `HTTP header is larger than 10240 bytes.`, "", []func(*http.Request){header("X-Long", strings.Repeat("x", 10240))}},
		{"POST /dev/mock", "10 MB declared", 413, `HTTP content length exceeded 10485760 bytes.`, "", []func(*http.Request){func(r *http.Request) { r.ContentLength = 10<<20 + 1 }}},
		{"POST /dev/mock", "10 MB sent", 413, `HTTP content length exceeded 10485760 bytes.`, "", []func(*http.Request){body(strings.Repeat("x", 10<<20+1)), func(r *http.Request) { r.ContentLength = -1 }}},
		{"POST /dev/mock", "10 MB is allowed", 200, "ok", "", []func(*http.Request){body(strings.Repeat("x", 10<<20))}},
	} {
		r := b.get(c.request, c.edit...)
		if got := read(r); r.StatusCode != c.status || got != c.body || r.Header["x-amzn-ErrorType"] == nil != (c.kind == "") || c.kind != "" && r.Header["x-amzn-ErrorType"][0] != c.kind {
			t.Errorf("%s (%s): %d %s %v, want %d %s %s", c.request, c.what, r.StatusCode, got, r.Header["x-amzn-ErrorType"], c.status, c.body, c.kind)
		}
		if strings.HasPrefix(c.body, "HTTP ") {
			// koki-develop/lgtm-generator#10: plain text and no ids
			if len(r.Header["x-amzn-RequestId"]) != 0 || r.Header.Get("Content-Type") != "text; charset=utf-8" {
				t.Errorf("%s: header %v", c.request, r.Header)
			}
			continue
		}
		if len(r.Header["x-amzn-RequestId"]) != 1 || len(r.Header["x-amz-apigw-id"]) != 1 || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: header %v", c.request, r.Header)
		}
	}
	for _, want := range []string{"(CUSTOM)", "API key", "HTTP_PROXY", "no function name"} {
		if !strings.Contains(b.log.String(), want) {
			t.Errorf("nobody is told about %q", want)
		}
	}
}

// An API with a resource policy, or closed at its default address, is shut.
func TestClosedAPIs(t *testing.T) {
	policy := `{"Version":"2012-10-17","Statement":[]}`
	snapshot := resources(map[string]*state.Method{"GET /": mock(`{"statusCode": 200}`, `secret`)})
	snapshot.Policy = &policy
	b := newBed(t, answers(`{}`, nil), snapshot)
	if r := b.get("GET /dev/"); r.StatusCode != 403 || read(r) != `{"Message":"User: anonymous is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:us-east-1:********9012:abc/dev/GET/ because no resource-based policy allows the execute-api:Invoke action"}` {
		t.Errorf("resource policy: %d", r.StatusCode)
	}
	snapshot.Policy, snapshot.DisableExecuteAPIEndpoint = nil, true
	b.deploy(snapshot)
	if r := b.get("GET /dev/"); r.StatusCode != 403 || read(r) != `{"message":"Forbidden"}` {
		t.Errorf("disableExecuteApiEndpoint: %d", r.StatusCode)
	}
}

// The three ways to address a stage reach the same method.
func TestAddresses(t *testing.T) {
	b := newBed(t, answers(`{}`, nil), resources(map[string]*state.Method{"GET /a": mock(`{"statusCode": 200}`, `ok`), "GET /": mock(`{"statusCode": 200}`, `root`)}))
	for _, c := range []struct{ host, path, want string }{
		{"abc.execute-api.localhost:4566", "/dev/a", "ok"},
		{"ABC.execute-api.localhost:4566", "/dev/a", "ok"}, // host names know no case
		{"abc.execute-api.us-east-1.amazonaws.com", "/dev/a", "ok"},
		{"abc.execute-api.localhost.localstack.cloud:4566", "/dev/a", "ok"},
		{"abc.execute-api.localhost:4566", "//dev/a", "ok"}, // AWS recording test_lambda_aws_proxy_integration
		{"abc.execute-api.localhost:4566", "/dev//a", "ok"},
		{"abc.execute-api.localhost:4566", "/dev", "root"},
		{"localhost:4566", "/restapis/abc/dev/_user_request_/a", "ok"},
		{"localhost:4566", "/restapis/abc/dev/_user_request_", "root"},
		{"localhost:4566", "/_aws/execute-api/abc/dev/a", "ok"},
		{"localhost:4566", "/_aws/execute-api/abc/dev", "root"},
		{"localhost:4566", "/_aws/execute-api/", `{"message":"Forbidden"}`},
		{"localhost:4566", "/restapis/abc", `{"message":"Forbidden"}`},
	} {
		if got := read(b.get("GET "+c.path, func(r *http.Request) { r.Host = c.host })); got != c.want {
			t.Errorf("%s%s: %s, want %s", c.host, c.path, got, c.want)
		}
	}
}

// A change of stage or deployment is seen by the next request.
func TestPictureFollows(t *testing.T) {
	b := newBed(t, answers(`{}`, nil), resources(map[string]*state.Method{"GET /": mock(`{"statusCode": 200}`, `one`)}))
	key := state.StageKey(testAccount, testRegion, "abc", "dev")
	if got := read(b.get("GET /dev/")); got != "one" {
		t.Fatal(got)
	}
	stage := &state.Stage{Account: testAccount, Region: testRegion, API: "abc", Name: "dev", DeploymentID: "dep2"}
	b.compiler.onStage(key, nil, stage, 3)
	if r := b.get("GET /dev/"); r.StatusCode != 403 {
		t.Errorf("deployment that is not there: %d", r.StatusCode)
	}
	dep := &state.Deployment{Account: testAccount, Region: testRegion, API: "abc", ID: "dep2",
		APISnapshot: resources(map[string]*state.Method{"GET /": mock(`{"statusCode": 200}`, `two`)})}
	b.compiler.onDeployment(state.DeploymentKey(testAccount, testRegion, "abc", "dep2"), nil, dep, 4)
	if got := read(b.get("GET /dev/")); got != "two" {
		t.Errorf("after the deployment came: %s", got)
	}
	b.compiler.onStage(key, stage, nil, 5)
	if r := b.get("GET /dev/"); r.StatusCode != 403 {
		t.Errorf("deleted stage: %d", r.StatusCode)
	}
	if n := len(b.picture.Load().apis); n != 0 {
		t.Errorf("%d APIs are left", n)
	}
}

// The story of the first issue: one API, three stages, a stage variable.
func TestStageVariablesAndDoor(t *testing.T) {
	ran := 0
	snapshot := resources(map[string]*state.Method{
		"GET /resource":  proxy(strings.Replace(uri, "function:fn", "function:my-function-${stageVariables.env}", 1)),
		"ANY /{proxy+}":  proxy(strings.Replace(uri, "function:fn", "function:my-function:${stageVariables.env}", 1)),
		"GET /":          proxy(strings.Replace(uri, "arn:aws:lambda:us-east-1:123456789012:function:fn", "${stageVariables.arn}", 1)),
		"GET /elsewhere": proxy(strings.Replace(uri, "us-east-1", "eu-west-1", 2)),
	})
	b := newBed(t, function(func(_ context.Context, r *invoke.Request) (*invoke.Result, error) {
		ran++
		return &invoke.Result{Payload: []byte(`{"body":"` + r.Function + " " + r.Qualifier + " " + r.InvokedARN + `"}`)}, nil
	}), snapshot,
		&state.Stage{Name: "dev", Variables: map[string]string{"env": "dev", "arn": "arn:aws:lambda:us-east-1:123456789012:function:whole:7"}},
		&state.Stage{Name: "prod", Variables: map[string]string{"env": "prod"}},
		&state.Stage{Name: "bare"})
	const arn = "arn:aws:lambda:us-east-1:123456789012:function:"
	const source = "arn:aws:execute-api:us-east-1:123456789012:abc/"
	for _, c := range []struct{ request, function, qualifier, source string }{
		{"GET /dev/resource", "my-function-dev", "", source + "dev/GET/resource"},
		{"GET /prod/resource", "my-function-prod", "", source + "prod/GET/resource"},
		{"GET /bare/resource", "my-function-", "", source + "bare/GET/resource"},
		{"POST /dev/x/y", "my-function", "dev", source + "dev/ANY/{proxy+}"}, // recorded log, 2017
		{"GET /dev/", "whole", "7", source + "dev/GET/"},                     // recorded log, 2022
		{"GET /dev/elsewhere", "fn", "", "arn:aws:execute-api:eu-west-1:123456789012:abc/dev/GET/elsewhere"},
	} {
		b.door.asked = nil
		r := b.get(c.request)
		if r.StatusCode != 200 || len(b.door.asked) != 1 {
			t.Errorf("%s: %d, asked %d times", c.request, r.StatusCode, len(b.door.asked))
			continue
		}
		q := b.door.asked[0]
		name := q.FunctionARN[strings.LastIndexByte(q.FunctionARN, ':')+1:]
		if name != c.function || q.Qualifier != c.qualifier || q.SourceARN != c.source || q.SourceAccount != testAccount || q.DeploymentID != "dep1" || q.RequestID == "" {
			t.Errorf("%s asked %+v", c.request, q)
		}
	}
	if got := read(b.get("GET /dev/resource")); got != "my-function-dev  "+arn+"my-function-dev" {
		t.Errorf("invoked %s", got)
	}

	ran = 0
	b.door.outcome = grants.NoPermission
	r := b.get("GET /dev/resource")
	if got := read(r); r.StatusCode != 500 || got != `{"message": "Internal server error"}` || ran != 0 || len(b.door.refused) != 1 {
		t.Errorf("refused: %d %s, function ran %d times, %d refusals", r.StatusCode, got, ran, len(b.door.refused))
	}
	b.door.mode = grants.Warn
	if r := b.get("GET /dev/resource"); r.StatusCode != 200 || ran != 1 || len(b.door.refused) != 2 {
		t.Errorf("mode warn: %d, function ran %d times, %d refusals", r.StatusCode, ran, len(b.door.refused))
	}
	// Undefined: an illegal name never reaches the door, and somebody is told.
	b.door.asked = nil
	if r := b.get("GET /bare/x"); r.StatusCode != 500 || len(b.door.asked) != 0 || b.door.refused[2].FunctionARN != arn+"my-function:" || !strings.Contains(b.log.String(), "path=/variables/env") {
		t.Errorf("empty alias: %d, asked %d times\n%s", r.StatusCode, len(b.door.asked), b.log)
	}
}

func TestParseTarget(t *testing.T) {
	const prefix = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
	for _, c := range []struct{ uri, want string }{
		{prefix + "arn:aws:lambda:us-east-1:123456789012:function:fn/invocations", "arn:aws:lambda:us-east-1:123456789012:function:fn"},
		{prefix + "arn:aws:lambda:us-east-1:123456789012:function:fn:live/invocations", "arn:aws:lambda:us-east-1:123456789012:function:fn:live"},
		{prefix + "arn:aws:lambda:us-east-1:123456789012:function:fn:$LATEST/invocations", "arn:aws:lambda:us-east-1:123456789012:function:fn:$LATEST"},
		{prefix + "arn:aws:lambda:eu-west-1:999999999999:function:fn/invocations", "arn:aws:lambda:eu-west-1:999999999999:function:fn"},
		{prefix + "fn/invocations", "arn:aws:lambda:us-east-1:123456789012:function:fn"},
		{prefix + "fn:${stageVariables.env}/invocations", "arn:aws:lambda:us-east-1:123456789012:function:fn:dev"},
		{prefix + "999999999999:function:fn:7/invocations", "arn:aws:lambda:us-east-1:999999999999:function:fn:7"},
		{"arn:aws-cn:apigateway:cn-north-1:lambda:path/2015-03-31/functions/fn/invocations", "arn:aws-cn:lambda:cn-north-1:123456789012:function:fn"},
		{prefix + "fn", "error"},              // denials 38: without /invocations
		{prefix + "fn /invocations", "error"}, // a blank in the ARN
		{prefix + "fn:/invocations", "error"}, // denials 39: empty alias
		{prefix + "${stageVariables.none}/invocations", "error"},
		{prefix + "arn:aws:lambda:us-east-1:12345:function:fn/invocations", "error"},
		{prefix + "arn:aws:sqs:us-east-1:123456789012:fn/invocations", "error"},
		{"arn:aws:apigateway:us-east-1:sqs:path/123456789012/queue", "error"},
		{"http://example.com", "error"},
		{"", "error"},
	} {
		got := "error"
		if target, err := parseTarget(c.uri, map[string]string{"env": "dev"}, testRegion, testAccount); err == nil {
			got = target.qualified()
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.uri, got, c.want)
		}
	}
}

// Requests during a change see the stage before it or after it, whole.
func TestSwapUnderLoad(t *testing.T) {
	b := newBed(t, answers(`{}`, nil), resources(map[string]*state.Method{"GET /": proxy(strings.Replace(uri, ":fn", ":fn-${stageVariables.a}-${stageVariables.b}", 1))}),
		&state.Stage{Name: "dev", Variables: map[string]string{"a": "x", "b": "x"}})
	var clients sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					if r := b.get("GET /dev/"); r.StatusCode != 200 {
						t.Errorf("%d", r.StatusCode)
						return
					}
				}
			}
		})
	}
	for i := range 200 {
		v := string(rune('a' + i%26))
		b.compiler.onStage(state.StageKey(testAccount, testRegion, "abc", "dev"), nil,
			&state.Stage{Account: testAccount, Region: testRegion, API: "abc", Name: "dev", DeploymentID: "dep1", Variables: map[string]string{"a": v, "b": v}}, uint64(i))
	}
	close(stop)
	clients.Wait()
	for _, c := range b.door.asked {
		name := c.FunctionARN[strings.LastIndexByte(c.FunctionARN, ':')+1:]
		if name[3] != name[5] {
			t.Fatalf("half a change: %s", name)
		}
	}
}

func canonicalJSON(t testing.TB, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}
