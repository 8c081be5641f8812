package sigv4

// Kind says what is wrong with the credentials of a request.
type Kind uint8

// The kinds of Error.
const (
	Missing         Kind = iota + 1 // no credentials at all
	Incomplete                      // credentials that cannot be read
	Unknown                         // an access key or a token that was never issued, or is inactive
	TokenExpired                    // a session that is over
	Invalid                         // wrong scope or signed headers
	Expired                         // signed too long ago
	NotYetCurrent                   // signed in the future
	Mismatch                        // a signature other than the right one
	PayloadMismatch                 // a body other than the declared one
)

// Protocol is how a service speaks; AWS words the same refusal differently in
// each.
type Protocol uint8

// The protocols of AWS services. S3 is rest-xml with names of its own.
const (
	Query    Protocol = iota + 1 // iam, sts, cloudformation
	JSON                         // logs, ssm: X-Amz-Target
	RestJSON                     // lambda, apigateway
	S3
)

// Error is a refusal of the credentials of a request.
type Error struct {
	Kind        Kind
	AccessKeyID string
	Detail      string // AWS's sentence, where it depends on the request

	// Of a Mismatch: what the server computed.
	CanonicalRequest string
	StringToSign     string
	// Provided is the signature that the request carried.
	Provided string
}

const mismatchText = "The request signature we calculated does not match the signature you provided. " +
	"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."

// Error returns what was wrong, without the protocol's code.
func (e *Error) Error() string {
	return "sigv4: " + e.message(Query)
}

// Answer returns the error code, the message and the HTTP status with which a
// service of protocol p refuses the request.
//
// Sources: "Common Errors" of the IAM, STS, Lambda and CloudWatch Logs API
// References; S3 API Reference, "Error Responses"; JSON-1.x services answer
// 400 (aws-sdk-go#2194, JuliaCloud/AWS.jl#206), REST ones 403
// (badslug/Paw-AWSSignature4DynamicValue#5, iann0036/iamlive#58).
func (e *Error) Answer(p Protocol) (code, message string, status int) {
	codes := e.codes()
	status = 403
	if p == JSON || e.Kind == Incomplete && p == Query {
		// unverified: query services answered 400 to IncompleteSignature in the
		// API references up to 2024, and are said to answer 403 since.
		status = 400
	}
	if p == S3 && (e.Kind == Incomplete || e.Kind == TokenExpired || e.Kind == Unknown && e.Detail == "token" || e.Kind == PayloadMismatch) {
		status = 400
	}
	switch p {
	case Query:
		code = codes.query
	case S3:
		code = codes.s3
	default:
		code = codes.json
	}
	return code, e.message(p), status
}

type codeSet struct{ query, json, s3 string }

func (e *Error) codes() codeSet {
	switch e.Kind {
	case Missing:
		return codeSet{"MissingAuthenticationToken", "MissingAuthenticationTokenException", "AccessDenied"}
	case Incomplete:
		return codeSet{"IncompleteSignature", "IncompleteSignatureException", "AuthorizationHeaderMalformed"}
	case Unknown:
		return codeSet{"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"}
	case TokenExpired:
		return codeSet{"ExpiredToken", "ExpiredTokenException", "ExpiredToken"}
	case Expired, NotYetCurrent:
		return codeSet{"SignatureDoesNotMatch", "InvalidSignatureException", "RequestTimeTooSkewed"}
	case PayloadMismatch:
		return codeSet{"SignatureDoesNotMatch", "InvalidSignatureException", "XAmzContentSHA256Mismatch"}
	default:
		return codeSet{"SignatureDoesNotMatch", "InvalidSignatureException", "SignatureDoesNotMatch"}
	}
}

func (e *Error) message(p Protocol) string {
	switch e.Kind {
	case Missing:
		switch p {
		case Query:
			return "Request is missing Authentication Token" // cert-manager/aws-privateca-issuer#40
		case S3:
			return "Access Denied"
		default:
			return "Missing Authentication Token" // brefphp/bref#1250
		}
	case Unknown:
		if p == S3 {
			return "The AWS Access Key Id you provided does not exist in our records."
		}
		return "The security token included in the request is invalid."
	case TokenExpired:
		if p == S3 {
			return "The provided token has expired."
		}
		return "The security token included in the request is expired"
	case Mismatch, PayloadMismatch:
		return e.mismatchMessage(p)
	case Expired, NotYetCurrent:
		if p == S3 {
			return "The difference between the request time and the current time is too large."
		}
	}
	return e.Detail
}

// mismatchMessage prints what the server would have signed, as AWS does
// (carsales/aws-request-signer#10, aws-sdk-cpp#17); S3 carries it in elements
// of its own beside the message.
func (e *Error) mismatchMessage(p Protocol) string {
	switch {
	case p == S3 && e.Kind == PayloadMismatch:
		return "The provided 'x-amz-content-sha256' header does not match what was computed."
	case p == S3:
		return "The request signature we calculated does not match the signature you provided. Check your key and signing method."
	case e.CanonicalRequest == "":
		return mismatchText
	}
	return mismatchText + "\n\nThe Canonical String for this request should have been\n'" + e.CanonicalRequest +
		"'\n\nThe String-to-Sign should have been\n'" + e.StringToSign + "'\n"
}

// UnknownKey is the refusal of an access key, or of a session token, that was
// never issued.
func UnknownKey(accessKeyID string) *Error {
	return &Error{Kind: Unknown, AccessKeyID: accessKeyID}
}

// ExpiredToken is the refusal of temporary credentials that are over.
func ExpiredToken(accessKeyID string) *Error {
	return &Error{Kind: TokenExpired, AccessKeyID: accessKeyID}
}

func incomplete(detail string) *Error {
	return &Error{Kind: Incomplete, Detail: detail}
}

func invalid(s *Signature, detail string) *Error {
	return &Error{Kind: Invalid, AccessKeyID: s.AccessKeyID, Detail: detail, Provided: s.Value}
}

func mismatch(s *Signature, c canonical) *Error {
	return &Error{
		Kind: Mismatch, AccessKeyID: s.AccessKeyID, Provided: s.Value,
		CanonicalRequest: c.request, StringToSign: c.stringToSign,
	}
}

func payloadMismatch(s *Signature, declared, received string) *Error {
	return &Error{
		Kind: PayloadMismatch, AccessKeyID: s.AccessKeyID, Provided: s.Value,
		Detail: "X-Amz-Content-Sha256 declares " + declared + ", the body received is " + received,
	}
}
