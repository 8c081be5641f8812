package diff_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	rest "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"pgregory.net/rapid"

	"github.com/stagedoor/stagedoor/internal/diff"
)

// chance makes a model: names and values come from everywhere, so that whatever
// is compared is compared with all kinds of text.
type chance struct{ *rapid.T }

func (c chance) text(label string) string {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"", "a", "<b>&\"'", "🚪", "a, b", "{\"x\":1}", "line\nbreak", "arn:aws:sqs:REGION:ACCOUNT:queue", "https://APIID.execute-api.REGION.amazonaws.com/x"}),
		rapid.StringMatching(`[a-z]{1,6}`)).Draw(c.T, label)
}

func (c chance) texts(label string) map[string]string {
	return rapid.MapOfN(rapid.StringMatching(`[a-zA-Z_]{1,4}`), rapid.Custom(func(t *rapid.T) string { return chance{t}.text("value") }), 0, 4).Draw(c.T, label)
}

func (c chance) number(label string, most int) int { return rapid.IntRange(0, most).Draw(c.T, label) }

func (c chance) yes(label string) bool { return rapid.Bool().Draw(c.T, label) }

var functionNames = []string{"one", "two", "two:live", "two:3", "gone", "fn-${stageVariables.env}", "two:${stageVariables.env}"}

func (c chance) operation() map[string]any {
	op := map[string]any{"x-amazon-apigateway-integration": map[string]any{"type": "mock", "requestTemplates": c.texts("templates")}}
	if c.yes("calls a function") {
		op = calls(rapid.SampledFrom(functionNames).Draw(c.T, "function"))
	}
	op["responses"] = map[string]any{"200": map[string]any{"description": c.text("description")}}
	if c.yes("has parameters") {
		op["parameters"] = []any{
			map[string]any{"name": rapid.StringMatching(`[A-Za-z-]{1,5}`).Draw(c.T, "parameter"), "in": "header", "required": c.yes("required")},
			map[string]any{"name": "id", "in": "path", "required": true},
		}
	}
	if scheme := rapid.SampledFrom([]string{"", "sigv4", "api_key", "jwt"}).Draw(c.T, "scheme"); scheme != "" {
		op["security"] = []any{map[string]any{scheme: []any{}}}
	}
	return op
}

func (c chance) export() string {
	methods := map[string]map[string]any{}
	for i := range c.number("methods", 6) {
		verb := rapid.SampledFrom([]string{"GET", "POST", "ANY"}).Draw(c.T, "verb")
		methods[fmt.Sprintf("%s /path%d/{id+}", verb, i/2)] = c.operation()
	}
	policy := map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
		"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "arn:aws:execute-api:REGION:ACCOUNT:APIID/*",
		"Condition": map[string]any{"StringLike": map[string]any{"aws:UserAgent": c.text("agent")}}}}}
	return exportOf(c.T, methods, map[string]any{
		"components": map[string]any{
			"schemas": map[string]any{"Order": map[string]any{"type": "object", "title": c.text("title")}},
			"securitySchemes": map[string]any{
				"sigv4":   map[string]any{"type": "apiKey", "name": "Authorization", "in": "header", "x-amazon-apigateway-authtype": "awsSigv4"},
				"api_key": map[string]any{"type": "apiKey", "name": "x-api-key", "in": "header"},
				"jwt": map[string]any{"type": "apiKey", "name": "Authorization", "in": "header", "x-amazon-apigateway-authtype": "custom",
					"x-amazon-apigateway-authorizer": map[string]any{"type": "token", "identityValidationExpression": c.text("expression")}},
			}},
		"x-amazon-apigateway-policy":             policy,
		"x-amazon-apigateway-gateway-responses":  map[string]any{"DEFAULT_4XX": map[string]any{"responseTemplates": c.texts("gateway response")}},
		"x-amazon-apigateway-binary-media-types": []any{"image/png", c.text("media type")},
	})
}

func (c chance) stage() *stageModel {
	s := &stageModel{Export: c.export(), Variables: c.texts("variables"), Tracing: c.yes("tracing")}
	s.Variables["env"] = rapid.SampledFrom([]string{"dev", "prod", "live", "nowhere"}).Draw(c.T, "env")
	if c.yes("settings") {
		s.Settings = map[string]rest.MethodSetting{}
		for _, key := range []string{"*/*", "~1path0~1{id+}/GET"} {
			s.Settings[key] = rest.MethodSetting{
				ThrottlingRateLimit: float64(c.number("rate", 3)), ThrottlingBurstLimit: int32(c.number("burst", 3)),
				MetricsEnabled: c.yes("metrics"), CachingEnabled: c.yes("caching"), CacheTtlInSeconds: int32(c.number("ttl", 3)),
			}
		}
	}
	if c.yes("canary") {
		s.Canary = &rest.CanarySettings{PercentTraffic: float64(c.number("percent", 100)), StageVariableOverrides: c.texts("overrides")}
	}
	return s
}

func (c chance) version() *versionModel {
	v := &versionModel{
		Code: c.text("code"), Runtime: "nodejs20.x", Memory: int32(c.number("memory", 3)), Role: "arn:aws:iam::ACCOUNT:role/lambda",
		Env: c.texts("environment"),
	}
	if c.yes("layer") {
		v.Layers = []string{"arn:aws:lambda:REGION:ACCOUNT:layer:a:1", "arn:aws:lambda:REGION:ACCOUNT:layer:b:2"}
	}
	return v
}

func (c chance) function() *functionModel {
	f := &functionModel{Versions: map[string]*versionModel{"$LATEST": c.version()}, Policies: map[string]string{}, Aliases: map[string]aliasModel{}}
	for _, v := range []string{"2", "3"} {
		f.Versions[v] = c.version()
	}
	for _, q := range []string{"", "live", "3"} {
		if c.yes("granted") {
			f.Policies[q] = grantToAPI
		}
	}
	if c.yes("alias") {
		f.Aliases["live"] = aliasModel{Version: "3", Weights: map[string]float64{"2": float64(c.number("weight", 10)) / 10}}
	}
	return f
}

func (c chance) model() *model {
	return &model{
		where: home(), Name: c.text("name"),
		Stages:    map[string]*stageModel{"dev": c.stage(), "prod": c.stage()},
		Functions: map[string]*functionModel{"one": c.function(), "two": c.function(), "fn-dev": c.function(), "fn-prod": c.function()},
	}
}

// A thing does not differ from itself: neither a stage from itself, nor an API
// from the same API read once more, nor from one that is the same in another
// account and region under another id.
func TestSameIsSame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := chance{rt}.model()
		moved := *m
		moved.where = elsewhere()
		p := m.picture(rt)
		self := &diff.Side{Picture: p}
		for _, other := range []*diff.Side{self, {Picture: m.picture(rt)}, {Picture: moved.picture(rt), Label: "moved"}} {
			c := diff.Pictures(self, other)
			if len(c.Reports) != 2 {
				rt.Fatal("two stages of equal name are two reports")
			}
			if !c.Same || c.Differences() != 0 {
				raw, _ := json.MarshalIndent(c, "", " ")
				rt.Fatalf("differs from itself (%s): %s", other.Label, raw)
			}
		}
	})
}

// Whatever is changed is found, in the section to which it belongs, and from
// both sides.
func TestChangesAreFound(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := chance{rt}.model()
		changed := *m
		stage := *m.Stages["dev"]
		changed.Stages = map[string]*stageModel{"dev": &stage, "prod": m.Stages["prod"]}
		section := chance{rt}.change(&stage)
		left, right := &diff.Side{Picture: m.picture(rt)}, &diff.Side{Picture: changed.picture(rt)}
		for _, c := range []*diff.Comparison{diff.Pictures(left, right, [2]string{"dev", "dev"}), diff.Pictures(right, left, [2]string{"dev", "dev"})} {
			if s := c.Reports[0].Section(section); s.Differences() == 0 {
				rt.Fatalf("a change of %s is not found", section)
			}
			without := c.Without(section)
			if c.Same || without.Reports[0].Section(section) != nil {
				rt.Fatalf("%v", c.Same)
			}
		}
	})
}

// change changes one thing of a stage and says where it belongs.
func (c chance) change(s *stageModel) (section string) {
	edit := func(f func(doc map[string]any)) {
		var doc map[string]any
		must(c.T, json.Unmarshal([]byte(s.Export), &doc))
		f(doc)
		raw, err := json.Marshal(doc)
		must(c.T, err)
		s.Export = string(raw)
	}
	all := map[string]func(){
		diff.SectionVariables: func() {
			s.Variables = maps.Clone(s.Variables)
			s.Variables["new"] = "x"
		},
		diff.SectionStage:  func() { s.Tracing = !s.Tracing },
		diff.SectionCanary: func() { s.Canary = &rest.CanarySettings{PercentTraffic: 100.5} },
		diff.SectionLogging: func() {
			level := "INFO"
			s.Settings = map[string]rest.MethodSetting{"a/GET": {LoggingLevel: &level}}
		},
		diff.SectionThrottling: func() { s.Settings = map[string]rest.MethodSetting{"*/*": {ThrottlingRateLimit: 77}} },
		diff.SectionMethods: func() {
			edit(func(doc map[string]any) {
				doc["paths"].(map[string]any)["/added"] = map[string]any{"get": calls("one")}
			})
		},
		diff.SectionAPI: func() {
			edit(func(doc map[string]any) { doc["x-amazon-apigateway-api-key-source"] = "AUTHORIZER" })
		},
		diff.SectionPolicy: func() { edit(func(doc map[string]any) { delete(doc, "x-amazon-apigateway-policy") }) },
		diff.SectionModels: func() {
			edit(func(doc map[string]any) {
				doc["components"].(map[string]any)["schemas"].(map[string]any)["Added"] = map[string]any{"type": "string"}
			})
		},
		diff.SectionAuthorizers: func() {
			edit(func(doc map[string]any) {
				delete(doc["components"].(map[string]any)["securitySchemes"].(map[string]any), "jwt")
			})
		},
		diff.SectionResponses: func() {
			edit(func(doc map[string]any) { delete(doc, "x-amazon-apigateway-gateway-responses") })
		},
	}
	section = rapid.SampledFrom(slices.Sorted(maps.Keys(all))).Draw(c.T, "section")
	all[section]()
	return section
}
