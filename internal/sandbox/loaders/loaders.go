// Package loaders holds the programs that run inside functions' processes: they
// load the handler and speak the Runtime API for it. They are embedded, and
// written by package sandbox to a directory that functions see as /var/runtime.
package loaders

import _ "embed"

// Node is run by node: "node node.cjs".
//
//go:embed node.cjs
var Node []byte

// Python is a module; its main() runs the loop.
//
//go:embed python_loader.py
var Python []byte
