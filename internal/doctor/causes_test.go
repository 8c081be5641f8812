package doctor_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/internal/doctor"
)

// docs/causes.md has all 52 rows, names a code for 49 of them, and points at
// proofs that exist; every code that is reported stands in it.
func TestCausesPage(t *testing.T) {
	text, err := os.ReadFile("../../docs/causes.md")
	must(t, err)
	page := string(text)
	row := regexp.MustCompile(`(?m)^\| (\d+) \| (SD\d{3}|–) \| .* \| (.*) \|$`)
	rows := row.FindAllStringSubmatch(page, -1)
	if len(rows) != 52 {
		t.Fatalf("%d rows, want 52", len(rows))
	}
	decided := 0
	for i, r := range rows {
		if r[1] != fmt.Sprint(i+1) {
			t.Errorf("row %d is numbered %s", i+1, r[1])
		}
		if r[2] == "–" {
			continue
		}
		decided++
		if want := fmt.Sprintf("SD%03d", i+1); r[2] != want {
			t.Errorf("row %s has the code %s, want %s", r[1], r[2], want)
		}
		proofs(t, i+1, r[3])
	}
	if decided != 49 {
		t.Errorf("%d rows are decided, want 49", decided)
	}
	for _, c := range doctor.Codes() {
		if !strings.Contains(page, "| "+c.ID+" |") {
			t.Errorf("%s (%s) is not on the page", c.ID, c.Title)
		}
	}
}

// proofs checks that what a row points at is there.
func proofs(t *testing.T, n int, text string) {
	t.Helper()
	for _, file := range regexp.MustCompile("`([0-9a-z-]+\\.json)").FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join("testdata", "causes", file[1])); err != nil {
			t.Errorf("row %d: %v", n, err)
		}
	}
	if strings.Contains(text, "TestCauses/") && !slices.ContainsFunc(liveCauses(), func(c cause) bool {
		return strings.HasPrefix(c.name, fmt.Sprintf("%02d ", n)) && c.code == fmt.Sprintf("SD%03d", n)
	}) {
		t.Errorf("row %d: TestCauses has no such case", n)
	}
}
