package lambda

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/stagedoor/stagedoor/awswire"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// Limits of an account in one region (LDG gettingstarted-limits).
const (
	maxUnzippedBytes     = 262144000   // 250 MiB
	maxZippedBytes       = 52428800    // 50 MiB, sent in the request
	maxTotalCodeBytes    = 80530636800 // 75 GiB
	accountConcurrency   = 1000
	minUnreservedReserve = 100 // what reservations must leave over
)

// GetAccountSettings answers the limits and what the functions use of them.
// Code counts once for $LATEST and once for every version (AWS recording
// test_account_settings_total_code_size_config_update).
func (s *Service) GetAccountSettings(ctx context.Context, _ *lambda.GetAccountSettingsInput, _ ...func(*lambda.Options)) (*lambda.GetAccountSettingsOutput, error) {
	caller := awswire.CallerFrom(ctx)
	usage := &types.AccountUsage{}
	for _, item := range store.List[state.Function](s.store, state.Functions.Child(caller.Account, caller.Region)) {
		usage.FunctionCount++
		usage.TotalCodeSize += item.Record.Latest.CodeSize
	}
	for _, item := range store.List[state.FunctionVersion](s.store, state.FunctionVersions.Child(caller.Account, caller.Region)) {
		usage.TotalCodeSize += item.Record.Config.CodeSize
	}
	return &lambda.GetAccountSettingsOutput{
		AccountLimit: &types.AccountLimit{
			CodeSizeUnzipped: maxUnzippedBytes, CodeSizeZipped: maxZippedBytes, TotalCodeSize: maxTotalCodeBytes,
			ConcurrentExecutions:           accountConcurrency,
			UnreservedConcurrentExecutions: new(accountConcurrency - s.reserved(caller.Account, caller.Region, "")),
		},
		AccountUsage: usage,
	}, nil
}

// reserved sums the reservations of an account's functions but one.
func (s *Service) reserved(account, region, except string) (sum int32) {
	for _, item := range store.List[state.Function](s.store, state.Functions.Child(account, region)) {
		if fn := item.Record; fn.Name != except && fn.ReservedConcurrency != nil {
			sum += *fn.ReservedConcurrency
		}
	}
	return sum
}

// PutFunctionConcurrency reserves concurrency for a function, or stops it
// with 0.
func (s *Service) PutFunctionConcurrency(ctx context.Context, in *lambda.PutFunctionConcurrencyInput, _ ...func(*lambda.Options)) (*lambda.PutFunctionConcurrencyOutput, error) {
	t, err := s.resolveShared(ctx, in.FunctionName, nil, "lambda:PutFunctionConcurrency")
	if err != nil {
		return nil, err
	}
	if t.qualifier != "" {
		return nil, invalid(msgFunctionsOnly)
	}
	if _, _, err := s.function(t.with(latest)); err != nil { // with its qualifier: AWS recording test_function_concurrency_exceptions
		return nil, err
	}
	wanted := deref(in.ReservedConcurrentExecutions)
	// Reservations made at the same moment may together pass the limit: each
	// is a write of its own function only. The invocation broker counts what
	// runs, so nothing else depends on the sum.
	if wanted > 0 && int(wanted)+int(s.reserved(t.account, t.region, t.name)) > accountConcurrency-minUnreservedReserve {
		// Without a Type, unlike nearly all others (AWS recording
		// test_function_concurrency_limits).
		return nil, &types.InvalidParameterValueException{
			Message: new("Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100]."),
			Type:    new(""),
		}
	}
	_, err = s.update(ctx, t, func(fn *state.Function) error {
		fn.ReservedConcurrency = &wanted
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &lambda.PutFunctionConcurrencyOutput{ReservedConcurrentExecutions: &wanted}, nil
}

// GetFunctionConcurrency answers the reservation, nothing if there is none.
func (s *Service) GetFunctionConcurrency(ctx context.Context, in *lambda.GetFunctionConcurrencyInput, _ ...func(*lambda.Options)) (*lambda.GetFunctionConcurrencyOutput, error) {
	t, err := resolveOwn(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	if t.qualifier != "" {
		return nil, invalid(msgFunctionsOnly)
	}
	fn, _, err := s.function(t)
	if err != nil {
		return nil, err
	}
	out := &lambda.GetFunctionConcurrencyOutput{}
	if fn.ReservedConcurrency != nil {
		out.ReservedConcurrentExecutions = new(*fn.ReservedConcurrency)
	}
	return out, nil
}

// DeleteFunctionConcurrency removes the reservation.
func (s *Service) DeleteFunctionConcurrency(ctx context.Context, in *lambda.DeleteFunctionConcurrencyInput, _ ...func(*lambda.Options)) (*lambda.DeleteFunctionConcurrencyOutput, error) {
	t, err := s.resolveShared(ctx, in.FunctionName, nil, "lambda:DeleteFunctionConcurrency")
	if err != nil {
		return nil, err
	}
	if t.qualifier != "" {
		return nil, invalid(msgFunctionsOnly)
	}
	_, err = s.update(ctx, t, func(fn *state.Function) error {
		fn.ReservedConcurrency = nil
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &lambda.DeleteFunctionConcurrencyOutput{}, nil
}
