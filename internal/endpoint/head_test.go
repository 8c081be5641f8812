package endpoint

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type seen struct {
	Method, URI string
	Fields      [][2]string
	Body        string
}

// recorder is a server whose handler notes what RawHeader says.
func recorder(t testing.TB) (addr string, requests func() []seen) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan seen, 1000)
	s := New(Options{ControlPlane: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("reading the body of %s %s: %v", r.Method, r.RequestURI, err)
		}
		fields, ok := RawHeader(r, nil)
		if !ok {
			t.Errorf("%s %s: the header is not known", r.Method, r.RequestURI)
		}
		got <- seen{r.Method, r.RequestURI, fields, string(body)}
		fmt.Fprintf(w, "%d", len(body))
	})})
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String(), func() []seen {
		var all []seen
		for {
			select {
			case r := <-got:
				all = append(all, r)
			default:
				return all
			}
		}
	}
}

// send writes the pieces to one connection and reads n answers.
func send(t testing.TB, addr string, pieces []string, n int) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go func() {
		for _, p := range pieces {
			if _, err := io.WriteString(c, p); err != nil {
				return
			}
		}
	}()
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	br := bufio.NewReader(c)
	for i := range n {
		resp, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatalf("answer %d of %d: %v", i+1, n, err)
		}
		if resp.StatusCode == http.StatusContinue {
			resp, err = http.ReadResponse(br, nil)
			if err != nil {
				t.Fatal(err)
			}
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

// Names keep their case, values lose their outer blanks, order is kept
// (AWS recording test_lambda_aws_proxy_integration: "tEsT-HEADeR").
func TestRawHeaderKeepsSpelling(t *testing.T) {
	addr, requests := recorder(t)
	send(t, addr, []string{"GET /a?b=c HTTP/1.1\r\nhOSt: x\r\ntEsT-HEADeR:  aValUE \r\nx-A: 1\r\nX-a: 2\r\n\r\n"}, 1)
	want := []seen{{"GET", "/a?b=c", [][2]string{{"hOSt", "x"}, {"tEsT-HEADeR", "aValUE"}, {"x-A", "1"}, {"X-a", "2"}}, ""}}
	if d := cmp.Diff(want, requests()); d != "" {
		t.Error(d)
	}
}

// A client that waits for "100 Continue" sends its body only afterwards.
func TestRawHeaderExpectContinue(t *testing.T) {
	addr, requests := recorder(t)
	head := "POST /up HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
	next := "GET /next HTTP/1.1\r\nHost: x\r\nlower: y\r\n\r\n"
	send(t, addr, []string{head, "body", next}, 2)
	got := requests()
	if len(got) != 2 || got[0].Body != "body" || got[1].Fields[1][0] != "lower" {
		t.Errorf("got %+v", got)
	}
}

// A request that announces its body twice is refused, and what follows on the
// connection is no request of its own.
func TestTornRequest(t *testing.T) {
	addr, requests := recorder(t)
	first := "GET /first HTTP/1.1\r\nHost: x\r\n\r\n"
	inner := "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, torn := range []string{
		fmt.Sprintf("POST /torn HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 5+len(inner)),
		"POST /torn HTTP/1.1\r\nHost: x\r\ntransfer-encoding: chunked\r\ncontent-length: 0\r\n\r\n0\r\n\r\n",
	} {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.WriteString(c, first+torn+inner); err != nil {
			t.Fatal(err)
		}
		answers, err := io.ReadAll(c)
		c.Close()
		if text := string(answers); err != nil || strings.Count(text, "HTTP/1.1 ") != 2 || !strings.Contains(text, "400 Bad Request") {
			t.Errorf("%v, %q", err, text)
		}
		if got := requests(); len(got) != 1 || got[0].URI != "/first" {
			t.Errorf("the handler saw %+v", got)
		}
	}
}

// request is a random request: the bytes and what they mean.
func drawRequest(t *rapid.T) (wire string, want seen) {
	token := rapid.StringMatching(`[a-zA-Z][a-zA-Z0-9-]{0,12}`)
	value := rapid.StringMatching(`([!-9;-~]([ -~]{0,20}[!-~])?)?`)
	var b strings.Builder
	eol := rapid.SampledFrom([]string{"\r\n", "\n"}).Draw(t, "eol")
	want.Method = rapid.SampledFrom([]string{"GET", "POST", "PUT", "DELETE"}).Draw(t, "method")
	want.URI = "/" + rapid.StringMatching(`[a-z0-9%{}]{0,10}(\?[a-z=&]{0,10})?`).Filter(func(s string) bool { return !strings.Contains(s, "%") }).Draw(t, "path")
	b.WriteString(want.Method + " " + want.URI + " HTTP/1.1" + eol)
	add := func(name, value string) {
		pad := rapid.SampledFrom([]string{"", " ", "\t ", "  "}).Draw(t, "pad")
		b.WriteString(name + ":" + pad + value + pad + eol)
		want.Fields = append(want.Fields, [2]string{name, value})
	}
	add(rapid.SampledFrom([]string{"Host", "host", "HOST"}).Draw(t, "host"), "x")
	for range rapid.IntRange(0, 6).Draw(t, "fields") {
		name := token.Filter(func(s string) bool { return !reserved(s) }).Draw(t, "name")
		add(name, value.Draw(t, "value"))
	}
	want.Body = rapid.StringMatching(`[a-zA-Z\r\n: /]{0,80}`).Draw(t, "body")
	switch rapid.IntRange(0, 2).Draw(t, "framing") {
	case 0:
		add("content-LENGTH", fmt.Sprint(len(want.Body)))
		b.WriteString(eol + want.Body)
	case 1:
		add("transfer-encoding", "chunked")
		b.WriteString(eol)
		for rest := want.Body; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "chunk")
			fmt.Fprintf(&b, "%x;ext=1\r\n%s\r\n", n, rest[:n])
			rest = rest[n:]
		}
		b.WriteString("0\r\n")
		if rapid.Bool().Draw(t, "trailer") {
			b.WriteString("X-Trailer: 1\r\n")
		}
		b.WriteString("\r\n")
	default:
		want.Body = ""
		b.WriteString(eol)
	}
	return b.String(), want
}

func reserved(name string) bool {
	return slices.Contains([]string{"host", "connection", "content-length", "transfer-encoding", "trailer", "expect", "upgrade", "origin", "sec-fetch-site"}, strings.ToLower(name))
}

func split(t *rapid.T, wire string) (pieces []string) {
	for wire != "" {
		n := rapid.IntRange(1, min(len(wire), 300)).Draw(t, "piece")
		pieces, wire = append(pieces, wire[:n]), wire[n:]
	}
	return pieces
}

// Whatever is sent, however it is cut, pipelined or not: each request's header
// is its own.
func TestRawHeaderProperty(t *testing.T) {
	addr, requests := recorder(t)
	rapid.Check(t, func(rt *rapid.T) {
		var wire strings.Builder
		var want []seen
		for range rapid.IntRange(1, 5).Draw(rt, "requests") {
			w, s := drawRequest(rt)
			wire.WriteString(w)
			want = append(want, s)
		}
		send(t, addr, split(rt, wire.String()), len(want))
		if d := cmp.Diff(want, requests()); d != "" {
			rt.Fatalf("%q\n%s", wire.String(), d)
		}
	})
}

// The memory of a connection is bounded, whatever comes over it.
func FuzzHeads(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), 3)
	f.Add([]byte("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n"), 1)
	f.Add([]byte("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n"), 7)
	f.Fuzz(func(t *testing.T, data []byte, step int) {
		step = max(step, 1)
		h := heads{limit: 512}
		for i := 0; i < len(data); i += step {
			h.write(data[i:min(i+step, len(data))])
			if len(h.buf) > h.limit || len(h.size) > maxChunkLine {
				t.Fatalf("kept %d bytes", len(h.buf))
			}
			if i%3 == 0 {
				if head := h.take(); head != nil && !bytes.HasSuffix(head, []byte("\n")) {
					t.Fatalf("head %q", head)
				}
			}
		}
	})
}
