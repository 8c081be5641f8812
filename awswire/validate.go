package awswire

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// step is one part of the way from the input to a value.
type step struct {
	order int
	text  string // "functionName", ".1.member", ".KEY.member"
	bound bool   // a member of the path, the query string or a header
}

// violation is one broken rule. Its key sorts it into the model's order, whatever the order on the wire.
type violation struct {
	key  []int
	text string
	own  bool   // the service words the error itself; not one of "N validation errors"
	code string // of such an error, if not the usual one
}

// checker collects violations; the decoders and the walk over Go values share it.
type checker struct {
	prefix string // "putIntegrationInput." where the service prints one: before members of the body only
	redact bool   // see dialect
	steps  []step
	found  []violation
}

// maxViolations bounds what one request can make us say: a list of a million
// empty members takes a megabyte, and the million sentences about them a hundred.
//
// unverified: that AWS ends its list, and where
const maxViolations = 1000

func (c *checker) push(order int, text string) {
	c.steps = append(c.steps, step{order: order, text: text})
}
func (c *checker) enter(f *field) { c.steps = append(c.steps, step{f.order, f.path, f.loc != inBody}) }
func (c *checker) pop()           { c.steps = c.steps[:len(c.steps)-1] }

func (c *checker) path() string {
	var b strings.Builder
	if !c.steps[0].bound {
		b.WriteString(c.prefix)
	}
	for i, s := range c.steps {
		if i > 0 && !strings.HasPrefix(s.text, ".") {
			b.WriteByte('.')
		}
		b.WriteString(s.text)
	}
	return b.String()
}

func (c *checker) add(value, rule string) {
	if len(c.found) >= maxViolations {
		return
	}
	c.found = append(c.found, violation{key: c.key(),
		text: "Value" + value + " at '" + c.path() + "' failed to satisfy constraint: " + rule})
}

func (c *checker) own(code, text string) {
	if len(c.found) >= maxViolations {
		return
	}
	c.found = append(c.found, violation{key: c.key(), text: text, own: true, code: code})
}

func (c *checker) key() []int {
	key := make([]int, len(c.steps))
	for i, s := range c.steps {
		key[i] = s.order
	}
	return key
}

// wirePath names the value as the query protocol does: Tags.member.1.Key.
func (c *checker) wirePath() string {
	var parts []string
	for _, s := range c.steps {
		text := s.text
		if rest, ok := strings.CutPrefix(text, "."); ok { // ".1.member"
			n, member, _ := strings.Cut(rest, ".")
			text = member + "." + n
		}
		parts = append(parts, exported(text))
	}
	return strings.ReplaceAll(strings.Join(parts, "."), ".Member.", ".member.")
}

func quoted(k *constraint, s string) string {
	if k.sensitive {
		return "" // "Value at 'password' failed …"
	}
	return " '" + s + "'"
}

func (c *checker) string(k *constraint, s string) {
	if k == nil || k.stringOK(s) {
		return
	}
	for _, rule := range k.stringRules(s) {
		switch {
		case k.ownWords != "" && strings.HasPrefix(rule, "Member must satisfy regular"):
			c.own("", "The specified value for "+c.path()+" is invalid. "+k.ownWords)
		case k.tooLong != "" && strings.HasPrefix(rule, "Member must have length less"):
			c.own("", k.tooLong)
		default:
			c.add(quoted(k, s), rule)
		}
	}
}

func (c *checker) number(k *constraint, n float64) {
	if k == nil || k.numberOK(n) {
		return
	}
	for _, rule := range k.rangeRules(n, "value") {
		c.add(quoted(k, plainNumber(n)), rule)
	}
}

func (c *checker) blob(k *constraint, b []byte) {
	if k == nil || k.sizeOK(len(b)) {
		return
	}
	for _, rule := range k.sizeRules(len(b), "length") {
		// Java prints a blob as a buffer object: unverified, so the value is left out as for sensitive ones.
		c.add("", rule)
	}
}

// missing reports the required members of p that seen lacks.
func (c *checker) missing(p *plan, seen uint64) {
	if p.required&^seen == 0 {
		return
	}
	for _, f := range p.fields {
		if f.bit != 0 && seen&f.bit == 0 {
			c.enter(f)
			switch {
			case c.redact && len(c.steps) > 1:
				// Another emulator found this against AWS; unverified.
				c.own("MissingParameter", "The request must contain the parameter "+c.wirePath()+".")
			case c.redact:
				c.add("", "Member must not be null")
			default:
				c.add(" null", "Member must not be null")
			}
			c.pop()
		}
	}
}

// container checks the size of a list or map and its scalar elements, which AWS reports at the container.
func (c *checker) container(p *plan, v reflect.Value) {
	if p.check != nil && !p.check.sizeOK(v.Len()) {
		for _, rule := range p.check.sizeRules(v.Len(), "length") {
			c.add(c.printed(p, v), rule)
		}
	}
	if p.kind == kindList {
		if p.elemCheck == nil {
			return
		}
		for i := range v.Len() {
			if !p.elem.scalarOK(p.elemCheck, v.Index(i)) {
				c.add(c.printed(p, v), "Member must satisfy constraint: "+p.elemCheck.elementRules(p.elem.numeric(), p.strict))
				return
			}
		}
		return
	}
	c.mapElements(p, v)
}

func (c *checker) mapElements(p *plan, v reflect.Value) {
	if p.elemCheck == nil && p.keyCheck == nil {
		return
	}
	badKey, badValue := false, false
	for it := v.MapRange(); it.Next(); {
		badKey = badKey || p.keyCheck != nil && !p.key.scalarOK(p.keyCheck, it.Key())
		badValue = badValue || p.elemCheck != nil && !p.elem.scalarOK(p.elemCheck, it.Value())
	}
	if badValue {
		c.add(c.printed(p, v), "Map value must satisfy constraint: "+p.elemCheck.elementRules(p.elem.numeric(), p.strict))
	}
	if badKey {
		c.add(c.printed(p, v), "Map keys must satisfy constraint: "+p.keyCheck.elementRules(false, p.strict))
	}
}

func (p *plan) numeric() bool { return p.kind == kindInt || p.kind == kindFloat }

func (p *plan) scalarOK(k *constraint, v reflect.Value) bool {
	if p.ptr {
		if v.IsNil() {
			return true
		}
		v = v.Elem()
	}
	switch p.kind {
	case kindString:
		return k.stringOK(v.String())
	case kindInt:
		return k.numberOK(float64(v.Int()))
	case kindFloat:
		return k.numberOK(v.Float())
	case kindBlob:
		return k.sizeOK(v.Len())
	}
	return true
}

// printed renders a list or map as Java's toString does: [a, b] and {k=v}. Map order is Java's there; here it is sorted.
func (c *checker) printed(p *plan, v reflect.Value) string {
	if c.redact || p.shape.Sensitive || p.elem.shape != nil && p.elem.shape.Sensitive || p.key != nil && p.key.shape.Sensitive {
		return ""
	}
	var parts []string
	if p.kind == kindList {
		for i := range v.Len() {
			parts = append(parts, printedValue(p.elem, v.Index(i)))
		}
		return " '[" + strings.Join(parts, ", ") + "]'"
	}
	for it := v.MapRange(); it.Next(); {
		parts = append(parts, printedValue(p.key, it.Key())+"="+printedValue(p.elem, it.Value()))
	}
	slices.Sort(parts)
	return " '{" + strings.Join(parts, ", ") + "}'"
}

func printedValue(p *plan, v reflect.Value) string {
	if v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return "null"
		}
		v = v.Elem()
	}
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		return v.Interface().(time.Time).UTC().Format(time.RFC3339)
	case v.Kind() == reflect.Struct && p.kind == kindStruct:
		// "MetricTransformation(metricName=metric1, …, unit=null, dimensions=null)" (AWS recording
		// test_put_metric_filter_too_many_transformations; its members are in the order of the Java class, which the model
		// does not tell).
		var parts []string
		for _, f := range p.fields {
			text := "null"
			if fv := v.Field(f.index); !f.plan.absent(fv) {
				text = printedValue(f.plan, fv)
			}
			parts = append(parts, f.path+"="+text)
		}
		return exported(p.shape.name) + "(" + strings.Join(parts, ", ") + ")"
	}
	return fmt.Sprint(v.Interface())
}

// err makes the one error of all violations.
func (c *checker) err(code string) error {
	if len(c.found) == 0 {
		return nil
	}
	slices.SortStableFunc(c.found, func(a, b violation) int { return slices.Compare(a.key, b.key) })
	var texts []string
	for _, v := range c.found {
		if !v.own {
			texts = append(texts, v.text)
		}
	}
	if len(texts) == 0 {
		first := c.found[0]
		return &Error{Code: cmp.Or(first.code, code), Message: first.text, Status: 400}
	}
	plural := "s"
	if len(texts) == 1 {
		plural = ""
	}
	return &Error{Code: code, Status: 400,
		Message: strconv.Itoa(len(texts)) + " validation error" + plural + " detected: " + strings.Join(texts, "; ")}
}

// walk checks a Go value: the struct form, for in-process calls. Plain scalars that are zero count as absent, for the
// type cannot tell; they are never "missing" for the same reason.
func (c *checker) walk(p *plan, v reflect.Value) {
	if p.ptr {
		v = v.Elem()
	}
	switch p.kind {
	case kindString:
		c.string(p.check, v.String())
	case kindInt:
		c.number(p.check, float64(v.Int()))
	case kindFloat:
		c.number(p.check, v.Float())
	case kindBlob:
		c.blob(p.check, v.Bytes())
	case kindStruct:
		c.walkStruct(p, v)
	case kindList:
		c.container(p, v)
		if p.elem.nested() {
			for i := range v.Len() {
				c.push(i, "."+strconv.Itoa(i+1)+".member")
				c.walk(p.elem, v.Index(i))
				c.pop()
			}
		}
	case kindMap:
		c.container(p, v)
		if p.elem.nested() {
			keys := v.MapKeys()
			slices.SortFunc(keys, func(a, b reflect.Value) int { return cmp.Compare(a.String(), b.String()) })
			for i, k := range keys {
				c.push(i, "."+k.String()+".member")
				c.walk(p.elem, v.MapIndex(k))
				c.pop()
			}
		}
	}
}

func (p *plan) nested() bool { return p.kind == kindStruct || p.kind == kindList || p.kind == kindMap }

func (c *checker) walkStruct(p *plan, v reflect.Value) {
	var seen uint64
	for _, f := range p.fields {
		fv := v.Field(f.index)
		if fv.IsZero() {
			if f.plan.kind != kindString && !f.plan.ptr && fv.Kind() != reflect.Slice && fv.Kind() != reflect.Map {
				seen |= f.bit
			}
			continue
		}
		seen |= f.bit
		c.enter(f)
		c.walk(f.plan, fv)
		c.pop()
	}
	c.missing(p, seen)
}
