// Package promote brings what one stage runs to another, and back.
//
// NewPlan reads a place, works out what would move (the code behind stage
// variables, aliases, the stage's deployment and variables), lets package
// doctor examine the state after it, and lists the aws commands that do the
// same. Plan.Run carries it out; Rollback undoes it; History tells what was.
// All of it goes through AWS's own operations, at a stagedoor or in an account.
//
// A promotion is a journal: before anything that callers see changes, the stage's
// tags say what is about to, and each function's tags hold the version that
// keeps its old code. Every step compares before it changes. So whoever runs
// the command again, on whatever machine, completes the promotion or undoes it.
// tags.go has the form of the journal, lock.go who may write it, run.go the
// order of the steps.
//
// Called by cli and the console. It must never import the store, a service or
// the gateway.
//
// Concurrency: a Plan is used by one goroutine. Promotions of one stage exclude
// each other through the lock in its tags, wherever they run.
package promote
