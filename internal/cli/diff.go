package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/stagedoor/stagedoor/internal/diff"
	"github.com/stagedoor/stagedoor/internal/target"
)

// exitDifferent is diff's exit code where something differs.
const exitDifferent = 1

// diffFlags are what the command line says.
type diffFlags struct {
	place       target.Place
	left, right string
	format      string
	values, all bool
	ignore      []string
}

// newDiff says what differs between two stages.
func newDiff(env *Environment) *cobra.Command {
	f := &diffFlags{}
	cmd := &cobra.Command{
		Use:   "diff API [STAGE STAGE]",
		Short: "Say what differs between two stages, here or in an AWS account",
		Long: `Compares what two stages of an API really run: the deployed snapshot, stage
variables, the functions that methods lead to with their code and environment,
aliases, settings, canary, and doctor's verdict on each call.

  stagedoor diff orders dev prod                        two stages of one API
  stagedoor diff orders --left local --right aws:prod   here and in an account:
                                                        all stages of equal name
  stagedoor diff orders dev prod --left local --right aws:prod@eu-central-1
  stagedoor diff a1b2c3d4e5=f6g7h8i9j0 --right aws:prod   under two ids

API is an id or a name. A place is "local" (the stagedoor at --endpoint-url),
"aws", "aws:PROFILE" or a URL, each with @REGION where the region is another than
that of --region, or "file:DUMP" as "stagedoor doctor --save DUMP" writes it.
Account, region and the API's id in ARNs are no differences.

Values of environment variables are masked unless --show-values is given.
Exit code: 0 nothing differs, 1 something differs or could not be read, 2 nothing
could be compared.

Nothing is changed. Reading needs this IAM policy:

` + target.ReadAPIPolicy,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 3 {
				return failed(errors.New("diff needs an API and two of its stages: stagedoor diff orders dev prod"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := fromEnvironment(cmd.Flags(), env.Getenv); err != nil {
				return failed(err)
			}
			f.place.AWS = f.place.AWS || f.place.Profile != ""
			f.place.Getenv = env.Getenv
			comparison, err := runDiff(cmd.Context(), env, f, args)
			if err != nil {
				return failed(err)
			}
			if comparison = comparison.Without(f.ignore...); !comparison.Same {
				return errors.Join(f.write(env, comparison), &exitError{code: exitDifferent})
			}
			return f.write(env, comparison)
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return failed(err) })
	f.register(cmd)
	return cmd
}

func (f *diffFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.left, "left", "", "the `PLACE` of the left side")
	flags.StringVar(&f.right, "right", "", "the `PLACE` of the right side")
	flags.StringVar(&f.place.Endpoint, "endpoint-url", "", "the endpoint to ask (default \""+target.DefaultEndpoint+"\", with --aws AWS itself)")
	flags.BoolVar(&f.place.AWS, "aws", false, "ask the AWS account of the environment's credentials")
	flags.StringVar(&f.place.Profile, "profile", "", "ask the AWS account of this `NAME` in the aws CLI's configuration")
	flags.StringVar(&f.place.Region, "region", "", "the region of the API")
	flags.StringVar(&f.format, "format", "text", strings.Join(diffFormats, ", "))
	flags.BoolVar(&f.values, "show-values", false, "show the values of environment variables")
	flags.BoolVar(&f.all, "all", false, "show all differences, however many")
	flags.StringSliceVar(&f.ignore, "ignore", nil, "leave out `SECTIONS`: "+strings.Join(diff.Sections(), ", "))
}

var diffFormats = []string{"text", "json", "html"}

// check refuses what makes no sense before anybody is asked.
func (f *diffFlags) check() error {
	if !slices.Contains(diffFormats, f.format) {
		return fmt.Errorf("--format %s: there is %s", f.format, strings.Join(diffFormats, ", "))
	}
	for _, name := range f.ignore {
		if !slices.Contains(diff.Sections(), name) {
			return fmt.Errorf("--ignore %s: there is %s", name, strings.Join(diff.Sections(), ", "))
		}
	}
	return nil
}

func (f *diffFlags) write(env *Environment, c *diff.Comparison) error {
	switch f.format {
	case "json":
		return c.WriteJSON(env.Stdout)
	case "html":
		return c.WriteHTML(env.Stdout)
	default:
		return c.WriteText(env.Stdout, diff.TextOptions{Width: columns(env), All: f.all})
	}
}

// columns is how wide the terminal is, within reason; 0: nobody knows.
func columns(env *Environment) int {
	width := 0
	if file, ok := env.Stdout.(*os.File); ok {
		width, _, _ = term.GetSize(int(file.Fd())) // no terminal: 0
	}
	if width <= 0 {
		width, _ = strconv.Atoi(env.Getenv("COLUMNS")) // unset or nonsense: 0
	}
	if width <= 0 {
		return 0
	}
	return min(max(width, 60), 160)
}

// diffSide is one side of a comparison before it is read.
type diffSide struct {
	name   string // as --left or --right has it
	place  target.Place
	file   string // of "file:DUMP"
	api    string
	stages []string
}

func runDiff(ctx context.Context, env *Environment, f *diffFlags, args []string) (*diff.Comparison, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	left, right, err := f.sides(args)
	if err != nil {
		return nil, err
	}
	var pairs [][2]string
	if len(left.stages) > 0 {
		pairs = [][2]string{{left.stages[0], right.stages[0]}}
	}
	if right.sameAs(left) {
		if len(pairs) == 0 {
			return nil, errors.New("which stages? One API in one place is compared by two of its stages: stagedoor diff API dev prod")
		}
		left.stages = append(left.stages, right.stages...)
		picture, err := left.read(ctx, env.Stderr)
		if err != nil {
			return nil, err
		}
		side := &diff.Side{Picture: picture, ShowValues: f.values}
		return diff.Pictures(side, side, pairs...), nil
	}
	sides := []*diffSide{left, right}
	pictures, errs := make([]*target.Picture, 2), make([]error, 2)
	var reading sync.WaitGroup
	for i, s := range sides {
		reading.Go(func() { pictures[i], errs[i] = s.read(ctx, io.Discard) })
	}
	reading.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return diff.Pictures(
		&diff.Side{Label: left.name, Picture: pictures[0], ShowValues: f.values},
		&diff.Side{Label: right.name, Picture: pictures[1], ShowValues: f.values}, pairs...), nil
}

// read takes the picture, or finds it in a file.
func (s *diffSide) read(ctx context.Context, progress io.Writer) (*target.Picture, error) {
	if s.file != "" {
		dump, err := readDump(s.file)
		if err != nil {
			return nil, err
		}
		return diff.FromDump(dump, s.api, s.stages...)
	}
	config, requests, err := s.place.Config(ctx)
	if err != nil {
		return nil, err
	}
	clients := target.FromConfig(config, requests)
	bar := newProgress(progress)
	picture, err := diff.ReadShowing(ctx, clients, s.api, bar.show, s.stages...)
	bar.clear()
	if err != nil {
		return nil, s.explain(err, clients)
	}
	return picture, nil
}
