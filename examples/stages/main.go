// Command stages is the example of the README: it starts stagedoor, deploys
// one API with the stages dev, staging and prod, each calling its own function
// through a stage variable, and shows the first call refused and then mended.
// It leaves staging and prod refused, for the reader to mend.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

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

	server, err := start(binary, listen)
	if err != nil {
		return err
	}
	defer server.stop()
	if err := server.healthy(ctx, listen); err != nil {
		return err
	}
	// Our own lines shall stand below its welcome.
	if err := server.prints(ctx); err != nil {
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
	if err := s.show(ctx, listen, server); err != nil {
		return err
	}
	if once {
		return nil
	}
	if err := s.invite(binary, listen); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-server.ended:
		return fmt.Errorf("stagedoor ended: %w", err)
	}
}

// invite says how to go on in another terminal.
func (s *story) invite(binary, listen string) error {
	program, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	say("staging and prod are yours. In another terminal (the grant needs the aws CLI):")
	fmt.Printf("    eval \"$(%s env --endpoint-url http://%s)\"\n", program, listen)
	fmt.Printf("    curl %s\n", s.url(listen, "prod"))
	fmt.Printf("    aws lambda add-permission …      # paste the command that is printed here then\n\n")
	fmt.Printf("    Ctrl-C here ends the demo.\n")
	return nil
}

// show calls the stages as a user would, before and after the grant.
func (s *story) show(ctx context.Context, listen string, server *server) error {
	say("One API, three stages, each calling my-function-${stageVariables.env}:")
	for _, stage := range stages {
		fmt.Printf("    %s\n", s.url(listen, stage))
	}
	say("No function has a grant yet, so AWS would refuse each call. So does stagedoor:")
	if err := s.refused(ctx, listen, "dev", server); err != nil {
		return err
	}
	say("Now the grant, as printed above, for my-function-dev:")
	if err := s.grant(ctx, "dev"); err != nil {
		return err
	}
	if err := s.call(ctx, listen, "dev", http.StatusOK); err != nil {
		return err
	}
	say("No new deployment was needed. One grant covers one function:")
	return s.refused(ctx, listen, "staging", server)
}

// refused calls a stage that has no grant: first our lines, then stagedoor's
// explanation, which leaves it after the answer.
func (s *story) refused(ctx context.Context, listen, stage string, server *server) error {
	server.mu.Lock()
	err := s.call(ctx, listen, stage, http.StatusInternalServerError)
	server.mu.Unlock()
	if err != nil {
		return err
	}
	return server.prints(ctx)
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

func say(text string) {
	text = "▸ " + text
	if coloured() {
		text = "\x1b[1m" + text + "\x1b[0m"
	}
	fmt.Printf("\n%s\n", text)
}
