package why

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Lines as AWS wrote them; ids and names are replaced.
func TestFailures(t *testing.T) {
	const (
		id        = "(11111111-2222-3333-4444-555555555555) "
		other     = "(66666666-2222-3333-4444-555555555555) "
		execution = "API-Gateway-Execution-Logs_a1b2c3d4e5/dev"
	)
	cases := []struct {
		name, group, lines string
		want               []Failure
	}{
		{"a missing grant with data trace", execution, id + `Extended Request Id: d4qiDGxbBcwFXJw=
` + id + `Verifying Usage Plan for request: 11111111-2222-3333-4444-555555555555. API Key:  API Stage: a1b2c3d4e5/dev
` + id + `API Key  authorized because method 'ANY /{proxy+}' does not require API Key. Request will not contribute to throttle or quota limits
` + id + `Starting execution for request: 11111111-2222-3333-4444-555555555555
` + id + `HTTP Method: GET, Resource Path: /all_state
` + id + `Endpoint request headers: {X-Amz-Date=20260925T000000Z, x-amzn-apigateway-api-id=a1b2c3d4e5, X-Amz-Source-Arn=arn:aws:execute-api:us-east-1:111122223333:a1b2c3d4e5/dev/ANY/{proxy+}, X-Amz-Security-Token=IQoJ [TRUNCATED]
` + id + `Sending request to https://lambda.us-east-1.amazonaws.com/2015-03-31/functions/arn:aws:lambda:us-east-1:111122223333:function:f/invocations
` + id + `Execution failed due to configuration error: Invalid permissions on Lambda function
` + id + `Method completed with status: 500
` + other + `API Key  authorized because method 'ANY /{proxy+}' does not require API Key. Request will not contribute to throttle or quota limits
` + other + `HTTP Method: POST, Resource Path: /other
` + other + `Successfully completed execution
` + other + `Method completed with status: 200`, []Failure{{
			Kind: NoGrant, Message: "Invalid permissions on Lambda function", API: "a1b2c3d4e5", Stage: "dev",
			Method: "ANY /{proxy+}", Verb: "GET", Path: "/all_state", Count: 1,
			SourceARN: "arn:aws:execute-api:us-east-1:111122223333:a1b2c3d4e5/dev/ANY/{proxy+}",
		}}},
		{"level ERROR has the failure only", execution, id + "Execution failed due to configuration error: Invalid permissions on Lambda function\n" +
			id + "Method completed with status: 500\n" + other + "Execution failed due to configuration error: Invalid permissions on Lambda function",
			[]Failure{{Kind: NoGrant, Message: "Invalid permissions on Lambda function", API: "a1b2c3d4e5", Stage: "dev", Count: 2}}},
		{"a role", execution, id + "HTTP Method: GET, Resource Path: /\n" +
			id + "Execution failed due to configuration error: API Gateway does not have permission to assume the provided role arn:aws:iam::111122223333:role/door\n" +
			id + "Gateway response type: DEFAULT_5XX with status code: 500",
			[]Failure{{
				Kind: NoRole, Message: "API Gateway does not have permission to assume the provided role arn:aws:iam::111122223333:role/door",
				API: "a1b2c3d4e5", Stage: "dev", Verb: "GET", Path: "/", Role: "arn:aws:iam::111122223333:role/door", Count: 1,
			}}},
		{"an authorizer is one failure, not three", execution, id + "Starting authorizer: elkw5b for request: 11111111-2222-3333-4444-555555555555\n" +
			id + "Execution failed due to configuration error: Invalid permissions on Lambda function\n" +
			id + "Execution failed due to configuration error: Authorizer error\n" + id + "AuthorizerConfigurationException",
			[]Failure{{Kind: NoAuthorizer, Message: "Invalid permissions on Lambda function", API: "a1b2c3d4e5", Stage: "dev", Authorizer: "elkw5b", Count: 1}}},
		{"other failures are none of this", execution, id + "Execution failed due to configuration error: Malformed Lambda proxy response\n" +
			id + "Lambda execution failed with status 200 due to customer function error: x. Lambda request id: y\nno id here", nil},
		{"an access log in JSON", "access", `{"requestId":"11111111-2222-3333-4444-555555555555","httpMethod":"GET","resourcePath":"/hello","status":"500","stage":"dev","integrationError":"Invalid permissions on Lambda function"}
{"requestId":"66666666-2222-3333-4444-555555555555","httpMethod":"GET","resourcePath":"/hello","status":"200"}
{"requestId":"76666666-2222-3333-4444-555555555555","httpMethod":"GET","resourcePath":"/hello","status":500,"stage":"dev","integrationError":"-"}
{"requestId":`, []Failure{
			{Kind: NoGrant, Message: "Invalid permissions on Lambda function", Stage: "dev", Verb: "GET", Path: "/hello", Count: 1},
			{Kind: Status, Message: "status 500", Stage: "dev", Verb: "GET", Path: "/hello", Count: 1},
		}},
		{"an access log of callers", "access", `{"apiId":"a1b2c3d4e5","routeKey":"GET /x","status":"403","error":{"message":"User: anonymous is not authorized to perform: execute-api:Invoke on resource: r"}}`,
			[]Failure{{Kind: NoCaller, Message: "User: anonymous is not authorized to perform: execute-api:Invoke on resource: r", API: "a1b2c3d4e5", Verb: "GET", Path: "/x", Count: 1}}},
		{"the common log format", "access", `127.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET /hello HTTP/1.1" 500 36 11111111-2222-3333-4444-555555555555
127.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET /hello HTTP/1.1" 200 36 66666666-2222-3333-4444-555555555555`,
			[]Failure{{Kind: Status, Message: "status 500", Verb: "GET", Path: "/hello", Count: 1}}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			var events []LogEvent
			for i, line := range strings.Split(tc.lines, "\n") {
				events = append(events, LogEvent{Time: time.Unix(int64(i), 0), Message: line})
			}
			got := Failures(tc.group, events)
			if diff := cmp.Diff(tc.want, got, cmpopts.IgnoreFields(Failure{}, "First", "Last", "RequestIDs")); diff != "" {
				t.Error(diff)
			}
			for _, f := range got {
				if f.Last.Before(f.First) || f.Count < len(f.RequestIDs) {
					t.Errorf("%+v", f)
				}
			}
		})
	}
}

func FuzzFailures(f *testing.F) {
	f.Add("API-Gateway-Execution-Logs_a/b", "(x) Execution failed due to configuration error: Invalid permissions on Lambda function")
	f.Add("g", `{"status":500,"a":{"b":[1,null]}}`)
	f.Add("g", `- - - [t] "GET / HTTP/1.1" 500 1`)
	f.Fuzz(func(_ *testing.T, group, line string) {
		Failures(group, []LogEvent{{Message: line}, {Message: line}})
	})
}
