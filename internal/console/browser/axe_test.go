package browser

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed testdata/axe/axe.min.js
var axe string

// finding is what axe-core says of one rule.
type finding struct {
	ID     string `json:"id"`
	Impact string `json:"impact"`
	Help   string `json:"help"`
	Nodes  []struct {
		Target  []any  `json:"target"`
		HTML    string `json:"html"`
		Failure string `json:"failureSummary"`
	} `json:"nodes"`
}

// runAxe is axe-core with the rules of WCAG 2.2 AA and its best practices.
const runAxe = `axe.run(document, {resultTypes: ["violations"], runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
	.then(r => r.violations.map(v => ({id: v.id, impact: v.impact, help: v.help,
		nodes: v.nodes.slice(0, 5).map(n => ({target: n.target, html: n.html.slice(0, 300), failureSummary: n.failureSummary}))})))`

// audit runs axe-core over the page as it stands and returns what is serious or
// critical. The script enters through the browser's protocol: the page's own
// Content-Security-Policy stays as strict as it is.
func (b *tab) audit() []finding {
	b.t.Helper()
	if !try[bool](b, `typeof axe === "object"`) {
		evaluate[bool](b, axe+"\n;true")
	}
	var serious []finding
	for _, f := range evaluate[[]finding](b, runAxe) {
		if f.Impact == "serious" || f.Impact == "critical" {
			serious = append(serious, f)
		}
	}
	return serious
}

// accessible fails where axe-core finds something serious, in light and dark,
// wide and narrow; and where a narrow window must be scrolled sideways.
func (b *tab) accessible() {
	b.t.Helper()
	b.accessibleIn([]size{wide, narrow}, []string{"light", "dark"})
}

// accessibleOnce looks at the page as it is, for pages that are much like others.
func (b *tab) accessibleOnce() {
	b.t.Helper()
	b.accessibleIn([]size{narrow}, []string{"light"})
}

func (b *tab) accessibleIn(windows []size, schemes []string) {
	b.t.Helper()
	defer func() { b.window(wide); b.colours("light") }()
	for _, window := range windows {
		for _, scheme := range schemes {
			b.window(window)
			b.colours(scheme)
			for _, f := range b.audit() {
				b.t.Errorf("%s, %s, %d px: axe %s (%s): %s%s", b.location(), scheme, window.width, f.ID, f.Impact, f.Help, nodesText(f))
			}
			if over := evaluate[int](b, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
				b.t.Errorf("%s, %d px: the page is %d px wider than its window%s", b.location(), window.width, over, b.widest())
			}
		}
	}
}

// widest names the elements that reach out of the window.
func (b *tab) widest() string {
	return "\n" + strings.Join(try[[]string](b, `[...document.querySelectorAll("body *")]
		.filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
		.filter(e => { for (let p = e.parentElement; p; p = p.parentElement) if (["auto", "scroll", "hidden"].includes(getComputedStyle(p).overflowX)) return false; return true })
		.slice(0, 6).map(e => e.tagName.toLowerCase() + (e.id ? "#" + e.id : "") + (e.className && e.className.split ? "." + e.className.split(" ").join(".") : "") + " to " + Math.round(e.getBoundingClientRect().right))`), "\n")
}

func nodesText(f finding) string {
	var out strings.Builder
	for _, n := range f.Nodes {
		fmt.Fprintf(&out, "\n  %v %s\n    %s", n.Target, n.HTML, strings.ReplaceAll(n.Failure, "\n", "\n    "))
	}
	return out.String()
}
