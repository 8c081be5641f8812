package gateway

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/stagedoor/stagedoor/internal/state"
)

// The whole event, byte for byte. Members, nulls and values: AWS recording
// test_lambda_aws_proxy_integration; their order: events that functions logged
// in 2025 and 2026.
func TestEventBytes(t *testing.T) {
	var event string
	b := newBed(t, answers(`{}`, &event), resources(map[string]*state.Method{"ANY /{proxy+}": proxy(uri)}),
		&state.Stage{Name: "dev", Variables: map[string]string{"env": "dev", "b": `"`}})
	b.rawHeader = func(_ *http.Request, dst [][2]string) ([][2]string, bool) {
		return append(dst, [2]string{"Host", host}, [2]string{"user-agent", "curl/8"}, [2]string{"tEsT-HEADeR", "aValUE"},
			[2]string{"authorization", "random-value"}, [2]string{"Connection", "close"}, [2]string{"X-Two", "1"}, [2]string{"x-two", "2"},
			[2]string{"x-forwarded-for", "10.0.0.1"}), true
	}
	r := b.get("POST /dev//proxy-value/%2Bx/?a=1&b=x+y%2B&a=2&empty", body("hello \"w\"\n"), header("User-Agent", "curl/8"))
	if r.StatusCode != 200 || r.Header.Get("X-Amzn-Trace-Id") == "" {
		t.Fatal(r.StatusCode, r.Header)
	}
	want := `{"resource":"/{proxy+}","path":"/proxy-value/%2Bx/","httpMethod":"POST",` +
		`"headers":{"Authorization":"random-value","Host":"abc.execute-api.localhost:4566","tEsT-HEADeR":"aValUE","User-Agent":"curl/8","X-Amzn-Trace-Id":"TRACE","X-Forwarded-For":"10.0.0.1, 127.0.0.1","X-Forwarded-Port":"4566","X-Forwarded-Proto":"http","X-Two":"2"},` +
		`"multiValueHeaders":{"Authorization":["random-value"],"Host":["abc.execute-api.localhost:4566"],"tEsT-HEADeR":["aValUE"],"User-Agent":["curl/8"],"X-Amzn-Trace-Id":["TRACE"],"X-Forwarded-For":["10.0.0.1, 127.0.0.1"],"X-Forwarded-Port":["4566"],"X-Forwarded-Proto":["http"],"X-Two":["1","2"]},` +
		`"queryStringParameters":{"a":"2","b":"x y+","empty":""},"multiValueQueryStringParameters":{"a":["1","2"],"b":["x y+"],"empty":[""]},` +
		`"pathParameters":{"proxy":"proxy-value/%2Bx"},"stageVariables":{"b":"\"","env":"dev"},` +
		`"requestContext":{"resourceId":"res_proxy","resourcePath":"/{proxy+}","httpMethod":"POST","extendedRequestId":"EXTENDED","requestTime":"09/Apr/2015:12:34:56 +0000","path":"/dev//proxy-value/%2Bx/","accountId":"123456789012","protocol":"HTTP/1.1","stage":"dev","domainPrefix":"abc","requestTimeEpoch":1428582896789,"requestId":"REQUEST",` +
		`"identity":{"cognitoIdentityPoolId":null,"accountId":null,"cognitoIdentityId":null,"caller":null,"sourceIp":"127.0.0.1","principalOrgId":null,"accessKey":null,"cognitoAuthenticationType":null,"cognitoAuthenticationProvider":null,"userArn":null,"userAgent":"curl/8","user":null},` +
		`"domainName":"abc.execute-api.localhost:4566","deploymentId":"dep1","apiId":"abc"},"body":"hello \"w\"\n","isBase64Encoded":false}`
	trace, _, _ := strings.Cut(r.Header.Get("X-Amzn-Trace-Id"), ";")
	got := strings.NewReplacer(trace, "TRACE", r.Header["x-amz-apigw-id"][0], "EXTENDED", r.Header["x-amzn-RequestId"][0], "REQUEST").Replace(event)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// What is missing is null (same recording); an API addressed by path has the
// host that it would have on AWS.
func TestEventNulls(t *testing.T) {
	var event string
	b := newBed(t, answers(`{}`, &event), resources(map[string]*state.Method{"GET /hardcoded": proxy(uri), "GET /": proxy(uri)}))
	b.get("GET /restapis/abc/dev/_user_request_/hardcoded", func(r *http.Request) { r.Host = "localhost:4566" })
	var e map[string]any
	if err := json.Unmarshal([]byte(event), &e); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables", "body"} {
		if v, ok := e[name]; !ok || v != nil {
			t.Errorf("%s = %v, want null", name, v)
		}
	}
	rc := e["requestContext"].(map[string]any)
	if rc["domainName"] != "abc.execute-api.localhost:4566" || rc["path"] != "/dev/hardcoded" || e["headers"].(map[string]any)["Host"] != rc["domainName"] {
		t.Errorf("context %v", rc)
	}
	b.get("GET /dev")
	if rc := canonicalJSON(t, event).(map[string]any)["requestContext"].(map[string]any); rc["path"] != "/dev" {
		t.Errorf("path of the bare stage: %v", rc["path"])
	}
	b.get("GET /dev/")
	if rc := canonicalJSON(t, event).(map[string]any)["requestContext"].(map[string]any); rc["path"] != "/dev/" {
		t.Errorf("path of the root: %v", rc["path"])
	}
}

// Headers that do not reach the function: AWS recording
// test_apigateway_header_remapping_aws[AWS_PROXY], no-param-integration.
func TestDroppedRequestHeaders(t *testing.T) {
	var event string
	b := newBed(t, answers(`{}`, &event), resources(map[string]*state.Method{"GET /": proxy(uri)}))
	sent := strings.Fields("Accept Accept-Charset Accept-Encoding Age Authorization Connection Content-Encoding Content-MD5 Content-Type Date Expect Max-Forwards Pragma Proxy-Authenticate Range Referer Server TE Trailer Transfer-Encoding Upgrade User-Agent Via Warn WWW-Authenticate")
	b.rawHeader = func(_ *http.Request, dst [][2]string) ([][2]string, bool) {
		for _, name := range sent {
			dst = append(dst, [2]string{name, "v"})
		}
		return dst, true
	}
	b.get("GET /dev/")
	want := map[string]bool{}
	for _, name := range strings.Fields("Accept Accept-Charset Accept-Encoding Age Authorization Content-Encoding Content-Type Date Host Pragma Range Referer User-Agent Via Warn X-Amzn-Trace-Id X-Forwarded-For X-Forwarded-Port X-Forwarded-Proto") {
		want[name] = true
	}
	got := map[string]bool{}
	for name := range canonicalJSON(t, event).(map[string]any)["headers"].(map[string]any) {
		got[name] = true
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// Bodies: text, unless the content type is one of the API's binary types
// (APIGW-DG api-gateway-payload-encodings-workflow).
func TestEventBody(t *testing.T) {
	for _, c := range []struct {
		binary            []string
		contentType, body string
		want              string
		encoded           bool
	}{
		{nil, "text/plain", "grüß\x00", "grüß\x00", false},
		{nil, "image/png", "a\xff\xfeb", "a\ufffd\ufffdb", false},
		{[]string{"image/png"}, "image/png", "a\xff", "Yf8=", true},
		{[]string{"image/png"}, "IMAGE/PNG; x=y", "a\xff", "Yf8=", true},
		{[]string{"image/png"}, "image/jpeg", "a", "a", false},
		{[]string{"*/*"}, "anything", "a", "YQ==", true},
		{[]string{"*/*"}, "", "a", "YQ==", true},
	} {
		var event string
		snapshot := resources(map[string]*state.Method{"POST /": proxy(uri)})
		snapshot.BinaryMediaTypes = c.binary
		newBed(t, answers(`{}`, &event), snapshot).get("POST /dev/", header("Content-Type", c.contentType), body(c.body))
		e := canonicalJSON(t, event).(map[string]any)
		if e["body"] != c.want || e["isBase64Encoded"] != c.encoded {
			t.Errorf("%v %q: %v %v, want %q %v", c.binary, c.contentType, e["body"], e["isBase64Encoded"], c.want, c.encoded)
		}
	}
}

// Any string becomes JSON that reads back as itself.
func TestAppendString(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		var back string
		if err := json.Unmarshal(appendString(nil, s), &back); err != nil || back != s {
			t.Fatalf("%q → %s → %q %v", s, appendString(nil, s), back, err)
		}
	})
}

func FuzzEvent(f *testing.F) {
	f.Add("/a/b", "x=1&y=%zz", "X-A", "v", "body")
	f.Fuzz(func(t *testing.T, path, query, name, value, text string) {
		var event string
		b := newBed(t, answers(`{}`, &event), resources(map[string]*state.Method{"ANY /{proxy+}": proxy(uri)}))
		b.rawHeader = func(_ *http.Request, dst [][2]string) ([][2]string, bool) {
			return append(dst, [2]string{name, value}), true
		}
		b.get("POST /dev/x", body(text), func(r *http.Request) {
			r.RequestURI = "/dev/" + path
			r.URL.RawQuery = query
		})
		if event != "" && !json.Valid([]byte(event)) {
			t.Fatalf("no JSON: %s", event)
		}
	})
}
