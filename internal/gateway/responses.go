package gateway

// gatewayResponse is an answer that the gateway makes itself, with the default
// body of its type (APIGW-DG supported-gateway-response-types: "{"message":
// $context.error.messageString}"). AWS puts a blank behind the colon of its
// 5XX bodies and of 413 and 415, and none into the others: AWS recording
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

// newResponse is an answer whose body is its message.
func newResponse(status int, kind, errorType, message string) *gatewayResponse {
	return withBody(status, kind, errorType, message, `{"message":"`+message+`"}`)
}

// spaced is newResponse with a blank in the body.
func spaced(status int, kind, errorType, message string) *gatewayResponse {
	return withBody(status, kind, errorType, message, `{"message": "`+message+`"}`)
}

func withBody(status int, kind, errorType, message, body string) *gatewayResponse {
	return &gatewayResponse{status: status, kind: kind, errorType: errorType, message: message, body: []byte(body)}
}

// unworded is an answer whose message is found out with each request: see
// messageResponse.
func unworded(status int, kind, errorType string) *gatewayResponse {
	return &gatewayResponse{status: status, kind: kind, errorType: errorType}
}

func frontResponse(status int, text string) *gatewayResponse {
	return &gatewayResponse{status: status, message: text, body: []byte(text), front: true}
}

// Error types and messages that several answers have in common.
const (
	denied        = "AccessDeniedException"
	badRequest    = "BadRequestException"
	internalError = "InternalServerErrorException"

	internalMessage = "Internal server error"
)

var (
	missingToken = newResponse(403, "MISSING_AUTHENTICATION_TOKEN", "MissingAuthenticationTokenException", "Missing Authentication Token")
	forbidden    = newResponse(403, "ACCESS_DENIED", "ForbiddenException", "Forbidden")
	invalidKey   = newResponse(403, "INVALID_API_KEY", "ForbiddenException", "Forbidden")
	unauthorized = newResponse(401, "UNAUTHORIZED", "UnauthorizedException", "Unauthorized")
	badBody      = newResponse(400, "BAD_REQUEST_BODY", badRequest, "Bad Request")
	// unverified: the gateway response type.
	undeterminable = newResponse(403, "ACCESS_DENIED", denied, "Unable to determine service/operation name to be authorized")

	accessDenied     = unworded(403, "ACCESS_DENIED", denied)
	invalidSignature = unworded(403, "INVALID_SIGNATURE", "InvalidSignatureException")
	expiredToken     = unworded(403, "EXPIRED_TOKEN", "ExpiredTokenException")

	// Lambda's own limit, 6 MB (koki-develop/lgtm-generator#10).
	requestTooLong     = spaced(413, "REQUEST_TOO_LARGE", badRequest, "Request Too Long")
	unsupportedMedia   = spaced(415, "UNSUPPORTED_MEDIA_TYPE", "UnsupportedMediaTypeException", "Unsupported Media Type")
	configurationError = spaced(500, "API_CONFIGURATION_ERROR", internalError, internalMessage)
	integrationFailure = spaced(500, "INTEGRATION_FAILURE", internalError, internalMessage)
	badAnswer          = spaced(502, "DEFAULT_5XX", internalError, internalMessage)
	timedOut           = spaced(504, "INTEGRATION_TIMEOUT", internalError, "Endpoint request timed out")

	// What stands before API Gateway refuses in plain text and without request
	// ids; gateway responses cannot change it (koki-develop/lgtm-generator#10; the NHS's and
	// others' tests of it).
	bodyTooLong = frontResponse(413, "HTTP content length exceeded 10485760 bytes.")
	// unverified: the status; the text is what users report.
	headerTooLong = frontResponse(431, "HTTP header is larger than 10240 bytes.")
)
