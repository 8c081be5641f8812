package cli

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/internal/target"
)

// causes are the dumps that package doctor is proven on.
const causes = "../doctor/testdata/causes/"

// doctorRun runs the command and returns what it says and its exit code.
func doctorRun(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	env := &Environment{Stdout: &out, Stderr: &errs, Getenv: func(string) string { return "" }}
	code = run(env, append([]string{"doctor"}, args...))
	return out.String(), errs.String(), code
}

func TestDoctorText(t *testing.T) {
	out, _, code := doctorRun(t, "--from", causes+"22.json")
	if code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	const want = `
  stagedoor doctor  account 111122223333 · eu-central-1

  shop  a1b2c3d4e5
                  dev  prod
    GET     /hello ✓    ✓
    auth    jwt    ✓    ✗

  ✗ SD022  an authorizer's function behind a stage variable is not granted
    authorizer jwt on prod of shop
    Nothing allows API Gateway to call function check-prod. The SourceArn of an authorizer names no
    stage: it is the API's id, the word authorizers and the authorizer's id.
    calls      arn:aws:lambda:eu-central-1:111122223333:function:check-prod
    SourceArn  arn:aws:execute-api:eu-central-1:111122223333:a1b2c3d4e5/authorizers/auth01
    read       policy of check-prod: there is none
    check-dev already has such a grant. Each function that a stage variable leads to needs its own.
aws lambda add-permission --region eu-central-1 --function-name check-prod \
    --statement-id apigateway-a1b2c3d4e5-authorizer-auth01 --action lambda:InvokeFunction \
    --principal apigateway.amazonaws.com \
    --source-arn arn:aws:execute-api:eu-central-1:111122223333:a1b2c3d4e5/authorizers/auth01
`
	if !strings.HasPrefix(out, want) {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
}

func TestDoctorExitCodes(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken.json")
	if err := os.WriteFile(broken, []byte(`{"format":"stagedoor-account","version":1,`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args   string
		code   int
		stderr string
	}{
		{"--from " + causes + "01.json", 2, "no such file"},
		{"--from " + broken, 2, "the dump is truncated"},
		{"--from " + causes + "46.json --fail-on warning", 0, ""},
		{"--from " + causes + "40.json", 1, ""},
		{"--from " + causes + "40.json --fail-on never", 0, ""},
		{"--from " + causes + "40.json --fail-on sometimes", 2, "it is error, warning, info or never"},
		{"--from " + causes + "40.json --format yaml", 2, "there is text, json, junit"},
		{"--from " + causes + "40.json --apply", 2, "--apply changes a place"},
		{"--from " + causes + "40.json --profile p", 2, "--from examines a file"},
		{"--yes", 2, "--yes goes with --apply"},
		{"--no-such-flag", 2, "unknown flag"},
		{"argument", 2, "takes no arguments"},
		{"--endpoint-url http://127.0.0.1:1", 2, "nothing listens at http://127.0.0.1:1"},
	} {
		t.Run(c.args, func(t *testing.T) {
			_, stderr, code := doctorRun(t, strings.Fields(c.args)...)
			if code != c.code || !strings.Contains(stderr, c.stderr) {
				t.Errorf("code %d, %q; want %d, %q", code, stderr, c.code, c.stderr)
			}
		})
	}
}

func TestDoctorFormats(t *testing.T) {
	for _, c := range []struct {
		format string
		check  func(t *testing.T, out string)
	}{
		{"json", func(t *testing.T, out string) {
			var r struct {
				Cells    []struct{ Verdict, Code string }
				Findings []struct{ Code string }
			}
			if err := json.Unmarshal([]byte(out), &r); err != nil || len(r.Cells) != 4 || r.Findings[0].Code != "SD022" {
				t.Errorf("%v %+v", err, r)
			}
		}},
		{"junit", func(t *testing.T, out string) {
			var s struct {
				Tests    int `xml:"tests,attr"`
				Failures int `xml:"failures,attr"`
			}
			if err := xml.Unmarshal([]byte(out), &s); err != nil || s.Tests != 4 || s.Failures != 1 {
				t.Errorf("%v %+v", err, s)
			}
		}},
		{"sarif", func(t *testing.T, out string) {
			var s struct {
				Version string
				Runs    []struct {
					Results []struct{ RuleID, Level string }
				}
			}
			if err := json.Unmarshal([]byte(out), &s); err != nil || s.Version != "2.1.0" || s.Runs[0].Results[0].RuleID != "SD022" || s.Runs[0].Results[0].Level != "error" {
				t.Errorf("%v %+v", err, s)
			}
		}},
		{"cloudformation", func(t *testing.T, out string) {
			var s struct {
				Resources map[string]struct {
					Type       string
					Properties struct{ FunctionName, SourceArn string }
				}
			}
			if err := json.Unmarshal([]byte(out), &s); err != nil || len(s.Resources) != 1 {
				t.Errorf("%v %+v", err, s)
			}
			for _, r := range s.Resources {
				if r.Type != "AWS::Lambda::Permission" || r.Properties.FunctionName != "check-prod" {
					t.Errorf("%+v", r)
				}
			}
		}},
		{"terraform", contains(`resource "aws_lambda_permission" "check_prod_apigateway_a1b2c3d4e5_authorizer_auth01" {`, `function_name          = "check-prod"`)},
		{"sh", contains("#!/bin/sh\n", "set -e\n", "aws lambda add-permission --region eu-central-1 --function-name check-prod ")},
	} {
		t.Run(c.format, func(t *testing.T) {
			out, stderr, code := doctorRun(t, "--from", causes+"22.json", "--format", c.format)
			if code != 1 || stderr != "" {
				t.Errorf("code %d, %q", code, stderr)
			}
			c.check(t, out)
		})
	}
}

func contains(parts ...string) func(t *testing.T, out string) {
	return func(t *testing.T, out string) {
		for _, part := range parts {
			if !strings.Contains(out, part) {
				t.Errorf("no %q in\n%s", part, out)
			}
		}
	}
}

func TestDoctorFixAndSave(t *testing.T) {
	file := filepath.Join(t.TempDir(), "account.json")
	out, _, _ := doctorRun(t, "--from", causes+"40.json", "--fix", "--save", file)
	if want := "aws apigateway create-deployment --region eu-central-1 --rest-api-id a1b2c3d4e5 --stage-name prod\n"; out != want {
		t.Errorf("--fix: %q", out)
	}
	if again, _, _ := doctorRun(t, "--from", file, "--fix"); again != out {
		t.Errorf("from the saved dump: %q", again)
	}
}

func TestDoctorHelpHasTheReadPolicy(t *testing.T) {
	out, _, _ := doctorRun(t, "--help")
	if !strings.Contains(out, target.ReadPolicy) {
		t.Error("the IAM policy is missing")
	}
}
