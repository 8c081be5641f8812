package console

import (
	"net/url"
	"strconv"
)

// pager cuts a list into pages and links to the others.
type pager struct {
	Label    string // of the navigation: "Pages of APIs"
	From, To int    // what is shown, counted from 1
	Total    int
	Previous string // address; "" on the first page
	Next     string
}

// Needed reports whether there is more than one page.
func (p *pager) Needed() bool { return p.Previous != "" || p.Next != "" }

// newPager is about the page that the parameter name of the address says,
// counted from 1, of total things, each per page; a page that is not there is
// the last one. from and to are the indexes of what to show.
func newPager(label string, u *url.URL, name string, total, each int) (p *pager, from, to int) {
	q := u.Query()
	n, err := strconv.Atoi(q.Get(name))
	last := max((total+each-1)/each, 1)
	if err != nil || n < 1 {
		n = 1
	}
	n = min(n, last)
	from, to = (n-1)*each, min(n*each, total)
	p = &pager{Label: label, From: from + 1, To: to, Total: total}
	address := func(n int) string {
		q.Set(name, strconv.Itoa(n))
		return u.Path + "?" + q.Encode()
	}
	q.Del("done")
	if n > 1 {
		p.Previous = address(n - 1)
	}
	if n < last {
		p.Next = address(n + 1)
	}
	return p, from, to
}

// emptyState stands where there is nothing yet, and teaches the next step.
type emptyState struct {
	Icon, Title, Sentence string
	Commands              []string
	Label, URL            string // of a button; "" for none
}
