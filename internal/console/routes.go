package console

import (
	"net/http"
	"slices"
)

// route is one address of the console. Exactly one of get, post and raw is set.
type route struct {
	// path is a pattern of http.ServeMux below Prefix, without method: "",
	// "apis/{api}".
	path string
	// get shows a page; it changes nothing.
	get func(*visit) (*page, error)
	// post carries out a change: once for each form, never in read-only mode.
	post func(*visit) (*done, error)
	// raw answers a GET by itself (streams, downloads). An error before the
	// first byte is shown as a page.
	raw func(*visit, http.ResponseWriter) error
	// nav is the label in the navigation, icon the name of its picture in
	// partials.html; "" for addresses that are not in it.
	nav, icon string
	// open lets in whoever has no session: for signing in only.
	open bool
	// always lets a post through in read-only mode too: it changes nothing but
	// the person's own session.
	always bool
	// maxBody bounds the body of a post, in bytes; 0: defaultMaxBody.
	maxBody int64
}

// defaultMaxBody is enough for every form that carries no file.
const defaultMaxBody = 1 << 20

// table is every address of the console, in the order of the navigation. A new
// page adds one line.
func (c *Console) table() []route {
	return slices.Concat(
		overviewRoutes(),
		apiRoutes(),
		integrationRoutes(),
		deployRoutes(),
		stageRoutes(),
		functionRoutes(),
		newFunctionRoutes(),
		tryRoutes(),
		refusalRoutes(),
		logRoutes(),
		pipelineRoutes(),
		signInRoutes(),
		preferenceRoutes(),
	)
}

// navItem is one entry of the navigation.
type navItem struct {
	Label, Icon, URL, Path string
}

// route fills the mux from the table.
func (c *Console) route() {
	c.mux = http.NewServeMux()
	for _, rt := range c.table() {
		pattern := Prefix + rt.path
		if rt.path == "" {
			pattern += "{$}"
		}
		switch {
		case rt.get != nil:
			c.mux.Handle("GET "+pattern, c.shows(rt))
		case rt.raw != nil:
			c.mux.Handle("GET "+pattern, c.streams(rt))
		case rt.post != nil:
			c.mux.Handle("POST "+pattern, c.changes(rt))
		}
		if rt.nav != "" {
			c.nav = append(c.nav, navItem{Label: rt.nav, Icon: rt.icon, URL: Prefix + rt.path, Path: rt.path})
		}
	}
	c.mux.HandleFunc("GET "+assetPrefix+"{hash}/{name...}", c.serveAsset)
	c.mux.Handle(Prefix, c.shows(route{get: notFound}))
}

func notFound(v *visit) (*page, error) {
	return nil, &problem{
		Status: http.StatusNotFound, Title: "There is nothing here",
		Sentence: "No page of the console has the address " + v.r.URL.Path + ".",
		Remedy:   []string{"Start from the overview."},
	}
}
