package why

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
	"github.com/stagedoor/stagedoor/internal/store/storetest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares what was written with testdata/NAME.golden.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; go test -update rewrites it):\n%s", path, diff)
	}
}

// plain renders without colours, as for a pipe.
func plain(t *testing.T, render func(*bytes.Buffer) error) string {
	t.Helper()
	for _, name := range []string{"CLICOLOR_FORCE", "TTY_FORCE"} {
		t.Setenv(name, "")
	}
	t.Setenv("NO_COLOR", "1")
	return rendered(t, render)
}

// coloured renders as for a terminal with sixteen colours.
func coloured(t *testing.T, render func(*bytes.Buffer) error) string {
	t.Helper()
	t.Setenv("NO_COLOR", "")
	t.Setenv("COLORTERM", "")
	t.Setenv("TERM", "xterm")
	t.Setenv("CLICOLOR_FORCE", "1")
	return rendered(t, render)
}

func rendered(t *testing.T, render func(*bytes.Buffer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := render(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const (
	account = "000000000000"
	api     = "a1b2c3d4e5"
)

var at = time.Date(2026, 9, 25, 13, 54, 18, 0, time.UTC)

// scene makes real Decisions over a store with a few functions.
type scene struct {
	t *testing.T
	s *store.Store
	g *grants.Grants
}

func newScene(t *testing.T, o grants.Options) *scene {
	t.Helper()
	s := storetest.New(t)
	g := grants.New(s, o)
	t.Cleanup(func() { _ = g.Close(context.Background()) })
	return &scene{t: t, s: s, g: g}
}

func (c *scene) function(name string, policies map[string][]map[string]any) {
	c.t.Helper()
	f := &state.Function{
		Account: account, Region: "us-east-1", Name: name, ID: name,
		Aliases:  map[string]*state.Alias{"prod": {Name: "prod", FunctionVersion: "1"}},
		Policies: map[string]*state.FunctionPolicy{},
	}
	for qualifier, statements := range policies {
		data, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Id": "default", "Statement": statements})
		if err != nil {
			c.t.Fatal(err)
		}
		f.Policies[qualifier] = &state.FunctionPolicy{Document: string(data), RevisionID: "7c1e6a0e-5b5f-4a3c-9d4e-2f8f1c0b9a77"}
	}
	if _, err := store.Put(context.Background(), c.s, state.FunctionKey(account, "us-east-1", name), f); err != nil {
		c.t.Fatal(err)
	}
}

func statement(sid, function, sourceARN string) map[string]any {
	return map[string]any{
		"Sid": sid, "Effect": "Allow", "Principal": map[string]string{"Service": "apigateway.amazonaws.com"},
		"Action": "lambda:InvokeFunction", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:" + function,
		"Condition": map[string]any{"ArnLike": map[string]string{"AWS:SourceArn": sourceARN}},
	}
}

const apiARN = "arn:aws:execute-api:us-east-1:000000000000:" + api

func call(stage, verb, path, function, qualifier string) *grants.Call {
	return &grants.Call{
		Account: account, Region: "us-east-1", APIID: api, Stage: stage, Method: verb, ResourcePath: path,
		FunctionARN: "arn:aws:lambda:us-east-1:000000000000:function:" + function, Qualifier: qualifier,
		SourceARN: grants.SourceARN("us-east-1", account, api, stage, verb, path), SourceAccount: account,
		RequestID: "0b1a3c5e-0000-4000-8000-c0ffee000001", Time: at,
	}
}

func (c *scene) decision(id string, count int, call *grants.Call) *grants.Decision {
	d := c.g.Explain(call)
	d.ID, d.Count = id, count
	return d
}

func (c *scene) role(name, trust string, inline map[string]string) string {
	c.t.Helper()
	arn := "arn:aws:iam::" + account + ":role/" + name
	r := &state.Role{
		Identity:                 state.Identity{Account: account, Path: "/", Name: name, ID: "AROAEXAMPLEEXAMPLE00", ARN: arn, InlinePolicies: inline},
		AssumeRolePolicyDocument: trust,
	}
	if _, err := store.Put(context.Background(), c.s, state.RoleKey(account, strings.ToLower(name)), r); err != nil {
		c.t.Fatal(err)
	}
	return arn
}

// decisions are the pictures that the golden files hold.
func decisions(t *testing.T) map[string]*grants.Decision {
	c := newScene(t, grants.Options{})
	c.function("my-function-dev", map[string][]map[string]any{"": {statement("dev", "my-function-dev", apiARN+"/*/GET/resource")}})
	c.function("my-function-staging", nil)
	c.function("my-function-prod", map[string][]map[string]any{"": {
		statement("orders", "my-function-prod", apiARN+"/*/POST/orders"),
		statement("post-resource", "my-function-prod", apiARN+"/*/POST/resource"),
	}})
	c.function("one", map[string][]map[string]any{"": {statement("open", "one", apiARN+"/*/*/*")}})
	c.function("users", map[string][]map[string]any{"": {statement("stage-arn", "users", apiARN+"/dev/*/*/*")}})
	deny := statement("no", "denied", apiARN+"/prod/*")
	deny["Effect"] = "Deny"
	c.function("denied", map[string][]map[string]any{"": {statement("yes", "denied", apiARN+"/*"), deny}})
	principal := statement("typo", "typo", apiARN+"/*/GET/resource")
	principal["Principal"] = map[string]string{"Service": "apigatway.amazonaws.com"}
	c.function("typo", map[string][]map[string]any{"": {principal}})

	role := call("dev", "GET", "/resource", "one", "prod")
	role.Credentials = c.role("gateway", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"apigateway.amazonaws.com"},"Action":"sts:AssumeRole"}]}`,
		map[string]string{"invoke": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:InvokeFunction","Resource":"arn:aws:lambda:us-east-1:000000000000:function:one"}]}`})
	trust := call("dev", "GET", "/resource", "one", "")
	trust.Credentials = c.role("strict", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"apigateway.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:SourceAccount":"000000000000"}}}]}`, nil)

	return map[string]*grants.Decision{
		"no-policy":     c.decision("k7m2x9qd", 1, call("staging", "GET", "/resource", "my-function-staging", "")),
		"wrong-verb":    c.decision("b3f0a1zz", 17, call("prod", "GET", "/resource", "my-function-prod", "")),
		"alias":         c.decision("0123abcd", 1, call("prod", "ANY", "/{proxy+}", "one", "prod")),
		"extra-segment": c.decision("9n8m7k6j", 1, call("dev", "GET", "/users", "users", "")),
		"denied":        c.decision("d1d2d3d4", 1, call("prod", "GET", "/", "denied", "")),
		"principal":     c.decision("t1p0t1p0", 1, call("dev", "GET", "/resource", "typo", "")),
		"missing":       c.decision("m1551n9x", 1, call("dev", "GET", "/resource", "my-function-", "")),
		"role":          c.decision("r0r0r0r0", 1, role),
		"trust":         c.decision("tr7str7s", 1, trust),
		"allowed":       c.decision("", 1, call("dev", "GET", "/resource", "my-function-dev", "")),
	}
}

func TestPrint(t *testing.T) {
	t.Setenv("COLUMNS", "100")
	for name, d := range decisions(t) {
		t.Run(name, func(t *testing.T) {
			golden(t, name, plain(t, func(b *bytes.Buffer) error { return Print(b, d) }))
		})
	}
}

func TestPrintColoured(t *testing.T) {
	t.Setenv("COLUMNS", "100")
	d := decisions(t)["wrong-verb"]
	golden(t, "wrong-verb-coloured", coloured(t, func(b *bytes.Buffer) error { return Print(b, d) }))
	d.Mode = grants.Warn
	golden(t, "warn-coloured", coloured(t, func(b *bytes.Buffer) error { return Print(b, d) }))
}

// On a narrow terminal nothing but ARNs is wider than it, and the differing
// segment is still there.
func TestPrintNarrow(t *testing.T) {
	t.Setenv("COLUMNS", "60")
	golden(t, "narrow", plain(t, func(b *bytes.Buffer) error { return Print(b, decisions(t)["wrong-verb"]) }))
}

func TestList(t *testing.T) {
	t.Setenv("COLUMNS", "100")
	all := decisions(t)
	list := []*grants.Decision{all["no-policy"], all["wrong-verb"], all["alias"], all["role"]}
	for i, ago := range []time.Duration{0, 30 * time.Second, 5 * time.Minute, 72 * time.Hour} {
		list[i].LastTime = at.Add(-ago)
	}
	list[2].LastTime = at.Add(-3 * time.Hour)
	golden(t, "list", plain(t, func(b *bytes.Buffer) error { return List(b, list, at) }))
	t.Setenv("COLUMNS", "")
	golden(t, "list-pipe", plain(t, func(b *bytes.Buffer) error { return List(b, list, at) }))
}

func TestMatrix(t *testing.T) {
	t.Setenv("COLUMNS", "100")
	all := decisions(t)
	cell := func(api, name, stage, verb, path string) Cell {
		return Cell{Account: account, Region: "us-east-1", API: api, APIName: name, Stage: stage, Verb: verb, Path: path, Allowed: true}
	}
	refused := func(c Cell, d *grants.Decision) Cell {
		c.Allowed, c.Decision = false, d
		return c
	}
	problem := cell(api, "shop", "prod", "POST", "/orders/{id}")
	problem.Allowed, problem.Problem = false, "The stage variable env is not defined on stage prod."
	cells := []Cell{
		cell(api, "shop", "dev", "GET", "/resource"), cell(api, "shop", "dev", "POST", "/orders/{id}"),
		refused(cell(api, "shop", "staging", "GET", "/resource"), all["no-policy"]),
		refused(cell(api, "shop", "prod", "GET", "/resource"), all["wrong-verb"]), problem,
		cell("z9y8x7w6v5", "health", "live", "GET", "/"),
	}
	golden(t, "matrix", plain(t, func(b *bytes.Buffer) error { return Matrix(b, cells) }))
	t.Setenv("COLUMNS", "50")
	var many []Cell
	for _, stage := range strings.Fields("development testing staging preproduction production europe asia") {
		many = append(many, refused(cell(api, "shop", stage, "ANY", "/{proxy+}"), all["alias"]))
		many = append(many, refused(cell(api, "shop", stage, "GET", "/"), all["trust"]))
	}
	golden(t, "matrix-many", plain(t, func(b *bytes.Buffer) error { return Matrix(b, many) }))
}

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "now", 5 * time.Second: "5 s ago", 3 * time.Minute: "3 min ago", 5 * time.Hour: "5 h ago", 72 * time.Hour: "3 days ago",
	} {
		if got := age(d); got != want {
			t.Errorf("age(%v) = %q, want %q", d, got, want)
		}
	}
}
