package doctor_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	rest "github.com/aws/aws-sdk-go-v2/service/apigateway/types"

	"github.com/stagedoor/stagedoor/internal/doctor"
	"github.com/stagedoor/stagedoor/internal/target"
)

// A canary with a deployment of its own (APIGW-DG canary-release: a deployment
// that is made for the canary is not the stage's before it is promoted). With an
// export of the stage nothing is known of the canary but the names of its
// methods; where the live configuration is all there is, that is judged.
func TestCanaryDeployments(t *testing.T) {
	summary := func(names ...string) map[string]map[string]rest.MethodSnapshot {
		out := map[string]map[string]rest.MethodSnapshot{}
		for _, name := range names {
			verb, path, _ := strings.Cut(name, " ")
			if out[path] == nil {
				out[path] = map[string]rest.MethodSnapshot{}
			}
			out[path][verb] = rest.MethodSnapshot{AuthorizationType: aws.String("NONE")}
		}
		return out
	}
	const export = `{"openapi":"3.0.1","paths":{"/hello":{"get":{"x-amazon-apigateway-integration":{"type":"aws_proxy","httpMethod":"POST",
		"uri":"arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:111122223333:function:hello-${stageVariables.env}/invocations"}}}}}`
	for _, c := range []struct {
		name   string
		change func(a *target.RestAPI)
		want   []string     // "method share verdict"
		level  doctor.Level // of the finding that the live configuration is not deployed
	}{
		{"of the stage's deployment", func(*target.RestAPI) {}, []string{"GET /hello  passes", "GET /hello canary 10 % refused"}, ""},
		{"exported", func(a *target.RestAPI) {
			a.Exports = map[string]json.RawMessage{"prod": json.RawMessage(export)}
		}, []string{"GET /hello  passes", "GET /hello canary 10 % refused"}, ""},
		{"of its own", func(a *target.RestAPI) {
			a.Exports = map[string]json.RawMessage{"prod": json.RawMessage(export)}
			a.Stages[0].CanarySettings.DeploymentId = aws.String("dep002")
		}, []string{"GET /hello  passes", "GET /hello canary 10 % undecided"}, ""},
		{"of its own, its methods known", func(a *target.RestAPI) {
			a.Exports = map[string]json.RawMessage{"prod": json.RawMessage(export)}
			a.Stages[0].CanarySettings.DeploymentId = aws.String("dep002")
			a.Deployments = map[string]rest.Deployment{"dep002": {ApiSummary: summary("POST /new", "GET /hello")}}
		}, []string{"GET /hello  passes", "GET /hello canary 10 % undecided", "POST /new canary 10 % undecided"}, ""},
		{"of its own, live configuration only", func(a *target.RestAPI) {
			a.Stages[0].CanarySettings.DeploymentId = aws.String("dep002")
		}, []string{"GET /hello  passes", "GET /hello canary 10 % refused"}, ""},
		{"of its own, live configuration only, without the method", func(a *target.RestAPI) {
			a.Stages[0].CanarySettings.DeploymentId = aws.String("dep002")
			a.Deployments = map[string]rest.Deployment{"dep002": {ApiSummary: summary("POST /new")}}
		}, []string{"GET /hello  passes"}, ""},
		{"while the stage lacks a method", func(a *target.RestAPI) {
			a.Exports = map[string]json.RawMessage{"prod": json.RawMessage(`{"openapi":"3.0.1","paths":{}}`)}
			a.Stages[0].CanarySettings.DeploymentId, a.Stages[0].CanarySettings.PercentTraffic = aws.String("dep002"), 0
		}, nil, doctor.Info},
		{"no canary, and the stage lacks a method", func(a *target.RestAPI) {
			a.Exports = map[string]json.RawMessage{"prod": json.RawMessage(`{"openapi":"3.0.1","paths":{}}`)}
			a.Stages[0].CanarySettings = nil
		}, nil, doctor.Warning},
		{"of its own, without traffic", func(a *target.RestAPI) {
			a.Exports = map[string]json.RawMessage{"prod": json.RawMessage(export)}
			a.Stages[0].CanarySettings.DeploymentId, a.Stages[0].CanarySettings.PercentTraffic = aws.String("dep002"), 0
		}, []string{"GET /hello  passes"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := load(t, "canary")
			c.change(d.RestAPIs[0])
			report := doctor.Examine(d, doctor.Options{})
			var got []string
			for _, cell := range report.Cells {
				got = append(got, cell.Method+" "+cell.Share+" "+string(cell.Verdict))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
			if c.level != "" {
				f := withCode(report.Findings, "SD040")
				if f == nil || f.Level != c.level || (len(f.Fix) > 0) != (c.level == doctor.Warning) {
					t.Errorf("SD040: %+v", f)
				}
			}
			undecided := slices.ContainsFunc(report.Cells, func(c doctor.Cell) bool { return c.Verdict == doctor.Undecided })
			if f := withCode(report.Findings, "SD100"); (f != nil) != undecided {
				t.Errorf("SD100: %+v", f)
			}
			for _, format := range doctor.Formats() {
				var b strings.Builder
				must(t, report.Write(&b, format, false))
				if undecided && format == "junit" && !strings.Contains(b.String(), "<skipped") {
					t.Errorf("junit:\n%s", b.String())
				}
			}
		})
	}
}

// A method that is deployed and deleted since: the export judges it, and the
// live configuration alone cannot.
func TestDeployedAndDeleted(t *testing.T) {
	const gone = `{"openapi":"3.0.1","paths":{"/old":{"get":{"x-amazon-apigateway-integration":{"type":"mock"}}}}}`
	deployments := map[string]rest.Deployment{"dep001": {ApiSummary: map[string]map[string]rest.MethodSnapshot{"/old": {"GET": {}}}}}
	for _, c := range []struct {
		name   string
		change func(a *target.RestAPI)
		want   doctor.Verdict
	}{
		{"exported", func(a *target.RestAPI) { a.Exports = map[string]json.RawMessage{"prod": json.RawMessage(gone)} }, doctor.Passes},
		{"live configuration only", func(a *target.RestAPI) { a.Deployments = deployments }, doctor.Undecided},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := load(t, "canary")
			d.RestAPIs[0].Stages[0].CanarySettings = nil
			c.change(d.RestAPIs[0])
			report := doctor.Examine(d, doctor.Options{})
			if len(report.Cells) != 1 || report.Cells[0].Method != "GET /old" || report.Cells[0].Verdict != c.want {
				t.Errorf("%+v", report.Cells)
			}
			if f := withCode(report.Findings, "SD040"); f == nil || !strings.Contains(f.Sentence, "deployed still, but deleted: GET /old") {
				t.Errorf("SD040: %+v", f)
			}
		})
	}
}
