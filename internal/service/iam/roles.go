package iam

import (
	"context"
	"errors"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

const (
	defaultMaxSession   = 3600 // seconds
	maxTrustPolicySize  = 2048 // characters without white space; IAM User Guide, "IAM and STS quotas"
	serviceRolePath     = "/aws-service-role/"
	protectedRoleReason = "Cannot perform the operation on the protected role '%' - this role is only modifiable by AWS"
)

// CreateRole makes a role.
func (s *Service) CreateRole(ctx context.Context, in *sdk.CreateRoleInput, _ ...func(*sdk.Options)) (*sdk.CreateRoleOutput, error) {
	if strings.HasPrefix(value(in.Path), serviceRolePath) {
		// unverified: AWS's text
		return nil, invalidInput("Role path cannot begin with " + serviceRolePath + ", which is reserved for service-linked roles.")
	}
	if err := s.checkTrustPolicy(ctx, value(in.AssumeRolePolicyDocument)); err != nil {
		return nil, err
	}
	if err := s.checkBoundary(ctx, in.PermissionsBoundary); err != nil {
		return nil, err
	}
	identity, err := s.newIdentity(ctx, "role", "AROA", value(in.RoleName), in.Path)
	if err != nil {
		return nil, err
	}
	role := &state.Role{
		Identity:                 identity,
		Description:              in.Description,
		AssumeRolePolicyDocument: value(in.AssumeRolePolicyDocument),
		MaxSessionSeconds:        defaultMaxSession,
	}
	role.PermissionsBoundary = value(in.PermissionsBoundary)
	if in.MaxSessionDuration != nil {
		role.MaxSessionSeconds = *in.MaxSessionDuration
	}
	if err := setTags(&role.Tags, &role.TagOrder, in.Tags, "TagsPerRole"); err != nil {
		return nil, err
	}
	if err := create(ctx, s, roles(), role); err != nil {
		return nil, err
	}
	answer := roleAnswer(role)
	answer.Tags = tagList(role.Tags, role.TagOrder)
	// The duration is not in the answer unless it was in the question
	// (recording test_create_describe_role).
	answer.MaxSessionDuration = in.MaxSessionDuration
	return &sdk.CreateRoleOutput{Role: &answer}, nil
}

// create stores a new role, user or group.
func create[T any](ctx context.Context, s *Service, k kind[T], record *T) error {
	name := k.identity(record).Name
	_, err := store.Create(ctx, s.store, k.keyOf(ctx, name), record)
	if errors.Is(err, store.ErrExists) {
		return alreadyExists(k.taken(name))
	}
	return err
}

// roleAnswer is a role as lists show it: without tags, boundary and last use
// (recordings test_role_with_tags, test_list_roles_with_permission_boundary).
func roleAnswer(r *state.Role) types.Role {
	return types.Role{
		Arn: ptr(r.ARN), CreateDate: ptr(r.CreateDate), Path: ptr(r.Path), RoleId: ptr(r.ID), RoleName: ptr(r.Name),
		AssumeRolePolicyDocument: ptr(encodeDocument(r.AssumeRolePolicyDocument)),
		Description:              r.Description,
		MaxSessionDuration:       ptr(r.MaxSessionSeconds),
	}
}

// wholeRole is a role as GetRole shows it.
func (s *Service) wholeRole(r *state.Role) types.Role {
	answer := roleAnswer(r)
	answer.Tags = tagList(r.Tags, r.TagOrder)
	answer.PermissionsBoundary = boundaryAnswer(r.PermissionsBoundary)
	answer.RoleLastUsed = &types.RoleLastUsed{LastUsedDate: r.LastUsed, Region: orNil(r.LastUsedRegion)}
	return answer
}

// GetRole describes a role.
func (s *Service) GetRole(ctx context.Context, in *sdk.GetRoleInput, _ ...func(*sdk.Options)) (*sdk.GetRoleOutput, error) {
	role, err := get(ctx, s, roles(), value(in.RoleName))
	if err != nil {
		return nil, err
	}
	return &sdk.GetRoleOutput{Role: ptr(s.wholeRole(role))}, nil
}

// ListRoles lists the roles under a path.
func (s *Service) ListRoles(ctx context.Context, in *sdk.ListRolesInput, _ ...func(*sdk.Options)) (*sdk.ListRolesOutput, error) {
	p, err := paginate(list(ctx, s, roles(), in.PathPrefix), in.Marker, in.MaxItems, func(r *state.Role) string { return r.Name })
	if err != nil {
		return nil, err
	}
	out := &sdk.ListRolesOutput{IsTruncated: p.truncated, Marker: p.marker, Roles: []types.Role{}}
	for _, role := range p.items {
		out.Roles = append(out.Roles, roleAnswer(role))
	}
	return out, nil
}

// UpdateRole changes description and session duration. A description that is
// not sent is kept; AWS's model has no way to remove it but the empty string.
func (s *Service) UpdateRole(ctx context.Context, in *sdk.UpdateRoleInput, _ ...func(*sdk.Options)) (*sdk.UpdateRoleOutput, error) {
	_, err := updateRole(ctx, s, value(in.RoleName), func(r *state.Role) error {
		if in.Description != nil {
			r.Description = in.Description
		}
		if in.MaxSessionDuration != nil {
			r.MaxSessionSeconds = *in.MaxSessionDuration
		}
		return nil
	})
	return &sdk.UpdateRoleOutput{}, err
}

// UpdateRoleDescription changes the description.
func (s *Service) UpdateRoleDescription(ctx context.Context, in *sdk.UpdateRoleDescriptionInput, _ ...func(*sdk.Options)) (*sdk.UpdateRoleDescriptionOutput, error) {
	role, err := updateRole(ctx, s, value(in.RoleName), func(r *state.Role) error {
		r.Description = in.Description
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &sdk.UpdateRoleDescriptionOutput{Role: ptr(roleAnswer(role))}, nil
}

// UpdateAssumeRolePolicy replaces the trust policy.
func (s *Service) UpdateAssumeRolePolicy(ctx context.Context, in *sdk.UpdateAssumeRolePolicyInput, _ ...func(*sdk.Options)) (*sdk.UpdateAssumeRolePolicyOutput, error) {
	if _, err := get(ctx, s, roles(), value(in.RoleName)); err != nil {
		return nil, err
	}
	if err := s.checkTrustPolicy(ctx, value(in.PolicyDocument)); err != nil {
		return nil, err
	}
	_, err := updateRole(ctx, s, value(in.RoleName), func(r *state.Role) error {
		r.AssumeRolePolicyDocument = value(in.PolicyDocument)
		return nil
	})
	return &sdk.UpdateAssumeRolePolicyOutput{}, err
}

// updateRole is update for roles that users may change.
func updateRole(ctx context.Context, s *Service, name string, change func(*state.Role) error) (*state.Role, error) {
	return update(ctx, s, roles(), name, func(r *state.Role) error {
		if err := protected(r); err != nil {
			return err
		}
		return change(r)
	})
}

// protected refuses changes to service-linked roles.
func protected(r *state.Role) error {
	if r.Service == "" {
		return nil
	}
	return unmodifiable(strings.Replace(protectedRoleReason, "%", r.Name, 1))
}

// DeleteRole deletes a role from which everything was detached.
func (s *Service) DeleteRole(ctx context.Context, in *sdk.DeleteRoleInput, _ ...func(*sdk.Options)) (*sdk.DeleteRoleOutput, error) {
	name := value(in.RoleName)
	role, err := get(ctx, s, roles(), name)
	if err != nil {
		return nil, err
	}
	if err := protected(role); err != nil {
		return nil, err
	}
	if len(s.profilesOf(ctx, role.Name)) > 0 {
		return nil, deleteConflict("Cannot delete entity, must remove roles from instance profile first.")
	}
	if err := deletable(&role.Identity); err != nil {
		return nil, err
	}
	err = store.Delete(ctx, s.store, roles().keyOf(ctx, name))
	return &sdk.DeleteRoleOutput{}, absent(err, roles().missing(name))
}

// deletable refuses to delete an entity that still has policies (recording
// test_attach_detach_role_policy for the code).
func deletable(i *state.Identity) error {
	switch {
	case len(i.AttachedPolicies) > 0:
		return deleteConflict("Cannot delete entity, must detach all policies first.")
	case len(i.InlinePolicies) > 0:
		return deleteConflict("Cannot delete entity, must delete policies first.")
	}
	return nil
}

// boundaryAnswer shows a permissions boundary; "Policy" is what AWS answers
// for the type (test_create_user_with_permission_boundary), not the documented
// "PermissionsBoundaryPolicy".
func boundaryAnswer(policyARN string) *types.AttachedPermissionsBoundary {
	if policyARN == "" {
		return nil
	}
	return &types.AttachedPermissionsBoundary{PermissionsBoundaryArn: &policyARN, PermissionsBoundaryType: "Policy"}
}

func (s *Service) checkBoundary(ctx context.Context, policyARN *string) error {
	if policyARN == nil {
		return nil
	}
	return s.attachable(ctx, *policyARN)
}

// PutRolePermissionsBoundary sets the boundary of a role.
func (s *Service) PutRolePermissionsBoundary(ctx context.Context, in *sdk.PutRolePermissionsBoundaryInput, _ ...func(*sdk.Options)) (*sdk.PutRolePermissionsBoundaryOutput, error) {
	if err := s.checkBoundary(ctx, in.PermissionsBoundary); err != nil {
		return nil, err
	}
	_, err := updateRole(ctx, s, value(in.RoleName), func(r *state.Role) error {
		r.PermissionsBoundary = value(in.PermissionsBoundary)
		return nil
	})
	return &sdk.PutRolePermissionsBoundaryOutput{}, err
}

// DeleteRolePermissionsBoundary removes the boundary of a role.
func (s *Service) DeleteRolePermissionsBoundary(ctx context.Context, in *sdk.DeleteRolePermissionsBoundaryInput, _ ...func(*sdk.Options)) (*sdk.DeleteRolePermissionsBoundaryOutput, error) {
	_, err := updateRole(ctx, s, value(in.RoleName), func(r *state.Role) error {
		r.PermissionsBoundary = ""
		return nil
	})
	return &sdk.DeleteRolePermissionsBoundaryOutput{}, err
}

// profilesOf lists the instance profiles that hold a role.
func (s *Service) profilesOf(ctx context.Context, roleName string) []*state.InstanceProfile {
	return slices.DeleteFunc(s.profiles(ctx, nil), func(p *state.InstanceProfile) bool { return p.Role != roleName })
}
