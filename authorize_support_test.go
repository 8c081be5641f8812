package stagedoor

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	gatewaytypes "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

func iamTags(key, value string) []iamtypes.Tag {
	return []iamtypes.Tag{{Key: aws.String(key), Value: aws.String(value)}}
}

func functionCode(t *testing.T) *lambdatypes.FunctionCode {
	t.Helper()
	return &lambdatypes.FunctionCode{ZipFile: zipped(t, "index.py", "def handler(event, context):\n    return 'ok'\n")}
}

func accountRole(role string) []gatewaytypes.PatchOperation {
	return []gatewaytypes.PatchOperation{{Op: gatewaytypes.OpReplace, Path: aws.String("/cloudwatchRoleArn"), Value: &role}}
}
