package lambda

import (
	"context"
	"maps"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/stagedoor/stagedoor/awswire"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// GetFunction answers the configuration, the tags and a URL of the code.
func (s *Service) GetFunction(ctx context.Context, in *lambda.GetFunctionInput, _ ...func(*lambda.Options)) (*lambda.GetFunctionOutput, error) {
	t, err := s.resolveShared(ctx, in.FunctionName, in.Qualifier, "lambda:GetFunction")
	if err != nil {
		return nil, err
	}
	fn, _, err := s.function(t)
	if err != nil {
		return nil, err
	}
	config, err := s.config(t, fn)
	if err != nil {
		return nil, err
	}
	out := &lambda.GetFunctionOutput{
		Configuration: s.describe(t, config),
		Code: &types.FunctionCodeLocation{
			Location: new(codeURL(ctx, config.CodeDigest)), RepositoryType: new("S3"), SourceKMSKeyArn: optional(config.SourceKMSKeyARN),
		},
	}
	if len(fn.Tags) > 0 { // AWS recording test_tag_nonexisting_resource: left out when there are none
		out.Tags = maps.Clone(fn.Tags)
	}
	if fn.ReservedConcurrency != nil {
		out.Concurrency = &types.Concurrency{ReservedConcurrentExecutions: new(*fn.ReservedConcurrency)}
	}
	return out, nil
}

// GetFunctionConfiguration answers the configuration of a function, version or
// alias.
func (s *Service) GetFunctionConfiguration(ctx context.Context, in *lambda.GetFunctionConfigurationInput, _ ...func(*lambda.Options)) (*lambda.GetFunctionConfigurationOutput, error) {
	t, err := s.resolveShared(ctx, in.FunctionName, in.Qualifier, "lambda:GetFunctionConfiguration")
	if err != nil {
		return nil, err
	}
	fn, _, err := s.function(t)
	if err != nil {
		return nil, err
	}
	config, err := s.config(t, fn)
	if err != nil {
		return nil, err
	}
	return output[lambda.GetFunctionConfigurationOutput](s.describe(t, config)), nil
}

// ListFunctions lists the caller's functions, by name; with FunctionVersion
// ALL also their versions.
func (s *Service) ListFunctions(ctx context.Context, in *lambda.ListFunctionsInput, _ ...func(*lambda.Options)) (*lambda.ListFunctionsOutput, error) {
	caller := awswire.CallerFrom(ctx)
	var rows []row[types.FunctionConfiguration]
	for _, item := range store.List[state.Function](s.store, state.Functions.Child(caller.Account, caller.Region)) {
		fn := item.Record
		t := target{account: fn.Account, region: fn.Region, name: fn.Name}
		if in.FunctionVersion != types.FunctionVersionAll {
			rows = append(rows, s.row(t, fn, &fn.Latest))
			continue
		}
		rows = append(rows, s.versions(t, fn)...)
	}
	functions, next, err := page(rows, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &lambda.ListFunctionsOutput{Functions: functions, NextMarker: next}, nil
}

// ListVersionsByFunction lists $LATEST and then the published versions, oldest
// first.
func (s *Service) ListVersionsByFunction(ctx context.Context, in *lambda.ListVersionsByFunctionInput, _ ...func(*lambda.Options)) (*lambda.ListVersionsByFunctionOutput, error) {
	t, err := s.resolveShared(ctx, in.FunctionName, nil, "lambda:ListVersionsByFunction")
	if err != nil {
		return nil, err
	}
	fn, _, err := s.function(t)
	if err != nil {
		return nil, err
	}
	versions, next, err := page(s.versions(t, fn), in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	return &lambda.ListVersionsByFunctionOutput{Versions: versions, NextMarker: next}, nil
}

func (s *Service) row(t target, fn *state.Function, config *state.FunctionConfig) row[types.FunctionConfiguration] {
	return row[types.FunctionConfiguration]{rowKey(fn.Name, parseVersion(config.Version)), func() *types.FunctionConfiguration {
		return summary(t, config, s.revision(config))
	}}
}

// versions returns $LATEST and the published versions of fn, with qualified
// ARNs.
func (s *Service) versions(t target, fn *state.Function) []row[types.FunctionConfiguration] {
	rows := []row[types.FunctionConfiguration]{s.row(t.with(latest), fn, &fn.Latest)}
	for _, item := range store.List[state.FunctionVersion](s.store, state.FunctionVersions.Child(t.account, t.region, t.name)) {
		config := &item.Record.Config
		if item.Record.FunctionID == fn.ID {
			rows = append(rows, s.row(t.with(config.Version), fn, config))
		}
	}
	return rows
}
