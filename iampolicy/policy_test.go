package iampolicy

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func mustParse(t testing.TB, document string) *Policy {
	t.Helper()
	p, err := Parse([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// one wraps a statement's members into a policy.
func one(members string) string {
	return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"a:b"` + members + `}}`
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ document, want string }{
		{``, "line 1, column 1: this is no JSON: EOF: the document ends too early"},
		{`{`, "the document ends too early"},
		{`{"Statement" "x"}`, "check quotes, commas and brackets"},
		{`[]`, "a policy must be an object, not a list"},
		{`"x"`, "not a string"}, {`1`, "not a number"}, {`null`, "not null"}, {`true`, "not a boolean"},
		{`{}`, `the policy has no Statement: add "Statement": [ … ]`},
		{`{"Version":"2012-10-18","Statement":[]}`, `"2012-10-18" is no version of the policy language: write "2012-10-17"`},
		{`{"Version":1,"Statement":[]}`, "Version must be a string, not a number"},
		{`{"Id":[],"Statement":[]}`, "Id must be a string, not a list"},
		{`{"statement":[]}`, `a policy has no element "statement": write "Statement"`},
		{`{"Foo":[]}`, `it may have Version, Id, Statement`},
		{`{"Statement":[],"Statement":[]}`, "keep one of the two"},
		{`{"Version":]}`, "this is no JSON"},
		{`{"Statement" []}`, "this is no JSON"},
		{`{"Statement":{"Resource" ["*"]}}`, "this is no JSON"},
		{one(`,"Principal":{"AWS":"12345678901x"}`), `is no AWS principal`},
		{one(`,"Principal":{"AWS":"AIDA-not-an-id-at-all"}`), `is no AWS principal`},
		{`{"Statement":[]} x`, "there is text after the policy: remove it"},
		{`{"Statement":[`, "the document ends too early"},
		{`{"Statement":["x"]}`, "a statement must be an object, not a string"},
		{`{"Statement":{"Action":"*"}}`, `the statement has no Effect: add "Effect"`},
		{`{"Statement":{"Effect":"Allow"}}`, `the statement has no Action: add "Action"`},
		{`{"Statement":{"Effect":"allow","Action":"*"}}`, `"allow" is no Effect: write "Allow" or "Deny"`},
		{`{"Statement":{"Effect":1}}`, "Effect must be a string"},
		{`{"Statement":{"Sid":1}}`, "Sid must be a string"},
		{`{"Statement":{"effect":"Allow"}}`, `write "Effect"`},
		{`{"Statement":{"Effect":"Allow","Action":"*","NotAction":"*"}}`, "the statement has both Action and NotAction: keep one of them"},
		{one(`,"Resource":"*","NotResource":"*"`), "both Resource and NotResource"},
		{one(`,"Resource":[]`), "Resource is an empty list"},
		{`{"Statement":{"Resource":["a",`, "the document ends too early"},
		{one(`,"Resource":[{}]`), "Resource must be a string or a list of strings, not an object"},
		{one(`,"Resource":"${x"`), `"${" without its "}"`},
		{one(`,"NotResource":1`), "not a number: put each value in quotes"},
		{`{"Statement":{"Effect":"Allow","Action":"foo"}}`, `"foo" names no service: write "service:Action" or "*"`},
		{`{"Statement":{"Effect":"Allow","Action":":foo"}}`, `names no service`},
		{`{"Statement":{"Effect":"Allow","Action":[["x"]]}}`, `not a list`},
		{one(`,"Principal":"arn:aws:iam::123456789012:root"`), `only "*" stands alone`},
		{one(`,"Principal":1`), "Principal must be an object, not a number"},
		{one(`,"Principal":{}`), `Principal names nobody: write "*" for everybody`},
		{one(`,"Principal":{"aws":"*"}`), `write "AWS"`},
		{one(`,"Principal":{"AWS":1}`), `Principal AWS must be a string`},
		{one(`,"Principal":{"AWS":"bob"}`), `"bob" is no AWS principal`},
		{one(`,"Principal":{"AWS":""}`), `an empty name`},
		{one(`,"Principal":{"AWS":"arn:aws:iam::123456789012:user/*"}`), `aws:PrincipalArn`},
		{one(`,"Principal":{"AWS":"arn:aws:s3:::bucket"}`), `is no principal's ARN`},
		{one(`,"Principal":{"AWS":"aidackcevsq6c2example"}`), `is no AWS principal`},
		{one(`,"Condition":"x"`), "Condition must be an object"},
		{one(`,"Condition":{"StringEquals":"x"}`), "Condition StringEquals must be an object"},
		{one(`,"Condition":{"stringEquals":{"k":"v"}}`), `"stringEquals" is no condition operator`},
		{one(`,"Condition":{"NumericAlmost":{"k":"1"}}`), `is no condition operator`},
		{one(`,"Condition":{"DateSometimes":{"k":"1"}}`), `is no condition operator`},
		{one(`,"Condition":{"NullIfExists":{"k":"true"}}`), `is no condition operator`},
		{one(`,"Condition":{"StringEquals":{"k":null}}`), `not null`},
		{one(`,"Condition":{"StringLike":{"k":"${"}}`), `"${" without its "}"`},
		{one(`,"Condition":{"ArnLike":{"k":"${"}}`), `"${" without its "}"`},
		{one(`,"Condition":{"Null":{"k":"maybe"}}`), `"maybe" is neither "true" nor "false"`},
		{one(`,"Condition":{"Bool":{"k":"yes"}}`), `is neither "true" nor "false"`},
		{one(`,"Condition":{"NumericEquals":{"k":"ten"}}`), `"ten" is no number`},
		{one(`,"Condition":{"NumericEquals":{"k":"NaN"}}`), `"NaN" is no number`},
		{one(`,"Condition":{"DateEquals":{"k":"today"}}`), `"today" is no date`},
		{one(`,"Condition":{"BinaryEquals":{"k":"*"}}`), `"*" is not base64`},
		{one(`,"Condition":{"IpAddress":{"k":"10.0.0.0/33"}}`), `is no address range`},
		{one(`,"Condition":{"IpAddress":{"k":"home"}}`), `is no address range`},
		{strings.Repeat(" ", MaxBytes+1), "keep it under 131072"},
		{`{"Statement":[` + strings.Repeat(`{"Effect":"Deny","Action":"*"},`, MaxStatements+1) + `]}`, "more than 1000 statements"},
		{one(`,"Resource":[` + strings.Repeat(`"*",`, MaxValues) + `"*"]`), "more than 5000 values"},
		{strings.Repeat("[", 10000), "a policy must be an object, not a list"},
		{one(`,"Resource":"` + "\xff" + `"`), "this is no JSON"},
	} {
		_, err := Parse([]byte(c.document))
		var position *Error
		if !errors.As(err, &position) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.120s\n got: %v\nwant: %s", c.document, err, c.want)
		}
	}
}

func TestErrorPosition(t *testing.T) {
	_, err := Parse([]byte("{\n  \"Statement\": [\n    {\"Effect\": \"allow\"}\n  ]\n}"))
	var e *Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	want := Error{Offset: 34, Line: 3, Column: 16, Path: "/Statement/0/Effect", Problem: `"allow" is no Effect`, Remedy: `write "Allow" or "Deny" (case matters)`}
	if diff := cmp.Diff(want, *e); diff != "" {
		t.Error(diff)
	}
}

func TestVersionMayComeLast(t *testing.T) {
	p := mustParse(t, `{"Statement":[{"Effect":"Allow","Action":"a:b","Resource":"${x}"}],"Id":"me","Version":"2012-10-17"}`)
	r := &Request{Action: "a:b", Resource: "value", Context: Context{{Name: "X", Values: []string{"value"}}}}
	if p.Evaluate(r) != Allow || p.Version != "2012-10-17" || p.ID != "me" || p.Len() != 1 {
		t.Errorf("%v %+v", p.Evaluate(r), p)
	}
}

// Wildcards must not be able to stop the server: the work grows with the
// product of the lengths at worst, not with a power of the number of stars.
func TestManyStars(t *testing.T) {
	text := strings.Repeat("a", 20000)
	for _, pattern := range []string{strings.Repeat("*a", 2000) + "*b*", strings.Repeat("*a?", 1000) + "*b*", "*" + strings.Repeat("?*", 5000) + "b?"} {
		p := mustParse(t, `{"Statement":{"Effect":"Allow","Action":"`+"s:"+pattern+`","Resource":"`+pattern+`"}}`)
		if p.Evaluate(&Request{Action: "s:b", Resource: text}) != NoMatch || p.Evaluate(&Request{Action: "s:" + text, Resource: text}) != NoMatch {
			t.Errorf("%.20s… matches", pattern)
		}
	}
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"", "x", false}, {"*", "", true}, {"?", "", false}, {"?", "é", true}, {"??", "é", false},
		{"a*", "a", true}, {"*a", "ba", true}, {"*a", "ab", false}, {"ab*bc", "abc", false}, {"ab*bc", "abbc", true},
		{"*ab", "abab", true}, {"a*b*c", "aXbYbc", true}, {"*?", "", false}, {"*?", "x", true}, {"a**b", "ab", true},
		{"*a*?", "a", false}, {"*a?b", "aXaYb", true}, {"*.json", ".jso", false}, {"x*?y", "xy", false},
	} {
		p, err := compilePattern(c.pattern, dialect{wildcards: true})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.match(c.text, nil); got != c.want {
			t.Errorf("%q against %q = %v", c.pattern, c.text, got)
		}
		action := actionPattern{text: c.pattern}
		if isASCII(c.text) && action.match(strings.ToUpper(c.text)) != c.want {
			t.Errorf("action %q against %q = %v", c.pattern, c.text, !c.want)
		}
	}
}

func isASCII(s string) bool { return strings.IndexFunc(s, func(r rune) bool { return r > 127 }) < 0 }

func TestKeys(t *testing.T) {
	p := mustParse(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"a:b","Resource":"${r}","Condition":{"StringEquals":{"k":"${s}"},"ArnLike":{"l":"${a}"}}},{"Effect":"Deny","Action":"a:b"}]}`)
	if got, want := p.Keys(), []string{"r", "k", "s", "l", "a"}; !slices.Equal(got, want) {
		t.Errorf("Keys = %q, want %q", got, want)
	}
}

func TestEffectText(t *testing.T) {
	for _, e := range []Effect{NoMatch, Allow, Deny} {
		data, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		back := Deny
		if err := json.Unmarshal(data, &back); err != nil || back != e {
			t.Errorf("%v → %s → %v, %v", e, data, back, err)
		}
	}
	back := Allow
	if err := back.UnmarshalText([]byte("Perhaps")); err != nil || back != NoMatch {
		t.Errorf("unknown text is %v", back)
	}
}

// The nearest miss comes first, and its differing segment is the right one.
func TestRanking(t *testing.T) {
	statement := func(sid, arn string) string {
		return fmt.Sprintf(`{"Sid":%q,"Effect":"Allow","Principal":{"Service":"s.amazonaws.com"},"Action":"a:b","Condition":{"ArnLike":{"aws:SourceArn":%s}}}`, sid, arn)
	}
	p := mustParse(t, `{"Statement":[`+strings.Join([]string{
		`{"Sid":"deny","Effect":"Deny","Principal":{"AWS":"123456789012"},"Action":"a:b"}`,
		statement("account", `"arn:aws:e:r:999999999999:api/*/GET/x"`),
		statement("api", `"arn:aws:e:r:123456789012:other/*/GET/x"`),
		statement("two", `["arn:aws:e:r:123456789012:api/*/GET","arn:aws:e:r:123456789012:api/*/POST/y"]`),
		statement("case", `"arn:aws:e:r:123456789012:api/*/get/x"`),
		statement("verb", `"arn:aws:e:r:123456789012:api/*/POST/x"`),
		`{"Sid":"principal","Effect":"Allow","Principal":{"Service":"t.amazonaws.com"},"Action":"a:c"}`,
	}, ",")+`]}`)
	r := &Request{Principal: Principal{Type: Service, ID: "s.amazonaws.com"}, Action: "a:b",
		Context: Context{{Name: "AWS:sourcearn", Values: []string{"arn:aws:e:r:123456789012:api/dev/GET/x"}}}}
	e := p.Explain(r)
	var order []string
	for _, s := range e.Statements {
		order = append(order, s.Sid)
	}
	if want := []string{"case", "two", "verb", "api", "account", "principal", "deny"}; !slices.Equal(order, want) {
		t.Errorf("ranking %q, want %q", order, want)
	}
	failed := e.Statements[2].Failed()
	want := []Segment{{Part: "resource", Index: 2, Want: "POST", Got: "GET"}}
	if diff := cmp.Diff(want, failed[0].Differing()); diff != "" {
		t.Error(diff)
	}
	if got := e.Statements[1].Failed()[0].Closest; got != 0 {
		t.Errorf("closest value %d, want 0", got)
	}
	checkExplanation(t, p, r)
}

func TestSegments(t *testing.T) {
	for _, c := range []struct{ pattern, got, want string }{
		{"api/*/GET/x", "api/dev/GET/x", "api=api *=dev GET=GET x=x"},
		{"api/*", "api/dev/GET/x", "api=api *=dev/GET/x"},
		{"api/*/x", "api/dev/GET/x", "api=api *=dev/GET x=x"},
		{"api/GET/x", "api/dev/GET/x", "api=api !-=dev GET=GET x=x"},
		{"api/dev/*/GET/x", "api/dev/GET/x", "api=api dev=dev !*=- GET=GET x=x"},
		{"api", "api/dev", "api=api !-=dev"},
		{"api/*/GET", "api/dev/GET/", "api=api *=dev GET=GET !-="},
	} {
		p, err := compilePattern("arn:aws:e:r:a:"+c.pattern, dialect{wildcards: true})
		if err != nil {
			t.Fatal(err)
		}
		a := newARNPattern(p, false)
		var got []string
		for _, s := range a.segments("arn:aws:e:r:a:"+c.got, nil)[arnParts-1:] {
			text := s.Want + "=" + s.Got
			if s.NoWant {
				text = "-=" + s.Got
			}
			if s.NoGot {
				text = s.Want + "=-"
			}
			if !s.Matched {
				text = "!" + text
			}
			got = append(got, text)
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s against %s:\n got %s\nwant %s", c.pattern, c.got, text, c.want)
		}
	}
}

// Very long resource parts are compared whole, and unresolvable variables not
// at all.
func TestSegmentsBounds(t *testing.T) {
	long := strings.Repeat("x/", 100)
	p := mustParse(t, one(`,"Resource":["arn:aws:s3:::`+long+`y","arn:aws:s3:::${nothing}","no-arn"]`))
	r := &Request{Action: "a:b", Resource: "arn:aws:s3:::" + long + "z"}
	e := p.Explain(r).Statements[0].Failed()[0]
	if len(e.Segments) != arnParts || e.Segments[5].Matched || e.Closest != 0 {
		t.Errorf("%+v", e)
	}
	checkExplanation(t, p, r)
	if got := p.Explain(&Request{Action: "a:b", Resource: "no"}).Statements[0].Failed()[0]; got.Segments != nil {
		t.Errorf("segments for what is no ARN: %+v", got)
	}
	bound := []piece{{kind: variable, text: "k"}, {kind: anyOne}, {kind: anyRun}, {kind: literal, text: "x"}}
	if got := notation(bound); got != "${k}?*x" {
		t.Errorf("notation %q", got)
	}
}

// A principal without id, anonymous, is shown by its type.
func TestExplainAnonymous(t *testing.T) {
	p := mustParse(t, one(`,"Principal":{"AWS":"123456789012"}`))
	e := p.Explain(&Request{Principal: Principal{Type: Anonymous}, Action: "a:b"})
	if got := e.Statements[0].Elements[0].Got; !slices.Equal(got, []string{"*"}) {
		t.Errorf("got %q", got)
	}
}

// More different elements than the memo has places are evaluated all the same.
func TestMoreElementsThanMemo(t *testing.T) {
	var statements []string
	for i := range 100 {
		statements = append(statements, fmt.Sprintf(`{"Effect":"Allow","Action":"a:n%d","Resource":"arn:aws:s3:::b%d"}`, i, i))
	}
	p := mustParse(t, `{"Statement":[`+strings.Join(statements, ",")+`]}`)
	for i := range 100 {
		r := &Request{Action: fmt.Sprintf("a:n%d", i), Resource: fmt.Sprintf("arn:aws:s3:::b%d", i)}
		if p.Evaluate(r) != Allow {
			t.Errorf("statement %d does not apply", i)
		}
		r.Resource = "arn:aws:s3:::b"
		if p.Evaluate(r) != NoMatch {
			t.Errorf("statement %d applies", i)
		}
	}
}
