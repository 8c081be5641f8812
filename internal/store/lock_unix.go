//go:build unix

package store

import (
	"os"
	"syscall"
)

// lockFile takes the exclusive lock of f, which the kernel releases when the
// process ends, however it ends.
func lockFile(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}
