package gateway

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// tree builds a router from "VERB /template" lines; each method's operation is
// its line.
func tree(routes ...string) *router {
	byPath := make(map[string]map[string]*methodPlan)
	for _, line := range routes {
		verb, path, _ := strings.Cut(line, " ")
		if byPath[path] == nil {
			byPath[path] = make(map[string]*methodPlan)
		}
		byPath[path][verb] = &methodPlan{operation: line}
	}
	rt := new(router)
	for path, methods := range byPath {
		rt.add(path, methods)
	}
	return rt
}

// describe runs one request and writes what it found: "GET /a/{id} id=7".
func describe(rt *router, verb, path string) string {
	var p params
	m := rt.find(path, verb, &p)
	if m == nil {
		return ""
	}
	out := m.operation
	for i := range p.n {
		out += fmt.Sprintf(" %s=%s", p.names[i], p.values[i])
	}
	return out
}

func TestRouter(t *testing.T) {
	routes := []string{
		"GET /", "GET /part1", "GET /{param+}", "GET /part1/hardcoded-value",
		"ANY /any", "POST /any", "GET /users/{id}", "DELETE /users/{id}", "GET /users/{id}/posts",
		"GET /users/me", "GET /deep/{a}/{b}/c", "POST /only-post", "GET /dash-ok",
	}
	rt := tree(routes...)
	for _, c := range []struct{ request, want, source string }{
		{"GET /", "GET /", "the root is a resource of its own"},
		{"GET ", "GET /", "stage without a slash"},
		{"GET /part1", "GET /part1", "AWS recording test_routing_with_hardcoded_resource_sibling_order"},
		{"GET /part1/hardcoded-value", "GET /part1/hardcoded-value", "same recording"},
		{"GET /part1/random-value", "GET /{param+} param=part1/random-value", "same recording"},
		{"GET /hardcoded", "GET /{param+} param=hardcoded", "greedy takes one part too"},
		{"GET //part1", "GET /part1", "AWS recording test_lambda_aws_proxy_integration, invocation-hardcoded"},
		{"GET /proxy-value/", "GET /{param+} param=proxy-value", "same recording, with-trailing-slash"},
		{"GET /proxy-value//double-slash", "GET /{param+} param=proxy-value//double-slash", "same recording, double-slash"},
		{"GET /api/test%2Balias@gmail.com/a+b", "GET /{param+} param=api/test%2Balias@gmail.com/a+b", "same recording, path-encoded-email"},
		{"GET /users/me", "GET /users/me", "literal before variable"},
		{"GET /users/42", "GET /users/{id} id=42", ""},
		{"GET /users/42/", "GET /users/{id} id=42", "trailing slash does not count"},
		{"GET /users/a%2Fb", "GET /users/{id} id=a%2Fb", "an encoded slash separates nothing"},
		{"GET /users/42/posts", "GET /users/{id}/posts id=42", ""},
		{"GET /users/me/posts", "GET /users/{id}/posts id=me", "back from the literal branch"},
		{"GET /users/42/x", "GET /{param+} param=users/42/x", "back to the top"},
		{"GET /deep/1/2/c", "GET /deep/{a}/{b}/c a=1 b=2", ""},
		{"GET /deep/1/2/d", "GET /{param+} param=deep/1/2/d", "abandoned variables leave nothing behind"},
		{"PUT /any", "ANY /any", ""},
		{"POST /any", "POST /any", "the verb before ANY"},
		{"HEAD /any", "ANY /any", ""},
		{"HEAD /part1", "", "HEAD is not implied by GET"},
		{"OPTIONS /part1", "", "OPTIONS is not implied"},
		{"ANY /part1", "", "ANY is no verb of a request"},
		{"DELETE /users/me", "DELETE /users/{id} id=me", "measured on AWS: floci#3399, GET /users/me"},
		{"GET /dash%2Dok", "GET /dash-ok", "unverified: literals are compared decoded"},
		{"GET /PART1", "GET /{param+} param=PART1", "case matters"},
		{"POST /none", "", "no such method"},
	} {
		verb, path, _ := strings.Cut(c.request, " ")
		if got := describe(rt, verb, path); got != c.want {
			t.Errorf("%s: %q, want %q (%s)", c.request, got, c.want, c.source)
		}
	}
}

// Measured on AWS, eu-central-1 (ministack#1423), and us-west-2 (floci#3399).
func TestRouterPassesOverVerbs(t *testing.T) {
	rt := tree("ANY /{proxy+}", "GET /jobs/{op}", "OPTIONS /cors_only")
	for request, want := range map[string]string{
		"GET /jobs/reboot":  "GET /jobs/{op} op=reboot",
		"GET /jobs":         "ANY /{proxy+} proxy=jobs",
		"POST /jobs":        "ANY /{proxy+} proxy=jobs",
		"POST /jobs/reboot": "ANY /{proxy+} proxy=jobs/reboot",
		"GET /cors_only":    "ANY /{proxy+} proxy=cors_only",
	} {
		verb, path, _ := strings.Cut(request, " ")
		if got := describe(rt, verb, path); got != want {
			t.Errorf("%s: %q, want %q", request, got, want)
		}
	}
	rt = tree("PATCH /users/me", "GET /users/{userId}", "POST /roles/provision", "GET /roles/{roleId}", "GET /things/real", "ANY /things/{proxy+}")
	for request, want := range map[string]string{
		"GET /users/me":         "GET /users/{userId} userId=me",
		"PATCH /users/me":       "PATCH /users/me",
		"POST /users/me":        "",
		"POST /roles/provision": "POST /roles/provision",
		"GET /roles/provision":  "GET /roles/{roleId} roleId=provision",
		"GET /things/real":      "GET /things/real",
		"POST /things/real":     "ANY /things/{proxy+} proxy=real",
	} {
		verb, path, _ := strings.Cut(request, " ")
		if got := describe(rt, verb, path); got != want {
			t.Errorf("%s: %q, want %q", request, got, want)
		}
	}
}

// naive finds the best route by trying all of them: the specification, written
// another way.
func naive(routes []string, verb, path string) string {
	path = strings.TrimSuffix(strings.TrimLeft(path, "/"), "/")
	var parts []string
	if path != "" {
		parts = strings.Split(path, "/")
	}
	best, bestRank := "", ""
	for _, line := range routes {
		v, template, _ := strings.Cut(line, " ")
		if v != verb && v != "ANY" {
			continue
		}
		var tparts []string
		if t := strings.Trim(template, "/"); t != "" {
			tparts = strings.Split(t, "/")
		}
		rank, out, ok := "", "", true
		for i, tp := range tparts {
			switch {
			case strings.HasSuffix(tp, "+}"):
				ok = i < len(parts) && (len(parts) > i)
				if ok {
					rank += "c"
					out += " " + strings.Trim(tp, "{+}") + "=" + strings.Join(parts[i:], "/")
				}
			case i >= len(parts):
				ok = false
			case strings.HasPrefix(tp, "{"):
				ok = parts[i] != "" && !(i == len(parts)-2 && parts[i+1] == "")
				rank += "b"
				out += " " + strings.Trim(tp, "{}") + "=" + parts[i]
			default:
				ok = tp == parts[i] && !(i == len(parts)-2 && parts[i+1] == "")
				rank += "a"
			}
			if !ok {
				break
			}
		}
		greedy := len(tparts) > 0 && strings.HasSuffix(tparts[len(tparts)-1], "+}")
		if !ok || !greedy && len(tparts) != len(parts) {
			continue
		}
		if v == verb {
			rank += "a"
		} else {
			rank += "b"
		}
		if best == "" || rank < bestRank {
			best, bestRank = line+out, rank
		}
	}
	return best
}

func TestRouterAgainstNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.SampledFrom([]string{"a", "b", "{v}", "{w+}"})
		var routes []string
		for range rapid.IntRange(1, 8).Draw(t, "routes") {
			template := "/"
			for i := range rapid.IntRange(0, 4).Draw(t, "depth") {
				p := part.Draw(t, "part")
				if i > 0 {
					template += "/"
				}
				template += p
				if p == "{w+}" {
					break
				}
			}
			line := rapid.SampledFrom([]string{"GET", "ANY", "POST"}).Draw(t, "verb") + " " + template
			if !slices.Contains(routes, line) {
				routes = append(routes, line)
			}
		}
		path := "/" + rapid.StringMatching(`((a|b|c)/?){0,5}(//c)?/?`).Draw(t, "path")
		rt := tree(routes...)
		for _, verb := range []string{"GET", "PUT"} {
			if got, want := describe(rt, verb, path), naive(routes, verb, path); got != want {
				t.Fatalf("%v\n%s %s: %q, want %q", routes, verb, path, got, want)
			}
		}
	})
}

func TestMatchTemplate(t *testing.T) {
	for _, c := range []struct {
		template, path string
		want           string
	}{
		{"/pets/{petId}", "/pets/123", "{petId=123}"},
		{"/pets/{petId}", "/pets/{petId}", "{petId={petId}}"}, // AWS recording test_invoke_test_method, no-path
		{"/pets/{petId}", "/random/test", "no"},
		{"/pets", "/pets", "{}"},
		{"/", "/", "{}"},
		{"/{proxy+}", "/a/b", "{proxy=a/b}"},
	} {
		var p params
		got := "no"
		if matchTemplate(c.template, c.path, &p) {
			got = joinParams(&p)
		}
		if got != c.want {
			t.Errorf("%s on %s: %s, want %s", c.path, c.template, got, c.want)
		}
	}
}
