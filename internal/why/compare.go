package why

import (
	"strings"

	"charm.land/lipgloss/v2"

	"github.com/stagedoor/stagedoor/iampolicy"
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
	return max(lipgloss.Width(c.label), lipgloss.Width(c.want), lipgloss.Width(c.got))
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
		want, got, caret := p.faint.Render(col.want), p.faint.Render(col.got), ""
		if !col.matched {
			want, got = p.cyan.Bold(true).Render(col.want), p.redBold.Render(col.got)
			caret = p.red.Render(strings.Repeat("^", max(lipgloss.Width(col.want), lipgloss.Width(col.got))))
		}
		if col.label != "" {
			col.label = p.faint.Render(col.label)
		}
		labels += pad(col.label, width)
		wants += pad(want, width)
		gots += pad(got, width)
		carets += pad(caret, width)
	}
	for _, row := range [...]struct{ head, cells string }{{"", labels}, {"wants", wants}, {"got", gots}, {"", carets}} {
		p.line("%s", strings.TrimRight(indent+p.faint.Render(pad(row.head, head))+row.cells, " "))
	}
}
