package promote

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"charm.land/lipgloss/v2"
)

// palette is the few colours of the text, of the terminal's own sixteen.
type palette struct {
	bold, faint, green, red, redBold, yellow, cyan lipgloss.Style
}

func newPalette() palette {
	base := lipgloss.NewStyle()
	return palette{
		bold: base.Bold(true), faint: base.Faint(true), green: base.Foreground(lipgloss.Green), red: base.Foreground(lipgloss.Red),
		redBold: base.Foreground(lipgloss.Red).Bold(true), yellow: base.Foreground(lipgloss.Yellow), cyan: base.Foreground(lipgloss.Cyan),
	}
}

// textWidth is how wide sentences are set.
const textWidth = 100

// printer lays out text for a person.
type printer struct {
	palette
	b strings.Builder
}

func newPrinter() *printer { return &printer{palette: newPalette()} }

// to sends the text, with as many colours as w shows: none if it is no terminal
// or NO_COLOR is set.
func (p *printer) to(w io.Writer) error {
	_, err := lipgloss.Fprint(w, p.b.String())
	return err
}

func (p *printer) line(format string, args ...any) {
	p.b.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " "))
	p.b.WriteByte('\n')
}

// paragraph sets a sentence behind a mark.
func (p *printer) paragraph(mark, text string) {
	for i, line := range wrap(clean(text), textWidth-4) {
		if i > 0 {
			mark = " "
		}
		p.line("  %s %s", mark, line)
	}
}

// commands sets commands one below the other, each on one line, so that they
// can be pasted.
func (p *printer) commands(lines []string) {
	for _, line := range lines {
		p.line("      %s", p.cyan.Render(clean(line)))
	}
}

const labelWidth = 10

func (p *printer) row(label, text string) {
	p.line("  %s%s", p.faint.Render(pad(label, labelWidth)), text)
}

func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(width-lipgloss.Width(text), 0))
}

func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && lipgloss.Width(line)+1+lipgloss.Width(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// clean makes a text from elsewhere safe for a terminal: one line, and nothing
// that moves the cursor, colours, or turns the direction of what follows.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return ' '
		case unicode.IsControl(r), r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069, r == 0x200E, r == 0x200F, r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, s)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
