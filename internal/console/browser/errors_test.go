package browser

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/stagedoor/stagedoor"
)

// Each error is a page that says what is wrong and where to go on.
func TestErrors(t *testing.T) {
	t.Parallel()
	w, api := shop(t)
	b := open(t, w.url)
	for _, page := range []struct {
		path   string
		status int64
		sees   string
	}{
		{"nothing", 404, "There is nothing here"},
		{"apis/zzzzzzzzzz", 404, "Invalid API identifier specified"},
		{"functions/none", 404, "Function not found: arn:aws:lambda:us-east-1:000000000000:function:none"},
		{"functions/my-function-dev?qualifier=none", 404, "Function not found"},
		{"functions/%3Cscript%3Ealert(1)%3C%2Fscript%3E", 400, "<script>alert(1)</script>"},
		{"refusals/zzzzzzzz", 404, "This refusal is not remembered"},
		{"logs?api=zzzzzzzzzz&stage=dev", 404, "Invalid API identifier specified"},
		{"logs?api=" + api + "&stage=none", 404, "Invalid stage identifier specified"},
		{"logs/group?name=none", 404, "The specified log group does not exist."},
		{"logs/group?name=/aws/lambda/none&pattern=%22", 400, "AWS would refuse this"},
		{"logs/request?api=" + api + "&stage=dev", 400, "Which request?"},
		{"try?api=zzzzzzzzzz", 404, "Invalid API identifier specified"},
		{"pipeline?api=zzzzzzzzzz", 404, "Invalid API identifier specified"},
		{"pipeline/diff?api=" + api + "&left=dev&right=none", 404, "There is no such stage"},
		{"pipeline/plan?api=" + api + "&from=dev&to=none", 404, "There is no such stage"},
		{"pipeline/plan?api=" + api + "&from=dev&to=staging&canary=x", 422, "the share of the canary is a number"},
		{"pipeline/plan?api=" + api + "&rollback=dev", 404, "There is nothing to roll back"},
		{"pipeline/runs/none", 404, "This run is not remembered"},
	} {
		t.Run(page.path, func(t *testing.T) {
			b.t = t
			b.visitFor(root+page.path, page.status)
			b.sees(page.sees)
			b.accessibleOnce()
			b.check()
		})
	}
	b.t = t
}

// A page that lay open while the world changed changes nothing, and says so.
func TestStalePages(t *testing.T) {
	t.Parallel()
	w, api := shop(t)
	w.call(api, "staging", "/orders")
	b := open(t, w.url)
	b.problems.expect(w.url + root)

	// The function is deleted while its page is open.
	w.function("gone", nil)
	b.visit(root + "functions/gone")
	_, err := w.functions.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: aws.String("gone")})
	w.must(err)
	b.submit("Invoke gone")
	b.sees("This does not exist (any more)", "Function not found")

	// The policy changed since the page was made.
	b.visit(root + "functions/my-function-dev")
	w.grant("my-function-dev", api, "prod/GET/orders")
	b.submit("Remove API orders, any stage, GET /orders")
	b.sees("The Revision Id provided does not match the latest Revision Id")
	if status, _, _ := w.call(api, "dev", "/orders"); status != 200 {
		t.Errorf("dev answers %d: the statement was removed all the same", status)
	}

	// Somebody else granted what the button would grant.
	b.visit(root + "refusals")
	w.grant("my-function-staging", api, "staging/GET/orders")
	b.submit("Add the grant for GET /orders on staging")
	b.sees("GET /orders on staging is allowed already. Nothing was changed.")

	// A plan that is not the shown one any more.
	b.visit(root + "pipeline/plan?api=" + api + "&from=dev&to=prod&fix=1")
	b.sees("every call would pass")
	_, err = w.apis.CreateDeployment(t.Context(), &apigateway.CreateDeploymentInput{RestApiId: &api, StageName: aws.String("dev")})
	w.must(err)
	b.submit("Promote to prod")
	b.sees("This has changed meanwhile", "Nothing was changed")

	// The same form twice.
	b.visit(root + "functions/my-function-prod")
	b.press("Publish a version")
	b.submit("Publish")
	b.sees("Version 1 of my-function-prod")
	evaluate[bool](b, `(history.back(), true)`)
	b.until("the page before", func() bool { return !b.has("Version 1 of my-function-prod") })
	b.visit(root + "functions/my-function-prod")
	evaluate[bool](b, `(() => { const f = document.querySelector('form[action$="/publish"]'); const data = new URLSearchParams(new FormData(f));
		return fetch(f.action, {method: "POST", body: data}).then(() => { f.submit(); return true }) })()`)
	b.sees("This was done already", "Nothing was changed twice")
}

// Read-only: everything is shown, nothing is offered.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	w, api := shop(t)
	_ = api
	b := open(t, w.url)
	b.visit(root + "functions/my-function-dev")
	b.sees("Remove", "Invoke my-function-dev")

	readOnly := start(t, func(o *stagedoor.Options) { o.Console = "read-only" })
	readOnly.function("orders", nil)
	id := readOnly.orders("dev")
	readOnly.call(id, "dev", "/orders")
	b = open(t, readOnly.url)
	for _, path := range []string{"functions/orders", "refusals", "try?api=" + id, "pipeline?api=" + id} {
		b.visit(root + path)
		b.sees("Read-only")
		if n := evaluate[int](b, `document.querySelectorAll('main form[method="post"] button[type="submit"]').length`); n != 0 {
			t.Errorf("%s offers %d changes", path, n)
		}
	}
}

// Names may hold anything; a page shows them as they are and runs nothing.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	w := start(t)
	const hostile = `<img src=x onerror=alert(1)> "quoted" & 'single' 🎭 {{.}} </script>`
	api, err := w.apis.CreateRestApi(t.Context(), &apigateway.CreateRestApiInput{Name: aws.String(hostile), Description: aws.String(hostile)})
	w.must(err)
	w.function("orders", map[string]string{"HTML": hostile})
	w.method(*api.Id, *api.RootResourceId, "orders", []string{"GET"}, "orders")
	w.deploy(*api.Id, "dev", "prod")
	w.grant("orders", *api.Id, "dev/GET/orders")
	w.call(*api.Id, "prod", "/orders")
	b := open(t, w.url)
	for path, sees := range map[string]string{
		"":                                   hostile,
		"apis/" + *api.Id:                    hostile,
		"functions/orders":                   "API " + hostile + ", stage dev, GET /orders",
		"functions/orders?reveal=1":          hostile,
		"refusals":                           "GET /orders on prod of " + hostile,
		"try?api=" + *api.Id:                 "Request to " + hostile,
		"pipeline?api=" + *api.Id:            hostile,
		"logs/group?name=/aws/lambda/orders": "",
		"try?api=" + *api.Id + "&path=/%22%3E%3Cb": "",
	} {
		b.visitAny(root + path)
		if sees != "" {
			b.sees(sees)
		}
		b.accessibleOnce()
	}
}
