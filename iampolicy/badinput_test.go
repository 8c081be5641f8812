package iampolicy

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

const oneStatement = `{"Effect":"Allow","Action":"a:B","Resource":"*"}`

func documentOf(statements string) string {
	return `{"Version":"2012-10-17","Statement":` + statements + `}`
}

// What is no policy is refused with the place and the remedy, however large or
// deep it is, and never taken for one.
func TestBadInput(t *testing.T) {
	with := func(members string) string {
		return documentOf(`{"Effect":"Allow","Action":"a:B","Resource":"*",` + members + `}`)
	}
	for name, c := range map[string]struct{ doc, problem string }{
		"1 MB":                        {documentOf(`[` + strings.Repeat(" ", 1<<20) + oneStatement + `]`), "bytes"},
		"10,000 statements":           {documentOf(`[` + strings.TrimSuffix(strings.Repeat(oneStatement+",", 10000), ",") + `]`), "bytes"},
		"2,000 statements":            {documentOf(`[` + strings.TrimSuffix(strings.Repeat(oneStatement+",", 2000), ",") + `]`), "more than 1000 statements"},
		"6,000 actions":               {documentOf(`{"Effect":"Allow","Resource":"*","Action":[` + strings.TrimSuffix(strings.Repeat(`"a:B",`, 6000), ",") + `]}`), "more than 5000 values"},
		"100,000 brackets":            {strings.Repeat("[", 100000), "must be an object"},
		"100,000 brackets in place":   {documentOf(strings.Repeat("[", 100000)), "must be an object"},
		"100,000 braces in condition": {with(`"Condition":{"StringEquals":` + strings.Repeat(`{"a":`, 20000)), "must be a string"},
		"a list of lists":             {documentOf(`[[` + oneStatement + `]]`), "must be an object"},
		"actions in a list in a list": {documentOf(`{"Effect":"Allow","Action":[["a:B"]],"Resource":"*"}`), "must be a string"},
		"an action that is an object": {documentOf(`{"Effect":"Allow","Action":{"a":"B"},"Resource":"*"}`), "must be a string"},
		"an effect that is a list":    {documentOf(`{"Effect":["Allow"],"Action":"a:B","Resource":"*"}`), "must be a string"},
		"an effect that is null":      {documentOf(`{"Effect":null,"Action":"a:B","Resource":"*"}`), "must be a string"},
		"a number for a principal":    {with(`"Principal":7`), "must be an object"},
		"a list for conditions":       {with(`"Condition":[]`), "must be an object"},
		"a string for an operator":    {with(`"Condition":{"StringEquals":"x"}`), "must be an object"},
		"an unknown operator":         {with(`"Condition":{"StringNearly":{"aws:username":"x"}}`), "StringNearly"},
		"an operator in other case":   {with(`"Condition":{"ForSomeValues:StringEquals":{"aws:username":"x"}}`), "ForSomeValues"},
		"an address that is none":     {with(`"Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/99"}}`), "10.0.0.0/99"},
		"a number that is none":       {with(`"Condition":{"NumericEquals":{"sts:DurationSeconds":"ten"}}`), "ten"},
		"an open variable":            {with(`"Condition":{"StringLike":{"s3:prefix":"${aws:username"}}`), "${"},
		"broken UTF-8":                {documentOf("{\"Effect\":\"Allow\",\"Action\":\"a:B\",\"Resource\":\"arn:aws:s3:::\xff\"}"), "UTF-8"},
		"half a surrogate":            {documentOf(`{"Effect":"Allow","Action":"a:B","Resource":"arn:aws:s3:::\ud800"}`), "surrogate"},
		"two effects":                 {documentOf(`{"Effect":"Allow","Effect":"Deny","Action":"a:B","Resource":"*"}`), "duplicate"},
		"two documents":               {documentOf(oneStatement) + documentOf(oneStatement), "after the policy"},
		"nothing":                     {``, "no JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			p, err := Parse([]byte(c.doc))
			var at *Error
			if p != nil || !errors.As(err, &at) {
				t.Fatalf("accepted, or another error: %v", err)
			}
			if !strings.Contains(at.Problem, c.problem) || at.Line < 1 || len(at.Error()) > 1000 {
				t.Errorf("%q does not name %q", at.Error(), c.problem)
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// Many wildcards stay cheap: the work is bounded by the text's length times the
// literals', however a hostile pattern looks.
func TestWildcardsStayLinear(t *testing.T) {
	text := "arn:aws:s3:::" + strings.Repeat("a", 20000)
	for name, pattern := range map[string]string{
		"*a*a*a…b": "arn:aws:s3:::" + strings.Repeat("*a", 10000) + "b",
		"*?*?…b":   "arn:aws:s3:::" + strings.Repeat("*?", 10000) + "b",
		"a*a*…*b":  "arn:aws:s3:::" + strings.Repeat("aaaa*", 5000) + "b",
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Parse([]byte(documentOf(`{"Effect":"Allow","Action":"a:B","Resource":"` + pattern + `","Condition":{"StringLike":{"k":"` + pattern + `"}}}`)))
			if err != nil {
				t.Fatal(err)
			}
			r := &Request{Action: "a:B", Resource: text, Context: Context{{Name: "k", Values: []string{text}}}}
			began := time.Now()
			if got := p.Evaluate(r); got != NoMatch {
				t.Errorf("it is %v", got)
			}
			r.Resource, r.Context[0].Values = text+"b", []string{text + "b"}
			if got := p.Evaluate(r); got != Allow {
				t.Errorf("with its end it is %v", got)
			}
			if took := time.Since(began); took > 5*time.Second { // quadratic would be minutes
				t.Errorf("took %v", took)
			}
		})
	}
}

// Names outside ASCII are compared as they are: case folding and wildcards work
// on characters, not bytes.
func TestUnicode(t *testing.T) {
	for _, c := range []struct {
		pattern, resource string
		want              Effect
	}{
		{"arn:aws:s3:::bücher/*", "arn:aws:s3:::bücher/ключ", Allow},
		{"arn:aws:s3:::b?cher", "arn:aws:s3:::bücher", Allow},
		{"arn:aws:s3:::b??cher", "arn:aws:s3:::bücher", NoMatch},
		{"arn:aws:s3:::日本?", "arn:aws:s3:::日本語", Allow},
		{"arn:aws:s3:::bücher", "arn:aws:s3:::bu\u0308cher", NoMatch}, // the same letter, composed otherwise
		{"arn:aws:s3:::BÜCHER", "arn:aws:s3:::bücher", NoMatch},
		{"arn:aws:s3:::🦀*", "arn:aws:s3:::🦀🦀", Allow},
	} {
		p, err := Parse(fmt.Appendf(nil, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"a:B","Resource":%q}}`, c.pattern))
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		if got := p.Evaluate(&Request{Action: "a:B", Resource: c.resource}); got != c.want {
			t.Errorf("%s on %s: %v, want %v", c.pattern, c.resource, got, c.want)
		}
	}
}
