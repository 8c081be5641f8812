package browser

import (
	"net/url"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// TestScreenshots takes the pictures for README and docs. Without
// -update-screenshots it only visits what they show.
func TestScreenshots(t *testing.T) {
	t.Parallel()
	w, api := shop(t)
	w.call(api, "dev", "/orders")
	_, _, request := w.call(api, "staging", "/orders")
	_, _, served := w.call(api, "dev", "/orders")
	u, err := url.Parse(w.url)
	if err != nil {
		t.Fatal(err)
	}
	fixed := map[string]string{api: "a1b2c3d4e5", u.Host: "localhost:4566", request: "7c1e0b52-5d1c-4f6e-9a57-0d3f4a1b2c3d", served: "5d1c8f6e-7a10-4b1e-8f0a-3c2b1a09d8e7"}
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
	b.visit(root + "pipeline/plan?api=" + api + "&from=dev&to=staging&fix=1")
	b.sees("every call would pass")
	b.screenshot("promote", fixed)
	b.colours("dark")
	b.visit(root + "refusals")
	b.sees("Add the grant")
	b.screenshot("refusals-dark", fixed)
}
