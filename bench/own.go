package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// own is a benchmark that a package has of itself, and what was asked of it.
type own struct {
	label, pkg, pattern string
	asked               time.Duration
}

// decision: the time of one verdict with a 20 KB policy.
func (b *suite) decision(ctx context.Context) error {
	return b.own(ctx, own{"decision", "internal/grants", "Decide", 5 * time.Microsecond})
}

// commands: doctor over 12,000 cells, diff and the plan of a promotion over 300
// methods, all through a stagedoor's own operations.
func (b *suite) commands(ctx context.Context) error {
	for _, o := range []own{
		{"doctor, 12,000 cells:", "internal/doctor", "^BenchmarkDoctor$", 2 * time.Second},
		{"300 methods:", "internal/diff", "^BenchmarkDiff$", time.Second},
		{"300 methods:", "internal/promote", "^BenchmarkPlan$", time.Second},
	} {
		if err := b.own(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// console: each page of an account with 300 APIs, 3 stages and 20 methods.
func (b *suite) console(ctx context.Context) error {
	return b.own(ctx, own{"page", "internal/console", "Page", 50 * time.Millisecond})
}

var (
	perOperation = regexp.MustCompile(`(?m)^Benchmark(\S*?)(?:-\d+)?\s+\d+\s+([0-9.]+) ns/op(.*)$`)
	besides      = regexp.MustCompile(`([0-9.]+) (bytes|calls|allocs/op)`)
)

// own runs a package's benchmark and reports each of its results.
func (b *suite) own(ctx context.Context, o own) error {
	out, err := exec.CommandContext(ctx, "go", "test", "github.com/stagedoor/stagedoor/"+o.pkg, "-run", "^$", "-bench", o.pattern, "-benchmem").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	found := perOperation.FindAllStringSubmatch(string(out), -1)
	if len(found) == 0 {
		return fmt.Errorf("no benchmark ran:\n%s", out)
	}
	for _, m := range found {
		ns, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			return err
		}
		took := time.Duration(ns)
		text := fmt.Sprint(rounded(took))
		for _, also := range besides.FindAllStringSubmatch(m[3], -1) {
			text += ", " + also[1] + " " + also[2]
		}
		b.report(o.label+" "+m[1], text, "≤ "+fmt.Sprint(o.asked), took <= o.asked)
	}
	return nil
}

// rounded keeps three digits.
func rounded(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit)
}
