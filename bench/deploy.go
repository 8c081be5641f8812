package main

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	apitypes "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

const (
	region  = "us-east-1"
	account = "000000000000"
)

// clients are the SDK's, pointed at a server.
type clients struct {
	iam     *iam.Client
	lambda  *lambda.Client
	gateway *apigateway.Client
}

func (s *server) clients() *clients {
	config := aws.Config{
		Region:       region,
		BaseEndpoint: aws.String("http://" + s.address),
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
	}
	return &clients{iam: iam.NewFromConfig(config), lambda: lambda.NewFromConfig(config), gateway: apigateway.NewFromConfig(config)}
}

// mockAPI deploys GET /ping as a MOCK to the stage "s": five calls and what
// answers need.
func (c *clients) mockAPI(ctx context.Context) (api string, err error) {
	created, err := c.gateway.CreateRestApi(ctx, &apigateway.CreateRestApiInput{Name: aws.String("mock")})
	if err != nil {
		return "", err
	}
	resource, err := c.gateway.CreateResource(ctx, &apigateway.CreateResourceInput{RestApiId: created.Id, ParentId: created.RootResourceId, PathPart: aws.String("ping")})
	if err != nil {
		return "", err
	}
	get := aws.String("GET")
	if _, err := c.gateway.PutMethod(ctx, &apigateway.PutMethodInput{RestApiId: created.Id, ResourceId: resource.Id, HttpMethod: get, AuthorizationType: aws.String("NONE")}); err != nil {
		return "", err
	}
	if _, err := c.gateway.PutMethodResponse(ctx, &apigateway.PutMethodResponseInput{RestApiId: created.Id, ResourceId: resource.Id, HttpMethod: get, StatusCode: aws.String("200")}); err != nil {
		return "", err
	}
	if _, err := c.gateway.PutIntegration(ctx, &apigateway.PutIntegrationInput{
		RestApiId: created.Id, ResourceId: resource.Id, HttpMethod: get, Type: apitypes.IntegrationTypeMock,
		RequestTemplates: map[string]string{"application/json": `{"statusCode": 200}`},
	}); err != nil {
		return "", err
	}
	if _, err := c.gateway.PutIntegrationResponse(ctx, &apigateway.PutIntegrationResponseInput{
		RestApiId: created.Id, ResourceId: resource.Id, HttpMethod: get, StatusCode: aws.String("200"),
		ResponseTemplates: map[string]string{"application/json": `{"message": "hello"}`},
	}); err != nil {
		return "", err
	}
	_, err = c.gateway.CreateDeployment(ctx, &apigateway.CreateDeploymentInput{RestApiId: created.Id, StageName: aws.String("s")})
	return *created.Id, err
}

// chain is the five calls of a smallest API; it returns how many calls it made.
func (c *clients) chain(ctx context.Context, function string) (calls int, api string, err error) {
	created, err := c.gateway.CreateRestApi(ctx, &apigateway.CreateRestApiInput{Name: aws.String("chain")})
	if err != nil {
		return 0, "", err
	}
	resource, err := c.gateway.CreateResource(ctx, &apigateway.CreateResourceInput{RestApiId: created.Id, ParentId: created.RootResourceId, PathPart: aws.String("hello")})
	if err != nil {
		return 1, "", err
	}
	get := aws.String("GET")
	if _, err := c.gateway.PutMethod(ctx, &apigateway.PutMethodInput{RestApiId: created.Id, ResourceId: resource.Id, HttpMethod: get, AuthorizationType: aws.String("NONE")}); err != nil {
		return 2, "", err
	}
	if _, err := c.gateway.PutIntegration(ctx, &apigateway.PutIntegrationInput{
		RestApiId: created.Id, ResourceId: resource.Id, HttpMethod: get,
		Type: apitypes.IntegrationTypeAwsProxy, IntegrationHttpMethod: aws.String("POST"),
		Uri: aws.String(fmt.Sprintf("arn:aws:apigateway:%s:lambda:path/2015-03-31/functions/arn:aws:lambda:%s:%s:function:%s/invocations", region, region, account, function)),
	}); err != nil {
		return 3, "", err
	}
	_, err = c.gateway.CreateDeployment(ctx, &apigateway.CreateDeploymentInput{RestApiId: created.Id, StageName: aws.String("s")})
	return 5, *created.Id, err
}

// program is a function as both the floor and stagedoor run it.
type program struct {
	name    string
	runtime lambdatypes.Runtime
	handler string
	files   map[string][]byte
}

// event is what a proxy integration gets for the request of the benchmarks, so
// that the functions behind the floor have the same to read.
const event = `{"resource":"/hello","path":"/hello","httpMethod":"GET","headers":{"Accept":"*/*","Host":"a1b2c3d4e5.execute-api.localhost",` +
	`"User-Agent":"bench","X-Amzn-Trace-Id":"Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700","X-Forwarded-For":"127.0.0.1","X-Forwarded-Port":"4566",` +
	`"X-Forwarded-Proto":"http"},"multiValueHeaders":{"Accept":["*/*"],"Host":["a1b2c3d4e5.execute-api.localhost"],"User-Agent":["bench"],` +
	`"X-Amzn-Trace-Id":["Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700"],"X-Forwarded-For":["127.0.0.1"],"X-Forwarded-Port":["4566"],` +
	`"X-Forwarded-Proto":["http"]},"queryStringParameters":null,"multiValueQueryStringParameters":null,"pathParameters":null,` +
	`"stageVariables":null,"requestContext":{"resourceId":"c42da5","resourcePath":"/hello","httpMethod":"GET","extendedRequestId":"TCKDLJnVqCFRTgg=",` +
	`"requestTime":"22/Nov/2026:14:03:50 +0000","path":"/s/hello","accountId":"000000000000","protocol":"HTTP/1.1","stage":"s",` +
	`"domainPrefix":"a1b2c3d4e5","requestTimeEpoch":1795356230000,"requestId":"b4cb83aa-2a47-47b6-b165-27f64de718a0","identity":{` +
	`"cognitoIdentityPoolId":null,"accountId":null,"cognitoIdentityId":null,"caller":null,"sourceIp":"127.0.0.1","principalOrgId":null,` +
	`"accessKey":null,"cognitoAuthenticationType":null,"cognitoAuthenticationProvider":null,"userArn":null,"userAgent":"bench","user":null},` +
	`"domainName":"a1b2c3d4e5.execute-api.localhost","deploymentId":"6u7vp9","apiId":"a1b2c3d4e5"},"body":null,"isBase64Encoded":false}`

func programs(work string) ([]program, error) {
	out := filepath.Join(work, "bootstrap")
	build := exec.Command("go", "build", "-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", out, "github.com/stagedoor/stagedoor/bench/function")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, text)
	}
	bootstrap, err := os.ReadFile(out)
	if err != nil {
		return nil, err
	}
	// The version that python3 is, so that both sides start the same program.
	python, err := exec.Command("python3", "-c", "import sys; print('python%d.%d' % sys.version_info[:2])").Output()
	if err != nil {
		return nil, err
	}
	return []program{
		{"node", lambdatypes.RuntimeNodejs20x, "index.handler", map[string][]byte{
			"index.js": []byte(`exports.handler = async () => ({ statusCode: 200, body: "hello" });`),
		}},
		{"python", lambdatypes.Runtime(strings.TrimSpace(string(python))), "index.handler", map[string][]byte{
			"index.py": []byte("def handler(event, context):\n    return {\"statusCode\": 200, \"body\": \"hello\"}\n"),
		}},
		{"go", lambdatypes.RuntimeProvidedal2023, "bootstrap", map[string][]byte{"bootstrap": bootstrap}},
	}, nil
}

// deploy creates the function, lets every API call it, and waits until it is
// active.
func (c *clients) deploy(ctx context.Context, p program, name string) error {
	if err := c.create(ctx, p, name); err != nil {
		return err
	}
	if _, err := c.lambda.AddPermission(ctx, &lambda.AddPermissionInput{
		FunctionName: &name, StatementId: aws.String("bench"), Action: aws.String("lambda:InvokeFunction"),
		Principal: aws.String("apigateway.amazonaws.com"), SourceArn: aws.String("arn:aws:execute-api:" + region + ":" + account + ":*/*/GET/hello"),
	}); err != nil {
		return err
	}
	return c.active(ctx, name)
}

func (c *clients) create(ctx context.Context, p program, name string) error {
	archive, err := p.archive()
	if err != nil {
		return err
	}
	role, err := c.role(ctx)
	if err != nil {
		return err
	}
	_, err = c.lambda.CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: &name, Runtime: p.runtime, Handler: &p.handler, Role: role,
		Code: &lambdatypes.FunctionCode{ZipFile: archive}, MemorySize: aws.Int32(512),
	})
	return err
}

func (p program) archive() ([]byte, error) {
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for file, data := range p.files {
		header := &zip.FileHeader{Name: file, Method: zip.Deflate}
		header.SetMode(0o755)
		f, err := w.CreateHeader(header)
		if err != nil {
			return nil, err
		}
		if _, err := f.Write(data); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return archive.Bytes(), err
}

func (c *clients) active(ctx context.Context, name string) error {
	return lambda.NewFunctionUpdatedV2Waiter(c.lambda, func(o *lambda.FunctionUpdatedV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, 100*time.Millisecond
	}).Wait(ctx, &lambda.GetFunctionInput{FunctionName: &name}, 30*time.Second)
}

// role is the functions' role; it is made at the first call.
func (c *clients) role(ctx context.Context) (*string, error) {
	name := aws.String("bench")
	if found, err := c.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: name}); err == nil {
		return found.Role.Arn, nil
	}
	made, err := c.iam.CreateRole(ctx, &iam.CreateRoleInput{
		RoleName:                 name,
		AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`),
	})
	if err != nil {
		return nil, err
	}
	return made.Role.Arn, nil
}
