//go:build !race

package sandbox_test

// floodMB is how much a flood of output is, in MB.
const floodMB = 1024
