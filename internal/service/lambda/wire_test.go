package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/awswire"
)

// wire is a Service behind awswire.Server, with the real SDK client before it.
type wire struct {
	*fixture
	server *httptest.Server
	client *lambda.Client
}

func newWire(t *testing.T) *wire {
	t.Helper()
	f := newFixture(t)
	f.Service.now, f.Service.updateTime, f.Service.pendingTime = time.Now, 20*time.Millisecond, 0
	handler := awswire.NewServer(awswire.ServerOptions{
		Services: map[string]awswire.Operations{"lambda": f.Operations()}, Account: testAccount, Region: testRegion,
	})
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return &wire{f, server, lambda.New(lambda.Options{
		BaseEndpoint: &server.URL, Region: testRegion, Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		Retryer: aws.NopRetryer{}, HTTPClient: server.Client(),
	})}
}

// The story of a function, told by the SDK's own client.
func TestSDKClient(t *testing.T) {
	w := newWire(t)
	ctx := t.Context()
	created, err := w.client.CreateFunction(ctx, createInput("fn"))
	if err != nil {
		t.Fatal(err)
	}
	if created.State != types.StatePending {
		t.Errorf("new function is %s", created.State)
	}
	quick := func(o *lambda.FunctionActiveV2WaiterOptions) { o.MinDelay = 10 * time.Millisecond }
	if err := lambda.NewFunctionActiveV2Waiter(w.client, quick).Wait(ctx, &lambda.GetFunctionInput{FunctionName: created.FunctionArn}, time.Minute); err != nil {
		t.Fatal(err)
	}
	updated, err := w.client.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
		FunctionName: created.FunctionArn, Environment: &types.Environment{Variables: map[string]string{"ENV_A": "<&>"}},
	})
	if err != nil || updated.LastUpdateStatus != types.LastUpdateStatusInProgress {
		t.Fatal(updated, err)
	}
	ready := func(o *lambda.FunctionUpdatedV2WaiterOptions) { o.MinDelay = 10 * time.Millisecond }
	if err := lambda.NewFunctionUpdatedV2Waiter(w.client, ready).Wait(ctx, &lambda.GetFunctionInput{FunctionName: new("fn")}, time.Minute); err != nil {
		t.Fatal(err)
	}
	version, err := w.client.PublishVersion(ctx, &lambda.PublishVersionInput{FunctionName: new("fn")})
	if err != nil || *version.Version != "1" || version.Environment.Variables["ENV_A"] != "<&>" {
		t.Fatal(version, err)
	}
	alias, err := w.client.CreateAlias(ctx, &lambda.CreateAliasInput{FunctionName: new("fn"), Name: new("live"), FunctionVersion: new("1")})
	if err != nil || *alias.AliasArn != fnARN+":live" {
		t.Fatal(alias, err)
	}
	if _, err := w.client.AddPermission(ctx, permission(func(in *lambda.AddPermissionInput) { in.FunctionName = alias.AliasArn })); err != nil {
		t.Fatal(err)
	}
	policy, err := w.client.GetPolicy(ctx, &lambda.GetPolicyInput{FunctionName: new("fn"), Qualifier: new("live")})
	if err != nil || !strings.Contains(*policy.Policy, `"Resource":"`+fnARN+`:live"`) {
		t.Fatal(policy, err)
	}
	w.invoker.result = &InvocationResult{Payload: []byte(`{"errorMessage":"boom"}`), FunctionError: "Unhandled", ExecutedVersion: "1", LogTail: []byte("END")}
	invoked, err := w.client.Invoke(ctx, &lambda.InvokeInput{FunctionName: new("fn"), Qualifier: new("live"), Payload: []byte(`[1]`), LogType: types.LogTypeTail})
	if err != nil {
		t.Fatal(err)
	}
	want := &lambda.InvokeOutput{StatusCode: 200, Payload: []byte(`{"errorMessage":"boom"}`), FunctionError: new("Unhandled"), ExecutedVersion: new("1"), LogResult: new("RU5E")}
	if diff := cmp.Diff(shape(t, want), shape(t, invoked)); diff != "" {
		t.Error(diff)
	}
	if call := w.invoker.calls[0]; call.RequestID == "" || call.Qualifier != "live" || string(call.Payload) != "[1]" {
		t.Errorf("call %+v", call)
	}
	event, err := w.client.Invoke(ctx, &lambda.InvokeInput{FunctionName: new("fn"), InvocationType: types.InvocationTypeEvent})
	if err != nil || event.StatusCode != 202 || len(event.Payload) != 0 {
		t.Errorf("Event %+v, %v", event, err)
	}
	dry, err := w.client.Invoke(ctx, &lambda.InvokeInput{FunctionName: new("fn"), InvocationType: types.InvocationTypeDryRun})
	if err != nil || dry.StatusCode != 204 {
		t.Errorf("DryRun %+v, %v", dry, err)
	}
	got, err := w.client.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: new("fn")})
	if err != nil || !strings.HasPrefix(*got.Code.Location, w.server.URL+CodePath) {
		t.Errorf("code at %s, %v; the endpoint is %s", deref(got.Code.Location), err, w.server.URL)
	}
	if _, err := w.client.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: created.FunctionArn}); err != nil {
		t.Error(err)
	}
	_, err = w.client.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: new("fn")})
	missing, ok := errors.AsType[*types.ResourceNotFoundException](err)
	if !ok || *missing.Message != "Function not found: "+fnARN || deref(missing.Type) != "User" {
		t.Errorf("after deletion: %v", err)
	}
}

// send makes one request without the SDK and returns status and body.
func (w *wire) send(t *testing.T, method, path, body string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20261122/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0")
	response, err := w.server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(text)
}

// What is on the wire: which members an answer has, how errors are written
// (AWS recordings name the message of a 404 "Message", of a 400 "message").
func TestWire(t *testing.T) {
	w := newWire(t)
	input, err := json.Marshal(map[string]any{
		"FunctionName": "fn", "Role": testRole, "Runtime": "python3.12", "Handler": "index.handler",
		"Code": map[string]any{"ZipFile": createInput("fn").Code.ZipFile}, "Environment": map[string]any{},
	})
	if err != nil {
		t.Fatal(err)
	}
	status, _, body := w.send(t, "POST", "/2015-03-31/functions", string(input))
	var members map[string]any
	if err := json.Unmarshal([]byte(body), &members); err != nil || status != 201 {
		t.Fatalf("%d %s", status, body)
	}
	for member, value := range members {
		if value == nil || value == "" && member != "Description" {
			t.Errorf("%s is %v in %s", member, value, body)
		}
	}
	if diff := cmp.Diff(map[string]any{"Variables": map[string]any{}}, members["Environment"]); diff != "" {
		t.Error(diff)
	}
	for _, c := range []struct {
		method, path, body string
		status             int
		code, want         string
	}{
		{"GET", "/2015-03-31/functions/none", "", 404, "ResourceNotFoundException", `{"Message":"Function not found: arn:aws:lambda:us-east-1:111111111111:function:none","Type":"User"}`},
		{"GET", "/2015-03-31/functions/none%3A$LATEST?Qualifier=1", "", 400, "InvalidParameterValueException", `{"Type":"User","message":"` + msgQualifierMismatch + `"}`},
		{"GET", "/2019-09-30/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A222222222222%3Afunction%3Afn/concurrency", "", 403, "AccessDeniedException", `{"Message":null}`},
		{"PUT", "/2015-03-31/functions/fn/configuration", `{"Runtime":"PYTHON3.9"}`, 400, "InvalidParameterValueException", `{"Type":"User","message":"Value PYTHON3.9 at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [` + listedRuntimes + `] or be a valid ARN"}`},
		{"PUT", "/2017-10-31/functions/fn/concurrency", `{"ReservedConcurrentExecutions":1000}`, 400, "InvalidParameterValueException", `{"message":"Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100]."}`},
		{"POST", "/2015-03-31/functions/fn/policy", `{"StatementId":"example.com","Action":"lambda:InvokeFunction","Principal":"s3.amazonaws.com"}`, 400, "ValidationException", `{"message":"1 validation error detected: Value 'example.com' at 'statementId' failed to satisfy constraint: Member must satisfy regular expression pattern: ([a-zA-Z0-9-_]+)"}`},
		{"GET", "/2019-09-30/functions/fn/concurrency", "", 200, "", `{}`},
		{"GET", "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A111111111111%3Afunction%3Afn", "", 200, "", `{"Tags":{}}`},
	} {
		status, header, body := w.send(t, c.method, c.path, c.body)
		if status != c.status || header.Get("X-Amzn-Errortype") != c.code {
			t.Errorf("%s %s: status %d, error type %q", c.method, c.path, status, header.Get("X-Amzn-Errortype"))
		}
		if diff := cmp.Diff(canonical(t, c.want), canonical(t, body)); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", c.method, c.path, diff)
		}
	}
}

func canonical(t *testing.T, text string) (v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return v
}

// The handlers and the SDK's client are interchangeable where it matters.
var _ interface {
	CreateFunction(context.Context, *lambda.CreateFunctionInput, ...func(*lambda.Options)) (*lambda.CreateFunctionOutput, error)
	AddPermission(context.Context, *lambda.AddPermissionInput, ...func(*lambda.Options)) (*lambda.AddPermissionOutput, error)
	GetPolicy(context.Context, *lambda.GetPolicyInput, ...func(*lambda.Options)) (*lambda.GetPolicyOutput, error)
	Invoke(context.Context, *lambda.InvokeInput, ...func(*lambda.Options)) (*lambda.InvokeOutput, error)
} = (*Service)(nil)
