package console

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// covers says yes only where the statement certainly lets the call through: a
// wrong yes would leave out a grant that is needed.
func TestCovers(t *testing.T) {
	statement := func(effect, principal, action, condition string) string {
		return `{"Effect":"` + effect + `","Principal":` + principal + `,"Action":"` + action + `","Resource":"*"` + condition + `}`
	}
	const gatewayPrincipal, invoke = `{"Service":"apigateway.amazonaws.com"}`, "lambda:InvokeFunction"
	source := func(pattern string) string { return `,"Condition":{"ArnLike":{"AWS:SourceArn":"` + pattern + `"}}` }
	const asked = "arn:aws:execute-api:us-east-1:000000000000:a1b2c3/dev/GET/users/{id}"
	for _, c := range []struct {
		name       string
		statements []string
		want       bool
	}{
		{"the method", []string{statement("Allow", gatewayPrincipal, invoke, source(asked))}, true},
		{"any stage", []string{statement("Allow", gatewayPrincipal, invoke, source("arn:aws:execute-api:us-east-1:000000000000:a1b2c3/*/GET/users/{id}"))}, true},
		{"the whole API", []string{statement("Allow", gatewayPrincipal, invoke, source("arn:aws:execute-api:*:*:a1b2c3/*"))}, true},
		{"no condition", []string{statement("Allow", gatewayPrincipal, invoke, "")}, true},
		{"another stage", []string{statement("Allow", gatewayPrincipal, invoke, source("arn:aws:execute-api:us-east-1:000000000000:a1b2c3/prod/GET/users/{id}"))}, false},
		{"another service", []string{statement("Allow", `{"Service":"events.amazonaws.com"}`, invoke, source(asked))}, false},
		{"everybody", []string{statement("Allow", `"*"`, invoke, source(asked))}, false},
		{"another action", []string{statement("Allow", gatewayPrincipal, "lambda:GetFunction", source(asked))}, false},
		{"another condition", []string{statement("Allow", gatewayPrincipal, invoke, `,"Condition":{"StringEquals":{"AWS:SourceAccount":"000000000000"}}`)}, false},
		{"denied beside", []string{statement("Allow", gatewayPrincipal, invoke, source(asked)), statement("Deny", `"*"`, invoke, "")}, false},
		{"none", nil, false},
	} {
		policy := `{"Version":"2012-10-17","Statement":[` + strings.Join(c.statements, ",") + `]}`
		if got := covers(policy, asked); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if covers("", asked) || covers("nonsense", asked) {
		t.Error("no policy covers anything")
	}
}

// like agrees with the definition: * is any text, ? one character.
func TestLike(t *testing.T) {
	var slow func(p, s string) bool
	slow = func(p, s string) bool {
		switch {
		case p == "":
			return s == ""
		case p[0] == '*':
			return slow(p[1:], s) || s != "" && slow(p, s[1:])
		default:
			return s != "" && (p[0] == '?' || p[0] == s[0]) && slow(p[1:], s[1:])
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.StringOfN(rapid.RuneFrom([]rune("ab*?/")), 0, 8, -1).Draw(t, "pattern")
		s := rapid.StringOfN(rapid.RuneFrom([]rune("ab/*")), 0, 8, -1).Draw(t, "text")
		if like(p, s) != slow(p, s) {
			t.Fatalf("like(%q, %q) is %v", p, s, like(p, s))
		}
	})
	if like(strings.Repeat("*a", 2000), strings.Repeat("a", 1500)+"b") {
		t.Error("a match where there is none")
	}
}

// Where a person is sent back to is an address of the console, whatever it was
// asked to be.
func FuzzLocal(f *testing.F) {
	for _, seed := range []string{"/_stagedoor/apis/x?y=z", "//evil.example", "https://evil.example", "/_stagedoor/../x", "/_stagedoor/%2e%2e/x", "\\\\evil", "/_stagedoor/\n", "javascript:x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, back string) {
		got := local(back)
		u, err := url.Parse(got)
		if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(got, Prefix) || strings.ContainsAny(got, "\r\n\\") ||
			!strings.HasPrefix(path.Clean(u.Path)+"/", Prefix) {
			t.Errorf("%q leads to %q", back, got)
		}
	})
}

// nginx adds nothing unless told to, but speaks HTTP/1.0 to what is behind it.
func TestOldProtocolIsNotLocal(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "http://localhost:4566/_stagedoor/", nil)
	r.RemoteAddr = "127.0.0.1:40000"
	if !onThisMachine(r) {
		t.Error("a browser of this machine is not known as one")
	}
	if r.Proto, r.ProtoMinor = "HTTP/1.0", 0; onThisMachine(r) {
		t.Error("nginx is taken for a browser")
	}
}

func TestVariableProblem(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"env", "dev", ""},
		{"env_2", "a-._~:/?#&=, Z9", ""},
		{"e-nv", "x", "no name of a variable"},
		{"", "x", "has no name"},
		{"env", "", "has no value"},
		{"env", "a$b", "“$” is not allowed"},
		{"env", "é", "“é” is not allowed"},
		{strings.Repeat("n", 65), "x", "longer than 64"},
		{"env", strings.Repeat("v", 513), "longer than 512"},
	} {
		got := variableProblem(c.name, c.value)
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%q = %q: %q, want %q", c.name, c.value, got, c.want)
		}
	}
}

func TestPager(t *testing.T) {
	for _, c := range []struct {
		query          string
		total          int
		from, to       int
		previous, next string
	}{
		{"", 0, 0, 0, "", ""},
		{"", 5, 0, 5, "", ""},
		{"", 25, 0, 10, "", "/x?page=2"},
		{"page=2&q=a%26b&done=old", 25, 10, 20, "/x?page=1&q=a%26b", "/x?page=3&q=a%26b"},
		{"page=99", 25, 20, 25, "/x?page=2", ""},
		{"page=-1", 25, 0, 10, "", "/x?page=2"},
		{"page=zzz", 10, 0, 10, "", ""},
	} {
		p, from, to := newPager("Pages", &url.URL{Path: "/x", RawQuery: c.query}, "page", c.total, 10)
		if from != c.from || to != c.to || p.Previous != c.previous || p.Next != c.next {
			t.Errorf("%q of %d: %d–%d %q %q", c.query, c.total, from, to, p.Previous, p.Next)
		}
	}
}

// A form of which nothing is remembered any more is refused, not repeated.
func TestForgottenForms(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	f := newForms(func() time.Time { return now }, rand.Reader)
	s := &session{id: sha256.Sum256([]byte("somebody"))}
	first, ok := f.verify(f.token(s), s)
	if !ok {
		t.Fatal("a fresh token is refused")
	}
	if _, isFirst := f.claim(first, s); !isFirst {
		t.Fatal("a fresh form is taken already")
	}
	for range outcomesKept {
		now = now.Add(time.Millisecond)
		id, _ := f.verify(f.token(s), s)
		if _, isFirst := f.claim(id, s); !isFirst {
			t.Fatal("a fresh form is taken already")
		}
	}
	if o, isFirst := f.claim(first, s); o != nil || isFirst {
		t.Error("a form whose outcome is forgotten may be repeated")
	}
	if len(f.outcomes) > outcomesKept {
		t.Errorf("%d outcomes are kept", len(f.outcomes))
	}
	other := &session{id: sha256.Sum256([]byte("somebody else"))}
	if _, ok := f.verify(f.token(s), other); ok {
		t.Error("a token of another session is good")
	}
	if _, ok := newForms(f.now, rand.Reader).verify(f.token(s), s); ok {
		t.Error("a token of another process is good")
	}
}

// However many sign in, the table stays small, and the newest are in it.
func TestSessionsAreBounded(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	s := newSessions(func() time.Time { return now }, rand.Reader)
	var last string
	for range sessionsKept + 50 {
		now = now.Add(time.Second)
		last = s.add(&session{})
	}
	if len(s.byID) > sessionsKept || s.find(last) == nil {
		t.Errorf("%d sessions, the newest is there: %v", len(s.byID), s.find(last) != nil)
	}
	for range linksKept + 5 {
		last = s.newLink()
	}
	if len(s.links) > linksKept || !s.useLink(last) || s.useLink(last) {
		t.Errorf("%d links", len(s.links))
	}
}

func TestShorthand(t *testing.T) {
	got := shorthand(append(variablePatch("/variables/", map[string]string{"a": "1", "gone": "x"}, map[string]string{"a": "2", "new": "b,c=d"}), replace("/deploymentId", "abc123")))
	want := []string{
		"op=replace,path=/variables/a,value=2", `op=replace,path=/variables/new,value="b,c=d"`,
		"op=remove,path=/variables/gone", "op=replace,path=/deploymentId,value=abc123",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestListed(t *testing.T) {
	for n, want := range map[int]string{0: "", 1: "s1", 2: "s1 and s2", 3: "s1, s2 and s3", 8: "s1, s2, s3, s4, s5 and 3 others"} {
		var names []string
		for i := range n {
			names = append(names, fmt.Sprintf("s%d", i+1))
		}
		if got := listed(names); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
}

// Every cause that package grants names has a title that is a sentence's
// beginning, not a code.
func TestCauseTitles(t *testing.T) {
	for code, title := range causeTitles() {
		if title == "" || strings.Contains(title, code) {
			t.Errorf("%s: %q", code, title)
		}
	}
	if got := causeTitle("sourcearn-root-slash"); got != "root slash" {
		t.Error(got)
	}
}

// A process starts without templates and assets.
func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		New(Options{})
	}
}
