package stagedoor

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Tags decide: of the resource, of the request and of the principal.
func TestTagsDecide(t *testing.T) {
	p := newPeople(t, start(t))
	ctx := t.Context()
	root := apigateway.NewFromConfig(p.config("test", "test", ""))
	ids := map[string]string{}
	for _, team := range []string{"red", "blue"} {
		api, err := root.CreateRestApi(ctx, &apigateway.CreateRestApiInput{Name: &team, Tags: map[string]string{"team": team}})
		must(t, err)
		ids[team] = *api.Id
	}
	cfg := p.user("ada", `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"apigateway:*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"${aws:PrincipalTag/team}"}}},
		{"Effect":"Allow","Action":["logs:CreateLogGroup","logs:TagResource"],"Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/team":"red"},"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}}}]}`)
	_, err := p.root.TagUser(ctx, &iam.TagUserInput{UserName: aws.String("ada"), Tags: iamTags("team", "red")})
	must(t, err)
	gateway := apigateway.NewFromConfig(cfg)
	if _, err := gateway.GetResources(ctx, &apigateway.GetResourcesInput{RestApiId: aws.String(ids["red"])}); err != nil {
		t.Errorf("its own team's API: %v", err)
	}
	_, err = gateway.GetResources(ctx, &apigateway.GetResourcesInput{RestApiId: aws.String(ids["blue"])})
	refusedAs(t, err, "AccessDeniedException", 403, "User: arn:aws:iam::000000000000:user/ada is not authorized to perform: apigateway:GET on resource: arn:aws:apigateway:us-east-1::/restapis/"+
		ids["blue"]+"/resources because no identity-based policy allows the apigateway:GET action")
	logs := cloudwatchlogs.NewFromConfig(cfg)
	if _, err := logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("g"), Tags: map[string]string{"team": "red"}}); err != nil {
		t.Errorf("with the tag: %v", err)
	}
	for _, tags := range []map[string]string{nil, {"team": "blue"}, {"team": "red", "other": "x"}} {
		if _, err := logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("h"), Tags: tags}); err == nil {
			t.Errorf("tags %v are accepted", tags)
		}
	}
}

// Temporary credentials of a user have the user's rights, but not at IAM; and
// creating a log group with tags takes a second permission with a sentence of
// its own.
func TestUserSessions(t *testing.T) {
	p := newPeople(t, start(t))
	ctx := t.Context()
	cfg := p.user("ada", allows("lambda:List* iam:* logs:CreateLogGroup", "*"))
	out, err := sts.NewFromConfig(cfg).GetSessionToken(ctx, &sts.GetSessionTokenInput{})
	must(t, err)
	session := p.config(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
	if _, err := lambda.NewFromConfig(session).ListFunctions(ctx, &lambda.ListFunctionsInput{}); err != nil {
		t.Error(err)
	}
	_, err = lambda.NewFromConfig(session).GetAccountSettings(ctx, &lambda.GetAccountSettingsInput{})
	refusedAs(t, err, "AccessDeniedException", 403, "User: arn:aws:iam::000000000000:user/ada is not authorized to perform: lambda:GetAccountSettings on resource: * because no identity-based policy allows the lambda:GetAccountSettings action")
	_, err = iam.NewFromConfig(session).ListUsers(ctx, &iam.ListUsersInput{})
	refusedAs(t, err, "InvalidClientTokenId", 403, "The security token included in the request is invalid")
	_, err = cloudwatchlogs.NewFromConfig(cfg).CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("g"), Tags: map[string]string{"a": "b"}})
	refusedAs(t, err, "AccessDeniedException", 400, "User with accountId: 000000000000 is not authorized to perform CreateLogGroup with Tags")
}

// A caller of another account needs both sides: its own policies and the
// function's.
func TestCrossAccountCallers(t *testing.T) {
	p := newPeople(t, start(t))
	ctx := t.Context()
	const theirs = "arn:aws:lambda:us-east-1:111122223333:function:f"
	owner := p.config("111122223333", "test", "")
	role, err := iam.NewFromConfig(owner).CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("fn"),
		AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}}`)})
	must(t, err)
	client := lambda.NewFromConfig(owner)
	_, err = client.CreateFunction(ctx, &lambda.CreateFunctionInput{FunctionName: aws.String("f"), Runtime: "python3.12", Handler: aws.String("index.handler"), Role: role.Role.Arn, Code: functionCode(t)})
	must(t, err)
	get := func(cfg aws.Config) error {
		_, err := lambda.NewFromConfig(cfg).GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String(theirs)})
		return err
	}
	may, mayNot := p.user("may", allows("lambda:*", "*")), p.user("maynot", "")
	denied := func(user, kind string) string {
		return fmt.Sprintf("User: arn:aws:iam::000000000000:user/%s is not authorized to perform: lambda:GetFunction on resource: %s because no %s policy allows the lambda:GetFunction action", user, theirs, kind)
	}
	refusedAs(t, get(may), "AccessDeniedException", 403, denied("may", "resource-based"))
	_, err = client.AddPermission(ctx, &lambda.AddPermissionInput{FunctionName: aws.String("f"), StatementId: aws.String("x"), Action: aws.String("lambda:GetFunction"), Principal: aws.String("000000000000")})
	must(t, err)
	if err := get(may); err != nil {
		t.Errorf("both sides allow: %v", err)
	}
	refusedAs(t, get(mayNot), "AccessDeniedException", 403, denied("maynot", "identity-based"))
}

// The roles of functions bind what functions do: an environment's credentials
// are a session of its role.
func TestFunctionRolesAreEnforced(t *testing.T) {
	p := newPeople(t, start(t))
	ctx := t.Context()
	role := p.role("fn", `{"Service":"lambda.amazonaws.com"}`, allows("logs:*", "*"))
	session, err := p.s.parts.identity.IssueRoleSession(ctx, role, "f", functionSession)
	must(t, err)
	cfg := p.config(session.AccessKeyID, session.Secret, session.Token)
	if _, err := cloudwatchlogs.NewFromConfig(cfg).DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{}); err != nil {
		t.Error(err)
	}
	_, err = lambda.NewFromConfig(cfg).ListFunctions(ctx, &lambda.ListFunctionsInput{})
	refusedAs(t, err, "AccessDeniedException", 403, "User: arn:aws:sts::000000000000:assumed-role/fn/f is not authorized to perform: lambda:ListFunctions on resource: * because no identity-based policy allows the lambda:ListFunctions action")
}

// In mode warn a refused caller passes and is reported; in mode off nobody is
// asked.
func TestModesOfCallers(t *testing.T) {
	for mode, want := range map[string]int{"warn": 1, "off": 0} {
		t.Run(mode, func(t *testing.T) {
			p := newPeople(t, start(t, func(s *Server) { s.options.Grants = mode }))
			ctx := t.Context()
			cfg := p.user("ada", "")
			if _, err := lambda.NewFromConfig(cfg).ListFunctions(ctx, &lambda.ListFunctionsInput{}); err != nil {
				t.Error(err)
			}
			must(t, p.s.parts.grants.Flush(ctx))
			all, err := p.s.parts.grants.Decisions(ctx, 10)
			must(t, err)
			if len(all) != want {
				t.Errorf("%d decisions, want %d", len(all), want)
			}
		})
	}
}

// The printed fixes work as they stand: for a trust policy and for a role.
func TestFixesOfCallersWork(t *testing.T) {
	p := newPeople(t, start(t))
	ctx := t.Context()
	ada := p.user("ada", allows("sts:AssumeRole", "*"))
	arn := p.role("job", `{"AWS":"arn:aws:iam::000000000000:root"}`, "")
	_, err := p.root.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: aws.String("job"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":{"Sid":"Theirs","Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}}`)})
	must(t, err)
	assume := func() (aws.Config, error) {
		out, err := sts.NewFromConfig(ada).AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &arn, RoleSessionName: aws.String("run")})
		if err != nil {
			return aws.Config{}, err
		}
		return p.config(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken), nil
	}
	if _, err := assume(); err == nil {
		t.Fatal("not refused")
	}
	document := p.fix("aws iam update-assume-role-policy --role-name job --policy-document '")
	_, err = p.root.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: aws.String("job"), PolicyDocument: &document})
	must(t, err)
	session, err := assume()
	must(t, err)
	if !strings.Contains(document, `"Sid":"Theirs"`) {
		t.Errorf("the fix drops what was there: %s", document)
	}

	list := func() error {
		_, err := lambda.NewFromConfig(session).ListFunctions(ctx, &lambda.ListFunctionsInput{})
		return err
	}
	if list() == nil {
		t.Fatal("not refused")
	}
	document = p.fix("aws iam put-role-policy --role-name job --policy-name allow-lambda-ListFunctions --policy-document '")
	_, err = p.root.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String("job"), PolicyName: aws.String("allow-lambda-ListFunctions"), PolicyDocument: &document})
	must(t, err)
	if err := list(); err != nil {
		t.Error(err)
	}
}

// fix returns the document in the newest refusal's fix, which must begin as
// command does.
func (p *people) fix(command string) (document string) {
	p.t.Helper()
	must(p.t, p.s.parts.grants.Flush(p.t.Context()))
	all, err := p.s.parts.grants.Decisions(p.t.Context(), 1)
	must(p.t, err)
	if len(all) != 1 || len(all[0].Fix) != 1 {
		p.t.Fatalf("%+v", all)
	}
	document, ok := strings.CutPrefix(all[0].Fix[0], command)
	if !ok {
		p.t.Fatal(all[0].Fix[0])
	}
	return strings.TrimSuffix(document, "'")
}

// Where a request comes from is known to the policies.
func TestConditionsOnTheRequest(t *testing.T) {
	p := newPeople(t, start(t))
	ctx := t.Context()
	n := 0
	for condition, allowed := range map[string]bool{
		`{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}}`:               true,
		`{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`:                false,
		`{"StringEquals":{"aws:RequestedRegion":"us-east-1"}}`:       true,
		`{"StringEquals":{"aws:RequestedRegion":"eu-central-1"}}`:    false,
		`{"Bool":{"aws:SecureTransport":"true"}}`:                    false,
		`{"StringLike":{"aws:UserAgent":"*aws-sdk-go*"}}`:            true,
		`{"BoolIfExists":{"aws:MultiFactorAuthPresent":"true"}}`:     true,
		`{"Bool":{"aws:MultiFactorAuthPresent":"true"}}`:             false,
		`{"DateGreaterThan":{"aws:CurrentTime":"2020-01-01"}}`:       true,
		`{"StringEquals":{"aws:PrincipalAccount":"111122223333"}}`:   false,
		`{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/u-*"}}`: true,
	} {
		name := fmt.Sprintf("u-%d", n)
		n++
		cfg := p.user(name, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"lambda:ListFunctions","Resource":"*","Condition":`+condition+`}}`)
		_, err := lambda.NewFromConfig(cfg).ListFunctions(ctx, &lambda.ListFunctionsInput{})
		if (err == nil) != allowed {
			t.Errorf("%s: %v, want allowed %v", condition, err, allowed)
		}
	}
}
