package lambda

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/stagedoor/stagedoor/awswire"
)

// Limits of an invocation's payload in bytes (LDG gettingstarted-limits).
const (
	maxSyncPayload   = 6 << 20
	maxAsyncPayload  = 1 << 20
	maxClientContext = 3583
)

// Invoker runs functions.
type Invoker interface {
	// Invoke runs a function and waits for its answer. A function that fails
	// is an InvocationResult with FunctionError set; an error is an
	// *InvokeError or an internal failure.
	Invoke(ctx context.Context, call *Invocation) (*InvocationResult, error)
	// InvokeAsync accepts a call that runs later, with Lambda's retries.
	InvokeAsync(ctx context.Context, call *Invocation) error
}

// Invocation is one call of a function.
type Invocation struct {
	Account, Region, Function string
	Qualifier                 string // "" or "$LATEST", a version or an alias
	Payload                   []byte // valid JSON
	ClientContext             string // JSON, decoded; "" for none
	LogTail                   bool
	RequestID                 string // the id that the caller's answer carries
}

// InvocationResult is what a function answered.
type InvocationResult struct {
	Payload         []byte
	FunctionError   string // "" or "Unhandled"
	ExecutedVersion string // "$LATEST" or a number
	LogTail         []byte // plain text, the last 4 KB
}

// InvokeErrorKind says why a call did not run.
type InvokeErrorKind int

// The reasons that have an answer of their own.
const (
	FunctionMissing InvokeErrorKind = iota + 1 // no such function, version or alias
	Throttled                                  // Reason is a types.ThrottleReason
	PayloadTooLarge
	NotReady     // Reason is the function's state: "Pending", "Failed" …
	CannotStart  // Err says why, and what to do about it
	ShuttingDown // of this process
)

// InvokeError is a call that did not run.
type InvokeError struct {
	Kind   InvokeErrorKind
	Reason string
	Err    error
}

func (e *InvokeError) Error() string {
	return fmt.Sprintf("function was not invoked (kind %d, %s): %v", e.Kind, e.Reason, e.Err)
}

func (e *InvokeError) Unwrap() error { return e.Err }

// Invoke calls a function, waits for its answer or not, or only finds out
// whether it could be called.
func (s *Service) Invoke(ctx context.Context, in *lambda.InvokeInput, _ ...func(*lambda.Options)) (*lambda.InvokeOutput, error) {
	t, err := s.invocable(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	switch {
	case in.DurableExecutionName != nil:
		return nil, unsupported("durable executions are not supported yet; leave DurableExecutionName out")
	case in.TenantId != nil:
		return nil, unsupported("tenant isolation is not supported yet; leave TenantId out")
	}
	event := in.InvocationType == types.InvocationTypeEvent
	call, err := newInvocation(ctx, t, in.Payload, event)
	if err != nil {
		return nil, err
	}
	if call.ClientContext, err = clientContext(in.ClientContext); err != nil {
		return nil, err
	}
	if in.InvocationType == types.InvocationTypeDryRun {
		return &lambda.InvokeOutput{StatusCode: 204}, nil
	}
	if s.invoker == nil {
		return nil, unsupported("this server was started without anything that runs functions")
	}
	if event {
		if err := s.invoker.InvokeAsync(ctx, call); err != nil {
			return nil, invokeError(t, err)
		}
		return &lambda.InvokeOutput{StatusCode: 202, Payload: []byte{}}, nil
	}
	call.LogTail = in.LogType == types.LogTypeTail
	result, err := s.invoker.Invoke(ctx, call)
	if err != nil {
		return nil, invokeError(t, err)
	}
	out := &lambda.InvokeOutput{
		StatusCode: 200, Payload: result.Payload,
		ExecutedVersion: optional(result.ExecutedVersion), FunctionError: optional(result.FunctionError),
	}
	if call.LogTail {
		out.LogResult = new(base64.StdEncoding.EncodeToString(result.LogTail))
	}
	return out, nil
}

// InvokeAsync is the operation that Invoke with type Event replaced; AWS still
// answers it.
func (s *Service) InvokeAsync(ctx context.Context, in *lambda.InvokeAsyncInput, _ ...func(*lambda.Options)) (*lambda.InvokeAsyncOutput, error) {
	var payload []byte
	if in.InvokeArgs != nil {
		var err error
		if payload, err = io.ReadAll(io.LimitReader(in.InvokeArgs, maxAsyncPayload+1)); err != nil {
			return nil, err
		}
	}
	out, err := s.Invoke(ctx, &lambda.InvokeInput{FunctionName: in.FunctionName, Payload: payload, InvocationType: types.InvocationTypeEvent})
	if err != nil {
		return nil, err
	}
	return &lambda.InvokeAsyncOutput{Status: out.StatusCode}, nil
}

// invocable resolves who is to be called and finds out that it exists.
func (s *Service) invocable(ctx context.Context, name, qualifier *string) (target, error) {
	t, err := s.resolveShared(ctx, name, qualifier, "lambda:InvokeFunction")
	if err != nil {
		return t, err
	}
	fn, _, err := s.function(t)
	if err != nil {
		return t, err
	}
	_, err = s.config(t, fn)
	return t, err
}

func newInvocation(ctx context.Context, t target, payload []byte, event bool) (*Invocation, error) {
	switch {
	case event && len(payload) > maxAsyncPayload:
		// ASFHyP3/hyp3#2241, with the limit of its day.
		return nil, tooLarge(fmt.Sprintf("%d byte payload is too large for the Event invocation type (limit %d bytes)", len(payload), maxAsyncPayload))
	case len(payload) > maxSyncPayload: // awslabs/aws-athena-query-federation#793
		return nil, tooLarge(fmt.Sprintf("Request must be smaller than %d bytes for the InvokeFunction operation", maxSyncPayload))
	case len(payload) == 0:
		payload = []byte("{}") // a function that is called without payload gets an empty object
	case !json.Valid(payload) || !utf8.Valid(payload):
		return nil, &types.InvalidRequestContentException{Type: user(), Message: new("Could not parse request body into json: Could not parse payload into json: " + jsonFault(payload))}
	}
	return &Invocation{
		Account: t.account, Region: t.region, Function: t.name, Qualifier: t.qualifier, Payload: payload, RequestID: awswire.RequestID(ctx),
	}, nil
}

// tooLarge: AWS's model calls it RequestTooLargeException, its answers do not
// (the threads above; AWS recording test_oversized_request_create_lambda).
func tooLarge(message string) error {
	return &awswire.Error{Code: "RequestEntityTooLargeException", Status: 413, Message: message}
}

// clientContext decodes the header that mobile clients send.
//
// unverified: the sentences of both refusals.
func clientContext(encoded *string) (string, error) {
	if encoded == nil || *encoded == "" {
		return "", nil
	}
	if len(*encoded) > maxClientContext {
		return "", &types.InvalidRequestContentException{Type: user(), Message: new(fmt.Sprintf("Client context must be no larger than %d bytes.", maxClientContext))}
	}
	decoded, err := base64.StdEncoding.DecodeString(*encoded)
	if err != nil || !json.Valid(decoded) {
		return "", &types.InvalidRequestContentException{Type: user(), Message: new("Client context must be a valid Base64-encoded JSON object.")}
	}
	return string(decoded), nil
}

// invokeError puts an Invoker's refusal into AWS's words.
func invokeError(t target, err error) error {
	e, ok := errors.AsType[*InvokeError](err)
	if !ok {
		return err
	}
	switch e.Kind {
	case FunctionMissing:
		return functionNotFound(t)
	case Throttled: // AWS recording test_reserved_concurrency
		return &types.TooManyRequestsException{Message: new("Rate Exceeded."), Type: user(), Reason: types.ThrottleReason(e.Reason)}
	case PayloadTooLarge:
		return tooLarge(fmt.Sprintf("Request must be smaller than %d bytes for the InvokeFunction operation", maxSyncPayload))
	case NotReady:
		return conflict("The operation cannot be performed at this time. The function is currently in the following state: %s", e.Reason)
	case CannotStart:
		// No AWS answer says what is missing on this machine. A 4xx, because
		// clients repeat 5xx for minutes.
		return unsupported("%v", e.Err)
	case ShuttingDown:
		return &types.ServiceException{Type: new("Service"), Message: new("stagedoor is shutting down")}
	}
	return err
}
