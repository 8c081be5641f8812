package logs

import (
	"encoding/json"
	"strconv"
	"strings"
)

// A JSON pattern is conditions joined by && and ||, with parentheses:
//
//	$.level = "error"   $.latency >= 1000   $.ip != 10.0.*   $.path = %^/v1%
//	$.user IS NULL   $.ok IS TRUE   $.id NOT EXISTS   $.items[0].name = "x"
//
// (User Guide, "Using filter patterns to match terms in JSON log events"). && is
// the stronger of the two. Events that are no JSON object or array never match.

type condition func(document any) bool

// jsonParser reads a JSON pattern by recursive descent.
type jsonParser struct{ rest string }

func parseJSONPattern(pattern string) (func(string) bool, error) {
	p := &jsonParser{rest: pattern}
	match, err := p.or(0)
	if err != nil {
		return nil, err
	}
	if p.space(); p.rest != "" {
		return nil, invalid("Invalid filter pattern")
	}
	return func(message string) bool {
		start := strings.TrimLeft(message, " \t\r\n")
		if start == "" || start[0] != '{' && start[0] != '[' {
			return false
		}
		var document any
		return json.Unmarshal([]byte(message), &document) == nil && match(document)
	}, nil
}

// maxDepth bounds the parentheses of a pattern.
const maxDepth = 50

func (p *jsonParser) space() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }

func (p *jsonParser) eat(token string) bool {
	p.space()
	rest, ok := strings.CutPrefix(p.rest, token)
	if ok {
		p.rest = rest
	}
	return ok
}

func (p *jsonParser) or(depth int) (condition, error) {
	left, err := p.and(depth)
	for err == nil && p.eat("||") {
		var right condition
		first := left
		if right, err = p.and(depth); err == nil {
			left = func(d any) bool { return first(d) || right(d) }
		}
	}
	return left, err
}

func (p *jsonParser) and(depth int) (condition, error) {
	left, err := p.primary(depth)
	for err == nil && p.eat("&&") {
		var right condition
		first := left
		if right, err = p.primary(depth); err == nil {
			left = func(d any) bool { return first(d) && right(d) }
		}
	}
	return left, err
}

func (p *jsonParser) primary(depth int) (condition, error) {
	if depth > maxDepth {
		return nil, invalid("Invalid filter pattern")
	}
	if p.eat("(") {
		inner, err := p.or(depth + 1)
		if err == nil && !p.eat(")") {
			err = invalid("Invalid filter pattern")
		}
		return inner, err
	}
	path, err := p.selector()
	if err != nil {
		return nil, err
	}
	return p.comparison(path)
}

// selector reads $.a.b[0].c or $.['a b'] into its steps: string or int.
func (p *jsonParser) selector() ([]any, error) {
	if !p.eat("$") {
		return nil, invalid("Invalid filter pattern")
	}
	var path []any
	for p.rest != "" {
		switch p.rest[0] {
		case '.':
			name := strings.TrimPrefix(p.rest, ".")
			end := strings.IndexAny(name, " \t\r\n.[]=!<>&|()")
			if end < 0 {
				end = len(name)
			}
			if end > 0 {
				path = append(path, name[:end])
			} else if !strings.HasPrefix(name, "[") {
				return nil, invalid("Invalid filter pattern")
			}
			p.rest = name[end:]
		case '[':
			end := strings.IndexByte(p.rest, ']')
			if end < 0 {
				return nil, invalid("Invalid filter pattern")
			}
			step := p.rest[1:end]
			if n, err := strconv.Atoi(step); err == nil && n >= 0 {
				path = append(path, n)
			} else if len(step) > 2 && (step[0] == '\'' || step[0] == '"') && step[len(step)-1] == step[0] {
				path = append(path, step[1:len(step)-1])
			} else {
				return nil, invalid("Invalid filter pattern")
			}
			p.rest = p.rest[end+1:]
		default:
			return path, nil
		}
	}
	return path, nil
}

func (p *jsonParser) comparison(path []any) (condition, error) {
	p.space()
	for _, word := range []struct {
		text string
		test func(v any, exists bool) bool
	}{
		{"IS TRUE", func(v any, _ bool) bool { return v == true }},
		{"IS FALSE", func(v any, _ bool) bool { return v == false }},
		{"IS NULL", func(v any, exists bool) bool { return exists && v == nil }},
		{"NOT EXISTS", func(_ any, exists bool) bool { return !exists }},
		{"EXISTS", func(_ any, exists bool) bool { return exists }},
	} {
		if n := len(word.text); len(p.rest) >= n && strings.EqualFold(p.rest[:n], word.text) {
			p.rest = p.rest[n:]
			return func(d any) bool { return word.test(lookUp(d, path)) }, nil
		}
	}
	for _, operator := range []string{"!=", ">=", "<=", "=", ">", "<"} {
		if !p.eat(operator) {
			continue
		}
		matches, err := p.operand(operator)
		if err != nil {
			return nil, err
		}
		return func(d any) bool {
			v, exists := lookUp(d, path)
			return exists && matches(v)
		}, nil
	}
	return nil, invalid("Invalid filter pattern")
}

// operand reads the right side of a comparison.
func (p *jsonParser) operand(operator string) (func(any) bool, error) {
	p.space()
	t := term{}
	switch {
	case strings.HasPrefix(p.rest, `"`):
		text, rest, ok := quoted(p.rest)
		if !ok {
			return nil, invalid("Invalid filter pattern")
		}
		t.text, p.rest = text, rest
	case strings.HasPrefix(p.rest, "%"):
		var err error
		if t, p.rest, err = parseTerm(p.rest); err != nil {
			return nil, err
		}
	default:
		end := strings.IndexAny(p.rest, " \t\r\n)&|")
		if end < 0 {
			end = len(p.rest)
		}
		if t.text = p.rest[:end]; t.text == "" {
			return nil, invalid("Invalid filter pattern")
		}
		p.rest = p.rest[end:]
		if n, err := strconv.ParseFloat(t.text, 64); err == nil {
			return func(v any) bool { return compareNumber(v, operator, n) }, nil
		}
	}
	if operator != "=" && operator != "!=" {
		return nil, invalid("Invalid filter pattern")
	}
	return func(v any) bool { return matchText(v, t) == (operator == "=") }, nil
}

func compareNumber(v any, operator string, n float64) bool {
	f, ok := v.(float64)
	if !ok {
		return operator == "!="
	}
	switch operator {
	case "=":
		return f == n
	case "!=":
		return f != n
	case ">":
		return f > n
	case "<":
		return f < n
	case ">=":
		return f >= n
	default:
		return f <= n
	}
}

// matchText compares a value with a string in which * stands for anything.
func matchText(v any, t term) bool {
	text, ok := v.(string)
	if !ok {
		if f, number := v.(float64); number {
			text = strconv.FormatFloat(f, 'f', -1, 64)
		} else {
			return false
		}
	}
	if t.regexp != nil {
		return t.regexp.MatchString(text)
	}
	return wildcard(text, t.text)
}

func wildcard(text, pattern string) bool {
	first, rest, found := strings.Cut(pattern, "*")
	if !found {
		return text == pattern
	}
	text, ok := strings.CutPrefix(text, first)
	if !ok {
		return false
	}
	for {
		part, after, more := strings.Cut(rest, "*")
		if !more {
			return strings.HasSuffix(text, part)
		}
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text, rest = text[i+len(part):], after
	}
}

// lookUp follows a path into a decoded document.
func lookUp(v any, path []any) (any, bool) {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := v.(map[string]any)
			member, ok := object[step]
			if !ok {
				return nil, false
			}
			v = member
		case int:
			array, _ := v.([]any)
			if step >= len(array) {
				return nil, false
			}
			v = array[step]
		}
	}
	return v, true
}
