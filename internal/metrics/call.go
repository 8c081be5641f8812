package metrics

import "time"

// APICall is one request to a stage of a REST API, as API Gateway counts it in
// namespace AWS/ApiGateway (APIGW-DG: api-gateway-metrics-and-dimensions).
type APICall struct {
	Account, Region string
	APIName         string // the API's name, not its id: dimension ApiName
	Stage           string
	// Method and Resource ("GET", "/orders/{id}") are set where the stage has
	// detailed metrics enabled for this method (metricsEnabled), else empty.
	Method, Resource string
	// Canary tells that the stage's canary answered.
	Canary bool
	Status int // of the answer that the client got
	// Latency is the time from the request's arrival to the end of the answer.
	Latency time.Duration
	// IntegrationLatency is the time that the backend took; 0: none was called.
	IntegrationLatency time.Duration
}

// FunctionCall is one call of a Lambda function, as Lambda counts it in
// namespace AWS/Lambda (Lambda-DG: monitoring-metrics-types).
type FunctionCall struct {
	Account, Region string
	Function        string // the plain name: dimension FunctionName
	Qualifier       string // alias or version that was asked for; "": none
	ExecutedVersion string // the version that ran: "$LATEST", "3"
	Err             bool   // the function's own error, a crash or a timeout
	Throttled       bool   // refused for want of concurrency: the function did not run
	Duration        time.Duration
	// Concurrent is how many executions of the function were under way, this one
	// included; 0: not known.
	Concurrent int
}
