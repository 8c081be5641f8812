package why

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/terminal"
)

// Cell is one method of one deployed stage.
type Cell struct {
	Account, Region, API, APIName string
	Stage                         string
	Verb, Path                    string // as configured
	Function                      string // ARN with its qualifier; "" when no function is called
	Allowed                       bool
	// Problem says why a call cannot work where it is not a matter of grants.
	Problem string
	// Decision explains a refusal; nil when Allowed, or when nothing was asked.
	Decision *grants.Decision
}

// Bounds of what Matrix lists below the tables.
const (
	findingsShown = 8
	fixesShown    = 8
)

// Matrix writes one table for each API, stages as columns and methods as rows:
// ✓ the call would pass, ✗ it would be refused, ! it cannot work for another
// reason, · the stage has no such method. Below stand the findings with their
// causes, and the commands that mend them.
func Matrix(w io.Writer, cells []Cell) error {
	m := &matrix{Palette: terminal.Colors(), width: terminal.TextWidth(w)}
	cells = cleanedCells(cells)
	for _, group := range byAPI(cells) {
		m.table(group)
	}
	m.findings(cells)
	m.fixes(cells)
	return terminal.Write(w, m.b.String())
}

type matrix struct {
	terminal.Palette
	b     strings.Builder
	width int
}

// byAPI groups cells by API, in the order in which they come.
func byAPI(cells []Cell) [][]Cell {
	var groups [][]Cell
	index := map[string]int{}
	for _, c := range cells {
		key := c.Account + "/" + c.Region + "/" + c.API
		at, ok := index[key]
		if !ok {
			at = len(groups)
			index[key] = at
			groups = append(groups, nil)
		}
		groups[at] = append(groups[at], c)
	}
	return groups
}

func (m *matrix) table(cells []Cell) {
	var stages, methods []string
	marks := map[[2]string]string{}
	for _, c := range cells {
		method := terminal.Pad(c.Verb, 7) + " " + c.Path
		if !slices.Contains(stages, c.Stage) {
			stages = append(stages, c.Stage)
		}
		if !slices.Contains(methods, method) {
			methods = append(methods, method)
		}
		marks[[2]string{c.Stage, method}] = m.mark(&c)
	}
	first := 0
	for _, method := range methods {
		first = max(first, terminal.Width(method))
	}
	// Many stages make several tables under one another.
	head := m.Bold.Render(cells[0].APIName) + m.Faint.Render("  "+cells[0].API)
	fmt.Fprintf(&m.b, "  %s\n", head)
	for len(stages) > 0 {
		n := m.columnsThatFit(stages, first)
		m.rows(stages[:n], methods, first, marks)
		stages = stages[n:]
	}
	m.b.WriteByte('\n')
}

func (m *matrix) columnsThatFit(stages []string, first int) int {
	used, n := 4+first, 0
	for _, stage := range stages {
		used += terminal.Width(stage) + 2
		if n > 0 && used > m.width {
			break
		}
		n++
	}
	return n
}

func (m *matrix) rows(stages, methods []string, first int, marks map[[2]string]string) {
	line := strings.Repeat(" ", first+4)
	for _, stage := range stages {
		line += m.Faint.Render(stage) + "  "
	}
	m.b.WriteString(strings.TrimRight(line, " ") + "\n")
	for _, method := range methods {
		line := "    " + terminal.Pad(method, first)
		for _, stage := range stages {
			mark, ok := marks[[2]string{stage, method}]
			if !ok {
				mark = m.Faint.Render("·")
			}
			width := terminal.Width(stage)
			left := (width - 1) / 2
			line += strings.Repeat(" ", left) + terminal.Pad(mark, width-left+2)
		}
		m.b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

func (m *matrix) mark(c *Cell) string {
	switch {
	case c.Allowed:
		return m.Green.Render("✓")
	case c.Decision != nil && c.Decision.Outcome.Refused():
		return m.RedBold.Render("✗")
	default:
		return m.YellowBold.Render("!")
	}
}

// finding is one cause of one method, on all the stages where it is the same.
type finding struct {
	mark, method, sentence string
	stages                 []string
}

// findings lists what would fail, with causes.
func (m *matrix) findings(cells []Cell) {
	all := m.collect(cells)
	for i, f := range all {
		if i == findingsShown {
			fmt.Fprintf(&m.b, "    %s\n", m.Faint.Render(fmt.Sprintf("and %d more", len(all)-i)))
			break
		}
		fmt.Fprintf(&m.b, "  %s %s %s %s\n", f.mark, m.Bold.Render(f.method), m.Faint.Render("on"), m.Bold.Render(strings.Join(f.stages, ", ")))
		for _, line := range terminal.Wrap(f.sentence, m.width-4) {
			fmt.Fprintf(&m.b, "    %s\n", line)
		}
	}
	if len(all) > 0 {
		m.b.WriteByte('\n')
	}
}

func (m *matrix) collect(cells []Cell) []*finding {
	var all []*finding
	index := map[[3]string]*finding{}
	for i := range cells {
		c := &cells[i]
		if c.Allowed {
			continue
		}
		sentence := c.Problem
		if sentence == "" && c.Decision != nil {
			sentence = c.Decision.Cause.Sentence
		}
		key := [3]string{c.API, c.Verb + " " + c.Path, sentence}
		f := index[key]
		if f == nil {
			f = &finding{mark: m.mark(c), method: c.Verb + " " + c.Path, sentence: sentence}
			index[key] = f
			all = append(all, f)
		}
		f.stages = append(f.stages, c.Stage)
	}
	return all
}

// fixes lists the commands of all findings, each once.
func (m *matrix) fixes(cells []Cell) {
	var all []string
	for i := range cells {
		if d := cells[i].Decision; d != nil && !cells[i].Allowed {
			for _, command := range d.Fix {
				if !slices.Contains(all, command) {
					all = append(all, command)
				}
			}
		}
	}
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(&m.b, "  %s\n\n", m.GreenBold.Render("Mend it:"))
	for i, command := range all {
		if i == fixesShown {
			fmt.Fprintf(&m.b, "  %s\n", m.Faint.Render(fmt.Sprintf("and %d more commands", len(all)-fixesShown)))
			break
		}
		for _, line := range breakCommand(command, m.width) {
			m.b.WriteString(m.Cyan.Render(line) + "\n")
		}
	}
	m.b.WriteByte('\n')
}
