// Package logs is the control plane of CloudWatch Logs: groups, streams, events,
// filters, retention and tags, with the types and the errors of the AWS SDK.
//
// Who calls it: the awswire server, through Operations, and in-process callers
// that hold a *Service as they would an SDK client. The events themselves are
// package internal/logs's; groups are records of package store. It never
// imports another service, the gateway or net/http.
//
// A Service has no state of its own: every method may be called from any
// goroutine. Account and region come from the caller in the context.
//
// Error texts marked "AWS recording" are in the public AWS-validated test
// recordings of February 2026 (tests/aws/services/logs); others name their
// source, or say that they are unverified.
package logs
