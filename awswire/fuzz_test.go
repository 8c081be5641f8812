package awswire

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// FuzzForm: no form makes the query decoder panic, and what it accepts is at most as large as the form.
func FuzzForm(f *testing.F) {
	for _, seed := range []string{"RoleName=r&Tags.member.1.Key=a&Tags.member.1.Value=b", "Tags=", "Tags.member.x=1", "RoleName.a=b",
		"Tags.member.99999999999999999999.Key=1", "Tags.member.-1.Key=1", "...=1", "MaxSessionDuration=1e9", "%zz"} {
		f.Add(seed)
	}
	s := Load("iam")
	cp, err := s.plan("CreateRole", reflect.TypeFor[iam.CreateRoleInput](), nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		values, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		form, err := parseForm(values)
		if err != nil {
			return
		}
		in := reflect.New(cp.in.typ)
		if _, err := s.decode(cp, &wireRequest{form: form}, in.Elem()); err != nil {
			return
		}
		if n := len(in.Interface().(*iam.CreateRoleInput).Tags); n > len(text) {
			t.Errorf("%d tags from %d bytes", n, len(text))
		}
	})
}

// FuzzJSON: no body makes the JSON decoder panic; what it accepts passes the struct form of the same rules and, written
// out and read again, stays the same.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`{"FunctionName":"f","Role":"arn:aws:iam::123456789012:role/r","Code":{"ZipFile":"UEs="}}`, `{}`, `[]`, `null`,
		`{"Environment":{"Variables":{"AA":"\u0000"}},"MemorySize":1e99,"Timeout":-1.5}`, strings.Repeat(`{"a":`, 2000),
		`{"Code":{"ZipFile":"====","S3Bucket":null}}`, `{"Layers":[null,1]}`, `{"Tags":{"a":null,"a":"b"}}`} {
		f.Add([]byte(seed))
	}
	s := Load("lambda")
	cp, err := s.plan("CreateFunction", reflect.TypeFor[lambda.CreateFunctionInput](), nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		in := reflect.New(cp.in.typ)
		if _, err := s.decode(cp, &wireRequest{body: body}, in.Elem()); err != nil {
			return
		}
		if err := s.validate(cp, in.Elem()); err != nil {
			t.Fatalf("taken from the wire, refused as a struct: %v\n%s", err, body)
		}
		text := cp.in.appendObject(nil, in.Elem())
		again := reflect.New(cp.in.typ)
		if _, err := s.decode(cp, &wireRequest{body: text}, again.Elem()); err != nil {
			t.Fatalf("written out, it is refused: %v\n%s", err, text)
		}
		if d := diff(in.Interface(), again.Interface()); d != "" {
			t.Errorf("%s\n%s", d, text)
		}
	})
}

// FuzzChunked: the aws-chunked reader never panics and never gives more than it got.
func FuzzChunked(f *testing.F) {
	for _, seed := range []string{"5\r\nhello\r\n0\r\n\r\n", "5;chunk-signature=00\r\nhello\r\n0;chunk-signature=00\r\nx-amz-checksum-sha1:x\r\n\r\n",
		"ffffffffffffffff\r\n", "0\r\n", "-1\r\n", "3fffffffffffffff\r\nab"} {
		f.Add([]byte(seed))
	}
	h := http.Header{"X-Amz-Trailer": {"x-amz-checksum-sha1"}}
	f.Fuzz(func(t *testing.T, body []byte) {
		out, err := unchunk(body, h)
		if err == nil && len(out) > len(body) {
			t.Errorf("%d bytes from %d", len(out), len(body))
		}
	})
}

// FuzzServer: whatever the path, headers and body, the server answers, and never with a 5xx.
func FuzzServer(f *testing.F) {
	f.Add("GET", "/2015-03-31/functions/f", lambdaAuth, "", []byte(nil))
	f.Add("POST", "/", "AWS4-HMAC-SHA256 Credential=a/b/c/iam/aws4_request", "", []byte("Action=GetRole&RoleName=r"))
	f.Add("POST", "/", "Credential=a/b/c/logs/aws4_request", "Logs_20140328.PutLogEvents", []byte("{}"))
	f.Add("PUT", "/tags/%2F", "Credential=//apigateway/aws4_request", "", []byte("{}"))
	o := fakeOptions()
	delete(o.Services["lambda"], "GetFunction") // fails on purpose
	srv := NewServer(o)
	f.Fuzz(func(t *testing.T, method, path, auth, target string, body []byte) {
		u, err := url.Parse("http://localhost/" + strings.TrimPrefix(path, "/"))
		if err != nil || strings.ContainsAny(method, " \r\n") {
			return
		}
		r := httptest.NewRequest("POST", "http://localhost/", strings.NewReader(string(body)))
		r.Method, r.URL = method, u
		r.Header.Set("Authorization", auth)
		if target != "" {
			r.Header.Set("X-Amz-Target", target)
		} else {
			r.Header.Set("Content-Type", contentForm)
		}
		rec := httptest.NewRecorder()
		srv.ServeHTTP(rec, r)
		if rec.Code >= 500 {
			t.Errorf("status %d: %s", rec.Code, rec.Body)
		}
	})
}
