package actions_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	apitypes "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/awswire"
	"github.com/stagedoor/stagedoor/internal/actions"
)

var clients = map[string]reflect.Type{
	"apigateway": reflect.TypeFor[*apigateway.Client](),
	"iam":        reflect.TypeFor[*iam.Client](),
	"lambda":     reflect.TypeFor[*lambda.Client](),
	"logs":       reflect.TypeFor[*cloudwatchlogs.Client](),
	"sts":        reflect.TypeFor[*sts.Client](),
}

var caller = awswire.Caller{Account: "111122223333", Region: "eu-central-1", ARN: "arn:aws:iam::111122223333:user/team/ada"}

func entities(account, kind, name string) (actions.Entity, bool) {
	if name == "known" {
		return actions.Entity{ARN: "arn:aws:iam::" + account + ":" + kind + "/team/known", Boundary: "arn:aws:iam::" + account + ":policy/b"}, true
	}
	return actions.Entity{}, false
}

// Every member that a table names exists in the SDK's input, and every line can
// be resolved for an empty one.
func TestTablesNameMembers(t *testing.T) {
	for service, client := range clients {
		names := actions.Known(service)
		if len(names) == 0 {
			t.Errorf("no table for %s", service)
		}
		for _, name := range names {
			method, ok := client.MethodByName(name)
			if !ok { // the SDK is older or newer than the model
				continue
			}
			in := method.Type.In(2).Elem()
			for _, member := range actions.MembersForTest(service, name) {
				if !hasMember(in, member) {
					t.Errorf("%s %s: the input has no member %s", service, name, member)
				}
			}
			if _, known := actions.For(service, name, reflect.New(in).Interface(), caller, entities); !known {
				t.Errorf("%s %s is not known", service, name)
			}
		}
	}
}

func hasMember(in reflect.Type, path string) bool {
	for name := range strings.SplitSeq(path, ".") {
		for in.Kind() == reflect.Pointer {
			in = in.Elem()
		}
		f, ok := in.FieldByName(name)
		if !ok {
			return false
		}
		in = f.Type
	}
	return true
}

func TestFor(t *testing.T) {
	type check struct{ Action, Resource, Shown string }
	fn := "arn:aws:lambda:eu-central-1:111122223333:function:f"
	role := "arn:aws:iam::111122223333:role/r"
	for _, c := range []struct {
		service, operation string
		in                 any
		want               []check
	}{
		{"lambda", "GetFunction", &lambda.GetFunctionInput{FunctionName: aws.String("f")}, []check{{"lambda:GetFunction", fn, ""}}},
		{"lambda", "GetFunction", &lambda.GetFunctionInput{FunctionName: aws.String("f"), Qualifier: aws.String("live")}, []check{{"lambda:GetFunction", fn + ":live", ""}}},
		{"lambda", "Invoke", &lambda.InvokeInput{FunctionName: aws.String(fn + ":1")}, []check{{"lambda:InvokeFunction", fn + ":1", ""}}},
		{"lambda", "Invoke", &lambda.InvokeInput{FunctionName: aws.String("444455556666:function:f")}, []check{{"lambda:InvokeFunction", "arn:aws:lambda:eu-central-1:444455556666:function:f", ""}}},
		{"lambda", "ListFunctions", &lambda.ListFunctionsInput{}, []check{{"lambda:ListFunctions", "*", ""}}},
		{"lambda", "CreateFunction", &lambda.CreateFunctionInput{FunctionName: aws.String("f"), Role: &role}, []check{{"lambda:CreateFunction", fn, ""}, {"iam:PassRole", role, ""}}},
		{"apigateway", "GetRestApis", &apigateway.GetRestApisInput{}, []check{{"apigateway:GET", "arn:aws:apigateway:eu-central-1::/restapis", ""}}},
		{"apigateway", "PutIntegration", &apigateway.PutIntegrationInput{RestApiId: aws.String("a"), ResourceId: aws.String("r"), HttpMethod: aws.String("GET"), Credentials: &role},
			[]check{{"apigateway:PUT", "arn:aws:apigateway:eu-central-1::/restapis/a/resources/r/methods/GET/integration", ""}, {"iam:PassRole", role, ""}}},
		{"apigateway", "PutIntegration", &apigateway.PutIntegrationInput{RestApiId: aws.String("a"), ResourceId: aws.String("r"), HttpMethod: aws.String("GET"), Credentials: aws.String("arn:aws:iam::*:user/*")},
			[]check{{"apigateway:PUT", "arn:aws:apigateway:eu-central-1::/restapis/a/resources/r/methods/GET/integration", ""}}},
		{"apigateway", "UpdateAccount", &apigateway.UpdateAccountInput{PatchOperations: []apitypes.PatchOperation{{Op: "replace", Path: aws.String("/cloudwatchRoleArn"), Value: &role}}},
			[]check{{"apigateway:PATCH", "arn:aws:apigateway:eu-central-1::/account", ""}, {"iam:PassRole", role, ""}}},
		{"apigateway", "TagResource", &apigateway.TagResourceInput{ResourceArn: aws.String("arn:aws:apigateway:eu-central-1::/restapis/a")},
			// "an apigateway:PATCH to the resource itself, as well as an apigateway:PUT to the tag resource": iann0036/iam-dataset#39
			[]check{{"apigateway:PUT", "arn:aws:apigateway:eu-central-1::/tags/arn%3Aaws%3Aapigateway%3Aeu-central-1%3A%3A%2Frestapis%2Fa", ""},
				{"apigateway:PATCH", "arn:aws:apigateway:eu-central-1::/restapis/a", ""}}},
		{"apigateway", "CreateRestApi", &apigateway.CreateRestApiInput{Name: aws.String("n"), Policy: aws.String("{}"), Tags: map[string]string{"a": "b"}},
			[]check{{"apigateway:POST", "arn:aws:apigateway:eu-central-1::/restapis", ""}, {"apigateway:UpdateRestApiPolicy", "arn:aws:apigateway:eu-central-1::/restapis", ""},
				{"apigateway:PUT", "arn:aws:apigateway:eu-central-1::/tags/arn%3Aaws%3Aapigateway%3Aeu-central-1%3A%3A%2Frestapis%2F*", ""}}},
		{"apigateway", "CreateStage", &apigateway.CreateStageInput{RestApiId: aws.String("a"), StageName: aws.String("dev"), Tags: map[string]string{"a": "b"}},
			[]check{{"apigateway:POST", "arn:aws:apigateway:eu-central-1::/restapis/a/stages", ""},
				{"apigateway:PUT", "arn:aws:apigateway:eu-central-1::/tags/arn%3Aaws%3Aapigateway%3Aeu-central-1%3A%3A%2Frestapis%2Fa%2Fstages%2Fdev", ""}}},
		{"apigateway", "UpdateRestApi", &apigateway.UpdateRestApiInput{RestApiId: aws.String("a"), PatchOperations: []apitypes.PatchOperation{{Op: "remove", Path: aws.String("/policy")}}},
			[]check{{"apigateway:PATCH", "arn:aws:apigateway:eu-central-1::/restapis/a", ""}, {"apigateway:UpdateRestApiPolicy", "arn:aws:apigateway:eu-central-1::/restapis/a", ""}}},
		{"apigateway", "UpdateRestApi", &apigateway.UpdateRestApiInput{RestApiId: aws.String("a"), PatchOperations: []apitypes.PatchOperation{{Op: "replace", Path: aws.String("/name")}}},
			[]check{{"apigateway:PATCH", "arn:aws:apigateway:eu-central-1::/restapis/a", ""}}},
		{"iam", "ListUsers", &iam.ListUsersInput{}, []check{{"iam:ListUsers", "arn:aws:iam::111122223333:user/", ""}}},
		{"iam", "ListPolicies", &iam.ListPoliciesInput{}, []check{{"iam:ListPolicies", "arn:aws:iam::111122223333:policy/", "policy path /"}}},
		{"iam", "GetUser", &iam.GetUserInput{}, []check{{"iam:GetUser", caller.ARN, ""}}},
		{"iam", "GetUser", &iam.GetUserInput{UserName: aws.String("ada")}, []check{{"iam:GetUser", "arn:aws:iam::111122223333:user/ada", "user ada"}}},
		{"iam", "GetAccessKeyLastUsed", &iam.GetAccessKeyLastUsedInput{AccessKeyId: aws.String("AKIAOTHER")}, []check{{"iam:GetAccessKeyLastUsed", "*", ""}}},
		{"iam", "GetRole", &iam.GetRoleInput{RoleName: aws.String("known")}, []check{{"iam:GetRole", "arn:aws:iam::111122223333:role/team/known", "role known"}}},
		{"iam", "GetRole", &iam.GetRoleInput{RoleName: aws.String("other")}, []check{{"iam:GetRole", "arn:aws:iam::111122223333:role/other", "role other"}}},
		{"iam", "CreateRole", &iam.CreateRoleInput{RoleName: aws.String("n"), Path: aws.String("/p/")}, []check{{"iam:CreateRole", "arn:aws:iam::111122223333:role/p/n", ""}}},
		{"iam", "UpdateUser", &iam.UpdateUserInput{UserName: aws.String("known"), NewUserName: aws.String("new")},
			[]check{{"iam:UpdateUser", "arn:aws:iam::111122223333:user/team/known", "user known"}, {"iam:UpdateUser", "arn:aws:iam::111122223333:user/team/new", ""}}},
		{"iam", "GetPolicy", &iam.GetPolicyInput{PolicyArn: aws.String("arn:aws:iam::aws:policy/X")}, []check{{"iam:GetPolicy", "arn:aws:iam::aws:policy/X", "policy arn:aws:iam::aws:policy/X"}}},
		{"iam", "CreateRole", &iam.CreateRoleInput{RoleName: aws.String("n"), Tags: []iamtypes.Tag{{Key: aws.String("k"), Value: aws.String("v")}}},
			[]check{{"iam:CreateRole", "arn:aws:iam::111122223333:role/n", ""}, {"iam:TagRole", "arn:aws:iam::111122223333:role/n", ""}}},
		{"iam", "CreateServiceLinkedRole", &iam.CreateServiceLinkedRoleInput{AWSServiceName: aws.String("known")},
			[]check{{"iam:CreateServiceLinkedRole", "arn:aws:iam::111122223333:linked/team/known", ""}}},
		{"iam", "CreateOpenIDConnectProvider", &iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://a.example.com/id/1")},
			[]check{{"iam:CreateOpenIDConnectProvider", "arn:aws:iam::111122223333:oidc-provider/a.example.com/id/1", ""}}},
		{"sts", "AssumeRole", &sts.AssumeRoleInput{RoleArn: &role, Tags: []ststypes.Tag{{Key: aws.String("k"), Value: aws.String("v")}}},
			[]check{{"sts:AssumeRole", role, ""}, {"sts:TagSession", role, ""}}},
		{"sts", "GetCallerIdentity", &sts.GetCallerIdentityInput{}, nil},
		{"logs", "CreateLogGroup", &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("/aws/lambda/f")}, []check{{"logs:CreateLogGroup", "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/lambda/f:log-stream:", ""}}},
		{"logs", "PutLogEvents", &cloudwatchlogs.PutLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s")}, []check{{"logs:PutLogEvents", "arn:aws:logs:eu-central-1:111122223333:log-group:g:log-stream:s", ""}}},
		{"logs", "DescribeLogGroups", &cloudwatchlogs.DescribeLogGroupsInput{}, []check{{"logs:DescribeLogGroups", "arn:aws:logs:eu-central-1:111122223333:log-group::log-stream:", ""}}},
	} {
		t.Run(c.service+" "+c.operation, func(t *testing.T) {
			checks, known := actions.For(c.service, c.operation, c.in, caller, entities)
			var got []check
			for _, k := range checks {
				got = append(got, check{k.Action, k.Resource, k.Shown})
			}
			if diff := cmp.Diff(c.want, got); diff != "" || !known {
				t.Errorf("known %v, -want +got\n%s", known, diff)
			}
		})
	}
}

func TestKeys(t *testing.T) {
	checks, _ := actions.For("iam", "AttachRolePolicy", &iam.AttachRolePolicyInput{RoleName: aws.String("known"), PolicyArn: aws.String("arn:aws:iam::aws:policy/AdministratorAccess")}, caller, entities)
	want := []actions.Key{{Name: "iam:PolicyARN", Values: []string{"arn:aws:iam::aws:policy/AdministratorAccess"}}, {Name: "iam:PermissionsBoundary", Values: []string{"arn:aws:iam::111122223333:policy/b"}}}
	if diff := cmp.Diff(want, checks[0].Keys); diff != "" {
		t.Error(diff)
	}
	checks, _ = actions.For("iam", "CreateUser", &iam.CreateUserInput{UserName: aws.String("n"), Tags: []iamtypes.Tag{{Key: aws.String("team"), Value: aws.String("red")}}}, caller, entities)
	want = []actions.Key{{Name: "aws:RequestTag/team", Values: []string{"red"}}, {Name: "aws:TagKeys", Values: []string{"team"}}}
	if diff := cmp.Diff(want, checks[0].Keys); diff != "" {
		t.Error(diff)
	}
	checks, _ = actions.For("lambda", "CreateFunction", &lambda.CreateFunctionInput{FunctionName: aws.String("f"), Role: aws.String("arn:aws:iam::111122223333:role/r")}, caller, entities)
	want = []actions.Key{{Name: "iam:PassedToService", Values: []string{"lambda.amazonaws.com"}}, {Name: "iam:AssociatedResourceArn", Values: []string{"arn:aws:lambda:eu-central-1:111122223333:function:f"}}}
	if diff := cmp.Diff(want, checks[1].Keys); diff != "" {
		t.Error(diff)
	}
}
