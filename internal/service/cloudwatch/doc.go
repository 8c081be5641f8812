// Package cloudwatch is the part of CloudWatch that has to do with metrics:
// putting, listing and reading them, metric math included, with the types and
// the errors of the AWS SDK. Alarms, dashboards and the rest answer that they are
// not supported.
//
// Who calls it: the awswire server, through Operations, and in-process callers
// that hold a *Service as they would an SDK client. The observations themselves
// are package internal/metrics's. It never imports another service, the gateway
// or net/http.
//
// A Service has no state of its own: every method may be called from any
// goroutine. Account and region come from the caller in the context.
//
// What AWS takes minutes for, being visible after a request or a PutMetricData,
// happens here at once. Metrics are kept for 15 days at one minute; AWS goes on
// with coarser steps for 455 days.
//
// Error texts marked "AWS recording" are in the public AWS-validated test
// recordings of 2025 (tests/aws/services/cloudwatch); others name their source,
// or say that they are unverified. Errors of GetMetricData end in a line feed, as
// AWS's do (prometheus-community/yet-another-cloudwatch-exporter#385).
package cloudwatch
