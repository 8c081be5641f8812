// Package archcheck holds the tests that keep the layers apart: who may import
// whom (ARCHITECTURE.md, "Layers"), that every direct dependency has its
// paragraph in docs/dependencies.md, and that pages link to what is there.
package archcheck

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/stagedoor/stagedoor"

// layers says, for the packages below a path, which of our own packages and
// which foreign modules they may import directly. The longest matching path
// decides. A package without a layer fails the test: decide where it belongs.
var layers = map[string]struct {
	own     []string // paths below the module; "x/..." includes what lies below x
	foreign []string // path prefixes beside the standard library and golang.org/x
}{
	"awswire":          {foreign: []string{"github.com/go-json-experiment/json"}},
	"awswire/sigv4":    {},
	"iampolicy":        {foreign: []string{"github.com/go-json-experiment/json"}},
	"runtimeapi":       {},
	"internal/state":   {},
	"internal/codezip": {},
	"internal/store":   {own: []string{"internal/state"}, foreign: []string{"github.com/nats-io/", "github.com/klauspost/compress"}},
	"internal/store/storetest": {
		own:     []string{"internal/state", "internal/store"},
		foreign: []string{"pgregory.net/rapid", "github.com/google/go-cmp", "github.com/nats-io/"},
	},
	"internal/identity": {own: []string{"awswire/...", "internal/state", "internal/store", "internal/identity/oidc"}},
	// Knows two RFCs and OpenID Connect Discovery, and nothing of ours.
	"internal/identity/oidc":          {foreign: []string{"github.com/golang-jwt/jwt/v5"}},
	"internal/identity/oidc/oidctest": {foreign: []string{"github.com/golang-jwt/jwt/v5"}},
	"internal/grants":                 {own: []string{"iampolicy", "internal/state", "internal/store"}},
	"internal/actions":                {own: []string{"awswire", "internal/state"}},
	"internal/service": {
		own:     []string{"awswire", "iampolicy", "internal/state", "internal/store", "internal/grants", "internal/identity", "internal/codezip"},
		foreign: []string{"github.com/aws/aws-sdk-go-v2/", "github.com/aws/smithy-go", "github.com/go-json-experiment/json"},
	},
	"internal/service/logs": {
		own:     []string{"awswire", "internal/state", "internal/store", "internal/logs"},
		foreign: []string{"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"},
	},
	"internal/service/cloudwatch": {
		own:     []string{"awswire", "internal/state", "internal/store", "internal/metrics"},
		foreign: []string{"github.com/aws/aws-sdk-go-v2", "github.com/aws/smithy-go"},
	},
	"internal/logs":    {own: []string{"internal/state", "internal/store"}},
	"internal/metrics": {own: []string{"internal/state", "internal/store"}},
	"internal/sandbox": {own: []string{"runtimeapi", "internal/state", "internal/store", "internal/logs", "internal/codezip", "internal/sandbox/loaders"}},
	"internal/sandbox/sandboxtest": {
		own:     []string{"internal/sandbox"},
		foreign: []string{"github.com/google/go-cmp", "github.com/rogpeppe/go-internal"},
	},
	"internal/invoke": {own: []string{"internal/state", "internal/store", "internal/logs", "internal/metrics", "internal/grants", "internal/sandbox"}},
	"internal/gateway": {
		own:     []string{"awswire/sigv4", "iampolicy", "internal/state", "internal/store", "internal/logs", "internal/metrics", "internal/grants", "internal/invoke"},
		foreign: []string{"github.com/go-json-experiment/json"},
	},
	"internal/endpoint": {own: []string{"internal/gateway"}},
	"internal/admin":    {own: []string{"internal/grants"}},
	"internal/target":   {foreign: []string{"github.com/aws/aws-sdk-go-v2", "github.com/aws/smithy-go"}},
	"internal/terminal": {foreign: []string{"charm.land/lipgloss/v2"}},
	"internal/why":      {own: []string{"iampolicy", "internal/grants", "internal/terminal"}},
	"internal/doctor": {
		own:     []string{"iampolicy", "internal/grants", "internal/state", "internal/target", "internal/terminal", "internal/why"},
		foreign: []string{"github.com/aws/aws-sdk-go-v2"},
	},
	"internal/diff": {
		own:     []string{"internal/doctor", "internal/target", "internal/why", "internal/terminal"},
		foreign: []string{"github.com/aws/aws-sdk-go-v2"},
	},
	"internal/promote": {
		own:     []string{"internal/doctor", "internal/target", "internal/diff", "internal/why", "internal/terminal"},
		foreign: []string{"github.com/aws/aws-sdk-go-v2", "github.com/aws/smithy-go", "charm.land/lipgloss/v2"},
	},
	"internal/console": {
		own:     []string{"internal/state", "internal/why", "internal/grants", "internal/target", "internal/doctor", "internal/diff", "internal/promote"},
		foreign: []string{"github.com/aws/aws-sdk-go-v2", "github.com/aws/smithy-go"},
	},
	"internal/cli": {own: []string{"", "iampolicy", "internal/terminal", "internal/why", "internal/grants", "internal/doctor", "internal/target", "internal/diff", "internal/promote"}, foreign: []string{"github.com/spf13/", "github.com/aws/aws-sdk-go-v2", "github.com/aws/smithy-go", "charm.land/lipgloss/v2"}},
	"cmd":          {own: []string{"internal/cli"}},
	"":             {own: []string{"awswire/...", "iampolicy", "internal/..."}, foreign: []string{"github.com/aws/"}},
	"examples":     {own: []string{""}, foreign: []string{"github.com/aws/"}},
	"bench":        {own: []string{"..."}, foreign: []string{"github.com/aws/"}},
	"tools":        {foreign: []string{"github.com/go-json-experiment/json"}},
}

// never names imports that no layer but the listed one may have, however its
// entry above reads: a service must not know HTTP, nor another service.
var never = []struct{ of, imported, why string }{
	{"internal/service", "net/http", "services speak SDK types; awswire alone speaks HTTP"},
	{"internal/gateway", "github.com/aws/", "SDK types stay at the control plane's edge"},
	{"internal/invoke", "github.com/aws/", "SDK types stay at the control plane's edge"},
	{"internal/sandbox", "github.com/aws/", "SDK types stay at the control plane's edge"},
	{"internal/logs", "github.com/aws/", "SDK types stay at the control plane's edge"},
	{"internal/metrics", "github.com/aws/", "SDK types stay at the control plane's edge"},
	{"internal/console", module + "/internal/store", "the console is a client of AWS's operations, so never on the store"},
	{"internal/cli", module + "/internal/store", "commands work against any target, so never on the store"},
}

type goPackage struct {
	ImportPath string
	Imports    []string
	Standard   bool
}

func TestLayers(t *testing.T) {
	for _, p := range list(t) {
		path := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		layer, ok := layerOf(path)
		if !ok {
			t.Errorf("package %s has no layer: add it to the table in this test and to ARCHITECTURE.md", p.ImportPath)
			continue
		}
		for _, imported := range p.Imports {
			if !allowed(path, imported, layers[layer].own, layers[layer].foreign) {
				t.Errorf("%s (layer %q) must not import %s", path, layer, imported)
			}
			for _, rule := range never {
				if strings.HasPrefix(path, rule.of) && strings.HasPrefix(imported, rule.imported) {
					t.Errorf("%s must not import %s: %s", path, imported, rule.why)
				}
			}
		}
	}
}

// Every direct dependency has a reason and an exit written down.
func TestDependenciesAreExplained(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{if not (or .Indirect .Main)}}{{.Path}}{{end}}", "all").Output()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	for path := range strings.FieldsSeq(string(out)) {
		if !strings.Contains(string(text), "`"+path+"`") {
			t.Errorf("docs/dependencies.md says nothing of %s: write why it is here and how we would get rid of it", path)
		}
	}
}

func list(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Standard", module+"/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

func layerOf(path string) (string, bool) {
	for prefix := path; prefix != ""; {
		if _, ok := layers[prefix]; ok {
			return prefix, true
		}
		i := strings.LastIndexByte(prefix, '/')
		if i < 0 {
			return "", false
		}
		prefix = prefix[:i]
	}
	return "", true
}

func allowed(from, imported string, own, foreign []string) bool {
	rest, isOwn := strings.CutPrefix(imported, module)
	if !isOwn {
		first, _, _ := strings.Cut(imported, "/")
		if !strings.Contains(first, ".") || strings.HasPrefix(imported, "golang.org/x/") {
			return true
		}
		for _, prefix := range foreign {
			if strings.HasPrefix(imported, prefix) {
				return true
			}
		}
		return false
	}
	rest = strings.TrimPrefix(rest, "/")
	for _, o := range own {
		base, below := strings.CutSuffix(o, "...")
		if rest == strings.TrimSuffix(base, "/") || below && strings.HasPrefix(rest, base) {
			return true
		}
	}
	// A package may import what lies below itself, its test doubles included.
	return strings.HasPrefix(rest, from+"/") && from != ""
}
