// Package metrics counts what API Gateway and Lambda would tell CloudWatch, and
// keeps what clients put there themselves.
//
// # Who calls it
//
// The gateway tells it of every request ([Metrics.APICall]), the invocation
// broker of every call of a function ([Metrics.FunctionCall]); service/cloudwatch
// serves CloudWatch's API from it. It imports packages state and store, nothing
// else of ours, and no SDK type.
//
// # How it works
//
// A call on the data plane copies a small record into one of a few buffers,
// which costs no allocation and waits for nobody: a buffer that is busy is
// passed over. Full buffers are counted up in the background into series and
// minutes; what is pending is written to a journal every five seconds, as one
// entry for each account, region and hour. An entry holds what was added, so
// entries are summed when they are read, and several nodes on one NATS server
// may write at once. When an hour is over, or has many entries, its entries are
// summed into one.
//
// Reads sum the journal's entries and what is pending, so a request is visible
// as soon as it is answered. AWS takes a minute or two: a client that waits for
// metrics there finds them here at once, and sees no other difference.
//
// # Bounds
//
// A process that is killed loses the last five seconds of counted calls; what
// clients put is in the journal when they are answered. Everything is kept for 15 days at one
// minute, AWS's first step of retention, within the journal's size
// ([Options.MaxBytes]); beyond either the oldest go. AWS's later steps, five
// minutes for 63 days and an hour for 455, are not kept. Percentiles come from a
// histogram whose values are right to 0.8 %, and exact for whole numbers below
// 256.
//
// Memory holds what was counted in the last five seconds, and nothing while
// nobody calls.
//
// # Concurrency
//
// Everything may be called from any goroutine.
package metrics
