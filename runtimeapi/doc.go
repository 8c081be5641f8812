// Package runtimeapi is the server side of AWS Lambda's Runtime API for one
// execution environment: what a function's runtime client (the stock ones, or
// any program that speaks it) asks at AWS_LAMBDA_RUNTIME_API.
//
// A Server is given connections (Serve, ServeConn) by whoever runs the
// environment, and one invocation at a time (Invoke). It speaks HTTP/1.1 by
// itself instead of through net/http: an invocation is handed to the waiting
// connection by the goroutine that calls Invoke, and pipelined requests are
// answered with one write, which together take about a third off a warm call and
// three quarters off its garbage (BenchmarkInvoke, BenchmarkInvokeNetHTTP).
//
// Status codes, error bodies and states follow AWS's own emulator: requests are
// validated before the state changes, a wrong id is 400 InvalidRequestID, a
// request that the state does not allow 403 InvalidStateTransition, an answer
// over MaxPayload 413 RequestEntityTooLarge. The Extensions, Logs and Telemetry
// APIs are not answered yet (404, as AWS's emulator does without them).
//
// It is a leaf: it imports nothing but the standard library. A Server is safe
// for concurrent use; Invoke itself is refused with ErrBusy while another
// invocation is under way.
package runtimeapi
