package diff_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	rest "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/diff"
	"github.com/stagedoor/stagedoor/internal/target"
)

// stages compares dev and prod of a model.
func stages(t fataler, m *model, show bool) *diff.Report {
	t.Helper()
	side := &diff.Side{Picture: m.picture(t, "dev", "prod"), ShowValues: show}
	return diff.Pictures(side, side, [2]string{"dev", "prod"}).Reports[0]
}

// rows are the rows of a section as short lines: "kind item", and "  name left |
// right" for each field, "~" before the name of one that does not count.
func rows(s *diff.Section) (out []string) {
	show := func(v *string) string {
		if v == nil {
			return "-"
		}
		return *v
	}
	for _, r := range s.Rows {
		out = append(out, string(r.Kind)+" "+r.Item)
		for _, f := range r.Fields {
			same := ""
			if f.Same {
				same = "~"
			}
			out = append(out, fmt.Sprintf("  %s%s %s | %s", same, f.Name, show(f.Left), show(f.Right)))
		}
	}
	for _, why := range s.Unknown {
		out = append(out, "? "+why)
	}
	return out
}

// Each kind of difference, in the section where it belongs. The rest is the same.
func TestSections(t *testing.T) {
	level := "INFO"
	for _, c := range []struct {
		name, section string
		change        func(m *model) // of prod
		want          []string
	}{
		{"code", diff.SectionFunctions, func(m *model) { m.Functions["fn-prod"].Versions["$LATEST"].Code = "two" }, []string{
			"changed fn-dev ↔ fn-prod", "  ~version $LATEST | $LATEST", "  code one | two"}},
		{"configuration", diff.SectionFunctions, func(m *model) {
			v := m.Functions["fn-prod"].Versions["$LATEST"]
			v.Memory, v.Runtime, v.Layers = 512, "python3.13", []string{"arn:aws:lambda:REGION:ACCOUNT:layer:l:1"}
		}, []string{
			"changed fn-dev ↔ fn-prod", "  ~version $LATEST | $LATEST", "  ~code one | one", "  MemorySize 128 | 512",
			"  Runtime python3.12 | python3.13", "  layer 1 - | arn:aws:lambda:eu-central-1:111122223333:layer:l:1"}},
		{"the same behind another name", diff.SectionFunctions, func(*model) {}, []string{
			"paired fn-dev ↔ fn-prod", "  ~version $LATEST | $LATEST", "  ~code one | one"}},
		{"no function", diff.SectionFunctions, func(m *model) { delete(m.Functions, "fn-prod") }, []string{
			"changed fn-dev ↔ fn-prod", "  exists yes | there is no such function"}},
		{"no name of a function", diff.SectionFunctions, func(m *model) {
			m.Stages["prod"].Variables["env"] = "a b"
		}, []string{"changed fn-dev ↔ fn-a b", "  exists yes | there is no such function"}},
		{"environment", diff.SectionEnvironment, func(m *model) {
			m.Functions["fn-dev"].Versions["$LATEST"].Env = map[string]string{"A": "1", "B": "secret", "C": "same"}
			m.Functions["fn-prod"].Versions["$LATEST"].Env = map[string]string{"B": "other", "C": "same", "D": ""}
		}, []string{"changed fn-dev ↔ fn-prod", "  A •••• | -", "  B •••• | ••••", "  D - | ••••"}},
		{"variables", diff.SectionVariables, func(m *model) { m.Stages["prod"].Variables["x"] = "<b>" }, []string{
			"changed env", "   dev | prod", "right x", "   - | <b>"}},
		{"logging", diff.SectionLogging, func(m *model) {
			m.Stages["prod"].Settings = map[string]rest.MethodSetting{
				"*/*": {LoggingLevel: &level, MetricsEnabled: true}, "~1orders/GET": {LoggingLevel: &level}}
			m.Stages["prod"].Access = &rest.AccessLogSettings{DestinationArn: new("arn:aws:logs:eu-central-1:111122223333:log-group:x:*"), Format: new("$context.requestId")}
		}, []string{
			"changed GET /orders", "  log level OFF | INFO",
			"right access log", "  destination - | arn:aws:logs:eu-central-1:111122223333:log-group:x", "  format - | $context.requestId",
			"changed all methods", "  log level OFF | INFO", "  metrics off | on"}},
		{"throttling", diff.SectionThrottling, func(m *model) {
			m.Stages["dev"].Settings = map[string]rest.MethodSetting{"*/*": {ThrottlingRateLimit: 10000, ThrottlingBurstLimit: 5000}}
			m.Stages["prod"].Settings = map[string]rest.MethodSetting{"orders/GET": {ThrottlingRateLimit: 2.5, ThrottlingBurstLimit: -1}}
		}, []string{"changed GET /orders", "  rate the account's | 2.5/s"}},
		{"caching", diff.SectionCaching, func(m *model) {
			m.Stages["dev"].Settings = map[string]rest.MethodSetting{"*/*": {CacheTtlInSeconds: 5}}
			m.Stages["prod"].Settings = map[string]rest.MethodSetting{"*/*": {CacheTtlInSeconds: 300, CachingEnabled: true, CacheDataEncrypted: true}}
		}, []string{
			"changed all methods", "  caching off | on", "  encrypted - | on", "  invalidation needs authorization - | off", "  time to live - | 300 s"}},
		{"canary", diff.SectionCanary, func(m *model) {
			m.Stages["prod"].Canary = &rest.CanarySettings{PercentTraffic: 12.5, StageVariableOverrides: map[string]string{"env": "dev"}, DeploymentId: new("other")}
		}, []string{
			"right canary", "  runs - | another deployment than the stage", "  share - | 12.5 %", "  uses the stage's cache - | off", "  variable env - | dev"}},
		{"grants", diff.SectionGrants, func(m *model) { m.Functions["fn-prod"].Policies = nil }, []string{
			"changed 2 methods", "  verdict passes | refused (SD003): Nothing allows API Gateway to call function fn-prod: it has no policy.",
			"paired fn-dev ↔ fn-prod", "  ~granted to * | -"}},
		{"policy that cannot be read", diff.SectionGrants, func(m *model) { m.Denied = map[string]bool{"GetPolicy": true} }, []string{
			"? GET /orders, POST /orders on dev: Cannot decide: the policy of arn:aws:lambda:eu-central-1:111122223333:function:fn-dev could not be read: GetPolicy answered AccessDeniedException.",
			"? GET /orders, POST /orders on prod: Cannot decide: the policy of arn:aws:lambda:eu-central-1:111122223333:function:fn-prod could not be read: GetPolicy answered AccessDeniedException."}},
		{"functions that cannot be read", diff.SectionFunctions, func(m *model) { m.Denied = map[string]bool{"GetFunctionConfiguration": true} }, []string{
			"? fn-dev ↔ fn-prod: GetFunctionConfiguration answered AccessDeniedException on dev"}},
		{"methods", diff.SectionMethods, func(m *model) {
			m.Stages["prod"].Export = exportOf(t, map[string]map[string]any{
				"GET /orders": calls("other"), "ANY /{proxy+}": calls("fn-${stageVariables.env}")}, nil)
		}, []string{
			"changed GET /orders", "  integration.uri " + uri("fn-${stageVariables.env}") + " | " + uri("other"),
			"left POST /orders", "  authorization NONE | -", "  integration.httpMethod POST | -", "  integration.type AWS_PROXY | -", "  integration.uri " + uri("fn-${stageVariables.env}") + " | -",
			"right ANY /{proxy+}", "  authorization - | NONE", "  integration.httpMethod - | POST", "  integration.type - | AWS_PROXY", "  integration.uri - | " + uri("fn-${stageVariables.env}")}},
		{"policy of the API", diff.SectionPolicy, func(m *model) {
			statement := func(effect string) map[string]any {
				return map[string]any{"Version": "2012-10-17", "Statement": map[string]any{"Effect": effect, "Principal": "*", "Action": "execute-api:Invoke", "Resource": "*"}}
			}
			methods := map[string]map[string]any{"GET /orders": calls("fn-dev")}
			m.Stages["dev"].Export = exportOf(t, methods, map[string]any{"x-amazon-apigateway-policy": statement("Allow")})
			m.Stages["prod"].Export = exportOf(t, methods, map[string]any{"x-amazon-apigateway-policy": statement("Deny")})
		}, []string{
			`left {"Action":"execute-api:Invoke","Effect":"Allow","Principal":"*","Resource":"*"}`,
			`right {"Action":"execute-api:Invoke","Effect":"Deny","Principal":"*","Resource":"*"}`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := shop(t)
			c.change(m)
			if d := cmp.Diff(c.want, rows(stages(t, m, false).Section(c.section))); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}

func uri(function string) string {
	return "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:111122223333:function:" + function + "/invocations"
}

// Aliases with weights: each version with its share, its code and its number.
func TestAliases(t *testing.T) {
	m := shop(t)
	export := exportOf(t, map[string]map[string]any{"GET /orders": calls("fn:${stageVariables.env}")}, nil)
	m.Stages["dev"].Export, m.Stages["prod"].Export = export, export
	version := func(code string) *versionModel { return &versionModel{Code: code, Runtime: "python3.12"} }
	m.Functions["fn"] = &functionModel{
		Versions: map[string]*versionModel{"$LATEST": version("new"), "1": version("old"), "2": version("new")},
		Aliases:  map[string]aliasModel{"dev": {Version: "$LATEST"}, "prod": {Version: "1", Weights: map[string]float64{"2": 0.25}}},
	}
	r := stages(t, m, false)
	want := []string{"changed fn:dev ↔ fn:prod", "  version $LATEST | 1", "  code new | old", "  code of 25 % - | new"}
	if d := cmp.Diff(want, rows(r.Section(diff.SectionFunctions))); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	want = []string{"changed fn:dev ↔ fn:prod", "  further versions - | 25 % version 2", "  version $LATEST | 1"}
	if d := cmp.Diff(want, rows(r.Section(diff.SectionAliases))); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	m.Functions["fn"].Aliases["prod"] = aliasModel{Version: "7"} // its version is gone
	if got := rows(stages(t, m, false).Section(diff.SectionFunctions)); !slices.Contains(got, "  exists yes | there is no such function, version or alias") {
		t.Errorf("%q", got)
	}
}

// Values get into a report only where both sides say so.
func TestValuesAreMasked(t *testing.T) {
	m := shop(t)
	m.Functions["fn-dev"].Versions["$LATEST"].Env = map[string]string{"PASSWORD": "hunter2"}
	for show, want := range map[bool]int{false: 0, true: 1} {
		side := &diff.Side{Picture: m.picture(t), ShowValues: show}
		c := diff.Pictures(side, side, [2]string{"dev", "prod"})
		for name, write := range map[string]func(*strings.Builder) error{
			"text": func(b *strings.Builder) error { return c.WriteText(b, diff.TextOptions{All: true}) },
			"json": func(b *strings.Builder) error { return c.WriteJSON(b) },
			"html": func(b *strings.Builder) error { return c.WriteHTML(b) },
		} {
			var b strings.Builder
			must(t, write(&b))
			if got := strings.Count(b.String(), "hunter2"); got != want {
				t.Errorf("%s shows the value %d times, want %d", name, got, want)
			}
		}
	}
}

// Without an export the live configuration and the deployments' lists of methods
// are compared, and that is said; nothing is said about the rest.
func TestWithoutExports(t *testing.T) {
	m := shop(t)
	m.Denied = map[string]bool{"GetExport": true}
	r := stages(t, m, false)
	if r.Same || len(r.Unread) != 2 || !strings.Contains(r.Notes[0], "dev and prod") {
		t.Errorf("%v %q %q", r.Same, r.Unread, r.Notes)
	}
	if s := r.Section(diff.SectionModels); len(s.Unknown) != 1 || s.Differences() != 0 {
		t.Errorf("%+v", s)
	}
	m = shop(t)
	m.Stages["prod"].Export = "no document"
	if r := stages(t, m, false); r.Same || !strings.Contains(strings.Join(r.Notes, " "), "prod could not be read") {
		t.Errorf("%v %q", r.Same, r.Notes)
	}
}

// Stages of equal name are compared; others are told, and are a difference.
func TestStagesOfEqualName(t *testing.T) {
	left, right := shop(t), shop(t)
	right.where = elsewhere()
	left.Stages["test"] = left.Stages["dev"]
	right.Stages = maps.Clone(right.Stages)
	right.Stages["old"] = right.Stages["dev"]
	delete(right.Stages, "prod")
	c := diff.Pictures(&diff.Side{Label: "here", Picture: left.picture(t)}, &diff.Side{Label: "there", Picture: right.picture(t)})
	if len(c.Reports) != 1 || !c.Reports[0].Same || c.Same || c.Differences() != 3 {
		t.Errorf("%d reports, %d differences, same %v", len(c.Reports), c.Differences(), c.Same)
	}
	if d := cmp.Diff([][]string{{"prod", "test"}, {"old"}}, [][]string{c.OnlyLeft, c.OnlyRight}); d != "" {
		t.Error(d)
	}
	if c.Calls != left.picture(t).Dump.Calls+right.picture(t).Dump.Calls {
		t.Errorf("%d calls", c.Calls)
	}
}

func TestWhatIsNotThere(t *testing.T) {
	m := shop(t)
	for _, c := range []struct {
		api    string
		stages []string
		want   string
	}{
		{"shop", []string{"dev", "test"}, `there is no stage "test" in API shop (a1b2c3d4e5); there are: dev, prod`},
		{"store", nil, `there is no API "store" in account 111122223333 in eu-central-1, only: shop (a1b2c3d4e5)`},
		{"b2c3d4e5f6", nil, `there is no API "b2c3d4e5f6" in account 111122223333 in eu-central-1, only: shop (a1b2c3d4e5)`},
	} {
		_, err := diff.Read(context.Background(), m.clients(), c.api, c.stages...)
		var unknown *target.Unknown
		if !errors.As(err, &unknown) || err.Error() != c.want {
			t.Errorf("%s: %v", c.api, err)
		}
	}
	if _, err := diff.Read(context.Background(), m.clients(), "shop", "dev"); err != nil {
		t.Errorf("by its name: %v", err)
	}
}

// In another API the same method may be cached under another name, and another
// place's export may list the path's variables.
func TestWhatBelongsToAnAPI(t *testing.T) {
	left, right := shop(t), shop(t)
	right.where = elsewhere()
	operation := func(namespace string, more ...any) map[string]any {
		op := calls("fn-dev")
		op["x-amazon-apigateway-integration"].(map[string]any)["cacheNamespace"] = namespace
		op["parameters"] = more
		return op
	}
	id := map[string]any{"name": "id", "in": "path", "required": true}
	left.Stages["dev"].Export = exportOf(t, map[string]map[string]any{"GET /orders/{id}": operation("r1", id)}, nil)
	right.Stages["dev"].Export = exportOf(t, map[string]map[string]any{"GET /orders/{id}": operation("r2")}, nil)
	c := diff.Pictures(&diff.Side{Picture: left.picture(t)}, &diff.Side{Picture: right.picture(t)}, [2]string{"dev", "dev"})
	if got := rows(c.Reports[0].Section(diff.SectionMethods)); len(got) != 0 {
		t.Errorf("%q", got)
	}
	left.Stages["prod"].Export = right.Stages["dev"].Export
	c = diff.Pictures(&diff.Side{Picture: left.picture(t)}, &diff.Side{Picture: left.picture(t)}, [2]string{"dev", "prod"})
	if got := rows(c.Reports[0].Section(diff.SectionMethods)); len(got) != 3 {
		t.Errorf("of one API they count: %q", got)
	}
}
