package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The README's first command ends well: every call answers what the tour says
// it does, and stagedoor prints its explanations.
func TestTour(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("python3 is missing, and in CI this test must run")
		}
		t.Skip("python3 is not installed; the tour calls a function in Python")
	}
	binary := filepath.Join(t.TempDir(), "stagedoor")
	if text, err := exec.Command("go", "build", "-o", binary, "github.com/stagedoor/stagedoor/cmd/stagedoor").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := tour(t.Context(), binary, l.Addr().String(), true); err != nil {
		t.Fatal(err)
	}
}
