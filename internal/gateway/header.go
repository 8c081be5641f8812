package gateway

import (
	"net"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/awswire/sigv4"
)

// headerField is one header field, or one pair of a query string, on its way to
// an integration.
type headerField struct {
	name, value string
}

func clearSorted(f []headerField) []headerField {
	clear(f)
	return f[:0]
}

// dropped are the request headers that do not reach the function: the hop-by-hop
// ones and some more. AWS recording test_apigateway_header_remapping_aws[AWS_PROXY]
// sends all of them and the event has none; Content-Length and Keep-Alive are
// missing in test_lambda_aws_proxy_integration.
var dropped = []string{
	"Connection", "Content-Length", "Content-MD5", "Expect", "Keep-Alive", "Max-Forwards",
	"Proxy-Authenticate", "Proxy-Connection", "Server", "TE", "Trailer", "Transfer-Encoding",
	"Upgrade", "WWW-Authenticate",
}

// replaced are written by the gateway itself.
var replaced = []string{"Host", "X-Amzn-Trace-Id", "X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto"}

// respelled are the headers that arrive in one spelling, however they were
// sent. AWS recordings test_lambda_aws_proxy_integration ("authorization") and
// …_request_data_mapping ("user-Agent").
var respelled = []string{"Authorization", "User-Agent"}

// clientHeader fills x.header with what the client sent.
func (x *exchange) clientHeader() [][2]string {
	if x.fields || x.request == nil {
		return x.header
	}
	x.fields = true
	x.header = x.header[:0]
	if raw := x.gateway.rawHeader; raw != nil {
		var ok bool
		if x.header, ok = raw(x.request, x.header); ok {
			return x.header
		}
	}
	for name, values := range x.request.Header {
		for _, v := range values {
			x.header = append(x.header, [2]string{name, v})
		}
	}
	return x.header
}

// headerValue is the last value of a client's header, "" when there is none.
func (x *exchange) headerValue(name string) string {
	if r := x.request; r != nil {
		if v := r.Header[name]; len(v) > 0 {
			return v[len(v)-1]
		}
		if !canonicalDiffers(name) {
			return ""
		}
	}
	for _, f := range slices.Backward(x.clientHeader()) {
		if strings.EqualFold(f[0], name) {
			return f[1]
		}
	}
	return ""
}

// canonicalDiffers reports whether net/http may keep name under another key.
func canonicalDiffers(name string) bool {
	upper := true
	for i := range len(name) {
		c := name[i]
		if upper && c >= 'a' && c <= 'z' || !upper && c >= 'A' && c <= 'Z' {
			return true
		}
		upper = c == '-'
	}
	return false
}

// integrationHeader is the header that the function gets, in the order of the
// names: what the client sent, less dropped, and what the gateway adds.
func (x *exchange) integrationHeader() []headerField {
	if len(x.sorted) > 0 {
		return x.sorted
	}
	s := x.sorted[:0]
	forwarded := ""
	for _, f := range x.clientHeader() {
		name := f[0]
		switch {
		case lowerIn(dropped, name), x.signature(name, f[1]):
			continue
		case lowerIn(replaced, name):
			if strings.EqualFold(name, "X-Forwarded-For") {
				forwarded = f[1] + ", "
			}
			continue
		}
		for _, fixed := range respelled {
			if strings.EqualFold(name, fixed) {
				name = fixed
			}
		}
		s = append(s, headerField{name: name, value: f[1]})
	}
	if !x.plan.test {
		proto, port := x.front()
		s = append(s,
			headerField{name: "Host", value: x.host},
			headerField{name: "X-Amzn-Trace-Id", value: "Root=" + x.traceRoot()},
			headerField{name: "X-Forwarded-For", value: forwarded + x.clientIP},
			headerField{name: "X-Forwarded-Port", value: port},
			headerField{name: "X-Forwarded-Proto", value: proto})
	}
	// Stable: several values of one name stay in the order of the client, under
	// its first spelling.
	slices.SortStableFunc(s, compareNames)
	for i := 1; i < len(s); i++ {
		if compareNames(s[i-1], s[i]) == 0 {
			s[i].name = s[i-1].name
		}
	}
	x.sorted = s
	return s
}

// signature reports whether a header field is the signature of the request: it
// is API Gateway's, and no integration sees it (APIGW-DG
// api-gateway-known-issues: Authorization is dropped with AWS_IAM, and whenever
// it holds a Signature Version 4).
func (x *exchange) signature(name, value string) bool {
	return len(name) == len("Authorization") && (x.who != nil || strings.HasPrefix(value, sigv4.Algorithm)) && strings.EqualFold(name, "Authorization")
}

// compareNames orders names without regard to case, as AWS's events have them
// (an event of 2020: accept, accept-language, Host, User-Agent, X-Amzn-Trace-Id).
func compareNames(a, b headerField) int {
	n := min(len(a.name), len(b.name))
	for i := range n {
		if x, y := lowerByte(a.name[i]), lowerByte(b.name[i]); x != y {
			return int(x) - int(y)
		}
	}
	return len(a.name) - len(b.name)
}

func lowerByte(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// front is the protocol and the port by which the client came.
func (x *exchange) front() (proto, port string) {
	proto, port = "http", "80"
	if x.request != nil && x.request.TLS != nil {
		proto, port = "https", "443"
	}
	if _, p, err := net.SplitHostPort(x.host); err == nil && p != "" {
		port = p
	}
	return proto, port
}

// remapped are the response headers that API Gateway renames (AWS recording
// test_apigateway_header_remapping_aws[AWS], full-integration: all of these and
// no others; the name keeps its spelling behind the prefix).
var remapped = []string{
	"Authorization", "Connection", "Content-Length", "Content-MD5", "Date", "Expect", "Host", "Max-Forwards",
	"Proxy-Authenticate", "Server", "Trailer", "Upgrade", "User-Agent", "WWW-Authenticate",
}

// addHeader adds a response header of an integration or a mapping by AWS's
// rules. Transfer-Encoding is dropped (same recording).
func (x *exchange) addHeader(name, value string) {
	switch {
	case strings.EqualFold(name, "Transfer-Encoding"):
		return
	case lowerIn(remapped, name):
		name = "x-amzn-Remapped-" + name
	case strings.EqualFold(name, "Content-Type"):
		name = "Content-Type" // net/http must find it, or it adds one
	}
	x.answer.header = append(x.answer.header, [2]string{name, value})
}
