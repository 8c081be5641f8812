package doctor_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	rest "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"pgregory.net/rapid"

	"github.com/stagedoor/stagedoor/awswire"
	"github.com/stagedoor/stagedoor/internal/doctor"
	"github.com/stagedoor/stagedoor/internal/gateway"
	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/invoke"
	apiservice "github.com/stagedoor/stagedoor/internal/service/apigateway"
	iamservice "github.com/stagedoor/stagedoor/internal/service/iam"
	lambdaservice "github.com/stagedoor/stagedoor/internal/service/lambda"
	"github.com/stagedoor/stagedoor/internal/store/storetest"
	"github.com/stagedoor/stagedoor/internal/target"
)

// inside is stagedoor's services and data plane without network and functions:
// doctor reads the services, requests go to the data plane.
type inside struct {
	apis    *apiservice.Service
	lambda  *lambdaservice.Service
	iam     *iamservice.Service
	gateway *gateway.Gateway
	account string
}

// answering stands for all functions.
type answering struct{}

func (answering) Invoke(context.Context, *invoke.Request) (*invoke.Result, error) {
	return &invoke.Result{Payload: []byte(`{"statusCode":200}`), ExecutedVersion: "$LATEST"}, nil
}

// quiet decides and writes no journal: only the answers are compared.
type quiet struct{ *grants.Grants }

func (quiet) Refuse(context.Context, *grants.Call, grants.Outcome) {}

func newInside(t testing.TB) *inside {
	s := storetest.New(t)
	g := grants.New(s, grants.Options{ManagedPolicy: iamservice.ManagedPolicy})
	t.Cleanup(func() { must(t, g.Close(context.Background())) })
	return &inside{
		apis: apiservice.New(s, apiservice.Options{}), lambda: lambdaservice.New(s, lambdaservice.Options{UpdateTime: -1}),
		iam: iamservice.New(s, iamservice.Options{}), gateway: gateway.New(s, quiet{g}, answering{}, nil, gateway.Options{Logger: slog.New(slog.DiscardHandler)}),
	}
}

// Operations that the services do not have.
type restOperations struct{ *apiservice.Service }

var errUnsupported = &smithy.GenericAPIError{Code: "UnsupportedOperation", Message: "not here"}

func (restOperations) GetAuthorizers(context.Context, *apigateway.GetAuthorizersInput, ...func(*apigateway.Options)) (*apigateway.GetAuthorizersOutput, error) {
	return nil, errUnsupported
}

type tokens struct{ account string }

func (t tokens) GetCallerIdentity(context.Context, *sts.GetCallerIdentityInput, ...func(*sts.Options)) (*sts.GetCallerIdentityOutput, error) {
	return &sts.GetCallerIdentityOutput{Account: &t.account}, nil
}

func (n *inside) context() context.Context {
	return awswire.WithCaller(context.Background(), awswire.Caller{Account: n.account, Region: testRegion, Root: true})
}

func (n *inside) clients() *target.Clients {
	return &target.Clients{
		RestAPIs: restOperations{n.apis}, Functions: func(string) target.Functions { return n.lambda },
		Roles: n.iam, Tokens: tokens{n.account}, Region: testRegion,
	}
}

// TestTruth makes APIs, grants, aliases, roles and stage variables by chance,
// stages that serve different deployments, and compares doctor's verdict on each method of each stage with what the data
// plane then answers.
func TestTruth(t *testing.T) {
	n := newInside(t)
	zip := code(t)
	var accounts, cells, passed atomic.Int64
	rapid.Check(t, func(rt *rapid.T) {
		one := *n
		one.account = fmt.Sprintf("%012d", accounts.Add(1))
		w := &chance{T: rt, inside: &one, zip: zip}
		w.functions()
		w.roles()
		w.api()
		w.grants()
		d, err := target.Read(one.context(), one.clients(), target.Options{Wanted: doctor.Wanted(nil)})
		must(rt, err)
		report := doctor.Examine(d, doctor.Options{})
		for i := range report.Cells {
			c := &report.Cells[i]
			cells.Add(1)
			if c.Verdict == doctor.Passes {
				passed.Add(1)
			}
			w.compare(report, c)
		}
	})
	t.Logf("%d verdicts compared, %d of them calls that pass", cells.Load(), passed.Load())
}

// chance makes one account.
type chance struct {
	*rapid.T
	*inside
	zip []byte
	id  string
}

func pick[T any](w *chance, what string, from ...T) T { return rapid.SampledFrom(from).Draw(w.T, what) }

func (w *chance) function(name string) string {
	return "arn:aws:lambda:" + testRegion + ":" + w.account + ":function:" + name
}

func (w *chance) functions() {
	for _, name := range []string{"fn-dev", "fn-prod", "fn"} {
		if name == "fn-prod" && !rapid.Bool().Draw(w.T, "fn-prod exists") {
			continue
		}
		_, err := w.lambda.CreateFunction(w.context(), &lambda.CreateFunctionInput{
			FunctionName: &name, Runtime: lambdatypes.RuntimePython312, Handler: aws.String("i.h"),
			Role: aws.String("arn:aws:iam::" + w.account + ":role/any"), Code: &lambdatypes.FunctionCode{ZipFile: w.zip},
		})
		must(w.T, err)
	}
	for _, name := range []string{"fn", "fn-dev"} {
		version, err := w.lambda.PublishVersion(w.context(), &lambda.PublishVersionInput{FunctionName: &name})
		must(w.T, err)
		_, err = w.lambda.CreateAlias(w.context(), &lambda.CreateAliasInput{FunctionName: &name, Name: aws.String("live"), FunctionVersion: version.Version})
		must(w.T, err)
	}
}

// roleNames: the last of them is never made.
var roleNames = []string{"r0", "r1", "r2", "gone"}

func (w *chance) roles() {
	for _, name := range roleNames[:3] {
		trust := pick(w, "trust of "+name, gatewayTrust, gatewayTrust, strings.Replace(gatewayTrust, "apigateway", "lambda", 1),
			strings.Replace(gatewayTrust, `"sts:AssumeRole"`, `"sts:AssumeRole","Condition":{"StringEquals":{"aws:SourceAccount":"`+w.account+`"}}`, 1))
		_, err := w.iam.CreateRole(w.context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust})
		must(w.T, err)
		if resource := pick(w, "policy of "+name, "", w.function("fn"), w.function("fn:*"), w.function("*")); resource != "" {
			policy := invokePolicy(resource)
			if rapid.Bool().Draw(w.T, "deny") {
				policy = strings.Replace(policy, `[{`, `[{"Effect":"Deny","Action":"lambda:*","Resource":"`+w.function("fn-dev")+`"},{`, 1)
			}
			_, err = w.iam.PutRolePolicy(w.context(), &iam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String("p"), PolicyDocument: &policy})
			must(w.T, err)
		}
		if rapid.IntRange(0, 4).Draw(w.T, "managed") == 0 {
			_, err = w.iam.AttachRolePolicy(w.context(), &iam.AttachRolePolicyInput{RoleName: &name, PolicyArn: aws.String("arn:aws:iam::aws:policy/service-role/AWSLambdaRole")})
			must(w.T, err)
		}
	}
}

var templates = []string{"/", "/hello", "/users/{id}", "/files/{proxy+}", "/v1/hello"}

func (w *chance) api() {
	ctx := w.context()
	api, err := w.apis.CreateRestApi(ctx, &apigateway.CreateRestApiInput{Name: aws.String("truth")})
	must(w.T, err)
	w.id = *api.Id
	ids := map[string]string{"/": *api.RootResourceId}
	for _, path := range templates {
		for _, verb := range []string{"GET", "POST", "ANY"} {
			if rapid.IntRange(0, 2).Draw(w.T, verb+path) > 0 {
				continue
			}
			w.method(w.resource(ids, path), verb)
		}
	}
	w.method(w.resource(ids, "/always"), "GET")
	for _, stage := range []string{"dev", "prod", "blue"} {
		variables := map[string]string{}
		if v := pick(w, "env", "dev", "prod", "-", "a b"); v != "-" {
			variables["env"] = strings.ReplaceAll(v, " ", ".")
		}
		if v := pick(w, "q", "live", "1", "9", "-"); v != "-" {
			variables["q"] = v
		}
		variables["role"] = pick(w, "role", roleNames...)
		if rapid.Bool().Draw(w.T, "edited") { // since the deployment of the stage before, which keeps the old one
			w.integration(ids["/always"], "GET")
		}
		_, err := w.apis.CreateDeployment(ctx, &apigateway.CreateDeploymentInput{RestApiId: &w.id, StageName: &stage, Variables: variables})
		must(w.T, err)
	}
}

func (w *chance) resource(ids map[string]string, path string) string {
	if id, ok := ids[path]; ok {
		return id
	}
	at := strings.LastIndexByte(path, '/')
	parent := w.resource(ids, max(path[:at], "/"))
	out, err := w.apis.CreateResource(w.context(), &apigateway.CreateResourceInput{RestApiId: &w.id, ParentId: &parent, PathPart: aws.String(path[at+1:])})
	must(w.T, err)
	ids[path] = *out.Id
	return *out.Id
}

func (w *chance) method(resource, verb string) {
	_, err := w.apis.PutMethod(w.context(), &apigateway.PutMethodInput{RestApiId: &w.id, ResourceId: &resource, HttpMethod: &verb, AuthorizationType: aws.String("NONE")})
	must(w.T, err)
	w.integration(resource, verb)
}

func (w *chance) integration(resource, verb string) {
	name := pick(w, "function", "fn", "fn", "fn:live", "fn:1", "fn:$LATEST", "fn-${stageVariables.env}", "fn-${stageVariables.env}:${stageVariables.q}", "fn:${stageVariables.q}", "absent")
	in := &apigateway.PutIntegrationInput{
		RestApiId: &w.id, ResourceId: &resource, HttpMethod: &verb, Type: rest.IntegrationTypeAwsProxy,
		IntegrationHttpMethod: aws.String(pick(w, "httpMethod", "POST", "POST", "POST", "POST", "GET")),
		Uri:                   aws.String("arn:aws:apigateway:" + testRegion + ":lambda:path/2015-03-31/functions/" + w.function(name) + "/invocations"),
	}
	switch rapid.IntRange(0, 5).Draw(w.T, "credentials") {
	case 0:
		in.Credentials = aws.String("arn:aws:iam::" + w.account + ":role/" + pick(w, "role", roleNames...))
	case 1:
		in.Credentials = aws.String("arn:aws:iam::" + w.account + ":role/${stageVariables.role}")
	}
	_, err := w.apis.PutIntegration(w.context(), in)
	must(w.T, err)
}

func (w *chance) grants() {
	for i := range rapid.IntRange(0, 14).Draw(w.T, "grants") {
		name := pick(w, "granted", "fn", "fn-dev", "fn:live", "fn:1", "fn-dev:live")
		function, qualifier, qualified := strings.Cut(name, ":")
		in := &lambda.AddPermissionInput{
			FunctionName: &function, StatementId: aws.String(fmt.Sprintf("s%d", i)), Action: aws.String("lambda:InvokeFunction"),
			Principal: aws.String(pick(w, "principal", "apigateway.amazonaws.com", "apigateway.amazonaws.com", "apigateway.amazonaws.com", "events.amazonaws.com", "*", w.account)),
		}
		if qualified {
			in.Qualifier = &qualifier
		}
		if arn := w.sourceARN(); arn != "" {
			in.SourceArn = &arn
		}
		if rapid.IntRange(0, 4).Draw(w.T, "SourceAccount") == 0 {
			in.SourceAccount = aws.String(pick(w, "account", w.account, "999999999999"))
		}
		_, err := w.lambda.AddPermission(w.context(), in)
		must(w.T, err)
	}
}

func (w *chance) sourceARN() string {
	rest := pick(w, "rest", "/*", "/*", "/*", "/*", "/*/*/*", "", "/{stage}/{verb}{path}", "/{stage}/{verb}{path}", "/{stage}/{verb}{path}", "/*/{verb}{path}", "/{stage}/*", "/{stage}/*/{verb}{path}", "none")
	if rest == "none" {
		return ""
	}
	rest = strings.NewReplacer(
		"{stage}", pick(w, "stage", "dev", "prod", "*", "test-invoke-stage", "d*"),
		"{verb}", pick(w, "verb", "GET", "POST", "ANY", "*", "get"),
		"{path}", pick(w, "path", append([]string{"/always", "/users/*", "/users/42", "/*", "/files/*", "", "hello"}, templates...)...),
	).Replace(rest)
	return "arn:aws:execute-api:" + pick(w, "region", testRegion, testRegion, testRegion, "*", "eu-west-1") + ":" + pick(w, "owner", w.account, w.account, "*", "111122223333") +
		":" + pick(w, "api", w.id, w.id, w.id, w.id, w.id, "abcdefghij", "*") + rest
}

func (w *chance) compare(report *doctor.Report, c *doctor.Cell) {
	verb, path, _ := strings.Cut(c.Method, " ")
	if verb == "ANY" {
		verb = "DELETE" // no other method has it
	}
	path = strings.NewReplacer("{id}", "42", "{proxy+}", "a/b").Replace(path)
	request := httptest.NewRequest(verb, "http://127.0.0.1/restapis/"+w.id+"/"+c.Stage+"/_user_request_"+path, nil)
	answer := httptest.NewRecorder()
	w.gateway.ServeHTTP(answer, request)
	want := http.StatusInternalServerError
	if c.Verdict == doctor.Passes {
		want = http.StatusOK
	}
	if answer.Code != want {
		w.Fatalf("%s on %s → %s: doctor says %s (%s), the data plane answers %d %s\n%s",
			c.Method, c.Stage, c.Function, c.Verdict, c.Code, answer.Code, answer.Body, describe(report.Findings))
	}
	if c.Verdict != doctor.Passes && c.Code == "" {
		w.Fatalf("%s on %s does not pass and has no code", c.Method, c.Stage)
	}
}
