package iam

import (
	"cmp"
	"context"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/stagedoor/stagedoor/iampolicy"
	"github.com/stagedoor/stagedoor/internal/grants"
)

// evaluate decides one action on one resource.
func (m *simulation) evaluate(action, arn string, missing []string) types.ResourceSpecificResult {
	q := &grants.CallerRequest{
		Request:  iampolicy.Request{Principal: m.principal, Action: action, Resource: arn, Context: m.context},
		Root:     m.root,
		Policies: m.policies,
	}
	q.Request.Principal.Type = iampolicy.AWS // without a caller: somebody of the account
	switch {
	case m.resource != nil:
		q.Policies.Resource = m.resource
		if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
			q.ResourceAccount = parts[4]
		}
	case m.principal.ID != "" && m.s.callers != nil:
		m.s.callers.AddResource(q)
	}
	if m.owner != "" {
		q.ResourceAccount = m.owner
	}
	if m.principal.Account == "" { // nobody in particular: everything is in one account
		q.ResourceAccount = ""
	}
	verdict := grants.EvaluateCaller(q)
	out := types.ResourceSpecificResult{
		EvalResourceName: &arn, EvalResourceDecision: decisionOf(verdict), MissingContextValues: missing,
		MatchedStatements: matched(q, verdict), EvalDecisionDetails: details(q),
	}
	if b := q.Policies.Boundary; b != nil {
		effect, _ := b.Applying(&q.Request)
		out.PermissionsBoundaryDecisionDetail = &types.PermissionsBoundaryDecisionDetail{AllowedByPermissionsBoundary: effect == iampolicy.Allow}
	}
	return out
}

func decisionOf(v grants.CallerVerdict) types.PolicyEvaluationDecisionType {
	switch {
	case v.Allowed():
		return types.PolicyEvaluationDecisionTypeAllowed
	case v.Basis == grants.ExplicitDeny:
		return types.PolicyEvaluationDecisionTypeExplicitDeny
	default:
		return types.PolicyEvaluationDecisionTypeImplicitDeny
	}
}

// details say, across accounts, what each side decides; within one they are
// empty.
// unverified: the names of the two sides.
func details(q *grants.CallerRequest) map[string]types.PolicyEvaluationDecisionType {
	out := map[string]types.PolicyEvaluationDecisionType{}
	if q.ResourceAccount == "" || q.ResourceAccount == q.Request.Principal.Account {
		return out
	}
	own := iampolicy.NoMatch
	for _, p := range q.Policies.Identity {
		effect, _ := p.Applying(&q.Request)
		own = max(own, effect)
	}
	out["IAM Policy"] = decisionName(own)
	if p := q.Policies.Resource; p != nil {
		effect, _ := p.Applying(&q.Request)
		out["Resource Policy"] = decisionName(effect)
	} else {
		out["Resource Policy"] = types.PolicyEvaluationDecisionTypeImplicitDeny
	}
	return out
}

func decisionName(e iampolicy.Effect) types.PolicyEvaluationDecisionType {
	switch e {
	case iampolicy.Allow:
		return types.PolicyEvaluationDecisionTypeAllowed
	case iampolicy.Deny:
		return types.PolicyEvaluationDecisionTypeExplicitDeny
	default:
		return types.PolicyEvaluationDecisionTypeImplicitDeny
	}
}

// matched lists the statements that the decision rests on, those of the
// boundary left out; an implicit deny rests on none.
func matched(q *grants.CallerRequest, v grants.CallerVerdict) []types.Statement {
	list := []types.Statement{}
	want := iampolicy.Allow
	switch {
	case v.Basis == grants.ExplicitDeny:
		want = iampolicy.Deny
	case !v.Allowed():
		return list
	}
	policies := slices.Clone(q.Policies.Identity)
	if q.Policies.Resource != nil {
		policies = append(policies, q.Policies.Resource)
	}
	for _, p := range policies {
		effect, indexes := p.Applying(&q.Request)
		if effect != want {
			continue
		}
		for _, i := range indexes {
			begin, end := p.Compiled().StatementSpan(i)
			list = append(list, types.Statement{
				SourcePolicyId: ptr(policyID(p)), SourcePolicyType: policyType(p),
				StartPosition: position(begin), EndPosition: position(end),
			})
		}
	}
	return list
}

func position(p iampolicy.Position) *types.Position {
	return &types.Position{Line: int32(p.Line), Column: int32(p.Column)}
}

// policyID names a policy as AWS's simulator does: a managed one by its name, an
// inline one by its owner and name ("user_ada_reading"), one of the call by its
// place.
// unverified: the form for inline policies.
func policyID(p *grants.AppliedPolicy) string {
	switch {
	case strings.HasPrefix(p.Name(), "arn:"):
		return p.Name()[strings.LastIndexByte(p.Name(), '/')+1:]
	case p.Owner == "" || p.Name() == "":
		return cmp.Or(p.Name(), "ResourcePolicy")
	}
	kind, _, _ := strings.Cut(string(p.Kind), " ")
	return kind + "_" + p.Owner[strings.LastIndexByte(p.Owner, '/')+1:] + "_" + p.Name()
}

// policyType is the text that AWS sends, which is none of the model's enum (AWS
// recording test_simulate_principle_policy).
// unverified: that of resource policies.
func policyType(p *grants.AppliedPolicy) types.PolicySourceType {
	switch p.Kind {
	case grants.ResourcePolicy, grants.FunctionPolicy, grants.TrustPolicy:
		return "Resource Policy"
	default:
		return "IAM Policy"
	}
}

// keyed collects condition keys, each once, in the order in which they appear.
func keyed(list []*grants.AppliedPolicy, given iampolicy.Context) []string {
	keys := []string{}
	for _, p := range list {
		if p == nil || p.Compiled() == nil {
			continue
		}
		for _, key := range p.Compiled().Keys() {
			seen := slices.ContainsFunc(keys, func(k string) bool { return strings.EqualFold(k, key) })
			if !seen && given.Lookup(key) == nil {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

// missingKeys are the keys that the policies ask for and nobody gave.
func (m *simulation) missingKeys() []string {
	list := slices.Clone(m.policies.Identity)
	return keyed(append(list, m.policies.Boundary, m.resource), m.context)
}

// GetContextKeysForCustomPolicy lists the condition keys that policies ask for.
func (s *Service) GetContextKeysForCustomPolicy(_ context.Context, in *sdk.GetContextKeysForCustomPolicyInput, _ ...func(*sdk.Options)) (*sdk.GetContextKeysForCustomPolicyOutput, error) {
	keys, err := contextKeys(nil, in.PolicyInputList)
	if err != nil {
		return nil, err
	}
	return &sdk.GetContextKeysForCustomPolicyOutput{ContextKeyNames: keys}, nil
}

// GetContextKeysForPrincipalPolicy lists the condition keys that the policies of
// a user, group or role ask for, and those in the call.
func (s *Service) GetContextKeysForPrincipalPolicy(_ context.Context, in *sdk.GetContextKeysForPrincipalPolicyInput, _ ...func(*sdk.Options)) (*sdk.GetContextKeysForPrincipalPolicyOutput, error) {
	_, policies, ok := s.simulated(value(in.PolicySourceArn))
	if !ok {
		return nil, noSuchPrincipal(value(in.PolicySourceArn))
	}
	keys, err := contextKeys(policies.Identity, in.PolicyInputList)
	if err != nil {
		return nil, err
	}
	return &sdk.GetContextKeysForPrincipalPolicyOutput{ContextKeyNames: keys}, nil
}

func contextKeys(own []*grants.AppliedPolicy, documents []string) ([]string, error) {
	list := slices.Clone(own)
	for _, document := range documents {
		p, err := simulatedPolicy(grants.UserPolicy, "", document)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return keyed(list, nil), nil
}
