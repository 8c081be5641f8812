package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/stagedoor/stagedoor"
	"github.com/stagedoor/stagedoor/internal/cli"
)

func TestMain(m *testing.M) {
	stagedoor.FirstStage()
	testscript.Main(m, map[string]func(){
		"stagedoor": func() { os.Exit(cli.Main(os.Args[1:], "v0.0.0-test")) },
	})
}

// TestScript runs the scripts of testdata/script: real clients against the
// real program. A script says which clients it needs with [aws], [boto3],
// [terraform], [node], [python3]; where one is missing the script is skipped by
// name, except in CI, where it fails.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setup,
		Condition:           condition,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"up":         up,
			"down":       down,
			"kill9":      kill9,
			"set":        set,
			"get":        get,
			"eventually": eventually,
			"zipfile":    zipfile,
			"bootstrap":  bootstrap,
			"nats":       natsServer,
		},
	})
}

// setup gives every script an empty home and the environment of a user who
// ran eval "$(stagedoor env)" (up adds the endpoint).
func setup(env *testscript.Env) error {
	work := env.WorkDir
	env.Values[runningKey{}] = &running{}
	for _, pair := range []string{
		"HOME=" + work, "XDG_DATA_HOME=" + work + "/.data",
		"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
		"AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1",
		"DOLLAR=$", "AWS_PAGER=", "AWS_MAX_ATTEMPTS=1", "AWS_EC2_METADATA_DISABLED=true",
		"NO_COLOR=1", "REGION=us-east-1", "ACCOUNT=000000000000",
	} {
		name, value, _ := strings.Cut(pair, "=")
		env.Setenv(name, value)
	}
	if dir := pythonDir(); dir != "" {
		// A version manager's shims want the real home; the interpreter's own
		// directory, first in the path, does without them.
		env.Setenv("PATH", prepend(env.Getenv("PATH"), dir))
	}
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		return err
	}
	env.Setenv("EXAMPLES", examples)
	mirror := terraformMirror()
	if mirror == "" {
		return nil
	}
	config := fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror)
	env.Setenv("TF_CLI_CONFIG_FILE", work+"/terraform.rc")
	env.Setenv("CHECKPOINT_DISABLE", "1")
	return os.WriteFile(work+"/terraform.rc", []byte(config), 0o644)
}

// prepend puts dir behind the first entry of path, which is where testscript
// keeps the stagedoor command.
func prepend(path, dir string) string {
	first, rest, _ := strings.Cut(path, string(os.PathListSeparator))
	return strings.Join([]string{first, dir, rest}, string(os.PathListSeparator))
}

// pythonDir is where the real python3 and what pip installed beside it are.
var pythonDir = sync.OnceValue(func() string {
	out, err := exec.Command("python3", "-c", "import os, sys; print(os.path.dirname(os.path.realpath(sys.executable)))").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
})

// terraformMirror finds a filesystem mirror that holds the AWS provider:
// STAGEDOOR_TERRAFORM_MIRROR, or a directory two levels below the root.
var terraformMirror = sync.OnceValue(func() string {
	if dir := os.Getenv("STAGEDOOR_TERRAFORM_MIRROR"); dir != "" {
		return dir
	}
	found, _ := filepath.Glob("/*/*/*/hashicorp/aws/*/linux_amd64")
	if len(found) == 0 {
		return ""
	}
	mirror := found[0]
	for range 5 {
		mirror = filepath.Dir(mirror)
	}
	return mirror
})

func condition(name string) (bool, error) {
	var err error
	switch name {
	case "aws", "node", "python3":
		_, err = exec.LookPath(name)
	case "boto3":
		err = exec.Command("python3", "-c", "import boto3").Run()
	case "terraform":
		if _, err = exec.LookPath("terraform"); err == nil && terraformMirror() == "" {
			err = errors.New("no filesystem mirror with the AWS provider (STAGEDOOR_TERRAFORM_MIRROR names one)")
		}
	default:
		return false, fmt.Errorf("unknown condition %q", name)
	}
	if err != nil && os.Getenv("CI") == "true" {
		return false, fmt.Errorf("%s is missing, and in CI its tests must run: %w", name, err)
	}
	return err == nil, nil
}
