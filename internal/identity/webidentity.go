package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/awswire"
	"github.com/stagedoor/stagedoor/internal/identity/oidc"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// WebIdentity is who an ID token proves to be calling, in one account.
type WebIdentity struct {
	Provider *state.OIDCProvider
	Subject  string
	Audience string // the client id of the provider that the token is for
	// Keys are the condition keys that the token brings, by name
	// ("token.actions.githubusercontent.com:sub").
	Keys           map[string][]string
	Tags           map[string]string
	TransitiveTags []string // keys of Tags
	SourceIdentity string
}

// WebIdentity proves an ID token: its issuer is a provider of the account, it
// is signed with one of the keys that the issuer publishes, holds now, and is
// meant for one of the provider's clients. A token that does not hold is a
// *TokenError. The issuer may be asked for its keys, so this can take seconds.
//
// unverified: which of several faults AWS names; here the order is that of
// this function
func (i *Identity) WebIdentity(ctx context.Context, account, raw string) (*WebIdentity, error) {
	t, err := oidc.Parse(raw)
	if err != nil {
		// the text: versity/versitygw, iam_controller_test.go
		return nil, invalidToken("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)", err)
	}
	issuer := t.Issuer()
	if issuer == "" {
		return nil, tokenError(&oidc.MissingClaimError{Claim: "iss"})
	}
	provider, _, err := store.Get[state.OIDCProvider](i.store, state.OIDCProviderKey(account, state.OIDCName(issuer)))
	switch {
	case errors.Is(err, store.ErrNotFound) || err == nil && provider.URL != issuer:
		return nil, noProvider(issuer)
	case err != nil:
		return nil, err
	}
	if err := i.tokens.Verify(ctx, t); err != nil {
		return nil, tokenError(err)
	}
	w := &WebIdentity{Provider: provider, Subject: t.Subject(), SourceIdentity: t.SourceIdentity()}
	if w.Audience = audience(t, provider); w.Audience == "" {
		return nil, invalidToken("Incorrect token audience", // aws-actions/configure-aws-credentials#1309
			fmt.Errorf("the token is for %q, and the provider knows %q", wanted(t), provider.ClientIDs))
	}
	w.Keys = conditionKeys(t, provider.Name(), w.Audience)
	if w.Tags, w.TransitiveTags, err = t.Tags(); err != nil {
		return nil, tokenError(err)
	}
	return w, nil
}

// noProvider words the lack of a provider: aws-actions/configure-aws-credentials#721.
// The issuers that AWS knows without any are not known here.
func noProvider(issuer string) error {
	text := "No OpenIDConnect provider found in your account for " + issuer
	reason := errors.New("the account has no provider with this URL (aws iam create-open-id-connect-provider makes one)")
	if state.OIDCName(issuer) == "accounts.google.com" {
		text = "stagedoor does not know " + issuer + " by itself, as AWS does: create an OpenID Connect provider for it, and trust that in the role."
	}
	return invalidToken(text, reason)
}

// audience is the client that the token is for: its azp, which AWS takes for
// the audience where there is one, else whichever of aud the provider knows
// (IAM user guide, "Create an OpenID Connect identity provider in IAM"). "" for
// a client that the provider does not know.
//
// unverified: several values of aud without an azp
func audience(t *oidc.Token, p *state.OIDCProvider) string {
	for _, c := range wanted(t) {
		if slices.Contains(p.ClientIDs, c) {
			return c
		}
	}
	return ""
}

func wanted(t *oidc.Token) []string {
	if azp := t.Text("azp"); azp != "" {
		return []string{azp}
	}
	return t.Texts("aud")
}

// githubIssuer has condition keys of its own.
const githubIssuer = "token.actions.githubusercontent.com"

// conditionKeys are the keys that a token brings (IAM user guide, "Available
// keys for AWS OIDC federation": those of every provider, and those of GitHub).
// Other claims are no keys, on AWS either.
func conditionKeys(t *oidc.Token, provider, audience string) map[string][]string {
	claims := []string{"sub", "amr", "email"}
	if provider == githubIssuer {
		claims = append(claims, "actor", "actor_id", "job_workflow_ref", "repository", "repository_id", "repository_owner_id",
			"workflow", "ref", "environment", "enterprise_id")
	}
	keys := map[string][]string{
		provider + ":aud":  {audience},
		provider + ":oaud": t.Texts("aud"),
	}
	for _, claim := range claims {
		if values := t.Texts(claim); len(values) > 0 {
			keys[provider+":"+claim] = values
		}
	}
	return keys
}

// SessionKeys are those of Keys that a session keeps, with the provider itself
// (same page, "Available in session"; "AWS global condition context keys",
// aws:FederatedProvider).
func (w *WebIdentity) SessionKeys() map[string][]string {
	kept := map[string][]string{"aws:FederatedProvider": {w.Provider.ARN}}
	for name, values := range w.Keys {
		switch name[strings.LastIndexByte(name, ':')+1:] {
		case "aud", "sub", "amr", "oaud", "email":
			kept[name] = values
		}
	}
	return kept
}

// TokenError is a token that does not hold.
type TokenError struct {
	Answer *awswire.Error // what the client gets, in the words of AWS
	Reason error          // what is wrong, for the owner of the account
}

// Error tells the reason.
func (e *TokenError) Error() string { return e.Answer.Code + ": " + e.Reason.Error() }

// Unwrap is the answer, so that awswire finds it.
func (e *TokenError) Unwrap() error { return e.Answer }

func invalidToken(text string, reason error) error {
	return &TokenError{&awswire.Error{Code: "InvalidIdentityToken", Message: text, Status: 400}, reason}
}

// tokenError words a token's fault as AWS does.
func tokenError(err error) error {
	if missing, ok := errors.AsType[*oidc.MissingClaimError](err); ok {
		return invalidToken("Missing a required claim: "+missing.Claim, err) // aws/aws-sdk-ruby#2698
	}
	if expired, ok := errors.AsType[*oidc.ExpiredError](err); ok { // aws/aws-sdk-java-v2#5709
		return &TokenError{&awswire.Error{Code: "ExpiredTokenException", Status: 400, Message: fmt.Sprintf(
			"Token expired: current date/time %d must be before the expiration date/time %d", expired.Now.Unix(), expired.Expires.Unix())}, err}
	}
	switch {
	case errors.Is(err, oidc.ErrNoKey): // aws/aws-cli#7194; the two spaces are AWS's
		return invalidToken("Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements", err)
	case errors.Is(err, oidc.ErrUnreachable):
		// unverified: AWS's text, and when it is this rather than the one above
		return &TokenError{&awswire.Error{Code: "IDPCommunicationError", Status: 400, Message: "The identity provider that was asked to verify the token could not be reached."}, err}
	default:
		// versity/versitygw, iam_controller_test.go
		return invalidToken("The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for requirements.", err)
	}
}
