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
// Its Authenticate method is awswire's hook; service/sts issues sessions through
// it and the root package wires it. It must never import a service, the gateway
// or an SDK. An *Identity is safe for concurrent use; authentication reads the
// store's mirror and does no I/O, but for a write per key and quarter of an hour
// that notes the key's use.
package identity
