// Command bench measures a built stagedoor from outside, each figure beside a
// reference that is measured in the same run: absolute figures move with the
// machine, ratios hold. "make bench" builds and runs it; bench/README.md says
// what the figures mean and keeps the last ones.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"time"
)

func main() {
	if len(os.Args) > 2 && os.Args[1] == "serve" {
		exit(serve(os.Args[2], os.Args[3:]))
		return
	}
	var b suite
	flag.StringVar(&b.binary, "stagedoor", "bin/stagedoor", "the binary to measure")
	flag.DurationVar(&b.period, "period", 3*time.Second, "how long each load lasts")
	flag.IntVar(&b.rounds, "rounds", 3, "how often each pair is measured, in turn; the median counts")
	flag.IntVar(&b.many, "many", 1000, "how many APIs and functions the memory measurement deploys")
	only := flag.String("only", "", "comma-separated sections to run: start, memory, decision, commands, console, control, mock, proxy, cold")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	exit(b.run(ctx, *only))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// suite is one run of the benchmarks.
type suite struct {
	binary string
	period time.Duration
	rounds int
	many   int
	missed []string // asked figures that were not reached
}

const connections = 16

func (b *suite) run(ctx context.Context, only string) error {
	sections := []struct {
		name string
		run  func(context.Context) error
	}{
		{"start", b.start}, {"memory", b.memory}, {"decision", b.decision}, {"commands", b.commands}, {"console", b.console},
		{"control", b.control}, {"mock", b.mock}, {"proxy", b.proxy}, {"cold", b.cold},
	}
	for _, section := range sections {
		if only != "" && !slices.Contains(strings.Split(only, ","), section.name) {
			continue
		}
		if err := section.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", section.name, err)
		}
	}
	if len(b.missed) > 0 {
		fmt.Printf("\nnot reached: %s\n", strings.Join(b.missed, "; "))
	}
	return nil
}

// report prints one figure and what was asked of it.
func (b *suite) report(what, figure, asked string, reached bool) {
	mark := "✓"
	if !reached {
		mark = "✗"
		b.missed = append(b.missed, what)
	}
	fmt.Printf("%s %-34s %-46s asked %s\n", mark, what, figure, asked)
}

// serve is the reference in a process of its own: "hello" or "floor".
func serve(what string, args []string) error {
	switch what {
	case "hello":
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		fmt.Println(listener.Addr())
		body := []byte(`{"message": "hello"}`)
		return http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Write(body)
		}))
	case "floor":
		return floor(args)
	}
	return fmt.Errorf("nothing to serve is called %q", what)
}

// child starts a reference and returns its process id and address.
func child(ctx context.Context, args ...string) (pid int, address string, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, "", nil, err
	}
	cmd := exec.CommandContext(ctx, self, append([]string{"serve"}, args...)...)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = ownSession
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return 0, "", nil, err
	}
	stop = func() {
		cmd.Process.Signal(os.Interrupt)
		time.AfterFunc(2*time.Second, func() { cmd.Process.Kill() })
		cmd.Wait()
	}
	if _, err := fmt.Fscanln(out, &address); err != nil {
		stop()
		return 0, "", nil, fmt.Errorf("reference %v did not start: %w", args, err)
	}
	return cmd.Process.Pid, address, stop, nil
}

// compare measures ours against the reference, in turn, and returns the medians.
func (b *suite) compare(ours, reference func() (result, error)) (o, r result, ratio float64, err error) {
	var os, rs []result
	var ratios []float64
	for range b.rounds {
		one, err1 := ours()
		two, err2 := reference()
		if err := errors.Join(err1, err2); err != nil {
			return o, r, 0, err
		}
		os, rs = append(os, one), append(rs, two)
		ratios = append(ratios, one.perSecond/two.perSecond)
	}
	return median(os), median(rs), middle(ratios), nil
}

func median(results []result) result {
	slices.SortFunc(results, func(a, b result) int { return int(a.perSecond - b.perSecond) })
	return results[len(results)/2]
}

func middle(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
