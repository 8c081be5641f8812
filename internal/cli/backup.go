package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/stagedoor/stagedoor"
)

// newExport writes everything that stagedoor remembers into one file: from
// the running stagedoor, or from the data directory when none runs.
func newExport(env *Environment) *cobra.Command {
	var place backupPlace
	cmd := &cobra.Command{
		Use:   "export FILE",
		Short: "Write everything into one file",
		Long: `Writes everything that stagedoor remembers (APIs, functions with their code,
roles, grants, logs) into one file, which "stagedoor import" reads. It asks the
running stagedoor; when none runs, it reads the data directory.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := place.parse(cmd, env); err != nil {
				return err
			}
			from, err := place.export(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(env.Stderr, "exported %s to %s\n", from, args[0])
			return nil
		},
	}
	place.flags(cmd)
	return cmd
}

// newImport fills an empty stagedoor from such a file.
func newImport(env *Environment) *cobra.Command {
	var place backupPlace
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Fill an empty stagedoor from an exported file",
		Long: `Reads a file that "stagedoor export" wrote into the running stagedoor, or into
the data directory when none runs. Either must be empty: nothing is merged and
nothing is overwritten.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := place.parse(cmd, env); err != nil {
				return err
			}
			into, err := place.load(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(env.Stderr, "imported %s into %s\n", args[0], into)
			return nil
		},
	}
	place.flags(cmd)
	return cmd
}

// backupPlace is what an export reads or an import writes.
type backupPlace struct {
	endpoint string
	options  stagedoor.Options
	named    bool // --data or --nats was given: ask nobody who runs
}

func (p *backupPlace) flags(cmd *cobra.Command) {
	addEndpoint(cmd, &p.endpoint)
	cmd.Flags().StringVar(&p.options.Data, "data", stagedoor.DefaultData(), "the data directory of a stagedoor that does not run (STAGEDOOR_DATA)")
	cmd.Flags().StringVar(&p.options.NATS, "nats", "", "the external NATS server that holds the state (STAGEDOOR_NATS)")
}

// parse takes the rest from the environment. STAGEDOOR_DATA is the directory of
// "stagedoor up" as well, so it does not say that nobody runs on it.
func (p *backupPlace) parse(cmd *cobra.Command, env *Environment) error {
	p.named = cmd.Flags().Changed("data") || cmd.Flags().Changed("nats")
	return fromEnvironment(cmd.Flags(), env.Getenv)
}

// direct reports whether the state is to be opened by ourselves: when a place
// is named, or when nobody runs whom we could ask.
func (p *backupPlace) direct(ctx context.Context) bool {
	if p.named {
		return true
	}
	body, err := newRemote(p.endpoint).do(ctx, http.MethodGet, "health", nil)
	if err == nil {
		body.Close()
	}
	return errors.Is(err, errNotRunning)
}

func (p *backupPlace) name() string {
	if p.options.NATS != "" {
		return p.options.NATS
	}
	return p.options.Data
}

func (p *backupPlace) export(ctx context.Context, path string) (from string, err error) {
	if p.direct(ctx) {
		return p.name(), writeFile(path, func(w io.Writer) error { return stagedoor.Export(ctx, p.options, w) })
	}
	return p.endpoint, writeFile(path, func(w io.Writer) error {
		body, err := newRemote(p.endpoint).do(ctx, http.MethodGet, "export", nil)
		if err != nil {
			return err
		}
		defer body.Close()
		_, err = io.Copy(w, body)
		return err
	})
}

func (p *backupPlace) load(ctx context.Context, path string) (into string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	if p.direct(ctx) {
		return p.name(), stagedoor.Import(ctx, p.options, file)
	}
	body, err := newRemote(p.endpoint).do(ctx, http.MethodPost, "import", file)
	if err != nil {
		return "", err
	}
	return p.endpoint, body.Close()
}

// writeFile lets write fill a new file beside path and renames it only when
// all of it is on disk: a failed export never replaces a good one.
func writeFile(path string, write func(io.Writer) error) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	err = write(file)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
