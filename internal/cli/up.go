package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/spf13/cobra"

	"github.com/stagedoor/stagedoor"
	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/target"
	"github.com/stagedoor/stagedoor/internal/why"
)

// newUp starts stagedoor and prints what it refuses.
func newUp(env *Environment) *cobra.Command {
	var options stagedoor.Options
	var lax []string
	var logLevel string
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start stagedoor",
		Long: `Starts stagedoor and prints each refused call with its cause and the command
that mends it. Each flag has a variable: --data is STAGEDOOR_DATA.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := fromEnvironment(cmd.Flags(), env.Getenv); err != nil {
				return err
			}
			for _, what := range lax {
				if what != "roles" {
					return fmt.Errorf("--lax %s: only \"roles\" can be lax", what)
				}
			}
			var level slog.Level
			if err := level.UnmarshalText([]byte(logLevel)); err != nil {
				return fmt.Errorf("--log-level %q is none of debug, info, warn, error", logLevel)
			}
			options.LaxRoles = slices.Contains(lax, "roles")
			options.Version = version(env)
			options.Reexec = env.Reexec
			options.Logger = slog.New(slog.NewTextHandler(env.Stderr, &slog.HandlerOptions{Level: level}))
			return runUp(cmd.Context(), env, options)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&options.Listen, "listen", stagedoor.DefaultListen, "where to listen, `HOST:PORT`")
	flags.StringVar(&options.Data, "data", stagedoor.DefaultData(), "`DIR` in which everything is kept")
	flags.BoolVar(&options.Ephemeral, "ephemeral", false, "keep nothing: for CI")
	flags.StringVar(&options.NATS, "nats", "", "keep everything on the NATS server with JetStream at this `URL`")
	flags.StringVar(&options.Region, "region", stagedoor.DefaultRegion, "the region of requests that name none")
	flags.StringVar(&options.Account, "account", stagedoor.DefaultAccount, "the account of the key test/test")
	flags.StringVar(&options.Grants, "grants", "enforce", "enforce: refuse as AWS does; warn: report only; off: ask nothing")
	flags.StringVar(&options.Credentials, "credentials", "lax", "lax: any key is root; strict: only keys that were issued here")
	flags.StringVar(&options.Console, "console", "on", "the web console: on, read-only or off")
	flags.StringSliceVar(&lax, "lax", nil, "\"roles\" accepts role ARNs that never existed")
	flags.StringVar(&logLevel, "log-level", "warn", "what stagedoor says of itself: debug, info, warn, error")
	return cmd
}

// shutdownTimeout is how long running invocations may still take after the
// first Ctrl-C; a second one ends at once.
const shutdownTimeout = 30 * time.Second

func runUp(ctx context.Context, env *Environment, options stagedoor.Options) error {
	begun := time.Now()
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()

	server, err := stagedoor.New(options)
	if err != nil {
		return err
	}
	out := &screen{w: env.Stdout}
	server.OnRefusal(out.refusal)
	// A call may be refused before the welcome is out: it waits its turn.
	out.mu.Lock()
	err = server.Start(ctx)
	if err == nil {
		out.welcome(server, options, time.Since(begun))
	}
	out.mu.Unlock()
	if err != nil {
		return err
	}

	// Starting needed memory that waiting does not: it is given back.
	go debug.FreeOSMemory()

	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	select {
	case err := <-ended:
		return errors.Join(err, server.Close(context.Background()))
	case <-ctx.Done():
	}
	// From here on a second signal ends the process.
	stop()
	out.print("\nstopping: running invocations may end (Ctrl-C again stops at once)\n")
	farewell, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	return server.Close(farewell)
}

// screen is what a person sees of a running stagedoor. Refusals come from
// another goroutine.
type screen struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *screen) print(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprint(s.w, text)
}

func (s *screen) refusal(d *grants.Decision) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// Nobody can be told that the terminal is gone.
	_ = why.Print(s.w, d)
}

// welcome says what runs where, and what would be refused already. The caller
// holds s.mu.
func (s *screen) welcome(server *stagedoor.Server, options stagedoor.Options, took time.Duration) {
	bold, faint := lipgloss.NewStyle().Bold(true), lipgloss.NewStyle().Faint(true)
	cells := server.Matrix()
	isolation := server.Isolation() // asks the interpreters for their versions
	var b strings.Builder
	fmt.Fprintf(&b, "\n  %s %s  %s\n\n", bold.Render("stagedoor"), options.Version, faint.Render(fmt.Sprintf("ready in %d ms", took.Milliseconds())))
	row := func(name, value string, notes ...string) {
		fmt.Fprintf(&b, "  %s %s\n", faint.Render(fmt.Sprintf("%-10s", name)), value)
		for _, line := range wrapped(notes) {
			fmt.Fprintf(&b, "  %10s %s\n", "", faint.Render(line))
		}
	}
	row("endpoint", bold.Render(server.Endpoint())+faint.Render("   "+envCommand(server.Endpoint(), options.Region)))
	row("state", server.Place()+faint.Render("   "+durability(options)))
	row("functions", isolation.Name, append([]string{
		strings.Join(isolation.Holds, "; "),
		"not isolated: " + strings.Join(isolation.Lacks, "; "),
	}, isolation.Notes...)...)
	row("grants", grantsMode(options.Grants))
	if address, notes := consoleAddress(server, options); address != "" {
		row("console", bold.Render(address), notes...)
	}
	if options.LaxRoles {
		row("roles", "lax: role ARNs are accepted though no such role exists; AWS would refuse them")
	}
	b.WriteString("\n")
	lipgloss.Fprint(s.w, b.String())
	if len(cells) > 0 {
		_ = why.Matrix(s.w, cells)
	}
}

// consoleAddress is what a person opens in a browser; "" when the console is off.
func consoleAddress(server *stagedoor.Server, options stagedoor.Options) (address string, notes []string) {
	if options.Console == "off" {
		return "", nil
	}
	if link := server.ConsoleLink(); link != "" {
		notes = append(notes, "from another machine, once and within a day:", link)
	}
	return server.Endpoint() + "/_stagedoor/", notes
}

// envCommand is what another terminal runs to reach endpoint.
func envCommand(endpoint, region string) string {
	command := "stagedoor env"
	if endpoint != target.DefaultEndpoint {
		command += " --endpoint-url " + endpoint
	}
	if region != stagedoor.DefaultRegion {
		command += " --region " + region
	}
	return fmt.Sprintf(`eval "$(%s)"`, command)
}

// noteWidth keeps notes readable on the narrowest common terminal, 80 columns,
// behind their indent.
const noteWidth = 66

// wrapped folds notes; an address stays whole, to be clicked or copied.
func wrapped(notes []string) []string {
	var lines []string
	for _, note := range notes {
		if !strings.Contains(note, " ") {
			lines = append(lines, note)
			continue
		}
		lines = append(lines, strings.Split(lipgloss.Wrap(note, noteWidth, ""), "\n")...)
	}
	return lines
}

func durability(o stagedoor.Options) string {
	switch {
	case o.Ephemeral:
		return "ephemeral: everything is gone at the end"
	case o.NATS != "":
		return "on a NATS server"
	default:
		return "every write is synced to disk"
	}
}

func grantsMode(mode string) string {
	switch grants.Mode(mode) {
	case grants.Warn:
		return "warn: refusals are reported, and the calls made all the same"
	case grants.Off:
		return "off: no call is checked; AWS would"
	default:
		return "enforced as on AWS"
	}
}
