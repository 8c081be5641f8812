package lambda

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/stagedoor/stagedoor/awswire"
)

func TestResolve(t *testing.T) {
	ctx := awswire.WithCaller(t.Context(), awswire.Caller{Account: testAccount, Region: testRegion})
	for _, c := range []struct {
		name, qualifier string
		want            string // ARN, or the error
	}{
		{"fn", "", fnARN},
		{"fn", "dev", fnARN + ":dev"},
		{"fn:dev", "", fnARN + ":dev"},
		{"fn:dev", "dev", fnARN + ":dev"},
		{"fn:$LATEST", "", fnARN + ":$LATEST"},
		{"111111111111:function:fn", "", fnARN},
		{"111111111111:fn", "7", fnARN + ":7"},
		{"function:fn:7", "", fnARN + ":7"},
		{"us-east-1:111111111111:function:fn", "", fnARN},
		{fnARN, "", fnARN},
		{fnARN + ":dev", "dev", fnARN + ":dev"},
		{"222222222222:function:fn", "", "arn:aws:lambda:us-east-1:222222222222:function:fn"},
		// AWS recording test_ops_with_arn_qualifier_mismatch
		{fnARN + ":1", "$LATEST", "InvalidParameterValueException: The derived qualifier from the function name does not match the specified qualifier."},
		// AWS recording test_get_function_wrong_region
		{"arn:aws:lambda:eu-west-1:111111111111:function:fn", "", "ResourceNotFoundException: Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"},
		// AWS recording test_function_arns
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "", "InvalidParameterValueException: 1 validation error detected: Value 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to 64"},
		{"invalid:function:name", "", `ValidationException: 1 validation error detected: Value 'invalid:function:name' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?`},
	} {
		got, err := resolve(ctx, &c.name, &c.qualifier)
		if err != nil {
			wantError(t, err, c.want)
		} else if got.arn() != c.want {
			t.Errorf("resolve(%q, %q) = %s, want %s", c.name, c.qualifier, got.arn(), c.want)
		}
	}
}

// LDG access-control-resource-based: other accounts may do what the function's
// policy allows them, and nothing else.
func TestOtherAccounts(t *testing.T) {
	f := newFixture(t)
	f.create(t, "fn")
	other := awswire.WithCaller(t.Context(), awswire.Caller{Account: "222222222222", Region: testRegion, ARN: "arn:aws:iam::222222222222:user/ann"})
	get := func() error {
		_, err := f.GetFunction(other, &lambda.GetFunctionInput{FunctionName: new(fnARN)})
		return err
	}
	const denied = "AccessDeniedException: User: arn:aws:iam::222222222222:user/ann is not authorized to perform: lambda:GetFunction on resource: " + fnARN + " because no resource-based policy allows the lambda:GetFunction action"
	wantError(t, get(), denied)

	grant := func(sid, principal, action string) {
		t.Helper()
		if _, err := f.AddPermission(f.ctx, &lambda.AddPermissionInput{FunctionName: new("fn"), StatementId: &sid, Principal: &principal, Action: &action}); err != nil {
			t.Fatal(err)
		}
	}
	grant("invoke", "222222222222", "lambda:InvokeFunction")
	wantError(t, get(), denied)
	grant("stranger", "333333333333", "lambda:*")
	wantError(t, get(), denied)
	grant("all", "222222222222", "lambda:*")
	wantError(t, get(), "")
	// $LATEST has no policy of its own: the function's counts.
	_, err := f.GetFunction(other, &lambda.GetFunctionInput{FunctionName: new(fnARN), Qualifier: new("$LATEST")})
	wantError(t, err, "")

	// Not on LDG's list, whatever the policy says.
	_, err = f.UpdateFunctionConfiguration(other, &lambda.UpdateFunctionConfigurationInput{FunctionName: new(fnARN)})
	wantError(t, err, "AccessDeniedException: ")
	in := createInput("arn:aws:lambda:us-east-1:111111111111:function:new")
	in.Runtime = types.RuntimePython313
	_, err = f.CreateFunction(other, in) // AWS recording test_function_arns
	wantError(t, err, "AccessDeniedException: ")
}

func TestSessionRole(t *testing.T) {
	for arn, want := range map[string]string{
		"arn:aws:sts::222222222222:assumed-role/admin/session": "arn:aws:iam::222222222222:role/admin",
		"arn:aws:iam::222222222222:user/ann":                   "",
	} {
		if got := sessionRole(arn); got != want {
			t.Errorf("sessionRole(%s) = %q, want %q", arn, got, want)
		}
	}
}
