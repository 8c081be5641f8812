package sts

import (
	"context"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/stagedoor/stagedoor/awswire"
	"github.com/stagedoor/stagedoor/iampolicy"
	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/identity"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// Callers is what the service needs of the policies of the system.
type Callers interface {
	// Request is a question about a caller with the condition keys that it
	// brings, followed by keys.
	Request(who *grants.Who, action, resource string, keys iampolicy.Context, now time.Time) *grants.CallerRequest
	// ManagedPolicy reports whether a managed policy exists, AWS's or a
	// customer's.
	ManagedPolicy(arn string) bool
	// Refuse records a refused caller, so that it can be explained.
	Refuse(*grants.CallerRefusal)
	// DecodeMessage opens a message that was encoded for an account; ok is false
	// for anything else.
	DecodeMessage(account, message string) (decoded string, ok bool)
}

// Options of a Service; the zero value serves.
type Options struct {
	// Callers knows policies and refusals. nil: managed policies are taken to
	// exist, refusals are not recorded and no message can be decoded.
	Callers Callers
	Now     func() time.Time // nil: time.Now
}

// Service implements the operations of STS.
type Service struct {
	store    *store.Store
	identity *identity.Identity
	callers  Callers // nil: see Options
	now      func() time.Time
}

// New returns the service; i issues the credentials.
func New(s *store.Store, i *identity.Identity, o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Service{store: s, identity: i, callers: o.Callers, now: o.Now}
}

// Operations returns the handlers by the names of the model. The model's other
// operations answer awswire's error for what is not there.
func (s *Service) Operations() awswire.Operations {
	return awswire.Operations{
		"AssumeRole":                 awswire.Op(s.AssumeRole),
		"AssumeRoleWithWebIdentity":  awswire.Op(s.AssumeRoleWithWebIdentity),
		"DecodeAuthorizationMessage": awswire.Op(s.DecodeAuthorizationMessage),
		"GetAccessKeyInfo":           awswire.Op(s.GetAccessKeyInfo),
		"GetCallerIdentity":          awswire.Op(s.GetCallerIdentity),
		"GetFederationToken":         awswire.Op(s.GetFederationToken),
		"GetSessionToken":            awswire.Op(s.GetSessionToken),
	}
}

func validation(text string) error {
	return &awswire.Error{Code: "ValidationError", Message: text, Status: 400}
}

func accessDenied(text string) error {
	return &awswire.Error{Code: "AccessDenied", Message: text, Status: 403}
}

func invalidValue(text string) error {
	return &awswire.Error{Code: "InvalidParameterValue", Message: text, Status: 400}
}

func value(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// seconds is the duration that was asked for, or the default.
func seconds(given *int32, preset time.Duration) time.Duration {
	if given == nil {
		return preset
	}
	return time.Duration(*given) * time.Second
}

func credentials(s *state.Session) *types.Credentials {
	return &types.Credentials{AccessKeyId: &s.AccessKeyID, SecretAccessKey: &s.Secret, SessionToken: &s.Token, Expiration: &s.Expires}
}

// GetCallerIdentity says who calls. Nobody needs a permission for it.
func (s *Service) GetCallerIdentity(ctx context.Context, _ *sdk.GetCallerIdentityInput, _ ...func(*sdk.Options)) (*sdk.GetCallerIdentityOutput, error) {
	c := awswire.CallerFrom(ctx)
	return &sdk.GetCallerIdentityOutput{Account: &c.Account, Arn: &c.ARN, UserId: &c.UserID}, nil
}

// GetAccessKeyInfo says which account an access key belongs to: the record's,
// else the one that the id itself holds, for keys of other places too.
func (s *Service) GetAccessKeyInfo(_ context.Context, in *sdk.GetAccessKeyInfoInput, _ ...func(*sdk.Options)) (*sdk.GetAccessKeyInfoOutput, error) {
	id := value(in.AccessKeyId)
	if key, _, err := store.Get[state.AccessKey](s.store, state.AccessKeyKey(id)); err == nil {
		return &sdk.GetAccessKeyInfoOutput{Account: &key.Account}, nil
	}
	if session, ok := s.identity.Session(id); ok {
		return &sdk.GetAccessKeyInfoOutput{Account: &session.Account}, nil
	}
	account, ok := identity.AccountOfKey(id)
	if !ok || !strings.HasPrefix(id, "AKIA") && !strings.HasPrefix(id, "ASIA") {
		// unverified: AWS's text for ids that hold no account
		return nil, validation("Access key " + id + " is invalid")
	}
	return &sdk.GetAccessKeyInfoOutput{Account: &account}, nil
}

// GetSessionToken makes temporary credentials of the calling user or root.
func (s *Service) GetSessionToken(ctx context.Context, in *sdk.GetSessionTokenInput, _ ...func(*sdk.Options)) (*sdk.GetSessionTokenOutput, error) {
	c := awswire.CallerFrom(ctx)
	if _, ok := s.identity.Session(c.AccessKeyID); ok {
		return nil, accessDenied("Cannot call GetSessionToken with session credentials")
	}
	// STS API Reference, GetSessionToken: 12 hours; for the root at most one,
	// a longer one is cut.
	d := seconds(in.DurationSeconds, 12*time.Hour)
	if c.Root {
		d = min(d, time.Hour)
	}
	session, err := s.identity.Issue(ctx, state.Session{Account: c.Account, PrincipalARN: c.ARN, UserID: c.UserID}, d)
	if err != nil {
		return nil, err
	}
	return &sdk.GetSessionTokenOutput{Credentials: credentials(session)}, nil
}

// GetFederationToken makes temporary credentials under another name.
func (s *Service) GetFederationToken(ctx context.Context, in *sdk.GetFederationTokenInput, _ ...func(*sdk.Options)) (*sdk.GetFederationTokenOutput, error) {
	c := awswire.CallerFrom(ctx)
	if _, ok := s.identity.Session(c.AccessKeyID); ok {
		return nil, accessDenied("Cannot call GetFederationToken with session credentials")
	}
	tags, _, err := sessionTags(in.Tags, nil, nil)
	if err != nil {
		return nil, err
	}
	if err := s.checkSessionPolicies(c.Account, in.Policy, in.PolicyArns, tags); err != nil {
		return nil, err
	}
	name := value(in.Name)
	session := state.Session{
		Account: c.Account, PrincipalARN: "arn:aws:sts::" + c.Account + ":federated-user/" + name, UserID: c.Account + ":" + name,
		Policy: value(in.Policy), PolicyARNs: policyARNs(in.PolicyArns), Tags: tags, Issuer: c.ARN,
	}
	d := seconds(in.DurationSeconds, 12*time.Hour)
	if c.Root {
		d = min(d, time.Hour)
	}
	issued, err := s.identity.Issue(ctx, session, d)
	if err != nil {
		return nil, err
	}
	return &sdk.GetFederationTokenOutput{
		Credentials:   credentials(issued),
		FederatedUser: &types.FederatedUser{Arn: &issued.PrincipalARN, FederatedUserId: &issued.UserID},
		// recording test_get_federation_token: 0 without policy and tags
		PackedPolicySize: packedSize(&session, true),
	}, nil
}
