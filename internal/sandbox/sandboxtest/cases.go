package sandboxtest

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/stagedoor/stagedoor/internal/sandbox"
)

//go:embed testdata/cases/*.txtar
var caseFiles embed.FS

var update = flag.Bool("update-cases", false, "write what functions did into the case files, to be reviewed")

// Run checks a driver against every case.
func Run(t *testing.T, open func(sandbox.Options) (sandbox.Driver, error)) {
	names, err := fs.Glob(caseFiles, "testdata/cases/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no cases", err)
	}
	h := NewHost(t, open)
	for _, name := range names {
		t.Run(strings.TrimSuffix(path.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			data, err := caseFiles.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			runCase(t, h, name, txtar.Parse(data))
		})
	}
}

// caseFile is a function and its invocations. The comment's "key: value" lines
// set the function's configuration (runtime, handler, timeout, memory, log,
// env.NAME); files without a number are its code; "1.event", "2.event" … are
// sent in turn to one environment, "N.want" is the answer, an error's object
// behind "Unhandled ", and "log" is the whole log, both normalised (see
// normalise).
type caseFile struct {
	fn     *sandbox.Function
	events []string
	wants  map[string]string
	log    string
}

func parseCase(t *testing.T, h *Host, a *txtar.Archive) *caseFile {
	c := &caseFile{wants: map[string]string{}}
	files := map[string]string{}
	for _, f := range a.Files {
		number, kind, _ := strings.Cut(f.Name, ".")
		_, err := strconv.Atoi(number)
		switch {
		case f.Name == "log":
			c.log = string(f.Data)
		case err == nil && kind == "event":
			c.events = append(c.events, strings.TrimSpace(string(f.Data)))
		case err == nil && kind == "want":
			c.wants[number] = strings.TrimSpace(string(f.Data))
		default:
			files[f.Name] = string(f.Data)
		}
	}
	settings := map[string]string{}
	env := map[string]string{}
	for line := range strings.Lines(string(a.Comment)) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		if name, ok := strings.CutPrefix(key, "env."); ok {
			env[name] = value
		} else {
			settings[key] = value
		}
	}
	Need(t, settings["runtime"])
	if settings["code"] == "go" {
		files = map[string]string{"bootstrap": GoBootstrap(t)}
	}
	c.fn = h.Function(settings["runtime"], settings["handler"], files)
	c.fn.Env = env
	c.fn.LogFormat = settings["log"]
	c.fn.TimeoutSeconds = number(settings["timeout"], 10)
	c.fn.MemoryMB = number(settings["memory"], 256)
	return c
}

func number(s string, fallback int) int {
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	return fallback
}

func runCase(t *testing.T, h *Host, file string, a *txtar.Archive) {
	c := parseCase(t, h, a)
	e := h.Start(t, c.fn)
	got := map[string]string{}
	for i, event := range c.events {
		got[strconv.Itoa(i+1)] = invoke(t, e, i+1, event)
	}
	stream := e.LogStream()
	e.Close()
	log := normalise(h.Log(stream))
	if *update {
		rewrite(t, file, a, got, log)
		return
	}
	for _, n := range slices.Sorted(maps.Keys(got)) {
		if d := cmp.Diff(c.wants[n], got[n]); d != "" {
			t.Errorf("invocation %s (-want +got):\n%s", n, d)
		}
	}
	if d := cmp.Diff(c.log, log); d != "" {
		t.Errorf("log (-want +got):\n%s", d)
	}
}

func invoke(t *testing.T, e sandbox.Environment, n int, event string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r, err := e.Invoke(ctx, &sandbox.Invocation{
		RequestID:       fmt.Sprintf("00000000-0000-4000-8000-%012d", n),
		InvokedARN:      "arn:aws:lambda:us-east-1:123456789012:function:my-function:live",
		TraceID:         "Root=1-5759e988-bd862e3fe1be46a994272793",
		ClientContext:   `{"client":{"app_title":"t"},"custom":{"k":"v"},"env":{}}`,
		CognitoIdentity: `{"cognitoIdentityId":"us-east-1:1","cognitoIdentityPoolId":"us-east-1:2"}`,
		Payload:         []byte(event),
	})
	if err != nil {
		t.Fatalf("Invoke: %v", err)
	}
	var payload bytes.Buffer
	if json.Compact(&payload, r.Payload) != nil {
		payload.Reset()
		payload.Write(r.Payload)
	}
	text := normalise(payload.String())
	if len(text) > 2000 {
		text = fmt.Sprintf("%.20s… %d bytes", text, len(r.Payload))
	}
	if r.FunctionError != "" {
		text = r.FunctionError + " " + text
	}
	return text
}

var normalisations = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`), "<time>"},
	{regexp.MustCompile(`\d{4}/\d\d/\d\d \d\d:\d\d:\d\d`), "<time>"}, // Go's log package
	{regexp.MustCompile(`Duration: [0-9.]+ ms`), "Duration: <n> ms"},
	{regexp.MustCompile(`Max Memory Used: \d+ MB`), "Max Memory Used: <n> MB"},
	{regexp.MustCompile(`"(durationMs|billedDurationMs|initDurationMs|maxMemoryUsedMB)":[0-9.]+`), `"$1":<n>`},
	{regexp.MustCompile(`\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}`), "<stream>"},
	{regexp.MustCompile(`runtime:[0-9a-f]{64}`), "runtime:<hash>"},
	// Stack frames outside the function's code differ between interpreters' versions.
	{regexp.MustCompile(`,"    at [^"]*(node:|/var/runtime/|<anonymous>\))[^"]*"`), ""},
	{regexp.MustCompile(`(?m)^    at .*(node:|/var/runtime/).*\n`), ""},
	{regexp.MustCompile(`\\n- /var/runtime/node.cjs|,"- /var/runtime/node.cjs"`), ""},
}

// normalise replaces what differs from run to run.
func normalise(s string) string {
	for _, n := range normalisations {
		s = n.pattern.ReplaceAllString(s, n.with)
	}
	return s
}

// rewrite stores what happened; the files are read by people before they are
// committed.
func rewrite(t *testing.T, file string, a *txtar.Archive, got map[string]string, log string) {
	var out txtar.Archive
	out.Comment = a.Comment
	for _, f := range a.Files {
		if f.Name == "log" || strings.HasSuffix(f.Name, ".want") {
			continue
		}
		out.Files = append(out.Files, f)
		if n, kind, _ := strings.Cut(f.Name, "."); kind == "event" {
			out.Files = append(out.Files, txtar.File{Name: n + ".want", Data: []byte(got[n] + "\n")})
		}
	}
	out.Files = append(out.Files, txtar.File{Name: "log", Data: []byte(log)})
	if err := os.WriteFile("sandboxtest/"+file, txtar.Format(&out), 0o644); err != nil {
		t.Fatal(err)
	}
}
