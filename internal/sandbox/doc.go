// Package sandbox runs functions: a Driver starts environments, an Environment
// answers one invocation at a time, as one of Lambda's does.
//
// The process driver (NewProcess) runs a function's runtime on this machine
// (node, python3 or a provided bootstrap), without containers: one process tree
// per environment, its code read-only at /var/task, a /tmp of its own, isolated
// by bubblewrap where that works, by namespaces that it makes itself (Main) where
// those do. Describe says which isolation is in force;
// the driver never falls below it silently.
//
// Package invoke calls it (pools, concurrency, retries live there); the root
// package makes the driver. Sandbox imports runtimeapi and codezip and must
// never import a service package, the gateway, or any SDK type. Every Driver
// passes the conformance package sandboxtest.
//
// A Driver is safe for concurrent use. An Environment takes one Invoke at a
// time; Close may be called at any moment, also during an Invoke.
package sandbox
