package awswire

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// fake are handlers that show what arrived.
type fake struct{}

func (fake) CreateFunction(ctx context.Context, in *lambda.CreateFunctionInput, _ ...func(*lambda.Options)) (*lambda.CreateFunctionOutput, error) {
	out := &lambda.CreateFunctionOutput{FunctionName: in.FunctionName, Runtime: in.Runtime, MemorySize: in.MemorySize}
	if in.Environment != nil {
		out.Environment = &lambdatypes.EnvironmentResponse{Variables: in.Environment.Variables}
	}
	return out, nil
}

func (fake) GetFunction(ctx context.Context, in *lambda.GetFunctionInput, _ ...func(*lambda.Options)) (*lambda.GetFunctionOutput, error) {
	switch *in.FunctionName {
	case "panics":
		panic("no")
	case "fails":
		return nil, errors.New("disk full")
	case "busy":
		return nil, fmt.Errorf("wrapped: %w", &lambdatypes.TooManyRequestsException{Message: aws.String("Rate Exceeded."),
			RetryAfterSeconds: aws.String("3"), Reason: lambdatypes.ThrottleReasonFunctionInvocationRateLimitExceeded})
	case "own":
		return nil, &Error{Code: "InvalidRequestContentException", Message: "no", Fields: map[string]any{"Extra": 1}}
	}
	return nil, &lambdatypes.ResourceNotFoundException{Message: aws.String("Function not found: " + *in.FunctionName)}
}

func (fake) DeleteFunction(ctx context.Context, in *lambda.DeleteFunctionInput, _ ...func(*lambda.Options)) (*lambda.DeleteFunctionOutput, error) {
	return &lambda.DeleteFunctionOutput{StatusCode: 204}, nil
}

func (fake) Invoke(ctx context.Context, in *lambda.InvokeInput, _ ...func(*lambda.Options)) (*lambda.InvokeOutput, error) {
	return &lambda.InvokeOutput{StatusCode: 200, Payload: in.Payload, ExecutedVersion: aws.String("$LATEST")}, nil
}

func (fake) PutIntegration(ctx context.Context, in *apigateway.PutIntegrationInput, _ ...func(*apigateway.Options)) (*apigateway.PutIntegrationOutput, error) {
	return &apigateway.PutIntegrationOutput{Type: in.Type, Uri: in.Uri, CacheKeyParameters: []string{}}, nil
}

func (fake) GetRestApis(ctx context.Context, in *apigateway.GetRestApisInput, _ ...func(*apigateway.Options)) (*apigateway.GetRestApisOutput, error) {
	return &apigateway.GetRestApisOutput{Position: aws.String(fmt.Sprint(aws.ToInt32(in.Limit)))}, nil
}

func (fake) ImportRestApi(ctx context.Context, in *apigateway.ImportRestApiInput, _ ...func(*apigateway.Options)) (*apigateway.ImportRestApiOutput, error) {
	return &apigateway.ImportRestApiOutput{Name: aws.String(fmt.Sprint(in.FailOnWarnings, Present(ctx, "failOnWarnings"), in.Parameters)),
		Description: aws.String(string(in.Body))}, nil
}

func (fake) TagResource(ctx context.Context, in *apigateway.TagResourceInput, _ ...func(*apigateway.Options)) (*apigateway.TagResourceOutput, error) {
	if *in.ResourceArn != "arn:aws:apigateway:eu-west-1::/restapis/a1" {
		return nil, errors.New(*in.ResourceArn)
	}
	return &apigateway.TagResourceOutput{}, nil
}

func (fake) PutLogEvents(ctx context.Context, in *cloudwatchlogs.PutLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutLogEventsOutput, error) {
	return &cloudwatchlogs.PutLogEventsOutput{NextSequenceToken: aws.String(fmt.Sprint(len(in.LogEvents)))}, nil
}

func (fake) DeleteLogGroup(ctx context.Context, in *cloudwatchlogs.DeleteLogGroupInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DeleteLogGroupOutput, error) {
	return &cloudwatchlogs.DeleteLogGroupOutput{}, nil
}

func (fake) CreateRole(ctx context.Context, in *iam.CreateRoleInput, _ ...func(*iam.Options)) (*iam.CreateRoleOutput, error) {
	return &iam.CreateRoleOutput{Role: &iamtypes.Role{RoleName: in.RoleName, Path: in.Path, Tags: in.Tags}}, nil
}

func (fake) GetRole(ctx context.Context, in *iam.GetRoleInput, _ ...func(*iam.Options)) (*iam.GetRoleOutput, error) {
	return nil, &iamtypes.NoSuchEntityException{Message: aws.String("The role with name " + *in.RoleName + " cannot be found.")}
}

func (fake) ListRoles(ctx context.Context, in *iam.ListRolesInput, _ ...func(*iam.Options)) (*iam.ListRolesOutput, error) {
	return &iam.ListRolesOutput{Roles: []iamtypes.Role{}}, nil
}

func (fake) DeleteRole(ctx context.Context, in *iam.DeleteRoleInput, _ ...func(*iam.Options)) (*iam.DeleteRoleOutput, error) {
	return &iam.DeleteRoleOutput{}, nil
}

func (fake) GetCallerIdentity(ctx context.Context, in *sts.GetCallerIdentityInput, _ ...func(*sts.Options)) (*sts.GetCallerIdentityOutput, error) {
	c := CallerFrom(ctx)
	return &sts.GetCallerIdentityOutput{Account: &c.Account, Arn: &c.ARN, UserId: &c.UserID}, nil
}

func fakeOptions() ServerOptions {
	f := fake{}
	return ServerOptions{
		Services: map[string]Operations{
			"lambda": {"CreateFunction": Op(f.CreateFunction), "GetFunction": Op(f.GetFunction), "DeleteFunction": Op(f.DeleteFunction), "Invoke": Op(f.Invoke)},
			"apigateway": {"PutIntegration": Op(f.PutIntegration), "GetRestApis": Op(f.GetRestApis), "ImportRestApi": Op(f.ImportRestApi),
				"TagResource": Op(f.TagResource)},
			"cloudwatch": {"PutMetricData": Op(f.PutMetricData), "SetAlarmState": Op(f.SetAlarmState), "GetMetricData": Op(f.GetMetricData)},
			"logs":       {"PutLogEvents": Op(f.PutLogEvents), "DeleteLogGroup": Op(f.DeleteLogGroup)},
			"iam":        {"CreateRole": Op(f.CreateRole), "GetRole": Op(f.GetRole), "ListRoles": Op(f.ListRoles), "DeleteRole": Op(f.DeleteRole)},
			"sts":        {"GetCallerIdentity": Op(f.GetCallerIdentity)},
		},
		Account: "000000000000", Region: "eu-west-1",
		NewRequestID: func() string { return "11111111-2222-4333-8444-555555555555" },
		Logger:       slog.New(slog.DiscardHandler),
	}
}

// TestWire replays raw requests: testdata/wire/*.txtar hold "name.request" and "name.response" pairs. A request's
// "@scope NAME" line stands for an Authorization header with that credential scope.
func TestWire(t *testing.T) {
	srv := NewServer(fakeOptions())
	if err := srv.Check(); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob("testdata/wire/*.txtar")
	if len(files) == 0 {
		t.Fatal("no test data")
	}
	for _, file := range files {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var out []txtar.File
		for _, f := range ar.Files {
			name, isRequest := strings.CutSuffix(f.Name, ".request")
			if !isRequest {
				continue
			}
			got := exchangeRaw(t, srv, f.Data)
			out = append(out, f, txtar.File{Name: name + ".response", Data: got})
			i := slices.IndexFunc(ar.Files, func(f txtar.File) bool { return f.Name == name+".response" })
			if *update {
				continue
			}
			t.Run(filepath.Base(file)+"/"+name, func(t *testing.T) {
				if i < 0 {
					t.Fatalf("no response recorded; got\n%s", got)
				}
				if d := cmp.Diff(string(ar.Files[i].Data), string(got)); d != "" {
					t.Error(d)
				}
			})
		}
		if *update {
			ar.Files = out
			if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func exchangeRaw(t *testing.T, h http.Handler, text []byte) []byte {
	t.Helper()
	head, body, _ := strings.Cut(string(text), "\n\n")
	body = strings.ReplaceAll(strings.TrimSuffix(body, "\n"), "^M", "\r\n")
	var b strings.Builder
	for line := range strings.SplitSeq(head, "\n") {
		if scope, ok := strings.CutPrefix(line, "@scope "); ok {
			line = "Authorization: AWS4-HMAC-SHA256 Credential=test/20261122/eu-west-1/" + scope +
				"/aws4_request, SignedHeaders=host;x-amz-date, Signature=00"
		}
		b.WriteString(line + "\r\n")
	}
	fmt.Fprintf(&b, "Host: localhost:4566\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(b.String())))
	if err != nil {
		t.Fatalf("%v in\n%s", err, b.String())
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	var res bytes.Buffer
	fmt.Fprintf(&res, "%d\n", rec.Code)
	var lines []string
	for k, v := range rec.Header() {
		lines = append(lines, k+": "+strings.Join(v, ", "))
	}
	slices.Sort(lines)
	fmt.Fprintf(&res, "%s\n\n%s", strings.Join(lines, "\n"), rec.Body.Bytes())
	if !bytes.HasSuffix(res.Bytes(), []byte("\n")) {
		res.WriteByte('\n')
	}
	return res.Bytes()
}
