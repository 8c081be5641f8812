package logs

import (
	"fmt"
	"regexp"
	"strings"
)

// A filter pattern has one of three forms (CloudWatch Logs User Guide, "Filter
// pattern syntax"): terms, {a JSON expression} or [space-delimited fields].

// parsePattern returns what a filter pattern matches; nil for the empty one,
// which matches every event.
func parsePattern(pattern string) (func(message string) bool, error) {
	pattern = strings.TrimSpace(pattern)
	switch {
	case pattern == "":
		return nil, nil
	case pattern[0] == '{':
		if pattern[len(pattern)-1] != '}' {
			// As reported from AWS in jorgebastida/awslogs #210.
			return nil, invalid("If a filter pattern starts with '{' it must end with '}'")
		}
		return parseJSONPattern(pattern[1 : len(pattern)-1])
	case pattern[0] == '[':
		return nil, invalid("stagedoor does not evaluate space-delimited filter patterns ([field, …]) yet; " +
			"use terms (\"ERROR\" -DEBUG), a regular expression (%%ERR.R%%) or a JSON pattern ({ $.level = \"error\" })")
	}
	return parseTerms(pattern)
}

// term is one element of a pattern of terms.
type term struct {
	text   string
	regexp *regexp.Regexp // instead of text
}

func (t term) in(message string) bool {
	if t.regexp != nil {
		return t.regexp.MatchString(message)
	}
	return strings.Contains(message, t.text)
}

// parseTerms reads terms separated by spaces. Plain ones must all be in the
// message, none of those with a "-" may be, and of those with a "?" at least
// one must be. Where a "?" stands beside other terms, AWS ignores the question
// mark terms (User Guide: "the question mark ("?") … is ignored").
// unverified: that a term matches inside of a word, and that terms with
// punctuation are accepted without quotes.
func parseTerms(pattern string) (func(string) bool, error) {
	var all, none, any []term
	for rest := pattern; rest != ""; rest = strings.TrimLeft(rest, " \t\r\n") {
		list := &all
		switch rest[0] {
		case '-':
			list, rest = &none, rest[1:]
		case '?':
			list, rest = &any, rest[1:]
		}
		t, after, err := parseTerm(rest)
		if err != nil {
			return nil, err
		}
		*list, rest = append(*list, t), after
	}
	if len(all)+len(none) > 0 {
		any = nil
	}
	return func(message string) bool {
		for _, t := range all {
			if !t.in(message) {
				return false
			}
		}
		for _, t := range none {
			if t.in(message) {
				return false
			}
		}
		for _, t := range any {
			if t.in(message) {
				return true
			}
		}
		return len(any) == 0
	}, nil
}

// parseTerm reads one term: a word, "a phrase" or %an expression%.
func parseTerm(text string) (term, string, error) {
	switch {
	case strings.HasPrefix(text, `"`):
		phrase, rest, ok := quoted(text)
		if !ok || phrase == "" {
			return term{}, "", invalid("Invalid filter pattern")
		}
		return term{text: phrase}, rest, nil
	case strings.HasPrefix(text, "%"):
		end := strings.IndexByte(text[1:], '%')
		if end < 0 {
			return term{}, "", invalid("Invalid filter pattern")
		}
		re, err := compile(text[1 : 1+end])
		return term{regexp: re}, text[end+2:], err
	}
	end := strings.IndexAny(text, " \t\r\n")
	if end < 0 {
		end = len(text)
	}
	word := text[:end]
	if word == "" || strings.ContainsAny(word, `"?`) {
		// As reported from AWS in DefangLabs/defang #1008.
		return term{}, "", invalid("Invalid filter pattern: Invalid character(s) in term '%s'", word)
	}
	return term{text: word}, text[end:], nil
}

// quoted reads a phrase in double quotes, with backslash escapes.
func quoted(text string) (phrase, rest string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		case text[i] == '"':
			return b.String(), text[i+1:], true
		default:
			b.WriteByte(text[i])
		}
	}
	return "", "", false
}

// compile makes a regular expression of the subset that AWS allows: letters,
// digits, : _ # = @ / ; , - and the operators ^ $ ? [ ] { } | \ * + . (User
// Guide, "Supported regular expressions"), all of which RE2 has.
func compile(expression string) (*regexp.Regexp, error) {
	if i := strings.IndexFunc(expression, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(`:_#=@/;,-^$?[]{}|\*+. `, r))
	}); i >= 0 {
		return nil, invalid("Invalid filter pattern: Invalid character(s) in term '%s'", expression)
	}
	re, err := regexp.Compile(expression)
	if err != nil {
		return nil, invalid("Invalid filter pattern")
	}
	return re, nil
}

func list[T any](values []T) string {
	return strings.Join(strings.Fields(fmt.Sprint(values)), ", ")
}
