package awswire

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

const createFunction = `{"FunctionName":"my-function-dev","Runtime":"python3.12","Role":"arn:aws:iam::123456789012:role/lambda-role",` +
	`"Handler":"app.handler","Code":{"S3Bucket":"my-bucket","S3Key":"code/app.zip"},"Description":"the function of the dev stage",` +
	`"Timeout":30,"MemorySize":256,"Publish":false,"Environment":{"Variables":{"STAGE":"dev","TABLE":"orders-dev","LOG_LEVEL":"INFO"}},` +
	`"Tags":{"team":"checkout","stage":"dev"},"Layers":["arn:aws:lambda:eu-west-1:123456789012:layer:base:3"],"Architectures":["x86_64"],` +
	`"TracingConfig":{"Mode":"Active"},"EphemeralStorage":{"Size":512},"PackageType":"Zip"}`

func planFor[I, O any](b *testing.B, service, op string) (*Service, *callPlan) {
	s := Load(service)
	cp, err := s.plan(op, reflect.TypeFor[I](), reflect.TypeFor[O]())
	if err != nil {
		b.Fatal(err)
	}
	return s, cp
}

func benchDecode(b *testing.B, s *Service, cp *callPlan, r *wireRequest) {
	b.ReportAllocs()
	b.SetBytes(int64(len(r.body)))
	for b.Loop() {
		if _, err := s.decode(cp, r, reflect.New(cp.in.typ).Elem()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeCreateFunction(b *testing.B) {
	s, cp := planFor[lambda.CreateFunctionInput, lambda.CreateFunctionOutput](b, "lambda", "CreateFunction")
	benchDecode(b, s, cp, &wireRequest{body: []byte(createFunction)})
}

// BenchmarkDecodeCreateFunctionStd is the reference: encoding/json into the same struct, without any check.
func BenchmarkDecodeCreateFunctionStd(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		var in lambda.CreateFunctionInput
		if err := json.Unmarshal([]byte(createFunction), &in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodePutLogEvents(b *testing.B) {
	s, cp := planFor[cloudwatchlogs.PutLogEventsInput, cloudwatchlogs.PutLogEventsOutput](b, "logs", "PutLogEvents")
	var events []string
	for i := range 100 {
		events = append(events, fmt.Sprintf(`{"timestamp":%d,"message":"%s"}`, 1700000000000+i, strings.Repeat("x", 90)))
	}
	body := `{"logGroupName":"g","logStreamName":"s","logEvents":[` + strings.Join(events, ",") + `]}`
	benchDecode(b, s, cp, &wireRequest{body: []byte(body)})
}

func BenchmarkDecodePutIntegration(b *testing.B) {
	s, cp := planFor[apigateway.PutIntegrationInput, apigateway.PutIntegrationOutput](b, "apigateway", "PutIntegration")
	benchDecode(b, s, cp, &wireRequest{
		labels: []label{{"restapi_id", "a1b2c3d4e5"}, {"resource_id", "abc123"}, {"http_method", "GET"}},
		body: []byte(`{"type":"AWS_PROXY","httpMethod":"POST","uri":"arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/` +
			`arn:aws:lambda:eu-west-1:123456789012:function:my-function-${stageVariables.env}/invocations"}`),
	})
}

func BenchmarkDecodeCreateRole(b *testing.B) {
	s, cp := planFor[iam.CreateRoleInput, iam.CreateRoleOutput](b, "iam", "CreateRole")
	const text = "Action=CreateRole&Version=2010-05-08&RoleName=lambda-role&Path=%2F&Description=d&AssumeRolePolicyDocument=%7B%7D" +
		"&Tags.member.1.Key=a&Tags.member.1.Value=b"
	b.ReportAllocs()
	for b.Loop() {
		values, _ := url.ParseQuery(text)
		form, err := parseForm(values)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.decode(cp, &wireRequest{form: form}, reflect.New(cp.in.typ).Elem()); err != nil {
			b.Fatal(err)
		}
	}
}

func functionOutput() *lambda.CreateFunctionOutput {
	return &lambda.CreateFunctionOutput{
		FunctionName: aws.String("my-function-dev"), FunctionArn: aws.String("arn:aws:lambda:eu-west-1:123456789012:function:my-function-dev"),
		Runtime: types.RuntimePython312, Role: aws.String("arn:aws:iam::123456789012:role/lambda-role"), Handler: aws.String("app.handler"),
		CodeSize: 2345, Description: aws.String("the function of the dev stage"), Timeout: aws.Int32(30), MemorySize: aws.Int32(256),
		LastModified: aws.String("2026-11-22T10:00:00.000+0000"), CodeSha256: aws.String("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
		Version:       aws.String("$LATEST"),
		Environment:   &types.EnvironmentResponse{Variables: map[string]string{"STAGE": "dev", "TABLE": "orders-dev"}},
		TracingConfig: &types.TracingConfigResponse{Mode: types.TracingModeActive}, RevisionId: aws.String("11111111-2222-4333-8444-555555555555"),
		State: types.StatePending, StateReason: aws.String("The function is being created."), StateReasonCode: types.StateReasonCodeCreating,
		PackageType: types.PackageTypeZip, Architectures: []types.Architecture{types.ArchitectureX8664},
	}
}

func BenchmarkEncodeCreateFunction(b *testing.B) {
	s, cp := planFor[lambda.CreateFunctionInput, lambda.CreateFunctionOutput](b, "lambda", "CreateFunction")
	out := reflect.ValueOf(functionOutput()).Elem()
	b.ReportAllocs()
	for b.Loop() {
		b.SetBytes(int64(len(s.codec.encode(s, cp, out, "id").body)))
	}
}

func BenchmarkEncodeCreateFunctionStd(b *testing.B) {
	out := functionOutput()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := json.Marshal(out); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeListRoles(b *testing.B) {
	s, cp := planFor[iam.ListRolesInput, iam.ListRolesOutput](b, "iam", "ListRoles")
	out := &iam.ListRolesOutput{}
	for i := range 20 {
		out.Roles = append(out.Roles, iamtypes.Role{RoleName: aws.String(fmt.Sprint("role-", i)), Path: aws.String("/"),
			Arn: aws.String("arn:aws:iam::123456789012:role/x"), RoleId: aws.String("AROAEXAMPLE"), MaxSessionDuration: aws.Int32(3600),
			AssumeRolePolicyDocument: aws.String(url.QueryEscape(strings.Repeat(`{"Version":"2012-10-17"}`, 15)))})
	}
	v := reflect.ValueOf(out).Elem()
	b.ReportAllocs()
	for b.Loop() {
		b.SetBytes(int64(len(s.codec.encode(s, cp, v, "id").body)))
	}
}

// BenchmarkServe is a whole call without network and signature.
func BenchmarkServe(b *testing.B) {
	srv := NewServer(fakeOptions())
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest("GET", "http://localhost/restapis?limit=500", nil)
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20261122/eu-west-1/apigateway/aws4_request, SignedHeaders=host, Signature=0")
		srv.ServeHTTP(httptest.NewRecorder(), r)
	}
}

// BenchmarkLoad reads a model and compiles one operation: what the first call of a service costs.
func BenchmarkLoad(b *testing.B) {
	for _, name := range Names() {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := parseModel(name); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkLoopback is a whole call of an SDK client over TCP; most of it is the client.
func BenchmarkLoopback(b *testing.B) {
	srv := httptest.NewServer(NewServer(fakeOptions()))
	defer srv.Close()
	client := apigateway.New(apigateway.Options{Region: "eu-west-1", BaseEndpoint: &srv.URL,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.GetRestApis(b.Context(), &apigateway.GetRestApisInput{Limit: aws.Int32(500)}); err != nil {
			b.Fatal(err)
		}
	}
}
