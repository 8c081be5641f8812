package iampolicy

import (
	"fmt"
	"strings"
)

// compile turns the raw statements into the Policy.
func (p *parser) compile() error {
	variables := p.policy.Version == "2012-10-17"
	p.policy.statements = make([]statement, len(p.raw))
	slots := 0
	for i := range p.raw {
		raw, s := &p.raw[i], &p.policy.statements[i]
		s.index, s.sid, s.effect = i, raw.sid, raw.effect
		s.begin, s.end = positionOf(p.doc, raw.start+1), positionOf(p.doc, raw.end)
		var err error
		if s.principal, err = intern(p, raw.principal, &slots, newPrincipalElement); err != nil {
			return err
		}
		if s.action, err = intern(p, raw.action, &slots, newActionElement); err != nil {
			return err
		}
		s.resource, err = intern(p, raw.resource, &slots, func(e element, v []rawValue) (*resourceElement, *rawValue, error) {
			return newResourceElement(e, v, variables)
		})
		if err != nil {
			return err
		}
		for j := range raw.conditions {
			c, err := p.condition(&raw.conditions[j], variables)
			if err != nil {
				return err
			}
			s.conditions = append(s.conditions, c)
		}
	}
	for _, effect := range []Effect{Deny, Allow} {
		for i := range p.policy.statements {
			if s := &p.policy.statements[i]; s.effect == effect {
				p.policy.order = append(p.policy.order, s)
			}
		}
	}
	return nil
}

// intern compiles an element once per distinct text and numbers it.
func intern[E any](p *parser, raw *rawElement, slots *int, compile func(element, []rawValue) (*E, *rawValue, error)) (*E, error) {
	if raw == nil {
		return nil, nil
	}
	key := raw.name
	for _, v := range raw.values {
		key += "\x00" + string(v.of) + "\x00" + v.text
	}
	if known, ok := p.shared[key].(*E); ok {
		return known, nil
	}
	e := element{name: raw.name, not: strings.HasPrefix(raw.name, "Not"), slot: uint8(min(*slots, memoSlots))}
	compiled, at, err := compile(e, raw.values)
	if err != nil {
		return nil, newError(p.doc, at.offset, at.path, raw.name+": "+err.Error(), "")
	}
	*slots++
	p.shared[key] = compiled
	return compiled, nil
}

func newPrincipalElement(e element, values []rawValue) (*principalElement, *rawValue, error) {
	out := &principalElement{element: e, names: make([]principalPattern, len(values))}
	for i := range values {
		var err error
		if out.names[i], err = compilePrincipal(values[i].of, values[i].text); err != nil {
			return nil, &values[i], err
		}
	}
	return out, nil, nil
}

func newActionElement(e element, values []rawValue) (*actionElement, *rawValue, error) {
	out := &actionElement{element: e, patterns: make([]actionPattern, len(values))}
	for i, v := range values {
		vendor, name, found := strings.Cut(v.text, ":")
		if v.text != "*" && (!found || vendor == "" || name == "") {
			return nil, &values[i], fmt.Errorf("%q names no service: write \"service:Action\" or \"*\"", v.text)
		}
		out.patterns[i] = actionPattern{text: v.text, any: v.text == "*"}
	}
	return out, nil, nil
}

func newResourceElement(e element, values []rawValue, variables bool) (*resourceElement, *rawValue, error) {
	out := &resourceElement{element: e, patterns: make([]arnPattern, len(values))}
	for i, v := range values {
		var err error
		if out.patterns[i], err = compileARN(v.text, dialect{wildcards: true, variables: variables}, true); err != nil {
			return nil, &values[i], fmt.Errorf("%q: %w", v.text, err)
		}
	}
	return out, nil, nil
}

func (p *parser) condition(raw *rawCondition, variables bool) (condition, error) {
	c, ok := parseOperator(raw.operator)
	if !ok {
		return c, newError(p.doc, raw.offset, raw.path, fmt.Sprintf("%q is no condition operator", raw.operator),
			"write one of StringEquals, StringLike, NumericEquals, DateGreaterThan, Bool, BinaryEquals, IpAddress, ArnLike, Null or their kin (case matters)")
	}
	c.key, c.lookup = raw.key, usualSpelling(raw.key)
	c.values = make([]value, len(raw.values))
	for i, v := range raw.values {
		var err error
		if c.values[i], err = c.compileValue(v.text, variables); err != nil {
			return c, newError(p.doc, v.offset, v.path, raw.operator+": "+err.Error(), "")
		}
	}
	return c, nil
}
