package gateway

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/invoke"
	"github.com/stagedoor/stagedoor/internal/state"
)

// moody is a door that decides by what is asked about, in no way that anybody
// could guess.
type moody struct{ fakeDoor }

func (*moody) Decide(c *grants.Call) grants.Outcome {
	h := fnv.New32a()
	fmt.Fprint(h, c.Resource(), c.SourceARN, c.Credentials)
	return []grants.Outcome{grants.Allowed, grants.Allowed, grants.NoPermission, grants.CannotAssumeRole, grants.FunctionMissing}[h.Sum32()%5]
}

// chance draws APIs; rapid's own generators draw simple ones most of the time.
type chance struct{ *rand.Rand }

func (c chance) of(all ...string) string { return all[c.IntN(len(all))] }

func (c chance) method() *state.Method {
	m := proxy(variable(c.of("fn", "fn", "fn", "fn", "fn-${stageVariables.env}", "fn:${stageVariables.alias}", "${stageVariables.none}", "a b")))
	switch c.IntN(8) {
	case 0:
		return mock(`{"statusCode": 200}`, `ok`)
	case 1:
		return &state.Method{Integration: &state.Integration{Type: "HTTP", URI: "http://example.com"}}
	case 2:
		m.APIKeyRequired = true
	}
	m.Integration.HTTPMethod = c.of("POST", "POST", "POST", "GET")
	if c.IntN(3) == 0 {
		m.Integration.Credentials = new("arn:aws:iam::123456789012:role/r")
	}
	return m
}

func (c chance) snapshot() state.APISnapshot {
	methods := map[string]*state.Method{}
	for _, line := range []string{"GET /a", "GET /b", "GET /c", "ANY /d/{id}"} {
		if c.IntN(4) > 0 {
			methods[line] = c.method()
		}
	}
	return resources(methods)
}

func (c chance) variables() map[string]string {
	v := map[string]string{}
	for _, name := range []string{"env", "alias"} {
		if c.IntN(3) > 0 {
			v[name] = c.of("dev", "prod")
		}
	}
	return v
}

// What the matrix says of a method, a real request to it meets: on every stage,
// and on its canary, where a cell that is missing is the stage's.
func TestMatrixIsTrue(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		draw := chance{rand.New(rand.NewPCG(seed, 0))}
		own, canary := draw.snapshot(), draw.snapshot()
		b := canaryBed(t, own, &state.Stage{
			Name: "dev", Variables: draw.variables(),
			Canary: &state.CanarySettings{PercentTraffic: 50, DeploymentID: "canary", StageVariableOverrides: draw.variables()},
		}, canary)
		b.Gateway.door = &moody{fakeDoor{mode: grants.Enforce}}
		b.invoker = function(func(context.Context, *invoke.Request) (*invoke.Result, error) {
			return &invoke.Result{Payload: []byte(`{}`)}, nil
		})
		cells := map[bool]map[string]Cell{false: {}, true: {}}
		for _, c := range b.Matrix() {
			cells[c.Canary][c.Path] = c
		}
		refused := 0
		for _, release := range []string{ProductionRelease, CanaryRelease} {
			for _, r := range map[string]state.APISnapshot{ProductionRelease: own, CanaryRelease: canary}[release].Resources {
				cell, differs := cells[release == CanaryRelease][r.Path]
				if !differs {
					cell = cells[false][r.Path]
				} else if cell.Decision != nil {
					refused++
				}
				if d := cell.compare(b, release); d != "" {
					rt.Errorf("%s of %s: %s", r.Path, release, d)
				}
			}
		}
		if s := b.Summary(testAccount, testRegion); s[0].Refused != refused || s[0].Cells != len(cells[false])+len(cells[true]) {
			rt.Errorf("%d cells are refused: %+v", refused, s)
		}
	})
}

// compare says what a request meets that the cell does not tell.
func (c Cell) compare(b *bed, release string) string {
	trace, err := b.Try(context.Background(), TryRequest{API: "abc", Stage: "dev", PathWithQuery: c.Path, Release: release})
	if err != nil {
		return err.Error()
	}
	if passed := trace.Status == 200; passed != c.Allowed {
		return fmt.Sprintf("status %d, allowed %v\n%s", trace.Status, c.Allowed, strings.Join(way(trace), "\n"))
	}
	door := slices.IndexFunc(trace.Steps, func(s Step) bool { return s.Name == StepDoor })
	if door >= 0 && trace.Steps[door].OK != (c.Decision == nil) {
		return fmt.Sprintf("decision %v\n%s", c.Decision, strings.Join(way(trace), "\n"))
	}
	return ""
}

// Whatever somebody types, Try answers it or says why not.
func FuzzTry(f *testing.F) {
	f.Add("abc", "dev", "GET", "/a?x=1", "Accept", "*/*", "body", "")
	f.Add("<b>", "dev", "GET", "/<script>", "X-ä", "\r\n", "", "canary")
	f.Add("abc", "dev", "CONNECT", "//evil.example/%2e%2e/a b#c", "Host", "evil.example", "{}", "production")
	f.Fuzz(func(t *testing.T, api, stage, verb, path, name, value, body, release string) {
		b := newBed(t, answers(`{}`, nil), resources(map[string]*state.Method{"ANY /{proxy+}": proxy(uri), "ANY /": mock(`{"statusCode": 200}`, `ok`)}))
		trace, err := b.Try(t.Context(), TryRequest{API: api, Stage: stage, Verb: verb, PathWithQuery: path, Headers: [][2]string{{name, value}}, Body: []byte(body), Release: release})
		if err != nil {
			return
		}
		if trace.Status < 200 || len(trace.Steps) < 2 || trace.Steps[0].Name != StepRoute || trace.Steps[len(trace.Steps)-1].Name != StepAnswer {
			t.Errorf("%d %v", trace.Status, way(trace))
		}
	})
}
