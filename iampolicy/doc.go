// Package iampolicy is the IAM policy language: it parses policy documents,
// evaluates them and explains the verdict.
//
//	policy, err := iampolicy.Parse(document)
//	switch policy.Evaluate(&request) { case iampolicy.Allow: … }
//	fmt.Println(policy.Explain(&request).Statements[0].Failed())
//
// Parse accepts the whole language of the IAM user guide ("IAM JSON policy
// elements reference"): versions 2008-10-17 and 2012-10-17, Principal and
// NotPrincipal in all forms, Action, NotAction, Resource, NotResource, every
// condition operator with IfExists, ForAllValues and ForAnyValue, and policy
// variables. Its errors carry the position, what is wrong and what to write
// instead. A document is compiled once; Evaluate then allocates nothing.
//
// One Policy answers for itself only. How the answers of several policies
// combine (identity, resource, boundary, session) is the caller's business:
// package grants does it for calls between services.
//
// It is called by internal/grants, by the services that store documents, and by
// anyone who needs the language: the package is public and stands alone. It
// must never import anything of stagedoor, NATS or an AWS SDK.
//
// A *Policy is immutable: any number of goroutines may use one at a time.
package iampolicy
