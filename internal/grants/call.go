package grants

import (
	"strings"
	"time"
)

// GatewayPrincipal is the service principal under which API Gateway calls.
const GatewayPrincipal = "apigateway.amazonaws.com"

// InvokeAction is the action that API Gateway performs on a function.
const InvokeAction = "lambda:InvokeFunction"

// TestStage is the stage name in the SourceArn of TestInvokeMethod and of the
// console's Test button (recorded logs since 2018-08; "null" before).
const TestStage = "test-invoke-stage"

// Call is one call of a function by API Gateway. The strings may be shared;
// nothing here changes them.
type Call struct {
	Account string // of the API
	Region  string // of the API
	APIID   string
	Stage   string
	Method  string // the configured verb, "ANY" for an ANY method
	// ResourcePath is the resource's template ("/users/{id}"), not the path
	// of the request.
	ResourcePath string

	FunctionARN string // resolved and unqualified: arn:aws:lambda:R:A:function:NAME
	Qualifier   string // alias or version; "" for none

	SourceARN     string // what API Gateway sends as aws:SourceArn: see SourceARN
	SourceAccount string // what it sends as aws:SourceAccount: the API's account
	Credentials   string // the integration's role ARN; "" when the function policy decides

	// Caller asks, where Credentials is CallerCredentials, whether who signed
	// the request may call the function; nil: nobody did.
	Caller *CallerRequest

	RequestID    string
	DeploymentID string
	Canary       bool // the stage's canary answers
	Time         time.Time
	TestInvoke   bool // a TestInvokeMethod call: its stage is TestStage
}

// Resource returns the ARN that policies are asked about: the function's ARN
// with its qualifier.
func (c *Call) Resource() string {
	if c.Qualifier == "" {
		return c.FunctionARN
	}
	return c.FunctionARN + ":" + c.Qualifier
}

// SourceARN builds the aws:SourceArn that API Gateway sends when a method calls
// a function: the region is the function's (LDG services-apigateway: for a
// cross-region call it is not the API's), the verb is the configured one ("ANY"
// for ANY methods) and path is the resource's template with its leading slash;
// the root gives a trailing slash. Recorded logs of AWS show
// "…:oo8kadh853/Test/ANY/{resource+}" for GET /all_state and
// "…/test-invoke-stage/GET/" for the root.
func SourceARN(region, account, api, stage, verb, path string) string {
	return "arn:aws:execute-api:" + region + ":" + account + ":" + api + "/" + stage + "/" + verb + "/" + strings.TrimPrefix(path, "/")
}

// AuthorizerSourceARN builds the aws:SourceArn of a call to an authorizer's
// function. It names no stage (recorded logs: "…:oo8kadh853/authorizers/elkw5b").
func AuthorizerSourceARN(region, account, api, authorizer string) string {
	return "arn:aws:execute-api:" + region + ":" + account + ":" + api + "/authorizers/" + authorizer
}

// Outcome is what Decide found.
type Outcome uint8

// The outcomes. Everything but Allowed is a refusal.
const (
	Allowed Outcome = iota
	// NoPermission: no policy that was read allows the call, or one denies it.
	// AWS: "Execution failed due to configuration error: Invalid permissions on Lambda function".
	NoPermission
	// CannotAssumeRole: the integration's role does not exist or does not
	// trust API Gateway. AWS: "… API Gateway does not have permission to
	// assume the provided role <arn>".
	CannotAssumeRole
	// FunctionMissing: there is no such function. To the caller AWS shows it
	// as NoPermission, because a function that is not there has no policy.
	FunctionMissing
	// QualifierMissing: the function has no such alias or version. AWS shows
	// it as NoPermission.
	QualifierMissing
	// CallerRefused: a client of a deployed API may not call the method. AWS:
	// 403 "User: … is not authorized to perform: execute-api:Invoke …".
	CallerRefused
	// BadCredentials: the method demands a signature, and the request has none
	// that holds.
	BadCredentials
	// NotFound: the request leads to no deployed method. AWS: 403 "Missing
	// Authentication Token", or "Forbidden" for a stage that does not exist.
	NotFound
)

// Refused reports whether the call must not be made.
func (o Outcome) Refused() bool { return o != Allowed }

var outcomeNames = [...]string{"Allowed", "NoPermission", "CannotAssumeRole", "FunctionMissing", "QualifierMissing", "CallerRefused", "BadCredentials", "NotFound"}

// String returns the outcome's name.
func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return "NoPermission"
}

// MarshalText makes an Outcome readable in JSON.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads what MarshalText wrote; unknown text is NoPermission.
func (o *Outcome) UnmarshalText(text []byte) error {
	*o = NoPermission
	for i, name := range outcomeNames {
		if name == string(text) {
			*o = Outcome(i)
		}
	}
	return nil
}

// LogLine returns AWS's sentence for the execution log, without its
// "Execution failed due to configuration error: " prefix; "" for Allowed.
// roleARN is the integration's credentials (aws-facts: KC
// api-gateway-internal-server-error; recorded logs).
// unverified: the sentence for a function that is missing although the
// integration's role allows the call.
func (o Outcome) LogLine(roleARN string) string {
	switch o {
	case Allowed:
		return ""
	case CannotAssumeRole:
		return "API Gateway does not have permission to assume the provided role " + roleARN
	default:
		return "Invalid permissions on Lambda function"
	}
}
