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
// the check of the Host). Programs that are no browser send neither Origin nor
// Sec-Fetch-Site and are not affected; deployed stages are open to all pages, as
// on AWS.
type guard struct {
	origins *http.CrossOriginProtection
}

func newGuard() guard {
	return guard{origins: http.NewCrossOriginProtection()}
}

// fromBrowser reports whether a web page may be behind r.
func fromBrowser(r *http.Request) bool {
	return len(r.Header["Sec-Fetch-Site"]) > 0 || len(r.Header["Origin"]) > 0
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
