// Package sandboxtest is what every sandbox.Driver must do: functions in each
// runtime family, well and badly behaved ones, and what their callers and their
// logs get to see. The cases are the txtar files in testdata (see caseFile);
// the behaviour they pin is AWS's, with its source in the file.
//
// Only tests import it.
package sandboxtest

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/sandbox"
)

// Host is a driver under test with its code store and logs.
type Host struct {
	Driver sandbox.Driver
	mu     sync.Mutex
	zips   map[string][]byte
	logs   map[string][]sandbox.LogLine // by stream
}

// NewHost opens a driver whose code and logs lie in memory. It is closed at the
// end of the test.
func NewHost(t testing.TB, open func(sandbox.Options) (sandbox.Driver, error)) *Host {
	t.Helper()
	h := &Host{zips: map[string][]byte{}, logs: map[string][]sandbox.LogLine{}}
	d, err := open(sandbox.Options{
		Code: func(_ context.Context, digest string) ([]byte, error) {
			h.mu.Lock()
			defer h.mu.Unlock()
			if z, ok := h.zips[digest]; ok {
				return z, nil
			}
			return nil, fs.ErrNotExist
		},
		Logs:     func(_ *sandbox.Function, stream string) sandbox.LogWriter { return &memoryLog{h, stream} },
		Endpoint: func() string { return "http://127.0.0.1:4566" },
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Driver = d
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := d.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return h
}

type memoryLog struct {
	h      *Host
	stream string
}

// kept bounds what is remembered of one stream: functions may write gigabytes.
const kept = 5000

func (m *memoryLog) Write(lines ...sandbox.LogLine) {
	m.h.mu.Lock()
	defer m.h.mu.Unlock()
	all := append(m.h.logs[m.stream], lines...)
	if len(all) > 2*kept {
		all = slices.Delete(all, 0, len(all)-kept)
	}
	m.h.logs[m.stream] = all
}

// Log is the text of a log stream.
func (h *Host) Log(stream string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var b strings.Builder
	for _, l := range h.logs[stream] {
		b.WriteString(l.Message)
	}
	return b.String()
}

// Add stores a zip and returns its digest.
func (h *Host) Add(zipped []byte) string {
	sum := sha256.Sum256(zipped)
	digest := hex.EncodeToString(sum[:])
	h.mu.Lock()
	h.zips[digest] = zipped
	h.mu.Unlock()
	return digest
}

// Zip packs files; those called bootstrap are executable.
func Zip(files map[string]string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range slices.Sorted(mapsKeys(files)) {
		header := &zip.FileHeader{Name: name, Method: zip.Deflate}
		mode := fs.FileMode(0o644)
		if name == "bootstrap" {
			mode = 0o755
		}
		header.SetMode(mode)
		f, err := w.CreateHeader(header)
		if err == nil {
			_, err = f.Write([]byte(files[name]))
		}
		if err != nil {
			panic(err) // a bytes.Buffer takes everything
		}
	}
	w.Close()
	return b.Bytes()
}

func mapsKeys(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// Function is a function with sensible defaults and the given code.
func (h *Host) Function(runtime, handler string, files map[string]string) *sandbox.Function {
	return &sandbox.Function{
		ARN:  "arn:aws:lambda:us-east-1:123456789012:function:my-function",
		Name: "my-function", Version: "$LATEST", Account: "123456789012", Region: "us-east-1",
		Runtime: runtime, Handler: handler, CodeDigest: h.Add(Zip(files)),
		MemoryMB: 256, TimeoutSeconds: 10, EphemeralMB: 512, LogGroup: "/aws/lambda/my-function",
		Role: "arn:aws:iam::123456789012:role/lambda-role",
	}
}

// Start starts an environment that is closed at the end of the test.
func (h *Host) Start(t testing.TB, fn *sandbox.Function) sandbox.Environment {
	t.Helper()
	e, err := h.Driver.Start(context.Background(), fn)
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	t.Cleanup(e.Close)
	return e
}

// Need skips the test when the program that runs a runtime is missing; where CI
// is set, a missing program fails it.
func Need(t testing.TB, runtime string) {
	t.Helper()
	program := map[bool]string{true: "node", false: "python3"}[strings.HasPrefix(runtime, "nodejs")]
	if strings.HasPrefix(runtime, "provided") || runtime == "go1.x" {
		return
	}
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is missing: %v", program, err)
		}
		t.Skipf("%s is not installed", program)
	}
}

var goBootstrap struct {
	once sync.Once
	code []byte
	err  error
}

// GoBootstrap builds the Go program in testdata/bootstrap, which uses AWS's own
// runtime client, once per test binary.
func GoBootstrap(t testing.TB) string {
	t.Helper()
	goBootstrap.once.Do(func() {
		dir, err := os.MkdirTemp("", "bootstrap-")
		if err != nil {
			goBootstrap.err = err
			return
		}
		defer os.RemoveAll(dir)
		out := filepath.Join(dir, "bootstrap")
		cmd := exec.Command("go", "build", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", out,
			"github.com/stagedoor/stagedoor/internal/sandbox/sandboxtest/testdata/bootstrap")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if text, err := cmd.CombinedOutput(); err != nil {
			goBootstrap.err = fmt.Errorf("%w\n%s", err, text)
			return
		}
		goBootstrap.code, goBootstrap.err = os.ReadFile(out)
	})
	if errors.Is(goBootstrap.err, exec.ErrNotFound) && os.Getenv("CI") != "true" {
		t.Skip("go is not in PATH")
	}
	if goBootstrap.err != nil {
		t.Fatalf("building the Go bootstrap: %v", goBootstrap.err)
	}
	return string(goBootstrap.code)
}
