package why

import (
	"slices"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/terminal"
)

// cleaned is a Decision whose texts are safe to print: what was asked for comes
// from whoever called, names come from whoever made them. What is not printed is
// left as it is.
func cleaned(d *grants.Decision) *grants.Decision {
	c := *d
	cleanTexts(&c.ID, &c.RequestID, &c.Request, &c.AccessKeyID, &c.Answer, &c.Operation, &c.Principal, &c.Action, &c.Resource,
		&c.API, &c.Stage, &c.Method, &c.Path, &c.FunctionARN, &c.Qualifier, &c.SourceARN, &c.Credentials, &c.Cause.Sentence)
	c.Fix, c.Notes = terminal.CleanAll(d.Fix), terminal.CleanAll(d.Notes)
	c.Context = slices.Clone(d.Context)
	for i := range c.Context {
		cleanTexts(&c.Context[i].Key)
		c.Context[i].Values = terminal.CleanAll(c.Context[i].Values)
	}
	c.Policies = slices.Clone(d.Policies)
	for i := range c.Policies {
		p := &c.Policies[i]
		p.Kind = grants.PolicyKind(terminal.Clean(string(p.Kind)))
		cleanTexts(&p.Owner, &p.Name, &p.Revision)
	}
	c.Changed = slices.Clone(d.Changed)
	for i := range c.Changed {
		cleanTexts(&c.Changed[i].What, &c.Changed[i].From, &c.Changed[i].To, &c.Changed[i].Detail)
	}
	if s := d.NearestMiss(); s != nil { // the one that is printed
		c.Statements = slices.Clone(d.Statements)
		c.Statements[d.Nearest] = cleanedStatement(s)
	}
	return &c
}

func cleanedStatement(s *grants.Statement) grants.Statement {
	c := *s
	cleanTexts(&c.Sid)
	c.Elements = slices.Clone(s.Elements)
	for i := range c.Elements {
		e := &c.Elements[i]
		cleanTexts(&e.Element, &e.Operator, &e.Key)
		e.Want, e.Got, e.Segments = terminal.CleanAll(e.Want), terminal.CleanAll(e.Got), slices.Clone(e.Segments)
		for j := range e.Segments {
			cleanTexts(&e.Segments[j].Part, &e.Segments[j].Want, &e.Segments[j].Got)
		}
	}
	return c
}

func cleanTexts(texts ...*string) {
	for _, text := range texts {
		*text = terminal.Clean(*text)
	}
}

// cleanedCells are cells that are safe to print.
func cleanedCells(cells []Cell) []Cell {
	out := slices.Clone(cells)
	for i := range out {
		c := &out[i]
		cleanTexts(&c.API, &c.APIName, &c.Stage, &c.Verb, &c.Path, &c.Problem)
		if c.Decision != nil {
			c.Decision = cleaned(c.Decision)
		}
	}
	return out
}

func (f *Finding) cleaned() *Finding {
	c := *f
	cleanTexts(&c.Code, &c.Title)
	c.Fix, c.Evidence = terminal.CleanAll(f.Fix), slices.Clone(f.Evidence)
	for i := range c.Evidence {
		cleanTexts(&c.Evidence[i][0], &c.Evidence[i][1])
	}
	return &c // sentences are wrapped, which cleans them
}
