package why

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/terminal"
)

// List writes decisions one a line, in the order given: id, age, how often,
// method and path, stage, target and cause. now is what ages are measured from.
func List(w io.Writer, decisions []*grants.Decision, now time.Time) error {
	p := terminal.Colors()
	rows := make([][]string, len(decisions))
	widths := make([]int, 6)
	for i, d := range decisions {
		d = cleaned(d)
		times := ""
		if d.Count > 1 {
			times = fmt.Sprintf("×%d", d.Count)
		}
		rows[i] = []string{d.ID, age(now.Sub(d.LastTime)), times, d.Method + " " + d.Path, stageOf(d), target(d.FunctionARN, d.Qualifier)}
		switch d.Kind {
		case grants.CallerKind:
			rows[i] = append(rows[i][:3], callerRow(d)...)
		case grants.FrontKind:
			rows[i] = append(rows[i][:3], frontRow(d)...)
		}
		for j, cell := range rows[i] {
			widths[j] = max(widths[j], terminal.Width(cell))
		}
	}
	styles := []terminal.Style{p.Cyan, p.Faint, p.Faint, p.Bold, p.Plain, p.Plain}
	width := terminal.Columns(w)
	if width == 0 {
		width = 1 << 20 // a pipe: whoever reads it cuts
	}
	var b strings.Builder
	for i, d := range decisions {
		mark := p.RedBold.Render("✗")
		if d.Mode == grants.Warn {
			mark = p.YellowBold.Render("!")
		}
		line := mark
		used := 1
		for j, cell := range rows[i] {
			if widths[j] > 0 {
				line += " " + terminal.Pad(styles[j].Render(cell), widths[j]) + " "
				used += widths[j] + 2
			}
		}
		b.WriteString(strings.TrimRight(line+" "+p.Faint.Render(terminal.Cut(d.Cause.Sentence, max(width-used-1, 20))), " ") + "\n")
	}
	return terminal.Write(w, b.String())
}

// age says how long ago something was, in words that are short.
func age(d time.Duration) string {
	switch {
	case d < time.Second:
		return "now"
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days ago", int(d.Hours()/24))
	}
}

// stageOf names the stage that a call came from, and its canary.
func stageOf(d *grants.Decision) string {
	if d.Canary {
		return d.Stage + " (canary)"
	}
	return d.Stage
}
