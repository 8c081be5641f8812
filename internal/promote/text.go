package promote

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// Bounds of what is listed.
const (
	functionsShown = 30
	problemsShown  = 8
	keptShown      = 4
)

// WriteText writes what a plan will do, for a person.
func (p *Plan) WriteText(w io.Writer) error {
	t := newPrinter()
	t.line("")
	t.line("  %s  %s  %s", t.bold.Render("stagedoor "+p.verb()), t.bold.Render(clean(p.APIName)+" "+p.API), p.way(t))
	t.line("  %s", t.faint.Render(clean(p.place())))
	t.line("")
	if p.Nothing {
		t.paragraph(t.green.Render("="), fmt.Sprintf("Stage %s runs what %s runs already: there is nothing to promote.", p.Stage.Name, p.Request.From))
		t.line("")
		return t.to(w)
	}
	for i := range p.Undoes {
		r := &p.Undoes[i]
		t.row("undoes", t.bold.Render(r.ID)+clean("  "+r.From+" → "+r.Stage)+t.faint.Render(clean("  by "+r.At+", "+r.State)))
	}
	p.writeStage(t)
	p.writeFunctions(t)
	for _, line := range p.Grants {
		t.row("grant", t.cyan.Render(clean(line)))
	}
	p.writeChecks(t)
	p.writeProblems(t)
	t.line("  %s", t.faint.Render(fmt.Sprintf("planned with %s", count(p.Calls, "AWS call"))))
	t.line("")
	return t.to(w)
}

func (p *Plan) verb() string {
	if p.Kind == "rollback" {
		return "rollback"
	}
	return "promote"
}

func (p *Plan) way(t *printer) string {
	if p.Kind == "rollback" {
		return t.bold.Render(p.Stage.Name)
	}
	return t.bold.Render(p.Request.From + " → " + p.Stage.Name)
}

func (p *Plan) place() string {
	where := "account " + p.Account + " · " + p.Region
	if p.Account == "" {
		where = p.Region
	}
	if endpoint := p.work.place.Clients.Endpoint; endpoint != "" {
		where += " · " + endpoint
	}
	return where
}

func (p *Plan) writeStage(t *printer) {
	s := &p.Stage
	text := "stays at deployment " + s.OldDeployment
	if s.OldDeployment != s.NewDeployment {
		text = "deployment " + s.OldDeployment + t.bold.Render(" → "+s.NewDeployment)
	}
	if s.Canary > 0 {
		text += fmt.Sprintf(", first for %g %% of the calls", s.Canary)
	}
	t.row("stage", text)
	for _, v := range s.Set {
		switch {
		case v.New == nil:
			t.row("variable", clean(v.Name)+t.yellow.Render(" removed"))
		case v.Old == nil:
			t.row("variable", clean(v.Name+" = "+*v.New)+t.faint.Render(" (new)"))
		default:
			t.row("variable", clean(v.Name+" = "+*v.Old)+t.bold.Render(clean(" → "+*v.New)))
		}
	}
	if len(s.Kept) > 0 {
		var kept []string
		for _, name := range slices.Sorted(maps.Keys(s.Kept)) {
			kept = append(kept, name+" = "+s.Kept[name])
		}
		for i, line := range wrap(clean(strings.Join(kept, ", ")), textWidth-20) {
			label := "keeps"
			if i > 0 {
				label = ""
			}
			t.row(label, t.faint.Render(line))
		}
	}
}

func (p *Plan) writeFunctions(t *printer) {
	for i := range p.Functions {
		if i == functionsShown {
			t.row("", t.faint.Render(fmt.Sprintf("and %s more", count(len(p.Functions)-i, "function"))))
			return
		}
		m := &p.Functions[i]
		if m.Code != nil {
			size := ""
			if m.Code.Size > 0 {
				size = ", " + bytesText(m.Code.Size)
			}
			t.row("code", fmt.Sprintf("%s ← %s  %s", t.bold.Render(clean(short(m.Function))), clean(short(m.Source)), t.faint.Render(shortHash(m.Code.Old)+" → "+shortHash(m.Code.New)+size)))
		}
		for _, a := range m.Aliases {
			to := aliasText(a.New, a.NewWeights)
			if a.New == "" {
				to = "a new version of " + short(m.Source)
				if m.Publish && m.Code == nil {
					to = "a new version, of $LATEST"
				}
			}
			t.row("alias", fmt.Sprintf("%s  %s%s", t.bold.Render(clean(short(m.Function)+":"+a.Name)), aliasText(a.Old, a.Weights), t.bold.Render(" → "+clean(to))))
		}
		writeDifferences(t, "keeps", m.Kept, func(d *Difference) string {
			return d.Setting + ": " + orNothing(d.Target) + " (" + p.Request.From + ": " + orNothing(d.Source) + ")"
		})
		writeDifferences(t, "brings", m.Changed, func(d *Difference) string {
			return d.Setting + ": " + orNothing(d.Target) + " → " + orNothing(d.Source)
		})
	}
}

// writeDifferences tells settings that stay, or that come with a version.
func writeDifferences(t *printer, label string, all []Difference, text func(*Difference) string) {
	for i := range all {
		if i == keptShown {
			t.row("", t.faint.Render("and "+count(len(all)-i, "setting")+" more"))
			return
		}
		if i > 0 {
			label = ""
		}
		t.row(label, t.faint.Render(clean(text(&all[i]))))
	}
}

func (p *Plan) writeChecks(t *printer) {
	t.line("")
	passes := p.Checked > 0 && len(p.Problems) == 0
	if passes {
		t.paragraph(t.green.Render("✓"), fmt.Sprintf("%s of %s will pass after it", count(p.Checked, "method"), p.Stage.Name))
	}
	for _, warning := range p.Warnings {
		t.paragraph(t.yellow.Render("!"), warning)
	}
	if passes || len(p.Warnings) > 0 {
		t.line("")
	}
}

func (p *Plan) writeProblems(t *printer) {
	for i := range p.Problems {
		if i == problemsShown {
			t.line("    %s", t.faint.Render(fmt.Sprintf("and %d more", len(p.Problems)-i)))
			t.line("")
			return
		}
		x := &p.Problems[i]
		head := strings.TrimSpace(x.Code + " " + x.Method)
		if head == "" {
			head = x.Title
		}
		t.line("  %s %s", t.redBold.Render("✗"), t.bold.Render(clean(head)))
		t.paragraph(" ", x.Sentence)
		if x.Remedy != "" {
			t.paragraph(" ", x.Remedy)
		}
		t.commands(x.Fix)
		t.line("")
	}
}

// WriteEvent writes one line of a run.
func WriteEvent(w io.Writer, e Event) error {
	t := newPrinter()
	mark := t.green.Render("✓")
	switch {
	case e.Bad:
		mark = t.redBold.Render("✗")
	case e.Kind == "wait", e.Kind == "measure":
		mark = t.faint.Render("·")
	}
	took := ""
	if e.Took >= 100*time.Millisecond {
		took = t.faint.Render(fmt.Sprintf("  %.1f s", e.Took.Seconds()))
	}
	t.line("  %s %s%s", mark, clean(e.Text), took)
	return t.to(w)
}

// WriteText writes how a run ended.
func (r *Result) WriteText(w io.Writer) error {
	t := newPrinter()
	record := &r.Record
	t.line("")
	switch r.Outcome {
	case Promoted:
		t.paragraph(t.green.Render("✓"), fmt.Sprintf("%s runs what %s runs. Promotion %s; %s.", record.Stage, record.From, record.ID, count(r.Calls, "AWS call")))
	case RolledBack:
		mark := t.green.Render("✓")
		text := fmt.Sprintf("%s runs again what it ran before promotion %s.", record.Stage, record.ID)
		if r.Reason != "" {
			mark, text = t.redBold.Render("✗"), fmt.Sprintf("Not promoted: %s. %s", r.Reason, text)
		}
		if len(r.Lost) > 0 {
			mark, text = t.redBold.Render("✗"), strings.TrimSuffix(text, ".")+", but for what could not be put back:"
		}
		t.paragraph(mark, text)
		for _, lost := range r.Lost {
			t.paragraph(t.yellow.Render("!"), sentence(lost)+".")
		}
	default:
		t.paragraph(t.green.Render("="), "Nothing was changed.")
	}
	t.line("")
	return t.to(w)
}

// WriteText lists promotions, newest first.
func (h *Past) WriteText(w io.Writer) error {
	t := newPrinter()
	t.line("")
	t.line("  %s  %s", t.bold.Render("stagedoor history"), t.bold.Render(clean(h.APIName)+" "+h.API))
	t.line("")
	if len(h.Promotions) == 0 {
		t.paragraph(t.faint.Render("·"), "No promotion is kept. \"stagedoor promote "+h.APIName+" dev staging\" makes one.")
	}
	for i := range h.Promotions {
		h.Promotions[i].write(t)
	}
	if len(h.Promotions) > 0 {
		t.line("  %s", t.faint.Render(fmt.Sprintf("The last %d of each stage are kept, in its tags.", keptPromotions)))
	}
	t.line("")
	return t.to(w)
}

func (r *Record) write(t *printer) {
	mark := t.green.Render("✓")
	switch {
	case r.State == Undone:
		mark = t.yellow.Render("↶")
	case r.Interrupted():
		mark = t.redBold.Render("!")
	}
	t.line("  %s %s  %s  %s", mark, t.bold.Render(r.ID), clean(r.From+" → "+r.Stage), clean(r.outcome()))
	t.line("      %s", t.faint.Render(clean(r.Began.Format("2006-01-02 15:04 MST")+" by "+r.At+orBlank(" · ", r.By))))
	if r.OldDeployment != r.NewDeployment {
		t.line("      %s", t.faint.Render("deployment "+clean(r.OldDeployment+" → "+r.NewDeployment)))
	}
	for i := range r.Functions {
		f := &r.Functions[i]
		if f.NewCode != "" {
			t.line("      %s", t.faint.Render(clean(fmt.Sprintf("%s  code %s (kept as v%s) → %s", short(f.Function), shortHash(f.OldCode), f.OldVersion, shortHash(f.NewCode)))))
		}
		for _, a := range f.Aliases {
			t.line("      %s", t.faint.Render(clean(fmt.Sprintf("%s:%s  %s → v%s", short(f.Function), a.Name, aliasText(a.Old, a.Weights), a.New))))
		}
	}
	t.line("")
}

func (r *Record) outcome() string {
	switch r.State {
	case Done:
		return "done"
	case Undone:
		return "undone" + orBlank(": ", r.Reason)
	}
	return r.State + ": interrupted; run promote again to go on, or rollback"
}

func orBlank(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}
