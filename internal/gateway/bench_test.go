package gateway

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/invoke"
	"github.com/stagedoor/stagedoor/internal/state"
)

// sink is a ResponseWriter that costs nothing of its own.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) WriteHeader(int)             {}

type openDoor struct{}

func (openDoor) Decide(*grants.Call) grants.Outcome                   { return grants.Allowed }
func (openDoor) Refuse(context.Context, *grants.Call, grants.Outcome) {}
func (openDoor) Explain(*grants.Call) *grants.Decision                { return nil }
func (openDoor) RefuseAPI(*grants.APIRefusal)                         {}
func (openDoor) Mode() grants.Mode                                    { return grants.Enforce }
func (openDoor) Flush(context.Context) error                          { return nil }
func (openDoor) Decision(context.Context, string) (*grants.Decision, error) {
	return nil, grants.ErrDecisionNotFound
}
func (openDoor) Invoke(context.Context, *invoke.Request) (*invoke.Result, error) {
	return constant, nil
}

var constant = &invoke.Result{Payload: []byte(`{"statusCode":200,"headers":{"Content-Type":"text/plain"},"body":"hello"}`), RequestID: "id"}

func benchGateway(b *testing.B, methods map[string]*state.Method, target string, stages ...*state.Stage) {
	benchWith(b, Options{}, methods, target, stages...)
}

func benchWith(b *testing.B, o Options, methods map[string]*state.Method, target string, stages ...*state.Stage) {
	g := New(nil, openDoor{}, openDoor{}, nil, o)
	(&bed{Gateway: g}).deploy(resources(methods), stages...)
	r := httptest.NewRequest("GET", target, nil)
	r.Host, r.RemoteAddr = host, "127.0.0.1:1"
	r.Header = http.Header{"User-Agent": {"wrk"}, "Accept": {"*/*"}, "Accept-Encoding": {"gzip, deflate"}, "X-Custom": {"1"}}
	b.ReportAllocs()
	for b.Loop() {
		w := &sink{header: make(http.Header, 8)}
		g.ServeHTTP(w, r)
	}
}

func BenchmarkMock(b *testing.B) {
	benchGateway(b, map[string]*state.Method{"GET /users/{id}": mock(`{"statusCode": 200}`, `{"hello":"world"}`)}, "/dev/users/42")
}

func BenchmarkMockMetered(b *testing.B) {
	benchWith(b, Options{Metrics: sum{}}, map[string]*state.Method{"GET /users/{id}": mock(`{"statusCode": 200}`, `{"hello":"world"}`)}, "/dev/users/42")
}

func BenchmarkMockCanary(b *testing.B) {
	benchGateway(b, map[string]*state.Method{"GET /users/{id}": mock(`{"statusCode": 200}`, `{"hello":"world"}`)}, "/dev/users/42",
		&state.Stage{Name: "dev", Canary: &state.CanarySettings{PercentTraffic: 50, DeploymentID: "dep1"}})
}

func BenchmarkProxy(b *testing.B) {
	benchGateway(b, map[string]*state.Method{"ANY /{proxy+}": proxy(uri)}, "/dev/users/42?a=1&b=2")
}

func BenchmarkUnknownPath(b *testing.B) {
	benchGateway(b, map[string]*state.Method{"GET /users/{id}": proxy(uri)}, "/dev/nowhere")
}

func BenchmarkEvent(b *testing.B) {
	g := New(nil, openDoor{}, openDoor{}, nil, Options{})
	(&bed{Gateway: g}).deploy(resources(map[string]*state.Method{"ANY /{proxy+}": proxy(uri)}))
	r := httptest.NewRequest("POST", "/dev/users/42?a=1&b=2", nil)
	r.Host, r.RemoteAddr = host, "127.0.0.1:1"
	r.Header = http.Header{"User-Agent": {"wrk"}, "Accept": {"*/*"}}
	text := strings.Repeat("0123456789", 100)
	b.ReportAllocs()
	for b.Loop() {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
		w := &sink{header: make(http.Header, 8)}
		g.ServeHTTP(w, r)
	}
}

// An open method of an API with a resource policy: ten statements, the last
// allows.
func BenchmarkMockWithPolicy(b *testing.B) {
	var statements []string
	for i := range 9 {
		statements = append(statements, `{"Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/*/*/admin`+itoa(i)+`/*","Condition":{"NotIpAddress":{"aws:SourceIp":["10.0.0.0/8","192.0.2.0/24"]}}}`)
	}
	statements = append(statements, `{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/*"}`)
	policy := `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
	snapshot := resources(map[string]*state.Method{"GET /users/{id}": mock(`{"statusCode": 200}`, `{"hello":"world"}`)})
	snapshot.Policy = &policy
	g := New(nil, openDoor{}, openDoor{}, nil, Options{})
	(&bed{Gateway: g}).deploy(snapshot)
	r := httptest.NewRequest("GET", "/dev/users/42", nil)
	r.Host, r.RemoteAddr = host, "127.0.0.1:1"
	r.Header = http.Header{"User-Agent": {"wrk"}, "Accept": {"*/*"}}
	b.ReportAllocs()
	for b.Loop() {
		g.ServeHTTP(&sink{header: make(http.Header, 8)}, r)
	}
}
