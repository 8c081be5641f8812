package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// server is a stagedoor under measurement.
type server struct {
	cmd     *exec.Cmd
	address string
	stderr  *bytes.Buffer
	took    time.Duration // from exec to the first answer
}

// ownSession starts a server as one is started in a terminal of its own, apart
// from the load: some kernels share the processor between sessions first.
var ownSession = &syscall.SysProcAttr{Setsid: true}

// up starts stagedoor with a data directory, or without one.
func (b *suite) up(ctx context.Context, data string) (*server, error) {
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{address: probe.Addr().String(), stderr: &bytes.Buffer{}}
	probe.Close()
	args := []string{"up", "--listen", s.address, "--ephemeral"}
	if data != "" {
		args = []string{"up", "--listen", s.address, "--data", data}
	}
	s.cmd = exec.CommandContext(ctx, b.binary, args...)
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(syscall.SIGTERM) }
	s.cmd.Stderr = s.stderr
	s.cmd.SysProcAttr = ownSession
	s.cmd.WaitDelay = 5 * time.Second
	begun := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w (make build makes it)", err)
	}
	for {
		response, err := http.Get("http://" + s.address + "/_stagedoor/health")
		if err == nil {
			response.Body.Close()
			s.took = time.Since(begun)
			return s, nil
		}
		if time.Since(begun) > 20*time.Second {
			s.cmd.Process.Kill()
			return nil, errors.Join(err, errors.New(s.stderr.String()))
		}
		time.Sleep(500 * time.Microsecond)
	}
}

func (s *server) stop() {
	s.cmd.Process.Signal(syscall.SIGTERM)
	s.cmd.Wait()
}

// rss is the resident memory in MiB.
func (s *server) rss() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("resident memory is read from /proc, which only Linux has: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(value)[0], 64)
			return kib / 1024, err
		}
	}
	return 0, errors.New("no VmRSS in the process's status")
}

// request is a GET of a stage's path, by host.
func request(api, path string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: " + api + ".execute-api.localhost\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n"
}
