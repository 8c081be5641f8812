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
	front     bool // from before the gateway: plain text, no ids
}

func newResponse(status int, kind, errorType, message, body string) *gatewayResponse {
	return &gatewayResponse{status: status, kind: kind, errorType: errorType, message: message, body: []byte(body)}
}

func frontResponse(status int, text string) *gatewayResponse {
	return &gatewayResponse{status: status, message: text, body: []byte(text), front: true}
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
	// Lambda's own limit, 6 MB (koki-develop/lgtm-generator#10).
	requestTooLong = newResponse(413, "REQUEST_TOO_LARGE", "BadRequestException",
		"Request Too Long", `{"message": "Request Too Long"}`)
	// What stands before API Gateway refuses in plain text and without request
	// ids; gateway responses cannot change it (same thread; the NHS's and
	// others' tests of it).
	bodyTooLong = frontResponse(413, "HTTP content length exceeded 10485760 bytes.")
	// unverified: the status; the text is what users report.
	headerTooLong = frontResponse(431, "HTTP header is larger than 10240 bytes.")
	badBody       = newResponse(400, "BAD_REQUEST_BODY", "BadRequestException",
		"Bad Request", `{"message":"Bad Request"}`)
	unsupportedMedia = newResponse(415, "UNSUPPORTED_MEDIA_TYPE", "UnsupportedMediaTypeException",
		"Unsupported Media Type", `{"message": "Unsupported Media Type"}`)
	configurationError = newResponse(500, "API_CONFIGURATION_ERROR", "InternalServerErrorException",
		"Internal server error", `{"message": "Internal server error"}`)
	integrationFailure = newResponse(500, "INTEGRATION_FAILURE", "InternalServerErrorException",
		"Internal server error", `{"message": "Internal server error"}`)
	invalidSignature = newResponse(403, "INVALID_SIGNATURE", "InvalidSignatureException", "", "")
	expiredToken     = newResponse(403, "EXPIRED_TOKEN", "ExpiredTokenException", "", "")
	// unverified: the gateway response type.
	undeterminable = newResponse(403, "ACCESS_DENIED", "AccessDeniedException",
		"Unable to determine service/operation name to be authorized", `{"message":"Unable to determine service/operation name to be authorized"}`)
	badAnswer = newResponse(502, "DEFAULT_5XX", "InternalServerErrorException",
		"Internal server error", `{"message": "Internal server error"}`)
	timedOut = newResponse(504, "INTEGRATION_TIMEOUT", "InternalServerErrorException",
		"Endpoint request timed out", `{"message": "Endpoint request timed out"}`)
)
