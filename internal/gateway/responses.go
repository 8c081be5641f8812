package gateway

// gatewayResponse is an answer that the gateway makes itself, with the default
// body of its type (APIGW-DG supported-gateway-response-types: "{"message":
// $context.error.messageString}"). AWS puts a blank behind the colon of its
// 5XX bodies and none into the others: AWS recording
// test_apigateway_header_remapping_aws has Content-Length 36 for
// {"message": "Internal server error"}, test_apigateway_common
// {"message":"Missing Authentication Token"}.
type gatewayResponse struct {
	status    int
	kind      string // gateway response type, for logs
	errorType string // x-amzn-ErrorType
	message   string
	body      []byte
}

func newResponse(status int, kind, errorType, message, body string) *gatewayResponse {
	return &gatewayResponse{status, kind, errorType, message, []byte(body)}
}

var (
	missingToken = newResponse(403, "MISSING_AUTHENTICATION_TOKEN", "MissingAuthenticationTokenException",
		"Missing Authentication Token", `{"message":"Missing Authentication Token"}`)
	forbidden = newResponse(403, "ACCESS_DENIED", "ForbiddenException",
		"Forbidden", `{"message":"Forbidden"}`)
	invalidKey = newResponse(403, "INVALID_API_KEY", "ForbiddenException",
		"Forbidden", `{"message":"Forbidden"}`)
	accessDenied = newResponse(403, "ACCESS_DENIED", "AccessDeniedException",
		"User is not authorized to access this resource", `{"Message":"User is not authorized to access this resource"}`)
	unauthorized = newResponse(401, "UNAUTHORIZED", "UnauthorizedException",
		"Unauthorized", `{"message":"Unauthorized"}`)
	// unverified: type and spacing of the two answers about size, and the
	// status of the second; the texts are what users report ("HTTP header is
	// larger than 10240 bytes.").
	requestTooLong = newResponse(413, "REQUEST_TOO_LARGE", "RequestTooLargeException",
		"Request Too Long", `{"message":"Request Too Long"}`)
	headerTooLong = newResponse(431, "BAD_REQUEST_PARAMETERS", "BadRequestException",
		"HTTP header is larger than 10240 bytes.", `{"message":"HTTP header is larger than 10240 bytes."}`)
	badBody = newResponse(400, "BAD_REQUEST_BODY", "BadRequestException",
		"Bad Request", `{"message":"Bad Request"}`)
	unsupportedMedia = newResponse(415, "UNSUPPORTED_MEDIA_TYPE", "UnsupportedMediaTypeException",
		"Unsupported Media Type", `{"message": "Unsupported Media Type"}`)
	configurationError = newResponse(500, "API_CONFIGURATION_ERROR", "InternalServerErrorException",
		"Internal server error", `{"message": "Internal server error"}`)
	integrationFailure = newResponse(500, "INTEGRATION_FAILURE", "InternalServerErrorException",
		"Internal server error", `{"message": "Internal server error"}`)
	badAnswer = newResponse(502, "DEFAULT_5XX", "InternalServerErrorException",
		"Internal server error", `{"message": "Internal server error"}`)
	timedOut = newResponse(504, "INTEGRATION_TIMEOUT", "InternalServerErrorException",
		"Endpoint request timed out", `{"message": "Endpoint request timed out"}`)
)
