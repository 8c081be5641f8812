package cli

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"os/user"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/stagedoor/stagedoor/internal/promote"
	"github.com/stagedoor/stagedoor/internal/target"
)

// promotePlace are the flags that promote, rollback and history share.
type promotePlace struct {
	place    target.Place
	format   string
	yes      bool
	takeOver bool
}

func (f *promotePlace) register(cmd *cobra.Command) {
	f.registerPlace(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&f.yes, "yes", false, "do not ask before anything changes")
	flags.BoolVar(&f.takeOver, "take-over", false, "go on though another promotion of the stage holds its lock: only when that one is dead")
}

func (f *promotePlace) registerPlace(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.place.Endpoint, "endpoint-url", "", "the endpoint to ask (default \""+target.DefaultEndpoint+"\", with --aws AWS itself)")
	flags.BoolVar(&f.place.AWS, "aws", false, "ask the AWS account of the environment's credentials")
	flags.StringVar(&f.place.Profile, "profile", "", "ask the AWS account of this `NAME` in the aws CLI's configuration")
	flags.StringVar(&f.place.Region, "region", "", "the region of the API")
	flags.StringVar(&f.format, "format", "text", "text, json or junit")
}

// prepare completes the flags from the environment.
func (f *promotePlace) prepare(env *Environment, cmd *cobra.Command) error {
	given := cmd.Flags().Changed("endpoint-url")
	if err := fromEnvironment(cmd.Flags(), env.Getenv); err != nil {
		return err
	}
	f.place.AWS = f.place.AWS || f.place.Profile != ""
	if f.place.AWS && !given { // the endpoint of the environment is stagedoor's
		f.place.Endpoint = ""
	}
	f.place.Getenv = env.Getenv
	return f.check()
}

// promoteSession is one run against one place.
type promoteSession struct {
	env    *Environment
	flags  *promotePlace
	place  *target.Promoter
	caller promote.Caller
}

// open makes the clients.
func (f *promotePlace) open(ctx context.Context, env *Environment) (*promoteSession, error) {
	config, requests, err := f.place.Config(ctx)
	if err != nil {
		return nil, err
	}
	return &promoteSession{env: env, flags: f, place: target.PromoterFromConfig(config, requests), caller: caller()}, nil
}

// carryOut runs the plan. The first interruption from the keyboard ends it
// between two calls and gives its lock back; the next one ends the process.
func (s *promoteSession) carryOut(ctx context.Context, p *promote.Plan) (*promote.Result, error) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return p.Run(ctx, s.progress())
}

// explain says what to do where nobody listens.
func (s *promoteSession) explain(err error) error {
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("nothing listens at %s; start it with \"stagedoor up\", or say where to look: --endpoint-url, --aws or --profile (%w)", s.place.Clients.Endpoint, err)
	}
	return err
}

// confirm asks at the terminal; without one nobody can agree.
func (s *promoteSession) confirm(p *promote.Plan) error {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return fmt.Errorf("%s asks before it changes anything, and there is no terminal: give --yes", p.Kind)
	}
	fmt.Fprintf(s.env.Stderr, "  Do it? [y/N] ")
	answer, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil || !strings.HasPrefix(strings.ToLower(strings.TrimSpace(answer)), "y") {
		return errors.New("nothing was changed")
	}
	return nil
}

// progress tells each step as it happens: beside the result in text, to
// standard error in the other formats, which have it all at the end.
func (s *promoteSession) progress() func(promote.Event) {
	w := s.env.Stdout
	if s.flags.format != "text" {
		w = s.env.Stderr
	}
	return func(e promote.Event) { _ = promote.WriteEvent(w, e) } // the run goes on whoever reads
}

// caller is who promotes, as the stage's lock and history tell it.
func caller() promote.Caller {
	name := "somebody"
	if u, err := user.Current(); err == nil && u.Username != "" {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return promote.Caller{Name: name + "@" + host, Machine: machine(host), PID: os.Getpid(), Alive: alive}
}

// machine names what process ids are unique on: a host until it boots anew, and
// on it a namespace, since containers may share the name of their host.
func machine(host string) string {
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id") // elsewhere than on Linux: the name alone
	namespace, _ := os.Readlink("/proc/self/ns/pid")
	sum := sha256.Sum256([]byte(host + "\n" + string(boot) + "\n" + namespace))
	return hex.EncodeToString(sum[:4])
}

// alive reports whether a process of this machine runs. Signal 0 is delivered
// to nobody; EPERM says that there is one, of somebody else.
func alive(pid int) bool {
	if pid <= 0 {
		return false
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	err = process.Signal(syscall.Signal(0))
	return err == nil || errors.Is(err, os.ErrPermission)
}
