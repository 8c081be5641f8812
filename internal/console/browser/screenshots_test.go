package browser

import (
	"net/url"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	gatewaytypes "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// TestScreenshots takes the pictures for README and docs. Without
// -update-screenshots it only visits what they show.
func TestScreenshots(t *testing.T) {
	t.Parallel()
	w, api := shop(t)
	w.details(api)
	w.call(api, "dev", "/orders")
	_, _, request := w.call(api, "staging", "/orders")
	_, _, served := w.call(api, "dev", "/orders")
	u, err := url.Parse(w.url)
	if err != nil {
		t.Fatal(err)
	}
	fixed := map[string]string{api: "a1b2c3d4e5", u.Host: "localhost:4566"}
	stages, err := w.apis.GetStages(t.Context(), &apigateway.GetStagesInput{RestApiId: &api})
	w.must(err)
	for i, s := range stages.Item {
		fixed[aws.ToString(s.DeploymentId)] = []string{"k3x9pd", "w7m2qa", "h5t8zc"}[i%3]
	}
	b := open(t, w.url)
	for _, page := range []struct{ name, path, ready string }{
		{"overview", "", "Refused right now"},
		{"api", "apis/" + api + "/cell?stage=staging&verb=GET&path=/orders", "All stages"},
		{"function", "functions/my-function-dev", "Who may call it"},
		{"refusals", "refusals", "Add the grant"},
		{"refusal", "refusals/" + request, "SourceArn"},
		{"logs", "logs/request?api=" + api + "&stage=dev&id=" + served, "REPORT RequestId"},
	} {
		b.visit(root + page.path)
		b.sees(page.ready)
		b.screenshot(page.name, fixed)
	}
	b.visit(root + "try?api=" + api + "&stage=dev&method=GET&path=/orders")
	b.submit("Send")
	b.sees("Its way", "200 OK")
	b.screenshot("try", fixed)
	b.visit(root + "try?api=" + api + "&stage=staging&method=GET&path=/orders")
	b.submit("Send")
	b.sees("The door refused the call", "Add the grant")
	b.screenshot("try-refused", fixed)
	_, err = w.functions.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{
		FunctionName: aws.String("my-function-dev"), ZipFile: zipped(t, "index.py", "# newer\n"+handlerCode),
	})
	w.must(err)
	w.settled("my-function-dev")
	b.visit(root + "pipeline?api=" + api)
	b.sees("Promote to prod")
	b.screenshot("pipeline", fixed)
	b.visit(root + "pipeline/plan?api=" + api + "&from=dev&to=staging&fix=1&variables=environment%3Dstaging")
	b.sees("every call would pass")
	b.screenshot("promote", fixed)
	b.colours("dark")
	b.visit(root + "refusals")
	b.sees("Add the grant")
	b.screenshot("refusals-dark", fixed)
}

// details adds methods to the shop's API, so that its matrix has something to
// tell, and deploys them.
func (w *world) details(api string) {
	w.Helper()
	all, err := w.apis.GetResources(w.Context(), &apigateway.GetResourcesInput{RestApiId: &api})
	w.must(err)
	for _, r := range all.Items {
		switch aws.ToString(r.Path) {
		case "/":
			w.method(api, *r.Id, "health", []string{"GET"}, "my-function-${stageVariables.env}")
			w.method(api, *r.Id, "invoices", []string{"GET"}, "my-function-${stageVariables.environment}")
		case "/orders":
			w.method(api, *r.Id, "{id}", []string{"GET", "DELETE"}, "my-function-${stageVariables.env}")
		}
	}
	w.grant("my-function-dev", api, "*/GET/orders/{id}")
	w.grant("my-function-dev", api, "*/DELETE/orders/{id}")
	w.grant("my-function-dev", api, "*/GET/health")
	w.grant("my-function-staging", api, "*/GET/health")
	w.grant("my-function-prod", api, "*/GET/health")
	w.grant("my-function-prod", api, "*/GET/orders")
	w.grant("my-function-dev", api, "*/GET/invoices")
	w.deploy(api, "dev", "staging", "prod")
	_, err = w.apis.UpdateStage(w.Context(), &apigateway.UpdateStageInput{RestApiId: &api, StageName: aws.String("dev"), PatchOperations: []gatewaytypes.PatchOperation{
		{Op: gatewaytypes.OpReplace, Path: aws.String("/variables/environment"), Value: aws.String("dev")},
		{Op: gatewaytypes.OpReplace, Path: aws.String("/*/*/logging/dataTrace"), Value: aws.String("false")},
	}})
	w.must(err)
}
