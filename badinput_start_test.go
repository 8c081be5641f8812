package stagedoor

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// A start that cannot go well fails at once and says what to do; what lies in
// the data directory is not touched.
func TestBadStarts(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	s := startIn(t, data)
	if a := attack(t, s).group("CreateLogGroup", "kept"); a.status != 200 {
		t.Fatal(a)
	}
	refuses(t, Options{Data: data}, "in use by pid", "--data DIR")
	closeServer(t, s)

	mark := filepath.Join(data, "format.json")
	good, err := os.ReadFile(mark)
	must(t, err)
	for text, want := range map[string][]string{
		`{"format": 99, "created": "2030-01-01T00:00:00Z"}`: {"newer version", "format 99", "use that version"},
		`{"format": `: {"is not readable", "stagedoor import FILE"},
		``:            {"is not readable", "restore it from a backup"},
	} {
		must(t, os.WriteFile(mark, []byte(text), 0o600))
		refuses(t, Options{Data: data}, want...)
		if left, err := os.ReadFile(mark); err != nil || string(left) != text {
			t.Errorf("a refused start left %q, %v", left, err)
		}
	}
	must(t, os.WriteFile(mark, good, 0o600))
	must(t, os.Rename(filepath.Join(data, "jetstream"), data+"-jetstream"))
	refuses(t, Options{Data: data}, "has been in use since", "nothing is served from it")
	must(t, os.RemoveAll(filepath.Join(data, "jetstream")))
	must(t, os.Rename(data+"-jetstream", filepath.Join(data, "jetstream")))
	s = startIn(t, data)
	if a := attack(t, s).group("DescribeLogStreams", "kept"); a.status != 200 {
		t.Errorf("what was acknowledged is gone after refused starts: %v", a)
	}
	closeServer(t, s)

	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	refuses(t, Options{Data: file}, "not a directory", "--data DIR")
	refuses(t, Options{Data: filepath.Join(file, "below")}, "not a directory", "--data DIR")
	if runtime.GOOS == "linux" { // nobody, root included, may write there
		refuses(t, Options{Data: "/sys/stagedoor"}, "is not writable", "--data DIR")
	}
}

// The NATS servers that cannot hold the state say why.
func TestBadNATS(t *testing.T) {
	refuses(t, Options{NATS: "nats://127.0.0.1:1"}, "nats://127.0.0.1:1")
	refuses(t, Options{NATS: "http://127.0.0.1:1"}, "http://127.0.0.1:1")
	bare, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true})
	must(t, err)
	bare.Start()
	defer bare.WaitForShutdown()
	defer bare.Shutdown()
	if !bare.ReadyForConnections(10 * time.Second) {
		t.Fatal("the NATS server did not start")
	}
	refuses(t, Options{NATS: bare.ClientURL()}, "has no JetStream", "nats-server -js")
}

// refuses starts a server that must not start.
func refuses(t *testing.T, o Options, parts ...string) {
	t.Helper()
	o.Listen = "127.0.0.1:0"
	s, err := New(o)
	must(t, err)
	begun := time.Now()
	err = s.Start(t.Context())
	if err == nil {
		closeServer(t, s)
		t.Errorf("%+v started; want an error with %q", o, parts)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error %q does not say %q", err, part)
		}
	}
	if took := time.Since(begun); took > 15*time.Second {
		t.Errorf("%q took %v", err, took)
	}
}

func startIn(t *testing.T, data string) *Server {
	t.Helper()
	s, err := New(Options{Listen: "127.0.0.1:0", Data: data})
	must(t, err)
	must(t, s.Start(t.Context()))
	return s
}

func closeServer(t *testing.T, s *Server) {
	t.Helper()
	must(t, s.Close(t.Context()))
	must(t, s.Wait())
}
