package iam_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/google/go-cmp/cmp"
)

func TestAccountAlias(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	aliases := func(c *sdk.Client) []string {
		t.Helper()
		return must(c.ListAccountAliases(ctx, &sdk.ListAccountAliasesInput{}))(t).AccountAliases
	}
	if got := aliases(w.Client); len(got) != 0 {
		t.Errorf("aliases %v", got)
	}
	for _, alias := range []string{"first", "second"} { // the second takes the place of the first
		must(w.CreateAccountAlias(ctx, &sdk.CreateAccountAliasInput{AccountAlias: &alias}))(t)
	}
	if diff := cmp.Diff([]string{"second"}, aliases(w.Client)); diff != "" {
		t.Error(diff)
	}
	other := w.as("111122223333", "test", "")
	_, err := other.CreateAccountAlias(ctx, &sdk.CreateAccountAliasInput{AccountAlias: aws.String("second")})
	if got := refused(err); got.Code != "EntityAlreadyExists" || got.Status != 409 {
		t.Errorf("taken: %+v", got)
	}
	_, err = w.DeleteAccountAlias(ctx, &sdk.DeleteAccountAliasInput{AccountAlias: aws.String("first")})
	if got := refused(err); got.Code != "NoSuchEntity" {
		t.Errorf("not its own: %+v", got)
	}
	must(w.DeleteAccountAlias(ctx, &sdk.DeleteAccountAliasInput{AccountAlias: aws.String("second")}))(t)
	if got := aliases(w.Client); len(got) != 0 {
		t.Errorf("aliases %v", got)
	}
}

func TestPasswordPolicy(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	missing := refusal{"NoSuchEntity", "The Password Policy with domain name 000000000000 cannot be found.", 404}
	_, err := w.GetAccountPasswordPolicy(ctx, &sdk.GetAccountPasswordPolicyInput{})
	if diff := cmp.Diff(missing, refused(err)); diff != "" {
		t.Error(diff)
	}
	must(w.UpdateAccountPasswordPolicy(ctx, &sdk.UpdateAccountPasswordPolicyInput{MinimumPasswordLength: aws.Int32(14), RequireSymbols: true, MaxPasswordAge: aws.Int32(90)}))(t)
	p := must(w.GetAccountPasswordPolicy(ctx, &sdk.GetAccountPasswordPolicyInput{}))(t).PasswordPolicy
	if *p.MinimumPasswordLength != 14 || !p.RequireSymbols || p.RequireNumbers || !p.ExpirePasswords || *p.MaxPasswordAge != 90 {
		t.Errorf("%+v", p)
	}
	must(w.UpdateAccountPasswordPolicy(ctx, &sdk.UpdateAccountPasswordPolicyInput{}))(t)
	if p = must(w.GetAccountPasswordPolicy(ctx, &sdk.GetAccountPasswordPolicyInput{}))(t).PasswordPolicy; *p.MinimumPasswordLength != 6 || p.RequireSymbols || p.ExpirePasswords {
		t.Errorf("what is left out gets its default: %+v", p)
	}
	must(w.DeleteAccountPasswordPolicy(ctx, &sdk.DeleteAccountPasswordPolicyInput{}))(t)
	_, err = w.DeleteAccountPasswordPolicy(ctx, &sdk.DeleteAccountPasswordPolicyInput{})
	if diff := cmp.Diff(missing, refused(err)); diff != "" {
		t.Error(diff)
	}
}

func TestAccountSummary(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	w.user(t, "a")
	w.user(t, "b")
	w.role(t, "r")
	w.policy(t, "p")
	got := must(w.GetAccountSummary(ctx, &sdk.GetAccountSummaryInput{}))(t).SummaryMap
	for key, want := range map[string]int32{"Users": 2, "Roles": 1, "Groups": 0, "Policies": 1, "PolicyVersionsInUse": 1, "UsersQuota": 5000} {
		if got[key] != want {
			t.Errorf("%s is %d, want %d", key, got[key], want)
		}
	}
}

func TestAccessKeyLastUsed(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	w.user(t, "ada")
	key := must(w.CreateAccessKey(ctx, &sdk.CreateAccessKeyInput{UserName: aws.String("ada")}))(t).AccessKey
	ask := func() *sdk.GetAccessKeyLastUsedOutput {
		t.Helper()
		return must(w.GetAccessKeyLastUsed(ctx, &sdk.GetAccessKeyLastUsedInput{AccessKeyId: key.AccessKeyId}))(t)
	}
	if got := ask(); *got.UserName != "ada" || got.AccessKeyLastUsed.LastUsedDate != nil || *got.AccessKeyLastUsed.Region != "N/A" {
		t.Errorf("never used: %+v", got.AccessKeyLastUsed)
	}
	must(w.as(*key.AccessKeyId, *key.SecretAccessKey, "").ListUsers(ctx, &sdk.ListUsersInput{}))(t)
	if got := ask().AccessKeyLastUsed; got.LastUsedDate == nil || time.Since(*got.LastUsedDate) > time.Minute || *got.ServiceName != "iam" || *got.Region != "us-east-1" {
		t.Errorf("used: %+v", got)
	}
	if _, err := w.GetAccessKeyLastUsed(ctx, &sdk.GetAccessKeyLastUsedInput{AccessKeyId: aws.String("AKIAIOSFODNN7EXAMPLE")}); err == nil {
		t.Error("an unknown key is found")
	}
}
