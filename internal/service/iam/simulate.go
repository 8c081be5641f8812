package iam

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/stagedoor/stagedoor/iampolicy"
	"github.com/stagedoor/stagedoor/internal/grants"
)

// Callers is what the simulator asks about the principals and resources of this
// stagedoor; *grants.Callers is one.
type Callers interface {
	Principal(arn string) (iampolicy.Principal, grants.CallerPolicies, bool)
	AddResource(r *grants.CallerRequest)
}

var simulatedAction = regexp.MustCompile(`^[a-zA-Z0-9-]+:[a-zA-Z0-9]+$`)

// simulation is one call of a simulator.
type simulation struct {
	s         *Service
	principal iampolicy.Principal
	root      bool
	policies  grants.CallerPolicies
	// resource is the policy that the call brings along; nil: the one that
	// hangs on the resource here, which AWS's own simulator ignores for
	// functions.
	resource *grants.AppliedPolicy
	owner    string // account of the resources, if the call says so
	context  iampolicy.Context
	actions  []string
	arns     []string
}

// SimulateCustomPolicy says what the policies in the call would allow.
//
// Unlike AWS's simulator it also asks the policies that hang on resources here,
// where the call names a caller and brings no resource policy of its own:
// function policies for actions of Lambda, trust policies for sts:AssumeRole.
func (s *Service) SimulateCustomPolicy(_ context.Context, in *sdk.SimulateCustomPolicyInput, _ ...func(*sdk.Options)) (*sdk.SimulateCustomPolicyOutput, error) {
	m := &simulation{s: s, actions: in.ActionNames, arns: in.ResourceArns}
	err := m.input(in.PolicyInputList, in.PermissionsBoundaryPolicyInputList, in.ResourcePolicy, in.ResourceOwner, in.CallerArn, in.ContextEntries)
	if err != nil {
		return nil, err
	}
	p, err := m.run(in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &sdk.SimulateCustomPolicyOutput{EvaluationResults: p.items, IsTruncated: p.truncated, Marker: p.marker}, nil
}

// SimulatePrincipalPolicy says what a user, group or role may do, with the
// policies in the call added to its own. The resources' own policies count as
// with SimulateCustomPolicy.
func (s *Service) SimulatePrincipalPolicy(_ context.Context, in *sdk.SimulatePrincipalPolicyInput, _ ...func(*sdk.Options)) (*sdk.SimulatePrincipalPolicyOutput, error) {
	m := &simulation{s: s, actions: in.ActionNames, arns: in.ResourceArns}
	source := value(in.PolicySourceArn)
	principal, policies, ok := s.simulated(source)
	if !ok {
		return nil, noSuchPrincipal(source)
	}
	m.principal, m.policies = principal, policies
	m.context = principalKeys(&principal)
	err := m.input(in.PolicyInputList, in.PermissionsBoundaryPolicyInputList, in.ResourcePolicy, in.ResourceOwner, in.CallerArn, in.ContextEntries)
	if err != nil {
		return nil, err
	}
	p, err := m.run(in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &sdk.SimulatePrincipalPolicyOutput{EvaluationResults: p.items, IsTruncated: p.truncated, Marker: p.marker}, nil
}

func (s *Service) simulated(arn string) (iampolicy.Principal, grants.CallerPolicies, bool) {
	if s.callers == nil {
		return iampolicy.Principal{}, grants.CallerPolicies{}, false
	}
	return s.callers.Principal(arn)
}

func noSuchPrincipal(arn string) error {
	parts := strings.SplitN(arn, ":", 6)
	kind, name, ok := strings.Cut(parts[len(parts)-1], "/")
	if len(parts) < 6 || !ok {
		// unverified: AWS's text for an ARN that is none of a user, group or role
		return invalidInput("Invalid Entity Arn: " + arn + " does not clearly define entity type and name.")
	}
	return noSuchEntity("The " + kind + " with name " + name[strings.LastIndexByte(name, '/')+1:] + " cannot be found.")
}

// principalKeys are the condition keys that follow from the principal.
func principalKeys(p *iampolicy.Principal) iampolicy.Context {
	keys := iampolicy.Context{
		{Name: "aws:PrincipalArn", Values: []string{p.ID}},
		{Name: "aws:PrincipalAccount", Values: []string{p.Account}},
		{Name: "aws:userid", Values: []string{p.UniqueID}},
	}
	if _, name, ok := strings.Cut(p.ID, ":user/"); ok {
		keys = append(keys,
			iampolicy.ContextKey{Name: "aws:username", Values: []string{name[strings.LastIndexByte(name, '/')+1:]}},
			iampolicy.ContextKey{Name: "aws:PrincipalType", Values: []string{"User"}})
	}
	return keys
}

// input reads what both simulators share.
func (m *simulation) input(identity, boundary []string, resource, owner, caller *string, entries []types.ContextEntry) error {
	for i, document := range identity {
		p, err := simulatedPolicy(grants.UserPolicy, fmt.Sprintf("PolicyInputList.%d", i+1), document)
		if err != nil {
			return err
		}
		m.policies.Identity = append(m.policies.Identity, p)
	}
	for i, document := range boundary { // it replaces the entity's own
		p, err := simulatedPolicy(grants.Boundary, fmt.Sprintf("PermissionsBoundaryPolicyInputList.%d", i+1), document)
		if err != nil {
			return err
		}
		m.policies.Boundary = p
	}
	if resource != nil {
		p, err := simulatedPolicy(grants.ResourcePolicy, "ResourcePolicy", *resource)
		if err != nil {
			return err
		}
		m.resource = p
	}
	if caller != nil {
		m.setCaller(*caller)
	}
	if m.resource != nil && m.principal.ID == "" {
		// unverified: AWS's text; its API reference demands the caller
		return invalidInput("CallerArn must be provided when ResourcePolicy is provided.")
	}
	if parts := strings.SplitN(value(owner), ":", 6); len(parts) == 6 {
		m.owner = parts[4]
	} else if owner != nil {
		m.owner = *owner
	}
	for _, action := range m.actions {
		if !simulatedAction.MatchString(action) {
			// unverified: AWS's text
			return invalidInput("Invalid action name: " + action)
		}
	}
	if len(m.arns) == 0 {
		m.arns = []string{"*"}
	}
	for _, e := range entries {
		m.context = append(iampolicy.Context{{Name: value(e.ContextKeyName), Values: e.ContextKeyValues}}, m.context...)
	}
	return nil
}

// setCaller simulates a call by somebody else than the owner of the policies.
func (m *simulation) setCaller(arn string) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return
	}
	m.root = parts[5] == "root"
	m.principal = iampolicy.Principal{Type: iampolicy.AWS, ID: arn, Account: parts[4]}
	if known, _, ok := m.s.simulated(arn); ok {
		m.principal = known
	}
}

// simulatedPolicy compiles a document of the call.
func simulatedPolicy(kind grants.PolicyKind, id, document string) (*grants.AppliedPolicy, error) {
	p := grants.NewAppliedPolicy(kind, "", id, document)
	if err := p.Err(); err != nil {
		// unverified: AWS's text
		return nil, invalidInput("The policy " + id + " is not valid: " + err.Error())
	}
	return p, nil
}

// run evaluates every action on every resource.
func (m *simulation) run(marker *string, maxItems *int32) (page[types.EvaluationResult], error) {
	missing := m.missingKeys()
	var results []types.EvaluationResult
	for _, action := range m.actions {
		results = append(results, m.result(action, missing))
	}
	return paginateUnsorted(results, marker, maxItems)
}

// result is the answer for one action. Over several resources it is the most
// restrictive decision, with the single ones below it (API reference,
// EvaluationResult).
// unverified: AWS names the form of the resource's ARNs there ("arn:${Partition}:
// s3:::${BucketName}"); here it is the ARN of a single resource, as recorded in
// 2025 (AWS recording test_simulate_principle_policy), and "*" for several.
func (m *simulation) result(action string, missing []string) types.EvaluationResult {
	out := types.EvaluationResult{
		EvalActionName: &action, EvalResourceName: ptr("*"), EvalDecision: types.PolicyEvaluationDecisionTypeAllowed,
		MatchedStatements: []types.Statement{}, MissingContextValues: missing,
	}
	if len(m.arns) == 1 {
		out.EvalResourceName = ptr(m.arns[0])
	}
	for _, arn := range m.arns {
		single := m.evaluate(action, arn, missing)
		out.EvalDecision = stricter(out.EvalDecision, single.EvalResourceDecision)
		out.MatchedStatements = union(out.MatchedStatements, single.MatchedStatements)
		if d := single.PermissionsBoundaryDecisionDetail; d != nil && (out.PermissionsBoundaryDecisionDetail == nil || !d.AllowedByPermissionsBoundary) {
			out.PermissionsBoundaryDecisionDetail = d
		}
		if arn != "*" {
			out.EvalDecisionDetails = single.EvalDecisionDetails
			out.ResourceSpecificResults = append(out.ResourceSpecificResults, single)
			if len(single.EvalDecisionDetails) == 0 { // recorded: above only
				out.ResourceSpecificResults[len(out.ResourceSpecificResults)-1].EvalDecisionDetails = nil
			}
		}
	}
	return out
}

func stricter(a, b types.PolicyEvaluationDecisionType) types.PolicyEvaluationDecisionType {
	rank := func(d types.PolicyEvaluationDecisionType) int {
		switch d {
		case types.PolicyEvaluationDecisionTypeExplicitDeny:
			return 2
		case types.PolicyEvaluationDecisionTypeImplicitDeny:
			return 1
		}
		return 0
	}
	if rank(b) > rank(a) {
		return b
	}
	return a
}

func union(all, more []types.Statement) []types.Statement {
	for _, s := range more {
		known := false
		for _, have := range all {
			known = known || *have.SourcePolicyId == *s.SourcePolicyId && *have.StartPosition == *s.StartPosition
		}
		if !known {
			all = append(all, s)
		}
	}
	return all
}
