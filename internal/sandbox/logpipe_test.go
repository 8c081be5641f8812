package sandbox

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func frame(text string) string {
	head := make([]byte, frameHead)
	binary.BigEndian.PutUint32(head, 0xA55A0003)
	binary.BigEndian.PutUint32(head[4:], uint32(len(text)))
	return string(head) + text
}

// cutAll feeds parts to a pipe and returns the events.
func cutAll(parts ...string) []string {
	var events []string
	p := &logPipe{now: time.Now, emit: func(lines []LogLine) {
		for _, l := range lines {
			events = append(events, l.Message)
		}
	}}
	for _, part := range parts {
		p.mu.Lock()
		p.cut([]byte(part))
		p.send()
		p.mu.Unlock()
	}
	p.flush()
	return events
}

func TestLogPipe(t *testing.T) {
	long := strings.Repeat("x", maxEvent)
	for name, c := range map[string]struct {
		in   string
		want []string
	}{
		"lines":                                {"a\nb\n\nc", []string{"a\n", "b\n", "c"}},
		"AWS recording test_multi_line_prints": {"\nmulti\nline\nstring\nanother\rline\n\n", []string{"multi\n", "line\n", "string\n", "another\rline\n"}},
		"frame":                                {frame("two\nlines\n"), []string{"two\nlines\n"}},
		"frame without break":                  {frame("text"), []string{"text\n"}},
		"frame in a line":                      {"abc" + frame("f\n") + "def\n", []string{"abc", "f\n", "def\n"}},
		"frames and lines":                     {frame("1\n") + "2\n" + frame("3\n"), []string{"1\n", "2\n", "3\n"}},
		"empty frame":                          {frame("") + "a\n", []string{"a\n"}},
		"a byte like a frame's":                {"\xa5\x5ax\n", []string{"\uFFFDZx\n"}},
		"long line":                            {long + "yz\n", []string{long, "yz\n"}},
		"long frame":                           {frame(long + "yz"), []string{long, "yz\n"}},
		"begin of a frame only":                {"a\xa5\x5a", []string{"a\uFFFDZ"}},
		"no UTF-8":                             {"a\xffb\n", []string{"a\uFFFDb\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := cutAll(c.in); !slices.Equal(got, c.want) {
				t.Errorf("got %.200q, want %.200q", got, c.want)
			}
		})
	}
}

// However the reads cut the stream, the events are the same.
func TestLogPipeCuts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		for _, piece := range rapid.SliceOfN(rapid.StringMatching(`[a-z\n]{0,8}\x{a5}?`), 0, 8).Draw(t, "pieces") {
			if rapid.Bool().Draw(t, "framed") {
				piece = frame(piece)
			}
			b.WriteString(piece)
		}
		stream := b.String()
		want := cutAll(stream)
		var parts []string
		for rest := stream; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "cut")
			parts, rest = append(parts, rest[:n]), rest[n:]
		}
		if got := cutAll(parts...); !slices.Equal(got, want) {
			t.Fatalf("%q cut as %q: %q, whole: %q", stream, parts, got, want)
		}
	})
}

func TestReportedType(t *testing.T) {
	for in, want := range map[string]string{
		"Runtime.ImportModuleError": "Runtime.ImportModuleError", "Function.X": "Runtime.Unknown", "KeyError": "Runtime.Unknown", "": "Runtime.Unknown",
	} {
		if got := reportedType(in); got != want {
			t.Errorf("%q is reported as %q, want %q", in, got, want)
		}
	}
}
