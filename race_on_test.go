//go:build race

package stagedoor

// floodMB is how much a flood of output is, in MB. The race detector makes each
// line cost a hundred times as much; "make test" runs the whole gigabyte
// without it.
const floodMB = 32
