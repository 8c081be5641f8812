// Package logs keeps log events: what functions print, what API Gateway writes
// about an execution, what a client puts through the CloudWatch Logs API.
//
// # Who calls it
//
// The sandbox, the invocation broker and the gateway write through a [Writer];
// service/logs serves CloudWatch Logs from it. It imports packages state and
// store, nothing else of ours, and no SDK type.
//
// # How it works
//
// Groups, and streams that were created by name, are records of package store.
// Events are not: a [Writer] appends them to a buffer in memory, and every
// 75 ms (sooner when a buffer is full) one goroutine writes what gathered, one
// chunk for each group, to a journal. So ten thousand lines a second cost some
// ten synced writes. A stream that a Writer writes to needs no record: it exists
// by its events.
//
// Reads first write out what is pending, so they see everything that was
// written before them. They find chunks through an index of each group, which is
// built from the journal when the group is first read and carried on from there.
//
// # Bounds
//
// A Writer never blocks. What does not fit in the buffers (a function that prints
// faster than the disk takes it) is dropped, counted, and reported by a line in
// the stream. The journal has an upper size ([Options.MaxBytes]); beyond it the
// oldest chunks go.
//
// # Concurrency
//
// Everything may be called from any goroutine.
package logs
