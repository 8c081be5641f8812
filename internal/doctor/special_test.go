package doctor_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	rest "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/stagedoor/stagedoor/internal/doctor"
)

// 13: the stage works, the console's Test does not.
func TestConsoleTestRefused(t *testing.T) {
	needsPython(t)
	t.Parallel()
	w := newWorld(t)
	r := usual("c13", after("/prod/GET/hello"))(w)
	if got := w.call(r.api, r.stage, r.verb, r.path); got != http.StatusOK {
		t.Fatalf("on the stage: %d", got)
	}
	if got := w.test(r); got != http.StatusInternalServerError {
		t.Fatalf("Test before the fix: %d", got)
	}
	f := withCode(of(w.examine(), r.api), "SD013")
	if f == nil {
		t.Fatal("no SD013")
	}
	w.run(f.Fix)
	if got := w.test(r); got != http.StatusOK {
		t.Errorf("Test after the fix: %d", got)
	}
	if withCode(of(w.examine(), r.api), "SD013") != nil {
		t.Error("still there")
	}
}

// test is what the console's Test button does.
func (w *world) test(r request) int {
	w.t.Helper()
	resources, err := w.apis.GetResources(context.Background(), &apigateway.GetResourcesInput{RestApiId: &r.api})
	must(w.t, err)
	for _, resource := range resources.Items {
		if *resource.Path == r.path {
			out, err := w.apis.TestInvokeMethod(context.Background(), &apigateway.TestInvokeMethodInput{RestApiId: &r.api, ResourceId: resource.Id, HttpMethod: &r.verb})
			must(w.t, err)
			return int(out.Status)
		}
	}
	w.t.Fatalf("no resource %s", r.path)
	return 0
}

// 27 and 49: statements that do nothing, or too much.
func TestStatementsAreTidied(t *testing.T) {
	needsPython(t)
	t.Parallel()
	w := newWorld(t)
	r := usual("c49", func(string) string { return "" })(w)
	w.grant("c49", "dangling", source("abcdefghij", "/*/GET/hello"))
	w.function("c27")
	other := w.api("c27", route{verb: "GET", path: "/hello", function: "c27"})
	w.stage(other, "prod")
	w.grant("c27", "wide", source(other, "/*/*/hello"))
	w.grant("c27", "narrow", source(other, "/*/GET/hello"))
	w.grant("c27", "again", source(other, "/*/*/hello"))
	report := w.examine()
	open := withCode(report.Findings, "SD049")
	if open == nil {
		t.Fatalf("no SD049:\n%s", describe(report.Findings))
	}
	w.run(open.Fix)
	var idle []string
	for _, f := range report.Findings {
		if f.Code == "SD027" {
			idle = append(idle, f.Sentence)
			w.run(f.Fix)
		}
	}
	if len(idle) != 3 {
		t.Errorf("SD027: %q, want dangling, narrow and again", idle)
	}
	for _, request := range []request{r, {other, "prod", "GET", "/hello"}} {
		if got := w.call(request.api, request.stage, request.verb, request.path); got != http.StatusOK {
			t.Errorf("%v after tidying: status %d", request, got)
		}
	}
	left := w.examine()
	if withCode(left.Findings, "SD049") != nil || withCode(left.Findings, "SD027") != nil {
		t.Errorf("left:\n%s", describe(left.Findings))
	}
}

// 26: exact grants for every method would not fit.
func TestFullPolicy(t *testing.T) {
	needsPython(t)
	t.Parallel()
	w := newWorld(t)
	w.function("c26")
	var routes []route
	for _, name := range longNames(90) {
		routes = append(routes, route{verb: "GET", path: "/" + name, function: "c26"})
	}
	id := w.api("c26", routes...)
	w.stage(id, "prod")
	w.grant("c26", "one", source(id, "/*/GET"+routes[0].path))
	report := w.examine()
	f := withCode(report.Findings, "SD026")
	if f == nil {
		t.Fatalf("no SD026 among %v", codes(report.Findings))
	}
	for _, b := range report.Policies {
		if b.After > 20480 || b.After <= 0 {
			t.Errorf("budget after the fix: %+v", b)
		}
	}
	w.run(report.Plan(false))
	for _, r := range []route{routes[0], routes[len(routes)-1]} {
		if got := w.call(id, "prod", "GET", r.path); got != http.StatusOK {
			t.Errorf("%s: status %d", r.path, got)
		}
	}
	if report := w.examine(); report.Worst() == doctor.Error || withCode(report.Findings, "SD026") != nil {
		t.Errorf("left:\n%s", describe(report.Findings))
	}
}

func longNames(n int) []string {
	var out []string
	for i := range n {
		out = append(out, "a-resource-with-a-rather-long-name-"+string(rune('a'+i/26))+string(rune('a'+i%26)))
	}
	return out
}

// 40: methods that are not deployed.
func TestNotDeployed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.function("c40")
	id := w.api("c40", route{verb: "GET", path: "/hello", function: "c40"})
	w.grant("c40", "given", source(id, "/*/*/*"))
	w.stage(id, "prod")
	resources, err := w.apis.GetResources(context.Background(), &apigateway.GetResourcesInput{RestApiId: &id})
	must(t, err)
	for _, r := range resources.Items {
		if *r.Path == "/hello" {
			w.method(id, *r.Id, route{verb: "POST", function: "c40"})
		}
	}
	f := withCode(of(w.examine(), id), "SD040")
	if f == nil || !f.NeedsDeployment || !strings.Contains(f.Sentence, "POST /hello") {
		t.Fatalf("SD040: %+v", f)
	}
	w.run(f.Fix)
	if withCode(of(w.examine(), id), "SD040") != nil {
		t.Error("still there after the deployment")
	}
}

// 40: an integration was changed and not deployed. The stage is judged by what
// it runs, so the finding is a warning as long as its calls pass, and the
// refusal of the live configuration is none of its business.
func TestIntegrationNotDeployed(t *testing.T) {
	needsPython(t)
	t.Parallel()
	w := newWorld(t)
	r := usual("c40i", after("/*/*/*"))(w)
	w.function("other40")
	for _, change := range []string{"replace /uri=" + invokeURI("other40"), "replace /timeoutInMillis=900"} {
		path, value, _ := strings.Cut(strings.TrimPrefix(change, "replace "), "=")
		_, err := w.apis.UpdateIntegration(context.Background(), &apigateway.UpdateIntegrationInput{
			RestApiId: &r.api, ResourceId: w.resourceID(r.api, r.path), HttpMethod: &r.verb,
			PatchOperations: []rest.PatchOperation{{Op: rest.OpReplace, Path: &path, Value: &value}},
		})
		must(t, err)
		found := of(w.examine(), r.api)
		f := withCode(found, "SD040")
		if f == nil || f.Level != doctor.Warning || !f.NeedsDeployment || !strings.Contains(f.Sentence, "deployed otherwise: GET /hello") {
			t.Fatalf("%s:\n%s", change, describe(found))
		}
		if withCode(found, "SD001") != nil {
			t.Errorf("judged by the live configuration:\n%s", describe(found))
		}
		if got := w.call(r.api, r.stage, r.verb, r.path); got != http.StatusOK {
			t.Errorf("%s: status %d, the stage still runs the old integration", change, got)
		}
		w.run(f.Fix)
		if withCode(of(w.examine(), r.api), "SD040") != nil {
			t.Errorf("%s: still there after the deployment", change)
		}
		w.grantAll("other40", r.api)
	}
	if got := w.call(r.api, r.stage, r.verb, r.path); got != http.StatusOK {
		t.Errorf("after the deployment: status %d", got)
	}
}

// A canary with a deployment of its own cannot be read: nothing is said of it,
// and once it is promoted, everything.
func TestCanaryOfItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.function("canary-a", "canary-b")
	id := w.api("canary", route{verb: "GET", path: "/hello", function: "canary-${stageVariables.env}"})
	w.grant("canary-a", "given", source(id, "/*/*/*"))
	w.stage(id, "prod", "env=a")
	_, err := w.apis.CreateDeployment(context.Background(), &apigateway.CreateDeploymentInput{RestApiId: &id, StageName: aws.String("prod"),
		CanarySettings: &rest.DeploymentCanarySettings{PercentTraffic: 10, StageVariableOverrides: map[string]string{"env": "b"}}})
	must(t, err)
	report := w.examine()
	f := withCode(of(report, id), "SD100")
	if f == nil || len(f.Stages) != 1 || f.Stages[0] != "prod (canary 10 %)" || !strings.Contains(f.Sentence, "before it is promoted") {
		t.Fatalf("SD100: %+v", f)
	}
	if len(report.Cells) != 2 || report.Cells[0].Verdict != doctor.Passes || report.Cells[1].Verdict != doctor.Undecided {
		t.Errorf("cells: %+v", report.Cells)
	}
	deployment := must1(t, w.apis.GetStage)(&apigateway.GetStageInput{RestApiId: &id, StageName: aws.String("prod")}).CanarySettings.DeploymentId
	_, err = w.apis.UpdateStage(context.Background(), &apigateway.UpdateStageInput{RestApiId: &id, StageName: aws.String("prod"),
		PatchOperations: []rest.PatchOperation{{Op: rest.OpReplace, Path: aws.String("/deploymentId"), Value: deployment}}})
	must(t, err)
	// Now the canary runs what the stage runs, with its own variables.
	report = w.examine()
	if f := withCode(of(report, id), "SD002"); f == nil || f.Stages[0] != "prod (canary 10 %)" || !strings.HasSuffix(f.Function, ":canary-b") {
		t.Errorf("promoted:\n%s", describe(report.Findings))
	}
}

// must1 calls an operation that has to succeed.
func must1[In, Out, Option any](t testing.TB, operation func(context.Context, *In, ...Option) (*Out, error)) func(*In) *Out {
	return func(in *In) *Out {
		t.Helper()
		out, err := operation(context.Background(), in)
		must(t, err)
		return out
	}
}

func (w *world) resourceID(api, path string) *string {
	w.t.Helper()
	for _, r := range must1(w.t, w.apis.GetResources)(&apigateway.GetResourcesInput{RestApiId: &api}).Items {
		if *r.Path == path {
			return r.Id
		}
	}
	w.t.Fatalf("no resource %s", path)
	return nil
}

func (w *world) grantAll(function, api string) {
	w.t.Helper()
	_, err := w.lambda.AddPermission(context.Background(), &lambda.AddPermissionInput{
		FunctionName: &function, StatementId: aws.String("all"), Action: aws.String("lambda:InvokeFunction"),
		Principal: aws.String("apigateway.amazonaws.com"), SourceArn: aws.String(source(api, "/*/*/*")),
	})
	if err != nil && !strings.Contains(err.Error(), "already exists") {
		w.t.Fatal(err)
	}
}

// 48: nobody can read why.
func TestNoLogRole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.api("c48", route{verb: "GET", path: "/hello", function: "c48"})
	if withCode(w.examine().Findings, "SD048") == nil {
		t.Fatal("no SD048")
	}
	role := w.newRole("logs", gatewayTrust)
	_, err := w.iam.PutRolePolicy(context.Background(), &iam.PutRolePolicyInput{RoleName: aws.String("logs"), PolicyName: aws.String("p"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"logs:*","Resource":"*"}]}`)})
	must(t, err)
	_, err = w.apis.UpdateAccount(context.Background(), &apigateway.UpdateAccountInput{PatchOperations: []rest.PatchOperation{
		{Op: rest.OpReplace, Path: aws.String("/cloudwatchRoleArn"), Value: &role},
	}})
	must(t, err)
	if withCode(w.examine().Findings, "SD048") != nil {
		t.Errorf("still there for %s", id)
	}
}

// 44: the API's resource policy lets nobody call a stage. No command is printed:
// whom it shall let in without a signature is for its owner to say.
func TestResourcePolicyRefuses(t *testing.T) {
	needsPython(t)
	t.Parallel()
	w := newWorld(t)
	r := usual("c44", after("/*/GET/hello"))(w)
	admit := func(stage string) {
		policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/` + stage + `/*"}]}`
		_, err := w.apis.UpdateRestApi(context.Background(), &apigateway.UpdateRestApiInput{RestApiId: &r.api, PatchOperations: []rest.PatchOperation{{
			Op: rest.OpReplace, Path: aws.String("/policy"), Value: &policy}}})
		must(t, err)
		w.stage(r.api, r.stage)
	}
	admit("other")
	if got := w.call(r.api, r.stage, r.verb, r.path); got != http.StatusForbidden {
		t.Fatalf("before the fix: %d, want 403", got)
	}
	f := withCode(of(w.examine(), r.api), "SD044")
	if f == nil || len(f.Fix) > 0 || len(f.Notes) == 0 {
		t.Fatalf("SD044: %+v", f)
	}
	admit(r.stage)
	if got := w.call(r.api, r.stage, r.verb, r.path); got != http.StatusOK {
		t.Errorf("after what the note says: %d, want 200", got)
	}
	if left := withCode(of(w.examine(), r.api), "SD044"); left != nil {
		t.Errorf("still: %s", left.Sentence)
	}
}

// 46: a path without a method is answered with 403, which doctor tells from a
// refusal.
func TestURLThatLeadsNowhere(t *testing.T) {
	needsPython(t)
	t.Parallel()
	w := newWorld(t)
	r := usual("c46", after("/*/GET/hello"))(w)
	for path, want := range map[string]int{"/hello": http.StatusOK, "/hallo": http.StatusForbidden} {
		url := w.endpoint + "/restapis/" + r.api + "/" + r.stage + "/_user_request_" + path
		f := withCode(doctor.Examine(w.read(), doctor.Options{URL: url}).Findings, "SD046")
		if got := w.call(r.api, r.stage, r.verb, path); got != want || (f == nil) != (want == http.StatusOK) {
			t.Errorf("%s: %d, %+v", path, got, f)
		}
	}
}
