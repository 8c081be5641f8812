package sandbox

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// processAttributes: a session of its own, so that Ctrl-C in stagedoor's
// terminal reaches stagedoor only and a kill of the group reaches all of it; and
// no function outlives stagedoor. The kernel shares the processor between
// sessions first (sched_autogroup): a fork bomb gets one function's share and
// cannot starve the watch that ends it. The price is in the tail: in one session
// with stagedoor, p99 of 16 busy functions is a third.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
}

var pageSize = int64(os.Getpagesize())

// descendants lists pid and what it started, up to one more than is allowed.
func descendants(pid int) (found []int) {
	todo := []int{pid}
	for len(todo) > 0 && len(found) <= maxProcesses {
		pid := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		found = append(found, pid)
		todo = append(todo, children("/proc/"+strconv.Itoa(pid))...)
	}
	return found
}

// processMemory sums up what processes use: the private memory of each, and the
// largest shared part once.
func processMemory(pids []int) (bytes int64) {
	var shared int64
	for _, pid := range pids {
		statm, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
		if err != nil {
			continue
		}
		fields := strings.Fields(string(statm))
		if len(fields) > 2 {
			resident, _ := strconv.ParseInt(fields[1], 10, 64)
			common, _ := strconv.ParseInt(fields[2], 10, 64)
			bytes += (resident - common) * pageSize
			shared = max(shared, common*pageSize)
		}
	}
	return bytes + shared
}

// children lists what every thread of a process has started.
func children(dir string) []int {
	var found []int
	tasks, err := os.ReadDir(dir + "/task")
	if err != nil {
		return nil
	}
	for _, task := range tasks {
		list, err := os.ReadFile(dir + "/task/" + task.Name() + "/children")
		if err != nil {
			continue
		}
		for field := range bytes.FieldsSeq(list) {
			if child, err := strconv.Atoi(string(field)); err == nil {
				found = append(found, child)
			}
		}
	}
	return found
}

// killLeftovers ends processes that left the runtime's process group. In a
// process namespace of its own nothing can: there the kernel has ended all.
func (in *instance) killLeftovers(p *Process) {
	syscall.Kill(-in.cmd.Process.Pid, syscall.SIGKILL)
	if _, isPlain := p.iso.(*plain); !isPlain {
		return
	}
	// The address of the Runtime API is in the environment of every process
	// that the function started, and of no other.
	marker := []byte("AWS_LAMBDA_RUNTIME_API=" + in.apiAddr + "\x00")
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if env, err := os.ReadFile("/proc/" + entry.Name() + "/environ"); err == nil && bytes.Contains(env, marker) {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}
