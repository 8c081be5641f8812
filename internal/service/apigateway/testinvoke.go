package apigateway

import (
	"context"
	"maps"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/apigateway"
)

// Tester runs a method of the live tree, without a stage: stagedoor.go fills it
// in with the gateway.
type Tester interface {
	// TestInvoke runs the method. What goes wrong inside of the method is an
	// answer (status 500, the reason in the log), not an error.
	TestInvoke(ctx context.Context, r TestRequest) (*TestResult, error)
}

// TestRequest is one TestInvokeMethod call; the method exists.
type TestRequest struct {
	Account, Region, API string
	ResourceID           string
	Method               string // the configured verb, "ANY" for an ANY method
	PathWithQuery        string // "/users/42?x=1"; "" means the resource's template
	Body                 string
	Headers              map[string][]string
	StageVariables       map[string]string
}

// TestResult is what the method answered.
type TestResult struct {
	Status  int
	Body    string
	Headers map[string][]string
	Log     string // the execution log, lines ended by "\n"
	Latency time.Duration
}

// TestInvokeMethod runs a method of the live tree, as the console's Test button
// does. An unknown API is reported as an unknown resource (AWS recording
// test_invoke_test_method).
func (s *Service) TestInvokeMethod(ctx context.Context, in *apigateway.TestInvokeMethodInput, _ ...func(*apigateway.Options)) (*apigateway.TestInvokeMethodOutput, error) {
	c := scopeOf(ctx)
	r, m, err := s.method(c, in.RestApiId, in.ResourceId, in.HttpMethod)
	switch {
	case err != nil:
		return nil, err
	case m.Integration == nil:
		return nil, badRequest("No integration defined for method") // unverified: text
	case s.tester == nil:
		return nil, errUnsupported("TestInvokeMethod without a data plane")
	case deref(in.ClientCertificateId) != "":
		return nil, errUnsupported("A client certificate")
	}
	headers := make(map[string][]string, len(in.Headers)+len(in.MultiValueHeaders))
	for name, value := range in.Headers {
		headers[name] = []string{value}
	}
	maps.Copy(headers, in.MultiValueHeaders)
	result, err := s.tester.TestInvoke(ctx, TestRequest{
		Account: c.account, Region: c.region, API: deref(in.RestApiId), ResourceID: r.ID, Method: m.HTTPMethod,
		PathWithQuery: deref(in.PathWithQueryString), Body: deref(in.Body),
		Headers: headers, StageVariables: in.StageVariables,
	})
	if err != nil {
		return nil, err
	}
	out := &apigateway.TestInvokeMethodOutput{
		Status: int32(result.Status), Body: &result.Body, Log: &result.Log, Latency: result.Latency.Milliseconds(),
		Headers: map[string]string{}, MultiValueHeaders: map[string][]string{},
	}
	for name, values := range result.Headers {
		if len(values) > 0 {
			out.Headers[name] = values[len(values)-1] // the single-value form keeps the last one
			out.MultiValueHeaders[name] = values
		}
	}
	return out, nil
}
