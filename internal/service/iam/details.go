package iam

import (
	"context"
	"maps"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/stagedoor/stagedoor/internal/state"
)

// policyUser is one entity in the answer of ListEntitiesForPolicy.
type policyUser struct {
	kind string
	of   *state.Identity
}

// ListEntitiesForPolicy lists the roles, users and groups that a managed
// policy is attached to, or bounds.
func (s *Service) ListEntitiesForPolicy(ctx context.Context, in *sdk.ListEntitiesForPolicyInput, _ ...func(*sdk.Options)) (*sdk.ListEntitiesForPolicyOutput, error) {
	policy, err := s.policy(ctx, value(in.PolicyArn))
	if err != nil {
		return nil, err
	}
	uses := func(i *state.Identity) bool {
		attached, bounds := slices.Contains(i.AttachedPolicies, policy.ARN), i.PermissionsBoundary == policy.ARN
		switch in.PolicyUsageFilter {
		case types.PolicyUsageTypePermissionsBoundary:
			return bounds
		case types.PolicyUsageTypePermissionsPolicy:
			return attached
		default:
			return attached || bounds
		}
	}
	var found []policyUser
	for _, e := range s.entities(ctx, in.PathPrefix) {
		if uses(e.of) && (in.EntityFilter == "" || strings.EqualFold(string(in.EntityFilter), e.kind)) {
			found = append(found, e)
		}
	}
	p, err := paginateUnsorted(found, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	out := &sdk.ListEntitiesForPolicyOutput{
		IsTruncated: p.truncated, Marker: p.marker,
		PolicyRoles: []types.PolicyRole{}, PolicyUsers: []types.PolicyUser{}, PolicyGroups: []types.PolicyGroup{},
	}
	for _, e := range p.items {
		switch e.kind {
		case "role":
			out.PolicyRoles = append(out.PolicyRoles, types.PolicyRole{RoleId: ptr(e.of.ID), RoleName: ptr(e.of.Name)})
		case "user":
			out.PolicyUsers = append(out.PolicyUsers, types.PolicyUser{UserId: ptr(e.of.ID), UserName: ptr(e.of.Name)})
		default:
			out.PolicyGroups = append(out.PolicyGroups, types.PolicyGroup{GroupId: ptr(e.of.ID), GroupName: ptr(e.of.Name)})
		}
	}
	return out, nil
}

// entities lists everything that policies can be attached to.
func (s *Service) entities(ctx context.Context, pathPrefix *string) []policyUser {
	var all []policyUser
	for _, role := range list(ctx, s, roles(), pathPrefix) {
		all = append(all, policyUser{"role", &role.Identity})
	}
	for _, user := range list(ctx, s, users(), pathPrefix) {
		all = append(all, policyUser{"user", &user.Identity})
	}
	for _, group := range list(ctx, s, groups(), pathPrefix) {
		all = append(all, policyUser{"group", &group.Identity})
	}
	return all
}

// GetAccountAuthorizationDetails describes all identities of the account with
// their policies: what doctor reads.
func (s *Service) GetAccountAuthorizationDetails(ctx context.Context, in *sdk.GetAccountAuthorizationDetailsInput, _ ...func(*sdk.Options)) (*sdk.GetAccountAuthorizationDetailsOutput, error) {
	wanted := func(t types.EntityType) bool { return len(in.Filter) == 0 || slices.Contains(in.Filter, t) }
	out := &sdk.GetAccountAuthorizationDetailsOutput{
		UserDetailList: []types.UserDetail{}, GroupDetailList: []types.GroupDetail{},
		RoleDetailList: []types.RoleDetail{}, Policies: []types.ManagedPolicyDetail{},
	}
	// One page over everything: each step adds one entity to the answer.
	var steps []func()
	if wanted(types.EntityTypeUser) {
		for _, user := range list(ctx, s, users(), nil) {
			steps = append(steps, func() { out.UserDetailList = append(out.UserDetailList, userDetail(user)) })
		}
	}
	if wanted(types.EntityTypeGroup) {
		for _, group := range list(ctx, s, groups(), nil) {
			steps = append(steps, func() { out.GroupDetailList = append(out.GroupDetailList, groupDetail(group)) })
		}
	}
	if wanted(types.EntityTypeRole) {
		for _, role := range list(ctx, s, roles(), nil) {
			steps = append(steps, func() { out.RoleDetailList = append(out.RoleDetailList, s.roleDetail(ctx, role)) })
		}
	}
	counts := s.usages(ctx)
	for _, policy := range s.detailedPolicies(ctx, wanted, counts) {
		steps = append(steps, func() { out.Policies = append(out.Policies, policyDetail(policy, counts[policy.ARN])) })
	}
	p, err := paginateUnsorted(steps, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	for _, step := range p.items {
		step()
	}
	out.IsTruncated, out.Marker = p.truncated, p.marker
	return out, nil
}

// detailedPolicies lists the customer's policies and those of AWS that are in
// use, which are the ones that AWS shows.
func (s *Service) detailedPolicies(ctx context.Context, wanted func(types.EntityType) bool, counts map[string]usage) []*state.ManagedPolicy {
	var all []*state.ManagedPolicy
	if wanted(types.EntityTypeLocalManagedPolicy) {
		all = s.localPolicies(ctx)
	}
	if wanted(types.EntityTypeAWSManagedPolicy) {
		for _, policy := range awsManaged() {
			if counts[policy.ARN] != (usage{}) {
				all = append(all, policy)
			}
		}
	}
	return all
}

func inlineDetail(i *state.Identity) []types.PolicyDetail {
	list := []types.PolicyDetail{}
	for _, name := range slices.Sorted(maps.Keys(i.InlinePolicies)) {
		list = append(list, types.PolicyDetail{PolicyName: ptr(name), PolicyDocument: ptr(encodeDocument(i.InlinePolicies[name]))})
	}
	return list
}

func attachedDetail(i *state.Identity) []types.AttachedPolicy {
	return append([]types.AttachedPolicy{}, attachedPolicies(i, "")...)
}

func userDetail(u *state.User) types.UserDetail {
	return types.UserDetail{
		Arn: ptr(u.ARN), CreateDate: ptr(u.CreateDate), Path: ptr(u.Path), UserId: ptr(u.ID), UserName: ptr(u.Name),
		GroupList: append([]string{}, u.Groups...), Tags: tagList(u.Tags, u.TagOrder),
		PermissionsBoundary: boundaryAnswer(u.PermissionsBoundary),
		UserPolicyList:      inlineDetail(&u.Identity), AttachedManagedPolicies: attachedDetail(&u.Identity),
	}
}

func groupDetail(g *state.Group) types.GroupDetail {
	return types.GroupDetail{
		Arn: ptr(g.ARN), CreateDate: ptr(g.CreateDate), Path: ptr(g.Path), GroupId: ptr(g.ID), GroupName: ptr(g.Name),
		GroupPolicyList: inlineDetail(&g.Identity), AttachedManagedPolicies: attachedDetail(&g.Identity),
	}
}

func (s *Service) roleDetail(ctx context.Context, r *state.Role) types.RoleDetail {
	whole := s.wholeRole(r)
	return types.RoleDetail{
		Arn: whole.Arn, CreateDate: whole.CreateDate, Path: whole.Path, RoleId: whole.RoleId, RoleName: whole.RoleName,
		AssumeRolePolicyDocument: whole.AssumeRolePolicyDocument, Tags: whole.Tags,
		PermissionsBoundary: whole.PermissionsBoundary, RoleLastUsed: whole.RoleLastUsed,
		InstanceProfileList: s.profileAnswers(ctx, s.profilesOf(ctx, r.Name)),
		RolePolicyList:      inlineDetail(&r.Identity), AttachedManagedPolicies: attachedDetail(&r.Identity),
	}
}

func policyDetail(p *state.ManagedPolicy, u usage) types.ManagedPolicyDetail {
	a := policyAnswer(p, u)
	detail := types.ManagedPolicyDetail{
		Arn: a.Arn, PolicyId: a.PolicyId, PolicyName: a.PolicyName, Path: a.Path, Description: orNil(p.Description),
		CreateDate: a.CreateDate, UpdateDate: a.UpdateDate, DefaultVersionId: a.DefaultVersionId, IsAttachable: true,
		AttachmentCount: a.AttachmentCount, PermissionsBoundaryUsageCount: a.PermissionsBoundaryUsageCount,
		PolicyVersionList: []types.PolicyVersion{},
	}
	for _, id := range versionIDs(p) {
		detail.PolicyVersionList = append(detail.PolicyVersionList, versionAnswer(p, id))
	}
	return detail
}
