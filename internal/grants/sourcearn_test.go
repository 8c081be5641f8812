package grants

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
	"github.com/stagedoor/stagedoor/internal/store/storetest"
)

const (
	testAccount = "000000000000"
	testAPI     = "a1b2c3d4e5"
)

// newGrants returns Grants over an empty store.
func newGrants(t testing.TB, o Options) (*Grants, *store.Store) {
	t.Helper()
	s := storetest.New(t)
	g := New(s, o)
	t.Cleanup(func() { _ = g.Close(context.Background()) })
	return g, s
}

// nearCase is one case of testdata/sourcearn.txtar.
type nearCase map[string]string

func parseCase(t *testing.T, data []byte) nearCase {
	t.Helper()
	c := nearCase{
		"method": "GET", "path": "/resource", "stage": "dev", "region": "us-east-1", "operator": "ArnLike",
		"principal": "apigateway.amazonaws.com", "action": "lambda:InvokeFunction", "effect": "Allow",
	}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, "\n")
		if line == "" {
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			t.Fatalf("line %q is not key: value", line)
		}
		c[key] = strings.TrimSpace(value)
	}
	for _, key := range []string{"from", "arn", "cause"} {
		if c[key] == "" {
			t.Fatalf("the case has no %q", key)
		}
	}
	return c
}

// function makes the function of a case, with the alias live and the versions 1
// and 2, and the case's statement in the policy of c["on"].
func (c nearCase) function(t *testing.T, s *store.Store, name string) string {
	t.Helper()
	arn := "arn:aws:lambda:" + c["region"] + ":" + testAccount + ":function:" + name
	resource := arn
	if c["on"] != "" {
		resource += ":" + c["on"]
	}
	if c["resource"] != "" {
		resource = strings.ReplaceAll(c["resource"], "FUNCTION", name)
	}
	conditions := map[string]map[string]string{}
	if c["arn"] != "-" {
		conditions[c["operator"]] = map[string]string{"AWS:SourceArn": c["arn"]}
	}
	if c["account"] != "" {
		conditions["StringEquals"] = map[string]string{"AWS:SourceAccount": c["account"]}
	}
	var principal any = map[string]string{"Service": c["principal"]}
	if c["principal"] == "*" {
		principal = "*"
	}
	statement := map[string]any{
		"Sid": "near", "Effect": c["effect"], "Principal": principal, "Action": c["action"], "Resource": resource, "Condition": conditions,
	}
	f := newFunction(c["region"], name)
	f.Policies = map[string]*state.FunctionPolicy{c["on"]: {Document: document(t, statement), RevisionID: "rev-1"}}
	putFunction(t, s, f)
	return arn
}

func newFunction(region, name string) *state.Function {
	return &state.Function{
		Account: testAccount, Region: region, Name: name, ID: name + "-id", LastVersion: 2,
		Aliases: map[string]*state.Alias{"live": {Name: "live", FunctionVersion: "2"}},
	}
}

func putFunction(t testing.TB, s *store.Store, f *state.Function) {
	t.Helper()
	ctx := context.Background()
	for n := 1; n <= f.LastVersion; n++ {
		v := fmt.Sprint(n)
		if _, err := store.Put(ctx, s, state.FunctionVersionKey(f.Account, f.Region, f.Name, v), &state.FunctionVersion{FunctionID: f.ID}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := store.Put(ctx, s, state.FunctionKey(f.Account, f.Region, f.Name), f); err != nil {
		t.Fatal(err)
	}
}

func document(t testing.TB, statements ...any) string {
	t.Helper()
	data, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Id": "default", "Statement": statements})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func (c nearCase) call(arn string) *Call {
	stage := c["stage"]
	if c["test"] == "yes" {
		stage = TestStage
	}
	return &Call{
		Account: testAccount, Region: "us-east-1", APIID: testAPI, Stage: stage, Method: c["method"], ResourcePath: c["path"],
		FunctionARN: arn, Qualifier: c["qualifier"], RequestID: "req", TestInvoke: c["test"] == "yes",
		SourceARN:     SourceARN(c["region"], testAccount, testAPI, stage, c["method"], c["path"]),
		SourceAccount: testAccount,
	}
}

// Every near miss is refused, explained by its cause and segment, and mended by
// running the printed commands; every allowed form is allowed.
func TestSourceARN(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/sourcearn.txtar")
	if err != nil {
		t.Fatal(err)
	}
	g, s := newGrants(t, Options{})
	misses := 0
	for i, file := range archive.Files {
		c := parseCase(t, file.Data)
		if c["cause"] != "allowed" {
			misses++
		}
		t.Run(file.Name, func(t *testing.T) { c.run(t, g, s, fmt.Sprintf("fn-%d", i)) })
	}
	if misses < 30 {
		t.Errorf("testdata has %d near misses, want at least 30", misses)
	}
}

func (c nearCase) run(t *testing.T, g *Grants, s *store.Store, name string) {
	call := c.call(c.function(t, s, name))
	want := NoPermission
	if c["cause"] == "allowed" {
		want = Allowed
	}
	if got := g.Decide(call); got != want {
		t.Fatalf("Decide = %v, want %v", got, want)
	}
	d := g.Explain(call)
	if d.Cause.Code != c["cause"] || d.Outcome != want {
		t.Fatalf("cause %s (%s), outcome %v; want %s", d.Cause.Code, d.Cause.Sentence, d.Outcome, c["cause"])
	}
	if wantSegment, ok := c["want"]; ok {
		if d.Cause.Segment == nil || d.Cause.Segment.Want != wantSegment || d.Cause.Segment.Got != c["got"] {
			t.Errorf("segment %+v, want %q against %q", d.Cause.Segment, wantSegment, c["got"])
		}
	}
	if want == Allowed {
		return
	}
	if os.Getenv("SHOW") != "" {
		t.Logf("%s\n   %s", d.Cause.Sentence, strings.Join(d.Fix, "\n   "))
	}
	if len(d.Fix) == 0 {
		t.Fatal("no fix")
	}
	for _, line := range d.Fix {
		runFix(t, s, line)
	}
	if c["cause"] == "denied" {
		// Without the Deny nothing allows the call: the next explanation
		// leads on.
		for _, line := range g.Explain(call).Fix {
			runFix(t, s, line)
		}
	}
	if got := g.Decide(call); got != Allowed {
		t.Errorf("after %q: %v, %s", d.Fix, got, g.Explain(call).Cause.Sentence)
	}
}
