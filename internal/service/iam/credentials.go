package iam

import (
	"context"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/stagedoor/stagedoor/internal/identity"
	"github.com/stagedoor/stagedoor/internal/state"
)

// maxServiceCredentials is a quota of the IAM User Guide for one service.
const maxServiceCredentials = 2

// supported refuses services that take access keys (recording
// test_create_service_specific_credential_invalid_service).
func supported(service string) error {
	if service == "codecommit.amazonaws.com" || service == "cassandra.amazonaws.com" {
		return nil
	}
	return noSuchEntity("No such service " + service + " is supported for Service Specific Credentials")
}

func credentialAnswer(u *state.User, c *state.ServiceCredential, password string) *types.ServiceSpecificCredential {
	return &types.ServiceSpecificCredential{
		CreateDate: ptr(c.CreateDate), ServiceName: ptr(c.Service), ServicePassword: &password, ServiceUserName: ptr(c.UserName),
		ServiceSpecificCredentialId: ptr(c.ID), Status: status(c.Active), UserName: ptr(u.Name),
	}
}

// CreateServiceSpecificCredential makes a user name and a password for a
// service. The password is in this answer only: nothing here checks it.
func (s *Service) CreateServiceSpecificCredential(ctx context.Context, in *sdk.CreateServiceSpecificCredentialInput, _ ...func(*sdk.Options)) (*sdk.CreateServiceSpecificCredentialOutput, error) {
	user, err := get(ctx, s, users(), value(in.UserName))
	if err != nil {
		return nil, err
	}
	if err := supported(value(in.ServiceName)); err != nil {
		return nil, err
	}
	credential := &state.ServiceCredential{Service: value(in.ServiceName), Active: true, CreateDate: s.date()}
	if credential.ID, err = s.newID("ACCA"); err != nil {
		return nil, err
	}
	password, err := identity.NewSecret(s.rand)
	if err != nil {
		return nil, err
	}
	user, err = update(ctx, s, users(), user.Name, func(u *state.User) error {
		count := 0
		for _, c := range u.Credentials {
			if c.Service == credential.Service {
				count++
			}
		}
		if count >= maxServiceCredentials {
			// unverified: the name of the quota
			return limitExceeded("Cannot exceed quota for ServiceSpecificCredentialsPerUser: 2")
		}
		credential.UserName = serviceUserName(u, count)
		u.Credentials = append(u.Credentials, credential)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &sdk.CreateServiceSpecificCredentialOutput{ServiceSpecificCredential: credentialAnswer(user, credential, password)}, nil
}

// serviceUserName is NAME-at-ACCOUNT; the second one gets a number (IAM User
// Guide, "Git credentials": "username+1-at-…").
func serviceUserName(u *state.User, count int) string {
	if count > 0 {
		return u.Name + "+1-at-" + u.Account
	}
	return u.Name + "-at-" + u.Account
}

// ListServiceSpecificCredentials lists the credentials of a user.
func (s *Service) ListServiceSpecificCredentials(ctx context.Context, in *sdk.ListServiceSpecificCredentialsInput, _ ...func(*sdk.Options)) (*sdk.ListServiceSpecificCredentialsOutput, error) {
	out := &sdk.ListServiceSpecificCredentialsOutput{ServiceSpecificCredentials: []types.ServiceSpecificCredentialMetadata{}}
	var of []*state.User
	switch {
	case in.AllUsers != nil && *in.AllUsers:
		of = list(ctx, s, users(), nil)
	case in.UserName == nil && isRoot(ctx):
		return out, nil
	default:
		name, err := userName(ctx, in.UserName)
		if err != nil {
			return nil, err
		}
		user, err := get(ctx, s, users(), name)
		if err != nil {
			return nil, err
		}
		of = []*state.User{user}
	}
	if in.ServiceName != nil {
		if err := supported(*in.ServiceName); err != nil {
			return nil, err
		}
	}
	for _, user := range of {
		for _, c := range user.Credentials {
			if in.ServiceName == nil || *in.ServiceName == c.Service {
				out.ServiceSpecificCredentials = append(out.ServiceSpecificCredentials, types.ServiceSpecificCredentialMetadata{
					CreateDate: ptr(c.CreateDate), ServiceName: ptr(c.Service), ServiceUserName: ptr(c.UserName),
					ServiceSpecificCredentialId: ptr(c.ID), Status: status(c.Active), UserName: ptr(user.Name),
				})
			}
		}
	}
	return out, nil
}

// changeCredential alters one credential of a user; change returns false to
// delete it.
func (s *Service) changeCredential(ctx context.Context, given, id *string, change func(*state.ServiceCredential) bool) (*state.User, *state.ServiceCredential, error) {
	name, err := userName(ctx, given)
	if err != nil {
		return nil, nil, err
	}
	var found *state.ServiceCredential
	user, err := update(ctx, s, users(), name, func(u *state.User) error {
		at := slices.IndexFunc(u.Credentials, func(c *state.ServiceCredential) bool { return c.ID == value(id) })
		if at < 0 {
			return noSuchEntity("No such credential " + value(id) + " exists") // recording test_user_match_id_mismatch
		}
		found = u.Credentials[at]
		if !change(found) {
			u.Credentials = slices.Delete(u.Credentials, at, at+1)
		}
		return nil
	})
	return user, found, err
}

// UpdateServiceSpecificCredential switches a credential on or off.
func (s *Service) UpdateServiceSpecificCredential(ctx context.Context, in *sdk.UpdateServiceSpecificCredentialInput, _ ...func(*sdk.Options)) (*sdk.UpdateServiceSpecificCredentialOutput, error) {
	_, _, err := s.changeCredential(ctx, in.UserName, in.ServiceSpecificCredentialId, func(c *state.ServiceCredential) bool {
		c.Active = in.Status == types.StatusTypeActive
		return true
	})
	return &sdk.UpdateServiceSpecificCredentialOutput{}, err
}

// ResetServiceSpecificCredential makes a new password.
func (s *Service) ResetServiceSpecificCredential(ctx context.Context, in *sdk.ResetServiceSpecificCredentialInput, _ ...func(*sdk.Options)) (*sdk.ResetServiceSpecificCredentialOutput, error) {
	password, err := identity.NewSecret(s.rand)
	if err != nil {
		return nil, err
	}
	user, credential, err := s.changeCredential(ctx, in.UserName, in.ServiceSpecificCredentialId, func(*state.ServiceCredential) bool { return true })
	if err != nil {
		return nil, err
	}
	return &sdk.ResetServiceSpecificCredentialOutput{ServiceSpecificCredential: credentialAnswer(user, credential, password)}, nil
}

// DeleteServiceSpecificCredential deletes a credential.
func (s *Service) DeleteServiceSpecificCredential(ctx context.Context, in *sdk.DeleteServiceSpecificCredentialInput, _ ...func(*sdk.Options)) (*sdk.DeleteServiceSpecificCredentialOutput, error) {
	_, _, err := s.changeCredential(ctx, in.UserName, in.ServiceSpecificCredentialId, func(*state.ServiceCredential) bool { return false })
	return &sdk.DeleteServiceSpecificCredentialOutput{}, err
}
