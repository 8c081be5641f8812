package promote_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/promote"
)

// A function whose part of the journal is gone (deleted, made anew under its
// name, a tag edited by hand) is named; all the rest of the promotion is undone,
// by promote where it was interrupted and by rollback where it was not, and
// afterwards the stage can be promoted as ever.
func TestFunctionIsGone(t *testing.T) {
	t.Parallel()
	deleted := func(w *world) {
		_, err := w.lambda.DeleteFunction(context.Background(), &lambda.DeleteFunctionInput{FunctionName: aws.String("bye-staging")})
		must(w.t, err)
	}
	for _, c := range []struct {
		name   string
		lose   func(w *world)
		lost   string // "" when all is found again
		exists bool
	}{
		{"deleted", deleted, "bye-staging was deleted meanwhile: its code cannot be restored", false},
		{"made anew", func(w *world) {
			deleted(w)
			w.function("bye-staging", "anew", "TABLE=staging")
			w.grown()
		}, "the tags of bye-staging do not tell of promotion", true},
		{"tag of the function edited", func(w *world) { w.editFunctionTag("bye-staging") }, "the tags of bye-staging do not tell of promotion", true},
		{"first function edited", func(w *world) { w.editStageTag("fn=arn:aws", "fn=somewhere") }, "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for _, by := range []string{"promote", "rollback", "rollback of what is done"} {
				api := w.twoFunctions()
				names := []string{"hello-staging"}
				if c.lost == "" {
					names = append(names, "bye-staging")
				}
				old := w.state(api, "staging", names...)
				w.leaveOff(api, by != "rollback of what is done")
				c.lose(w)
				result := w.mend(api, by)
				want := promote.RolledBack
				if c.lost == "" && by == "promote" { // nothing is lost: it goes on
					want = promote.Promoted
				}
				if result.Outcome != want || (want == promote.RolledBack) != (result.Record.State == promote.Undone) {
					t.Fatalf("%s: %+v", by, result)
				}
				if lost := strings.Join(result.Lost, "\n"); (c.lost == "") != (lost == "") || !strings.Contains(lost, c.lost) || !strings.Contains(result.Record.Reason, c.lost) {
					t.Errorf("%s: lost %q, reason %q", by, lost, result.Record.Reason)
				}
				if diff := cmp.Diff(old, w.state(api, "staging", names...)); (diff == "") != (want == promote.RolledBack) {
					t.Errorf("%s: %s", by, diff)
				}
				w.promotableAgain(api, c.exists)
			}
		})
	}
}

// twoFunctions makes the functions and the API of stages anew.
func (w *world) twoFunctions() (api string) {
	w.t.Helper()
	for _, name := range []string{"hello-dev", "hello-staging", "bye-dev", "bye-staging"} {
		_, _ = w.lambda.DeleteFunction(context.Background(), &lambda.DeleteFunctionInput{FunctionName: &name}) // absent at first
	}
	list, err := w.apis.GetRestApis(context.Background(), &apigateway.GetRestApisInput{})
	must(w.t, err)
	for _, old := range list.Items {
		_, err := w.apis.DeleteRestApi(context.Background(), &apigateway.DeleteRestApiInput{RestApiId: old.Id})
		must(w.t, err)
	}
	return stages(w)
}

// leaveOff promotes, and where it is to be interrupted dies once the stage has
// moved.
func (w *world) leaveOff(api string, interrupt bool) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	p := w.plan(promote.Request{API: api, From: "dev", To: "staging", Caller: somebody(1), Set: map[string]string{"extra": "1"}})
	_, err := p.Run(ctx, func(e promote.Event) {
		if interrupt && strings.HasPrefix(e.Text, "stage staging") {
			cancel()
		}
	})
	var interrupted *promote.InterruptedError
	if errors.As(err, &interrupted) != interrupt || !interrupt && err != nil {
		w.t.Fatal(err)
	}
}

// mend runs the plan of promote or rollback, which names what is lost before.
func (w *world) mend(api, by string) *promote.Result {
	w.t.Helper()
	p := &promote.Plan{}
	if by == "promote" {
		p = w.plan(promote.Request{API: api, From: "dev", To: "staging", Caller: somebody(2)})
	} else {
		var err error
		p, err = promote.Rollback(context.Background(), w.place, promote.RollbackRequest{API: api, Stage: "staging", Caller: somebody(2)})
		must(w.t, err)
	}
	result := w.run(p)
	var text bytes.Buffer
	must(w.t, result.WriteText(&text))
	for _, lost := range result.Lost {
		if !slices.ContainsFunc(p.Warnings, func(x string) bool { return strings.EqualFold(x, lost+".") }) {
			w.t.Errorf("the plan does not say %q: %v", lost, p.Warnings)
		}
		if !strings.Contains(strings.Join(strings.Fields(text.String()), " "), "but for what could not be put back: ! ") {
			w.t.Error(text.String())
		}
	}
	return result
}

// promotableAgain demands that nothing is left in the way: no lock, nothing
// interrupted, and a plan that works (with grants for what was made anew).
func (w *world) promotableAgain(api string, exists bool) {
	w.t.Helper()
	for key := range w.tags(api, "staging") {
		if strings.HasPrefix(key, "stagedoor:lock:") {
			w.t.Errorf("a lock is left: %s", key)
		}
	}
	p := w.plan(promote.Request{API: api, From: "dev", To: "staging", Fix: true, Caller: somebody(3)})
	if p.Resumes != nil || exists != (len(p.Problems) == 0) {
		w.t.Fatalf("%+v", p.Problems)
	}
	if exists {
		if result := w.run(p); result.Outcome != promote.Promoted && !p.Nothing {
			w.t.Errorf("%+v", result)
		}
	}
}

// editFunctionTag spoils what a function's tags keep of promotions.
func (w *world) editFunctionTag(name string) {
	w.t.Helper()
	ctx := context.Background()
	arn := "arn:aws:lambda:" + testRegion + ":" + testAccount + ":function:" + name
	out, err := w.lambda.ListTags(ctx, &lambda.ListTagsInput{Resource: &arn})
	must(w.t, err)
	for key := range out.Tags {
		_, err := w.lambda.TagResource(ctx, &lambda.TagResourceInput{Resource: &arn, Tags: map[string]string{key: "by hand"}})
		must(w.t, err)
	}
}

// editStageTag replaces text in the tags of the only API's stage staging.
func (w *world) editStageTag(old, with string) {
	w.t.Helper()
	list, err := w.apis.GetRestApis(context.Background(), &apigateway.GetRestApisInput{})
	must(w.t, err)
	api := aws.ToString(list.Items[0].Id)
	tags := maps.Clone(w.tags(api, "staging"))
	edited := false
	for key, value := range tags {
		tags[key] = strings.Replace(value, old, with, 1)
		edited = edited || tags[key] != value
	}
	if !edited {
		w.t.Fatalf("no tag holds %q: %v", old, tags)
	}
	arn := "arn:aws:apigateway:" + testRegion + "::/restapis/" + api + "/stages/staging"
	_, err = w.apis.TagResource(context.Background(), &apigateway.TagResourceInput{ResourceArn: &arn, Tags: tags})
	must(w.t, err)
}

// An alias that was deleted while a promotion was interrupted cannot move and
// cannot be put back: that is named, and ends the promotion.
func TestAliasIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	api := oneAlias(w)
	old := w.state(api, "staging")
	w.leaveOff(api, true)
	_, err := w.lambda.DeleteAlias(context.Background(), &lambda.DeleteAliasInput{FunctionName: aws.String("shared"), Name: aws.String("staging")})
	must(t, err)
	result := w.run(w.plan(promote.Request{API: api, From: "dev", To: "staging", Caller: somebody(2)}))
	if result.Outcome != promote.RolledBack || result.Record.State != promote.Undone || len(result.Lost) != 1 || !strings.Contains(result.Lost[0], "alias staging of shared") {
		t.Errorf("%+v", result)
	}
	if diff := cmp.Diff(old, w.state(api, "staging")); diff != "" {
		t.Error(diff)
	}
	if p := w.plan(promote.Request{API: api, From: "dev", To: "staging", Caller: somebody(3)}); p.Resumes != nil {
		t.Errorf("%+v", p.Resumes)
	}
}
