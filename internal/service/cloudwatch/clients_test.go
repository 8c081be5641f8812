package cloudwatch_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// needs skips a test that runs a client which is not installed; in CI it must be.
func needs(t *testing.T, what string, probe *exec.Cmd) {
	t.Helper()
	if err := probe.Run(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("CI has no %s: %v", what, err)
		}
		t.Skipf("%s is not installed", what)
	}
}

func run(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_DEFAULT_REGION=us-east-1",
		"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_PAGER=", "AWS_EC2_METADATA_DISABLED=true")
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, complaint.String())
	}
	return out
}

// TestBoto3 is testdata/clients.py: boto3 sends JSON, compressed where it is large.
func TestBoto3(t *testing.T) {
	needs(t, "boto3", exec.Command("python3", "-c", "import boto3"))
	run(t, "python3", "testdata/clients.py", newWorld(t, time.Now).url)
}

// TestCLI: the AWS CLI puts a metric and reads it again.
func TestCLI(t *testing.T) {
	needs(t, "the AWS CLI", exec.Command("aws", "--version"))
	w := newWorld(t, time.Now)
	cli := func(args ...string) []byte {
		return run(t, "aws", append([]string{"--endpoint-url", w.url, "--output", "json", "cloudwatch"}, args...)...)
	}
	cli("put-metric-data", "--namespace", "app", "--metric-name", "errors", "--dimensions", "stage=prod", "--value", "3", "--unit", "Count")
	from, to := time.Now().Add(-5*time.Minute).UTC(), time.Now().Add(time.Minute).UTC()
	queries := `[{"Id":"e","MetricStat":{"Metric":{"Namespace":"app","MetricName":"errors","Dimensions":[{"Name":"stage","Value":"prod"}]},"Period":60,"Stat":"Sum"}}]`
	out := cli("get-metric-data", "--metric-data-queries", queries, "--start-time", from.Format(time.RFC3339), "--end-time", to.Format(time.RFC3339))
	var got struct {
		MetricDataResults []struct {
			ID, Label, StatusCode string
			Values                []float64
		}
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	if r := got.MetricDataResults; len(r) != 1 || r[0].ID != "e" || r[0].Label != "errors" || r[0].StatusCode != "Complete" || len(r[0].Values) != 1 || r[0].Values[0] != 3 {
		t.Errorf("%s", out)
	}
}

// TestQueryProtocol: older clients send forms and read XML (AWS recording
// test_basic_operations_multiple_protocols has the form of the answer).
func TestQueryProtocol(t *testing.T) {
	w := newWorld(t, atNoon)
	post := func(body string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), "POST", w.url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20261122/us-east-1/monitoring/aws4_request, SignedHeaders=host, Signature=00")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		before, _, _ := strings.Cut(string(text), "<ResponseMetadata>")
		before, _, _ = strings.Cut(before, "<RequestId>")
		return res.StatusCode, before
	}
	const put = "Action=PutMetricData&Version=2010-08-01&Namespace=n&MetricData.member.1.MetricName=m&MetricData.member.1.Timestamp=2026-11-22T11:58:30Z&MetricData.member.1."
	if status, text := post(put + "Value=41"); status != 200 || !strings.HasPrefix(text, `<PutMetricDataResponse xmlns="http://monitoring.amazonaws.com/doc/2010-08-01/">`) {
		t.Errorf("%d %s", status, text)
	}
	status, text := post("Action=GetMetricData&Version=2010-08-01&StartTime=2026-11-22T11:55:00Z&EndTime=2026-11-22T12:00:00Z&MetricDataQueries.member.1.Id=some&" +
		"MetricDataQueries.member.1.MetricStat.Metric.Namespace=n&MetricDataQueries.member.1.MetricStat.Metric.MetricName=m&" +
		"MetricDataQueries.member.1.MetricStat.Period=60&MetricDataQueries.member.1.MetricStat.Stat=Sum")
	want := `<GetMetricDataResponse xmlns="http://monitoring.amazonaws.com/doc/2010-08-01/"><GetMetricDataResult><MetricDataResults><member>` +
		`<Id>some</Id><Label>m</Label><Timestamps><member>2026-11-22T11:58:00Z</member></Timestamps><Values><member>41.0</member></Values>` +
		`<StatusCode>Complete</StatusCode></member></MetricDataResults><Messages/></GetMetricDataResult>`
	if d := cmp.Diff(want, text); d != "" || status != 200 {
		t.Errorf("%d %s", status, d)
	}
	status, text = post(put + "Value=1&MetricData.member.1.Values.member.1=1")
	want = `<ErrorResponse xmlns="http://monitoring.amazonaws.com/doc/2010-08-01/"><Error><Type>Sender</Type><Code>InvalidParameterCombination</Code>` +
		`<Message>The parameters MetricData.member.1.Value and MetricData.member.1.Values are mutually exclusive and you have specified both.</Message></Error>`
	if d := cmp.Diff(want, text); d != "" || status != 400 {
		t.Errorf("%d %s", status, d)
	}
}
