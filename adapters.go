package stagedoor

import (
	"context"
	"errors"
	"syscall"

	"github.com/stagedoor/stagedoor/awswire"
	"github.com/stagedoor/stagedoor/internal/gateway"
	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/invoke"
	"github.com/stagedoor/stagedoor/internal/service/apigateway"
	"github.com/stagedoor/stagedoor/internal/service/lambda"
	"github.com/stagedoor/stagedoor/internal/store"
	"github.com/stagedoor/stagedoor/internal/why"
)

// The adapters fill in the small interfaces that services declare for what
// they need of others.

// roles answers the services' questions about IAM roles.
type roles struct{ *grants.Grants }

func (r roles) LambdaCanAssume(account, roleARN string) bool {
	return r.RoleAssumable(account, roleARN, "lambda.amazonaws.com") == nil
}

func (r roles) MayAssume(account, roleARN, service string) bool {
	return r.RoleAssumable(account, roleARN, service) == nil
}

func (r roles) Allows(roleARN, action, resource string) bool {
	return r.RoleAllows(roleARN, action, resource)
}

// invoker lets the Lambda service run functions.
type invoker struct{ *invoke.Broker }

func (i invoker) Invoke(ctx context.Context, call *lambda.Invocation) (*lambda.InvocationResult, error) {
	result, err := i.Broker.Invoke(ctx, invokeRequest(call))
	if err != nil {
		return nil, invokeError(err)
	}
	return &lambda.InvocationResult{
		Payload: result.Payload, FunctionError: result.FunctionError,
		ExecutedVersion: result.ExecutedVersion, LogTail: result.LogTail,
	}, nil
}

func (i invoker) InvokeAsync(ctx context.Context, call *lambda.Invocation) error {
	if err := i.Broker.InvokeAsync(ctx, invokeRequest(call)); err != nil {
		return invokeError(err)
	}
	return nil
}

func invokeRequest(call *lambda.Invocation) *invoke.Request {
	return &invoke.Request{
		Account: call.Account, Region: call.Region, Function: call.Function, Qualifier: call.Qualifier,
		Payload: call.Payload, ClientContext: call.ClientContext, LogTail: call.LogTail, RequestID: call.RequestID,
	}
}

// invokeError names the broker's refusals as the service knows them.
func invokeError(err error) error {
	out := &lambda.InvokeError{Err: err}
	var throttled *invoke.ThrottledError
	var notReady *invoke.NotReadyError
	switch {
	case errors.Is(err, invoke.ErrFunctionNotFound):
		out.Kind = lambda.FunctionMissing
	case errors.As(err, &throttled):
		out.Kind, out.Reason = lambda.Throttled, throttled.Reason
	case errors.Is(err, invoke.ErrPayloadTooLarge):
		out.Kind = lambda.PayloadTooLarge
	case errors.As(err, &notReady) && notReady.Err != nil:
		out.Kind, out.Err = lambda.CannotStart, notReady.Err
	case errors.As(err, &notReady):
		out.Kind, out.Reason = lambda.NotReady, notReady.State
	case errors.Is(err, invoke.ErrClosed):
		out.Kind = lambda.ShuttingDown
	default:
		return err
	}
	return out
}

// tester lets API Gateway's control plane run a method of the live tree.
type tester struct{ *gateway.Gateway }

func (t tester) TestInvoke(ctx context.Context, r apigateway.TestRequest) (*apigateway.TestResult, error) {
	who := awswire.CallerFrom(ctx)
	result, err := t.Gateway.TestInvoke(ctx, gateway.TestRequest{
		Account: r.Account, Region: r.Region, API: r.API, ResourceID: r.ResourceID, Method: r.Method,
		PathWithQuery: r.PathWithQuery, Body: r.Body, MultiValueHeaders: r.Headers, StageVariables: r.StageVariables,
		CallerARN: who.ARN, CallerUserID: who.UserID, CallerAccessKey: who.AccessKeyID,
	})
	if err != nil {
		return nil, err
	}
	return &apigateway.TestResult{
		Status: result.Status, Body: result.Body, Headers: result.MultiValueHeaders, Log: result.Log, Latency: result.Latency,
	}, nil
}

// Matrix lists every method of every deployed stage with the function it
// resolves to and whether a call would be allowed.
func (s *Server) Matrix() []why.Cell {
	var cells []why.Cell
	for _, c := range s.parts.gateway.Matrix() {
		cell := whyCell(c)
		if c.Canary {
			cell.Stage += " canary" // a column of its own
		}
		cells = append(cells, cell)
	}
	return cells
}

func whyCell(c gateway.Cell) why.Cell {
	return why.Cell{
		Account: c.Account, Region: c.Region, API: c.API, APIName: c.APIName, Stage: c.Stage,
		Verb: c.Verb, Path: c.Path, Function: c.Function,
		Allowed: c.Allowed, Problem: c.Problem, Decision: c.Decision,
	}
}

// remedy lets clients of the control plane read what is wrong with the state and
// what to do: all they would see otherwise is AWS's bare 500, which they repeat.
func remedy(err error) string {
	var damaged *store.CorruptError
	if errors.Is(err, store.ErrUnwritable) || errors.Is(err, store.ErrTooLarge) || errors.As(err, &damaged) {
		return "stagedoor: " + err.Error()
	}
	return ""
}

func isInUse(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }
