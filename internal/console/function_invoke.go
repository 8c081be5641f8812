package console

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// maxInvokeForm bounds the form of a test: Lambda takes 6 MB (aws-facts part 8).
const maxInvokeForm = 7 << 20

// testView is the form that invokes a function and, once it did, the result.
//
// A person's own events are kept by the browser (localStorage, console.js):
// they are drafts of one person at one machine. AWS's console keeps shared test
// events in an EventBridge schema registry, a service that is not here; tags of
// a function hold 256 characters and would change what deployment tools compare.
type testView struct {
	Templates []eventTemplate
	Chosen    string
	Event     string
	Wrong     string // why the event was not sent
	Result    *testResult
}

// eventTemplate is an event to begin with.
type eventTemplate struct{ Name, Label, Event string }

// EventURL is the page with an event to begin with.
func (f *functionView) EventURL(event string) string {
	return functionURL(f.Name) + "?" + query("qualifier", f.Qualifier, "event", event) + "#test"
}

// InvokeURL is where the form is sent.
func (f *functionView) InvokeURL() string {
	address := functionURL(f.Name) + "/invoke"
	if f.Qualifier != "" {
		address += "?" + query("qualifier", f.Qualifier)
	}
	return address + "#result"
}

// testResult is what an invocation came to.
type testResult struct {
	Kind     string // "ok" or "bad"
	Error    string // "Unhandled", "" where the function answered
	Version  string
	Payload  string
	Language string
	Log      string // the last 4 KB
	Took     time.Duration
	Report   []nameValue // of the REPORT line
	Request  string
}

// newTest begins the form with the event that the address names.
func newTest(v *visit) *testView {
	t := &testView{Templates: eventTemplates(), Chosen: v.value("event"), Event: v.r.PostFormValue("payload")}
	if t.Event == "" {
		t.Event = t.Templates[0].Event
		for _, each := range t.Templates {
			if each.Name == t.Chosen {
				t.Event = each.Event
			}
		}
	}
	return t
}

// invokeFunction sends the event of the form. A function's error is a result.
func invokeFunction(v *visit) (*done, error) {
	f, err := v.functionView(v.r.PathValue("name"), v.value("qualifier"))
	if err != nil {
		return nil, err
	}
	if !json.Valid([]byte(f.Test.Event)) {
		f.Test.Wrong = "The event is not JSON. Lambda would refuse it; nothing was sent."
		return &done{Page: f.page()}, nil
	}
	in := &lambda.InvokeInput{FunctionName: &f.Name, Payload: []byte(f.Test.Event), LogType: types.LogTypeTail}
	if f.Qualifier != "" {
		in.Qualifier = &f.Qualifier
	}
	begun := time.Now()
	out, err := v.functions("").Invoke(v.ctx(), in)
	if err != nil {
		return nil, err
	}
	f.Test.Result = newTestResult(out, time.Since(begun))
	p := f.page()
	p.Status = http.StatusOK
	return &done{Page: p}, nil
}

func newTestResult(out *lambda.InvokeOutput, took time.Duration) *testResult {
	r := &testResult{Kind: okKind, Error: aws.ToString(out.FunctionError), Version: aws.ToString(out.ExecutedVersion), Took: took}
	if r.Error != "" {
		r.Kind = badKind
	}
	r.Payload, r.Language, _, _ = forPeople(out.Payload)
	if tail, err := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult)); err == nil {
		r.Log = strings.TrimRight(string(tail), "\n")
	}
	r.Report, r.Request = report(r.Log)
	return r
}

// report reads the figures of a REPORT line: fields separated by tabs, each
// "Name: value" (LDG monitoring-cloudwatchlogs-view).
func report(log string) (fields []nameValue, request string) {
	for line := range strings.Lines(log) {
		rest, ok := strings.CutPrefix(line, "REPORT RequestId: ")
		if !ok {
			continue
		}
		fields = nil
		parts := strings.Split(strings.TrimSpace(rest), "\t")
		request = strings.TrimSpace(parts[0])
		for _, part := range parts[1:] {
			if name, value, ok := strings.Cut(strings.TrimSpace(part), ": "); ok {
				fields = append(fields, nameValue{name, value})
			}
		}
	}
	return fields, request
}

// eventTemplates are events that functions get, small enough to read: the
// members that handlers look at, as AWS's guides show them (LDG
// services-apigateway, with-sqs, with-sns, with-s3, services-eventbridge).
func eventTemplates() []eventTemplate {
	return []eventTemplate{
		{"empty", "Empty", "{}"},
		{"hello", "Hello", "{\n  \"name\": \"stagedoor\"\n}"},
		{"api", "API Gateway request", `{
  "resource": "/orders/{id}",
  "path": "/orders/42",
  "httpMethod": "GET",
  "headers": {"Accept": "application/json", "Host": "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com"},
  "multiValueHeaders": {"Accept": ["application/json"]},
  "queryStringParameters": {"verbose": "1"},
  "multiValueQueryStringParameters": {"verbose": ["1"]},
  "pathParameters": {"id": "42"},
  "stageVariables": {"env": "dev"},
  "requestContext": {
    "accountId": "000000000000",
    "apiId": "a1b2c3d4e5",
    "httpMethod": "GET",
    "identity": {"sourceIp": "127.0.0.1", "userAgent": "stagedoor console"},
    "path": "/dev/orders/42",
    "requestId": "5d1c8f6e-0000-4000-8000-000000000000",
    "resourcePath": "/orders/{id}",
    "stage": "dev"
  },
  "body": null,
  "isBase64Encoded": false
}`},
		{"authorizer", "API Gateway authorizer", `{
  "type": "TOKEN",
  "authorizationToken": "allow",
  "methodArn": "arn:aws:execute-api:us-east-1:000000000000:a1b2c3d4e5/dev/GET/orders"
}`},
		{"sqs", "SQS message", `{
  "Records": [{
    "messageId": "19dd0b57-b21e-4ac1-bd88-01bbb068cb78",
    "receiptHandle": "handle",
    "body": "{\"order\": 42}",
    "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1767225600000"},
    "messageAttributes": {},
    "eventSource": "aws:sqs",
    "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:orders",
    "awsRegion": "us-east-1"
  }]
}`},
		{"sns", "SNS notification", `{
  "Records": [{
    "EventSource": "aws:sns",
    "EventVersion": "1.0",
    "EventSubscriptionArn": "arn:aws:sns:us-east-1:000000000000:orders:1",
    "Sns": {"Type": "Notification", "TopicArn": "arn:aws:sns:us-east-1:000000000000:orders", "Subject": "order", "Message": "{\"order\": 42}", "Timestamp": "2026-01-01T00:00:00.000Z"}
  }]
}`},
		{"s3", "S3 object created", `{
  "Records": [{
    "eventSource": "aws:s3",
    "awsRegion": "us-east-1",
    "eventTime": "2026-01-01T00:00:00.000Z",
    "eventName": "ObjectCreated:Put",
    "s3": {"bucket": {"name": "orders", "arn": "arn:aws:s3:::orders"}, "object": {"key": "42.json", "size": 1024}}
  }]
}`},
		{"schedule", "EventBridge schedule", `{
  "version": "0",
  "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
  "detail-type": "Scheduled Event",
  "source": "aws.events",
  "account": "000000000000",
  "time": "2026-01-01T00:00:00Z",
  "region": "us-east-1",
  "resources": ["arn:aws:events:us-east-1:000000000000:rule/nightly"],
  "detail": {}
}`},
	}
}
