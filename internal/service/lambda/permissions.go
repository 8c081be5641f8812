package lambda

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// AddPermission adds a statement to the policy of a function, of one version
// or of one alias: each has a policy of its own.
func (s *Service) AddPermission(ctx context.Context, in *lambda.AddPermissionInput, _ ...func(*lambda.Options)) (*lambda.AddPermissionOutput, error) {
	t, err := resolveOwn(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	if t.qualifier == latest {
		return nil, invalid("We currently do not support adding policies for $LATEST.")
	}
	var text string
	err = s.changePolicy(ctx, t, func(fn *state.Function, policy *document) error {
		if err := s.policyOwner(t, fn); err != nil {
			return err
		}
		raw, err := newStatement(t, in)
		if err != nil {
			return err
		}
		if err := s.checkPolicyRevision(t, fn, in.RevisionId); err != nil {
			return err
		}
		if policy.find(deref(in.StatementId)) >= 0 {
			return conflict("The statement id (%s) provided already exists. Please provide a new statement id, or remove the existing statement.", deref(in.StatementId))
		}
		policy.Statement = append(policy.Statement, raw)
		text = string(raw)
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, functionNotFound(t.with(""))
	}
	if err != nil {
		return nil, err
	}
	return &lambda.AddPermissionOutput{Statement: &text}, nil
}

// RemovePermission removes a statement; with the last one goes the policy.
func (s *Service) RemovePermission(ctx context.Context, in *lambda.RemovePermissionInput, _ ...func(*lambda.Options)) (*lambda.RemovePermissionOutput, error) {
	t, err := resolveOwn(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	err = s.changePolicy(ctx, t, func(fn *state.Function, policy *document) error {
		if err := s.policyOwner(t, fn); err != nil {
			return err
		}
		if len(policy.Statement) == 0 {
			return notFound("No policy is associated with the given resource.")
		}
		if err := s.checkPolicyRevision(t, fn, in.RevisionId); err != nil {
			return err
		}
		i := policy.find(deref(in.StatementId))
		if i < 0 {
			return notFound("Statement %s is not found in resource policy.", deref(in.StatementId))
		}
		policy.Statement = slices.Delete(policy.Statement, i, i+1)
		return nil
	})
	if errors.Is(err, store.ErrNotFound) { // AWS recording test_permission_exceptions
		return nil, notFound("No policy found for: %s", t.arn())
	}
	if err != nil {
		return nil, err
	}
	return &lambda.RemovePermissionOutput{}, nil
}

// GetPolicy answers the policy of a function, version or alias. Whatever is
// missing, the error is the same (AWS recording test_permission_exceptions).
func (s *Service) GetPolicy(ctx context.Context, in *lambda.GetPolicyInput, _ ...func(*lambda.Options)) (*lambda.GetPolicyOutput, error) {
	t, err := s.resolveShared(ctx, in.FunctionName, in.Qualifier, "lambda:GetPolicy")
	if err != nil {
		return nil, err
	}
	fn, _, err := s.function(t)
	if err != nil && !isNotFound(err) {
		return nil, err
	}
	if err != nil || fn.Policies[policyQualifier(t)] == nil {
		return nil, notFound(msgNoSuchResource)
	}
	policy := fn.Policies[policyQualifier(t)]
	return &lambda.GetPolicyOutput{Policy: new(policy.Document), RevisionId: new(policy.RevisionID)}, nil
}

// changePolicy changes the policy of t's qualifier by one compare-and-set of
// the function. A policy without statements is removed. An error of change
// writes nothing.
func (s *Service) changePolicy(ctx context.Context, t target, change func(fn *state.Function, policy *document) error) error {
	qualifier := policyQualifier(t)
	_, err := store.Update(ctx, s.store, t.key(), func(fn *state.Function) error {
		policy, err := parsePolicy(fn.Policies[qualifier])
		if err != nil {
			return err
		}
		if err := change(fn, policy); err != nil {
			return err
		}
		if len(policy.Statement) == 0 {
			delete(fn.Policies, qualifier)
			return nil
		}
		text, err := policy.encode()
		if err != nil {
			return err
		}
		if fn.Policies == nil {
			fn.Policies = map[string]*state.FunctionPolicy{}
		}
		fn.Policies[qualifier] = &state.FunctionPolicy{Document: text, RevisionID: s.newID()}
		return nil
	})
	return recordError(t, err)
}

// policyOwner refuses a qualifier that fn does not have (AWS recording
// test_permission_exceptions).
func (s *Service) policyOwner(t target, fn *state.Function) error {
	if t.qualifier == "" || t.qualifier == latest {
		return nil
	}
	if t.isAlias() {
		if fn.Aliases[t.qualifier] == nil {
			return aliasNotFound(t)
		}
		return nil
	}
	_, err := s.config(t, fn)
	return err
}

// checkPolicyRevision compares the revision that a client knows with the
// policy's. As long as there is no policy, the revision of its owner counts
// (AWS recording test_lambda_permission_fn_versioning).
func (s *Service) checkPolicyRevision(t target, fn *state.Function, revision *string) error {
	if revision == nil {
		return nil
	}
	var current string
	if policy := fn.Policies[policyQualifier(t)]; policy != nil {
		current = policy.RevisionID
	} else if alias := fn.Aliases[t.qualifier]; alias != nil {
		current = alias.RevisionID
	} else if config, err := s.config(t, fn); err == nil {
		current = s.revision(config)
	}
	if *revision != current {
		return precondition(msgRevisionPolicy)
	}
	return nil
}
