package lambda

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/stagedoor/stagedoor/awswire"
)

// AWS's texts that more than one handler needs. Their form was read from AWS
// recordings (test_lambda_api) unless a comment says otherwise.
const (
	msgQualifierMismatch = "The derived qualifier from the function name does not match the specified qualifier."
	msgNoSuchResource    = "The resource you requested does not exist."
	msgRevisionFunction  = "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id"
	msgRevisionPolicy    = "The Revision Id provided does not match the latest Revision Id. Call the GetPolicy API to retrieve the latest Revision Id"
	msgBusy              = "The operation cannot be performed at this time. An update is in progress for resource: %s"
	msgFunctionsOnly     = "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN."
)

// user is the Type member of nearly all errors that a client caused.
func user() *string { return new("User") }

func invalid(format string, args ...any) error {
	return &types.InvalidParameterValueException{Message: new(fmt.Sprintf(format, args...)), Type: user()}
}

func notFound(format string, args ...any) error {
	return &types.ResourceNotFoundException{Message: new(fmt.Sprintf(format, args...)), Type: user()}
}

func conflict(format string, args ...any) error {
	return &types.ResourceConflictException{Message: new(fmt.Sprintf(format, args...)), Type: user()}
}

func precondition(message string) error {
	return &types.PreconditionFailedException{Message: new(message), Type: user()}
}

// functionNotFound is AWS's answer for a function, version or alias that is
// not there. The ARN carries the qualifier that was asked for (AWS recording
// test_ops_on_nonexisting_version).
func functionNotFound(t target) error { return notFound("Function not found: %s", t.arn()) }

// aliasNotFound: AWS recordings test_permission_exceptions and
// test_lambda_provisioned_lifecycle; for GetAlias fujiwara/lambroll#386.
func aliasNotFound(t target) error { return notFound("Cannot find alias arn: %s", t.arn()) }

// validation is the error of AWS's front end for one violated constraint. Most
// of these come from awswire; the model lacks a few limits that AWS has.
func validation(value, member, constraint string) error {
	return awswire.Errorf("ValidationException",
		"1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: %s", value, member, constraint)
}

// unsupported says that stagedoor lacks something, rather than accept what it
// would not do.
func unsupported(format string, args ...any) error {
	return invalid("stagedoor: "+format, args...)
}

func isNotFound(err error) bool {
	_, ok := errors.AsType[*types.ResourceNotFoundException](err)
	return ok
}
