package cli

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// Mistakes on the command line are told before anybody is asked, with what would
// be right, and end with exit code 2.
func TestPromoteMistakes(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"promote", "stagedoor promote orders dev staging"},
		{"promote a b c --probe /health", "for example GET:/health=200"},
		{"promote a b c --probe get:/health=200", "for example GET:/health=200"},
		{"promote a b c --bake 1m --abort-on 4xx>1", "5xx>1%"},
		{"promote a b c --set name", "NAME=VALUE"},
		{"promote a b c --wide", "--wide goes with --fix"},
		{"promote a b c --format xml", "there is text, json, junit"},
		{"promote a b c --canary ten", "--canary"},
		{"promote a b b", "cannot be promoted to itself"},
		{"promote a b c --canary 10", "--canary needs --bake"},
		{"rollback a", "stagedoor rollback orders prod"},
		{"history", "stagedoor history orders prod"},
		{"history a --format junit", "there is text and json"},
	} {
		var stdout, stderr bytes.Buffer
		env := &Environment{Stdout: &stdout, Stderr: &stderr, Getenv: func(string) string { return "" }}
		if code := run(env, strings.Fields(c.args)); code != exitFailed || !strings.Contains(stderr.String(), c.want) {
			t.Errorf("%s: exit code %d, %s", c.args, code, stderr.String())
		}
	}
}

// The own process lives, and no process has the number 0.
func TestAlive(t *testing.T) {
	if !alive(os.Getpid()) || alive(0) || alive(-1) {
		t.Error("alive tells living from dead")
	}
	if machine("a") == machine("b") || len(machine("a")) != 8 {
		t.Error(machine("a"))
	}
	if c := caller(); !strings.Contains(c.Name, "@") || c.PID != os.Getpid() {
		t.Errorf("%+v", c)
	}
}
