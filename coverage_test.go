package stagedoor

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/awswire"
)

var update = flag.Bool("update", false, "write docs/coverage.md anew")

// TestCoveragePage keeps docs/coverage.md true: it lists the operations that
// have handlers, and how many of the model's have none.
func TestCoveragePage(t *testing.T) {
	s := start(t)
	var b strings.Builder
	b.WriteString(`# Operations

Written by ` + "`go test -run TestCoveragePage . -update`" + `. An operation that is not listed answers the error
` + "`UnsupportedOperation`" + ` with its name, in the shape of its service, and changes nothing.
`)
	for _, name := range awswire.Names() {
		all := awswire.Load(name).Operations()
		slices.Sort(all)
		handlers := s.parts.operations[name]
		fmt.Fprintf(&b, "\n## %s: %d of %d\n\n", name, len(handlers), len(all))
		if len(handlers) == 0 {
			b.WriteString("None yet: every operation answers that it is not supported.\n")
			continue
		}
		for _, operation := range all {
			if _, ok := handlers[operation]; ok {
				fmt.Fprintf(&b, "- %s\n", operation)
			}
		}
	}
	const page = "docs/coverage.md"
	if *update {
		must(t, os.WriteFile(page, []byte(b.String()), 0o644))
	}
	kept, err := os.ReadFile(page)
	must(t, err)
	if string(kept) != b.String() {
		t.Errorf("%s is out of date: go test -run TestCoveragePage . -update", page)
	}
}
