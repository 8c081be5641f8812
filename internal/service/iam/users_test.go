package iam_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"
	"github.com/stagedoor/stagedoor/internal/identity"
)

// GetUser without a name is about the caller; for the root it is how Terraform
// learns the account (recordings test_get_user_without_username_as_user and
// …_as_role).
func TestGetUserIsTheCaller(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	root := must(w.GetUser(ctx, &sdk.GetUserInput{}))(t).User
	if *root.Arn != "arn:aws:iam::000000000000:root" || *root.UserId != acct {
		t.Errorf("root is %s, %s", *root.Arn, *root.UserId)
	}
	w.user(t, "Ada")
	key := must(w.CreateAccessKey(ctx, &sdk.CreateAccessKeyInput{UserName: aws.String("ada")}))(t).AccessKey
	if !regexp.MustCompile(`^AKIA[A-Z2-7]{16}$`).MatchString(*key.AccessKeyId) || len(*key.SecretAccessKey) != 40 || *key.UserName != "Ada" {
		t.Errorf("key %+v", key)
	}
	ada := w.as(*key.AccessKeyId, *key.SecretAccessKey, "")
	if got := must(ada.GetUser(ctx, &sdk.GetUserInput{}))(t).User; *got.UserName != "Ada" {
		t.Errorf("user is %s", *got.UserName)
	}
	own := must(ada.ListAccessKeys(ctx, &sdk.ListAccessKeysInput{}))(t).AccessKeyMetadata
	if len(own) != 1 || *own[0].AccessKeyId != *key.AccessKeyId || own[0].Status != "Active" {
		t.Errorf("own keys %+v", own)
	}

	arn := w.role(t, "Job")
	session, err := identity.New(w.store, identity.Options{}).IssueRoleSession(ctx, arn, "s", 1e12)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.as(session.AccessKeyID, session.Secret, session.Token).GetUser(ctx, &sdk.GetUserInput{})
	if diff := cmp.Diff(refusal{"ValidationError", "Must specify userName when calling with non-User credentials", 400}, refused(err)); diff != "" {
		t.Error(diff)
	}
	// Accounts do not see each other.
	if _, err := w.as("111111111111", "x", "").GetUser(ctx, &sdk.GetUserInput{UserName: aws.String("Ada")}); refused(err).Code != "NoSuchEntity" {
		t.Errorf("another account's user: %v", err)
	}
}

// Quotas hold when many ask at once.
func TestQuotaUnderConcurrency(t *testing.T) {
	w := newWorld(t)
	w.user(t, "Ada")
	var made atomic.Int32
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := w.CreateAccessKey(t.Context(), &sdk.CreateAccessKeyInput{UserName: aws.String("Ada")}); err == nil {
				made.Add(1)
			}
		})
	}
	group.Wait()
	if made.Load() != 2 {
		t.Errorf("%d keys made", made.Load())
	}
}

// Renaming takes keys and memberships along.
func TestRename(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.user(t, "Ada")
	w.user(t, "Bob")
	w.group(t, "Staff")
	must(w.AddUserToGroup(ctx, &sdk.AddUserToGroupInput{GroupName: aws.String("staff"), UserName: aws.String("ada")}))(t)
	key := must(w.CreateAccessKey(ctx, &sdk.CreateAccessKeyInput{UserName: aws.String("Ada")}))(t).AccessKey
	must(w.UpdateGroup(ctx, &sdk.UpdateGroupInput{GroupName: aws.String("Staff"), NewGroupName: aws.String("Crew"), NewPath: aws.String("/x/")}))(t)
	must(w.UpdateUser(ctx, &sdk.UpdateUserInput{UserName: aws.String("Ada"), NewUserName: aws.String("Countess")}))(t)
	must(w.UpdateUser(ctx, &sdk.UpdateUserInput{UserName: aws.String("Countess"), NewUserName: aws.String("COUNTESS")}))(t)

	got := must(w.GetGroup(ctx, &sdk.GetGroupInput{GroupName: aws.String("Crew")}))(t)
	if *got.Group.Arn != "arn:aws:iam::000000000000:group/x/Crew" || len(got.Users) != 1 || *got.Users[0].Arn != "arn:aws:iam::000000000000:user/COUNTESS" {
		t.Errorf("group %s with %+v", *got.Group.Arn, got.Users)
	}
	me := must(w.as(*key.AccessKeyId, *key.SecretAccessKey, "").GetUser(ctx, &sdk.GetUserInput{}))(t).User
	if *me.UserName != "COUNTESS" {
		t.Errorf("the key is %s's", *me.UserName)
	}
	_, err := w.UpdateUser(ctx, &sdk.UpdateUserInput{UserName: aws.String("Countess"), NewUserName: aws.String("bob")})
	if diff := cmp.Diff(refusal{"EntityAlreadyExists", "User with name bob already exists.", 409}, refused(err)); diff != "" {
		t.Error(diff)
	}
	must(w.RemoveUserFromGroup(ctx, &sdk.RemoveUserFromGroupInput{GroupName: aws.String("Crew"), UserName: aws.String("Countess")}))(t)
	must(w.DeleteGroup(ctx, &sdk.DeleteGroupInput{GroupName: aws.String("Crew")}))(t)
}

// The whole table of service-linked roles is made, and two of them are looked
// at (recordings test_service_role_lifecycle, …_custom_suffix, …_deletion,
// …_already_exists).
func TestServiceLinkedRoles(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	table, err := os.ReadFile("managed/linked.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line)
		if fields[0] == "#" {
			continue
		}
		role := must(w.CreateServiceLinkedRole(ctx, &sdk.CreateServiceLinkedRoleInput{AWSServiceName: &fields[0]}))(t).Role
		if want := "arn:aws:iam::000000000000:role/aws-service-role/" + fields[0] + "/" + fields[1]; *role.Arn != want {
			t.Errorf("%s, want %s", *role.Arn, want)
		}
		attached := must(w.ListAttachedRolePolicies(ctx, &sdk.ListAttachedRolePoliciesInput{RoleName: role.RoleName}))(t).AttachedPolicies
		if len(attached) != 1 || *attached[0].PolicyArn != "arn:aws:iam::aws:policy/aws-service-role/"+fields[2] {
			t.Errorf("%s has %+v", fields[1], attached)
		}
	}
	suffixed := must(w.CreateServiceLinkedRole(ctx, &sdk.CreateServiceLinkedRoleInput{AWSServiceName: aws.String("lexv2.amazonaws.com"), CustomSuffix: aws.String("mine")}))(t).Role
	if *suffixed.RoleName != "AWSServiceRoleForLexV2Bots_mine" {
		t.Errorf("suffixed role is %s", *suffixed.RoleName)
	}
	_, err = w.CreateServiceLinkedRole(ctx, &sdk.CreateServiceLinkedRoleInput{AWSServiceName: aws.String("batch.amazonaws.com")})
	if diff := cmp.Diff(refusal{"InvalidInput", "Service role name AWSServiceRoleForBatch has been taken in this account, please try a different suffix.", 400}, refused(err)); diff != "" {
		t.Error(diff)
	}
	_, err = w.DeleteRole(ctx, &sdk.DeleteRoleInput{RoleName: aws.String("AWSServiceRoleForBatch")})
	if refused(err).Code != "UnmodifiableEntity" {
		t.Errorf("DeleteRole of a protected role: %v", err)
	}
	task := must(w.DeleteServiceLinkedRole(ctx, &sdk.DeleteServiceLinkedRoleInput{RoleName: aws.String("AWSServiceRoleForBatch")}))(t).DeletionTaskId
	if !strings.HasPrefix(*task, "task/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch/") {
		t.Errorf("task is %s", *task)
	}
	status := must(w.GetServiceLinkedRoleDeletionStatus(ctx, &sdk.GetServiceLinkedRoleDeletionStatusInput{DeletionTaskId: task}))(t).Status
	if status != types.DeletionTaskStatusTypeSucceeded {
		t.Errorf("status is %s", status)
	}
}

// Recording test_service_specific_credential_lifecycle.
func TestServiceSpecificCredentials(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.user(t, "Ada")
	made := must(w.CreateServiceSpecificCredential(ctx, &sdk.CreateServiceSpecificCredentialInput{UserName: aws.String("Ada"), ServiceName: aws.String("codecommit.amazonaws.com")}))(t).ServiceSpecificCredential
	if *made.ServiceUserName != "Ada-at-000000000000" || made.Status != "Active" || aws.ToString(made.ServicePassword) == "" {
		t.Errorf("made %+v", made)
	}
	must(w.UpdateServiceSpecificCredential(ctx, &sdk.UpdateServiceSpecificCredentialInput{UserName: aws.String("Ada"), ServiceSpecificCredentialId: made.ServiceSpecificCredentialId, Status: "Inactive"}))(t)
	reset := must(w.ResetServiceSpecificCredential(ctx, &sdk.ResetServiceSpecificCredentialInput{UserName: aws.String("Ada"), ServiceSpecificCredentialId: made.ServiceSpecificCredentialId}))(t).ServiceSpecificCredential
	if reset.Status != "Inactive" || *reset.ServicePassword == *made.ServicePassword {
		t.Errorf("reset %+v", reset)
	}
	list := must(w.ListServiceSpecificCredentials(ctx, &sdk.ListServiceSpecificCredentialsInput{UserName: aws.String("Ada"), ServiceName: aws.String("cassandra.amazonaws.com")}))(t)
	if len(list.ServiceSpecificCredentials) != 0 {
		t.Errorf("listed for another service: %+v", list.ServiceSpecificCredentials)
	}
	_, err := w.DeleteUser(ctx, &sdk.DeleteUserInput{UserName: aws.String("Ada")})
	if diff := cmp.Diff(refusal{"DeleteConflict", "Cannot delete entity, must remove referenced objects first.", 409}, refused(err)); diff != "" {
		t.Error(diff)
	}
	must(w.DeleteServiceSpecificCredential(ctx, &sdk.DeleteServiceSpecificCredentialInput{UserName: aws.String("Ada"), ServiceSpecificCredentialId: made.ServiceSpecificCredentialId}))(t)
	must(w.DeleteUser(ctx, &sdk.DeleteUserInput{UserName: aws.String("Ada")}))(t)
}

func TestLoginProfile(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.user(t, "Ada")
	must(w.CreateLoginProfile(ctx, &sdk.CreateLoginProfileInput{UserName: aws.String("Ada"), Password: aws.String("12345678"), PasswordResetRequired: true}))(t)
	if got := must(w.GetLoginProfile(ctx, &sdk.GetLoginProfileInput{UserName: aws.String("Ada")}))(t).LoginProfile; !got.PasswordResetRequired {
		t.Errorf("profile %+v", got)
	}
	_, err := w.DeleteUser(ctx, &sdk.DeleteUserInput{UserName: aws.String("Ada")})
	if refused(err).Message != "Cannot delete entity, must delete login profile first." {
		t.Error(err)
	}
	must(w.DeleteLoginProfile(ctx, &sdk.DeleteLoginProfileInput{UserName: aws.String("Ada")}))(t)
}

// GetAccountAuthorizationDetails holds everything once, whatever the pages.
func TestAuthorizationDetails(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.user(t, "Ada")
	w.group(t, "Staff")
	w.role(t, "Web")
	local := w.policy(t, "Local")
	must(w.AttachGroupPolicy(ctx, &sdk.AttachGroupPolicyInput{GroupName: aws.String("Staff"), PolicyArn: aws.String("arn:aws:iam::aws:policy/IAMFullAccess")}))(t)
	must(w.AttachUserPolicy(ctx, &sdk.AttachUserPolicyInput{UserName: aws.String("Ada"), PolicyArn: &local}))(t)
	must(w.PutRolePolicy(ctx, &sdk.PutRolePolicyInput{RoleName: aws.String("Web"), PolicyName: aws.String("p"), PolicyDocument: aws.String(allowList)}))(t)
	for _, size := range []int32{1, 2, 100} {
		var names []string
		for pages := sdk.NewGetAccountAuthorizationDetailsPaginator(w, &sdk.GetAccountAuthorizationDetailsInput{MaxItems: &size}); pages.HasMorePages(); {
			p, err := pages.NextPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range p.UserDetailList {
				names = append(names, "user "+*u.UserName+" "+*u.AttachedManagedPolicies[0].PolicyName)
			}
			for _, g := range p.GroupDetailList {
				names = append(names, "group "+*g.GroupName+" "+*g.AttachedManagedPolicies[0].PolicyName)
			}
			for _, r := range p.RoleDetailList {
				names = append(names, "role "+*r.RoleName+" "+*r.RolePolicyList[0].PolicyName)
			}
			for _, m := range p.Policies {
				names = append(names, "policy "+*m.PolicyName)
			}
		}
		slices.Sort(names)
		want := []string{"group Staff IAMFullAccess", "policy IAMFullAccess", "policy Local", "role Web p", "user Ada Local"}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("pages of %d: %s", size, diff)
		}
	}
}
