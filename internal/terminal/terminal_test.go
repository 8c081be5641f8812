package terminal_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/stagedoor/stagedoor/internal/terminal"
)

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"GET /naïve/日本":                  "GET /naïve/日本",
		"two\nlines\tand a tab":          "two⏎lines and a tab",
		"\x1b[2J\x1b[31mred\x1b]0;x\a\r": "[2J[31mred]0;x",
		"a\u202eb\u2066c\u200fd":         "abcd",
		"\u0085\u009b31m\ufeffx\x7f":     "31mx",
		"👩‍👩‍👧 <b>&\"'":                  "👩‍👩‍👧 <b>&\"'",
		"broken \xff":                    "broken ",
	} {
		if got := terminal.Clean(text); got != want {
			t.Errorf("%q → %q, want %q", text, got, want)
		}
	}
}

// Nothing unsafe passes, and what is promised of widths holds, for any text.
func TestWidths(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.RuneFrom(nil, unicode.Latin, unicode.Han, unicode.Cc, unicode.White_Space, unicode.Bidi_Control)).Draw(t, "text")
		width := rapid.IntRange(1, 60).Draw(t, "width")
		cut := terminal.Cut(text, width)
		if terminal.Width(cut) > width {
			t.Errorf("Cut: %q has %d columns of %d", cut, terminal.Width(cut), width)
		}
		if got := terminal.Width(terminal.Pad(cut, width)); got != width {
			t.Errorf("Pad: %d columns, want %d", got, width)
		}
		lines := terminal.Wrap(text, width)
		for _, line := range lines {
			if terminal.Width(line) > width && strings.Contains(line, " ") {
				t.Errorf("Wrap: %q has %d columns of %d", line, terminal.Width(line), width)
			}
		}
		if strings.IndexFunc(cut+strings.Join(lines, ""), terminal.Unsafe) >= 0 {
			t.Errorf("unsafe: %q %q", cut, lines)
		}
		if strings.IndexFunc(text, terminal.Unsafe) < 0 && !slices.Equal(strings.Fields(strings.Join(lines, " ")), strings.Fields(text)) {
			t.Errorf("Wrap lost words: %q of %q", lines, text)
		}
	})
}

func TestTextWidth(t *testing.T) {
	for columns, want := range map[string]int{"": 100, "nonsense": 100, "-1": 100, "20": 50, "80": 80, "400": 120} {
		t.Setenv("COLUMNS", columns)
		if got := terminal.TextWidth(&bytes.Buffer{}); got != want {
			t.Errorf("COLUMNS=%s: %d, want %d", columns, got, want)
		}
	}
}

// Where no terminal is, there are no colours.
func TestWrite(t *testing.T) {
	var b bytes.Buffer
	if err := terminal.Write(&b, terminal.Colors().RedBold.Render("no")); err != nil || b.String() != "no" {
		t.Errorf("%q %v", b.String(), err)
	}
}
