package why

import (
	"strings"

	"github.com/stagedoor/stagedoor/iampolicy"
	"github.com/stagedoor/stagedoor/internal/terminal"
)

// comparison is two ARNs as a table: what the statement wants above what the
// request has, segment under segment.
type comparison struct{ columns []column }

type column struct {
	label, want, got string
	matched          bool
}

// newComparison lays out the segments of a failed element; nil where no ARNs
// were compared. Leading parts that agree and say little are left out.
func newComparison(e *iampolicy.ElementResult) *comparison {
	if len(e.Segments) == 0 {
		return nil
	}
	methods := isMethodARN(e.Segments)
	c := &comparison{}
	seen := map[string]bool{}
	for _, s := range e.Segments {
		if s.Matched && (s.Part == "arn" || s.Part == "partition" || s.Part == "service") {
			continue
		}
		label := s.Part
		if s.Part == "resource" && methods {
			label = methodLabel(s.Index)
		}
		if seen[label] {
			label = ""
		}
		seen[label] = true
		c.columns = append(c.columns, column{label: label, want: shown(s.Want, s.NoWant), got: shown(s.Got, s.NoGot), matched: s.Matched})
	}
	return c
}

func isMethodARN(segments []iampolicy.Segment) bool {
	for _, s := range segments {
		if s.Part == "service" {
			return s.Got == "execute-api"
		}
	}
	return false
}

// methodLabel names the segments of an API's SourceArn.
func methodLabel(index int) string {
	switch index {
	case 0:
		return "api"
	case 1:
		return "stage"
	case 2:
		return "verb"
	default:
		return "path"
	}
}

// shown makes absence visible: "—" for no segment, "" (in quotes) for an empty
// one.
func shown(text string, absent bool) string {
	switch {
	case absent:
		return "—"
	case text == "":
		return `""`
	default:
		return text
	}
}

const columnGap = 2

func (c *comparison) width() int {
	total := 0
	for i := range c.columns {
		total += c.columns[i].width() + columnGap
	}
	return total
}

func (c *column) width() int {
	return max(terminal.Width(c.label), terminal.Width(c.want), terminal.Width(c.got))
}

// fit drops columns that agree, from the left, until the table fits.
func (c *comparison) fit(width int) {
	for c.width() > width {
		dropped := false
		for i := range c.columns {
			if c.columns[i].matched {
				c.columns = append(c.columns[:i:i], c.columns[i+1:]...)
				dropped = true
				break
			}
		}
		if !dropped {
			return
		}
	}
}

// comparison prints the table, with the differing cells coloured and a line of
// carets below them: it must be plain without colours too.
func (p *printer) comparison(c *comparison, indent string) {
	const head = 7
	c.fit(p.width - len(indent) - head)
	labels, wants, gots, carets := "", "", "", ""
	for i := range c.columns {
		col := &c.columns[i]
		width := col.width() + columnGap
		want, got, caret := p.Faint.Render(col.want), p.Faint.Render(col.got), ""
		if !col.matched {
			want, got = p.CyanBold.Render(col.want), p.RedBold.Render(col.got)
			caret = p.Red.Render(strings.Repeat("^", max(terminal.Width(col.want), terminal.Width(col.got))))
		}
		if col.label != "" {
			col.label = p.Faint.Render(col.label)
		}
		labels += terminal.Pad(col.label, width)
		wants += terminal.Pad(want, width)
		gots += terminal.Pad(got, width)
		carets += terminal.Pad(caret, width)
	}
	for _, row := range [...]struct{ head, cells string }{{"", labels}, {"wants", wants}, {"got", gots}, {"", carets}} {
		p.line("%s", strings.TrimRight(indent+p.Faint.Render(terminal.Pad(row.head, head))+row.cells, " "))
	}
}
