package iam

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/stagedoor/stagedoor/internal/state"
)

func missingLogin(user string) error {
	return noSuchEntity("Login Profile for User " + user + " cannot be found.")
}

func loginAnswer(u *state.User) *types.LoginProfile {
	return &types.LoginProfile{
		UserName: ptr(u.Name), CreateDate: ptr(u.LoginProfile.CreateDate), PasswordResetRequired: u.LoginProfile.PasswordResetRequired,
	}
}

// CreateLoginProfile notes that a user may sign in to the console.
func (s *Service) CreateLoginProfile(ctx context.Context, in *sdk.CreateLoginProfileInput, _ ...func(*sdk.Options)) (*sdk.CreateLoginProfileOutput, error) {
	name, err := userName(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	user, err := update(ctx, s, users(), name, func(u *state.User) error {
		if u.LoginProfile != nil {
			return alreadyExists("Login Profile for user " + u.Name + " already exists.")
		}
		u.LoginProfile = &state.LoginProfile{CreateDate: s.date(), PasswordResetRequired: in.PasswordResetRequired}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &sdk.CreateLoginProfileOutput{LoginProfile: loginAnswer(user)}, nil
}

// GetLoginProfile describes the login profile of a user.
func (s *Service) GetLoginProfile(ctx context.Context, in *sdk.GetLoginProfileInput, _ ...func(*sdk.Options)) (*sdk.GetLoginProfileOutput, error) {
	name, err := userName(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	user, err := get(ctx, s, users(), name)
	if err != nil {
		return nil, err
	}
	if user.LoginProfile == nil {
		return nil, missingLogin(user.Name)
	}
	return &sdk.GetLoginProfileOutput{LoginProfile: loginAnswer(user)}, nil
}

// changeLogin alters the login profile of a user that has one.
func (s *Service) changeLogin(ctx context.Context, given *string, change func(*state.User)) error {
	name, err := userName(ctx, given)
	if err != nil {
		return err
	}
	_, err = update(ctx, s, users(), name, func(u *state.User) error {
		if u.LoginProfile == nil {
			return missingLogin(u.Name)
		}
		change(u)
		return nil
	})
	return err
}

// UpdateLoginProfile changes whether the password must be reset.
func (s *Service) UpdateLoginProfile(ctx context.Context, in *sdk.UpdateLoginProfileInput, _ ...func(*sdk.Options)) (*sdk.UpdateLoginProfileOutput, error) {
	return &sdk.UpdateLoginProfileOutput{}, s.changeLogin(ctx, in.UserName, func(u *state.User) {
		if in.PasswordResetRequired != nil {
			u.LoginProfile.PasswordResetRequired = *in.PasswordResetRequired
		}
	})
}

// DeleteLoginProfile deletes the login profile of a user. Terraform calls it
// for every user it destroys and expects NoSuchEntity.
func (s *Service) DeleteLoginProfile(ctx context.Context, in *sdk.DeleteLoginProfileInput, _ ...func(*sdk.Options)) (*sdk.DeleteLoginProfileOutput, error) {
	return &sdk.DeleteLoginProfileOutput{}, s.changeLogin(ctx, in.UserName, func(u *state.User) { u.LoginProfile = nil })
}
