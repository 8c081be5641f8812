package iampolicy

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// The files of testdata/documented are AWS's documented examples, one topic a
// file: where it is from, the policy, and cases, one a line:
//
//	Allow|Deny|NoMatch principal=TYPE:ID role=ARN id=UNIQUEID action=… resource=… key=value…
//
// A key that is named twice has two values.
func TestDocumented(t *testing.T) {
	files, err := filepath.Glob("testdata/documented/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no examples", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			policy, err := Parse(archive.Files[0].Data)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(archive.Files[1].Data)) {
				want, r := parseCase(t, line)
				if got := policy.Evaluate(r).String(); got != want {
					t.Errorf("%s%s", line, got)
				}
				checkExplanation(t, policy, r)
			}
		})
	}
}

func parseCase(t *testing.T, line string) (want string, r *Request) {
	t.Helper()
	fields := strings.Fields(line)
	r = &Request{Resource: "*", Principal: Principal{Type: AWS, ID: "arn:aws:iam::123456789012:user/someone", Account: "123456789012"}}
	for _, field := range fields[1:] {
		key, value, ok := strings.Cut(field, "=")
		if !ok {
			t.Fatalf("%q is not key=value", field)
		}
		switch key {
		case "principal":
			kind, id, _ := strings.Cut(value, ":")
			r.Principal = Principal{Type: PrincipalType(kind), ID: id}
			if parts := strings.Split(id, ":"); len(parts) == arnParts {
				r.Principal.Account = parts[4]
			}
		case "role":
			r.Principal.RoleARN = value
		case "id":
			r.Principal.UniqueID = value
		case "action":
			r.Action = value
		case "resource":
			r.Resource = value
		default:
			r.Context = addKey(r.Context, key, value)
		}
	}
	return fields[0], r
}

func addKey(c Context, key, value string) Context {
	for i := range c {
		if c[i].Name == key {
			c[i].Values = append(c[i].Values, value)
			return c
		}
	}
	return append(c, ContextKey{Name: key, Values: []string{value}})
}

// checkExplanation holds Explain to what Evaluate says: the effect is the same,
// a statement matches exactly when all its elements do, the effect follows from
// the statements that match, and the ranking is by distance.
func checkExplanation(t interface {
	Helper()
	Errorf(string, ...any)
}, p *Policy, r *Request) {
	t.Helper()
	e := p.Explain(r)
	if e.Effect != p.Evaluate(r) {
		t.Errorf("Explain says %v, Evaluate %v", e.Effect, p.Evaluate(r))
	}
	effect := NoMatch
	for i := range e.Statements {
		s := &e.Statements[i]
		if s.Matched != (len(s.Failed()) == 0) || s.Matched != (s.Distance == 0) {
			t.Errorf("statement %d: matched %v, distance %d, but %d elements failed", s.Index, s.Matched, s.Distance, len(s.Failed()))
		}
		if s.Matched {
			effect = max(effect, s.Effect)
		}
		for j := range s.Elements {
			checkSegments(t, &s.Elements[j])
		}
		if i > 0 && e.Statements[i-1].rank(e.Effect) > s.rank(e.Effect) {
			t.Errorf("statement %d is ranked before %d", e.Statements[i-1].Index, s.Index)
		}
	}
	if effect != e.Effect {
		t.Errorf("the statements add up to %v, the effect is %v", effect, e.Effect)
	}
}

// checkSegments: for a positive ARN comparison something differs exactly when
// the element does not match.
func checkSegments(t interface {
	Helper()
	Errorf(string, ...any)
}, e *ElementResult) {
	t.Helper()
	positive := !strings.HasPrefix(e.Element, "Not") && !strings.Contains(e.Operator, "Not")
	if e.Segments == nil || !positive {
		return
	}
	if differing := len(e.Differing()); (differing == 0) != e.Matched {
		t.Errorf("%s %s: matched %v with %d differing segments: want %q, got %q", e.Element, e.Key, e.Matched, differing, e.Want, e.Got)
	}
}
