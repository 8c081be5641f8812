package browser

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// A refusal appears while the list is open, the button beside it mends it, and
// the undo takes that back.
func TestRefusalArrivesAndIsMended(t *testing.T) {
	t.Parallel()
	w, api := shop(t)
	b := open(t, w.url)
	b.visit(root + "refusals")
	b.sees("Nothing was refused")
	b.finds("[data-live]:not([hidden])")
	if status, _, _ := w.call(api, "prod", "/orders"); status != 500 {
		t.Fatalf("prod answered %d", status)
	}
	b.sees("GET /orders on prod of orders", "The function has no policy at all", "refused still")
	b.submit("Add the grant for GET /orders on prod")
	b.sees("Granted: GET /orders on prod of orders may call my-function-prod.", "allowed")
	if status, body, _ := w.call(api, "prod", "/orders"); status != 200 {
		t.Errorf("prod answers %d %s after the grant", status, body)
	}
	b.submit("Undo")
	b.sees("Undone")
	if status, _, _ := w.call(api, "prod", "/orders"); status != 500 {
		t.Errorf("prod answers %d after the undo", status)
	}
	b.visit(root + "refusals")
	b.sees("refused still")
}

// A request is sent, stopped at the door, explained, mended and sent again.
func TestTryItUntilItPasses(t *testing.T) {
	t.Parallel()
	w, api := shop(t)
	b := open(t, w.url)
	b.visit(root + "try?api=" + api + "&stage=staging&method=GET&path=/orders")
	b.fill("#query", "page=2")
	b.fill("#header", "X-Trace: yes")
	b.submit("Send")
	b.sees("Its way", "Door", "Refused: no policy of my-function-staging", "500 Internal Server Error", "The door refused the call")
	b.accessible()
	b.press("Explain")
	b.sees("This stage", "All stages")
	b.submit("Add the grant: This stage")
	b.sees("Granted")
	b.pressIn("#panel", "Try it")
	b.sees("Request to orders")
	b.submit("Send")
	b.sees("200 OK", `"function": "my-function-staging"`, "Integration")
	b.accessible()
	b.press("5 headers")
	b.sees("Content-Type")
	b.visit(root + "try?api=" + api + "&stage=dev&method=GET&path=/nothing")
	b.submit("Send")
	b.sees("403 Forbidden", "Missing Authentication Token")
}

// A form that cannot be sent says why and keeps what was typed.
func TestTryItSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	w, api := shop(t)
	b := open(t, w.url)
	for _, c := range []struct{ path, header, want string }{
		{"orders", "", `The path begins with "/".`},
		{"/orders/{id}", "", "Put values in place of the parameters"},
		{"/a b", "", "Path and query hold no blanks"},
		{"/orders", "no header", "This is none: no header"},
	} {
		b.visit(root + "try?api=" + api + "&stage=dev&method=GET")
		b.fill("#path", c.path)
		b.fill("#header", c.header)
		b.problems.expect(w.url + root + "try/send") // 422
		b.submit("Send")
		b.sees(c.want)
		if got := evaluate[string](b, `document.querySelector("#path").value`); got != c.path {
			t.Errorf("the form shows the path %q, want %q", got, c.path)
		}
	}
}

// Policies are sentences that can be taken away and given back; a test event
// runs the function; aliases are made and split.
func TestFunctionByClicks(t *testing.T) {
	t.Parallel()
	w, api := shop(t)
	b := open(t, w.url)
	b.visit(root + "functions")
	b.submit("my-function-dev")
	b.sees("API orders, any stage, GET /orders", "API orders, any stage, POST /orders")
	b.seesNot("not for everybody")
	b.submit("Remove API orders, any stage, GET /orders")
	b.sees("The statement api-any-GET-orders was removed")
	b.seesNot("any stage, GET /orders")
	if status, _, _ := w.call(api, "dev", "/orders"); status != 500 {
		t.Errorf("dev answers %d without the statement", status)
	}
	b.submit("Add it again")
	b.sees("API orders, any stage, GET /orders")
	if status, _, _ := w.call(api, "dev", "/orders"); status != 200 {
		t.Errorf("dev answers %d with the statement again", status)
	}

	b.submit("API Gateway request")
	b.sees("Invoke my-function-dev")
	b.submit("Invoke my-function-dev")
	b.sees("succeeded", "my-function-dev", "serving dev", "Billed Duration")
	b.accessible()
	b.fill("#payload", `{"fail": true}`)
	b.submit("Invoke my-function-dev")
	b.sees("Unhandled", "asked to fail")
	b.problems.expect(w.url + root + "functions/my-function-dev/invoke") // 422
	b.fill("#payload", `{"fail"`)
	b.submit("Invoke my-function-dev")
	b.sees("The event is not JSON")
	b.check()

	b.visit(root + "functions/my-function-dev")
	for range 2 {
		b.press("Publish a version")
		b.submit("Publish")
		b.sees("Version 1 of my-function-dev")
	}
	b.press("New alias")
	b.fill("#alias-name", "live")
	b.choose("#alias-version", "1")
	b.submit("Create the alias")
	b.sees("The alias live of my-function-dev leads to version 1.", "version 1 · 100 %")
	b.submit("live")
	b.sees("Nobody is granted anything on live")
}

// An alias with two versions, moved by clicks.
func TestAliasWeights(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.function("orders", nil)
	for i, text := range []string{"first", "second"} {
		_, err := w.functions.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{
			FunctionName: aws.String("orders"), ZipFile: zipped(t, "index.py", "# "+text+"\n"+handlerCode),
		})
		w.must(err)
		w.settled("orders")
		_, err = w.functions.PublishVersion(t.Context(), &lambda.PublishVersionInput{FunctionName: aws.String("orders")})
		w.must(err)
		if i == 0 {
			_, err = w.functions.CreateAlias(t.Context(), &lambda.CreateAliasInput{FunctionName: aws.String("orders"), Name: aws.String("live"), FunctionVersion: aws.String("1")})
			w.must(err)
		}
	}
	b := open(t, w.url)
	b.visit(root + "functions/orders")
	b.sees("version 1 · 100 %")
	b.press("Move or split")
	b.choose("#extra-live", "2")
	b.fill("#percent-live", "12.5")
	b.submit("Save")
	b.sees("version 1 (87.5%) and version 2 (12.5%)", "version 1 · 87.5 %", "version 2 · 12.5 %")
	b.accessible()
	b.submit("Undo")
	b.sees("leads to version 1 now", "version 1 · 100 %")
}

// A person's own events are kept by the browser.
func TestSavedEvents(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.function("orders", nil)
	b := open(t, w.url)
	b.visit(root + "functions/orders")
	b.fill("#payload", `{"mine": 1}`)
	b.fill("#event-name", "big order")
	b.press("Save in this browser")
	b.visit(root + "functions/orders")
	b.press("big order")
	b.until("the saved event in the field", func() bool {
		return try[string](b, `document.querySelector("#payload").value`) == `{"mine": 1}`
	})
}

// What a function prints appears on its open page, and in a followed group.
func TestLiveLogs(t *testing.T) {
	t.Parallel()
	w, api := shop(t)
	b := open(t, w.url)
	b.visit(root + "functions/my-function-dev")
	b.sees("New lines appear here")
	w.call(api, "dev", "/orders")
	b.sees("serving dev", "REPORT RequestId")
	b.visit(root + "logs/group?name=/aws/lambda/my-function-dev&since=1h")
	b.submit("Follow")
	b.sees("Waiting for new lines")
	count := func() int { return strings.Count(b.flat(), "serving dev") }
	before := count()
	w.call(api, "dev", "/orders")
	b.until("one more line", func() bool { return count() == before+1 })
	b.fill("#pattern", "REPORT")
	b.submit("Search")
	b.seesNot("serving dev")
}

// The lines of one request stand together, the function's within API Gateway's.
func TestRequestLog(t *testing.T) {
	t.Parallel()
	w, api := shop(t)
	_, _, first := w.call(api, "dev", "/orders")
	w.call(api, "dev", "/orders")
	b := open(t, w.url)
	b.visit(root + "logs?api=" + api + "&stage=dev")
	b.until("both requests", func() bool {
		b.visit(root + "logs?api=" + api + "&stage=dev")
		return strings.Count(b.flat(), "/orders") >= 2
	})
	b.visit(root + "logs/request?api=" + api + "&stage=dev&id=" + first)
	b.until("the function's lines", func() bool { b.visit(b.location()); return strings.Contains(b.flat(), "serving dev") })
	text := b.flat()
	sent, served, received := strings.Index(text, "Sending request to"), strings.Index(text, "serving dev"), strings.Index(text, "Received response")
	if sent < 0 || served < sent || received < served {
		t.Errorf("lines at %d, %d, %d are out of order:\n%s", sent, served, received, b.text())
	}
	if strings.Count(text, "serving dev") != 1 {
		t.Errorf("lines of another request are among these:\n%s", b.text())
	}
	b.accessible()
	b.visit(root + "logs/request?api=" + api + "&stage=staging&id=" + first)
	b.sees("execution logging was off")
}

// A promotion by clicks: planned, stopped by doctor, mended, done, rolled back.
func TestPromoteByClicks(t *testing.T) {
	t.Parallel()
	w, api := shop(t)
	_, err := w.functions.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{
		FunctionName: aws.String("my-function-dev"), ZipFile: zipped(t, "index.py", "# newer\n"+handlerCode),
	})
	w.must(err)
	b := open(t, w.url)
	b.visit(root + "pipeline")
	b.submit("orders")
	b.sees("dev", "staging", "prod", "Promote to staging")
	b.press("Promote to staging →")
	b.sees("2 things stop it", "The same as commands")
	b.accessible()
	b.submit("Plan it with the missing grants added")
	b.sees("grants are added first", "every call would pass")
	b.submit("Promote to staging")
	b.sees("staging was promoted")
	b.accessible()
	if status, body, _ := w.call(api, "staging", "/orders"); status != 200 {
		t.Errorf("staging answers %d %s", status, body)
	}
	b.submit("To the pipeline")
	b.sees("Promoted from dev", "dev → staging", "done")
	b.press("Roll back")
	b.sees("Roll back staging", "This is what would happen")
	b.submit("Roll back staging")
	b.sees("staging was rolled back")
	b.submit("To the pipeline")
	b.sees("rolled back")
	b.accessible()
}
