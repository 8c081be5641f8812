package console

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// contentPolicy lets a page load what this program carries and nothing else:
// no inline script or style, no frame, no form to elsewhere.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// secure sets the headers that every answer has.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	// Not no-referrer: with it browsers send "Origin: null" with forms, and
	// over plain HTTP the origin is all that tells our form from a forged one.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cache-Control", "no-store")
}

// onThisMachine reports whether a person at this machine asks: from a loopback
// address, by a name of this machine, and not through a proxy, which would make
// everybody look local.
func onThisMachine(r *http.Request) bool {
	client, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !client.Addr().Unmap().IsLoopback() {
		return false
	}
	if proxied(r) {
		return false
	}
	host := hostName(r.Host)
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback()
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// proxied recognises that a proxy passes on what somebody else asks: by what
// proxies and content networks add, and by HTTP/1.0, which no browser has spoken
// for decades and nginx speaks to what is behind it unless told otherwise
// (nginx.org, ngx_http_proxy_module: proxy_http_version).
func proxied(r *http.Request) bool {
	for name := range r.Header {
		if strings.HasPrefix(name, "X-Forwarded") {
			return true
		}
	}
	for _, name := range [...]string{"Forwarded", "Via", "X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "Cf-Connecting-Ip", "True-Client-Ip", "Fly-Client-Ip"} {
		if len(r.Header[name]) > 0 {
			return true
		}
	}
	return !r.ProtoAtLeast(1, 1)
}

func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}
