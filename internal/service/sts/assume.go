package sts

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/stagedoor/stagedoor/awswire"
	"github.com/stagedoor/stagedoor/iampolicy"
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
	if err := checkSessionPolicy(in.Policy); err != nil {
		return nil, err
	}
	role, ok := s.identity.Role(value(in.RoleArn))
	if !ok {
		return nil, notAuthorized(c, "sts:AssumeRole", value(in.RoleArn))
	}
	if err := s.trusted(c, role, in, tags, transitive); err != nil {
		return nil, err
	}
	chained = chained && calling.RoleARN != ""
	d := seconds(in.DurationSeconds, time.Hour)
	switch {
	case chained && d > time.Hour:
		return nil, validation("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	case d > time.Duration(role.MaxSessionSeconds)*time.Second:
		return nil, validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
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

// trusted asks the trust policy for the actions that the call amounts to (IAM
// User Guide, "Pass session tags in AWS STS" and "Monitor and control actions
// taken with assumed roles").
func (s *Service) trusted(c awswire.Caller, role *state.Role, in *sdk.AssumeRoleInput, tags map[string]string, transitive []string) error {
	actions := []string{"sts:AssumeRole"}
	if len(in.Tags) > 0 {
		actions = append(actions, "sts:TagSession")
	}
	if in.SourceIdentity != nil {
		actions = append(actions, "sts:SetSourceIdentity")
	}
	policy, err := iampolicy.Parse([]byte(role.AssumeRolePolicyDocument))
	if err != nil {
		return notAuthorized(c, actions[0], role.ARN)
	}
	request := iampolicy.Request{
		Principal: s.principal(c), Resource: role.ARN,
		Context: assumeContext(c, in, tags, transitive),
	}
	if role := request.Principal.RoleARN; role != "" { // of a role's session it is the role
		request.Context = append(iampolicy.Context{{Name: "aws:PrincipalArn", Values: []string{role}}}, request.Context...)
	}
	for _, action := range actions {
		request.Action = action
		if policy.Evaluate(&request) != iampolicy.Allow {
			return notAuthorized(c, action, role.ARN)
		}
	}
	return nil
}

// principal is the caller as policies see it.
func (s *Service) principal(c awswire.Caller) iampolicy.Principal {
	p := iampolicy.Principal{Type: iampolicy.AWS, ID: c.ARN, Account: c.Account, UniqueID: c.UserID}
	if session, ok := s.identity.Session(c.AccessKeyID); ok {
		p.RoleARN = session.RoleARN
	}
	return p
}

// assumeContext holds the condition keys of an AssumeRole call (IAM User
// Guide, "IAM and AWS STS condition context keys").
func assumeContext(c awswire.Caller, in *sdk.AssumeRoleInput, tags map[string]string, transitive []string) iampolicy.Context {
	keys := iampolicy.Context{}
	add := func(name string, values ...string) {
		if len(values) > 0 && values[0] != "" {
			keys = append(keys, iampolicy.ContextKey{Name: name, Values: values})
		}
	}
	add("aws:PrincipalArn", c.ARN)
	add("aws:PrincipalAccount", c.Account)
	add("aws:userid", c.UserID)
	add("aws:RequestedRegion", c.Region)
	if _, name, ok := strings.Cut(c.ARN, ":user/"); ok {
		add("aws:username", name[strings.LastIndexByte(name, '/')+1:])
	}
	add("sts:ExternalId", value(in.ExternalId))
	add("sts:RoleSessionName", value(in.RoleSessionName))
	add("sts:SourceIdentity", value(in.SourceIdentity))
	add("sts:TransitiveTagKeys", transitive...)
	names := slices.Sorted(maps.Keys(tags))
	for _, name := range names {
		add("aws:RequestTag/"+name, tags[name])
	}
	add("aws:TagKeys", names...)
	return keys
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

func policyARNs(list []types.PolicyDescriptorType) []string {
	var arns []string
	for _, p := range list {
		arns = append(arns, value(p.Arn))
	}
	return arns
}

// checkSessionPolicy refuses a session policy that is none.
func checkSessionPolicy(document *string) error {
	if document == nil {
		return nil
	}
	if _, err := iampolicy.Parse([]byte(*document)); err != nil {
		text := "Syntax errors in policy." // unverified for STS
		return &types.MalformedPolicyDocumentException{Message: &text}
	}
	return nil
}

// packedSize is how much of the room for session policies and tags is used, in
// per cent; nil where AWS leaves it out.
//
// unverified: AWS packs them into a binary form that is not public; this is
// the share of the 2,048 characters of plain text that it allows.
func packedSize(s *state.Session, always bool) *int32 {
	size := len(s.Policy)
	for _, arn := range s.PolicyARNs {
		size += len(arn)
	}
	for key, text := range s.Tags {
		size += len(key) + len(text)
	}
	if size == 0 && !always {
		return nil
	}
	percent := int32((size*100 + 2047) / 2048)
	return &percent
}
