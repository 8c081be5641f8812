package console

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// page is what a get handler returns and what its template sees: the handler
// fills in the first part, show the second.
type page struct {
	// Title names the page in the window and as its heading.
	Title string
	// Lead is a sentence below the heading.
	Lead string
	// Template is the file templates/NAME.html, which defines "content".
	Template string
	// Crumbs lead to the page from the overview; the page itself is not one.
	Crumbs []crumb
	// Section is the path of the entry in the navigation that is current; ""
	// is the overview.
	Section string
	Status  int // 0: 200
	// Body is what the template is about.
	Body any
	// Wide uses the whole window, for tables that are wide.
	Wide bool
	// Bare leaves out the navigation, for people who are not signed in.
	Bare bool

	v     *visit
	flash *flash
	found bool // flash was looked for
}

// crumb is one step of the way to a page.
type crumb struct{ Label, URL string }

// flash is what came of the change that led to this page.
type flash struct {
	*done
	UndoID string // the form to undo; "" where that is not possible
}

// What templates ask of a page beside its fields.

// Nav is the navigation.
func (p *page) Nav() []navItem { return p.v.c.nav }

// Current reports whether a path of the navigation leads to this page.
func (p *page) Current(path string) bool { return p.Section == path }

// CanChange reports whether controls are shown.
func (p *page) CanChange() bool { return p.v.canChange() }

// Mode is on or read-only.
func (p *page) Mode() Mode { return p.v.c.o.Mode }

// Session is who is looking.
func (p *page) Session() *session { return p.v.s }

// Region is the one that is looked at, Endpoint the URL of this stagedoor.
func (p *page) Region() string { return p.v.region }

// Endpoint is the URL of this stagedoor.
func (p *page) Endpoint() string { return p.v.c.o.Endpoint }

// Theme is "light", "dark" or "" for the system's.
func (p *page) Theme() string { return p.v.theme }

// Version is this program's.
func (p *page) Version() string { return p.v.c.o.Version }

// Here is the address of the page, to come back to.
func (p *page) Here() string { return without(p.v.r.URL, "done") }

// FormToken makes a token for one form: see forms.
func (p *page) FormToken() string { return p.v.c.forms.token(p.v.s) }

// Flash is what came of the change that led here, or nil.
func (p *page) Flash() *flash {
	if p.found {
		return p.flash
	}
	p.found = true
	id := p.v.r.URL.Query().Get("done")
	if id == "" {
		return nil
	}
	o := p.v.c.forms.find(id, p.v.s)
	if o == nil || o.done == nil {
		return nil
	}
	p.flash = &flash{done: o.done}
	if p.CanChange() && p.v.c.forms.undoable(o) {
		p.flash.UndoID = id
	}
	return p.flash
}

// buffers are reused between pages.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// show renders a page, whole or, when htmx asks for an element that the page's
// template has a fragment for, that fragment. It is rendered before the first
// byte is sent: an error shows an error page and never half of this one.
func (c *Console) show(w http.ResponseWriter, v *visit, p *page) {
	p.v = v
	buf, _ := buffers.Get().(*bytes.Buffer)
	buf.Reset()
	defer buffers.Put(buf)
	if err := c.templates.render(buf, p, v.fragment()); err != nil {
		c.o.Logger.Error("console: template", "template", p.Template, "error", err)
		buf.Reset()
		broken := &page{Title: "This page cannot be shown", Template: "error", Status: http.StatusInternalServerError, v: v, Bare: true, Body: &problem{
			Title: "This page cannot be shown", Sentence: "Rendering it failed: " + err.Error(), To: overviewURL(),
			Remedy: []string{"The log of stagedoor says more. The data is not affected."},
		}}
		if err := c.templates.render(buf, broken, ""); err != nil {
			http.Error(w, "stagedoor: this page cannot be shown: "+err.Error(), http.StatusInternalServerError)
			return
		}
		p = broken
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(buf.Len()))
	h.Add("Vary", "HX-Request")
	if p.Status != 0 {
		w.WriteHeader(p.Status)
	}
	if v.r.Method != http.MethodHead {
		// The status is out: an error now means that the browser went away.
		_, _ = w.Write(buf.Bytes())
	}
}

// title is the window's title.
func (p *page) WindowTitle() string {
	parts := []string{p.Title}
	for i := len(p.Crumbs) - 1; i >= 0; i-- {
		parts = append(parts, p.Crumbs[i].Label)
	}
	return strings.Join(append(parts, "stagedoor"), " · ")
}
