package awswire

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
)

// errTooLarge: the body is over the limit.
var errTooLarge = errors.New("body over the limit")

// readBody reads at most limit bytes. It asks for the body (Expect: 100-continue) only when its declared length fits.
func readBody(r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		drain(r)
		return nil, errTooLarge
	}
	if r.Body == nil || r.ContentLength == 0 {
		return nil, nil
	}
	if r.ContentLength > 0 {
		return readDeclared(r.Body, int(r.ContentLength))
	}
	body, err := readAtMost(r.Body, limit)
	if errors.Is(err, errTooLarge) {
		drain(r)
	}
	return body, err
}

// readDeclared reads a body of a known length. A length is only a claim: beyond the first mebibyte memory is taken as the
// bytes arrive, so that a connection costs what it sends and not the 70 MB that it announces.
func readDeclared(r io.Reader, length int) ([]byte, error) {
	body := make([]byte, 0, min(length, mebibyte))
	for {
		n, err := io.ReadFull(r, body[len(body):min(cap(body), length)])
		body = body[:len(body)+n]
		if err != nil || len(body) == length {
			return body, err
		}
		body = slices.Grow(body, min(cap(body), length-len(body)))
	}
}

// drain swallows the rest of a body that is refused. Without it the connection would be reset while the client is still
// sending, and many clients report that instead of the answer.
func drain(r *http.Request) {
	const most = 512 * mebibyte
	if r.Header.Get("Expect") == "" {
		_, _ = io.CopyN(io.Discard, r.Body, most)
	}
}

func readAtMost(r io.Reader, limit int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(body)) > limit {
		return nil, errTooLarge
	}
	return body, err
}

// chunked reports whether the body has the framing of SigV4 streams.
func chunked(h http.Header) bool {
	return strings.HasPrefix(h.Get("X-Amz-Content-Sha256"), "STREAMING-") || hasEncoding(h, "aws-chunked")
}

func hasEncoding(h http.Header, name string) bool {
	for _, v := range h.Values("Content-Encoding") {
		for part := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(part), name) {
				return true
			}
		}
	}
	return false
}

// unwrap undoes aws-chunked and gzip.
func unwrap(h http.Header, body []byte, limit int64) ([]byte, error) {
	if chunked(h) {
		var err error
		if body, err = unchunk(body, h); err != nil {
			return nil, err
		}
		if int64(len(body)) > limit {
			return nil, errTooLarge
		}
	}
	if !hasEncoding(h, "gzip") {
		return body, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return readAtMost(z, limit)
}
