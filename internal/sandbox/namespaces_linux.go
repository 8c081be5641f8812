package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// namespaces runs environments as bubblewrap does, without bubblewrap: the
// kernel makes the namespaces, and this program, started a second time as
// process 1 of them, makes the mounts (see Main).
type namespaces struct {
	root string // an empty directory, over which every first stage builds its root
	base stage  // what is the same for every environment
}

// newNamespaces tries namespaces; why is the reason for nil. tmp is a directory
// of the driver's own.
func newNamespaces(o Options, tmp string) (n *namespaces, why string) {
	if !o.Reexec {
		return nil, "namespaces need a program that starts as its own first stage, as the stagedoor command does"
	}
	dirs, links, err := systemTrees()
	if err != nil {
		return nil, err.Error()
	}
	n = &namespaces{root: filepath.Join(tmp, "root")}
	if err := os.Mkdir(n.root, 0o700); err != nil {
		return nil, err.Error()
	}
	n.base = stage{Root: n.root, Links: links, Dir: "/var/task"}
	for _, dir := range dirs {
		n.base.Mounts = append(n.base.Mounts, bind{From: dir, To: dir})
	}
	for _, dir := range pointedTo {
		n.base.Mounts = append(n.base.Mounts, bind{From: dir, To: dir, Optional: true})
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	if err := n.try(ctx, tmp); err != nil {
		return nil, fmt.Sprintf("namespaces do not work here (%v)", err)
	}
	return n, ""
}

func (n *namespaces) try(ctx context.Context, tmp string) error {
	probe := &command{argv: []string{"/bin/true"}, taskDir: "/usr", runtime: "/usr", tmpDir: filepath.Join(tmp, "probe")}
	if err := n.wrap(probe); err != nil {
		return err
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, probe.argv[0])
	cmd.Env, cmd.Stderr, cmd.SysProcAttr = []string{}, &stderr, processAttributes()
	probe.outer(cmd)
	if err := cmd.Run(); err != nil {
		return errors.Join(err, errors.New(strings.TrimSpace(stderr.String())))
	}
	return nil
}

func (n *namespaces) wrap(c *command) error {
	c.taskRoot, c.runtimeIn, c.tmpIn = "/var/task", "/var/runtime", "/tmp"
	if err := os.MkdirAll(c.tmpDir, 0o700); err != nil {
		return err
	}
	s := n.base
	s.Argv = c.argv
	s.Mounts = append(make([]bind, 0, len(n.base.Mounts)+8), n.base.Mounts...)
	s.Mounts = append(s.Mounts,
		bind{From: c.tmpDir, To: "/tmp", Writable: true},
		bind{From: c.taskDir, To: "/var/task"},
		bind{From: c.runtime, To: "/var/runtime"})
	for _, prefix := range c.prefixes {
		if prefix = treeOf(prefix, c.argv[0]); prefix != "" {
			s.Mounts = append(s.Mounts, bind{From: prefix, To: prefix})
		}
	}
	c.relays = true
	c.outer = func(cmd *exec.Cmd) { s.command(cmd) }
	return nil
}

// command turns cmd, which would run the function's program, into the first
// stage that does so isolated.
func (s stage) command(cmd *exec.Cmd) {
	s.Socket = len(cmd.ExtraFiles) > 0
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings and booleans only
	}
	// What this process was started from, even when its file was replaced since.
	cmd.Path, cmd.Args = "/proc/self/exe", []string{stageName, string(text)}
	// The first stage has rights outside: a function's LD_PRELOAD or GODEBUG
	// must not reach it. One thread and no garbage collection start fastest.
	env := []string{"GOMAXPROCS=1", "GOGC=off"}
	for _, variable := range cmd.Env {
		env = append(env, stageEnv+variable)
	}
	cmd.Env = env
	attr := cmd.SysProcAttr
	attr.Cloneflags = syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS
	if uid, gid := os.Geteuid(), os.Getegid(); uid != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}}
		// Whoever is not root keeps only ambient capabilities through exec.
		attr.AmbientCaps = []uintptr{capSetPCap, capSysAdmin}
	}
}

func (n *namespaces) describe() Isolation {
	d := (&bubblewrap{}).describe() // it holds and lacks the same
	d.Name = "namespaces"
	return d
}
