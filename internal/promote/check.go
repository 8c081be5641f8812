package promote

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/internal/doctor"
	"github.com/stagedoor/stagedoor/internal/target"
)

// checkAfter lets doctor examine the target stage as it will be. What will be
// refused stops the promotion, or with --fix adds the grants to it. What is
// broken on the source in the same way is told and does not stop it.
func (b *builder) checkAfter(p *Plan, after *target.Dump) {
	report := doctor.Examine(after, doctor.Options{})
	broken := map[string]bool{}
	for i := range report.Cells {
		if c := &report.Cells[i]; c.Stage == p.Request.From && c.Verdict == doctor.Broken {
			broken[c.Method+" "+c.Code] = true
		}
	}
	wanted := map[string]bool{} // code and method of the findings that stop
	for i := range report.Cells {
		c := &report.Cells[i]
		if c.Stage != p.Stage.Name {
			continue
		}
		p.Checked++
		if c.Verdict == doctor.Passes {
			continue
		}
		switch {
		case c.Verdict == doctor.Undecided:
			p.warn("%s: %s", c.Method, strings.TrimSuffix(c.Problem, "."))
		case c.Verdict == doctor.Broken && c.Code != undefinedVariable && broken[c.Method+" "+c.Code]:
			p.warn("%s does not work on %s either: %s", c.Method, p.Request.From, strings.TrimSuffix(c.Problem, "."))
		default:
			wanted[c.Code+" "+c.Method] = true
		}
	}
	var stopping []doctor.Finding
	for i := range report.Findings {
		f := report.Findings[i]
		if wanted[f.Code+" "+f.Method] && slices.Contains(f.Stages, p.Stage.Name) {
			stopping = append(stopping, f)
		}
	}
	b.fixes(p, report, stopping)
	for i := range stopping {
		if f := &stopping[i]; !p.Request.Fix || !onlyGrants(f.Fix) {
			p.found(f)
		}
	}
}

// fixes puts the grants that mend the findings into the plan, if asked to.
func (b *builder) fixes(p *Plan, report *doctor.Report, findings []doctor.Finding) {
	if !p.Request.Fix {
		return
	}
	mended := &doctor.Report{Account: report.Account, Region: report.Region, Policies: report.Policies}
	for i := range findings {
		if onlyGrants(findings[i].Fix) {
			mended.Findings = append(mended.Findings, findings[i])
		}
	}
	p.Grants = mended.Plan(p.Request.Wide)
}

// onlyGrants tells fixes that add or replace grants of functions from those
// that change the API, a role or a stage: these are for a person to decide.
func onlyGrants(fix []string) bool {
	for _, line := range fix {
		if !strings.HasPrefix(line, "aws lambda add-permission ") && !strings.HasPrefix(line, "aws lambda remove-permission ") {
			return false
		}
	}
	return len(fix) > 0
}

// found makes a finding a problem. An undefined variable is told once.
func (p *Plan) found(f *doctor.Finding) {
	x := Problem{Code: f.Code, Title: f.Title, Method: f.Method, Function: f.Function, Sentence: f.Sentence, Fix: f.Fix}
	switch {
	case f.Code == undefinedVariable:
		x.Fix, x.Remedy = nil, fmt.Sprintf("Say what the variable is on %s: --set NAME=VALUE", p.Stage.Name)
		if slices.ContainsFunc(p.Problems, func(q Problem) bool { return q.Code == undefinedVariable }) {
			return
		}
	case onlyGrants(f.Fix):
		x.Remedy = "--fix adds the grant before anything moves."
	}
	p.problem(x)
}
