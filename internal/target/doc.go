// Package target is a place that commands run against: a stagedoor on the
// network, any other endpoint that speaks AWS's protocols, the services inside
// this process, or a real AWS account. All of them satisfy the same small
// interfaces over the types of the AWS SDK for Go, so a command is written
// once.
//
// Read takes a picture of a place: its APIs, the functions that they call with
// the policies of each qualifier, and the roles in between. The picture is a
// Dump, plain data that Save and Load keep in a file, so that an account can be
// examined without access to it. Reading takes O(APIs + stages + functions)
// calls and is read-only; ReadPolicy is the IAM policy that it needs.
//
// ReadAPI takes a Picture of one API: the stages that are asked for with their
// deployed snapshots, and of each function that they lead to the configuration
// behind the qualifier that is called, environment included. It takes O(stages +
// functions) calls; ReadAPIPolicy is the IAM policy that it needs. PictureOf
// makes one from a Dump, as far as that goes.
//
// What a place refuses to tell (access denied, an operation that it does not
// have) is written down in the Dump as unread. Whoever judges from it has to
// say "cannot decide" there.
//
// Called by doctor, diff, promote, console and cli. It must never import the store, a service, the
// gateway or grants.
//
// Concurrency: a Dump or Picture is not changed once it has been returned. Reading
// runs several calls at a time and returns when all have ended.
package target
