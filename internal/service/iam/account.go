package iam

import (
	"context"
	"errors"

	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// ownAccount is what is kept of the caller's account; the zero record when
// nothing was ever set.
func (s *Service) ownAccount(ctx context.Context) (state.IAMAccount, error) {
	rec, _, err := store.Get[state.IAMAccount](s.store, state.IAMAccountKey(account(ctx)))
	if errors.Is(err, store.ErrNotFound) {
		return state.IAMAccount{}, nil
	}
	if err != nil {
		return state.IAMAccount{}, err
	}
	return *rec, nil
}

// changeAccount runs alone among IAM's writers, so it may read and put.
func (s *Service) changeAccount(ctx context.Context, change func(*state.IAMAccount) error) error {
	rec, err := s.ownAccount(ctx)
	if err != nil {
		return err
	}
	if err := change(&rec); err != nil {
		return err
	}
	_, err = store.Put(ctx, s.store, state.IAMAccountKey(account(ctx)), &rec)
	return err
}

// CreateAccountAlias names the account; a name it had before is gone (API
// reference). Names are unique over all accounts.
func (s *Service) CreateAccountAlias(ctx context.Context, in *sdk.CreateAccountAliasInput, _ ...func(*sdk.Options)) (*sdk.CreateAccountAliasOutput, error) {
	alias := value(in.AccountAlias)
	own := state.IAMAccountKey(account(ctx))
	for _, item := range store.List[state.IAMAccount](s.store, state.IAMAccounts) {
		if item.Record.Alias == alias && item.Key != own {
			return nil, alreadyExists("The account alias " + alias + " already exists.")
		}
	}
	return &sdk.CreateAccountAliasOutput{}, s.changeAccount(ctx, func(a *state.IAMAccount) error {
		a.Alias = alias
		return nil
	})
}

// DeleteAccountAlias takes the account's name away.
func (s *Service) DeleteAccountAlias(ctx context.Context, in *sdk.DeleteAccountAliasInput, _ ...func(*sdk.Options)) (*sdk.DeleteAccountAliasOutput, error) {
	return &sdk.DeleteAccountAliasOutput{}, s.changeAccount(ctx, func(a *state.IAMAccount) error {
		if a.Alias != value(in.AccountAlias) {
			// unverified: AWS's text
			return noSuchEntity("The account alias with name " + value(in.AccountAlias) + " cannot be found.")
		}
		a.Alias = ""
		return nil
	})
}

// ListAccountAliases lists the account's name, if it has one.
func (s *Service) ListAccountAliases(ctx context.Context, _ *sdk.ListAccountAliasesInput, _ ...func(*sdk.Options)) (*sdk.ListAccountAliasesOutput, error) {
	rec, err := s.ownAccount(ctx)
	if err != nil {
		return nil, err
	}
	out := &sdk.ListAccountAliasesOutput{AccountAliases: []string{}}
	if rec.Alias != "" {
		out.AccountAliases = append(out.AccountAliases, rec.Alias)
	}
	return out, nil
}

// noPasswordPolicy is AWS's refusal as public threads quote it.
func noPasswordPolicy(ctx context.Context) error {
	return noSuchEntity("The Password Policy with domain name " + account(ctx) + " cannot be found.")
}

// defaultPasswordLength holds where a password policy names none (API
// reference, UpdateAccountPasswordPolicy).
const defaultPasswordLength = 6

// UpdateAccountPasswordPolicy sets the password policy; what the call leaves out
// gets its default, whatever was set before (API reference).
func (s *Service) UpdateAccountPasswordPolicy(ctx context.Context, in *sdk.UpdateAccountPasswordPolicyInput, _ ...func(*sdk.Options)) (*sdk.UpdateAccountPasswordPolicyOutput, error) {
	p := &state.PasswordPolicy{
		MinimumLength: defaultPasswordLength,
		Symbols:       in.RequireSymbols, Numbers: in.RequireNumbers,
		Uppercase: in.RequireUppercaseCharacters, Lowercase: in.RequireLowercaseCharacters,
		UsersMayChange: in.AllowUsersToChangePassword,
		MaxAgeDays:     in.MaxPasswordAge, ReusePrevention: in.PasswordReusePrevention, HardExpiry: in.HardExpiry,
	}
	if in.MinimumPasswordLength != nil {
		p.MinimumLength = *in.MinimumPasswordLength
	}
	return &sdk.UpdateAccountPasswordPolicyOutput{}, s.changeAccount(ctx, func(a *state.IAMAccount) error {
		a.PasswordPolicy = p
		return nil
	})
}

// GetAccountPasswordPolicy answers the password policy that was set.
func (s *Service) GetAccountPasswordPolicy(ctx context.Context, _ *sdk.GetAccountPasswordPolicyInput, _ ...func(*sdk.Options)) (*sdk.GetAccountPasswordPolicyOutput, error) {
	rec, err := s.ownAccount(ctx)
	if err != nil {
		return nil, err
	}
	p := rec.PasswordPolicy
	if p == nil {
		return nil, noPasswordPolicy(ctx)
	}
	return &sdk.GetAccountPasswordPolicyOutput{PasswordPolicy: &types.PasswordPolicy{
		MinimumPasswordLength: ptr(p.MinimumLength), RequireSymbols: p.Symbols, RequireNumbers: p.Numbers,
		RequireUppercaseCharacters: p.Uppercase, RequireLowercaseCharacters: p.Lowercase,
		AllowUsersToChangePassword: p.UsersMayChange, ExpirePasswords: p.MaxAgeDays != nil && *p.MaxAgeDays > 0,
		MaxPasswordAge: p.MaxAgeDays, PasswordReusePrevention: p.ReusePrevention, HardExpiry: p.HardExpiry,
	}}, nil
}

// DeleteAccountPasswordPolicy goes back to AWS's default.
func (s *Service) DeleteAccountPasswordPolicy(ctx context.Context, _ *sdk.DeleteAccountPasswordPolicyInput, _ ...func(*sdk.Options)) (*sdk.DeleteAccountPasswordPolicyOutput, error) {
	return &sdk.DeleteAccountPasswordPolicyOutput{}, s.changeAccount(ctx, func(a *state.IAMAccount) error {
		if a.PasswordPolicy == nil {
			return noPasswordPolicy(ctx)
		}
		a.PasswordPolicy = nil
		return nil
	})
}

// GetAccessKeyLastUsed says when an access key signed its last call.
func (s *Service) GetAccessKeyLastUsed(ctx context.Context, in *sdk.GetAccessKeyLastUsedInput, _ ...func(*sdk.Options)) (*sdk.GetAccessKeyLastUsedOutput, error) {
	id := value(in.AccessKeyId)
	key, _, err := store.Get[state.AccessKey](s.store, state.AccessKeyKey(id))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if err != nil || key.Deleted || key.Account != account(ctx) {
		// AWS answers AccessDenied for keys that it cannot place (public threads
		// of cloud security tools).
		// unverified: the text
		return nil, noSuchEntity("The Access Key with id " + id + " cannot be found.")
	}
	used := &types.AccessKeyLastUsed{Region: ptr("N/A"), ServiceName: ptr("N/A")} // API reference: of one never used
	if u := key.LastUsed; u != nil {
		used = &types.AccessKeyLastUsed{LastUsedDate: ptr(u.Time), Region: ptr(u.Region), ServiceName: ptr(u.Service)}
	}
	return &sdk.GetAccessKeyLastUsedOutput{UserName: ptr(key.UserName), AccessKeyLastUsed: used}, nil
}
