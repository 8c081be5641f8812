package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/term"
)

// server is the stagedoor that runs beside us. What it prints goes to our
// terminal, through us.
type server struct {
	cmd     *exec.Cmd
	ended   chan error
	gone    chan struct{}
	printed chan struct{} // holds one token when it has printed something
	mu      sync.Mutex    // held by whoever writes to the terminal
}

// start runs stagedoor.
func start(binary, listen string) (*server, error) {
	s := &server{
		cmd:   exec.Command(binary, "up", "--ephemeral", "--listen", listen),
		ended: make(chan error, 1), gone: make(chan struct{}), printed: make(chan struct{}, 1),
	}
	s.cmd.Stdout, s.cmd.Stderr = s, os.Stderr
	s.cmd.Env = append(os.Environ(), terminal()...)
	// A group of its own: Ctrl-C reaches us, and we end it in order.
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting stagedoor (make build makes it): %w", err)
	}
	go func() {
		s.ended <- s.cmd.Wait()
		close(s.gone)
	}()
	return s, nil
}

// terminal is what stagedoor, which writes to us, cannot find out by itself.
func terminal() []string {
	width, _, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil {
		return nil
	}
	found := []string{"COLUMNS=" + strconv.Itoa(width)}
	if coloured() {
		found = append(found, "CLICOLOR_FORCE=1")
	}
	return found
}

func coloured() bool {
	return term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("NO_COLOR") == ""
}

// Write takes what stagedoor prints.
func (s *server) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := os.Stdout.Write(text)
	select {
	case s.printed <- struct{}{}:
	default:
	}
	return n, err
}

// prints waits until stagedoor has printed something since the last time.
func (s *server) prints(ctx context.Context) error {
	select {
	case <-s.printed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(10 * time.Second):
		return errors.New("stagedoor answers, but prints nothing")
	}
}

// healthy waits until stagedoor answers.
func (s *server) healthy(ctx context.Context, listen string) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	for {
		response, err := http.Get("http://" + listen + "/_stagedoor/health")
		if err == nil {
			response.Body.Close()
			return nil
		}
		select {
		case err := <-s.ended:
			return errors.Join(errors.New("stagedoor did not start; it says above why"), err)
		case <-ctx.Done():
			return fmt.Errorf("stagedoor does not answer at %s: %w", listen, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop ends stagedoor in order.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	<-s.gone
}
