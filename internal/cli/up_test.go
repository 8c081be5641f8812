package cli

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A note is folded between words; the link of the console, which is longer than
// a line, stays one that a terminal can open.
func TestWrapped(t *testing.T) {
	link := "http://192.0.2.7:4566/_stagedoor/link?token=" + strings.Repeat("a-", 21) + "a"
	words := strings.TrimSpace(strings.Repeat("words ", 20))
	got := wrapped([]string{"short", words, link})
	if diff := cmp.Diff([]string{"short", got[1], got[2], link}, got); diff != "" {
		t.Error(diff)
	}
	for _, line := range got[:3] {
		if len(line) > noteWidth {
			t.Errorf("%d columns: %q", len(line), line)
		}
	}
	if strings.Join(got[1:3], " ") != words {
		t.Errorf("%q", got[1:3])
	}
}

// What an API is called cannot drive the terminal of whoever mistypes its name.
func TestErrorsAreText(t *testing.T) {
	var errs bytes.Buffer
	complain(&Environment{Stderr: &errs}, errors.New("there is only: evil\x1b[2J\x1b]0;x\a\r\nsecond line"))
	if got, want := errs.String(), "stagedoor: there is only: evil[2J]0;x\nsecond line\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
