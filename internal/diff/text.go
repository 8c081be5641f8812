package diff

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/stagedoor/stagedoor/internal/terminal"
)

// TextOptions say how WriteText lays out.
type TextOptions struct {
	Width int  // columns; 0: 100
	All   bool // every row of every section, however many
}

// Bounds of what is shown unless everything is asked for.
const (
	rowsShown    = 20
	pairedShown  = 4
	fieldsShown  = 12
	methodsShown = 3
	stagesShown  = 12
)

const defaultWidth = 100

// WriteText writes the comparison for a person: a section for each subject that
// differs, the sides in columns, and what is the same in one line. Colours are
// left out where w is no terminal or NO_COLOR is set.
func (c *Comparison) WriteText(w io.Writer, o TextOptions) error {
	if o.Width <= 0 {
		o.Width = defaultWidth
	}
	p := &printer{TextOptions: o, Palette: terminal.Colors()}
	p.comparison(c)
	return terminal.Write(w, p.b.String())
}

// printer lays out one Comparison.
type printer struct {
	TextOptions
	terminal.Palette
	b strings.Builder
	// labels is how wide the names' column is, values each of the two others.
	labels, values int
	left, right    string // what stands above the columns
}

func (p *printer) line(format string, args ...any) {
	p.b.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " "))
	p.b.WriteByte('\n')
}

func (p *printer) comparison(c *Comparison) {
	p.line("")
	p.head(c)
	different, same := c.split()
	for _, r := range different {
		p.report(r, len(c.Reports) > 1)
	}
	if len(same) > 0 {
		p.paragraph(p.Green.Render("="), "nothing differs on "+listed(same, stagesShown, p.All))
	}
	for _, only := range []struct {
		side   string
		stages []string
	}{{"left", c.OnlyLeft}, {"right", c.OnlyRight}} {
		if len(only.stages) > 0 {
			p.paragraph(p.Yellow.Render("≠"), terminal.Count(len(only.stages), "stage")+" only on the "+only.side+": "+listed(only.stages, stagesShown, p.All))
		}
	}
	if len(same)+len(c.OnlyLeft)+len(c.OnlyRight) > 0 {
		p.line("")
	}
	p.foot(c)
}

// split tells the reports to be shown from the names of those that say nothing:
// of several the ones in which nothing differs.
func (c *Comparison) split() (shown []*Report, same []string) {
	for _, r := range c.Reports {
		if r.Same && len(c.Reports) > 1 {
			same = append(same, pairName(r))
		} else {
			shown = append(shown, r)
		}
	}
	return shown, same
}

// pairName names two stages, or one on both sides.
func pairName(r *Report) string {
	if r.Left.Stage == r.Right.Stage {
		return terminal.Clean(r.Left.Stage)
	}
	return terminal.Clean(r.Left.Stage + " ↔ " + r.Right.Stage)
}

func (p *printer) head(c *Comparison) {
	if len(c.Reports) == 0 {
		p.line("  %s  %s", p.Bold.Render("stagedoor diff"), p.Faint.Render("no stage is on both sides"))
		p.line("")
		return
	}
	l, r := &c.Reports[0].Left, &c.Reports[0].Right
	api, place := apiName(l), placeName(l)
	if l.API != r.API {
		api += " ↔ " + apiName(r)
	}
	p.line("  %s  %s", p.Bold.Render("stagedoor diff"), p.Bold.Render(api))
	if other := placeName(r); other != place {
		p.line("  %s", p.Faint.Render("left   "+place))
		p.line("  %s", p.Faint.Render("right  "+other))
	} else {
		p.line("  %s", p.Faint.Render(place))
	}
	p.line("")
}

func apiName(e *End) string {
	return terminal.Clean(e.APIName + " (" + e.API + ")")
}

func placeName(e *End) string {
	name := "account " + e.Account + " · " + e.Region
	if e.Label != "" {
		name = e.Label + " · " + name
	}
	if e.Endpoint != "" {
		name += " · " + e.Endpoint
	}
	return terminal.Clean(name)
}

// report writes one pair of stages.
func (p *printer) report(r *Report, several bool) {
	p.columns(r)
	title := ""
	if several {
		title = p.Bold.Render(pairName(r))
	}
	p.line("  %s%s%s", terminal.Pad(title, p.labels+2), p.Bold.Render(terminal.Pad(terminal.Cut(p.left, p.values), p.values+gap)), p.Bold.Render(terminal.Cut(p.right, p.values)))
	p.line("")
	for i := range r.Sections {
		s := &r.Sections[i]
		if len(s.Rows) > 0 || len(s.Unknown) > 0 {
			p.section(s)
		}
		for _, note := range s.Notes {
			p.paragraph(p.Faint.Render("·"), note)
		}
	}
	p.same(r, sameSections(r))
	for _, note := range r.Notes {
		p.paragraph(p.Faint.Render("·"), note)
	}
	for i, u := range r.Unread {
		if i == rowsShown && !p.All {
			p.paragraph(p.Yellow.Render("?"), fmt.Sprintf("and %d more that could not be read", len(r.Unread)-i))
			break
		}
		p.paragraph(p.Yellow.Render("?"), "could not be read: "+u)
	}
	if len(r.Notes)+len(r.Unread) > 0 {
		p.line("")
	}
}

// sameSections are the subjects in which nothing differs, with counts.
func sameSections(r *Report) (names []string) {
	for i := range r.Sections {
		if s := &r.Sections[i]; s.Same > 0 && len(s.Rows)+len(s.Unknown) == 0 {
			names = append(names, s.Title+" ("+strconv.Itoa(s.Same)+")")
		}
	}
	return names
}

// same is the one line about what does not differ.
func (p *printer) same(r *Report, sections []string) {
	switch {
	case r.Same:
		p.paragraph(p.Green.Render("="), "Nothing differs. The same: "+listed(sections, len(sections), true)+".")
	case len(sections) > 0:
		p.paragraph(p.Green.Render("="), "the same: "+listed(sections, len(sections), true))
	case r.Differences == 0:
		p.paragraph(p.Yellow.Render("?"), "Nothing differs in what could be read.")
	}
	p.line("")
}

const gap = 2 // blanks between columns

// columns lays out the width: names get what they need, up to a third.
func (p *printer) columns(r *Report) {
	p.left, p.right = terminal.Clean(r.Left.Name()), terminal.Clean(r.Right.Name())
	widest := 18
	for i := range r.Sections {
		for j := range r.Sections[i].Rows {
			row := &r.Sections[i].Rows[j]
			widest = max(widest, terminal.Width(terminal.Clean(row.Item))+4)
			for k := range row.Fields {
				widest = max(widest, terminal.Width(terminal.Clean(row.Fields[k].Name))+6)
			}
		}
	}
	p.labels = min(widest, max(p.Width/3, 18))
	p.values = (p.Width - 4 - p.labels - gap) / 2
}

func (p *printer) section(s *Section) {
	n := s.Differences()
	mark, count := p.YellowBold.Render("≠"), terminal.Count(n, "difference")
	switch {
	case n == 0 && len(s.Unknown) > 0:
		mark, count = p.YellowBold.Render("?"), "could not be compared"
	case n == 0:
		mark, count = p.Green.Render("="), ""
	}
	if s.Same > 0 {
		count = strings.TrimPrefix(count+", "+strconv.Itoa(s.Same)+" the same", ", ")
	}
	p.line("  %s %s  %s", mark, p.Bold.Render(s.Title), p.Faint.Render(count))
	shown, paired := 0, 0
	for i := range s.Rows {
		row := &s.Rows[i]
		if row.Kind == Paired {
			if paired++; paired > pairedShown && !p.All {
				continue
			}
		} else if shown++; shown > rowsShown && !p.All {
			continue
		}
		p.row(row)
	}
	if more := max(0, shown-rowsShown) + max(0, paired-pairedShown); more > 0 && !p.All {
		p.line("      %s", p.Faint.Render(fmt.Sprintf("and %d more: --all shows them", more)))
	}
	for i, why := range s.Unknown {
		if i == rowsShown && !p.All {
			p.line("      %s", p.Faint.Render(fmt.Sprintf("and %d more", len(s.Unknown)-i)))
			break
		}
		p.paragraph("  "+p.Yellow.Render("?"), why)
	}
	p.line("")
}

// row writes one thing: on one line where it has one value, otherwise its
// properties under its name.
func (p *printer) row(row *Row) {
	item := terminal.Clean(row.Item)
	switch row.Kind {
	case OnlyLeft:
		p.values2("    ", item, brief(row, true), "", OnlyLeft)
	case OnlyRight:
		p.values2("    ", item, "", brief(row, false), OnlyRight)
	default:
		if len(row.Fields) == 1 && row.Fields[0].Name == "" {
			p.field("    ", item, &row.Fields[0])
			break
		}
		p.line("    %s", item)
		p.about(row)
		for i := range row.Fields {
			if i == fieldsShown && !p.All {
				p.line("      %s", p.Faint.Render(fmt.Sprintf("and %d more", len(row.Fields)-i)))
				break
			}
			p.field("      ", terminal.Clean(row.Fields[i].Name), &row.Fields[i])
		}
	}
}

// about lists the methods that a row is about.
func (p *printer) about(row *Row) {
	if len(row.Methods) > 0 {
		p.line("      %s", p.Faint.Render(terminal.Cut(listed(row.Methods, methodsShown, p.All), p.Width-6)))
	}
}

// brief describes a thing that one side alone has.
func brief(row *Row, left bool) string {
	var parts []string
	for _, name := range []string{"", fieldType, fieldURI, "share", "type"} {
		for i := range row.Fields {
			f := &row.Fields[i]
			value := f.Right
			if left {
				value = f.Left
			}
			if f.Name == name && value != nil {
				parts = append(parts, shortURI(*value))
			}
		}
		if len(parts) > 1 || name == "" && len(parts) > 0 {
			break
		}
	}
	if len(parts) == 0 {
		return "only here"
	}
	return terminal.Clean(strings.Join(parts, " "))
}

// shortURI is the function that an integration's URI names.
func shortURI(uri string) string {
	_, function, found := strings.Cut(uri, "/functions/")
	if !found {
		return uri
	}
	function, _, _ = strings.Cut(function, "/invocations")
	return functionName(function)
}

// field writes a property: side by side where both values fit, otherwise under
// one another with the difference marked.
func (p *printer) field(indent, name string, f *Field) {
	left, right := value(f.Left), value(f.Right)
	if strings.HasPrefix(f.Name, fieldCode) {
		left, right = shortHashes(left, right)
	}
	if f.Same {
		p.values2(indent, name, left, right, Paired)
		return
	}
	if terminal.Width(left) <= p.values && terminal.Width(right) <= p.values {
		p.values2(indent, name, left, right, Changed)
		return
	}
	p.line("%s%s", indent, name)
	label := min(max(terminal.Width(p.left), terminal.Width(p.right)), widestSide)
	room := max(p.Width-len(indent)-2-label-gap, 20)
	l, r := p.differing(left, right, room)
	for _, side := range []struct{ name, plain, shown string }{{p.left, left, l}, {p.right, right, r}} {
		lines := []string{side.shown}
		if f.sentence() {
			lines = terminal.Wrap(side.plain, room)
		}
		for i, line := range lines {
			if i > 0 {
				side.name = ""
			}
			p.line("%s  %s%s", indent, p.Faint.Render(terminal.Pad(terminal.Cut(side.name, label), label+gap)), line)
		}
	}
}

// sentence reports whether the values are words for people.
func (f *Field) sentence() bool { return f.Name == fieldVerdict }

// widestSide is how many columns the name of a side gets before its value.
const widestSide = 24

// shortHashes shortens two hashes of code as long as they stay different.
func shortHashes(left, right string) (l, r string) {
	const enough = 12
	if l, r = terminal.Cut(left, enough+1), terminal.Cut(right, enough+1); l == r && left != right {
		return left, right
	}
	return l, r
}

// value is what a side has, on one line.
func value(v *string) string {
	if v == nil {
		return absent
	}
	return terminal.Clean(*v)
}

const absent = "–"

// values2 writes a name and two plain values in columns.
func (p *printer) values2(indent, name, left, right string, kind Kind) {
	width := p.labels + 4 - len(indent)
	if terminal.Width(name) >= width {
		p.line("%s%s", indent, name)
		name = ""
	}
	style := p.Cyan
	if kind == Paired {
		style, name = p.Faint, p.Faint.Render(name)
	}
	for _, v := range []*string{&left, &right} {
		if *v == "" || *v == absent {
			*v = p.Faint.Render(absent)
		} else {
			*v = style.Render(terminal.Cut(*v, p.values))
		}
	}
	p.line("%s%s%s%s", indent, terminal.Pad(name, width), terminal.Pad(left, p.values+gap), right)
}

func (p *printer) foot(c *Comparison) {
	calls := terminal.Count(c.Calls, "call")
	if len(c.Reports) > 0 && c.Reports[0].Left.Endpoint == "" && c.Reports[0].Right.Endpoint == "" {
		calls += " to AWS"
	}
	if extra := c.Requests - int64(c.Calls); extra > 0 {
		calls += fmt.Sprintf(" (%d repeated)", extra)
	}
	summary := terminal.Count(c.Differences(), "difference")
	switch {
	case c.Same:
		summary = "nothing differs"
	case c.Differences() == 0:
		summary = "nothing differs in what could be read"
	}
	if c.masked() {
		summary += " · values are masked, --show-values shows them"
	}
	p.line("  %s", p.Faint.Render(summary+" · "+calls))
}

// masked reports whether some value is not shown.
func (c *Comparison) masked() bool {
	for _, r := range c.Reports {
		if s := r.Section(SectionEnvironment); s != nil {
			for i := range s.Rows {
				for _, f := range s.Rows[i].Fields {
					if f.Masked {
						return true
					}
				}
			}
		}
	}
	return false
}

// paragraph writes a sentence behind a mark, wrapped.
func (p *printer) paragraph(mark, sentence string) {
	for i, line := range terminal.Wrap(sentence, p.Width-terminal.Width(mark)-4) {
		if i > 0 {
			mark = strings.Repeat(" ", terminal.Width(mark))
		}
		p.line("  %s %s", mark, line)
	}
}

// listed joins names, the first few of them.
func listed(names []string, few int, all bool) string {
	if all || len(names) <= few+1 {
		return terminal.Clean(strings.Join(names, ", "))
	}
	return terminal.Clean(strings.Join(names[:few], ", ")) + fmt.Sprintf(" and %d more", len(names)-few)
}
