// Command terminalsvg draws what a program prints to a terminal as an SVG
// picture, colours included: the README's picture is made from a real refusal
// ("make picture"), so it cannot show what the program does not print.
//
//	CLICOLOR_FORCE=1 stagedoor why ID | terminalsvg > docs/refusal.svg
package main

import (
	"bufio"
	"fmt"
	"html"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"
)

func main() {
	if err := draw(os.Stdout, os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "terminalsvg:", err)
		os.Exit(1)
	}
}

// Geometry in pixels of the picture's own coordinates.
const (
	charWidth  = 8.43
	lineHeight = 20
	margin     = 20
	titleBar   = 34
)

// style is what SGR sequences have set.
type style struct {
	colour            string // "" is the default
	bold, dim, italic bool
	underline         bool
}

type span struct {
	style
	column int
	text   string
}

func draw(w io.Writer, r io.Reader) error {
	var lines [][]span
	var current style
	width := 0
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var line []span
		var columns int
		line, current, columns = spans(scanner.Text(), current)
		lines = append(lines, line)
		width = max(width, columns)
	}
	if err := scanner.Err(); err != nil {
		return err
	}
	return write(w, lines, width)
}

// spans splits a line at its escape sequences.
func spans(text string, now style) ([]span, style, int) {
	var out []span
	column := 0
	for text != "" {
		plain, rest, escaped := strings.Cut(text, "\x1b[")
		if plain != "" {
			out = append(out, span{style: now, column: column, text: plain})
			column += utf8.RuneCountInString(plain)
		}
		if !escaped {
			break
		}
		end := strings.IndexFunc(rest, func(r rune) bool { return r >= '@' && r <= '~' })
		if end < 0 {
			break
		}
		if rest[end] == 'm' {
			now = sgr(now, rest[:end])
		}
		text = rest[end+1:]
	}
	return out, now, column
}

// sgr applies one Select Graphic Rendition sequence.
func sgr(s style, parameters string) style {
	codes := strings.FieldsFunc(parameters, func(r rune) bool { return r == ';' || r == ':' })
	if len(codes) == 0 {
		return style{}
	}
	for i := 0; i < len(codes); i++ {
		code, err := strconv.Atoi(codes[i])
		if err != nil {
			continue
		}
		switch {
		case code == 0:
			s = style{}
		case code == 1:
			s.bold = true
		case code == 2:
			s.dim = true
		case code == 3:
			s.italic = true
		case code == 4:
			s.underline = true
		case code == 22:
			s.bold, s.dim = false, false
		case code == 24:
			s.underline = false
		case code >= 30 && code <= 37:
			s.colour = palette[code-30]
		case code >= 90 && code <= 97:
			s.colour = palette[code-90+8]
		case code == 39:
			s.colour = ""
		case code == 38 && i+2 < len(codes) && codes[i+1] == "5":
			s.colour = indexed(codes[i+2])
			i += 2
		case code == 38 && i+4 < len(codes) && codes[i+1] == "2":
			s.colour = fmt.Sprintf("rgb(%s,%s,%s)", codes[i+2], codes[i+3], codes[i+4])
			i += 4
		}
	}
	return s
}

var palette = [16]string{
	"#5c6370", "#ff6b6b", "#7bd88f", "#f5c451", "#6aa8ff", "#c792ea", "#5fd7d7", "#d6dae4",
	"#7f8798", "#ff8787", "#98e6a8", "#ffd97a", "#8fbfff", "#d7aefb", "#86e5e5", "#ffffff",
}

func indexed(text string) string {
	n, err := strconv.Atoi(text)
	switch {
	case err != nil || n < 0 || n > 255:
		return ""
	case n < 16:
		return palette[n]
	case n >= 232:
		grey := 8 + (n-232)*10
		return fmt.Sprintf("rgb(%d,%d,%d)", grey, grey, grey)
	}
	level := func(v int) int {
		if v == 0 {
			return 0
		}
		return 55 + v*40
	}
	n -= 16
	return fmt.Sprintf("rgb(%d,%d,%d)", level(n/36), level(n/6%6), level(n%6))
}

func write(w io.Writer, lines [][]span, columns int) error {
	out := bufio.NewWriter(w)
	width := float64(columns)*charWidth + 2*margin
	height := len(lines)*lineHeight + titleBar + margin
	fmt.Fprintf(out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %d" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14">`+"\n", width, height)
	fmt.Fprintf(out, `<rect width="%.0f" height="%d" rx="10" fill="#14171f"/>`+"\n", width, height)
	for i, colour := range []string{"#ff5f57", "#febc2e", "#28c840"} {
		fmt.Fprintf(out, `<circle cx="%d" cy="17" r="6" fill="%s"/>`+"\n", 20+i*20, colour)
	}
	for i, line := range lines {
		for _, s := range line {
			if strings.TrimSpace(s.text) == "" {
				continue
			}
			x := margin + float64(s.column)*charWidth
			y := titleBar + i*lineHeight + 14
			// textLength keeps columns aligned whatever font the reader has.
			fmt.Fprintf(out, `<text xml:space="preserve" x="%.2f" y="%d" textLength="%.2f" lengthAdjust="spacingAndGlyphs"%s>%s</text>`+"\n",
				x, y, float64(utf8.RuneCountInString(s.text))*charWidth, attributes(s.style), html.EscapeString(s.text))
		}
	}
	fmt.Fprintln(out, "</svg>")
	return out.Flush()
}

func attributes(s style) string {
	colour := s.colour
	if colour == "" {
		colour = "#d6dae4"
	}
	text := fmt.Sprintf(` fill="%s"`, colour)
	if s.bold {
		text += ` font-weight="700"`
	}
	if s.dim {
		text += ` opacity="0.6"`
	}
	if s.italic {
		text += ` font-style="italic"`
	}
	if s.underline {
		text += ` text-decoration="underline"`
	}
	return text
}
