//go:build !race

package stagedoor

// floodMB is how much a flood of output is, in MB.
const floodMB = 1024
