package awswire

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// router finds the operation of a REST service by method and path.
type router struct {
	routes map[string][]*route // by method
}

type route struct {
	operation string
	segments  []segment
	greedy    bool
	query     url.Values // literal parameters of the model's URI: they must be there
}

type segment struct {
	text  string // literal, or the label's name
	label bool
}

func newRouter(m *model) *router {
	r := &router{routes: map[string][]*route{}}
	for name, op := range m.Operations {
		path, query, _ := strings.Cut(op.HTTP.RequestURI, "?")
		rt := &route{operation: name}
		if query != "" {
			rt.query, _ = url.ParseQuery(query)
		}
		for _, part := range splitPath(path) {
			s := segment{text: part}
			if strings.HasPrefix(part, "{") {
				s.label = true
				s.text = strings.TrimSuffix(part[1:], "}")
				if g, ok := strings.CutSuffix(s.text, "+"); ok {
					s.text, rt.greedy = g, true
				}
			}
			rt.segments = append(rt.segments, s)
		}
		r.routes[op.HTTP.Method] = append(r.routes[op.HTTP.Method], rt)
	}
	for _, list := range r.routes {
		slices.SortFunc(list, compareRoutes)
	}
	return r
}

// compareRoutes puts the more particular route first: literal query parameters win over none, then literal segments
// over labels from left to right, then the plain route over a greedy one.
func compareRoutes(a, b *route) int {
	if c := cmp.Compare(len(b.query), len(a.query)); c != 0 {
		return c
	}
	for i := range min(len(a.segments), len(b.segments)) {
		if a.segments[i].label != b.segments[i].label {
			if b.segments[i].label {
				return -1
			}
			return 1
		}
	}
	return cmp.Or(boolCompare(a.greedy, b.greedy), cmp.Compare(a.operation, b.operation))
}

func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// splitPath splits a path that is still percent-encoded; a trailing slash does not matter to AWS (botocore's own models
// have "/2015-03-31/functions/" and "/2015-03-31/functions").
func splitPath(path string) []string {
	path = strings.TrimSuffix(strings.TrimPrefix(path, "/"), "/")
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

// find returns the operation and its labels, percent-decoded.
func (r *router) find(method, escapedPath string, query url.Values) (string, []label, bool) {
	parts := splitPath(escapedPath)
	for _, rt := range r.routes[method] {
		if labels, ok := rt.match(parts, query); ok {
			for name := range rt.query {
				query.Del(name)
			}
			return rt.operation, labels, true
		}
	}
	return "", nil, false
}

func (rt *route) match(parts []string, query url.Values) ([]label, bool) {
	if len(parts) < len(rt.segments) || len(parts) > len(rt.segments) && !rt.greedy {
		return nil, false
	}
	for name, want := range rt.query {
		if got := query[name]; len(got) == 0 || got[0] != want[0] {
			return nil, false
		}
	}
	rest := len(parts) - len(rt.segments) // further segments that the greedy label takes
	at := 0
	for _, s := range rt.segments {
		if !s.label && parts[at] != s.text || s.label && parts[at] == "" {
			return nil, false
		}
		at++
		if s.label && rt.greedy {
			at += rest // models have one greedy label, at the end or before a literal
		}
	}
	return rt.labels(parts, rest)
}

func (rt *route) labels(parts []string, rest int) ([]label, bool) {
	var labels []label
	at := 0
	for _, s := range rt.segments {
		text := parts[at]
		at++
		if s.label && rt.greedy {
			text = strings.Join(parts[at-1:at+rest], "/")
			at += rest
		}
		if !s.label {
			continue
		}
		value, err := url.PathUnescape(text)
		if err != nil {
			return nil, false
		}
		labels = append(labels, label{s.text, value})
	}
	return labels, true
}

// SigningService returns the service name of a request's credential scope ("lambda", "execute-api"): from the
// Authorization header or a presigned query; "" for unsigned requests.
func SigningService(r *http.Request) string {
	credential := ""
	if h := r.Header.Get("Authorization"); h != "" {
		_, rest, ok := strings.Cut(h, "Credential=")
		if !ok {
			return ""
		}
		credential = rest
		if end := strings.IndexAny(rest, ", "); end >= 0 {
			credential = rest[:end]
		}
	} else if strings.Contains(r.URL.RawQuery, "X-Amz-Credential=") {
		credential = r.URL.Query().Get("X-Amz-Credential")
	}
	parts := strings.Split(credential, "/")
	if len(parts) < 3 || parts[len(parts)-1] != "aws4_request" {
		return ""
	}
	return parts[len(parts)-2] // SigV4: key/date/region/service/aws4_request; SigV4A has no region
}
