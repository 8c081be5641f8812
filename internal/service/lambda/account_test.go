package lambda

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"
)

// AWS recordings test_tag_lifecycle, test_tag_exceptions, test_tag_limits.
func TestTags(t *testing.T) {
	f := newFixture(t)
	f.create(t, "fn")
	list := func() map[string]string {
		t.Helper()
		out, err := f.ListTags(f.ctx, &lambda.ListTagsInput{Resource: new(fnARN)})
		if err != nil {
			t.Fatal(err)
		}
		return out.Tags
	}
	tag := func(resource string, tags map[string]string) error {
		_, err := f.TagResource(f.ctx, &lambda.TagResourceInput{Resource: &resource, Tags: tags})
		return err
	}
	untag := func(resource string, keys ...string) error {
		_, err := f.UntagResource(f.ctx, &lambda.UntagResourceInput{Resource: &resource, TagKeys: keys})
		return err
	}
	if tags := list(); tags == nil || len(tags) != 0 {
		t.Errorf("tags of a new function: %v", tags)
	}
	wantError(t, tag(fnARN, map[string]string{"A": "tag-a", "B": "tag-b", "C": "tag-c"}), "")
	wantError(t, tag(fnARN, map[string]string{"C": "tag-c-newsuffix", "D": "tag-d"}), "")
	wantError(t, untag(fnARN, "A", "E"), "")
	if diff := cmp.Diff(map[string]string{"B": "tag-b", "C": "tag-c-newsuffix", "D": "tag-d"}, list()); diff != "" {
		t.Error(diff)
	}
	wantError(t, untag(fnARN, "B", "C", "D"), "")
	const qualified = "InvalidParameterValueException: Tags on function aliases and versions are not supported. Please specify a function ARN."
	const missing = "arn:aws:lambda:us-east-1:111111111111:function:doesnotexist"
	wantError(t, tag(fnARN+":v1", map[string]string{"a": "b"}), qualified)
	wantError(t, tag(fnARN+":$LATEST", map[string]string{"a": "b"}), qualified)
	wantError(t, tag(fnARN, nil), "InvalidParameterValueException: An error occurred and the request cannot be processed.")
	wantError(t, tag(missing, map[string]string{"a": "b"}), "ResourceNotFoundException: Function not found: "+missing)
	wantError(t, untag(missing, "a"), "ResourceNotFoundException: Function not found: "+missing)
	_, err := f.ListTags(f.ctx, &lambda.ListTagsInput{Resource: new(missing)})
	wantError(t, err, "ResourceNotFoundException: Function not found: "+missing)
	wantError(t, tag("arn:aws:lambda:us-east-1:111111111111:layer:l", map[string]string{"a": "b"}), "ResourceNotFoundException: The resource you requested does not exist.")

	wantError(t, tag(fnARN, manyTags(51)), "InvalidParameterValueException: Number of tags exceeds resource tag limit.")
	wantError(t, tag(fnARN, manyTags(50)), "")
	wantError(t, tag(fnARN, map[string]string{"one": "more"}), "InvalidParameterValueException: Number of tags exceeds resource tag limit.")
	wantError(t, tag(fnARN, map[string]string{"0_key": "changed"}), "")
}

// AWS recordings TestLambdaReservedConcurrency.
func TestReservedConcurrency(t *testing.T) {
	f := newFixture(t)
	f.create(t, "fn")
	f.create(t, "other")
	put := func(name string, n int32) error {
		out, err := f.PutFunctionConcurrency(f.ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: &name, ReservedConcurrentExecutions: &n})
		if err == nil && *out.ReservedConcurrentExecutions != n {
			t.Errorf("put %d, got %d", n, *out.ReservedConcurrentExecutions)
		}
		return err
	}
	get := func() *int32 {
		t.Helper()
		out, err := f.GetFunctionConcurrency(f.ctx, &lambda.GetFunctionConcurrencyInput{FunctionName: new("fn")})
		if err != nil {
			t.Fatal(err)
		}
		return out.ReservedConcurrentExecutions
	}
	if get() != nil {
		t.Error("a new function has reserved concurrency")
	}
	wantError(t, put("doesnotexist", 0), "ResourceNotFoundException: Function not found: arn:aws:lambda:us-east-1:111111111111:function:doesnotexist:$LATEST")
	wantError(t, put(fnARN+":$LATEST", 0), "InvalidParameterValueException: "+msgFunctionsOnly)
	wantError(t, put("fn", 0), "")
	if n := get(); n == nil || *n != 0 {
		t.Errorf("reserved %v, want 0", n)
	}
	const over = "InvalidParameterValueException: Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100]."
	wantError(t, put("fn", 901), over)
	wantError(t, put("fn", 900), "")
	wantError(t, put("fn", 850), "") // its own reservation does not count against it
	wantError(t, put("other", 51), over)
	wantError(t, put("other", 50), "")
	fn, _ := f.GetFunction(f.ctx, &lambda.GetFunctionInput{FunctionName: new("fn")})
	if *fn.Concurrency.ReservedConcurrentExecutions != 850 {
		t.Errorf("GetFunction: %v", fn.Concurrency)
	}
	settings, err := f.GetAccountSettings(f.ctx, &lambda.GetAccountSettingsInput{})
	if err != nil || *settings.AccountLimit.UnreservedConcurrentExecutions != 100 {
		t.Errorf("settings %v, %v", shape(t, settings), err)
	}
	if _, err := f.DeleteFunctionConcurrency(f.ctx, &lambda.DeleteFunctionConcurrencyInput{FunctionName: new("fn")}); err != nil || get() != nil {
		t.Errorf("after deletion %v, %v", get(), err)
	}
	_, err = f.DeleteFunctionConcurrency(f.ctx, &lambda.DeleteFunctionConcurrencyInput{FunctionName: new("none")})
	wantError(t, err, "ResourceNotFoundException: Function not found: arn:aws:lambda:us-east-1:111111111111:function:none")
}

// AWS recording test_account_settings_total_code_size_config_update: a
// version counts even when its code is $LATEST's.
func TestGetAccountSettings(t *testing.T) {
	f := newFixture(t)
	size := int64(len(createInput("fn").Code.ZipFile))
	usage := func() *types.AccountUsage {
		t.Helper()
		out, err := f.GetAccountSettings(f.ctx, &lambda.GetAccountSettingsInput{})
		if err != nil {
			t.Fatal(err)
		}
		return out.AccountUsage
	}
	want := func(functions, total int64) {
		t.Helper()
		if got := usage(); got.FunctionCount != functions || got.TotalCodeSize != total {
			t.Errorf("usage %+v, want %d functions, %d bytes", got, functions, total)
		}
	}
	want(0, 0)
	f.create(t, "fn")
	f.create(t, "other")
	want(2, 2*size)
	f.publishNew(t, "fn")
	want(2, 3*size)
	if _, err := f.DeleteFunction(f.ctx, &lambda.DeleteFunctionInput{FunctionName: new("fn")}); err != nil {
		t.Fatal(err)
	}
	want(1, size)
}

// What does not exist here is answered as AWS answers it where it does not
// exist there (AWS recordings test_ops_on_nonexisting_fn,
// test_url_config_list_paging).
func TestAbsent(t *testing.T) {
	f := newFixture(t)
	f.create(t, "fn")
	signing, err := f.GetFunctionCodeSigningConfig(f.ctx, &lambda.GetFunctionCodeSigningConfigInput{FunctionName: new("fn")})
	if err != nil || *signing.FunctionName != "fn" || signing.CodeSigningConfigArn != nil {
		t.Errorf("code signing %v, %v", signing, err)
	}
	_, err = f.GetFunctionCodeSigningConfig(f.ctx, &lambda.GetFunctionCodeSigningConfigInput{FunctionName: new("none")})
	wantError(t, err, "ResourceNotFoundException: Function not found: arn:aws:lambda:us-east-1:111111111111:function:none")
	_, err = f.GetFunctionEventInvokeConfig(f.ctx, &lambda.GetFunctionEventInvokeConfigInput{FunctionName: new("fn")})
	wantError(t, err, "ResourceNotFoundException: The function "+fnARN+":$LATEST doesn't have an EventInvokeConfig")
	_, err = f.GetFunctionEventInvokeConfig(f.ctx, &lambda.GetFunctionEventInvokeConfigInput{FunctionName: new("fn"), Qualifier: new("1221")})
	wantError(t, err, "ResourceNotFoundException: The function "+fnARN+":1221 doesn't have an EventInvokeConfig")
	_, err = f.GetFunctionUrlConfig(f.ctx, &lambda.GetFunctionUrlConfigInput{FunctionName: new("fn")})
	wantError(t, err, "ResourceNotFoundException: The resource you requested does not exist.")
	urls, err := f.ListFunctionUrlConfigs(f.ctx, &lambda.ListFunctionUrlConfigsInput{FunctionName: new("fn")})
	if err != nil || urls.FunctionUrlConfigs == nil || len(urls.FunctionUrlConfigs) != 0 {
		t.Errorf("urls %v, %v", urls, err)
	}
	_, err = f.ListFunctionUrlConfigs(f.ctx, &lambda.ListFunctionUrlConfigsInput{FunctionName: new("none")})
	wantError(t, err, "ResourceNotFoundException: Function does not exist")
}
