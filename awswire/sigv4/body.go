package sigv4

import (
	"bytes"
	"crypto/sha256"
	"strconv"
	"strings"
)

// VerifyBody verifies every chunk signature of a whole aws-chunked body as it
// was received, and that of its trailers; a body that is not signed in chunks
// passes (see Streaming). s must have been verified under the same secret.
func (s *Signature) VerifyBody(raw []byte, secret string) error {
	chunks, trailers := s.Streaming()
	if !chunks {
		return nil
	}
	verifier := s.Chunks(secret)
	for {
		head, rest, ok := bytes.Cut(raw, []byte("\r\n"))
		if !ok {
			return incompleteChunk(s)
		}
		size, signature, ok := chunkHead(string(head))
		if !ok || size > len(rest) {
			return incompleteChunk(s)
		}
		if err := verifier.Chunk(sha256.Sum256(rest[:size]), signature); err != nil {
			return err
		}
		raw = rest[size:]
		if size == 0 {
			break
		}
		if !bytes.HasPrefix(raw, []byte("\r\n")) {
			return incompleteChunk(s)
		}
		raw = raw[2:]
	}
	if !trailers {
		return nil
	}
	return verifyTrailers(verifier, raw, s)
}

// chunkHead reads "SIZE;chunk-signature=SIGNATURE".
func chunkHead(head string) (size int, signature string, ok bool) {
	digits, extension, _ := strings.Cut(head, ";")
	n, err := strconv.ParseInt(strings.TrimSpace(digits), 16, 32)
	signature, found := strings.CutPrefix(strings.TrimSpace(extension), "chunk-signature=")
	return int(n), signature, err == nil && n >= 0 && found
}

func verifyTrailers(verifier *ChunkVerifier, raw []byte, s *Signature) error {
	var signed bytes.Buffer
	for line := range bytes.SplitSeq(raw, []byte("\r\n")) {
		name, value, ok := strings.Cut(string(line), ":")
		if !ok {
			continue
		}
		name = strings.ToLower(strings.TrimSpace(name))
		if name == "x-amz-trailer-signature" {
			return verifier.Trailer(signed.Bytes(), strings.TrimSpace(value))
		}
		signed.WriteString(name + ":" + strings.TrimSpace(value) + "\n")
	}
	return incompleteChunk(s)
}

func incompleteChunk(s *Signature) *Error {
	// unverified: AWS's words for a torn aws-chunked body outside of S3
	e := incomplete("The aws-chunked body ends early or a chunk has no chunk-signature.")
	e.AccessKeyID = s.AccessKeyID
	return e
}
