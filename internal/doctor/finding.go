package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/why"
)

// cellFindings turns the cells that do not pass into findings, one for each
// cause of each method, on all the stages where it is the same.
func (e *exam) cellFindings() []Finding {
	var out []Finding
	index := map[string]int{}
	for i := range e.cells {
		c := &e.cells[i]
		if c.Verdict == Passes || c.hidden {
			continue
		}
		f := e.finding(c)
		key := strings.Join([]string{f.Code, f.API, f.Method, f.Sentence}, "\n")
		if at, ok := index[key]; ok {
			out[at].Stages = union(out[at].Stages, f.Stages)
			out[at].Fix = union(out[at].Fix, f.Fix)
			continue
		}
		index[key] = len(out)
		out = append(out, f)
	}
	return out
}

// union appends what is not there yet.
func union(list, more []string) []string {
	for _, s := range more {
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// newFinding begins a finding about a cell.
func newFinding(code string, c *Cell) Finding {
	k := codeOf(code)
	f := Finding{Code: k.ID, Title: k.Title, Level: k.Level, API: c.API, Name: c.Name, Method: c.Method, Function: c.Function}
	stage := c.Stage
	if c.Share != "" {
		stage += " (" + c.Share + ")"
	}
	f.Stages = []string{stage}
	return f
}

func (e *exam) finding(c *Cell) Finding {
	f := newFinding(c.Code, c)
	if c.Code == notDeployed {
		f.Level = Error // of this one it is known that calls fail
	}
	f.Sentence = c.Problem
	if d := c.Decision; d != nil {
		f.Sentence, f.Notes = d.Cause.Sentence, d.Notes
		f.Evidence = evidence(d)
		f.Fix = e.grantFix(c)
	} else if c.Function != "" {
		f.Evidence = append(f.Evidence, Fact{"calls", c.Function})
	}
	if add := e.remedies()[c.Code]; add != nil {
		add(c, &f)
	}
	return f
}

// evidence is what the verdict rests on.
func evidence(d *grants.Decision) []Fact {
	facts := []Fact{{"calls", d.Resource}, {"SourceArn", d.SourceARN}}
	if d.Credentials != "" {
		facts = []Fact{{"calls", d.Resource}, {"role", d.Credentials}}
	}
	for i := range d.Policies {
		p := &d.Policies[i]
		text := why.PolicyName(p)
		switch {
		case p.Missing:
			text += ": there is none"
		case p.Revision != "":
			text += ", revision " + p.Revision
		}
		facts = append(facts, Fact{"read", text})
	}
	if s := d.NearestMiss(); s != nil && !s.Matched {
		for _, element := range s.Failed() {
			name := element.Element
			if element.Key != "" {
				name = element.Key
			}
			facts = append(facts, Fact{"statement", orNone(s.Sid, fmt.Sprint(s.Index+1)) + ": " + name + " " + strings.Join(element.Want, ", ")})
		}
	}
	return facts
}

// grantFix is the Decision's fix, brought into the shape that authorizers,
// routes and taken ids need.
func (e *exam) grantFix(c *Cell) []string {
	var out []string
	for _, line := range c.Decision.Fix {
		cmd, err := parseCommand(line)
		if err != nil || !isGatewayGrant(cmd) {
			out = append(out, line)
			continue
		}
		e.reshape(c, cmd)
		out = append(out, cmd.String())
	}
	return out
}

func isGatewayGrant(c *command) bool {
	return c.is("lambda", "add-permission") && c.get("principal") == grants.GatewayPrincipal
}

// reshape gives a grant the SourceArn of what calls: the methods of REST APIs
// have the one that it has.
func (e *exam) reshape(c *Cell, cmd *command) {
	stem := "arn:aws:execute-api:" + c.to.region + ":" + e.account + ":" + c.API + "/"
	switch {
	case c.authorizer != nil:
		cmd.set("source-arn", c.SourceARN)
		cmd.set("statement-id", statementName("apigateway", c.API, "authorizer", c.authorizer.id))
	case c.stage.api.kind == webSocketKind || c.method.verb == "":
		cmd.set("source-arn", stem+"*/"+c.method.path)
		cmd.set("statement-id", statementName("apigateway", c.API, strings.TrimPrefix(c.method.path, "$")))
	}
}

// statementName joins words into a statement id in the alphabet of Lambda.
func statementName(words ...string) string {
	id := strings.Map(func(r rune) rune {
		if r < 128 && isWord(string(r)) {
			return r
		}
		return '-'
	}, strings.Join(words, "-"))
	return id[:min(len(id), 90)]
}
