package lambda

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
)

// Whole policies are written, read and taken away, over the wire and beside
// AddPermission.
func TestResourcePolicy(t *testing.T) {
	w := newWire(t)
	ctx := t.Context()
	w.create(t, "fn")
	arn := new(fnARN)
	const given = `{ "Version": "2012-10-17", "Statement": {"Sid": "gw", "Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"},
		"Action": "lambda:InvokeFunction", "Resource": "` + fnARN + `"} }`
	put, err := w.client.PutResourcePolicy(ctx, &lambda.PutResourcePolicyInput{ResourceArn: arn, Policy: new(given)})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"Version":"2012-10-17","Id":"default","Statement":[{"Sid":"gw","Effect":"Allow","Principal":{"Service":"apigateway.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"` + fnARN + `"}]}`
	if diff := cmp.Diff(want, *put.Policy); diff != "" {
		t.Error(diff)
	}
	got, err := w.client.GetResourcePolicy(ctx, &lambda.GetResourcePolicyInput{ResourceArn: arn})
	if err != nil || *got.Policy != *put.Policy || *got.RevisionId != *put.RevisionId {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := w.client.AddPermission(ctx, permission(nil)); err != nil {
		t.Error(err)
	}
	var stale *types.PreconditionFailedException
	_, err = w.client.PutResourcePolicy(ctx, &lambda.PutResourcePolicyInput{ResourceArn: arn, Policy: new(given), RevisionId: put.RevisionId})
	if !errors.As(err, &stale) {
		t.Errorf("an old revision: %v", err)
	}
	if _, err = w.client.DeleteResourcePolicy(ctx, &lambda.DeleteResourcePolicyInput{ResourceArn: arn, RevisionId: put.RevisionId}); !errors.As(err, &stale) {
		t.Errorf("an old revision: %v", err)
	}
	if _, err := w.client.DeleteResourcePolicy(ctx, &lambda.DeleteResourcePolicyInput{ResourceArn: arn}); err != nil {
		t.Error(err)
	}
	var missing *types.ResourceNotFoundException
	if _, err := w.client.GetResourcePolicy(ctx, &lambda.GetResourcePolicyInput{ResourceArn: arn}); !errors.As(err, &missing) {
		t.Errorf("after deletion: %v", err)
	}
	if _, err := w.client.DeleteResourcePolicy(ctx, &lambda.DeleteResourcePolicyInput{ResourceArn: arn}); !errors.As(err, &missing) {
		t.Errorf("twice deleted: %v", err)
	}
}

func TestResourcePolicyRefusals(t *testing.T) {
	w := newWire(t)
	w.create(t, "fn")
	policy := func(principal, rest string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` + principal + `"Action":"lambda:InvokeFunction","Resource":"` + fnARN + `"` + rest + `}]}`
	}
	const everybody = `"Principal":"*",`
	for name, c := range map[string]struct{ arn, policy, code string }{
		"no JSON":             {fnARN, `{"Version":`, "InvalidParameterValueException"},
		"no statement":        {fnARN, `{"Version":"2012-10-17","Statement":[]}`, "InvalidParameterValueException"},
		"no principal":        {fnARN, policy("", ""), "InvalidParameterValueException"},
		"an unknown operator": {fnARN, policy(everybody, `,"Condition":{"StringNearly":{"aws:username":"x"}}`), "InvalidParameterValueException"},
		"a name for an ARN":   {"fn", policy(`"Principal":{"AWS":"111111111111"},`, ""), "InvalidParameterValueException"},
		"everybody":           {fnARN, policy(everybody, ""), "PublicPolicyException"},
		"everybody in a list": {fnARN, policy(`"Principal":{"AWS":["111111111111","*"]},`, ""), "PublicPolicyException"},
		"a missing function":  {fnARN + "x", policy(`"Principal":{"AWS":"111111111111"},`, ""), "ResourceNotFoundException"},
		"a missing version":   {fnARN + ":7", policy(`"Principal":{"AWS":"111111111111"},`, ""), "ResourceNotFoundException"},
		"$LATEST":             {fnARN + ":$LATEST", policy(`"Principal":{"AWS":"111111111111"},`, ""), "InvalidParameterValueException"},
		"more than 20 KB":     {fnARN, policy(`"Sid":"`+strings.Repeat("x", 21000)+`","Principal":{"AWS":"111111111111"},`, ""), "PolicyLengthExceededException"},
		"another account's":   {strings.Replace(fnARN, "111111111111", "222222222222", 1), policy(`"Principal":{"AWS":"111111111111"},`, ""), "AccessDeniedException"},
	} {
		_, err := w.client.PutResourcePolicy(t.Context(), &lambda.PutResourcePolicyInput{ResourceArn: &c.arn, Policy: &c.policy})
		var api smithy.APIError
		if !errors.As(err, &api) || api.ErrorCode() != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	if _, err := w.client.PutResourcePolicy(t.Context(), &lambda.PutResourcePolicyInput{ResourceArn: new(fnARN),
		Policy: new(policy(everybody, `,"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}`))}); err != nil {
		t.Errorf("everybody of an organization: %v", err)
	}
}
