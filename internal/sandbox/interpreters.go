package sandbox

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// interpreter is a program that runs functions.
type interpreter struct {
	path    string // real program, version managers' shims resolved
	prefix  string // installation directory; must be visible inside
	venv    string // python: sys.executable of a virtual environment
	version string // "20.20.2"
}

// interpreters finds node and python3 on this machine, each program once.
type interpreters struct {
	mu    sync.Mutex
	found map[string]func() (*interpreter, error) // by program name, sync.OnceValues

	compiled sync.Map // python path → *sync.Once, see compilePython
}

func newInterpreters() *interpreters {
	return &interpreters{found: map[string]func() (*interpreter, error){}}
}

// probeTimeout bounds one "what are you" call of an interpreter.
const probeTimeout = 10 * time.Second

func (i *interpreters) probe() {
	i.lookup("node")
	i.lookup("python3")
}

func (i *interpreters) lookup(program string) (*interpreter, error) {
	i.mu.Lock()
	f, ok := i.found[program]
	if !ok {
		f = sync.OnceValues(func() (*interpreter, error) { return ask(program) })
		i.found[program] = f
	}
	i.mu.Unlock()
	return f()
}

// ask starts program once: what PATH has may be a shim (pyenv, asdf, nvm), and
// starting through one costs tens of milliseconds each time.
func ask(program string) (*interpreter, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return nil, err
	}
	args := []string{"-I", "-S", "-c", "import sys;print(sys.executable,sys.base_prefix,'%d.%d.%d'%sys.version_info[:3],sep='\\n')"}
	if strings.HasPrefix(filepath.Base(program), "node") {
		args = []string{"-p", "process.execPath+'\\n\\n'+process.versions.node"}
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, args...).Output()
	if err != nil {
		return nil, fmt.Errorf("%s does not start: %w", path, err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != 3 {
		return nil, fmt.Errorf("%s answers strangely: %q", path, out)
	}
	found := &interpreter{path: lines[0], prefix: lines[1], version: lines[2]}
	if real, err := filepath.EvalSymlinks(found.path); err == nil {
		if real != found.path && strings.HasPrefix(filepath.Base(program), "python") {
			found.venv = found.path
		}
		found.path = real
	}
	if found.prefix == "" {
		found.prefix = filepath.Dir(filepath.Dir(found.path))
	}
	return found, nil
}

// forRuntime returns the interpreter of a managed runtime. The version that the
// runtime names is preferred (python3.12), but any will do: note says so.
func (i *interpreters) forRuntime(runtime string) (*interpreter, error) {
	if version, ok := strings.CutPrefix(runtime, "nodejs"); ok {
		version = strings.TrimSuffix(version, ".x")
		found, err := i.lookup("node")
		if err == nil && strings.HasPrefix(found.version, version+".") {
			return found, nil
		}
		if other := i.installed(version, ".nvm/versions/node/v"+version+".*/bin/node", ".local/share/fnm/node-versions/v"+version+".*/installation/bin/node"); other != nil {
			return other, nil
		}
		if err != nil {
			return nil, missing(runtime, "node", "install Node.js "+version+" (Debian and Ubuntu: apt-get install nodejs; macOS: brew install node) and see that node is in PATH", err)
		}
		return found, nil
	}
	version := strings.TrimPrefix(runtime, "python")
	found, err := i.lookup("python3")
	if err == nil && strings.HasPrefix(found.version, version+".") {
		return found, nil
	}
	if named, err := i.lookup(runtime); err == nil && strings.HasPrefix(named.version, version+".") {
		return named, nil
	}
	if other := i.installed(version, ".pyenv/versions/"+version+".*/bin/python3", ".local/share/uv/python/cpython-"+version+".*/bin/python3"); other != nil {
		return other, nil
	}
	if err != nil {
		return nil, missing(runtime, "python3", "install Python "+version+" (Debian and Ubuntu: apt-get install python3; macOS: brew install python3) and see that python3 is in PATH", err)
	}
	return found, nil
}

// installed looks for a version where version managers keep theirs, below the
// home directory.
func (i *interpreters) installed(version string, patterns ...string) *interpreter {
	home, err := os.UserHomeDir()
	if err != nil {
		return nil
	}
	for _, pattern := range patterns {
		matches, _ := filepath.Glob(filepath.Join(home, pattern))
		for _, path := range slices.Backward(matches) {
			if found, err := i.lookup(path); err == nil && strings.HasPrefix(found.version, version+".") {
				return found
			}
		}
	}
	return nil
}

func missing(runtime, program, remedy string, err error) error {
	if _, lookErr := exec.LookPath(program); lookErr == nil {
		remedy += " (" + err.Error() + ")"
	}
	return &RuntimeMissingError{Runtime: runtime, Program: program, Remedy: remedy}
}

// versionNote says that a function runs on another version than it asked for;
// "" when it does not.
func versionNote(runtime string, found *interpreter) string {
	want := strings.TrimSuffix(strings.TrimPrefix(runtime, "nodejs"), ".x")
	name := "Node.js"
	if strings.HasPrefix(runtime, "python") {
		want, name = strings.TrimPrefix(runtime, "python"), "Python"
	}
	if want == "" || found.version == want || strings.HasPrefix(found.version, want+".") {
		return ""
	}
	return fmt.Sprintf("runtime %s runs on this machine's %s %s", runtime, name, found.version)
}

// notes are the interpreters' lines of the start-up print.
func (i *interpreters) notes() []string {
	var notes []string
	for _, p := range []struct{ program, runtimes string }{{"node", "nodejs*"}, {"python3", "python3.*"}} {
		found, err := i.lookup(p.program)
		if err != nil {
			notes = append(notes, fmt.Sprintf("%s: no %s on this machine, such functions cannot run", p.runtimes, p.program))
			continue
		}
		notes = append(notes, fmt.Sprintf("%s: %s %s", p.runtimes, found.path, found.version))
	}
	return notes
}

// compilePython, once per interpreter, makes the loader's .pyc, which python itself cannot write where
// /var/runtime is read-only; it saves each start the compilation.
func (i *interpreters) compilePython(found *interpreter, runtimeDir string) {
	once, _ := i.compiled.LoadOrStore(found.path, new(sync.Once))
	once.(*sync.Once).Do(func() { compilePython(found, runtimeDir) })
}

func compilePython(found *interpreter, runtimeDir string) {
	cache := filepath.Join(runtimeDir, "__pycache__")
	parts := strings.SplitN(found.version, ".", 3)
	if len(parts) < 2 {
		return
	}
	if _, err := os.Stat(filepath.Join(cache, pythonLoader+".cpython-"+parts[0]+parts[1]+".pyc")); err == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	// Best effort: without it the loader only starts slower.
	_ = exec.CommandContext(ctx, found.path, "-I", "-S", "-c",
		"import sys,py_compile;py_compile.compile(sys.argv[1])", filepath.Join(runtimeDir, pythonLoader+".py")).Run()
}
