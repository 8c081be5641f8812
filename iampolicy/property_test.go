package iampolicy

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

// Small alphabets, so that patterns and requests meet often.
var (
	genARN = rapid.Custom(func(t *rapid.T) string {
		segments := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "A", "*", "?", "a*", "*b", "", "${k}", "${*}"}), 1, 4).Draw(t, "segments")
		text := "arn:aws:" + rapid.SampledFrom([]string{"s3", "*", "e?"}).Draw(t, "service") + "::" + rapid.SampledFrom([]string{"", "1", "*"}).Draw(t, "account") + ":"
		for i, s := range segments {
			if i > 0 {
				text += rapid.SampledFrom([]string{"/", "/", "/", ":"}).Draw(t, "separator")
			}
			text += s
		}
		return text
	})
	genRequestARN = rapid.Custom(func(t *rapid.T) string {
		segments := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "ab", "A", ""}), 1, 4).Draw(t, "segments")
		text := "arn:aws:" + rapid.SampledFrom([]string{"s3", "ec"}).Draw(t, "service") + "::" + rapid.SampledFrom([]string{"", "1"}).Draw(t, "account") + ":"
		for i, s := range segments {
			if i > 0 {
				text += "/"
			}
			text += s
		}
		return text
	})
	genAction = rapid.SampledFrom([]string{"*", "s:*", "s:a", "S:A", "s:b?", "t:*a*"})
)

func genStatement(t *rapid.T, effect string) map[string]any {
	s := map[string]any{"Effect": effect}
	s[rapid.SampledFrom([]string{"Action", "Action", "NotAction"}).Draw(t, "action")] = rapid.SliceOfN(genAction, 1, 3).Draw(t, "actions")
	if rapid.Bool().Draw(t, "has resource") {
		s[rapid.SampledFrom([]string{"Resource", "NotResource"}).Draw(t, "resource")] = rapid.SliceOfN(genARN, 1, 3).Draw(t, "resources")
	}
	if rapid.Bool().Draw(t, "has principal") {
		s[rapid.SampledFrom([]string{"Principal", "NotPrincipal"}).Draw(t, "principal")] = rapid.SampledFrom([]any{
			"*", map[string]any{"Service": "x"}, map[string]any{"AWS": []string{"123456789012", "arn:aws:iam::123456789012:role/r"}},
		}).Draw(t, "names")
	}
	if rapid.Bool().Draw(t, "has condition") {
		operator := rapid.SampledFrom([]string{
			"StringEquals", "StringNotLike", "ArnLike", "ArnNotEquals", "ForAllValues:StringLike", "ForAnyValue:ArnLike", "StringEqualsIfExists",
		}).Draw(t, "operator")
		s["Condition"] = map[string]any{operator: map[string]any{"k": rapid.SliceOfN(genARN, 1, 2).Draw(t, "values")}}
	}
	return s
}

func genStatements(t *rapid.T) []map[string]any {
	n := rapid.IntRange(0, 5).Draw(t, "statements")
	out := make([]map[string]any, n, n+1)
	for i := range out {
		out[i] = genStatement(t, rapid.SampledFrom([]string{"Allow", "Deny"}).Draw(t, "effect"))
	}
	return out
}

func genRequest(t *rapid.T) *Request {
	r := &Request{
		Principal: rapid.SampledFrom([]Principal{
			{Type: Service, ID: "x"}, {Type: Anonymous}, {Type: AWS, ID: "arn:aws:sts::123456789012:assumed-role/r/s", Account: "123456789012", RoleARN: "arn:aws:iam::123456789012:role/r"},
		}).Draw(t, "principal"),
		Action:   rapid.SampledFrom([]string{"s:a", "s:b", "s:bc", "t:xay"}).Draw(t, "action"),
		Resource: genRequestARN.Draw(t, "resource"),
	}
	if values := rapid.SliceOfN(genRequestARN, 0, 2).Draw(t, "values"); len(values) > 0 {
		r.Context = Context{{Name: "K", Values: values}}
	}
	return r
}

func compileStatements(t *rapid.T, statements []map[string]any) *Policy {
	if statements == nil { // a permutation of nothing
		statements = []map[string]any{}
	}
	data, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		t.Fatal(err)
	}
	p, err := Parse(data)
	if err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	return p
}

// Adding a Deny statement never allows what was not allowed; adding an Allow
// statement never denies what was not denied. Wherever it is put.
func TestMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		statements, r := genStatements(t), genRequest(t)
		before := compileStatements(t, statements).Evaluate(r)
		effect := rapid.SampledFrom([]string{"Allow", "Deny"}).Draw(t, "added effect")
		at := rapid.IntRange(0, len(statements)).Draw(t, "at")
		more := append([]map[string]any{}, statements[:at]...)
		more = append(append(more, genStatement(t, effect)), statements[at:]...)
		after := compileStatements(t, more).Evaluate(r)
		if effect == "Deny" && after == Allow && before != Allow {
			t.Fatalf("a Deny turned %v into %v", before, after)
		}
		if effect == "Allow" && after == Deny && before != Deny {
			t.Fatalf("an Allow turned %v into %v", before, after)
		}
	})
}

// Explain agrees with Evaluate, element by element and segment by segment.
func TestExplainAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkExplanation(t, compileStatements(t, genStatements(t)), genRequest(t))
	})
}

// The order of statements does not matter.
func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		statements, r := genStatements(t), genRequest(t)
		shuffled := rapid.Permutation(statements).Draw(t, "shuffled")
		if a, b := compileStatements(t, statements).Evaluate(r), compileStatements(t, shuffled).Evaluate(r); a != b {
			t.Fatalf("%v, shuffled %v", a, b)
		}
	})
}

// The matcher agrees with the definition of wildcards.
func TestMatchAgreesWithDefinition(t *testing.T) {
	alphabet := rapid.StringOfN(rapid.RuneFrom([]rune("ab*?é")), 0, 8, -1)
	rapid.Check(t, func(t *rapid.T) {
		pattern, text := alphabet.Draw(t, "pattern"), alphabet.Draw(t, "text")
		p, err := compilePattern(pattern, dialect{wildcards: true})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := p.match(text, nil), defined([]rune(pattern), []rune(text)); got != want {
			t.Fatalf("%q against %q = %v, want %v", pattern, text, got, want)
		}
	})
}

// defined is what wildcards mean, without any thought for speed.
func defined(pattern, text []rune) bool {
	switch {
	case len(pattern) == 0:
		return len(text) == 0
	case pattern[0] == '*':
		return defined(pattern[1:], text) || len(text) > 0 && defined(pattern, text[1:])
	default:
		return len(text) > 0 && (pattern[0] == '?' || pattern[0] == text[0]) && defined(pattern[1:], text[1:])
	}
}
