package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
)

// ChunkVerifier verifies the chunk signatures of one streaming body, in order.
// Each signature covers the one before it, the first one the signature of the
// request.
//
// Source: S3 API Reference, "Transferring Payload in Multiple Chunks" and
// "… Including Trailing Headers".
type ChunkVerifier struct {
	key      [sha256.Size]byte
	middle   string // timestamp and scope
	previous string
	id       string
}

// Chunks returns the verifier for the body of the request that s signs. s must
// have been verified.
func (s *Signature) Chunks(secret string) *ChunkVerifier {
	return &ChunkVerifier{
		key:      s.signingKey(secret),
		middle:   "\n" + s.Timestamp + "\n" + s.scope() + "\n",
		previous: s.Value,
		id:       s.AccessKeyID,
	}
}

// Streaming reports whether the body of the request comes in chunks that are
// signed one by one, and whether signed trailers follow them.
func (s *Signature) Streaming() (chunks, trailers bool) {
	return s.ContentSHA256 == StreamingPayload || s.ContentSHA256 == StreamingPayloadTrailer,
		s.ContentSHA256 == StreamingPayloadTrailer
}

// Chunk verifies the chunk whose data has the given SHA-256. The last chunk is
// the empty one. A wrong signature is a Mismatch, and ends the use of c.
func (c *ChunkVerifier) Chunk(sum [sha256.Size]byte, signature string) error {
	return c.next(Algorithm+"-PAYLOAD"+c.middle+c.previous+"\n"+EmptyPayload+"\n"+hex.EncodeToString(sum[:]), signature)
}

// Trailer verifies the x-amz-trailer-signature that ends a body with trailers.
// trailers is every trailing header but the signature itself, one a line,
// "name:value\n".
func (c *ChunkVerifier) Trailer(trailers []byte, signature string) error {
	sum := sha256.Sum256(trailers)
	return c.next("AWS4-HMAC-SHA256-TRAILER"+c.middle+c.previous+"\n"+hex.EncodeToString(sum[:]), signature)
}

func (c *ChunkVerifier) next(stringToSign, signature string) error {
	if !equal(hmacHex(c.key[:], stringToSign), signature) {
		return &Error{Kind: Mismatch, AccessKeyID: c.id, StringToSign: stringToSign, Provided: signature}
	}
	c.previous = signature
	return nil
}
