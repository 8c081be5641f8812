// Package invoke is the broker between whoever calls a function and the
// environments that run it.
//
// It resolves name and qualifier (versions, aliases with their weights) from
// compiled views of the store, keeps a pool of environments per function
// version (newest idle one first, idle ones reaped, changed functions' ones
// retired), holds the account's and the functions' concurrency limits, and runs
// asynchronous invocations with AWS's retries.
//
// The gateway and service/lambda (through an interface that the root package
// fills in) call it. It imports store, state, logs and sandbox, and never a
// service package, the gateway or an SDK type. A Broker is safe for concurrent
// use; the warm path takes one short mutex of the function version's pool.
package invoke
