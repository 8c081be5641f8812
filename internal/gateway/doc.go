// Package gateway is the data plane: it answers calls to deployed stages of
// REST APIs, and TestInvokeMethod.
//
// A request walks an immutable picture of the deployed stages (picture.go,
// plan.go), found by one atomic load; it reads no store and takes no lock. The
// picture is replaced whole when a stage, a deployment or an account's settings
// change, before the write that changed it returns to its caller.
//
//	address.go   host and path → API, stage, path
//	canary.go    which release of a stage answers a request
//	router.go    path and verb → method
//	exchange.go  one request from its first to its last step
//	admission.go who calls, and whether the resource policy and his own let him in
//	lost.go      what requests missed that led to no method
//	target.go    integration URI and stage variables → function
//	event.go     the 1.0 event of AWS_PROXY
//	proxy.go     the door (grants), the call, the function's answer
//	mock.go      MOCK integrations
//	execlog.go, accesslog.go   what CloudWatch Logs gets
//	testinvoke.go, matrix.go, summary.go   the same machinery, asked by the
//	             control plane and by pages
//	try.go       one request on its way, for somebody who watches
//
// It is used by the root package and, through an interface, by
// service/apigateway. It may import state, store, grants, logs, metrics, invoke and
// the leaves iampolicy and awswire/sigv4; it must never import a service, the rest of
// awswire or an SDK type. Who signed a request it learns through Callers.
//
// What is not there yet is refused, never left open: a method whose
// authorizer, API key or integration type is not implemented answers AWS's
// refusal and says so in the log. Throttling, caching, tracing and request
// validators are not there either; none of them keeps anybody out.
//
// A stage with a canary is two releases in the picture, each with a deployment,
// variables and a plan of its own; a request draws which one answers it. Both
// go by the stage's name in URLs and SourceArns, and by its settings.
// useStageCache of the canary has nothing to act on, as there is no cache.
// unverified: that the SourceArn of a canary's call names the stage alone.
//
// Differences from AWS that are meant: a new deployment serves at once, where
// AWS answers old and new for tens of seconds; X-Forwarded-Proto and
// X-Forwarded-Port say what the client really used, so that links a function
// builds from them lead back to it.
//
// Concurrency: a Gateway is safe for concurrent use. One request is one
// goroutine, and one more while its function runs.
package gateway
