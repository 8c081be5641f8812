package lambda

import (
	"fmt"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"
)

// AWS recordings test_function_lifecycle and test_redundant_updates: states
// and revisions of an update.
func TestUpdateFunctionConfiguration(t *testing.T) {
	f := newFixture(t)
	f.create(t, "fn")
	before, _ := f.GetFunctionConfiguration(f.ctx, &lambda.GetFunctionConfigurationInput{FunctionName: new("fn")})
	updated, err := f.UpdateFunctionConfiguration(f.ctx, &lambda.UpdateFunctionConfigurationInput{
		FunctionName: new("fn"), RevisionId: before.RevisionId, Description: new("changed"), MemorySize: new(int32(512)), Timeout: new(int32(10)),
		Runtime: types.RuntimePython311, Environment: &types.Environment{Variables: map[string]string{"ENV_A": "a"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := shape(t, before)
	want["Description"], want["MemorySize"], want["Timeout"], want["Runtime"] = "changed", 512.0, 10.0, "python3.11"
	want["Environment"] = map[string]any{"Variables": map[string]any{"ENV_A": "a"}}
	want["RuntimeVersionConfig"] = map[string]any{"RuntimeVersionArn": runtimeVersionARN(testRegion, "python3.11")}
	want["LastUpdateStatus"], want["LastUpdateStatusReason"], want["LastUpdateStatusReasonCode"] = "InProgress", "The function is being created.", "Creating"
	want["RevisionId"], want["LastModified"] = *updated.RevisionId, "2026-11-22T13:00:01.000+0000"
	if diff := cmp.Diff(want, shape(t, updated)); diff != "" {
		t.Errorf("UpdateFunctionConfiguration (-want +got):\n%s", diff)
	}
	f.settle()
	after, err := f.GetFunctionConfiguration(f.ctx, &lambda.GetFunctionConfigurationInput{FunctionName: new("fn")})
	if err != nil {
		t.Fatal(err)
	}
	delete(want, "LastUpdateStatusReason")
	delete(want, "LastUpdateStatusReasonCode")
	want["LastUpdateStatus"], want["RevisionId"] = "Successful", *after.RevisionId
	if diff := cmp.Diff(want, shape(t, after)); diff != "" {
		t.Errorf("afterwards (-want +got):\n%s", diff)
	}
	if len(map[string]bool{*before.RevisionId: true, *updated.RevisionId: true, *after.RevisionId: true}) != 3 {
		t.Errorf("revisions %s, %s, %s: want three different ones", *before.RevisionId, *updated.RevisionId, *after.RevisionId)
	}
}

// Each step is an update of the same function; what it does not name stays.
func TestUpdateLogging(t *testing.T) { // AWS recordings TestLoggingConfig
	f := newFixture(t)
	f.create(t, "fn")
	for i, c := range []struct {
		in, want types.LoggingConfig
	}{
		{types.LoggingConfig{LogFormat: "JSON"}, types.LoggingConfig{LogFormat: "JSON", LogGroup: new("/aws/lambda/fn"), ApplicationLogLevel: "INFO", SystemLogLevel: "INFO"}},
		{types.LoggingConfig{LogFormat: "JSON", ApplicationLogLevel: "DEBUG"}, types.LoggingConfig{LogFormat: "JSON", LogGroup: new("/aws/lambda/fn"), ApplicationLogLevel: "DEBUG", SystemLogLevel: "INFO"}},
		{types.LoggingConfig{LogGroup: new("cool_lambda")}, types.LoggingConfig{LogFormat: "JSON", LogGroup: new("cool_lambda"), ApplicationLogLevel: "DEBUG", SystemLogLevel: "INFO"}},
		{types.LoggingConfig{LogFormat: "Text"}, types.LoggingConfig{LogFormat: "Text", LogGroup: new("cool_lambda")}},
	} {
		out, err := f.UpdateFunctionConfiguration(f.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: new("fn"), LoggingConfig: &c.in})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(shape(t, c.want), shape(t, out.LoggingConfig)); diff != "" {
			t.Errorf("step %d (-want +got):\n%s", i, diff)
		}
		f.settle()
	}
	_, err := f.UpdateFunctionConfiguration(f.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: new("fn"), LoggingConfig: &types.LoggingConfig{SystemLogLevel: "DEBUG"}})
	wantError(t, err, "InvalidParameterValueException: Log level filtering is only supported for functions with the JSON log format.")
}

func TestUpdateErrors(t *testing.T) {
	f := newFixture(t)
	if _, err := f.CreateFunction(f.ctx, createInput("fn")); err != nil {
		t.Fatal(err)
	}
	configure := func(in lambda.UpdateFunctionConfigurationInput) error {
		if in.FunctionName == nil {
			in.FunctionName = new("fn")
		}
		_, err := f.UpdateFunctionConfiguration(f.ctx, &in)
		return err
	}
	code := func(in lambda.UpdateFunctionCodeInput) error {
		if in.FunctionName == nil {
			in.FunctionName = new("fn")
		}
		_, err := f.UpdateFunctionCode(f.ctx, &in)
		return err
	}
	zip := zipOf("index.py", "changed")
	const pending = "ResourceConflictException: The operation cannot be performed at this time. The function is currently in the following state: Pending"
	wantError(t, configure(lambda.UpdateFunctionConfigurationInput{}), pending)
	wantError(t, code(lambda.UpdateFunctionCodeInput{ZipFile: zip}), pending)
	wantError(t, code(lambda.UpdateFunctionCodeInput{ZipFile: zip, Publish: true}), pending)
	f.settle()

	// AWS recording test_lambda_concurrent_code_updates
	wantError(t, code(lambda.UpdateFunctionCodeInput{ZipFile: zip}), "")
	const busy = "ResourceConflictException: The operation cannot be performed at this time. An update is in progress for resource: " + fnARN
	wantError(t, code(lambda.UpdateFunctionCodeInput{ZipFile: zip}), busy)
	wantError(t, configure(lambda.UpdateFunctionConfigurationInput{}), busy)
	f.settle()

	const wrong = "PreconditionFailedException: The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id"
	wantError(t, configure(lambda.UpdateFunctionConfigurationInput{RevisionId: new("wrong")}), wrong)
	wantError(t, code(lambda.UpdateFunctionCodeInput{ZipFile: zip, RevisionId: new("wrong")}), wrong)
	wantError(t, code(lambda.UpdateFunctionCodeInput{}), "InvalidParameterValueException: Please provide a source for function code.")
	wantError(t, code(lambda.UpdateFunctionCodeInput{ZipFile: []byte("no")}), "InvalidParameterValueException: Could not unzip uploaded file. Please check your file, then try to upload again.")
	wantError(t, code(lambda.UpdateFunctionCodeInput{FunctionName: new("none"), ZipFile: zip}), "ResourceNotFoundException: Function not found: arn:aws:lambda:us-east-1:111111111111:function:none")
	wantError(t, configure(lambda.UpdateFunctionConfigurationInput{FunctionName: new("none")}), "ResourceNotFoundException: Function not found: arn:aws:lambda:us-east-1:111111111111:function:none")
	wantError(t, configure(lambda.UpdateFunctionConfigurationInput{FunctionName: new("fn:1")}), "InvalidParameterValueException: Current operation does not support versions other than $LATEST")
	wantError(t, configure(lambda.UpdateFunctionConfigurationInput{Role: new("arn:aws:iam::111111111111:role/none")}), "InvalidParameterValueException: The role defined for the function cannot be assumed by Lambda.")
	wantError(t, configure(lambda.UpdateFunctionConfigurationInput{FunctionName: new(fnARN + ":$LATEST")}), "")
}

func TestUpdateFunctionCode(t *testing.T) {
	f := newFixture(t)
	f.create(t, "fn")
	before, _ := f.GetFunctionConfiguration(f.ctx, &lambda.GetFunctionConfigurationInput{FunctionName: new("fn")})
	zip := zipOf("index.py", "changed")
	dry, err := f.UpdateFunctionCode(f.ctx, &lambda.UpdateFunctionCodeInput{FunctionName: new("fn"), ZipFile: zip, DryRun: true})
	if err != nil || *dry.CodeSha256 == *before.CodeSha256 {
		t.Errorf("dry run: %v", err)
	}
	if after, _ := f.GetFunctionConfiguration(f.ctx, &lambda.GetFunctionConfigurationInput{FunctionName: new("fn")}); *after.RevisionId != *before.RevisionId || *after.CodeSha256 != *before.CodeSha256 {
		t.Error("a dry run changed the function")
	}
	out, err := f.UpdateFunctionCode(f.ctx, &lambda.UpdateFunctionCodeInput{FunctionName: new("fn"), ZipFile: zip, Architectures: []types.Architecture{types.ArchitectureArm64}})
	if err != nil {
		t.Fatal(err)
	}
	if *out.CodeSha256 != *dry.CodeSha256 || out.CodeSize != int64(len(zip)) || out.Architectures[0] != types.ArchitectureArm64 || out.LastUpdateStatus != types.LastUpdateStatusInProgress {
		t.Errorf("UpdateFunctionCode = %v", shape(t, out))
	}
}

// AWS recording test_publish_with_update.
func TestUpdateFunctionCodeAndPublish(t *testing.T) {
	f := newFixture(t)
	f.create(t, "fn")
	out, err := f.UpdateFunctionCode(f.ctx, &lambda.UpdateFunctionCodeInput{FunctionName: new("fn"), ZipFile: zipOf("index.py", "changed"), Publish: true})
	if err != nil {
		t.Fatal(err)
	}
	if *out.FunctionArn != fnARN+":1" || *out.Version != "1" || out.State != types.StatePending || out.LastUpdateStatus != "" {
		t.Errorf("answer %v", shape(t, out))
	}
	version, _ := f.GetFunctionConfiguration(f.ctx, &lambda.GetFunctionConfigurationInput{FunctionName: new("fn"), Qualifier: new("1")})
	if diff := cmp.Diff(shape(t, out), shape(t, version)); diff != "" {
		t.Errorf("version 1 differs from the answer:\n%s", diff)
	}
	latest, _ := f.GetFunctionConfiguration(f.ctx, &lambda.GetFunctionConfigurationInput{FunctionName: new("fn"), Qualifier: new("$LATEST")})
	if *latest.FunctionArn != fnARN+":$LATEST" || latest.State != types.StateActive || latest.LastUpdateStatus != types.LastUpdateStatusInProgress || *latest.RevisionId == *out.RevisionId {
		t.Errorf("$LATEST %v", shape(t, latest))
	}
}

// Concurrent writers of one function: every change is kept or refused.
func TestConcurrentChanges(t *testing.T) {
	f := newFixture(t)
	f.Service.updateTime = -1 // no update is ever in progress
	f.create(t, "fn")
	var wg sync.WaitGroup
	const writers = 8
	versions := make([]string, writers)
	for i := range writers {
		wg.Go(func() {
			out, err := f.UpdateFunctionCode(f.ctx, &lambda.UpdateFunctionCodeInput{FunctionName: new("fn"), ZipFile: zipOf("index.py", fmt.Sprint(i)), Publish: true})
			if err != nil {
				t.Error(err)
				return
			}
			versions[i] = *out.Version
		})
		wg.Go(func() {
			if _, err := f.TagResource(f.ctx, &lambda.TagResourceInput{Resource: new(fnARN), Tags: map[string]string{fmt.Sprint("tag", i): "x"}}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for i, version := range versions {
		got, err := f.GetFunctionConfiguration(f.ctx, &lambda.GetFunctionConfigurationInput{FunctionName: new("fn"), Qualifier: &version})
		if err != nil {
			t.Fatal(err)
		}
		if seen[version] {
			t.Errorf("version %s was given twice", version)
		}
		seen[version] = true
		blob := zipOf("index.py", fmt.Sprint(i))
		if got.CodeSize != int64(len(blob)) {
			t.Errorf("version %s has other code", version)
		}
	}
	tags, _ := f.ListTags(f.ctx, &lambda.ListTagsInput{Resource: new(fnARN)})
	if len(tags.Tags) != writers {
		t.Errorf("%d tags, want %d", len(tags.Tags), writers)
	}
}
