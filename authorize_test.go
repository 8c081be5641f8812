package stagedoor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/stagedoor/stagedoor/internal/actions"
	"github.com/stagedoor/stagedoor/internal/grants"
)

const acct = "000000000000"

// No operation with a handler lacks its permissions in internal/actions.
func TestEveryOperationHasPermissions(t *testing.T) {
	s := start(t)
	for service, operations := range s.parts.operations {
		known := actions.Known(service)
		for name := range operations {
			if !slices.Contains(known, name) {
				t.Errorf("internal/actions/table/%s.txt lacks %s: add its action, resource and condition keys", service, name)
			}
		}
	}
}

// people makes principals of a running server and their clients.
type people struct {
	t    *testing.T
	s    *Server
	root *iam.Client
}

func newPeople(t *testing.T, s *Server) *people {
	p := &people{t: t, s: s}
	p.root = iam.NewFromConfig(p.config("test", "test", ""))
	return p
}

func (p *people) config(key, secret, token string) aws.Config {
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(p.s.Endpoint()), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(key, secret, token),
	}
}

// user makes a user whose one policy is document ("" for none).
func (p *people) user(name, document string) aws.Config {
	p.t.Helper()
	ctx := p.t.Context()
	_, err := p.root.CreateUser(ctx, &iam.CreateUserInput{UserName: &name})
	must(p.t, err)
	if document != "" {
		_, err = p.root.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: &name, PolicyName: aws.String("own"), PolicyDocument: &document})
		must(p.t, err)
	}
	key, err := p.root.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &name})
	must(p.t, err)
	return p.config(*key.AccessKey.AccessKeyId, *key.AccessKey.SecretAccessKey, "")
}

func (p *people) role(name, trusted, document string) (arn string) {
	p.t.Helper()
	ctx := p.t.Context()
	role, err := p.root.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &name,
		AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":` + trusted + `,"Action":["sts:AssumeRole","sts:TagSession"]}}`)})
	must(p.t, err)
	if document != "" {
		_, err = p.root.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String("own"), PolicyDocument: &document})
		must(p.t, err)
	}
	return *role.Role.Arn
}

func allows(actions, resource string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[%s],"Resource":"%s"}]}`, quoted(actions), resource)
}

func quoted(list string) string { return `"` + strings.Join(strings.Fields(list), `","`) + `"` }

// refusedAs asserts code, status and sentence of a refusal.
func refusedAs(t *testing.T, err error, code string, status int, text string) {
	t.Helper()
	var api smithy.APIError
	var http interface{ HTTPStatusCode() int }
	if !errors.As(err, &api) || !errors.As(err, &http) {
		t.Errorf("not refused: %v", err)
		return
	}
	if api.ErrorCode() != code || http.HTTPStatusCode() != status || api.ErrorMessage() != text {
		t.Errorf("got  %s %d %s\nwant %s %d %s", api.ErrorCode(), http.HTTPStatusCode(), api.ErrorMessage(), code, status, text)
	}
}

// Users without a policy are refused by every service in its own shape, and
// what a policy allows passes.
func TestUsersNeedPolicies(t *testing.T) {
	p := newPeople(t, start(t))
	ctx := t.Context()
	none := p.user("none", "")
	const who = "User: arn:aws:iam::000000000000:user/none is not authorized to perform: "
	identity := func(action, resource string) string {
		return who + action + " on resource: " + resource + " because no identity-based policy allows the " + action + " action"
	}
	_, err := lambda.NewFromConfig(none).GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String("f")})
	refusedAs(t, err, "AccessDeniedException", 403, identity("lambda:GetFunction", "arn:aws:lambda:us-east-1:000000000000:function:f"))
	_, err = apigateway.NewFromConfig(none).GetRestApis(ctx, &apigateway.GetRestApisInput{})
	refusedAs(t, err, "AccessDeniedException", 403, identity("apigateway:GET", "arn:aws:apigateway:us-east-1::/restapis"))
	_, err = iam.NewFromConfig(none).ListRoles(ctx, &iam.ListRolesInput{})
	refusedAs(t, err, "AccessDenied", 403, identity("iam:ListRoles", "arn:aws:iam::000000000000:role/"))
	_, err = cloudwatchlogs.NewFromConfig(none).DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{})
	refusedAs(t, err, "AccessDeniedException", 400, identity("logs:DescribeLogGroups", "arn:aws:logs:us-east-1:000000000000:log-group::log-stream:"))
	if _, err = sts.NewFromConfig(none).GetCallerIdentity(ctx, nil); err != nil {
		t.Errorf("GetCallerIdentity needs no permission: %v", err)
	}

	reader := p.user("reader", allows("apigateway:GET lambda:List*", "*"))
	if _, err = apigateway.NewFromConfig(reader).GetRestApis(ctx, &apigateway.GetRestApisInput{}); err != nil {
		t.Error(err)
	}
	if _, err = lambda.NewFromConfig(reader).ListFunctions(ctx, &lambda.ListFunctionsInput{}); err != nil {
		t.Error(err)
	}
	_, err = apigateway.NewFromConfig(reader).CreateRestApi(ctx, &apigateway.CreateRestApiInput{Name: aws.String("x")})
	refusedAs(t, err, "AccessDeniedException", 403, strings.NewReplacer("user/none", "user/reader").Replace(identity("apigateway:POST", "arn:aws:apigateway:us-east-1::/restapis")))
}

// Groups, boundaries, explicit denies and tags all count.
func TestEveryKindOfPolicyCounts(t *testing.T) {
	p := newPeople(t, start(t))
	ctx := t.Context()
	cfg := p.user("ada", "")
	client := lambda.NewFromConfig(cfg)
	list := func() error { _, err := client.ListFunctions(ctx, &lambda.ListFunctionsInput{}); return err }

	group := aws.String("devs")
	_, err := p.root.CreateGroup(ctx, &iam.CreateGroupInput{GroupName: group})
	must(t, err)
	_, err = p.root.AttachGroupPolicy(ctx, &iam.AttachGroupPolicyInput{GroupName: group, PolicyArn: aws.String("arn:aws:iam::aws:policy/AWSLambda_FullAccess")})
	must(t, err)
	_, err = p.root.AddUserToGroup(ctx, &iam.AddUserToGroupInput{GroupName: group, UserName: aws.String("ada")})
	must(t, err)
	if err := list(); err != nil {
		t.Errorf("the group allows: %v", err)
	}
	boundary, err := p.root.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("edge"), PolicyDocument: aws.String(allows("logs:*", "*"))})
	must(t, err)
	_, err = p.root.PutUserPermissionsBoundary(ctx, &iam.PutUserPermissionsBoundaryInput{UserName: aws.String("ada"), PermissionsBoundary: boundary.Policy.Arn})
	must(t, err)
	const who = "User: arn:aws:iam::000000000000:user/ada is not authorized to perform: lambda:ListFunctions on resource: * "
	refusedAs(t, list(), "AccessDeniedException", 403, who+"because no permissions boundary allows the lambda:ListFunctions action")
	_, err = p.root.DeleteUserPermissionsBoundary(ctx, &iam.DeleteUserPermissionsBoundaryInput{UserName: aws.String("ada")})
	must(t, err)
	_, err = p.root.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: aws.String("ada"), PolicyName: aws.String("no"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"lambda:*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"red"}}}}`)})
	must(t, err)
	if err := list(); err != nil {
		t.Errorf("the condition does not hold yet: %v", err)
	}
	_, err = p.root.TagUser(ctx, &iam.TagUserInput{UserName: aws.String("ada"), Tags: iamTags("team", "red")})
	must(t, err)
	refusedAs(t, list(), "AccessDeniedException", 403, who+"with an explicit deny in an identity-based policy")
}

// Roles: trust and identity policies for AssumeRole, session policies after it.
func TestRoleSessionsAreEnforced(t *testing.T) {
	p := newPeople(t, start(t))
	ctx := t.Context()
	none := p.user("none", "")
	may := p.user("may", allows("sts:AssumeRole", "*"))
	role := p.role("job", `{"AWS":"`+acct+`"}`, allows("lambda:* logs:*", "*"))
	named := p.role("named", `{"AWS":"arn:aws:iam::000000000000:user/none"}`, "")
	assume := func(cfg aws.Config, in *sts.AssumeRoleInput) (aws.Config, error) {
		out, err := sts.NewFromConfig(cfg).AssumeRole(ctx, in)
		if err != nil {
			return aws.Config{}, err
		}
		return p.config(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken), nil
	}
	session := aws.String("run")
	_, err := assume(none, &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: session})
	refusedAs(t, err, "AccessDenied", 403, "User: arn:aws:iam::000000000000:user/none is not authorized to perform: sts:AssumeRole on resource: "+role+
		" because no identity-based policy allows the sts:AssumeRole action")
	if _, err = assume(none, &sts.AssumeRoleInput{RoleArn: &named, RoleSessionName: session}); err != nil {
		t.Errorf("the trust policy names the user: %v", err)
	}
	_, err = assume(may, &sts.AssumeRoleInput{RoleArn: &named, RoleSessionName: session})
	refusedAs(t, err, "AccessDenied", 403, "User: arn:aws:iam::000000000000:user/may is not authorized to perform: sts:AssumeRole on resource: "+named)

	full, err := assume(may, &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: session})
	must(t, err)
	if _, err = lambda.NewFromConfig(full).ListFunctions(ctx, &lambda.ListFunctionsInput{}); err != nil {
		t.Error(err)
	}
	const who = "User: arn:aws:sts::000000000000:assumed-role/job/run is not authorized to perform: "
	_, err = iam.NewFromConfig(full).ListUsers(ctx, &iam.ListUsersInput{})
	refusedAs(t, err, "AccessDenied", 403, who+"iam:ListUsers on resource: arn:aws:iam::000000000000:user/ because no identity-based policy allows the iam:ListUsers action")

	less, err := assume(may, &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: session, Policy: aws.String(allows("logs:*", "*"))})
	must(t, err)
	_, err = lambda.NewFromConfig(less).ListFunctions(ctx, &lambda.ListFunctionsInput{})
	refusedAs(t, err, "AccessDeniedException", 403, who+"lambda:ListFunctions on resource: * because no session policy allows the lambda:ListFunctions action")

	_, err = assume(may, &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::000000000000:role/missing"), RoleSessionName: session})
	refusedAs(t, err, "AccessDenied", 403, "User: arn:aws:iam::000000000000:user/may is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::000000000000:role/missing")
}

// A role is passed only by who may pass it.
func TestPassRole(t *testing.T) {
	p := newPeople(t, start(t))
	ctx := t.Context()
	role := p.role("fn", `{"Service":["lambda.amazonaws.com","apigateway.amazonaws.com"]}`, "")
	deployer := p.user("deployer", allows("lambda:* apigateway:*", "*"))
	passer := p.user("passer", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:*","Resource":"*"},
		{"Effect":"Allow","Action":"iam:PassRole","Resource":"`+role+`","Condition":{"StringEquals":{"iam:PassedToService":"lambda.amazonaws.com"}}}]}`)
	create := func(cfg aws.Config) error {
		_, err := lambda.NewFromConfig(cfg).CreateFunction(ctx, &lambda.CreateFunctionInput{
			FunctionName: aws.String("f"), Runtime: "python3.12", Handler: aws.String("index.handler"), Role: &role,
			Code: functionCode(t)})
		return err
	}
	const denied = " is not authorized to perform: iam:PassRole on resource: arn:aws:iam::000000000000:role/fn because no identity-based policy allows the iam:PassRole action"
	refusedAs(t, create(deployer), "AccessDeniedException", 403, "User: arn:aws:iam::000000000000:user/deployer"+denied)
	if err := create(passer); err != nil {
		t.Error(err)
	}
	_, err := apigateway.NewFromConfig(deployer).UpdateAccount(ctx, &apigateway.UpdateAccountInput{PatchOperations: accountRole(role)})
	refusedAs(t, err, "AccessDeniedException", 403, "User: arn:aws:iam::000000000000:user/deployer"+denied)
}

// Federated sessions can do what both their maker and their policy allow.
func TestFederatedSessions(t *testing.T) {
	p := newPeople(t, start(t))
	ctx := context.Background()
	maker := p.user("maker", allows("sts:GetFederationToken lambda:List* logs:*", "*"))
	token := func(policy *string) aws.Config {
		out, err := sts.NewFromConfig(maker).GetFederationToken(ctx, &sts.GetFederationTokenInput{Name: aws.String("bob"), Policy: policy})
		must(t, err)
		return p.config(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
	}
	if _, err := lambda.NewFromConfig(token(aws.String(allows("*", "*")))).ListFunctions(ctx, &lambda.ListFunctionsInput{}); err != nil {
		t.Error(err)
	}
	const who = "User: arn:aws:sts::000000000000:federated-user/bob is not authorized to perform: "
	_, err := lambda.NewFromConfig(token(aws.String(allows("*", "*")))).GetAccountSettings(ctx, &lambda.GetAccountSettingsInput{})
	refusedAs(t, err, "AccessDeniedException", 403, who+"lambda:GetAccountSettings on resource: * because no identity-based policy allows the lambda:GetAccountSettings action")
	_, err = lambda.NewFromConfig(token(nil)).ListFunctions(ctx, &lambda.ListFunctionsInput{})
	refusedAs(t, err, "AccessDeniedException", 403, who+"lambda:ListFunctions on resource: * because no session policy allows the lambda:ListFunctions action")
}

// A refused caller is in the journal, with the policies that were read and a
// command that mends it, run here as it stands.
func TestRefusedCallersAreExplained(t *testing.T) {
	p := newPeople(t, start(t))
	ctx := t.Context()
	cfg := p.user("ada", allows("lambda:ListFunctions", "arn:aws:lambda:us-east-1:000000000000:function:other"))
	list := func() error {
		_, err := lambda.NewFromConfig(cfg).ListFunctions(ctx, &lambda.ListFunctionsInput{})
		return err
	}
	if list() == nil {
		t.Fatal("not refused")
	}
	must(t, p.s.parts.grants.Flush(ctx))
	all, err := p.s.parts.grants.Decisions(ctx, 10)
	must(t, err)
	if len(all) != 1 {
		t.Fatalf("%d decisions", len(all))
	}
	d := all[0]
	if d.Kind != grants.CallerKind || d.Operation != "lambda ListFunctions" || d.Cause.Code != grants.CauseCallerIdentity ||
		d.Principal != "arn:aws:iam::000000000000:user/ada" || len(d.Policies) != 1 || d.NearestMiss() == nil || len(d.Fix) != 1 {
		t.Fatalf("%+v", d)
	}
	document, ok := strings.CutPrefix(d.Fix[0], "aws iam put-user-policy --user-name ada --policy-name allow-lambda-ListFunctions --policy-document '")
	if !ok {
		t.Fatal(d.Fix[0])
	}
	document = strings.TrimSuffix(document, "'")
	_, err = p.root.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: aws.String("ada"), PolicyName: aws.String("allow-lambda-ListFunctions"), PolicyDocument: &document})
	must(t, err)
	if err := list(); err != nil {
		t.Errorf("after the fix: %v", err)
	}
}
