package awswire

import (
	"strings"
	"testing"
)

// TestRecordedSentences: validation errors as AWS answered them. Each case names the recording (localstack's suite, AWS
// recordings of 2024 to 2026).
func TestRecordedSentences(t *testing.T) {
	const lambdaName = `(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?`
	tests := []struct {
		recording, service, operation, target, body, want string
	}{
		{"test_update_gateway_response", "apigateway", "UpdateGatewayResponse", "/restapis/a/gatewayresponses/DEFAULT_4XX",
			`{"patchOperations":[{"op":"wrong-op","path":"/x","value":"y"}]}`,
			"ValidationException: 1 validation error detected: Value 'wrong-op' at 'updateGatewayResponseInput.patchOperations.1.member.op' failed to satisfy constraint: Member must satisfy enum value set: [add, remove, move, test, replace, copy]"},
		{"test_gateway_response_validation", "apigateway", "GetGatewayResponse", "/restapis/a/gatewayresponses/FAKE_RESPONSE_TYPE", ``,
			"ValidationException: 1 validation error detected: Value 'FAKE_RESPONSE_TYPE' at 'responseType' failed to satisfy constraint: Member must satisfy enum value set: [REQUEST_TOO_LARGE, RESOURCE_NOT_FOUND, AUTHORIZER_CONFIGURATION_ERROR, MISSING_AUTHENTICATION_TOKEN, BAD_REQUEST_BODY, INVALID_SIGNATURE, INVALID_API_KEY, BAD_REQUEST_PARAMETERS, AUTHORIZER_FAILURE, UNAUTHORIZED, INTEGRATION_TIMEOUT, ACCESS_DENIED, DEFAULT_4XX, DEFAULT_5XX, WAF_FILTERED, QUOTA_EXCEEDED, THROTTLED, API_CONFIGURATION_ERROR, UNSUPPORTED_MEDIA_TYPE, INTEGRATION_FAILURE, EXPIRED_TOKEN]"},
		{"test_integration_response_invalid_statuscode", "apigateway", "PutIntegrationResponse", "/restapis/a/resources/b/methods/GET/integration/responses/wrong", `{}`,
			`ValidationException: 1 validation error detected: Value 'wrong' at 'statusCode' failed to satisfy constraint: Member must satisfy regular expression pattern: [1-5]\d\d`},
		{"test_integration_response_invalid_responsetemplates", "apigateway", "PutIntegrationResponse", "/restapis/a/resources/b/methods/GET/integration/responses/200", `{"responseTemplates":{"application/json":1}}`,
			"SerializationException: class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to an String"},
		{"test_create_rest_api_with_endpoint_configuration", "apigateway", "CreateRestApi", "/restapis", `{"name":"n","endpointConfiguration":{"ipAddressType":"wrong","types":["wrong"]}}`,
			"ValidationException: 2 validation errors detected: Value '[wrong]' at 'createRestApiInput.endpointConfiguration.types' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [PRIVATE, EDGE, REGIONAL]]; Value 'wrong' at 'createRestApiInput.endpointConfiguration.ipAddressType' failed to satisfy constraint: Member must satisfy enum value set: [ipv4, dualstack]"},
		{"test_tag_exceptions", "lambda", "UntagResource", "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aeu-west-1%3A000000000000%3Afunction%3Af", ``,
			"ValidationException: 1 validation error detected: Value null at 'tagKeys' failed to satisfy constraint: Member must not be null"},
		{"test_tag_exceptions", "lambda", "ListTags", "/2017-03-31/tags/arn%3Aaws%3Asomething", ``,
			`ValidationException: 1 validation error detected: Value 'arn:aws:something' at 'resource' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:(function:[a-zA-Z0-9-_]+(:(\$LATEST|[a-zA-Z0-9-_]+))?|layer:([a-zA-Z0-9-_]+)|code-signing-config:csc-[a-z0-9]{17}|event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|capacity-provider:[a-zA-Z0-9-_]+)`},
		{"test_permission_exceptions", "lambda", "AddPermission", "/2015-03-31/functions/f/policy", `{"StatementId":"example.com","Action":"lambda:InvokeFunction","Principal":"s3.amazonaws.com"}`,
			"ValidationException: 1 validation error detected: Value 'example.com' at 'statementId' failed to satisfy constraint: Member must satisfy regular expression pattern: ([a-zA-Z0-9-_]+)"},
		{"test_permission_exceptions", "lambda", "AddPermission", "/2015-03-31/functions/f/policy?Qualifier=invalid-qualifier-with-%3F-char", `{"StatementId":"s","Action":"lambda:InvokeFunction","Principal":"s3.amazonaws.com"}`,
			`ValidationException: 1 validation error detected: Value 'invalid-qualifier-with-?-char' at 'qualifier' failed to satisfy constraint: Member must satisfy regular expression pattern: \$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+`},
		{"test_create_lambda_exceptions", "lambda", "CreateFunction", "/2015-03-31/functions", `{"FunctionName":"f","Role":"r1","Code":{}}`,
			`ValidationException: 1 validation error detected: Value 'r1' at 'role' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+`},
		{"test_create_lambda_exceptions", "lambda", "CreateFunction", "/2015-03-31/functions", `{"FunctionName":"f","Role":"arn:aws:iam::000000000000:role/r","Code":{},"Architectures":["x86_64","arm64"]}`,
			"ValidationException: 1 validation error detected: Value '[x86_64, arm64]' at 'architectures' failed to satisfy constraint: Member must have length less than or equal to 1"},
		{"test_create_lambda_exceptions", "lambda", "CreateFunction", "/2015-03-31/functions", `{"FunctionName":"f","Role":"arn:aws:iam::000000000000:role/r","Code":{},"Architectures":["X86_64"]}`,
			"ValidationException: 1 validation error detected: Value '[X86_64]' at 'architectures' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]"},
		{"test_invalid_vpc_config_subnet", "lambda", "CreateFunction", "/2015-03-31/functions", `{"FunctionName":"f","Role":"arn:aws:iam::000000000000:role/r","Code":{},"VpcConfig":{"SubnetIds":["bad"]}}`,
			"ValidationException: 1 validation error detected: Value '[bad]' at 'vpcConfig.subnetIds' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal to 0, Member must satisfy regular expression pattern: subnet-[0-9a-z]*]"},
		{"test_list_functions", "lambda", "ListFunctions", "/2015-03-31/functions?FunctionVersion=invalid", ``,
			"ValidationException: 1 validation error detected: Value 'invalid' at 'functionVersion' failed to satisfy constraint: Member must satisfy enum value set: [ALL]"},
		{"test_function_arns", "lambda", "GetFunctionConfiguration", "/2015-03-31/functions/a%20b/configuration", ``,
			`ValidationException: 1 validation error detected: Value 'a b' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: ` + lambdaName + `([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?`},
		{"test_function_arns", "lambda", "CreateFunction", "/2015-03-31/functions", `{"FunctionName":"invalid:function:name","Role":"arn:aws:iam::000000000000:role/r","Code":{}}`,
			`ValidationException: 1 validation error detected: Value 'invalid:function:name' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: ` + lambdaName + `([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?`},
		{"test_alias_naming", "lambda", "CreateAlias", "/2015-03-31/functions/f/aliases", `{"Name":"2024","FunctionVersion":"$LATEST"}`,
			"ValidationException: 1 validation error detected: Value '2024' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)"},
		{"test_snapstart_exceptions", "lambda", "CreateFunction", "/2015-03-31/functions", `{"FunctionName":"f","Role":"arn:aws:iam::000000000000:role/r","Code":{},"SnapStart":{"ApplyOn":"invalidOption"}}`,
			"ValidationException: 1 validation error detected: Value 'invalidOption' at 'snapStart.applyOn' failed to satisfy constraint: Member must satisfy enum value set: [PublishedVersions, None]"},
		{"test_put_delivery_destination_invalid_format", "logs", "PutDeliveryDestination", "", `{"name":"n","outputFormat":"foobar"}`,
			"ValidationException: 1 validation error detected: Value 'foobar' at 'outputFormat' failed to satisfy constraint: Member must satisfy enum value set: [w3c, raw, json, plain, parquet]"},
		{"test_get_log_events_limit_validation", "logs", "GetLogEvents", "", `{"logGroupName":"g","logStreamName":"s","limit":10001}`,
			"InvalidParameterException: 1 validation error detected: Value '10001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 10000"},
		{"test_create_log_group_invalid_name_length", "logs", "CreateLogGroup", "", `{"logGroupName":"` + strings.Repeat("a", 513) + `"}`,
			"InvalidParameterException: Invalid LogGroup or LogStream, both must have length less than or equal to 512."},
		{"test_user_match_id_mismatch", "iam", "ResetServiceSpecificCredential", "", `ServiceSpecificCredentialId=totally-wrong-credential-id-with-hyphens`,
			`ValidationError: 1 validation error detected: Value at 'serviceSpecificCredentialId' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w]+`},
		{"test_invalid_update_parameters", "iam", "UpdateServiceSpecificCredential", "", `ServiceSpecificCredentialId=AAAAAAAAAAAAAAAAAAAAAA&Status=Invalid`,
			"ValidationError: 1 validation error detected: Value at 'status' failed to satisfy constraint: Member must satisfy enum value set"},
		{"eks-hybrid#113", "iam", "GetRole", "", "RoleName=" + strings.Repeat("a", 65),
			"ValidationError: 1 validation error detected: Value at 'roleName' failed to satisfy constraint: Member must have length less than or equal to 64"},
		{"missing tag key", "iam", "CreateRole", "", "RoleName=a&AssumeRolePolicyDocument=%7B%7D&Tags.member.1.Value=x",
			"MissingParameter: The request must contain the parameter Tags.member.1.Key."},
		{"invalid path", "iam", "CreateRole", "", "RoleName=a&AssumeRolePolicyDocument=%7B%7D&Path=bad",
			"ValidationError: The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters."},
		{"test_sts_invalid_parameters", "sts", "AssumeRole", "", `RoleArn=arn:aws:iam::000000000000:role/r&RoleSessionName=Session1%3A2`,
			`ValidationError: 1 validation error detected: Value 'Session1:2' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`},
	}
	clients := sdkClients(nil)
	for _, tt := range tests {
		t.Run(tt.recording+"/"+tt.operation, func(t *testing.T) {
			s := Load(tt.service)
			m := method(t, clients[tt.service], tt.operation)
			err := decodeText(t, s, tt.operation, m, tt.target, tt.body)
			if err == nil {
				t.Fatal("accepted")
			}
			if got := err.Error(); got != tt.want {
				t.Errorf("\n got %s\nwant %s", got, tt.want)
			}
			if strings.Contains(tt.want, "%") {
				t.Error("a formatting verb in a sentence")
			}
		})
	}
}
