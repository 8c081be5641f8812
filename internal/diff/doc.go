// Package diff says what differs between two stages: of one API, or of one API
// here and in an account.
//
// Compare takes two Sides, pictures that target.ReadAPI took, and returns a
// Report: the deployed snapshot, stage variables, the functions that methods
// lead to with their code and configuration, aliases, settings, canary, and
// package doctor's verdict on each call. Only differences are listed; what is
// the same is counted. What lies in the nature of a place (account, region, the
// API's id in ARNs) is no difference, nor is what only the clock or a counter
// makes: ids, dates, revisions, descriptions, tags.
//
// A Comparison is the Reports of all pairs of stages; it is written as text for
// a terminal, as JSON, or as one page of HTML that needs nothing else. Values of
// environment variables never get into a Report unless both Sides say so.
//
// Called by cli and console. It must never import the store, a service or the
// gateway, and it changes nothing.
//
// Concurrency: Compare reads its Sides and changes nothing. A Report is not
// changed once it is returned.
package diff
