package iampolicy

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// A pattern is one value of a policy, compiled: literal text, wildcards and
// policy variables. Most values of most policies are decided by comparing the
// literal text before the first and after the last wildcard, so both are kept
// apart.
type pattern struct {
	text   string  // as written in the policy
	prefix string  // literal text before the first wildcard or variable
	suffix string  // literal text after the last one
	pieces []piece // everything, in order; empty matches only the empty string
	exact  bool    // no wildcard and no variable: prefix is all there is
	vars   bool    // holds a policy variable
}

type pieceKind uint8

const (
	literal  pieceKind = iota
	anyRun             // "*": any characters, also none
	anyOne             // "?": exactly one character
	variable           // "${key}" or "${key, 'default'}"
)

// piece is one element of a pattern.
type piece struct {
	kind       pieceKind
	text       string // the literal, or the variable's key
	fallback   string // the variable's default
	hasDefault bool
}

// dialect says which notations a value may use.
type dialect struct {
	wildcards bool // "*" and "?" have their meaning
	variables bool // "${…}" has its meaning: only in version 2012-10-17
}

var errUnclosedVariable = errors.New(`"${" without its "}"`)

// compilePattern reads text in the dialect d.
func compilePattern(text string, d dialect) (pattern, error) {
	p := pattern{text: text}
	var lit strings.Builder
	flush := func() {
		if lit.Len() > 0 {
			p.pieces = append(p.pieces, piece{kind: literal, text: lit.String()})
			lit.Reset()
		}
	}
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case d.wildcards && c == '*':
			flush()
			// "**" means what "*" means; one piece keeps matching linear.
			if n := len(p.pieces); n == 0 || p.pieces[n-1].kind != anyRun {
				p.pieces = append(p.pieces, piece{kind: anyRun})
			}
			i++
		case d.wildcards && c == '?':
			flush()
			p.pieces = append(p.pieces, piece{kind: anyOne})
			i++
		case d.variables && strings.HasPrefix(text[i:], "${"):
			end := strings.IndexByte(text[i:], '}')
			if end < 0 {
				return pattern{}, errUnclosedVariable
			}
			v := parseVariable(text[i+2 : i+end])
			if v.kind == literal {
				lit.WriteString(v.text)
			} else {
				flush()
				p.pieces = append(p.pieces, v)
				p.vars = true
			}
			i += end + 1
		default:
			lit.WriteByte(c)
			i++
		}
	}
	flush()
	p.finish()
	return p, nil
}

// parseVariable reads the text between "${" and "}". "${*}", "${?}" and "${$}"
// stand for the characters themselves (IAM user guide, "Policy variables").
func parseVariable(body string) piece {
	switch body {
	case "*", "?", "$":
		return piece{kind: literal, text: body}
	}
	key, fallback, found := strings.Cut(body, ",")
	v := piece{kind: variable, text: strings.TrimSpace(key)}
	if found {
		v.fallback = strings.Trim(strings.TrimSpace(fallback), "'")
		v.hasDefault = true
	}
	return v
}

func (p *pattern) finish() {
	n := len(p.pieces)
	if n == 0 {
		p.exact = true
		return
	}
	if p.pieces[0].kind == literal {
		p.prefix = p.pieces[0].text
	}
	if p.pieces[n-1].kind == literal {
		p.suffix = p.pieces[n-1].text
	}
	p.exact = n == 1 && p.pieces[0].kind == literal
}

// match reports whether s has the form of p. ctx supplies policy variables; a
// variable without value or default matches nothing (IAM user guide: a
// statement whose variable cannot be resolved does not apply).
func (p *pattern) match(s string, ctx Context) bool {
	if p.exact {
		return s == p.prefix
	}
	if !strings.HasPrefix(s, p.prefix) || !strings.HasSuffix(s, p.suffix) {
		return false
	}
	if len(p.pieces) == 1 && p.pieces[0].kind == anyRun {
		return true
	}
	return matchPieces(p.pieces, s, ctx)
}

// matchPieces is the classic greedy match with one way back: to the last "*".
// Nothing before that "*" is ever tried again, so the work is bounded by
// len(s) times the length of the literals, however many "*" there are.
func matchPieces(pieces []piece, s string, ctx Context) bool {
	at, i := 0, 0          // the next piece, the next byte of s
	starAt, starI := -1, 0 // after the last "*": its next piece, and where s was resumed
	for at < len(pieces) || i < len(s) {
		if at < len(pieces) {
			if pieces[at].kind == anyRun {
				at++
				if at == len(pieces) {
					return true
				}
				starAt, starI = at, i
				continue
			}
			if n, ok := pieces[at].consume(s[i:], ctx); ok {
				at, i = at+1, i+n
				continue
			}
		}
		if starAt < 0 {
			return false
		}
		next, ok := resume(&pieces[starAt], s, starI)
		if !ok {
			return false
		}
		at, i, starI = starAt, next, next
	}
	return true
}

// resume returns the next place after i where the piece after a "*" may begin.
func resume(after *piece, s string, i int) (int, bool) {
	if i >= len(s) {
		return 0, false
	}
	_, width := utf8.DecodeRuneInString(s[i:])
	i += width
	if after.kind != literal {
		return i, true
	}
	skip := strings.Index(s[i:], after.text)
	return i + skip, skip >= 0
}

// consume matches one piece (not "*") at the beginning of s and returns how
// many bytes it took.
func (p *piece) consume(s string, ctx Context) (int, bool) {
	switch p.kind {
	case literal:
		return len(p.text), strings.HasPrefix(s, p.text)
	case anyOne:
		if s == "" {
			return 0, false
		}
		_, width := utf8.DecodeRuneInString(s)
		return width, true
	default:
		value, ok := p.resolve(ctx)
		return len(value), ok && strings.HasPrefix(s, value)
	}
}

// resolve returns the value of a variable. Its text is taken literally: a "*"
// in a tag's value is no wildcard. A key with several values has no single one
// and does not resolve.
func (p *piece) resolve(ctx Context) (string, bool) {
	if values := ctx.Lookup(p.text); len(values) == 1 {
		return values[0], true
	}
	return p.fallback, p.hasDefault
}

// bind returns p with its variables replaced by their values; ok is false when
// one has none.
func (p *pattern) bind(ctx Context) (bound pattern, ok bool) {
	bound.text = p.text
	for i := range p.pieces {
		q := p.pieces[i]
		if q.kind == variable {
			value, ok := q.resolve(ctx)
			if !ok {
				return pattern{}, false
			}
			q = piece{kind: literal, text: value}
		}
		if n := len(bound.pieces); n > 0 && q.kind == literal && bound.pieces[n-1].kind == literal {
			bound.pieces[n-1].text += q.text
			continue
		}
		bound.pieces = append(bound.pieces, q)
	}
	bound.finish()
	return bound, true
}

// split cuts a pattern at every sep in its literals, at most n pieces when n is
// positive. Each part's text is its notation with wildcards.
func (p *pattern) split(sep byte, n int) []pattern {
	var parts []pattern
	var current pattern
	end := func() {
		current.text = notation(current.pieces)
		current.finish()
		parts = append(parts, current)
		current = pattern{vars: false}
	}
	for _, q := range p.pieces {
		for q.kind == literal {
			at := strings.IndexByte(q.text, sep)
			if at < 0 || (n > 0 && len(parts) == n-1) {
				break
			}
			if at > 0 {
				current.pieces = append(current.pieces, piece{kind: literal, text: q.text[:at]})
			}
			q.text = q.text[at+1:]
			end()
		}
		if q.kind == literal && q.text == "" {
			continue
		}
		current.vars = current.vars || q.kind == variable
		current.pieces = append(current.pieces, q)
	}
	end()
	return parts
}

// notation writes pieces as a policy would.
func notation(pieces []piece) string {
	var b strings.Builder
	for i := range pieces {
		switch q := &pieces[i]; q.kind {
		case literal:
			b.WriteString(q.text)
		case anyRun:
			b.WriteByte('*')
		case anyOne:
			b.WriteByte('?')
		default:
			b.WriteString("${" + q.text + "}")
		}
	}
	return b.String()
}

func equalFoldASCII(a, b string) bool {
	if a == b {
		return true
	}
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i++ {
		if lowerASCII(a[i]) != lowerASCII(b[i]) {
			return false
		}
	}
	return true
}

func lowerASCII(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}
