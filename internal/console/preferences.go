package console

import (
	"net/http"
	"net/url"
)

// How a person wants to see the console. These are cookies and no changes of
// anything, so they are set by a GET, in read-only mode too.
const (
	themeCookie  = "stagedoor-theme"
	regionCookie = "stagedoor-region"
)

func preferenceRoutes() []route {
	return []route{
		{path: "theme", raw: setTheme, open: true},
		{path: "region", raw: setRegion},
	}
}

func themeOf(r *http.Request) string {
	if cookie, err := r.Cookie(themeCookie); err == nil && (cookie.Value == "light" || cookie.Value == "dark") {
		return cookie.Value
	}
	return ""
}

func setTheme(v *visit, w http.ResponseWriter) error {
	theme := v.value("set")
	if theme != "light" && theme != "dark" {
		theme = ""
	}
	prefer(w, themeCookie, theme)
	http.Redirect(w, v.r, local(v.value("back")), http.StatusSeeOther)
	return nil
}

func setRegion(v *visit, w http.ResponseWriter) error {
	region := v.value("set")
	if !isRegion(region) {
		return &problem{
			Status: http.StatusBadRequest, Title: "This is no region",
			Sentence: region + " is not the name of a region.", Remedy: []string{"Names are of the form eu-central-1."}, To: local(v.value("back")),
		}
	}
	prefer(w, regionCookie, region)
	http.Redirect(w, v.r, overviewURL(), http.StatusSeeOther)
	return nil
}

// prefer keeps a preference for a year; "" forgets it.
func prefer(w http.ResponseWriter, name, value string) {
	cookie := &http.Cookie{Name: name, Value: value, Path: Prefix, HttpOnly: true, SameSite: http.SameSiteStrictMode, MaxAge: 365 * 24 * 60 * 60}
	if value == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(w, cookie)
}

// without is an address without one parameter.
func without(u *url.URL, name string) string {
	q := u.Query()
	if !q.Has(name) {
		return u.RequestURI()
	}
	q.Del(name)
	copied := *u
	copied.RawQuery = q.Encode()
	return copied.RequestURI()
}
