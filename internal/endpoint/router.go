package endpoint

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// adminPrefix is where stagedoor's own pages live. No AWS path begins so.
const adminPrefix = "/_stagedoor/"

// router sends each request to the handler that it is for.
type router struct {
	data, control, admin http.Handler
	health               func() Health
	guard                guard
	loopback             atomic.Bool
}

func newRouter(o Options) *router {
	rt := &router{data: o.DataPlane, control: o.ControlPlane, admin: o.Admin, health: o.Health, guard: newGuard()}
	for _, h := range []*http.Handler{&rt.data, &rt.control, &rt.admin} {
		if *h == nil {
			*h = http.NotFoundHandler()
		}
	}
	if rt.health == nil {
		rt.health = func() Health { return Health{} }
	}
	return rt
}

// ServeHTTP implements http.Handler.
func (rt *router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if c := connOf(r); c != nil && !c.next() {
		refuseTorn(w)
		return
	}
	if r.ContentLength == 0 {
		rt.route(w, r)
		return
	}
	body := &patientBody{ReadCloser: r.Body, response: http.NewResponseController(w)}
	rt.route(w, withBody(r, body))
	if !body.ended && r.Header.Get("Expect") == "" {
		drain(body)
	}
}

func (rt *router) route(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case isStageHost(r.Host):
		rt.data.ServeHTTP(w, r)
	case isStagePath(path):
		alone(w, r)
		rt.data.ServeHTTP(w, r)
	case path == "/_stagedoor/health" || path == "/_localstack/health":
		serveHealth(w, r, rt.health())
	case strings.HasPrefix(path, adminPrefix) || path == "/_stagedoor":
		if rt.guard.admit(w, r, rt.loopback.Load()) {
			rt.admin.ServeHTTP(w, r)
		}
	case fromBrowser(r):
		if rt.guard.admit(w, r, rt.loopback.Load()) {
			rt.control.ServeHTTP(w, r)
		}
	default:
		rt.control.ServeHTTP(w, r)
	}
}

// refuseTorn answers a request with both Content-Length and Transfer-Encoding.
// A proxy in front that believes the length, where net/http believes the chunks,
// takes what follows for a body that is a request here ("smuggling"). Such a
// request may be refused, and its connection must end (RFC 9112, 6.1).
func refuseTorn(w http.ResponseWriter) {
	w.Header().Set("Connection", "close")
	// unverified: what the front of API Gateway answers.
	http.Error(w, "400 Bad Request: both Content-Length and Transfer-Encoding", http.StatusBadRequest)
}

// A deployed stage is addressed in three ways:
//
//	HOST      {api}.execute-api.localhost, {api}.execute-api.{region}.amazonaws.com,
//	          {api}.execute-api.localhost.localstack.cloud
//	PATH      /restapis/{api}/{stage}/_user_request_/…, whose fourth segment no
//	          control-plane path has
//	PATH      /_aws/execute-api/{api}/{stage}/…

// isStageHost recognises the first. A host that begins with "execute-api." names
// no API: it is the control plane's, as is every other
// {service}.{region}.localhost.
func isStageHost(host string) bool {
	return strings.Index(host, ".execute-api.") > 0
}

// isStagePath recognises the two others.
func isStagePath(path string) bool {
	if rest, ok := strings.CutPrefix(path, "/restapis/"); ok {
		_, rest, _ = strings.Cut(rest, "/") // api
		_, rest, _ = strings.Cut(rest, "/") // stage
		return rest == "_user_request_" || strings.HasPrefix(rest, "_user_request_/")
	}
	return strings.HasPrefix(path, "/_aws/execute-api/")
}

// withBody copies a request: net/http's own stays as it is, because net/http
// looks at the type of its Body when the handler has ended.
func withBody(r *http.Request, body io.ReadCloser) *http.Request {
	copied := *r
	copied.Body = body
	return &copied
}

// drain swallows what a handler left of a body, before the answer goes out.
// net/http would close the connection instead, and many clients, which look for
// the answer only when they have sent everything, would report a reset in place
// of the 413 that was meant for them. The caller leaves out a body that was
// never asked for (Expect); one that does not end is cut off.
func drain(body io.Reader) {
	var buf [32 << 10]byte
	begun := time.Now()
	for left := drainLimit; left > 0 && time.Since(begun) < drainTime; {
		n, err := body.Read(buf[:])
		if err != nil {
			return
		}
		left -= n
	}
}

// patientBody gives each read bodyIdleTimeout: a client may be slow, but not
// silent.
type patientBody struct {
	io.ReadCloser
	response *http.ResponseController
	ended    bool // read to its end, or broken
}

func (b *patientBody) Read(p []byte) (int, error) {
	// Where deadlines do not exist (tests without a connection) the error
	// says so, and there is nobody to wait for.
	_ = b.response.SetReadDeadline(time.Now().Add(bodyIdleTimeout))
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.ended = true
		_ = b.response.SetReadDeadline(time.Time{})
	}
	return n, err
}
