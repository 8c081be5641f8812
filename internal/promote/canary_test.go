package promote_test

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/promote"
)

// whileBaking runs a plan and calls f once, when it bakes.
func whileBaking(t *testing.T, p *promote.Plan, f func()) *promote.Result {
	t.Helper()
	result, err := p.Run(context.Background(), func(e promote.Event) {
		if e.Kind == "wait" {
			f()
		}
	})
	must(t, err)
	return result
}

// share is how many of 200 calls are answered by what begins with text.
func (w *world) share(api, stage, path, text string) float64 {
	w.t.Helper()
	hits := 0
	for range 200 {
		if status, body := w.get(api, stage, path); status != 200 || strings.HasPrefix(body, text) {
			hits++
		}
	}
	return float64(hits) / 200
}

// With aliases, a share of the calls gets the new version until it is done. A
// share of 25 % of 200 calls is between 10 and 40 % but once in a million runs.
func TestCanaryOfAliases(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	api := aliases(w)
	p := w.plan(promote.Request{API: api, From: "dev", To: "staging", Canary: 25, Bake: time.Second, AbortOn: limits(t, "5xx>1%", "errors>0"), Caller: somebody(1)})
	var during float64
	result := whileBaking(t, p, func() { during = w.share(api, "staging", "/hello", "new shared") })
	if during < 0.10 || during > 0.40 {
		t.Errorf("%g of the calls were the canary's", during)
	}
	if after := w.share(api, "staging", "/hello", "new shared"); after != 1 || result.Outcome != promote.Promoted {
		t.Errorf("afterwards %g of the calls get the new version; %+v", after, result)
	}
}

// With a new deployment and variables, the stage has a canary.
func TestCanaryOfStage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.function("blue", "blue")
	w.function("green", "green")
	api := w.api("colours", "hello=${stageVariables.colour}")
	w.grant(api, "blue", "green")
	w.deploy(api, "prod", "colour=blue")
	w.deploy(api, "dev", "colour=green")
	old := w.state(api, "prod")
	p := w.plan(promote.Request{API: api, From: "dev", To: "prod", Canary: 25, Bake: time.Second, Set: map[string]string{"colour": "green"}, AbortOn: limits(t, "5xx>1%"), Caller: somebody(1)})
	if len(p.Functions) != 0 || p.Stage.Canary != 25 {
		t.Errorf("%+v", p)
	}
	var during float64
	result := whileBaking(t, p, func() { during = w.share(api, "prod", "/hello", "green") })
	if during < 0.10 || during > 0.40 {
		t.Errorf("%g of the calls were the canary's", during)
	}
	if after := w.share(api, "prod", "/hello", "green"); after != 1 || result.Outcome != promote.Promoted {
		t.Errorf("afterwards %g of the calls are green; %+v", after, result)
	}
	if m := result.Measured; m == nil || !m.Canary || m.Failed != 0 || m.Calls != math.Round(during*200) {
		t.Errorf("of %g canary calls it counted %+v", during*200, m)
	}
	back, err := promote.Rollback(context.Background(), w.place, promote.RollbackRequest{API: api, Stage: "prod", Caller: somebody(1)})
	must(t, err)
	w.run(back)
	if diff := cmp.Diff(old, w.state(api, "prod")); diff != "" {
		t.Error(diff)
	}
}

// Code that fails is taken back as soon as its failures are counted: aliases,
// and code that changed for everybody.
func TestAbort(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, path, abortOn string
		functions           []string
		setUp               func(w *world) string
		broken              []string
	}{
		{"alias", "/hello", "errors>0", []string{"shared:staging", "both-staging:live"}, aliases, []string{"shared"}},
		{"alias seen at the stage", "/hello", "5xx>1%", []string{"shared:staging"}, aliases, []string{"shared"}},
		{"code of a function", "/hello", "5xx>1%", stageFunctions, stages, []string{"hello-dev"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			api := c.setUp(w)
			for _, name := range c.broken {
				w.update(name, "'+nonsense+'")
			}
			old := w.state(api, "staging", c.functions...)
			p := w.plan(promote.Request{API: api, From: "dev", To: "staging", Canary: 50, Bake: 3 * time.Second, AbortOn: limits(t, c.abortOn), Caller: somebody(1)})
			result := whileBaking(t, p, func() { w.share(api, "staging", c.path, "") })
			if result.Outcome != promote.RolledBack || !strings.HasPrefix(result.Reason, "aborted: ") {
				t.Errorf("%+v", result)
			}
			if diff := cmp.Diff(old, w.state(api, "staging", c.functions...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func limits(t *testing.T, texts ...string) (all []promote.Threshold) {
	t.Helper()
	for _, text := range texts {
		limit, err := promote.ParseThreshold(text)
		must(t, err)
		all = append(all, limit)
	}
	return all
}
