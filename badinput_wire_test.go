package stagedoor

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// connect opens a bare connection to the server's port.
func (v *victim) connect() net.Conn {
	v.Helper()
	c, err := net.Dial("tcp", v.s.listener.Addr().String())
	must(v.T, err)
	must(v.T, c.SetDeadline(time.Now().Add(30*time.Second)))
	return c
}

// wire sends bytes as they are, ends its direction, and returns all that comes
// back. $HOST stands for the deployed API's.
func (v *victim) wire(text string) string {
	v.Helper()
	c := v.connect()
	defer c.Close()
	go func() {
		// A server that has seen enough may hang up first.
		_, _ = io.WriteString(c, strings.ReplaceAll(text, "$HOST", v.api+".execute-api.localhost"))
		_ = c.(*net.TCPConn).CloseWrite()
	}()
	answers, err := io.ReadAll(c)
	if err != nil && len(answers) == 0 {
		v.Errorf("%.60q got no answer: %v", text, err)
	}
	return string(answers)
}

// Requests on the data plane that break HTTP or AWS's limits. Each gets one
// answer (where it is none, want is the number), and what follows a request with
// doubtful limits is never taken for another one.
func TestBadRequests(t *testing.T) {
	v := newVictim(t)
	before := v.footprint()
	const (
		get      = "GET /dev/mock HTTP/1.1\r\nHost: $HOST\r\n"
		post     = "POST /dev/mock HTTP/1.1\r\nHost: $HOST\r\n"
		smuggled = "GET /dev/mock HTTP/1.1\r\nHost: $HOST\r\nSmuggled: 1\r\n\r\n"
		forms    = `{"message":"Bad Request"}`
		tooLong  = "HTTP content length exceeded 10485760 bytes."
		tooWide  = "HTTP header is larger than 10240 bytes."
	)
	for _, c := range []struct {
		name, text string
		status     int
		part       string
	}{
		{"10 MB and a byte, declared", fmt.Sprintf("%sContent-Length: %d\r\n\r\n", post, 10<<20+1), 413, tooLong},
		{"11 MB in chunks", post + "Transfer-Encoding: chunked\r\n\r\nb00000\r\n" + strings.Repeat("x", 0xb00000) + "\r\n0\r\n\r\n", 413, tooLong},
		{"10 MB for a function", fmt.Sprintf("POST /dev/x HTTP/1.1\r\nHost: $HOST\r\nContent-Length: %d\r\n\r\n%s", 10<<20, strings.Repeat("x", 10<<20)), 413, `{"message": "Request Too Long"}`},
		{"exactly 10 MB for the mock", fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", post, 10<<20, strings.Repeat("x", 10<<20)), 200, "mock"},
		{"a header over 10,240 bytes", get + "X: " + strings.Repeat("x", 10_240) + "\r\n\r\n", 431, tooWide},
		{"a request line over 10,240 bytes", "GET /dev/mock?" + strings.Repeat("a", 10_240) + " HTTP/1.1\r\nHost: $HOST\r\n\r\n", 431, tooWide},
		{"5,000 headers", get + strings.Repeat("A: b\r\n", 5_000) + "\r\n", 431, tooWide},
		{"a header of 10 MB", get + "X: " + strings.Repeat("x", 10<<20) + "\r\n\r\n", 431, "431 Request Header Fields Too Large"},
		{"a chunk size that is none", post + "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n", 400, forms},
		{"a negative chunk size", post + "Transfer-Encoding: chunked\r\n\r\n-1\r\nabc\r\n0\r\n\r\n", 400, forms},
		{"a chunk size over 64 bits", post + "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\nabc\r\n0\r\n\r\n", 400, forms},
		{"a chunk without end", post + "Transfer-Encoding: chunked\r\n\r\nff\r\nabc", 400, forms},
		{"a body without end", "POST /dev/x HTTP/1.1\r\nHost: $HOST\r\nContent-Length: 100\r\n\r\nabc", 400, forms},
		{"length and chunks", fmt.Sprintf("%sContent-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n%s", post, 5+len(smuggled), smuggled), 400, "both Content-Length and Transfer-Encoding"},
		{"chunks and length", post + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n" + smuggled, 400, "both Content-Length and Transfer-Encoding"},
		{"two lengths", post + "Content-Length: 3\r\nContent-Length: 5\r\n\r\nabc" + smuggled, 400, "Bad Request"},
		{"a list of lengths", post + "Content-Length: 3, 5\r\n\r\nabc" + smuggled, 400, "Bad Request"},
		{"a signed length", post + "Content-Length: +3\r\n\r\nabc" + smuggled, 400, "Bad Request"},
		{"another transfer coding", post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + smuggled, 501, "Unsupported transfer encoding"},
		{"two transfer codings", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + smuggled, 501, "Unsupported transfer encoding"},
		{"a blank before the colon", post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + smuggled, 400, "invalid header name"},
		{"a NUL in a header", get + "X: a\x00b\r\n\r\n", 400, "Bad Request"},
		{"no host", "GET /dev/mock HTTP/1.1\r\n\r\n", 400, "missing required Host header"},
		{"two hosts", get + "Host: elsewhere\r\n\r\n", 400, "Bad Request"},
		{"HTTP/0.9", "GET /\r\n\r\n", 400, "Bad Request"},
		{"half a request line", "GET /dev/mo", 400, "Bad Request"},
		{"an expectation", post + "Expect: 200-ok\r\nContent-Length: 3\r\n\r\nabc", 417, ""},
		{"too much, expected", post + "Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n", 413, tooLong},
		{"%zz", "GET /dev/%zz HTTP/1.1\r\nHost: $HOST\r\n\r\n", 400, "Bad Request"},
		{"a lone %", "GET /dev/% HTTP/1.1\r\nHost: $HOST\r\n\r\n", 400, "Bad Request"},
		{"%00 and %2F", "GET /dev/a%00b%2Fc?%zz=% HTTP/1.1\r\nHost: $HOST\r\n\r\n", 200, "ok"},
		{"dots", "GET /dev/../../etc/%2e%2e/passwd HTTP/1.1\r\nHost: $HOST\r\n\r\n", 200, "ok"},
		{"a foreign target", "GET http://elsewhere/dev/mock HTTP/1.1\r\nHost: $HOST\r\n\r\n", 403, "Missing Authentication Token"},
		{"a tunnel", "CONNECT elsewhere:25 HTTP/1.1\r\nHost: $HOST\r\n\r\n", 403, "Missing Authentication Token"},
		{"HTTP/2 unasked", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 403, ""},
		{"an unknown stage", "GET /nope/x HTTP/1.1\r\nHost: $HOST\r\n\r\n", 403, `{"message":"Forbidden"}`},
		{"an unknown API", "GET /dev/x HTTP/1.1\r\nHost: zzzzzzzzzz.execute-api.localhost\r\n\r\n", 403, `{"message":"Forbidden"}`},
	} {
		got := v.wire(c.text)
		if n := strings.Count(got, "HTTP/1.1 "); n != 1 || !strings.HasPrefix(got, fmt.Sprintf("HTTP/1.1 %d ", c.status)) || !strings.Contains(got, c.part) {
			t.Errorf("%s: %d answers %.600q, want %d …%s…", c.name, n, got, c.status, c.part)
		}
	}
	if got := v.wire(post + "Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc"); !strings.HasPrefix(got, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n") {
		t.Errorf("Expect: 100-continue: got %.300q", got)
	}
	v.alive()
	v.recovers(before)
}

// An ordinary client that sends 10 MB too much reads AWS's answer, and not a
// connection that was reset under its hands.
func TestTooMuchFromAnOrdinaryClient(t *testing.T) {
	v := newVictim(t)
	for range 5 {
		r, err := http.NewRequestWithContext(t.Context(), "POST", v.s.Endpoint()+"/restapis/"+v.api+"/dev/_user_request_/mock", io.LimitReader(blanks{}, 12<<20))
		must(t, err)
		r.ContentLength = 12 << 20
		v.want("12 MB", v.do(r), 413, "", "HTTP content length exceeded 10485760 bytes.")
	}
}

// Clients that begin and never go on cost little and hold nobody up.
func TestSlowClients(t *testing.T) {
	v := newVictim(t)
	before := v.footprint()
	heads := []string{
		"GET /dev/mock HT", "GET /dev/mock HTTP/1.1\r\nHost: x\r\nX-Slow: ", "",
		"POST /dev/mock HTTP/1.1\r\nHost: " + v.api + ".execute-api.localhost\r\nContent-Length: 10485760\r\n\r\nx",
		"POST /2015-03-31/functions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 70000000\r\nAuthorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=aa\r\n\r\n{",
	}
	var slow []net.Conn
	for i := range 300 {
		c := v.connect()
		_, err := io.WriteString(c, heads[i%len(heads)])
		must(t, err)
		slow = append(slow, c)
	}
	for range 10 {
		v.alive()
	}
	if now := v.footprint(); now.heap > before.heap+128<<20 {
		t.Errorf("300 slow clients cost %d MB", (now.heap-before.heap)>>20)
	}
	for _, c := range slow {
		c.Close()
	}
	v.recovers(before)
}

// What a page in a browser could send by way of DNS rebinding or a form reaches
// neither the control plane nor stagedoor's own pages; paths that climb find
// nothing.
func TestBadPages(t *testing.T) {
	v := newVictim(t)
	for _, c := range []struct {
		name, method, path, host, header string
		status                           int
		part                             string
	}{
		{"a rebound name at the journal", "GET", "/_stagedoor/decisions", "evil.example", "", 403, "is not a name of this machine; use localhost"},
		{"a rebound name at the export", "GET", "/_stagedoor/export", "evil.example:4566", "", 403, "is not a name of this machine"},
		{"a rebound name at the import", "POST", "/_stagedoor/import", "evil.example:4566", "", 403, "is not a name of this machine"},
		{"a rebound name at the control plane", "GET", "/2015-03-31/functions", "evil.example", "Sec-Fetch-Site: same-origin", 403, "is not a name of this machine"},
		{"a form at the import", "POST", "/_stagedoor/import", "localhost", "Origin: http://evil.example", 403, "cross-origin"},
		{"a fetch at the control plane", "POST", "/2015-03-31/functions", "localhost", "Origin: http://evil.example", 403, "cross-origin"},
		{"a local page of another port", "POST", "/2015-03-31/functions", "localhost:4566", "Origin: http://localhost:3000", 403, "cross-origin"},
		{"an escaped climb", "GET", "/_stagedoor/code/..%2f..%2fetc%2fpasswd", "localhost", "", 404, "is no SHA-256"},
		{"a NUL", "GET", "/_stagedoor/code/%00", "localhost", "", 404, "is no SHA-256"},
		{"another digest", "GET", "/_stagedoor/code/" + strings.Repeat("a", 64), "localhost", "", 404, "not found"},
		{"an import over what is there", "POST", "/_stagedoor/import", "localhost", "", 409, "this store has records already; import needs an empty data directory"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), c.method, v.s.Endpoint()+c.path, nil)
		must(t, err)
		r.Host = c.host
		if name, value, ok := strings.Cut(c.header, ": "); ok {
			r.Header.Set(name, value)
		}
		v.want(c.name, v.do(r), c.status, "", c.part)
	}
	// A climb that is not escaped is at most sent elsewhere, where nothing is.
	c := v.connect()
	defer c.Close()
	_, err := io.WriteString(c, "GET /_stagedoor/code/../../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n")
	must(t, err)
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	must(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(t, err)
	if response.StatusCode == 200 || strings.Contains(string(body), "root:") {
		t.Errorf("a climb got %d %s", response.StatusCode, body)
	}
	v.alive()
}
