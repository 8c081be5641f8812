package browser

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// size is one of a window.
type size struct{ width, height int }

// The windows in which pages are looked at: a laptop's and a telephone's.
var (
	wide   = size{1280, 800}
	narrow = size{375, 812}
)

// tab is one tab with its own cookies and storage. Its methods fail the test;
// they wait for what they need, never for a time.
type tab struct {
	t        testing.TB
	ctx      context.Context
	base     string // "http://127.0.0.1:PORT"
	problems *problems
}

// open makes a tab that may talk to the server at base only. When the test ends,
// whatever a page did wrong fails it.
func open(t testing.TB, base string) *tab {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(browser(t), chromedp.WithNewBrowserContext())
	b := &tab{t: t, ctx: ctx, base: base, problems: newProblems(u.Host)}
	t.Cleanup(func() {
		b.check()
		cancel()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("a new tab: %v", err)
	}
	if err := chromedp.Listen(ctx, b.problems.event); err != nil {
		t.Fatalf("the events of a tab: %v", err)
	}
	call(b, audits.Enable, cdp.Empty{})
	call(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
		WorldName: "stagedoor-tests", Source: reportViolations,
	})
	b.window(wide)
	b.colours("light")
	return b
}

// reportViolations runs beside each page, in a world of its own.
const reportViolations = `document.addEventListener("securitypolicyviolation", e =>
	console.error("securitypolicyviolation: " + e.effectiveDirective + " " + e.blockedURI + " " + e.sourceFile + ":" + e.lineNumber + " " + e.sample))`

// call sends one command of the browser's protocol.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	result, err := chromedp.Call(ctx, command, params)
	if err != nil {
		b.t.Fatalf("%s: %v", command.Method, err)
	}
	return result
}

// check fails the test with what the pages did wrong so far.
func (b *tab) check() {
	b.t.Helper()
	for _, p := range b.problems.take() {
		b.t.Errorf("the page did wrong: %s", p)
	}
}

func (b *tab) window(s size) {
	b.t.Helper()
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: int64(s.width), Height: int64(s.height), DeviceScaleFactor: 1, Mobile: s == narrow,
	})
}

// colours sets what the person prefers: "light" or "dark". Nothing moves.
func (b *tab) colours(scheme string) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme},
		{Name: "prefers-reduced-motion", Value: "reduce"},
	}})
}

// withoutScripts turns JavaScript off for every page from now on.
func (b *tab) withoutScripts() {
	b.t.Helper()
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
}

// visit opens a path and fails unless it answers 200.
func (b *tab) visit(path string) {
	b.t.Helper()
	b.visitFor(path, 200)
}

// visitFor opens a path that answers with a certain status.
func (b *tab) visitFor(path string, status int64) {
	b.t.Helper()
	address := b.address(path)
	if status >= 400 {
		b.problems.expect(address)
	}
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	response, err := chromedp.Run(ctx, chromedp.NavigateResponse(address))
	if err != nil {
		b.t.Fatalf("visit %s: %v", path, err)
	}
	if response.Status != status {
		b.t.Fatalf("visit %s: status %d, want %d\n%s", path, response.Status, status, b.text())
	}
}

// visitAny opens a path whatever it answers.
func (b *tab) visitAny(path string) {
	b.t.Helper()
	b.problems.expect(b.address(path))
	b.do("visit "+path, chromedp.Navigate(b.address(path)))
}

// has reports whether a text is visible now.
func (b *tab) has(text string) bool {
	return strings.Contains(b.flat(), strings.Join(strings.Fields(text), " "))
}

func (b *tab) address(path string) string {
	if strings.HasPrefix(path, "http") {
		return path
	}
	return b.base + path
}

// do runs actions within patience.
func (b *tab) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatalf("%s: %v\nat %s the page reads:\n%s", what, err, b.location(), b.text())
	}
}

// click presses the mouse on the first visible element that a CSS selector
// finds.
func (b *tab) click(selector string) {
	b.t.Helper()
	b.do("click "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// press clicks the button, link or summary whose visible text is label, as a
// person finds it.
func (b *tab) press(label string) {
	b.t.Helper()
	b.do("press "+label, chromedp.Click("("+byLabel(label)+")[1]"))
}

// pressIn presses within the part of the page that a CSS class or id names.
func (b *tab) pressIn(part, label string) {
	b.t.Helper()
	b.do("press "+label+" in "+part, chromedp.Click("("+xpathPart(part)+byLabel(label)+")[1]"))
}

func byLabel(label string) string {
	text := xpathString(label)
	return `//*[self::button or self::a or self::summary or @role="button"][normalize-space(.)=` + text + ` or @aria-label=` + text + `]`
}

// xpathPart turns "#id" into the XPath of that element.
func xpathPart(part string) string {
	return `//*[@id=` + xpathString(strings.TrimPrefix(part, "#")) + `]`
}

// xpathString quotes for XPath 1.0, which knows no escapes.
func xpathString(text string) string {
	if !strings.Contains(text, `"`) {
		return `"` + text + `"`
	}
	parts := strings.Split(text, `"`)
	return `concat("` + strings.Join(parts, `",'"',"`) + `")`
}

// fill types into a field in place of what stands there.
func (b *tab) fill(selector, value string) {
	b.t.Helper()
	b.do("find "+selector, chromedp.WaitVisible(chromedp.CSS(selector)))
	evaluate[bool](b, fmt.Sprintf(`(() => { const f = document.querySelector(%q); f.focus(); f.select(); return true })()`, selector))
	b.do("fill "+selector, chromedp.KeyEvent(kb.Backspace), chromedp.KeyEvent(value))
}

// choose selects an option of a select by its value, and tells the page.
func (b *tab) choose(selector, value string) {
	b.t.Helper()
	b.do("find "+selector, chromedp.WaitVisible(chromedp.CSS(selector)))
	evaluate[bool](b, fmt.Sprintf(`(() => { const s = document.querySelector(%q); s.value = %q; if (s.value !== %q) throw new Error("no such option"); 
		s.dispatchEvent(new Event("input", {bubbles: true})); s.dispatchEvent(new Event("change", {bubbles: true})); return true })()`, selector, value, value))
}

// submit clicks an element and waits until the page that it leads to is loaded.
func (b *tab) submit(label string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.Click("("+byLabel(label)+")[1]")); err != nil {
		b.t.Fatalf("submit %s: %v\nat %s the page reads:\n%s", label, err, b.location(), b.text())
	}
}

// sees waits until the page's visible text contains each of texts. Blanks
// and line breaks count alike.
func (b *tab) sees(texts ...string) {
	b.t.Helper()
	for _, text := range texts {
		b.until(fmt.Sprintf("%q to be seen", text), func() bool { return b.has(text) })
	}
}

// seesNot waits until none of texts is visible.
func (b *tab) seesNot(texts ...string) {
	b.t.Helper()
	for _, text := range texts {
		b.until(fmt.Sprintf("%q to be gone", text), func() bool { return !b.has(text) })
	}
}

// finds waits until a CSS selector finds something visible.
func (b *tab) finds(selector string) {
	b.t.Helper()
	b.do("find "+selector, chromedp.WaitVisible(chromedp.CSS(selector)))
}

// until polls a condition. A page may be replaced while it is asked, so a
// condition that cannot be evaluated counts as not met.
func (b *tab) until(what string, met func() bool) {
	b.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for !met() {
		select {
		case <-deadline.C:
			b.t.Fatalf("waited in vain for %s\nat %s the page reads:\n%s", what, b.location(), b.text())
		case <-b.ctx.Done():
			b.t.Fatalf("the tab is closed: %v", b.ctx.Err())
		case <-again.C:
		}
	}
}

// text is the page's visible text, "" while there is none.
func (b *tab) text() string {
	return try[string](b, `document.body ? document.body.innerText : ""`)
}

func (b *tab) flat() string { return strings.Join(strings.Fields(b.text()), " ") }

func (b *tab) location() string { return try[string](b, `location.href`) }

// try evaluates JavaScript and gives the zero value where that fails.
func try[T any](b *tab, script string) T {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](script))
	if err != nil {
		var zero T
		return zero
	}
	return value
}

// evaluate runs JavaScript in the page; it may return a promise.
func evaluate[T any](b *tab, script string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", firstLine(script), err)
	}
	return value
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line[:min(len(line), 120)]
}

// picture returns the window as PNG.
func (b *tab) picture() []byte {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil || !bytes.HasPrefix(png, []byte("\x89PNG")) {
		b.t.Fatalf("screenshot: %v", err)
	}
	return png
}
