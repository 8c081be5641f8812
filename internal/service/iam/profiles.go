package iam

import (
	"context"
	"errors"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

func profileKey(ctx context.Context, name string) state.Key {
	return state.InstanceProfileKey(account(ctx), strings.ToLower(name))
}

func missingProfile(name string) string {
	return "Instance Profile " + name + " cannot be found."
}

func (s *Service) updateProfile(ctx context.Context, name string, change func(*state.InstanceProfile) error) error {
	_, err := store.Update(ctx, s.store, profileKey(ctx, name), change)
	return absent(err, missingProfile(name))
}

// profiles lists the instance profiles under a path, by name.
func (s *Service) profiles(ctx context.Context, pathPrefix *string) []*state.InstanceProfile {
	var result []*state.InstanceProfile
	for _, item := range store.List[state.InstanceProfile](s.store, state.InstanceProfiles.Child(account(ctx))) {
		if strings.HasPrefix(item.Record.Path, value(pathPrefix)) {
			result = append(result, item.Record)
		}
	}
	sortByName(result, profileName)
	return result
}

func profileName(p *state.InstanceProfile) string { return p.Name }

func (s *Service) profileAnswer(ctx context.Context, p *state.InstanceProfile) types.InstanceProfile {
	answer := types.InstanceProfile{
		Arn: ptr(p.ARN), CreateDate: ptr(p.CreateDate), InstanceProfileId: ptr(p.ID),
		InstanceProfileName: ptr(p.Name), Path: ptr(p.Path), Roles: []types.Role{},
	}
	if p.Role != "" {
		if role, err := get(ctx, s, roles(), p.Role); err == nil {
			r := roleAnswer(role)
			r.MaxSessionDuration = nil // IAM API Reference, GetInstanceProfile: the example has none
			answer.Roles = append(answer.Roles, r)
		}
	}
	return answer
}

// CreateInstanceProfile makes an instance profile without a role.
func (s *Service) CreateInstanceProfile(ctx context.Context, in *sdk.CreateInstanceProfileInput, _ ...func(*sdk.Options)) (*sdk.CreateInstanceProfileOutput, error) {
	name := value(in.InstanceProfileName)
	i, err := s.newIdentity(ctx, "instance-profile", "AIPA", name, in.Path)
	if err != nil {
		return nil, err
	}
	profile := &state.InstanceProfile{Account: i.Account, Path: i.Path, Name: name, ID: i.ID, ARN: i.ARN, CreateDate: i.CreateDate}
	if err := setTags(&profile.Tags, &profile.TagOrder, in.Tags, "TagsPerInstanceProfile"); err != nil {
		return nil, err
	}
	if _, err := store.Create(ctx, s.store, profileKey(ctx, name), profile); err != nil {
		if errors.Is(err, store.ErrExists) {
			err = alreadyExists("Instance Profile " + name + " already exists.")
		}
		return nil, err
	}
	answer := s.profileAnswer(ctx, profile)
	answer.Tags = tagList(profile.Tags, profile.TagOrder)
	return &sdk.CreateInstanceProfileOutput{InstanceProfile: &answer}, nil
}

// GetInstanceProfile describes an instance profile.
func (s *Service) GetInstanceProfile(ctx context.Context, in *sdk.GetInstanceProfileInput, _ ...func(*sdk.Options)) (*sdk.GetInstanceProfileOutput, error) {
	profile, _, err := store.Get[state.InstanceProfile](s.store, profileKey(ctx, value(in.InstanceProfileName)))
	if err != nil {
		return nil, absent(err, missingProfile(value(in.InstanceProfileName)))
	}
	answer := s.profileAnswer(ctx, profile)
	answer.Tags = tagList(profile.Tags, profile.TagOrder)
	return &sdk.GetInstanceProfileOutput{InstanceProfile: &answer}, nil
}

// ListInstanceProfiles lists the instance profiles under a path.
func (s *Service) ListInstanceProfiles(ctx context.Context, in *sdk.ListInstanceProfilesInput, _ ...func(*sdk.Options)) (*sdk.ListInstanceProfilesOutput, error) {
	p, err := paginate(s.profiles(ctx, in.PathPrefix), in.Marker, in.MaxItems, profileName)
	if err != nil {
		return nil, err
	}
	return &sdk.ListInstanceProfilesOutput{IsTruncated: p.truncated, Marker: p.marker, InstanceProfiles: s.profileAnswers(ctx, p.items)}, nil
}

func (s *Service) profileAnswers(ctx context.Context, profiles []*state.InstanceProfile) []types.InstanceProfile {
	answers := []types.InstanceProfile{}
	for _, profile := range profiles {
		answers = append(answers, s.profileAnswer(ctx, profile))
	}
	return answers
}

// ListInstanceProfilesForRole lists the instance profiles that hold a role.
func (s *Service) ListInstanceProfilesForRole(ctx context.Context, in *sdk.ListInstanceProfilesForRoleInput, _ ...func(*sdk.Options)) (*sdk.ListInstanceProfilesForRoleOutput, error) {
	role, err := get(ctx, s, roles(), value(in.RoleName))
	if err != nil {
		return nil, err
	}
	p, err := paginate(s.profilesOf(ctx, role.Name), in.Marker, in.MaxItems, profileName)
	if err != nil {
		return nil, err
	}
	return &sdk.ListInstanceProfilesForRoleOutput{IsTruncated: p.truncated, Marker: p.marker, InstanceProfiles: s.profileAnswers(ctx, p.items)}, nil
}

// AddRoleToInstanceProfile puts the one role into a profile.
func (s *Service) AddRoleToInstanceProfile(ctx context.Context, in *sdk.AddRoleToInstanceProfileInput, _ ...func(*sdk.Options)) (*sdk.AddRoleToInstanceProfileOutput, error) {
	role, err := get(ctx, s, roles(), value(in.RoleName))
	if err != nil {
		return nil, err
	}
	if err := protected(role); err != nil {
		return nil, err
	}
	return &sdk.AddRoleToInstanceProfileOutput{}, s.updateProfile(ctx, value(in.InstanceProfileName), func(p *state.InstanceProfile) error {
		if p.Role != "" {
			return limitExceeded("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
		}
		p.Role = role.Name
		return nil
	})
}

// RemoveRoleFromInstanceProfile takes the role out of a profile.
func (s *Service) RemoveRoleFromInstanceProfile(ctx context.Context, in *sdk.RemoveRoleFromInstanceProfileInput, _ ...func(*sdk.Options)) (*sdk.RemoveRoleFromInstanceProfileOutput, error) {
	return &sdk.RemoveRoleFromInstanceProfileOutput{}, s.updateProfile(ctx, value(in.InstanceProfileName), func(p *state.InstanceProfile) error {
		if !strings.EqualFold(p.Role, value(in.RoleName)) {
			return noSuchEntity(roles().missing(value(in.RoleName)))
		}
		p.Role = ""
		return nil
	})
}

// DeleteInstanceProfile deletes a profile without a role.
func (s *Service) DeleteInstanceProfile(ctx context.Context, in *sdk.DeleteInstanceProfileInput, _ ...func(*sdk.Options)) (*sdk.DeleteInstanceProfileOutput, error) {
	name := value(in.InstanceProfileName)
	profile, _, err := store.Get[state.InstanceProfile](s.store, profileKey(ctx, name))
	if err != nil {
		return nil, absent(err, missingProfile(name))
	}
	if profile.Role != "" {
		return nil, deleteConflict("Cannot delete entity, must remove roles from instance profile first.")
	}
	return &sdk.DeleteInstanceProfileOutput{}, absent(store.Delete(ctx, s.store, profileKey(ctx, name)), missingProfile(name))
}
