// Package metrics counts what API Gateway and Lambda would tell CloudWatch, and
// keeps what clients put there themselves.
//
// # Who calls it
//
// The gateway tells it of every request ([Metrics.APICall]), the invocation
// broker of every call of a function ([Metrics.FunctionCall]); service/cloudwatch
// serves CloudWatch's API from it. It imports packages state and store, nothing
// else of ours, and no SDK type.
package metrics
