package stagedoor

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// The simulator answers as recorded (AWS recording
// test_simulate_principle_policy), for each kind of principal.
func TestSimulatePrincipalPolicy(t *testing.T) {
	p := newPeople(t, start(t))
	ctx := t.Context()
	const bucket = "arn:aws:s3:::bucket"
	policy, err := p.root.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("put"), PolicyDocument: aws.String(
		`{"Version": "2012-10-17", "Statement": {"Sid": "", "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}}`)})
	must(t, err)
	p.user("u", "")
	role := p.role("r", `{"Service":"apigateway.amazonaws.com"}`, "")
	group, err := p.root.CreateGroup(ctx, &iam.CreateGroupInput{GroupName: aws.String("g")})
	must(t, err)
	_, err = p.root.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: aws.String("u"), PolicyArn: policy.Policy.Arn})
	must(t, err)
	_, err = p.root.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: aws.String("r"), PolicyArn: policy.Policy.Arn})
	must(t, err)
	_, err = p.root.AttachGroupPolicy(ctx, &iam.AttachGroupPolicyInput{GroupName: aws.String("g"), PolicyArn: policy.Policy.Arn})
	must(t, err)

	matched := []iamtypes.Statement{{
		SourcePolicyId: aws.String("put"), SourcePolicyType: "IAM Policy",
		StartPosition: &iamtypes.Position{Line: 1, Column: 41}, EndPosition: &iamtypes.Position{Line: 1, Column: 113},
	}}
	want := []iamtypes.EvaluationResult{
		{EvalActionName: aws.String("s3:PutObject"), EvalResourceName: aws.String(bucket), EvalDecision: "allowed", MatchedStatements: matched,
			ResourceSpecificResults: []iamtypes.ResourceSpecificResult{{EvalResourceName: aws.String(bucket), EvalResourceDecision: "allowed", MatchedStatements: matched}}},
		{EvalActionName: aws.String("s3:GetObjectVersion"), EvalResourceName: aws.String(bucket), EvalDecision: "implicitDeny",
			ResourceSpecificResults: []iamtypes.ResourceSpecificResult{{EvalResourceName: aws.String(bucket), EvalResourceDecision: "implicitDeny"}}},
	}
	for _, arn := range []string{"arn:aws:iam::000000000000:user/u", role, *group.Group.Arn} {
		got, err := p.root.SimulatePrincipalPolicy(ctx, &iam.SimulatePrincipalPolicyInput{
			PolicySourceArn: &arn, ActionNames: []string{"s3:PutObject", "s3:GetObjectVersion"}, ResourceArns: []string{bucket}})
		must(t, err)
		if diff := cmp.Diff(want, got.EvaluationResults, cmpopts.EquateEmpty(), ignoreSerde); diff != "" {
			t.Errorf("%s: %s", arn, diff)
		}
	}
	_, err = p.root.SimulatePrincipalPolicy(ctx, &iam.SimulatePrincipalPolicyInput{
		PolicySourceArn: aws.String("arn:aws:iam::000000000000:role/missing"), ActionNames: []string{"s3:PutObject"}})
	refusedAs(t, err, "NoSuchEntity", 404, "The role with name missing cannot be found.")
}

var ignoreSerde = cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".noSmithyDocumentSerde" }, cmp.Ignore())

// A function's own policy counts, which AWS's simulator leaves out; so do
// boundaries, context keys and the policies that the call brings along.
func TestSimulateWithResources(t *testing.T) {
	p := newPeople(t, start(t))
	ctx := t.Context()
	p.user("u", "")
	const user, function = "arn:aws:iam::000000000000:user/u", "arn:aws:lambda:us-east-1:000000000000:function:f"
	role := p.role("fn", `{"Service":"lambda.amazonaws.com"}`, "")
	client := lambda.NewFromConfig(p.config("test", "test", ""))
	_, err := client.CreateFunction(ctx, &lambda.CreateFunctionInput{FunctionName: aws.String("f"), Runtime: "python3.12",
		Handler: aws.String("index.handler"), Role: &role, Code: functionCode(t)})
	must(t, err)
	decide := func(change func(*iam.SimulatePrincipalPolicyInput)) iamtypes.EvaluationResult {
		t.Helper()
		in := &iam.SimulatePrincipalPolicyInput{PolicySourceArn: aws.String(user), ActionNames: []string{"lambda:InvokeFunction"}, ResourceArns: []string{function}}
		if change != nil {
			change(in)
		}
		out, err := p.root.SimulatePrincipalPolicy(ctx, in)
		must(t, err)
		return out.EvaluationResults[0]
	}
	expect := func(what string, got iamtypes.EvaluationResult, want iamtypes.PolicyEvaluationDecisionType) {
		t.Helper()
		if got.EvalDecision != want {
			t.Errorf("%s: %s, want %s", what, got.EvalDecision, want)
		}
	}
	expect("nothing grants", decide(nil), "implicitDeny")
	_, err = client.AddPermission(ctx, &lambda.AddPermissionInput{FunctionName: aws.String("f"), StatementId: aws.String("u"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String(user)})
	must(t, err)
	got := decide(nil)
	expect("the function's policy grants", got, "allowed")
	if len(got.MatchedStatements) != 1 || got.MatchedStatements[0].SourcePolicyType != "Resource Policy" {
		t.Errorf("matched %+v", got.MatchedStatements)
	}
	expect("a policy of the call denies", decide(func(in *iam.SimulatePrincipalPolicyInput) {
		in.PolicyInputList = []string{`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"lambda:*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}}`}
		in.ContextEntries = []iamtypes.ContextEntry{{ContextKeyName: aws.String("aws:SourceIp"), ContextKeyType: "ip", ContextKeyValues: []string{"10.1.2.3"}}}
	}), "explicitDeny")
	got = decide(func(in *iam.SimulatePrincipalPolicyInput) {
		in.PolicyInputList = []string{`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"lambda:*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}}`}
	})
	expect("the condition's key is missing", got, "allowed")
	if diff := cmp.Diff([]string{"aws:SourceIp"}, got.MissingContextValues); diff != "" {
		t.Error(diff)
	}
	got = decide(func(in *iam.SimulatePrincipalPolicyInput) {
		in.ResourceArns = []string{"arn:aws:lambda:us-east-1:000000000000:function:g"}
		in.PolicyInputList = []string{allows("lambda:*", "*")}
		in.PermissionsBoundaryPolicyInputList = []string{allows("s3:*", "*")}
	})
	expect("the boundary does not allow", got, "implicitDeny")
	if d := got.PermissionsBoundaryDecisionDetail; d == nil || d.AllowedByPermissionsBoundary {
		t.Errorf("boundary detail %+v", d)
	}
	got = decide(func(in *iam.SimulatePrincipalPolicyInput) {
		in.ResourceArns = []string{"arn:aws:lambda:us-east-1:111122223333:function:theirs"}
		in.PolicyInputList = []string{allows("lambda:*", "*")}
	})
	expect("another account's function", got, "implicitDeny")
	if diff := cmp.Diff(map[string]iamtypes.PolicyEvaluationDecisionType{"IAM Policy": "allowed", "Resource Policy": "implicitDeny"}, map[string]iamtypes.PolicyEvaluationDecisionType(got.EvalDecisionDetails)); diff != "" {
		t.Error(diff)
	}
}

func TestSimulateCustomPolicy(t *testing.T) {
	p := newPeople(t, start(t))
	ctx := t.Context()
	out, err := p.root.SimulateCustomPolicy(ctx, &iam.SimulateCustomPolicyInput{
		PolicyInputList: []string{allows("s3:Get*", "arn:aws:s3:::a/*")},
		ActionNames:     []string{"s3:GetObject"}, ResourceArns: []string{"arn:aws:s3:::a/x", "arn:aws:s3:::b/x"}})
	must(t, err)
	r := out.EvaluationResults[0]
	if r.EvalDecision != "implicitDeny" || len(r.ResourceSpecificResults) != 2 ||
		r.ResourceSpecificResults[0].EvalResourceDecision != "allowed" || *r.ResourceSpecificResults[0].MatchedStatements[0].SourcePolicyId != "PolicyInputList.1" {
		t.Errorf("%+v", r)
	}
	for name, in := range map[string]*iam.SimulateCustomPolicyInput{
		"a broken policy":    {PolicyInputList: []string{`{"Version":"2012-10-17"`}, ActionNames: []string{"s3:GetObject"}},
		"no action":          {PolicyInputList: []string{allows("s3:*", "*")}, ActionNames: []string{"GetObject"}},
		"nobody who may ask": {PolicyInputList: []string{allows("s3:*", "*")}, ActionNames: []string{"s3:GetObject"}, ResourcePolicy: aws.String(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}`)},
	} {
		if _, err := p.root.SimulateCustomPolicy(ctx, in); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	keys, err := p.root.GetContextKeysForCustomPolicy(ctx, &iam.GetContextKeysForCustomPolicyInput{PolicyInputList: []string{
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b/${aws:username}/*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}}`}})
	must(t, err)
	if diff := cmp.Diff([]string{"aws:username", "aws:SecureTransport"}, keys.ContextKeyNames); diff != "" {
		t.Error(diff)
	}
}
