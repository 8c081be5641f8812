package awswire

import "strings"

// dialect is what the model does not say about a service's way of answering. Each entry names its source.
type dialect struct {
	validationCode string // code of "N validation errors detected"
	unknownCode    string // code of an unclassified failure
	unknownText    string
	// inputPrefix: API Gateway v1 names the input before members of the body: "Value 'wrong-op' at
	// 'updateGatewayResponseInput.patchOperations.1.member.op' …", but "Value 'FAKE_RESPONSE_TYPE' at 'responseType' …" for
	// one of the path (AWS recordings test_update_gateway_response, test_gateway_response_validation).
	inputPrefix bool
	// javaTypes: "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to an String" (AWS
	// recording test_integration_response_invalid_responsetemplates; the other classes are unverified).
	javaTypes bool
	// openEnums are not checked here, because the service words the error itself.
	openEnums map[string]bool
	// enumOrder is AWS's order in the sentence where a recording shows one.
	enumOrder map[string][]string
	// ownWords are patterns whose violation the service words itself: "The specified value for roleName is invalid. " and
	// this.
	ownWords map[string]string
	// tooLong are shapes whose excess length the service words itself.
	tooLong map[string]string
	// redact: no value is printed, not even null, and no enum set: "Value at 'status' failed to satisfy constraint: Member
	// must satisfy enum value set". IAM printed values until 2022 or later; since 2024 it does not (aws/eks-hybrid#113, AWS
	// recordings test_user_match_id_mismatch and test_invalid_update_parameters, 2025).
	redact bool
	// strictElements: the rules of elements end with "Member must not be null", save in these shapes (AWS recordings
	// test_create_lambda_exceptions, test_invalid_vpc_config_subnet, test_invalid_vpc_config_security_group; public threads
	// for environment.variables).
	strictElements bool
	looseElements  map[string]bool
	// rules of shapes that the model gives none.
	rules map[string]*constraint
	// pattern gives AWS's present pattern where it is ahead of the models.
	pattern func(shape, text string) string
	// omitZero are members ("Shape.Member") that the service leaves out where the SDK's plain scalar is zero.
	omitZero map[string]bool
	// typeMember: error bodies have Type User or Service (Lambda).
	typeMember bool
	// apigwID: the answer carries x-amz-apigw-id.
	apigwID bool
	// limit of a request body in bytes, and of single operations.
	limit      int64
	limits     map[string]int64
	limitError func(operation string, limit int64) *Error
}

const (
	mebibyte    = 1 << 20
	onlyASCII   = "It must contain only printable ASCII characters."
	logsTooLong = "Invalid LogGroup or LogStream, both must have length less than or equal to 512."
)

var dialects = map[string]*dialect{
	"lambda": {
		validationCode: "ValidationException",
		unknownCode:    "ServiceException",
		unknownText:    "An error occurred and the request cannot be processed.",
		// "Value nodejs12.xa at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: […] or be a
		// valid ARN" is an InvalidParameterValueException of the service: service/lambda checks runtimes.
		openEnums:      map[string]bool{"Runtime": true},
		strictElements: true,
		looseElements:  map[string]bool{"SubnetIds": true, "SecurityGroupIds": true, "EnvironmentVariables": true},
		enumOrder: map[string][]string{ // AWS recordings test_lambda_url_invalid_invoke_mode, test_put_function_recursion_config_invalid_value,
			// test_create_event_source_validation_kinesis
			"InvokeMode":          {"RESPONSE_STREAM", "BUFFERED"},
			"RecursiveLoop":       {"Terminate", "Allow"},
			"EventSourcePosition": {"LATEST", "AT_TIMESTAMP", "TRIM_HORIZON"},
		},
		rules:      map[string]*constraint{"SubnetId": idRule(`subnet-[0-9a-z]*`), "SecurityGroupId": idRule(`sg-[0-9a-zA-Z]*`)},
		pattern:    lambdaPattern,
		typeMember: true,
		limit:      7 * mebibyte,
		// Lambda's own texts: "Request must be smaller than 70167211 bytes for the CreateFunction operation" and
		// "… 6291456 bytes for the InvokeFunction operation" (pelmers/streetwarp-web#14, 2024; 6,291,556 is the limit that the
		// runtime names for answers). The UpdateFunctionCode and PublishLayerVersion
		// figures are unverified beyond "69905067", seen for UpdateFunctionCode.
		limits: map[string]int64{"CreateFunction": 70167211, "UpdateFunctionCode": 69905067, "PublishLayerVersion": 69905067,
			"Invoke": 6291456, "InvokeWithResponseStream": 6291456, "InvokeAsync": 6291456},
		limitError: lambdaTooLarge,
	},
	"apigateway": {
		validationCode: "ValidationException",
		unknownCode:    "InternalFailure",
		inputPrefix:    true,
		apigwID:        true,
		javaTypes:      true,
		enumOrder: map[string][]string{
			// "[HTTP, MOCK, AWS_PROXY, HTTP_PROXY, AWS]" in one emulator, "[HTTP, AWS, MOCK, HTTP_PROXY, AWS_PROXY]" in others:
			// unverified.
			"IntegrationType": {"HTTP", "MOCK", "AWS_PROXY", "HTTP_PROXY", "AWS"},
			// AWS recordings test_update_gateway_response, test_create_rest_api_with_endpoint_configuration,
			// test_gateway_response_validation.
			"Op":           {"add", "remove", "move", "test", "replace", "copy"},
			"EndpointType": {"PRIVATE", "EDGE", "REGIONAL"},
			"GatewayResponseType": {"REQUEST_TOO_LARGE", "RESOURCE_NOT_FOUND", "AUTHORIZER_CONFIGURATION_ERROR",
				"MISSING_AUTHENTICATION_TOKEN", "BAD_REQUEST_BODY", "INVALID_SIGNATURE", "INVALID_API_KEY", "BAD_REQUEST_PARAMETERS",
				"AUTHORIZER_FAILURE", "UNAUTHORIZED", "INTEGRATION_TIMEOUT", "ACCESS_DENIED", "DEFAULT_4XX", "DEFAULT_5XX",
				"WAF_FILTERED", "QUOTA_EXCEEDED", "THROTTLED", "API_CONFIGURATION_ERROR", "UNSUPPORTED_MEDIA_TYPE",
				"INTEGRATION_FAILURE", "EXPIRED_TOKEN"},
		},
		limit: 10 * mebibyte,
	},
	"apigatewayv2": {
		validationCode: "BadRequestException",
		unknownCode:    "InternalFailure",
		apigwID:        true,
		limit:          10 * mebibyte,
	},
	"cloudwatch": {
		// "ValidationError" to clients of the query protocol, see compatible.go.
		validationCode: "ValidationError",
		unknownCode:    "InternalServiceFault",
		enumOrder: map[string][]string{
			// AWS recording test_exception_serializing_with_no_shape_in_spec.
			"StateValue": {"INSUFFICIENT_DATA", "ALARM", "OK"},
			// The comment of AWS recording test_get_metric_data_different_units_no_unit_in_query.
			"StandardUnit": {"Megabits", "Terabits", "Gigabits", "Count", "Bytes", "Gigabytes", "Gigabytes/Second", "Kilobytes",
				"Kilobits/Second", "Terabytes", "Terabits/Second", "Bytes/Second", "Percent", "Megabytes", "Megabits/Second",
				"Milliseconds", "Microseconds", "Kilobytes/Second", "Gigabits/Second", "Megabytes/Second", "Bits", "Bits/Second",
				"Count/Second", "Seconds", "Kilobits", "Terabytes/Second", "None"},
		},
		// "Each PutMetricData request is limited to 1 MB in size for HTTP POST requests" (API reference).
		limit: mebibyte,
	},
	"logs": {
		validationCode: "InvalidParameterException", // recorded: "(InvalidParameterException) … 1 validation error detected"
		unknownCode:    "InternalFailure",
		// AWS recording test_put_delivery_destination_invalid_format.
		// AWS recordings test_create_log_group_invalid_name_length, test_delete_metric_filter_invalid_log_group_name.
		tooLong:   map[string]string{"LogGroupName": logsTooLong, "LogStreamName": logsTooLong},
		enumOrder: map[string][]string{"OutputFormat": {"w3c", "raw", "json", "plain", "parquet"}},
		limit:     10 * mebibyte,
	},
	"iam": {
		validationCode: "ValidationError",
		unknownCode:    "ServiceFailure",
		redact:         true,
		ownWords: map[string]string{ // public threads of rosa, karpenter, terraform; paths as another emulator found them
			`[\w+=,.@-]+`:                        "It must contain only alphanumeric characters and/or the following: +=,.@_-",
			`[\u0009\u000A\u000D\u0020-\u00FF]+`: onlyASCII,
			`[\u0020-\u00FF]+`:                   onlyASCII,
			`(\u002F)|(\u002F[\u0021-\u007E]+\u002F)`: "It must begin and end with / and contain only alphanumeric " +
				"characters and/or / characters.",
		},
		// AWS recordings test_service_specific_credential_lifecycle, test_list_service_specific_credential_different_service.
		omitZero: map[string]bool{"ListServiceSpecificCredentialsResponse.IsTruncated": true},
		limit:    mebibyte,
	},
	"sts": {
		validationCode: "ValidationError",
		unknownCode:    "InternalFailure",
		limit:          mebibyte,
	},
}

func lambdaTooLarge(operation string, limit int64) *Error {
	if operation == "Invoke" {
		operation = "InvokeFunction"
	}
	return &Error{Code: "RequestEntityTooLargeException", Status: 413,
		Message: "Request must be smaller than " + plainNumber(float64(limit)) + " bytes for the " + operation + " operation"}
}

// lambdaPattern: Lambda's patterns know the European sovereign regions by now, and layers among what can be tagged (AWS
// recordings test_function_arns, test_tag_exceptions); the models of the build do not.
func lambdaPattern(shape, text string) string {
	const region = `[a-z]{2}((-gov)|(-iso([a-z]?)))?`
	text = strings.Replace(text, region, `(eusc-)?`+region, 1)
	if shape == "TaggableResource" && !strings.Contains(text, "|layer:") {
		text = strings.Replace(text, "|code-signing-config:", "|layer:([a-zA-Z0-9-_]+)|code-signing-config:", 1)
	}
	return text
}

func (d *dialect) strict(shape string) bool { return d.strictElements && !d.looseElements[shape] }

// idRule is Lambda's rule for ids of EC2 (AWS recordings test_invalid_vpc_config_subnet and …_security_group).
func idRule(pattern string) *constraint {
	return &constraint{max: 1024, hasMax: true, hasMin: true, pattern: compilePattern(pattern), patternText: pattern}
}
