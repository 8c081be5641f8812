package runtimeapi

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const id = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"

// runtime is the client side of a connection, byte by byte.
type runtime struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

func start(t *testing.T) (*Server, *runtime) {
	t.Helper()
	s := New()
	t.Cleanup(s.Close)
	return s, dial(t, s)
}

func dial(t *testing.T, s *Server) *runtime {
	t.Helper()
	server, client := net.Pipe()
	go s.ServeConn(server)
	t.Cleanup(func() { client.Close() })
	client.SetDeadline(time.Now().Add(10 * time.Second))
	return &runtime{t, client, bufio.NewReader(client)}
}

func (r *runtime) send(raw string) { go io.WriteString(r, raw) }

// answer reads one response: its status line's code, its head and its body.
func (r *runtime) answer() (status, head, body string) {
	r.t.Helper()
	length := 0
	for {
		line, err := r.r.ReadString('\n')
		if err != nil {
			r.t.Fatalf("reading the answer: %v (so far %q)", err, head)
		}
		fmt.Sscanf(line, "Content-Length: %d", &length)
		if status == "" {
			status = strings.Fields(line)[1]
		} else if line == "\r\n" {
			break
		} else {
			head += line
		}
	}
	b := make([]byte, length)
	if _, err := io.ReadFull(r.r, b); err != nil {
		r.t.Fatal(err)
	}
	return status, head, string(b)
}

func (r *runtime) want(status, body string) {
	r.t.Helper()
	s, _, b := r.answer()
	if s != status || b != body {
		r.t.Fatalf("answer %s %q, want %s %q", s, b, status, body)
	}
}

func get(path string) string {
	return "GET /2018-06-01/runtime/" + path + " HTTP/1.1\r\nHost: x\r\n\r\n"
}

func post(path, body string, headers ...string) string {
	h := strings.Join(append(headers, ""), "\r\n")
	return fmt.Sprintf("POST /2018-06-01/runtime/%s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n%s", path, h, len(body), body)
}

const (
	accepted  = "{\"status\":\"OK\"}\n"
	invalidID = `{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}` + "\n"
)

func notAllowed(from, to string) string {
	return fmt.Sprintf(`{"errorMessage":"State transition from %s to %s failed for runtime. Error: State transition is not allowed","errorType":"InvalidStateTransition"}`+"\n", from, to)
}

type answered struct {
	Outcome
	err error
}

func invoke(s *Server, in *Invocation) <-chan answered {
	c := make(chan answered, 1)
	go func() {
		o, err := s.Invoke(context.Background(), in)
		c <- answered{o, err}
	}()
	return c
}

func TestInvocation(t *testing.T) {
	s, r := start(t)
	result := invoke(s, &Invocation{
		ID: id, InvokedARN: "arn:aws:lambda:us-east-1:123456789012:function:f", TraceID: "Root=1-2-3",
		ClientContext: "{\"a\":\r\n1}", Deadline: time.UnixMilli(1542409706888), Payload: []byte(`{"k":1}`),
	})
	r.send(get("invocation/next"))
	status, head, body := r.answer()
	want := "Content-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: " + id +
		"\r\nLambda-Runtime-Deadline-Ms: 1542409706888\r\nLambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:123456789012:function:f" +
		"\r\nLambda-Runtime-Trace-Id: Root=1-2-3\r\nLambda-Runtime-Client-Context: {\"a\":  1}\r\nContent-Length: 7\r\n"
	if status != "200" || body != `{"k":1}` {
		t.Fatalf("next: %s %q", status, body)
	}
	if d := cmp.Diff(want, head); d != "" {
		t.Fatal(d)
	}
	<-s.Ready()
	r.send(post("invocation/"+id+"/response", "[1]", "content-TYPE: application/json"))
	r.want("202", accepted)
	got := <-result
	if got.err != nil || got.Failed || string(got.Payload) != "[1]" {
		t.Fatalf("%+v", got)
	}
}

// Every refusal, in the state in which it is made.
func TestRefusals(t *testing.T) {
	type step struct{ send, status, body string }
	next := step{get("invocation/next"), "200", "{}"}
	ok := step{post("invocation/"+id+"/response", "1"), "202", accepted}
	for name, steps := range map[string][]step{
		"response before next": {{post("invocation/"+id+"/response", ""), "400", invalidID}},
		"wrong id":             {next, {post("invocation/other/response", "1"), "400", invalidID}, ok},
		"wrong id, error":      {next, {post("invocation/other/error", "1"), "400", invalidID}, ok},
		"second response":      {next, ok, {post("invocation/"+id+"/response", "1"), "403", notAllowed("ResponseSent", "InvocationResponse")}},
		"error after response": {next, ok, {post("invocation/"+id+"/error", "1"), "403", notAllowed("ResponseSent", "InvocationErrorResponse")}},
		"init error too late":  {next, {post("init/error", "{}"), "403", notAllowed("Running", "InitError")}, ok},
		"next after init error": {
			{post("init/error", "{}"), "202", accepted},
			{get("invocation/next"), "403", notAllowed("InitError", "Ready")},
		},
		"second init error": {
			{post("init/error", "{}"), "202", accepted},
			{post("init/error", "{}"), "403", notAllowed("InitError", "InitError")},
		},
		"next again hands out the same invocation": {next, next, ok},
		"unknown path":   {{get("nothing"), "404", "404 page not found\n"}},
		"unknown answer": {{post("invocation/"+id+"/else", ""), "404", "404 page not found\n"}},
		"wrong verbs": {
			{post("invocation/next", ""), "405", ""}, {get("init/error"), "405", ""}, {get("invocation/" + id + "/response"), "405", ""},
		},
		"ping": {{"GET /2018-06-01/ping HTTP/1.1\r\n\r\n", "200", "pong"}},
		"response mode": {next, {post("invocation/"+id+"/response", "1", "Lambda-Runtime-Function-Response-Mode: odd"), "400",
			`{"errorMessage":"Invalid function response mode","errorType":"InvalidFunctionResponseMode"}` + "\n"}, ok},
		"malformed":  {{"nonsense\r\n\r\n", "400", "400 Bad Request"}},
		"no version": {{"GET /\r\n\r\n", "400", "400 Bad Request"}},
		"two framings": {{"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "400",
			"400 Bad Request"}},
		"head without end": {{"GET / HTTP/1.1\r\n" + strings.Repeat("A: "+strings.Repeat("b", 4000)+"\r\n", 600), "431",
			"431 Request Header Fields Too Large"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, r := start(t)
			result := invoke(s, &Invocation{ID: id, Payload: []byte("{}")})
			for _, step := range steps {
				r.send(step.send)
				r.want(step.status, step.body)
			}
			s.Close()
			if got := <-result; got.err != nil && !errors.Is(got.err, ErrClosed) {
				t.Errorf("Invoke: %v", got.err)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	t.Run("invocation", func(t *testing.T) {
		s, r := start(t)
		result := invoke(s, &Invocation{ID: id})
		r.send(get("invocation/next"))
		r.want("200", "")
		r.send(post("invocation/"+id+"/error", `{"errorMessage":"x"}`, "Lambda-Runtime-Function-Error-Type: Runtime.Odd",
			"Lambda-Runtime-Function-XRay-Error-Cause: "+strings.Repeat("y", 1<<20)))
		r.want("202", accepted)
		if got := <-result; got.err != nil || !got.Failed || got.ErrorType != "Runtime.Odd" || string(got.Payload) != `{"errorMessage":"x"}` {
			t.Fatalf("%+v", got)
		}
	})
	t.Run("init", func(t *testing.T) {
		s, r := start(t)
		result := invoke(s, &Invocation{ID: id})
		r.send(post("init/error", `{"errorType":"E"}`, "Lambda-Runtime-Function-Error-Type: Runtime.ImportModuleError"))
		r.want("202", accepted)
		<-s.InitFailed()
		if got := <-result; got.err != nil || !got.Init || string(got.Payload) != `{"errorType":"E"}` {
			t.Fatalf("%+v", got)
		}
	})
	t.Run("too large", func(t *testing.T) {
		for name, raw := range map[string]string{
			"counted": post("invocation/"+id+"/response", strings.Repeat("x", MaxPayload+1)),
			"chunked": "POST /2018-06-01/runtime/invocation/" + id + "/response HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" +
				fmt.Sprintf("%x\r\n%s\r\n1\r\nx\r\n0\r\n\r\n", MaxPayload, strings.Repeat("x", MaxPayload)),
		} {
			t.Run(name, func(t *testing.T) {
				s, r := start(t)
				result := invoke(s, &Invocation{ID: id})
				r.send(get("invocation/next"))
				r.want("200", "")
				r.send(raw)
				r.want("413", `{"errorMessage":"Exceeded maximum allowed payload size (6291556 bytes).","errorType":"RequestEntityTooLarge"}`+"\n")
				if got := <-result; got.ErrorType != "Function.ResponseSizeTooLarge" || !bytes.Contains(got.Payload,
					[]byte("Response payload size exceeded maximum allowed payload size (6291556 bytes).")) {
					t.Fatalf("%s", got.Payload)
				}
			})
		}
	})
	t.Run("trailer", func(t *testing.T) {
		s, r := start(t)
		result := invoke(s, &Invocation{ID: id})
		r.send(get("invocation/next"))
		r.want("200", "")
		r.send("POST /2018-06-01/runtime/invocation/" + id + "/response HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" +
			"3\r\nabc\r\n0\r\nLambda-Runtime-Function-Error-Type: Runtime.Late\r\nLambda-Runtime-Function-Error-Body: e30=\r\n\r\n")
		r.want("202", accepted)
		if got := <-result; !got.Failed || got.ErrorType != "Runtime.Late" || string(got.Payload) != "{}" {
			t.Fatalf("%+v", got)
		}
	})
}

// A client may send its answer and its next question at once: it gets both
// answers, in order.
func TestPipelining(t *testing.T) {
	s, r := start(t)
	first := invoke(s, &Invocation{ID: id, Payload: []byte("1")})
	r.send(get("invocation/next"))
	r.want("200", "1")
	r.send(post("invocation/"+id+"/response", "a") + get("invocation/next"))
	if got := <-first; string(got.Payload) != "a" {
		t.Fatalf("%+v", got)
	}
	second := invoke(s, &Invocation{ID: "two", Payload: []byte("2")})
	r.want("202", accepted)
	r.want("200", "2")
	r.send(post("invocation/two/response", "b", "Expect: 100-continue"))
	if got := <-second; string(got.Payload) != "b" {
		t.Fatalf("%+v", got)
	}
}

// A runtime that loses its connection while it waits asks again on another.
func TestReconnect(t *testing.T) {
	s, r := start(t)
	r.send(get("invocation/next"))
	<-s.Ready()
	r.Close()
	r = dial(t, s)
	r.send(get("invocation/next"))
	result := invoke(s, &Invocation{ID: id, Payload: []byte("1")})
	r.want("200", "1")
	r.send(post("invocation/"+id+"/response", "a"))
	if got := <-result; string(got.Payload) != "a" {
		t.Fatalf("%+v", got)
	}
}

func TestBusyCancelledClosed(t *testing.T) {
	s := New()
	ctx, cancel := context.WithCancel(context.Background())
	c := make(chan error, 1)
	go func() { _, err := s.Invoke(ctx, &Invocation{ID: id}); c <- err }()
	for {
		s.mu.Lock()
		busy := s.busy
		s.mu.Unlock()
		if busy {
			break
		}
	}
	if _, err := s.Invoke(ctx, &Invocation{}); !errors.Is(err, ErrBusy) {
		t.Errorf("second Invoke: %v", err)
	}
	cancel()
	if err := <-c; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	s.Close()
	if _, err := s.Invoke(context.Background(), &Invocation{}); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// FuzzRequest: whatever arrives, the server neither panics nor hangs, and what
// it accepts is within the limits.
func FuzzRequest(f *testing.F) {
	f.Add([]byte(get("invocation/next")))
	f.Add([]byte(post("invocation/"+id+"/response", "abc") + get("invocation/next")))
	f.Add([]byte("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nA: b\r\n\r\n"))
	f.Add([]byte("POST http://h:1/x HTTP/1.0\nContent-Length: 4611686018427387903\n\nabc"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := bufio.NewReaderSize(bytes.NewReader(raw), lineBuffer)
		for {
			var req request
			if readRequest(r, &req) != nil {
				return
			}
			if req.path == "" || req.path[0] != '/' || req.length < 0 {
				t.Fatalf("accepted %+v", req)
			}
			body, tooLarge, err := readBody(r, &req, 1000)
			if err != nil {
				return
			}
			if len(body) > 1000 || tooLarge && body != nil {
				t.Fatalf("body of %d bytes", len(body))
			}
		}
	})
}
