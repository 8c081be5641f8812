package awswire

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"hash/crc32"
	"net/http"
	"strconv"
	"strings"
)

// unchunk undoes the framing that SigV4 calls aws-chunked, signed (hex-size;chunk-signature=…) or not, with or without
// trailers, and checks x-amz-decoded-content-length and a checksum trailer. Chunk signatures are the business of whoever
// authenticates: it sees the raw body. (S3 API reference, sigv4-streaming and sigv4-streaming-trailers.)
func unchunk(body []byte, h http.Header) ([]byte, error) {
	out := make([]byte, 0, len(body))
	for {
		line, rest, ok := bytes.Cut(body, []byte("\r\n"))
		if !ok {
			return nil, incomplete("a chunk has no header line")
		}
		sizeText, _, _ := bytes.Cut(line, []byte(";"))
		size, err := strconv.ParseUint(string(bytes.TrimSpace(sizeText)), 16, 62)
		if err != nil {
			return nil, incomplete("a chunk's size is not a hexadecimal number")
		}
		body = rest
		if size == 0 {
			break
		}
		if uint64(len(body)) < size+2 || body[size] != '\r' || body[size+1] != '\n' {
			return nil, incomplete("a chunk is shorter than it says")
		}
		out = append(out, body[:size]...)
		body = body[size+2:]
	}
	if want := h.Get("X-Amz-Decoded-Content-Length"); want != "" && want != strconv.Itoa(len(out)) {
		return nil, incomplete(fmt.Sprintf("%d bytes arrived, x-amz-decoded-content-length says %s", len(out), want))
	}
	return out, checkTrailers(body, out, h)
}

func incomplete(what string) error {
	return &Error{Code: "IncompleteBody", Status: 400, Message: "The request body terminated unexpectedly: " + what}
}

// checksums that a trailer may carry. crc64nvme is accepted without a check: the standard library lacks it, and none of
// our services declares one.
var checksums = map[string]func() hash.Hash{
	"x-amz-checksum-crc32":  func() hash.Hash { return crc32.NewIEEE() },
	"x-amz-checksum-crc32c": func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) },
	"x-amz-checksum-sha1":   sha1.New,
	"x-amz-checksum-sha256": sha256.New,
}

func checkTrailers(trailers, payload []byte, h http.Header) error {
	declared := strings.ToLower(h.Get("X-Amz-Trailer"))
	for line := range bytes.SplitSeq(trailers, []byte("\n")) {
		name, value, ok := bytes.Cut(bytes.TrimSpace(line), []byte(":"))
		if !ok {
			continue
		}
		key := strings.ToLower(string(bytes.TrimSpace(name)))
		newHash := checksums[key]
		if newHash == nil || !strings.Contains(declared, key) {
			continue
		}
		sum := newHash()
		sum.Write(payload)
		if base64.StdEncoding.EncodeToString(sum.Sum(nil)) != string(bytes.TrimSpace(value)) {
			return &Error{Code: "BadDigest", Status: 400,
				Message: "The " + key + " you specified did not match the calculated checksum."}
		}
	}
	return nil
}
