package doctor_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	rest "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/stagedoor/stagedoor"
	"github.com/stagedoor/stagedoor/internal/doctor"
	"github.com/stagedoor/stagedoor/internal/target"
)

const (
	testAccount = "000000000000"
	testRegion  = "us-east-1"
)

// world is a stagedoor that runs in this process and is asked over HTTP.
type world struct {
	t        testing.TB
	endpoint string
	clients  *target.Clients
	changes  *target.Changes
	iam      *iam.Client
	lambda   *lambda.Client
	apis     *apigateway.Client
	role     string // of the functions
	// deployedEarlier makes deployments look older than they are.
	deployedEarlier time.Duration
}

func newWorld(t testing.TB) *world {
	t.Helper()
	s, err := stagedoor.New(stagedoor.Options{Ephemeral: true, Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	must(t, s.Start(context.Background()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	config, requests, err := target.Place{Endpoint: s.Endpoint()}.Config(context.Background())
	must(t, err)
	w := &world{
		t: t, endpoint: s.Endpoint(), clients: target.FromConfig(config, requests), changes: target.ChangesFromConfig(config),
		iam: iam.NewFromConfig(config), lambda: lambda.NewFromConfig(config), apis: apigateway.NewFromConfig(config),
	}
	w.role = w.newRole("functions", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)
	return w
}

// in lets a subtest fail by itself.
func (w *world) in(t testing.TB) *world {
	other := *w
	other.t = t
	return &other
}

func must(t fataler, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) newRole(name, trust string) string {
	w.t.Helper()
	out, err := w.iam.CreateRole(context.Background(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust})
	must(w.t, err)
	return *out.Role.Arn
}

// function makes a function that answers with its own name.
func (w *world) function(names ...string) {
	w.t.Helper()
	for _, name := range names {
		_, err := w.lambda.CreateFunction(context.Background(), &lambda.CreateFunctionInput{
			FunctionName: &name, Runtime: lambdatypes.RuntimePython312, Handler: aws.String("index.handler"), Role: &w.role,
			Code: &lambdatypes.FunctionCode{ZipFile: code(w.t)},
		})
		must(w.t, err)
		must(w.t, lambda.NewFunctionActiveV2Waiter(w.lambda, func(o *lambda.FunctionActiveV2WaiterOptions) {
			o.MinDelay, o.MaxDelay = 5*time.Millisecond, 20*time.Millisecond
		}).Wait(context.Background(), &lambda.GetFunctionInput{FunctionName: &name}, 30*time.Second))
	}
}

func code(t testing.TB) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create("index.py")
	must(t, err)
	_, err = f.Write([]byte("def handler(event, context):\n    return {'statusCode': 200, 'body': context.function_name}\n"))
	must(t, err)
	must(t, z.Close())
	return b.Bytes()
}

// published publishes a version and points an alias at it.
func (w *world) published(name, alias string) (version string) {
	w.t.Helper()
	out, err := w.lambda.PublishVersion(context.Background(), &lambda.PublishVersionInput{FunctionName: &name})
	must(w.t, err)
	if alias != "" {
		_, err = w.lambda.CreateAlias(context.Background(), &lambda.CreateAliasInput{FunctionName: &name, Name: &alias, FunctionVersion: out.Version})
		must(w.t, err)
	}
	return *out.Version
}

// route is a method of an API under test.
type route struct {
	verb, path  string
	uri         string // or
	function    string // what follows ":function:" in the ARN
	httpMethod  string // "" is POST
	credentials string
}

func functionARN(name string) string {
	return "arn:aws:lambda:" + testRegion + ":" + testAccount + ":function:" + name
}

func invokeURI(function string) string {
	return "arn:aws:apigateway:" + testRegion + ":lambda:path/2015-03-31/functions/" + functionARN(function) + "/invocations"
}

// api makes a REST API without stages.
func (w *world) api(name string, routes ...route) (id string) {
	w.t.Helper()
	ctx := context.Background()
	api, err := w.apis.CreateRestApi(ctx, &apigateway.CreateRestApiInput{Name: &name})
	must(w.t, err)
	paths := map[string]string{"/": *api.RootResourceId}
	for _, r := range routes {
		w.method(*api.Id, w.resource(*api.Id, paths, r.path), r)
	}
	return *api.Id
}

func (w *world) resource(api string, known map[string]string, path string) (id string) {
	w.t.Helper()
	if id, ok := known[path]; ok {
		return id
	}
	at := strings.LastIndexByte(path, '/')
	parent := w.resource(api, known, max(path[:at], "/"))
	out, err := w.apis.CreateResource(context.Background(), &apigateway.CreateResourceInput{RestApiId: &api, ParentId: &parent, PathPart: aws.String(path[at+1:])})
	must(w.t, err)
	known[path] = *out.Id
	return *out.Id
}

func (w *world) method(api, resource string, r route) {
	w.t.Helper()
	ctx := context.Background()
	_, err := w.apis.PutMethod(ctx, &apigateway.PutMethodInput{RestApiId: &api, ResourceId: &resource, HttpMethod: &r.verb, AuthorizationType: aws.String("NONE")})
	must(w.t, err)
	in := &apigateway.PutIntegrationInput{
		RestApiId: &api, ResourceId: &resource, HttpMethod: &r.verb, Type: rest.IntegrationTypeAwsProxy,
		Uri: aws.String(r.uri), IntegrationHttpMethod: aws.String(max(r.httpMethod, "POST")),
	}
	if r.httpMethod != "" {
		in.IntegrationHttpMethod = &r.httpMethod
	}
	if r.uri == "" {
		in.Uri = aws.String(invokeURI(r.function))
	}
	if r.credentials != "" {
		in.Credentials = &r.credentials
	}
	_, err = w.apis.PutIntegration(ctx, in)
	must(w.t, err)
}

// stage deploys what is there to a stage with variables "name=value".
func (w *world) stage(api, name string, variables ...string) {
	w.t.Helper()
	values := map[string]string{}
	for _, v := range variables {
		key, value, _ := strings.Cut(v, "=")
		values[key] = value
	}
	_, err := w.apis.CreateDeployment(context.Background(), &apigateway.CreateDeploymentInput{RestApiId: &api, StageName: &name, Variables: values})
	must(w.t, err)
}

// source is a SourceArn of the API: what follows the id.
func source(api, rest string) string {
	return "arn:aws:execute-api:" + testRegion + ":" + testAccount + ":" + api + rest
}

// grant adds a statement for API Gateway; function may have a qualifier.
func (w *world) grant(function, sid, sourceARN string) {
	w.t.Helper()
	in := &lambda.AddPermissionInput{StatementId: &sid, Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("apigateway.amazonaws.com")}
	if sourceARN != "" {
		in.SourceArn = &sourceARN
	}
	w.permit(function, in)
}

func (w *world) permit(function string, in *lambda.AddPermissionInput) {
	w.t.Helper()
	name, qualifier, qualified := strings.Cut(function, ":")
	in.FunctionName = &name
	if qualified {
		in.Qualifier = &qualifier
	}
	_, err := w.lambda.AddPermission(context.Background(), in)
	must(w.t, err)
}

// call asks the data plane and returns the status.
func (w *world) call(api, stage, verb, path string) int {
	w.t.Helper()
	r, err := http.NewRequest(verb, w.endpoint+"/restapis/"+api+"/"+stage+"/_user_request_"+path, nil)
	must(w.t, err)
	response, err := http.DefaultClient.Do(r)
	must(w.t, err)
	must(w.t, response.Body.Close())
	return response.StatusCode
}

func (w *world) read() *target.Dump {
	w.t.Helper()
	d, err := target.Read(context.Background(), w.clients, target.Options{Wanted: doctor.Wanted(nil)})
	must(w.t, err)
	return d
}

func (w *world) examine() *doctor.Report {
	w.t.Helper()
	d := w.read()
	for _, a := range d.RestAPIs {
		for id, deployment := range a.Deployments {
			deployment.CreatedDate = aws.Time(deployment.CreatedDate.Add(-w.deployedEarlier))
			a.Deployments[id] = deployment
		}
	}
	return doctor.Examine(d, doctor.Options{})
}

// of are the findings about an API, or with "" all of them.
func of(r *doctor.Report, api string) []doctor.Finding {
	var out []doctor.Finding
	for _, f := range r.Findings {
		if api == "" || f.API == api {
			out = append(out, f)
		}
	}
	return out
}

func codes(findings []doctor.Finding) []string {
	var out []string
	for i := range findings {
		out = append(out, findings[i].Code)
	}
	return out
}

func describe(findings []doctor.Finding) string {
	var b strings.Builder
	for i := range findings {
		f := &findings[i]
		fmt.Fprintf(&b, "%s %s %v: %s\n%s\n", f.Code, f.Method, f.Stages, f.Sentence, strings.Join(f.Fix, "\n"))
	}
	return b.String()
}

func withCode(findings []doctor.Finding, code string) *doctor.Finding {
	at := slices.IndexFunc(findings, func(f doctor.Finding) bool { return f.Code == code })
	if at < 0 {
		return nil
	}
	return &findings[at]
}

// fataler is a test, or one example of a property.
type fataler interface {
	Helper()
	Fatal(...any)
}
