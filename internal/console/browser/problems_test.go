package browser

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
)

// problems collects what a page does wrong, from the browser's own events. It
// is safe for concurrent use: the browser reports from a goroutine of its own.
type problems struct {
	mu       sync.Mutex
	host     string // the only one that may be asked
	found    []string
	expected []string // beginnings of URLs that may answer with an error
	urls     map[network.RequestID]string
}

func newProblems(host string) *problems {
	return &problems{host: host, urls: map[network.RequestID]string{}}
}

// expect lets URLs that begin like this answer with an error.
func (p *problems) expect(prefix string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expected = append(p.expected, prefix)
}

// take returns what was found since the last call.
func (p *problems) take() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	found := p.found
	p.found = nil
	return found
}

func (p *problems) add(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(p.found, text) {
		p.found = append(p.found, text)
	}
}

func (p *problems) isExpected(url string) bool {
	return slices.ContainsFunc(p.expected, func(prefix string) bool { return strings.HasPrefix(url, prefix) })
}

// event is called for every event of a tab.
func (p *problems) event(ev any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := ev.(type) {
	case *runtime.EventExceptionThrown:
		p.add("uncaught exception: %s", exceptionText(e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning || e.Type == runtime.ConsoleAPICalledTypeAssert {
			p.add("console.%s: %s", e.Type, argumentsText(e.Args))
		}
	case *log.EventEntryAdded:
		p.entry(e.Entry)
	case *audits.EventIssueAdded:
		if e.Issue.Code == audits.InspectorIssueCodeContentSecurityPolicyIssue && e.Issue.Details.ContentSecurityPolicyIssueDetails != nil {
			d := e.Issue.Details.ContentSecurityPolicyIssueDetails
			p.add("Content-Security-Policy: %s of %q", d.ViolatedDirective, d.BlockedURL)
		}
	case *network.EventRequestWillBeSent:
		p.urls[e.RequestID] = e.Request.URL
		if !p.isOurs(e.Request.URL) {
			p.add("request to another host: %s", e.Request.URL)
		}
	case *network.EventResponseReceived:
		if e.Response.Status >= 400 && !p.isExpected(e.Response.URL) {
			p.add("%s answered %d", e.Response.URL, e.Response.Status)
		}
	case *network.EventLoadingFailed:
		// A page that is left takes its streams with it: that is no failure.
		if url := p.urls[e.RequestID]; !e.Canceled && e.ErrorText != "net::ERR_ABORTED" && !p.isExpected(url) {
			p.add("%s failed: %s", url, e.ErrorText)
		}
	}
}

func (p *problems) entry(e *log.Entry) {
	if e.Level != log.EntryLevelError && e.Level != log.EntryLevelWarning || p.isExpected(e.URL) {
		return
	}
	p.add("browser log (%s %s): %s %s", e.Source, e.Level, e.Text, e.URL)
}

// isOurs says whether a URL asks the tested server or nobody.
func (p *problems) isOurs(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return false
	}
	return u.Host == p.host || u.Scheme == "data" || u.Scheme == "blob" || u.Scheme == "about"
}

func exceptionText(d *runtime.ExceptionDetails) string {
	text := d.Text
	if d.Exception != nil {
		text += " " + d.Exception.Description
	}
	return fmt.Sprintf("%s (%s:%d)", text, d.URL, d.LineNumber+1)
}

func argumentsText(args []*runtime.RemoteObject) string {
	var parts []string
	for _, a := range args {
		if a.Description != "" {
			parts = append(parts, a.Description)
		} else {
			parts = append(parts, strings.Trim(string(a.Value), `"`))
		}
	}
	return strings.Join(parts, " ")
}
