package logs

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/stagedoor/stagedoor/awswire"
	"github.com/stagedoor/stagedoor/internal/store"
)

// AWS recordings test_resource_does_not_exist, test_put_log_events_to_invalid_stream.
func groupNotFound() error {
	return &types.ResourceNotFoundException{Message: new("The specified log group does not exist.")}
}

func streamNotFound() error {
	return &types.ResourceNotFoundException{Message: new("The specified log stream does not exist.")}
}

func invalid(format string, args ...any) error {
	return &types.InvalidParameterException{Message: new(fmt.Sprintf(format, args...))}
}

// validation is the ValidationException, which the model declares for some
// operations only.
func validation(text string) error {
	return awswire.Errorf("ValidationException", "%s", text)
}

// badToken: AWS recordings test_get_log_events_invalid_token,
// test_filter_log_events_unknown_token.
func badToken() error { return invalid("The specified nextToken is invalid.") }

// missingGroup turns the store's answer into AWS's.
func missingGroup(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return groupNotFound()
	}
	return err
}
