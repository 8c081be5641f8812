package endpoint

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func name(s string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(s)) })
}

func TestRouting(t *testing.T) {
	s := New(Options{
		DataPlane: name("data"), ControlPlane: name("control"), Admin: name("admin"),
		Health: func() Health {
			return Health{Services: map[string]string{"lambda": "running", "apigateway": "running"}}
		},
	})
	s.router.loopback.Store(true)
	for _, c := range []struct{ host, path, want string }{
		{"abc.execute-api.localhost:4566", "/dev/x", "data"},
		{"abc.execute-api.us-east-1.amazonaws.com", "/dev/x", "data"},
		{"abc.execute-api.localhost.localstack.cloud:4566", "/dev/", "data"},
		{"abc.execute-api.localhost:4566", "/_stagedoor/health", "data"}, // the API's own path
		{"localhost:4566", "/restapis/abc/dev/_user_request_/x", "data"},
		{"localhost:4566", "/restapis/abc/dev/_user_request_", "data"},
		{"localhost:4566", "/_aws/execute-api/abc/dev/x", "data"},
		{"localhost:4566", "/restapis/abc/stages/dev", "control"},
		{"localhost:4566", "/restapis", "control"},
		{"execute-api.us-east-1.localhost:4566", "/", "control"},
		{"lambda.us-east-1.localhost:4566", "/2015-03-31/functions", "control"},
		{"stream-localhost:4566", "/", "control"},
		{"localhost:4566", "/_stagedoor/", "admin"},
		{"localhost:4566", "/_stagedoor/why", "admin"},
		{"localhost:4566", "/_stagedoor/health", `{"services": {"apigateway": "running", "lambda": "running"}, "edition": "stagedoor", "version": "dev"}`},
		{"localhost:4566", "/_localstack/health", `{"services": {"apigateway": "running", "lambda": "running"}, "edition": "stagedoor", "version": "dev"}`},
	} {
		r := httptest.NewRequest("GET", c.path, nil)
		r.Host = c.host
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if got := w.Body.String(); got != c.want {
			t.Errorf("%s%s → %q, want %q", c.host, c.path, got, c.want)
		}
	}
}

// What a web page can send must reach neither pages nor control plane; what it
// cannot send must pass.
func TestGuard(t *testing.T) {
	s := New(Options{DataPlane: name("data"), ControlPlane: name("control"), Admin: name("admin")})
	for _, c := range []struct {
		what, method, host, path, header string
		loopback                         bool
		want                             int
	}{
		{"aws cli", "POST", "localhost:4566", "/", "", true, 200},
		{"aws cli by a name", "POST", "devbox.lan:4566", "/", "", true, 200},
		{"form on a foreign page", "POST", "localhost:4566", "/2015-03-31/functions", "Sec-Fetch-Site: cross-site", true, 403},
		{"old browser", "POST", "localhost:4566", "/2015-03-31/functions", "Origin: https://evil.example", true, 403},
		{"rebound name, control", "GET", "evil.example:4566", "/restapis", "Sec-Fetch-Site: same-origin", true, 403},
		{"rebound name, a page that reads", "GET", "evil.example:4566", "/2015-03-31/functions", "Accept-Language: de", true, 403},
		{"rebound name, a page that hides it", "GET", "evil.example:4566", "/2015-03-31/functions", "User-Agent: Mozilla/5.0", true, 403},
		{"a browser by localhost", "GET", "localhost:4566", "/restapis", "Accept-Language: de", true, 200},
		{"a program that lists by a name", "GET", "devbox.lan:4566", "/restapis", "User-Agent: aws-cli/2", true, 200},
		{"rebound name, pages", "GET", "evil.example:4566", "/_stagedoor/", "", true, 403},
		{"own console", "POST", "localhost:4566", "/_stagedoor/x", "Sec-Fetch-Site: same-origin", true, 200},
		{"own console, IPv6", "GET", "[::1]:4566", "/_stagedoor/", "", true, 200},
		{"other page to the console", "POST", "localhost:4566", "/_stagedoor/x", "Sec-Fetch-Site: same-site", true, 403},
		{"listening on all addresses", "GET", "devbox.lan:4566", "/_stagedoor/", "", false, 200},
		{"deployed stage from any page", "POST", "abc.execute-api.localhost:4566", "/dev/x", "Sec-Fetch-Site: cross-site", true, 200},
		{"health by any name", "GET", "stagedoor:4566", "/_localstack/health", "", true, 200},
	} {
		s.router.loopback.Store(c.loopback)
		r := httptest.NewRequest(c.method, c.path, nil)
		r.Host = c.host
		if k, v, ok := strings.Cut(c.header, ": "); ok {
			r.Header.Set(k, v)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s: %d %s, want %d", c.what, w.Code, w.Body, c.want)
		}
	}
}

// A page of a function that is opened by its path has no part in the console's
// origin; nothing changes for programs, for fetch, and for pages by host.
func TestPagesOfStagesAreAlone(t *testing.T) {
	s := New(Options{DataPlane: name("data"), ControlPlane: name("control")})
	const stagePath, other = "/restapis/abc/dev/_user_request_/x", "/_aws/execute-api/abc/dev/x"
	for _, c := range []struct {
		what, host, path, header string
		alone                    bool
	}{
		{"a page", "localhost:4566", stagePath, "Sec-Fetch-Dest: document", true},
		{"a page by the other path", "localhost:4566", other, "Sec-Fetch-Dest: document", true},
		{"a frame", "localhost:4566", stagePath, "Sec-Fetch-Dest: iframe", true},
		{"a page, over plain HTTP", "192.0.2.1:4566", stagePath, "Accept: text/html,application/xhtml+xml,*/*;q=0.8", true},
		{"fetch", "localhost:4566", stagePath, "Sec-Fetch-Dest: empty", false},
		{"a picture", "localhost:4566", stagePath, "Sec-Fetch-Dest: image", false},
		{"curl", "localhost:4566", stagePath, "Accept: */*", false},
		{"a page by host", "abc.execute-api.localhost:4566", "/dev/x", "Sec-Fetch-Dest: document", false},
		{"the control plane", "localhost:4566", "/restapis", "Accept: text/html", false},
	} {
		r := httptest.NewRequest("GET", c.path, nil)
		r.Host = c.host
		k, v, _ := strings.Cut(c.header, ": ")
		r.Header.Set(k, v)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		policy := w.Header().Get("Content-Security-Policy")
		if got := strings.HasPrefix(policy, "sandbox ") && !strings.Contains(policy, "allow-same-origin"); got != c.alone {
			t.Errorf("%s: policy %q", c.what, policy)
		}
	}
}
