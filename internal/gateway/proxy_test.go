package gateway

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/invoke"
	"github.com/stagedoor/stagedoor/internal/state"
)

// What a function may answer (APIGW-DG set-up-lambda-proxy-integrations) and
// what comes of it.
func TestProxyAnswers(t *testing.T) {
	const malformed = "malformed"
	for _, c := range []struct {
		payload, what string
		status        int
		body          string
		header        string // "Name: value" that must be there
	}{
		{`{"statusCode":200,"body":"x"}`, "", 200, "x", "Content-Type: application/json"},
		{`{}`, "AWS recording test_lambda_aws_proxy_response_format, empty-response", 200, "", ""},
		{`{"statusCode":200}`, "same, no-body", 200, "", ""},
		{`{"statusCode":200,"headers":{"test-header":"value"}}`, "same, only-headers", 200, "", "test-header: value"},
		{`{"statusCode":200,"wrongValue":"value"}`, "same, wrong-format", 502, malformed, ""},
		{`{"statusCode":"201","body":null}`, "status as text", 201, "", ""},
		{`{"statusCode":"abc"}`, "", 502, malformed, ""},
		{`{"statusCode":{}}`, "", 502, malformed, ""},
		{`{"statusCode":42}`, "", 502, malformed, ""},
		{`{"statusCode":100}`, "", 502, malformed, ""},
		{`"text"`, "", 502, malformed, ""},
		{`null`, "", 502, malformed, ""},
		{`[]`, "", 502, malformed, ""},
		{``, "", 502, malformed, ""},
		{`{"statusCode":200`, "", 502, malformed, ""},
		{`{"body":{"a":1}}`, "an object as body", 502, malformed, ""},
		{`{"body":5}`, "", 502, malformed, ""},
		{`{"headers":[]}`, "", 502, malformed, ""},
		{`{"headers":{"a":{}}}`, "", 502, malformed, ""},
		{`{"multiValueHeaders":{"a":"b"}}`, "", 502, malformed, ""},
		{`{"isBase64Encoded":"yes"}`, "", 502, malformed, ""},
		{`{"cookies":["a=b"]}`, "format 2.0", 502, malformed, ""},
		{`{"headers":{"N":5,"B":true,"Z":null},"body":"b"}`, "scalars become text", 200, "b", "N: 5"},
		{`{"headers":null,"multiValueHeaders":null,"body":"b"}`, "", 200, "b", ""},
		{`{"headers":{"content-type":"text/html"},"body":"b"}`, "", 200, "b", "Content-Type: text/html"},
		{`{"statusCode":204}`, "", 204, "", ""},
		{`{"statusCode":404,"body":"no"}`, "", 404, "no", ""},
		{`{"headers":{"Set-Cookie":"a=1"},"multiValueHeaders":{"Set-Cookie":["a=1","b=2"]}}`, "merged, a pair in both once", 200, "", "Set-Cookie: a=1,b=2"},
		{`{"headers":{"X":"3"},"multiValueHeaders":{"X":["1","2"]}}`, "merged", 200, "", "X: 1,2,3"},
		{`{"headers":{"www-authenticate":"Basic"}}`, "AWS recording test_apigateway_header_remapping_aws", 200, "", "x-amzn-Remapped-www-authenticate: Basic"},
		{`{"headers":{"Server":"me","TE":"x","Via":"v"}}`, "same", 200, "", "x-amzn-Remapped-Server: me"},
		{`{"headers":{"TE":"x"}}`, "same: TE passes", 200, "", "TE: x"},
		{`{"isBase64Encoded":true,"body":"aGk="}`, "no binary types: text", 200, "aGk=", ""},
	} {
		b := newBed(t, answers(c.payload, nil), resources(map[string]*state.Method{"GET /": proxy(uri)}))
		r := b.get("GET /dev/")
		got, want := read(r), c.body
		if want == malformed {
			want = `{"message": "Internal server error"}`
			if !strings.Contains(b.log.String(), "malformed") {
				t.Errorf("%s: nobody is told why", c.payload)
			}
		}
		if r.StatusCode != c.status || got != want {
			t.Errorf("%s (%s): %d %s, want %d %s", c.payload, c.what, r.StatusCode, got, c.status, want)
		}
		if name, value, ok := strings.Cut(c.header, ": "); ok && strings.Join(r.Header[name], ",") != value {
			t.Errorf("%s: header %v, want %s", c.payload, r.Header, c.header)
		}
		if c.status != 502 && r.Header.Get("X-Amzn-Trace-Id") == "" {
			t.Errorf("%s: no trace id", c.payload)
		}
	}
}

// Every header of the recorded table: renamed, passed or dropped.
// AWS recording test_apigateway_header_remapping_aws[AWS], full-integration.
func TestRemappedResponseHeaders(t *testing.T) {
	passed := strings.Fields("Accept Accept-Charset Accept-Encoding Age Content-Encoding Pragma Range Referer TE Via Warn")
	renamed := strings.Fields("Authorization Connection Content-Length Content-MD5 Date Expect Host Max-Forwards Proxy-Authenticate Server Trailer Upgrade User-Agent WWW-Authenticate")
	payload := `{"headers":{"Transfer-Encoding":"chunked"`
	for _, name := range append(passed, renamed...) {
		payload += `,"` + name + `":"v"`
	}
	r := newBed(t, answers(payload+`}}`, nil), resources(map[string]*state.Method{"GET /": proxy(uri)})).get("GET /dev/")
	for _, name := range passed {
		if r.Header[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
	for _, name := range renamed {
		if r.Header["x-amzn-Remapped-"+name] == nil || name != "Connection" && r.Header[name] != nil {
			t.Errorf("%s is not renamed: %v", name, r.Header[name])
		}
	}
	if r.Header["Transfer-Encoding"] != nil || r.Header["x-amzn-Remapped-Transfer-Encoding"] != nil {
		t.Error("Transfer-Encoding is not dropped")
	}
}

// Base64 answers are decoded for callers that accept a binary type.
func TestBinaryAnswers(t *testing.T) {
	for _, c := range []struct {
		binary         []string
		accept, answer string
		status         int
		want           string
	}{
		{[]string{"image/png"}, "image/png", "aGk=", 200, "hi"},
		{[]string{"image/png"}, "image/png, text/html", "aGk=", 200, "hi"},
		{[]string{"image/png"}, "text/html, image/png", "aGk=", 200, "aGk="}, // the first counts
		{[]string{"image/png"}, "", "aGk=", 200, "aGk="},
		{[]string{"*/*"}, "", "aGk=", 200, "hi"},
		{[]string{"*/*"}, "", "?", 500, `{"message": "Internal server error"}`},
	} {
		snapshot := resources(map[string]*state.Method{"GET /": proxy(uri)})
		snapshot.BinaryMediaTypes = c.binary
		r := newBed(t, answers(`{"isBase64Encoded":true,"body":"`+c.answer+`"}`, nil), snapshot).get("GET /dev/", header("Accept", c.accept))
		if got := read(r); got != c.want || r.StatusCode != c.status {
			t.Errorf("%v, Accept %q: %d %s, want %s", c.binary, c.accept, r.StatusCode, got, c.want)
		}
	}
}

// What Lambda refuses, and functions that throw.
func TestProxyFailures(t *testing.T) {
	for _, c := range []struct {
		what   string
		result *invoke.Result
		err    error
		status int
		body   string
	}{
		{"threw", &invoke.Result{FunctionError: "Unhandled", Payload: []byte(`{"errorMessage":"boom"}`)}, nil, 502, `{"message": "Internal server error"}`},
		{"deleted since", nil, invoke.ErrFunctionNotFound, 500, `{"message": "Internal server error"}`},
		{"throttled (re:Post QUfI6bsdd0SOiPeyimzxSkfQ)", nil, &invoke.ThrottledError{}, 500, `{"message": "Internal server error"}`},
		{"too large (koki-develop/lgtm-generator#10)", nil, &invoke.PayloadError{}, 413, `{"message": "Request Too Long"}`},
		{"pending", nil, &invoke.NotReadyError{Function: "fn", State: "Pending"}, 500, `{"message": "Internal server error"}`},
		{"broken", nil, errors.New("pipe"), 500, `{"message": "Internal server error"}`},
	} {
		b := newBed(t, function(func(context.Context, *invoke.Request) (*invoke.Result, error) { return c.result, c.err }),
			resources(map[string]*state.Method{"GET /": proxy(uri)}))
		r := b.get("GET /dev/")
		if got := read(r); r.StatusCode != c.status || got != c.body {
			t.Errorf("%s: %d %s", c.what, r.StatusCode, got)
		}
		if trace := r.Header.Get("X-Amzn-Trace-Id"); !strings.HasPrefix(trace, "Root=1-") || strings.Contains(trace, ";") {
			t.Errorf("%s: trace %q", c.what, trace)
		}
	}
}

// A method whose integration is not called by POST looks like a missing grant
// (denials 37).
func TestIntegrationVerb(t *testing.T) {
	m := proxy(uri)
	m.Integration.HTTPMethod = "GET"
	b := newBed(t, answers(`{}`, nil), resources(map[string]*state.Method{"GET /": m}))
	if r := b.get("GET /dev/"); r.StatusCode != 500 || !strings.Contains(b.log.String(), "only called by POST") {
		t.Errorf("%d\n%s", r.StatusCode, b.log)
	}
}

// Mappings have no effect with AWS_PROXY, but those onto some headers break the
// call (AWS recording test_apigateway_header_remapping_aws[AWS_PROXY]).
func TestForbiddenMappings(t *testing.T) {
	for mapping, want := range map[string]int{
		"integration.request.header.Age=method.request.header.Age":                     200,
		"integration.request.header.Content-Length=''":                                 500,
		"integration.request.header.TE=method.request.header.TE":                       500,
		"integration.request.header.authorization=method.request.header.Authorization": 200, // not sent: nothing to map
	} {
		m := proxy(uri)
		name, source, _ := strings.Cut(mapping, "=")
		m.Integration.RequestParameters = map[string]string{name: source}
		b := newBed(t, answers(`{}`, nil), resources(map[string]*state.Method{"GET /": m}))
		if r := b.get("GET /dev/", header("Te", "deflate"), header("Age", "1")); r.StatusCode != want {
			t.Errorf("%s: %d, want %d", mapping, r.StatusCode, want)
		}
	}
}

// After 29 seconds the gateway gives up and the function goes on, also when the
// client has gone.
func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := false
		b := newBed(t, function(func(ctx context.Context, r *invoke.Request) (*invoke.Result, error) {
			event := string(r.Payload)
			time.Sleep(40 * time.Second)
			ended = ctx.Err() == nil && event == string(r.Payload)
			return &invoke.Result{}, nil
		}), resources(map[string]*state.Method{"GET /": proxy(uri)}))
		begin := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		r := b.get("GET /dev/", func(r *http.Request) { *r = *r.WithContext(ctx) })
		cancel()
		if got := read(r); r.StatusCode != 504 || got != `{"message": "Endpoint request timed out"}` || time.Since(begin) != 29*time.Second {
			t.Errorf("%d %s after %v", r.StatusCode, got, time.Since(begin))
		}
		b.get("GET /dev/nowhere") // another request must not get the event that is still read
		if err := b.Close(t.Context()); err != nil || !ended {
			t.Errorf("Close: %v, function ended untouched: %v", err, ended)
		}
	})
}

// Credentials reach the door, with their stage variables.
func TestCredentials(t *testing.T) {
	m := proxy(uri)
	role := "arn:aws:iam::123456789012:role/${stageVariables.role}"
	m.Integration.Credentials = &role
	b := newBed(t, answers(`{}`, nil), resources(map[string]*state.Method{"GET /": m}), &state.Stage{Name: "dev", Variables: map[string]string{"role": "caller"}})
	b.door.outcome = grants.CannotAssumeRole
	r := b.get("GET /dev/")
	if r.StatusCode != 500 || b.door.refused[0].Credentials != "arn:aws:iam::123456789012:role/caller" {
		t.Errorf("%d %+v", r.StatusCode, b.door.refused)
	}
}

func FuzzProxyAnswer(f *testing.F) {
	f.Add(`{"statusCode":200,"headers":{"a":"b"},"multiValueHeaders":{"a":["b"]},"body":"x","isBase64Encoded":true}`)
	f.Add(`{"statusCode":"200`)
	f.Fuzz(func(t *testing.T, payload string) {
		b := newBed(t, answers(payload, nil), resources(map[string]*state.Method{"GET /": proxy(uri)}))
		if r := b.get("GET /dev/"); r.StatusCode < 200 || r.StatusCode > 599 {
			t.Fatal(r.StatusCode)
		}
	})
}
