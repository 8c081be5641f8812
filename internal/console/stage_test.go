package console_test

import (
	"context"
	"net/url"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
)

// Variables are checked while they are typed: illegal, undefined, unused, and
// what each method would resolve to (APIGW-DG:stage-variables has the alphabet).
func TestVariablesAreChecked(t *testing.T) {
	w := newWorld(t)
	id := w.story()
	b := w.browser()
	check := func(namesAndValues ...string) *view {
		q := url.Values{}
		for i := 0; i < len(namesAndValues); i += 2 {
			q.Add("name", namesAndValues[i])
			q.Add("value", namesAndValues[i+1])
		}
		return b.see("/_stagedoor/apis/" + id + "/stages/dev/check?" + q.Encode())
	}
	check("env", "dev").has(t, "my-function-dev", "✗ refused")
	check("env", "staging").has(t, "my-function-staging")
	check("env", "nothing").has(t, "! cannot work", "There is no function my-function-nothing.")
	check("environment", "dev").has(t, "Undefined: <code>env</code>", "The stage has no variable env", "Not named by any method: <code>environment</code>")
	check("env", "dév").has(t, "“é” is not allowed in a value")
	check("e-nv", "dev").has(t, "“e-nv” is no name of a variable")
	check("env", "dev", "env", "prod").has(t, "“env” is given twice")
	check("env", "").has(t, "has no value")
}

func TestVariablesAreSaved(t *testing.T) {
	w := newWorld(t)
	id := w.story()
	b := w.browser()
	address := "/_stagedoor/apis/" + id + "/stages/dev"
	v := b.see(address)
	f := v.form(t, address+"/variables")
	f.fields["name"] = []string{"env", "colour"}
	f.fields["value"] = []string{"staging", "blue&green"}
	stale := form{f.action, url.Values{}}
	for name, values := range v.form(t, address+"/variables").fields {
		stale.fields[name] = values
	}
	v = b.submit(f)
	v.has(t, "The variables were saved", "my-function-staging", `value="blue&amp;green"`, "aws apigateway update-stage", "Undo")
	stage := w.stage(id, "dev")
	if stage.Variables["env"] != "staging" || stage.Variables["colour"] != "blue&green" {
		t.Errorf("variables %v", stage.Variables)
	}
	// Another page, from before: what it would overwrite it does not know.
	w2 := b.see(address).form(t, address+"/variables")
	w2.fields["was"] = stale.fields["was"]
	w2.fields["name"], w2.fields["value"] = []string{"env"}, []string{"dev"}
	if v := b.submit(w2); v.status != 409 {
		t.Errorf("a page from before answered %d", v.status)
	} else {
		v.has(t, "changed by somebody else")
	}
	v = b.submit(v.form(t, "/_stagedoor/undo"))
	v.has(t, "Undone")
	if stage := w.stage(id, "dev"); stage.Variables["env"] != "dev" || len(stage.Variables) != 1 {
		t.Errorf("undone: variables %v", stage.Variables)
	}
	f = b.see(address).form(t, address+"/variables")
	f.fields["name"], f.fields["value"] = []string{"env"}, []string{"ü"}
	if v := b.submit(f); v.status != 422 {
		t.Errorf("an illegal value answered %d", v.status)
	} else {
		v.has(t, "“ü” is not allowed", `value="ü"`)
	}
}

func (w *world) stage(api, name string) *apigateway.GetStageOutput {
	w.Helper()
	out, err := w.apis.GetStage(context.Background(), &apigateway.GetStageInput{RestApiId: &api, StageName: &name})
	w.must(err)
	return out
}

func TestDeploymentsAreSwitched(t *testing.T) {
	w := newWorld(t)
	id := w.story()
	b := w.browser()
	address := "/_stagedoor/apis/" + id + "/stages/prod"
	was := aws.ToString(w.stage(id, "prod").DeploymentId)
	other := aws.ToString(w.stage(id, "dev").DeploymentId)
	v := b.see(address)
	v = b.submit(v.form(t, address+"/deployment", "deployment", other))
	v.has(t, "The stage serves the deployment "+other+" now.")
	if got := aws.ToString(w.stage(id, "prod").DeploymentId); got != other {
		t.Errorf("serves %s, want %s", got, other)
	}
	b.submit(v.form(t, "/_stagedoor/undo")).has(t, "Undone")
	if got := aws.ToString(w.stage(id, "prod").DeploymentId); got != was {
		t.Errorf("undone: serves %s, want %s", got, was)
	}
}

func TestCanary(t *testing.T) {
	w := newWorld(t)
	id := w.story()
	b := w.browser()
	address := "/_stagedoor/apis/" + id + "/stages/prod"
	f := b.see(address).form(t, address+"/canary")
	f.fields["name"], f.fields["value"] = []string{"env"}, []string{"staging"}
	v := b.submit(f, "percent", "25")
	v.has(t, "The canary answers 25 % of the calls.", "Promote it")
	c := w.stage(id, "prod").CanarySettings
	if c == nil || c.PercentTraffic != 25 || c.StageVariableOverrides["env"] != "staging" {
		t.Fatalf("canary %+v", c)
	}
	v = b.submit(v.form(t, address+"/canary", "do", "promote"))
	v.has(t, "The canary was promoted")
	if s := w.stage(id, "prod"); s.CanarySettings != nil || s.Variables["env"] != "staging" {
		t.Errorf("after the promotion: %+v %v", s.CanarySettings, s.Variables)
	}
	// A page that still shows the canary promotes nothing.
	if v := b.submit(b.see(address).form(t, address+"/canary"), "do", "promote"); v.status != 409 {
		t.Errorf("no canary to promote: %d", v.status)
	}
	if v := b.submit(b.see(address).form(t, address+"/canary"), "percent", "lots"); v.status != 422 {
		t.Errorf("a share of lots: %d", v.status)
	}
}

func TestSettings(t *testing.T) {
	w := newWorld(t)
	id := w.story()
	b := w.browser()
	address := "/_stagedoor/apis/" + id + "/stages/dev"
	v := b.submit(b.see(address).form(t, address+"/settings"), "method", "/hello/GET", "level", "OFF", "rate", "5", "burst", "7")
	v.has(t, "The settings of GET /hello were saved", "GET /hello")
	v = b.submit(v.form(t, address+"/settings", "remove", "1"))
	v.has(t, "The settings of GET /hello were removed")
	// AWS refuses logging without a role of the account; its sentence is shown.
	v = b.submit(v.form(t, address+"/settings"), "method", "*/*", "level", "INFO")
	v.has(t, "CloudWatch Logs role ARN must be set in account settings to enable logging")
	v = b.submit(b.see(address).form(t, address+"/access-log"), "destination", "nonsense", "format", "$context.requestId")
	if v.status != 422 {
		t.Errorf("a wrong destination answered %d", v.status)
	}
}

func TestStageIsDeleted(t *testing.T) {
	w := newWorld(t)
	id := w.story()
	b := w.browser()
	address := "/_stagedoor/apis/" + id + "/stages/dev"
	f := b.see(address).form(t, address+"/delete")
	if v := b.submit(f, "confirm", "prod"); v.status != 422 {
		t.Errorf("another name: %d", v.status)
	}
	b.submit(b.see(address).form(t, address+"/delete"), "confirm", "dev").has(t, "The stage dev was deleted")
	if v := b.get(address); v.status != 404 {
		t.Errorf("the deleted stage answers %d", v.status)
	} else {
		v.has(t, "Invalid stage identifier specified", "To the overview")
	}
}
