package doctor

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/stagedoor/stagedoor/iampolicy"
	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/target"
)

// What String writes, parseCommand reads, whatever is in the values.
func TestCommandsSurviveTheShell(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &command{service: "lambda", operation: "add-permission"}
		for range rapid.IntRange(0, 4).Draw(t, "options") {
			value := rapid.StringOf(rapid.RuneFrom([]rune(`aZ0-_./:*?{}[]()<>|&;#~ '"$\!é`+"`"))).Draw(t, "value")
			if value == "" || strings.HasPrefix(value, "--") {
				continue // never part of a fix
			}
			c.options = append(c.options, option{name: rapid.StringMatching(`[a-z]{1,8}`).Draw(t, "name"), values: []string{value}})
		}
		got, err := parseCommand(c.String())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c, got, cmp.AllowUnexported(command{}, option{})); diff != "" {
			t.Fatalf("%s\n%s", c, diff)
		}
	})
}

func TestParseCommandRefuses(t *testing.T) {
	for _, line := range []string{"", "rm -rf /", "aws lambda", `aws lambda x --a "open`, "aws lambda x --a $(id)", "aws lambda x --a b; id", "aws lambda x y --a b", "aws lambda x --a `id`", `aws lambda x --a "$HOME"`} {
		if c, err := parseCommand(line); err == nil {
			t.Errorf("%q was read as %s", line, c)
		}
	}
	if err := Run(t.Context(), &target.Changes{}, "aws iam delete-user --user-name x"); err == nil {
		t.Error("a command that no fix has was run")
	}
}

// A pattern that covers another matches whatever that one matches.
func TestCoveringIsSound(t *testing.T) {
	segment := rapid.StringOfN(rapid.RuneFrom([]rune("ab*?/")), 0, 6, -1)
	plain := rapid.StringOfN(rapid.RuneFrom([]rune("ab/")), 0, 6, -1)
	covers := 0
	rapid.Check(t, func(t *rapid.T) {
		wide, narrow, text := segment.Draw(t, "wide"), segment.Draw(t, "narrow"), plain.Draw(t, "text")
		if !textCovers(wide, narrow) {
			return
		}
		covers++
		if matches(t, narrow, text) && !matches(t, wide, text) {
			t.Fatalf("%q covers %q, but does not match %q", wide, narrow, text)
		}
	})
	if covers == 0 {
		t.Error("nothing covered anything")
	}
}

func matches(t *rapid.T, pattern, text string) bool {
	p, err := iampolicy.Parse([]byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"x:y","Resource":"*","Condition":{"StringLike":{"k:v":"` + pattern + `"}}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	return p.Evaluate(&iampolicy.Request{Principal: iampolicy.Principal{Type: iampolicy.Anonymous}, Action: "x:y", Resource: "r",
		Context: iampolicy.Context{{Name: "k:v", Values: []string{text}}}}) == iampolicy.Allow
}

func TestVariableFinding(t *testing.T) {
	for _, c := range []struct {
		name, value string
		named       bool
		code        string
	}{
		{"env", "dev", true, ""},
		{"env", "dev", false, unusedVariable},
		{"env", "$LATEST", true, illegalVariable},
		{"my-env", "dev", true, illegalVariable},
		{"url", "example.com/a?b=c&d,e#f~g", true, ""},
		{"long", strings.Repeat("a", 513), true, illegalVariable},
	} {
		f, found := variableFinding(&stage{api: &api{}, variables: map[string]string{c.name: c.value}}, c.name, c.named)
		if found != (c.code != "") || f.Code != c.code {
			t.Errorf("%s=%s: %s", c.name, c.value, f.Code)
		}
	}
}

func TestTemplateMatches(t *testing.T) {
	for _, c := range []struct {
		template, path string
		want           bool
	}{
		{"/", "/", true}, {"/", "/a", false}, {"/a", "/a/", true}, {"/a/{id}", "/a/1", true}, {"/a/{id}", "/a", false}, {"/a/{id}", "/a/1/b", false},
		{"/{proxy+}", "/a/b/c", true}, {"/{proxy+}", "/", false}, {"/a/{proxy+}", "/b/c", false},
	} {
		if got := templateMatches(c.template, c.path); got != c.want {
			t.Errorf("%s %s: %v", c.template, c.path, got)
		}
	}
}

func TestRepairedURI(t *testing.T) {
	const good = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:111122223333:function:f/invocations"
	for _, broken := range []string{
		"arn:aws:lambda:eu-west-1:111122223333:function:f",
		"arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:111122223333:function:f",
		"arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:111122223333:function: f/invocations",
		"arn:aws:apigateway:eu-west-1:lambda:function/arn:aws:lambda:eu-west-1:111122223333:function:f/invocations",
	} {
		if got := repairedURI(broken, "eu-west-1", false); got != good {
			t.Errorf("%s\n→ %s", broken, got)
		}
	}
	if got := repairedURI("https://example.com", "eu-west-1", false); got != "" {
		t.Errorf("made up %s", got)
	}
}

// What calls no function is not judged by grants.
func TestOtherIntegrationsPass(t *testing.T) {
	d, err := target.Load(strings.NewReader(`{"format":"stagedoor-account","version":1,"account":"111122223333","region":"eu-central-1","functions":[],
		"restApis":[{"api":{"id":"a1b2c3d4e5"},"stages":[{"stageName":"prod"}],"resources":[{"path":"/","resourceMethods":{
			"GET":{"methodIntegration":{"type":"MOCK"}},"PUT":{"methodIntegration":{"type":"HTTP_PROXY","uri":"https://example.com"}},
			"POST":{"methodIntegration":{"type":"AWS","uri":"arn:aws:apigateway:eu-central-1:sqs:path/111122223333/queue","httpMethod":"POST"}}}}]}],
		"httpApis":[{"api":{"apiId":"h1h2h3h4h5","protocolType":"HTTP"},"stages":[{"stageName":"$default"}],
			"routes":[{"routeKey":"POST /q","target":"integrations/i1"},{"routeKey":"GET /none"}],
			"integrations":[{"integrationId":"i1","integrationType":"AWS_PROXY","integrationSubtype":"SQS-SendMessage"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	cells := Examine(d, Options{}).Cells
	if len(cells) != 5 {
		t.Errorf("%d cells, want 5", len(cells))
	}
	for _, c := range cells {
		if c.Verdict != Passes {
			t.Errorf("%s %s: %s %s", c.Kind, c.Method, c.Verdict, c.Problem)
		}
	}
}

// A statement for a whole API of which one method calls the function.
func TestWideGrant(t *testing.T) {
	f, err := os.Open("testdata/causes/46.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d, err := target.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	r := d.RestAPIs[0].Resources[0]
	other := r.ResourceMethods["GET"]
	in := *other.MethodIntegration
	uri := strings.Replace(*in.Uri, "function:hello", "function:gone", 1)
	in.Uri, other.MethodIntegration = &uri, &in
	r.ResourceMethods["POST"] = other
	p := d.Functions[0].Policies[""]
	p.Policy = strings.Replace(p.Policy, "/*/GET/hello", "/*", 1)
	d.Functions[0].Policies[""] = p
	for _, found := range Examine(d, Options{}).Findings {
		if found.Code == widerThanNeeded {
			if len(found.Fix) != 2 || !strings.Contains(found.Fix[0], "/*/GET/hello") || !strings.Contains(found.Fix[1], "remove-permission") {
				t.Errorf("%q", found.Fix)
			}
			return
		}
	}
	t.Error("not found")
}

// The predicted size is what Lambda's format takes: see TestFullPolicy for the
// real one.
func TestSizeAfter(t *testing.T) {
	c := newCommand("lambda", "add-permission", "statement-id", "s", "principal", grants.GatewayPrincipal, "action", grants.InvokeAction, "source-arn", "arn")
	const document = `{"Version":"2012-10-17","Id":"default","Statement":[{"Sid":"s","Effect":"Allow","Principal":{"Service":"apigateway.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"f","Condition":{"ArnLike":{"AWS:SourceArn":"arn"}}}]}`
	if got, want := sizeAfter("f", nil, []*command{c}), len(document)+1; got != want { // the comma
		t.Errorf("%d, want %d", got, want)
	}
}

// Where not even one grant for each API fits, that is said.
func TestNothingFits(t *testing.T) {
	r := &Report{Account: "111122223333", Policies: map[string]*Budget{}}
	for i := range 100 {
		api := fmt.Sprintf("api%07d", i)
		r.Findings = append(r.Findings, Finding{Level: Error, Fix: []string{newCommand("lambda", "add-permission", "region", "eu-central-1", "function-name", "f",
			"statement-id", api, "action", grants.InvokeAction, "principal", grants.GatewayPrincipal,
			"source-arn", "arn:aws:execute-api:eu-central-1:111122223333:"+api+"/*/GET/hello").String()}})
	}
	found := r.sizes()
	if len(found) != 1 || found[0].Code != policyTooLarge || found[0].Level != Error || len(found[0].Notes) != 1 {
		t.Errorf("%+v", found)
	}
}

// No dump makes Examine or its formats panic.
func FuzzExamine(f *testing.F) {
	files, err := filepath.Glob("testdata/causes/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := target.Load(bytes.NewReader(text))
		if err != nil {
			return
		}
		r := Examine(d, Options{Callers: []string{"arn:aws:iam::111122223333:role/caller"}, URL: "https://a1b2c3d4e5.execute-api.x.amazonaws.com/prod/x"})
		for _, format := range Formats() {
			if err := r.Write(io.Discard, format, true); err != nil {
				t.Errorf("%s: %v", format, err)
			}
		}
		if err := r.WriteText(io.Discard, true); err != nil {
			t.Error(err)
		}
	})
}
