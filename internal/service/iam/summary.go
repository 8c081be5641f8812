package iam

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// GetAccountSummary counts what the account has, beside the quotas that hold
// for it (IAM user guide, "IAM and AWS STS quotas").
func (s *Service) GetAccountSummary(ctx context.Context, _ *sdk.GetAccountSummaryInput, _ ...func(*sdk.Options)) (*sdk.GetAccountSummaryOutput, error) {
	acct := account(ctx)
	versions := 0
	policies := store.List[state.ManagedPolicy](s.store, state.ManagedPolicies.Child(acct))
	for _, item := range policies {
		versions += len(item.Record.Versions)
	}
	count := func(n int) int32 { return int32(n) }
	return &sdk.GetAccountSummaryOutput{SummaryMap: map[string]int32{
		"Users":               count(len(store.List[state.User](s.store, state.Users.Child(acct)))),
		"Groups":              count(len(store.List[state.Group](s.store, state.Groups.Child(acct)))),
		"Roles":               count(len(store.List[state.Role](s.store, state.Roles.Child(acct)))),
		"InstanceProfiles":    count(len(store.List[state.InstanceProfile](s.store, state.InstanceProfiles.Child(acct)))),
		"Policies":            count(len(policies)),
		"PolicyVersionsInUse": count(versions),
		"Providers":           count(len(s.oidcProviders(ctx))),

		"UsersQuota": 5000, "GroupsQuota": 300, "RolesQuota": 1000, "InstanceProfilesQuota": 1000,
		"PoliciesQuota": 1500, "PolicyVersionsInUseQuota": 10000, "VersionsPerPolicyQuota": 5,
		"PolicySizeQuota": maxPolicySize, "UserPolicySizeQuota": 2048, "GroupPolicySizeQuota": 5120, "RolePolicySizeQuota": 10240,
		"AssumeRolePolicySizeQuota": maxTrustPolicySize, "AccessKeysPerUserQuota": maxKeysPerUser, "GroupsPerUserQuota": 10,
		"AttachedPoliciesPerUserQuota": 10, "AttachedPoliciesPerGroupQuota": 10, "AttachedPoliciesPerRoleQuota": 10,
		"SigningCertificatesPerUserQuota": 2, "ServerCertificatesQuota": 20,

		// None of these exists here.
		"ServerCertificates": 0, "MFADevices": 0, "MFADevicesInUse": 0, "AccountMFAEnabled": 0,
		"AccountAccessKeysPresent": 0, "AccountPasswordPresent": 0, "AccountSigningCertificatesPresent": 0,
		"GlobalEndpointTokenVersion": 1,
	}}, nil
}
