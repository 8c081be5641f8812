package browser

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// recorder stands in for the test of a tab whose page is meant to do wrong.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Helper()        {}
func (r *recorder) Cleanup(func()) {}
func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

// The harness itself: each thing that a page can do wrong is noticed.
func TestWrongPagesAreNoticed(t *testing.T) {
	t.Parallel()
	const strict = "default-src 'none'; script-src 'self'; img-src *; connect-src 'self'"
	pages := map[string]struct{ policy, body, want string }{
		"console error":     {"", `<script>console.error("oh", 1)</script>`, "console.error: oh 1"},
		"console warning":   {"", `<script>console.warn("hm")</script>`, "console.warning: hm"},
		"exception":         {"", `<script>nothing.there()</script>`, "uncaught exception"},
		"rejected promise":  {"", `<script>Promise.reject(new Error("no"))</script>`, "uncaught exception"},
		"inline script":     {strict, `<script>document.title = "ran"</script>`, "securitypolicyviolation: script-src-elem inline"},
		"inline style":      {strict, `<p style="color: red">red</p>`, "Content-Security-Policy: style-src-attr"},
		"foreign image":     {"", `<img alt="" src="http://localhost:1/x.png">`, "request to another host: http://localhost:1/x.png"},
		"missing image":     {"", `<img alt="" src="/missing.png">`, "/missing.png answered 404"},
		"broken connection": {"", `<script src="/broken.js"></script>`, "/broken.js failed"},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch name := strings.TrimPrefix(r.URL.Path, "/"); name {
		case "missing.png":
			http.NotFound(w, r)
		case "broken.js":
			panic(http.ErrAbortHandler)
		default:
			if policy := pages[name].policy; policy != "" {
				w.Header().Set("Content-Security-Policy", policy)
			}
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = io.WriteString(w, `<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Test</title><main><h1>Page</h1>`+pages[name].body+`</main>`)
		}
	}))
	defer server.Close()
	for name, page := range pages {
		t.Run(name, func(t *testing.T) {
			b := open(t, server.URL)
			b.visit("/" + strings.ReplaceAll(name, " ", "%20"))
			var found []string
			b.until(page.want, func() bool {
				found = append(found, b.problems.take()...)
				return slices.ContainsFunc(found, func(p string) bool { return strings.Contains(p, page.want) })
			})
			// What else the same fault causes arrives with it or before the tab ends.
			b.problems.expect("http")
			evaluate[bool](b, `new Promise(done => setTimeout(done, 0, true))`)
			b.problems.take()
		})
	}
}

// A page without fault passes, scripts can be turned off, and axe-core's
// findings arrive.
func TestHarness(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; img-src 'self' data:")
		if r.URL.Path == "/script.js" {
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = io.WriteString(w, `document.querySelector("p").textContent = "scripted"`)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		image := ""
		if r.URL.Path == "/inaccessible" {
			image = `<img src="data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=">`
		}
		_, _ = io.WriteString(w, `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><title>Test</title><main><h1>Page</h1><p>plain</p>`+
			image+`<a href="/next">Go on</a></main><script src="/script.js"></script>`)
	}))
	defer server.Close()
	b := open(t, server.URL)
	b.visit("/")
	b.sees("scripted")
	b.submit("Go on")
	b.accessible()
	if strings.HasSuffix(b.location(), "/next") == false {
		t.Errorf("the link led to %s", b.location())
	}
	b.withoutScripts()
	b.visit("/")
	b.sees("plain")

	r := &recorder{TB: t}
	bad := open(r, server.URL)
	bad.visit("/inaccessible")
	bad.accessible()
	if len(r.errors) != 4 || !strings.Contains(r.errors[0], "image-alt") {
		t.Errorf("axe found %q, want image-alt four times", r.errors)
	}
}
