package why

import (
	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/terminal"
)

// frontHead is head for a client of a deployed API: what was refused is a
// request, and nothing was called.
func (p *printer) frontHead(verdict string) {
	d := p.d
	if d.Outcome == grants.NotFound {
		verdict = p.RedBold.Render("✗ NOT FOUND")
	}
	p.blank()
	p.line("%s  %s %s %s  %s %s", verdict, p.Bold.Render(d.Request),
		p.Faint.Render("on stage"), p.Bold.Render(stageOf(d))+p.Faint.Render(" of "+d.API),
		p.Faint.Render("by"), p.Bold.Render(principalName(d.Principal)))
	p.blank()
	for _, line := range terminal.Wrap(d.Cause.Sentence, p.width-2) {
		p.line("  %s", line)
	}
	p.blank()
}

// frontFacts is facts for a client.
func (p *printer) frontFacts() {
	d := p.d
	if d.Outcome == grants.NotFound {
		p.fact("answered", d.Answer)
		p.blank()
		return
	}
	who := d.Principal
	if d.AccessKeyID != "" {
		who += p.Faint.Render(" · access key " + d.AccessKeyID)
	}
	p.fact("asked by", who)
	if ip := contextValue(d, "aws:SourceIp"); ip != "" {
		p.fact("from", ip)
	}
	p.fact("for", d.Action)
	p.fact("on", d.Resource)
	if d.Outcome == grants.CallerRefused && len(d.Policies) == 0 {
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

func contextValue(d *grants.Decision, key string) string {
	for _, k := range d.Context {
		if k.Key == key && len(k.Values) > 0 {
			return k.Values[0]
		}
	}
	return ""
}

// frontRow is a refused client in List's columns.
func frontRow(d *grants.Decision) []string {
	return []string{d.Method + " " + d.Path, stageOf(d), principalName(d.Principal)}
}
