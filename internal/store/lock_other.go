//go:build !unix

package store

import "os"

// lockFile does nothing where there is no flock: two processes on one data
// directory are not noticed there.
func lockFile(*os.File) error { return nil }
