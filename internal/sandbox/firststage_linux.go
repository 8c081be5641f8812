package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"unsafe"
)

const (
	stageName = "stagedoor-first-stage" // argv[0] of a first stage
	stageEnv  = "function:"             // before each variable that is the function's
)

// stage is what a first stage does. It comes as an argument, which other users
// can see: the function's variables, its credentials among them, do not.
type stage struct {
	Root   string // empty directory to build the root over
	Mounts []bind
	Links  [][2]string // symbolic links of /: name, target
	Dir    string      // working directory inside
	Argv   []string
	Socket bool // the program inherits file descriptor 3
}

// bind shows the file or directory From, with what is mounted below it, as To.
type bind struct {
	From, To           string
	Writable, Optional bool
}

// Main is the first stage of isolation by namespaces: where this process was
// started as one, Main builds the environment's root, runs the function's program
// in it and never returns. Elsewhere it does nothing. A program that sets
// Options.Reexec calls it before anything else.
func Main() {
	if len(os.Args) != 2 || os.Args[0] != stageName || os.Getpid() != 1 {
		return
	}
	runtime.LockOSThread() // capabilities belong to threads; the program inherits this one's
	pid, err := firstStage(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "stagedoor: isolating the function:", err)
		os.Exit(1)
	}
	os.Exit(reap(pid))
}

func firstStage(text string) (pid int, err error) {
	var s stage
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return 0, err
	}
	if err := s.build(); err != nil {
		return 0, err
	}
	// What stagedoor itself inherited from whoever started it ends here.
	if _, _, errno := syscall.RawSyscall(sysCloseRange, 3, uintptr(^uint32(0)), closeRangeCloexec); errno != 0 {
		return 0, os.NewSyscallError("close_range", errno)
	}
	if err := dropPrivileges(); err != nil {
		return 0, err
	}
	attr := &syscall.ProcAttr{Dir: s.Dir, Files: []uintptr{0, 1, 2}}
	for _, variable := range os.Environ() {
		if variable, ok := strings.CutPrefix(variable, stageEnv); ok {
			attr.Env = append(attr.Env, variable)
		}
	}
	if s.Socket {
		attr.Files = append(attr.Files, 3)
		defer syscall.Close(3) // its end must be seen when the program closes it
	}
	if pid, err = syscall.ForkExec(s.Argv[0], s.Argv, attr); err != nil {
		return 0, fmt.Errorf("starting %s: %w", s.Argv[0], err)
	}
	return pid, nil
}

// reap is process 1: it stays, because the kernel spares process 1 the signals
// that a program sends itself (abort among them), takes the orphans, and ends
// with the program, as a shell would: 128 + signal. The kernel then ends the rest.
func reap(program int) int {
	signal.Notify(make(chan os.Signal, 1)) // no signal from within ends it
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return 1
		case pid == program && status.Signaled():
			return 128 + int(status.Signal())
		case pid == program && status.Exited():
			return status.ExitStatus()
		}
	}
}

// build makes the root and moves into it. The order matters: /tmp comes before
// interpreters that may lie below it.
func (s *stage) build() error {
	// Nothing mounted here shows outside.
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return os.NewSyscallError("mount / private", err)
	}
	if err := tmpfs(s.Root); err != nil {
		return err
	}
	for _, m := range s.Mounts {
		if err := s.bind(m); err != nil && !(m.Optional && errors.Is(err, os.ErrNotExist)) {
			return err
		}
	}
	for _, link := range s.Links {
		if err := os.Symlink(link[1], s.Root+link[0]); err != nil {
			return err
		}
	}
	if err := s.kernelTrees(); err != nil {
		return err
	}
	if err := os.Chdir(s.Root); err != nil {
		return err
	}
	// The old root is laid over the new one, and taken away.
	if err := syscall.PivotRoot(".", "."); err != nil {
		return os.NewSyscallError("pivot_root", err)
	}
	if err := syscall.Unmount(".", syscall.MNT_DETACH); err != nil {
		return os.NewSyscallError("umount the old root", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	return setAttributes("/", attrReadOnly, 0)
}

// kernelTrees makes /proc of the new process space and a /dev without devices
// of the machine.
func (s *stage) kernelTrees() error {
	for _, dir := range []string{"/proc", "/dev/shm"} {
		if err := os.MkdirAll(s.Root+dir, 0o755); err != nil {
			return err
		}
	}
	if err := syscall.Mount("proc", s.Root+"/proc", "proc", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC, ""); err != nil {
		return os.NewSyscallError("mount /proc", err)
	}
	for _, name := range []string{"null", "zero", "full", "random", "urandom", "tty"} {
		m := bind{From: "/dev/" + name, To: "/dev/" + name, Writable: true}
		if err := s.bind(m); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	for name, target := range map[string]string{"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"} {
		if err := os.Symlink("/proc/self/fd"+target, s.Root+"/dev/"+name); err != nil {
			return err
		}
	}
	return tmpfs(s.Root + "/dev/shm")
}

func tmpfs(path string) error {
	return os.NewSyscallError("mount tmpfs", syscall.Mount("tmpfs", path, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, "mode=0755"))
}

func (s *stage) bind(m bind) error {
	info, err := os.Stat(m.From)
	if err != nil {
		return err
	}
	to := s.Root + m.To
	if err := mountPoint(to, info.IsDir()); err != nil {
		return err
	}
	if err := syscall.Mount(m.From, to, "", syscall.MS_BIND|syscall.MS_REC, ""); err != nil {
		return &os.PathError{Op: "bind", Path: m.From, Err: err}
	}
	attributes := uint64(attrNoSUID)
	if !m.Writable {
		attributes |= attrReadOnly
	}
	return setAttributes(to, attributes, atRecursive)
}

func mountPoint(path string, dir bool) error {
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	if dir {
		return os.MkdirAll(path, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, nil, 0o644)
}

// The kernel's numbers, which package syscall does not have; the system calls
// have the same ones on every architecture that Go knows but MIPS and Alpha.
const (
	sysCloseRange     = 436 // Linux 5.11 with closeRangeCloexec
	closeRangeCloexec = 4
	sysMountSetattr   = 442 // Linux 5.12
	atRecursive       = 0x8000
	attrReadOnly      = 1
	attrNoSUID        = 2

	prSetDumpable     = 4
	prCapBSetDrop     = 24
	prSetNoNewPrivs   = 38
	prCapAmbient      = 47
	prAmbientClearAll = 4
	capSetPCap        = 8
	capSysAdmin       = 21
	capVersion3       = 0x20080522
)

// setAttributes adds attributes to a mount; with atRecursive also to those below
// it, which a remount would leave writable.
func setAttributes(path string, attributes uint64, flags uintptr) error {
	name, err := syscall.BytePtrFromString(path)
	if err != nil {
		return err
	}
	attr := struct{ set, clear, propagation, userns uint64 }{set: attributes}
	here := -100 // AT_FDCWD
	_, _, errno := syscall.Syscall6(sysMountSetattr, uintptr(here), uintptr(unsafe.Pointer(name)), flags,
		uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	if errno != 0 {
		return &os.PathError{Op: "mount_setattr", Path: path, Err: errno}
	}
	return nil
}

// dropPrivileges takes from this thread, and with that from the program, every
// capability and every way to get one.
func dropPrivileges() error {
	prctl := func(what string, args ...uintptr) error {
		var a [5]uintptr
		copy(a[:], args)
		if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, a[0], a[1], a[2], a[3], a[4], 0); errno != 0 {
			return os.NewSyscallError("prctl "+what, errno)
		}
		return nil
	}
	for capability := uintptr(0); ; capability++ {
		err := prctl("PR_CAPBSET_DROP", prCapBSetDrop, capability)
		if errors.Is(err, syscall.EINVAL) && capability > 0 {
			break // the kernel has no more
		}
		if err != nil {
			return err
		}
	}
	// This process keeps its capabilities in other threads: nobody may trace it.
	err := errors.Join(
		prctl("PR_CAP_AMBIENT", prCapAmbient, prAmbientClearAll),
		prctl("PR_SET_NO_NEW_PRIVS", prSetNoNewPrivs, 1),
		prctl("PR_SET_DUMPABLE", prSetDumpable, 0),
	)
	if err != nil {
		return err
	}
	header := struct {
		version uint32
		pid     int32
	}{version: capVersion3}
	var none [6]uint32
	if _, _, errno := syscall.RawSyscall(syscall.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&none)), 0); errno != 0 {
		return os.NewSyscallError("capset", errno)
	}
	return nil
}
