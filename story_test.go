package stagedoor

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

	"github.com/stagedoor/stagedoor/awswire"
	"github.com/stagedoor/stagedoor/internal/grants"
)

// cloud is what the story needs of AWS. The SDK's clients satisfy it, and so
// do the services in this process: handlers have the clients' own signatures.
type cloud struct {
	iam interface {
		CreateRole(context.Context, *iam.CreateRoleInput, ...func(*iam.Options)) (*iam.CreateRoleOutput, error)
	}
	lambda interface {
		lambda.GetFunctionAPIClient
		lambda.ListFunctionsAPIClient
		CreateFunction(context.Context, *lambda.CreateFunctionInput, ...func(*lambda.Options)) (*lambda.CreateFunctionOutput, error)
		AddPermission(context.Context, *lambda.AddPermissionInput, ...func(*lambda.Options)) (*lambda.AddPermissionOutput, error)
		RemovePermission(context.Context, *lambda.RemovePermissionInput, ...func(*lambda.Options)) (*lambda.RemovePermissionOutput, error)
	}
	gateway interface {
		CreateRestApi(context.Context, *apigateway.CreateRestApiInput, ...func(*apigateway.Options)) (*apigateway.CreateRestApiOutput, error)
		CreateResource(context.Context, *apigateway.CreateResourceInput, ...func(*apigateway.Options)) (*apigateway.CreateResourceOutput, error)
		PutMethod(context.Context, *apigateway.PutMethodInput, ...func(*apigateway.Options)) (*apigateway.PutMethodOutput, error)
		PutIntegration(context.Context, *apigateway.PutIntegrationInput, ...func(*apigateway.Options)) (*apigateway.PutIntegrationOutput, error)
		CreateDeployment(context.Context, *apigateway.CreateDeploymentInput, ...func(*apigateway.Options)) (*apigateway.CreateDeploymentOutput, error)
	}
}

// TestStory tells the seed story through the SDK for Go: over HTTP, over the
// console's transport, and by handlers called directly.
func TestStory(t *testing.T) {
	needs(t, "python3")
	t.Run("over HTTP", func(t *testing.T) {
		s := start(t)
		config := aws.Config{
			Region: "us-east-1", BaseEndpoint: aws.String(s.Endpoint()),
			Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		}
		story(t, t.Context(), s, cloud{iam.NewFromConfig(config), lambda.NewFromConfig(config), apigateway.NewFromConfig(config)})
	})
	t.Run("as the console asks", func(t *testing.T) {
		s := start(t)
		config := s.parts.clientConfig(s.options, s.Endpoint(), credentials.NewStaticCredentialsProvider("test", "test", ""), "127.0.0.1:1")
		story(t, t.Context(), s, cloud{iam.NewFromConfig(config), lambda.NewFromConfig(config), apigateway.NewFromConfig(config)})
	})
	t.Run("in this process", func(t *testing.T) {
		s := start(t)
		ctx := awswire.WithCaller(t.Context(), awswire.Caller{Account: "000000000000", Region: "us-east-1", Root: true})
		story(t, ctx, s, cloud{s.parts.iam, s.parts.lambda, s.parts.apis})
	})
}

func story(t *testing.T, ctx context.Context, s *Server, c cloud) {
	t.Helper()
	role, err := c.iam.CreateRole(ctx, &iam.CreateRoleInput{
		RoleName:                 aws.String("lambda"),
		AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`),
	})
	must(t, err)
	for _, stage := range []string{"dev", "staging"} {
		name := aws.String("my-function-" + stage)
		_, err := c.lambda.CreateFunction(ctx, &lambda.CreateFunctionInput{
			FunctionName: name, Runtime: lambdatypes.RuntimePython312, Handler: aws.String("index.handler"), Role: role.Role.Arn,
			Code: &lambdatypes.FunctionCode{ZipFile: zipped(t, "index.py", "def handler(event, context):\n    return {'statusCode': 200, 'body': context.function_name}\n")},
		})
		must(t, err)
		must(t, lambda.NewFunctionActiveV2Waiter(c.lambda, func(o *lambda.FunctionActiveV2WaiterOptions) {
			o.MinDelay, o.MaxDelay = 10*time.Millisecond, 50*time.Millisecond
		}).Wait(ctx, &lambda.GetFunctionInput{FunctionName: name}, 30*time.Second))
	}
	names := 0
	for pages := lambda.NewListFunctionsPaginator(c.lambda, &lambda.ListFunctionsInput{MaxItems: aws.Int32(1)}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		must(t, err)
		names += len(page.Functions)
	}
	if names != 2 {
		t.Errorf("the paginator found %d functions, want 2", names)
	}

	api := deploy(t, ctx, c)
	const refused = `{"message": "Internal server error"}`
	expect(t, s, api, "dev", 500, refused)
	grant := func(stage string) {
		_, err := c.lambda.AddPermission(ctx, &lambda.AddPermissionInput{
			FunctionName: aws.String("my-function-" + stage), StatementId: aws.String("api"), Action: aws.String("lambda:InvokeFunction"),
			Principal: aws.String("apigateway.amazonaws.com"), SourceArn: aws.String("arn:aws:execute-api:us-east-1:000000000000:" + api + "/*/GET/hello"),
		})
		must(t, err)
	}
	grant("dev")
	expect(t, s, api, "dev", 200, "my-function-dev")
	expect(t, s, api, "staging", 500, refused)
	grant("staging")
	expect(t, s, api, "staging", 200, "my-function-staging")
	_, err = c.lambda.RemovePermission(ctx, &lambda.RemovePermissionInput{FunctionName: aws.String("my-function-dev"), StatementId: aws.String("api")})
	must(t, err)
	expect(t, s, api, "dev", 500, refused)
}

// deploy makes GET /hello call my-function-${stageVariables.env} on two stages.
func deploy(t *testing.T, ctx context.Context, c cloud) (id string) {
	t.Helper()
	api, err := c.gateway.CreateRestApi(ctx, &apigateway.CreateRestApiInput{Name: aws.String("story")})
	must(t, err)
	resource, err := c.gateway.CreateResource(ctx, &apigateway.CreateResourceInput{RestApiId: api.Id, ParentId: api.RootResourceId, PathPart: aws.String("hello")})
	must(t, err)
	get := aws.String("GET")
	_, err = c.gateway.PutMethod(ctx, &apigateway.PutMethodInput{RestApiId: api.Id, ResourceId: resource.Id, HttpMethod: get, AuthorizationType: aws.String("NONE")})
	must(t, err)
	_, err = c.gateway.PutIntegration(ctx, &apigateway.PutIntegrationInput{
		RestApiId: api.Id, ResourceId: resource.Id, HttpMethod: get, Type: gatewaytypes.IntegrationTypeAwsProxy, IntegrationHttpMethod: aws.String("POST"),
		Uri: aws.String("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:my-function-${stageVariables.env}/invocations"),
	})
	must(t, err)
	for _, stage := range []string{"dev", "staging"} {
		_, err := c.gateway.CreateDeployment(ctx, &apigateway.CreateDeploymentInput{RestApiId: api.Id, StageName: &stage, Variables: map[string]string{"env": stage}})
		must(t, err)
	}
	return *api.Id
}

// The refusal that a client sees as a bare 500 arrives, explained, at whoever
// embeds the server, and under the request id that the client got.
func TestRefusalIsExplained(t *testing.T) {
	refusals := make(chan *grants.Decision, 1)
	s := start(t, func(s *Server) { s.OnRefusal(func(d *grants.Decision) { refusals <- d }) })
	ctx := awswire.WithCaller(t.Context(), awswire.Caller{Account: "000000000000", Region: "us-east-1", Root: true})
	api := deploy(t, ctx, cloud{gateway: s.parts.apis})
	request := expect(t, s, api, "dev", 500, "")
	d := <-refusals
	if d.RequestID != request || d.Stage != "dev" || !strings.HasSuffix(d.FunctionARN, ":my-function-dev") {
		t.Errorf("decision %+v does not belong to request %s on stage dev", d, request)
	}
	found, err := s.parts.grants.Decision(ctx, request)
	must(t, err)
	if found.ID != d.ID {
		t.Errorf("the journal knows request %s as %s, the listener as %s", request, found.ID, d.ID)
	}
	cells := s.Matrix()
	if len(cells) != 2 || cells[0].Allowed || cells[1].Allowed {
		t.Errorf("matrix %+v, want two refused cells", cells)
	}
}

func start(t *testing.T, prepare ...func(*Server)) *Server {
	t.Helper()
	s, err := New(Options{Listen: "127.0.0.1:0", Ephemeral: true})
	must(t, err)
	for _, f := range prepare {
		f(s)
	}
	must(t, s.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// expect calls GET /hello of a stage and returns the answer's request id.
func expect(t *testing.T, s *Server, api, stage string, status int, body string) (requestID string) {
	t.Helper()
	response, err := http.Get(s.Endpoint() + "/restapis/" + api + "/" + stage + "/_user_request_/hello")
	must(t, err)
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	must(t, err)
	if response.StatusCode != status || body != "" && string(got) != body {
		t.Fatalf("stage %s answered %d %s, want %d %s", stage, response.StatusCode, got, status, body)
	}
	return response.Header.Get("x-amzn-RequestId")
}

func zipped(t *testing.T, name, text string) []byte {
	t.Helper()
	var buf bytes.Buffer
	archive := zip.NewWriter(&buf)
	w, err := archive.Create(name)
	must(t, err)
	_, err = io.WriteString(w, text)
	must(t, err)
	must(t, archive.Close())
	return buf.Bytes()
}

// needs skips a test, by name, where a program is missing; in CI it fails.
func needs(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is missing, and in CI this test must run", program)
		}
		t.Skipf("%s is not installed", program)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
