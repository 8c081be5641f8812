package grants

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
	"github.com/stagedoor/stagedoor/internal/store/storetest"
)

// Whatever a policy says, a refusal is explained (a cause, and for a policy
// that allows nothing a fix whose SourceArn then allows the call), and an
// allowed call is not.
func TestEveryRefusalIsExplained(t *testing.T) {
	s := storetest.New(t)
	g := New(s, Options{})
	t.Cleanup(func() { _ = g.Close(context.Background()) })
	segment := rapid.SampledFrom([]string{"*", "dev", "GET", "ANY", "get", "users", "{id}", "42", "", "test-invoke-stage", "authorizers", "${aws:SourceAccount}", "?"})
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		f := newFunction("us-east-1", fmt.Sprintf("fn-%d", n))
		f.LastVersion = 0
		var statements []any
		for i := range rapid.IntRange(0, 3).Draw(t, "statements") {
			source := "arn:aws:execute-api:" + rapid.SampledFrom([]string{"us-east-1", "*", "eu-west-1"}).Draw(t, "region") + ":" +
				rapid.SampledFrom([]string{testAccount, "", "*"}).Draw(t, "account") + ":" +
				rapid.SampledFrom([]string{testAPI, "*", "Api", "z9y8x7w6v5"}).Draw(t, "api") + "/" +
				strings.Join(rapid.SliceOfN(segment, 0, 5).Draw(t, "segments"), "/")
			if rapid.IntRange(0, 20).Draw(t, "odd") == 0 {
				source = rapid.SampledFrom([]string{"${aws:SourceArn}x", "", "*:*", "arn:aws:execute-api:us-east-1:000000000000:"}).Draw(t, "odd source")
			}
			st := statementFor(fmt.Sprintf("s%d", i), functionARN(f), source)
			st["Effect"] = rapid.SampledFrom([]string{"Allow", "Allow", "Allow", "Deny"}).Draw(t, "effect")
			statements = append(statements, st)
		}
		on := rapid.SampledFrom([]string{"", "live"}).Draw(t, "on")
		if len(statements) > 0 {
			data, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
			if err != nil {
				t.Fatal(err)
			}
			f.Policies = map[string]*state.FunctionPolicy{on: {Document: string(data)}}
		}
		if _, err := store.Put(context.Background(), s, state.FunctionKey(f.Account, f.Region, f.Name), f); err != nil {
			t.Fatal(err)
		}
		method := rapid.SampledFrom([]string{"GET", "ANY", "POST"}).Draw(t, "method")
		path := rapid.SampledFrom([]string{"/", "/users", "/users/{id}", "/{proxy+}", "/users/{id}/GET"}).Draw(t, "path")
		c := nearCase{"method": method, "path": path, "stage": "dev", "region": "us-east-1", "qualifier": rapid.SampledFrom([]string{"", "live"}).Draw(t, "qualifier")}.call(functionARN(f))
		d := g.Explain(c)
		if d.Outcome != g.Decide(c) || d.Cause.Code == "" || d.Cause.Sentence == "" || strings.Contains(d.Cause.Sentence, "%!") {
			t.Fatalf("%v %+v", d.Outcome, d.Cause)
		}
		if d.Outcome == Allowed {
			if d.Cause.Code != CauseAllowed || len(d.Fix) != 0 {
				t.Fatalf("an allowed call has cause %s and fix %q", d.Cause.Code, d.Fix)
			}
			return
		}
		if d.Cause.Code == CauseAllowed || len(d.Fix) == 0 {
			t.Fatalf("a refusal has cause %s and fix %q", d.Cause.Code, d.Fix)
		}
	})
}
