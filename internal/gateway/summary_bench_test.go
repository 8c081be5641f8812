package gateway

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
	"github.com/stagedoor/stagedoor/internal/store/storetest"
)

// bigAccount is a Gateway with a real door over 300 APIs of 3 stages with 20
// methods each: 18,000 cells. A function serves all methods of a stage, and
// each grants every method by a statement of its own, but for one in prod.
func bigAccount(b *testing.B) (*Gateway, *store.Store) {
	s := storetest.New(b)
	put := func(key state.Key, rec any) {
		var err error
		switch rec := rec.(type) {
		case *state.Deployment:
			_, err = store.Put(b.Context(), s, key, rec)
		case *state.Stage:
			_, err = store.Put(b.Context(), s, key, rec)
		case *state.Function:
			_, err = store.Put(b.Context(), s, key, rec)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	for i := range 300 {
		api := fmt.Sprintf("api%03d", i)
		methods := map[string]*state.Method{}
		for m := range 20 {
			methods[fmt.Sprintf("GET /resource%d/{id}", m)] = proxy("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:" + api + "-${stageVariables.env}/invocations")
		}
		put(state.DeploymentKey(testAccount, testRegion, api, "dep1"), &state.Deployment{Account: testAccount, Region: testRegion, API: api, ID: "dep1", APIName: api, APISnapshot: resources(methods)})
		for _, stage := range []string{"dev", "staging", "prod"} {
			put(state.StageKey(testAccount, testRegion, api, stage), &state.Stage{Account: testAccount, Region: testRegion, API: api, Name: stage, DeploymentID: "dep1", Variables: map[string]string{"env": stage}})
			put(state.FunctionKey(testAccount, testRegion, api+"-"+stage), grantedFunction(api, stage))
		}
	}
	g := grants.New(s, grants.Options{})
	b.Cleanup(func() { _ = g.Close(b.Context()) })
	return New(s, g, openDoor{}, nil, Options{Logger: slog.New(slog.DiscardHandler)}), s
}

func grantedFunction(api, stage string) *state.Function {
	name := api + "-" + stage
	var statements []map[string]any
	for m := range 20 {
		if stage == "prod" && m == 7 {
			continue
		}
		statements = append(statements, map[string]any{
			"Sid": itoa(m), "Effect": "Allow", "Principal": map[string]string{"Service": "apigateway.amazonaws.com"},
			"Action": "lambda:InvokeFunction", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:" + name,
			"Condition": map[string]any{"ArnLike": map[string]string{"AWS:SourceArn": fmt.Sprintf("arn:aws:execute-api:us-east-1:123456789012:%s/*/GET/resource%d/*", api, m)}},
		})
	}
	document, _ := json.Marshal(map[string]any{"Version": "2012-10-17", "Id": "default", "Statement": statements})
	return &state.Function{Account: testAccount, Region: testRegion, Name: name, ID: name,
		Policies: map[string]*state.FunctionPolicy{"": {Document: string(document), RevisionID: "1"}}}
}

func countRefused(all []APISummary) (cells, refused int) {
	for _, a := range all {
		cells, refused = cells+a.Cells, refused+a.Refused
	}
	return cells, refused
}

// Everything is judged.
func BenchmarkSummaryFirst(b *testing.B) {
	g, _ := bigAccount(b)
	b.ReportAllocs()
	for b.Loop() {
		g.summaries.apis = nil
		if cells, refused := countRefused(g.Summary(testAccount, testRegion)); cells != 18000 || refused != 300 {
			b.Fatal(cells, refused)
		}
	}
}

// The policy of one function changed since the page before.
func BenchmarkSummaryAfterChange(b *testing.B) {
	g, s := bigAccount(b)
	g.Summary(testAccount, testRegion)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		if _, err := store.Put(b.Context(), s, state.FunctionKey(testAccount, testRegion, "api150-prod"), grantedFunction("api150", "prod")); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if cells, refused := countRefused(g.Summary(testAccount, testRegion)); cells != 18000 || refused != 300 {
			b.Fatal(cells, refused)
		}
	}
}

// Nothing changed since the page before.
func BenchmarkSummaryUnchanged(b *testing.B) {
	g, _ := bigAccount(b)
	g.Summary(testAccount, testRegion)
	b.ReportAllocs()
	for b.Loop() {
		g.Summary(testAccount, testRegion)
	}
}

func BenchmarkMatrixOf(b *testing.B) {
	g, _ := bigAccount(b)
	b.ReportAllocs()
	for b.Loop() {
		if n := len(g.MatrixOf(testAccount, testRegion, "api150")); n != 60 {
			b.Fatal(n)
		}
	}
}

func BenchmarkMatrix(b *testing.B) {
	g, _ := bigAccount(b)
	b.ReportAllocs()
	for b.Loop() {
		g.Matrix()
	}
}
