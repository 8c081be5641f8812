package iam_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stagedoor/stagedoor/internal/service/iam"
)

// The errors of IAM: code, text and status. Those marked R are of recordings
// of AWS (LocalStack's validated tests), the others of public reports.
func TestErrors(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	policyARN := w.policy(t, "Reads")
	for _, name := range []string{"Held", "Plain", "Boxed", "Worded"} {
		w.role(t, name)
	}
	w.user(t, "Ada")
	w.group(t, "Staff")
	must(w.AttachRolePolicy(ctx, &sdk.AttachRolePolicyInput{RoleName: aws.String("Held"), PolicyArn: &policyARN}))(t)
	must(w.PutRolePolicy(ctx, &sdk.PutRolePolicyInput{RoleName: aws.String("Worded"), PolicyName: aws.String("p"), PolicyDocument: aws.String(allowList)}))(t)
	must(w.CreateInstanceProfile(ctx, &sdk.CreateInstanceProfileInput{InstanceProfileName: aws.String("Box")}))(t)
	must(w.AddRoleToInstanceProfile(ctx, &sdk.AddRoleToInstanceProfileInput{InstanceProfileName: aws.String("Box"), RoleName: aws.String("Boxed")}))(t)
	must(w.AddUserToGroup(ctx, &sdk.AddUserToGroupInput{GroupName: aws.String("Staff"), UserName: aws.String("Ada")}))(t)
	for range 2 {
		must(w.CreateAccessKey(ctx, &sdk.CreateAccessKeyInput{UserName: aws.String("Ada")}))(t)
	}
	versioned := w.policy(t, "Versioned")
	for range 4 {
		must(w.CreatePolicyVersion(ctx, &sdk.CreatePolicyVersionInput{PolicyArn: &versioned, PolicyDocument: aws.String(allowList)}))(t)
	}
	const absentARN = "arn:aws:iam::000000000000:policy/non-existent-policy"

	for name, c := range map[string]struct {
		call func() error
		want refusal
	}{
		"get role": {func() error { _, err := w.GetRole(ctx, &sdk.GetRoleInput{RoleName: aws.String("None")}); return err },
			refusal{"NoSuchEntity", "The role with name None cannot be found.", 404}},
		"R user": {func() error {
			_, err := w.CreateServiceSpecificCredential(ctx, &sdk.CreateServiceSpecificCredentialInput{UserName: aws.String("non-existent-user"), ServiceName: aws.String("codecommit.amazonaws.com")})
			return err
		}, refusal{"NoSuchEntity", "The user with name non-existent-user cannot be found.", 404}},
		"get group": {func() error {
			_, err := w.GetGroup(ctx, &sdk.GetGroupInput{GroupName: aws.String("None")})
			return err
		}, refusal{"NoSuchEntity", "The group with name None cannot be found.", 404}},
		"get profile": {func() error {
			_, err := w.GetInstanceProfile(ctx, &sdk.GetInstanceProfileInput{InstanceProfileName: aws.String("None")})
			return err
		}, refusal{"NoSuchEntity", "Instance Profile None cannot be found.", 404}},
		"inline policy": {func() error {
			_, err := w.GetRolePolicy(ctx, &sdk.GetRolePolicyInput{RoleName: aws.String("Plain"), PolicyName: aws.String("None")})
			return err
		}, refusal{"NoSuchEntity", "The role policy with name None cannot be found.", 404}},
		"R delete policy": {func() error {
			_, err := w.DeletePolicy(ctx, &sdk.DeletePolicyInput{PolicyArn: aws.String(absentARN)})
			return err
		}, refusal{"NoSuchEntity", "Policy " + absentARN + " was not found.", 404}},
		"R attach what is not there": {func() error {
			_, err := w.AttachRolePolicy(ctx, &sdk.AttachRolePolicyInput{RoleName: aws.String("Plain"), PolicyArn: aws.String(absentARN)})
			return err
		}, refusal{"NoSuchEntity", "Policy " + absentARN + " does not exist or is not attachable.", 404}},
		"R attach no ARN": {func() error {
			_, err := w.AttachUserPolicy(ctx, &sdk.AttachUserPolicyInput{UserName: aws.String("Ada"), PolicyArn: aws.String("longpolicynamebutnoarn")})
			return err
		}, refusal{"ValidationError", "Invalid ARN:  Could not be parsed!", 400}},
		"policy version": {func() error {
			_, err := w.GetPolicyVersion(ctx, &sdk.GetPolicyVersionInput{PolicyArn: &policyARN, VersionId: aws.String("v9")})
			return err
		}, refusal{"NoSuchEntity", "Policy " + policyARN + " version v9 does not exist or is not attachable.", 404}},
		"login profile": {func() error {
			_, err := w.DeleteLoginProfile(ctx, &sdk.DeleteLoginProfileInput{UserName: aws.String("Ada")})
			return err
		}, refusal{"NoSuchEntity", "Login Profile for User Ada cannot be found.", 404}},
		"access key": {func() error {
			_, err := w.DeleteAccessKey(ctx, &sdk.DeleteAccessKeyInput{UserName: aws.String("Ada"), AccessKeyId: aws.String("AKIAIOSFODNN7EXAMPLE")})
			return err
		}, refusal{"NoSuchEntity", "The Access Key with id AKIAIOSFODNN7EXAMPLE cannot be found.", 404}},

		"role in another case": {func() error {
			_, err := w.CreateRole(ctx, &sdk.CreateRoleInput{RoleName: aws.String("hELD"), AssumeRolePolicyDocument: aws.String(trustEC2)})
			return err
		}, refusal{"EntityAlreadyExists", "Role with name hELD already exists.", 409}},
		"user twice": {func() error {
			_, err := w.CreateUser(ctx, &sdk.CreateUserInput{UserName: aws.String("Ada")})
			return err
		}, refusal{"EntityAlreadyExists", "User with name Ada already exists.", 409}},
		"group twice": {func() error {
			_, err := w.CreateGroup(ctx, &sdk.CreateGroupInput{GroupName: aws.String("Staff")})
			return err
		}, refusal{"EntityAlreadyExists", "Group with name Staff already exists.", 409}},
		"policy twice, elsewhere": {func() error {
			_, err := w.CreatePolicy(ctx, &sdk.CreatePolicyInput{PolicyName: aws.String("reads"), Path: aws.String("/x/"), PolicyDocument: aws.String(allowList)})
			return err
		}, refusal{"EntityAlreadyExists", "A policy called reads already exists. Duplicate names are not allowed.", 409}},
		"profile twice": {func() error {
			_, err := w.CreateInstanceProfile(ctx, &sdk.CreateInstanceProfileInput{InstanceProfileName: aws.String("Box")})
			return err
		}, refusal{"EntityAlreadyExists", "Instance Profile Box already exists.", 409}},

		"delete role with attachments": {func() error {
			_, err := w.DeleteRole(ctx, &sdk.DeleteRoleInput{RoleName: aws.String("Held")})
			return err
		}, refusal{"DeleteConflict", "Cannot delete entity, must detach all policies first.", 409}},
		"delete role with inline policies": {func() error {
			_, err := w.DeleteRole(ctx, &sdk.DeleteRoleInput{RoleName: aws.String("Worded")})
			return err
		}, refusal{"DeleteConflict", "Cannot delete entity, must delete policies first.", 409}},
		"delete role in a profile": {func() error {
			_, err := w.DeleteRole(ctx, &sdk.DeleteRoleInput{RoleName: aws.String("Boxed")})
			return err
		}, refusal{"DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.", 409}},
		"delete profile with a role": {func() error {
			_, err := w.DeleteInstanceProfile(ctx, &sdk.DeleteInstanceProfileInput{InstanceProfileName: aws.String("Box")})
			return err
		}, refusal{"DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.", 409}},
		"delete user in a group": {func() error {
			_, err := w.DeleteUser(ctx, &sdk.DeleteUserInput{UserName: aws.String("Ada")})
			return err
		}, refusal{"DeleteConflict", "Cannot delete entity, must remove users from group first.", 409}},
		"delete group with users": {func() error {
			_, err := w.DeleteGroup(ctx, &sdk.DeleteGroupInput{GroupName: aws.String("Staff")})
			return err
		}, refusal{"DeleteConflict", "Cannot delete entity, must remove users from group first.", 409}},
		"delete attached policy": {func() error { _, err := w.DeletePolicy(ctx, &sdk.DeletePolicyInput{PolicyArn: &policyARN}); return err },
			refusal{"DeleteConflict", "Cannot delete a policy attached to entities.", 409}},
		"delete policy with versions": {func() error { _, err := w.DeletePolicy(ctx, &sdk.DeletePolicyInput{PolicyArn: &versioned}); return err },
			refusal{"DeleteConflict", "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.", 409}},
		"delete default version": {func() error {
			_, err := w.DeletePolicyVersion(ctx, &sdk.DeletePolicyVersionInput{PolicyArn: &versioned, VersionId: aws.String("v1")})
			return err
		}, refusal{"DeleteConflict", "Cannot delete the default version of a policy.", 409}},

		"third access key": {func() error {
			_, err := w.CreateAccessKey(ctx, &sdk.CreateAccessKeyInput{UserName: aws.String("Ada")})
			return err
		}, refusal{"LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2", 409}},
		"second role in a profile": {func() error {
			_, err := w.AddRoleToInstanceProfile(ctx, &sdk.AddRoleToInstanceProfileInput{InstanceProfileName: aws.String("Box"), RoleName: aws.String("Plain")})
			return err
		}, refusal{"LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1", 409}},
		"sixth version": {func() error {
			_, err := w.CreatePolicyVersion(ctx, &sdk.CreatePolicyVersionInput{PolicyArn: &versioned, PolicyDocument: aws.String(allowList)})
			return err
		}, refusal{"LimitExceeded", "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.", 409}},
		"inline policy too long": {func() error {
			_, err := w.PutUserPolicy(ctx, &sdk.PutUserPolicyInput{UserName: aws.String("Ada"), PolicyName: aws.String("p"), PolicyDocument: aws.String(longPolicy(2100))})
			return err
		}, refusal{"LimitExceeded", "Maximum policy size of 2048 bytes exceeded for user Ada", 409}},
		"managed policy too long": {func() error {
			_, err := w.CreatePolicy(ctx, &sdk.CreatePolicyInput{PolicyName: aws.String("Long"), PolicyDocument: aws.String(longPolicy(6200))})
			return err
		}, refusal{"LimitExceeded", "Cannot exceed quota for PolicySize: 6144", 409}},

		"R credential of a service without": {func() error {
			_, err := w.CreateServiceSpecificCredential(ctx, &sdk.CreateServiceSpecificCredentialInput{UserName: aws.String("Ada"), ServiceName: aws.String("lambda.amazonaws.com")})
			return err
		}, refusal{"NoSuchEntity", "No such service lambda.amazonaws.com is supported for Service Specific Credentials", 404}},
		"R credential id": {func() error {
			_, err := w.DeleteServiceSpecificCredential(ctx, &sdk.DeleteServiceSpecificCredentialInput{UserName: aws.String("Ada"), ServiceSpecificCredentialId: aws.String("satisfiesregexbutstillinvalid")})
			return err
		}, refusal{"NoSuchEntity", "No such credential satisfiesregexbutstillinvalid exists", 404}},
		"R custom suffix": {func() error {
			_, err := w.CreateServiceLinkedRole(ctx, &sdk.CreateServiceLinkedRoleInput{AWSServiceName: aws.String("rds.amazonaws.com"), CustomSuffix: aws.String("x")})
			return err
		}, refusal{"InvalidInput", "Custom suffix is not allowed for rds.amazonaws.com", 400}},
		"duplicate tags": {func() error {
			_, err := w.TagRole(ctx, &sdk.TagRoleInput{RoleName: aws.String("Plain"), Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}, {Key: aws.String("A"), Value: aws.String("2")}}})
			return err
		}, refusal{"InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.", 400}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, refused(c.call())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func longPolicy(size int) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::%s"}]}`, strings.Repeat("x", size))
}

var ignore = cmp.Options{
	cmpopts.IgnoreUnexported(types.Role{}, types.User{}, types.Tag{}, types.RoleLastUsed{}, types.AttachedPermissionsBoundary{}, types.Policy{}, types.AttachedPolicy{}, types.PolicyVersion{}),
	cmpopts.IgnoreFields(types.Role{}, "CreateDate", "RoleId"),
	cmpopts.IgnoreFields(types.User{}, "CreateDate", "UserId"),
	cmpopts.IgnoreFields(types.Policy{}, "CreateDate", "UpdateDate", "PolicyId"),
}

// What the answers about one role hold and leave out (recordings
// test_create_describe_role, test_role_with_tags,
// test_list_roles_with_permission_boundary, test_put_role_policy_encoding).
func TestRoleAnswers(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	boundary := w.policy(t, "Boundary")
	document := "{\n \"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"lambda.amazonaws.com\"},\"Action\":\"sts:AssumeRole\",\"Condition\":{\"StringEquals\":{\"aws:SourceArn\":\"arn%3Aaws+x\"}}}]}"
	created := must(w.CreateRole(ctx, &sdk.CreateRoleInput{
		RoleName: aws.String("Web"), Path: aws.String("/a/"), AssumeRolePolicyDocument: &document, PermissionsBoundary: &boundary,
		Tags: []types.Tag{{Key: aws.String("z"), Value: aws.String("1")}, {Key: aws.String("a"), Value: aws.String("")}},
	}))(t).Role
	base := types.Role{
		Arn: aws.String("arn:aws:iam::000000000000:role/a/Web"), Path: aws.String("/a/"), RoleName: aws.String("Web"),
		AssumeRolePolicyDocument: created.AssumeRolePolicyDocument,
	}
	if got, err := url.PathUnescape(*created.AssumeRolePolicyDocument); err != nil || got != document {
		t.Errorf("document comes back as %q, %v", got, err)
	}
	want := base
	want.Tags = []types.Tag{{Key: aws.String("z"), Value: aws.String("1")}, {Key: aws.String("a"), Value: aws.String("")}}
	if diff := cmp.Diff(&want, created, ignore); diff != "" {
		t.Error("CreateRole:", diff)
	}
	want.MaxSessionDuration = aws.Int32(3600)
	want.RoleLastUsed = &types.RoleLastUsed{}
	want.PermissionsBoundary = &types.AttachedPermissionsBoundary{PermissionsBoundaryArn: &boundary, PermissionsBoundaryType: "Policy"}
	got := must(w.GetRole(ctx, &sdk.GetRoleInput{RoleName: aws.String("wEB")}))(t).Role
	if diff := cmp.Diff(&want, got, ignore); diff != "" {
		t.Error("GetRole:", diff)
	}
	want = base
	want.MaxSessionDuration = aws.Int32(3600)
	list := must(w.ListRoles(ctx, &sdk.ListRolesInput{PathPrefix: aws.String("/a")}))(t)
	if diff := cmp.Diff([]types.Role{want}, list.Roles, ignore); diff != "" || list.IsTruncated {
		t.Error("ListRoles:", diff)
	}
	if !strings.HasPrefix(*created.RoleId, "AROA") || len(*created.RoleId) != 21 {
		t.Errorf("RoleId = %s", *created.RoleId)
	}

	must(w.UpdateRole(ctx, &sdk.UpdateRoleInput{RoleName: aws.String("Web"), Description: aws.String("d"), MaxSessionDuration: aws.Int32(7200)}))(t)
	must(w.DeleteRolePermissionsBoundary(ctx, &sdk.DeleteRolePermissionsBoundaryInput{RoleName: aws.String("Web")}))(t)
	must(w.UntagRole(ctx, &sdk.UntagRoleInput{RoleName: aws.String("Web"), TagKeys: []string{"Z", "none"}}))(t)
	must(w.TagRole(ctx, &sdk.TagRoleInput{RoleName: aws.String("Web"), Tags: []types.Tag{{Key: aws.String("A"), Value: aws.String("new")}}}))(t)
	got = must(w.GetRole(ctx, &sdk.GetRoleInput{RoleName: aws.String("Web")}))(t).Role
	want.Description, want.MaxSessionDuration, want.RoleLastUsed = aws.String("d"), aws.Int32(7200), &types.RoleLastUsed{}
	want.Tags = []types.Tag{{Key: aws.String("a"), Value: aws.String("new")}}
	if diff := cmp.Diff(&want, got, ignore); diff != "" {
		t.Error("after changes:", diff)
	}
}

func TestManagedPolicies(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	const basic = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
	document, ok := iam.ManagedPolicy(basic)
	if want := `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}]}`; !ok || !sameJSON(t, document, want) {
		t.Errorf("ManagedPolicy = %s, %v", document, ok)
	}
	if _, ok := iam.ManagedPolicy("arn:aws:iam::aws:policy/None"); ok {
		t.Error("found a policy that is not there")
	}
	w.role(t, "Web")
	must(w.AttachRolePolicy(ctx, &sdk.AttachRolePolicyInput{RoleName: aws.String("Web"), PolicyArn: aws.String(basic)}))(t)
	attached := must(w.ListAttachedRolePolicies(ctx, &sdk.ListAttachedRolePoliciesInput{RoleName: aws.String("Web")}))(t).AttachedPolicies
	want := []types.AttachedPolicy{{PolicyArn: aws.String(basic), PolicyName: aws.String("AWSLambdaBasicExecutionRole")}}
	if diff := cmp.Diff(want, attached, ignore); diff != "" {
		t.Error(diff)
	}
	policy := must(w.GetPolicy(ctx, &sdk.GetPolicyInput{PolicyArn: aws.String(basic)}))(t).Policy
	wantPolicy := &types.Policy{
		Arn: aws.String(basic), PolicyName: aws.String("AWSLambdaBasicExecutionRole"), Path: aws.String("/service-role/"),
		DefaultVersionId: aws.String("v1"), AttachmentCount: aws.Int32(1), PermissionsBoundaryUsageCount: aws.Int32(0), IsAttachable: true,
	}
	if diff := cmp.Diff(wantPolicy, policy, ignore); diff != "" {
		t.Error(diff)
	}
	version := must(w.GetPolicyVersion(ctx, &sdk.GetPolicyVersionInput{PolicyArn: aws.String(basic), VersionId: policy.DefaultVersionId}))(t).PolicyVersion
	if text, _ := url.PathUnescape(*version.Document); !sameJSON(t, text, document) || !version.IsDefaultVersion {
		t.Errorf("version = %s", text)
	}
	used := must(w.ListEntitiesForPolicy(ctx, &sdk.ListEntitiesForPolicyInput{PolicyArn: aws.String(basic)}))(t)
	if len(used.PolicyRoles) != 1 || *used.PolicyRoles[0].RoleName != "Web" || len(used.PolicyUsers)+len(used.PolicyGroups) != 0 {
		t.Errorf("used by %+v", used)
	}
	only := must(w.ListPolicies(ctx, &sdk.ListPoliciesInput{Scope: "AWS", OnlyAttached: true}))(t).Policies
	if len(only) != 1 || *only[0].Arn != basic {
		t.Errorf("attached AWS policies: %d", len(only))
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		return false
	}
	return cmp.Equal(x, y)
}

func TestPolicyVersions(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	arn := w.policy(t, "P")
	second := must(w.CreatePolicyVersion(ctx, &sdk.CreatePolicyVersionInput{PolicyArn: &arn, PolicyDocument: aws.String(allowList), SetAsDefault: true}))(t).PolicyVersion
	if *second.VersionId != "v2" || !second.IsDefaultVersion || second.Document != nil {
		t.Errorf("second version %+v", second)
	}
	must(w.DeletePolicyVersion(ctx, &sdk.DeletePolicyVersionInput{PolicyArn: &arn, VersionId: aws.String("v1")}))(t)
	must(w.CreatePolicyVersion(ctx, &sdk.CreatePolicyVersionInput{PolicyArn: &arn, PolicyDocument: aws.String(allowList)}))(t)
	var ids []string
	for _, v := range must(w.ListPolicyVersions(ctx, &sdk.ListPolicyVersionsInput{PolicyArn: &arn}))(t).Versions {
		ids = append(ids, *v.VersionId)
	}
	if diff := cmp.Diff([]string{"v3", "v2"}, ids); diff != "" {
		t.Error(diff)
	}
	must(w.SetDefaultPolicyVersion(ctx, &sdk.SetDefaultPolicyVersionInput{PolicyArn: &arn, VersionId: aws.String("v3")}))(t)
	if got := must(w.GetPolicy(ctx, &sdk.GetPolicyInput{PolicyArn: &arn}))(t).Policy; *got.DefaultVersionId != "v3" {
		t.Errorf("default is %s", *got.DefaultVersionId)
	}
}

// Pages of every size hold every item once, in order.
func TestPagination(t *testing.T) {
	w := newWorld(t)
	names := []string{"a.b", "a-b", "A_b", "a@b", "ab", "a+b", "B"}
	for _, name := range names {
		w.role(t, name)
	}
	whole := must(w.ListRoles(t.Context(), &sdk.ListRolesInput{}))(t).Roles
	if len(whole) != len(names) {
		t.Fatalf("%d roles, want %d", len(whole), len(names))
	}
	for size := int32(1); size <= 8; size++ {
		var got []types.Role
		for pages := sdk.NewListRolesPaginator(w, &sdk.ListRolesInput{MaxItems: &size}); pages.HasMorePages(); {
			p, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, p.Roles...)
		}
		if diff := cmp.Diff(whole, got, ignore); diff != "" {
			t.Errorf("pages of %d: %s", size, diff)
		}
	}
	_, err := w.ListRoles(t.Context(), &sdk.ListRolesInput{Marker: aws.String("rubbish")})
	if refused(err).Code != "ValidationError" {
		t.Errorf("rubbish marker: %v", err)
	}
}

// What Terraform calls when it destroys a user: truthful empty answers.
func TestUserEmptyAnswers(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.user(t, "Ada")
	name := aws.String("Ada")
	counts := map[string]int{
		"groups":       len(must(w.ListGroupsForUser(ctx, &sdk.ListGroupsForUserInput{UserName: name}))(t).Groups),
		"keys":         len(must(w.ListAccessKeys(ctx, &sdk.ListAccessKeysInput{UserName: name}))(t).AccessKeyMetadata),
		"ssh":          len(must(w.ListSSHPublicKeys(ctx, &sdk.ListSSHPublicKeysInput{UserName: name}))(t).SSHPublicKeys),
		"virtual":      len(must(w.ListVirtualMFADevices(ctx, &sdk.ListVirtualMFADevicesInput{AssignmentStatus: "Assigned"}))(t).VirtualMFADevices),
		"mfa":          len(must(w.ListMFADevices(ctx, &sdk.ListMFADevicesInput{UserName: name}))(t).MFADevices),
		"certificates": len(must(w.ListSigningCertificates(ctx, &sdk.ListSigningCertificatesInput{UserName: name}))(t).Certificates),
		"credentials":  len(must(w.ListServiceSpecificCredentials(ctx, &sdk.ListServiceSpecificCredentialsInput{UserName: name}))(t).ServiceSpecificCredentials),
	}
	for what, n := range counts {
		if n != 0 {
			t.Errorf("%d %s", n, what)
		}
	}
	_, err := w.ListMFADevices(ctx, &sdk.ListMFADevicesInput{UserName: aws.String("None")})
	if refused(err).Code != "NoSuchEntity" {
		t.Errorf("devices of nobody: %v", err)
	}
	must(w.DeleteUser(ctx, &sdk.DeleteUserInput{UserName: name}))(t)
}
