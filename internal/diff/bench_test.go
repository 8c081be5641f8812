package diff_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	rest "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/stagedoor/stagedoor"
	"github.com/stagedoor/stagedoor/internal/diff"
	"github.com/stagedoor/stagedoor/internal/target"
)

// What the API of the benchmarks has: methods, and functions of each stage that
// they call.
const (
	benchMethods   = 300
	benchFunctions = 20
)

// BenchmarkDiff reads two stages of an API over HTTP from the stagedoor in this
// process, compares them and writes the text.
func BenchmarkDiff(b *testing.B) {
	clients, api := benchAPI(b)
	for b.Loop() {
		picture, err := diff.Read(context.Background(), clients, api, "dev", "prod")
		must(b, err)
		side := &diff.Side{Picture: picture}
		c := diff.Pictures(side, side, [2]string{"dev", "prod"})
		if s := c.Reports[0].Section(diff.SectionMethods); s.Same != benchMethods-1 || s.Differences() != 1 {
			b.Fatalf("%d the same, %d differ", s.Same, s.Differences())
		}
		must(b, c.WriteText(&bytes.Buffer{}, diff.TextOptions{}))
		b.ReportMetric(float64(c.Calls), "calls")
	}
}

// BenchmarkCompare compares the same without reading it.
func BenchmarkCompare(b *testing.B) {
	clients, api := benchAPI(b)
	picture, err := diff.Read(context.Background(), clients, api, "dev", "prod")
	must(b, err)
	b.ReportAllocs()
	for b.Loop() {
		side := &diff.Side{Picture: picture}
		diff.Pictures(side, side, [2]string{"dev", "prod"})
	}
}

// benchAPI deploys an API of 300 methods to dev and prod, of which one differs.
// A stage variable names the functions.
func benchAPI(b *testing.B) (clients *target.Clients, id string) {
	b.Helper()
	ctx := context.Background()
	s, err := stagedoor.New(stagedoor.Options{Ephemeral: true, Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)})
	must(b, err)
	must(b, s.Start(ctx))
	b.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		must(b, s.Close(ctx))
	})
	config, requests, err := target.Place{Endpoint: s.Endpoint()}.Config(ctx)
	must(b, err)
	apis := apigateway.NewFromConfig(config)
	api, err := apis.CreateRestApi(ctx, &apigateway.CreateRestApiInput{Name: aws.String("shop")})
	must(b, err)
	deploy := func(stage string) {
		_, err := apis.CreateDeployment(ctx, &apigateway.CreateDeploymentInput{RestApiId: api.Id, StageName: &stage, Variables: map[string]string{"env": stage}})
		must(b, err)
	}
	for i := range benchMethods / 3 {
		r, err := apis.CreateResource(ctx, &apigateway.CreateResourceInput{RestApiId: api.Id, ParentId: api.RootResourceId, PathPart: aws.String(fmt.Sprintf("path%d", i))})
		must(b, err)
		for _, verb := range []string{"GET", "POST", "PUT"} {
			if verb == "PUT" && i == benchMethods/3-1 {
				deploy("prod")
			}
			_, err = apis.PutMethod(ctx, &apigateway.PutMethodInput{RestApiId: api.Id, ResourceId: r.Id, HttpMethod: &verb, AuthorizationType: aws.String("NONE")})
			must(b, err)
			_, err = apis.PutIntegration(ctx, &apigateway.PutIntegrationInput{
				RestApiId: api.Id, ResourceId: r.Id, HttpMethod: &verb, Type: rest.IntegrationTypeAwsProxy, IntegrationHttpMethod: aws.String("POST"),
				Uri: aws.String(fmt.Sprintf("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:fn%d-${stageVariables.env}/invocations", i%benchFunctions)),
			})
			must(b, err)
		}
	}
	deploy("dev")
	benchFunctionsOf(b, config)
	return target.FromConfig(config, requests), *api.Id
}

// benchFunctionsOf makes the functions of both stages.
func benchFunctionsOf(b *testing.B, config aws.Config) {
	b.Helper()
	ctx, client := context.Background(), lambda.NewFromConfig(config)
	role, err := iam.NewFromConfig(config).CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("functions"), AssumeRolePolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)})
	must(b, err)
	var code bytes.Buffer
	z := zip.NewWriter(&code)
	_, err = z.Create("index.py")
	must(b, err)
	must(b, z.Close())
	for i := range benchFunctions {
		for _, stage := range []string{"dev", "prod"} {
			_, err := client.CreateFunction(ctx, &lambda.CreateFunctionInput{
				FunctionName: aws.String(fmt.Sprintf("fn%d-%s", i, stage)), Runtime: lambdatypes.RuntimePython312, Handler: aws.String("index.handler"),
				Role: role.Role.Arn, Code: &lambdatypes.FunctionCode{ZipFile: code.Bytes()},
				Environment: &lambdatypes.Environment{Variables: map[string]string{"STAGE": stage}},
			})
			must(b, err)
		}
	}
}
