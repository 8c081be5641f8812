package main

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	apitypes "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// account is the one that the key test/test belongs to.
const account = "000000000000"

// stages of the API, each with the language of its function.
var stages = []string{"dev", "staging", "prod"}

// story deploys one API whose stages call functions of their own, through the
// clients of the AWS SDK: nothing in here knows that it is not talking to AWS.
type story struct {
	region  string
	iam     *iam.Client
	lambda  *lambda.Client
	gateway *apigateway.Client
	api     string // its id, once it is deployed
}

func newStory(config aws.Config) *story {
	return &story{
		region:  config.Region,
		iam:     iam.NewFromConfig(config),
		lambda:  lambda.NewFromConfig(config),
		gateway: apigateway.NewFromConfig(config),
	}
}

func (s *story) deploy(ctx context.Context, code map[string]function) error {
	role, err := s.role(ctx, "my-function-role", "lambda.amazonaws.com",
		"arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
	if err != nil {
		return err
	}
	for _, stage := range stages {
		f := code[stage]
		if _, err := s.lambda.CreateFunction(ctx, &lambda.CreateFunctionInput{
			FunctionName: aws.String("my-function-" + stage),
			Runtime:      f.runtime,
			Handler:      aws.String(f.handler),
			Role:         role,
			Code:         &lambdatypes.FunctionCode{ZipFile: f.zip},
		}); err != nil {
			return fmt.Errorf("function for stage %s: %w", stage, err)
		}
	}
	if err := s.logging(ctx); err != nil {
		return err
	}
	return s.restAPI(ctx)
}

// role creates a role that a service may assume, with one managed policy.
func (s *story) role(ctx context.Context, name, service, policy string) (*string, error) {
	out, err := s.iam.CreateRole(ctx, &iam.CreateRoleInput{
		RoleName: &name,
		AssumeRolePolicyDocument: aws.String(fmt.Sprintf(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":%q},"Action":"sts:AssumeRole"}]}`, service)),
	})
	if err != nil {
		return nil, err
	}
	_, err = s.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &name, PolicyArn: &policy})
	return out.Role.Arn, err
}

// logging lets API Gateway write execution logs, which AWS demands once per
// account and region before a stage may switch them on.
func (s *story) logging(ctx context.Context) error {
	role, err := s.role(ctx, "apigateway-logs", "apigateway.amazonaws.com",
		"arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs")
	if err != nil {
		return err
	}
	_, err = s.gateway.UpdateAccount(ctx, &apigateway.UpdateAccountInput{PatchOperations: []apitypes.PatchOperation{
		{Op: apitypes.OpReplace, Path: aws.String("/cloudwatchRoleArn"), Value: role},
	}})
	return err
}

// restAPI makes GET /hello call my-function-${stageVariables.env} and deploys
// it to the three stages.
func (s *story) restAPI(ctx context.Context) error {
	api, err := s.gateway.CreateRestApi(ctx, &apigateway.CreateRestApiInput{Name: aws.String("one api, three stages")})
	if err != nil {
		return err
	}
	resource, err := s.gateway.CreateResource(ctx, &apigateway.CreateResourceInput{
		RestApiId: api.Id, ParentId: api.RootResourceId, PathPart: aws.String("hello"),
	})
	if err != nil {
		return err
	}
	get := aws.String("GET")
	if _, err := s.gateway.PutMethod(ctx, &apigateway.PutMethodInput{
		RestApiId: api.Id, ResourceId: resource.Id, HttpMethod: get, AuthorizationType: aws.String("NONE"),
	}); err != nil {
		return err
	}
	if _, err := s.gateway.PutIntegration(ctx, &apigateway.PutIntegrationInput{
		RestApiId: api.Id, ResourceId: resource.Id, HttpMethod: get,
		Type: apitypes.IntegrationTypeAwsProxy, IntegrationHttpMethod: aws.String("POST"),
		Uri: aws.String(fmt.Sprintf(
			"arn:aws:apigateway:%s:lambda:path/2015-03-31/functions/arn:aws:lambda:%s:%s:function:my-function-${stageVariables.env}/invocations",
			s.region, s.region, account)),
	}); err != nil {
		return err
	}
	s.api = *api.Id
	for _, stage := range stages {
		if err := s.stage(ctx, stage); err != nil {
			return fmt.Errorf("stage %s: %w", stage, err)
		}
	}
	return nil
}

func (s *story) stage(ctx context.Context, stage string) error {
	if _, err := s.gateway.CreateDeployment(ctx, &apigateway.CreateDeploymentInput{
		RestApiId: &s.api, StageName: &stage, Variables: map[string]string{"env": stage},
	}); err != nil {
		return err
	}
	_, err := s.gateway.UpdateStage(ctx, &apigateway.UpdateStageInput{
		RestApiId: &s.api, StageName: &stage,
		PatchOperations: []apitypes.PatchOperation{
			{Op: apitypes.OpReplace, Path: aws.String("/*/*/logging/loglevel"), Value: aws.String("INFO")},
			{Op: apitypes.OpReplace, Path: aws.String("/*/*/logging/dataTrace"), Value: aws.String("true")},
		},
	})
	return err
}

// grant lets every stage of the API call one function, and that one only.
func (s *story) grant(ctx context.Context, stage string) error {
	_, err := s.lambda.AddPermission(ctx, &lambda.AddPermissionInput{
		FunctionName: aws.String("my-function-" + stage),
		StatementId:  aws.String("api-" + s.api),
		Action:       aws.String("lambda:InvokeFunction"),
		Principal:    aws.String("apigateway.amazonaws.com"),
		SourceArn:    aws.String(fmt.Sprintf("arn:aws:execute-api:%s:%s:%s/*/GET/hello", s.region, account, s.api)),
	})
	return err
}
