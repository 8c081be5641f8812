package iam

import (
	"context"
	"fmt"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/stagedoor/stagedoor/internal/state"
)

// maxAttached is the default quota of managed policies attached to one entity
// (IAM User Guide, "IAM and STS quotas").
const maxAttached = 10

func attach[T any](ctx context.Context, s *Service, k kind[T], entity, policyARN *string) error {
	if err := s.attachable(ctx, value(policyARN)); err != nil {
		return err
	}
	return updateIdentity(ctx, s, k, value(entity), func(i *state.Identity) error {
		if slices.Contains(i.AttachedPolicies, value(policyARN)) {
			return nil
		}
		if len(i.AttachedPolicies) >= maxAttached {
			return limitExceeded(fmt.Sprintf("Cannot exceed quota for PoliciesPer%s%s: %d", strings.ToUpper(k.name[:1]), k.name[1:], maxAttached))
		}
		i.AttachedPolicies = append(i.AttachedPolicies, value(policyARN))
		return nil
	})
}

func detach[T any](ctx context.Context, s *Service, k kind[T], entity, policyARN *string) error {
	if err := checkARN(value(policyARN)); err != nil {
		return err
	}
	return updateIdentity(ctx, s, k, value(entity), func(i *state.Identity) error {
		at := slices.Index(i.AttachedPolicies, value(policyARN))
		if at < 0 {
			return noSuchEntity("Policy " + value(policyARN) + " was not found.")
		}
		i.AttachedPolicies = slices.Delete(i.AttachedPolicies, at, at+1)
		return nil
	})
}

func listAttached[T any](ctx context.Context, s *Service, k kind[T], entity, pathPrefix, marker *string, maxItems *int32) (page[types.AttachedPolicy], error) {
	record, err := get(ctx, s, k, value(entity))
	if err != nil {
		return page[types.AttachedPolicy]{}, err
	}
	attached := attachedPolicies(k.identity(record), value(pathPrefix))
	p, err := paginateUnsorted(attached, marker, maxItems)
	if p.items == nil {
		p.items = []types.AttachedPolicy{}
	}
	return p, err
}

// attachedPolicies lists the policies attached to an entity, under a path.
func attachedPolicies(i *state.Identity, pathPrefix string) []types.AttachedPolicy {
	var result []types.AttachedPolicy
	for _, policyARN := range i.AttachedPolicies {
		path, name := splitPolicyARN(policyARN)
		if strings.HasPrefix(path, pathPrefix) {
			result = append(result, types.AttachedPolicy{PolicyArn: ptr(policyARN), PolicyName: ptr(name)})
		}
	}
	return result
}

// splitPolicyARN takes path and name out of arn:aws:iam::A:policy/path/name.
func splitPolicyARN(policyARN string) (path, name string) {
	_, rest, _ := strings.Cut(policyARN, ":policy")
	cut := strings.LastIndexByte(rest, '/') + 1
	return rest[:cut], rest[cut:]
}

// AttachRolePolicy attaches a managed policy to a role; twice is as good as
// once.
func (s *Service) AttachRolePolicy(ctx context.Context, in *sdk.AttachRolePolicyInput, _ ...func(*sdk.Options)) (*sdk.AttachRolePolicyOutput, error) {
	if role, err := get(ctx, s, roles(), value(in.RoleName)); err == nil {
		if err := protected(role); err != nil {
			return nil, err
		}
	}
	return &sdk.AttachRolePolicyOutput{}, attach(ctx, s, roles(), in.RoleName, in.PolicyArn)
}

// DetachRolePolicy detaches a managed policy from a role.
func (s *Service) DetachRolePolicy(ctx context.Context, in *sdk.DetachRolePolicyInput, _ ...func(*sdk.Options)) (*sdk.DetachRolePolicyOutput, error) {
	if role, err := get(ctx, s, roles(), value(in.RoleName)); err == nil {
		if err := protected(role); err != nil {
			return nil, err
		}
	}
	return &sdk.DetachRolePolicyOutput{}, detach(ctx, s, roles(), in.RoleName, in.PolicyArn)
}

// ListAttachedRolePolicies lists the managed policies of a role.
func (s *Service) ListAttachedRolePolicies(ctx context.Context, in *sdk.ListAttachedRolePoliciesInput, _ ...func(*sdk.Options)) (*sdk.ListAttachedRolePoliciesOutput, error) {
	p, err := listAttached(ctx, s, roles(), in.RoleName, in.PathPrefix, in.Marker, in.MaxItems)
	return &sdk.ListAttachedRolePoliciesOutput{AttachedPolicies: p.items, IsTruncated: p.truncated, Marker: p.marker}, err
}

// AttachUserPolicy attaches a managed policy to a user.
func (s *Service) AttachUserPolicy(ctx context.Context, in *sdk.AttachUserPolicyInput, _ ...func(*sdk.Options)) (*sdk.AttachUserPolicyOutput, error) {
	return &sdk.AttachUserPolicyOutput{}, attach(ctx, s, users(), in.UserName, in.PolicyArn)
}

// DetachUserPolicy detaches a managed policy from a user.
func (s *Service) DetachUserPolicy(ctx context.Context, in *sdk.DetachUserPolicyInput, _ ...func(*sdk.Options)) (*sdk.DetachUserPolicyOutput, error) {
	return &sdk.DetachUserPolicyOutput{}, detach(ctx, s, users(), in.UserName, in.PolicyArn)
}

// ListAttachedUserPolicies lists the managed policies of a user.
func (s *Service) ListAttachedUserPolicies(ctx context.Context, in *sdk.ListAttachedUserPoliciesInput, _ ...func(*sdk.Options)) (*sdk.ListAttachedUserPoliciesOutput, error) {
	p, err := listAttached(ctx, s, users(), in.UserName, in.PathPrefix, in.Marker, in.MaxItems)
	return &sdk.ListAttachedUserPoliciesOutput{AttachedPolicies: p.items, IsTruncated: p.truncated, Marker: p.marker}, err
}

// AttachGroupPolicy attaches a managed policy to a group.
func (s *Service) AttachGroupPolicy(ctx context.Context, in *sdk.AttachGroupPolicyInput, _ ...func(*sdk.Options)) (*sdk.AttachGroupPolicyOutput, error) {
	return &sdk.AttachGroupPolicyOutput{}, attach(ctx, s, groups(), in.GroupName, in.PolicyArn)
}

// DetachGroupPolicy detaches a managed policy from a group.
func (s *Service) DetachGroupPolicy(ctx context.Context, in *sdk.DetachGroupPolicyInput, _ ...func(*sdk.Options)) (*sdk.DetachGroupPolicyOutput, error) {
	return &sdk.DetachGroupPolicyOutput{}, detach(ctx, s, groups(), in.GroupName, in.PolicyArn)
}

// ListAttachedGroupPolicies lists the managed policies of a group.
func (s *Service) ListAttachedGroupPolicies(ctx context.Context, in *sdk.ListAttachedGroupPoliciesInput, _ ...func(*sdk.Options)) (*sdk.ListAttachedGroupPoliciesOutput, error) {
	p, err := listAttached(ctx, s, groups(), in.GroupName, in.PathPrefix, in.Marker, in.MaxItems)
	return &sdk.ListAttachedGroupPoliciesOutput{AttachedPolicies: p.items, IsTruncated: p.truncated, Marker: p.marker}, err
}
