package lambda

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/stagedoor/stagedoor/iampolicy"
)

// permission fills in what most AddPermission calls of these tests share.
func permission(change func(*lambda.AddPermissionInput)) *lambda.AddPermissionInput {
	in := &lambda.AddPermissionInput{FunctionName: new("fn"), StatementId: new("s3"), Action: new("lambda:InvokeFunction"), Principal: new("s3.amazonaws.com")}
	if change != nil {
		change(in)
	}
	return in
}

// AWS recording test_add_lambda_permission_fields, byte for byte in AWS's
// order of members; the API Gateway form is LDG services-apigateway.
func TestStatements(t *testing.T) {
	f := newFixture(t)
	f.create(t, "fn")
	f.publishNew(t, "fn")
	const head = `"Effect":"Allow","Principal":`
	for _, c := range []struct {
		change func(*lambda.AddPermissionInput)
		want   string
	}{
		{func(in *lambda.AddPermissionInput) {
			in.StatementId, in.Principal, in.SourceAccount = new("wilcard"), new("*"), new(testAccount)
		}, `{"Sid":"wilcard",` + head + `"*","Action":"lambda:InvokeFunction","Resource":"` + fnARN + `","Condition":{"StringEquals":{"AWS:SourceAccount":"111111111111"}}}`},
		{func(in *lambda.AddPermissionInput) {
			in.StatementId, in.Principal, in.SourceAccount = new("lambda"), new("lambda.amazonaws.com"), new(testAccount)
		}, `{"Sid":"lambda",` + head + `{"Service":"lambda.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"` + fnARN + `","Condition":{"StringEquals":{"AWS:SourceAccount":"111111111111"}}}`},
		{func(in *lambda.AddPermissionInput) {
			in.StatementId, in.Principal = new("account-id"), new(testAccount)
		},
			`{"Sid":"account-id",` + head + `{"AWS":"arn:aws:iam::111111111111:root"},"Action":"lambda:InvokeFunction","Resource":"` + fnARN + `"}`},
		{func(in *lambda.AddPermissionInput) {
			in.StatementId, in.Principal, in.SourceAccount = new("user-arn"), new("arn:aws:iam::111111111111:user/ann"), new(testAccount)
		}, `{"Sid":"user-arn",` + head + `{"AWS":"arn:aws:iam::111111111111:user/ann"},"Action":"lambda:InvokeFunction","Resource":"` + fnARN + `","Condition":{"StringEquals":{"AWS:SourceAccount":"111111111111"}}}`},
		{func(in *lambda.AddPermissionInput) {
			in.StatementId, in.Action, in.Principal = new("urlPermission"), new("lambda:InvokeFunctionUrl"), new("*")
			in.SourceArn, in.SourceAccount, in.PrincipalOrgID, in.FunctionUrlAuthType = new("arn:aws:s3:::test-bucket"), new(testAccount), new("o-1234567890"), "NONE"
		}, `{"Sid":"urlPermission",` + head + `"*","Action":"lambda:InvokeFunctionUrl","Resource":"` + fnARN + `","Condition":{"StringEquals":{"AWS:SourceAccount":"111111111111","lambda:FunctionUrlAuthType":"NONE","aws:PrincipalOrgID":"o-1234567890"},"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::test-bucket"}}}`},
		{func(in *lambda.AddPermissionInput) {
			in.StatementId, in.Principal, in.EventSourceToken = new("alexaSkill"), new("*"), new("amzn1.ask.skill.xxxxxxxxx")
		}, `{"Sid":"alexaSkill",` + head + `"*","Action":"lambda:InvokeFunction","Resource":"` + fnARN + `","Condition":{"StringEquals":{"lambda:EventSourceToken":"amzn1.ask.skill.xxxxxxxxx"}}}`},
		{func(in *lambda.AddPermissionInput) { // LDG urls-auth
			in.StatementId, in.Principal, in.InvokedViaFunctionUrl = new("viaUrl"), new("*"), new(true)
		}, `{"Sid":"viaUrl",` + head + `"*","Action":"lambda:InvokeFunction","Resource":"` + fnARN + `","Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}}`},
		{func(in *lambda.AddPermissionInput) {
			in.StatementId, in.Principal, in.SourceArn = new("apigw"), new("apigateway.amazonaws.com"), new("arn:aws:execute-api:us-east-1:111111111111:abc123defg/*/GET/users/{id}")
		}, `{"Sid":"apigw",` + head + `{"Service":"apigateway.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"` + fnARN + `","Condition":{"ArnLike":{"AWS:SourceArn":"arn:aws:execute-api:us-east-1:111111111111:abc123defg/*/GET/users/{id}"}}}`},
		{func(in *lambda.AddPermissionInput) { in.Qualifier = new("1") },
			`{"Sid":"s3",` + head + `{"Service":"s3.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"` + fnARN + `:1"}`},
	} {
		out, err := f.AddPermission(f.ctx, permission(c.change))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, *out.Statement); diff != "" {
			t.Error(diff)
		}
	}
	policy, err := f.GetPolicy(f.ctx, &lambda.GetPolicyInput{FunctionName: new("fn"), Qualifier: new("1")})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"Version":"2012-10-17","Id":"default","Statement":[{"Sid":"s3","Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"` + fnARN + `:1"}]}`
	if diff := cmp.Diff(want, *policy.Policy); diff != "" {
		t.Error(diff)
	}
}

// AWS recordings test_permission_exceptions, test_remove_multi_permissions and
// test_lambda_permission_fn_versioning.
func TestPermissionErrors(t *testing.T) {
	f := newFixture(t)
	f.create(t, "fn")
	add := func(change func(*lambda.AddPermissionInput)) error {
		_, err := f.AddPermission(f.ctx, permission(change))
		return err
	}
	remove := func(name, qualifier, sid string) error {
		_, err := f.RemovePermission(f.ctx, &lambda.RemovePermissionInput{FunctionName: &name, Qualifier: optional(qualifier), StatementId: &sid})
		return err
	}
	get := func(name, qualifier string) error {
		_, err := f.GetPolicy(f.ctx, &lambda.GetPolicyInput{FunctionName: &name, Qualifier: optional(qualifier)})
		return err
	}
	const none = "ResourceNotFoundException: The resource you requested does not exist."
	const mismatch = "InvalidParameterValueException: The derived qualifier from the function name does not match the specified qualifier."
	const principal = "InvalidParameterValueException: The provided principal was invalid. Please check the principal and try again."

	wantError(t, add(func(in *lambda.AddPermissionInput) { in.FunctionName, in.Qualifier = new("fn:alias-not-42"), new("42") }), mismatch)
	wantError(t, add(func(in *lambda.AddPermissionInput) { in.FunctionName, in.Qualifier = new("fn:$LATEST"), new("$LATEST") }), "InvalidParameterValueException: We currently do not support adding policies for $LATEST.")
	for _, name := range []string{"invalid.nonaws.com", "apigateway", "12345678901", "arn:aws:s3:::bucket", "amazonaws.com", "apigateway.amazonaws.com ", ""} {
		wantError(t, add(func(in *lambda.AddPermissionInput) { in.Principal = &name }), principal)
	}
	wantError(t, add(func(in *lambda.AddPermissionInput) { in.FunctionUrlAuthType = "NONE" }), "InvalidParameterValueException: FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action")
	wantError(t, add(func(in *lambda.AddPermissionInput) {
		in.SourceArn = new("arn:aws:execute-api:us-east-1:111111111111:${api/*/GET/")
	}),
		`InvalidParameterValueException: stagedoor: this statement would make the function's policy invalid: policy line 1, column 261 (/Statement/0/Condition/ArnLike/AWS:SourceArn): ArnLike: "${" without its "}"`)
	wantError(t, get("doesnotexist", ""), none)
	wantError(t, get("fn", "77"), none)
	wantError(t, get("fn", "nope"), none)
	wantError(t, add(func(in *lambda.AddPermissionInput) { in.FunctionName = new("doesnotexist") }), "ResourceNotFoundException: Function not found: arn:aws:lambda:us-east-1:111111111111:function:doesnotexist")
	wantError(t, remove("fn", "", "s3"), "ResourceNotFoundException: No policy is associated with the given resource.")
	wantError(t, add(func(in *lambda.AddPermissionInput) { in.FunctionName = new("fn:alias-doesnotexist") }), "ResourceNotFoundException: Cannot find alias arn: "+fnARN+":alias-doesnotexist")
	wantError(t, add(func(in *lambda.AddPermissionInput) { in.Qualifier = new("42") }), "ResourceNotFoundException: Function not found: "+fnARN+":42")
	wantError(t, add(func(in *lambda.AddPermissionInput) { in.Qualifier = new("valid-with-$-but-doesnotexist") }), "ResourceNotFoundException: Function not found: "+fnARN+":valid-with-$-but-doesnotexist")

	wantError(t, add(nil), "")
	wantError(t, add(nil), "ResourceConflictException: The statement id (s3) provided already exists. Please provide a new statement id, or remove the existing statement.")
	wantError(t, remove("doesnotexist", "", "s3"), "ResourceNotFoundException: No policy found for: arn:aws:lambda:us-east-1:111111111111:function:doesnotexist")
	wantError(t, remove("fn", "alias-doesnotexist", "s3"), "ResourceNotFoundException: Cannot find alias arn: "+fnARN+":alias-doesnotexist")
	wantError(t, remove("fn", "", "non-existent"), "ResourceNotFoundException: Statement non-existent is not found in resource policy.")
	wantError(t, get("fn", "$LATEST"), "")
	wantError(t, remove("fn", "", "s3"), "")
	wantError(t, get("fn", ""), none)
}

// AWS recording test_lambda_permission_fn_versioning: each qualifier has a
// policy and revisions of its own, and publishing copies nothing.
func TestPolicyRevisions(t *testing.T) {
	f := newFixture(t)
	f.create(t, "fn")
	add := func(in *lambda.AddPermissionInput) error {
		_, err := f.AddPermission(f.ctx, in)
		return err
	}
	get := func(qualifier string) *lambda.GetPolicyOutput {
		t.Helper()
		out, err := f.GetPolicy(f.ctx, &lambda.GetPolicyInput{FunctionName: new("fn"), Qualifier: optional(qualifier)})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	wantError(t, add(permission(nil)), "")
	base := get("")
	version := f.publishNew(t, "fn")
	if diff := cmp.Diff(base.RevisionId, get("").RevisionId); diff != "" {
		t.Errorf("publishing changed the policy: %s", diff)
	}
	_, err := f.GetPolicy(f.ctx, &lambda.GetPolicyInput{FunctionName: new("fn"), Qualifier: &version})
	wantError(t, err, "ResourceNotFoundException: The resource you requested does not exist.")
	wantError(t, add(permission(func(in *lambda.AddPermissionInput) { in.FunctionName, in.Qualifier = new("fn:1"), new("1") })), "")

	alias, err := f.CreateAlias(f.ctx, &lambda.CreateAliasInput{FunctionName: new("fn"), Name: new("live"), FunctionVersion: &version})
	if err != nil {
		t.Fatal(err)
	}
	const wrong = "PreconditionFailedException: The Revision Id provided does not match the latest Revision Id. Call the GetPolicy API to retrieve the latest Revision Id"
	wantError(t, add(permission(func(in *lambda.AddPermissionInput) { in.Qualifier, in.RevisionId = new("live"), new("wrong") })), wrong)
	// No policy yet: the alias' own revision is the one to give.
	wantError(t, add(permission(func(in *lambda.AddPermissionInput) { in.Qualifier, in.RevisionId = new("live"), alias.RevisionId })), "")
	wantError(t, add(permission(func(in *lambda.AddPermissionInput) {
		in.StatementId, in.Qualifier, in.RevisionId = new("s4"), new("live"), alias.RevisionId
	})), wrong)
	if *get("live").RevisionId == *alias.RevisionId || *get("").RevisionId != *base.RevisionId {
		t.Error("revisions of alias, its policy and the function's policy are mixed up")
	}
	wantError(t, add(permission(func(in *lambda.AddPermissionInput) { in.StatementId, in.RevisionId = new("s3_2"), base.RevisionId })), "")
	_, err = f.RemovePermission(f.ctx, &lambda.RemovePermissionInput{FunctionName: new("fn"), StatementId: new("s3"), RevisionId: base.RevisionId})
	wantError(t, err, wrong)
	_, err = f.RemovePermission(f.ctx, &lambda.RemovePermissionInput{FunctionName: new("fn"), StatementId: new("s3"), RevisionId: get("").RevisionId})
	wantError(t, err, "")
	// The alias' policy goes with the alias.
	if _, err := f.DeleteAlias(f.ctx, &lambda.DeleteAliasInput{FunctionName: new("fn"), Name: new("live")}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.CreateAlias(f.ctx, &lambda.CreateAliasInput{FunctionName: new("fn"), Name: new("live"), FunctionVersion: &version}); err != nil {
		t.Fatal(err)
	}
	_, err = f.GetPolicy(f.ctx, &lambda.GetPolicyInput{FunctionName: new("fn"), Qualifier: new("live")})
	wantError(t, err, "ResourceNotFoundException: The resource you requested does not exist.")
}

// The limit counts the bytes of the whole document (serverless#5357).
func TestPolicySize(t *testing.T) {
	f := newFixture(t)
	f.create(t, "fn")
	source := "arn:aws:execute-api:us-east-1:111111111111:abc123defg/*/GET/" + strings.Repeat("p", 400)
	var err error
	for i := 0; err == nil && i < 100; i++ {
		_, err = f.AddPermission(f.ctx, permission(func(in *lambda.AddPermissionInput) {
			in.StatementId, in.SourceArn = new(fmt.Sprintf("s%02d", i)), &source
		}))
	}
	policy, getErr := f.GetPolicy(f.ctx, &lambda.GetPolicyInput{FunctionName: new("fn")})
	if getErr != nil || len(*policy.Policy) > maxPolicyBytes {
		t.Fatalf("policy of %d bytes, %v", len(*policy.Policy), getErr)
	}
	var d document
	if err := json.Unmarshal([]byte(*policy.Policy), &d); err != nil {
		t.Fatal(err)
	}
	each := len(d.Statement[0]) + 1
	wantError(t, err, fmt.Sprintf("PolicyLengthExceededException: The final policy size (%d) is bigger than the limit (20480).", len(*policy.Policy)+each))
}

// Whatever is added and removed, in whatever order: the document stays a
// policy that iampolicy reads, within the limit, with the statements that are
// there; each change has a revision of its own, each refusal changes nothing.
func TestPolicyProperties(t *testing.T) {
	f := newFixture(t)
	f.create(t, "fn")
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		name := fmt.Sprint("fn-", round)
		f.create(t, name)
		var sids []string
		revisions := map[string]bool{}
		current := ""
		check := func(changed bool) {
			out, err := f.GetPolicy(f.ctx, &lambda.GetPolicyInput{FunctionName: &name})
			if len(sids) == 0 {
				if _, ok := err.(*types.ResourceNotFoundException); !ok {
					rt.Fatalf("no statement left, but GetPolicy says %v", err)
				}
				current = ""
				return
			}
			if err != nil {
				rt.Fatal(err)
			}
			if changed == (*out.RevisionId == current) || changed && revisions[*out.RevisionId] {
				rt.Fatalf("revision %s after %s, changed: %v", *out.RevisionId, current, changed)
			}
			current = *out.RevisionId
			revisions[current] = true
			if len(*out.Policy) > maxPolicyBytes {
				rt.Fatalf("policy of %d bytes", len(*out.Policy))
			}
			if !changed {
				return
			}
			if _, err := iampolicy.Parse([]byte(*out.Policy)); err != nil {
				rt.Fatal(err)
			}
			var d struct{ Statement []struct{ Sid string } }
			if err := json.Unmarshal([]byte(*out.Policy), &d); err != nil {
				rt.Fatal(err)
			}
			var got []string
			for _, s := range d.Statement {
				got = append(got, s.Sid)
			}
			if diff := cmp.Diff(sids, got); diff != "" {
				rt.Fatal(diff)
			}
		}
		sid := rapid.StringMatching(`[a-zA-Z0-9_-]{1,3}`)
		rt.Repeat(map[string]func(*rapid.T){
			"add": func(rt *rapid.T) {
				id := sid.Draw(rt, "sid")
				source := "arn:aws:execute-api:us-east-1:111111111111:" + rapid.StringMatching(`[a-z0-9]{10}/\*/(GET|ANY)/[ -~]{0,20}`).Draw(rt, "source") +
					strings.Repeat("<&\"é", rapid.IntRange(0, 400).Draw(rt, "length"))
				_, err := f.AddPermission(f.ctx, &lambda.AddPermissionInput{FunctionName: &name, StatementId: &id, Action: new("lambda:InvokeFunction"),
					Principal: new(rapid.SampledFrom([]string{"*", "apigateway.amazonaws.com", "111111111111"}).Draw(rt, "principal")), SourceArn: &source})
				if err == nil {
					sids = append(sids, id)
				}
				check(err == nil)
			},
			"remove": func(rt *rapid.T) {
				id := sid.Draw(rt, "sid")
				if len(sids) > 0 && rapid.Bool().Draw(rt, "existing") {
					id = rapid.SampledFrom(sids).Draw(rt, "which")
				}
				_, err := f.RemovePermission(f.ctx, &lambda.RemovePermissionInput{FunctionName: &name, StatementId: &id})
				if err == nil {
					sids = without(sids, id)
				}
				check(err == nil)
			},
		})
	})
}

func without(all []string, one string) (rest []string) {
	for _, s := range all {
		if s != one {
			rest = append(rest, s)
		}
	}
	return rest
}
