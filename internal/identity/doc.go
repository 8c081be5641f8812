// Package identity says who is calling: it turns the access key, the signature
// and the session token of a control-plane request into an awswire.Caller, and
// issues the temporary credentials that STS hands out and functions run with.
//
// Who is who (ARCHITECTURE.md, "One control-plane call"):
//
//   - a key that IAM issued (AKIA…) is its user, and temporary credentials
//     (ASIA… with their token) are their session: signatures are verified, in
//     every mode;
//   - "test" and any 12-digit access key is the root of the default account,
//     or of that account, as users of local AWS tools expect;
//   - any other key is the root of the default account too, unless
//     Options.Strict refuses it.
//
// WebIdentity says who an ID token is about: it finds the account's provider and
// has package oidc, below this one, verify the token with the issuer's keys.
//
// Its Authenticate method is awswire's hook; service/sts issues sessions through
// it and the root package wires it. It must never import a service, the gateway
// or an SDK. An *Identity is safe for concurrent use; authentication reads the
// store's mirror and does no I/O, but for a write per key and quarter of an hour
// that notes the key's use. Only WebIdentity reaches the network.
package identity
