package iam

import (
	"context"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/stagedoor/stagedoor/internal/identity"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// maxKeysPerUser is a quota of the IAM User Guide.
const maxKeysPerUser = 2

// keysOf lists the access keys of a user in the order of their making.
func (s *Service) keysOf(user *state.User) []*state.AccessKey {
	var keys []*state.AccessKey
	for _, item := range store.List[state.AccessKey](s.store, state.AccessKeys) {
		if k := item.Record; !k.Deleted && k.Account == user.Account && strings.EqualFold(k.UserName, user.Name) {
			keys = append(keys, k)
		}
	}
	slices.SortStableFunc(keys, func(a, b *state.AccessKey) int { return a.CreateDate.Compare(b.CreateDate) })
	return keys
}

func status(active bool) types.StatusType {
	if active {
		return types.StatusTypeActive
	}
	return types.StatusTypeInactive
}

// CreateAccessKey makes a key of a user: of the caller, if no name is given.
// It is the only answer that holds the secret.
func (s *Service) CreateAccessKey(ctx context.Context, in *sdk.CreateAccessKeyInput, _ ...func(*sdk.Options)) (*sdk.CreateAccessKeyOutput, error) {
	name, err := userName(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	user, err := get(ctx, s, users(), name)
	if err != nil {
		return nil, err
	}
	if len(s.keysOf(user)) >= maxKeysPerUser {
		return nil, limitExceeded("Cannot exceed quota for AccessKeysPerUser: 2")
	}
	key := &state.AccessKey{Account: user.Account, UserName: user.Name, Active: true, CreateDate: s.date()}
	if key.ID, err = identity.NewAccessKeyID(s.rand, "AKIA", user.Account); err != nil {
		return nil, err
	}
	if key.Secret, err = identity.NewSecret(s.rand); err != nil {
		return nil, err
	}
	if _, err := store.Create(ctx, s.store, state.AccessKeyKey(key.ID), key); err != nil {
		return nil, err
	}
	return &sdk.CreateAccessKeyOutput{AccessKey: &types.AccessKey{
		AccessKeyId: ptr(key.ID), SecretAccessKey: ptr(key.Secret), UserName: ptr(user.Name),
		Status: types.StatusTypeActive, CreateDate: ptr(key.CreateDate),
	}}, nil
}

// ListAccessKeys lists the keys of a user.
func (s *Service) ListAccessKeys(ctx context.Context, in *sdk.ListAccessKeysInput, _ ...func(*sdk.Options)) (*sdk.ListAccessKeysOutput, error) {
	out := &sdk.ListAccessKeysOutput{AccessKeyMetadata: []types.AccessKeyMetadata{}}
	if in.UserName == nil && isRoot(ctx) {
		return out, nil // the root has no keys that are records
	}
	name, err := userName(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	user, err := get(ctx, s, users(), name)
	if err != nil {
		return nil, err
	}
	p, err := paginateUnsorted(s.keysOf(user), in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	out.IsTruncated, out.Marker = p.truncated, p.marker
	for _, key := range p.items {
		out.AccessKeyMetadata = append(out.AccessKeyMetadata, types.AccessKeyMetadata{
			AccessKeyId: ptr(key.ID), UserName: ptr(user.Name), Status: status(key.Active), CreateDate: ptr(key.CreateDate),
		})
	}
	return out, nil
}

// changeKey alters a key of a user of the caller's account.
func (s *Service) changeKey(ctx context.Context, userGiven, id *string, change func(*state.AccessKey)) error {
	name, err := userName(ctx, userGiven)
	if err != nil {
		return err
	}
	user, err := get(ctx, s, users(), name)
	if err != nil {
		return err
	}
	missing := "The Access Key with id " + value(id) + " cannot be found."
	_, err = store.Update(ctx, s.store, state.AccessKeyKey(value(id)), func(k *state.AccessKey) error {
		if k.Deleted || k.Account != user.Account || !strings.EqualFold(k.UserName, user.Name) {
			return noSuchEntity(missing)
		}
		change(k)
		return nil
	})
	return absent(err, missing)
}

// UpdateAccessKey switches a key on or off.
func (s *Service) UpdateAccessKey(ctx context.Context, in *sdk.UpdateAccessKeyInput, _ ...func(*sdk.Options)) (*sdk.UpdateAccessKeyOutput, error) {
	return &sdk.UpdateAccessKeyOutput{}, s.changeKey(ctx, in.UserName, in.AccessKeyId, func(k *state.AccessKey) {
		k.Active = in.Status == types.StatusTypeActive
	})
}

// DeleteAccessKey deletes a key: see state.AccessKey.Deleted.
func (s *Service) DeleteAccessKey(ctx context.Context, in *sdk.DeleteAccessKeyInput, _ ...func(*sdk.Options)) (*sdk.DeleteAccessKeyOutput, error) {
	return &sdk.DeleteAccessKeyOutput{}, s.changeKey(ctx, in.UserName, in.AccessKeyId, func(k *state.AccessKey) {
		k.Deleted, k.Active, k.Secret = true, false, ""
	})
}
