package doctor

import (
	"cmp"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/internal/target"
	"github.com/stagedoor/stagedoor/internal/why"
)

// Logged is a call that a log tells of. What is not known is "".
type Logged struct {
	API, Stage string
	Method     string // as configured: "ANY /{proxy+}"
	Verb, Path string // of the request; Path may be the resource's template
	SourceARN  string // as API Gateway sent it
	Authorizer string // id of the authorizer that was called
	// OfAuthorizer: it was some authorizer, whichever it is.
	OfAuthorizer bool
}

// Logged returns the cells that a logged call may have met, those that do not
// pass first. Where the log names the SourceArn or the method there is one, and
// one more for each canary; where it names a request, those of the methods whose
// path is the most specific; where it names neither, every cell of the stage
// that does not pass.
func (r *Report) Logged(l Logged) []*Cell {
	var found []*Cell
	best := -1
	for i := range r.Cells {
		c := &r.Cells[i]
		rank := c.rank(&l)
		switch {
		case rank < 0 || rank < best:
			continue
		case rank > best:
			found, best = found[:0], rank
		}
		found = append(found, c)
	}
	if best == 0 {
		found = slices.DeleteFunc(found, func(c *Cell) bool { return c.Verdict == Passes })
	}
	slices.SortStableFunc(found, func(a, b *Cell) int { return cmp.Compare(passing(a), passing(b)) })
	return found
}

func passing(c *Cell) int {
	if c.Verdict == Passes {
		return 1
	}
	return 0
}

// rank says how well a cell fits: -1 not at all, 0 for want of anything better,
// otherwise the more the more certain.
func (c *Cell) rank(l *Logged) int {
	const certain = 1 << 20
	if l.API != "" && c.API != l.API || l.Stage != "" && c.Stage != l.Stage {
		return -1
	}
	if l.OfAuthorizer || l.Authorizer != "" {
		switch {
		case c.authorizer == nil:
			return -1
		case l.Authorizer == "":
			return 0
		case l.Authorizer == c.authorizer.id:
			return certain
		}
		return -1
	}
	switch {
	case c.method == nil:
		return -1
	case l.SourceARN != "" && c.SourceARN != "":
		return certainIf(l.SourceARN == c.SourceARN, certain)
	case l.Method != "":
		return certainIf(l.Method == c.Method, certain)
	case l.Verb == "":
		return 0
	}
	return c.method.fit(l.Verb, l.Path)
}

func certainIf(yes bool, rank int) int {
	if yes {
		return rank
	}
	return -1
}

// fit ranks a method for a request: API Gateway takes the resource with the
// most literal segments, a greedy one last, and on it the verb before ANY.
func (m *method) fit(verb, path string) int {
	const exact, greedy = 1 << 16, 1
	if m.verb == "" {
		return 0 // $default takes what nothing else takes
	}
	if m.verb != verb && m.verb != "ANY" {
		return -1
	}
	verbFits := 0
	if m.verb == verb {
		verbFits = 1
	}
	switch {
	case m.path == path:
		return exact + verbFits
	case !templateMatches(m.path, path):
		return -1
	}
	rank := 0
	for part := range strings.SplitSeq(strings.Trim(m.path, "/"), "/") {
		switch {
		case strings.HasSuffix(part, "+}"):
			rank += greedy
		case strings.HasPrefix(part, "{"):
			rank += 4
		default:
			rank += 8
		}
	}
	return rank*2 + verbFits
}

// FindingOf returns what was found about a cell; nil where it passes.
func (r *Report) FindingOf(c *Cell) *Finding {
	stage := c.Stage
	if c.Share != "" {
		stage += " (" + c.Share + ")"
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Code == c.Code && f.API == c.API && f.Method == c.Method && slices.Contains(f.Stages, stage) {
			return f
		}
	}
	return nil
}

// Shown is a finding as package why prints it.
func (f *Finding) Shown() why.Finding { return shownFinding(f) }

// StageOf names a stage of an API.
type StageOf struct{ API, Stage string }

// LoggingTo returns the stages of REST and HTTP APIs that write their access
// log to a group of CloudWatch Logs.
func LoggingTo(d *target.Dump, group string) []StageOf {
	var out []StageOf
	is := func(arn *string) bool {
		_, name, ok := strings.Cut(text(arn), ":log-group:")
		return ok && strings.TrimSuffix(name, ":*") == group
	}
	for _, a := range d.RestAPIs {
		for i := range a.Stages {
			if s := a.Stages[i].AccessLogSettings; s != nil && is(s.DestinationArn) {
				out = append(out, StageOf{API: text(a.API.Id), Stage: text(a.Stages[i].StageName)})
			}
		}
	}
	for _, a := range d.HTTPAPIs {
		for i := range a.Stages {
			if s := a.Stages[i].AccessLogSettings; s != nil && is(s.DestinationArn) {
				out = append(out, StageOf{API: text(a.API.ApiId), Stage: text(a.Stages[i].StageName)})
			}
		}
	}
	return out
}
