package sts

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/stagedoor/stagedoor/awswire"
	"github.com/stagedoor/stagedoor/iampolicy"
	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/identity"
	"github.com/stagedoor/stagedoor/internal/state"
)

const webIdentityAction = "sts:AssumeRoleWithWebIdentity"

// AssumeRoleWithWebIdentity trades an ID token for temporary credentials of a
// role that trusts the token's issuer. Nobody signs this call: the token proves
// who calls (package identity), and the role's trust policy alone decides.
func (s *Service) AssumeRoleWithWebIdentity(ctx context.Context, in *sdk.AssumeRoleWithWebIdentityInput, _ ...func(*sdk.Options)) (*sdk.AssumeRoleWithWebIdentityOutput, error) {
	if err := checkARN(value(in.RoleArn)); err != nil {
		return nil, err
	}
	if err := checkProvider(value(in.ProviderId)); err != nil {
		return nil, err
	}
	account := roleAccount(value(in.RoleArn))
	who, err := s.identity.WebIdentity(ctx, account, value(in.WebIdentityToken))
	if err != nil {
		s.refuseToken(ctx, in, account, err)
		return nil, err
	}
	role, ok := s.identity.Role(value(in.RoleArn))
	if !ok {
		s.refuseRole(ctx, who, in)
		return nil, notAuthorizedWeb(webIdentityAction)
	}
	tags, transitive, err := tokenTags(who)
	if err != nil {
		return nil, err
	}
	if err := checkSourceIdentity(who.SourceIdentity); err != nil {
		return nil, err
	}
	principal := iampolicy.Principal{Type: iampolicy.Federated, ID: who.Provider.ARN, Account: account}
	keys := s.webIdentityContext(ctx, who, value(in.RoleSessionName), tags, transitive)
	if refused := s.askTrust(ctx, role, principal, keys, webIdentityAction, len(tags) > 0, who.SourceIdentity != ""); refused != nil {
		return nil, notAuthorizedWeb(refused.Request.Request.Action)
	}
	if err := s.checkSessionPolicies(account, in.Policy, in.PolicyArns, tags); err != nil {
		return nil, err
	}
	d := seconds(in.DurationSeconds, time.Hour)
	if err := checkDuration(role, d); err != nil {
		return nil, err
	}
	session := identity.RoleSession(role, value(in.RoleSessionName))
	session.Policy, session.PolicyARNs = value(in.Policy), policyARNs(in.PolicyArns)
	session.Tags, session.TransitiveTags = tags, transitive
	session.SourceIdentity, session.Keys = who.SourceIdentity, who.SessionKeys()
	issued, err := s.identity.Issue(ctx, session, d)
	if err != nil {
		return nil, err
	}
	return webIdentityAnswer(who, issued), nil
}

// webIdentityAnswer is the answer; the provider is named by its ARN
// (spiffe/spiffe.io#110; the API Reference says the value of iss).
func webIdentityAnswer(who *identity.WebIdentity, issued *state.Session) *sdk.AssumeRoleWithWebIdentityOutput {
	out := &sdk.AssumeRoleWithWebIdentityOutput{
		AssumedRoleUser:             &types.AssumedRoleUser{Arn: &issued.PrincipalARN, AssumedRoleId: &issued.UserID},
		Credentials:                 credentials(issued),
		PackedPolicySize:            packedSize(issued, false),
		SubjectFromWebIdentityToken: &who.Subject,
		Audience:                    &who.Audience,
		Provider:                    &who.Provider.ARN,
	}
	if issued.SourceIdentity != "" {
		out.SourceIdentity = &issued.SourceIdentity
	}
	return out
}

// checkProvider refuses what is no OpenID Connect: the access tokens of the two
// providers that ProviderId is for (API Reference) would have to be shown to
// them.
func checkProvider(id string) error {
	if id == "" {
		return nil
	}
	return &awswire.Error{Code: "InvalidIdentityToken", Status: 400, Message: "stagedoor takes no access tokens of " + id +
		": it knows OpenID Connect providers that create-open-id-connect-provider made. Leave ProviderId out and pass an ID token of one of them."}
}

// notAuthorizedWeb is AWS's refusal: it names neither the role nor the caller
// (aws-actions/configure-aws-credentials#1446). A role that does not exist is
// refused alike.
//
// unverified: that it names sts:TagSession and sts:SetSourceIdentity where those
// are what is missing
func notAuthorizedWeb(action string) error {
	return accessDenied("Not authorized to perform " + action)
}

func roleAccount(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return ""
	}
	return parts[4]
}

// tokenTags are the tags that the token brings, judged as those of AssumeRole.
func tokenTags(who *identity.WebIdentity) (map[string]string, []string, error) {
	var given []types.Tag
	for _, key := range slices.Sorted(maps.Keys(who.Tags)) {
		tag := who.Tags[key]
		given = append(given, types.Tag{Key: &key, Value: &tag})
	}
	const most, longestKey, longestValue = 50, 128, 256 // IAM User Guide, "Pass session tags in AWS STS"
	for key, text := range who.Tags {
		if len(who.Tags) > most || len([]rune(key)) > longestKey || len([]rune(text)) > longestValue || key == "" {
			// unverified: AWS's code and text
			return nil, nil, invalidValue("The token has too many session tags, or one that is too long.")
		}
	}
	return sessionTags(given, who.TransitiveTags, nil)
}

// checkSourceIdentity judges a source identity that a token brings (API
// Reference, SourceIdentity).
func checkSourceIdentity(text string) error {
	allowed := func(r rune) bool {
		return r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || strings.ContainsRune("+=,.@-", r)
	}
	if text == "" || len(text) >= 2 && len(text) <= 64 && strings.TrimFunc(text, allowed) == "" {
		return nil
	}
	// unverified: AWS's code and text
	return invalidValue("The token's source identity must be 2 to 64 characters of [\\w+=,.@-].")
}

// webIdentityContext holds the condition keys of the call (IAM User Guide, "IAM
// and AWS STS condition context keys").
func (s *Service) webIdentityContext(ctx context.Context, who *identity.WebIdentity, sessionName string, tags map[string]string, transitive []string) iampolicy.Context {
	keys := clock(s.now())
	add := keyAdder(&keys)
	for _, name := range slices.Sorted(maps.Keys(who.Keys)) {
		add(name, who.Keys[name]...)
	}
	add("aws:FederatedProvider", who.Provider.ARN)
	add("aws:RequestedRegion", awswire.CallerFrom(ctx).Region)
	add("aws:SourceIp", awswire.ClientIP(ctx))
	add("sts:RoleSessionName", sessionName)
	add("sts:SourceIdentity", who.SourceIdentity)
	addTags(add, tags, transitive)
	return keys
}

// refuseToken records a token that does not hold: its owner gets few words from
// AWS, and the reason is what helps.
func (s *Service) refuseToken(ctx context.Context, in *sdk.AssumeRoleWithWebIdentityInput, account string, err error) {
	token, ok := errors.AsType[*identity.TokenError](err)
	if !ok || s.callers == nil {
		return
	}
	refusal := s.webRefusal(ctx, in, iampolicy.Principal{Type: iampolicy.Federated, ID: "an ID token", Account: account})
	refusal.Reason = token.Reason.Error()
	s.callers.Refuse(refusal)
}

// refuseRole records that there is no such role.
func (s *Service) refuseRole(ctx context.Context, who *identity.WebIdentity, in *sdk.AssumeRoleWithWebIdentityInput) {
	if s.callers != nil {
		s.callers.Refuse(s.webRefusal(ctx, in, iampolicy.Principal{Type: iampolicy.Federated, ID: who.Provider.ARN, Account: who.Provider.Account}))
	}
}

func (s *Service) webRefusal(ctx context.Context, in *sdk.AssumeRoleWithWebIdentityInput, p iampolicy.Principal) *grants.CallerRefusal {
	arn := value(in.RoleArn)
	q := &grants.CallerRequest{
		Request:         iampolicy.Request{Principal: p, Action: webIdentityAction, Resource: arn},
		ResourceAccount: p.Account, MustGrant: true,
	}
	return &grants.CallerRefusal{
		Request: q, Verdict: grants.EvaluateCaller(q), Operation: "sts AssumeRoleWithWebIdentity",
		Region: awswire.CallerFrom(ctx).Region, RequestID: awswire.RequestID(ctx), Time: s.now(),
	}
}
