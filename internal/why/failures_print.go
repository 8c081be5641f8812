package why

import (
	"fmt"
	"io"
	"strings"

	"github.com/stagedoor/stagedoor/internal/terminal"
)

// PrintFailure writes what a log says of calls that failed alike: how many, when,
// which, and the log's own sentence. The explanation follows it.
func PrintFailure(w io.Writer, f *Failure) error {
	p := &printer{Palette: terminal.Colors(), width: terminal.TextWidth(w)}
	p.blank()
	what := terminal.Count(f.Count, "call") + " failed"
	if where := terminal.Clean(f.where()); where != "" {
		what += ": " + where
	}
	p.line("%s  %s", p.RedBold.Render("▍"), p.Bold.Render(what))
	for _, line := range terminal.Wrap(f.Message, p.width-3) {
		p.line("%s  %s", p.RedBold.Render("▍"), line)
	}
	const layout = "2006-01-02 15:04:05"
	when := f.Last.Format(layout + " UTC")
	if !f.First.Equal(f.Last) {
		when = f.First.Format(layout) + " … " + when
	}
	if len(f.RequestIDs) > 0 {
		when += " · request " + terminal.Clean(f.RequestIDs[len(f.RequestIDs)-1])
	}
	p.line("%s  %s", p.RedBold.Render("▍"), p.Faint.Render(when))
	return terminal.Write(w, p.b.String())
}

// where is as much of the place as the log tells.
func (f *Failure) where() string {
	var parts []string
	switch {
	case f.Authorizer != "" && f.Kind == NoAuthorizer:
		parts = append(parts, "authorizer "+f.Authorizer)
	case f.Method != "":
		parts = append(parts, f.Method)
	case f.Verb != "":
		parts = append(parts, f.Verb+" "+f.Path)
	}
	if f.Stage != "" {
		parts = append(parts, "on stage "+f.Stage)
	}
	if f.API != "" {
		parts = append(parts, "of "+f.API)
	}
	return strings.Join(parts, " ")
}

// PrintFinding writes one Finding of doctor with its evidence and commands.
func PrintFinding(w io.Writer, f *Finding) error {
	m := &matrix{Palette: terminal.Colors(), width: terminal.TextWidth(w)}
	m.b.WriteByte('\n')
	m.finding(f)
	return terminal.Write(w, m.b.String())
}

// PrintNote writes a sentence below what it is about.
func PrintNote(w io.Writer, note string) error {
	var b strings.Builder
	for _, line := range terminal.Wrap(note, terminal.TextWidth(w)-3) {
		fmt.Fprintf(&b, "   %s\n", line)
	}
	return terminal.Write(w, b.String()+"\n")
}
