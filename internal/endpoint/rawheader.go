package endpoint

import (
	"net/http"
	"strings"
)

// RawHeader appends the header fields of r to dst as {name, value} pairs, in
// the order and with the spelling in which the client sent them, without the
// white space around values. It reports false, and appends nothing, when they
// are not known for certain: r did not come through a Server, or what was seen
// on the wire is not what net/http made of it. The caller then uses r.Header.
//
// The Host field is among them; net/http moves it from r.Header to r.Host.
func RawHeader(r *http.Request, dst [][2]string) ([][2]string, bool) {
	c := connOf(r)
	if c == nil || c.current == nil {
		return dst, false
	}
	// One copy of the whole head: the names and values below share it.
	requestLine, rest, _ := strings.Cut(string(c.current), "\n")
	if !sameRequestLine(strings.TrimSuffix(requestLine, "\r"), r) {
		return dst, false
	}
	fields := dst
	for {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		line = strings.TrimSuffix(line, "\r")
		if line == "" {
			return fields, true
		}
		name, value, found := strings.Cut(line, ":")
		value = strings.Trim(value, " \t")
		if !found || !sameField(r, name, value) {
			return dst, false
		}
		fields = append(fields, [2]string{name, value})
	}
}

func sameRequestLine(line string, r *http.Request) bool {
	rest, ok := strings.CutPrefix(line, r.Method)
	if !ok {
		return false
	}
	rest, ok = strings.CutPrefix(rest, " "+r.RequestURI+" ")
	return ok && rest == r.Proto
}

// sameField reports whether net/http knows name with value. Fields which it
// takes out of the header map are believed unless they contradict it.
func sameField(r *http.Request, name, value string) bool {
	var canonical [64]byte
	key := canonicalKey(canonical[:0], name)
	for _, v := range r.Header[string(key)] {
		if v == value {
			return true
		}
	}
	switch string(key) {
	case "Host":
		return true // an absolute request target overrides it
	case "Transfer-Encoding":
		return len(r.TransferEncoding) > 0 || !r.ProtoAtLeast(1, 1)
	case "Content-Length":
		return len(r.TransferEncoding) > 0 || len(r.Header["Content-Length"]) > 0
	case "Trailer":
		return r.Trailer != nil || len(r.TransferEncoding) == 0
	}
	return false
}

// canonicalKey is textproto.CanonicalMIMEHeaderKey for names that are tokens,
// without an allocation for names of usual length.
func canonicalKey(dst []byte, name string) []byte {
	upper := true
	for i := range len(name) {
		c := name[i]
		if upper && c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		} else if !upper && c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
		upper = c == '-'
	}
	return dst
}
