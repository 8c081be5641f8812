// Command stages is the example of the README: it starts stagedoor, deploys
// one API with the stages dev, staging and prod, each calling its own function
// through a stage variable, and shows the first call refused and then mended.
// It leaves staging and prod refused, for the reader to mend.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

func main() {
	binary := flag.String("stagedoor", "stagedoor", "the stagedoor binary to start")
	listen := flag.String("listen", "127.0.0.1:4566", "where it shall listen")
	once := flag.Bool("once", false, "end after the tour in place of waiting for Ctrl-C")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := tour(ctx, *binary, *listen, *once); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func tour(ctx context.Context, binary, listen string, once bool) error {
	work, err := os.MkdirTemp("", "stagedoor-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	code, err := functions(work)
	if err != nil {
		return err
	}

	server, stop, err := start(binary, listen)
	if err != nil {
		return err
	}
	defer stop()
	if err := healthy(ctx, listen, server); err != nil {
		return err
	}

	s := newStory(aws.Config{
		Region:       "us-east-1",
		BaseEndpoint: aws.String("http://" + listen),
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	if err := s.deploy(ctx, code); err != nil {
		return err
	}
	if err := s.show(ctx, listen); err != nil {
		return err
	}
	if once {
		return nil
	}
	say("staging and prod are yours: call them, and paste the command that stagedoor prints.")
	say("(in that other terminal, first: eval \"$(%s env)\")   Ctrl-C ends the demo.", binary)
	select {
	case <-ctx.Done():
		return nil
	case err := <-server:
		return fmt.Errorf("stagedoor ended: %w", err)
	}
}

// show calls the stages as a user would, before and after the grant.
func (s *story) show(ctx context.Context, listen string) error {
	say("One API, three stages, each calling my-function-${stageVariables.env}:")
	for _, stage := range stages {
		fmt.Printf("    %s\n", s.url(listen, stage))
	}
	say("No function has a grant yet, so AWS would refuse each call. So does stagedoor:")
	if err := s.call(ctx, listen, "dev", http.StatusInternalServerError); err != nil {
		return err
	}
	// The explanation leaves stagedoor after the answer; let it be read first.
	select {
	case <-time.After(500 * time.Millisecond):
	case <-ctx.Done():
		return ctx.Err()
	}
	say("Now the grant, as printed above, for my-function-dev:")
	if err := s.grant(ctx, "dev"); err != nil {
		return err
	}
	if err := s.call(ctx, listen, "dev", http.StatusOK); err != nil {
		return err
	}
	say("No new deployment was needed. One grant covers one function:")
	return s.call(ctx, listen, "staging", http.StatusInternalServerError)
}

// url is AWS's form of it, on this machine: curl and browsers resolve every
// name below .localhost to loopback by themselves.
func (s *story) url(listen, stage string) string {
	_, port, _ := net.SplitHostPort(listen)
	return fmt.Sprintf("http://%s.execute-api.localhost:%s/%s/hello", s.api, port, stage)
}

// call prints one call as curl would show it and checks its status.
func (s *story) call(ctx context.Context, listen, stage string, want int) error {
	url := s.url(listen, stage)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	// Not every machine's resolver knows names below .localhost.
	client := http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, listen)
		},
	}}
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	fmt.Printf("    $ curl %s\n    %d %s\n", url, response.StatusCode, strings.TrimSpace(string(body)))
	if response.StatusCode != want {
		return fmt.Errorf("stage %s answered %d, not %d", stage, response.StatusCode, want)
	}
	return nil
}

// start runs stagedoor beside us, in our terminal. The channel tells when it
// ended; stop ends it and waits.
func start(binary, listen string) (ended <-chan error, stop func(), err error) {
	cmd := exec.Command(binary, "up", "--ephemeral", "--listen", listen)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	// A group of its own: Ctrl-C reaches us, and we end it in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, nil, fmt.Errorf("starting stagedoor (make build makes it): %w", err)
	}
	result, gone := make(chan error, 1), make(chan struct{})
	go func() {
		result <- cmd.Wait()
		close(gone)
	}()
	return result, func() {
		cmd.Process.Signal(syscall.SIGTERM)
		<-gone
	}, nil
}

func healthy(ctx context.Context, listen string, ended <-chan error) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	for {
		response, err := http.Get("http://" + listen + "/_stagedoor/health")
		if err == nil {
			response.Body.Close()
			return nil
		}
		select {
		case err := <-ended:
			return errors.Join(errors.New("stagedoor did not start; it says above why"), err)
		case <-ctx.Done():
			return fmt.Errorf("stagedoor does not answer at %s: %w", listen, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func say(format string, args ...any) {
	fmt.Printf("\n\x1b[1m▸ %s\x1b[0m\n", fmt.Sprintf(format, args...))
}
