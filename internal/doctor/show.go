package doctor

import (
	"fmt"
	"io"
	"strings"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/terminal"
	"github.com/stagedoor/stagedoor/internal/why"
)

// Bounds of what is shown unless everything is asked for.
const (
	manyRows     = 60 // a table of more shows only what does not pass
	manyFindings = 8  // of one code; the rest are named together
)

// WriteText writes the report for a person; everything shows each row and each
// finding, however many there are.
func (r *Report) WriteText(w io.Writer, everything bool) error {
	x := &why.Examination{Place: r.place(), Notes: r.Notes, Summary: r.summary()}
	x.Cells, x.Hidden = r.shown(everything)
	x.Findings, x.Advice = r.shownFindings(everything), r.advice()
	if x.Advice != "" && r.Endpoint != "" {
		x.Shell = grants.Command("export", "AWS_ENDPOINT_URL="+r.Endpoint)
	}
	return why.Examine(w, x)
}

// advice says what to do next.
func (r *Report) advice() string {
	n := len(r.Plan(false))
	switch n {
	case 0:
		return ""
	case 1:
		return "--fix prints only the command that mends this, --apply runs it."
	default:
		return fmt.Sprintf("--fix prints only the %d commands that mend all this, --apply runs them.", n)
	}
}

// shownFindings are the findings, of each code the first few and the rest
// together.
func (r *Report) shownFindings(everything bool) (out []why.Finding) {
	type kind struct {
		code  string
		level Level
	}
	left, shown, folded := map[kind]int{}, map[kind]int{}, map[kind][]string{}
	for i := range r.Findings {
		left[kind{r.Findings[i].Code, r.Findings[i].Level}]++
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		k := kind{f.Code, f.Level}
		if left[k]--; everything || shown[k] < manyFindings || left[k] == 0 && folded[k] == nil {
			shown[k]++
			out = append(out, shownFinding(f))
			continue
		}
		if folded[k] = append(folded[k], orNone(f.where(), short(f.Function))); left[k] == 0 {
			out = append(out, why.Finding{
				Level: string(f.Level), Code: f.Code, Title: f.Title,
				Sentence: fmt.Sprintf("%d more: %s. --all shows each of them.", len(folded[k]), list(folded[k])),
			})
		}
	}
	return out
}

func (r *Report) place() string {
	where := "account " + r.Account + " · " + r.Region
	if r.Endpoint != "" {
		where += " · " + r.Endpoint
	}
	return where
}

// shown are the cells of the tables. A row is a method of an API, on all stages
// and canaries: a canary is told with its stage.
func (r *Report) shown(everything bool) (cells []why.Cell, hidden int) {
	bad, rows := map[string]bool{}, map[string]bool{}
	row := func(c *Cell) string { return c.API + "\n" + c.Method }
	for i := range r.Cells {
		c := &r.Cells[i]
		rows[row(c)] = true
		if c.Verdict != Passes {
			bad[row(c)] = true
		}
	}
	filter := !everything && len(rows) > manyRows
	if filter {
		hidden = len(rows) - len(bad)
	}
	for i := range r.Cells {
		if c := &r.Cells[i]; !filter || bad[row(c)] {
			cells = append(cells, r.shownCell(c))
		}
	}
	return cells, hidden
}

func (r *Report) shownCell(c *Cell) why.Cell {
	stage := c.Stage
	if c.Share != "" {
		stage += " canary"
	}
	verb, path, found := strings.Cut(c.Method, " ")
	if !found {
		verb, path = "", c.Method
	}
	if c.authorizer != nil {
		verb, path = "auth", c.authorizer.name
	}
	out := why.Cell{
		Account: r.Account, Region: r.Region, API: c.API, APIName: c.Name, Stage: stage, Verb: verb, Path: path,
		Function: c.Function, Allowed: c.Verdict == Passes, Problem: c.Problem,
	}
	if c.Verdict == Refused {
		out.Decision = c.Decision
	}
	return out
}

func shownFinding(f *Finding) why.Finding {
	out := why.Finding{
		Level: string(f.Level), Code: f.Code, Title: f.Title, Where: f.where(), Sentence: f.Sentence,
		Notes: f.Notes, Fix: f.Fix, Deploys: f.NeedsDeployment,
	}
	for _, e := range f.Evidence {
		out.Evidence = append(out.Evidence, [2]string{e.Name, e.Value})
	}
	return out
}

// where is the place of a finding in words.
func (f *Finding) where() string {
	var b strings.Builder
	b.WriteString(f.Method)
	if len(f.Stages) > 0 && f.Stages[0] != "" {
		if b.Len() > 0 {
			b.WriteString(" on ")
		}
		b.WriteString(strings.Join(f.Stages, ", "))
	}
	if f.Name != "" {
		if b.Len() > 0 {
			b.WriteString(" of ")
		}
		b.WriteString(f.Name)
	}
	return b.String()
}

func (r *Report) summary() string {
	levels := map[Level]int{}
	for i := range r.Findings {
		levels[r.Findings[i].Level]++
	}
	passes := 0
	for i := range r.Cells {
		if r.Cells[i].Verdict == Passes {
			passes++
		}
	}
	var parts []string
	for _, l := range []struct {
		level Level
		name  string
	}{{Error, "error"}, {Warning, "warning"}, {Info, "note"}} {
		if n := levels[l.level]; n > 0 {
			parts = append(parts, terminal.Count(n, l.name))
		}
	}
	if len(parts) == 0 {
		parts = append(parts, "nothing wrong")
	}
	text := strings.Join(parts, ", ")
	if len(r.Cells) > 0 {
		text += fmt.Sprintf(" · %d of %d pass", passes, len(r.Cells))
	}
	if r.Calls > 0 {
		text += " · " + terminal.Count(r.Calls, "call") + " to read"
		if extra := r.Requests - int64(r.Calls); extra > 0 {
			text += fmt.Sprintf(" (%d repeated)", extra)
		}
	}
	return text
}
