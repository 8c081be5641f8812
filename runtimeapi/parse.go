package runtimeapi

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strconv"
)

// Limits of a request's head. Stock clients send a whole stack trace as a
// header (Lambda-Runtime-Function-XRay-Error-Cause, up to 1 MB).
const (
	lineBuffer   = 4096    // longest line whose content matters
	maxHeadBytes = 2 << 20 // of all lines together
	maxTrailers  = 1 << 20
)

var (
	errMalformed = errors.New("runtimeapi: malformed request")
	errHeadSize  = errors.New("runtimeapi: request head too large")
)

// request is the part of a request's head that the Runtime API reads.
type request struct {
	method       string
	path         string
	length       int64 // of the body; 0 when there is none
	chunked      bool
	close        bool
	expect       bool // Expect: 100-continue
	contentType  string
	errorType    string // Lambda-Runtime-Function-Error-Type, header or trailer
	errorBody    string // Lambda-Runtime-Function-Error-Body (trailer), decoded
	responseMode string // Lambda-Runtime-Function-Response-Mode
}

// readLine returns one line without its end. A line over the buffer is cut: the
// headers that matter here are short, but any may be sent.
func readLine(r *bufio.Reader, budget *int) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	*budget -= len(line)
	if err == nil {
		return trimEOL(line), nil
	}
	if !errors.Is(err, bufio.ErrBufferFull) {
		return nil, err
	}
	head := bytes.Clone(line)
	for errors.Is(err, bufio.ErrBufferFull) {
		if *budget < 0 {
			return nil, errHeadSize
		}
		line, err = r.ReadSlice('\n')
		*budget -= len(line)
	}
	return head, err
}

func trimEOL(line []byte) []byte {
	line = line[:len(line)-1]
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line
}

// readRequest reads a request's head. io.EOF means that the client ended the
// connection between two requests.
func readRequest(r *bufio.Reader, req *request) error {
	*req = request{}
	budget := maxHeadBytes
	line, err := readLine(r, &budget)
	for err == nil && len(line) == 0 { // RFC 9112 2.2: empty lines before a request are ignored
		if budget < maxHeadBytes-64 {
			return errMalformed
		}
		line, err = readLine(r, &budget)
	}
	if err != nil {
		return err
	}
	if err := req.parseStart(line); err != nil {
		return err
	}
	for {
		line, err := readLine(r, &budget)
		if err != nil {
			return noEOF(err)
		}
		if budget < 0 {
			return errHeadSize
		}
		if len(line) == 0 {
			return nil
		}
		if err := req.parseHeader(line); err != nil {
			return err
		}
	}
}

func (req *request) parseStart(line []byte) error {
	method, rest, ok := bytes.Cut(line, []byte{' '})
	target, version, ok2 := bytes.Cut(rest, []byte{' '})
	if !ok || !ok2 || len(method) == 0 || len(target) == 0 {
		return errMalformed
	}
	switch string(version) {
	case "HTTP/1.1":
	case "HTTP/1.0":
		req.close = true
	default:
		return errMalformed
	}
	switch string(method) {
	case "GET":
		req.method = "GET"
	case "POST":
		req.method = "POST"
	default:
		req.method = string(method)
	}
	if target[0] != '/' { // absolute form, as through a proxy
		_, after, ok := bytes.Cut(target, []byte("://"))
		i := bytes.IndexByte(after, '/')
		if !ok || i < 0 {
			return errMalformed
		}
		target = after[i:]
	}
	if string(target) == nextPath {
		req.path = nextPath
	} else {
		req.path = string(target)
	}
	return nil
}

func (req *request) parseHeader(line []byte) error {
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 {
		return errMalformed
	}
	name, value := line[:colon], bytes.TrimSpace(line[colon+1:])
	switch {
	case is(name, "content-length"):
		n, err := strconv.ParseUint(string(value), 10, 62)
		if err != nil || req.chunked {
			return errMalformed
		}
		req.length = int64(n)
	case is(name, "transfer-encoding"):
		if !is(value, "chunked") || req.length != 0 {
			return errMalformed
		}
		req.chunked = true
	case is(name, "connection"):
		req.close = req.close && !is(value, "keep-alive") || is(value, "close")
	case is(name, "expect"):
		req.expect = is(value, "100-continue")
	case is(name, "content-type"):
		req.contentType = intern(value)
	case is(name, "lambda-runtime-function-error-type"):
		req.errorType = string(value)
	case is(name, "lambda-runtime-function-error-body"):
		b, err := base64.StdEncoding.DecodeString(string(value))
		if err == nil {
			req.errorBody = string(b)
		}
	case is(name, "lambda-runtime-function-response-mode"):
		req.responseMode = string(value)
	}
	return nil
}

// is compares ASCII without regard to case; lower is in lower case.
func is(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i := range b {
		c := b[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

func intern(b []byte) string {
	if string(b) == "application/json" {
		return "application/json"
	}
	return string(b)
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readBody reads a request's body. A body over limit is read to its end and
// reported as tooLarge, so that the client sees the answer instead of a broken
// connection.
func readBody(r *bufio.Reader, req *request, limit int64) (body []byte, tooLarge bool, err error) {
	if req.chunked {
		return readChunked(r, req, limit)
	}
	if req.length > limit {
		_, err := io.CopyN(io.Discard, r, req.length)
		return nil, true, noEOF(err)
	}
	if req.length == 0 {
		return nil, false, nil
	}
	body, err = readN(r, nil, req.length)
	return body, false, err
}

// readN appends n bytes to buf. What a request announces is allocated only as
// it arrives once it is big: the announcement itself may be a lie.
func readN(r *bufio.Reader, buf []byte, n int64) ([]byte, error) {
	const step = 1 << 20
	for n > 0 {
		part := int(min(n, step))
		start := len(buf)
		if cap(buf)-start < part {
			grown := make([]byte, start, max(start+part, min(2*cap(buf), start+int(n))))
			copy(grown, buf)
			buf = grown
		}
		buf = buf[:start+part]
		if _, err := io.ReadFull(r, buf[start:]); err != nil {
			return nil, noEOF(err)
		}
		n -= int64(part)
	}
	return buf, nil
}

func readChunked(r *bufio.Reader, req *request, limit int64) (body []byte, tooLarge bool, err error) {
	for {
		budget := lineBuffer
		line, err := readLine(r, &budget)
		if err != nil {
			return nil, false, noEOF(err)
		}
		size, _, _ := bytes.Cut(line, []byte{';'})
		n, err := strconv.ParseUint(string(bytes.TrimSpace(size)), 16, 62)
		if err != nil {
			return nil, false, errMalformed
		}
		if n == 0 {
			return body, tooLarge, readTrailers(r, req)
		}
		if tooLarge = tooLarge || int64(len(body))+int64(n) > limit; tooLarge {
			body = nil
			_, err = io.CopyN(io.Discard, r, int64(n))
		} else {
			body, err = readN(r, body, int64(n))
		}
		if err != nil {
			return nil, false, noEOF(err)
		}
		if line, err = readLine(r, &budget); err != nil || len(line) != 0 {
			return nil, false, errors.Join(errMalformed, err)
		}
	}
}

// readTrailers reads the fields after a chunked body. The error trailers are
// how a runtime reports that it failed while it streamed its answer.
func readTrailers(r *bufio.Reader, req *request) error {
	budget := maxTrailers
	for {
		line, err := readLongLine(r, &budget)
		if err != nil {
			return noEOF(err)
		}
		if len(line) == 0 {
			return nil
		}
		colon := bytes.IndexByte(line, ':')
		if colon <= 0 {
			return errMalformed
		}
		name := line[:colon]
		if is(name, "lambda-runtime-function-error-type") || is(name, "lambda-runtime-function-error-body") {
			if err := req.parseHeader(line); err != nil {
				return err
			}
		}
	}
}

// readLongLine is readLine without the cut.
func readLongLine(r *bufio.Reader, budget *int) ([]byte, error) {
	var long []byte
	for {
		line, err := r.ReadSlice('\n')
		if *budget -= len(line); *budget < 0 {
			return nil, errHeadSize
		}
		if err == nil && long == nil {
			return trimEOL(line), nil
		}
		long = append(long, line...)
		if err == nil {
			return trimEOL(long), nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
	}
}
