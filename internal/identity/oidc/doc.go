// Package oidc checks ID tokens of OpenID Connect providers: that a JSON web
// token was signed with one of the keys that its issuer publishes, and holds at
// this moment. AssumeRoleWithWebIdentity trades such tokens for sessions, which
// is how GitHub Actions and Kubernetes reach AWS.
//
// Called by package identity, on behalf of service/sts, which knows the
// providers and words the refusals. It must never import anything of ours: what
// it does is told by two RFCs (7517, 7519) and OpenID Connect Discovery alone.
//
// What an issuer answers is bounded in size and time, its keys are kept for as
// long as it says (within bounds), and a key that is not among them makes the
// keys be fetched again at most once a minute, so that made-up tokens cannot be
// turned into a stream of requests. Issuers are reached by https; by http only
// those on this machine, which are there for tests.
//
// A *Verifier is safe for concurrent use. It starts no goroutine.
package oidc
