package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// chooseIsolation finds the best isolation that really works here: bubblewrap
// may be installed and still be forbidden (containers without user namespaces).
// tmp is a directory of the driver's own.
func chooseIsolation(o Options, tmp string) (isolator, error) {
	switch o.Isolation {
	case "plain":
		return &plain{why: "it was asked for"}, nil
	case "", "bubblewrap", "namespaces":
	default:
		return nil, fmt.Errorf("isolation %q is unknown: use bubblewrap, namespaces or plain", o.Isolation)
	}
	var why []string
	if o.Isolation != "namespaces" {
		bwrap, reason := newBubblewrap()
		if bwrap != nil {
			return bwrap, nil
		}
		why = append(why, reason)
	}
	if o.Isolation != "bubblewrap" {
		own, reason := newNamespaces(o, tmp)
		if own != nil {
			return own, nil
		}
		why = append(why, reason)
	}
	reasons := strings.Join(why, "; ")
	if o.Isolation != "" {
		return nil, fmt.Errorf("isolation by %s was asked for, but %s", o.Isolation, reasons)
	}
	return &plain{why: reasons}, nil
}

// bubblewrap runs environments in bwrap: a root of the system's directories,
// read-only; homes hidden; /var/task and /var/runtime read-only; a /tmp of its
// own; own process, IPC and UTS namespaces.
type bubblewrap struct {
	path string
	base []string // arguments that are the same for every environment
}

func newBubblewrap() (*bubblewrap, string) {
	path, err := exec.LookPath("bwrap")
	if err != nil {
		return nil, "bwrap is not installed (Debian and Ubuntu: apt-get install bubblewrap)"
	}
	b := &bubblewrap{path: path}
	if b.base, err = systemMounts(); err != nil {
		return nil, err.Error()
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	if err := b.try(ctx); err != nil {
		return nil, fmt.Sprintf("bwrap does not work here (%v); it needs user namespaces: sysctl kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns, or a container started with --security-opt seccomp=unconfined", err)
	}
	return b, ""
}

func (b *bubblewrap) try(ctx context.Context) error {
	probe := &command{argv: []string{"/bin/true"}, taskDir: "/usr", runtime: "/usr"}
	if err := b.wrap(probe); err != nil {
		return err
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, probe.argv[0], probe.argv[1:]...)
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return errors.Join(err, errors.New(strings.TrimSpace(stderr.String())))
	}
	return nil
}

func systemMounts() ([]string, error) {
	dirs, links, err := systemTrees()
	if err != nil {
		return nil, err
	}
	args := []string{"--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent", "--cap-drop", "ALL"}
	for _, link := range links {
		args = append(args, "--symlink", link[1], link[0])
	}
	for _, path := range dirs {
		args = append(args, "--ro-bind", path, path)
	}
	for _, path := range pointedTo {
		args = append(args, "--ro-bind-try", path, path)
	}
	return append(args, "--proc", "/proc", "--dev", "/dev"), nil
}

// pointedTo is what /etc may point to.
var pointedTo = [...]string{"/run/systemd/resolve", "/var/lib/ca-certificates"}

// systemTrees is the machine's own software, which functions see, read-only:
// directories of /, and links there (name, target). Everything else stays hidden:
// users' files, other functions' code, stagedoor's own data.
func systemTrees() (dirs []string, links [][2]string, err error) {
	entries, err := os.ReadDir("/")
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		path := "/" + e.Name()
		switch {
		case !isSystem(e.Name()):
		case e.Type()&os.ModeSymlink != 0:
			if target, err := os.Readlink(path); err == nil {
				links = append(links, [2]string{path, target})
			}
		case e.IsDir():
			dirs = append(dirs, path)
		}
	}
	return dirs, links, nil
}

// isSystem reports whether a directory of / holds software.
func isSystem(name string) bool {
	return slices.Contains([]string{"usr", "etc", "opt", "nix", "gnu", "bin", "sbin"}, name) || strings.HasPrefix(name, "lib")
}

func (b *bubblewrap) wrap(c *command) error {
	c.taskRoot, c.runtimeIn, c.tmpIn = "/var/task", "/var/runtime", "/tmp"
	argv := append(make([]string, 0, len(b.base)+len(c.argv)+24), b.path)
	argv = append(argv, b.base...)
	if c.tmpDir == "" {
		argv = append(argv, "--tmpfs", "/tmp")
	} else {
		if err := os.MkdirAll(c.tmpDir, 0o700); err != nil {
			return err
		}
		argv = append(argv, "--bind", c.tmpDir, "/tmp")
	}
	argv = append(argv, "--ro-bind", c.taskDir, "/var/task", "--ro-bind", c.runtime, "/var/runtime")
	for _, prefix := range c.prefixes {
		if prefix = treeOf(prefix, c.argv[0]); prefix != "" {
			argv = append(argv, "--ro-bind", prefix, prefix)
		}
	}
	argv = append(argv, "--remount-ro", "/", "--chdir", "/var/task", "--")
	c.argv = append(argv, c.argv...)
	c.relays = true
	return nil
}

// treeOf is what must be shown of an interpreter's installation, "" when it lies
// among the system's directories.
func treeOf(prefix, program string) string {
	if prefix = filepath.Clean(prefix); prefix == "/" {
		prefix = program
	}
	// Homebrew's packages link against each other's libraries.
	if root, _, ok := strings.Cut(prefix, "/Cellar/"); ok {
		prefix = root
	}
	if first, _, _ := strings.Cut(strings.TrimPrefix(prefix, "/"), "/"); isSystem(first) {
		return ""
	}
	return prefix
}

func (b *bubblewrap) describe() Isolation {
	return Isolation{
		Name:   "bubblewrap",
		Strong: true,
		Holds: []string{
			"code read-only at /var/task",
			"own /tmp per environment, nothing else writable",
			"own process space: what a function starts ends with its environment",
			"home directories hidden",
		},
		Lacks: []string{
			"the network is shared with this machine",
			"memory is watched every 50 ms, not limited by the kernel",
			"the size of /tmp is not limited",
		},
	}
}
