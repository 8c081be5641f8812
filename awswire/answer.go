package awswire

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// fail renders an error in the shape of the service that was asked.
func (c *exchange) fail(err error) *answer {
	svc := c.m.svc
	if svc == nil {
		// A service without a model, or none at all: the plain shape of the protocol that the client speaks.
		own, ok := err.(*Error)
		if !ok {
			c.s.logFailure(c.r.Context(), "", c.m.op, c.id, err)
			own = &Error{Code: "InternalFailure", Status: 500}
		}
		w := &wireError{code: own.Code, message: own.Message, status: own.Status}
		if w.status == 0 {
			w.status = 400
		}
		w.setMessage("message")
		return c.codec().fail(nil, w, c.id)
	}
	w, known := svc.classify(err)
	if !known {
		c.s.logFailure(c.r.Context(), svc.name, c.m.op, c.id, err)
		w = svc.fromError(c.s.hidden(svc, err))
	}
	svc.translate(w, strings.EqualFold(c.r.Header.Get("X-Amzn-Query-Mode"), "true"))
	return svc.codec.fail(svc, w, c.id)
}

func (c *exchange) codec() codec {
	if c.m.svc != nil {
		return c.m.svc.codec
	}
	return c.m.codec
}

// write sends the answer with AWS's headers.
func (c *exchange) write(w http.ResponseWriter, a *answer) {
	h := w.Header()
	for name, values := range a.header {
		h[name] = values
	}
	h["x-amzn-RequestId"] = []string{c.id} // in AWS's own case, which net/http keeps for names set like this
	if c.m.svc != nil && c.m.svc.dialect.apigwID {
		h["x-amz-apigw-id"] = []string{extendedID(c.id)}
	}
	if a.stream != nil {
		w.WriteHeader(a.status)
		_, _ = io.Copy(w, a.stream) // a client that went away is nobody's error
		if closer, ok := a.stream.(io.Closer); ok {
			_ = closer.Close()
		}
		return
	}
	if a.status != http.StatusNoContent {
		h["Content-Length"] = []string{strconv.Itoa(len(a.body))}
	}
	w.WriteHeader(a.status)
	if len(a.body) > 0 && c.r.Method != http.MethodHead {
		_, _ = w.Write(a.body)
	}
}

// extendedID makes an x-amz-apigw-id ("d4qiDGxbBcwFXJw=": 11 bytes in base64) that can be told from the request id.
func extendedID(requestID string) string {
	raw, err := hex.DecodeString(strings.ReplaceAll(requestID, "-", ""))
	if err != nil || len(raw) < 11 {
		raw = append([]byte(requestID), make([]byte, 11)...)
	}
	return base64.StdEncoding.EncodeToString(raw[:11])
}

// newUUID returns a random UUID (version 4), the form of AWS's request ids.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	var text [36]byte
	hex.Encode(text[0:8], b[0:4])
	hex.Encode(text[9:13], b[4:6])
	hex.Encode(text[14:18], b[6:8])
	hex.Encode(text[19:23], b[8:10])
	hex.Encode(text[24:36], b[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}
