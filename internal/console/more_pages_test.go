package console_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/stagedoor/stagedoor"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// wired is a world whose console is the one that package stagedoor wires.
func wired(t testing.TB) *world {
	t.Helper()
	w := worldOf(t, stagedoor.Options{Listen: "127.0.0.1:0", Ephemeral: true, LaxRoles: true})
	w.web.URL = w.server.Endpoint()
	return w
}

func (w *world) refuse(api, stage string) {
	w.Helper()
	answer, err := http.Get(w.server.Endpoint() + "/restapis/" + api + "/" + stage + "/_user_request_/hello")
	w.must(err)
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusInternalServerError {
		w.Fatalf("%s answered %d", stage, answer.StatusCode)
	}
}

// A statement is removed only as the page showed it, and added again by undo.
func TestRemoveGrant(t *testing.T) {
	w := wired(t)
	api := w.story()
	_, err := w.functions.AddPermission(t.Context(), &lambda.AddPermissionInput{
		FunctionName: aws.String("my-function-dev"), StatementId: aws.String("s3"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("s3.amazonaws.com"),
		SourceAccount: aws.String("111122223333"), SourceArn: aws.String("arn:aws:s3:::pictures"),
	})
	w.must(err)
	_ = api
	before := w.policy("my-function-dev", "")
	b := w.browser()
	v := b.see("/_stagedoor/functions/my-function-dev")
	v.has(t, "S3", "from arn:aws:s3:::pictures, for account 111122223333")
	f := v.form(t, "/_stagedoor/functions/my-function-dev/grant/remove", "sid", "s3")
	v = b.submit(f)
	v.has(t, "The statement s3 was removed", "remove-permission")
	if got := w.policy("my-function-dev", ""); got != "" {
		t.Errorf("the policy is %s", got)
	}
	undo := v.form(t, "/_stagedoor/undo")
	again := b.submit(f)
	if again.status != http.StatusConflict {
		t.Errorf("the same form again: %d", again.status)
	}
	b.submit(undo).has(t, "The statement s3 is in the policy of my-function-dev again")
	if got := w.policy("my-function-dev", ""); got != before {
		t.Errorf("the policy is\n%s, was\n%s", got, before)
	}
}

// A policy that no sentence tells is shown as it is.
func TestUnusualPolicy(t *testing.T) {
	w := wired(t)
	w.function("f")
	arn := "arn:aws:lambda:us-east-1:" + account + ":function:f"
	_, err := w.functions.PutResourcePolicy(t.Context(), &lambda.PutResourcePolicyInput{ResourceArn: &arn, Policy: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Sid":"odd","Effect":"Deny","Principal":"*","Action":"lambda:InvokeFunction","Resource":"` + arn + `","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}]}`)})
	w.must(err)
	w.browser().see("/_stagedoor/functions/f").has(t, "Denied", "Everybody", "Its condition IpAddress on aws:SourceIp is more than a sentence here can say", "192.0.2.0/24")
}

// Values of the environment are not in the page until they are asked for.
func TestEnvironmentIsMasked(t *testing.T) {
	w := wired(t)
	w.function("f")
	_, err := w.functions.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String("f"), Environment: environment(map[string]string{"KEY": "a-secret"}),
	})
	w.must(err)
	b := w.browser()
	v := b.see("/_stagedoor/functions/f")
	v.has(t, "KEY", "Show the values")
	v.lacks(t, "a-secret")
	b.see("/_stagedoor/functions/f?reveal=1").has(t, "a-secret", "Hide the values")
}

// The code comes as it was uploaded, under a name that a person knows again.
func TestDownloadCode(t *testing.T) {
	w := wired(t)
	w.function("f")
	v := w.browser().see("/_stagedoor/functions/f/code")
	if !strings.HasPrefix(v.text, "PK") || v.header.Get("Content-Disposition") != `attachment; filename="f.zip"` {
		t.Errorf("got %.20q, %s", v.text, v.header)
	}
}

// Refusals of one cause stand together, with their number and the button.
func TestRefusalsAreGrouped(t *testing.T) {
	w := wired(t)
	api := w.story()
	for _, stage := range []string{"dev", "staging", "staging"} {
		w.refuse(api, stage)
	}
	b := w.browser()
	v := b.see("/_stagedoor/refusals")
	v.has(t, "The function has no policy at all", "3×", "2 times", "2 kinds of calls would be refused still")
	if n := strings.Count(v.text, "<section class=\"card\""); n != 1 {
		t.Errorf("%d groups, want one", n)
	}
	f := v.form(t, "/_stagedoor/apis/"+api+"/grant", "stage", "dev")
	b.submit(f).has(t, "Granted: GET /hello on dev")
	v = b.see("/_stagedoor/refusals")
	v.has(t, "passes now", "1 kind of call would be refused still")
}

// The list is sent anew when something is refused, and when the page is older
// than its stream; the stream ends when stagedoor does.
func TestRefusalsLive(t *testing.T) {
	var ended chan struct{}
	t.Cleanup(func() { // after the server was closed
		if ended != nil {
			<-ended
		}
	})
	w := wired(t)
	api := w.story()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, w.web.URL+"/_stagedoor/refusals/live?seen=", nil)
	w.must(err)
	answer, err := w.browser().client.Do(r)
	w.must(err)
	if kind := answer.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
		t.Fatalf("Content-Type %q", kind)
	}
	w.refuse(api, "dev")
	lines := bufio.NewScanner(answer.Body)
	found := false
	for !found && lines.Scan() {
		found = strings.Contains(lines.Text(), "GET /hello")
	}
	if !found {
		t.Fatalf("the stream ended: %v", lines.Err())
	}
	ended = make(chan struct{})
	go func() {
		defer close(ended)
		defer answer.Body.Close()
		for more := true; more; more = lines.Scan() {
		}
	}()
}

// What the plan showed is carried out once; a second promotion of the stage is
// refused by AWS's tags, whoever holds them.
func TestPromote(t *testing.T) {
	w := wired(t)
	api := w.story()
	b := w.browser()
	plan := "/_stagedoor/pipeline/plan?api=" + api + "&from=dev&to=staging&fix=1"
	v := b.see(plan)
	f := v.form(t, "/_stagedoor/pipeline/run")
	v = b.submit(f)
	if !strings.Contains(v.url.Path, "/pipeline/runs/") {
		t.Fatalf("the run is at %s\n%s", v.url, v.text)
	}
	w.follow(b, v.url.Path)
	b.see(v.url.Path).has(t, "staging was promoted")
	again := b.submit(f)
	if again.status != http.StatusConflict && !strings.Contains(again.text, "done already") {
		t.Errorf("the same form again: %d\n%s", again.status, again.text)
	}
	b.see(plan).has(t, "There is nothing to do")
	b.see("/_stagedoor/pipeline?api="+api).has(t, "dev → staging", "root@console")

	f = b.see("/_stagedoor/pipeline/plan?api="+api+"&rollback=staging").form(t, "/_stagedoor/pipeline/run")
	v = b.submit(f)
	w.follow(b, v.url.Path)
	b.see(v.url.Path).has(t, "staging was rolled back")
}

// follow reads the stream of a run to its end.
func (w *world) follow(b *browser, path string) {
	w.Helper()
	answer, err := b.client.Get(w.web.URL + path + "/live")
	w.must(err)
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		if lines.Text() == "event: ended" {
			return
		}
	}
	w.Fatalf("the stream broke off: %v", lines.Err())
}

// A plan that was not shown is not carried out.
func TestPlanMustBeTheShownOne(t *testing.T) {
	w := wired(t)
	api := w.story()
	b := w.browser()
	f := b.see("/_stagedoor/pipeline/plan?api="+api+"&from=dev&to=staging&fix=1").form(t, "/_stagedoor/pipeline/run")
	f.fields.Set("to", "prod")
	if v := b.submit(f); v.status != http.StatusConflict {
		t.Errorf("another stage: %d\n%s", v.status, v.text)
	}
	if v := b.post("/_stagedoor/pipeline/run", url.Values{"api": {api}, "from": {"dev"}, "to": {"prod"}}); v.status != http.StatusForbidden {
		t.Errorf("without a token: %d", v.status)
	}
}

func environment(variables map[string]string) *lambdatypes.Environment {
	return &lambdatypes.Environment{Variables: variables}
}

// Someone who may not read policies learns that a call was refused, not the
// policy; someone who may list no API sees no refusal.
func TestRefusalsAreDiscreet(t *testing.T) {
	w := wired(t)
	api := w.story()
	w.addPermission("my-function-dev", "secret-statement", "arn:aws:execute-api:us-east-1:000000000000:"+api+"/prod/GET/hello")
	w.refuse(api, "dev")
	b := w.browser()
	v := b.see("/_stagedoor/refusals")
	v.has(t, "secret-statement")
	id := regexp.MustCompile(`/_stagedoor/refusals/([a-z0-9]{8})"`).FindStringSubmatch(v.text)[1]
	in := func(name, policy string) *browser {
		b := w.browser()
		key, secret := w.user(name, policy)
		if v := b.post("/_stagedoor/sign-in", url.Values{"key": {key}, "secret": {secret}}); v.status != http.StatusOK {
			t.Logf("signing in: %d", v.status)
		}
		return b
	}
	bob := in("bob", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"apigateway:GET","Resource":"*"}]}`)
	for _, path := range []string{"refusals", "refusals/" + id} {
		v := bob.see("/_stagedoor/" + path)
		v.has(t, "GET /hello", "The grant is for another stage")
		v.lacks(t, "secret-statement")
	}
	eve := in("eve", "")
	eve.see("/_stagedoor/refusals").lacks(t, "GET /hello")
	if v := eve.get("/_stagedoor/refusals/" + id); v.status != http.StatusNotFound {
		t.Errorf("eve reads the refusal: %d", v.status)
	}
	for _, path := range []string{"functions", "functions/my-function-dev", "logs", "logs/group?name=/aws/lambda/f", "try?api=" + api, "pipeline?api=" + api} {
		if v := eve.get("/_stagedoor/" + path); v.status != http.StatusForbidden || !strings.Contains(v.text, "is not authorized to perform") {
			t.Errorf("%s: %d\n%s", path, v.status, v.text)
		}
	}
}

// While a promotion is watched, the stage takes no other, and the end of
// stagedoor does not wait for it.
func TestOnePromotionAtATime(t *testing.T) {
	w := wired(t)
	api := w.story()
	b := w.browser()
	plan := "/_stagedoor/pipeline/plan?api=" + api + "&from=dev&to=staging&fix=1"
	first, second := b.see(plan+"&bake=1h").form(t, "/_stagedoor/pipeline/run"), b.see(plan).form(t, "/_stagedoor/pipeline/run")
	v := b.submit(first)
	v.has(t, "Promotion to staging")
	if v := b.submit(second); v.status != http.StatusConflict {
		t.Errorf("a second promotion: %d\n%s", v.status, v.text)
	}
}

// An API with 1,000 stages, beyond its own page: pages show some and say that there are more.
func TestThousandStagesElsewhere(t *testing.T) {
	a := newBigAccount(t, 1, 2)
	for i := range 1000 {
		_, err := store.Put(t.Context(), a.store, state.StageKey(account, "us-east-1", a.apis[0], fmt.Sprintf("s%03d", i)), &state.Stage{
			Account: account, Region: "us-east-1", API: a.apis[0], Name: fmt.Sprintf("s%03d", i), DeploymentID: "dep", Variables: map[string]string{"env": "dev"},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{
		"pipeline?api=" + a.apis[0]:                                "and more",
		"pipeline?api=" + a.apis[0] + "&order=s007,dev":            "Promote to dev",
		"pipeline/diff?api=" + a.apis[0] + "&left=s001&right=s002": "s001 and s002",
		"try?api=" + a.apis[0]:                                     "Request to service-0",
		"logs?api=" + a.apis[0] + "&stage=s500":                    "Execution logging is off",
	} {
		page := a.page(path)
		if !strings.Contains(page.String(), want) {
			t.Errorf("%s does not say %q", path, want)
		}
		if page.Len() > 200<<10 {
			t.Errorf("%s has %d bytes", path, page.Len())
		}
	}
}
