package iampolicy

// Policy is a compiled policy document.
type Policy struct {
	// Version is "2012-10-17" or "2008-10-17"; the latter when the document
	// names none.
	Version string
	// ID is the document's Id, "" without one.
	ID string

	statements []statement
	// Deny statements first: the first that applies is the answer.
	order []*statement
}

// statement is one compiled statement. An element that the document leaves out
// is nil and always matches: identity policies have no Principal, trust
// policies no Resource.
type statement struct {
	index      int
	sid        string
	effect     Effect
	principal  *principalElement
	action     *actionElement
	resource   *resourceElement
	conditions []condition
	begin, end Position
}

// memoSlots is how many different elements of one policy are remembered during
// one evaluation.
const memoSlots = 64

// element is what the three kinds of element share. Statements with the same
// text share one element, and slot is its place in the memo of an evaluation:
// the hundred statements of a full function policy name one principal, one
// action and one resource, which are then compared once.
type element struct {
	name string // "Principal", "NotPrincipal", …
	not  bool
	slot uint8 // memoSlots: none
}

type principalElement struct {
	element
	names []principalPattern
}

type actionElement struct {
	element
	patterns []actionPattern
}

type resourceElement struct {
	element
	patterns []arnPattern
}

// memo remembers the verdicts on elements during one evaluation.
type memo struct{ known, matched uint64 }

// Len returns the number of statements.
func (p *Policy) Len() int { return len(p.statements) }

// Evaluate answers r. It allocates nothing unless a policy variable stands in an
// ARN.
func (p *Policy) Evaluate(r *Request) Effect {
	var m memo
	for _, s := range p.order {
		if s.applies(r, &m) {
			return s.effect
		}
	}
	return NoMatch
}

func (s *statement) applies(r *Request, m *memo) bool {
	if s.action != nil && !s.action.matches(r, m) {
		return false
	}
	if s.principal != nil && !s.principal.matches(r, m) {
		return false
	}
	if s.resource != nil && !s.resource.matches(r, m) {
		return false
	}
	for i := range s.conditions {
		if !s.conditions[i].holds(r.Context) {
			return false
		}
	}
	return true
}

func (e *element) recall(m *memo) (matched, known bool) {
	bit := uint64(1) << e.slot // 0 for memoSlots
	return m.matched&bit != 0, m.known&bit != 0
}

func (e *element) remember(m *memo, matched bool) bool {
	bit := uint64(1) << e.slot
	m.known |= bit
	if matched {
		m.matched |= bit
	}
	return matched
}

func (e *principalElement) matches(r *Request, m *memo) bool {
	if matched, known := e.recall(m); known {
		return matched
	}
	for i := range e.names {
		if e.names[i].match(&r.Principal) {
			return e.remember(m, !e.not)
		}
	}
	return e.remember(m, e.not)
}

func (e *actionElement) matches(r *Request, m *memo) bool {
	if matched, known := e.recall(m); known {
		return matched
	}
	for i := range e.patterns {
		if e.patterns[i].match(r.Action) {
			return e.remember(m, !e.not)
		}
	}
	return e.remember(m, e.not)
}

func (e *resourceElement) matches(r *Request, m *memo) bool {
	if matched, known := e.recall(m); known {
		return matched
	}
	for i := range e.patterns {
		if e.patterns[i].match(r.Resource, r.Context) {
			return e.remember(m, !e.not)
		}
	}
	return e.remember(m, e.not)
}

// Keys returns the condition keys that the policy asks for, in conditions and
// in policy variables, as written and possibly more than once. A caller can
// leave out of a Request what no policy asks for.
func (p *Policy) Keys() []string {
	var keys []string
	variables := func(q *pattern) {
		for i := range q.pieces {
			if q.pieces[i].kind == variable {
				keys = append(keys, q.pieces[i].text)
			}
		}
	}
	for i := range p.statements {
		s := &p.statements[i]
		if s.resource != nil {
			for j := range s.resource.patterns {
				variables(&s.resource.patterns[j].whole)
			}
		}
		for j := range s.conditions {
			c := &s.conditions[j]
			keys = append(keys, c.key)
			for k := range c.values {
				variables(&c.values[k].plain)
				variables(&c.values[k].arn.whole)
			}
		}
	}
	return keys
}
