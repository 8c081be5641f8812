package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/why"
)

// A log of an AWS account, explained from a dump of it.
func TestExplainFailures(t *testing.T) {
	const group = "API-Gateway-Execution-Logs_a1b2c3d4e5/prod"
	d, err := readDump(causes + "22.json") // the authorizer's function is not granted on prod
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, lines string
		want, not   []string
	}{
		{"an authorizer", "(r-1) Starting authorizer: auth01 for request: r-1\n" +
			"(r-1) Execution failed due to configuration error: Invalid permissions on Lambda function\n" +
			"(r-1) Execution failed due to configuration error: Authorizer error",
			[]string{
				"1 call failed: authorizer auth01 on stage prod of a1b2c3d4e5", "request r-1",
				"Nothing allows API Gateway to call function check-prod", "--source-arn arn:aws:execute-api:eu-central-1:111122223333:a1b2c3d4e5/authorizers/auth01",
			}, []string{"changed after", "does not tell which"}},
		{"a method that passes now", "(r-2) HTTP Method: GET, Resource Path: /hello\n(r-2) Execution failed due to configuration error: Invalid permissions on Lambda function",
			[]string{"GET /hello on stage prod", "It would be allowed now"}, []string{"Mend it"}},
		{"a method that is gone", "(r-3) HTTP Method: GET, Resource Path: /gone\n(r-3) Execution failed due to configuration error: Invalid permissions on Lambda function",
			[]string{"No method of this account and region fits"}, nil},
		{"a caller", "(r-4) User: anonymous is not authorized to perform: execute-api:Invoke on resource: x",
			[]string{"stagedoor doctor --caller"}, []string{"Mend it"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var events []why.LogEvent
			for line := range strings.SplitSeq(tc.lines, "\n") {
				events = append(events, why.LogEvent{Time: time.Unix(0, 0), Message: line})
			}
			var out bytes.Buffer
			all := logFailures{LogGroup: group, Failures: explainFailures(d, group, why.Failures(group, events))}
			if err := all.print(&Environment{Stdout: &out}); err != nil {
				t.Fatal(err)
			}
			joined := strings.Join(strings.Fields(out.String()), " ")
			for _, want := range tc.want {
				if !strings.Contains(joined, want) {
					t.Errorf("%q is missing in:\n%s", want, out.String())
				}
			}
			for _, not := range tc.not {
				if strings.Contains(joined, not) {
					t.Errorf("%q is in:\n%s", not, out.String())
				}
			}
		})
	}
}

func TestWhyLogsFlags(t *testing.T) {
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"--profile", "prod"}, "name one with --log-group"},
		{[]string{"--log-group", "g", "id"}, "does not go with an id"},
		{[]string{"--log-group", "g", "--since", "0s"}, "how far back"},
		{[]string{"--log-group", "g", "--endpoint-url", "http://127.0.0.1:1"}, "nothing listens at http://127.0.0.1:1"},
	} {
		var out, errs bytes.Buffer
		env := &Environment{Stdout: &out, Stderr: &errs, Getenv: func(string) string { return "" }}
		if code := run(env, append([]string{"why"}, tc.args...)); code == 0 || !strings.Contains(errs.String(), tc.want) {
			t.Errorf("%v: exit code %d, %q", tc.args, code, errs.String())
		}
	}
}
