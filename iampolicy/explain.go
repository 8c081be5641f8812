package iampolicy

import (
	"slices"
	"strings"
)

// Distances between what a statement asks for and what a request has. Only
// their order matters: a statement that fails in one late segment of an ARN is
// nearer than one that is about another account, and that one is nearer than
// one for another principal.
const (
	farElement = 1000 // an element without finer grain: principal, action, plain condition
	farPart    = 200  // one of the first five ARN parts
	farAPI     = 100  // the first "/" segment of the resource part: which thing it is about
	farSegment = 20   // any later segment, or one too many or too few
	nearCase   = 1    // a segment that differs in case only
)

// Explain answers r as Evaluate does and says why. It looks at everything,
// decided or not, and allocates freely: it is for refusals and for people.
func (p *Policy) Explain(r *Request) Explanation {
	out := Explanation{Effect: p.Evaluate(r), Statements: make([]StatementResult, len(p.statements))}
	shared := map[any]ElementResult{}
	for i := range p.statements {
		out.Statements[i] = p.statements[i].explain(r, shared)
	}
	slices.SortStableFunc(out.Statements, func(a, b StatementResult) int { return a.rank(out.Effect) - b.rank(out.Effect) })
	return out
}

// rank orders the statements of an Explanation: what decided, then what could
// have helped, nearest first, then the rest.
func (s *StatementResult) rank(effect Effect) int {
	const behind = 1 << 30
	switch {
	case s.Matched && s.Effect == effect:
		return -1
	case s.Effect == Allow || effect == Deny:
		return s.Distance
	default:
		return behind + s.Distance // a Deny that did not apply changes nothing
	}
}

// once explains an element that several statements share one time.
func once(shared map[any]ElementResult, e interface {
	explain(r *Request) ElementResult
}, r *Request) ElementResult {
	known, ok := shared[e]
	if !ok {
		known = e.explain(r)
		shared[e] = known
	}
	return known
}

func (s *statement) explain(r *Request, shared map[any]ElementResult) StatementResult {
	out := StatementResult{Index: s.index, Sid: s.sid, Effect: s.effect}
	if s.principal != nil {
		out.Elements = append(out.Elements, once(shared, s.principal, r))
	}
	if s.action != nil {
		out.Elements = append(out.Elements, once(shared, s.action, r))
	}
	if s.resource != nil {
		out.Elements = append(out.Elements, once(shared, s.resource, r))
	}
	for i := range s.conditions {
		out.Elements = append(out.Elements, s.conditions[i].explain(r.Context))
	}
	out.Matched = true
	for i := range out.Elements {
		if e := &out.Elements[i]; !e.Matched {
			out.Matched = false
			out.Distance += e.distance()
		}
	}
	return out
}

func (e *ElementResult) distance() int {
	total := 0
	for i := range e.Segments {
		total += e.Segments[i].distance()
	}
	if total == 0 {
		return farElement
	}
	return min(total, farElement)
}

func (s *Segment) distance() int {
	switch {
	case s.Matched:
		return 0
	case strings.EqualFold(s.Want, s.Got):
		return nearCase
	case s.Part != partResource:
		return farPart
	case s.Index == 0:
		return farAPI
	default:
		return farSegment
	}
}

func (e *principalElement) explain(r *Request) ElementResult {
	var m memo
	out := ElementResult{Element: e.name, Matched: e.matches(r, &m)}
	if id := r.Principal.ID; id != "" {
		out.Got = []string{id}
	} else {
		out.Got = []string{string(r.Principal.Type)}
	}
	for _, name := range e.names {
		out.Want = append(out.Want, name.text)
	}
	return out
}

func (e *actionElement) explain(r *Request) ElementResult {
	var m memo
	out := ElementResult{Element: e.name, Matched: e.matches(r, &m), Got: []string{r.Action}}
	for _, pattern := range e.patterns {
		out.Want = append(out.Want, pattern.text)
	}
	return out
}

func (e *resourceElement) explain(r *Request) ElementResult {
	var m memo
	out := ElementResult{Element: e.name, Matched: e.matches(r, &m), Got: []string{r.Resource}}
	patterns := make([]*arnPattern, len(e.patterns))
	for i := range e.patterns {
		out.Want = append(out.Want, e.patterns[i].whole.text)
		patterns[i] = &e.patterns[i]
	}
	out.compare(patterns, r.Resource, r.Context)
	return out
}

func (c *condition) explain(ctx Context) ElementResult {
	out := ElementResult{Element: "Condition", Operator: c.operator, Key: c.key, Got: ctx.Lookup(c.lookup), Matched: c.holds(ctx)}
	var patterns []*arnPattern
	for i := range c.values {
		out.Want = append(out.Want, c.values[i].text)
		switch c.op.kind {
		case opARN:
			patterns = append(patterns, &c.values[i].arn)
		case opString, opStringLike: // an ARN compared as text is still read by people as an ARN
			a := newARNPattern(c.values[i].plain, false)
			patterns = append(patterns, &a)
		}
	}
	if len(out.Got) == 1 && len(patterns) > 0 {
		out.compare(patterns, out.Got[0], ctx)
	}
	return out
}

// compare fills in Closest and Segments: the comparison with the nearest
// pattern.
func (e *ElementResult) compare(patterns []*arnPattern, got string, ctx Context) {
	best := -1
	for i, a := range patterns {
		segments := a.segments(got, ctx)
		distance := 0
		for j := range segments {
			distance += segments[j].distance()
		}
		if segments != nil && (best < 0 || distance < best) {
			best, e.Closest, e.Segments = distance, i, segments
		}
	}
}
