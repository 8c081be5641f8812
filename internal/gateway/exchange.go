package gateway

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/metrics"
)

// Limits of API Gateway (APIGW-DG limits): request line and header together,
// and the payload.
const (
	maxHead = 10_240
	maxBody = 10 << 20
)

// exchange is one request and what is made of it. Exchanges are pooled: visit
// is new with every request, scratch stays.
type exchange struct {
	gateway *Gateway
	visit
	scratch
}

// visit is everything that one request must not leave to the next. It is small,
// because it is cleared with write barriers.
type visit struct {
	request *http.Request
	ctx     context.Context
	start   time.Time
	ids     ids

	addr   address
	plan   *stagePlan
	method *methodPlan

	// The request as the plans see it.
	verb     string
	path     string // below the stage, as it was sent
	query    string // as it was sent
	proto    string
	host     string // the Host that the API sees
	prefix   string // its first label
	clientIP string
	fields   bool         // header is filled
	caller   *TestRequest // of a TestInvokeMethod
	who      *Caller      // who signed the request, where the method asks for that
	tracer   *tracer      // of a Try

	trace       string // Root of X-Amzn-Trace-Id; "" until an integration runs
	answered    string // X-Amzn-Trace-Id of a function's answer
	base64      bool   // the function says that its body is base64
	integration integrationRecord
	answer      answer
	lines       execLines
}

// scratch is memory that the next request uses again. Lists are emptied, params
// has a length of its own, call is written whole before it is read.
type scratch struct {
	params  params
	header  [][2]string // of the client; filled by clientHeader
	body    []byte
	sorted  []headerField
	pairs   []headerField // of the query string
	call    grants.Call
	entry   grants.APICall // as call, of methods with a guard
	event   []byte         // the function gets a copy
	timer   *time.Timer
	decoder answerDecoder
	values  []string // backing of response header values
	counted metrics.APICall
}

// answer is what goes back.
type answer struct {
	status  int
	header  [][2]string
	body    []byte
	gateway *gatewayResponse // set when the gateway itself answers
	cause   string           // the configuration error's sentence, for access logs
}

// integrationRecord is what the logs want to know of the integration.
type integrationRecord struct {
	attempted bool // the gateway went as far as asking the door
	called    bool
	requestID string
	version   string // of the function, that ran
	status    int    // of the integration; 0 unknown
	latency   time.Duration
}

// begin takes over a request from the wire.
func (x *exchange) begin(r *http.Request) {
	x.request, x.ctx = r, r.Context()
	x.start = x.gateway.now()
	x.ids.make(x.gateway.random)
	x.verb = r.Method
	x.proto = r.Proto
	x.query = r.URL.RawQuery
}

// serve answers to w.
func (x *exchange) serve(w http.ResponseWriter) {
	x.run()
	x.write(w)
}

// run goes through the steps of a request: where, who, what, integration.
func (x *exchange) run() {
	found := x.route()
	if x.tracer != nil {
		x.tracer.route(x, found)
	}
	if found {
		x.execute()
	}
}

// route finds the method and reads the body, or answers itself.
func (x *exchange) route() bool {
	r := x.request
	var ok bool
	x.addr, ok = addressOf(r)
	if ok {
		if d := x.gateway.picture.Load().find(x.addr.api, x.addr.stage); d != nil {
			chosen := d.choose(x.gateway.random)
			if x.tracer != nil {
				chosen = x.tracer.choose(d, chosen)
			}
			x.plan = chosen.plan()
		}
	}
	if x.plan == nil || x.plan.closed {
		x.plan = nil
		x.refuse(forbidden) // also for a path without a stage
		x.gateway.lost.note(x)
		return false
	}
	x.path = x.addr.path
	x.client(r)
	if headSize(r) > maxHead {
		x.refuse(headerTooLong)
		return false
	}
	if x.method = x.plan.router.find(x.path, x.verb, &x.params); x.method == nil {
		x.unknownRoute()
		return false
	}
	return x.readBody(r)
}

// execute runs the method; everything about the request is known.
func (x *exchange) execute() {
	m := x.method
	if m.level != levelOff && (m.stage.test || m.stage.settings.logs.Load()) {
		x.lines.open(x)
	}
	admitted := m.guard == nil || x.admit(m.guard)
	if admitted && m.refusal != nil {
		x.gateway.log.Warn("request refused", "api", m.stage.api, "stage", m.stage.name, "method", m.verb, "resource", m.resource.path, "requestId", x.ids.request, "reason", m.refusal.reason)
		x.reject(m.refusal.answer)
		admitted = false
	}
	if x.tracer != nil {
		x.tracer.authorizer(x, admitted)
	}
	if !admitted {
		return
	}
	x.integrate()
}

// integrate lets the method's integration answer.
func (x *exchange) integrate() {
	m := x.method
	x.lines.request(x)
	passed := true
	switch m.kind {
	case kindMock:
		x.runMock()
	case kindLambda:
		passed = x.runProxy()
	default:
		x.runBroken()
	}
	if x.tracer != nil && passed {
		x.tracer.integration(x)
	}
	x.lines.end(x)
}

// runBroken answers for an integration that cannot work.
func (x *exchange) runBroken() {
	m := x.method
	x.explain(m.problem)
	if m.call.FunctionARN != "" {
		// A function was named that cannot exist: whoever asks why gets an
		// answer, as for one that does not exist.
		x.call = m.call
		x.call.RequestID, x.call.Time = x.ids.request, x.start
		x.gateway.door.Refuse(x.ctx, &x.call, grants.FunctionMissing)
	}
	x.configurationError(orText(m.sentence, "Invalid endpoint address"), configurationError)
}

// explain tells the person at stagedoor what AWS's words leave out.
func (x *exchange) explain(problem string) {
	m := x.method
	if x.tracer != nil {
		x.tracer.problem = problem
	}
	x.gateway.log.Warn("integration cannot work", "api", m.stage.api, "stage", m.stage.name, "method", m.verb, "resource", m.resource.path, "requestId", x.ids.request, "problem", problem)
}

// configurationError answers with the gateway's own response and AWS's
// sentence in the log.
func (x *exchange) configurationError(sentence string, g *gatewayResponse) {
	x.answer.cause = "Execution failed due to configuration error: " + sentence
	x.lines.failed(x.answer.cause)
	x.refuse(g)
}

// refuse makes the gateway itself answer.
func (x *exchange) refuse(g *gatewayResponse) {
	x.answer.gateway = g
	x.answer.status = g.status
	x.answer.body = g.body
	if g.front {
		x.answer.header = append(x.answer.header[:0], [2]string{"Content-Type", "text; charset=utf-8"})
		return
	}
	x.answer.header = append(x.answer.header[:0], [2]string{"Content-Type", "application/json"})
	if !x.test() {
		x.answer.header = append(x.answer.header, [2]string{"x-amzn-ErrorType", g.errorType})
	}
	if x.integration.attempted {
		// Observed on a real account in May 2025 for a missing permission, a
		// throttled, a failing and a slow function and a malformed answer; not in
		// AWS recording test_apigateway_header_remapping_aws, which fails earlier.
		x.answer.header = append(x.answer.header, [2]string{"X-Amzn-Trace-Id", "Root=" + x.traceRoot()})
	}
}

func (x *exchange) test() bool { return x.plan != nil && x.plan.test }

// write sends the answer.
func (x *exchange) write(w http.ResponseWriter) {
	h := w.Header()
	x.values = append(x.values[:0], "keep-alive", x.ids.request, x.ids.extended)
	for _, f := range x.answer.header {
		x.values = append(x.values, f[1])
	}
	// net/http clones the header in WriteHeader, so the values may be reused
	// afterwards. Names keep AWS's spelling.
	h["Connection"] = x.values[0:1:1]
	if x.answer.gateway == nil || !x.answer.gateway.front {
		h["x-amzn-RequestId"] = x.values[1:2:2]
		h["x-amz-apigw-id"] = x.values[2:3:3]
	}
	for i, f := range x.answer.header {
		if v, again := h[f[0]]; again {
			h[f[0]] = append(v, f[1])
			continue
		}
		h[f[0]] = x.values[3+i : 4+i : 4+i]
	}
	if (x.verb == http.MethodHead || len(x.answer.body) > netHTTPLength) && bodyAllowed(x.answer.status) {
		h["Content-Length"] = []string{itoa(len(x.answer.body))}
	}
	w.WriteHeader(x.answer.status)
	if len(x.answer.body) > 0 && x.verb != http.MethodHead && bodyAllowed(x.answer.status) {
		_, _ = w.Write(x.answer.body) // a client that has gone gets nothing
	}
}

// netHTTPLength is up to where net/http finds the Content-Length by itself; longer
// bodies it would send in chunks, which AWS does not.
const netHTTPLength = 2000

func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// finish hands the lines to the queue of the logs, which takes microseconds. A
// short answer leaves net/http only afterwards, so that whoever has it in hands
// also finds its lines, where AWS makes them wait for 20 seconds.
func (x *exchange) finish() {
	if x.gateway.metrics != nil && x.plan != nil {
		x.count()
	}
	x.lines.flush(x)
	if x.plan != nil && x.plan.access != nil {
		x.plan.access.write(x)
	}
}

// count tells the meter of the request. One that reached no stage belongs to no
// API, and nobody counts it.
func (x *exchange) count() {
	p := x.plan
	x.counted = metrics.APICall{
		Account: p.account, Region: p.region, APIName: p.counted, Stage: p.name, Canary: p.release == canaryRelease,
		Status: x.answer.status, Latency: x.gateway.now().Sub(x.start),
	}
	if x.method != nil && x.method.detailed {
		x.counted.Method, x.counted.Resource = x.method.verb, x.method.resource.path
	}
	if x.integration.called {
		x.counted.IntegrationLatency = max(x.integration.latency, 1) // 0 would say that none was called
	}
	x.gateway.metrics.APICall(&x.counted)
}

// metricName is the dimension ApiName: AWS leaves out what is not ASCII, and takes
// the id where nothing is left (APIGW-DG api-gateway-metrics-and-dimensions).
// unverified: the name of an API that was renamed after it was deployed; here it
// keeps the one it was deployed under.
func metricName(name, api string) string {
	ascii := strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf {
			return -1
		}
		return r
	}, name)
	return cmp.Or(ascii, api)
}

// release forgets the request and reports whether x is worth pooling.
func (x *exchange) release() bool {
	if cap(x.event) > 1<<20 || cap(x.body) > 1<<20 {
		return false
	}
	header, lines := clearFields(x.answer.header), x.lines.reset()
	x.visit = visit{}
	x.answer.header, x.lines = header, lines
	x.params.n = 0
	x.header, x.sorted, x.pairs = clearFields(x.header), clearSorted(x.sorted), clearSorted(x.pairs)
	x.body, x.event, x.values = x.body[:0], x.event[:0], x.values[:0]
	return true
}

func clearFields(f [][2]string) [][2]string {
	clear(f)
	return f[:0]
}

// headSize is the size of the request line and the header fields as HTTP/1.1
// writes them.
func headSize(r *http.Request) int {
	n := len(r.Method) + len(r.RequestURI) + len(r.Proto) + 4
	if r.Host != "" {
		n += len("Host: \r\n") + len(r.Host)
	}
	for name, values := range r.Header {
		for _, v := range values {
			n += len(name) + len(v) + 4
		}
	}
	return n
}

// client notes who called.
func (x *exchange) client(r *http.Request) {
	x.clientIP = hostOnly(r.RemoteAddr)
	if x.addr.virtual {
		x.host, x.prefix = r.Host, x.addr.api
		return
	}
	// On AWS an API always has a host of its own. Functions that read it find
	// it here too when the API was addressed by a path.
	x.host, x.prefix = x.addr.api+".execute-api."+r.Host, x.addr.api
}

func hostOnly(addr string) string {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		return host
	}
	return addr
}

// readBody reads the body if anything will look at it, and answers itself when
// it is too big or does not arrive.
func (x *exchange) readBody(r *http.Request) bool {
	if r.ContentLength > maxBody {
		x.refuse(bodyTooLong)
		return false
	}
	if r.ContentLength == 0 || r.Body == nil || r.Body == http.NoBody {
		return true
	}
	var ok bool
	if x.body, ok = readLimited(x.body[:0], r.Body, int(r.ContentLength)); ok {
		return true
	}
	if len(x.body) > maxBody {
		x.refuse(bodyTooLong)
	} else {
		x.refuse(badBody)
	}
	return false
}

// lowerIn reports whether list holds s without regard to case.
func lowerIn(list []string, s string) bool {
	for _, l := range list {
		if len(l) == len(s) && strings.EqualFold(l, s) {
			return true
		}
	}
	return false
}
