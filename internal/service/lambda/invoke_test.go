package lambda

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"
)

func TestInvoke(t *testing.T) {
	f := newFixture(t)
	f.create(t, "fn")
	f.publishNew(t, "fn")
	f.invoker.result = &InvocationResult{Payload: []byte(`{"errorMessage":"no"}`), FunctionError: "Unhandled", ExecutedVersion: "1", LogTail: []byte("START")}
	out, err := f.Invoke(f.ctx, &lambda.InvokeInput{
		FunctionName: new("fn"), Qualifier: new("1"), Payload: []byte(`{"a":1}`), LogType: types.LogTypeTail, ClientContext: new("eyJjdXN0b20iOnt9fQ=="),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := &lambda.InvokeOutput{StatusCode: 200, Payload: f.invoker.result.Payload, FunctionError: new("Unhandled"), ExecutedVersion: new("1"), LogResult: new("U1RBUlQ=")}
	if diff := cmp.Diff(shape(t, want), shape(t, out)); diff != "" {
		t.Error(diff)
	}
	call := &Invocation{Account: testAccount, Region: testRegion, Function: "fn", Qualifier: "1", Payload: []byte(`{"a":1}`), ClientContext: `{"custom":{}}`, LogTail: true}
	if diff := cmp.Diff(call, f.invoker.calls[0]); diff != "" {
		t.Error(diff)
	}

	f.invoker.result = &InvocationResult{Payload: []byte("null"), ExecutedVersion: "$LATEST", LogTail: []byte("not asked for")}
	out, err = f.Invoke(f.ctx, &lambda.InvokeInput{FunctionName: new("fn")})
	if err != nil || out.LogResult != nil || out.FunctionError != nil || string(f.invoker.calls[1].Payload) != "{}" {
		t.Errorf("Invoke = %v, %v; payload %s", shape(t, out), err, f.invoker.calls[1].Payload)
	}

	out, err = f.Invoke(f.ctx, &lambda.InvokeInput{FunctionName: new("fn"), InvocationType: types.InvocationTypeEvent, LogType: types.LogTypeTail})
	if err != nil || out.StatusCode != 202 || len(out.Payload) != 0 || f.invoker.async != 1 {
		t.Errorf("Event: %v, %v", out, err)
	}
	async, err := f.InvokeAsync(f.ctx, &lambda.InvokeAsyncInput{FunctionName: new("fn"), InvokeArgs: strings.NewReader(`{"b":2}`)})
	if err != nil || async.Status != 202 || string(f.invoker.calls[3].Payload) != `{"b":2}` {
		t.Errorf("InvokeAsync: %v, %v", async, err)
	}
	out, err = f.Invoke(f.ctx, &lambda.InvokeInput{FunctionName: new("fn"), InvocationType: types.InvocationTypeDryRun})
	if err != nil || out.StatusCode != 204 || len(f.invoker.calls) != 4 {
		t.Errorf("DryRun: %v, %v, %d calls", out, err, len(f.invoker.calls))
	}
}

func TestInvokeErrors(t *testing.T) {
	f := newFixture(t)
	f.create(t, "fn")
	huge := []byte(`"` + strings.Repeat("x", maxSyncPayload) + `"`)
	const expected = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
	for _, c := range []struct {
		name    string
		change  func(*lambda.InvokeInput)
		invoker error
		want    string
	}{
		{"missing function", func(in *lambda.InvokeInput) { in.FunctionName = new("none") }, nil, "ResourceNotFoundException: Function not found: arn:aws:lambda:us-east-1:111111111111:function:none"},
		// AWS recording test_lambda_alias_moving
		{"missing alias", func(in *lambda.InvokeInput) { in.Qualifier = new("non-existent-alias") }, nil, "ResourceNotFoundException: Function not found: " + fnARN + ":non-existent-alias"},
		{"missing version, dry run", func(in *lambda.InvokeInput) { in.Qualifier, in.InvocationType = new("7"), "DryRun" }, nil, "ResourceNotFoundException: Function not found: " + fnARN + ":7"},
		{"too large", func(in *lambda.InvokeInput) { in.Payload = huge }, nil, "RequestEntityTooLargeException: Request must be smaller than 6291456 bytes for the InvokeFunction operation"},
		{"too large event", func(in *lambda.InvokeInput) { in.Payload, in.InvocationType = huge[:maxAsyncPayload+2], "Event" }, nil, "RequestEntityTooLargeException: 1048578 byte payload is too large for the Event invocation type (limit 1048576 bytes)"},
		// alexcasalboni/aws-lambda-power-tuning#148
		{"not JSON", func(in *lambda.InvokeInput) { in.Payload = []byte("test data") }, nil, "InvalidRequestContentException: Could not parse request body into json: Could not parse payload into json: Unrecognized token 'test': was expecting " + expected + "\n at [Source: (byte[])\"test data\"; line: 1, column: 6]"},
		{"context", func(in *lambda.InvokeInput) { in.ClientContext = new("{}") }, nil, "InvalidRequestContentException: Client context must be a valid Base64-encoded JSON object."},
		{"large context", func(in *lambda.InvokeInput) { in.ClientContext = new(strings.Repeat("a", 3584)) }, nil, "InvalidRequestContentException: Client context must be no larger than 3583 bytes."},
		{"tenant", func(in *lambda.InvokeInput) { in.TenantId = new("t") }, nil, "InvalidParameterValueException: stagedoor: tenant isolation is not supported yet; leave TenantId out"},
		{"gone meanwhile", nil, &InvokeError{Kind: FunctionMissing}, "ResourceNotFoundException: Function not found: " + fnARN},
		// AWS recording test_reserved_concurrency
		{"throttled", nil, &InvokeError{Kind: Throttled, Reason: "ReservedFunctionConcurrentInvocationLimitExceeded"}, "TooManyRequestsException: Rate Exceeded."},
		{"payload", nil, &InvokeError{Kind: PayloadTooLarge}, "RequestEntityTooLargeException: Request must be smaller than 6291456 bytes for the InvokeFunction operation"},
		{"failed function", nil, fmt.Errorf("wrapped: %w", &InvokeError{Kind: NotReady, Reason: "Failed"}), "ResourceConflictException: The operation cannot be performed at this time. The function is currently in the following state: Failed"},
		{"no node", nil, &InvokeError{Kind: CannotStart, Err: errors.New("node was not found: install it with apt-get install nodejs")}, "InvalidParameterValueException: stagedoor: node was not found: install it with apt-get install nodejs"},
		{"end", nil, &InvokeError{Kind: ShuttingDown}, "ServiceException: stagedoor is shutting down"},
		{"internal", nil, errors.New("disk"), "not an API error: disk"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := &lambda.InvokeInput{FunctionName: new("fn")}
			if c.change != nil {
				c.change(in)
			}
			f.invoker.err = c.invoker
			_, err := f.Invoke(f.ctx, in)
			wantError(t, err, c.want)
		})
	}
}

// penkow/llama-lambda#2 and awsdocs/aws-lambda-developer-guide#382 quote the
// second and third.
func TestJSONFaults(t *testing.T) {
	const expected = "expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
	for payload, want := range map[string]string{
		`{"a":`:            "Unexpected end-of-input",
		"(":                "Unexpected character ('(' (code 40)): " + expected + "\n at [Source: (byte[])\"(\"; line: 1, column: 2]",
		"\x97\x01":         "Invalid UTF-8 start byte 0x97",
		`{"a": nope}`:      "Unrecognized token 'nope'",
		`"` + "\xff" + `"`: "Invalid UTF-8 start byte 0xff",
	} {
		if got := jsonFault([]byte(payload)); !strings.HasPrefix(got, want) {
			t.Errorf("jsonFault(%q) = %s, want %s", payload, got, want)
		}
	}
}

func FuzzJSONFault(f *testing.F) {
	for _, seed := range []string{"", "x", "{", "\xff", "{\"a\"\n:}", "[1,2", "tru", "\"\\u00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) { _ = jsonFault(payload) })
}
