package gateway

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/state"
)

func TestMatrix(t *testing.T) {
	b := newBed(t, answers(`{}`, nil), resources(map[string]*state.Method{
		"GET /b": proxy(uri), "GET /a": mock(`{"statusCode": 200}`, ``), "POST /a": {AuthorizationType: "AWS_IAM", Integration: proxy(uri).Integration},
	}), &state.Stage{Name: "prod"}, &state.Stage{Name: "dev"})
	b.door.outcome = grants.NoPermission
	var got []string
	for _, c := range b.Matrix() {
		verdict := "allowed"
		if !c.Allowed {
			verdict = "refused"
		}
		got = append(got, strings.Join([]string{c.URL, c.Verb, c.Integration, c.SourceARN, verdict}, " "))
		if (c.Decision == nil) != (c.Function == "") {
			t.Errorf("%s: decision %v for function %q", c.URL, c.Decision, c.Function)
		}
	}
	want := []string{
		"/dev/a GET MOCK  allowed",
		"/dev/a POST AWS_PROXY arn:aws:execute-api:us-east-1:123456789012:abc/dev/POST/a refused",
		"/dev/b GET AWS_PROXY arn:aws:execute-api:us-east-1:123456789012:abc/dev/GET/b refused",
		"/prod/a GET MOCK  allowed",
		"/prod/a POST AWS_PROXY arn:aws:execute-api:us-east-1:123456789012:abc/prod/POST/a refused",
		"/prod/b GET AWS_PROXY arn:aws:execute-api:us-east-1:123456789012:abc/prod/GET/b refused",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// describeCell is what matters of a cell, on one line.
func describeCell(c Cell) string {
	verdict := "allowed"
	if !c.Allowed {
		verdict = "refused"
	}
	if c.Decision == nil && !c.Allowed {
		verdict = "broken"
	}
	stage := c.Stage
	if c.Canary {
		stage += " canary"
	}
	function := c.Function[strings.LastIndexByte(c.Function, ':')+1:]
	return strings.TrimSpace(strings.Join([]string{stage, c.DeploymentID, c.Verb, c.Path, c.Integration, function, verdict}, " "))
}

// A canary has cells where it calls something else, or something that its stage
// lacks, and as long as anybody reaches it.
func TestMatrixOfCanary(t *testing.T) {
	own := resources(map[string]*state.Method{
		"GET /same": proxy(uri), "GET /variable": proxy(variable("fn-${stageVariables.env}")), "GET /mock": mock(`{"statusCode": 200}`, ``), "GET /gone": proxy(uri),
	})
	next := resources(map[string]*state.Method{
		"GET /same": proxy(uri), "GET /variable": proxy(variable("fn-${stageVariables.env}")), "GET /mock": proxy(variable("mock")), "GET /new": proxy(variable("new")),
		"GET /broken": proxy("nonsense"),
	})
	stage := func(percent float64) *state.Stage {
		return &state.Stage{Name: "prod", Variables: map[string]string{"env": "prod"},
			Canary: &state.CanarySettings{PercentTraffic: percent, DeploymentID: "canary", StageVariableOverrides: map[string]string{"env": "next"}}}
	}
	b := canaryBed(t, own, stage(5), next)
	b.door.outcome = grants.NoPermission
	all := []string{
		"prod dep1 GET /gone AWS_PROXY fn refused",
		"prod dep1 GET /mock MOCK  allowed",
		"prod dep1 GET /same AWS_PROXY fn refused",
		"prod dep1 GET /variable AWS_PROXY fn-prod refused",
		"prod canary canary GET /broken AWS_PROXY  broken",
		"prod canary canary GET /mock AWS_PROXY mock refused",
		"prod canary canary GET /new AWS_PROXY new refused",
		"prod canary canary GET /variable AWS_PROXY fn-next refused",
	}
	check := func(percent float64, want []string, refused, broken int) {
		t.Helper()
		b.deploy(own, &state.Stage{Name: "dev"}, stage(percent))
		var got []string
		for _, c := range b.MatrixOf(testAccount, testRegion, "abc") {
			if c.Stage == "prod" {
				got = append(got, describeCell(c))
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		s := b.Summary(testAccount, testRegion)
		if len(s) != 1 || s[0].Cells != len(b.Matrix()) || s[0].Refused != refused || s[0].Broken != broken {
			t.Errorf("%d cells: %+v", len(b.Matrix()), s)
		}
	}
	check(5, all, 3+3+3, 1)
	check(0, all[:4], 3+3, 0)
}

// MatrixOf has the cells of Matrix for one API, and nothing for a stranger.
func TestMatrixOf(t *testing.T) {
	b := newBed(t, answers(`{}`, nil), resources(map[string]*state.Method{"GET /b": proxy(uri), "GET /a": mock(`{"statusCode": 200}`, ``)}), &state.Stage{Name: "prod"}, &state.Stage{Name: "dev"})
	if d := cmp.Diff(b.Matrix(), b.MatrixOf(testAccount, testRegion, "abc")); d != "" || len(b.Matrix()) != 4 {
		t.Error(d)
	}
	for _, c := range [][3]string{{testAccount, testRegion, "xyz"}, {"999999999999", testRegion, "abc"}, {testAccount, "eu-west-1", "abc"}} {
		if got := b.MatrixOf(c[0], c[1], c[2]); len(got) != 0 {
			t.Errorf("%v: %d cells", c, len(got))
		}
	}
}
