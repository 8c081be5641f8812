package why

import (
	"fmt"
	"io"
	"strings"

	"github.com/stagedoor/stagedoor/internal/terminal"
)

// Examination is what `stagedoor doctor` found, ready to be shown.
type Examination struct {
	Place    string // "account 111122223333 · eu-central-1"
	Cells    []Cell
	Hidden   int // rows of the tables left out because they pass on every stage
	Findings []Finding
	Notes    []string
	Summary  string // one line
	Advice   string // what to do next, a sentence
	Shell    string // what a shell needs before the commands reach the place; "": nothing
}

// Finding is one thing that is wrong, with its evidence and remedy.
type Finding struct {
	Level    string // "error", "warning" or "info"
	Code     string
	Title    string
	Where    string // "GET /users on dev, prod of orders"
	Sentence string
	Evidence [][2]string // name and value
	Notes    []string
	Fix      []string
	Deploys  bool // the fix needs a deployment, which is among the commands
}

// Examine writes an Examination: the tables, each finding with its commands,
// and a summary.
func Examine(w io.Writer, x *Examination) error {
	m := &matrix{Palette: terminal.Colors(), width: terminal.TextWidth(w)}
	fmt.Fprintf(&m.b, "\n  %s  %s\n\n", m.Bold.Render("stagedoor doctor"), m.Faint.Render(terminal.Clean(x.Place)))
	for _, group := range byAPI(cleanedCells(x.Cells)) {
		m.table(group)
	}
	if x.Hidden > 0 {
		fmt.Fprintf(&m.b, "  %s\n\n", m.Faint.Render(fmt.Sprintf("and %s that pass on every stage", terminal.Count(x.Hidden, "method"))))
	}
	for i := range x.Findings {
		m.finding(&x.Findings[i])
	}
	for _, note := range x.Notes {
		for i, line := range terminal.Wrap(note, m.width-4) {
			bullet := "·"
			if i > 0 {
				bullet = " "
			}
			fmt.Fprintf(&m.b, "  %s %s\n", m.Faint.Render(bullet), m.Faint.Render(line))
		}
	}
	if len(x.Notes) > 0 {
		m.b.WriteByte('\n')
	}
	fmt.Fprintf(&m.b, "  %s\n", m.Bold.Render(terminal.Clean(x.Summary)))
	if x.Advice != "" {
		for _, line := range terminal.Wrap(x.Advice, m.width-2) {
			fmt.Fprintf(&m.b, "  %s\n", line)
		}
	}
	if x.Shell != "" {
		fmt.Fprintf(&m.b, "  In a shell the commands reach this place after:\n%s\n", m.Cyan.Render(terminal.Clean(x.Shell)))
	}
	m.b.WriteByte('\n')
	return terminal.Write(w, m.b.String())
}

func (m *matrix) level(level string) string {
	switch level {
	case "error":
		return m.RedBold.Render("✗")
	case "warning":
		return m.YellowBold.Render("!")
	default:
		return m.Faint.Render("·")
	}
}

// evidenceWidth is the column in which the values of evidence begin.
const evidenceWidth = 10

func (m *matrix) finding(f *Finding) {
	f = f.cleaned()
	fmt.Fprintf(&m.b, "  %s %s  %s\n", m.level(f.Level), m.Bold.Render(f.Code), m.Bold.Render(f.Title))
	for _, line := range terminal.Wrap(f.Where, m.width-4) {
		if f.Where != "" {
			fmt.Fprintf(&m.b, "    %s\n", m.Faint.Render(line))
		}
	}
	for _, line := range terminal.Wrap(f.Sentence, m.width-4) {
		fmt.Fprintf(&m.b, "    %s\n", line)
	}
	for _, e := range f.Evidence {
		fmt.Fprintf(&m.b, "    %s %s\n", m.Faint.Render(terminal.Pad(e[0], evidenceWidth)), e[1])
	}
	for _, note := range f.Notes {
		for _, line := range terminal.Wrap(note, m.width-4) {
			fmt.Fprintf(&m.b, "    %s\n", m.Faint.Render(line))
		}
	}
	for _, command := range f.Fix {
		for _, line := range breakCommand(command, m.width) {
			m.b.WriteString(m.Cyan.Render(line) + "\n")
		}
	}
	if f.Deploys {
		fmt.Fprintf(&m.b, "    %s\n", m.Faint.Render("This acts once it is deployed; the last command does that."))
	}
	m.b.WriteByte('\n')
}

// Commands writes commands that can be pasted into a shell as they are.
func Commands(w io.Writer, commands []string) error {
	p := terminal.Colors()
	width := terminal.TextWidth(w)
	var b strings.Builder
	for _, command := range terminal.CleanAll(commands) {
		for _, line := range breakCommand(command, width) {
			b.WriteString(p.Cyan.Render(line) + "\n")
		}
	}
	return terminal.Write(w, b.String())
}
