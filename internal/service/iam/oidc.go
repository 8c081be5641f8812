package iam

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// OpenID Connect providers. "Recording" below are AWS's recorded answers of
// test_iam_oidc (localstack, February 2026).

// Quotas of providers (IAM User Guide, "IAM and STS quotas").
const (
	maxOIDCProviders   = 100 // per account
	maxOIDCClients     = 100 // per provider
	maxOIDCThumbprints = 5   // per provider; recording …_too_many_thumbprints, whose text says otherwise
)

// oidcURL judges the URL of a provider (recording …_invalid_url; API Reference,
// CreateOpenIDConnectProvider: https, no query, no port; the texts but the
// first are public threads': versity/versitygw#2259).
//
// AWS has to reach the issuer over the internet. stagedoor runs on a developer's
// machine, where the issuer may be a test server or a Keycloak in a container:
// a loopback host may use http, and a port.
func oidcURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme == "" || u.Host == "" || u.Opaque != "":
		return validation("Invalid Open ID Connect Provider URL")
	case u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())):
		return invalidInput("Invalid Open ID Connect Provider URL. The URL must begin with https://.")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.User != nil || u.Port() != "" && !loopback(u.Hostname()):
		return invalidInput("Invalid Open ID Connect Provider URL.")
	}
	return nil
}

func loopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// thumbprints judges a list of thumbprints and returns it as it is kept: in
// lower case.
//
// unverified: that AWS lowers them (versity/versitygw#2259 does)
func thumbprints(list []string) ([]string, error) {
	if len(list) > maxOIDCThumbprints {
		return nil, invalidInput("Thumbprint list must contain fewer than 5 entries.")
	}
	kept := make([]string, len(list))
	for i, t := range list {
		kept[i] = strings.ToLower(t)
	}
	return kept, nil
}

// oidcTags adds tags to a provider, whose quota has a text of its own
// (recording test_open_id_connect_provider_tags_limit).
func oidcTags(p *state.OIDCProvider, tags []types.Tag) error {
	err := setTags(&p.Tags, &p.TagOrder, tags, "")
	if _, over := errors.AsType[*types.LimitExceededException](err); over {
		return limitExceeded("The number of tags has reached the maximum limit.")
	}
	return err
}

// CreateOpenIDConnectProvider makes a provider. AWS fetches the thumbprint of
// the issuer's certificate where none is given; here the list stays empty,
// because certificates are checked against the system's roots and thumbprints
// are not looked at.
func (s *Service) CreateOpenIDConnectProvider(ctx context.Context, in *sdk.CreateOpenIDConnectProviderInput, _ ...func(*sdk.Options)) (*sdk.CreateOpenIDConnectProviderOutput, error) {
	address := value(in.Url)
	if err := oidcURL(address); err != nil {
		return nil, err
	}
	prints, err := thumbprints(in.ThumbprintList)
	if err != nil {
		return nil, err
	}
	acct, name := account(ctx), state.OIDCName(address)
	p := &state.OIDCProvider{
		Account: acct, URL: address, ARN: "arn:aws:iam::" + acct + ":oidc-provider/" + name,
		Thumbprints: prints, CreateDate: s.date(),
	}
	for _, id := range in.ClientIDList {
		if err := addClient(p, id); err != nil {
			return nil, err
		}
	}
	if err := oidcTags(p, in.Tags); err != nil {
		return nil, err
	}
	if len(s.oidcProviders(ctx)) >= maxOIDCProviders {
		// unverified: AWS's name of the quota
		return nil, limitExceeded("Cannot exceed quota for OpenIdConnectProvidersPerAccount: 100")
	}
	if _, err := store.Create(ctx, s.store, state.OIDCProviderKey(acct, name), p); err != nil {
		if errors.Is(err, store.ErrExists) { // recording …_duplicate_error
			err = alreadyExists("Provider with url " + address + " already exists.")
		}
		return nil, err
	}
	return &sdk.CreateOpenIDConnectProviderOutput{OpenIDConnectProviderArn: &p.ARN, Tags: tagList(p.Tags, p.TagOrder)}, nil
}

// addClient adds an audience; one that is there already is no error (API
// Reference, AddClientIDToOpenIDConnectProvider; recording …_quota_error).
func addClient(p *state.OIDCProvider, id string) error {
	if slices.Contains(p.ClientIDs, id) {
		return nil
	}
	if len(p.ClientIDs) >= maxOIDCClients {
		return limitExceeded("Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100")
	}
	p.ClientIDs = append(p.ClientIDs, id)
	return nil
}

// oidcProviders lists the providers of the caller's account by their ARN.
func (s *Service) oidcProviders(ctx context.Context) []*state.OIDCProvider {
	var list []*state.OIDCProvider
	for _, item := range store.List[state.OIDCProvider](s.store, state.OIDCProviders.Child(account(ctx))) {
		list = append(list, item.Record)
	}
	slices.SortFunc(list, func(a, b *state.OIDCProvider) int { return strings.Compare(a.ARN, b.ARN) })
	return list
}

// oidcKey finds the key behind a provider's ARN. An ARN of another account
// leads nowhere.
func oidcKey(ctx context.Context, arn string) (state.Key, error) {
	if err := checkARN(arn); err != nil {
		return "", err
	}
	name, ok := strings.CutPrefix(arn, "arn:aws:iam::"+account(ctx)+":oidc-provider/")
	if !ok {
		return "", noSuchEntity(missingOIDC(arn))
	}
	return state.OIDCProviderKey(account(ctx), name), nil
}

// missingOIDC is AWS's text (recording …_not_found).
//
// unverified: that operations other than GetOpenIDConnectProvider and
// DeleteOpenIDConnectProvider say it in these words
func missingOIDC(arn string) string { return "OpenIDConnect Provider not found for arn " + arn }

func (s *Service) oidcProvider(ctx context.Context, arn string) (*state.OIDCProvider, error) {
	key, err := oidcKey(ctx, arn)
	if err != nil {
		return nil, err
	}
	p, _, err := store.Get[state.OIDCProvider](s.store, key)
	return p, absent(err, missingOIDC(arn))
}

func (s *Service) updateOIDC(ctx context.Context, arn string, change func(*state.OIDCProvider) error) error {
	key, err := oidcKey(ctx, arn)
	if err != nil {
		return err
	}
	_, err = store.Update(ctx, s.store, key, change)
	return absent(err, missingOIDC(arn))
}

// GetOpenIDConnectProvider describes a provider. Its URL is shown without the
// scheme (API Reference, the example); lists are there when empty (recording
// …_update_open_id_connect_provider_thumbprint).
func (s *Service) GetOpenIDConnectProvider(ctx context.Context, in *sdk.GetOpenIDConnectProviderInput, _ ...func(*sdk.Options)) (*sdk.GetOpenIDConnectProviderOutput, error) {
	p, err := s.oidcProvider(ctx, value(in.OpenIDConnectProviderArn))
	if err != nil {
		return nil, err
	}
	return &sdk.GetOpenIDConnectProviderOutput{
		Url: ptr(p.Name()), CreateDate: ptr(p.CreateDate),
		ClientIDList: orEmpty(p.ClientIDs), ThumbprintList: orEmpty(p.Thumbprints), Tags: orEmpty(tagList(p.Tags, p.TagOrder)),
	}, nil
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// ListOpenIDConnectProviders lists the providers of the account.
func (s *Service) ListOpenIDConnectProviders(ctx context.Context, _ *sdk.ListOpenIDConnectProvidersInput, _ ...func(*sdk.Options)) (*sdk.ListOpenIDConnectProvidersOutput, error) {
	out := &sdk.ListOpenIDConnectProvidersOutput{OpenIDConnectProviderList: []types.OpenIDConnectProviderListEntry{}}
	for _, p := range s.oidcProviders(ctx) {
		out.OpenIDConnectProviderList = append(out.OpenIDConnectProviderList, types.OpenIDConnectProviderListEntry{Arn: &p.ARN})
	}
	return out, nil
}

// DeleteOpenIDConnectProvider deletes a provider. Roles that trust it stay, and
// can be assumed by nobody through it. The API Reference calls the operation
// idempotent; AWS's answer to a second one says otherwise (recording
// …_delete_open_id_connect_provider).
func (s *Service) DeleteOpenIDConnectProvider(ctx context.Context, in *sdk.DeleteOpenIDConnectProviderInput, _ ...func(*sdk.Options)) (*sdk.DeleteOpenIDConnectProviderOutput, error) {
	arn := value(in.OpenIDConnectProviderArn)
	gone := "OpenId connect Provider " + arn + " cannot be found."
	key, err := oidcKey(ctx, arn)
	if _, missing := errors.AsType[*types.NoSuchEntityException](err); missing {
		return nil, noSuchEntity(gone)
	}
	if err != nil {
		return nil, err
	}
	return &sdk.DeleteOpenIDConnectProviderOutput{}, absent(store.Delete(ctx, s.store, key), gone)
}

// AddClientIDToOpenIDConnectProvider adds an audience.
func (s *Service) AddClientIDToOpenIDConnectProvider(ctx context.Context, in *sdk.AddClientIDToOpenIDConnectProviderInput, _ ...func(*sdk.Options)) (*sdk.AddClientIDToOpenIDConnectProviderOutput, error) {
	return &sdk.AddClientIDToOpenIDConnectProviderOutput{}, s.updateOIDC(ctx, value(in.OpenIDConnectProviderArn), func(p *state.OIDCProvider) error {
		return addClient(p, value(in.ClientID))
	})
}

// RemoveClientIDFromOpenIDConnectProvider removes an audience; one that is not
// there is no error (API Reference).
func (s *Service) RemoveClientIDFromOpenIDConnectProvider(ctx context.Context, in *sdk.RemoveClientIDFromOpenIDConnectProviderInput, _ ...func(*sdk.Options)) (*sdk.RemoveClientIDFromOpenIDConnectProviderOutput, error) {
	return &sdk.RemoveClientIDFromOpenIDConnectProviderOutput{}, s.updateOIDC(ctx, value(in.OpenIDConnectProviderArn), func(p *state.OIDCProvider) error {
		p.ClientIDs = slices.DeleteFunc(p.ClientIDs, func(id string) bool { return id == value(in.ClientID) })
		return nil
	})
}

// UpdateOpenIDConnectProviderThumbprint replaces the list of thumbprints.
func (s *Service) UpdateOpenIDConnectProviderThumbprint(ctx context.Context, in *sdk.UpdateOpenIDConnectProviderThumbprintInput, _ ...func(*sdk.Options)) (*sdk.UpdateOpenIDConnectProviderThumbprintOutput, error) {
	prints, err := thumbprints(in.ThumbprintList)
	if err != nil {
		return nil, err
	}
	return &sdk.UpdateOpenIDConnectProviderThumbprintOutput{}, s.updateOIDC(ctx, value(in.OpenIDConnectProviderArn), func(p *state.OIDCProvider) error {
		p.Thumbprints = prints
		return nil
	})
}

// TagOpenIDConnectProvider adds tags to a provider.
func (s *Service) TagOpenIDConnectProvider(ctx context.Context, in *sdk.TagOpenIDConnectProviderInput, _ ...func(*sdk.Options)) (*sdk.TagOpenIDConnectProviderOutput, error) {
	return &sdk.TagOpenIDConnectProviderOutput{}, s.updateOIDC(ctx, value(in.OpenIDConnectProviderArn), func(p *state.OIDCProvider) error {
		return oidcTags(p, in.Tags)
	})
}

// UntagOpenIDConnectProvider removes tags from a provider.
func (s *Service) UntagOpenIDConnectProvider(ctx context.Context, in *sdk.UntagOpenIDConnectProviderInput, _ ...func(*sdk.Options)) (*sdk.UntagOpenIDConnectProviderOutput, error) {
	return &sdk.UntagOpenIDConnectProviderOutput{}, s.updateOIDC(ctx, value(in.OpenIDConnectProviderArn), func(p *state.OIDCProvider) error {
		removeTags(p.Tags, &p.TagOrder, in.TagKeys)
		return nil
	})
}

// ListOpenIDConnectProviderTags lists the tags of a provider.
func (s *Service) ListOpenIDConnectProviderTags(ctx context.Context, in *sdk.ListOpenIDConnectProviderTagsInput, _ ...func(*sdk.Options)) (*sdk.ListOpenIDConnectProviderTagsOutput, error) {
	provider, err := s.oidcProvider(ctx, value(in.OpenIDConnectProviderArn))
	if err != nil {
		return nil, err
	}
	p, err := pageTags(provider.Tags, provider.TagOrder, in.Marker, in.MaxItems)
	return &sdk.ListOpenIDConnectProviderTagsOutput{Tags: p.items, IsTruncated: p.truncated, Marker: p.marker}, err
}
