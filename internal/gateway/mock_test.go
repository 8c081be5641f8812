package gateway

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/internal/state"
)

func TestMock(t *testing.T) {
	text := func(s string) *string { return &s }
	twoHundredOr := func(request string, passthrough string) *state.Method {
		m := mock(request, `default`)
		m.Integration.PassthroughBehavior = passthrough
		for _, r := range []struct{ code, pattern, body string }{{"201", `201`, "created"}, {"404", `4\d{2}`, "missing"}, {"500", `5\d\d`, "$input.body"}, {"302", `(`, "x"}} {
			m.Responses[r.code] = &state.MethodResponse{StatusCode: r.code}
			m.Integration.Responses[r.code] = &state.IntegrationResponse{StatusCode: r.code, SelectionPattern: text(r.pattern), ResponseTemplates: map[string]string{"application/json": r.body}}
		}
		return m
	}
	mapped := mock(`{"statusCode": 200}`, ``)
	mapped.Integration.Responses["200"].ResponseParameters = map[string]string{
		"method.response.header.Access-Control-Allow-Origin": "'*'",
		"method.response.header.X-Gone":                      "integration.response.header.X",
		"method.response.header.Date":                        "'then'",
		"method.response.header.Content-Type":                "'text/plain'",
	}
	html := mock(`{"statusCode": 200}`, ``)
	html.Integration.Responses["200"].ResponseTemplates = map[string]string{"text/html": "<p>"}
	undeclared := mock(`{"statusCode": 200}`, `x`)
	delete(undeclared.Responses, "200")
	none := mock(`{"statusCode": 200}`, `x`)
	none.Integration.Responses = nil
	b := newBed(t, answers(`{}`, nil), resources(map[string]*state.Method{
		"ANY /200":        twoHundredOr(`{"statusCode": 200}`, ""),
		"ANY /201":        twoHundredOr(`{"statusCode":201, "more": {}}`, "WHEN_NO_MATCH"),
		"ANY /404":        twoHundredOr(`{"statusCode": 404}`, "NEVER"),
		"ANY /418":        twoHundredOr(`{statusCode: 418}`, "WHEN_NO_TEMPLATES"),
		"ANY /500":        twoHundredOr(`{"statusCode": 500}`, ""),
		"ANY /bare":       twoHundredOr(`{statusCode:200}`, ""),
		"ANY /text":       twoHundredOr(`{"statusCode": "200"}`, ""),
		"ANY /vtl":        twoHundredOr(`#set($x=1){"statusCode": 200}`, ""),
		"ANY /mapped":     mapped,
		"ANY /html":       html,
		"ANY /undeclared": undeclared,
		"ANY /none":       none,
	}))
	const ise = `{"message": "Internal server error"}`
	for _, c := range []struct {
		request, what string
		status        int
		body          string
		edit          []func(*http.Request)
	}{
		{"GET /dev/200", "the response without pattern", 200, "default", nil},
		{"GET /dev/201", "", 201, "created", nil},
		{"GET /dev/404", "the pattern must fit all of the status", 404, "missing", nil},
		{"GET /dev/418", "4\\d{2}", 404, "missing", nil},
		{"GET /dev/bare", "the Serverless Framework's template", 200, "default", nil},
		{"GET /dev/500", "VTL in the response template", 500, ise, nil},
		{"GET /dev/text", "statusCode should be an integer", 500, ise, nil},
		{"GET /dev/vtl", "VTL in the request template", 500, ise, nil},
		{"GET /dev/undeclared", "Output mapping refers to an invalid method response", 500, ise, nil},
		{"GET /dev/none", "No match for output mapping", 500, ise, nil},
		{"GET /dev/html", "", 200, "<p>", nil},
		{"HEAD /dev/200", "HEAD has no body", 200, "", nil},
		{"POST /dev/200", "another content type passes the body through", 200, "default", []func(*http.Request){header("Content-Type", "text/plain"), body(`{"statusCode": 200}`)}},
		{"POST /dev/201", "same, and the body counts", 404, "missing", []func(*http.Request){header("Content-Type", "text/plain"), body(`{"statusCode": 404}`)}},
		{"POST /dev/201", "same, without a status", 500, ise, []func(*http.Request){header("Content-Type", "text/plain"), body(`hello`)}},
		{"POST /dev/404", "NEVER", 415, `{"message": "Unsupported Media Type"}`, []func(*http.Request){header("Content-Type", "text/plain"), body(`x`)}},
		{"POST /dev/418", "WHEN_NO_TEMPLATES with templates", 415, `{"message": "Unsupported Media Type"}`, []func(*http.Request){header("Content-Type", "text/plain"), body(`x`)}},
		{"POST /dev/200", "parameters of the content type do not count", 200, "default", []func(*http.Request){header("Content-Type", "application/json; charset=utf-8"), body(`x`)}},
	} {
		r := b.get(c.request, c.edit...)
		if got := read(r); r.StatusCode != c.status || got != c.body {
			t.Errorf("%s (%s): %d %s, want %d %s", c.request, c.what, r.StatusCode, got, c.status, c.body)
		}
	}
	r := b.get("GET /dev/mapped")
	if r.Header.Get("Access-Control-Allow-Origin") != "*" || r.Header.Get("Content-Type") != "text/plain" ||
		r.Header["X-Gone"] != nil || r.Header["x-amzn-Remapped-Date"] == nil {
		t.Errorf("mapped header %v", r.Header)
	}
	if got := b.get("GET /dev/html").Header.Get("Content-Type"); got != "text/html" {
		t.Errorf("content type %s", got)
	}
	if !strings.Contains(b.log.String(), "uses VTL") {
		t.Error("nobody is told about VTL")
	}
}
