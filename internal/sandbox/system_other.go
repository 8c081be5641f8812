//go:build !linux

package sandbox

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

func processAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// descendants: what a process started is not looked for here.
func descendants(pid int) []int { return []int{pid} }

// processMemory asks ps.
func processMemory(pids []int) (bytes int64) {
	for _, pid := range pids {
		out, err := exec.Command("ps", "-o", "rss=", "-p", strconv.Itoa(pid)).Output()
		if err == nil {
			kb, _ := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
			bytes += kb << 10
		}
	}
	return bytes
}

func (in *instance) killLeftovers(*Process) {
	syscall.Kill(-in.cmd.Process.Pid, syscall.SIGKILL)
}
