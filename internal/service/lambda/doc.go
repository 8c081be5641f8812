// Package lambda is the control plane of AWS Lambda: functions, versions,
// aliases, resource policies, tags, concurrency and Invoke, with the types of
// the AWS SDK, the rules of AWS and its error texts.
//
// awswire.Server calls the handlers with input that has passed the rules of
// the service model; what the model does not know is checked here. Functions
// are records of internal/store: every call that changes one is a single
// compare-and-set of the function's record, and those that add a published
// version write both records in one batch. Running a function is the business
// of an [Invoker], which the root package fills in.
//
// The package imports the leaves (codezip among them), state and store, and
// the SDK's lambda package. It never imports another service, the gateway, the
// invocation broker or net/http. A Service is safe for concurrent use and keeps no state
// of its own.
//
// "AWS recording test_x" in a comment names a recorded answer of AWS in the
// public test-suite that conformance/ runs; LDG:x is page x of the Lambda
// developer guide; owner/repo#N is a public thread that quotes AWS's answer.
package lambda
