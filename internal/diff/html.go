package diff

import (
	"embed"
	"html/template"
	"io"
	"strings"
	"sync"

	"github.com/stagedoor/stagedoor/internal/terminal"
)

//go:embed page.html
var pageFile embed.FS

// page is parsed when it is needed: starting the program costs nothing.
var page = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page.html").Funcs(template.FuncMap{
		"value": func(v *string) string { return printable(*v) }, "printable": printable, "pair": pairName, "plural": terminal.Count,
		"mark": func(k Kind) string {
			return map[Kind]string{Changed: "≠", OnlyLeft: "◂", OnlyRight: "▸", Paired: "="}[k]
		},
		"brief": func(r Row, left bool) string { return brief(&r, left) },
		"api":   apiName, "place": placeName,
		"shown": func(c *Comparison) []*Report { shown, _ := c.split(); return shown },
		"equal": func(c *Comparison) []string { _, same := c.split(); return same },
		"same":  sameSections,
		"parts": func(f Field) [2]shared { l, r := compared(*f.Left, *f.Right); return [2]shared{l, r} },
		"join":  func(list []string) string { return printable(strings.Join(list, ", ")) },
	}).ParseFS(pageFile, "page.html"))
})

// WriteHTML writes the comparison as one page that needs nothing else: no script,
// no style, font or picture from elsewhere.
func (c *Comparison) WriteHTML(w io.Writer) error {
	return page().Execute(w, c)
}

// printable drops what browsers must not get or what turns the direction of the
// text that follows. Line breaks stay.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && terminal.Unsafe(r) {
			return -1
		}
		return r
	}, s)
}

// shared is one of two texts, cut where the difference begins and ends.
type shared struct{ Before, Differs, After string }

// compared cuts two texts into what both begin with, what differs, and what both
// end with.
func compared(left, right string) (l, r shared) {
	a, b := []rune(left), []rune(right)
	front, back := ends(a, b)
	return cutAt(a, front, back), cutAt(b, front, back)
}

func cutAt(text []rune, front, back int) shared {
	return shared{
		Before: printable(string(text[:front])), Differs: printable(string(text[front : len(text)-back])),
		After: printable(string(text[len(text)-back:])),
	}
}

// ends counts the characters that two texts begin and end with together; one or
// two at an end are chance.
func ends(a, b []rune) (front, back int) {
	for front < len(a) && front < len(b) && a[front] == b[front] {
		front++
	}
	for back < len(a)-front && back < len(b)-front && a[len(a)-1-back] == b[len(b)-1-back] {
		back++
	}
	const chance = 2
	if front <= chance {
		front = 0
	}
	if back <= chance {
		back = 0
	}
	return front, back
}
