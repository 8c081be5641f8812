package console_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	gatewaytypes "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/stagedoor/stagedoor"
	"github.com/stagedoor/stagedoor/internal/console"
	"github.com/stagedoor/stagedoor/internal/grants"
)

const account = "000000000000"

// world is a stagedoor with a console in front of it that is reached as a
// browser would: over HTTP, with cookies, by links and forms.
type world struct {
	testing.TB
	server  *stagedoor.Server
	console *console.Console
	web     *httptest.Server

	apis      *apigateway.Client
	functions *lambda.Client
	iam       *iam.Client
}

// newWorld starts a stagedoor and a console; change may alter its options.
func newWorld(t testing.TB, change ...func(*console.Options)) *world {
	t.Helper()
	if t, ok := t.(*testing.T); ok {
		t.Parallel() // worlds have nothing in common, and mostly wait
	}
	return worldOf(t, stagedoor.Options{Listen: "127.0.0.1:0", Ephemeral: true, LaxRoles: true}, change...)
}

func worldOf(t testing.TB, so stagedoor.Options, change ...func(*console.Options)) *world {
	t.Helper()
	w := &world{TB: t}
	var err error
	if w.server, err = stagedoor.New(so); err != nil {
		t.Fatal(err)
	}
	if err := w.server.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := w.server.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	o := console.Options{
		Config: w.config, Gateway: dataPlane{w.server}, Journal: journal{w.server.Endpoint()},
		Endpoint: w.server.Endpoint(), Account: account, Region: "us-east-1", Version: "test",
	}
	for _, f := range change {
		f(&o)
	}
	w.console = console.New(o)
	w.web = httptest.NewServer(w.console)
	t.Cleanup(func() { _ = w.console.Close(context.Background()); w.web.Close() })
	config := w.config(credentials.NewStaticCredentialsProvider("test", "test", ""), "")
	w.apis, w.functions, w.iam = apigateway.NewFromConfig(config), lambda.NewFromConfig(config), iam.NewFromConfig(config)
	return w
}

func (w *world) config(who aws.CredentialsProvider, _ string) aws.Config {
	return aws.Config{Region: "us-east-1", BaseEndpoint: aws.String(w.server.Endpoint()), Credentials: who}
}

// dataPlane is what the root package would hand in.
type dataPlane struct{ *stagedoor.Server }

func (g dataPlane) Matrix(account, region, api string) (cells []console.Cell) {
	for _, c := range g.Server.Matrix() {
		if c.Account != account || c.Region != region || c.API != api {
			continue
		}
		cell := console.Cell{Cell: c, Integration: "AWS_PROXY"}
		if c.Function != "" {
			cell.SourceARN = grants.SourceARN(region, account, api, c.Stage, c.Verb, c.Path)
		}
		cells = append(cells, cell)
	}
	return cells
}

func (g dataPlane) Summaries(account, region string) []console.Summary {
	byID := map[string]*console.Summary{}
	var order []string
	for _, c := range g.Server.Matrix() {
		s := byID[c.API]
		if s == nil {
			s = &console.Summary{API: c.API}
			byID[c.API], order = s, append(order, c.API)
		}
		if !strings.Contains(" "+strings.Join(s.Stages, " ")+" ", " "+c.Stage+" ") {
			s.Stages = append(s.Stages, c.Stage)
		}
		s.Methods++
		switch {
		case c.Allowed:
			s.Allowed++
		case c.Decision != nil:
			s.Refused++
		default:
			s.Broken++
		}
	}
	var all []console.Summary
	for _, id := range order {
		all = append(all, *byID[id])
	}
	return all
}

func (dataPlane) Try(context.Context, *console.TryRequest) (*console.Trace, error) {
	return nil, fmt.Errorf("this test tries nothing")
}

// journal reads the refusals as "stagedoor why" does.
type journal struct{ endpoint string }

func (j journal) get(path string, into any) error {
	answer, err := http.Get(j.endpoint + "/_stagedoor/decisions" + path)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusNotFound {
		return fmt.Errorf("%w: %s", grants.ErrDecisionNotFound, path)
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

func (j journal) Decisions(_ context.Context, limit int) (all []*grants.Decision, err error) {
	return all, j.get(fmt.Sprintf("?limit=%d", limit), &all)
}

func (j journal) Decision(_ context.Context, id string) (d *grants.Decision, err error) {
	return d, j.get("/"+id, &d)
}

func (journal) Subscribe(func(*grants.Decision)) func() { return func() {} }

// browser is a person without JavaScript: links, forms and cookies.
type browser struct {
	*world
	client *http.Client
	header http.Header
}

func (w *world) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.Fatal(err)
	}
	return &browser{world: w, client: &http.Client{Jar: jar}, header: http.Header{}}
}

// view is what a browser got.
type view struct {
	status int
	url    *url.URL
	header http.Header
	text   string
}

func (b *browser) do(r *http.Request) *view {
	b.Helper()
	for name, values := range b.header {
		r.Header[name] = values
		if name == "Host" {
			r.Host = values[0]
		}
	}
	answer, err := b.client.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		b.Fatal(err)
	}
	return &view{status: answer.StatusCode, url: answer.Request.URL, header: answer.Header, text: string(text)}
}

func (b *browser) get(path string) *view {
	b.Helper()
	r, err := http.NewRequest(http.MethodGet, b.web.URL+path, nil)
	if err != nil {
		b.Fatal(err)
	}
	return b.do(r)
}

// see is get for a page that has to be there.
func (b *browser) see(path string) *view {
	b.Helper()
	v := b.get(path)
	if v.status != http.StatusOK {
		b.Fatalf("%s: %d\n%s", path, v.status, v.text)
	}
	return v
}

func (b *browser) post(path string, fields url.Values) *view {
	b.Helper()
	r, err := http.NewRequest(http.MethodPost, b.web.URL+path, strings.NewReader(fields.Encode()))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(r)
}

// form is a form of a page as it stands there.
type form struct {
	action string
	fields url.Values
}

var (
	formTag   = regexp.MustCompile(`(?s)<form([^>]*)>(.*?)</form>`)
	inputTag  = regexp.MustCompile(`(?s)<(?:input|button)([^>]*)>`)
	selectTag = regexp.MustCompile(`(?s)<select([^>]*)>(.*?)</select>`)
	optionTag = regexp.MustCompile(`(?s)<option([^>]*)>`)
	textTag   = regexp.MustCompile(`(?s)<textarea([^>]*)>(.*?)</textarea>`)
	attribute = regexp.MustCompile(`([a-z-]+)="([^"]*)"`)
)

func attributes(tag string) map[string]string {
	m := map[string]string{}
	for _, a := range attribute.FindAllStringSubmatch(tag, -1) {
		m[a[1]] = unescape(a[2])
	}
	return m
}

func unescape(s string) string {
	return strings.NewReplacer("&#34;", `"`, "&quot;", `"`, "&#39;", "'", "&lt;", "<", "&gt;", ">", "&#43;", "+", "&amp;", "&").Replace(s)
}

// forms lists the forms that lead to a path, those with method post.
func (v *view) forms(action string) (all []form) {
	for _, m := range formTag.FindAllStringSubmatch(v.text, -1) {
		head := attributes(m[1])
		if head["method"] != "post" || !strings.HasPrefix(head["action"], action) {
			continue
		}
		f := form{action: head["action"], fields: url.Values{}}
		for _, input := range inputTag.FindAllStringSubmatch(m[2], -1) {
			a := attributes(input[1])
			unchecked := (a["type"] == "checkbox" || a["type"] == "radio") && !strings.Contains(input[1], " checked")
			if a["name"] != "" && !unchecked {
				f.fields.Add(a["name"], a["value"])
			}
		}
		for _, choice := range selectTag.FindAllStringSubmatch(m[2], -1) {
			for i, option := range optionTag.FindAllStringSubmatch(choice[2], -1) {
				if i == 0 || strings.Contains(option[1], "selected") {
					f.fields.Set(attributes(choice[1])["name"], attributes(option[1])["value"])
				}
			}
		}
		for _, text := range textTag.FindAllStringSubmatch(m[2], -1) {
			f.fields.Set(attributes(text[1])["name"], unescape(text[2]))
		}
		all = append(all, f)
	}
	return all
}

// form is the only form that leads to a path, or the one with these fields.
func (v *view) form(t testing.TB, action string, namesAndValues ...string) form {
	t.Helper()
	for _, f := range v.forms(action) {
		matches := true
		for i := 0; i < len(namesAndValues); i += 2 {
			matches = matches && f.fields.Get(namesAndValues[i]) == namesAndValues[i+1]
		}
		if matches {
			return f
		}
	}
	t.Fatalf("there is no form to %s with %q in\n%s", action, namesAndValues, v.text)
	return form{}
}

// submit sends a form with some fields filled in.
func (b *browser) submit(f form, namesAndValues ...string) *view {
	b.Helper()
	for i := 0; i < len(namesAndValues); i += 2 {
		f.fields.Set(namesAndValues[i], namesAndValues[i+1])
	}
	return b.post(f.action, f.fields)
}

func (v *view) has(t testing.TB, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(v.text, text) {
			t.Errorf("%s does not hold %q:\n%s", v.url, text, v.text)
		}
	}
}

func (v *view) lacks(t testing.TB, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(v.text, text) {
			t.Errorf("%s holds %q:\n%s", v.url, text, v.text)
		}
	}
}

// What worlds are furnished with.

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// function makes a function that is never run.
func (w *world) function(name string) {
	w.Helper()
	var code bytes.Buffer
	z := zip.NewWriter(&code)
	file, err := z.Create("index.py")
	w.must(err)
	_, err = io.WriteString(file, "def handler(event, context):\n    return {'statusCode': 200, 'body': context.function_name}\n")
	w.must(err)
	w.must(z.Close())
	_, err = w.functions.CreateFunction(context.Background(), &lambda.CreateFunctionInput{
		FunctionName: &name, Runtime: lambdatypes.RuntimePython312, Handler: aws.String("index.handler"),
		Role: aws.String("arn:aws:iam::" + account + ":role/lambda"), Code: &lambdatypes.FunctionCode{ZipFile: code.Bytes()},
	})
	w.must(err)
}

// api makes an API with GET /hello that calls a function.
func (w *world) api(name, function string) (id string) {
	w.Helper()
	ctx := context.Background()
	api, err := w.apis.CreateRestApi(ctx, &apigateway.CreateRestApiInput{Name: &name})
	w.must(err)
	w.method(*api.Id, *api.RootResourceId, "hello", "GET", function)
	return *api.Id
}

func (w *world) method(api, parent, part, verb, function string) {
	w.Helper()
	ctx := context.Background()
	r, err := w.apis.CreateResource(ctx, &apigateway.CreateResourceInput{RestApiId: &api, ParentId: &parent, PathPart: &part})
	w.must(err)
	_, err = w.apis.PutMethod(ctx, &apigateway.PutMethodInput{RestApiId: &api, ResourceId: r.Id, HttpMethod: &verb, AuthorizationType: aws.String("NONE")})
	w.must(err)
	_, err = w.apis.PutIntegration(ctx, &apigateway.PutIntegrationInput{
		RestApiId: &api, ResourceId: r.Id, HttpMethod: &verb, Type: gatewaytypes.IntegrationTypeAwsProxy, IntegrationHttpMethod: aws.String("POST"),
		Uri: aws.String("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:" + account + ":function:" + function + "/invocations"),
	})
	w.must(err)
}

// deploy makes a deployment and a stage of it.
func (w *world) deploy(api, stage string, variables map[string]string) {
	w.Helper()
	_, err := w.apis.CreateDeployment(context.Background(), &apigateway.CreateDeploymentInput{RestApiId: &api, StageName: &stage, Variables: variables})
	w.must(err)
}

// policy is the policy of a function, "" where it has none.
func (w *world) policy(function, qualifier string) string {
	in := &lambda.GetPolicyInput{FunctionName: &function}
	if qualifier != "" {
		in.Qualifier = &qualifier
	}
	out, err := w.functions.GetPolicy(context.Background(), in)
	if err != nil {
		return ""
	}
	return aws.ToString(out.Policy)
}

// story is the seed story: an API whose function is named by a stage variable,
// on three stages, without any grant.
func (w *world) story() (api string) {
	w.Helper()
	for _, stage := range []string{"dev", "staging", "prod"} {
		w.function("my-function-" + stage)
	}
	api = w.api("orders", "my-function-${stageVariables.env}")
	for _, stage := range []string{"dev", "staging", "prod"} {
		w.deploy(api, stage, map[string]string{"env": stage})
	}
	return api
}

// addPermission lets API Gateway call a function from a SourceArn.
func (w *world) addPermission(function, id, source string) {
	w.Helper()
	_, err := w.functions.AddPermission(context.Background(), &lambda.AddPermissionInput{
		FunctionName: &function, StatementId: &id, Action: aws.String("lambda:InvokeFunction"),
		Principal: aws.String("apigateway.amazonaws.com"), SourceArn: &source,
	})
	w.must(err)
}

func replaced(path, value string) gatewaytypes.PatchOperation {
	return gatewaytypes.PatchOperation{Op: gatewaytypes.OpReplace, Path: &path, Value: &value}
}
