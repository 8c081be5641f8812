package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/stagedoor/stagedoor/internal/promote"
)

// newHistory lists promotions.
func newHistory(env *Environment) *cobra.Command {
	f := &promotePlace{}
	cmd := &cobra.Command{
		Use:   "history API [STAGE]",
		Short: "List what was promoted to the stages of an API",
		Long: `Lists the promotions of an API, or of one of its stages: who, when, from which
stage, deployments, the code of each function before and after, and what became of
it. It is kept in tags of stages and functions, where every machine sees it.

  stagedoor history orders
  stagedoor history orders prod --format json

Exit code: 0 listed, 2 could not be read. This IAM policy is enough:

` + promote.HistoryPolicy,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return failed(errors.New("history needs an API, and may name one of its stages: stagedoor history orders prod"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.prepare(env, cmd); err != nil {
				return failed(err)
			}
			if f.format == "junit" {
				return failed(fmt.Errorf("--format junit is for what runs: there is text and json"))
			}
			s, err := f.open(cmd.Context(), env)
			if err != nil {
				return failed(err)
			}
			stage := ""
			if len(args) == 2 {
				stage = args[1]
			}
			past, err := promote.History(cmd.Context(), s.place, args[0], stage, true)
			if err != nil {
				return failed(s.explain(err))
			}
			if f.format == "json" {
				return failed(promote.WriteJSON(env.Stdout, past))
			}
			return failed(past.WriteText(env.Stdout))
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return failed(err) })
	f.registerPlace(cmd)
	return cmd
}
