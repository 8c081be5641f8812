// Package terminal is what all text for people has in common: the colours, the
// columns there are, columns of cells, wrapped sentences, and the cleaning of
// texts that come from elsewhere. An account's names, a request's path and a
// dump's sentences may hold anything, escape sequences as well, and none of it
// may reach the terminal as it is.
//
// Called by why, doctor, diff and cli. It must never import anything of ours.
//
// Concurrency: functions without state.
package terminal
