package why

import (
	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/terminal"
)

// changed shows what is different from the last state in which the call would
// have been allowed.
func (p *printer) changed() {
	changes := p.d.Changed
	if len(changes) == 0 {
		return
	}
	first := changes[0].Time
	for i := range changes {
		if changes[i].Time.Before(first) {
			first = changes[i].Time
		}
	}
	p.fact("changed", "This call was allowed until "+p.Bold.Render(first.UTC().Format("2006-01-02 15:04:05 UTC"))+". Since then:")
	for i := range changes {
		for j, line := range terminal.Wrap(changeText(&changes[i]), p.width-labelWidth-4) {
			mark := p.YellowBold.Render("~")
			if j > 0 {
				mark = " "
			}
			p.line("%s%s %s", terminal.Pad("", labelWidth+2), mark, line)
		}
	}
	p.blank()
}

// changeText is one change in words: "policy of function my-function-dev:
// statement api removed (revision-1 → none)".
func changeText(c *grants.Change) string {
	switch {
	case c.From == "" && c.To == "":
		return c.What + ": " + c.Detail
	case c.Detail != "":
		return c.What + ": " + c.Detail + " (" + noneFor(c.From) + " → " + noneFor(c.To) + ")"
	default:
		return c.What + ": " + noneFor(c.From) + " → " + noneFor(c.To)
	}
}

func noneFor(value string) string {
	if value == "" {
		return "none"
	}
	return value
}
