// Package endpoint is the one port of stagedoor: a listener, the HTTP server on
// it, and the choice between the data plane, the control plane and stagedoor's
// own pages.
//
// It is used by the root package, which fills Options with the handlers; it
// imports none of our packages and must not: what a request means is decided
// behind the handlers.
//
// Two things happen here because they can happen nowhere else. First, the head
// of each request is kept as it came over the wire (conn.go, head.go), because
// net/http writes header names in one canonical form and API Gateway passes
// them on as the client sent them (AWS recording test_lambda_aws_proxy_integration:
// "tEsT-HEADeR" arrives as "tEsT-HEADeR"); RawHeader reads them. Second,
// requests that a web page made in somebody's browser are kept away from
// everything that can change state (guard.go).
//
// Concurrency: a Server is safe for concurrent use. RawHeader may be called
// only while its request is being served, from any goroutine of the handler.
package endpoint
