package iam

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/stagedoor/stagedoor/awswire"
)

// alone runs a changing operation while no other one runs. Most of what IAM
// promises spans records (a third access key, a policy that is deleted while it
// is being attached, a group that loses its last member), and one writer at a
// time keeps it without transactions; a write takes well under a millisecond.
// Several nodes on one store can still interleave.
func alone[I, O any](s *Service, f func(context.Context, *I, ...func(*sdk.Options)) (*O, error)) func(context.Context, *I, ...func(*sdk.Options)) (*O, error) {
	return func(ctx context.Context, in *I, _ ...func(*sdk.Options)) (*O, error) {
		s.writing.Lock()
		defer s.writing.Unlock()
		return f(ctx, in)
	}
}

// Operations returns the handlers by the names of the model. The model's other
// operations answer awswire's error for what is not there.
func (s *Service) Operations() awswire.Operations {
	return awswire.Operations{
		"AddRoleToInstanceProfile":           awswire.Op(alone(s, s.AddRoleToInstanceProfile)),
		"AddUserToGroup":                     awswire.Op(alone(s, s.AddUserToGroup)),
		"AttachGroupPolicy":                  awswire.Op(alone(s, s.AttachGroupPolicy)),
		"AttachRolePolicy":                   awswire.Op(alone(s, s.AttachRolePolicy)),
		"AttachUserPolicy":                   awswire.Op(alone(s, s.AttachUserPolicy)),
		"CreateAccessKey":                    awswire.Op(alone(s, s.CreateAccessKey)),
		"CreateAccountAlias":                 awswire.Op(alone(s, s.CreateAccountAlias)),
		"CreateGroup":                        awswire.Op(alone(s, s.CreateGroup)),
		"CreateInstanceProfile":              awswire.Op(alone(s, s.CreateInstanceProfile)),
		"CreateLoginProfile":                 awswire.Op(alone(s, s.CreateLoginProfile)),
		"CreatePolicy":                       awswire.Op(alone(s, s.CreatePolicy)),
		"CreatePolicyVersion":                awswire.Op(alone(s, s.CreatePolicyVersion)),
		"CreateRole":                         awswire.Op(alone(s, s.CreateRole)),
		"CreateServiceLinkedRole":            awswire.Op(alone(s, s.CreateServiceLinkedRole)),
		"CreateServiceSpecificCredential":    awswire.Op(alone(s, s.CreateServiceSpecificCredential)),
		"CreateUser":                         awswire.Op(alone(s, s.CreateUser)),
		"DeleteAccessKey":                    awswire.Op(alone(s, s.DeleteAccessKey)),
		"DeleteAccountAlias":                 awswire.Op(alone(s, s.DeleteAccountAlias)),
		"DeleteAccountPasswordPolicy":        awswire.Op(alone(s, s.DeleteAccountPasswordPolicy)),
		"DeleteGroup":                        awswire.Op(alone(s, s.DeleteGroup)),
		"DeleteGroupPolicy":                  awswire.Op(alone(s, s.DeleteGroupPolicy)),
		"DeleteInstanceProfile":              awswire.Op(alone(s, s.DeleteInstanceProfile)),
		"DeleteLoginProfile":                 awswire.Op(alone(s, s.DeleteLoginProfile)),
		"DeletePolicy":                       awswire.Op(alone(s, s.DeletePolicy)),
		"DeletePolicyVersion":                awswire.Op(alone(s, s.DeletePolicyVersion)),
		"DeleteRole":                         awswire.Op(alone(s, s.DeleteRole)),
		"DeleteRolePermissionsBoundary":      awswire.Op(alone(s, s.DeleteRolePermissionsBoundary)),
		"DeleteRolePolicy":                   awswire.Op(alone(s, s.DeleteRolePolicy)),
		"DeleteServiceLinkedRole":            awswire.Op(alone(s, s.DeleteServiceLinkedRole)),
		"DeleteServiceSpecificCredential":    awswire.Op(alone(s, s.DeleteServiceSpecificCredential)),
		"DeleteUser":                         awswire.Op(alone(s, s.DeleteUser)),
		"DeleteUserPermissionsBoundary":      awswire.Op(alone(s, s.DeleteUserPermissionsBoundary)),
		"DeleteUserPolicy":                   awswire.Op(alone(s, s.DeleteUserPolicy)),
		"DetachGroupPolicy":                  awswire.Op(alone(s, s.DetachGroupPolicy)),
		"DetachRolePolicy":                   awswire.Op(alone(s, s.DetachRolePolicy)),
		"DetachUserPolicy":                   awswire.Op(alone(s, s.DetachUserPolicy)),
		"GetAccessKeyLastUsed":               awswire.Op(s.GetAccessKeyLastUsed),
		"GetAccountAuthorizationDetails":     awswire.Op(s.GetAccountAuthorizationDetails),
		"GetAccountPasswordPolicy":           awswire.Op(s.GetAccountPasswordPolicy),
		"GetAccountSummary":                  awswire.Op(s.GetAccountSummary),
		"GetContextKeysForCustomPolicy":      awswire.Op(s.GetContextKeysForCustomPolicy),
		"GetContextKeysForPrincipalPolicy":   awswire.Op(s.GetContextKeysForPrincipalPolicy),
		"GetGroup":                           awswire.Op(s.GetGroup),
		"GetGroupPolicy":                     awswire.Op(s.GetGroupPolicy),
		"GetInstanceProfile":                 awswire.Op(s.GetInstanceProfile),
		"GetLoginProfile":                    awswire.Op(s.GetLoginProfile),
		"GetPolicy":                          awswire.Op(s.GetPolicy),
		"GetPolicyVersion":                   awswire.Op(s.GetPolicyVersion),
		"GetRole":                            awswire.Op(s.GetRole),
		"GetRolePolicy":                      awswire.Op(s.GetRolePolicy),
		"GetServiceLinkedRoleDeletionStatus": awswire.Op(s.GetServiceLinkedRoleDeletionStatus),
		"GetUser":                            awswire.Op(s.GetUser),
		"GetUserPolicy":                      awswire.Op(s.GetUserPolicy),
		"ListAccessKeys":                     awswire.Op(s.ListAccessKeys),
		"ListAccountAliases":                 awswire.Op(s.ListAccountAliases),
		"ListAttachedGroupPolicies":          awswire.Op(s.ListAttachedGroupPolicies),
		"ListAttachedRolePolicies":           awswire.Op(s.ListAttachedRolePolicies),
		"ListAttachedUserPolicies":           awswire.Op(s.ListAttachedUserPolicies),
		"ListEntitiesForPolicy":              awswire.Op(s.ListEntitiesForPolicy),
		"ListGroupPolicies":                  awswire.Op(s.ListGroupPolicies),
		"ListGroups":                         awswire.Op(s.ListGroups),
		"ListGroupsForUser":                  awswire.Op(s.ListGroupsForUser),
		"ListInstanceProfileTags":            awswire.Op(s.ListInstanceProfileTags),
		"ListInstanceProfiles":               awswire.Op(s.ListInstanceProfiles),
		"ListInstanceProfilesForRole":        awswire.Op(s.ListInstanceProfilesForRole),
		"ListMFADevices":                     awswire.Op(s.ListMFADevices),
		"ListOpenIDConnectProviders":         awswire.Op(s.ListOpenIDConnectProviders),
		"ListPolicies":                       awswire.Op(s.ListPolicies),
		"ListPolicyTags":                     awswire.Op(s.ListPolicyTags),
		"ListPolicyVersions":                 awswire.Op(s.ListPolicyVersions),
		"ListRolePolicies":                   awswire.Op(s.ListRolePolicies),
		"ListRoleTags":                       awswire.Op(s.ListRoleTags),
		"ListRoles":                          awswire.Op(s.ListRoles),
		"ListSAMLProviders":                  awswire.Op(s.ListSAMLProviders),
		"ListSSHPublicKeys":                  awswire.Op(s.ListSSHPublicKeys),
		"ListServiceSpecificCredentials":     awswire.Op(s.ListServiceSpecificCredentials),
		"ListSigningCertificates":            awswire.Op(s.ListSigningCertificates),
		"ListUserPolicies":                   awswire.Op(s.ListUserPolicies),
		"ListUserTags":                       awswire.Op(s.ListUserTags),
		"ListUsers":                          awswire.Op(s.ListUsers),
		"ListVirtualMFADevices":              awswire.Op(s.ListVirtualMFADevices),
		"PutGroupPolicy":                     awswire.Op(alone(s, s.PutGroupPolicy)),
		"PutRolePermissionsBoundary":         awswire.Op(alone(s, s.PutRolePermissionsBoundary)),
		"PutRolePolicy":                      awswire.Op(alone(s, s.PutRolePolicy)),
		"PutUserPermissionsBoundary":         awswire.Op(alone(s, s.PutUserPermissionsBoundary)),
		"PutUserPolicy":                      awswire.Op(alone(s, s.PutUserPolicy)),
		"RemoveRoleFromInstanceProfile":      awswire.Op(alone(s, s.RemoveRoleFromInstanceProfile)),
		"RemoveUserFromGroup":                awswire.Op(alone(s, s.RemoveUserFromGroup)),
		"ResetServiceSpecificCredential":     awswire.Op(alone(s, s.ResetServiceSpecificCredential)),
		"SetDefaultPolicyVersion":            awswire.Op(alone(s, s.SetDefaultPolicyVersion)),
		"SimulateCustomPolicy":               awswire.Op(s.SimulateCustomPolicy),
		"SimulatePrincipalPolicy":            awswire.Op(s.SimulatePrincipalPolicy),
		"TagInstanceProfile":                 awswire.Op(alone(s, s.TagInstanceProfile)),
		"TagPolicy":                          awswire.Op(alone(s, s.TagPolicy)),
		"TagRole":                            awswire.Op(alone(s, s.TagRole)),
		"TagUser":                            awswire.Op(alone(s, s.TagUser)),
		"UntagInstanceProfile":               awswire.Op(alone(s, s.UntagInstanceProfile)),
		"UntagPolicy":                        awswire.Op(alone(s, s.UntagPolicy)),
		"UntagRole":                          awswire.Op(alone(s, s.UntagRole)),
		"UntagUser":                          awswire.Op(alone(s, s.UntagUser)),
		"UpdateAccessKey":                    awswire.Op(alone(s, s.UpdateAccessKey)),
		"UpdateAccountPasswordPolicy":        awswire.Op(alone(s, s.UpdateAccountPasswordPolicy)),
		"UpdateAssumeRolePolicy":             awswire.Op(alone(s, s.UpdateAssumeRolePolicy)),
		"UpdateGroup":                        awswire.Op(alone(s, s.UpdateGroup)),
		"UpdateLoginProfile":                 awswire.Op(alone(s, s.UpdateLoginProfile)),
		"UpdateRole":                         awswire.Op(alone(s, s.UpdateRole)),
		"UpdateRoleDescription":              awswire.Op(alone(s, s.UpdateRoleDescription)),
		"UpdateServiceSpecificCredential":    awswire.Op(alone(s, s.UpdateServiceSpecificCredential)),
		"UpdateUser":                         awswire.Op(alone(s, s.UpdateUser)),
	}
}
