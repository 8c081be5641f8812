package diff

import (
	"strings"
	"unicode"

	"charm.land/lipgloss/v2"
)

// palette is the few colours of the text, of the terminal's own sixteen.
type palette struct {
	bold, faint, green, yellow, yellowBold, cyan, marked lipgloss.Style
}

func newPalette() palette {
	base := lipgloss.NewStyle()
	return palette{
		bold: base.Bold(true), faint: base.Faint(true), green: base.Foreground(lipgloss.Green),
		yellow: base.Foreground(lipgloss.Yellow), yellowBold: base.Foreground(lipgloss.Yellow).Bold(true),
		cyan: base.Foreground(lipgloss.Cyan), marked: base.Foreground(lipgloss.Cyan).Bold(true).Underline(true),
	}
}

// clean makes a text from elsewhere safe for a terminal: one line, and nothing
// that moves the cursor, colours, or turns the direction of what follows.
func clean(s string) string {
	if strings.IndexFunc(s, unsafe) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return '⏎'
		case r == '\t':
			return ' '
		case unsafe(r):
			return -1
		}
		return r
	}, s)
}

// unsafe are control characters (C0, DEL, C1), and the marks that override the
// direction of writing or break lines.
func unsafe(r rune) bool {
	return unicode.IsControl(r) || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069 || r == 0x200E || r == 0x200F || r == 0x2028 || r == 0x2029 || r == 0xFEFF || r == unicode.ReplacementChar
}

// pad fills text with blanks; styled text keeps its width.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(width-lipgloss.Width(text), 0))
}

// cut shortens a plain text to width columns, ending in "…".
func cut(text string, width int) string {
	if lipgloss.Width(text) <= width {
		return text
	}
	var b strings.Builder
	used := 0
	for _, r := range text {
		w := lipgloss.Width(string(r))
		if used+w+1 > width {
			break
		}
		used += w
		b.WriteRune(r)
	}
	return b.String() + "…"
}

// wrap breaks text between words into lines of at most width columns.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && lipgloss.Width(line)+1+lipgloss.Width(word) > width {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}

// differing shows two texts with what they do not share marked. Of long ones only
// the surroundings of the difference are shown.
func (p *printer) differing(left, right string, room int) (l, r string) {
	a, b := []rune(left), []rune(right)
	front, back := ends(a, b)
	return p.window(a, front, back, room), p.window(b, front, back, room)
}

// window shows a text whose first front and last back characters are shared.
func (p *printer) window(text []rune, front, back, room int) string {
	before, middle, after := text[:front], text[front:len(text)-back], text[len(text)-back:]
	spare := max(room-len(middle), room/2)
	head, tail := "", ""
	if len(before)+len(after) > spare {
		if keep := spare * 2 / 3; len(before) > keep {
			before, head = before[len(before)-keep:], "…"
		}
		if keep := max(spare-len(before)-2, 0); len(after) > keep {
			after, tail = after[:keep], "…"
		}
	}
	shown := cut(string(middle), max(room-len(before)-len(after)-2, 8))
	return p.faint.Render(head+string(before)) + p.mark(shown) + p.faint.Render(string(after)+tail)
}

func (p *printer) mark(text string) string {
	if text == "" {
		return ""
	}
	return p.marked.Render(text)
}
