package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// canonical is one canonical request with the string to sign made from it.
type canonical struct {
	request      string
	stringToSign string
}

// canonicalise builds the canonical request of r as s declares it was signed
// (reference_sigv-create-signed-request: "Create a canonical request").
func (s *Signature) canonicalise(r *http.Request, f form, payload string) canonical {
	b := make([]byte, 0, 1024)
	b = append(b, r.Method...)
	b = append(b, '\n')
	b = append(b, f.path...)
	b = append(b, '\n')
	b = appendCanonicalQuery(b, r.URL.RawQuery, s.Presigned)
	b = append(b, '\n')
	for _, name := range s.SignedHeaders {
		b = append(b, name...)
		b = append(b, ':')
		b = appendHeader(b, r, name, f.host)
		b = append(b, '\n')
	}
	b = append(b, '\n')
	b = append(b, strings.Join(s.SignedHeaders, ";")...)
	b = append(b, '\n')
	b = append(b, payload...)
	sum := sha256.Sum256(b)
	return canonical{
		request:      string(b),
		stringToSign: Algorithm + "\n" + s.Timestamp + "\n" + s.scope() + "\n" + hex.EncodeToString(sum[:]),
	}
}

func (s *Signature) scope() string {
	return s.Date + "/" + s.Region + "/" + s.Service + "/" + terminator
}

// appendHeader appends the values of one signed header, trimmed, with runs of
// spaces made one. What net/http moves out of the header map is put back.
func appendHeader(b []byte, r *http.Request, name, host string) []byte {
	switch name {
	case "host", ":authority":
		return appendTrimmed(b, host)
	case "content-length":
		if len(r.Header["Content-Length"]) == 0 && r.ContentLength >= 0 {
			return strconv.AppendInt(b, r.ContentLength, 10)
		}
	case "transfer-encoding":
		return append(b, strings.Join(r.TransferEncoding, ",")...)
	}
	for i, value := range r.Header[http.CanonicalHeaderKey(name)] {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendTrimmed(b, value)
	}
	return b
}

func appendTrimmed(b []byte, value string) []byte {
	value = strings.TrimSpace(value)
	if !strings.Contains(value, "  ") {
		return append(b, value...)
	}
	space := false
	for i := 0; i < len(value); i++ {
		if value[i] == ' ' && space {
			continue
		}
		space = value[i] == ' '
		b = append(b, value[i])
	}
	return b
}

// form is one way to write path and host into a canonical request.
type form struct{ path, host string }

// forms returns AWS's form of r first, and behind it those that clients in use
// sign instead: the SDK for Go neither removes dot segments and double slashes
// from a path, as AWS and botocore do, nor the default port from the host of a
// presigned URL, although it signs the host without it; and to S3, clients sign
// the path with the escapes that they happened to send. botocore leaves no
// slash where a trailing dot segment was.
func (s *Signature) forms(r *http.Request) []form {
	raw := rawPath(r)
	// S3 API Reference: the key is encoded once and never normalised.
	paths := []string{reencode(raw), raw}
	if s.Service != "s3" {
		paths = []string{string(appendEscaped(nil, normalise(raw), true)), string(appendEscaped(nil, raw, true))}
		if strings.HasSuffix(raw, "/.") || strings.HasSuffix(raw, "/..") {
			paths = append(paths, strings.TrimSuffix(paths[0], "/"))
		}
	}
	paths = slices.Compact(paths)
	bare := strings.TrimSuffix(strings.TrimSuffix(r.Host, ":80"), ":443")
	var list []form
	for _, path := range paths {
		list = append(list, form{path, r.Host})
		if bare != r.Host {
			list = append(list, form{path, bare})
		}
	}
	return list
}

// rawPath is the path as it stood on the request line: what was signed.
func rawPath(r *http.Request) string {
	if uri := r.RequestURI; strings.HasPrefix(uri, "/") {
		path, _, _ := strings.Cut(uri, "?")
		return path
	}
	if path := r.URL.EscapedPath(); path != "" {
		return path
	}
	return "/"
}

// normalise removes "." and ".." segments and empty ones (RFC 3986, 5.2.4); a
// trailing slash stays.
func normalise(path string) string {
	if !strings.Contains(path, "//") && !strings.Contains(path, "/.") {
		return path
	}
	var out []string
	for segment := range strings.SplitSeq(path, "/") {
		switch segment {
		case "", ".":
		case "..":
			if len(out) > 0 {
				out = out[:len(out)-1]
			}
		default:
			out = append(out, segment)
		}
	}
	result := "/" + strings.Join(out, "/")
	last := path[strings.LastIndexByte(path, '/')+1:]
	if len(out) > 0 && (last == "" || last == "." || last == "..") {
		result += "/"
	}
	return result
}

// reencode decodes a path and encodes it again, so that every client's choice
// of what to escape comes to the same. A path with broken escapes stays.
func reencode(path string) string {
	b := make([]byte, 0, len(path)+16)
	for i, segment := range strings.Split(path, "/") {
		if i > 0 {
			b = append(b, '/')
		}
		plain, ok := unescape(segment, false)
		if !ok {
			return path
		}
		b = appendEscaped(b, plain, false)
	}
	return string(b)
}

// appendCanonicalQuery sorts and encodes the parameters of a query string. The
// signature of a presigned request is not part of what it signs.
func appendCanonicalQuery(b []byte, rawQuery string, presigned bool) []byte {
	if rawQuery == "" {
		return b
	}
	type parameter struct{ name, value string }
	var list []parameter
	for pair := range strings.SplitSeq(rawQuery, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		if presigned && name == "X-Amz-Signature" {
			continue
		}
		list = append(list, parameter{requote(name), requote(value)})
	}
	slices.SortFunc(list, func(a, b parameter) int {
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return strings.Compare(a.value, b.value)
	})
	for i, p := range list {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(b, p.name...)
		b = append(b, '=')
		b = append(b, p.value...)
	}
	return b
}

// requote brings one name or value of a query string into AWS's encoding. A
// broken escape is taken literally.
func requote(raw string) string {
	plain, ok := unescape(raw, true)
	if !ok {
		plain = raw
	}
	return string(appendEscaped(nil, plain, false))
}

func unescape(s string, plusIsSpace bool) (string, bool) {
	if !strings.Contains(s, "%") && (!plusIsSpace || !strings.Contains(s, "+")) {
		return s, true
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+' && plusIsSpace:
			b = append(b, ' ')
		case s[i] != '%':
			b = append(b, s[i])
		default:
			if i+2 >= len(s) {
				return "", false
			}
			high, low := unhex(s[i+1]), unhex(s[i+2])
			if high < 0 || low < 0 {
				return "", false
			}
			b = append(b, byte(high<<4|low))
			i += 2
		}
	}
	return string(b), true
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// appendEscaped percent-encodes every byte of s outside RFC 3986's unreserved
// characters, and keeps slashes if told so.
func appendEscaped(b []byte, s string, keepSlash bool) []byte {
	const digits = "0123456789ABCDEF"
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9',
			c == '-', c == '_', c == '.', c == '~', c == '/' && keepSlash:
			b = append(b, c)
		default:
			b = append(b, '%', digits[c>>4], digits[c&15])
		}
	}
	return b
}
