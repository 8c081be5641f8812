package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/stagedoor/stagedoor"
)

// newEnv prints what a shell needs to point AWS's clients at stagedoor.
func newEnv(env *Environment) *cobra.Command {
	var endpoint, region string
	cmd := &cobra.Command{
		Use:   "env",
		Short: "Print the exports that point the aws CLI and the SDKs here",
		Long: `Prints the exports that point the aws CLI, the SDKs, Terraform and stagedoor's
own commands at a running stagedoor:

  eval "$(stagedoor env)"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := fromEnvironment(cmd.Flags(), env.Getenv); err != nil {
				return err
			}
			_, err := fmt.Fprintf(env.Stdout, `export AWS_ENDPOINT_URL=%s
export STAGEDOOR_ENDPOINT_URL=%s
export AWS_ACCESS_KEY_ID=test
export AWS_SECRET_ACCESS_KEY=test
export AWS_REGION=%s
export AWS_DEFAULT_REGION=%s
unset AWS_SESSION_TOKEN AWS_PROFILE
`, endpoint, endpoint, region, region)
			return err
		},
	}
	addEndpoint(cmd, &endpoint)
	cmd.Flags().StringVar(&region, "region", stagedoor.DefaultRegion, "the region (STAGEDOOR_REGION)")
	return cmd
}
