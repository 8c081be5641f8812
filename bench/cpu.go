package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// cpuTime is the processor time that a process and everything it started have
// used. Unlike calls per second it says the same on a busy machine.
func cpuTime(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil // it ended meanwhile
	}
	if err != nil {
		return 0, err
	}
	// The fields behind the name, which may hold anything and ends with ")":
	// the 12th and 13th are user and system time in hundredths of a second.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	if err := errors.Join(err1, err2); err != nil {
		return 0, err
	}
	total := time.Duration(user+system) * 10 * time.Millisecond
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return total, nil
	}
	for _, task := range tasks {
		list, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, task.Name()))
		if err != nil {
			continue
		}
		for field := range strings.FieldsSeq(string(list)) {
			child, err := strconv.Atoi(field)
			if err != nil {
				return 0, err
			}
			more, err := cpuTime(child)
			if err != nil {
				return 0, err
			}
			total += more
		}
	}
	return total, nil
}

// charged is load, with the processor time that the serving processes used for
// each call.
func charged(pid int, address, request string, period time.Duration) (result, error) {
	before, err := cpuTime(pid)
	if err != nil {
		return result{}, err
	}
	r, err := load(address, request, connections, period)
	if err != nil {
		return r, err
	}
	after, err := cpuTime(pid)
	r.cpu = (after - before) / time.Duration(r.calls)
	return r, err
}
