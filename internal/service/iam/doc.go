// Package iam is the IAM service: roles, users, groups, policies, access keys
// and what hangs on them, as handlers with the signatures of the SDK's client.
//
// The root package wires Service.Operations into awswire's server; grants gets
// the documents of AWS-managed policies from ManagedPolicy. What an operation
// changes lies in one record (package state), except for the two that tie an
// entity to another's name. The package must never import another service, the
// gateway or net/http.
//
// IAM is global: no handler looks at the region. Names are unique, and found,
// without regard to case, and keep the case in which they were made. Error
// texts are AWS's: from recorded answers where a test is named, from the
// reports of its users otherwise; those nobody has shown are marked unverified.
//
// A *Service is safe for concurrent use.
package iam
