// Package awswire speaks AWS's own wire protocols on the server side: rest-json, json-1.0, json-1.1, query with XML
// answers, and Smithy RPC v2 with CBOR. CloudWatch's clients use three of them: the SDKs for Go, Java and JavaScript CBOR,
// botocore of today and the AWS CLI on it JSON, older ones query.
//
// It is driven by service models (models/, trimmed from botocore by tools/modeltrim) and by the Go types of the handlers.
// A model shape and a Go type are compiled, at their first use, into a plan; decoding, validation, encoding and error
// rendering walk plans. Handlers have the signature of the AWS SDK for Go v2's client methods, but the package knows
// nothing of the SDK: it needs exported fields that are named like the model's members.
//
// # Who calls it
//
// Service packages build [Operations] from their methods with [Op] and read [CallerFrom], [RequestID] and [Present]. The
// root package wires them into a [Server], which is the http.Handler of the control plane. In-process callers enter
// through [Call], which validates the typed input with the same rules.
//
// # What it must not import
//
// Nothing of this module, no SDK client, no NATS. Tests import SDK clients: they are the independent oracle.
//
// # Concurrency
//
// A [Service] and a [Server] are safe for concurrent use; plans are compiled once and immutable afterwards. A [Server]
// starts no goroutines.
package awswire
