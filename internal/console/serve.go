package console

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"runtime/debug"
	"time"
)

// done is what came of a change.
type done struct {
	// Message is one sentence in the past tense, Details are more of them.
	Message string
	Details []string
	// Commands are the aws commands that would have done the same.
	Commands []string
	// Warning: it was done, but not all of it.
	Warning bool
	// To is the address to show next.
	To string
	// UndoLabel and undo take it back; nil: it cannot be.
	UndoLabel string
	undo      func(*visit) (*done, error)
	// added are the grants among what was done.
	added []grant
	// Page shows the form again with what is wrong with it; nothing was
	// changed, and the rest is ignored.
	Page *page
}

// enter finds out who asks and whether they may; it answers the request itself
// otherwise.
func (c *Console) enter(w http.ResponseWriter, r *http.Request, rt *route) *visit {
	if fromElsewhere(r) {
		// A Strict cookie is not sent when a link of another site leads here,
		// and without it the person would seem new. One step on our own site
		// brings it.
		c.again(w, r)
		return nil
	}
	s := c.visitor(w, r)
	if s == nil && !rt.open {
		target := signInURL(r.URL.RequestURI())
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			target = signInURL(overviewURL())
		}
		if r.Header.Get("HX-Request") == "true" {
			// htmx follows a redirection by itself and would put the sign-in page
			// into whatever it was going to renew.
			w.Header().Set("HX-Redirect", target)
			w.WriteHeader(http.StatusOK)
			return nil
		}
		http.Redirect(w, r, target, http.StatusSeeOther)
		return nil
	}
	if s == nil {
		s = &session{} // of an open page: nobody
	}
	v := c.visit(r, s)
	v.w = w
	return v
}

// fromElsewhere recognises that a link on another site was followed.
func fromElsewhere(r *http.Request) bool {
	if r.Method != http.MethodGet || r.Header.Get("Sec-Fetch-Site") != "cross-site" || r.Header.Get("Sec-Fetch-Mode") != "navigate" {
		return false
	}
	_, err := r.Cookie(cookieName(r))
	return err != nil
}

// again sends the browser to the same address once more, from here.
func (c *Console) again(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Refresh", "0; url="+r.URL.RequestURI())
	c.show(w, &visit{c: c, r: r, s: &session{}}, &page{Title: "Opening the console", Template: "again", Body: r.URL.RequestURI(), Bare: true})
}

// shows serves a page.
func (c *Console) shows(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			c.fail(w, c.visit(r, &session{}), &problem{
				Status: http.StatusMethodNotAllowed, Title: "This address takes no such request",
				Sentence: r.Method + " is not answered here; nothing was changed.",
			})
			return
		}
		v := c.enter(w, withoutBody(r), &rt)
		if v == nil {
			return
		}
		var p *page
		err := c.try(v, func() (err error) { p, err = rt.get(v); return err })
		if err != nil {
			c.fail(w, v, err)
			return
		}
		c.show(w, v, p)
	})
}

// streams serves what writes by itself.
func (c *Console) streams(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := c.enter(w, withoutBody(r), &rt)
		if v == nil {
			return
		}
		out := &watched{ResponseWriter: w}
		err := c.try(v, func() error { return rt.raw(v, out) })
		switch {
		case err == nil || r.Context().Err() != nil:
		case out.begun:
			c.o.Logger.Error("console: a stream ended early", "path", r.URL.Path, "error", err)
			panic(http.ErrAbortHandler)
		default:
			c.fail(w, v, err)
		}
	})
}

// watched knows whether an answer has begun.
type watched struct {
	http.ResponseWriter
	begun bool
}

func (w *watched) WriteHeader(status int) {
	w.begun = true
	w.ResponseWriter.WriteHeader(status)
}

func (w *watched) Write(p []byte) (int, error) {
	w.begun = true
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController flush.
func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// changes serves a change: by a form of ours, of this session, once.
func (c *Console) changes(rt route) http.Handler {
	limit := rt.maxBody
	if limit == 0 {
		limit = defaultMaxBody
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		if err := c.origins.Check(r); err != nil {
			c.fail(w, c.visit(r, &session{}), &problem{
				Status: http.StatusForbidden, Title: "This form came from another site",
				Sentence: "The browser says that it was sent by a page that is not this console's. Nothing was changed.",
				Remedy:   []string{"Open the console by its own address and try again."},
			})
			return
		}
		v := c.enter(w, r, &rt)
		if v == nil {
			return
		}
		if err := c.change(w, v, &rt); err != nil {
			c.fail(w, v, err)
		}
	})
}

func (c *Console) change(w http.ResponseWriter, v *visit, rt *route) error {
	if c.o.Mode == ReadOnly && !rt.open && !rt.always {
		w.Header().Set("Allow", "GET, HEAD")
		return &problem{
			Status: http.StatusMethodNotAllowed, Title: "The console is read-only",
			Sentence: "Nothing was changed: stagedoor was started with --console read-only.",
			Remedy:   []string{"Start it with --console on to make changes here, or use the aws CLI."},
		}
	}
	if err := parseForm(v.r); err != nil {
		return err
	}
	if rt.open {
		d, err := c.carryOut(v, rt)
		if err != nil {
			return err
		}
		return c.conclude(w, v, d, "")
	}
	id, ok := c.forms.verify(v.r.PostFormValue("form"), v.s)
	if !ok {
		return errStaleForm
	}
	o, first := c.forms.claim(id, v.s)
	if o == nil {
		return errStaleForm
	}
	if !first {
		return c.already(v, o)
	}
	v.form = o
	// Not cut short when the browser goes away: half a change helps nobody.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(v.ctx()), changeTimeout)
	defer cancel()
	v.r = v.r.WithContext(ctx)
	d, err := c.carryOut(v, rt)
	c.forms.finish(o, d, err)
	if err != nil {
		return err
	}
	return c.conclude(w, v, d, id.String())
}

var errStaleForm = &problem{
	Status: http.StatusForbidden, Title: "This page is out of date",
	Sentence: "The form does not belong to this session: it lay open too long, stagedoor was restarted, or the browser keeps no cookies. Nothing was changed.",
	Remedy:   []string{"Go back, load the page again, and repeat the change."},
}

// already tells what came of a form that is posted again.
func (c *Console) already(v *visit, o *outcome) error {
	select {
	case <-o.finished:
	case <-v.ctx().Done():
		return v.ctx().Err()
	case <-time.After(time.Minute):
		return &problem{Status: http.StatusConflict, Title: "This is being done", Sentence: "The same form was sent before and is still being worked on. It is not done twice."}
	}
	p := &problem{Status: http.StatusConflict, Title: "This was done already", To: overviewURL()}
	if o.done != nil && o.done.Page != nil && o.done.Page.Status == http.StatusOK {
		// A trial or a test: its result was the answer.
		p.Sentence = "The same form was sent at " + o.at.Format("15:04:05") + ", and its result was shown. It is not sent twice: send it again from its page."
		return p
	}
	if o.done == nil || o.done.Page != nil {
		p.Title = "This was tried already"
		p.Sentence = "The same form was sent at " + o.at.Format("15:04:05") + " and did not succeed. It is not tried twice: load the page again."
		if o.failed != nil {
			was := describe(o.failed, v)
			p.Remedy = append(p.Remedy, was.Title+": "+was.Sentence)
		}
		return p
	}
	p.Sentence = "The same form was sent at " + o.at.Format("15:04:05") + ". Nothing was changed twice. What happened then: " + o.done.Message
	p.Remedy, p.To = o.done.Details, o.done.To
	return p
}

// changeTimeout bounds one change.
const changeTimeout = time.Minute

// carryOut runs the handler of a change.
func (c *Console) carryOut(v *visit, rt *route) (d *done, err error) {
	err = c.try(v, func() (err error) { d, err = rt.post(v); return err })
	if err == nil && d == nil {
		err = errors.New("console: a change returned nothing")
	}
	return d, err
}

// conclude shows what came of a change: on the page that it leads to.
func (c *Console) conclude(w http.ResponseWriter, v *visit, d *done, form string) error {
	if d.Page != nil {
		if d.Page.Status == 0 {
			d.Page.Status = http.StatusUnprocessableEntity
		}
		c.show(w, v, d.Page)
		return nil
	}
	to := local(d.To)
	if form != "" && d.Message != "" {
		to = with(to, "done", form)
	}
	http.Redirect(w, v.r, to, http.StatusSeeOther)
	return nil
}

// try runs a handler; a panic becomes an error with its stack in the log.
func (c *Console) try(v *visit, f func() error) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			panic(p)
		default:
			c.o.Logger.Error("console: panic", "path", v.r.URL.Path, "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("console: %v", p)
		}
	}()
	return f()
}

// withoutBody is r as a request that shows something: what it carries is not
// looked at, or a form in it would be read whole, and files written to the disk.
func withoutBody(r *http.Request) *http.Request {
	shown := r.Clone(r.Context())
	shown.Body, shown.ContentLength = http.NoBody, 0
	shown.Header.Del("Content-Type")
	return shown
}

// parseForm reads the body of a form. No form here is multipart, whose files
// net/http would leave on the disk.
func parseForm(r *http.Request) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return &problem{
			Status: http.StatusUnsupportedMediaType, Title: "The form cannot be read",
			Sentence: "A form is sent as application/x-www-form-urlencoded. Nothing was changed.",
		}
	}
	err := r.ParseForm()
	var tooBig *http.MaxBytesError
	switch {
	case errors.As(err, &tooBig):
		return &problem{
			Status: http.StatusRequestEntityTooLarge, Title: "This is too much",
			Sentence: fmt.Sprintf("The form is larger than %d bytes. Nothing was changed.", tooBig.Limit),
			Remedy:   []string{"Use the aws CLI for what is larger."},
		}
	case err != nil:
		return &problem{Status: http.StatusBadRequest, Title: "The form cannot be read", Sentence: err.Error()}
	}
	return nil
}
