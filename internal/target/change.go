package target

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// FunctionChanges are the operations on functions that fixes use.
type FunctionChanges interface {
	AddPermission(context.Context, *lambda.AddPermissionInput, ...func(*lambda.Options)) (*lambda.AddPermissionOutput, error)
	RemovePermission(context.Context, *lambda.RemovePermissionInput, ...func(*lambda.Options)) (*lambda.RemovePermissionOutput, error)
	UpdateFunctionConfiguration(context.Context, *lambda.UpdateFunctionConfigurationInput, ...func(*lambda.Options)) (*lambda.UpdateFunctionConfigurationOutput, error)
	CreateAlias(context.Context, *lambda.CreateAliasInput, ...func(*lambda.Options)) (*lambda.CreateAliasOutput, error)
}

// APIChanges are the operations on REST APIs that fixes use.
type APIChanges interface {
	UpdateIntegration(context.Context, *apigateway.UpdateIntegrationInput, ...func(*apigateway.Options)) (*apigateway.UpdateIntegrationOutput, error)
	UpdateRestApi(context.Context, *apigateway.UpdateRestApiInput, ...func(*apigateway.Options)) (*apigateway.UpdateRestApiOutput, error)
	UpdateStage(context.Context, *apigateway.UpdateStageInput, ...func(*apigateway.Options)) (*apigateway.UpdateStageOutput, error)
	CreateDeployment(context.Context, *apigateway.CreateDeploymentInput, ...func(*apigateway.Options)) (*apigateway.CreateDeploymentOutput, error)
}

// RoleChanges are the operations on roles that fixes use.
type RoleChanges interface {
	CreateRole(context.Context, *iam.CreateRoleInput, ...func(*iam.Options)) (*iam.CreateRoleOutput, error)
	PutRolePolicy(context.Context, *iam.PutRolePolicyInput, ...func(*iam.Options)) (*iam.PutRolePolicyOutput, error)
	UpdateAssumeRolePolicy(context.Context, *iam.UpdateAssumeRolePolicyInput, ...func(*iam.Options)) (*iam.UpdateAssumeRolePolicyOutput, error)
}

// Changes are what "--apply" may do to a place.
type Changes struct {
	Functions func(region string) FunctionChanges
	APIs      APIChanges
	Roles     RoleChanges
}

// ChangesFromConfig makes the changing clients of a place.
func ChangesFromConfig(config aws.Config) *Changes {
	return &Changes{
		Functions: func(region string) FunctionChanges {
			return lambda.NewFromConfig(config, func(o *lambda.Options) {
				if region != "" {
					o.Region = region
				}
			})
		},
		APIs:  apigateway.NewFromConfig(config),
		Roles: iam.NewFromConfig(config),
	}
}
