package diff

import (
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/internal/doctor"
	"github.com/stagedoor/stagedoor/internal/terminal"
)

// grants compares doctor's verdict on each call. Methods of which it says the
// same are told together.
func (c *comparing) grants() Section {
	s := Section{Name: SectionGrants, Title: "grants, by doctor's verdict"}
	right := map[string]*doctor.Cell{}
	for _, cell := range c.right.cells {
		right[rowOf(cell)] = cell
	}
	rows, unknown := map[string]int{}, undecided{}
	refused := 0
	for _, l := range c.left.cells {
		r := right[rowOf(l)]
		switch {
		case r == nil:
			continue // the methods' section tells
		case l.Verdict == doctor.Undecided || r.Verdict == doctor.Undecided:
			unknown.add(l, r)
			continue
		case l.Verdict == r.Verdict && (l.Verdict == doctor.Passes || l.Code == r.Code):
			s.Same++
			if l.Verdict != doctor.Passes {
				refused++
			}
			continue
		}
		left, other := verdict(l), verdict(r)
		key := left + "\n" + other
		at, known := rows[key]
		if !known {
			at = len(s.Rows)
			rows[key] = at
			s.Rows = append(s.Rows, Row{Kind: Changed, Fields: []Field{{Name: fieldVerdict, Left: &left, Right: &other}}})
		}
		s.Rows[at].Methods = append(s.Rows[at].Methods, rowOf(l))
	}
	for i := range s.Rows {
		row := &s.Rows[i]
		if row.Item = row.Methods[0]; len(row.Methods) == 1 {
			row.Methods = nil
		} else {
			row.Item = terminal.Count(len(row.Methods), "method")
		}
	}
	s.Unknown = unknown.sentences()
	s.Rows = append(s.Rows, c.shapes()...)
	if refused > 0 {
		s.Notes = append(s.Notes, terminal.Count(refused, "call")+" will fail on both sides for the same reason: stagedoor doctor says which.")
	}
	return s
}

const fieldVerdict = "verdict"

// undecided are the methods of a stage by the reason why doctor cannot decide.
type undecided map[[2]string][]string

func (u undecided) add(cells ...*doctor.Cell) {
	for _, cell := range cells {
		key := [2]string{cell.Stage, cell.Problem}
		if row := rowOf(cell); cell.Verdict == doctor.Undecided && !slices.Contains(u[key], row) {
			u[key] = append(u[key], row)
		}
	}
}

func (u undecided) sentences() (out []string) {
	for key, methods := range u {
		out = append(out, listed(methods, methodsShown, false)+" on "+key[0]+": "+key[1])
	}
	slices.Sort(out)
	return out
}

// verdict is doctor's judgement as a text.
func verdict(cell *doctor.Cell) string {
	if cell.Verdict == doctor.Passes {
		return string(cell.Verdict)
	}
	sentence := cell.Problem
	if cell.Decision != nil {
		sentence = cell.Decision.Cause.Sentence
	}
	return strings.TrimSpace(string(cell.Verdict) + " (" + cell.Code + "): " + sentence)
}
