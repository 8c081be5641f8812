package why

import (
	"fmt"
	"io"
	"strings"

	"github.com/stagedoor/stagedoor/iampolicy"
	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/terminal"
)

// Print writes one Decision in full: what was refused and why in a sentence,
// what was asked and read, the nearest statement element by element with the
// differing segment marked, and the commands that mend it.
func Print(w io.Writer, d *grants.Decision) error {
	p := &printer{Palette: terminal.Colors(), width: terminal.TextWidth(w), d: cleaned(d)}
	p.head()
	p.facts()
	p.nearest()
	p.changed()
	p.notes()
	p.fix()
	p.foot()
	return terminal.Write(w, p.b.String())
}

// printer lays out one Decision.
type printer struct {
	terminal.Palette
	b     strings.Builder
	width int
	d     *grants.Decision
}

func (p *printer) line(format string, args ...any) {
	p.b.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " "))
	p.b.WriteByte('\n')
}

func (p *printer) blank() { p.b.WriteByte('\n') }

func (p *printer) head() {
	d := p.d
	verdict := p.RedBold.Render("✗ REFUSED")
	switch {
	case !d.Outcome.Refused():
		verdict = p.GreenBold.Render("✓ ALLOWED")
	case d.Mode == grants.Warn:
		verdict = p.YellowBold.Render("! WOULD BE REFUSED")
	}
	switch d.Kind {
	case grants.CallerKind:
		p.callerHead(verdict)
		return
	case grants.FrontKind:
		p.frontHead(verdict)
		return
	}
	p.blank()
	p.line("%s  %s %s %s  %s %s", verdict, p.Bold.Render(d.Method+" "+d.Path),
		p.Faint.Render("on stage"), p.Bold.Render(stageOf(d))+p.Faint.Render(" of "+d.API),
		p.Faint.Render("→"), p.Bold.Render(target(d.FunctionARN, d.Qualifier)))
	p.blank()
	for _, line := range terminal.Wrap(d.Cause.Sentence, p.width-2) {
		p.line("  %s", line)
	}
	p.blank()
}

// target is what is called, as short as it is clear: "my-function:prod".
func target(arn, qualifier string) string {
	_, name, ok := strings.Cut(arn, ":function:")
	if !ok {
		name = arn
	}
	if qualifier != "" {
		name += ":" + qualifier
	}
	return name
}

const labelWidth = 11

func (p *printer) fact(label, value string) {
	p.line("  %s%s", p.Faint.Render(terminal.Pad(label, labelWidth)), value)
}

func (p *printer) facts() {
	d := p.d
	switch d.Kind {
	case grants.CallerKind:
		p.callerFacts()
		return
	case grants.FrontKind:
		p.frontFacts()
		return
	}
	p.fact("asked by", d.Principal)
	p.fact("for", d.Action)
	p.fact("on", d.Resource)
	p.fact("SourceArn", d.SourceARN)
	if d.Credentials != "" {
		p.fact("role", d.Credentials)
	}
	for i, policy := range d.Policies {
		label := "read"
		if i > 0 {
			label = ""
		}
		p.fact(label, p.policy(&policy))
	}
	p.blank()
}

func (p *printer) policy(r *grants.PolicyRead) string {
	text := PolicyName(r)
	switch {
	case r.Missing:
		return text + p.Red.Render(": there is none")
	case r.Error != "":
		return text + p.Red.Render(": it cannot be read")
	}
	text += p.Faint.Render(" · " + terminal.Count(r.Count, "statement"))
	if r.Revision != "" {
		text += p.Faint.Render(" · revision " + r.Revision)
	}
	return text
}

// PolicyName says which policy was read, in a few words.
func PolicyName(r *grants.PolicyRead) string {
	if name, ok := callerPolicyName(r); ok {
		return name
	}
	switch r.Kind {
	case grants.FunctionPolicy:
		return "policy of " + shortOwner(r.Owner)
	case grants.RolePolicy:
		return "policy " + r.Name + " of " + shortOwner(r.Owner)
	case grants.ResourcePolicy:
		return "resource policy of the API"
	case grants.Boundary:
		return "permissions boundary " + r.Owner
	default:
		return string(r.Kind) + " of " + shortOwner(r.Owner)
	}
}

// shortOwner drops what ARNs begin with.
func shortOwner(arn string) string {
	if _, name, ok := strings.Cut(arn, ":function:"); ok {
		return name
	}
	if _, name, ok := strings.Cut(arn, ":role/"); ok {
		return "role " + name
	}
	return arn
}

// nearest shows the nearest statement, element by element.
func (p *printer) nearest() {
	s := p.d.NearestMiss()
	if s == nil {
		return
	}
	owner := &p.d.Policies[s.Policy]
	what := "nearest"
	switch {
	case s.Matched && s.Effect == iampolicy.Allow && p.d.Outcome.Refused():
		what = "granted" // elsewhere: the cause says so
	case s.Matched:
		what = "decided by"
	}
	name := fmt.Sprintf("%d", s.Index+1)
	if s.Sid != "" {
		name = s.Sid
	}
	where := ""
	if len(p.d.Policies) > 1 {
		where = p.Faint.Render(" in the " + PolicyName(owner))
	}
	effect := ""
	if s.Effect == iampolicy.Deny {
		effect = p.RedBold.Render(" Deny")
	}
	p.fact(what, "statement "+p.Bold.Render(name)+effect+where)
	for i := range s.Elements {
		p.element(&s.Elements[i])
	}
	p.blank()
}

func (p *printer) element(e *iampolicy.ElementResult) {
	mark := p.Green.Render("✓")
	if !e.Matched {
		mark = p.RedBold.Render("✗")
	}
	label := e.Element
	if e.Element == "Condition" {
		label = keyName(e.Key)
	}
	indent := strings.Repeat(" ", labelWidth+2)
	want := strings.Join(e.Want, ", ")
	if e.Matched {
		p.line("%s%s %s%s", indent, mark, p.Faint.Render(terminal.Pad(label, 14)), p.Faint.Render(terminal.Cut(want, p.width-labelWidth-20)))
		return
	}
	if c := newComparison(e); c != nil {
		note := e.Operator
		if len(e.Want) > 1 {
			note += fmt.Sprintf(", nearest of %d", len(e.Want))
		}
		p.line("%s%s %s", indent, mark, strings.TrimSpace(terminal.Pad(label, 14)+note))
		p.comparison(c, indent+"    ")
		return
	}
	got := strings.Join(e.Got, ", ")
	if len(e.Got) == 0 {
		got = p.Faint.Render("(not sent)")
	}
	p.line("%s%s %s", indent, mark, strings.TrimSpace(terminal.Pad(label, 14)+e.Operator))
	p.line("%s    %s  %s", indent, p.Faint.Render("wants"), p.Cyan.Render(want))
	p.line("%s    %s    %s", indent, p.Faint.Render("got"), p.Red.Render(got))
}

// keyName drops the prefix that all these keys share.
func keyName(key string) string {
	if prefix, name, ok := strings.Cut(key, ":"); ok && strings.EqualFold(prefix, "aws") {
		return name
	}
	return key
}

func (p *printer) notes() {
	for _, note := range p.d.Notes {
		for i, line := range terminal.Wrap(note, p.width-4) {
			bullet := "·"
			if i > 0 {
				bullet = " "
			}
			p.line("  %s %s", p.Faint.Render(bullet), line)
		}
	}
	if len(p.d.Notes) > 0 {
		p.blank()
	}
}

func (p *printer) fix() {
	if len(p.d.Fix) == 0 || !p.d.Outcome.Refused() {
		return
	}
	p.line("  %s", p.GreenBold.Render("Mend it:"))
	p.blank()
	for _, command := range p.d.Fix {
		for _, line := range breakCommand(command, p.width) {
			p.line("%s", p.Cyan.Render(line))
		}
	}
	p.blank()
}

// breakCommand breaks a long command before its options, with the backslashes
// that make it one command when pasted.
func breakCommand(command string, width int) []string {
	if len(command) <= width {
		return []string{command}
	}
	const indent = "    "
	var lines []string
	line := ""
	for i, part := range splitOptions(command) {
		switch {
		case i == 0:
			line = part
		case len(line)+1+len(part)+2 > width:
			lines = append(lines, line+" \\")
			line = indent + part
		default:
			line += " " + part
		}
	}
	return append(lines, line)
}

// splitOptions cuts a command before each " --" that stands outside quotes.
func splitOptions(command string) []string {
	var parts []string
	var quote byte
	start := 0
	for i := 0; i < len(command); i++ {
		switch c := command[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\\':
			i++
		case c == '"' || c == '\'':
			quote = c
		case c == ' ' && strings.HasPrefix(command[i:], " --"):
			parts = append(parts, command[start:i])
			start = i + 1
		}
	}
	return append(parts, command[start:])
}

func (p *printer) foot() {
	d := p.d
	var parts []string
	if d.ID != "" {
		parts = append(parts, "stagedoor why "+d.ID)
	}
	if d.RequestID != "" {
		parts = append(parts, "request "+d.RequestID)
	}
	if !d.Time.IsZero() {
		parts = append(parts, d.Time.UTC().Format("2006-01-02 15:04:05 UTC"))
	}
	if d.Count > 1 {
		parts = append(parts, fmt.Sprintf("%d times", d.Count))
	}
	if len(parts) == 0 {
		return
	}
	p.line("  %s", p.Faint.Render(strings.Join(parts, " · ")))
}
