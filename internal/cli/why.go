package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/why"
)

// newWhy explains refusals.
func newWhy(env *Environment) *cobra.Command {
	var (
		endpoint string
		logs     whyLogs
		limit    int
	)
	cmd := &cobra.Command{
		Use:   "why [ID | REQUEST-ID]",
		Short: "Say why a call was refused, and how to mend it",
		Long: `Without an argument, lists the latest refusals. With the id of one, or with the
request id that the client got (x-amzn-RequestId), says who asked for what,
which policy was read, which statement nearly matched and where it differs, and
prints what changed since it was last allowed and the command that mends it.

With --log-group, reads an execution log (API-Gateway-Execution-Logs_API/STAGE) or
an access log instead, finds the calls that failed for want of a permission, and
explains each from the policies of the place, which may be an AWS account:

  stagedoor why --log-group API-Gateway-Execution-Logs_a1b2c3d4e5/prod --profile prod

Reading needs logs:FilterLogEvents, and what "stagedoor doctor --help" lists.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			given := cmd.Flags().Changed("endpoint-url")
			if err := fromEnvironment(cmd.Flags(), env.Getenv); err != nil {
				return err
			}
			if err := logs.check(args); err != nil {
				return err
			}
			if logs.group != "" {
				logs.place.AWS = logs.place.AWS || logs.place.Profile != ""
				if !logs.place.AWS || given { // the endpoint of the environment is stagedoor's
					logs.place.Endpoint = endpoint
				}
				logs.place.Getenv = env.Getenv
				return logs.run(cmd.Context(), env)
			}
			ask := newRemote(endpoint)
			if len(args) == 0 {
				return listRefusals(cmd.Context(), env, ask, limit, logs.asJSON)
			}
			return showRefusal(cmd.Context(), env, ask, args[0], logs.asJSON)
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return recentIDs(cmd.Context(), newRemote(endpoint)), cobra.ShellCompDirectiveNoFileComp
		},
	}
	addEndpoint(cmd, &endpoint)
	logs.register(cmd)
	cmd.Flags().BoolVar(&logs.asJSON, "json", false, "print the decisions as JSON")
	cmd.Flags().IntVar(&limit, "limit", 20, "how many refusals to list")
	return cmd
}

func listRefusals(ctx context.Context, env *Environment, ask *remote, limit int, asJSON bool) error {
	var found []*grants.Decision
	if err := ask.get(ctx, "decisions?limit="+strconv.Itoa(limit), &found); err != nil {
		return err
	}
	if asJSON {
		return printJSON(env, found)
	}
	if len(found) == 0 {
		_, err := fmt.Fprintln(env.Stdout, "No call was refused in the last seven days.")
		return err
	}
	return why.List(env.Stdout, found, time.Now())
}

func showRefusal(ctx context.Context, env *Environment, ask *remote, id string, asJSON bool) error {
	var found grants.Decision
	if err := ask.get(ctx, "decisions/"+segment(id), &found); err != nil {
		return err
	}
	if asJSON {
		return printJSON(env, &found)
	}
	return why.Print(env.Stdout, &found)
}

// recentIDs feeds the shell's completion; it has nothing to say when
// stagedoor does not run.
func recentIDs(ctx context.Context, ask *remote) []string {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	var found []*grants.Decision
	if ask.get(ctx, "decisions?limit=20", &found) != nil {
		return nil
	}
	ids := make([]string, len(found))
	for i, d := range found {
		ids[i] = fmt.Sprintf("%s\t%s %s %s", d.ID, d.Stage, d.Method, d.Path)
	}
	return ids
}

func printJSON(env *Environment, v any) error {
	encoder := json.NewEncoder(env.Stdout)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}
