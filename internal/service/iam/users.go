package iam

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/stagedoor/stagedoor/awswire"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// CreateUser makes a user.
func (s *Service) CreateUser(ctx context.Context, in *sdk.CreateUserInput, _ ...func(*sdk.Options)) (*sdk.CreateUserOutput, error) {
	if err := s.checkBoundary(ctx, in.PermissionsBoundary); err != nil {
		return nil, err
	}
	identity, err := s.newIdentity(ctx, "user", "AIDA", value(in.UserName), in.Path)
	if err != nil {
		return nil, err
	}
	user := &state.User{Identity: identity}
	user.PermissionsBoundary = value(in.PermissionsBoundary)
	if err := setTags(&user.Tags, &user.TagOrder, in.Tags, "TagsPerUser"); err != nil {
		return nil, err
	}
	if err := create(ctx, s, users(), user); err != nil {
		return nil, err
	}
	return &sdk.CreateUserOutput{User: ptr(wholeUser(user))}, nil
}

// userAnswer is a user as lists show it: without tags and boundary (IAM API
// Reference, ListUsers).
func userAnswer(u *state.User) types.User {
	return types.User{Arn: ptr(u.ARN), CreateDate: ptr(u.CreateDate), Path: ptr(u.Path), UserId: ptr(u.ID), UserName: ptr(u.Name)}
}

func wholeUser(u *state.User) types.User {
	answer := userAnswer(u)
	answer.Tags = tagList(u.Tags, u.TagOrder)
	answer.PermissionsBoundary = boundaryAnswer(u.PermissionsBoundary)
	return answer
}

// GetUser describes a user: the caller, if no name is given. The root of an
// account is described too: Terraform reads its account id from the ARN.
func (s *Service) GetUser(ctx context.Context, in *sdk.GetUserInput, _ ...func(*sdk.Options)) (*sdk.GetUserOutput, error) {
	name := value(in.UserName)
	if name == "" {
		caller := awswire.CallerFrom(ctx)
		if caller.Root {
			rootCreated := time.Unix(0, 0).UTC() // unverified: when a local account began
			return &sdk.GetUserOutput{User: &types.User{
				Arn: ptr(caller.ARN), UserId: ptr(caller.UserID), CreateDate: ptr(rootCreated),
			}}, nil
		}
		var ok bool
		if name, ok = callerName(caller); !ok {
			return nil, validation("Must specify userName when calling with non-User credentials") // recording test_get_user_without_username_as_role
		}
	}
	user, err := get(ctx, s, users(), name)
	if err != nil {
		return nil, err
	}
	return &sdk.GetUserOutput{User: ptr(wholeUser(user))}, nil
}

// callerName is the name of the user that calls.
func callerName(c awswire.Caller) (name string, ok bool) {
	_, rest, ok := strings.Cut(c.ARN, ":user/")
	return rest[strings.LastIndexByte(rest, '/')+1:], ok
}

// userName is the user that an operation is about: the one that is named, or
// the caller.
func userName(ctx context.Context, given *string) (string, error) {
	if given != nil && *given != "" {
		return *given, nil
	}
	name, ok := callerName(awswire.CallerFrom(ctx))
	if !ok {
		return "", validation("Must specify userName when calling with non-User credentials")
	}
	return name, nil
}

// ListUsers lists the users under a path.
func (s *Service) ListUsers(ctx context.Context, in *sdk.ListUsersInput, _ ...func(*sdk.Options)) (*sdk.ListUsersOutput, error) {
	p, err := paginate(list(ctx, s, users(), in.PathPrefix), in.Marker, in.MaxItems, func(u *state.User) string { return u.Name })
	if err != nil {
		return nil, err
	}
	out := &sdk.ListUsersOutput{IsTruncated: p.truncated, Marker: p.marker, Users: []types.User{}}
	for _, user := range p.items {
		out.Users = append(out.Users, userAnswer(user))
	}
	return out, nil
}

// UpdateUser changes name and path of a user. Its access keys follow it.
func (s *Service) UpdateUser(ctx context.Context, in *sdk.UpdateUserInput, _ ...func(*sdk.Options)) (*sdk.UpdateUserOutput, error) {
	before, err := get(ctx, s, users(), value(in.UserName))
	if err != nil {
		return nil, err
	}
	keys := s.keysOf(before)
	after, err := rename(ctx, s, users(), before, in.NewUserName, in.NewPath)
	if err != nil || after.Name == before.Name {
		return &sdk.UpdateUserOutput{}, err
	}
	for _, key := range keys {
		_, err := store.Update(ctx, s.store, state.AccessKeyKey(key.ID), func(k *state.AccessKey) error {
			k.UserName = after.Name
			return nil
		})
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
	}
	return &sdk.UpdateUserOutput{}, nil
}

// rename gives an entity another name or path. A new name is taken before the
// old one is given up.
func rename[T any](ctx context.Context, s *Service, k kind[T], before *T, name, path *string) (*T, error) {
	change := func(record *T) error {
		i := k.identity(record)
		if name != nil {
			i.Name = *name
		}
		if path != nil {
			i.Path = *path
		}
		i.ARN = arn(i.Account, k.name, i.Path, i.Name)
		return nil
	}
	old := k.identity(before).Name
	if name == nil || strings.EqualFold(*name, old) {
		return update(ctx, s, k, old, change)
	}
	after := *before
	if err := change(&after); err != nil {
		return nil, err
	}
	if err := create(ctx, s, k, &after); err != nil {
		return nil, err
	}
	return &after, absent(store.Delete(ctx, s.store, k.keyOf(ctx, old)), k.missing(old))
}

// DeleteUser deletes a user from which everything was removed.
func (s *Service) DeleteUser(ctx context.Context, in *sdk.DeleteUserInput, _ ...func(*sdk.Options)) (*sdk.DeleteUserOutput, error) {
	name := value(in.UserName)
	user, err := get(ctx, s, users(), name)
	if err != nil {
		return nil, err
	}
	switch {
	case len(user.Groups) > 0:
		err = deleteConflict("Cannot delete entity, must remove users from group first.")
	case len(s.keysOf(user)) > 0:
		err = deleteConflict("Cannot delete entity, must delete access keys first.")
	case user.LoginProfile != nil:
		err = deleteConflict("Cannot delete entity, must delete login profile first.")
	case len(user.Credentials) > 0:
		// recording test_delete_user_after_service_credential_created
		err = deleteConflict("Cannot delete entity, must remove referenced objects first.")
	default:
		err = deletable(&user.Identity)
	}
	if err != nil {
		return nil, err
	}
	err = store.Delete(ctx, s.store, users().keyOf(ctx, name))
	return &sdk.DeleteUserOutput{}, absent(err, users().missing(name))
}

// PutUserPermissionsBoundary sets the boundary of a user.
func (s *Service) PutUserPermissionsBoundary(ctx context.Context, in *sdk.PutUserPermissionsBoundaryInput, _ ...func(*sdk.Options)) (*sdk.PutUserPermissionsBoundaryOutput, error) {
	if err := s.checkBoundary(ctx, in.PermissionsBoundary); err != nil {
		return nil, err
	}
	return &sdk.PutUserPermissionsBoundaryOutput{}, updateIdentity(ctx, s, users(), value(in.UserName), func(i *state.Identity) error {
		i.PermissionsBoundary = value(in.PermissionsBoundary)
		return nil
	})
}

// DeleteUserPermissionsBoundary removes the boundary of a user.
func (s *Service) DeleteUserPermissionsBoundary(ctx context.Context, in *sdk.DeleteUserPermissionsBoundaryInput, _ ...func(*sdk.Options)) (*sdk.DeleteUserPermissionsBoundaryOutput, error) {
	return &sdk.DeleteUserPermissionsBoundaryOutput{}, updateIdentity(ctx, s, users(), value(in.UserName), func(i *state.Identity) error {
		i.PermissionsBoundary = ""
		return nil
	})
}

// ListGroupsForUser lists the groups of a user.
func (s *Service) ListGroupsForUser(ctx context.Context, in *sdk.ListGroupsForUserInput, _ ...func(*sdk.Options)) (*sdk.ListGroupsForUserOutput, error) {
	user, err := get(ctx, s, users(), value(in.UserName))
	if err != nil {
		return nil, err
	}
	names := slices.Clone(user.Groups)
	sortByName(names, func(name string) string { return name })
	p, err := paginate(names, in.Marker, in.MaxItems, func(name string) string { return name })
	if err != nil {
		return nil, err
	}
	out := &sdk.ListGroupsForUserOutput{IsTruncated: p.truncated, Marker: p.marker, Groups: []types.Group{}}
	for _, name := range p.items {
		if group, err := get(ctx, s, groups(), name); err == nil {
			out.Groups = append(out.Groups, groupAnswer(group))
		}
	}
	return out, nil
}
