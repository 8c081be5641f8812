package runtimeapi

import (
	"bufio"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
)

const (
	apiPrefix  = "/2018-06-01/runtime/"
	nextPath   = apiPrefix + "invocation/next"
	invokePath = apiPrefix + "invocation/"
	initPath   = apiPrefix + "init/error"
	pingPath   = "/2018-06-01/ping" // kept by AWS "to respect Hyrum's Law"
)

// maxJoined is the largest payload that is copied behind its head to be sent
// with one write; a bigger one is sent by writev.
const maxJoined = 64 << 10

// conn is one connection of the runtime. Its goroutine reads; the goroutine of
// an Invoke writes to it while it is parked. A parked connection keeps
// reading, so that a client that goes away is noticed.
type conn struct {
	s  *Server
	nc net.Conn
	r  *bufio.Reader

	wmu sync.Mutex // held for each write
	out []byte     // answers not yet written; under wmu
}

func newConn(s *Server, nc net.Conn) *conn {
	return &conn{s: s, nc: nc, r: bufio.NewReaderSize(nc, lineBuffer)}
}

func (c *conn) serve() {
	var req request
	for {
		if err := readRequest(c.r, &req); err != nil {
			c.refuse(err)
			return
		}
		if !c.leavePark() {
			return
		}
		if req.expect && c.r.Buffered() == 0 {
			if !c.write([]byte("HTTP/1.1 100 Continue\r\n\r\n"), true) {
				return
			}
		}
		body, tooLarge, err := readBody(c.r, &req, MaxPayload)
		if err != nil {
			c.refuse(err)
			return
		}
		if !c.handle(&req, body, tooLarge) || req.close {
			return
		}
	}
}

// leavePark is called when a request has arrived. A connection that still waits
// for an invocation must not send another one (pipelining behind
// invocation/next has no meaning): false.
func (c *conn) leavePark() bool {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return !slices.Contains(c.s.parked, c)
}

// refuse answers a request that cannot be read, where there is anyone to read
// the answer.
func (c *conn) refuse(err error) {
	switch {
	case errors.Is(err, errMalformed):
		c.reply(400, "text/plain; charset=utf-8", []byte("400 Bad Request"), true)
	case errors.Is(err, errHeadSize):
		c.reply(431, "text/plain; charset=utf-8", []byte("431 Request Header Fields Too Large"), true)
	}
}

// handle answers one request; false ends the connection.
func (c *conn) handle(req *request, body []byte, tooLarge bool) bool {
	path, _, _ := strings.Cut(req.path, "?")
	switch {
	case path == nextPath:
		if req.method != "GET" {
			return c.reply(405, "", nil, true)
		}
		in, apiErr := c.s.askNext(c)
		switch {
		case apiErr != nil:
			return c.fail(apiErr)
		case in != nil:
			return c.deliver(in)
		}
		// What is unwritten here is the answer to a request that this one was
		// pipelined behind: the client waits for both, one write will do.
		return true
	case path == initPath:
		if req.method != "POST" {
			return c.reply(405, "", nil, true)
		}
		if tooLarge {
			return c.fail(errTooLarge)
		}
		return c.accept(c.s.failInit(Outcome{Payload: body, ContentType: req.contentType, ErrorType: req.errorType}))
	case strings.HasPrefix(path, invokePath):
		return c.handleAnswer(req, path[len(invokePath):], body, tooLarge)
	case path == pingPath && req.method == "GET":
		return c.reply(200, "text/plain; charset=utf-8", []byte("pong"), true)
	}
	return c.reply(404, "text/plain; charset=utf-8", []byte("404 page not found\n"), true)
}

func (c *conn) handleAnswer(req *request, rest string, body []byte, tooLarge bool) bool {
	id, what, _ := strings.Cut(rest, "/")
	if what != "response" && what != "error" {
		return c.reply(404, "text/plain; charset=utf-8", []byte("404 page not found\n"), true)
	}
	if req.method != "POST" {
		return c.reply(405, "", nil, true)
	}
	if apiErr := c.s.checkID(id); apiErr != nil {
		return c.fail(apiErr)
	}
	o := Outcome{Payload: body, ContentType: req.contentType, ErrorType: req.errorType}
	to := stateResponse
	switch {
	case tooLarge:
		o = responseTooLarge()
	case what == "error":
		to, o.Failed = stateErrorResponse, true
	case req.responseMode != "" && req.responseMode != "streaming":
		return c.fail(errResponseMode)
	case req.errorType != "": // a trailer: the runtime failed while it streamed
		// unverified: that a caller who wants the whole answer at once gets the
		// trailer's error object instead of what had been sent before.
		o.Failed = true
		if req.errorBody != "" {
			o.Payload = []byte(req.errorBody)
		}
	}
	apiErr := c.s.answer(id, to, o)
	if apiErr == nil && tooLarge {
		apiErr = errTooLarge
	}
	return c.accept(apiErr)
}

func (c *conn) accept(apiErr *apiError) bool {
	if apiErr != nil {
		return c.fail(apiErr)
	}
	c.wmu.Lock()
	defer c.wmu.Unlock()
	c.out = append(c.out, "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"status\":\"OK\"}\n"...)
	// A client that pipelined its next request gets both answers at once.
	if c.r.Buffered() > 0 {
		return true
	}
	return c.flushLocked()
}

func (c *conn) fail(e *apiError) bool { return c.reply(e.status, "application/json", e.body(), true) }

func (c *conn) reply(status int, contentType string, body []byte, flush bool) bool {
	b := make([]byte, 0, 128+len(body))
	b = append(b, "HTTP/1.1 "...)
	b = append(b, statusText(status)...)
	if contentType != "" {
		b = append(append(b, "\r\nContent-Type: "...), contentType...)
	}
	b = append(b, "\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(body)), 10)
	b = append(append(b, "\r\n\r\n"...), body...)
	return c.write(b, flush)
}

func (c *conn) write(b []byte, flush bool) bool {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	c.out = append(c.out, b...)
	return !flush || c.flushLocked()
}

func (c *conn) flushLocked() bool {
	if len(c.out) == 0 {
		return true
	}
	_, err := c.nc.Write(c.out)
	c.out = c.out[:0]
	return err == nil
}

// deliver answers invocation/next.
func (c *conn) deliver(in *Invocation) bool {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	b := append(c.out, "HTTP/1.1 200 OK\r\nContent-Type: application/json"...)
	b = appendHeader(b, "Lambda-Runtime-Aws-Request-Id", in.ID)
	b = append(b, "\r\nLambda-Runtime-Deadline-Ms: "...)
	b = strconv.AppendInt(b, in.Deadline.UnixMilli(), 10)
	b = appendHeader(b, "Lambda-Runtime-Invoked-Function-Arn", in.InvokedARN)
	b = appendHeader(b, "Lambda-Runtime-Trace-Id", in.TraceID)
	b = appendHeader(b, "Lambda-Runtime-Client-Context", in.ClientContext)
	b = appendHeader(b, "Lambda-Runtime-Cognito-Identity", in.CognitoIdentity)
	b = append(b, "\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(in.Payload)), 10)
	b = append(b, "\r\n\r\n"...)
	var err error
	if len(in.Payload) <= maxJoined {
		b = append(b, in.Payload...)
		_, err = c.nc.Write(b)
	} else {
		parts := net.Buffers{b, in.Payload}
		_, err = parts.WriteTo(c.nc)
	}
	c.out = b[:0]
	return err == nil
}

// appendHeader leaves empty headers out, as AWS does. A line break in a value
// (client contexts are the caller's JSON) would end the head.
func appendHeader(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	if strings.ContainsAny(value, "\r\n\x00") {
		value = strings.NewReplacer("\r", " ", "\n", " ", "\x00", " ").Replace(value)
	}
	b = append(append(b, "\r\n"...), name...)
	return append(append(b, ": "...), value...)
}
