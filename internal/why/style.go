package why

import (
	"io"
	"os"
	"strconv"
	"strings"

	"charm.land/lipgloss/v2"
	"golang.org/x/term"
)

// palette is the few colours of all output. They are the terminal's own sixteen,
// which people have chosen to be readable.
type palette struct {
	bold, faint, red, redBold, green, yellow, yellowBold, cyan, marked lipgloss.Style
}

func newPalette() palette {
	base := lipgloss.NewStyle()
	return palette{
		bold:       base.Bold(true),
		faint:      base.Faint(true),
		red:        base.Foreground(lipgloss.Red),
		redBold:    base.Foreground(lipgloss.Red).Bold(true),
		green:      base.Foreground(lipgloss.Green),
		yellow:     base.Foreground(lipgloss.Yellow),
		yellowBold: base.Foreground(lipgloss.Yellow).Bold(true),
		cyan:       base.Foreground(lipgloss.Cyan),
		marked:     base.Foreground(lipgloss.Red).Bold(true).Underline(true),
	}
}

// Widths between which output is laid out, in columns.
const (
	defaultWidth = 100
	minWidth     = 50
	maxWidth     = 120
)

// widthOf returns the columns to use for text on w, within reason.
func widthOf(w io.Writer) int {
	if columns := columnsOf(w); columns > 0 {
		return min(max(columns, minWidth), maxWidth)
	}
	return defaultWidth
}

// columnsOf returns the columns of the terminal w, or $COLUMNS; 0 when neither
// says.
func columnsOf(w io.Writer) int {
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

// write sends text to w, with as many colours as w shows: none if it is no
// terminal or NO_COLOR is set.
func write(w io.Writer, text string) error {
	_, err := lipgloss.Fprint(w, text)
	return err
}

// pad fills text with blanks to width columns; styled text keeps its width.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(width-lipgloss.Width(text), 0))
}

// wrap breaks text between words into lines of at most width columns. A word
// that is longer, an ARN, keeps its line to itself.
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

// cut shortens text to width columns, ending in "…".
func cut(text string, width int) string {
	if lipgloss.Width(text) <= width {
		return text
	}
	runes := []rune(text)
	for len(runes) > 0 && lipgloss.Width(string(runes))+1 > width {
		runes = runes[:len(runes)-1]
	}
	return string(runes) + "…"
}
