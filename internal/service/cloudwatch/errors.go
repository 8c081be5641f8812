package cloudwatch

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/stagedoor/stagedoor/awswire"
)

func invalidValue(format string, args ...any) error {
	return &types.InvalidParameterValueException{Message: new(fmt.Sprintf(format, args...))}
}

func invalidCombination(format string, args ...any) error {
	return &types.InvalidParameterCombinationException{Message: new(fmt.Sprintf(format, args...))}
}

func missing(parameter string) error {
	return &types.MissingRequiredParameterException{Message: new("The parameter " + parameter + " is required.")}
}

// faults gathers what is wrong with a call of GetMetricData: AWS names everything
// at once, a sentence a line.
type faults struct{ lines []string }

func (f *faults) add(format string, args ...any) {
	f.lines = append(f.lines, fmt.Sprintf(format, args...))
}

func (f *faults) err() error {
	if len(f.lines) == 0 {
		return nil
	}
	return awswire.Errorf("ValidationError", "%s\n", strings.Join(f.lines, "\n"))
}
