package lambda

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"
)

// shape is an output as its wire members, without those that are unset or
// that a test cannot know.
func shape(t testing.TB, out any) map[string]any {
	t.Helper()
	text, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	prune(m)
	delete(m, "ResultMetadata")
	return m
}

func prune(m map[string]any) {
	for k, v := range m {
		switch v := v.(type) {
		case nil:
			delete(m, k)
		case string:
			if v == "" && k != "Description" {
				delete(m, k)
			}
		case map[string]any:
			prune(v)
		}
	}
}

// AWS recording test_version_lifecycle (create_response, get_function_result):
// the whole answer for a function that was created with the least.
func TestNewFunction(t *testing.T) {
	f := newFixture(t)
	created, err := f.CreateFunction(f.ctx, createInput("fn"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"Architectures":        []any{"x86_64"},
		"CodeSha256":           *created.CodeSha256,
		"CodeSize":             float64(created.CodeSize),
		"Description":          "",
		"EphemeralStorage":     map[string]any{"Size": 512.0},
		"FunctionArn":          fnARN,
		"FunctionName":         "fn",
		"Handler":              "index.handler",
		"LastModified":         "2026-11-22T13:00:00.000+0000",
		"LoggingConfig":        map[string]any{"LogFormat": "Text", "LogGroup": "/aws/lambda/fn"},
		"MemorySize":           128.0,
		"PackageType":          "Zip",
		"RevisionId":           *created.RevisionId,
		"Role":                 testRole,
		"Runtime":              "python3.12",
		"RuntimeVersionConfig": map[string]any{"RuntimeVersionArn": runtimeVersionARN(testRegion, "python3.12")},
		"SnapStart":            map[string]any{"ApplyOn": "None", "OptimizationStatus": "Off"},
		"State":                "Pending",
		"StateReason":          "The function is being created.",
		"StateReasonCode":      "Creating",
		"Timeout":              3.0,
		"TracingConfig":        map[string]any{"Mode": "PassThrough"},
		"Version":              "$LATEST",
	}
	if diff := cmp.Diff(want, shape(t, created)); diff != "" {
		t.Errorf("CreateFunction (-want +got):\n%s", diff)
	}

	f.settle()
	got, err := f.GetFunction(f.ctx, &lambda.GetFunctionInput{FunctionName: new("fn")})
	if err != nil {
		t.Fatal(err)
	}
	if *got.Configuration.RevisionId == *created.RevisionId {
		t.Error("RevisionId did not change when the function became active")
	}
	delete(want, "StateReason")
	delete(want, "StateReasonCode")
	want["State"], want["LastUpdateStatus"], want["RevisionId"] = "Active", "Successful", *got.Configuration.RevisionId
	if diff := cmp.Diff(want, shape(t, got.Configuration)); diff != "" {
		t.Errorf("GetFunction (-want +got):\n%s", diff)
	}
	if got.Tags != nil || got.Concurrency != nil {
		t.Errorf("Tags %v and Concurrency %v of a function that has none", got.Tags, got.Concurrency)
	}
	digest, found := strings.CutPrefix(*got.Code.Location, "http://localhost:4566/_stagedoor/code/")
	if code, err := f.Code(f.ctx, digest); !found || err != nil || string(code) != string(createInput("fn").Code.ZipFile) {
		t.Errorf("the code at %s: %d bytes, %v", *got.Code.Location, len(code), err)
	}

	list, err := f.ListFunctions(f.ctx, &lambda.ListFunctionsInput{})
	if err != nil {
		t.Fatal(err)
	}
	// AWS recording test_list_functions: no states, no runtime version.
	delete(want, "State")
	delete(want, "LastUpdateStatus")
	delete(want, "RuntimeVersionConfig")
	if diff := cmp.Diff(want, shape(t, list.Functions[0])); diff != "" {
		t.Errorf("ListFunctions (-want +got):\n%s", diff)
	}
}

func TestCreateFunctionOptions(t *testing.T) {
	f := newFixture(t)
	in := createInput("111111111111:function:fn") // AWS recording test_function_arns
	in.Architectures = []types.Architecture{types.ArchitectureArm64}
	in.Environment = &types.Environment{}
	in.MemorySize, in.Timeout = new(int32(256)), new(int32(30))
	in.EphemeralStorage = &types.EphemeralStorage{Size: new(int32(1024))}
	in.TracingConfig = &types.TracingConfig{Mode: types.TracingModeActive}
	in.DeadLetterConfig = &types.DeadLetterConfig{TargetArn: new("arn:aws:sqs:us-east-1:111111111111:dead")}
	in.KMSKeyArn = new("arn:aws:kms:us-east-1:111111111111:key/k")
	in.LoggingConfig = &types.LoggingConfig{LogFormat: types.LogFormatJson, SystemLogLevel: types.SystemLogLevelWarn}
	in.SnapStart = &types.SnapStart{ApplyOn: types.SnapStartApplyOnPublishedVersions}
	in.VpcConfig = &types.VpcConfig{} // no VPC
	in.Tags = map[string]string{"team": "a"}
	in.Publish = true
	created, err := f.CreateFunction(f.ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	got := shape(t, created)
	for member, want := range map[string]any{
		"FunctionArn": fnARN, "Version": "1", "State": "Pending", // AWS recording test_publish_version_on_create
		"Architectures": []any{"arm64"}, "Environment": map[string]any{"Variables": map[string]any{}},
		"MemorySize": 256.0, "Timeout": 30.0, "EphemeralStorage": map[string]any{"Size": 1024.0},
		"TracingConfig":    map[string]any{"Mode": "Active"},
		"DeadLetterConfig": map[string]any{"TargetArn": "arn:aws:sqs:us-east-1:111111111111:dead"},
		"KMSKeyArn":        "arn:aws:kms:us-east-1:111111111111:key/k",
		"LoggingConfig":    map[string]any{"LogFormat": "JSON", "LogGroup": "/aws/lambda/fn", "ApplicationLogLevel": "INFO", "SystemLogLevel": "WARN"},
		"SnapStart":        map[string]any{"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"},
		"VpcConfig":        nil,
	} {
		if diff := cmp.Diff(want, got[member]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", member, diff)
		}
	}
	version, err := f.GetFunction(f.ctx, &lambda.GetFunctionInput{FunctionName: new("fn"), Qualifier: new("1")})
	if err != nil {
		t.Fatal(err)
	}
	if c := version.Configuration; *c.FunctionArn != fnARN+":1" || c.State != types.StatePending || c.SnapStart.OptimizationStatus != types.SnapStartOptimizationStatusOn {
		t.Errorf("version 1 is %+v", shape(t, c))
	}
	if diff := cmp.Diff(map[string]string{"team": "a"}, version.Tags); diff != "" {
		t.Error(diff)
	}
}

// TestCreateFunctionErrors: each text's source is beside the code that makes
// it.
func TestCreateFunctionErrors(t *testing.T) {
	f := newFixture(t)
	f.create(t, "fn")
	enum := "failed to satisfy constraint: Member must satisfy enum value set: [" + listedRuntimes + "] or be a valid ARN"
	for _, c := range []struct {
		name   string
		change func(*lambda.CreateFunctionInput)
		want   string
	}{
		{"exists", func(in *lambda.CreateFunctionInput) { in.FunctionName = new("fn") }, "ResourceConflictException: Function already exist: fn"},
		{"qualifier", func(in *lambda.CreateFunctionInput) { in.FunctionName = new("new:1") }, "InvalidParameterValueException: " + msgFunctionsOnly},
		{"unknown runtime", func(in *lambda.CreateFunctionInput) { in.Runtime = "non-existent-runtime" }, "InvalidParameterValueException: Value non-existent-runtime at 'runtime' " + enum},
		{"upper case runtime", func(in *lambda.CreateFunctionInput) { in.Runtime = "PYTHON3.9" }, "InvalidParameterValueException: Value PYTHON3.9 at 'runtime' " + enum},
		{"retired runtime", func(in *lambda.CreateFunctionInput) { in.Runtime = types.RuntimeNodejs12x }, "InvalidParameterValueException: The runtime parameter of nodejs12.x is no longer supported for creating or updating AWS Lambda functions. We recommend you use the new runtime (nodejs24.x) while creating or updating functions."},
		{"no runtime", func(in *lambda.CreateFunctionInput) { in.Runtime = "" }, "InvalidParameterValueException: Runtime and handler are mandatory parameters for functions created with deployment packages."},
		{"no handler", func(in *lambda.CreateFunctionInput) { in.Handler = nil }, "InvalidParameterValueException: Runtime and handler are mandatory parameters for functions created with deployment packages."},
		{"no code", func(in *lambda.CreateFunctionInput) { in.Code = &types.FunctionCode{} }, "InvalidParameterValueException: Please provide a source for function code."},
		{"empty zip file", func(in *lambda.CreateFunctionInput) { in.Code.ZipFile = []byte{} }, "InvalidParameterValueException: Uploaded file must be a non-empty zip"},
		{"zip without entries", func(in *lambda.CreateFunctionInput) {
			in.Code.ZipFile = append([]byte("PK\x05\x06"), make([]byte, 18)...)
		}, "InvalidParameterValueException: Uploaded file must be a non-empty zip"},
		{"broken zip", func(in *lambda.CreateFunctionInput) {
			in.Code.ZipFile = []byte("this is not a zipfile, just a random string")
		}, "InvalidParameterValueException: Could not unzip uploaded file. Please check your file, then try to upload again."},
		{"truncated zip", func(in *lambda.CreateFunctionInput) { in.Code.ZipFile = in.Code.ZipFile[:40] }, "InvalidParameterValueException: Could not unzip uploaded file. Please check your file, then try to upload again."},
		{"zip that leaves its root", func(in *lambda.CreateFunctionInput) { in.Code.ZipFile = zipOf("../../etc/passwd", "x") }, "InvalidParameterValueException: Could not unzip uploaded file. Please check your file, then try to upload again."},
		{"zip bomb", func(in *lambda.CreateFunctionInput) {
			in.Code.ZipFile = zipAnnouncing(262144001)
		}, "InvalidParameterValueException: Unzipped size must be smaller than 262144000 bytes"},
		{"missing role", func(in *lambda.CreateFunctionInput) { in.Role = new("arn:aws:iam::111111111111:role/none") }, "InvalidParameterValueException: The role defined for the function cannot be assumed by Lambda."},
		{"other account's role", func(in *lambda.CreateFunctionInput) { in.Role = new("arn:aws:iam::222222222222:role/lambda") }, "AccessDeniedException: Cross-account pass role is not allowed."},
		{"timeout", func(in *lambda.CreateFunctionInput) { in.Timeout = new(int32(901)) }, "ValidationException: 1 validation error detected: Value '901' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900"},
		{"memory", func(in *lambda.CreateFunctionInput) { in.MemorySize = new(int32(10241)) }, "InvalidParameterValueException: 'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to 10240"},
		{"reserved variables", func(in *lambda.CreateFunctionInput) {
			in.Environment = &types.Environment{Variables: map[string]string{"_HANDLER": "x", "AWS_REGION": "x", "MINE": "x"}}
		}, "InvalidParameterValueException: Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: AWS_REGION, _HANDLER"},
		{"subnet", func(in *lambda.CreateFunctionInput) {
			in.VpcConfig = &types.VpcConfig{SubnetIds: []string{"subnet-1"}}
		}, "InvalidParameterValueException: Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. EC2 Error Message: The subnet ID 'subnet-1' does not exist"},
		{"security group", func(in *lambda.CreateFunctionInput) {
			in.VpcConfig = &types.VpcConfig{SecurityGroupIds: []string{"sg-1"}}
		}, "InvalidParameterValueException: Error occurred while DescribeSecurityGroups. EC2 Error Code: InvalidGroup.NotFound. EC2 Error Message: The security group 'sg-1' does not exist"},
		{"layers", func(in *lambda.CreateFunctionInput) {
			in.Layers = []string{"arn:aws:lambda:us-east-1:111111111111:layer:l:1"}
		}, "InvalidParameterValueException: stagedoor: layers are not supported yet; put the files of arn:aws:lambda:us-east-1:111111111111:layer:l:1 into the function's own zip"},
		{"S3", func(in *lambda.CreateFunctionInput) {
			in.Code = &types.FunctionCode{S3Bucket: new("bucket"), S3Key: new("code.zip")}
		}, "InvalidParameterValueException: stagedoor: code in S3 (s3://bucket/code.zip) is not supported yet; send the zip in the request with --zip-file fileb://function.zip"},
		{"image", func(in *lambda.CreateFunctionInput) {
			in.PackageType, in.Code = types.PackageTypeImage, &types.FunctionCode{ImageUri: new("repo:1")}
		}, "InvalidParameterValueException: stagedoor: container images are not supported yet; deploy a zip with --zip-file and package type Zip"},
		{"code signing", func(in *lambda.CreateFunctionInput) {
			in.CodeSigningConfigArn = new("arn:aws:lambda:us-east-1:111111111111:code-signing-config:csc-1")
		}, "CodeSigningConfigNotFoundException: The code signing configuration cannot be found. Check that the provided code signing configuration is not deleted: arn:aws:lambda:us-east-1:111111111111:code-signing-config:csc-1."},
		{"tags", func(in *lambda.CreateFunctionInput) { in.Tags = manyTags(51) }, "InvalidParameterValueException: Number of tags exceeds resource tag limit."},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := createInput("new")
			c.change(in)
			_, err := f.CreateFunction(f.ctx, in)
			wantError(t, err, c.want)
			_, err = f.GetFunction(f.ctx, &lambda.GetFunctionInput{FunctionName: new("new")})
			wantError(t, err, "ResourceNotFoundException: Function not found: arn:aws:lambda:us-east-1:111111111111:function:new")
		})
	}
}

// zipAnnouncing makes a zip whose directory says that its file is of that size.
func zipAnnouncing(size uint64) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	if _, err := w.CreateRaw(&zip.FileHeader{Name: "zeros", Method: zip.Deflate, UncompressedSize64: size}); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func manyTags(n int) map[string]string {
	tags := map[string]string{}
	for i := range n {
		tags[fmt.Sprint(i, "_key")] = "value"
	}
	return tags
}

// AWS recordings test_large_environment_variables_fails and
// test_lambda_envvars_near_limit_succeeds: 4096 bytes of JSON are allowed.
func TestEnvironmentLimit(t *testing.T) {
	const overhead = len(`{"LARGE_VAR":""}`)
	if err := checkEnvironment(map[string]string{"LARGE_VAR": strings.Repeat("x", 4096-overhead)}); err != nil {
		t.Errorf("4096 bytes: %v", err)
	}
	value := strings.Repeat("x", 4097-overhead)
	wantError(t, checkEnvironment(map[string]string{"LARGE_VAR": value}),
		`InvalidParameterValueException: Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: {"LARGE_VAR":"`+value+`"}`)
}

// --lax roles: a role that was never made is accepted.
func TestLaxRoles(t *testing.T) {
	f := newFixture(t)
	f.roles = nil
	f.create(t, "fn", func(in *lambda.CreateFunctionInput) { in.Role = new("arn:aws:iam::123456789012:role/none") })
}
