package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stagedoor/stagedoor/internal/promote"
)

// exitNotPromoted is promote's and rollback's exit code where the stage runs
// what it ran before.
const exitNotPromoted = 1

// promoteFlags are what the command line says.
type promoteFlags struct {
	promotePlace
	set      []string
	fix      bool
	wide     bool
	canary   float64
	bake     time.Duration
	abortOn  []string
	probes   []string
	probeURL string
	dryRun   bool
}

// newPromote brings what one stage runs to another.
func newPromote(env *Environment) *cobra.Command {
	f := &promoteFlags{}
	cmd := &cobra.Command{
		Use:   "promote API FROM TO",
		Short: "Bring what one stage runs to another, checked first",
		Long: `Gives stage TO the deployment of stage FROM, and the functions behind it their
code: with a function for each stage (my-function-${stageVariables.env}) the code
is copied and the configuration stays; with an alias for each stage
(my-function:${stageVariables.alias}) a version is published once and the alias
moves. Stage variables of TO stay.

  stagedoor promote orders dev staging --probe GET:/health=200
  stagedoor promote orders staging prod --canary 10 --bake 5m --abort-on '5xx>1%'
  stagedoor promote orders dev staging --dry-run        the aws commands, nothing else

First it shows a plan, with doctor's verdict on the state after it: a call that
would be refused, or a stage variable that is not defined, stops it (--fix adds
grants, --set NAME=VALUE variables). What fails later, a probe above all, puts
everything back. Interrupted at any point it is gone on with by running it again,
here or on another machine, or undone by "stagedoor rollback".

The place is the stagedoor on this machine, another endpoint (--endpoint-url), or
an AWS account (--aws, --profile, --region).

Exit code: 0 promoted, or nothing to promote; 1 not promoted: the stage runs what
it ran before; 2 could not run, or was interrupted. This IAM policy is enough:

` + promote.Policy,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 3 {
				return failed(errors.New("promote needs an API and two of its stages: stagedoor promote orders dev staging"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.prepare(env, cmd); err != nil {
				return failed(err)
			}
			request, err := f.request(args)
			if err != nil {
				return failed(err)
			}
			return f.run(cmd.Context(), env, func(ctx context.Context, s *promoteSession) (*promote.Plan, error) {
				request.Caller = s.caller
				return promote.NewPlan(ctx, s.place, request)
			}, f.dryRun)
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return failed(err) })
	f.register(cmd)
	flags := cmd.Flags()
	flags.StringArrayVar(&f.set, "set", nil, "give the stage variable `NAME=VALUE` on TO")
	flags.BoolVar(&f.fix, "fix", false, "add the grants that would be missing, before anything moves")
	flags.BoolVar(&f.wide, "wide", false, "with --fix: grant all methods of the API at once")
	flags.Float64Var(&f.canary, "canary", 0, "give only this `PERCENT` of the calls the new state first; needs --bake")
	flags.DurationVar(&f.bake, "bake", 0, "how `LONG` to watch before it is done, for example 5m")
	flags.StringArrayVar(&f.abortOn, "abort-on", nil, "put everything back when this `LIMIT` is passed while it bakes: 5xx>1%, 5xx>10 or errors>1% (default with --bake: 5xx>1%)")
	flags.StringArrayVar(&f.probes, "probe", nil, "`VERB:/PATH=STATUS`: a request that has to be answered so afterwards, or everything is put back")
	flags.StringVar(&f.probeURL, "probe-url", "", "where probes go: the `URL` of the stage (default: the place's own)")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print the aws commands that do the same, and change nothing")
	return cmd
}

// request is what the flags ask for.
func (f *promoteFlags) request(args []string) (promote.Request, error) {
	r := promote.Request{
		API: args[0], From: args[1], To: args[2], Fix: f.fix, Wide: f.wide, Canary: f.canary, Bake: f.bake, TakeOver: f.takeOver, ProbeURL: f.probeURL,
		Set: map[string]string{},
	}
	for _, pair := range f.set {
		name, value, found := strings.Cut(pair, "=")
		if !found || name == "" {
			return r, fmt.Errorf("--set %q is not of the form NAME=VALUE", pair)
		}
		r.Set[name] = value
	}
	for _, text := range f.probes {
		probe, err := promote.ParseProbe(text)
		if err != nil {
			return r, err
		}
		r.Probes = append(r.Probes, probe)
	}
	if len(f.abortOn) == 0 && f.bake > 0 {
		f.abortOn = []string{"5xx>1%"}
	}
	for _, text := range f.abortOn {
		limit, err := promote.ParseThreshold(text)
		if err != nil {
			return r, err
		}
		r.AbortOn = append(r.AbortOn, limit)
	}
	if f.wide && !f.fix {
		return r, errors.New("--wide goes with --fix only")
	}
	return r, nil
}

// promoteFormats are the values of --format.
var promoteFormats = []string{"text", "json", "junit"}

// run plans, shows, asks and carries out.
func (f *promotePlace) run(ctx context.Context, env *Environment, plan func(context.Context, *promoteSession) (*promote.Plan, error), dryRun bool) error {
	s, err := f.open(ctx, env)
	if err != nil {
		return failed(err)
	}
	p, err := plan(ctx, s)
	if err != nil {
		return failed(s.explain(err))
	}
	switch {
	case dryRun:
		return s.dryRun(p)
	case len(p.Problems) > 0:
		return errors.Join(failed(s.show(p, nil, nil)), &exitError{code: exitNotPromoted})
	}
	if f.format == "text" {
		if err := p.WriteText(env.Stdout); err != nil {
			return failed(err)
		}
	}
	if err := s.agreed(p); err != nil {
		return failed(err)
	}
	result, err := s.carryOut(ctx, p)
	if err != nil {
		err = s.explain(err)
	}
	if shown := s.show(p, result, err); shown != nil && err == nil {
		err = shown
	}
	switch {
	case err != nil:
		return failed(err)
	case len(result.Lost) > 0 || p.Kind != "rollback" && result.Outcome == promote.RolledBack:
		return &exitError{code: exitNotPromoted}
	}
	return nil
}

// dryRun prints the commands alone, so that they can be piped into a shell.
// What stops the promotion goes where no shell reads it.
func (s *promoteSession) dryRun(p *promote.Plan) error {
	stopped := error(nil)
	if len(p.Problems) > 0 {
		stopped = &exitError{code: exitNotPromoted}
	}
	if s.flags.format != "text" {
		return errors.Join(failed(s.show(p, nil, nil)), stopped)
	}
	if stopped != nil {
		return errors.Join(failed(p.WriteText(s.env.Stderr)), stopped)
	}
	for _, line := range p.Commands {
		if _, err := fmt.Fprintln(s.env.Stdout, line); err != nil {
			return failed(err)
		}
	}
	return nil
}

// show writes plan and result in the format that was asked for. In text the
// plan of a run has been shown already.
func (s *promoteSession) show(p *promote.Plan, result *promote.Result, failure error) error {
	report := promote.Report{Plan: p, Result: result}
	if failure != nil {
		report.Error = failure.Error()
	}
	switch {
	case s.flags.format == "json":
		return promote.WriteJSON(s.env.Stdout, report)
	case s.flags.format == "junit":
		return report.WriteJUnit(s.env.Stdout)
	case result == nil && failure == nil:
		return p.WriteText(s.env.Stdout)
	case failure != nil || p.Nothing:
		return nil
	}
	return result.WriteText(s.env.Stdout)
}

func (f *promotePlace) check() error {
	if !slices.Contains(promoteFormats, f.format) {
		return fmt.Errorf("--format %s: there is %s", f.format, strings.Join(promoteFormats, ", "))
	}
	return nil
}

// agreed makes sure that somebody sees the plan before it is carried out.
func (s *promoteSession) agreed(p *promote.Plan) error {
	switch {
	case p.Nothing || s.flags.yes:
		return nil
	case s.flags.format != "text":
		return fmt.Errorf("--format %s shows no plan to agree to: give --yes, or look first with --dry-run", s.flags.format)
	}
	return s.confirm(p)
}
