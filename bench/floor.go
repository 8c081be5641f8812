package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/stagedoor/stagedoor/internal/sandbox/loaders"
)

// The floor is the smallest thing that can do the job: a net/http front, a
// stack of idle environments, and for each environment a Runtime API that
// knows nothing but next and response. It has no API, no policy, no log, no
// limit. What stagedoor does beyond it is what the ratio shows.

// floorEnvironment is one process of the function and the socket it asks.
type floorEnvironment struct {
	events  chan []byte
	answers chan []byte
	cmd     *exec.Cmd
}

// serveFloor runs command, a function's runtime with its environment, in as
// many processes as there are connections, and answers each HTTP request with
// what the function says to event. The first answer on stdout is the address.
func serveFloor(environments int, command []string, env []string, event []byte) error {
	idle := make(chan *floorEnvironment, environments)
	for range environments {
		e, err := startFloor(command, env)
		if err != nil {
			return err
		}
		defer e.cmd.Process.Kill()
		idle <- e
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	return http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := <-idle
		e.events <- event
		body := <-e.answers
		idle <- e
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.Write(body)
	}))
}

// startFloor starts the process. Our loaders find the Runtime API as socket 3,
// every other program at an address.
func startFloor(command, env []string) (*floorEnvironment, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, err
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "theirs")
	conn, err := net.FileConn(ours)
	if err := errors.Join(err, ours.Close()); err != nil {
		return nil, err
	}
	e := &floorEnvironment{events: make(chan []byte), answers: make(chan []byte)}
	e.cmd = exec.Command(command[0], command[1:]...)
	// Only what a function needs: variables of this machine (extra CA
	// certificates, say) can cost an interpreter tens of milliseconds.
	e.cmd.Env = append(env, "PATH="+os.Getenv("PATH"), "AWS_LAMBDA_RUNTIME_API="+listener.Addr().String())
	e.cmd.Stderr = os.Stderr
	e.cmd.ExtraFiles = []*os.File{theirs}
	if err := errors.Join(e.cmd.Start(), theirs.Close()); err != nil {
		return nil, err
	}
	go e.converse(conn)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go e.converse(conn)
		}
	}()
	return e, nil
}

// converse answers GET …/next with an event and takes POST …/response.
func (e *floorEnvironment) converse(conn net.Conn) {
	defer conn.Close()
	reader := bufio.NewReader(conn)
	for {
		head, length, err := readHead(reader)
		if err != nil {
			return
		}
		body, err := readBody(reader, length)
		if err != nil {
			return
		}
		answer := []byte("HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"status\":\"OK\"}\n")
		switch {
		case strings.HasPrefix(head, "GET "):
			event := <-e.events
			answer = fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\n"+
				"Lambda-Runtime-Deadline-Ms: 4102444800000\r\nLambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:000000000000:function:floor\r\n"+
				"Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(event), event)
		case strings.Contains(head, "/response "):
			e.answers <- body
		default:
			fmt.Fprintf(os.Stderr, "floor: the function failed: %s%s\n", head, body)
			os.Exit(1)
		}
		if _, err := conn.Write(answer); err != nil {
			return
		}
	}
}

// readHead returns the request line and the body's length.
func readHead(r *bufio.Reader) (line string, length int, err error) {
	for {
		text, err := r.ReadSlice('\n')
		if err != nil {
			return "", 0, err
		}
		if line == "" {
			line = string(text)
		}
		if len(text) <= 2 {
			return line, length, nil
		}
		name, value, _ := bytes.Cut(text, []byte(":"))
		switch {
		case bytes.EqualFold(name, []byte("content-length")):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return "", 0, err
			}
		case bytes.EqualFold(name, []byte("transfer-encoding")):
			length = chunked
		}
	}
}

// chunked is the length of a body that says its length piece by piece, as the
// Go runtime client sends it.
const chunked = -1

func readBody(r *bufio.Reader, length int) ([]byte, error) {
	if length != chunked {
		body := make([]byte, length)
		_, err := io.ReadFull(r, body)
		return body, err
	}
	body, err := io.ReadAll(httputil.NewChunkedReader(r))
	if err != nil {
		return nil, err
	}
	_, err = r.ReadSlice('\n') // the blank line behind the last chunk
	return body, err
}

// floor runs "serve floor LANGUAGE DIR ENVIRONMENTS".
func floor(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("usage: serve floor LANGUAGE DIR ENVIRONMENTS")
	}
	environments, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	command, env, err := floorCommand(args[0], args[1])
	if err != nil {
		return err
	}
	return serveFloor(environments, command, env, []byte(event))
}

// floorCommand starts a function's runtime as bare as it goes: no isolation.
// The loaders are stagedoor's own, for what is compared is the host.
func floorCommand(language, dir string) (command, env []string, err error) {
	env = []string{"LAMBDA_TASK_ROOT=" + dir, "_HANDLER=index.handler", "AWS_LAMBDA_FUNCTION_NAME=floor",
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/floor", "AWS_LAMBDA_LOG_STREAM_NAME=floor"}
	switch language {
	case "node":
		loader := filepath.Join(dir, "stagedoor_node.cjs")
		node, err := exec.Command("node", "-p", "process.execPath").Output()
		if err != nil {
			return nil, nil, err
		}
		return []string{strings.TrimSpace(string(node)), loader}, env, os.WriteFile(loader, loaders.Node, 0o644)
	case "python":
		loader := filepath.Join(dir, "stagedoor_python.py")
		if err := os.WriteFile(loader, loaders.Python, 0o644); err != nil {
			return nil, nil, err
		}
		python, err := exec.Command("python3", "-c", "import os, sys; print(os.path.realpath(sys.executable))").Output()
		start := fmt.Sprintf("import sys;sys.path.insert(0,%q);import stagedoor_python as l;l.main()", dir)
		return []string{strings.TrimSpace(string(python)), "-S", "-u", "-X", "utf8", "-I", "-c", start}, env, err
	default:
		return []string{filepath.Join(dir, "bootstrap")}, env, nil
	}
}

// floorFirstCall is the least a first call takes: exec, init, first answer.
func floorFirstCall(language, dir string) (time.Duration, error) {
	command, env, err := floorCommand(language, dir)
	if err != nil {
		return 0, err
	}
	begun := time.Now()
	e, err := startFloor(command, env)
	if err != nil {
		return 0, err
	}
	defer e.cmd.Process.Kill()
	e.events <- []byte(event)
	<-e.answers
	return time.Since(begun), nil
}
