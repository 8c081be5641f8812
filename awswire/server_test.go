package awswire

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

func TestTargetsAreTheModels(t *testing.T) {
	for _, name := range Names() {
		if got := Load(name).model.Metadata.TargetPrefix; got != targets[name] {
			t.Errorf("%s: target prefix %q, the server has %q", name, got, targets[name])
		}
		if dialects[name] == nil {
			t.Errorf("%s has no dialect", name)
		}
	}
}

// TestNoRouteIsHidden asks the router for every REST operation's own path.
func TestNoRouteIsHidden(t *testing.T) {
	for _, name := range []string{"lambda", "apigateway", "apigatewayv2"} {
		s := Load(name)
		for op, o := range s.model.Operations {
			target := strings.NewReplacer("{", "x-", "+}", "%2Fy/z", "}", "%2Fy").Replace(o.HTTP.RequestURI)
			r := httptest.NewRequest(o.HTTP.Method, "http://localhost"+target, nil)
			got, _, _ := s.routes().find(o.HTTP.Method, r.URL.EscapedPath(), r.URL.Query())
			if got != op {
				t.Errorf("%s %s %s goes to %q, want %s", name, o.HTTP.Method, o.HTTP.RequestURI, got, op)
			}
		}
	}
}

func TestSigningService(t *testing.T) {
	tests := []struct{ header, query, want string }{
		{"AWS4-HMAC-SHA256 Credential=a/20260101/eu-west-1/lambda/aws4_request, SignedHeaders=host, Signature=0", "", "lambda"},
		{"AWS4-HMAC-SHA256 Credential=a/20260101/eu-west-1/iam/aws4_request,SignedHeaders=host", "", "iam"},
		{"AWS4-ECDSA-P256-SHA256 Credential=a/20260101/sts/aws4_request, SignedHeaders=host", "", "sts"},
		{"AWS4-HMAC-SHA256 Credential=, SignedHeaders=host", "", ""},
		{"AWS4-HMAC-SHA256 Credential=", "", ""},
		{"Bearer abc", "", ""},
		{"", "X-Amz-Credential=a%2F20260101%2Feu-west-1%2Fexecute-api%2Faws4_request", "execute-api"},
		{"", "X-Amz-Credential=a", ""},
	}
	for _, tt := range tests {
		r := httptest.NewRequest("GET", "http://localhost/?"+tt.query, nil)
		if tt.header != "" {
			r.Header.Set("Authorization", tt.header)
		}
		if got := SigningService(r); got != tt.want {
			t.Errorf("%q %q: %q, want %q", tt.header, tt.query, got, tt.want)
		}
	}
}

const lambdaAuth = "AWS4-HMAC-SHA256 Credential=test/20261122/eu-west-1/lambda/aws4_request, SignedHeaders=host, Signature=0"

func send(t *testing.T, url string, body io.Reader, set func(*http.Request)) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest("POST", url+"/2015-03-31/functions/f/invocations", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", lambdaAuth)
	if set != nil {
		set(r)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return res, string(text)
}

func TestBodies(t *testing.T) {
	srv := httptest.NewServer(NewServer(fakeOptions()))
	defer srv.Close()
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, _ = io.WriteString(w, `{"a":1}`)
	_ = w.Close()
	if res, text := send(t, srv.URL, &z, func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }); text != `{"a":1}` {
		t.Errorf("gzip: %d %s", res.StatusCode, text)
	}
	// Without Content-Length, through a pipe.
	if res, text := send(t, srv.URL, io.MultiReader(strings.NewReader("[1,"), strings.NewReader("2]")), nil); text != "[1,2]" {
		t.Errorf("Transfer-Encoding chunked: %d %s", res.StatusCode, text)
	}
	if res, text := send(t, srv.URL, strings.NewReader("12"), func(r *http.Request) { r.Header.Set("Expect", "100-continue") }); text != "12" {
		t.Errorf("Expect: %d %s", res.StatusCode, text)
	}
	// A bomb: 7 MB of zeros in some KB.
	z.Reset()
	w = gzip.NewWriter(&z)
	_, _ = w.Write(make([]byte, 7<<20))
	_ = w.Close()
	res, text := send(t, srv.URL, &z, func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") })
	if res.StatusCode != 413 || !strings.Contains(text, "Request must be smaller than 6291456 bytes for the InvokeFunction operation") {
		t.Errorf("bomb: %d %s", res.StatusCode, text)
	}
	if got := res.Header.Get("x-amzn-ErrorType"); got != "RequestEntityTooLargeException" {
		t.Errorf("bomb: error type %q", got)
	}
}

// TestTooLarge: a client that sends everything before it reads sees the answer, not a reset connection.
func TestTooLarge(t *testing.T) {
	srv := httptest.NewServer(NewServer(fakeOptions()))
	defer srv.Close()
	c, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const size = 20 << 20
	fmt.Fprintf(c, "POST /2015-03-31/functions/f/invocations HTTP/1.1\r\nHost: localhost\r\nAuthorization: %s\r\n"+
		"Content-Length: %d\r\n\r\n", lambdaAuth, size)
	if _, err := c.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 413 {
		t.Errorf("status %d", res.StatusCode)
	}
}

// TestExpectTooLarge: a body over the limit is refused before the client sends it.
func TestExpectTooLarge(t *testing.T) {
	srv := httptest.NewServer(NewServer(fakeOptions()))
	defer srv.Close()
	c, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "POST /2015-03-31/functions/f/invocations HTTP/1.1\r\nHost: localhost\r\nAuthorization: %s\r\n"+
		"Content-Length: 7000000\r\nExpect: 100-continue\r\n\r\n", lambdaAuth)
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 413 {
		t.Errorf("status %d", res.StatusCode)
	}
}

func TestFailuresAreLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	o := fakeOptions()
	o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	srv := NewServer(o)
	for _, name := range []string{"fails", "panics", "busy", "unknown"} {
		r := httptest.NewRequest("GET", "http://localhost/2015-03-31/functions/"+name, nil)
		srv.ServeHTTP(httptest.NewRecorder(), r)
	}
	if n := strings.Count(log.String(), "level=ERROR"); n != 2 {
		t.Errorf("%d records, want 2:\n%s", n, log.String())
	}
	for _, want := range []string{"disk full", "panic: no", "GetFunction", "11111111-2222-4333-8444-555555555555"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is not in the log:\n%s", want, log.String())
		}
	}
}

func TestHooks(t *testing.T) {
	var seen []string
	o := fakeOptions()
	o.Authenticate = func(ctx context.Context, r *Request) (context.Context, error) {
		seen = append(seen, fmt.Sprintf("authenticate %s %s %s %t %s", r.Service, r.Operation, r.Signed, r.Input == nil, r.Body))
		if r.HTTP.Header.Get("X-Bad") != "" {
			return nil, &Error{Code: "InvalidSignatureException", Message: "no", Status: 403}
		}
		return WithCaller(ctx, Caller{Account: "111122223333", AccessKeyID: "AKIA"}), nil
	}
	o.Authorize = []func(context.Context, *Request) error{func(ctx context.Context, r *Request) error {
		seen = append(seen, fmt.Sprintf("authorize %s %T", CallerFrom(ctx).Account, r.Input))
		if r.Operation == "GetFunction" {
			return &Error{Code: "AccessDeniedException", Message: "User: x is not authorized", Status: 403}
		}
		return nil
	}}
	srv := httptest.NewServer(NewServer(o))
	defer srv.Close()
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	send(t, srv.URL, strings.NewReader("1"), nil)
	res, text := send(t, srv.URL, strings.NewReader("1"), func(r *http.Request) { r.Header.Set("X-Bad", "1") })
	if res.StatusCode != 403 || text != `{"message":"no"}` {
		t.Errorf("%d %s", res.StatusCode, text)
	}
	res, text = send(t, srv.URL, nil, func(r *http.Request) { r.Method, r.URL.Path = "GET", "/2015-03-31/functions/f" })
	if res.StatusCode != 403 || text != `{"Message":"User: x is not authorized"}` {
		t.Errorf("%d %s", res.StatusCode, text)
	}
	want := []string{"authenticate lambda Invoke lambda true 1", "authorize 111122223333 *lambda.InvokeInput",
		"authenticate lambda Invoke lambda true 1", "authenticate lambda GetFunction lambda true ",
		"authorize 111122223333 *lambda.GetFunctionInput"}
	if d := diff(want, seen); d != "" {
		t.Error(d)
	}
}

func TestCallInProcess(t *testing.T) {
	srv := NewServer(fakeOptions())
	_, err := Call[lambda.GetFunctionInput, lambda.GetFunctionOutput](t.Context(), srv, "lambda", "GetFunction",
		&lambda.GetFunctionInput{FunctionName: aws.String("a b")})
	var own *Error
	if !errors.As(err, &own) || own.Code != "ValidationException" || !strings.Contains(own.Message, "Value 'a b' at 'functionName'") {
		t.Errorf("invalid name: %v", err)
	}
	_, err = Call[lambda.GetFunctionInput, lambda.GetFunctionOutput](t.Context(), srv, "lambda", "GetFunction", &lambda.GetFunctionInput{})
	if !errors.As(err, &own) || !strings.Contains(own.Message, "Value null at 'functionName'") {
		t.Errorf("missing name: %v", err)
	}
	_, err = Call[lambda.GetFunctionInput, lambda.GetFunctionOutput](t.Context(), srv, "lambda", "GetFunction",
		&lambda.GetFunctionInput{FunctionName: aws.String("f")})
	if err == nil || !strings.Contains(err.Error(), "Function not found") || errors.As(err, &own) {
		t.Errorf("typed error: %v", err)
	}
	_, err = Call[lambda.GetFunctionInput, lambda.GetFunctionOutput](t.Context(), srv, "lambda", "GetFunction",
		&lambda.GetFunctionInput{FunctionName: aws.String("fails")})
	if !errors.As(err, &own) || own.Code != "ServiceException" {
		t.Errorf("unclassified: %v", err)
	}
	out, err := Call[iam.ListRolesInput, iam.ListRolesOutput](t.Context(), srv, "iam", "ListRoles", &iam.ListRolesInput{})
	if err != nil || out.Roles == nil {
		t.Errorf("%v %v", out, err)
	}
	if _, err := srv.Call(t.Context(), "iam", "CreateGroup", &iam.CreateGroupInput{}); !errors.As(err, &own) || own.Code != "UnsupportedOperation" {
		t.Errorf("unsupported: %v", err)
	}
}

func TestPresent(t *testing.T) {
	s := Load("apigateway")
	cp, err := s.plan("CreateUsagePlan", reflectType[apigateway.CreateUsagePlanInput](), nil)
	if err != nil {
		t.Fatal(err)
	}
	decode := func(body string) context.Context {
		in := reflectNew(cp)
		p, err := s.decode(cp, &wireRequest{body: []byte(body)}, in)
		if err != nil {
			t.Fatal(err)
		}
		return withCall(t.Context(), &call{present: p})
	}
	ctx := decode(`{"name":"n","description":null,"throttle":{"rateLimit":0},"apiStages":[{"apiId":"a","throttle":{"GET/":{"burstLimit":0}}}]}`)
	for path, want := range map[string]bool{"name": true, "Name": true, "description": false, "throttle": true,
		"throttle.rateLimit": true, "Throttle.RateLimit": true, "throttle.burstLimit": false, "rateLimit": false,
		"quota": false, "apiStages": true, "apiStages.throttle.burstLimit": false, "": false, "quota.limit": false} {
		if got := Present(ctx, path); got != want {
			t.Errorf("Present(%q) = %t", path, got)
		}
	}
	if Present(t.Context(), "name") {
		t.Error("present outside of a call")
	}
	ctx = WithPresent(t.Context(), "throttle.rateLimit")
	if !Present(ctx, "throttle.ratelimit") || !Present(ctx, "throttle") || Present(ctx, "throttle.burstLimit") || Present(ctx, "thro") {
		t.Error("WithPresent")
	}
	in := &apigateway.CreateUsagePlanInput{Name: aws.String("n"), Throttle: &types.ThrottleSettings{RateLimit: 1}}
	p := &presence{plan: cp.in, value: reflectValue(in)}
	for path, want := range map[string]bool{"name": true, "throttle.rateLimit": true, "throttle.burstLimit": false, "quota": false} {
		if got := p.has(path); got != want {
			t.Errorf("in process: Present(%q) = %t", path, got)
		}
	}
}

func TestNewRequestID(t *testing.T) {
	a, b := newUUID(), newUUID()
	if a == b || len(a) != 36 || a[14] != '4' {
		t.Errorf("%s %s", a, b)
	}
	if got := extendedID(a); len(got) != 16 || got[15] != '=' {
		t.Errorf("extended id %q", got)
	}
	if got := extendedID("short"); len(got) != 16 {
		t.Errorf("extended id %q", got)
	}
}

// TestNewerEnumValues: a value that the SDK has and the older model lacks is taken.
func TestNewerEnumValues(t *testing.T) {
	s := Load("lambda")
	extra := 0
	for _, op := range s.Operations() {
		m := method(t, sdkClients(nil)["lambda"], op)
		if _, err := s.plan(op, m.in, m.out); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range s.plans {
		if p.check != nil && p.check.enum != nil {
			extra += len(p.check.enum) - len(p.shape.Enum)
		}
	}
	t.Logf("%d values beyond the model", extra)
	if extra == 0 {
		t.Error("the SDK's newer values are not known; when models and SDK are of one week, drop this test")
	}
}

// TestConcurrentFirstCalls: plans are compiled by whoever comes first.
func TestConcurrentFirstCalls(t *testing.T) {
	srv := NewServer(fakeOptions())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for _, path := range []string{"/2015-03-31/functions/f", "/restapis", "/2015-03-31/functions/busy", "/2015-03-31/functions/a%20b"} {
				rec := httptest.NewRecorder()
				srv.ServeHTTP(rec, httptest.NewRequest("GET", "http://localhost"+path, nil))
				if rec.Code >= 500 {
					t.Errorf("%s: %d", path, rec.Code)
				}
			}
		})
	}
	wg.Wait()
}
