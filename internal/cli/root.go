// Package cli is the command tree of the stagedoor binary. A command parses
// its flags, asks a running stagedoor (or starts one) and prints; what it
// knows of AWS it learns through AWS's own operations. It never touches the
// store.
package cli

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/stagedoor/stagedoor"
	"github.com/stagedoor/stagedoor/internal/target"
	"github.com/stagedoor/stagedoor/internal/terminal"
)

// Environment is what a command may see of the process it runs in. Tests and
// other embedders give their own.
type Environment struct {
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	Version        string // as the release sets it; "" asks the build information
	Reexec         bool   // see stagedoor.Options
}

// Main runs the command that args name and returns the process's exit code. The
// program's main calls it before anything else.
func Main(args []string, version string) int {
	stagedoor.FirstStage()
	return run(&Environment{Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv, Version: version, Reexec: true}, args)
}

// run is Main in a given environment.
func run(env *Environment, args []string) int {
	root := New(env)
	root.SetArgs(args)
	if err := root.Execute(); err != nil {
		var exit *exitError
		if errors.As(err, &exit) {
			if exit.err != nil {
				complain(env, exit.err)
			}
			return exit.code
		}
		complain(env, err)
		return 1
	}
	return 0
}

// complain prints an error. It may quote what somebody else named an API; its
// lines are ours.
func complain(env *Environment, err error) {
	fmt.Fprintln(env.Stderr, "stagedoor:", strings.Join(terminal.CleanAll(strings.Split(err.Error(), "\n")), "\n"))
}

// New builds the command tree.
func New(env *Environment) *cobra.Command {
	root := &cobra.Command{
		Use:   "stagedoor",
		Short: "API Gateway and Lambda on your machine, with AWS's permission checks",
		Long: `stagedoor stands in for API Gateway and Lambda: deploy to it with the aws CLI,
Terraform or any SDK. It refuses exactly the calls that AWS refuses, and says
why and how to mend it.

  stagedoor up                 start it
  eval "$(stagedoor env)"      point the aws CLI and the SDKs at it
  stagedoor why                why was a call refused?`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w; \"%s --help\" lists what there is", err, cmd.CommandPath())
	})
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(
		newUp(env), newDoctor(env), newDiff(env), newPromote(env), newRollback(env), newHistory(env),
		newWhy(env), newLogs(env), newEnv(env),
		newExport(env), newImport(env), newVersion(env),
	)
	return root
}

// fromEnvironment lets STAGEDOOR_NAME stand for each flag --name that the
// command line does not give.
func fromEnvironment(flags *pflag.FlagSet, getenv func(string) string) error {
	var failed error
	flags.VisitAll(func(f *pflag.Flag) {
		name := "STAGEDOOR_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value := getenv(name)
		if f.Changed || value == "" || failed != nil {
			return
		}
		if err := flags.Set(f.Name, value); err != nil {
			failed = fmt.Errorf("%s=%q: %w", name, value, err)
		}
	})
	return failed
}

// addEndpoint adds the flag that says which running stagedoor a command asks.
func addEndpoint(cmd *cobra.Command, endpoint *string) {
	*endpoint = target.DefaultEndpoint
	cmd.Flags().Var((*endpointURL)(endpoint), "endpoint-url", "the `URL` of the running stagedoor (STAGEDOOR_ENDPOINT_URL)")
}

// endpointURL is the value of --endpoint-url: checked where it is given, and
// without a slash at its end.
type endpointURL string

func (e *endpointURL) Set(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("not a URL such as %s", target.DefaultEndpoint)
	}
	*e = endpointURL(strings.TrimSuffix(text, "/"))
	return nil
}

func (e *endpointURL) String() string { return string(*e) }
func (e *endpointURL) Type() string   { return "URL" }

func newVersion(env *Environment) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(env.Stdout, "stagedoor %s (%s, %s/%s)\n", version(env), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}

func version(env *Environment) string {
	if env.Version != "" {
		return env.Version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}
