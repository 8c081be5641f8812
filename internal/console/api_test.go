package console_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

func cellAddress(api, stage, verb, path string) string {
	return "/_stagedoor/apis/" + api + "/cell?" + url.Values{"stage": {stage}, "verb": {verb}, "path": {path}}.Encode()
}

func needsPython(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("python3 is missing, and CI must run this")
		}
		t.Skip("python3 is missing")
	}
}

// call asks a deployed stage.
func (w *world) call(api, stage, path string) (int, string) {
	w.Helper()
	answer, err := http.Get(w.server.Endpoint() + "/restapis/" + api + "/" + stage + "/_user_request_" + path)
	w.must(err)
	defer answer.Body.Close()
	var b strings.Builder
	_, err = fmt.Fprint(&b, answer.Status)
	w.must(err)
	return answer.StatusCode, b.String()
}

// The whole story without JavaScript: from an empty server to three stages that
// answer 200, and back.
func TestStoryByForms(t *testing.T) {
	needsPython(t)
	w := newWorld(t)
	b := w.browser()
	v := b.see("/_stagedoor/")
	v.has(t, "No API yet", "AWS_ENDPOINT_URL="+w.server.Endpoint(), "aws apigateway create-rest-api")
	v = b.submit(v.form(t, "/_stagedoor/example"))
	v.has(t, "The example is there", "GET /hello on dev: refused", "GET /hello on prod: refused")
	id := strings.TrimPrefix(v.url.Path, "/_stagedoor/apis/")
	if status, _ := w.call(id, "dev", "/hello"); status != 500 {
		t.Errorf("without a grant dev answers %d, want AWS's 500", status)
	}
	v = b.see(cellAddress(id, "dev", "GET", "/hello"))
	v.has(t, "Nothing allows API Gateway to call function my-function-dev", "execute-api:<wbr>us-east-1:<wbr>", "aws lambda add-permission")
	v = b.submit(v.form(t, "/_stagedoor/apis/"+id+"/grant", "kind", "stages"))
	v.has(t, "Granted: GET /hello of orders, on any stage, may call my-function-dev, my-function-prod, my-function-staging.")
	for _, stage := range []string{"dev", "staging", "prod"} {
		v.has(t, "GET /hello on "+stage+": allowed")
		if status, _ := w.call(id, stage, "/hello"); status != 200 {
			t.Errorf("%s answers %d", stage, status)
		}
	}
	v = b.submit(v.form(t, "/_stagedoor/undo"))
	v.has(t, "Undone: the grants were removed again.", "aws lambda remove-permission", "GET /hello on dev: refused")
	if p := w.policy("my-function-dev", ""); p != "" {
		t.Errorf("the undo left %s", p)
	}
}

// The same by hand: functions, an API, a method, three stages. The method's form
// adds the grants by itself.
func TestEverythingByHand(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	for _, stage := range []string{"dev", "prod"} {
		v := b.submit(b.see("/_stagedoor/new-function").form(t, "/_stagedoor/new-function"), "name", "fn-"+stage)
		v.has(t, "The function fn-"+stage+" was created.")
	}
	v := b.submit(b.see("/_stagedoor/new-function").form(t, "/_stagedoor/new-function"), "name", "fn-dev")
	if v.status != 422 {
		t.Errorf("the same function again: %d", v.status)
	}
	v.has(t, "Function already exist: fn-dev", `value="fn-dev"`)
	v = b.submit(b.see("/_stagedoor/").form(t, "/_stagedoor/apis"), "name", "shop")
	v.has(t, "The API shop was created", "This API has no method yet")
	id := strings.TrimPrefix(v.url.Path, "/_stagedoor/apis/")

	// Without a stage a stage variable stands for nothing yet.
	v = b.submit(b.see("/_stagedoor/apis/"+id+"/integration").form(t, "/_stagedoor/apis/"+id+"/integration"),
		"path", "/orders/{id}", "verb", "GET", "function", "fn-${stageVariables.env}")
	v.has(t, "GET /orders/{id} of shop calls fn-${stageVariables.env}", "there is no stage yet", "aws apigateway create-resource", "aws apigateway put-integration")
	if v.url.Path != "/_stagedoor/apis/"+id+"/deploy" {
		t.Errorf("led to %s, want the page that deploys", v.url)
	}
	for _, stage := range []string{"dev", "prod"} {
		f := b.see("/_stagedoor/apis/"+id+"/deploy").form(t, "/_stagedoor/apis/"+id+"/deploy")
		f.fields["name"], f.fields["value"] = []string{"env", "", ""}, []string{stage, "", ""}
		b.submit(f, "new", stage).has(t, "Deployed to "+stage+".", "GET /orders/{id} on "+stage+": refused")
	}
	// Saving it again grants the call on what each stage resolves to.
	edit := "/_stagedoor/apis/" + id + "/integration?" + url.Values{"resource": {w.resource(id, "/orders/{id}")}, "verb": {"GET"}}.Encode()
	v = b.see(edit)
	v.has(t, "fn-${stageVariables.env}", "✗ not granted", "2 grants will be added")
	v = b.submit(v.form(t, "/_stagedoor/apis/"+id+"/integration"))
	v.has(t, "Granted: fn-dev may be called for arn:aws:execute-api:us-east-1:000000000000:"+id+"/*/GET/orders/{id}.", "Granted: fn-prod")
	b.see("/_stagedoor/apis/"+id).has(t, "GET /orders/{id} on dev: allowed", "GET /orders/{id} on prod: allowed")
	// And once more there is nothing to add.
	v = b.submit(b.see(edit).form(t, "/_stagedoor/apis/"+id+"/integration"))
	v.lacks(t, "Granted: fn-dev")
	if n := strings.Count(w.policy("fn-dev", ""), `"Sid"`); n != 1 {
		t.Errorf("%d statements, want 1", n)
	}
}

// A deployment can add what its stages lack, and is undone as a whole.
func TestDeployWithGrants(t *testing.T) {
	w := newWorld(t)
	id := w.story()
	w.function("my-function-test")
	b := w.browser()
	address := "/_stagedoor/apis/" + id + "/deploy"
	f := b.see(address+"?stage=dev").form(t, address)
	f.fields["stage"] = []string{"dev"}
	f.fields["name"], f.fields["value"] = []string{"env"}, []string{"test"}
	v := b.submit(f, "new", "test", "grant", "1")
	v.has(t, "Deployed to dev and test.", "2 grants added, each for its stage only.", "GET /hello on dev: allowed", "GET /hello on test: allowed", "GET /hello on prod: refused")
	if p := w.policy("my-function-test", ""); !strings.Contains(p, id+"/test/GET/hello") {
		t.Errorf("policy %s", p)
	}
	v = b.submit(v.form(t, "/_stagedoor/undo"))
	v.has(t, "Undone: dev and test as before.", "GET /hello on dev: refused")
	v.lacks(t, "on test:")
	if p := w.policy("my-function-test", ""); p != "" {
		t.Errorf("policy after the undo: %s", p)
	}
	for what, fields := range map[string][]string{
		"no stage":           {},
		"a stage that is":    {"new", "dev"},
		"an illegal name":    {"new", "d v"},
		"an illegal value":   {"new", "next", "name", "env", "value", "ü"},
		"variables of whom?": {"name", "env", "value", "x"},
	} {
		f := b.see(address).form(t, address)
		f.fields["name"], f.fields["value"] = []string{""}, []string{""}
		if v := b.submit(f, fields...); v.status != 422 {
			t.Errorf("%s: %d", what, v.status)
		}
	}
	out, err := w.apis.GetDeployments(context.Background(), &apigateway.GetDeploymentsInput{RestApiId: &id})
	w.must(err)
	if len(out.Items) != 3 {
		t.Errorf("%d deployments, want the 3 of the story: refused forms leave none", len(out.Items))
	}
}

func (w *world) resource(api, path string) string {
	w.Helper()
	out, err := w.apis.GetResources(context.Background(), &apigateway.GetResourcesInput{RestApiId: &api})
	w.must(err)
	for _, r := range out.Items {
		if *r.Path == path {
			return *r.Id
		}
	}
	w.Fatalf("no resource %s", path)
	return ""
}

// Each kind of grant adds exactly the statements that it showed.
func TestKindsOfGrant(t *testing.T) {
	sources := func(w *world, function string) (all []string) {
		var doc struct {
			Statement []struct {
				Condition struct{ ArnLike map[string]string }
			}
		}
		_ = json.Unmarshal([]byte(w.policy(function, "")), &doc) // "": none
		for _, s := range doc.Statement {
			for _, arn := range s.Condition.ArnLike {
				all = append(all, arn[strings.Index(arn, "/")+1:])
			}
		}
		return all
	}
	for _, c := range []struct {
		kind    string
		dev     []string
		staging []string
	}{
		{"stage", []string{"dev/GET/hello"}, nil},
		{"stages", []string{"*/GET/hello"}, []string{"*/GET/hello"}},
		{"each", []string{"dev/GET/hello"}, []string{"staging/GET/hello"}},
		{"api", []string{"*/*/*"}, []string{"*/*/*"}},
	} {
		t.Run(c.kind, func(t *testing.T) {
			w := newWorld(t)
			id := w.story()
			b := w.browser()
			v := b.see(cellAddress(id, "dev", "GET", "/hello"))
			v = b.submit(v.form(t, "/_stagedoor/apis/"+id+"/grant", "kind", c.kind))
			v.has(t, "Granted", "GET /hello on dev: allowed")
			if got := sources(w, "my-function-dev"); !slices.Equal(got, c.dev) {
				t.Errorf("dev: %q, want %q", got, c.dev)
			}
			if got := sources(w, "my-function-staging"); !slices.Equal(got, c.staging) {
				t.Errorf("staging: %q, want %q", got, c.staging)
			}
		})
	}
}

// Where the alias is what differs, each alias has a policy of its own.
func TestGrantPerAlias(t *testing.T) {
	w := newWorld(t)
	w.function("my-function")
	ctx := context.Background()
	version, err := w.functions.PublishVersion(ctx, &lambda.PublishVersionInput{FunctionName: aws.String("my-function")})
	w.must(err)
	id := w.api("orders", "my-function:${stageVariables.alias}")
	for _, stage := range []string{"dev", "prod"} {
		_, err := w.functions.CreateAlias(ctx, &lambda.CreateAliasInput{FunctionName: aws.String("my-function"), Name: &stage, FunctionVersion: version.Version})
		w.must(err)
		w.deploy(id, stage, map[string]string{"alias": stage})
	}
	b := w.browser()
	v := b.see(cellAddress(id, "prod", "GET", "/hello"))
	v.has(t, "Per alias", "--qualifier prod")
	v = b.submit(v.form(t, "/_stagedoor/apis/"+id+"/grant", "kind", "each"))
	v.has(t, "GET /hello on dev: allowed", "GET /hello on prod: allowed")
	if p := w.policy("my-function", "prod"); !strings.Contains(p, id+"/prod/GET/hello") || strings.Contains(p, id+"/dev/") {
		t.Errorf("policy of prod: %s", p)
	}
	if p := w.policy("my-function", ""); p != "" {
		t.Errorf("policy of the function itself: %s", p)
	}
}

// The nearest statement is shown with the segment that differs.
func TestNearestMissIsMarked(t *testing.T) {
	w := newWorld(t)
	id := w.story()
	w.addPermission("my-function-prod", "api", "arn:aws:execute-api:us-east-1:000000000000:"+id+"/dev/GET/hello")
	v := w.browser().see(cellAddress(id, "prod", "GET", "/hello"))
	v.has(t, `<td class="wants"><mark>dev</mark></td>`, `<td class="got"><mark>prod</mark>`, `<td class="same">GET</td>`, "Nearest statement: <code>api</code>", "&#34;Sid&#34;: &#34;api&#34;")
}

// htmx asks for the explanation alone.
func TestPanel(t *testing.T) {
	w := newWorld(t)
	id := w.story()
	b := w.browser()
	b.header.Set("Hx-Request", "true")
	b.header.Set("Hx-Target", "div#panel")
	v := b.see(cellAddress(id, "dev", "GET", "/hello"))
	v.has(t, "Add the grant")
	v.lacks(t, "<html", "<main")
	b.header.Set("Hx-Target", "div#found")
	v = b.see("/_stagedoor/?q=ord")
	v.has(t, "orders")
	v.lacks(t, "<html", "Refused right now")
	b.header.Set("Hx-Target", "div#now")
	v = b.see("/_stagedoor/")
	v.has(t, "3 calls would be refused", "Refused right now", "<dl class=\"tiles\">")
	v.lacks(t, "<html", `id="found"`)
}

// Undo removes exactly what was added: not what somebody put in its place.
func TestUndoIsExact(t *testing.T) {
	w := newWorld(t)
	id := w.story()
	b := w.browser()
	v := b.see(cellAddress(id, "dev", "GET", "/hello"))
	v = b.submit(v.form(t, "/_stagedoor/apis/"+id+"/grant", "kind", "stage"))
	undo := v.form(t, "/_stagedoor/undo")
	sid := "apigateway-" + id + "-GET-hello-dev"
	_, err := w.functions.RemovePermission(context.Background(), &lambda.RemovePermissionInput{FunctionName: aws.String("my-function-dev"), StatementId: &sid})
	w.must(err)
	w.addPermission("my-function-dev", sid, "arn:aws:execute-api:us-east-1:000000000000:"+id+"/*/*/*")
	v = b.submit(undo)
	v.has(t, "There was nothing to undo", "is another one now")
	if p := w.policy("my-function-dev", ""); !strings.Contains(p, sid) {
		t.Errorf("somebody else's statement is gone: %q", p)
	}
	if v := b.submit(undo); v.status != 409 {
		t.Errorf("the same undo again: %d", v.status)
	}
}

// What is carried out is what the page showed, or nothing.
func TestGrantsOfAStalePage(t *testing.T) {
	w := newWorld(t)
	id := w.story()
	b := w.browser()
	address := "/_stagedoor/apis/" + id + "/grant"
	page := b.see(cellAddress(id, "dev", "GET", "/hello"))
	// Meanwhile the stage calls another function.
	_, err := w.apis.UpdateStage(context.Background(), patch(id, "dev", "/variables/env", "staging"))
	w.must(err)
	if v := b.submit(page.form(t, address, "kind", "stage")); v.status != 409 {
		t.Errorf("another function: %d", v.status)
	} else {
		v.has(t, "This has changed meanwhile")
	}
	// Or the call was allowed already.
	w.addPermission("my-function-staging", "api", "arn:aws:execute-api:us-east-1:000000000000:"+id+"/*/GET/hello")
	b.submit(page.form(t, address, "kind", "stages")).has(t, "is allowed already. Nothing was changed.")
	// Or the function, or the API, is gone.
	page = b.see(cellAddress(id, "prod", "GET", "/hello"))
	_, err = w.functions.DeleteFunction(context.Background(), &lambda.DeleteFunctionInput{FunctionName: aws.String("my-function-prod")})
	w.must(err)
	if v := b.submit(page.form(t, address, "kind", "stage")); v.status != 409 {
		t.Errorf("a function that was deleted: %d", v.status)
	}
	b.see(cellAddress(id, "prod", "GET", "/hello")).has(t, "There is no function my-function-prod")
	_, err = w.apis.DeleteRestApi(context.Background(), &apigateway.DeleteRestApiInput{RestApiId: &id})
	w.must(err)
	v := b.submit(page.form(t, address, "kind", "api"))
	if v.status != 404 {
		t.Errorf("an API that was deleted: %d", v.status)
	}
	v.has(t, "This does not exist (any more)")
	if v := b.get(cellAddress(id, "prod", "GET", "/hello")); v.status != 404 {
		t.Errorf("its page: %d", v.status)
	}
}

func patch(api, stage, path, value string) *apigateway.UpdateStageInput {
	in := &apigateway.UpdateStageInput{RestApiId: &api, StageName: &stage}
	in.PatchOperations = append(in.PatchOperations, replaced(path, value))
	return in
}

// An integration whose function is missing on a stage, or whose variable is not
// defined there, is made all the same, and what is wrong is told.
func TestIntegrationTellsWhatIsMissing(t *testing.T) {
	w := newWorld(t)
	id := w.story()
	w.deploy(id, "empty", nil)
	b := w.browser()
	address := "/_stagedoor/apis/" + id + "/integration"
	b.header.Set("Hx-Request", "true")
	b.header.Set("Hx-Target", "div#preview")
	v := b.see(address + "?" + url.Values{"verb": {"POST"}, "path": {"/x"}, "function": {"my-function-${stageVariables.env}x"}}.Encode())
	v.has(t, "There is no function my-function-devx.", "The stage has no variable env")
	v.lacks(t, "<html")
	b.header = http.Header{}
	v = b.submit(b.see(address).form(t, address), "path", "/hello", "verb", "POST", "function", "my-function-${stageVariables.env}", "scope", "each")
	v.has(t, "Stage empty: The stage has no variable env", "Granted: my-function-dev may be called for arn:aws:execute-api:us-east-1:000000000000:"+id+"/dev/POST/hello.")
	for name, fields := range map[string][]string{
		"no function":   {"path", "/x", "function", ""},
		"no slash":      {"path", "x", "function", "f"},
		"no such verb":  {"path", "/x", "function", "f", "verb", "LOOK"},
		"a path of AWS": {"path", "/x y", "function", "f"},
	} {
		if v := b.submit(b.see(address).form(t, address), fields...); v.status != 422 {
			t.Errorf("%s: %d", name, v.status)
		}
	}
	// What a refused form had begun is taken back.
	out, err := w.apis.GetResources(context.Background(), &apigateway.GetResourcesInput{RestApiId: &id})
	w.must(err)
	if len(out.Items) != 2 {
		t.Errorf("%d resources, want / and /hello", len(out.Items))
	}
}

// Undoing an integration gives back the old function and takes the grants away.
func TestIntegrationIsUndone(t *testing.T) {
	w := newWorld(t)
	id := w.story()
	w.function("other")
	b := w.browser()
	address := "/_stagedoor/apis/" + id + "/integration"
	resource := w.resource(id, "/hello")
	v := b.submit(b.see(address+"?resource="+resource+"&verb=GET").form(t, address), "function", "other")
	v.has(t, "Granted: other may be called")
	v = b.submit(v.form(t, "/_stagedoor/undo"))
	v.has(t, "the method is as it was before")
	in, err := w.apis.GetIntegration(context.Background(), &apigateway.GetIntegrationInput{RestApiId: &id, ResourceId: &resource, HttpMethod: aws.String("GET")})
	w.must(err)
	if !strings.Contains(*in.Uri, "my-function-${stageVariables.env}") || w.policy("other", "") != "" {
		t.Errorf("undone: %s, policy %q", *in.Uri, w.policy("other", ""))
	}
	v = b.submit(b.see(address).form(t, address), "path", "/a/b", "verb", "PUT", "function", "other")
	b.submit(v.form(t, "/_stagedoor/undo"))
	out, err := w.apis.GetResources(context.Background(), &apigateway.GetResourcesInput{RestApiId: &id})
	w.must(err)
	if len(out.Items) != 2 {
		t.Errorf("%d resources after undoing /a/b", len(out.Items))
	}
}

// Names can hold anything: they are shown, and nothing more.
func TestNamesAreEscaped(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	const name = `<script>alert("1")</script>'"&amp; 🚪`
	v := b.submit(b.see("/_stagedoor/").form(t, "/_stagedoor/apis"), "name", name)
	id := strings.TrimPrefix(v.url.Path, "/_stagedoor/apis/")
	api, err := w.apis.GetRestApi(context.Background(), &apigateway.GetRestApiInput{RestApiId: &id})
	w.must(err)
	if *api.Name != name {
		t.Errorf("the name became %q", *api.Name)
	}
	_, err = w.apis.CreateResource(context.Background(), &apigateway.CreateResourceInput{RestApiId: &id, ParentId: api.RootResourceId, PathPart: aws.String("{proxy+}")})
	w.must(err)
	w.method(id, *api.RootResourceId, "hello", "GET", `my-function-${stageVariables.env}`)
	_, err = w.apis.CreateDeployment(context.Background(), &apigateway.CreateDeploymentInput{RestApiId: &id, StageName: aws.String("dev"), Description: aws.String(name)})
	w.must(err)
	for _, path := range []string{"", "?q=" + url.QueryEscape(name), "apis/" + id, "apis/" + id + "/stages/dev", "apis/" + id + "/deploy", "apis/" + id + "/integration", "apis/" + id + "/cell?stage=dev&verb=GET&path=%2Fhello", "apis/" + id + "?q=" + url.QueryEscape(name)} {
		v := b.see("/_stagedoor/" + path)
		v.lacks(t, "<script>alert", `"&amp; `)
		v.has(t, "&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;&#39;&#34;&amp;amp; 🚪")
	}
	// Nor do addresses that nobody made.
	for _, path := range []string{"<script>alert(1)</script>", "apis/<script>alert(1)</script>", "apis/%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E/stages/x"} {
		v := b.get("/_stagedoor/" + url.PathEscape(path))
		if v.status != 404 {
			t.Errorf("%s: %d", path, v.status)
		}
		v.lacks(t, "<script>alert")
	}
}

// A thousand stages are pages of twelve.
func TestThousandStages(t *testing.T) {
	a := newBigAccount(t, 1, 3)
	for i := range 1000 {
		_, err := store.Put(t.Context(), a.store, state.StageKey(account, "us-east-1", a.apis[0], fmt.Sprintf("stage%04d", i)), &state.Stage{
			Account: account, Region: "us-east-1", API: a.apis[0], Name: fmt.Sprintf("stage%04d", i), DeploymentID: "dep", Variables: map[string]string{"env": "dev"}, CreatedDate: time.Now(),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"", "apis/" + a.apis[0], "apis/" + a.apis[0] + "?stages=84", "apis/" + a.apis[0] + "/cell?stage=stage0500&verb=GET&path=%2Fresource-1", "apis/" + a.apis[0] + "/integration?resource=res001&verb=GET"} {
		page := a.page(path)
		if page.Len() > 150<<10 {
			t.Errorf("%s: %d bytes", path, page.Len())
		}
		if strings.Contains(path, "cell") && !strings.Contains(page.String(), "GET /resource-1 on stage0500: ") {
			t.Error("the open cell is not on the page of the matrix that is shown")
		}
	}
}

func TestAPIIsDeleted(t *testing.T) {
	w := newWorld(t)
	id := w.story()
	b := w.browser()
	f := b.see("/_stagedoor/apis/"+id).form(t, "/_stagedoor/apis/"+id+"/delete")
	if v := b.submit(f, "name", "order"); v.status != 422 {
		t.Errorf("another name: %d", v.status)
	}
	f = b.see("/_stagedoor/apis/"+id).form(t, "/_stagedoor/apis/"+id+"/delete")
	b.submit(f, "name", "orders").has(t, "The API orders was deleted")
}
