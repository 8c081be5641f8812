package apigateway

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// An account's throttle (APIGW-DG:limits).
const (
	defaultBurst = 5000
	defaultRate  = 10000
)

// GetAccount answers the settings of the caller's account in its region.
func (s *Service) GetAccount(ctx context.Context, _ *apigateway.GetAccountInput, _ ...func(*apigateway.Options)) (*apigateway.GetAccountOutput, error) {
	c := scopeOf(ctx)
	account, _, err := store.Get[state.APIGatewayAccount](s.store, state.APIGatewayAccountKey(c.account, c.region))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	return accountOutput(account), nil
}

// UpdateAccount sets the role with which API Gateway writes logs.
func (s *Service) UpdateAccount(ctx context.Context, in *apigateway.UpdateAccountInput, _ ...func(*apigateway.Options)) (*apigateway.UpdateAccountOutput, error) {
	c := scopeOf(ctx)
	key := state.APIGatewayAccountKey(c.account, c.region)
	table := s.accountPatches(c)
	var account *state.APIGatewayAccount
	for {
		var err error
		account, err = store.Update(ctx, s.store, key, func(a *state.APIGatewayAccount) error { return table.apply(a, in.PatchOperations) })
		if errors.Is(err, store.ErrNotFound) {
			account = &state.APIGatewayAccount{}
			if err = table.apply(account, in.PatchOperations); err == nil {
				_, err = store.Create(ctx, s.store, key, account)
			}
			if errors.Is(err, store.ErrExists) {
				continue // somebody else's first update
			}
		}
		if err != nil {
			return nil, err
		}
		return (*apigateway.UpdateAccountOutput)(accountOutput(account)), nil
	}
}

// accountPatches: API reference "Patch operations", UpdateAccount. unverified:
// which of the two forms its error for another path has.
func (s *Service) accountPatches(c scope) *patchTable[state.APIGatewayAccount] {
	return &patchTable[state.APIGatewayAccount]{listPaths: true, rules: []patchRule[state.APIGatewayAccount]{
		{"/cloudwatchRoleArn", opsReplaceRemove, func(a *state.APIGatewayAccount, p patch) error {
			role := deref(optional(p))
			if role != "" && !s.canLog(c, role) {
				// Captured from AWS; the console shows the same sentence.
				return badRequest("The role ARN does not have required permissions configured. Please grant trust permission for API Gateway and add the required role policy.")
			}
			a.CloudWatchRoleARN = role
			return nil
		}},
		// Usage plans are enabled for every account; adding the feature again
		// changes nothing.
		{"/features", opsAddRemove, func(_ *state.APIGatewayAccount, p patch) error {
			if p.op == types.OpAdd && p.value == featureUsagePlans {
				return nil
			}
			return errUnsupported("To %s the feature %q", p.op, p.value)
		}},
	}}
}

const featureUsagePlans = "UsagePlans"

// logActions are what API Gateway does with the account's role, of those in the
// managed policy AmazonAPIGatewayPushToCloudWatchLogs.
var logActions = []string{"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"}

// canLog reports whether API Gateway can write its execution logs with role.
func (s *Service) canLog(c scope, role string) bool {
	if s.roles == nil {
		return true
	}
	if !s.roles.MayAssume(c.account, role, "apigateway.amazonaws.com") {
		return false
	}
	stream := fmt.Sprintf("arn:aws:logs:%s:%s:log-group:API-Gateway-Execution-Logs_api/stage:log-stream:stream", c.region, c.account)
	for _, action := range logActions {
		if !s.roles.Allows(role, action, stream) {
			return false
		}
	}
	return true
}

func accountOutput(account *state.APIGatewayAccount) *apigateway.GetAccountOutput {
	out := &apigateway.GetAccountOutput{
		ApiKeyVersion:    new("4"),
		Features:         []string{featureUsagePlans},
		ThrottleSettings: &types.ThrottleSettings{BurstLimit: defaultBurst, RateLimit: defaultRate},
	}
	if account != nil && account.CloudWatchRoleARN != "" {
		out.CloudwatchRoleArn = &account.CloudWatchRoleARN
	}
	return out
}
