// Package apigateway is the control plane of Amazon API Gateway REST APIs: one
// handler per operation, with the signature of the SDK's client, over the
// records of internal/store.
//
// stagedoor.go builds a [Service] and gives its [Service.Operations] to
// awswire.Server; in-process callers use the handlers as they would use
// *apigateway.Client. The package must never import another service, the
// gateway (which reads the same records and is reached through [Tester] only)
// or net/http.
//
// What the handlers keep:
//   - A RestAPI record holds the whole live tree, so every change of a resource,
//     method or integration is one compare-and-set of one record. A Deployment is
//     a copy of that tree which never changes. A Stage points at a deployment.
//   - Errors are AWS's, code and text; each constructor and test cites where the
//     text was seen. Where nobody knows, the comment begins with "unverified:".
//   - What this release cannot run is refused when it is created, in a sentence
//     that names it: nothing is stored that would later be silently ignored.
//   - Reads give back exactly what was written, empty kept apart from absent,
//     because infrastructure tools compare them.
//
// All methods may be called concurrently. Records read from the store are shared
// and never changed here; answers hold copies of their maps and lists.
package apigateway
