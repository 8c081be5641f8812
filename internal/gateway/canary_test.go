package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/invoke"
	"github.com/stagedoor/stagedoor/internal/state"
)

// canaryBed serves deployment dep1 on stage dev and canary as its canary. Its
// function answers with its own name and qualifier, and with what of the event
// depends on the release.
func canaryBed(t testing.TB, own state.APISnapshot, stage *state.Stage, canary state.APISnapshot) *bed {
	b := newBed(t, function(func(_ context.Context, r *invoke.Request) (*invoke.Result, error) {
		var event struct {
			StageVariables map[string]string
			RequestContext struct{ DeploymentID, Stage, Path string }
		}
		if err := json.Unmarshal(r.Payload, &event); err != nil {
			return nil, err
		}
		body, _ := json.Marshal(fmt.Sprint(r.Function, ":", r.Qualifier, " ", event.RequestContext.DeploymentID, " ", event.RequestContext.Stage, " ", event.StageVariables))
		return &invoke.Result{Payload: fmt.Appendf(nil, `{"body":%s}`, body)}, nil
	}), own)
	b.putDeployment("canary", canary)
	b.deploy(own, stage)
	return b
}

func (b *bed) putDeployment(id string, snapshot state.APISnapshot) {
	dep := &state.Deployment{Account: testAccount, Region: testRegion, API: "abc", ID: id, APIName: "story", APISnapshot: snapshot}
	b.compiler.onDeployment(state.DeploymentKey(testAccount, testRegion, "abc", id), nil, dep, 1)
}

// draws makes requests draw these numbers for their release, as shares of all
// requests; ids take four numbers before each.
func (b *bed) draws(shares ...float64) {
	n, ids := 0, 0
	b.random = func() uint64 {
		if ids++; ids%5 != 0 || n == len(shares) {
			return uint64(ids)
		}
		n++
		return uint64(shares[n-1] * shareWhole)
	}
}

func variable(name string) string {
	return strings.Replace(uri, "function:fn", "function:"+name, 1)
}

// What the canary answers: its own snapshot, with its overrides over the stage's
// variables (APIGW-DG canary-release, create-canary-deployment).
func TestCanary(t *testing.T) {
	own := resources(map[string]*state.Method{"GET /": proxy(variable("fn-${stageVariables.env}"))})
	canary := resources(map[string]*state.Method{"GET /": proxy(variable("new-${stageVariables.env}-${stageVariables.more}:${stageVariables.alias}"))})
	b := canaryBed(t, own, &state.Stage{
		Name: "dev", Variables: map[string]string{"env": "dev", "alias": "live"},
		Canary: &state.CanarySettings{PercentTraffic: 10.5, DeploymentID: "canary", StageVariableOverrides: map[string]string{"env": "next", "more": "1"}},
	}, canary)
	const (
		production = "fn-dev: dep1 dev map[alias:live env:dev]"
		released   = "new-next-1:live canary dev map[alias:live env:next more:1]"
	)
	for _, c := range []struct {
		share float64
		want  string
	}{{0, released}, {0.1049, released}, {0.105, production}, {0.5, production}, {math.Nextafter(1, 0), production}} {
		b.draws(c.share)
		if got := read(b.get("GET /dev/")); got != c.want {
			t.Errorf("at %g: %s, want %s", c.share, got, c.want)
		}
	}
	// The door is asked about the function that the canary resolves to, from
	// the same SourceArn, and refuses it like any other.
	b.door.asked, b.door.outcome = nil, grants.NoPermission
	b.draws(0)
	if r := b.get("GET /dev/"); r.StatusCode != 500 || len(b.door.refused) != 1 {
		t.Errorf("refused canary: %d, %d refusals", r.StatusCode, len(b.door.refused))
	}
	q := b.door.asked[0]
	got := []string{q.Resource(), q.SourceARN, q.DeploymentID, q.Stage, fmt.Sprint(q.Canary)}
	want := []string{
		"arn:aws:lambda:us-east-1:123456789012:function:new-next-1:live",
		"arn:aws:execute-api:us-east-1:123456789012:abc/dev/GET/", "canary", "dev", "true",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// AWS recording test_invoking_canary_deployment: 0 % is nobody, 100 % everybody.
func TestCanaryOfNobodyAndEverybody(t *testing.T) {
	own := resources(map[string]*state.Method{"GET /": mock(`{"statusCode": 200}`, "default deployment")})
	canary := resources(map[string]*state.Method{"GET /": mock(`{"statusCode": 200}`, "canary deployment")})
	for percent, want := range map[float64]string{0: "default deployment", 100: "canary deployment", -1: "default deployment", 101: "canary deployment"} {
		b := canaryBed(t, own, &state.Stage{Name: "dev", Canary: &state.CanarySettings{PercentTraffic: percent, DeploymentID: "canary"}}, canary)
		for _, share := range []float64{0, 0.5, math.Nextafter(1, 0)} {
			b.draws(share)
			if got := read(b.get("GET /dev/")); got != want {
				t.Errorf("%g %% at %g: %s", percent, share, got)
			}
		}
	}
}

// The share of requests is the percentage, to within five standard deviations of
// draws from a source that is the same in every run.
func TestCanaryShare(t *testing.T) {
	random := rand.New(rand.NewChaCha8([32]byte{1}))
	for _, percent := range []float64{0.01, 1, 10, 33.3, 50, 99.9} {
		st := &state.Stage{API: "abc", Name: "dev", DeploymentID: "dep1", Canary: &state.CanarySettings{PercentTraffic: percent, DeploymentID: "dep1"}}
		c := &compiler{deployments: map[state.Key]*state.Deployment{state.DeploymentKey("", "", "abc", "dep1"): {}}, accounts: map[state.Key]*account{}}
		d := c.deploy("key", st)
		const n = 200_000
		canary := 0
		for range n {
			if d.choose(random.Uint64).release == canaryRelease {
				canary++
			}
		}
		p := percent / 100
		if sigma := math.Sqrt(n * p * (1 - p)); math.Abs(float64(canary)-n*p) > 5*sigma {
			t.Errorf("%g %%: %d of %d", percent, canary, n)
		}
	}
}

// A canary's variables are the stage's with the overrides, whatever both are, and
// neither record is changed by it.
func TestCanaryVariables(t *testing.T) {
	names := rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "c", "d"}), rapid.StringMatching(`[a-z]{1,3}`), 0, 4)
	rapid.Check(t, func(t *rapid.T) {
		own, overrides := names.Draw(t, "stage"), names.Draw(t, "overrides")
		before := fmt.Sprint(own, overrides)
		c := &compiler{deployments: map[state.Key]*state.Deployment{state.DeploymentKey("", "", "abc", "dep1"): {}}, accounts: map[state.Key]*account{}}
		d := c.deploy("key", &state.Stage{API: "abc", DeploymentID: "dep1", Variables: own,
			Canary: &state.CanarySettings{DeploymentID: "dep1", StageVariableOverrides: overrides}})
		for _, name := range []string{"a", "b", "c", "d"} {
			want, defined := overrides[name]
			if !defined {
				want, defined = own[name]
			}
			if got, ok := d.canary.variables[name]; got != want || ok != defined {
				t.Errorf("%s: %q, %v; want %q, %v", name, got, ok, want, defined)
			}
		}
		if after := fmt.Sprint(d.variables, overrides); after != before {
			t.Errorf("%s became %s", before, after)
		}
	})
}

// The life of a canary: it comes, its deployment late, is promoted and removed
// (APIGW-DG promote-canary-deployment, delete-canary-deployment).
func TestCanaryFollows(t *testing.T) {
	own := resources(map[string]*state.Method{"GET /": mock(`{"statusCode": 200}`, "own")})
	b := newBed(t, answers(`{}`, nil), own)
	b.draws()
	change := func(deployment string, canary *state.CanarySettings) {
		b.compiler.onStage(state.StageKey(testAccount, testRegion, "abc", "dev"), nil,
			&state.Stage{Account: testAccount, Region: testRegion, API: "abc", Name: "dev", DeploymentID: deployment, Canary: canary}, 3)
	}
	check := func(when, want string) {
		t.Helper()
		if got := read(b.get("GET /dev/")); got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
	change("dep1", &state.CanarySettings{PercentTraffic: 100, DeploymentID: "late"})
	check("deployment that is not there", "own")
	b.putDeployment("late", resources(map[string]*state.Method{"GET /": mock(`{"statusCode": 200}`, "late")}))
	check("after it came", "late")
	change("dep1", &state.CanarySettings{PercentTraffic: 0, DeploymentID: "late"})
	check("without traffic", "own")
	change("late", &state.CanarySettings{PercentTraffic: 0, DeploymentID: "late"})
	check("promoted", "late")
	change("dep1", nil)
	check("rolled back", "own")
}

// A canary's lines go to the stage's groups and to its own (APIGW-DG
// canary-release), and $context.isCanaryRequest is there while it is enabled
// (APIGW-DG api-gateway-variables-for-access-logging).
func TestCanaryLogs(t *testing.T) {
	const format = "$context.requestId $context.isCanaryRequest $context.deploymentId $context.stage"
	snapshot := resources(map[string]*state.Method{"GET /": mock(`{"statusCode": 200}`, "ok")})
	stage := func(canary *state.CanarySettings) *state.Stage {
		return &state.Stage{Name: "dev", MethodSettings: logging("INFO", false), Canary: canary,
			AccessLog: &state.AccessLogSettings{DestinationARN: "arn:aws:logs:us-east-1:123456789012:log-group:access", Format: format}}
	}
	for _, c := range []struct {
		what        string
		canary      *state.CanarySettings
		access, own []string // of both groups
	}{
		{"none", nil, []string{"ID - dep1 dev"}, nil},
		{"0 %", &state.CanarySettings{DeploymentID: "dep1"}, []string{"ID false dep1 dev"}, nil},
		{"100 %", &state.CanarySettings{DeploymentID: "dep1", PercentTraffic: 100}, []string{"ID true dep1 dev"}, []string{"ID true dep1 dev"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			b := newStoreBed(t, answers(`{}`, nil), snapshot, stage(c.canary))
			b.cloudWatchRole()
			b.get("GET /dev/")
			lines := b.messages(execGroup)
			if len(lines) != 8 || lines[7] != "(ID) Method completed with status: 200" {
				t.Errorf("%q", lines)
			}
			if d := cmp.Diff(c.access, b.messages("access")); d != "" {
				t.Error(d)
			}
			if c.own == nil {
				for _, group := range []string{execGroup, "access"} {
					if got := b.messages(group + "/Canary"); len(got) != 0 {
						t.Errorf("%s/Canary: %q", group, got)
					}
				}
				return
			}
			if d := cmp.Diff(lines, b.messages(execGroup+"/Canary")); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(c.own, b.messages("access/Canary")); d != "" {
				t.Error(d)
			}
		})
	}
}

// A request that the canary lost is compared with the canary, and the command
// that deploys what is missing keeps the canary's settings.
func TestCanaryLost(t *testing.T) {
	snapshot := resources(map[string]*state.Method{"GET /old": mock(`{"statusCode": 200}`, "ok")})
	b := newStoreBed(t, answers(`{}`, nil), snapshot, &state.Stage{Name: "dev",
		Canary: &state.CanarySettings{DeploymentID: "dep2", PercentTraffic: 100, StageVariableOverrides: map[string]string{"env": "it's"}}})
	put(b, state.DeploymentKey(testAccount, testRegion, "abc", "dep2"), &state.Deployment{Account: testAccount, Region: testRegion, API: "abc", ID: "dep2",
		APISnapshot: resources(map[string]*state.Method{"GET /new": mock(`{"statusCode": 200}`, "ok")})})
	r := b.get("GET /dev/old")
	d := b.Explained(t.Context(), r.Header["x-amzn-RequestId"][0])
	if r.StatusCode != 403 || d == nil || d.DeploymentID != "dep2" {
		t.Fatalf("%d, %+v", r.StatusCode, d)
	}
	if want := "The API has a method for GET /old, but deployment dep2, which the canary of stage dev of API abc serves, does not: deploy it."; d.Cause.Sentence != want {
		t.Error(d.Cause.Sentence)
	}
	want := []string{`aws apigateway create-deployment --region us-east-1 --rest-api-id abc --stage-name dev --canary-settings '{"percentTraffic":100,"stageVariableOverrides":{"env":"it'\''s"}}'`}
	if diff := cmp.Diff(want, d.Fix); diff != "" {
		t.Error(diff)
	}
	if len(d.Notes) == 0 || !strings.Contains(d.Notes[len(d.Notes)-1], "100 %") {
		t.Errorf("%q", d.Notes)
	}
}
