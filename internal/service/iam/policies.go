package iam

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

const (
	maxPolicySize     = 6144 // characters without white space; IAM User Guide, "IAM and STS quotas"
	maxPolicyVersions = 5
)

// checkARN refuses what is no ARN (recording test_role_attach_policy; the two
// spaces are AWS's).
func checkARN(text string) error {
	parts := strings.SplitN(text, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[1] == "" || parts[2] == "" || parts[5] == "" {
		return validation("Invalid ARN:  Could not be parsed!")
	}
	return nil
}

// policy finds a managed policy, the customer's or AWS's.
func (s *Service) policy(ctx context.Context, policyARN string) (*state.ManagedPolicy, error) {
	if err := checkARN(policyARN); err != nil {
		return nil, err
	}
	if policy, ok := managedPolicies()[policyARN]; ok {
		return policy.record(), nil
	}
	policy, _, err := store.Get[state.ManagedPolicy](s.store, state.ManagedPolicyKey(account(ctx), policyARN))
	return policy, absent(err, missingPolicy(policyARN))
}

// missingPolicy is AWS's text (recording
// test_delete_non_existent_policy_returns_no_such_entity).
func missingPolicy(policyARN string) string {
	return "Policy " + policyARN + " was not found."
}

// attachable refuses a policy that cannot be attached (recording
// test_role_attach_policy).
func (s *Service) attachable(ctx context.Context, policyARN string) error {
	_, err := s.policy(ctx, policyARN)
	var missing *types.NoSuchEntityException
	if errors.As(err, &missing) {
		return noSuchEntity("Policy " + policyARN + " does not exist or is not attachable.")
	}
	return err
}

// updatePolicy changes a policy of the customer's.
func (s *Service) updatePolicy(ctx context.Context, policyARN string, change func(*state.ManagedPolicy) error) (*state.ManagedPolicy, error) {
	if err := checkARN(policyARN); err != nil {
		return nil, err
	}
	if _, ok := managedPolicies()[policyARN]; ok {
		// unverified: AWS's text for changes to its own policies
		return nil, &types.InvalidInputException{Message: ptr("Cannot change the AWS managed policy " + policyARN + ".")}
	}
	policy, err := store.Update(ctx, s.store, state.ManagedPolicyKey(account(ctx), policyARN), change)
	return policy, absent(err, missingPolicy(policyARN))
}

// localPolicies lists the policies of the caller's account by name.
func (s *Service) localPolicies(ctx context.Context) []*state.ManagedPolicy {
	var list []*state.ManagedPolicy
	for _, item := range store.List[state.ManagedPolicy](s.store, state.ManagedPolicies.Child(account(ctx))) {
		list = append(list, item.Record)
	}
	sortByName(list, func(p *state.ManagedPolicy) string { return p.Name })
	return list
}

// CreatePolicy makes a managed policy with its version v1.
func (s *Service) CreatePolicy(ctx context.Context, in *sdk.CreatePolicyInput, _ ...func(*sdk.Options)) (*sdk.CreatePolicyOutput, error) {
	if err := checkManagedPolicy(value(in.PolicyDocument)); err != nil {
		return nil, err
	}
	name := value(in.PolicyName)
	taken := "A policy called " + name + " already exists. Duplicate names are not allowed."
	for _, policy := range s.localPolicies(ctx) {
		if strings.EqualFold(policy.Name, name) {
			return nil, alreadyExists(taken)
		}
	}
	identity, err := s.newIdentity(ctx, "policy", "ANPA", name, in.Path)
	if err != nil {
		return nil, err
	}
	policy := &state.ManagedPolicy{
		Account: identity.Account, Path: identity.Path, Name: name, ID: identity.ID, ARN: identity.ARN,
		Description: value(in.Description), CreateDate: identity.CreateDate, UpdateDate: identity.CreateDate,
		DefaultVersion: "v1", LastVersion: 1,
		Versions: map[string]*state.PolicyVersion{"v1": {Document: value(in.PolicyDocument), CreateDate: identity.CreateDate}},
	}
	if err := setTags(&policy.Tags, &policy.TagOrder, in.Tags, "TagsPerPolicy"); err != nil {
		return nil, err
	}
	if _, err = store.Create(ctx, s.store, state.ManagedPolicyKey(policy.Account, policy.ARN), policy); err != nil {
		if errors.Is(err, store.ErrExists) {
			err = alreadyExists(taken)
		}
		return nil, err
	}
	answer := policyAnswer(policy, usage{})
	answer.Tags = tagList(policy.Tags, policy.TagOrder)
	return &sdk.CreatePolicyOutput{Policy: &answer}, nil
}

// usage counts where a policy is used.
type usage struct{ attached, boundary int32 }

// usages counts the uses of all policies in the caller's account.
func (s *Service) usages(ctx context.Context) map[string]usage {
	counts := map[string]usage{}
	count := func(i *state.Identity) {
		for _, policyARN := range i.AttachedPolicies {
			u := counts[policyARN]
			u.attached++
			counts[policyARN] = u
		}
		if b := i.PermissionsBoundary; b != "" {
			u := counts[b]
			u.boundary++
			counts[b] = u
		}
	}
	for _, role := range list(ctx, s, roles(), nil) {
		count(&role.Identity)
	}
	for _, user := range list(ctx, s, users(), nil) {
		count(&user.Identity)
	}
	for _, group := range list(ctx, s, groups(), nil) {
		count(&group.Identity)
	}
	return counts
}

func policyAnswer(p *state.ManagedPolicy, u usage) types.Policy {
	return types.Policy{
		Arn: ptr(p.ARN), PolicyId: ptr(p.ID), PolicyName: ptr(p.Name), Path: ptr(p.Path),
		CreateDate: ptr(p.CreateDate), UpdateDate: ptr(p.UpdateDate), DefaultVersionId: ptr(p.DefaultVersion),
		AttachmentCount: ptr(u.attached), PermissionsBoundaryUsageCount: ptr(u.boundary), IsAttachable: true,
	}
}

// GetPolicy describes a managed policy.
func (s *Service) GetPolicy(ctx context.Context, in *sdk.GetPolicyInput, _ ...func(*sdk.Options)) (*sdk.GetPolicyOutput, error) {
	policy, err := s.policy(ctx, value(in.PolicyArn))
	if err != nil {
		return nil, err
	}
	answer := policyAnswer(policy, s.usages(ctx)[policy.ARN])
	answer.Description = orNil(policy.Description)
	answer.Tags = tagList(policy.Tags, policy.TagOrder)
	return &sdk.GetPolicyOutput{Policy: &answer}, nil
}

// ListPolicies lists managed policies: the customer's, AWS's, or all.
func (s *Service) ListPolicies(ctx context.Context, in *sdk.ListPoliciesInput, _ ...func(*sdk.Options)) (*sdk.ListPoliciesOutput, error) {
	var all []*state.ManagedPolicy
	if in.Scope != types.PolicyScopeTypeAws {
		all = s.localPolicies(ctx)
	}
	if in.Scope != types.PolicyScopeTypeLocal {
		all = append(all, awsManaged()...)
		sortByName(all, policyOrder)
	}
	counts := s.usages(ctx)
	all = slices.DeleteFunc(all, func(p *state.ManagedPolicy) bool {
		u := counts[p.ARN]
		return !strings.HasPrefix(p.Path, value(in.PathPrefix)) || in.OnlyAttached && u.attached == 0 ||
			in.PolicyUsageFilter == types.PolicyUsageTypePermissionsPolicy && u.attached == 0 ||
			in.PolicyUsageFilter == types.PolicyUsageTypePermissionsBoundary && u.boundary == 0
	})
	p, err := paginate(all, in.Marker, in.MaxItems, policyOrder)
	if err != nil {
		return nil, err
	}
	out := &sdk.ListPoliciesOutput{IsTruncated: p.truncated, Marker: p.marker, Policies: []types.Policy{}}
	for _, policy := range p.items {
		out.Policies = append(out.Policies, policyAnswer(policy, counts[policy.ARN]))
	}
	return out, nil
}

// policyOrder makes names unique between the customer and AWS.
func policyOrder(p *state.ManagedPolicy) string { return p.Name + " " + p.ARN }

// DeletePolicy deletes a policy that is attached to nothing and has one
// version.
func (s *Service) DeletePolicy(ctx context.Context, in *sdk.DeletePolicyInput, _ ...func(*sdk.Options)) (*sdk.DeletePolicyOutput, error) {
	policyARN := value(in.PolicyArn)
	policy, err := s.policy(ctx, policyARN)
	if err != nil {
		return nil, err
	}
	u := s.usages(ctx)[policyARN]
	switch {
	case policy.Account == "aws":
		return nil, invalidInput("Cannot delete the AWS managed policy " + policyARN + ".") // unverified: AWS's text
	case u.attached > 0 || u.boundary > 0:
		return nil, deleteConflict("Cannot delete a policy attached to entities.")
	case len(policy.Versions) > 1:
		return nil, deleteConflict("This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
	}
	err = store.Delete(ctx, s.store, state.ManagedPolicyKey(account(ctx), policyARN))
	return &sdk.DeletePolicyOutput{}, absent(err, missingPolicy(policyARN))
}

// CreatePolicyVersion adds a version to a policy.
func (s *Service) CreatePolicyVersion(ctx context.Context, in *sdk.CreatePolicyVersionInput, _ ...func(*sdk.Options)) (*sdk.CreatePolicyVersionOutput, error) {
	if _, err := s.policy(ctx, value(in.PolicyArn)); err != nil {
		return nil, err
	}
	if err := checkManagedPolicy(value(in.PolicyDocument)); err != nil {
		return nil, err
	}
	var id string
	policy, err := s.updatePolicy(ctx, value(in.PolicyArn), func(p *state.ManagedPolicy) error {
		if len(p.Versions) >= maxPolicyVersions {
			return limitExceeded("A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.")
		}
		p.LastVersion++
		id = "v" + strconv.Itoa(p.LastVersion)
		p.Versions[id] = &state.PolicyVersion{Document: value(in.PolicyDocument), CreateDate: s.date()}
		p.UpdateDate = s.date()
		if in.SetAsDefault {
			p.DefaultVersion = id
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	version := versionAnswer(policy, id)
	version.Document = nil // IAM API Reference: not in this answer
	return &sdk.CreatePolicyVersionOutput{PolicyVersion: &version}, nil
}

func versionAnswer(p *state.ManagedPolicy, id string) types.PolicyVersion {
	version := p.Versions[id]
	return types.PolicyVersion{
		VersionId: ptr(id), IsDefaultVersion: id == p.DefaultVersion, CreateDate: ptr(version.CreateDate),
		Document: ptr(encodeDocument(version.Document)),
	}
}

func missingVersion(policyARN, id string) error {
	return noSuchEntity(fmt.Sprintf("Policy %s version %s does not exist or is not attachable.", policyARN, id))
}

// GetPolicyVersion returns one version with its document, URL-encoded. Of
// AWS's policies only the default version is known here.
func (s *Service) GetPolicyVersion(ctx context.Context, in *sdk.GetPolicyVersionInput, _ ...func(*sdk.Options)) (*sdk.GetPolicyVersionOutput, error) {
	policy, err := s.policy(ctx, value(in.PolicyArn))
	if err != nil {
		return nil, err
	}
	if policy.Versions[value(in.VersionId)] == nil {
		return nil, missingVersion(policy.ARN, value(in.VersionId))
	}
	return &sdk.GetPolicyVersionOutput{PolicyVersion: ptr(versionAnswer(policy, value(in.VersionId)))}, nil
}

// versionIDs lists the versions of a policy, the newest first, as AWS does.
func versionIDs(p *state.ManagedPolicy) []string {
	number := func(id string) int {
		n, _ := strconv.Atoi(strings.TrimPrefix(id, "v"))
		return n
	}
	ids := slices.Collect(maps.Keys(p.Versions))
	slices.SortFunc(ids, func(a, b string) int { return number(b) - number(a) })
	return ids
}

// ListPolicyVersions lists the versions of a policy without their documents.
func (s *Service) ListPolicyVersions(ctx context.Context, in *sdk.ListPolicyVersionsInput, _ ...func(*sdk.Options)) (*sdk.ListPolicyVersionsOutput, error) {
	policy, err := s.policy(ctx, value(in.PolicyArn))
	if err != nil {
		return nil, err
	}
	p, err := paginateUnsorted(versionIDs(policy), in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	out := &sdk.ListPolicyVersionsOutput{IsTruncated: p.truncated, Marker: p.marker, Versions: []types.PolicyVersion{}}
	for _, id := range p.items {
		version := versionAnswer(policy, id)
		version.Document = nil
		out.Versions = append(out.Versions, version)
	}
	return out, nil
}

// DeletePolicyVersion deletes a version other than the default.
func (s *Service) DeletePolicyVersion(ctx context.Context, in *sdk.DeletePolicyVersionInput, _ ...func(*sdk.Options)) (*sdk.DeletePolicyVersionOutput, error) {
	_, err := s.updatePolicy(ctx, value(in.PolicyArn), func(p *state.ManagedPolicy) error {
		id := value(in.VersionId)
		switch {
		case p.Versions[id] == nil:
			return missingVersion(p.ARN, id)
		case p.DefaultVersion == id:
			return deleteConflict("Cannot delete the default version of a policy.")
		}
		delete(p.Versions, id)
		return nil
	})
	return &sdk.DeletePolicyVersionOutput{}, err
}

// SetDefaultPolicyVersion puts a version into force.
func (s *Service) SetDefaultPolicyVersion(ctx context.Context, in *sdk.SetDefaultPolicyVersionInput, _ ...func(*sdk.Options)) (*sdk.SetDefaultPolicyVersionOutput, error) {
	_, err := s.updatePolicy(ctx, value(in.PolicyArn), func(p *state.ManagedPolicy) error {
		if p.Versions[value(in.VersionId)] == nil {
			return missingVersion(p.ARN, value(in.VersionId))
		}
		p.DefaultVersion = value(in.VersionId)
		p.UpdateDate = s.date()
		return nil
	})
	return &sdk.SetDefaultPolicyVersionOutput{}, err
}
