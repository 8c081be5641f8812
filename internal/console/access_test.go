package console_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/stagedoor/stagedoor/internal/console"
)

// elsewhere lets a browser ask as from another machine: stagedoor listens on
// more than loopback there.
func (w *world) elsewhere() *browser {
	b := w.browser()
	outside := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		r.RemoteAddr = "192.0.2.7:40000"
		w.console.ServeHTTP(rw, r)
	}))
	w.Cleanup(outside.Close)
	copied := *w
	copied.web = outside
	b.world = &copied
	return b
}

// user makes an IAM user with a policy and a key.
func (w *world) user(name, policy string) (key, secret string) {
	w.Helper()
	ctx := context.Background()
	_, err := w.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: &name})
	w.must(err)
	if policy != "" {
		_, err = w.iam.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: &name, PolicyName: aws.String("p"), PolicyDocument: &policy})
		w.must(err)
	}
	out, err := w.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &name})
	w.must(err)
	return *out.AccessKey.AccessKeyId, *out.AccessKey.SecretAccessKey
}

const readOnlyPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["apigateway:GET","lambda:Get*","lambda:List*"],"Resource":"*"}]}`

func TestEverybodyElseSignsIn(t *testing.T) {
	w := newWorld(t)
	w.story()
	b := w.elsewhere()
	for _, path := range []string{"", "apis/x", "apis/x/stages/y"} {
		v := b.get("/_stagedoor/" + path)
		v.has(t, "Sign in", "Access key id")
		v.lacks(t, "orders")
		if v.url.Query().Get("back") != "/_stagedoor/"+path {
			t.Errorf("back to %s", v.url)
		}
	}
	// Assets tell nothing and are needed to sign in.
	if v := b.get("/_stagedoor/sign-in"); v.status != 200 {
		t.Error(v.status)
	}
	// htmx, which renews a part of a page, takes the whole window there.
	b.header.Set("Hx-Request", "true")
	if v := b.get("/_stagedoor/"); v.text != "" || !strings.HasPrefix(v.header.Get("HX-Redirect"), "/_stagedoor/sign-in?back=") {
		t.Errorf("htmx got %v %q", v.header, v.text)
	}
	b.header.Del("Hx-Request")
	if v := b.post("/_stagedoor/apis", url.Values{"name": {"x"}}); v.url.Path != "/_stagedoor/sign-in" {
		t.Errorf("a change without a session led to %s", v.url)
	}
}

// A proxy on this machine makes everybody look local.
func TestProxiesAreNotLocal(t *testing.T) {
	w := newWorld(t)
	for name, value := range map[string]string{
		"X-Forwarded-For": "192.0.2.9", "X-Forwarded-Proto": "https", "Forwarded": "for=192.0.2.9", "Cf-Connecting-Ip": "192.0.2.9", "Host": "console.example",
	} {
		b := w.browser()
		b.header.Set(name, value)
		if v := b.get("/_stagedoor/"); !strings.HasSuffix(v.url.Path, "/sign-in") {
			t.Errorf("with %s: %s", name, v.url)
		}
	}
}

func TestLinkLetsInOnce(t *testing.T) {
	w := newWorld(t)
	w.story()
	link, err := url.Parse(w.console.Link("http://ignored:1/"))
	w.must(err)
	b := w.elsewhere()
	// A program that looks at links, as chats have, does not use it up.
	head, err := http.NewRequest(http.MethodHead, b.web.URL+link.RequestURI(), nil)
	w.must(err)
	if v := b.do(head); v.header.Get("Set-Cookie") != "" {
		t.Error("a HEAD was let in")
	}
	v := b.see(link.RequestURI())
	if v.header.Get("Refresh") != "0; url=/_stagedoor/" || !strings.Contains(v.header.Get("Set-Cookie"), "HttpOnly; SameSite=Strict") {
		t.Errorf("header %v", v.header)
	}
	b.see("/_stagedoor/").has(t, "orders", "root")
	again := w.elsewhere()
	if v := again.get(link.RequestURI()); v.status != 403 {
		t.Errorf("the second use of a link answered %d", v.status)
	} else {
		v.has(t, "This link does not work (any more)")
	}
	if v := again.get("/_stagedoor/link?token=" + strings.Repeat("A", 43)); v.status != 403 {
		t.Errorf("a guessed token: %d", v.status)
	}
	b.submit(b.see("/_stagedoor/").form(t, "/_stagedoor/sign-out"))
	if v := b.get("/_stagedoor/"); !strings.HasSuffix(v.url.Path, "/sign-in") {
		t.Errorf("after signing out: %s", v.url)
	}
}

// Links and sessions end by themselves.
func TestSessionsEnd(t *testing.T) {
	now := time.Now()
	w := newWorld(t, func(o *console.Options) { o.Now = func() time.Time { return now } })
	link := func() string {
		u, err := url.Parse(w.console.Link(""))
		w.must(err)
		return u.RequestURI()
	}
	late := link()
	now = now.Add(25 * time.Hour)
	b := w.elsewhere()
	if v := b.get(late); v.status != 403 {
		t.Errorf("a link of yesterday: %d", v.status)
	}
	b.see(link())
	if v := b.see("/_stagedoor/"); v.url.Path != "/_stagedoor/" {
		t.Errorf("signed in: %s", v.url)
	}
	now = now.Add(13 * time.Hour)
	if v := b.get("/_stagedoor/"); !strings.HasSuffix(v.url.Path, "/sign-in") {
		t.Errorf("after 13 hours: %s", v.url)
	}
}

// A person who signs in with a key acts with it: IAM decides, and its refusal is
// shown in AWS's words with the remedy.
func TestIAMDecides(t *testing.T) {
	w := newWorld(t)
	id := w.story()
	key, secret := w.user("ada", readOnlyPolicy)
	b := w.elsewhere()
	in := func(key, secret string) *view {
		return b.post("/_stagedoor/sign-in", url.Values{"key": {key}, "secret": {secret}, "back": {"/_stagedoor/apis/" + id}})
	}
	in(key, "wrong").has(t, "The request signature we calculated does not match the signature you provided")
	in("test", "test").has(t, "IAM did not issue this key")
	in("", "").has(t, "Give both")
	v := in(key, secret)
	v.has(t, "user/ada", "GET /hello on dev: refused")
	if v.url.Path != "/_stagedoor/apis/"+id {
		t.Errorf("back to %s", v.url)
	}
	cell := "/_stagedoor/apis/" + id + "/cell?stage=dev&verb=GET&path=%2Fhello"
	v = b.see(cell)
	v = b.submit(v.form(t, "/_stagedoor/apis/"+id+"/grant", "kind", "stage"))
	if v.status != 403 {
		t.Fatalf("%d\n%s", v.status, v.text)
	}
	v.has(t, "User: arn:aws:iam::000000000000:user/ada is not authorized to perform: lambda:AddPermission on resource: arn:aws:lambda:us-east-1:000000000000:function:my-function-dev",
		"aws iam put-user-policy --user-name ada", "lambda:AddPermission")
	if w.policy("my-function-dev", "") != "" {
		t.Error("the grant was added all the same")
	}
	// Somebody who may do nothing sees nothing.
	key, secret = w.user("eve", "")
	in(key, secret).has(t, "is not authorized to perform: apigateway:GET")
	b.get("/_stagedoor/").lacks(t, "orders")
}

// Someone who may not read policies learns the verdict, not the policy.
func TestPoliciesAreOfThoseWhoMayReadThem(t *testing.T) {
	w := newWorld(t)
	id := w.story()
	w.addPermission("my-function-dev", "secret-statement", "arn:aws:execute-api:us-east-1:000000000000:"+id+"/prod/GET/hello")
	key, secret := w.user("bob", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"apigateway:GET","Resource":"*"}]}`)
	b := w.elsewhere()
	b.post("/_stagedoor/sign-in", url.Values{"key": {key}, "secret": {secret}})
	v := b.see("/_stagedoor/apis/" + id + "/cell?stage=dev&verb=GET&path=%2Fhello")
	v.has(t, "The policies are not shown", "lambda:GetPolicy")
	v.lacks(t, "secret-statement")
}

// Where IAM allows part of a change, that part is done and told, and can be
// undone.
func TestPartOfAChange(t *testing.T) {
	w := newWorld(t)
	id := w.story()
	key, secret := w.user("ada", readOnlyPolicy)
	_, err := w.iam.PutUserPolicy(context.Background(), &iam.PutUserPolicyInput{UserName: aws.String("ada"), PolicyName: aws.String("dev"), PolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["lambda:AddPermission","lambda:RemovePermission"],"Resource":"arn:aws:lambda:us-east-1:000000000000:function:my-function-dev"}]}`)})
	w.must(err)
	b := w.elsewhere()
	b.post("/_stagedoor/sign-in", url.Values{"key": {key}, "secret": {secret}})
	v := b.see("/_stagedoor/apis/" + id + "/cell?stage=prod&verb=GET&path=%2Fhello")
	v = b.submit(v.form(t, "/_stagedoor/apis/"+id+"/grant", "kind", "each"))
	v.has(t, "Only 1 of 3 statements were added.", "my-function-prod was not granted: User: arn:aws:iam::000000000000:user/ada is not authorized to perform: lambda:AddPermission", "GET /hello on dev: allowed", "GET /hello on prod: refused")
	b.submit(v.form(t, "/_stagedoor/undo")).has(t, "Undone", "GET /hello on dev: refused")
}

func TestGuessingIsSlow(t *testing.T) {
	w := newWorld(t)
	b := w.elsewhere()
	for i := range 11 {
		v := b.post("/_stagedoor/sign-in", url.Values{"key": {"AKIAAAAAAAAAAAAAAAAA"}, "secret": {"guess"}})
		if want := i >= 10; (v.status == http.StatusTooManyRequests) != want {
			t.Errorf("attempt %d answered %d", i, v.status)
		}
	}
}

func TestReadOnly(t *testing.T) {
	w := newWorld(t, func(o *console.Options) { o.Mode = console.ReadOnly })
	id := w.story()
	b := w.browser()
	for _, path := range []string{"", "apis/" + id, "apis/" + id + "/stages/dev", "apis/" + id + "/cell?stage=dev&verb=GET&path=%2Fhello", "apis/" + id + "/deploy"} {
		v := b.see("/_stagedoor/" + path)
		v.has(t, "Read-only")
		v.lacks(t, `type="submit" class="primary"`, "Add the grant", "Save the variables", `class="primary" type="submit"`)
	}
	b.get("/_stagedoor/apis/"+id+"/cell?stage=dev&verb=GET&path=%2Fhello").has(t, "aws lambda add-permission")
	link, err := url.Parse(w.console.Link(""))
	w.must(err)
	guest := w.elsewhere()
	guest.see(link.RequestURI())
	guest.submit(guest.see("/_stagedoor/").form(t, "/_stagedoor/sign-out")).has(t, "Access key id")
	for _, path := range []string{"apis", "apis/" + id + "/grant", "apis/" + id + "/stages/dev/variables", "undo"} {
		v := b.post("/_stagedoor/"+path, url.Values{"name": {"x"}})
		if v.status != http.StatusMethodNotAllowed || v.header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d %v", path, v.status, v.header)
		}
		v.has(t, "--console read-only", "--console on")
	}
}

func TestOff(t *testing.T) {
	w := newWorld(t, func(o *console.Options) { o.Mode = console.Off })
	for _, path := range []string{"/_stagedoor/", "/_stagedoor/apis/x", "/_stagedoor/assets/x/console.css"} {
		v := w.browser().get(path)
		if v.status != 404 {
			t.Errorf("%s: %d", path, v.status)
		}
		v.has(t, "the console is off")
	}
}

func TestModes(t *testing.T) {
	for text, want := range map[string]console.Mode{"": console.On, "on": console.On, "read-only": console.ReadOnly, "off": console.Off} {
		if got, err := console.ParseMode(text); err != nil || got != want {
			t.Errorf("%q: %q %v", text, got, err)
		}
	}
	if _, err := console.ParseMode("readonly"); err == nil {
		t.Error("readonly is no mode")
	}
}

// Every answer carries the headers that keep foreign pages and inline code out.
func TestHeaders(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	for _, path := range []string{"", "nothing", "apis/nothing", "sign-in", "assets/0/console.css"} {
		h := b.get("/_stagedoor/" + path).header
		want := map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
			"X-Content-Type-Options":  "nosniff", "Cross-Origin-Opener-Policy": "same-origin", "Cache-Control": "no-store",
			"Referrer-Policy": "same-origin",
		}
		for name, value := range want {
			if h.Get(name) != value {
				t.Errorf("%s: %s is %q", path, name, h.Get(name))
			}
		}
	}
}

// Addresses of assets change with their content, so browsers may keep them.
func TestAssets(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	page := b.see("/_stagedoor/").text
	found := 0
	for _, m := range strings.Split(page, `"`) {
		if !strings.HasPrefix(m, "/_stagedoor/assets/") {
			continue
		}
		found++
		v := b.see(m)
		if !strings.Contains(v.header.Get("Cache-Control"), "immutable") || v.header.Get("Content-Type") == "" {
			t.Errorf("%s: %v", m, v.header)
		}
		parts := strings.SplitN(m, "/", 5)
		if old := b.get("/_stagedoor/assets/0123456789abcdef/" + parts[4]); old.status != 404 {
			t.Errorf("another digest of %s answered %d", parts[4], old.status)
		}
	}
	if found < 4 {
		t.Errorf("%d assets in the page", found)
	}
	if strings.Contains(page, "<style") || strings.Contains(page, "style=") || strings.Contains(page, "<script>") {
		t.Error("inline style or script")
	}
}

func TestForgedOrigins(t *testing.T) {
	w := newWorld(t)
	w.story()
	b := w.browser()
	f := b.see("/_stagedoor/").form(t, "/_stagedoor/apis")
	for name, value := range map[string]string{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"} {
		b.header.Set(name, value)
		if v := b.submit(f, "name", "forged"); v.status != 403 {
			t.Errorf("%s %s: %d", name, value, v.status)
		} else {
			v.has(t, "This form came from another site")
		}
		b.header.Del(name)
	}
	// Neither does the token of another session, or none.
	other := w.browser().see("/_stagedoor/").form(t, "/_stagedoor/apis")
	for _, token := range []string{"", "x", other.fields.Get("form"), strings.ToUpper(f.fields.Get("form"))} {
		if v := b.submit(form{f.action, url.Values{"name": {"forged"}, "form": {token}}}); v.status != 403 {
			t.Errorf("token %q: %d", token, v.status)
		}
	}
	b.see("/_stagedoor/").lacks(t, "forged")
	if v := b.submit(f, "name", "genuine"); v.status != 200 {
		t.Errorf("the form itself: %d\n%s", v.status, v.text)
	}
}

// A page that was left open and is posted twice changes nothing twice.
func TestStaleForms(t *testing.T) {
	now := time.Now()
	w := newWorld(t, func(o *console.Options) { o.Now = func() time.Time { return now } })
	b := w.browser()
	f := b.see("/_stagedoor/").form(t, "/_stagedoor/apis")
	b.submit(f, "name", "once").has(t, "The API once was created")
	v := b.submit(f, "name", "once")
	if v.status != http.StatusConflict {
		t.Errorf("the second time: %d", v.status)
	}
	v.has(t, "This was done already", "Nothing was changed twice", "The API once was created")
	out, err := w.apis.GetRestApis(context.Background(), nil)
	w.must(err)
	if len(out.Items) != 1 {
		t.Errorf("%d APIs", len(out.Items))
	}
	// One that failed is not tried twice either, and says what was wrong.
	f = b.see("/_stagedoor/").form(t, "/_stagedoor/apis")
	b.submit(f, "name", "")
	b.submit(f, "name", "").has(t, "This was tried already", "The API needs a name")
	// A page of yesterday changes nothing.
	f = b.see("/_stagedoor/").form(t, "/_stagedoor/apis")
	now = now.Add(13 * time.Hour)
	if v := b.submit(f, "name", "late"); v.status != 403 {
		t.Errorf("after 13 hours: %d", v.status)
	} else {
		v.has(t, "This page is out of date")
	}
}

// The same form sent many times at once is carried out once.
func TestFormsAreClaimedOnce(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	f := b.see("/_stagedoor/").form(t, "/_stagedoor/apis")
	f.fields.Set("name", "once")
	status := make(chan int, 8)
	for range cap(status) {
		go func() {
			r, err := http.NewRequest(http.MethodPost, w.web.URL+f.action, strings.NewReader(f.fields.Encode()))
			if err != nil {
				status <- 0
				return
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			answer, err := b.client.Do(r)
			if err != nil {
				status <- 0
				return
			}
			_, _ = io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
			status <- answer.StatusCode
		}()
	}
	counts := map[int]int{}
	for range cap(status) {
		counts[<-status]++
	}
	if counts[200] != 1 || counts[409] != cap(status)-1 {
		t.Errorf("answers %v, want one 200 and the rest 409", counts)
	}
	out, err := w.apis.GetRestApis(context.Background(), nil)
	w.must(err)
	if len(out.Items) != 1 {
		t.Errorf("%d APIs", len(out.Items))
	}
}

// Where a link of another site leads here, the Strict cookie is not sent: one
// step on our own site brings it, so that nobody is signed out by a link.
func TestLinksFromElsewhere(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.header.Set("Sec-Fetch-Site", "cross-site")
	b.header.Set("Sec-Fetch-Mode", "navigate")
	v := b.see("/_stagedoor/refusals?x=1")
	if v.header.Get("Refresh") != "0; url=/_stagedoor/refusals?x=1" || v.header.Get("Set-Cookie") != "" {
		t.Errorf("header %v", v.header)
	}
}

// Where to go back to is never another site.
func TestBackStaysHere(t *testing.T) {
	w := newWorld(t)
	for _, back := range []string{"https://evil.example/", "//evil.example/", "/\\evil.example", "/elsewhere", "javascript:alert(1)", "/_stagedoor/\r\nX: y"} {
		v := w.browser().get("/_stagedoor/theme?set=dark&back=" + url.QueryEscape(back))
		if v.url.RequestURI() != "/_stagedoor/" {
			t.Errorf("back %q led to %s", back, v.url)
		}
		v.has(t, `data-theme="dark"`)
	}
}

func TestRegion(t *testing.T) {
	w := newWorld(t)
	w.story()
	b := w.browser()
	b.see("/_stagedoor/").has(t, "orders")
	v := b.see("/_stagedoor/region?set=eu-central-1")
	v.has(t, "No API yet in eu-central-1")
	v.lacks(t, ">orders<")
	if v := b.get("/_stagedoor/region?set=nowhere"); v.status != 400 {
		t.Errorf("nowhere: %d", v.status)
	}
}
