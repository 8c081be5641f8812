package cli

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stagedoor/stagedoor/internal/doctor"
	"github.com/stagedoor/stagedoor/internal/target"
)

// Exit codes of doctor.
const (
	exitFindings = 1
	exitFailed   = 2
)

// exitError ends the process with its own exit code.
type exitError struct {
	code int
	err  error // nil: everything has been said
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// failed marks an error as one that kept doctor from its work.
func failed(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{code: exitFailed, err: err}
}

// doctorFlags are what the command line says.
type doctorFlags struct {
	place        target.Place
	from, save   string
	before       string
	callers      []string
	url, verb    string
	format       string
	fix, wide    bool
	apply, yes   bool
	failOn       string
	allFunctions bool
	everything   bool
}

// newDoctor says what will fail before anybody calls it.
func newDoctor(env *Environment) *cobra.Command {
	f := &doctorFlags{}
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say which stage × method will fail, and how to mend it",
		Long: `Reads the APIs, function policies and roles of one place, and says which method
of which stage will be refused, why, and which command mends it. The place is the
stagedoor on this machine, any other endpoint (--endpoint-url), a real AWS account
(--aws, --profile, --region), or a dump of one (--from).

  stagedoor doctor                                 the running stagedoor
  stagedoor doctor --profile prod --region eu-central-1
  stagedoor doctor --aws --save account.json       and later, anywhere:
  stagedoor doctor --from account.json --fix       only the commands

Marks: ✓ passes, ✗ refused, ! cannot work or cannot be decided, · not on this stage.
Exit code: 0 nothing found, 1 found something (see --fail-on), 2 could not run.

Nothing is changed unless --apply is given. Reading needs this IAM policy:

` + target.ReadPolicy,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return failed(fmt.Errorf("doctor takes no arguments, only flags: %q", args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := fromEnvironment(cmd.Flags(), env.Getenv); err != nil {
				return failed(err)
			}
			f.place.AWS = f.place.AWS || f.place.Profile != ""
			f.place.Getenv = env.Getenv
			if err := f.check(); err != nil {
				return failed(err)
			}
			return runDoctor(cmd.Context(), env, f)
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return failed(err) })
	f.register(cmd)
	return cmd
}

func (f *doctorFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.place.Endpoint, "endpoint-url", "", "the endpoint to ask (default \""+target.DefaultEndpoint+"\", with --aws AWS itself)")
	flags.BoolVar(&f.place.AWS, "aws", false, "ask the AWS account of the environment's credentials")
	flags.StringVar(&f.place.Profile, "profile", "", "ask the AWS account of this `NAME` in the aws CLI's configuration")
	flags.StringVar(&f.place.Region, "region", "", "the region to examine")
	flags.StringVar(&f.from, "from", "", "examine a dump in `FILE` and ask nobody")
	flags.StringVar(&f.save, "save", "", "write what was read to `FILE`; environment variables of functions are left out")
	flags.StringVar(&f.before, "since", "", "an earlier dump in `FILE`: tells grants that were lost from grants that never were")
	flags.StringSliceVar(&f.callers, "caller", nil, "`ARN` of a role that calls: may it call methods with IAM authorization?")
	flags.StringVar(&f.url, "url", "", "a `URL` that answers 403 Missing Authentication Token: does it lead anywhere?")
	flags.StringVar(&f.verb, "verb", "GET", "the verb for --url")
	flags.StringVar(&f.format, "format", "text", "text, "+strings.Join(doctor.Formats(), ", "))
	flags.BoolVar(&f.fix, "fix", false, "print only the commands that mend everything")
	flags.BoolVar(&f.wide, "wide", false, "grant all methods of an API at once instead of each that needs it")
	flags.BoolVar(&f.apply, "apply", false, "run the commands, after asking, and examine again")
	flags.BoolVar(&f.yes, "yes", false, "with --apply: do not ask")
	flags.StringVar(&f.failOn, "fail-on", string(doctor.Warning), "the least level that makes the exit code 1: error, warning, info, never")
	flags.BoolVar(&f.allFunctions, "all-functions", false, "read the policies of functions that no API calls, however many")
	flags.BoolVar(&f.everything, "all", false, "show every method and every finding, however many")
}

// check refuses combinations that make no sense before anybody is asked.
func (f *doctorFlags) check() error {
	switch {
	case f.format != "text" && !slices.Contains(doctor.Formats(), f.format):
		return fmt.Errorf("--format %s: there is text, %s", f.format, strings.Join(doctor.Formats(), ", "))
	case !slices.Contains([]string{"error", "warning", "info", "never"}, f.failOn):
		return fmt.Errorf("--fail-on %s: it is error, warning, info or never", f.failOn)
	case f.from != "" && (f.place.AWS || f.place.Endpoint != ""):
		return fmt.Errorf("--from examines a file: it does not go with --aws, --profile or --endpoint-url")
	case f.from != "" && f.apply:
		return fmt.Errorf("--apply changes a place, and --from examines a file: print the commands with --fix")
	case slices.ContainsFunc(f.callers, func(arn string) bool { return !strings.Contains(arn, ":role/") }):
		return fmt.Errorf("--caller %s: give the ARN of a role: arn:aws:iam::111122223333:role/NAME", strings.Join(f.callers, ","))
	case f.yes && !f.apply:
		return fmt.Errorf("--yes goes with --apply only")
	case f.apply && f.format != "text":
		return fmt.Errorf("--apply goes with --format text only")
	}
	return nil
}

func runDoctor(ctx context.Context, env *Environment, f *doctorFlags) error {
	session, err := openDoctor(ctx, env, f)
	if err != nil {
		return failed(err)
	}
	report, err := session.examine(ctx)
	if err != nil {
		return failed(err)
	}
	if f.apply {
		if report, err = session.apply(ctx, report); err != nil {
			return failed(err)
		}
	}
	if err := session.print(report); err != nil {
		return failed(err)
	}
	if worst := report.Worst(); f.failOn != "never" && worst != "" && worst.AtLeast(doctor.Level(f.failOn)) {
		return &exitError{code: exitFindings}
	}
	return nil
}

// readDump reads a dump from a file.
func readDump(name string) (*target.Dump, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	d, err := target.Load(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return d, nil
}
