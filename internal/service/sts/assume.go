package sts

import (
	"context"
	"maps"
	"slices"
	"strconv"
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

// AssumeRole makes temporary credentials of a role for a caller whom the role's
// trust policy lets in.
//
// AWS refuses the root of an account here ("Roles may not be assumed by root
// accounts."). stagedoor does not: its root is what local tools use for
// everything, the CDK's role assumptions among them.
func (s *Service) AssumeRole(ctx context.Context, in *sdk.AssumeRoleInput, _ ...func(*sdk.Options)) (*sdk.AssumeRoleOutput, error) {
	c := awswire.CallerFrom(ctx)
	if err := checkARN(value(in.RoleArn)); err != nil {
		return nil, err
	}
	calling, chained := s.identity.Session(c.AccessKeyID)
	if !chained {
		calling = nil
	}
	tags, transitive, err := sessionTags(in.Tags, in.TransitiveTagKeys, calling)
	if err != nil {
		return nil, err
	}
	role, ok := s.identity.Role(value(in.RoleArn))
	if !ok {
		return nil, notAuthorized(c, "sts:AssumeRole", value(in.RoleArn))
	}
	if err := s.trusted(ctx, role, in, tags, transitive); err != nil {
		return nil, err
	}
	if err := s.checkSessionPolicies(role.Account, in.Policy, in.PolicyArns, tags); err != nil {
		return nil, err
	}
	chained = chained && calling.RoleARN != ""
	d := seconds(in.DurationSeconds, time.Hour)
	if chained && d > time.Hour {
		return nil, validation("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	}
	if err := checkDuration(role, d); err != nil {
		return nil, err
	}
	if calling != nil && calling.SourceIdentity != "" && in.SourceIdentity != nil && *in.SourceIdentity != calling.SourceIdentity {
		// IAM User Guide, "Monitor and control actions taken with assumed
		// roles": once set it cannot be changed.
		// unverified: AWS's text
		return nil, notAuthorized(c, "sts:SetSourceIdentity", role.ARN)
	}
	session := identity.RoleSession(role, value(in.RoleSessionName))
	session.Policy, session.PolicyARNs = value(in.Policy), policyARNs(in.PolicyArns)
	session.Tags, session.TransitiveTags = tags, transitive
	session.SourceIdentity = sourceIdentity(in, calling)
	issued, err := s.identity.Issue(ctx, session, d)
	if err != nil {
		return nil, err
	}
	out := &sdk.AssumeRoleOutput{
		AssumedRoleUser:  &types.AssumedRoleUser{Arn: &issued.PrincipalARN, AssumedRoleId: &issued.UserID},
		Credentials:      credentials(issued),
		PackedPolicySize: packedSize(issued, false), // recording test_assume_role: absent without policy and tags
	}
	if issued.SourceIdentity != "" {
		out.SourceIdentity = &issued.SourceIdentity
	}
	return out, nil
}

// checkARN refuses what is no ARN (recording test_sts_invalid_parameters).
func checkARN(text string) error {
	parts := strings.SplitN(text, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[1] == "" || parts[2] == "" || parts[5] == "" {
		return validation(text + " is invalid")
	}
	return nil
}

func notAuthorized(c awswire.Caller, action, resource string) error {
	return accessDenied("User: " + c.ARN + " is not authorized to perform: " + action + " on resource: " + resource)
}

func checkDuration(role *state.Role, d time.Duration) error {
	if d > time.Duration(role.MaxSessionSeconds)*time.Second {
		return validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	return nil
}

// trusted asks the trust policy for the actions that the call amounts to.
func (s *Service) trusted(ctx context.Context, role *state.Role, in *sdk.AssumeRoleInput, tags map[string]string, transitive []string) error {
	c := awswire.CallerFrom(ctx)
	principal, keys := s.principal(c, assumeKeys(awswire.ClientIP(ctx), in, tags, transitive))
	refused := s.askTrust(ctx, role, principal, keys, "sts:AssumeRole", len(in.Tags) > 0, in.SourceIdentity != nil)
	if refused == nil {
		return nil
	}
	return notAuthorized(c, refused.Request.Request.Action, role.ARN)
}

// askTrust asks a role's trust policy for an action and what comes with it: a
// session with tags takes sts:TagSession, one with a source identity
// sts:SetSourceIdentity (IAM User Guide, "Pass session tags in AWS STS" and
// "Monitor and control actions taken with assumed roles"). It returns, and
// records, the first refusal.
func (s *Service) askTrust(ctx context.Context, role *state.Role, principal iampolicy.Principal, keys iampolicy.Context, action string, tagged, sourced bool) *grants.CallerRefusal {
	actions := []string{action}
	if tagged {
		actions = append(actions, "sts:TagSession")
	}
	if sourced {
		actions = append(actions, "sts:SetSourceIdentity")
	}
	now := s.now()
	trust := grants.NewAppliedPolicy(grants.TrustPolicy, role.ARN, "", role.AssumeRolePolicyDocument)
	for _, action := range actions {
		q := &grants.CallerRequest{
			Request: iampolicy.Request{Principal: principal, Action: action, Resource: role.ARN, Context: keys},
			// Whether the caller's own policies allow the call was asked before it came here.
			Root: true, ResourceAccount: role.Account, MustGrant: true, Policies: grants.CallerPolicies{Resource: trust},
		}
		verdict := grants.EvaluateCaller(q)
		if verdict.Allowed() {
			continue
		}
		_, operation := awswire.OperationName(ctx)
		refusal := &grants.CallerRefusal{
			Request: q, Verdict: verdict, Operation: "sts " + operation, Region: awswire.CallerFrom(ctx).Region,
			RequestID: awswire.RequestID(ctx), Time: now,
		}
		if s.callers != nil {
			s.callers.Refuse(refusal)
		}
		return refusal
	}
	return nil
}

// principal is the caller as policies see it, with the condition keys that it
// brings before those of the request.
func (s *Service) principal(c awswire.Caller, request iampolicy.Context) (iampolicy.Principal, iampolicy.Context) {
	if s.callers != nil {
		who := &grants.Who{Account: c.Account, Region: c.Region, ARN: c.ARN, UserID: c.UserID, AccessKeyID: c.AccessKeyID, Root: c.Root}
		q := s.callers.Request(who, "sts:AssumeRole", "", request, s.now())
		return q.Request.Principal, q.Request.Context
	}
	p := iampolicy.Principal{Type: iampolicy.AWS, ID: c.ARN, Account: c.Account, UniqueID: c.UserID}
	arn := c.ARN
	if session, ok := s.identity.Session(c.AccessKeyID); ok && session.RoleARN != "" {
		p.RoleARN, arn = session.RoleARN, session.RoleARN // of a role's session it is the role
	}
	keys := append(clock(s.now()), iampolicy.ContextKey{Name: "aws:PrincipalArn", Values: []string{arn}},
		iampolicy.ContextKey{Name: "aws:PrincipalAccount", Values: []string{c.Account}})
	return p, append(keys, request...)
}

// clock is the condition keys that tell the time.
func clock(now time.Time) iampolicy.Context {
	return iampolicy.Context{
		{Name: "aws:CurrentTime", Values: []string{now.UTC().Format(time.RFC3339)}},
		{Name: "aws:EpochTime", Values: []string{strconv.FormatInt(now.Unix(), 10)}},
	}
}

// assumeKeys are the condition keys that an AssumeRole call brings (IAM User
// Guide, "IAM and AWS STS condition context keys").
func assumeKeys(client string, in *sdk.AssumeRoleInput, tags map[string]string, transitive []string) iampolicy.Context {
	keys := iampolicy.Context{}
	add := keyAdder(&keys)
	add("aws:SourceIp", client)
	add("sts:ExternalId", value(in.ExternalId))
	add("sts:RoleSessionName", value(in.RoleSessionName))
	add("sts:SourceIdentity", value(in.SourceIdentity))
	addTags(add, tags, transitive)
	return keys
}

// keyAdder adds keys that have a value.
func keyAdder(keys *iampolicy.Context) func(name string, values ...string) {
	return func(name string, values ...string) {
		if len(values) > 0 && values[0] != "" {
			*keys = append(*keys, iampolicy.ContextKey{Name: name, Values: values})
		}
	}
}

func addTags(add func(name string, values ...string), tags map[string]string, transitive []string) {
	add("sts:TransitiveTagKeys", transitive...)
	names := slices.Sorted(maps.Keys(tags))
	for _, name := range names {
		add("aws:RequestTag/"+name, tags[name])
	}
	add("aws:TagKeys", names...)
}

// sessionTags returns the tags of a new session with those that it inherits
// from the calling one, and the keys of those it hands on. Keys are compared
// without regard to case (recordings test_assume_role_tag_validation and
// test_iam_role_chaining_override_transitive_tags).
func sessionTags(given []types.Tag, transitiveGiven []string, calling *state.Session) (tags map[string]string, transitive []string, err error) {
	tags = map[string]string{}
	names := map[string]string{} // by lower case
	for _, tag := range given {
		key := value(tag.Key)
		if _, ok := names[strings.ToLower(key)]; ok {
			return nil, nil, invalidValue("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		names[strings.ToLower(key)] = key
		tags[key] = value(tag.Value)
	}
	for _, key := range transitiveGiven {
		name, ok := names[strings.ToLower(key)]
		if !ok {
			return nil, nil, invalidValue("The specified transitive tag key must be included in the requested tags.")
		}
		transitive = append(transitive, name)
	}
	if calling == nil {
		return tags, transitive, nil
	}
	for _, key := range calling.TransitiveTags {
		if _, ok := names[strings.ToLower(key)]; ok {
			return nil, nil, invalidValue("One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
		}
		tags[key] = calling.Tags[key]
		transitive = append(transitive, key)
	}
	return tags, transitive, nil
}

// sourceIdentity is what the call sets; a session's own cannot be changed and
// is handed on.
func sourceIdentity(in *sdk.AssumeRoleInput, calling *state.Session) string {
	if calling != nil && calling.SourceIdentity != "" {
		return calling.SourceIdentity
	}
	return value(in.SourceIdentity)
}
