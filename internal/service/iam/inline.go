package iam

import (
	"context"
	"fmt"
	"maps"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/stagedoor/stagedoor/internal/state"
)

// inlineQuota is the sum of all inline policies of an entity in characters
// without white space (IAM User Guide, "IAM and STS quotas").
func inlineQuota(kindName string) int {
	switch kindName {
	case "user":
		return 2048
	case "group":
		return 5120
	default:
		return 10240
	}
}

func putInline[T any](ctx context.Context, s *Service, k kind[T], entity, name, document *string) error {
	if _, err := get(ctx, s, k, value(entity)); err != nil {
		return err
	}
	if err := checkIdentityPolicy(value(document)); err != nil {
		return err
	}
	return updateIdentity(ctx, s, k, value(entity), func(i *state.Identity) error {
		if i.InlinePolicies == nil {
			i.InlinePolicies = map[string]string{}
		}
		i.InlinePolicies[value(name)] = value(document)
		size := 0
		for _, text := range i.InlinePolicies {
			size += policySize(text)
		}
		if quota := inlineQuota(k.name); size > quota {
			return limitExceeded(fmt.Sprintf("Maximum policy size of %d bytes exceeded for %s %s", quota, k.name, i.Name))
		}
		return nil
	})
}

func missingInline(kindName, name string) string {
	return "The " + kindName + " policy with name " + name + " cannot be found."
}

func getInline[T any](ctx context.Context, s *Service, k kind[T], entity, name *string) (document, entityName string, err error) {
	record, err := get(ctx, s, k, value(entity))
	if err != nil {
		return "", "", err
	}
	identity := k.identity(record)
	document, ok := identity.InlinePolicies[value(name)]
	if !ok {
		return "", "", noSuchEntity(missingInline(k.name, value(name)))
	}
	return encodeDocument(document), identity.Name, nil
}

func deleteInline[T any](ctx context.Context, s *Service, k kind[T], entity, name *string) error {
	return updateIdentity(ctx, s, k, value(entity), func(i *state.Identity) error {
		if _, ok := i.InlinePolicies[value(name)]; !ok {
			return noSuchEntity(missingInline(k.name, value(name)))
		}
		delete(i.InlinePolicies, value(name))
		return nil
	})
}

func listInline[T any](ctx context.Context, s *Service, k kind[T], entity, marker *string, maxItems *int32) (page[string], error) {
	record, err := get(ctx, s, k, value(entity))
	if err != nil {
		return page[string]{}, err
	}
	names := slices.Collect(maps.Keys(k.identity(record).InlinePolicies))
	sortByName(names, func(name string) string { return name })
	p, err := paginateUnsorted(names, marker, maxItems)
	if p.items == nil {
		p.items = []string{}
	}
	return p, err
}

// PutRolePolicy adds an inline policy to a role, or replaces it.
func (s *Service) PutRolePolicy(ctx context.Context, in *sdk.PutRolePolicyInput, _ ...func(*sdk.Options)) (*sdk.PutRolePolicyOutput, error) {
	if role, err := get(ctx, s, roles(), value(in.RoleName)); err == nil {
		if err := protected(role); err != nil {
			return nil, err
		}
	}
	return &sdk.PutRolePolicyOutput{}, putInline(ctx, s, roles(), in.RoleName, in.PolicyName, in.PolicyDocument)
}

// GetRolePolicy returns an inline policy of a role, URL-encoded.
func (s *Service) GetRolePolicy(ctx context.Context, in *sdk.GetRolePolicyInput, _ ...func(*sdk.Options)) (*sdk.GetRolePolicyOutput, error) {
	document, name, err := getInline(ctx, s, roles(), in.RoleName, in.PolicyName)
	return &sdk.GetRolePolicyOutput{PolicyDocument: &document, PolicyName: in.PolicyName, RoleName: &name}, err
}

// DeleteRolePolicy removes an inline policy from a role.
func (s *Service) DeleteRolePolicy(ctx context.Context, in *sdk.DeleteRolePolicyInput, _ ...func(*sdk.Options)) (*sdk.DeleteRolePolicyOutput, error) {
	return &sdk.DeleteRolePolicyOutput{}, deleteInline(ctx, s, roles(), in.RoleName, in.PolicyName)
}

// ListRolePolicies lists the names of a role's inline policies.
func (s *Service) ListRolePolicies(ctx context.Context, in *sdk.ListRolePoliciesInput, _ ...func(*sdk.Options)) (*sdk.ListRolePoliciesOutput, error) {
	p, err := listInline(ctx, s, roles(), in.RoleName, in.Marker, in.MaxItems)
	return &sdk.ListRolePoliciesOutput{PolicyNames: p.items, IsTruncated: p.truncated, Marker: p.marker}, err
}

// PutUserPolicy adds an inline policy to a user, or replaces it.
func (s *Service) PutUserPolicy(ctx context.Context, in *sdk.PutUserPolicyInput, _ ...func(*sdk.Options)) (*sdk.PutUserPolicyOutput, error) {
	return &sdk.PutUserPolicyOutput{}, putInline(ctx, s, users(), in.UserName, in.PolicyName, in.PolicyDocument)
}

// GetUserPolicy returns an inline policy of a user, URL-encoded.
func (s *Service) GetUserPolicy(ctx context.Context, in *sdk.GetUserPolicyInput, _ ...func(*sdk.Options)) (*sdk.GetUserPolicyOutput, error) {
	document, name, err := getInline(ctx, s, users(), in.UserName, in.PolicyName)
	return &sdk.GetUserPolicyOutput{PolicyDocument: &document, PolicyName: in.PolicyName, UserName: &name}, err
}

// DeleteUserPolicy removes an inline policy from a user.
func (s *Service) DeleteUserPolicy(ctx context.Context, in *sdk.DeleteUserPolicyInput, _ ...func(*sdk.Options)) (*sdk.DeleteUserPolicyOutput, error) {
	return &sdk.DeleteUserPolicyOutput{}, deleteInline(ctx, s, users(), in.UserName, in.PolicyName)
}

// ListUserPolicies lists the names of a user's inline policies.
func (s *Service) ListUserPolicies(ctx context.Context, in *sdk.ListUserPoliciesInput, _ ...func(*sdk.Options)) (*sdk.ListUserPoliciesOutput, error) {
	p, err := listInline(ctx, s, users(), in.UserName, in.Marker, in.MaxItems)
	return &sdk.ListUserPoliciesOutput{PolicyNames: p.items, IsTruncated: p.truncated, Marker: p.marker}, err
}

// PutGroupPolicy adds an inline policy to a group, or replaces it.
func (s *Service) PutGroupPolicy(ctx context.Context, in *sdk.PutGroupPolicyInput, _ ...func(*sdk.Options)) (*sdk.PutGroupPolicyOutput, error) {
	return &sdk.PutGroupPolicyOutput{}, putInline(ctx, s, groups(), in.GroupName, in.PolicyName, in.PolicyDocument)
}

// GetGroupPolicy returns an inline policy of a group, URL-encoded.
func (s *Service) GetGroupPolicy(ctx context.Context, in *sdk.GetGroupPolicyInput, _ ...func(*sdk.Options)) (*sdk.GetGroupPolicyOutput, error) {
	document, name, err := getInline(ctx, s, groups(), in.GroupName, in.PolicyName)
	return &sdk.GetGroupPolicyOutput{PolicyDocument: &document, PolicyName: in.PolicyName, GroupName: &name}, err
}

// DeleteGroupPolicy removes an inline policy from a group.
func (s *Service) DeleteGroupPolicy(ctx context.Context, in *sdk.DeleteGroupPolicyInput, _ ...func(*sdk.Options)) (*sdk.DeleteGroupPolicyOutput, error) {
	return &sdk.DeleteGroupPolicyOutput{}, deleteInline(ctx, s, groups(), in.GroupName, in.PolicyName)
}

// ListGroupPolicies lists the names of a group's inline policies.
func (s *Service) ListGroupPolicies(ctx context.Context, in *sdk.ListGroupPoliciesInput, _ ...func(*sdk.Options)) (*sdk.ListGroupPoliciesOutput, error) {
	p, err := listInline(ctx, s, groups(), in.GroupName, in.Marker, in.MaxItems)
	return &sdk.ListGroupPoliciesOutput{PolicyNames: p.items, IsTruncated: p.truncated, Marker: p.marker}, err
}
