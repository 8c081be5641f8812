package cloudwatch

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// node is a part of a metric math expression.
type node struct {
	kind  nodeKind
	text  string // operator, identifier, function, string
	n     float64
	parts []*node
}

type nodeKind uint8

const (
	isNumber nodeKind = iota
	isText
	isName // a query's id, or a keyword such as REPEAT
	isCall
	isArray
	isUnary
	isBinary
)

// parseExpression reads metric math (CloudWatch-UG: using-metric-math, "Metric
// math syntax and functions").
func parseExpression(text string) (*node, error) {
	p := &parser{rest: text}
	p.next()
	n, err := p.binary(0)
	if err == nil && (p.token != "" || p.quote) {
		err = p.unexpected()
	}
	if err != nil {
		return nil, err // what was read so far lacks parts
	}
	return n, nil
}

// parser has the token at hand, and what follows.
type parser struct {
	rest  string
	token string // "": the end
	quote bool   // token is a string's content
	depth int
}

// maxNesting bounds the depth of expressions, which have 2,048 characters at
// most.
const maxNesting = 200

func (p *parser) unexpected() error {
	if p.token == "" && !p.quote {
		return fmt.Errorf("the expression ends too early")
	}
	return fmt.Errorf("unexpected %q", p.token)
}

// operators by how strongly they bind.
var operators = [...][]string{{"||", "OR"}, {"&&", "AND"}, {"==", "!=", "<=", ">=", "<", ">"}, {"+", "-"}, {"*", "/"}, {"^"}}

// next reads the next token.
func (p *parser) next() {
	p.rest = strings.TrimLeftFunc(p.rest, unicode.IsSpace)
	p.quote = false
	n := 0
	switch {
	case p.rest == "":
	case p.rest[0] == '"' || p.rest[0] == '\'':
		end := strings.IndexByte(p.rest[1:], p.rest[0])
		if end < 0 {
			p.token, p.rest = p.rest, ""
			return
		}
		p.quote, p.token, p.rest = true, p.rest[1:end+1], p.rest[end+2:]
		return
	case isDigit(p.rest[0]) || p.rest[0] == '.':
		n = numberLength(p.rest)
	case isLetter(p.rest[0]):
		for n < len(p.rest) && (isLetter(p.rest[n]) || isDigit(p.rest[n])) {
			n++
		}
	case len(p.rest) > 1 && strings.Contains("|| && == != <= >=", p.rest[:2]) && p.rest[1] != ' ':
		n = 2
	default:
		n = 1
	}
	p.token, p.rest = p.rest[:n], p.rest[n:]
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isLetter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
}

// numberLength covers "1", "1.5", ".5" and "1e-36".
func numberLength(text string) int {
	n := 0
	for n < len(text) && (isDigit(text[n]) || text[n] == '.') {
		n++
	}
	if n < len(text) && (text[n] == 'e' || text[n] == 'E') {
		m := n + 1
		if m < len(text) && (text[m] == '-' || text[m] == '+') {
			m++
		}
		if m < len(text) && isDigit(text[m]) {
			for n = m; n < len(text) && isDigit(text[n]); {
				n++
			}
		}
	}
	return n
}

// binary reads operators that bind as strongly as level, or more.
func (p *parser) binary(level int) (*node, error) {
	if level == len(operators) {
		return p.unary()
	}
	left, err := p.binary(level + 1)
	for err == nil && !p.quote && contains(operators[level], p.token) {
		op := p.token
		p.next()
		var right *node
		if right, err = p.binary(level + 1); err == nil {
			left = &node{kind: isBinary, text: strings.NewReplacer("OR", "||", "AND", "&&").Replace(op), parts: []*node{left, right}}
		}
	}
	return left, err
}

func contains(list []string, token string) bool {
	for _, s := range list {
		if s == token {
			return true
		}
	}
	return false
}

func (p *parser) unary() (*node, error) {
	if p.depth++; p.depth > maxNesting {
		return nil, fmt.Errorf("the expression is nested too deeply")
	}
	defer func() { p.depth-- }()
	if !p.quote && (p.token == "-" || p.token == "+" || p.token == "!") {
		op := p.token
		p.next()
		inner, err := p.unary()
		return &node{kind: isUnary, text: op, parts: []*node{inner}}, err
	}
	return p.primary()
}

func (p *parser) primary() (*node, error) {
	token := p.token
	switch {
	case p.quote:
		p.next()
		return &node{kind: isText, text: token}, nil
	case token == "":
		return nil, p.unexpected()
	case token == "(":
		p.next()
		inner, err := p.binary(0)
		if err == nil {
			err = p.expect(")")
		}
		return inner, err
	case token == "[":
		parts, err := p.list("]")
		return &node{kind: isArray, parts: parts}, err
	case isDigit(token[0]) || token[0] == '.':
		n, err := strconv.ParseFloat(token, 64)
		if err != nil {
			return nil, p.unexpected()
		}
		p.next()
		return &node{kind: isNumber, n: n}, nil
	case isLetter(token[0]):
		p.next()
		if p.token != "(" || p.quote {
			return &node{kind: isName, text: token}, nil
		}
		parts, err := p.list(")")
		return &node{kind: isCall, text: strings.ToUpper(token), parts: parts}, err
	}
	return nil, p.unexpected()
}

// list reads what stands between the opening token at hand and end.
func (p *parser) list(end string) (parts []*node, err error) {
	p.next()
	for p.token != end || p.quote {
		part, err := p.binary(0)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
		if p.token == "," && !p.quote {
			p.next()
			continue
		}
		break
	}
	return parts, p.expect(end)
}

func (p *parser) expect(token string) error {
	if p.quote || p.token != token {
		return p.unexpected()
	}
	p.next()
	return nil
}

// names calls f for each identifier of an expression.
func (n *node) names(f func(string)) {
	if n.kind == isName {
		f(n.text)
	}
	for _, part := range n.parts {
		part.names(f)
	}
}
