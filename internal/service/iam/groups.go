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

// maxGroupsPerUser is a quota of the IAM User Guide, "IAM and STS quotas".
const maxGroupsPerUser = 10

func groupAnswer(g *state.Group) types.Group {
	return types.Group{Arn: ptr(g.ARN), CreateDate: ptr(g.CreateDate), GroupId: ptr(g.ID), GroupName: ptr(g.Name), Path: ptr(g.Path)}
}

// CreateGroup makes a group.
func (s *Service) CreateGroup(ctx context.Context, in *sdk.CreateGroupInput, _ ...func(*sdk.Options)) (*sdk.CreateGroupOutput, error) {
	identity, err := s.newIdentity(ctx, "group", "AGPA", value(in.GroupName), in.Path)
	if err != nil {
		return nil, err
	}
	group := &state.Group{Identity: identity}
	if err := create(ctx, s, groups(), group); err != nil {
		return nil, err
	}
	return &sdk.CreateGroupOutput{Group: ptr(groupAnswer(group))}, nil
}

// members lists the users in a group, by name.
func (s *Service) members(ctx context.Context, group *state.Group) []*state.User {
	return slices.DeleteFunc(list(ctx, s, users(), nil), func(u *state.User) bool { return !slices.Contains(u.Groups, group.Name) })
}

// GetGroup describes a group and lists its users.
func (s *Service) GetGroup(ctx context.Context, in *sdk.GetGroupInput, _ ...func(*sdk.Options)) (*sdk.GetGroupOutput, error) {
	group, err := get(ctx, s, groups(), value(in.GroupName))
	if err != nil {
		return nil, err
	}
	p, err := paginate(s.members(ctx, group), in.Marker, in.MaxItems, func(u *state.User) string { return u.Name })
	if err != nil {
		return nil, err
	}
	out := &sdk.GetGroupOutput{Group: ptr(groupAnswer(group)), IsTruncated: p.truncated, Marker: p.marker, Users: []types.User{}}
	for _, user := range p.items {
		out.Users = append(out.Users, userAnswer(user))
	}
	return out, nil
}

// ListGroups lists the groups under a path.
func (s *Service) ListGroups(ctx context.Context, in *sdk.ListGroupsInput, _ ...func(*sdk.Options)) (*sdk.ListGroupsOutput, error) {
	p, err := paginate(list(ctx, s, groups(), in.PathPrefix), in.Marker, in.MaxItems, func(g *state.Group) string { return g.Name })
	if err != nil {
		return nil, err
	}
	out := &sdk.ListGroupsOutput{IsTruncated: p.truncated, Marker: p.marker, Groups: []types.Group{}}
	for _, group := range p.items {
		out.Groups = append(out.Groups, groupAnswer(group))
	}
	return out, nil
}

// UpdateGroup changes name and path of a group. Its members follow it.
func (s *Service) UpdateGroup(ctx context.Context, in *sdk.UpdateGroupInput, _ ...func(*sdk.Options)) (*sdk.UpdateGroupOutput, error) {
	before, err := get(ctx, s, groups(), value(in.GroupName))
	if err != nil {
		return nil, err
	}
	members := s.members(ctx, before)
	after, err := rename(ctx, s, groups(), before, in.NewGroupName, in.NewPath)
	if err != nil || after.Name == before.Name {
		return &sdk.UpdateGroupOutput{}, err
	}
	for _, user := range members {
		_, err := update(ctx, s, users(), user.Name, func(u *state.User) error {
			for i, name := range u.Groups {
				if name == before.Name {
					u.Groups[i] = after.Name
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return &sdk.UpdateGroupOutput{}, nil
}

// DeleteGroup deletes a group without members and policies.
func (s *Service) DeleteGroup(ctx context.Context, in *sdk.DeleteGroupInput, _ ...func(*sdk.Options)) (*sdk.DeleteGroupOutput, error) {
	name := value(in.GroupName)
	group, err := get(ctx, s, groups(), name)
	if err != nil {
		return nil, err
	}
	if len(s.members(ctx, group)) > 0 {
		return nil, deleteConflict("Cannot delete entity, must remove users from group first.")
	}
	if err := deletable(&group.Identity); err != nil {
		return nil, err
	}
	err = store.Delete(ctx, s.store, groups().keyOf(ctx, name))
	return &sdk.DeleteGroupOutput{}, absent(err, groups().missing(name))
}

// AddUserToGroup makes a user a member of a group; twice is as good as once.
func (s *Service) AddUserToGroup(ctx context.Context, in *sdk.AddUserToGroupInput, _ ...func(*sdk.Options)) (*sdk.AddUserToGroupOutput, error) {
	group, err := get(ctx, s, groups(), value(in.GroupName))
	if err != nil {
		return nil, err
	}
	_, err = update(ctx, s, users(), value(in.UserName), func(u *state.User) error {
		if slices.Contains(u.Groups, group.Name) {
			return nil
		}
		if len(u.Groups) >= maxGroupsPerUser {
			return limitExceeded("Cannot exceed quota for GroupsPerUser: 10")
		}
		u.Groups = append(u.Groups, group.Name)
		return nil
	})
	return &sdk.AddUserToGroupOutput{}, err
}

// RemoveUserFromGroup ends a membership. AWS does not mind if there was none.
func (s *Service) RemoveUserFromGroup(ctx context.Context, in *sdk.RemoveUserFromGroupInput, _ ...func(*sdk.Options)) (*sdk.RemoveUserFromGroupOutput, error) {
	if _, err := get(ctx, s, groups(), value(in.GroupName)); err != nil {
		return nil, err
	}
	_, err := update(ctx, s, users(), value(in.UserName), func(u *state.User) error {
		u.Groups = slices.DeleteFunc(u.Groups, func(name string) bool { return strings.EqualFold(name, value(in.GroupName)) })
		return nil
	})
	return &sdk.RemoveUserFromGroupOutput{}, err
}
