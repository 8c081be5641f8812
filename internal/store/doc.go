// Package store keeps stagedoor's records, blobs and journals on NATS
// JetStream: embedded in this process by default (no port, a directory of
// files, every write synced), or on an external NATS server or cluster. Both
// run the same code and hold the same data.
//
// # Who calls it
//
// Packages identity and grants, every service/*, the data plane (gateway,
// invoke) and logs. The command line and the console never do. Package store
// imports package state and NATS, nothing else of ours; no other package
// imports NATS.
//
// # Records
//
// A record is one JSON document under one [state.Key]. All records live in one
// stream, whose sequence numbers are the revisions. A [Store] keeps a mirror of
// the whole stream in memory, fed by one ordered goroutine, and every read is
// answered from there: no I/O, no lock. A write is a compare-and-set on its
// subject, synced to the disk, and returns when this node's mirror and all its
// views have applied it, so that a caller reads what it wrote.
//
// What [Get], [List], [View] and [OnChange] hand out is shared and must not be
// changed; [Update] decodes a private copy.
//
// # Concurrency
//
// Everything here may be called from any goroutine. Functions given to
// [NewView] and [OnChange] run in the one goroutine that applies changes: they
// must not block and must not write to the store (a write would wait for
// itself).
package store
