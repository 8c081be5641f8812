// Package sigv4 reads and verifies AWS Signature Version 4 on the server's
// side: the Authorization header, presigned URLs, unsigned and streaming
// payloads with their chunk signatures, session tokens, credential scope and
// clock skew. Signing is the SDKs' business; this package never signs.
//
// It is called by awswire, which takes region and service of a request from
// its credential scope (ScopeOf), and by whoever owns the keys, who parses
// (Parse), finds the secret, and verifies (Signature.Verify). A failed
// verification is an *Error that knows how every AWS protocol words it.
//
// The package imports the standard library only, and never anything of
// stagedoor. All functions are safe for concurrent use, except that a
// ChunkVerifier belongs to one body.
//
// Sources: "AWS Signature Version 4 for API requests" of the IAM User Guide
// (reference_sigv.html, reference_sigv-create-signed-request.html), "Signature
// Calculations for the Authorization Header: Transferring Payload in Multiple
// Chunks" of the S3 API Reference, and answers of AWS quoted where they are
// used.
package sigv4
