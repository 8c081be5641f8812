package iampolicy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Limits of Parse. They are wider than any of AWS's (IAM takes 131,072
// characters on the wire and keeps at most 10,240; Lambda keeps 20,480 bytes)
// and keep a hostile document from costing more than microseconds.
const (
	MaxBytes      = 131072
	MaxStatements = 1000
	MaxValues     = 5000 // actions, resources, names and condition values, all together
)

// Parse compiles a policy document. Its errors are *Error.
//
// The nesting of a document is limited by the language itself: whatever stands
// where it does not belong is refused before anything below it is read.
func Parse(doc []byte) (*Policy, error) {
	p := &parser{
		doc:    doc,
		dec:    jsontext.NewDecoder(bytes.NewReader(doc)),
		policy: &Policy{Version: "2008-10-17"},
		shared: map[string]any{},
	}
	if len(doc) > MaxBytes {
		return nil, p.fail(0, fmt.Sprintf("the document has %d bytes", len(doc)), fmt.Sprintf("keep it under %d", MaxBytes))
	}
	if err := p.document(); err != nil {
		return nil, err
	}
	return p.policy, nil
}

// parser reads one document. Version may stand after Statement, and decides
// what "${" means: statements are read as text first and compiled at the end.
type parser struct {
	doc    []byte
	dec    *jsontext.Decoder
	policy *Policy
	raw    []rawStatement
	values int
	shared map[string]any // compiled elements by their text
}

// rawStatement is a statement as it is written, with positions for errors.
type rawStatement struct {
	path       string
	start, end int
	sid        string
	effect     Effect
	hasEffect  bool
	principal  *rawElement
	action     *rawElement
	resource   *rawElement
	conditions []rawCondition
}

type rawElement struct {
	name   string
	values []rawValue
}

// rawValue is a value and where it stands; of is set for principals.
type rawValue struct {
	text   string
	offset int
	path   string
	of     PrincipalType
}

type rawCondition struct {
	operator string
	key      string
	offset   int
	path     string
	values   []rawValue
}

func (p *parser) fail(offset int, problem, remedy string) error {
	return newError(p.doc, offset, string(p.dec.StackPointer()), problem, remedy)
}

// here is where the next token begins.
func (p *parser) here() int {
	at := int(p.dec.InputOffset())
	for at < len(p.doc) && strings.IndexByte(" \t\r\n,:", p.doc[at]) >= 0 {
		at++
	}
	return at
}

// token reads one token and turns syntax errors into ours.
func (p *parser) token() (jsontext.Token, int, error) {
	at := p.here()
	tok, err := p.dec.ReadToken()
	if err != nil {
		return tok, at, p.fail(at, "this is no JSON: "+syntaxProblem(err), syntaxRemedy(err))
	}
	return tok, at, nil
}

// syntaxProblem strips the library's prefix and position: ours is better.
func syntaxProblem(err error) string {
	text := strings.TrimPrefix(err.Error(), "jsontext: ")
	if i := strings.Index(text, " after offset"); i >= 0 {
		text = text[:i]
	}
	if i := strings.Index(text, " within "); i >= 0 {
		text = text[:i]
	}
	return text
}

func syntaxRemedy(err error) string {
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return "keep one of the two"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the document ends too early"
	default:
		return "check quotes, commas and brackets"
	}
}

// object calls member for each name of the object that comes next.
func (p *parser) object(what string, member func(name string, at int) error) error {
	tok, at, err := p.token()
	if err != nil {
		return err
	}
	if tok.Kind() != '{' {
		return p.fail(at, what+" must be an object, not "+kindName(tok.Kind()), `write { … }`)
	}
	for p.dec.PeekKind() != '}' {
		name, at, err := p.token()
		if err != nil {
			return err
		}
		if err := member(name.String(), at); err != nil {
			return err
		}
	}
	_, _, err = p.token()
	return err
}

// text reads one string.
func (p *parser) text(what string) (string, int, error) {
	tok, at, err := p.token()
	if err != nil {
		return "", at, err
	}
	if tok.Kind() != '"' {
		return "", at, p.fail(at, what+" must be a string, not "+kindName(tok.Kind()), "put it in quotes")
	}
	return tok.String(), at, nil
}

// list reads a string or a list of strings. Condition values may also be
// numbers and booleans without quotes, as IAM accepts them.
func (p *parser) list(what string, scalars bool) ([]rawValue, error) {
	if p.dec.PeekKind() != '[' {
		v, err := p.scalar(what, scalars)
		return []rawValue{v}, err
	}
	_, at, err := p.token()
	var values []rawValue
	for err == nil && p.dec.PeekKind() != ']' {
		var v rawValue
		v, err = p.scalar(what, scalars)
		values = append(values, v)
	}
	if err != nil {
		return nil, err
	}
	if len(values) == 0 {
		return nil, p.fail(at, what+" is an empty list", "name at least one value, or leave the element out")
	}
	_, _, err = p.token()
	return values, err
}

func (p *parser) scalar(what string, scalars bool) (rawValue, error) {
	tok, at, err := p.token()
	if err != nil {
		return rawValue{}, err
	}
	kind := tok.Kind()
	if kind != '"' && !(scalars && (kind == '0' || kind == 't' || kind == 'f')) {
		return rawValue{}, p.fail(at, what+" must be a string or a list of strings, not "+kindName(kind), "put each value in quotes")
	}
	if p.values++; p.values > MaxValues {
		return rawValue{}, p.fail(at, fmt.Sprintf("the document has more than %d values", MaxValues), "use wildcards, or split the policy")
	}
	return rawValue{text: tok.String(), offset: at, path: string(p.dec.StackPointer())}, nil
}

func kindName(k jsontext.Kind) string {
	switch k {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case 'n':
		return "null"
	default:
		return "a boolean"
	}
}

func (p *parser) document() error {
	seen := false
	err := p.object("a policy", func(name string, at int) error {
		var err error
		switch name {
		case "Version":
			var at int
			p.policy.Version, at, err = p.text("Version")
			if err == nil && p.policy.Version != "2012-10-17" && p.policy.Version != "2008-10-17" {
				err = p.fail(at, fmt.Sprintf("%q is no version of the policy language", p.policy.Version), `write "2012-10-17"`)
			}
		case "Id":
			p.policy.ID, _, err = p.text("Id")
		case "Statement":
			seen = true
			err = p.statementList()
		default:
			err = p.unknown(at, name, "a policy", "Version", "Id", "Statement")
		}
		return err
	})
	if err != nil {
		return err
	}
	if !seen {
		return p.fail(0, "the policy has no Statement", `add "Statement": [ … ]`)
	}
	if at := p.here(); at < len(p.doc) {
		return p.fail(at, "there is text after the policy", "remove it")
	}
	return p.compile()
}

// unknown refuses a member and suggests the right spelling. Names are compared
// with regard to case.
// unverified: whether IAM accepts element names in other cases.
func (p *parser) unknown(at int, name, where string, known ...string) error {
	for _, k := range known {
		if strings.EqualFold(k, name) {
			return p.fail(at, fmt.Sprintf("%s has no element %q", where, name), fmt.Sprintf("write %q", k))
		}
	}
	return p.fail(at, fmt.Sprintf("%s has no element %q", where, name), "it may have "+strings.Join(known, ", "))
}

func (p *parser) statementList() error {
	if p.dec.PeekKind() != '[' {
		return p.statement()
	}
	_, _, err := p.token()
	for err == nil && p.dec.PeekKind() != ']' {
		if len(p.raw) == MaxStatements {
			return p.fail(p.here(), fmt.Sprintf("the policy has more than %d statements", MaxStatements), "use wildcards, or split the policy")
		}
		err = p.statement()
	}
	if err == nil {
		_, _, err = p.token()
	}
	return err
}

func (p *parser) statement() error {
	s := rawStatement{start: p.here(), path: fmt.Sprintf("/Statement/%d", len(p.raw))}
	err := p.object("a statement", func(name string, at int) error { return p.member(&s, name, at) })
	if err != nil {
		return err
	}
	missing := ""
	switch {
	case !s.hasEffect:
		missing = "Effect"
	case s.action == nil:
		missing = "Action"
	}
	if missing != "" {
		return newError(p.doc, s.start, s.path, "the statement has no "+missing, fmt.Sprintf("add %q", missing))
	}
	s.end = int(p.dec.InputOffset())
	p.raw = append(p.raw, s)
	return nil
}

func (p *parser) member(s *rawStatement, name string, at int) (err error) {
	switch name {
	case "Sid":
		s.sid, _, err = p.text("Sid")
	case "Effect":
		err = p.effect(s)
	case "Principal", "NotPrincipal":
		err = p.elementOf(&s.principal, name, at, p.principals)
	case "Action", "NotAction", "Resource", "NotResource":
		target := &s.action
		if strings.HasSuffix(name, "Resource") {
			target = &s.resource
		}
		err = p.elementOf(target, name, at, func(name string) ([]rawValue, error) { return p.list(name, false) })
	case "Condition":
		err = p.object("Condition", func(operator string, _ int) error { return p.operator(s, operator) })
	default:
		err = p.unknown(at, name, "a statement", "Sid", "Effect", "Principal", "NotPrincipal",
			"Action", "NotAction", "Resource", "NotResource", "Condition")
	}
	return err
}

func (p *parser) effect(s *rawStatement) error {
	text, at, err := p.text("Effect")
	if err != nil {
		return err
	}
	switch text {
	case "Allow":
		s.effect = Allow
	case "Deny":
		s.effect = Deny
	default:
		return p.fail(at, fmt.Sprintf("%q is no Effect", text), `write "Allow" or "Deny" (case matters)`)
	}
	s.hasEffect = true
	return nil
}

// elementOf reads an element into target, which its negated twin shares.
func (p *parser) elementOf(target **rawElement, name string, at int, read func(string) ([]rawValue, error)) error {
	if *target != nil {
		return p.fail(at, fmt.Sprintf("the statement has both %s and %s", (*target).name, name), "keep one of them")
	}
	values, err := read(name)
	if err != nil {
		return err
	}
	*target = &rawElement{name: name, values: values}
	return nil
}

// principals reads "*" or {"AWS": […], "Service": …}.
func (p *parser) principals(name string) ([]rawValue, error) {
	if p.dec.PeekKind() == '"' {
		text, at, err := p.text(name)
		if err == nil && text != "*" {
			err = p.fail(at, fmt.Sprintf("%s is the string %q", name, text), fmt.Sprintf(`write {"AWS": %q} or {"Service": %q}; only "*" stands alone`, text, text))
		}
		return []rawValue{{text: text, offset: at, of: AWS}}, err
	}
	var all []rawValue
	start := p.here()
	err := p.object(name, func(kind string, at int) error {
		of := PrincipalType(kind)
		if !slices.Contains([]PrincipalType{AWS, Service, Federated, CanonicalUser}, of) {
			return p.unknown(at, kind, name, "AWS", "Service", "Federated", "CanonicalUser")
		}
		values, err := p.list(name+" "+kind, false)
		for i := range values {
			values[i].of = of
		}
		all = append(all, values...)
		return err
	})
	if err == nil && len(all) == 0 {
		err = p.fail(start, name+" names nobody", `write "*" for everybody`)
	}
	return all, err
}

func (p *parser) operator(s *rawStatement, operator string) error {
	return p.object("Condition "+operator, func(key string, at int) error {
		values, err := p.list(operator+" "+key, true)
		s.conditions = append(s.conditions, rawCondition{
			operator: operator, key: key, offset: at, values: values,
			path: s.path + "/Condition/" + operator + "/" + key,
		})
		return err
	})
}
