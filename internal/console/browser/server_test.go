package browser

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
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
)

// world is a stagedoor in this process, with clients of AWS.
type world struct {
	testing.TB
	server    *stagedoor.Server
	url       string
	apis      *apigateway.Client
	functions *lambda.Client
	iam       *iam.Client
	role      string // ARN of a role that functions have
}

// start runs an empty stagedoor until the test ends.
func start(t testing.TB, change ...func(*stagedoor.Options)) *world {
	t.Helper()
	o := stagedoor.Options{Listen: "127.0.0.1:0", Ephemeral: true, Version: "test"}
	for _, f := range change {
		f(&o)
	}
	server, err := stagedoor.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := server.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	config := aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(server.Endpoint()),
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}
	return &world{
		TB: t, server: server, url: server.Endpoint(),
		apis: apigateway.NewFromConfig(config), functions: lambda.NewFromConfig(config), iam: iam.NewFromConfig(config),
	}
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// handlerCode answers with the function's name and prints a line.
const handlerCode = `import json

def handler(event, context):
    stage = (event.get("requestContext") or {}).get("stage", "test")
    print("serving " + stage)
    if event.get("fail"):
        raise ValueError("asked to fail")
    return {
        "statusCode": 200,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps({"function": context.function_name, "version": context.function_version, "stage": stage, "orders": [{"id": 41, "total": 12.5}, {"id": 42, "total": 99}]}),
    }
`

// function makes a function that runs, and skips the test where Python is
// missing.
func (w *world) function(name string, variables map[string]string) {
	w.Helper()
	needs(w, "python3")
	if w.role == "" {
		out, err := w.iam.CreateRole(w.Context(), &iam.CreateRoleInput{RoleName: aws.String("orders"), AssumeRolePolicyDocument: aws.String(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)})
		w.must(err)
		w.role = aws.ToString(out.Role.Arn)
	}
	in := &lambda.CreateFunctionInput{
		FunctionName: &name, Runtime: lambdatypes.RuntimePython312, Handler: aws.String("index.handler"), Role: &w.role,
		Description: aws.String("Lists and takes orders"), Timeout: aws.Int32(10), Code: &lambdatypes.FunctionCode{ZipFile: zipped(w, "index.py", handlerCode)},
	}
	if variables != nil {
		in.Environment = &lambdatypes.Environment{Variables: variables}
	}
	_, err := w.functions.CreateFunction(w.Context(), in)
	w.must(err)
	w.must(lambda.NewFunctionActiveV2Waiter(w.functions, func(o *lambda.FunctionActiveV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = 10*time.Millisecond, 50*time.Millisecond
	}).Wait(w.Context(), &lambda.GetFunctionInput{FunctionName: &name}, patience))
}

// settled waits until an update of a function's code has ended.
func (w *world) settled(name string) {
	w.Helper()
	w.must(lambda.NewFunctionUpdatedV2Waiter(w.functions, func(o *lambda.FunctionUpdatedV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = 10*time.Millisecond, 50*time.Millisecond
	}).Wait(w.Context(), &lambda.GetFunctionInput{FunctionName: &name}, patience))
}

// grant lets an API call a function; stage, verb and path are those of the
// SourceArn.
func (w *world) grant(function, api, source string) {
	w.Helper()
	name, qualifier, qualified := strings.Cut(function, ":")
	in := &lambda.AddPermissionInput{
		FunctionName: &name, StatementId: aws.String("api-" + strings.NewReplacer("/", "-", "*", "any", "{", "", "}", "").Replace(source)), Action: aws.String("lambda:InvokeFunction"),
		Principal: aws.String("apigateway.amazonaws.com"), SourceArn: aws.String("arn:aws:execute-api:us-east-1:000000000000:" + api + "/" + source),
	}
	if qualified {
		in.Qualifier = &qualifier
	}
	_, err := w.functions.AddPermission(w.Context(), in)
	w.must(err)
}

// orders makes the API of the examples: methods that call
// my-function-${stageVariables.env}, deployed to dev, staging and prod.
func (w *world) orders(stages ...string) (id string) {
	w.Helper()
	api, err := w.apis.CreateRestApi(w.Context(), &apigateway.CreateRestApiInput{Name: aws.String("orders"), Description: aws.String("Orders of the web shop")})
	w.must(err)
	w.method(*api.Id, *api.RootResourceId, "orders", []string{"GET", "POST"}, "my-function-${stageVariables.env}")
	w.deploy(*api.Id, stages...)
	return *api.Id
}

// method adds a path with verbs that all call one function, and returns the
// path's id.
func (w *world) method(api, parent, part string, verbs []string, function string) string {
	w.Helper()
	resource, err := w.apis.CreateResource(w.Context(), &apigateway.CreateResourceInput{RestApiId: &api, ParentId: &parent, PathPart: &part})
	w.must(err)
	for _, verb := range verbs {
		_, err = w.apis.PutMethod(w.Context(), &apigateway.PutMethodInput{RestApiId: &api, ResourceId: resource.Id, HttpMethod: &verb, AuthorizationType: aws.String("NONE")})
		w.must(err)
		_, err = w.apis.PutIntegration(w.Context(), &apigateway.PutIntegrationInput{
			RestApiId: &api, ResourceId: resource.Id, HttpMethod: &verb, Type: gatewaytypes.IntegrationTypeAwsProxy, IntegrationHttpMethod: aws.String("POST"),
			Uri: aws.String("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:" + function + "/invocations"),
		})
		w.must(err)
	}
	return *resource.Id
}

func (w *world) deploy(api string, stages ...string) {
	w.Helper()
	for _, stage := range stages {
		_, err := w.apis.CreateDeployment(w.Context(), &apigateway.CreateDeploymentInput{
			RestApiId: &api, StageName: &stage, Variables: map[string]string{"env": stage},
		})
		w.must(err)
	}
}

// logging switches a stage's execution log on.
func (w *world) logging(api string, stages ...string) {
	w.Helper()
	role, err := w.iam.CreateRole(w.Context(), &iam.CreateRoleInput{RoleName: aws.String("gateway-logs"), AssumeRolePolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"apigateway.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)})
	w.must(err)
	_, err = w.iam.AttachRolePolicy(w.Context(), &iam.AttachRolePolicyInput{
		RoleName: aws.String("gateway-logs"), PolicyArn: aws.String("arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"),
	})
	w.must(err)
	_, err = w.apis.UpdateAccount(w.Context(), &apigateway.UpdateAccountInput{PatchOperations: []gatewaytypes.PatchOperation{
		{Op: gatewaytypes.OpReplace, Path: aws.String("/cloudwatchRoleArn"), Value: role.Role.Arn},
	}})
	w.must(err)
	for _, stage := range stages {
		_, err = w.apis.UpdateStage(w.Context(), &apigateway.UpdateStageInput{RestApiId: &api, StageName: &stage, PatchOperations: []gatewaytypes.PatchOperation{
			{Op: gatewaytypes.OpReplace, Path: aws.String("/*/*/logging/loglevel"), Value: aws.String("INFO")},
			{Op: gatewaytypes.OpReplace, Path: aws.String("/*/*/logging/dataTrace"), Value: aws.String("true")},
		}})
		w.must(err)
	}
}

// call sends a request to a stage and returns status, body and request id.
func (w *world) call(api, stage, path string) (status int, body, request string) {
	w.Helper()
	answer, err := http.Get(w.url + "/restapis/" + api + "/" + stage + "/_user_request_" + path)
	w.must(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	w.must(err)
	return answer.StatusCode, string(text), answer.Header.Get("x-amzn-RequestId")
}

func zipped(t testing.TB, name, text string) []byte {
	t.Helper()
	var buf bytes.Buffer
	archive := zip.NewWriter(&buf)
	f, err := archive.Create(name)
	if err == nil {
		_, err = io.WriteString(f, text)
	}
	if err == nil {
		err = archive.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// needs skips a test, by name, where a program is missing; in CI it fails.
func needs(t testing.TB, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is missing, and in CI this test must run", program)
		}
		t.Skipf("%s is not installed", program)
	}
}
