package lambda

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/stagedoor/stagedoor/iampolicy"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// policyTarget reads the ARN of a function, version or alias: the operations on
// whole policies take nothing shorter.
func policyTarget(ctx context.Context, arn *string) (target, error) {
	if !strings.HasPrefix(deref(arn), "arn:") || !strings.Contains(deref(arn), ":function:") {
		// unverified: AWS's text
		return target{}, invalid("The resource ARN %s is not valid: it must be the ARN of a function, version or alias.", deref(arn))
	}
	return resolveOwn(ctx, arn, nil)
}

// PutResourcePolicy replaces the whole policy of a function, version or alias,
// what AddPermission added included.
func (s *Service) PutResourcePolicy(ctx context.Context, in *lambda.PutResourcePolicyInput, _ ...func(*lambda.Options)) (*lambda.PutResourcePolicyOutput, error) {
	t, err := policyTarget(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	if t.qualifier == latest {
		return nil, invalid("We currently do not support adding policies for $LATEST.")
	}
	given, err := readPolicy(deref(in.Policy))
	if err != nil {
		return nil, err
	}
	out := &lambda.PutResourcePolicyOutput{}
	err = s.changePolicy(ctx, t, func(fn *state.Function, policy *document) error {
		if err := s.policyOwner(t, fn); err != nil {
			return err
		}
		if err := s.checkPolicyRevision(t, fn, in.RevisionId); err != nil {
			return err
		}
		*policy = *given
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, functionNotFound(t.with(""))
	}
	if err != nil {
		return nil, err
	}
	out.Policy, out.RevisionId, err = s.storedPolicy(t)
	return out, err
}

// GetResourcePolicy answers the policy of a function, version or alias, as
// GetPolicy does.
func (s *Service) GetResourcePolicy(ctx context.Context, in *lambda.GetResourcePolicyInput, _ ...func(*lambda.Options)) (*lambda.GetResourcePolicyOutput, error) {
	t, err := policyTarget(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	out := &lambda.GetResourcePolicyOutput{}
	out.Policy, out.RevisionId, err = s.storedPolicy(t)
	return out, err
}

// DeleteResourcePolicy takes the whole policy away.
func (s *Service) DeleteResourcePolicy(ctx context.Context, in *lambda.DeleteResourcePolicyInput, _ ...func(*lambda.Options)) (*lambda.DeleteResourcePolicyOutput, error) {
	t, err := policyTarget(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	err = s.changePolicy(ctx, t, func(fn *state.Function, policy *document) error {
		if fn.Policies[policyQualifier(t)] == nil {
			return notFound(msgNoSuchResource) // unverified: GetPolicy's text
		}
		if err := s.checkPolicyRevision(t, fn, in.RevisionId); err != nil {
			return err
		}
		policy.Statement = nil
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, notFound(msgNoSuchResource)
	}
	if err != nil {
		return nil, err
	}
	return &lambda.DeleteResourcePolicyOutput{}, nil
}

// storedPolicy answers document and revision of a policy.
func (s *Service) storedPolicy(t target) (document, revision *string, err error) {
	fn, _, err := s.function(t)
	if err != nil && !isNotFound(err) {
		return nil, nil, err
	}
	if err != nil || fn.Policies[policyQualifier(t)] == nil {
		return nil, nil, notFound(msgNoSuchResource)
	}
	policy := fn.Policies[policyQualifier(t)]
	return &policy.Document, &policy.RevisionID, nil
}

// readPolicy judges a whole policy and takes it apart into statements.
func readPolicy(text string) (*document, error) {
	if _, err := iampolicy.Parse([]byte(text)); err != nil {
		// unverified: AWS's text
		return nil, invalid("The resource policy is not valid: %v", err)
	}
	var whole struct {
		Version   string
		ID        string `json:"Id"`
		Statement json.RawMessage
	}
	if err := json.Unmarshal([]byte(text), &whole); err != nil {
		return nil, invalid("The resource policy is not valid: %v", err)
	}
	d := &document{Version: whole.Version, ID: whole.ID}
	if d.Version == "" {
		d.Version = "2008-10-17" // the policy language's own default
	}
	if d.ID == "" {
		d.ID = "default" // what AddPermission writes
	}
	if json.Unmarshal(whole.Statement, &d.Statement) != nil {
		d.Statement = []json.RawMessage{whole.Statement}
	}
	if len(d.Statement) == 0 {
		return nil, invalid("The resource policy is not valid: it has no statement.")
	}
	for i, raw := range d.Statement {
		if err := checkStatement(raw); err != nil {
			return nil, err
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, raw); err != nil {
			return nil, err
		}
		d.Statement[i] = compact.Bytes()
	}
	return d, nil
}

// checkStatement demands a principal and refuses a grant to everybody.
// unverified: what AWS calls public, beside that it refuses it
// (PublicPolicyException); here it is an Allow for everybody without any
// condition.
func checkStatement(raw json.RawMessage) error {
	var st struct {
		Effect       string
		Principal    json.RawMessage
		NotPrincipal json.RawMessage
		Condition    json.RawMessage
	}
	if err := json.Unmarshal(raw, &st); err != nil {
		return invalid("The resource policy is not valid: %v", err)
	}
	if st.Principal == nil && st.NotPrincipal == nil {
		return invalid("The resource policy is not valid: each statement must have a Principal.")
	}
	if st.Effect != "Allow" || st.Condition != nil || !everybody(st.Principal) {
		return nil
	}
	text := "The resource-based policy you tried to add to the Lambda resource would grant public access to it, which isn't allowed." // the SDK's words for the exception
	return &types.PublicPolicyException{Type: user(), Message: &text}
}

func everybody(principal json.RawMessage) bool {
	var one string
	if json.Unmarshal(principal, &one) == nil {
		return one == "*"
	}
	var byType map[string]json.RawMessage
	if json.Unmarshal(principal, &byType) != nil {
		return false
	}
	var list []string
	if json.Unmarshal(byType["AWS"], &one) == nil {
		list = []string{one}
	} else if json.Unmarshal(byType["AWS"], &list) != nil {
		return false
	}
	for _, name := range list {
		if name == "*" {
			return true
		}
	}
	return false
}
