package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/term"

	"github.com/stagedoor/stagedoor/internal/doctor"
	"github.com/stagedoor/stagedoor/internal/target"
	"github.com/stagedoor/stagedoor/internal/why"
)

// doctorSession is one run of doctor against one place.
type doctorSession struct {
	env     *Environment
	flags   *doctorFlags
	options doctor.Options
	dump    *target.Dump    // of --from; nil: ask the place
	clients *target.Clients // nil with --from
	changes *target.Changes
}

func openDoctor(ctx context.Context, env *Environment, f *doctorFlags) (*doctorSession, error) {
	s := &doctorSession{env: env, flags: f, options: doctor.Options{Callers: f.callers, URL: f.url, Verb: f.verb}}
	var err error
	if f.before != "" {
		if s.options.Before, err = readDump(f.before); err != nil {
			return nil, err
		}
	}
	if f.from != "" {
		s.dump, err = readDump(f.from)
		return s, err
	}
	config, requests, err := f.place.Config(ctx)
	if err != nil {
		return nil, err
	}
	s.clients, s.changes = target.FromConfig(config, requests), target.ChangesFromConfig(config)
	return s, nil
}

// examine reads the place, or takes the dump, and judges it.
func (s *doctorSession) examine(ctx context.Context) (*doctor.Report, error) {
	d := s.dump
	if d == nil {
		var err error
		bar := newProgress(s.env.Stderr)
		d, err = target.Read(ctx, s.clients, target.Options{
			Wanted: doctor.Wanted(s.flags.callers), AllFunctions: s.flags.allFunctions, Progress: bar.show,
		})
		bar.clear()
		if errors.Is(err, syscall.ECONNREFUSED) {
			return nil, fmt.Errorf("nothing listens at %s; start it with \"stagedoor up\", or say where to look: --endpoint-url, --aws, --profile or --from", s.clients.Endpoint)
		}
		if err != nil {
			return nil, err
		}
	}
	if s.flags.save != "" {
		if err := saveDump(s.flags.save, d); err != nil {
			return nil, err
		}
	}
	return doctor.Examine(d, s.options), nil
}

// saveDump writes the whole file or none: the policies of an account are for
// its owner's eyes.
func saveDump(name string, d *target.Dump) (err error) {
	file, err := os.CreateTemp(filepath.Dir(name), ".stagedoor-*")
	if err != nil {
		return fmt.Errorf("--save %s: nothing can be written there: %w", name, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name()) // the error that is returned says more
		}
	}()
	if err := errors.Join(d.Save(file), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), name)
}

func (s *doctorSession) print(r *doctor.Report) error {
	switch {
	case s.flags.format != "text":
		return r.Write(s.env.Stdout, s.flags.format, s.flags.wide)
	case s.flags.fix:
		return why.Commands(s.env.Stdout, r.Plan(s.flags.wide))
	default:
		return r.WriteText(s.env.Stdout, s.flags.everything)
	}
}

// apply runs the plan after asking, and examines the place again.
func (s *doctorSession) apply(ctx context.Context, r *doctor.Report) (*doctor.Report, error) {
	commands := r.Plan(s.flags.wide)
	if len(commands) == 0 {
		return r, nil
	}
	if !s.flags.yes {
		if err := why.Commands(s.env.Stdout, commands); err != nil {
			return nil, err
		}
		if !s.confirmed(len(commands), r) {
			return nil, errors.New("nothing was changed")
		}
	}
	err := r.Apply(ctx, s.changes, commands, func(line string) { fmt.Fprintln(s.env.Stderr, "+", line) })
	if err != nil {
		return nil, err
	}
	return s.examine(ctx)
}

// confirmed asks at the terminal; without one nobody can agree.
func (s *doctorSession) confirmed(n int, r *doctor.Report) bool {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		fmt.Fprintln(s.env.Stderr, "--apply asks before it changes anything, and there is no terminal: give --yes.")
		return false
	}
	place := "account " + r.Account
	if r.Endpoint != "" {
		place += " at " + r.Endpoint
	}
	fmt.Fprintf(s.env.Stderr, "\nRun these %d commands in %s? [y/N] ", n, place)
	answer, err := bufio.NewReader(os.Stdin).ReadString('\n')
	return err == nil && strings.HasPrefix(strings.ToLower(strings.TrimSpace(answer)), "y")
}

// progress is a bar on a terminal; elsewhere it shows nothing.
type progress struct {
	w     io.Writer
	shown int // cells of the bar that are filled; -1: none drawn yet
}

func newProgress(w io.Writer) *progress {
	if f, ok := w.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
		w = nil
	}
	return &progress{w: w, shown: -1}
}

const barWidth = 30

func (p *progress) show(done, total int) {
	if p.w == nil || total == 0 {
		return
	}
	filled := done * barWidth / total
	if filled == p.shown {
		return
	}
	p.shown = filled
	fmt.Fprintf(p.w, "\r  reading %s%s %d/%d\x1b[K", strings.Repeat("━", filled), strings.Repeat("┄", barWidth-filled), done, total)
}

func (p *progress) clear() {
	if p.w != nil && p.shown >= 0 {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
