package doctor_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/doctor"
	"github.com/stagedoor/stagedoor/internal/target"
)

const (
	httpUpdate    = "aws apigatewayv2 update-integration --region eu-central-1 --api-id h1h2h3h4h5 --integration-id i1 "
	httpFunction  = "arn:aws:lambda:eu-central-1:111122223333:function:hello"
	httpURI       = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/" + httpFunction + "/invocations"
	httpStage     = "aws apigatewayv2 update-stage --region eu-central-1 --api-id h1h2h3h4h5 --stage-name "
	httpDeploy    = "aws apigatewayv2 create-deployment --region eu-central-1 --api-id h1h2h3h4h5 --stage-name prod"
	httpVariables = `--stage-variables '{"fn":"hello","other":"x"}'`
)

// Integrations and variables of HTTP and WebSocket APIs are mended by the
// commands of API Gateway V2 (aws CLI reference apigatewayv2); a stage that
// deploys itself needs no deployment.
func TestFixesOfHTTPAPIs(t *testing.T) {
	for _, c := range []struct {
		name, file, code string
		change           func(a *target.HTTPAPI)
		want             []string
	}{
		{"malformed URI", "19", "SD038", func(a *target.HTTPAPI) {
			a.Integrations[0].IntegrationUri = aws.String(strings.Replace(httpURI, "/invocations", "/invoke", 1))
		}, []string{httpUpdate + "--integration-uri " + httpURI}},
		{"malformed URI of a stage that is deployed by hand", "20", "SD038", func(a *target.HTTPAPI) {
			a.Integrations[0].IntegrationUri = aws.String("hello " + httpFunction)
			a.Stages[0].AutoDeploy = nil
		}, []string{httpUpdate + "--integration-uri " + httpURI, httpDeploy}},
		{"WebSocket integration with GET", "20", "SD037", func(a *target.HTTPAPI) {
			a.Integrations[0].IntegrationMethod = aws.String("GET")
		}, []string{httpUpdate + "--integration-method POST"}},
		{"undefined variable", "19", "SD039", func(a *target.HTTPAPI) {
			a.Integrations[0].IntegrationUri = aws.String(strings.Replace(httpFunction, "hello", "${stageVariables.fn}", 1))
			a.Stages = append(a.Stages, a.Stages[0])
			a.Stages[0].StageVariables = map[string]string{"other": "x"}
			a.Stages[1].StageName, a.Stages[1].StageVariables = aws.String("dev"), map[string]string{"fn": "hello"}
		}, []string{httpStage + `'$default' ` + httpVariables}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := load(t, c.file)
			c.change(d.HTTPAPIs[0])
			report := doctor.Examine(d, doctor.Options{})
			f := withCode(report.Findings, c.code)
			if f == nil {
				t.Fatalf("no %s:\n%s", c.code, describe(report.Findings))
			}
			for _, line := range c.want {
				if !slices.Contains(f.Fix, line) {
					t.Errorf("no %s\nin\n%s", line, strings.Join(f.Fix, "\n"))
				}
			}
			var told []string
			if err := report.Apply(context.Background(), nil, c.want, func(line string) { told = append(told, line) }); err != nil || !strings.HasPrefix(told[0], "(to run by hand) aws apigatewayv2") {
				t.Errorf("applied: %v %q", err, told)
			}
		})
	}
}

// A foreign endpoint (moto 5.2, read over HTTP) answers otherwise than AWS: an
// export in another format and without integrations, one policy for all
// qualifiers with the statements of each, no operation for the authorizers of
// HTTP APIs, pages of HTML for errors. The verdicts are right nevertheless, and
// what is not known is said.
func TestForeignEndpoint(t *testing.T) {
	f, err := os.Open(filepath.Join("testdata", "moto.json"))
	must(t, err)
	defer f.Close()
	d, err := target.Load(f)
	must(t, err)
	report := doctor.Examine(d, doctor.Options{})
	got := map[string]doctor.Verdict{}
	for _, c := range report.Cells {
		got[c.Stage+" "+c.Method] = c.Verdict
	}
	want := map[string]doctor.Verdict{
		"$default GET /x": doctor.Refused,
		"dev GET /alias":  doctor.Passes, "prod GET /alias": doctor.Passes,
		"dev GET /role": doctor.Passes, "prod GET /role": doctor.Passes,
		"dev GET /hello": doctor.Passes, "prod GET /hello": doctor.Refused,
		"dev GET /auth": doctor.Refused, "prod GET /auth": doctor.Refused,
		"dev authorizer jwt": doctor.Refused, "prod authorizer jwt": doctor.Refused,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, code := range []string{"SD040", "SD027"} {
		if f := withCode(report.Findings, code); f != nil {
			t.Errorf("%s: %s", code, f.Sentence)
		}
	}
	notes := strings.Join(report.Notes, "\n")
	for _, want := range []string{"The authorizers of API rzqqmjsb could not be read", "The live configuration was examined"} {
		if !strings.Contains(notes, want) {
			t.Errorf("no %q in\n%s", want, notes)
		}
	}
}
