package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/stagedoor/stagedoor/internal/promote"
)

// newRollback undoes promotions.
func newRollback(env *Environment) *cobra.Command {
	f := &promotePlace{}
	var to string
	var force, dryRun bool
	cmd := &cobra.Command{
		Use:   "rollback API STAGE",
		Short: "Give a stage back what it ran before its last promotion",
		Long: `Puts back what the last promotion of a stage moved: deployment, stage variables,
aliases with their weights, and code, which was published as a version before it
was replaced. An interrupted promotion is undone first. Grants that were added
stay: they let nothing through that does not exist.

  stagedoor rollback orders prod
  stagedoor rollback orders prod --to 20260817-093000-123kf   that one and all after it
  stagedoor history orders prod                               which there are

What somebody else changed since stops it; --force puts it back all the same.
Interrupted at any point it is gone on with by running it again.

Exit code: 0 done, 1 it would lose something, or something could not be put back
because it was deleted meanwhile, 2 could not run, or was interrupted.
This IAM policy is enough:

` + promote.RollbackPolicy,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return failed(errors.New("rollback needs an API and one of its stages: stagedoor rollback orders prod"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.prepare(env, cmd); err != nil {
				return failed(err)
			}
			return f.run(cmd.Context(), env, func(ctx context.Context, s *promoteSession) (*promote.Plan, error) {
				return promote.Rollback(ctx, s.place, promote.RollbackRequest{
					API: args[0], Stage: args[1], ID: to, Force: force, TakeOver: f.takeOver, Caller: s.caller,
				})
			}, dryRun)
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return failed(err) })
	f.register(cmd)
	cmd.Flags().StringVar(&to, "to", "", "undo the promotion with this `ID` and all after it")
	cmd.Flags().BoolVar(&force, "force", false, "put back what somebody else changed since, too")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "print the aws commands that do the same, and change nothing")
	return cmd
}
