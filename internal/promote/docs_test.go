package promote_test

import (
	"os"
	"strings"
	"testing"
)

// The script in the documentation is the one that CI runs.
func TestPipelineIsDocumented(t *testing.T) {
	script, err := os.ReadFile("../../examples/pipeline/pipeline.sh")
	must(t, err)
	page, err := os.ReadFile("../../docs/pipeline.md")
	must(t, err)
	if !strings.Contains(string(page), "```sh\n"+string(script)+"```\n") {
		t.Error("docs/pipeline.md does not hold examples/pipeline/pipeline.sh as it stands")
	}
}
