package lambda

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// The operations in this file answer what is true of things that cannot exist
// here yet: deploy clients read them beside every function.

// GetFunctionCodeSigningConfig answers that the function has none (Terraform
// reads it with every aws_lambda_function).
func (s *Service) GetFunctionCodeSigningConfig(ctx context.Context, in *lambda.GetFunctionCodeSigningConfigInput, _ ...func(*lambda.Options)) (*lambda.GetFunctionCodeSigningConfigOutput, error) {
	t, err := resolveOwn(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	if _, _, err := s.function(t); err != nil {
		return nil, err
	}
	return &lambda.GetFunctionCodeSigningConfigOutput{FunctionName: new(t.name)}, nil
}

// GetFunctionEventInvokeConfig answers that there is none, in the words of AWS
// recordings test_ops_on_nonexisting_fn and test_lambda_eventinvokeconfig_lifecycle.
func (s *Service) GetFunctionEventInvokeConfig(ctx context.Context, in *lambda.GetFunctionEventInvokeConfigInput, _ ...func(*lambda.Options)) (*lambda.GetFunctionEventInvokeConfigOutput, error) {
	t, err := resolveOwn(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	if t.qualifier == "" {
		t.qualifier = latest
	}
	return nil, notFound("The function %s doesn't have an EventInvokeConfig", t.arn())
}

// GetFunctionUrlConfig answers that there is none (AWS recording
// test_ops_on_nonexisting_fn).
func (s *Service) GetFunctionUrlConfig(ctx context.Context, in *lambda.GetFunctionUrlConfigInput, _ ...func(*lambda.Options)) (*lambda.GetFunctionUrlConfigOutput, error) {
	if _, err := resolveOwn(ctx, in.FunctionName, in.Qualifier); err != nil {
		return nil, err
	}
	return nil, notFound(msgNoSuchResource)
}

// ListFunctionUrlConfigs answers that there are none (AWS recording
// test_url_config_list_paging).
func (s *Service) ListFunctionUrlConfigs(ctx context.Context, in *lambda.ListFunctionUrlConfigsInput, _ ...func(*lambda.Options)) (*lambda.ListFunctionUrlConfigsOutput, error) {
	t, err := resolveOwn(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	if _, _, err := s.function(t); isNotFound(err) {
		return nil, notFound("Function does not exist")
	} else if err != nil {
		return nil, err
	}
	return &lambda.ListFunctionUrlConfigsOutput{FunctionUrlConfigs: []types.FunctionUrlConfig{}}, nil
}
