package awswire

import (
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// constraint is what the model demands of one value. Lengths count UTF-16 units, as Java does on AWS's side.
type constraint struct {
	min, max       float64
	hasMin, hasMax bool
	pattern        func(string) bool // nil: none
	patternText    string            // the model's own text
	ownWords       string            // see overlay.go: the service words a breach of the pattern itself
	tooLong        string            // and one of the maximum
	enum           map[string]struct{}
	enumText       string
	sensitive      bool // the value is not printed
	bare           bool // nor the enum set
}

// constraint returns the rules of a shape, nil when it has none.
func (s *Service) constraint(sh *modelShape) *constraint {
	if c := s.dialect.rules[sh.name]; c != nil {
		return c
	}
	if sh.Min == nil && sh.Max == nil && sh.Pattern == "" && len(sh.Enum) == 0 {
		return nil
	}
	c := &constraint{sensitive: sh.Sensitive || s.dialect.redact, bare: s.dialect.redact, tooLong: s.dialect.tooLong[sh.name]}
	if sh.Min != nil {
		c.min, c.hasMin = *sh.Min, true
	}
	if sh.Max != nil {
		c.max, c.hasMax = *sh.Max, true
	}
	if sh.Pattern != "" {
		c.patternText = sh.Pattern
		if s.dialect.pattern != nil {
			c.patternText = s.dialect.pattern(sh.name, sh.Pattern)
		}
		c.pattern = compilePattern(c.patternText)
		c.ownWords = s.dialect.ownWords[sh.Pattern]
	}
	if len(sh.Enum) > 0 && !s.dialect.openEnums[sh.name] {
		values := sh.Enum
		if order := s.dialect.enumOrder[sh.name]; order != nil {
			values = order
		}
		c.enum = make(map[string]struct{}, len(values))
		for _, v := range values {
			c.enum[v] = struct{}{}
		}
		c.enumText = "[" + strings.Join(values, ", ") + "]"
	}
	return c
}

// withValuesOf adds the values that the Go enum type t knows and the model does not: the SDK is newer than the models, and
// what it offers AWS takes. Enum types of the SDK have a method Values. The method is named by a constant, so the linker
// still drops all others.
func (c *constraint) withValuesOf(t reflect.Type) *constraint {
	if c == nil || c.enum == nil {
		return c
	}
	m, ok := t.MethodByName("Values")
	if !ok {
		return c
	}
	values := m.Func.Call([]reflect.Value{reflect.Zero(t)})[0]
	for i := range values.Len() {
		v := values.Index(i).String()
		if _, known := c.enum[v]; !known {
			c.enum[v] = struct{}{}
			c.enumText = strings.TrimSuffix(c.enumText, "]") + ", " + v + "]"
		}
	}
	return c
}

func (c *constraint) sizeOK(n int) bool {
	return (!c.hasMin || float64(n) >= c.min) && (!c.hasMax || float64(n) <= c.max)
}

func (c *constraint) numberOK(n float64) bool {
	return (!c.hasMin || n >= c.min) && (!c.hasMax || n <= c.max)
}

func (c *constraint) stringOK(s string) bool {
	if (c.hasMin || c.hasMax) && !c.sizeOK(javaLength(s)) {
		return false
	}
	if c.enum != nil {
		if _, ok := c.enum[s]; !ok {
			return false
		}
	}
	return c.pattern == nil || c.pattern(s)
}

// stringRules returns the sentences that s breaks. AWS names the pattern before the length (recorded in public threads
// of Cognito, DynamoDB and Firehose; Cognito's password shows the other order: unverified for our services).
func (c *constraint) stringRules(s string) []string {
	var out []string
	if c.pattern != nil && !c.pattern(s) {
		out = append(out, c.patternRule())
	}
	out = append(out, c.sizeRules(javaLength(s), "length")...)
	if c.enum != nil {
		if _, ok := c.enum[s]; !ok {
			out = append(out, c.enumRule())
		}
	}
	return out
}

func (c *constraint) enumRule() string {
	if c.bare {
		return "Member must satisfy enum value set"
	}
	return "Member must satisfy enum value set: " + c.enumText
}

func (c *constraint) patternRule() string {
	return "Member must satisfy regular expression pattern: " + c.patternText
}

func (c *constraint) sizeRules(n int, what string) []string { return c.rangeRules(float64(n), what) }

func (c *constraint) rangeRules(n float64, what string) []string {
	var out []string
	if c.hasMax && n > c.max {
		out = append(out, "Member must have "+what+" less than or equal to "+plainNumber(c.max))
	}
	if c.hasMin && n < c.min {
		out = append(out, "Member must have "+what+" greater than or equal to "+plainNumber(c.min))
	}
	return out
}

// elementRules names all rules of a list's element or a map's key or value: AWS prints them together, whichever of them
// is broken ("Value '[x]' at 'layers' failed to satisfy constraint: Member must satisfy constraint: [Member must have
// length less than or equal to 140, Member must have length greater than or equal to 1, Member must satisfy regular
// expression pattern: …, Member must not be null]", recorded from Lambda in public threads).
func (c *constraint) elementRules(numeric, strict bool) string {
	what := "length"
	if numeric {
		what = "value"
	}
	var out []string
	if c.hasMax {
		out = append(out, "Member must have "+what+" less than or equal to "+plainNumber(c.max))
	}
	if c.hasMin {
		out = append(out, "Member must have "+what+" greater than or equal to "+plainNumber(c.min))
	}
	if c.pattern != nil {
		out = append(out, c.patternRule())
	}
	if c.enum != nil {
		out = append(out, c.enumRule())
	}
	if strict {
		out = append(out, "Member must not be null")
	}
	return "[" + strings.Join(out, ", ") + "]"
}

func javaLength(s string) int {
	n := len(s)
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			n = 0
			for _, r := range s {
				n++
				if r > 0xFFFF {
					n++
				}
			}
			return n
		}
	}
	return n
}

func plainNumber(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// compilePattern turns a model's pattern (Java's dialect, matched against the whole value) into a check. It is compiled
// at its first use: most calls touch few patterns.
func compilePattern(text string) func(string) bool {
	if check := handChecked[text]; check != nil {
		return check
	}
	re := sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(rewritePattern(text)) })
	return func(s string) bool { return re().MatchString(s) }
}

var (
	javaUnicode = regexp.MustCompile(`\\u([0-9A-Fa-f]{4})`)
	bigRepeat   = regexp.MustCompile(`\{(\d+),(\d{4,})\}`)
)

// rewritePattern gives RE2 the same pattern: \uXXXX is written \x{XXXX}; repetitions beyond RE2's limit of 1000 become
// open (each such shape has a max of its own, a test holds that).
func rewritePattern(text string) string {
	text = javaUnicode.ReplaceAllString(text, `\x{$1}`)
	text = bigRepeat.ReplaceAllStringFunc(text, func(m string) string {
		low := bigRepeat.FindStringSubmatch(m)[1]
		return "{" + low + ",}"
	})
	text = strings.NewReplacer(`\x{D800}`, `\x{D7FF}`, `\x{DFFF}`, `\x{E000}`).Replace(text)
	return `\A(?s:` + text + `)\z`
}

// handChecked are the patterns with look-around, which RE2 lacks.
var handChecked = map[string]func(string) bool{
	// lambda Alias: not only digits.
	`(?!^[0-9]+$)([a-zA-Z0-9-_]+)`: func(s string) bool { return wordDash.MatchString(s) && !digits.MatchString(s) },
	// lambda FunctionUrlQualifier.
	`((?!^\d+$)^[0-9a-zA-Z-_]+$)`: func(s string) bool { return wordDash.MatchString(s) && !digits.MatchString(s) },
	// lambda S3Bucket: does not end in a dot.
	`[0-9A-Za-z\.\-_]*(?<!\.)`: func(s string) bool { return bucket.MatchString(s) && !strings.HasSuffix(s, ".") },
	// lambda CollectionName: does not begin with "system.".
	`(^(?!(system\x2e)))(^[_a-zA-Z0-9])([^$]*)`: func(s string) bool {
		return collection.MatchString(s) && !strings.HasPrefix(s, "system.")
	},
	// iam accountAliasType: no two dashes in a row. One repetition is one character or one dash.
	`^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$`: func(s string) bool {
		return accountAlias.MatchString(s) && !strings.Contains(s, "--")
	},
}

var (
	wordDash     = regexp.MustCompile(`\A[a-zA-Z0-9\-_]+\z`)
	digits       = regexp.MustCompile(`\A[0-9]+\z`)
	bucket       = regexp.MustCompile(`\A[0-9A-Za-z.\-_]*\z`)
	collection   = regexp.MustCompile(`\A[_a-zA-Z0-9][^$]*\z`)
	accountAlias = regexp.MustCompile(`\A[a-z0-9][a-z0-9\-]{1,61}[a-z0-9]\z`)
)
