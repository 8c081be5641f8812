package sandbox

import (
	"strconv"
	"sync/atomic"
	"time"
)

// Memory is watched, not limited by the kernel: address-space limits stop Node.js
// (it reserves gigabytes that it never touches), and control groups are rarely
// writable for whoever runs stagedoor.
const (
	watchEvery   = 50 * time.Millisecond
	watchLinger  = 20   // rounds without anything active before the watch ends
	watchTree    = 5    // rounds between two looks for new descendants: finding them costs most
	maxProcesses = 1024 // "Execution processes/threads" (LDG:gettingstarted-limits)
)

// memoryWatch looks at the environments in which something runs.
type memoryWatch struct {
	p       *Process
	running atomic.Bool
	stop    chan struct{}
}

func (w *memoryWatch) wake() {
	if w.running.CompareAndSwap(false, true) {
		w.p.wg.Go(w.run)
	}
}

func (w *memoryWatch) run() {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for quiet := 0; ; {
		select {
		case <-ticker.C:
		case <-w.stop:
			return
		}
		if w.round() {
			quiet = 0
			continue
		}
		if quiet++; quiet < watchLinger {
			continue
		}
		w.running.Store(false)
		// Something may have become active since the last look.
		if !w.anyActive() || !w.running.CompareAndSwap(false, true) {
			return
		}
		quiet = 0
	}
}

func (w *memoryWatch) environments() []*environment {
	w.p.mu.Lock()
	defer w.p.mu.Unlock()
	var active []*environment
	for e := range w.p.envs {
		if e.active.Load() {
			active = append(active, e)
		}
	}
	return active
}

func (w *memoryWatch) anyActive() bool { return len(w.environments()) > 0 }

// round measures every active environment and kills what is over its limit.
func (w *memoryWatch) round() bool {
	active := w.environments()
	for _, e := range active {
		e.mu.Lock()
		in := e.in
		e.mu.Unlock()
		if in == nil {
			continue
		}
		in.rounds++
		used, processes := in.measure(in.rounds%watchTree == 1)
		if used > int64(max(128, e.fn.MemoryMB))<<20 || processes > maxProcesses {
			in.tooBig.Store(true)
			in.kill()
		}
	}
	return len(active) > 0
}

// measure looks at the processes of in and remembers the peak; again looks for
// new ones first.
func (in *instance) measure(again bool) (bytes int64, processes int) {
	in.treeMu.Lock()
	if again || in.tree == nil {
		in.tree = descendants(in.cmd.Process.Pid)
	}
	counted := in.tree
	if in.relays { // what isolates the function is not the function's
		counted = counted[1:]
	}
	bytes, processes = processMemory(counted), len(in.tree)
	in.treeMu.Unlock()
	if bytes > in.peak.Load() {
		in.peak.Store(bytes)
	}
	return bytes, processes
}

// memory is REPORT's "Max Memory Used". The watch keeps the peak; only a short
// first invocation has to look for itself, which costs some 30 µs.
func (e *environment) memory(in *instance, took time.Duration) int {
	if in.peak.Load() == 0 || took > watchEvery {
		select {
		case <-in.exited:
		default:
			in.measure(true)
		}
	}
	mb := int((in.peak.Load() + 1<<20 - 1) >> 20)
	return min(mb, max(128, e.fn.MemoryMB))
}

func formatSeconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 2, 64) }
