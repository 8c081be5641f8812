//go:build !linux

package sandbox

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

func processAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// treeMemory asks ps for the memory of one process; descendants are not seen.
func treeMemory(pid int) (bytes int64, processes int) {
	out, err := exec.Command("ps", "-o", "rss=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return 0, 1
	}
	kb, _ := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	return kb << 10, 1
}

func (in *instance) killLeftovers(*Process) {
	syscall.Kill(-in.cmd.Process.Pid, syscall.SIGKILL)
}
