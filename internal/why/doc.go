// Package why shows people what package grants found: one Decision in full
// (Print), recent ones as lines (List), and every method of every stage as a
// table (Matrix).
//
// The text is plain without colours and says everything without them; colours
// are taken away when the output is no terminal or NO_COLOR is set. Commands
// stand on lines of their own and can be pasted as they are.
//
// Called by internal/cli. It must never import the store, a service or the
// gateway: whoever has cells or decisions hands them in.
//
// Concurrency: the functions keep no state; callers that share a writer take
// turns.
package why
