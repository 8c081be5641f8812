package gateway

import (
	"net/http"
	"strings"
)

// address is where a request goes.
type address struct {
	api, stage string
	// path is the request's path below the stage as it was sent: percent
	// encoding kept, leading "/" included, several leading slashes kept.
	path string
	// virtual is set when the API was named by the host, as on AWS; otherwise
	// it was named by the path.
	virtual bool
	// domain is the rest of the host behind "{api}.execute-api.".
	domain string
}

// addressOf reads the three forms that endpoint recognises.
//
// Slashes before the stage do not count: AWS answers "//stage/x" as "/stage/x"
// (AWS recording test_lambda_aws_proxy_integration, prepended-slash-to-stage).
func addressOf(r *http.Request) (a address, ok bool) {
	path := rawPath(r)
	if i := strings.Index(r.Host, ".execute-api."); i > 0 {
		a.api, a.domain, a.virtual = r.Host[:i], r.Host[i+len(".execute-api."):], true
		if j := strings.LastIndexByte(a.api, '.'); j >= 0 {
			a.api = a.api[j+1:]
		}
		a.api = lower(a.api)
		a.stage, a.path = cutStage(path)
		return a, true
	}
	a.domain = r.Host
	if rest, found := strings.CutPrefix(path, "/_aws/execute-api/"); found {
		a.api, rest, _ = strings.Cut(rest, "/")
		a.stage, a.path = cutStage(rest)
		return a, a.api != ""
	}
	if rest, found := strings.CutPrefix(path, "/restapis/"); found {
		a.api, rest, _ = strings.Cut(rest, "/")
		a.stage, rest, _ = strings.Cut(rest, "/")
		rest, found = strings.CutPrefix(rest, "_user_request_")
		a.path = orSlash(rest)
		return a, found
	}
	return a, false
}

// rawPath is the path of the request target as it was sent.
func rawPath(r *http.Request) string {
	target := r.RequestURI
	if target == "" || target[0] != '/' { // absolute form, or no wire behind r
		return r.URL.EscapedPath()
	}
	if i := strings.IndexByte(target, '?'); i >= 0 {
		target = target[:i]
	}
	return target
}

func cutStage(path string) (stage, rest string) {
	path = strings.TrimLeft(path, "/")
	if i := strings.IndexByte(path, '/'); i >= 0 {
		return path[:i], path[i:]
	}
	return path, "/"
}

func orSlash(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

// lower is strings.ToLower for the usual case: already lower.
func lower(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= 'A' && c <= 'Z' {
			return strings.ToLower(s)
		}
	}
	return s
}
