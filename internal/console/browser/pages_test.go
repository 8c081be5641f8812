package browser

import (
	"testing"
)

const root = "/_stagedoor/"

// shop is a world in which something is refused, something passes, and
// something was logged.
func shop(t testing.TB) (w *world, api string) {
	t.Helper()
	w = start(t)
	for _, stage := range []string{"dev", "staging", "prod"} {
		w.function("my-function-"+stage, map[string]string{"TABLE": "orders-" + stage, "API_KEY": "not for everybody"})
	}
	api = w.orders("dev", "staging", "prod")
	w.logging(api, "dev")
	w.grant("my-function-dev", api, "*/GET/orders")
	w.grant("my-function-dev", api, "*/POST/orders")
	w.grant("my-function-staging", api, "dev/GET/orders")
	return w, api
}

// Every page as it is with something in it: nothing wrong in the console,
// nothing serious for axe-core, no scrolling sideways.
func TestPages(t *testing.T) {
	t.Parallel()
	w, api := shop(t)
	if status, body, _ := w.call(api, "dev", "/orders"); status != 200 {
		t.Fatalf("dev answered %d %s", status, body)
	}
	status, _, request := w.call(api, "staging", "/orders")
	if status != 500 {
		t.Fatalf("staging answered %d", status)
	}
	b := open(t, w.url)
	for _, page := range []struct {
		path string
		sees []string
	}{
		{"", []string{"orders", "Refused right now", "The function has no policy at all"}},
		{"apis/" + api, []string{"Who may call whom", "2 allowed", "4 refused"}},
		{"apis/" + api + "/cell?stage=staging&verb=GET&path=/orders", []string{"Nearest statement", "Add the grant"}},
		{"apis/" + api + "/integration", []string{"New method"}},
		{"apis/" + api + "/deploy", []string{"Deploy orders", "To these stages"}},
		{"apis/" + api + "/stages/dev", []string{"Stage of orders", "What each method would call"}},
		{"new-function", []string{"Create the function"}},
		{"sign-in", []string{"Sign in"}},
		{"functions", []string{"Functions", "my-function-dev", "my-function-prod", "python3.12"}},
		{"functions/my-function-dev", []string{"API orders, any stage, GET /orders", "Versions", "$LATEST", "TABLE", "index.handler", "Live log"}},
		{"functions/my-function-dev?reveal=1", []string{"orders-dev", "not for everybody"}},
		{"functions/my-function-staging", []string{"API orders, stage dev, GET /orders"}},
		{"functions/my-function-prod", []string{"Nobody is granted anything"}},
		{"try", []string{"Which API?", "orders"}},
		{"try?api=" + api + "&stage=dev", []string{"Request to orders", "Nothing sent yet"}},
		{"refusals", []string{"another stage", "GET /orders on staging of orders", "my-function-staging", "Add the grant"}},
		{"refusals/" + request, []string{"dev", "staging", "Add the grant", "SourceArn"}},
		{"logs", []string{"/aws/lambda/my-function-dev", "API-Gateway-Execution-Logs_"}},
		{"logs?api=" + api + "&stage=dev", []string{"GET", "/orders", "200"}},
		{"pipeline", []string{"Which API?", "orders"}},
		{"pipeline?api=" + api, []string{"dev", "staging", "prod", "difference", "Promote to staging", "Nothing was promoted yet"}},
		{"pipeline/diff?api=" + api + "&left=dev&right=staging", []string{"dev and staging", "GET /orders"}},
		{"pipeline/plan?api=" + api + "&from=dev&to=staging", []string{"Promote dev", "2 things stop it"}},
		{"pipeline/plan?api=" + api + "&from=dev&to=staging&fix=1", []string{"Promote dev", "grants are added first"}},
		{"logs/group?name=/aws/lambda/my-function-dev", []string{"serving dev", "REPORT RequestId"}},
	} {
		t.Run(page.path, func(t *testing.T) {
			b.t = t
			b.visit(root + page.path)
			b.sees(page.sees...)
			b.accessible()
			b.check()
		})
	}
	b.t = t
}
