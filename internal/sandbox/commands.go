package sandbox

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// fault is a failure that is the function's, in the form its caller sees.
type fault struct {
	typ  string // errorType
	text string // behind "RequestId: … Error: "
}

func (f *fault) Error() string { return f.typ + ": " + f.text }

// command builds the program that runs fn. A *fault says that the function
// itself is wrong, another error that this machine lacks something.
func (p *Process) command(fn *Function, task, tmp string) (*command, error) {
	c := &command{taskDir: task, tmpDir: tmp, runtime: p.runtime, env: map[string]string{}}
	switch {
	case strings.HasPrefix(fn.Runtime, "nodejs"):
		return c, p.nodeCommand(c, fn)
	case strings.HasPrefix(fn.Runtime, "python"):
		return c, p.pythonCommand(c, fn)
	case isProvided(fn.Runtime):
		return c, p.providedCommand(c, fn, task)
	}
	return nil, &RuntimeMissingError{Runtime: fn.Runtime,
		Remedy: "use a nodejs*, python*, provided* or go1.x runtime"}
}

// wrapped completes c and returns the directories as the function sees them
// before the arguments are written.
func (p *Process) wrapped(c *command, argv func() []string) error {
	// The isolation decides where things are; the arguments name them.
	if _, ok := p.iso.(*plain); ok {
		c.taskRoot, c.runtimeIn = c.taskDir, c.runtime
	} else {
		c.taskRoot, c.runtimeIn = "/var/task", "/var/runtime"
	}
	c.argv = argv()
	return p.iso.wrap(c)
}

func (p *Process) nodeCommand(c *command, fn *Function) error {
	node, err := p.interp.forRuntime(fn.Runtime)
	if err != nil {
		return err
	}
	c.prefixes = []string{node.prefix}
	return p.wrapped(c, func() []string {
		return []string{
			node.path,
			"--expose-gc", "--max-http-header-size=81920", // as AWS starts it
			// V8 must collect before the memory limit strikes.
			"--max-old-space-size=" + strconv.Itoa(max(64, fn.MemoryMB*9/10)),
			c.runtimeIn + "/" + nodeLoader,
		}
	})
}

func (p *Process) pythonCommand(c *command, fn *Function) error {
	python, err := p.interp.forRuntime(fn.Runtime)
	if err != nil {
		return err
	}
	c.prefixes = []string{python.prefix}
	args := []string{python.path, "-S", "-u", "-X", "utf8"}
	if python.venv != "" {
		c.env["STAGEDOOR_PYTHON"] = python.venv
		if home := filepath.Dir(filepath.Dir(python.venv)); home != python.prefix {
			c.prefixes = append(c.prefixes, home)
		}
	}
	// Isolated mode starts faster, but ignores the variables that a function
	// may set to configure its interpreter; PYTHONPATH the loader sees to.
	isolated := true
	for name := range fn.Env {
		isolated = isolated && (!strings.HasPrefix(name, "PYTHON") || name == "PYTHONPATH")
	}
	if isolated {
		args = append(args, "-I")
	}
	p.wg.Go(func() { p.interp.compilePython(python, p.runtime) })
	return p.wrapped(c, func() []string {
		return append(args, "-c", fmt.Sprintf("import sys;sys.path.insert(0,%q);import %s as l;l.main()", c.runtimeIn, pythonLoader))
	})
}

func (p *Process) providedCommand(c *command, fn *Function, task string) error {
	name := "bootstrap"
	if fn.Runtime == "go1.x" {
		name = fn.Handler
	}
	head, err := checkProgram(task, name)
	if err != nil {
		return err
	}
	return p.wrapped(c, func() []string {
		program := c.taskRoot + "/" + name
		// On Amazon Linux /bin/sh is bash, and scripts rely on it ("set -o
		// pipefail"); on Debian it is not.
		if bytes.HasPrefix(head, []byte("#!/bin/sh\n")) {
			if bash, err := exec.LookPath("bash"); err == nil {
				return []string{bash, "--posix", program}
			}
		}
		return []string{program}
	})
}

// checkProgram finds out before the start what the kernel would say, in AWS's
// words (Runtime.InvalidEntrypoint), and returns the program's first bytes.
func checkProgram(task, name string) (head []byte, err error) {
	root, err := os.OpenRoot(task)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	inside := "/var/task/" + name
	st, err := root.Stat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && st.IsDir() {
		if name != "bootstrap" {
			return nil, &fault{"Runtime.InvalidEntrypoint", "fork/exec " + inside + ": no such file or directory"}
		}
		return nil, &fault{"Runtime.InvalidEntrypoint", "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"}
	}
	if err != nil {
		return nil, err
	}
	if st.Mode()&0o111 == 0 {
		return nil, &fault{"Runtime.InvalidEntrypoint", "fork/exec " + inside + ": permission denied"}
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head = make([]byte, 20)
	n, _ := f.Read(head)
	if head = head[:n]; !executable(head) {
		return nil, &fault{"Runtime.InvalidEntrypoint", "fork/exec " + inside + ": exec format error"}
	}
	return head, nil
}

// executable judges a program by its first bytes. On Linux it is a script or an
// ELF file for this machine's processor; elsewhere only the system can tell.
func executable(head []byte) bool {
	if bytes.HasPrefix(head, []byte("#!")) || runtime.GOOS != "linux" {
		return true
	}
	if len(head) < 20 || !bytes.HasPrefix(head, []byte("\x7fELF")) {
		return false
	}
	want := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[runtime.GOARCH]
	return want == 0 || elf.Machine(binary.LittleEndian.Uint16(head[18:])) == want
}
