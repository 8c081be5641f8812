package iam

import (
	"context"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// maxTags is the quota of tags on one entity (IAM User Guide, "IAM and STS
// quotas").
const maxTags = 50

// setTags adds tags to a tagged record. Keys are compared without regard to
// case and keep the case they were first given (IAM User Guide, "Rules for
// tagging in IAM").
func setTags(tags *map[string]string, order *[]string, more []types.Tag, quota string) error {
	seen := map[string]bool{}
	for _, tag := range more {
		key := value(tag.Key)
		lower := strings.ToLower(key)
		if seen[lower] {
			return invalidInput("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		seen[lower] = true
		if strings.HasPrefix(lower, "aws:") {
			return invalidInput("Tag keys cannot start with aws: prefix.") // unverified: AWS's text
		}
		at := slices.IndexFunc(*order, func(k string) bool { return strings.EqualFold(k, key) })
		if at >= 0 {
			key = (*order)[at]
		} else {
			*order = append(*order, key)
		}
		if *tags == nil {
			*tags = map[string]string{}
		}
		(*tags)[key] = value(tag.Value)
	}
	if len(*order) > maxTags {
		return limitExceeded("Cannot exceed quota for " + quota + ": 50")
	}
	return nil
}

func removeTags(tags map[string]string, order *[]string, keys []string) {
	for _, key := range keys {
		*order = slices.DeleteFunc(*order, func(k string) bool {
			if !strings.EqualFold(k, key) {
				return false
			}
			delete(tags, k)
			return true
		})
	}
}

// tagList prints tags in the order in which they were set; nil if there are
// none, which leaves the member out of the answer.
func tagList(tags map[string]string, order []string) []types.Tag {
	var result []types.Tag
	for _, key := range order {
		result = append(result, types.Tag{Key: ptr(key), Value: ptr(tags[key])})
	}
	return result
}

func pageTags(tags map[string]string, order []string, marker *string, maxItems *int32) (page[types.Tag], error) {
	p, err := paginateUnsorted(tagList(tags, order), marker, maxItems)
	if p.items == nil {
		p.items = []types.Tag{}
	}
	return p, err
}

func tagEntity[T any](ctx context.Context, s *Service, k kind[T], name *string, tags []types.Tag, quota string) error {
	return updateIdentity(ctx, s, k, value(name), func(i *state.Identity) error {
		return setTags(&i.Tags, &i.TagOrder, tags, quota)
	})
}

func untagEntity[T any](ctx context.Context, s *Service, k kind[T], name *string, keys []string) error {
	return updateIdentity(ctx, s, k, value(name), func(i *state.Identity) error {
		removeTags(i.Tags, &i.TagOrder, keys)
		return nil
	})
}

// TagRole adds tags to a role.
func (s *Service) TagRole(ctx context.Context, in *sdk.TagRoleInput, _ ...func(*sdk.Options)) (*sdk.TagRoleOutput, error) {
	return &sdk.TagRoleOutput{}, tagEntity(ctx, s, roles(), in.RoleName, in.Tags, "TagsPerRole")
}

// UntagRole removes tags from a role; keys that are not there are ignored.
func (s *Service) UntagRole(ctx context.Context, in *sdk.UntagRoleInput, _ ...func(*sdk.Options)) (*sdk.UntagRoleOutput, error) {
	return &sdk.UntagRoleOutput{}, untagEntity(ctx, s, roles(), in.RoleName, in.TagKeys)
}

// ListRoleTags lists the tags of a role.
func (s *Service) ListRoleTags(ctx context.Context, in *sdk.ListRoleTagsInput, _ ...func(*sdk.Options)) (*sdk.ListRoleTagsOutput, error) {
	role, err := get(ctx, s, roles(), value(in.RoleName))
	if err != nil {
		return nil, err
	}
	p, err := pageTags(role.Tags, role.TagOrder, in.Marker, in.MaxItems)
	return &sdk.ListRoleTagsOutput{Tags: p.items, IsTruncated: p.truncated, Marker: p.marker}, err
}

// TagUser adds tags to a user.
func (s *Service) TagUser(ctx context.Context, in *sdk.TagUserInput, _ ...func(*sdk.Options)) (*sdk.TagUserOutput, error) {
	return &sdk.TagUserOutput{}, tagEntity(ctx, s, users(), in.UserName, in.Tags, "TagsPerUser")
}

// UntagUser removes tags from a user.
func (s *Service) UntagUser(ctx context.Context, in *sdk.UntagUserInput, _ ...func(*sdk.Options)) (*sdk.UntagUserOutput, error) {
	return &sdk.UntagUserOutput{}, untagEntity(ctx, s, users(), in.UserName, in.TagKeys)
}

// ListUserTags lists the tags of a user.
func (s *Service) ListUserTags(ctx context.Context, in *sdk.ListUserTagsInput, _ ...func(*sdk.Options)) (*sdk.ListUserTagsOutput, error) {
	user, err := get(ctx, s, users(), value(in.UserName))
	if err != nil {
		return nil, err
	}
	p, err := pageTags(user.Tags, user.TagOrder, in.Marker, in.MaxItems)
	return &sdk.ListUserTagsOutput{Tags: p.items, IsTruncated: p.truncated, Marker: p.marker}, err
}

// TagPolicy adds tags to a customer-managed policy.
func (s *Service) TagPolicy(ctx context.Context, in *sdk.TagPolicyInput, _ ...func(*sdk.Options)) (*sdk.TagPolicyOutput, error) {
	_, err := s.updatePolicy(ctx, value(in.PolicyArn), func(p *state.ManagedPolicy) error {
		return setTags(&p.Tags, &p.TagOrder, in.Tags, "TagsPerPolicy")
	})
	return &sdk.TagPolicyOutput{}, err
}

// UntagPolicy removes tags from a customer-managed policy.
func (s *Service) UntagPolicy(ctx context.Context, in *sdk.UntagPolicyInput, _ ...func(*sdk.Options)) (*sdk.UntagPolicyOutput, error) {
	_, err := s.updatePolicy(ctx, value(in.PolicyArn), func(p *state.ManagedPolicy) error {
		removeTags(p.Tags, &p.TagOrder, in.TagKeys)
		return nil
	})
	return &sdk.UntagPolicyOutput{}, err
}

// ListPolicyTags lists the tags of a policy.
func (s *Service) ListPolicyTags(ctx context.Context, in *sdk.ListPolicyTagsInput, _ ...func(*sdk.Options)) (*sdk.ListPolicyTagsOutput, error) {
	policy, err := s.policy(ctx, value(in.PolicyArn))
	if err != nil {
		return nil, err
	}
	p, err := pageTags(policy.Tags, policy.TagOrder, in.Marker, in.MaxItems)
	return &sdk.ListPolicyTagsOutput{Tags: p.items, IsTruncated: p.truncated, Marker: p.marker}, err
}

// TagInstanceProfile adds tags to an instance profile.
func (s *Service) TagInstanceProfile(ctx context.Context, in *sdk.TagInstanceProfileInput, _ ...func(*sdk.Options)) (*sdk.TagInstanceProfileOutput, error) {
	return &sdk.TagInstanceProfileOutput{}, s.updateProfile(ctx, value(in.InstanceProfileName), func(p *state.InstanceProfile) error {
		return setTags(&p.Tags, &p.TagOrder, in.Tags, "TagsPerInstanceProfile")
	})
}

// UntagInstanceProfile removes tags from an instance profile.
func (s *Service) UntagInstanceProfile(ctx context.Context, in *sdk.UntagInstanceProfileInput, _ ...func(*sdk.Options)) (*sdk.UntagInstanceProfileOutput, error) {
	return &sdk.UntagInstanceProfileOutput{}, s.updateProfile(ctx, value(in.InstanceProfileName), func(p *state.InstanceProfile) error {
		removeTags(p.Tags, &p.TagOrder, in.TagKeys)
		return nil
	})
}

// ListInstanceProfileTags lists the tags of an instance profile.
func (s *Service) ListInstanceProfileTags(ctx context.Context, in *sdk.ListInstanceProfileTagsInput, _ ...func(*sdk.Options)) (*sdk.ListInstanceProfileTagsOutput, error) {
	profile, _, err := store.Get[state.InstanceProfile](s.store, profileKey(ctx, value(in.InstanceProfileName)))
	if err != nil {
		return nil, absent(err, missingProfile(value(in.InstanceProfileName)))
	}
	p, err := pageTags(profile.Tags, profile.TagOrder, in.Marker, in.MaxItems)
	return &sdk.ListInstanceProfileTagsOutput{Tags: p.items, IsTruncated: p.truncated, Marker: p.marker}, err
}
