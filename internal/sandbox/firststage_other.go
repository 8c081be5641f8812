//go:build !linux

package sandbox

// Main does nothing here: isolation by namespaces needs Linux.
func Main() {}
