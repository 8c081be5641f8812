package console

import (
	"net/url"
	"path"
	"strings"
)

// The addresses of the console's pages. Names are escaped: an API may be called
// anything, and so may a path.

func overviewURL() string { return Prefix }

func apiURL(api string) string { return Prefix + "apis/" + url.PathEscape(api) }

func cellURL(api, stage, verb, path string) string {
	return apiURL(api) + "/cell?" + query("stage", stage, "verb", verb, "path", path)
}

func grantURL(api string) string { return apiURL(api) + "/grant" }

func integrationURL(api, resource, verb string) string {
	return apiURL(api) + "/integration?" + query("resource", resource, "verb", verb)
}

func deployURL(api string) string { return apiURL(api) + "/deploy" }

func stageURL(api, stage string) string { return apiURL(api) + "/stages/" + url.PathEscape(stage) }

func functionURL(name string) string { return Prefix + "functions/" + url.PathEscape(name) }

func logsURL(api, stage string) string {
	return Prefix + "logs?" + query("api", api, "stage", stage)
}

func tryURL(api, stage, verb, path string) string {
	return Prefix + "try?" + query("api", api, "stage", stage, "method", verb, "path", path)
}

func refusalURL(id string) string { return Prefix + "refusals/" + url.PathEscape(id) }

func linkURL(token string) string { return Prefix + "link?" + query("token", token) }

func signInURL(back string) string { return Prefix + "sign-in?" + query("back", back) }

// query encodes names and values in turn and leaves out empty values.
func query(namesAndValues ...string) string {
	var b strings.Builder
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		if namesAndValues[i+1] == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(namesAndValues[i]) + "=" + url.QueryEscape(namesAndValues[i+1]))
	}
	return b.String()
}

// local is an address of the console to go back to, or the overview: never an
// address of somebody else ("//evil.example", "https:…", "/\evil"), nor of what
// else this port answers ("/_stagedoor/../restapis").
func local(back string) string {
	u, err := url.Parse(back)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(u.Path, Prefix) || strings.ContainsAny(back, "\\\r\n") ||
		!strings.HasPrefix(path.Clean(u.Path)+"/", Prefix) {
		return overviewURL()
	}
	return u.RequestURI()
}

// with returns an address with one more parameter.
func with(address, name, value string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String()
}
