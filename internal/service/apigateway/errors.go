package apigateway

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"

	"github.com/stagedoor/stagedoor/awswire"
)

// AWS's errors. "AWS recording X" names a test of the public AWS-validated suite
// whose recorded answers hold the text; "owner/repo#N" a public thread that
// quotes it.

func badRequest(format string, args ...any) error {
	return &types.BadRequestException{Message: new(fmt.Sprintf(format, args...))}
}

func notFound(format string, args ...any) error {
	return &types.NotFoundException{Message: new(fmt.Sprintf(format, args...))}
}

func conflict(format string, args ...any) error {
	return &types.ConflictException{Message: new(fmt.Sprintf(format, args...))}
}

func limitExceeded(format string, args ...any) error {
	return &types.LimitExceededException{Message: new(fmt.Sprintf(format, args...))}
}

// AWS recording test_update_rest_api_invalid_api_id.
func errAPINotFound(account, id string) error {
	return notFound("Invalid API identifier specified %s:%s", account, id)
}

// AWS recordings test_update_resource_behaviour, test_update_method_validation:
// operations below a resource answer this for an unknown API, too.
func errResourceNotFound() error { return notFound("Invalid Resource identifier specified") }

// AWS recording test_method_lifecycle.
func errMethodNotFound() error { return notFound("Invalid Method identifier specified") }

func errIntegrationNotFound() error { return notFound("Invalid Integration identifier specified") }

func errResponseNotFound() error { return notFound("Invalid Response status code specified") }

func errStageNotFound() error { return notFound("Invalid stage identifier specified") }

func errDeploymentNotFound() error { return notFound("Invalid Deployment identifier specified") }

// AWS recording test_update_stage_canary_deployment_validation.
func errNoDeployment() error { return badRequest("Deployment id does not exist") }

// AWS recordings test_integration_response_invalid_responsetemplates (content
// type) and aws-apigateway-importer#58, #121, #209 (mappings).
func errValidation(prefix, problem string) error {
	return badRequest("%sValidation Result: warnings : [], errors : [%s]", prefix, problem)
}

func errMapping(problem string) error {
	return errValidation("Invalid mapping expression specified: ", problem)
}

// errUnsupported refuses what AWS knows and this release cannot run. It is a 4xx
// because clients retry a 5xx for minutes.
func errUnsupported(format string, args ...any) error {
	return badRequest("%s is not supported by stagedoor yet", fmt.Sprintf(format, args...))
}

// boto/boto3#1296 has the sentence for resources.
func errTooMany(what string) error {
	return limitExceeded("Maximum number of %s for this API has been reached.  Please contact AWS if you need additional %s.", what, what)
}

// errTooLarge: AWS limits templates and resources one by one; here an API must
// also fit into one record.
func errTooLarge(err error) error {
	return limitExceeded("The API is too large to be stored (%v): divide it into several APIs or shorten its templates", err)
}

// getmoto/moto exceptions (AccessDeniedException is not among the modelled errors).
func errCrossAccountRole() error {
	return &awswire.Error{Code: "AccessDeniedException", Message: "Cross-account pass role is not allowed.", Status: 403}
}
