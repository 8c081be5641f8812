package iampolicy

import (
	"encoding/base64"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// condition is one key under one operator.
type condition struct {
	operator string // as written
	key      string // as written
	lookup   string // key with "aws:" in lower case: nearly always the request's own spelling
	op       operator
	set      setKind
	ifExists bool
	values   []value
}

// value is one right-hand side, compiled for its operator.
type value struct {
	text   string
	plain  pattern    // String*, Bool
	arn    arnPattern // Arn*
	number float64    // Numeric*, and Date* as seconds since 1970
	prefix netip.Prefix
}

type setKind uint8

const (
	single       setKind = iota
	forAllValues         // every value of the request must satisfy the operator; true without values
	forAnyValue          // at least one must; false without values
)

type operatorKind uint8

const (
	opString operatorKind = iota
	opStringFold
	opStringLike
	opNumeric
	opDate
	opBool
	opBinary
	opIP
	opARN
	opNull
)

type relation uint8

const (
	equal relation = iota
	less
	lessOrEqual
	greater
	greaterOrEqual
)

// operator is what a condition operator does. A negated one holds when none of
// the policy's values matches, and when the request lacks the key (IAM user
// guide, "Condition operators": "If the key … is not present in a request
// context, the values do not match and the condition is true").
type operator struct {
	kind    operatorKind
	rel     relation
	negated bool
}

// lookupOperator knows every operator of the IAM user guide by its base name.
func lookupOperator(name string) (operator, bool) {
	switch name {
	case "StringEquals":
		return operator{kind: opString}, true
	case "StringNotEquals":
		return operator{kind: opString, negated: true}, true
	case "StringEqualsIgnoreCase":
		return operator{kind: opStringFold}, true
	case "StringNotEqualsIgnoreCase":
		return operator{kind: opStringFold, negated: true}, true
	case "StringLike":
		return operator{kind: opStringLike}, true
	case "StringNotLike":
		return operator{kind: opStringLike, negated: true}, true
	case "Bool":
		return operator{kind: opBool}, true
	case "BinaryEquals":
		return operator{kind: opBinary}, true
	case "IpAddress":
		return operator{kind: opIP}, true
	case "NotIpAddress":
		return operator{kind: opIP, negated: true}, true
	// ArnEquals and ArnLike behave identically (IAM user guide).
	case "ArnEquals", "ArnLike":
		return operator{kind: opARN}, true
	case "ArnNotEquals", "ArnNotLike":
		return operator{kind: opARN, negated: true}, true
	case "Null":
		return operator{kind: opNull}, true
	}
	if rest, ok := strings.CutPrefix(name, "Numeric"); ok {
		return ordered(opNumeric, rest)
	}
	if rest, ok := strings.CutPrefix(name, "Date"); ok {
		return ordered(opDate, rest)
	}
	return operator{}, false
}

func ordered(kind operatorKind, rest string) (operator, bool) {
	switch rest {
	case "Equals":
		return operator{kind: kind}, true
	case "NotEquals":
		return operator{kind: kind, negated: true}, true
	case "LessThan":
		return operator{kind: kind, rel: less}, true
	case "LessThanEquals":
		return operator{kind: kind, rel: lessOrEqual}, true
	case "GreaterThan":
		return operator{kind: kind, rel: greater}, true
	case "GreaterThanEquals":
		return operator{kind: kind, rel: greaterOrEqual}, true
	}
	return operator{}, false
}

// usualSpelling writes the prefix of global keys as callers do. Lambda stores
// "AWS:SourceArn" (AWS recording test_lambda_api); comparing equal spellings
// takes a tenth of the time of comparing without regard to case.
func usualSpelling(key string) string {
	if prefix, name, ok := strings.Cut(key, ":"); ok && equalFoldASCII(prefix, "aws") {
		return "aws:" + name
	}
	return key
}

// parseOperator reads "ForAllValues:StringLikeIfExists".
func parseOperator(text string) (c condition, ok bool) {
	c.operator = text
	name := text
	if rest, found := strings.CutPrefix(name, "ForAllValues:"); found {
		c.set, name = forAllValues, rest
	} else if rest, found := strings.CutPrefix(name, "ForAnyValue:"); found {
		c.set, name = forAnyValue, rest
	}
	if base, found := strings.CutSuffix(name, "IfExists"); found {
		c.ifExists, name = true, base
	}
	c.op, ok = lookupOperator(name)
	if c.op.kind == opNull && c.ifExists {
		return c, false // IAM user guide: IfExists goes on any operator "except Null"
	}
	return c, ok
}

// compileValue reads one right-hand side. variables says whether "${…}" has
// its meaning; it has for strings, ARNs and Bool only (IAM user guide,
// "Condition operators", line "Policy variables" of each).
func (c *condition) compileValue(text string, variables bool) (v value, err error) {
	v.text = text
	switch c.op.kind {
	case opString, opStringFold:
		v.plain, err = compilePattern(text, dialect{variables: variables})
	case opStringLike:
		v.plain, err = compilePattern(text, dialect{wildcards: true, variables: variables})
	case opARN:
		v.arn, err = compileARN(text, dialect{wildcards: true, variables: variables}, false)
	case opBool, opNull:
		v.plain, err = compilePattern(text, dialect{variables: variables && c.op.kind == opBool})
		if err == nil && !v.plain.vars && !strings.EqualFold(text, "true") && !strings.EqualFold(text, "false") {
			err = fmt.Errorf("%q is neither \"true\" nor \"false\"", text)
		}
	case opNumeric:
		v.number, err = strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(v.number) || math.IsInf(v.number, 0) {
			err = fmt.Errorf("%q is no number", text)
		}
	case opDate:
		var ok bool
		if v.number, ok = parseDate(text); !ok {
			err = fmt.Errorf("%q is no date: write 2026-09-01T00:00:00Z or seconds since 1970", text)
		}
	case opBinary:
		if _, err = base64.StdEncoding.DecodeString(text); err != nil {
			err = fmt.Errorf("%q is not base64", text)
		}
	case opIP:
		if v.prefix, err = parsePrefix(text); err != nil {
			err = fmt.Errorf("%q is no address range: write 203.0.113.0/24 or 2001:db8::/32", text)
		}
	}
	return v, err
}

// holds reports whether the condition is met.
func (c *condition) holds(ctx Context) bool {
	got := ctx.Lookup(c.lookup)
	if c.op.kind == opNull {
		return c.matchesNull(len(got) == 0)
	}
	if len(got) == 0 {
		switch c.set {
		case forAllValues:
			return true
		case forAnyValue:
			return false // IfExists does not change it: it is looked at per value (iam.cloudcopilot.io/resources/operators)
		default:
			return c.ifExists || c.op.negated
		}
	}
	switch c.set {
	case forAllValues:
		for _, g := range got {
			if c.matchesAny(g, ctx) == c.op.negated {
				return false
			}
		}
		return true
	case forAnyValue:
		for _, g := range got {
			if c.matchesAny(g, ctx) != c.op.negated {
				return true
			}
		}
		return false
	default:
		// Without a set operator a key has one value. Should it have more,
		// one match is a match, and a negated operator wants none.
		for _, g := range got {
			if c.matchesAny(g, ctx) {
				return !c.op.negated
			}
		}
		return c.op.negated
	}
}

func (c *condition) matchesNull(absent bool) bool {
	for i := range c.values {
		if strings.EqualFold(c.values[i].text, "true") == absent {
			return true
		}
	}
	return false
}

func (c *condition) matchesAny(got string, ctx Context) bool {
	for i := range c.values {
		if c.matches(&c.values[i], got, ctx) {
			return true
		}
	}
	return false
}

// matches compares one value of the policy with one of the request, before any
// negation. A request's value that is no number, date or address equals none.
// unverified: so NumericNotEquals, DateNotEquals and NotIpAddress hold for it.
func (c *condition) matches(v *value, got string, ctx Context) bool {
	switch c.op.kind {
	case opString, opStringLike:
		return v.plain.match(got, ctx)
	case opStringFold, opBool:
		if v.plain.exact {
			return strings.EqualFold(v.plain.prefix, got)
		}
		bound, ok := v.plain.bind(ctx)
		return ok && strings.EqualFold(notation(bound.pieces), got)
	case opARN:
		return v.arn.match(got, ctx)
	case opNumeric:
		n, err := strconv.ParseFloat(got, 64)
		return err == nil && c.op.rel.holds(n, v.number)
	case opDate:
		n, ok := parseDate(got)
		return ok && c.op.rel.holds(n, v.number)
	case opIP:
		addr, err := netip.ParseAddr(got)
		return err == nil && v.prefix.Contains(addr.Unmap())
	default: // opBinary; base64 has one canonical form
		return v.text == got
	}
}

// holds compares got (the request's) with want (the policy's).
func (r relation) holds(got, want float64) bool {
	switch r {
	case less:
		return got < want
	case lessOrEqual:
		return got <= want
	case greater:
		return got > want
	case greaterOrEqual:
		return got >= want
	default:
		return got == want
	}
}

// dateForms are the W3C profile of ISO 8601, which IAM names, and the
// form with a zone offset without colon.
var dateForms = [...]string{
	"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05Z0700",
	"2006-01-02", "2006-01", "2006-01-02T15:04:05",
}

// parseDate reads a date, or seconds since 1970, as seconds since 1970.
func parseDate(text string) (float64, bool) {
	if len(text) != 4 { // four digits are a year
		if n, err := strconv.ParseFloat(text, 64); err == nil {
			return n, true
		}
	}
	for _, form := range dateForms {
		if t, err := time.Parse(form, text); err == nil {
			return seconds(t), true
		}
	}
	if t, err := time.Parse("2006", text); err == nil {
		return seconds(t), true
	}
	return 0, false
}

func seconds(t time.Time) float64 { return float64(t.Unix()) + float64(t.Nanosecond())/1e9 }

// parsePrefix reads an address range, or one address.
func parsePrefix(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		return netip.ParsePrefix(text)
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(addr, addr.BitLen()), nil
}
