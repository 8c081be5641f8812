package archcheck

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// link matches a Markdown link to a file of this repository.
var link = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)

// cited matches a page of docs/ by its path.
var cited = regexp.MustCompile(`\bdocs/[a-z0-9/-]+\.(?:md|svg)\b`)

// What pages link to, and what pages and comments cite, is there.
func TestLinks(t *testing.T) {
	const root = "../.."
	out, err := exec.Command("git", "-C", root, "ls-files", "*.md", "*.go").Output()
	if err != nil {
		t.Skipf("not a git checkout: %v", err)
	}
	for name := range strings.FieldsSeq(string(out)) {
		text, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) {
			continue // deleted, and not committed yet
		}
		if err != nil {
			t.Fatal(err)
		}
		targets := cited.FindAllString(string(text), -1)
		if strings.HasSuffix(name, ".md") {
			for _, found := range link.FindAllStringSubmatch(string(text), -1) {
				targets = append(targets, filepath.Join(filepath.Dir(name), found[1]))
			}
		}
		for _, target := range targets {
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s names %s, which does not exist", name, target)
			}
		}
	}
}
