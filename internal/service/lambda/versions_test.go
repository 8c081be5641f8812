package lambda

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

func (f *fixture) versionNumbers(t testing.TB, name string) (numbers []string) {
	t.Helper()
	out, err := f.ListVersionsByFunction(f.ctx, &lambda.ListVersionsByFunctionInput{FunctionName: &name})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range out.Versions {
		numbers = append(numbers, *v.Version)
	}
	return numbers
}

// AWS recordings test_version_lifecycle, test_publish_with_wrong_sha256 and
// test_function_revisions_version_and_alias.
func TestPublishVersion(t *testing.T) {
	f := newFixture(t)
	f.create(t, "fn")
	revision := func() *string {
		out, err := f.GetFunctionConfiguration(f.ctx, &lambda.GetFunctionConfigurationInput{FunctionName: new("fn")})
		if err != nil {
			t.Fatal(err)
		}
		return out.RevisionId
	}
	publish := func(in lambda.PublishVersionInput) (*lambda.PublishVersionOutput, error) {
		in.FunctionName = new("fn")
		return f.PublishVersion(f.ctx, &in)
	}
	active, _ := f.GetFunctionConfiguration(f.ctx, &lambda.GetFunctionConfigurationInput{FunctionName: new("fn")})

	_, err := publish(lambda.PublishVersionInput{CodeSha256: new("somenonexistentsha256")})
	wantError(t, err, "InvalidParameterValueException: CodeSHA256 (somenonexistentsha256) is different from current CodeSHA256 in $LATEST ("+*active.CodeSha256+"). Please try again with the CodeSHA256 in $LATEST.")
	_, err = publish(lambda.PublishVersionInput{RevisionId: new("wrong")})
	wantError(t, err, "PreconditionFailedException: The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id")

	first, err := publish(lambda.PublishVersionInput{CodeSha256: active.CodeSha256, RevisionId: active.RevisionId, Description: new("First version description :)")})
	if err != nil {
		t.Fatal(err)
	}
	want := shape(t, active)
	want["Version"], want["FunctionArn"], want["Description"], want["RevisionId"] = "1", fnARN+":1", "First version description :)", *first.RevisionId
	want["LastModified"] = *first.LastModified
	if diff := cmp.Diff(want, shape(t, first)); diff != "" {
		t.Errorf("PublishVersion (-want +got):\n%s", diff)
	}
	if *revision() == *active.RevisionId {
		t.Error("publishing did not change the revision of $LATEST")
	}

	// Nothing changed: the same version, whatever description is given.
	again, err := publish(lambda.PublishVersionInput{Description: new("another")})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(shape(t, first), shape(t, again)); diff != "" {
		t.Errorf("published again (-first +again):\n%s", diff)
	}

	// A description is a change, and changing it back is none.
	update := func(description string) {
		t.Helper()
		if _, err := f.UpdateFunctionConfiguration(f.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: new("fn"), Description: &description}); err != nil {
			t.Fatal(err)
		}
	}
	update("Second version :))")
	_, err = publish(lambda.PublishVersionInput{})
	wantError(t, err, "ResourceConflictException: The operation cannot be performed at this time. An update is in progress for resource: "+fnARN)
	f.settle()
	update("")
	f.settle()
	if same, err := publish(lambda.PublishVersionInput{}); err != nil || *same.Version != "1" {
		t.Errorf("after changing back: version %s, %v", deref(same.Version), err)
	}
	update("Second version :))")
	f.settle()
	if second, err := publish(lambda.PublishVersionInput{}); err != nil || *second.Version != "2" || *second.Description != "Second version :))" {
		t.Errorf("second version: %v, %v", second, err)
	}
	if diff := cmp.Diff([]string{"$LATEST", "1", "2"}, f.versionNumbers(t, "fn")); diff != "" {
		t.Error(diff)
	}
	_, err = f.PublishVersion(f.ctx, &lambda.PublishVersionInput{FunctionName: new("none")})
	wantError(t, err, "ResourceNotFoundException: Function not found: arn:aws:lambda:us-east-1:111111111111:function:none")
}

func TestDeleteVersion(t *testing.T) {
	f := newFixture(t)
	f.create(t, "fn")
	for range 3 {
		f.publishNew(t, "fn")
	}
	remove := func(name, qualifier string) error {
		_, err := f.DeleteFunction(f.ctx, &lambda.DeleteFunctionInput{FunctionName: &name, Qualifier: optional(qualifier)})
		return err
	}
	if _, err := f.CreateAlias(f.ctx, &lambda.CreateAliasInput{FunctionName: new("fn"), Name: new("live"), FunctionVersion: new("2"),
		RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{"3": 0.1}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.AddPermission(f.ctx, &lambda.AddPermissionInput{FunctionName: new("fn:1"), StatementId: new("s"), Action: new("lambda:InvokeFunction"), Principal: new("*")}); err != nil {
		t.Fatal(err)
	}
	// karl-cardenas-coding/go-lambda-cleanup#45
	const used = "ResourceConflictException: Unable to delete version because the following aliases reference it: [live]"
	wantError(t, remove("fn", "2"), used)
	wantError(t, remove("fn", "3"), used)
	wantError(t, remove("fn:live", ""), "InvalidParameterValueException: Deletion of aliases is not currently supported.")
	// AWS recording test_ops_with_arn_qualifier_mismatch
	wantError(t, remove("some-function:$LATEST", "$LATEST"), "InvalidParameterValueException: $LATEST version cannot be deleted without deleting the function.")
	wantError(t, remove("fn:1", ""), "")
	wantError(t, remove("fn", "1233"), "") // AWS recording test_delete_on_nonexisting_version
	if diff := cmp.Diff([]string{"$LATEST", "2", "3"}, f.versionNumbers(t, "fn")); diff != "" {
		t.Error(diff)
	}
	_, err := f.GetPolicy(f.ctx, &lambda.GetPolicyInput{FunctionName: new("fn"), Qualifier: new("1")})
	wantError(t, err, "ResourceNotFoundException: The resource you requested does not exist.")
	_, err = f.GetFunction(f.ctx, &lambda.GetFunctionInput{FunctionName: new("fn"), Qualifier: new("1")})
	wantError(t, err, "ResourceNotFoundException: Function not found: "+fnARN+":1")
	wantError(t, remove("fn", ""), "")
	wantError(t, remove("fn", ""), "ResourceNotFoundException: Function not found: "+fnARN)
	wantError(t, remove("fn", "1233"), "ResourceNotFoundException: Function not found: "+fnARN)
}

// LDG configuration-versions: numbers are not reused, even for a function
// deleted and created again; nothing else of the first one is left.
func TestRecreatedFunction(t *testing.T) {
	f := newFixture(t)
	f.create(t, "fn")
	f.publishNew(t, "fn")
	f.publishNew(t, "fn")
	if _, err := f.AddPermission(f.ctx, &lambda.AddPermissionInput{FunctionName: new("fn"), StatementId: new("s"), Action: new("lambda:InvokeFunction"), Principal: new("*")}); err != nil {
		t.Fatal(err)
	}
	// A version that a crash left behind does not belong to the new function.
	orphan, _, err := store.Get[state.FunctionVersion](f.store, state.FunctionVersionKey(testAccount, testRegion, "fn", "2"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.DeleteFunction(f.ctx, &lambda.DeleteFunctionInput{FunctionName: new("fn")}); err != nil {
		t.Fatal(err)
	}
	if left := store.List[state.FunctionVersion](f.store, state.FunctionVersions); len(left) != 0 {
		t.Errorf("%d versions left", len(left))
	}
	if _, err := store.Put(f.ctx, f.store, state.FunctionVersionKey(testAccount, testRegion, "fn", "2"), orphan); err != nil {
		t.Fatal(err)
	}
	f.create(t, "fn")
	if diff := cmp.Diff([]string{"$LATEST"}, f.versionNumbers(t, "fn")); diff != "" {
		t.Error(diff)
	}
	_, err = f.GetPolicy(f.ctx, &lambda.GetPolicyInput{FunctionName: new("fn")})
	wantError(t, err, "ResourceNotFoundException: The resource you requested does not exist.")
	if version := f.publishNew(t, "fn"); version != "3" {
		t.Errorf("the next version is %s, want 3", version)
	}
}

func TestListFunctions(t *testing.T) {
	f := newFixture(t)
	var all []string
	for i := range 5 {
		name := fmt.Sprint("fn-", i)
		f.create(t, name)
		all = append(all, name)
	}
	f.publishNew(t, "fn-1")
	list := func(in lambda.ListFunctionsInput) (names []string) {
		t.Helper()
		for p := lambda.NewListFunctionsPaginator(f, &in); p.HasMorePages(); {
			page, err := p.NextPage(f.ctx)
			if err != nil {
				t.Fatal(err)
			}
			if in.MaxItems != nil && len(page.Functions) > int(*in.MaxItems) {
				t.Errorf("a page of %d", len(page.Functions))
			}
			for _, c := range page.Functions {
				names = append(names, (*c.FunctionArn)[len("arn:aws:lambda:us-east-1:111111111111:function:"):])
			}
		}
		return names
	}
	if diff := cmp.Diff(all, list(lambda.ListFunctionsInput{})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(all, list(lambda.ListFunctionsInput{MaxItems: new(int32(2))})); diff != "" {
		t.Error(diff)
	}
	// AWS recording test_list_functions, list_all
	versions := []string{"fn-0:$LATEST", "fn-1:$LATEST", "fn-1:1", "fn-2:$LATEST", "fn-3:$LATEST", "fn-4:$LATEST"}
	if diff := cmp.Diff(versions, list(lambda.ListFunctionsInput{FunctionVersion: types.FunctionVersionAll, MaxItems: new(int32(1))})); diff != "" {
		t.Error(diff)
	}
	_, err := f.ListFunctions(f.ctx, &lambda.ListFunctionsInput{Marker: new("§")})
	wantError(t, err, "InvalidParameterValueException: Invalid Marker: §")
}

// A page goes on where it stopped although its last item is gone.
func TestListVersionsWhileDeleting(t *testing.T) {
	f := newFixture(t)
	f.create(t, "fn")
	for range 11 { // 10 and 11 come after 9, not after 1
		f.publishNew(t, "fn")
	}
	first, err := f.ListVersionsByFunction(f.ctx, &lambda.ListVersionsByFunctionInput{FunctionName: new("fn"), MaxItems: new(int32(10))})
	if err != nil || *first.Versions[9].Version != "9" {
		t.Fatal(err, first)
	}
	if _, err := f.DeleteFunction(f.ctx, &lambda.DeleteFunctionInput{FunctionName: new("fn"), Qualifier: new("9")}); err != nil {
		t.Fatal(err)
	}
	second, err := f.ListVersionsByFunction(f.ctx, &lambda.ListVersionsByFunctionInput{FunctionName: new("fn"), Marker: first.NextMarker})
	if err != nil || len(second.Versions) != 2 || *second.Versions[0].Version != "10" || second.NextMarker != nil {
		t.Errorf("second page %v, %v", second, err)
	}
}

// A new function is Pending in the answer that made it (AWS recording
// test_function_state) and Active for whoever asks next: no waiter of the SDK
// has to look twice.
func TestWaiters(t *testing.T) {
	f := newFixture(t)
	f.Service.pendingTime = 0
	created, err := f.CreateFunction(f.ctx, createInput("fn"))
	if err != nil || created.State != types.StatePending {
		t.Fatal(created, err)
	}
	const once = time.Nanosecond // no time for a second look
	if err := lambda.NewFunctionActiveV2Waiter(f).Wait(f.ctx, &lambda.GetFunctionInput{FunctionName: new("fn")}, once); err != nil {
		t.Error(err)
	}
	if err := lambda.NewFunctionUpdatedV2Waiter(f).Wait(f.ctx, &lambda.GetFunctionInput{FunctionName: new("fn")}, once); err != nil {
		t.Error(err)
	}
	if err := lambda.NewFunctionExistsWaiter(f).Wait(f.ctx, &lambda.GetFunctionInput{FunctionName: new("fn")}, once); err != nil {
		t.Error(err)
	}
	if err := lambda.NewPublishedVersionActiveWaiter(f).Wait(f.ctx, &lambda.GetFunctionConfigurationInput{FunctionName: new("fn")}, once); err != nil {
		t.Error(err)
	}
}

// Whoever is first, an alias never points at a version that is gone.
func TestDeleteVersionWhileAliasing(t *testing.T) {
	f := newFixture(t)
	f.create(t, "fn")
	for range 10 {
		version := f.publishNew(t, "fn")
		alias := "alias-" + version
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := f.CreateAlias(f.ctx, &lambda.CreateAliasInput{FunctionName: new("fn"), Name: &alias, FunctionVersion: &version})
			if err != nil && !isNotFound(err) {
				t.Error(err)
			}
		})
		wg.Go(func() {
			_, err := f.DeleteFunction(f.ctx, &lambda.DeleteFunctionInput{FunctionName: new("fn"), Qualifier: &version})
			if _, used := errors.AsType[*types.ResourceConflictException](err); err != nil && !used {
				t.Error(err)
			}
		})
		wg.Wait()
		_, aliased := f.GetAlias(f.ctx, &lambda.GetAliasInput{FunctionName: new("fn"), Name: &alias})
		_, there := f.GetFunctionConfiguration(f.ctx, &lambda.GetFunctionConfigurationInput{FunctionName: new("fn"), Qualifier: &version})
		if (aliased == nil) != (there == nil) {
			t.Errorf("version %s: alias %v, version %v", version, aliased, there)
		}
	}
}
