package doctor

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// wrongURL says whether the request that was asked about leads to a method. An
// unknown path or verb is answered with 403 "Missing Authentication Token",
// which sends people looking for keys (APIGW-DG supported-gateway-response-types).
func (e *exam) wrongURL() []Finding {
	if e.options.URL == "" {
		return nil
	}
	k := codeOf(wrongURL)
	f := Finding{Code: k.ID, Title: k.Title, Level: k.Level}
	u, err := url.Parse(e.options.URL)
	if err != nil {
		f.Sentence = fmt.Sprintf("%q is no URL.", e.options.URL)
		return []Finding{f}
	}
	id, path := addressed(u)
	if id == "" {
		f.Sentence = fmt.Sprintf("%q names no API: give the URL of a stage, as https://a1b2c3d4e5.execute-api.%s.amazonaws.com/prod/users. Custom domains are not looked up.", e.options.URL, e.region)
		return []Finding{f}
	}
	f.API = id
	at := slices.IndexFunc(e.apis, func(a *api) bool { return a.id == id })
	if at < 0 {
		f.Sentence = fmt.Sprintf("There is no API %s in account %s, %s.", id, e.account, e.region)
		return []Finding{f}
	}
	f.Sentence, f.Notes = e.apis[at].leadsNowhere(orNone(strings.ToUpper(e.options.Verb), "GET"), path)
	if f.Sentence == "" {
		return nil
	}
	return []Finding{f}
}

// addressed takes API and path (stage first) out of a URL: the virtual host of
// AWS, or one of the path styles of local endpoints.
func addressed(u *url.URL) (api, path string) {
	if host := u.Hostname(); strings.Contains(host, ".execute-api.") {
		api, _, _ = strings.Cut(host, ".")
		return api, u.Path
	}
	parts := strings.Split(strings.TrimPrefix(u.Path, "/"), "/")
	switch {
	case len(parts) >= 4 && parts[0] == "restapis" && parts[3] == "_user_request_":
		return parts[1], "/" + strings.Join(append(parts[2:3:3], parts[4:]...), "/")
	case len(parts) >= 3 && parts[0] == "_aws" && parts[1] == "execute-api":
		return parts[2], "/" + strings.Join(parts[3:], "/")
	}
	return "", u.Path
}

// defaultStage of an HTTP API is no part of the path, and its route of the same
// name takes what no other route does (APIGW-DG http-api-develop-routes).
const defaultStage = "$default"

// leadsNowhere says what is wrong with a request; "" when it has a method.
func (a *api) leadsNowhere(verb, path string) (sentence string, notes []string) {
	name, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	at := slices.IndexFunc(a.stages, func(s *stage) bool { return s.name == name })
	if at < 0 {
		at = slices.IndexFunc(a.stages, func(s *stage) bool { return s.name == defaultStage })
		name, rest = defaultStage, strings.TrimPrefix(path, "/")
	}
	if a.kind == webSocketKind && at >= 0 {
		return "", nil // routes are chosen by messages
	}
	if at < 0 {
		name, _, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
		var names []string
		for _, s := range a.stages {
			names = append(names, s.name)
		}
		return fmt.Sprintf("The API %s has no stage %q; its stages are %s. The first part of the path is the stage.", a.id, name, strings.Join(names, ", ")), nil
	}
	answer := "AWS answers 403 Missing Authentication Token, which has nothing to do with keys."
	if a.kind == httpKind {
		answer = "AWS answers 404 Not Found."
	}
	var verbs []string
	for _, m := range a.stages[at].methods {
		if m.routeKey == defaultStage {
			return "", nil
		}
		if !templateMatches(m.path, "/"+rest) {
			continue
		}
		if m.verb == verb || m.verb == "ANY" {
			return "", nil
		}
		verbs = append(verbs, m.verb)
	}
	if len(verbs) > 0 {
		return fmt.Sprintf("Stage %s has no %s /%s, only %s: %s", name, verb, rest, strings.Join(verbs, ", "), answer), nil
	}
	for _, m := range a.stages[at].methods {
		notes = append(notes, m.name())
	}
	return fmt.Sprintf("Stage %s has no method at /%s: %s", name, rest, answer),
		[]string{"It has " + list(notes) + "."}
}

// templateMatches compares a path with a resource's template.
func templateMatches(template, path string) bool {
	want, got := strings.Split(strings.Trim(template, "/"), "/"), strings.Split(strings.Trim(path, "/"), "/")
	for i, w := range want {
		switch {
		case strings.HasPrefix(w, "{") && strings.HasSuffix(w, "+}"):
			return i < len(got) && got[i] != ""
		case i >= len(got):
			return false
		case strings.HasPrefix(w, "{") && got[i] != "":
		case w != got[i]:
			return false
		}
	}
	return len(want) == len(got)
}
