package lambda

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"
)

// AWS recordings test_alias_naming, test_function_revisions_version_and_alias,
// test_alias_routingconfig.
func TestAliasLifecycle(t *testing.T) {
	f := newFixture(t)
	f.create(t, "fn")
	f.publishNew(t, "fn")
	f.publishNew(t, "fn")
	latest := func() string {
		out, _ := f.GetFunctionConfiguration(f.ctx, &lambda.GetFunctionConfigurationInput{FunctionName: new("fn")})
		return *out.RevisionId
	}
	before := latest()
	created, err := f.CreateAlias(f.ctx, &lambda.CreateAliasInput{FunctionName: new(fnARN), Name: new("2024-01-02"), FunctionVersion: new("1")})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"AliasArn": fnARN + ":2024-01-02", "Description": "", "FunctionVersion": "1", "Name": "2024-01-02", "RevisionId": *created.RevisionId}
	if diff := cmp.Diff(want, shape(t, created)); diff != "" {
		t.Errorf("CreateAlias (-want +got):\n%s", diff)
	}
	if latest() != before {
		t.Error("CreateAlias changed the revision of $LATEST")
	}
	_, err = f.UpdateAlias(f.ctx, &lambda.UpdateAliasInput{FunctionName: new("fn"), Name: new("2024-01-02"), RevisionId: new("wrong")})
	wantError(t, err, "PreconditionFailedException: The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id")
	updated, err := f.UpdateAlias(f.ctx, &lambda.UpdateAliasInput{FunctionName: new("fn"), Name: new("2024-01-02"), RevisionId: created.RevisionId, Description: new("something changed"),
		RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{"2": 0.5}}})
	if err != nil {
		t.Fatal(err)
	}
	want["Description"], want["RevisionId"] = "something changed", *updated.RevisionId
	want["RoutingConfig"] = map[string]any{"AdditionalVersionWeights": map[string]any{"2": 0.5}}
	if diff := cmp.Diff(want, shape(t, updated)); diff != "" || *updated.RevisionId == *created.RevisionId {
		t.Errorf("UpdateAlias (-want +got):\n%s", diff)
	}
	// The function under the alias' name is its primary version.
	config, err := f.GetFunctionConfiguration(f.ctx, &lambda.GetFunctionConfigurationInput{FunctionName: new("fn:2024-01-02")})
	if err != nil || *config.Version != "1" || *config.FunctionArn != fnARN+":2024-01-02" {
		t.Errorf("configuration of the alias: %v, %v", config, err)
	}
	// An empty routing configuration takes the other version away.
	if _, err := f.UpdateAlias(f.ctx, &lambda.UpdateAliasInput{FunctionName: new("fn"), Name: new("2024-01-02"), FunctionVersion: new("2"), RoutingConfig: &types.AliasRoutingConfiguration{}}); err != nil {
		t.Fatal(err)
	}
	got, err := f.GetAlias(f.ctx, &lambda.GetAliasInput{FunctionName: new("fn"), Name: new("2024-01-02")})
	if err != nil || *got.FunctionVersion != "2" || got.RoutingConfig != nil {
		t.Errorf("GetAlias = %v, %v", got, err)
	}
	for range 2 { // AWS recording test_non_existent_alias_deletion
		if _, err := f.DeleteAlias(f.ctx, &lambda.DeleteAliasInput{FunctionName: new("fn"), Name: new("2024-01-02")}); err != nil {
			t.Error(err)
		}
	}
	_, err = f.GetAlias(f.ctx, &lambda.GetAliasInput{FunctionName: new("fn"), Name: new("2024-01-02")})
	wantError(t, err, "ResourceNotFoundException: Cannot find alias arn: "+fnARN+":2024-01-02")
}

func TestAliasErrors(t *testing.T) {
	f := newFixture(t)
	f.create(t, "fn")
	f.publishNew(t, "fn")
	f.publishNew(t, "fn")
	if _, err := f.UpdateFunctionConfiguration(f.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: new("fn"), Role: new("arn:aws:iam::111111111111:role/other")}); err != nil {
		t.Fatal(err)
	}
	f.settle()
	f.publishNew(t, "fn") // 3 has another role
	if _, err := f.CreateAlias(f.ctx, &lambda.CreateAliasInput{FunctionName: new("fn"), Name: new("live"), FunctionVersion: new("1")}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, version string
		weights       map[string]float64
		want          string
	}{
		{"live", "1", nil, "ResourceConflictException: Alias already exists: " + fnARN + ":live"},
		{"a", "77", nil, "ResourceNotFoundException: Function not found: " + fnARN + ":77"},
		{"a", "1", map[string]float64{"77": 0.5}, "ResourceNotFoundException: Function not found: " + fnARN + ":77"},
		{"a", "1", map[string]float64{"2": 0.5, "3": 0.1}, "InvalidParameterValueException: Number of items in AdditionalVersionWeights cannot be greater than 1"},
		{"a", "1", map[string]float64{"1": 0.5}, "InvalidParameterValueException: Invalid function version 1. Function version 1 is already included in routing configuration."},
		{"a", "$LATEST", map[string]float64{"1": 0.5}, "InvalidParameterValueException: $LATEST is not supported for an alias pointing to more than 1 version"},
		{"a", "1", map[string]float64{"2": 2}, `ValidationException: 1 validation error detected: Value '{"2":2}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]`},
		{"a", "1", map[string]float64{"3": 0.5}, "InvalidParameterValueException: Specified versions must be associated with the same execution role"},
		{"a", "$LATEST", nil, ""},
	} {
		_, err := f.CreateAlias(f.ctx, &lambda.CreateAliasInput{FunctionName: new("fn"), Name: &c.name, FunctionVersion: &c.version,
			RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: c.weights}})
		wantError(t, err, c.want)
	}
	_, err := f.CreateAlias(f.ctx, &lambda.CreateAliasInput{FunctionName: new("none"), Name: new("a"), FunctionVersion: new("1")})
	wantError(t, err, "ResourceNotFoundException: Function not found: arn:aws:lambda:us-east-1:111111111111:function:none")
	_, err = f.UpdateAlias(f.ctx, &lambda.UpdateAliasInput{FunctionName: new("fn"), Name: new("none")})
	wantError(t, err, "ResourceNotFoundException: Alias not found: "+fnARN+":none")
	_, err = f.GetFunction(f.ctx, &lambda.GetFunctionInput{FunctionName: new("fn"), Qualifier: new("none")})
	wantError(t, err, "ResourceNotFoundException: Function not found: "+fnARN+":none")
	_, err = f.DeleteAlias(f.ctx, &lambda.DeleteAliasInput{FunctionName: new("none"), Name: new("a")})
	wantError(t, err, "ResourceNotFoundException: Function not found: arn:aws:lambda:us-east-1:111111111111:function:none")
}

func TestListAliases(t *testing.T) {
	f := newFixture(t)
	f.create(t, "fn")
	f.publishNew(t, "fn")
	f.publishNew(t, "fn")
	for name, version := range map[string]string{"dev": "$LATEST", "staging": "2", "prod": "1"} {
		in := &lambda.CreateAliasInput{FunctionName: new("fn"), Name: &name, FunctionVersion: &version}
		if name == "prod" {
			in.RoutingConfig = &types.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{"2": 0.5}}
		}
		if _, err := f.CreateAlias(f.ctx, in); err != nil {
			t.Fatal(err)
		}
	}
	list := func(version *string, max *int32) (names []string) {
		for p := lambda.NewListAliasesPaginator(f, &lambda.ListAliasesInput{FunctionName: new("fn"), FunctionVersion: version, MaxItems: max}); p.HasMorePages(); {
			page, err := p.NextPage(f.ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, alias := range page.Aliases {
				names = append(names, *alias.Name)
			}
		}
		return names
	}
	if diff := cmp.Diff([]string{"dev", "prod", "staging"}, list(nil, nil)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"dev", "prod", "staging"}, list(nil, new(int32(1)))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"prod", "staging"}, list(new("2"), nil)); diff != "" {
		t.Error(diff)
	}
}
