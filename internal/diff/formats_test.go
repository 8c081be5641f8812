package diff_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	rest "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/diff"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s: -want +got\n%s", name, d)
	}
}

// different has something of everything between its stages.
func different(t fataler) *model {
	m := shop(t)
	dev := map[string]map[string]any{
		"GET /orders": calls("fn-${stageVariables.env}"), "POST /orders": calls("fn-${stageVariables.env}"),
		"DELETE /orders/{id}": calls("fn-${stageVariables.env}"), "GET /health": {"x-amazon-apigateway-integration": map[string]any{"type": "mock"}},
	}
	m.Stages["dev"].Export = exportOf(t, dev, map[string]any{"x-amazon-apigateway-binary-media-types": []any{"image/png"}})
	dev["POST /orders"] = map[string]any{
		"security": []any{map[string]any{"sigv4": []any{}}}, "x-amazon-apigateway-integration": calls("fn-${stageVariables.env}")["x-amazon-apigateway-integration"]}
	delete(dev, "DELETE /orders/{id}")
	dev["GET /legacy"] = calls("fn-prod")
	m.Stages["prod"].Export = exportOf(t, dev, map[string]any{"components": map[string]any{"securitySchemes": map[string]any{
		"sigv4": map[string]any{"type": "apiKey", "x-amazon-apigateway-authtype": "awsSigv4"}}}})
	m.Stages["dev"].Variables["debug"] = "yes"
	m.Stages["prod"].Settings = map[string]rest.MethodSetting{"*/*": {ThrottlingRateLimit: 100, ThrottlingBurstLimit: 50}}
	one, two := m.Functions["fn-dev"].Versions["$LATEST"], m.Functions["fn-prod"].Versions["$LATEST"]
	one.Code, two.Code = "B/gV5p3vu8indspiZNAvOR/UsGWujP0jme4NLct5bP0=", "qWmeDQf/PTtDdV7z6g2c6Bp/hFsYVbYDBThtsCUxvaA="
	one.Env, two.Env = map[string]string{"LOG_LEVEL": "debug", "TABLE": "orders"}, map[string]string{"LOG_LEVEL": "info", "TABLE": "orders", "DB_PASSWORD": "hunter2"}
	two.Role = "arn:aws:iam::ACCOUNT:role/another-role-of-production"
	m.Functions["fn-prod"].Policies[""] = strings.Replace(grantToAPI, "APIID/*", "APIID/prod/GET/*", 1)
	return m
}

func compared(t fataler, m *model) *diff.Comparison {
	side := &diff.Side{Picture: m.picture(t, "dev", "prod")}
	return diff.Pictures(side, side, [2]string{"dev", "prod"})
}

func TestText(t *testing.T) {
	write := func(c *diff.Comparison, o diff.TextOptions) string {
		var b strings.Builder
		must(t, c.WriteText(&b, o))
		for line := range strings.SplitSeq(b.String(), "\n") {
			if strings.HasSuffix(line, " ") || strings.ContainsRune(line, '\x1b') {
				t.Errorf("%q", line)
			}
		}
		return b.String()
	}
	m := different(t)
	golden(t, "differs.txt", write(compared(t, m), diff.TextOptions{}))
	golden(t, "narrow.txt", write(compared(t, m), diff.TextOptions{Width: 60, All: true}))

	moved := *m
	moved.where = elsewhere()
	moved.Stages = map[string]*stageModel{"dev": m.Stages["dev"], "prod": m.Stages["dev"], "test": m.Stages["dev"]}
	here, there := &diff.Side{Label: "aws:prod", Picture: m.picture(t)}, &diff.Side{Label: "local", Picture: moved.picture(t)}
	golden(t, "places.txt", write(diff.Pictures(there, here), diff.TextOptions{}))

	self := &diff.Side{Picture: m.picture(t)}
	golden(t, "same.txt", write(diff.Pictures(self, self, [2]string{"dev", "dev"}), diff.TextOptions{}))

	m.Denied = map[string]bool{"GetFunctionConfiguration": true, "GetPolicy": true}
	golden(t, "denied.txt", write(compared(t, m), diff.TextOptions{}))
}

func TestJSON(t *testing.T) {
	var b strings.Builder
	must(t, compared(t, different(t)).WriteJSON(&b))
	golden(t, "differs.json", b.String())
	var back diff.Comparison
	must(t, json.Unmarshal([]byte(b.String()), &back))
	if d := cmp.Diff(*compared(t, different(t)), back); d != "" {
		t.Error(d)
	}
}

func TestHTML(t *testing.T) {
	var b strings.Builder
	must(t, compared(t, different(t)).WriteHTML(&b))
	golden(t, "differs.html", b.String())
	alone(t, b.String())
	b.Reset()
	must(t, (&diff.Comparison{OnlyLeft: []string{"dev"}}).WriteHTML(&b))
	if !strings.Contains(b.String(), "No stage is on both sides") {
		t.Error(b.String())
	}
}

// alone checks that a page needs nothing from elsewhere and runs nothing.
func alone(t *testing.T, page string) {
	t.Helper()
	if found := regexp.MustCompile(`(?i)<script|<link|<img|<iframe|\ssrc=|\shref=|\son[a-z]+=|url\(|@import`).FindString(page); found != "" {
		t.Errorf("the page has %q", found)
	}
}

// Names and values may hold anything.
func TestHostileNames(t *testing.T) {
	const hostile = "<script>alert('x')</script>\x1b[31m\u202e\"&🚪\nnext"
	m := shop(t)
	m.Name = hostile
	m.Stages[hostile] = &stageModel{Export: exportOf(t, map[string]map[string]any{"GET /" + hostile: calls("fn-dev")}, map[string]any{
		"x-amazon-apigateway-gateway-responses": map[string]any{hostile: map[string]any{"statusCode": hostile}}}),
		Variables: map[string]string{hostile: hostile, "env": hostile}}
	m.Functions["fn-dev"].Versions["$LATEST"].Env = map[string]string{hostile: hostile}
	left := &diff.Side{Picture: m.picture(t), Label: hostile, ShowValues: true}
	c := diff.Pictures(left, left, [2]string{"dev", hostile})
	var b strings.Builder
	must(t, c.WriteText(&b, diff.TextOptions{All: true}))
	if found := regexp.MustCompile(`[\x00-\x09\x0b-\x1f\x7f-\x{9f}\x{202a}-\x{202e}]`).FindString(b.String()); found != "" {
		t.Errorf("the text has %q\n%s", found, b.String())
	}
	b.Reset()
	must(t, c.WriteHTML(&b))
	alone(t, b.String())
	if strings.ContainsAny(b.String(), "\x1b\u202e") || !strings.Contains(b.String(), "&lt;script&gt;") {
		t.Error(b.String())
	}
	b.Reset()
	must(t, c.WriteJSON(&b))
	if !json.Valid([]byte(b.String())) || !strings.Contains(b.String(), "<script>") {
		t.Error(b.String())
	}
}

// A thousand stages are one line where nothing differs, and each has its place
// where something does.
func TestThousandStages(t *testing.T) {
	m := shop(t)
	for i := range 998 {
		m.Stages["s"+strings.Repeat("i", i)] = m.Stages["dev"]
	}
	moved := *m
	moved.where = elsewhere()
	side := &diff.Side{Picture: m.picture(t), Label: "here"}
	c := diff.Pictures(side, &diff.Side{Picture: moved.picture(t), Label: "there"})
	var b strings.Builder
	must(t, c.WriteText(&b, diff.TextOptions{}))
	if len(c.Reports) != 1000 || !c.Same || strings.Count(b.String(), "\n") > 30 {
		t.Errorf("%d reports, same %v\n%s", len(c.Reports), c.Same, b.String())
	}
}
