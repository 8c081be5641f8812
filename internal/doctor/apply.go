package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	rest "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	types "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/stagedoor/stagedoor/internal/target"
)

// Run carries out one command that a Plan or a Finding holds, by the same
// operation that the aws CLI would use. Commands that fixes never consist of are
// refused.
func Run(ctx context.Context, changes *target.Changes, line string) error {
	c, err := parseCommand(line)
	if err != nil {
		return err
	}
	run, ok := map[string]func(context.Context, *target.Changes, *command) error{
		"lambda update-function-configuration": updateFunction,
		"apigateway update-rest-api":           updateAPI,
		"lambda add-permission":                addPermission,
		"lambda remove-permission":             removePermission,
		"lambda create-alias":                  createAlias,
		"apigateway update-integration":        updateIntegration,
		"apigateway update-stage":              updateStage,
		"apigateway create-deployment":         createDeployment,
		"iam create-role":                      createRole,
		"iam put-role-policy":                  putRolePolicy,
		"iam update-assume-role-policy":        updateTrust,
	}[c.service+" "+c.operation]
	if !ok {
		return fmt.Errorf("\"aws %s %s\" has to be run by hand: %s", c.service, c.operation, line)
	}
	if err := run(ctx, changes, c); err != nil {
		return fmt.Errorf("%s: %w", line, err)
	}
	return nil
}

// Apply runs the commands in order, telling each before it is run, and stops at
// the first that fails. A grant on another account's function is told and left
// to its owner, a change of an HTTP or WebSocket API to the caller: a grant acts
// on every route of an integration, a change of it may not be meant so.
func (r *Report) Apply(ctx context.Context, changes *target.Changes, commands []string, tell func(line string)) error {
	for _, line := range commands {
		if c, err := parseCommand(line); err == nil && r.needsOtherAccount(c) {
			tell("(for the owner of the function) " + line)
			continue
		} else if err == nil && c.service == "apigatewayv2" {
			tell("(to run by hand) " + line)
			continue
		}
		tell(line)
		if err := Run(ctx, changes, line); err != nil {
			return err
		}
	}
	return nil
}

// optional is a member that is left out when its option is.
func (c *command) optional(name string) *string {
	if v := c.get(name); v != "" {
		return &v
	}
	return nil
}

func addPermission(ctx context.Context, changes *target.Changes, c *command) error {
	in := &lambda.AddPermissionInput{
		FunctionName: c.optional("function-name"), Qualifier: c.optional("qualifier"), StatementId: c.optional("statement-id"),
		Action: c.optional("action"), Principal: c.optional("principal"), SourceArn: c.optional("source-arn"), SourceAccount: c.optional("source-account"),
		FunctionUrlAuthType: types.FunctionUrlAuthType(c.get("function-url-auth-type")),
	}
	if c.has("invoked-via-function-url") {
		in.InvokedViaFunctionUrl = aws.Bool(true)
	}
	_, err := changes.Functions(c.get("region")).AddPermission(ctx, in)
	return err
}

func removePermission(ctx context.Context, changes *target.Changes, c *command) error {
	_, err := changes.Functions(c.get("region")).RemovePermission(ctx, &lambda.RemovePermissionInput{
		FunctionName: c.optional("function-name"), Qualifier: c.optional("qualifier"), StatementId: c.optional("statement-id"),
	})
	return err
}

func updateFunction(ctx context.Context, changes *target.Changes, c *command) error {
	_, err := changes.Functions(c.get("region")).UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
		FunctionName: c.optional("function-name"), Role: c.optional("role"),
	})
	return err
}

func updateAPI(ctx context.Context, changes *target.Changes, c *command) error {
	patch, err := c.patch()
	if err != nil {
		return err
	}
	_, err = changes.APIs.UpdateRestApi(ctx, &apigateway.UpdateRestApiInput{RestApiId: c.optional("rest-api-id"), PatchOperations: patch})
	return err
}

func createAlias(ctx context.Context, changes *target.Changes, c *command) error {
	_, err := changes.Functions(c.get("region")).CreateAlias(ctx, &lambda.CreateAliasInput{
		FunctionName: c.optional("function-name"), Name: c.optional("name"), FunctionVersion: c.optional("function-version"),
	})
	return err
}

// patch reads the CLI's JSON, or its shorthand "op=replace,path=/uri,value=…",
// in which the value is the last member here.
func (c *command) patch() ([]rest.PatchOperation, error) {
	text := c.get("patch-operations")
	if strings.HasPrefix(text, "[") {
		var operations []rest.PatchOperation
		if err := json.Unmarshal([]byte(text), &operations); err != nil {
			return nil, fmt.Errorf("--patch-operations %q: %w", text, err)
		}
		return operations, nil
	}
	head, value, found := strings.Cut(text, ",value=")
	op, path, both := strings.Cut(strings.TrimPrefix(head, "op="), ",path=")
	if !found || !both || !strings.HasPrefix(head, "op=") {
		return nil, fmt.Errorf("--patch-operations %q is not of the form op=…,path=…,value=…", text)
	}
	return []rest.PatchOperation{{Op: rest.Op(op), Path: &path, Value: &value}}, nil
}

func updateIntegration(ctx context.Context, changes *target.Changes, c *command) error {
	patch, err := c.patch()
	if err != nil {
		return err
	}
	_, err = changes.APIs.UpdateIntegration(ctx, &apigateway.UpdateIntegrationInput{
		RestApiId: c.optional("rest-api-id"), ResourceId: c.optional("resource-id"), HttpMethod: c.optional("http-method"), PatchOperations: patch,
	})
	return err
}

func updateStage(ctx context.Context, changes *target.Changes, c *command) error {
	patch, err := c.patch()
	if err != nil {
		return err
	}
	_, err = changes.APIs.UpdateStage(ctx, &apigateway.UpdateStageInput{
		RestApiId: c.optional("rest-api-id"), StageName: c.optional("stage-name"), PatchOperations: patch,
	})
	return err
}

func createDeployment(ctx context.Context, changes *target.Changes, c *command) error {
	_, err := changes.APIs.CreateDeployment(ctx, &apigateway.CreateDeploymentInput{RestApiId: c.optional("rest-api-id"), StageName: c.optional("stage-name")})
	return err
}

func createRole(ctx context.Context, changes *target.Changes, c *command) error {
	_, err := changes.Roles.CreateRole(ctx, &iam.CreateRoleInput{RoleName: c.optional("role-name"), AssumeRolePolicyDocument: c.optional("assume-role-policy-document")})
	return err
}

func putRolePolicy(ctx context.Context, changes *target.Changes, c *command) error {
	_, err := changes.Roles.PutRolePolicy(ctx, &iam.PutRolePolicyInput{
		RoleName: c.optional("role-name"), PolicyName: c.optional("policy-name"), PolicyDocument: c.optional("policy-document"),
	})
	return err
}

func updateTrust(ctx context.Context, changes *target.Changes, c *command) error {
	_, err := changes.Roles.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{
		RoleName: c.optional("role-name"), PolicyDocument: c.optional("policy-document"),
	})
	return err
}
