package promote_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/diff"
	"github.com/stagedoor/stagedoor/internal/promote"
)

// Two promotions of one stage: the second one hears who is at it, and afterwards
// that its plan is stale.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	api := stages(w)
	request := promote.Request{API: api, From: "dev", To: "staging", Caller: somebody(1)}
	bob := request
	bob.Caller = promote.Caller{Name: "bob@ci", Machine: "m2", PID: 9}
	first, early := w.plan(request), w.plan(bob)
	asked := false
	result, err := first.Run(context.Background(), func(promote.Event) {
		if asked {
			return
		}
		asked = true
		for name, try := range map[string]func() error{
			"plan":     func() error { _, err := promote.NewPlan(context.Background(), w.place, bob); return err },
			"run":      func() error { _, err := early.Run(context.Background(), nil); return err },
			"rollback": func() error { return rollback(w, api, bob.Caller) },
		} {
			var locked *promote.LockedError
			if err := try(); !errors.As(err, &locked) || locked.Holder != "alice@laptop (process 1)" {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	must(t, err)
	if !asked || result.Outcome != promote.Promoted {
		t.Errorf("%+v", result)
	}
	if _, err := early.Run(context.Background(), nil); err == nil || !strings.Contains(err.Error(), "changed since") {
		t.Errorf("%v", err)
	}
}

func rollback(w *world, api string, c promote.Caller) error {
	_, err := promote.Rollback(context.Background(), w.place, promote.RollbackRequest{API: api, Stage: "staging", Caller: c})
	return err
}

// An interrupted promotion is gone on with from its own source only.
func TestInterruptedByAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	api := stages(w)
	w.deploy(api, "prod", "env=staging")
	request := promote.Request{API: api, From: "dev", To: "staging", Caller: somebody(1)}
	p := w.plan(request)
	w.cut.at(24, false)
	_, err := p.Run(context.Background(), nil)
	w.cut.at(-1, false)
	var interrupted *promote.InterruptedError
	if !errors.As(err, &interrupted) || !strings.Contains(err.Error(), "stagedoor rollback "+api+" staging") {
		t.Fatalf("%v", err)
	}
	request.Caller = somebody(2)
	other := request
	other.From = "prod"
	if _, err := promote.NewPlan(context.Background(), w.place, other); err == nil || !strings.Contains(err.Error(), "promote "+api+" dev staging\" to go on") {
		t.Errorf("%v", err)
	}
	past, err := promote.History(context.Background(), w.place, api, "", false)
	must(t, err)
	if len(past.Promotions) != 1 || !past.Promotions[0].Interrupted() {
		t.Errorf("%+v", past)
	}
	// The source moves on; the promotion completes what it began.
	now := w.state(api, "dev").Deployment
	w.deploy(api, "dev", "env=dev")
	if again := w.plan(request); again.Kind != "resumption" || w.run(again).Outcome != promote.Promoted {
		t.Errorf("%+v", again)
	}
	if got := w.state(api, "staging").Deployment; got != now {
		t.Errorf("deployment %s, planned was %s", got, now)
	}
}

// Code that is not there any more cannot be promoted: what was begun is undone.
func TestSourceMovesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	api := stages(w)
	old := w.state(api, "staging", stageFunctions...)
	request := promote.Request{API: api, From: "dev", To: "staging", Caller: somebody(1)}
	p := w.plan(request)
	w.update("bye-dev", "newer")
	result := w.run(p)
	if result.Outcome != promote.RolledBack || !strings.Contains(result.Reason, "bye-dev changed since the promotion was planned") {
		t.Errorf("%+v", result)
	}
	if diff := cmp.Diff(old, w.state(api, "staging", stageFunctions...)); diff != "" {
		t.Error(diff)
	}
}

// So many promotions are kept, on stages with many tags of their own fewer; each
// that is kept can be gone back to.
func TestHistoryIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	api := stages(w)
	own := map[string]string{}
	for i := range 25 {
		own[fmt.Sprintf("own-%d", i)] = "x"
	}
	_, err := w.apis.TagResource(context.Background(), &apigateway.TagResourceInput{ResourceArn: aws.String("arn:aws:apigateway:" + testRegion + "::/restapis/" + api + "/stages/staging"), Tags: own})
	must(t, err)
	var states []state
	for range 14 {
		states = append(states, w.state(api, "staging"))
		w.deploy(api, "dev", "env=dev")
		w.run(w.plan(promote.Request{API: api, From: "dev", To: "staging", Caller: somebody(1)}))
		if n := len(w.tags(api, "staging")); n > 50 {
			t.Fatalf("%d tags", n)
		}
	}
	past, err := promote.History(context.Background(), w.place, api, "staging", true)
	must(t, err)
	n := len(past.Promotions)
	if n < 5 || n > 10 {
		t.Fatalf("%d promotions are kept", n)
	}
	oldest := past.Promotions[n-1]
	p, err := promote.Rollback(context.Background(), w.place, promote.RollbackRequest{API: api, Stage: "staging", ID: oldest.ID, Caller: somebody(1)})
	must(t, err)
	if len(p.Undoes) != n {
		t.Errorf("undoes %d", len(p.Undoes))
	}
	w.run(p)
	if diff := cmp.Diff(states[len(states)-n], w.state(api, "staging")); diff != "" {
		t.Error(diff)
	}
	if _, err := promote.Rollback(context.Background(), w.place, promote.RollbackRequest{API: api, Stage: "staging", ID: "20200101-000000-aaaa", Caller: somebody(1)}); !errors.Is(err, promote.ErrNothing) {
		t.Errorf("%v", err)
	}
}

// A function remembers many aliases.
func TestManyAliases(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.function("many", "old")
	one := w.publish("many")
	w.update("many", "new")
	routes := []string{}
	for i := range 70 {
		name := fmt.Sprintf("a%d", i)
		w.alias("many", name+"-dev", "$LATEST")
		w.alias("many", name+"-staging", one)
		routes = append(routes, fmt.Sprintf("p%d=many:%s-${stageVariables.env}", i, name))
	}
	api := w.api("many", routes...)
	for i := range 70 {
		w.grant(api, fmt.Sprintf("many:a%d-dev", i), fmt.Sprintf("many:a%d-staging", i))
	}
	w.deploy(api, "staging", "env=staging")
	w.deploy(api, "dev", "env=dev")
	w.run(w.plan(promote.Request{API: api, From: "dev", To: "staging", Caller: somebody(1)}))
	if w.code("many:a69-staging") != w.code("many") {
		t.Error("the last alias did not move")
	}
	past, err := promote.History(context.Background(), w.place, api, "staging", true)
	must(t, err)
	if n := len(past.Promotions[0].Functions[0].Aliases); n != 70 {
		t.Errorf("%d aliases are remembered", n)
	}
}

// After a promotion two stages differ in what is meant to differ alone.
func TestDiffAfterPromotion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	api := stages(w)
	w.run(w.plan(promote.Request{API: api, From: "dev", To: "staging", Caller: somebody(1)}))
	picture, err := diff.Read(context.Background(), w.place.Clients, api, "dev", "staging")
	must(t, err)
	report := diff.Compare(&diff.Side{Picture: picture, Stage: "dev"}, &diff.Side{Picture: picture, Stage: "staging"})
	for _, s := range report.Sections {
		for _, row := range s.Rows {
			for _, f := range row.Fields {
				if f.Same || s.Name == "variables" || s.Name == "environment" || s.Name == "functions" && f.Name == "function" {
					continue
				}
				t.Errorf("%s: %s %s %s: %s ↔ %s", s.Name, row.Kind, row.Item, f.Name, aws.ToString(f.Left), aws.ToString(f.Right))
			}
		}
	}
}

// The formats for machines hold every step and what became of it.
func TestFormats(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	api := stages(w)
	p := w.plan(promote.Request{API: api, From: "dev", To: "staging", Caller: somebody(1), Probes: []promote.Probe{{Verb: "GET", Path: "/hello", Status: 500}}})
	result := w.run(p)
	var b bytes.Buffer
	must(t, (&promote.Report{Plan: p, Result: result}).WriteJUnit(&b))
	var suite struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
	}
	must(t, xml.Unmarshal(b.Bytes(), &suite))
	if suite.Failures != 3 || suite.Tests < 8 { // the probe, the undoing, the outcome
		t.Errorf("%+v\n%s", suite, b.String())
	}
	b.Reset()
	must(t, p.WriteText(&b))
	must(t, result.WriteText(&b))
	for _, want := range []string{"dev → staging", "hello-staging ← hello-dev", "2 methods of staging will pass", "environment variable TABLE: its own value (dev: another value)", "Not promoted: probe GET /hello answered 200 and not 500"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
}
