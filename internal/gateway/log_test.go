package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/invoke"
	"github.com/stagedoor/stagedoor/internal/logs"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
	"github.com/stagedoor/stagedoor/internal/store/storetest"
)

// storeBed is a Gateway over a real store and real logs.
type storeBed struct {
	*Gateway
	t     *testing.T
	store *store.Store
	logs  *logs.Logs
	door  *fakeDoor
}

func newStoreBed(t *testing.T, f Invoker, snapshot state.APISnapshot, stage *state.Stage) *storeBed {
	t.Helper()
	s := storetest.New(t)
	l, err := logs.New(s, logs.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	b := &storeBed{t: t, store: s, logs: l, door: &fakeDoor{mode: grants.Enforce}}
	b.Gateway = New(s, b.door, f, l, Options{Logger: slog.New(slog.DiscardHandler), Random: counter()})
	t.Cleanup(func() {
		if err := b.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	put(b, state.RestAPIKey(testAccount, testRegion, "abc"), &state.RestAPI{Account: testAccount, Region: testRegion, ID: "abc", APISnapshot: snapshot})
	put(b, state.DeploymentKey(testAccount, testRegion, "abc", "dep1"), &state.Deployment{Account: testAccount, Region: testRegion, API: "abc", ID: "dep1", APISnapshot: snapshot})
	stage.Account, stage.Region, stage.API, stage.DeploymentID = testAccount, testRegion, "abc", "dep1"
	put(b, state.StageKey(testAccount, testRegion, "abc", stage.Name), stage)
	return b
}

func put[T any](b *storeBed, key state.Key, rec *T) {
	b.t.Helper()
	if _, err := store.Put(b.t.Context(), b.store, key, rec); err != nil {
		b.t.Fatal(err)
	}
}

func (b *storeBed) cloudWatchRole() {
	put(b, state.APIGatewayAccountKey(testAccount, testRegion), &state.APIGatewayAccount{CloudWatchRoleARN: "arn:aws:iam::123456789012:role/logs"})
}

func (b *storeBed) get(line string, edit ...func(*http.Request)) *http.Response {
	return (&bed{Gateway: b.Gateway}).get(line, edit...)
}

var (
	uuid      = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`)
	extended  = regexp.MustCompile(`Id: [A-Za-z0-9_-]{15}=`)
	stars     = regexp.MustCompile(`\*{64}[0-9a-f]{6}`)
	sha       = regexp.MustCompile(`Sha256=[0-9a-f]{64}`)
	traces    = regexp.MustCompile(`1-[0-9a-f]{8}-[0-9a-f]{24}`)
	lineages  = regexp.MustCompile(`;Parent=[0-9a-f]{16};Sampled=0;Lineage=1:[0-9a-f]{8}:0`)
	amzDate   = regexp.MustCompile(`Date=\d{8}T\d{6}Z`)
	httpDate  = regexp.MustCompile(`Date=\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT`)
	latencies = regexp.MustCompile(`latency: \d+ ms`)
	testStamp = regexp.MustCompile(`(?m)^\w{3} \w{3} \d\d \d\d:\d\d:\d\d UTC \d{4} : `)
)

// steady replaces what differs from run to run.
func steady(s string) string {
	s = uuid.ReplaceAllString(s, "ID")
	s = extended.ReplaceAllString(s, "Id: EXT")
	s = stars.ReplaceAllString(s, "****")
	s = sha.ReplaceAllString(s, "Sha256=SHA")
	s = traces.ReplaceAllString(s, "TRACE")
	s = lineages.ReplaceAllString(s, ";LINEAGE")
	s = amzDate.ReplaceAllString(s, "Date=NOW")
	s = httpDate.ReplaceAllString(s, "Date=NOW")
	s = latencies.ReplaceAllString(s, "latency: 1 ms")
	return testStamp.ReplaceAllString(s, "STAMP : ")
}

// messages reads a log group, events in order.
func (b *storeBed) messages(group string) []string {
	b.t.Helper()
	page, err := b.logs.Query(b.t.Context(), logs.Query{Account: testAccount, Region: testRegion, Group: group, Limit: 1000})
	if err != nil {
		return []string{"error: " + err.Error()}
	}
	var out []string
	for _, e := range page.Events {
		out = append(out, steady(e.Message))
	}
	return out
}

func prefixed(text string) []string {
	var out []string
	for line := range strings.Lines(strings.TrimLeft(text, "\n")) {
		out = append(out, "(ID) "+strings.TrimSuffix(line, "\n"))
	}
	return out
}

const execGroup = "API-Gateway-Execution-Logs_abc/dev"

func logging(level string, trace bool) map[string]*state.MethodSetting {
	return map[string]*state.MethodSetting{"*/*": {LoggingLevel: level, DataTraceEnabled: trace}}
}

// The line sequences of aws-facts part 3.
func TestExecutionLog(t *testing.T) {
	const begin = `
Extended Request Id: EXT
Verifying Usage Plan for request: ID. API Key:  API Stage: abc/dev
API Key  authorized because method 'GET /fn' does not require API Key. Request will not contribute to throttle or quota limits
Usage Plan check succeeded for API Key  and API Stage abc/dev
Starting execution for request: ID
HTTP Method: GET, Resource Path: /fn
`
	const request = `Method request path: {}
Method request query string: {a=1}
Method request headers: {Authorization=***secret, Host=abc.execute-api.localhost:4566, X-Amzn-Trace-Id=Root=TRACE, X-Forwarded-For=127.0.0.1, X-Forwarded-Port=4566, X-Forwarded-Proto=http}
Method request body before transformations: 
Endpoint request URI: https://lambda.us-east-1.amazonaws.com/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:fn/invocations
Endpoint request headers: {X-Amz-Date=NOW, x-amzn-apigateway-api-id=abc, Accept=application/json, User-Agent=AmazonAPIGateway_abc, Host=lambda.us-east-1.amazonaws.com, X-Amz-Content-Sha256=SHA, X-Amzn-Trace-Id=Root=TRACE, x-amzn-lambda-integration-tag=ID, Authorization=****, X-Amz-Source-Arn=arn:aws:execute-api:us-east-1:123456789012:abc/dev/GET/fn}
Endpoint request body after transformations: EVENT
Sending request to https://lambda.us-east-1.amazonaws.com/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:fn/invocations
`
	const response = `Received response. Status: 200, Integration latency: 1 ms
Endpoint response headers: {Date=NOW, Content-Type=application/json, Content-Length=12, Connection=keep-alive, x-amzn-RequestId=lambda-request-id, X-Amz-Executed-Version=$LATEST, X-Amzn-Trace-Id=Root=TRACE;LINEAGE}
Endpoint response body before transformations: {"body":"x"}
Method response body after transformations: x
Method response headers: {Content-Type=application/json, X-Amzn-Trace-Id=Root=TRACE;LINEAGE}
`
	const success = `Successfully completed execution
Method completed with status: 200
AWS Integration Endpoint RequestId : lambda-request-id
`
	const denied = `Execution failed due to configuration error: Invalid permissions on Lambda function
Method completed with status: 500
`
	for _, c := range []struct {
		name    string
		level   string
		trace   bool
		outcome grants.Outcome
		payload string
		want    string
	}{
		{"INFO, recorded 2026-09-25: nine lines", "INFO", false, grants.Allowed, `{"body":"x"}`, begin + success},
		{"INFO with data trace", "INFO", true, grants.Allowed, `{"body":"x"}`, begin + request + response + success},
		{"missing permission", "INFO", true, grants.NoPermission, ``, begin + request + denied},
		{"missing permission, level ERROR", "ERROR", false, grants.NoPermission, ``, denied},
		{"success, level ERROR", "ERROR", true, grants.Allowed, `{"body":"x"}`, ""},
		{"OFF", "OFF", true, grants.NoPermission, ``, ""},
		{"malformed", "INFO", false, grants.Allowed, `[]`, begin + "Endpoint response body before transformations: []\nExecution failed due to configuration error: Malformed Lambda proxy response\nMethod completed with status: 502\nAWS Integration Endpoint RequestId : lambda-request-id\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newStoreBed(t, answers(c.payload, nil), resources(map[string]*state.Method{"GET /fn": proxy(uri)}),
				&state.Stage{Name: "dev", MethodSettings: logging(c.level, c.trace)})
			b.get("GET /dev/fn") // without the account's role nothing is written
			b.cloudWatchRole()
			b.door.outcome = c.outcome
			b.get("GET /dev/fn?a=1", header("Authorization", "my-secret"))
			got := b.messages(execGroup)
			for i := range got {
				if rest, ok := strings.CutPrefix(got[i], "(ID) Endpoint request body after transformations: {"); ok && len(rest) > 500 && strings.HasSuffix(rest, " [TRUNCATED]") {
					got[i] = "(ID) Endpoint request body after transformations: EVENT"
				}
			}
			if d := cmp.Diff(prefixed(c.want), got); d != "" {
				t.Error(d)
			}
		})
	}
}

// A role that cannot be assumed, and a function that throws (aws-facts part 3).
func TestExecutionLogFailures(t *testing.T) {
	m := proxy(uri)
	role := "arn:aws:iam::123456789012:role/gone"
	m.Integration.Credentials = &role
	b := newStoreBed(t, function(func(context.Context, *invoke.Request) (*invoke.Result, error) {
		return &invoke.Result{FunctionError: "Unhandled", Payload: []byte(`{"errorMessage":"boom"}`), RequestID: "lambda-id"}, nil
	}), resources(map[string]*state.Method{"GET /fn": m}), &state.Stage{Name: "dev", MethodSettings: logging("INFO", false)})
	b.cloudWatchRole()
	b.get("GET /dev/fn")
	b.door.outcome = grants.CannotAssumeRole
	b.get("GET /dev/fn")
	all := strings.Join(b.messages(execGroup), "\n")
	for _, want := range []string{
		"(ID) Lambda execution failed with status 200 due to customer function error: boom. Lambda request id: lambda-id\n(ID) Method completed with status: 502\n(ID) AWS Integration Endpoint RequestId : lambda-id",
		"(ID) Execution failed due to configuration error: API Gateway does not have permission to assume the provided role " + role + "\n(ID) Gateway response type: DEFAULT_5XX with status code: 500\n(ID) Method completed with status: 500",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("missing %q in\n%s", want, all)
		}
	}
	streams, err := b.logs.Streams(t.Context(), testAccount, testRegion, execGroup)
	if err != nil || len(streams) != 1 || !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(streams[0].Name) {
		t.Errorf("streams %v %v", streams, err)
	}
}

func TestLogSetting(t *testing.T) {
	settings := map[string]*state.MethodSetting{
		"*/*":                {LoggingLevel: "INFO"},
		"~1users~1{id}/GET":  {LoggingLevel: "ERROR", DataTraceEnabled: true},
		"~1/GET":             {LoggingLevel: "OFF"},
		"~1users~1{id}/POST": {},
	}
	for _, c := range []struct {
		path, verb string
		level      logLevel
		trace      bool
	}{
		{"/other", "GET", levelInfo, false}, {"/users/{id}", "GET", levelError, true}, {"/", "GET", levelOff, false},
		{"/users/{id}", "POST", levelOff, false}, {"/users/{id}", "PUT", levelInfo, false},
	} {
		if level, trace := logSetting(settings, c.path, c.verb); level != c.level || trace != c.trace {
			t.Errorf("%s %s: %v %v", c.verb, c.path, level, trace)
		}
	}
}

// logSetting is what a method with these settings logs.
func logSetting(settings map[string]*state.MethodSetting, path, verb string) (logLevel, bool) {
	var m methodPlan
	m.apply(settingOf(settings, path, verb))
	return m.level, m.trace
}

func TestCutAndMask(t *testing.T) {
	if got := cut(strings.Repeat("ä", 600)); len(got) != 1024+len(" [TRUNCATED]") || !strings.HasSuffix(got, "ä [TRUNCATED]") {
		t.Errorf("%d bytes", len(got))
	}
	if got := cut(strings.Repeat("x", 1024)); len(got) != 1024 {
		t.Errorf("%d bytes", len(got))
	}
	for in, want := range map[string]string{"": "", "abc": "***", "abcdef": "******", "abcdefg": "*bcdefg"} {
		if got := mask(in); got != want {
			t.Errorf("mask(%q) = %q", in, got)
		}
	}
}

// Access logs: the variables of APIGW-DG api-gateway-variables-for-access-logging;
// the values for a missing permission are DataBiosphere/azul#8301's.
func TestAccessLog(t *testing.T) {
	format := `{"ip":"$context.identity.sourceIp","m":"$context.httpMethod","p":"$context.path","rp":"$context.resourcePath","s":"$context.status","type":"$context.error.responseType","msg":$context.error.messageString,"ie":"$context.integration.error","is":"$context.integration.status","ir":"$context.integration.requestId","x":"$context.unknown.thing.","stage":"$context.stage","az":"$context.authorize.status"}`
	b := newStoreBed(t, answers(`{"body":"x","statusCode":201}`, nil), resources(map[string]*state.Method{"GET /fn": proxy(uri)}),
		&state.Stage{Name: "dev", AccessLog: &state.AccessLogSettings{DestinationARN: "arn:aws:logs:us-east-1:123456789012:log-group:access", Format: format}})
	b.get("GET /dev/fn?q=1")
	b.door.outcome = grants.NoPermission
	b.get("GET /dev/fn")
	b.get("GET /dev/nowhere")
	want := []string{
		`{"ip":"127.0.0.1","m":"GET","p":"/dev/fn","rp":"/fn","s":"201","type":"-","msg":-,"ie":"-","is":"200","ir":"lambda-request-id","x":"-.","stage":"dev","az":"200"}`,
		`{"ip":"127.0.0.1","m":"GET","p":"/dev/fn","rp":"/fn","s":"500","type":"API_CONFIGURATION_ERROR","msg":"Internal server error","ie":"Execution failed due to configuration error: Invalid permissions on Lambda function","is":"-","ir":"-","x":"-.","stage":"dev","az":"200"}`,
		`{"ip":"127.0.0.1","m":"GET","p":"/dev/nowhere","rp":"-","s":"403","type":"MISSING_AUTHENTICATION_TOKEN","msg":"Missing Authentication Token","ie":"-","is":"-","ir":"-","x":"-.","stage":"dev","az":"-"}`,
	}
	if d := cmp.Diff(want, b.messages("access")); d != "" {
		t.Error(d)
	}
}

// AWS recording test_invoke_test_method (2025-09-29), every case.
func TestTestInvokeMock(t *testing.T) {
	petID := mock(`{"statusCode": 200}`, `{"petId": "literal"}`)
	b := newStoreBed(t, answers(`{}`, nil), resources(map[string]*state.Method{
		"GET /pets": mock(`{"statusCode": 200}`, `{"pets": "all the pets"}`), "GET /pets/{petId}": petID, "POST /pets/{petId}": mock(`{"statusCode": 200}`, `{"petId": "literal"}`),
	}), &state.Stage{Name: "dev"})
	for _, c := range []struct{ resource, verb, path, body, logPath, params, query, want string }{
		{"res_pets", "GET", "", "", "/pets", "{}", "{}", `{"pets": "all the pets"}`},
		{"res_pets", "GET", "/random/test", "", "/random/test", "{}", "{}", `{"pets": "all the pets"}`},
		{"res_pets_petId", "GET", "/pets/123", "", "/pets/123", "{petId=123}", "{}", `{"petId": "literal"}`},
		{"res_pets_petId", "GET", "", "", "/pets/{petId}", "{petId={petId}}", "{}", `{"petId": "literal"}`},
		{"res_pets_petId", "GET", "/random/test", "", "/random/test", "{}", "{}", `{"petId": "literal"}`},
		{"res_pets_petId", "GET", "/pets/123?foo=bar", "", "/pets/123", "{petId=123}", "{foo=bar}", `{"petId": "literal"}`},
		{"res_pets_petId", "POST", "/pets/123", `{"foo": "bar"}`, "/pets/123", "{petId=123}", "{}", `{"petId": "literal"}`},
	} {
		r, err := b.TestInvoke(t.Context(), TestRequest{Account: testAccount, Region: testRegion, API: "abc", ResourceID: c.resource, Method: c.verb, PathWithQuery: c.path, Body: c.body})
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf(`Execution log for request ID
STAMP : Starting execution for request: ID
STAMP : HTTP Method: %s, Resource Path: %s
STAMP : Method request path: %s
STAMP : Method request query string: %s
STAMP : Method request headers: {}
STAMP : Method request body before transformations: %s
STAMP : Method response body after transformations: %s
STAMP : Method response headers: {Content-Type=application/json}
STAMP : Successfully completed execution
STAMP : Method completed with status: 200
`, c.verb, c.logPath, c.params, c.query, c.body, c.want)
		if d := cmp.Diff(want, steady(r.Log)); d != "" || r.Status != 200 || r.Body != c.want {
			t.Errorf("%v: %d %s\n%s", c, r.Status, r.Body, d)
		}
		if d := cmp.Diff(map[string]string{"Content-Type": "application/json"}, r.Headers); d != "" {
			t.Error(d)
		}
	}
	for what, want := range map[[3]string]error{
		{"zzz", "res_pets", "GET"}: ErrNoAPI, {"abc", "nope", "GET"}: ErrNoResource, {"abc", "res_pets", "HEAD"}: ErrNoMethod,
	} {
		if _, err := b.TestInvoke(t.Context(), TestRequest{Account: testAccount, Region: testRegion, API: what[0], ResourceID: what[1], Method: what[2]}); err != want {
			t.Errorf("%v: %v, want %v", what, err, want)
		}
	}
}

// The Test button's SourceArn has its own stage (aws-facts part 1), and a
// refusal has the same sentence as on a stage.
func TestTestInvokeLambda(t *testing.T) {
	var event string
	b := newStoreBed(t, answers(`{"body":"x"}`, &event), resources(map[string]*state.Method{"GET /": proxy(strings.Replace(uri, ":fn", ":fn-${stageVariables.env}", 1))}), &state.Stage{Name: "dev"})
	request := TestRequest{Account: testAccount, Region: testRegion, API: "abc", ResourceID: "res_", Method: "GET", StageVariables: map[string]string{"env": "dev"}, Headers: map[string]string{"A": "1"}}
	r, err := b.TestInvoke(t.Context(), request)
	if err != nil || r.Status != 200 || r.Body != "x" {
		t.Fatal(r, err)
	}
	call := b.door.asked[0]
	if call.SourceARN != "arn:aws:execute-api:us-east-1:123456789012:abc/test-invoke-stage/GET/" || !call.TestInvoke || !strings.HasSuffix(call.FunctionARN, ":fn-dev") {
		t.Errorf("asked %+v", call)
	}
	if !strings.Contains(r.Log, "X-Amz-Source-Arn="+call.SourceARN) || strings.Contains(r.Log, "Usage Plan") || strings.Contains(r.Log, "AWS Integration Endpoint") {
		t.Error(r.Log)
	}
	if e := canonicalJSON(t, event).(map[string]any); e["requestContext"].(map[string]any)["stage"] != "test-invoke-stage" || e["headers"].(map[string]any)["A"] != "1" {
		t.Error(event)
	}
	b.door.outcome = grants.NoPermission
	r, err = b.TestInvoke(t.Context(), request)
	if err != nil || r.Status != 500 || !strings.Contains(r.Log, ": Execution failed due to configuration error: Invalid permissions on Lambda function\n") || !strings.HasSuffix(r.Log, " : Method completed with status: 500\n") {
		t.Error(r, err)
	}
}

// A write to the store is seen by the first request after it.
func TestStoreFollows(t *testing.T) {
	b := newStoreBed(t, answers(`{}`, nil), resources(map[string]*state.Method{"GET /": proxy(strings.Replace(uri, ":fn", ":fn-${stageVariables.env}", 1))}), &state.Stage{Name: "dev", Variables: map[string]string{"env": "0"}})
	key := state.StageKey(testAccount, testRegion, "abc", "dev")
	for i := range 20 {
		env := fmt.Sprint(i)
		if _, err := store.Update(t.Context(), b.store, key, func(s *state.Stage) error {
			s.Variables = map[string]string{"env": env}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		b.get("GET /dev/")
		if got := b.door.asked[i].FunctionARN; !strings.HasSuffix(got, ":fn-"+env) {
			t.Fatalf("write %d: asked for %s", i, got)
		}
	}
	// A second gateway on the same store begins with what is there.
	again := New(b.store, b.door, b.invoker, nil, Options{})
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/dev/", nil)
	r.Host = host
	again.ServeHTTP(w, r)
	if w.Code != 200 {
		t.Errorf("after a restart: %d", w.Code)
	}
	if err := store.Delete(t.Context(), b.store, key); err != nil {
		t.Fatal(err)
	}
	if r := b.get("GET /dev/"); r.StatusCode != 403 {
		t.Errorf("after DeleteStage: %d", r.StatusCode)
	}
}
