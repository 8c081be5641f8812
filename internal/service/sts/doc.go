// Package sts is the Security Token Service: who am I, and temporary
// credentials, as handlers with the signatures of the SDK's client.
//
// The root package wires Service.Operations into awswire's server. The package
// judges whether a role's trust policy lets the caller in; credentials are made
// and kept by internal/identity, which also verifies ID tokens. Encoded messages
// of refusals are made and opened by internal/grants. It must never import another service, the
// gateway or net/http. Error texts are AWS's, from recorded answers where a
// test is named.
//
// A *Service is safe for concurrent use.
package sts
