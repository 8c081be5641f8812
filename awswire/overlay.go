package awswire

// dialect is what the model does not say about a service's way of answering. Each entry names its source.
type dialect struct {
	validationCode string // code of "N validation errors detected"
	unknownCode    string // code of an unclassified failure
	unknownText    string
	// inputPrefix: API Gateway v1 names the input in validation sentences: "Value 'FOO' at 'putIntegrationInput.type'
	// failed to satisfy constraint: …" (recorded by several emulators against AWS).
	inputPrefix bool
	// openEnums are not checked here, because the service words the error itself.
	openEnums map[string]bool
	// enumOrder is AWS's order in the sentence where a recording shows one.
	enumOrder map[string][]string
	// nameRules are patterns for which the service has a sentence of its own.
	nameRules map[string]bool
	// strictElements: the rules of list elements end with "Member must not be null" (recorded from Lambda).
	strictElements bool
	// typeMember: error bodies have Type User or Service (Lambda).
	typeMember bool
	// apigwID: the answer carries x-amz-apigw-id.
	apigwID bool
	// limit of a request body in bytes, and of single operations.
	limit      int64
	limits     map[string]int64
	limitError func(operation string, limit int64) *Error
}

const mebibyte = 1 << 20

var dialects = map[string]*dialect{
	"lambda": {
		validationCode: "ValidationException",
		unknownCode:    "ServiceException",
		unknownText:    "An error occurred and the request cannot be processed.",
		// "Value nodejs12.xa at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: […] or be a
		// valid ARN" is an InvalidParameterValueException of the service: service/lambda checks runtimes.
		openEnums:      map[string]bool{"Runtime": true},
		strictElements: true,
		typeMember:     true,
		limit:          6291556 + mebibyte,
		// Lambda's own texts: "Request must be smaller than 70167211 bytes for the CreateFunction operation" and
		// "… 6291556 bytes for the InvokeFunction operation" (public threads). The UpdateFunctionCode and PublishLayerVersion
		// figures are unverified beyond "69905067", seen for UpdateFunctionCode.
		limits: map[string]int64{"CreateFunction": 70167211, "UpdateFunctionCode": 69905067, "PublishLayerVersion": 69905067,
			"Invoke": 6291556, "InvokeWithResponseStream": 6291556, "InvokeAsync": 6291556},
		limitError: lambdaTooLarge,
	},
	"apigateway": {
		validationCode: "ValidationException",
		unknownCode:    "InternalFailure",
		inputPrefix:    true,
		apigwID:        true,
		// "… Member must satisfy enum value set: [HTTP, MOCK, AWS_PROXY, HTTP_PROXY, AWS]" (recorded in localstack's suite;
		// another emulator has [HTTP, AWS, MOCK, HTTP_PROXY, AWS_PROXY]: unverified which is today's).
		enumOrder: map[string][]string{"IntegrationType": {"HTTP", "MOCK", "AWS_PROXY", "HTTP_PROXY", "AWS"}},
		limit:     10 * mebibyte,
	},
	"apigatewayv2": {
		validationCode: "BadRequestException",
		unknownCode:    "InternalFailure",
		apigwID:        true,
		limit:          10 * mebibyte,
	},
	"logs": {
		validationCode: "InvalidParameterException", // recorded: "(InvalidParameterException) … 1 validation error detected"
		unknownCode:    "InternalFailure",
		limit:          10 * mebibyte,
	},
	"iam": {
		validationCode: "ValidationError",
		unknownCode:    "ServiceFailure",
		nameRules:      map[string]bool{`[\w+=,.@-]+`: true},
		limit:          mebibyte,
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
