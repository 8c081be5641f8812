package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"time"
)

// Algorithm is the only signing algorithm that is understood.
const Algorithm = "AWS4-HMAC-SHA256"

// Values of X-Amz-Content-Sha256 that are not the digest of the payload.
const (
	// UnsignedPayload leaves the body out of the signature.
	UnsignedPayload = "UNSIGNED-PAYLOAD"
	// StreamingPayload announces an aws-chunked body of signed chunks.
	StreamingPayload = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	// StreamingPayloadTrailer is StreamingPayload with signed trailers.
	StreamingPayloadTrailer = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
	// StreamingUnsignedTrailer announces an aws-chunked body without any
	// chunk signature.
	StreamingUnsignedTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	// EmptyPayload is the SHA-256 of nothing.
	EmptyPayload = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

const (
	terminator = "aws4_request"
	timeLayout = "20060102T150405Z"
	dateLayout = "20060102"
)

// DefaultSkew is how far the clocks of client and server may be apart. AWS
// services allow 5 or 15 minutes, IAM and STS 15.
const DefaultSkew = 15 * time.Minute

// Options says what a signature has to agree with.
type Options struct {
	// Now is the server's time. The zero value means time.Now().
	Now time.Time
	// Skew is the tolerance in both directions; 0 means DefaultSkew.
	Skew time.Duration
	// Service, if not empty, is the signing name that the credential scope
	// must hold, for example "iam".
	Service string
	// Region, if not empty, is the region that the scope must hold.
	Region string
	// PayloadHash is the SHA-256 of the body as it was received, in lower-case
	// hexadecimal digits. It is not needed for unsigned and streaming
	// payloads. Empty means the hash of nothing.
	PayloadHash string
}

// A Lookup finds the secret of an access key, and the session token that must
// accompany it ("" for a long-lived key). It returns an *Error (see
// UnknownKey, ExpiredToken) when the key is not known or no longer valid.
type Lookup func(accessKeyID string) (secret, token string, err error)

// Verify parses the signature of r, looks its key up and verifies it: Parse,
// then Signature.Verify and the comparison of the session token. The returned
// Signature is not nil whenever r carried a readable one, also beside an
// error. All errors are *Error, or what lookup returned.
func Verify(r *http.Request, lookup Lookup, o Options) (*Signature, error) {
	s, err := Parse(r)
	if err != nil {
		return nil, err
	}
	secret, token, err := lookup(s.AccessKeyID)
	if err != nil {
		return s, err
	}
	if subtle.ConstantTimeCompare([]byte(token), []byte(s.SessionToken)) != 1 {
		return s, UnknownKey(s.AccessKeyID)
	}
	return s, s.Verify(r, secret, o)
}

// Verify reports whether s is the signature of r under secret, made at the
// right time and for the right place. The body is not read: o.PayloadHash
// stands for it. It checks in AWS's order: form, scope, time, signature.
func (s *Signature) Verify(r *http.Request, secret string, o Options) error {
	if err := s.checkScope(o); err != nil {
		return err
	}
	if err := s.checkTime(o); err != nil {
		return err
	}
	if !s.signs("host") && !s.signs(":authority") {
		return invalid(s, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
	}
	received := o.PayloadHash
	if received == "" {
		received = EmptyPayload
	}
	payload := s.payload(received)
	key := s.signingKey(secret)
	var wanted canonical
	for i, f := range s.forms(r) {
		c := s.canonicalise(r, f, payload)
		if equal(hmacHex(key[:], c.stringToSign), s.Value) {
			if isDigest(payload) && payload != received {
				return payloadMismatch(s, payload, received)
			}
			return nil
		}
		if i == 0 {
			wanted = c
		}
	}
	return mismatch(s, wanted)
}

// payload is the last line of the canonical request. S3 takes what the client
// declared and compares it with the body afterwards; other services hash the
// body themselves.
func (s *Signature) payload(received string) string {
	switch {
	case isDigest(s.ContentSHA256) && s.Service != "s3":
		return received
	case s.ContentSHA256 != "":
		return s.ContentSHA256
	case s.Presigned && s.Service == "s3":
		// S3 API Reference, "Authenticating Requests: Using Query Parameters":
		// a presigned request does not know the payload.
		return UnsignedPayload
	default:
		return received
	}
}

func isDigest(payload string) bool {
	if len(payload) != sha256.Size*2 {
		return false
	}
	_, err := hex.DecodeString(payload)
	return err == nil
}

// signingKey derives the key for the scope of s (reference_sigv: "Derive a
// signing key").
func (s *Signature) signingKey(secret string) [sha256.Size]byte {
	k := hmacSum([]byte("AWS4"+secret), s.Date)
	k = hmacSum(k[:], s.Region)
	k = hmacSum(k[:], s.Service)
	return hmacSum(k[:], terminator)
}

func hmacSum(key []byte, data string) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(data))
	h.Sum(sum[:0])
	return sum
}

func hmacHex(key []byte, data string) string {
	sum := hmacSum(key, data)
	return hex.EncodeToString(sum[:])
}

func equal(a, b string) bool {
	return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}
