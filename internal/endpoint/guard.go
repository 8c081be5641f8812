package endpoint

import (
	"net"
	"net/http"
	"strings"
)

// guard keeps web pages away from stagedoor's own pages and from the control
// plane. Whoever reaches them can run code on this machine (CreateFunction), and
// a page in a browser on this machine can reach loopback: by a form or a fetch
// to http://localhost:4566 (stopped by the check of the request's origin) or by
// a name of its own that it lets resolve to 127.0.0.1 (DNS rebinding, stopped by
// the check of the Host). Programs that are no browser are not affected; deployed
// stages are open to all pages, as on AWS, but have no part in this origin (see
// alone).
type guard struct {
	origins *http.CrossOriginProtection
}

func newGuard() guard {
	return guard{origins: http.NewCrossOriginProtection()}
}

// fromBrowser reports whether a web page may be behind r. A page that let its
// name resolve to this machine reads by GET without Origin, and Sec-Fetch-Site is
// sent to trustworthy addresses only, of which http://evil.example is none (W3C
// "Secure Contexts", 3.1; "Fetch Metadata", 2): what remains is what every
// browser sends and a page can change but not leave out.
func fromBrowser(r *http.Request) bool {
	return len(r.Header["Sec-Fetch-Site"]) > 0 || len(r.Header["Origin"]) > 0 || len(r.Header["Accept-Language"]) > 0 ||
		strings.HasPrefix(r.Header.Get("User-Agent"), "Mozilla/")
}

// alone gives the page that a browser opens from a stage by its path an origin of
// its own. By its path it would have the origin of the console and of the control
// plane, and a script in it, the function's or whoever's words the function
// repeats, could do there what the person can. By its host,
// {api}.execute-api.localhost, it has another origin anyway. Answers to programs,
// and to scripts that fetch, stay as on AWS.
func alone(w http.ResponseWriter, r *http.Request) {
	switch r.Header.Get("Sec-Fetch-Dest") {
	case "document", "iframe", "frame", "embed", "object":
	case "": // a browser at an address that is not trustworthy, or none
		if !strings.Contains(r.Header.Get("Accept"), "text/html") {
			return
		}
	default:
		return
	}
	w.Header()["Content-Security-Policy"] = []string{"sandbox allow-scripts allow-forms allow-modals allow-downloads allow-popups allow-popups-to-escape-sandbox"}
}

// admit answers a refusal itself and then returns false.
func (g *guard) admit(w http.ResponseWriter, r *http.Request, loopback bool) bool {
	if loopback && !local(r.Host) {
		http.Error(w, "stagedoor: the Host \""+hostName(r.Host)+"\" is not a name of this machine; use localhost, or start stagedoor with --listen on an address that the name stands for", http.StatusForbidden)
		return false
	}
	if err := g.origins.Check(r); err != nil {
		http.Error(w, "stagedoor: "+err.Error(), http.StatusForbidden)
		return false
	}
	return true
}

// local reports whether host is a name that only this machine can have: a
// loopback address, localhost and what lies under it, the public name that
// LocalStack's tools use for 127.0.0.1, and the name under which containers
// reach their host.
func local(host string) bool {
	name := hostName(host)
	if ip := net.ParseIP(name); ip != nil {
		return ip.IsLoopback()
	}
	return name == "localhost" || strings.HasSuffix(name, ".localhost") ||
		name == "localhost.localstack.cloud" || strings.HasSuffix(name, ".localhost.localstack.cloud") ||
		name == "host.docker.internal"
}

func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}
