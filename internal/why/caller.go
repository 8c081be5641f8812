package why

import (
	"strings"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/terminal"
)

// callerHead is head for a refused caller of the control plane: what was
// refused is an operation, and who asked matters more than where.
func (p *printer) callerHead(verdict string) {
	p.blank()
	p.line("%s  %s %s %s", verdict, p.Bold.Render(p.d.Operation), p.Faint.Render("by"), p.Bold.Render(principalName(p.d.Principal)))
	p.blank()
	for _, line := range terminal.Wrap(p.d.Cause.Sentence, p.width-2) {
		p.line("  %s", line)
	}
	p.blank()
}

// callerFacts is facts for a refused caller.
func (p *printer) callerFacts() {
	d := p.d
	p.fact("asked by", d.Principal)
	p.fact("for", d.Action)
	p.fact("on", d.Resource)
	if len(d.Policies) == 0 {
		p.fact("read", "nothing: no policy applies")
	}
	for i := range d.Policies {
		label := "read"
		if i > 0 {
			label = ""
		}
		p.fact(label, p.policy(&d.Policies[i]))
	}
	p.blank()
}

// principalName is the end of a principal's ARN: "user/ada",
// "assumed-role/job/run".
func principalName(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return arn
	}
	return parts[5]
}

// callerRow is a refused caller in List's columns: the operation, who asked,
// and what for.
func callerRow(d *grants.Decision) []string {
	return []string{d.Operation, principalName(d.Principal), lastOf(d.Resource)}
}

// lastOf is the end of an ARN, which names the thing.
func lastOf(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return arn
	}
	return parts[5]
}

// callerPolicyName names the kinds of policy that only callers have.
func callerPolicyName(r *grants.PolicyRead) (string, bool) {
	switch r.Kind {
	case grants.UserPolicy, grants.GroupPolicy:
		return "policy " + r.Name + " of " + strings.Replace(principalName(r.Owner), "/", " ", 1), true
	case grants.SessionPolicy:
		if r.Name != "" {
			return "session policy " + r.Name, true
		}
		return "policy of the session " + principalName(r.Owner), true
	}
	return "", false
}
