package browser

import (
	"testing"
)

// The story, by clicks from an empty server to three stages that answer 200:
// functions, an API with an integration that names its function by a stage
// variable, three deployments, the refusals that AWS's console would leave to
// find out, the grant, and a request through each stage.
func TestStory(t *testing.T) {
	t.Parallel()
	needs(t, "python3")
	w := start(t)
	b := open(t, w.url)
	b.visit(root)
	b.sees("No API yet")
	b.accessible()

	for _, stage := range []string{"dev", "staging", "prod"} {
		b.visit(root + "functions")
		b.submit("New function")
		b.fill("#name", "my-function-"+stage)
		b.accessibleOnce()
		b.submit("Create the function")
		b.sees("my-function-" + stage)
	}

	b.visit(root)
	b.press("New API")
	b.fill("#new-name", "orders")
	b.submit("Create the API")
	b.sees("The API orders was created", "This API has no method yet")
	b.accessible()
	b.submit("Method")
	b.fill("#path", "/orders")
	b.fill("#function", "my-function-${stageVariables.env}")
	b.choose("#verb", "GET")
	b.sees("The API has no stage yet")
	b.accessible()
	b.submit("Add the method and its grants")
	b.sees("Deploy to let it act")
	api := evaluate[string](b, `location.pathname.split("/")[3]`)

	for i, stage := range []string{"dev", "staging", "prod"} {
		if i > 0 {
			b.visit(root + "apis/" + api)
			b.submit("Deploy")
		}
		b.fill("#new", stage)
		b.fill(`[name="name"]`, "env")
		b.fill(`[name="value"]`, stage)
		b.accessibleOnce()
		b.submit("Deploy")
		b.sees(stage)
	}

	// All three are refused, as on AWS: nothing was granted when there was no
	// stage to resolve the variable on.
	b.visit(root + "apis/" + api)
	b.sees("3 refused")
	b.accessible()
	b.click(`a[aria-label="GET /orders on dev: refused"]`)
	b.sees("Add the grant", "SourceArn")
	b.accessible()
	b.submit("Add 3 grants: Each stage its own function")
	b.sees("Granted: GET /orders of orders may call, on each stage, the function that it resolves to.", "3 allowed", "0 refused")
	b.accessible()

	for _, stage := range []string{"dev", "staging", "prod"} {
		b.visit(root + "try?api=" + api + "&stage=" + stage + "&method=GET&path=/orders")
		b.submit("Send")
		b.sees("200 OK", "Door", "API Gateway may call my-function-"+stage)
		if status, body, _ := w.call(api, stage, "/orders"); status != 200 {
			t.Errorf("stage %s answers %d %s", stage, status, body)
		}
	}
	b.visit(root)
	b.sees("Every call that a grant decides would pass")
}

// Everything can be read, and the grant be added, without JavaScript.
func TestWithoutJavaScript(t *testing.T) {
	t.Parallel()
	w, api := shop(t)
	w.call(api, "dev", "/orders")
	_, _, request := w.call(api, "staging", "/orders")
	b := open(t, w.url)
	b.withoutScripts()
	for _, page := range []struct {
		path string
		sees []string
	}{
		{"", []string{"orders", "Refused right now"}},
		{"apis/" + api, []string{"Who may call whom"}},
		{"apis/" + api + "/stages/dev", []string{"dev"}},
		{"functions", []string{"my-function-dev"}},
		{"functions/my-function-dev", []string{"any stage, GET /orders"}},
		{"refusals", []string{"GET /orders on staging of orders"}},
		{"refusals/" + request, []string{"Nearest statement"}},
		{"logs", []string{"/aws/lambda/my-function-dev"}},
		{"logs/group?name=/aws/lambda/my-function-dev&tail=1", []string{"serving dev", "load the page again"}},
		{"pipeline?api=" + api, []string{"Promote to staging"}},
		{"try?api=" + api, []string{"Request to orders"}},
	} {
		b.visit(root + page.path)
		b.sees(page.sees...)
	}
	b.visit(root + "refusals")
	b.submit("Add the grant for GET /orders on staging")
	b.sees("Granted: GET /orders on staging of orders may call my-function-staging.")
	if status, body, _ := w.call(api, "staging", "/orders"); status != 200 {
		t.Errorf("staging answers %d %s", status, body)
	}
	b.visit(root + "try?api=" + api + "&stage=staging&method=GET&path=/orders")
	b.submit("Send")
	b.sees("200 OK")
	b.visit(root + "pipeline/plan?api=" + api + "&from=dev&to=staging&fix=1")
	b.submit("Promote to staging")
	b.until("the promotion's end", func() bool {
		b.visit(b.location())
		return b.has("staging was promoted")
	})
}
