package terminal

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"

	"charm.land/lipgloss/v2"
	"golang.org/x/term"
)

// Style is how a text is shown.
type Style = lipgloss.Style

// Palette is the few styles of all output. The colours are the terminal's own
// sixteen, which people have chosen to be readable.
type Palette struct {
	Plain, Bold, Faint, Red, RedBold, Green, GreenBold, Yellow, YellowBold, Cyan, CyanBold Style
	// Marked is the piece of a text that is not as it should be, or not the
	// same as another's.
	Marked Style
}

// Colors returns the Palette.
func Colors() Palette {
	plain := lipgloss.NewStyle()
	red, green, yellow, cyan := plain.Foreground(lipgloss.Red), plain.Foreground(lipgloss.Green), plain.Foreground(lipgloss.Yellow), plain.Foreground(lipgloss.Cyan)
	return Palette{
		Plain: plain, Bold: plain.Bold(true), Faint: plain.Faint(true),
		Red: red, RedBold: red.Bold(true), Green: green, GreenBold: green.Bold(true),
		Yellow: yellow, YellowBold: yellow.Bold(true), Cyan: cyan, CyanBold: cyan.Bold(true),
		Marked: cyan.Bold(true).Underline(true),
	}
}

// Widths between which text is laid out, in columns.
const (
	defaultWidth = 100
	minWidth     = 50
	maxWidth     = 120
)

// TextWidth returns how wide text on w is laid out: what Columns says, within
// reason.
func TextWidth(w io.Writer) int {
	if columns := Columns(w); columns > 0 {
		return min(max(columns, minWidth), maxWidth)
	}
	return defaultWidth
}

// Columns returns the columns of the terminal w, or $COLUMNS; 0 when neither
// says.
func Columns(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			return columns
		}
	}
	columns, err := strconv.Atoi(os.Getenv("COLUMNS"))
	if err != nil || columns < 0 {
		return 0
	}
	return columns
}

// Write sends styled text to w, with as many colours as w shows: none if it is
// no terminal or NO_COLOR is set.
func Write(w io.Writer, text string) error {
	_, err := lipgloss.Fprint(w, text)
	return err
}

// Width is how many columns a text takes, styled or not.
func Width(text string) int { return lipgloss.Width(text) }

// Pad fills a text, styled or not, with blanks to width columns.
func Pad(text string, width int) string {
	return text + strings.Repeat(" ", max(width-Width(text), 0))
}

// Cut cleans a text and shortens it to width columns, ending in "…".
func Cut(text string, width int) string {
	text = Clean(text)
	if Width(text) <= width {
		return text
	}
	var b strings.Builder
	used := 0
	for _, r := range text {
		w := Width(string(r))
		if used+w+1 > width {
			break
		}
		used += w
		b.WriteRune(r)
	}
	return b.String() + "…"
}

// Wrap cleans a text and breaks it between words into lines of at most width
// columns. A word that is longer, an ARN, keeps its line to itself. There is
// always one line.
func Wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		word = Clean(word)
		if line != "" && Width(line)+1+Width(word) > width {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}

// Clean makes a text from elsewhere safe for a terminal: one line, and nothing
// that moves the cursor, colours, or turns the direction of what follows. A line
// break is shown as "⏎".
func Clean(text string) string {
	if strings.IndexFunc(text, Unsafe) < 0 {
		return text
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return '⏎'
		case r == '\t':
			return ' '
		case Unsafe(r):
			return -1
		}
		return r
	}, text)
}

// CleanAll is Clean for each of the texts, in a list of its own.
func CleanAll(texts []string) []string {
	out := make([]string, len(texts))
	for i, text := range texts {
		out[i] = Clean(text)
	}
	return out
}

// Unsafe reports whether a character is a control character (C0, DEL, C1), breaks
// lines, or overrides the direction of writing.
func Unsafe(r rune) bool {
	return unicode.IsControl(r) || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069 || r == 0x200E || r == 0x200F ||
		r == 0x2028 || r == 0x2029 || r == 0xFEFF || r == unicode.ReplacementChar
}

// Count is a number with its noun: "1 call", "3 calls".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
