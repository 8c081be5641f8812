package promote_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/promote"
)

func hasProblem(p *promote.Plan, code, text string) bool {
	return slices.ContainsFunc(p.Problems, func(x promote.Problem) bool {
		return x.Code == code && strings.Contains(x.Sentence+x.Remedy, text)
	})
}

// A call that would be refused afterwards stops a promotion before it begins;
// --fix adds the grants, and then it works.
func TestRefusedCallStops(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	api := ungranted(w)
	old := w.state(api, "staging", stageFunctions...)
	request := promote.Request{API: api, From: "dev", To: "staging", Caller: somebody(1)}
	p := w.plan(request)
	if len(p.Problems) != 2 || len(p.Problems[0].Fix) != 1 || !strings.HasPrefix(p.Problems[0].Fix[0], "aws lambda add-permission ") {
		t.Fatalf("%+v", p.Problems)
	}
	var stopped *promote.StoppedError
	if _, err := p.Run(context.Background(), nil); !errors.As(err, &stopped) {
		t.Errorf("%v", err)
	}
	if diff := cmp.Diff(old, w.state(api, "staging", stageFunctions...)); diff != "" {
		t.Error(diff)
	}
	request.Fix = true
	p = w.plan(request)
	if len(p.Grants) != 2 || len(p.Problems) != 0 {
		t.Fatalf("%+v", p)
	}
	request.Probes = []promote.Probe{{Verb: "GET", Path: "/hello", Status: 200}, {Verb: "GET", Path: "/bye", Status: 200}}
	if result := w.run(w.plan(request)); result.Outcome != promote.Promoted || len(result.Probes) != 2 {
		t.Errorf("%+v", result)
	}
}

// What stage variables and aliases make wrong is told before, with a remedy.
func TestProblems(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.function("one", "one")
	one := w.publish("one")
	w.alias("one", "dev", "$LATEST")
	w.update("one", "two")
	api := w.api("vars", "hello=one:${stageVariables.alias}")
	w.grant(api, "one:dev")
	w.deploy(api, "dev", "alias=dev")
	w.deploy(api, "empty")
	w.deploy(api, "pinned", "alias="+one)
	w.deploy(api, "typo", "alias=devv")
	for _, c := range []struct {
		to, code, text string
		set            map[string]string
	}{
		{to: "empty", code: "SD039", text: "--set alias=VALUE"},
		{to: "pinned", text: "better an alias"},
		{to: "typo", code: "SD102", text: "devv"},
		{to: "empty", code: "SD102", text: "nobody", set: map[string]string{"alias": "nobody"}},
	} {
		p := w.plan(promote.Request{API: api, From: "dev", To: c.to, Set: c.set, Caller: somebody(1)})
		if !hasProblem(p, c.code, c.text) {
			t.Errorf("%s: %+v", c.to, p.Problems)
		}
	}
	if p := w.plan(promote.Request{API: api, From: "dev", To: "empty", Set: map[string]string{"alias": "dev"}, Caller: somebody(1)}); len(p.Problems) != 0 || len(p.Stage.Set) != 1 {
		t.Errorf("%+v", p.Problems)
	}
}

// A canary that somebody else made is not taken over.
func TestForeignCanary(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	api := stages(w)
	_, err := w.apis.UpdateStage(context.Background(), &apigateway.UpdateStageInput{RestApiId: &api, StageName: aws.String("staging"), PatchOperations: patches("/canarySettings/percentTraffic=5")})
	must(t, err)
	p := w.plan(promote.Request{API: api, From: "dev", To: "staging", Caller: somebody(1)})
	if !hasProblem(p, "", "Promote that canary") {
		t.Errorf("%+v", p.Problems)
	}
}

// What nobody can mean is refused, with what there is.
func TestMistakes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	api := stages(w)
	w.api("twice")
	w.api("twice")
	for _, c := range []struct {
		request promote.Request
		want    string
	}{
		{promote.Request{API: "nothing", From: "dev", To: "staging"}, "there is shop (" + api + ")"},
		{promote.Request{API: "twice", From: "dev", To: "staging"}, "2 REST APIs are named \"twice\""},
		{promote.Request{API: "shop", From: "dev", To: "<b>🚪"}, "it has dev, staging"},
		{promote.Request{API: "shop", From: "dev", To: "dev"}, "to itself"},
		{promote.Request{API: "shop", From: "dev", To: "staging", Canary: 10}, "needs --bake"},
		{promote.Request{API: "shop", From: "dev", To: "staging", Canary: 120, Bake: 1}, "no share"},
		{promote.Request{API: "shop", From: "dev", To: "staging", Canary: math.NaN(), Bake: 1}, "no share"},
		{promote.Request{API: "shop", From: "dev", To: "staging", Canary: 10, Bake: 1e6 * time.Hour}, "24h0m0s at most"},
		{promote.Request{API: "shop", From: "dev", To: "staging", Set: map[string]string{"a b": "c"}}, "letters, digits and _"},
		{promote.Request{API: "shop", From: "dev", To: "staging", Set: map[string]string{"a": "$LATEST"}}, "a value is of"},
	} {
		c.request.Caller = somebody(1)
		if _, err := promote.NewPlan(context.Background(), w.place, c.request); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "--help") {
			t.Errorf("%+v: %v", c.request, err)
		}
	}
}

// A probe that is not answered as it should be puts everything back.
func TestProbeRollsBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	api := stages(w)
	old := w.state(api, "staging", stageFunctions...)
	p := w.plan(promote.Request{
		API: api, From: "dev", To: "staging", Caller: somebody(1),
		Probes: []promote.Probe{{Verb: "GET", Path: "/hello", Status: 200}, {Verb: "GET", Path: "/bye?x=1", Status: 201}},
	})
	result := w.run(p)
	if result.Outcome != promote.RolledBack || !strings.Contains(result.Reason, "GET /bye?x=1 answered 200 and not 201") || result.Record.State != promote.Undone {
		t.Errorf("%+v", result)
	}
	if diff := cmp.Diff(old, w.state(api, "staging", stageFunctions...)); diff != "" {
		t.Error(diff)
	}
}

// What somebody else changed meanwhile is not overwritten: the rest is put
// back, and the change is told.
func TestChangedMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	api := stages(w)
	old := w.state(api, "staging", stageFunctions...)
	p := w.plan(promote.Request{API: api, From: "dev", To: "staging", Caller: somebody(1)})
	w.update("hello-staging", "hotfix")
	if _, err := p.Run(context.Background(), nil); err == nil || !strings.Contains(err.Error(), "CodeSHA256") {
		t.Errorf("the hotfix was not noticed: %v", err)
	}
	w.update("hello-staging", "old")
	w.run(w.plan(promote.Request{API: api, From: "dev", To: "staging", Caller: somebody(1)}))

	w.update("hello-staging", "hotfix")
	hot := w.code("hello-staging")
	request := promote.RollbackRequest{API: api, Stage: "staging", Caller: somebody(1)}
	p, err := promote.Rollback(context.Background(), w.place, request)
	must(t, err)
	if !hasProblem(p, "", "--force") {
		t.Fatalf("%+v", p.Problems)
	}
	if w.code("hello-staging") != hot {
		t.Error("planning changed something")
	}
	request.Force = true
	p, err = promote.Rollback(context.Background(), w.place, request)
	must(t, err)
	w.run(p)
	if diff := cmp.Diff(old, w.state(api, "staging", stageFunctions...)); diff != "" {
		t.Error(diff)
	}
}

// The stage is looked at again under the lock.
func TestPlanIsStale(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	api := stages(w)
	p := w.plan(promote.Request{API: api, From: "dev", To: "staging", Caller: somebody(1)})
	w.deploy(api, "staging", "env=staging")
	if _, err := p.Run(context.Background(), nil); err == nil || !strings.Contains(err.Error(), "changed since the plan was made") {
		t.Errorf("%v", err)
	}
	if tags := w.tags(api, "staging"); len(tags) != 0 {
		t.Errorf("tags are left: %v", tags)
	}
}

func (w *world) tags(api, stage string) map[string]string {
	w.t.Helper()
	out, err := w.apis.GetTags(context.Background(), &apigateway.GetTagsInput{ResourceArn: aws.String("arn:aws:apigateway:" + testRegion + "::/restapis/" + api + "/stages/" + stage)})
	must(w.t, err)
	return out.Tags
}

// Configuration stays, and what differs is shown; values of environment
// variables are not.
func TestConfigurationStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	api := stages(w)
	_, err := w.lambda.UpdateFunctionConfiguration(context.Background(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("hello-staging"), MemorySize: aws.Int32(512)})
	must(t, err)
	w.settle("hello-staging")
	p := w.plan(promote.Request{API: api, From: "dev", To: "staging", Caller: somebody(1)})
	at := slices.IndexFunc(p.Functions, func(m promote.FunctionMove) bool { return strings.HasSuffix(m.Function, ":hello-staging") })
	want := []promote.Difference{
		{Setting: "memory", Source: "128 MB", Target: "512 MB"},
		{Setting: "environment variable ONLY_DEV", Source: "set", Risky: true},
		{Setting: "environment variable TABLE", Source: "another value", Target: "its own value"},
	}
	if diff := cmp.Diff(want, p.Functions[at].Kept); diff != "" {
		t.Error(diff)
	}
	w.run(p)
	now, err := w.lambda.GetFunction(context.Background(), &lambda.GetFunctionInput{FunctionName: aws.String("hello-staging")})
	must(t, err)
	if c := now.Configuration; *c.MemorySize != 512 || c.Environment.Variables["TABLE"] != "staging" || len(c.Environment.Variables) != 1 {
		t.Errorf("%+v", c)
	}
}
