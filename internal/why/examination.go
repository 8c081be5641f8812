package why

import (
	"fmt"
	"io"
	"strings"
)

// Examination is what `stagedoor doctor` found, ready to be shown.
type Examination struct {
	Place    string // "account 111122223333 · eu-central-1"
	Cells    []Cell
	Hidden   int // rows of the tables left out because they pass on every stage
	Findings []Finding
	Notes    []string
	Summary  string // one line
	Advice   string // what to do next, one line
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
	m := &matrix{palette: newPalette(), width: widthOf(w)}
	fmt.Fprintf(&m.b, "\n  %s  %s\n\n", m.bold.Render("stagedoor doctor"), m.faint.Render(x.Place))
	for _, group := range byAPI(x.Cells) {
		m.table(group)
	}
	if x.Hidden > 0 {
		fmt.Fprintf(&m.b, "  %s\n\n", m.faint.Render(fmt.Sprintf("and %s that pass on every stage", plural(x.Hidden, "method"))))
	}
	for i := range x.Findings {
		m.finding(&x.Findings[i])
	}
	for _, note := range x.Notes {
		for i, line := range wrap(note, m.width-4) {
			bullet := "·"
			if i > 0 {
				bullet = " "
			}
			fmt.Fprintf(&m.b, "  %s %s\n", m.faint.Render(bullet), m.faint.Render(line))
		}
	}
	if len(x.Notes) > 0 {
		m.b.WriteByte('\n')
	}
	fmt.Fprintf(&m.b, "  %s\n", m.bold.Render(x.Summary))
	if x.Advice != "" {
		fmt.Fprintf(&m.b, "  %s\n", x.Advice)
	}
	m.b.WriteByte('\n')
	return write(w, m.b.String())
}

func (m *matrix) level(level string) string {
	switch level {
	case "error":
		return m.redBold.Render("✗")
	case "warning":
		return m.yellowBold.Render("!")
	default:
		return m.faint.Render("·")
	}
}

// evidenceWidth is the column in which the values of evidence begin.
const evidenceWidth = 10

func (m *matrix) finding(f *Finding) {
	fmt.Fprintf(&m.b, "  %s %s  %s\n", m.level(f.Level), m.bold.Render(f.Code), m.bold.Render(f.Title))
	for _, line := range wrap(f.Where, m.width-4) {
		if line != "" {
			fmt.Fprintf(&m.b, "    %s\n", m.faint.Render(line))
		}
	}
	for _, line := range wrap(f.Sentence, m.width-4) {
		fmt.Fprintf(&m.b, "    %s\n", line)
	}
	for _, e := range f.Evidence {
		fmt.Fprintf(&m.b, "    %s %s\n", m.faint.Render(pad(e[0], evidenceWidth)), e[1])
	}
	for _, note := range f.Notes {
		for _, line := range wrap(note, m.width-4) {
			fmt.Fprintf(&m.b, "    %s\n", m.faint.Render(line))
		}
	}
	for _, command := range f.Fix {
		for _, line := range breakCommand(command, m.width) {
			m.b.WriteString(m.cyan.Render(line) + "\n")
		}
	}
	if f.Deploys {
		fmt.Fprintf(&m.b, "    %s\n", m.faint.Render("This acts once it is deployed; the last command does that."))
	}
	m.b.WriteByte('\n')
}

// Commands writes commands that can be pasted into a shell as they are.
func Commands(w io.Writer, commands []string) error {
	p := newPalette()
	width := widthOf(w)
	var b strings.Builder
	for _, command := range commands {
		for _, line := range breakCommand(command, width) {
			b.WriteString(p.cyan.Render(line) + "\n")
		}
	}
	return write(w, b.String())
}
