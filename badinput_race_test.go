//go:build race

package stagedoor

// racing: the race detector runs, under which what is done a billion times takes
// minutes.
const racing = true
