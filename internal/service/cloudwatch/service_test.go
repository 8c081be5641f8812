package cloudwatch_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/awswire"
	"github.com/stagedoor/stagedoor/internal/metrics"
	service "github.com/stagedoor/stagedoor/internal/service/cloudwatch"
	"github.com/stagedoor/stagedoor/internal/store/storetest"
)

const (
	account = "000000000000"
	region  = "us-east-1"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// world is a service behind HTTP and the real SDK client before it. It is noon.
type world struct {
	*cloudwatch.Client
	t       testing.TB
	ctx     context.Context
	metrics *metrics.Metrics
	url     string
	service *service.Service
}

func newWorld(t testing.TB, now func() time.Time) *world {
	t.Helper()
	m, err := metrics.New(storetest.New(t), metrics.Options{Logger: slog.New(slog.DiscardHandler), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close(context.Background()) })
	s := service.New(m, service.Options{Now: now})
	server := httptest.NewServer(awswire.NewServer(awswire.ServerOptions{
		Services: map[string]awswire.Operations{"cloudwatch": s.Operations()},
		Account:  account, Region: region, Logger: slog.New(slog.DiscardHandler),
	}))
	t.Cleanup(server.Close)
	client := cloudwatch.New(cloudwatch.Options{
		BaseEndpoint: &server.URL, Region: region, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	return &world{Client: client, t: t, ctx: t.Context(), metrics: m, url: server.URL, service: s}
}

func atNoon() time.Time { return noon }

// put adds data to namespace "n".
func (w *world) put(data ...types.MetricDatum) {
	w.t.Helper()
	if _, err := w.PutMetricData(w.ctx, &cloudwatch.PutMetricDataInput{Namespace: aws.String("n"), MetricData: data}); err != nil {
		w.t.Fatal(err)
	}
}

// datum is a value of a metric, so many minutes before noon.
func datum(name string, minutes int, values ...float64) types.MetricDatum {
	return types.MetricDatum{MetricName: &name, Timestamp: aws.Time(noon.Add(-time.Duration(minutes) * time.Minute)), Values: values}
}

func metric(id, name, stat string, period int32) types.MetricDataQuery {
	return types.MetricDataQuery{Id: &id, MetricStat: &types.MetricStat{
		Metric: &types.Metric{Namespace: aws.String("n"), MetricName: &name}, Stat: &stat, Period: &period,
	}}
}

func expression(id, text string) types.MetricDataQuery {
	return types.MetricDataQuery{Id: &id, Expression: &text}
}

func hidden(q types.MetricDataQuery) types.MetricDataQuery {
	q.ReturnData = aws.Bool(false)
	return q
}

// lastTen asks for the ten minutes before noon, the oldest first.
func lastTen(queries ...types.MetricDataQuery) *cloudwatch.GetMetricDataInput {
	return &cloudwatch.GetMetricDataInput{MetricDataQueries: queries, StartTime: aws.Time(noon.Add(-10 * time.Minute)),
		EndTime: &noon, ScanBy: types.ScanByTimestampAscending}
}

// shown is an answer as "id label: -2=1.5 -1=3", the minutes before noon.
func shown(results []types.MetricDataResult) (lines []string) {
	for _, r := range results {
		line := *r.Id + " " + *r.Label + ":"
		for i, v := range r.Values {
			line += fmt.Sprintf(" %g=%g", r.Timestamps[i].Sub(noon).Minutes(), math.Round(v*1e6)/1e6)
		}
		lines = append(lines, line)
	}
	return lines
}

// fault is an error's code and message.
func fault(err error) string {
	var e smithy.APIError
	if !errors.As(err, &e) {
		return fmt.Sprint(err)
	}
	return e.ErrorCode() + ": " + e.ErrorMessage()
}

// TestPutRefused: the errors of PutMetricData.
func TestPutRefused(t *testing.T) {
	w := newWorld(t, atNoon)
	name, one := aws.String("m"), aws.Float64(1)
	many := make([]types.MetricDatum, 1001)
	for i := range many {
		many[i] = types.MetricDatum{MetricName: name, Value: one}
	}
	set := &types.StatisticSet{SampleCount: one, Sum: one, Minimum: one, Maximum: one}
	for _, c := range []struct {
		name   string
		source string
		in     types.MetricDatum
		want   string
	}{
		{"value and values", "AWS recording test_put_metric_data_validation", types.MetricDatum{Value: one, Values: []float64{1}},
			"InvalidParameterCombination: The parameters MetricData.member.1.Value and MetricData.member.1.Values are mutually exclusive and you have specified both."},
		{"sizes", "AWS recording test_put_metric_data_validation", types.MetricDatum{Values: []float64{1, 2}, Counts: []float64{1}},
			"InvalidParameterValue: The parameters MetricData.member.1.Values and MetricData.member.1.Counts must be of the same size."},
		{"value and statistics", "AWS recording test_put_metric_data_validation", types.MetricDatum{Value: one, StatisticValues: set},
			"InvalidParameterCombination: The parameters MetricData.member.1.Value and MetricData.member.1.StatisticValues are mutually exclusive and you have specified both."},
		{"nothing", "AdRoll/goamz#301", types.MetricDatum{},
			"InvalidParameterCombination: At least one of the parameters MetricData.member.1.Value and MetricData.member.1.StatisticValues must be specified."},
		{"NaN", "sj26/sidekiq-cloudwatchmetrics#16", types.MetricDatum{Value: aws.Float64(math.NaN())},
			"InvalidParameterValue: The value NaN for parameter MetricData.member.1.Value is invalid."},
		{"infinite", "API reference, PutMetricData", types.MetricDatum{Value: aws.Float64(math.Inf(-1))},
			"InvalidParameterValue: The value -Infinity for parameter MetricData.member.1.Value is invalid."},
		{"too large", "API reference: -2^360 to 2^360", types.MetricDatum{Value: aws.Float64(math.Ldexp(1, 361))},
			"InvalidParameterValue: The value 4.6970851655476665e+108 for parameter MetricData.member.1.Value is invalid."},
		{"old", "cloud-custodian/cloud-custodian#2559", types.MetricDatum{Value: one, Timestamp: aws.Time(noon.Add(-15 * 24 * time.Hour))},
			"InvalidParameterValue: The parameter MetricData.member.1.Timestamp must specify a time within the past two weeks."},
		{"resolution", "boto/botocore#1671", types.MetricDatum{Value: one, StorageResolution: aws.Int32(300)},
			"InvalidParameterValue: The parameter MetricData.member.1.StorageResolution must be a value in the set [ 1, 60 ]."},
		{"values", "aws/aws-sdk-java-v2#3080", types.MetricDatum{Values: make([]float64, 151)},
			"InvalidParameterValue: The collection MetricData.member.1.Values must not have a size greater than 150."},
		{"future", "API reference: 2 hours", types.MetricDatum{Value: one, Timestamp: aws.Time(noon.Add(3 * time.Hour))},
			"InvalidParameterValue: The parameter MetricData.member.1.Timestamp must specify a time no more than two hours in the future."},
		{"colon", "API reference, Dimension", types.MetricDatum{Value: one, Dimensions: []types.Dimension{{Name: aws.String(":a"), Value: name}}},
			"InvalidParameterValue: The value :a for parameter MetricData.member.1.Dimensions.member.1.Name is invalid."},
		{"not ASCII", "buildkite/buildkite-agent-metrics#32", types.MetricDatum{Value: one, Dimensions: []types.Dimension{{Name: name, Value: aws.String("ü")}}},
			"InvalidParameterValue: The value for parameter MetricData.member.1.Dimensions.member.1.Value contains non-ASCII characters."},
		{"unit", "as of SetAlarmState in AWS recording test_exception_serializing_with_no_shape_in_spec", types.MetricDatum{Value: one, Unit: "Apples"},
			"ValidationError: 1 validation error detected: Value 'Apples' at 'metricData.1.member.unit' failed to satisfy constraint: Member must satisfy enum value set: [" +
				"Megabits, Terabits, Gigabits, Count, Bytes, Gigabytes, Gigabytes/Second, Kilobytes, Kilobits/Second, Terabytes, Terabits/Second, Bytes/Second, Percent, " +
				"Megabytes, Megabits/Second, Milliseconds, Microseconds, Kilobytes/Second, Gigabits/Second, Megabytes/Second, Bits, Bits/Second, Count/Second, Seconds, Kilobits, Terabytes/Second, None]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.in.MetricName = name
			_, err := w.PutMetricData(w.ctx, &cloudwatch.PutMetricDataInput{Namespace: name, MetricData: []types.MetricDatum{c.in}})
			if d := cmp.Diff(c.want, fault(err)); d != "" {
				t.Errorf("%s: %s", c.source, d)
			}
		})
	}
	for _, c := range []struct {
		in   cloudwatch.PutMetricDataInput
		want string
	}{
		{cloudwatch.PutMetricDataInput{Namespace: name, MetricData: many}, "InvalidParameterValue: The collection MetricData must not have a size greater than 1000."},
		{cloudwatch.PutMetricDataInput{Namespace: name}, "MissingParameter: The parameter MetricData is required."},
		{cloudwatch.PutMetricDataInput{Namespace: aws.String("AWS/Lambda"), MetricData: many[:1]}, "InvalidParameterValue: The value AWS/Lambda for parameter Namespace is invalid."},
	} {
		_, err := w.PutMetricData(w.ctx, &c.in)
		if d := cmp.Diff(c.want, fault(err)); d != "" {
			t.Error(d)
		}
	}
	if list, err := w.ListMetrics(w.ctx, &cloudwatch.ListMetricsInput{}); err != nil || len(list.Metrics) != 0 {
		t.Errorf("something was put: %v %v", list, err)
	}
}

// TestMath: functions and operators of CloudWatch-UG: using-metric-math. a is 1
// to 4 in the minutes -4 to -1, b is 10 in -4 and 0 in -3 and -1, gaps is 5 in -4
// and 8 in -1.
func TestMath(t *testing.T) {
	w := newWorld(t, atNoon)
	w.put(datum("a", 4, 1), datum("a", 3, 2), datum("a", 2, 3), datum("a", 1, 4),
		datum("b", 4, 10), datum("b", 3, 0), datum("b", 1, 0),
		datum("gaps", 4, 5), datum("gaps", 1, 8))
	for _, c := range []struct{ text, want string }{
		{"a", "-4=1 -3=2 -2=3 -1=4"},
		{"a + b", "-4=11 -3=2 -1=4"},
		{"a - 1", "-4=0 -3=1 -2=2 -1=3"},
		{"2 * a / 4", "-4=0.5 -3=1 -2=1.5 -1=2"},
		{"a / b", "-4=0.1"},
		{"100 * (a / (a + b + 1e-36))", "-4=9.090909 -3=100 -1=100"},
		{"-a", "-4=-1 -3=-2 -2=-3 -1=-4"},
		{"2 ^ a", "-4=2 -3=4 -2=8 -1=16"},
		{"1 + 2 * a", "-4=3 -3=5 -2=7 -1=9"},
		{"a > 2", "-4=0 -3=0 -2=1 -1=1"},
		{"a > 1 && a < 4", "-4=0 -3=1 -2=1 -1=0"},
		{"a == 1 OR a == 4", "-4=1 -3=0 -2=0 -1=1"},
		{"a - MIN(a)", "-4=0 -3=1 -2=2 -1=3"},
		{"a - AVG(a)", "-4=-1.5 -3=-0.5 -2=0.5 -1=1.5"},
		{"a * 0 + STDDEV(a)", "-4=1.118034 -3=1.118034 -2=1.118034 -1=1.118034"},
		{"a * 0 + DATAPOINT_COUNT(a)", "-4=4 -3=4 -2=4 -1=4"},
		{"SUM([a, b])", "-4=11 -3=2 -2=3 -1=4"},
		{"SUM(METRICS())", "-4=16 -3=2 -2=3 -1=12"},
		{`MAX(METRICS("b"))`, "-4=10 -3=0 -1=0"},
		{"a * 0 + METRIC_COUNT(METRICS())", "-4=3 -3=3 -2=3 -1=3"},
		{"FILL(gaps, 0)", "-10=0 -9=0 -8=0 -7=0 -6=0 -5=0 -4=5 -3=0 -2=0 -1=8"},
		{"FILL(gaps, REPEAT)", "-4=5 -3=5 -2=5 -1=8"},
		{"FILL(gaps, LINEAR)", "-4=5 -3=6 -2=7 -1=8"},
		{"FILL(gaps, a)", "-4=5 -3=2 -2=3 -1=8"},
		{"RATE(gaps)", "-1=0.016667"},
		{"DIFF(a)", "-3=1 -2=1 -1=1"},
		{"DIFF_TIME(gaps)", "-1=180"},
		{"RUNNING_SUM(a)", "-4=1 -3=3 -2=6 -1=10"},
		{"IF(a > 2, a, 0)", "-4=0 -3=0 -2=3 -1=4"},
		{"IF(a > 2, a)", "-2=3 -1=4"},
		{"a / PERIOD(a)", "-4=0.016667 -3=0.033333 -2=0.05 -1=0.066667"},
		{"CEIL(a / 2) + FLOOR(a / 2) + ABS(-a)", "-4=2 -3=4 -2=6 -1=8"},
		{"LOG10(a * 0 + 1000)", "-4=3 -3=3 -2=3 -1=3"},
		{"TIME_SERIES(7) * (a > 0)", "-4=7 -3=7 -2=7 -1=7"},
		{"FIRST(SORT([a, gaps], MAX, DESC))", "-4=5 -1=8"},
		{"LAST(SORT([a, gaps], MAX, DESC, 2))", "-4=1 -3=2 -2=3 -1=4"},
		{"SLICE([a, b], 1)", "-4=10 -3=0 -1=0"},
		{"MINUTE(a)", "-4=56 -3=57 -2=58 -1=59"},
	} {
		t.Run(c.text, func(t *testing.T) {
			out, err := w.GetMetricData(w.ctx, lastTen(hidden(metric("a", "a", "Sum", 60)), hidden(metric("b", "b", "Sum", 60)),
				hidden(metric("gaps", "gaps", "Sum", 60)), expression("e", c.text)))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff([]string{"e e: " + c.want}, shown(out.MetricDataResults)); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestMathArrays: an expression whose value is an array gives a result for each,
// labelled "Expression-Label Metric-Label" (CloudWatch-UG: using-metric-math).
func TestMathArrays(t *testing.T) {
	w := newWorld(t, atNoon)
	w.put(datum("a", 2, 1), datum("b", 2, 3))
	e := expression("e", "METRICS() * 2")
	e.Label = aws.String("Twice")
	out, err := w.GetMetricData(w.ctx, lastTen(metric("a", "a", "Sum", 60), hidden(metric("b", "b", "Sum", 60)), e, expression("e2", "SUM(e)")))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"a a: -2=1", "e Twice a: -2=2", "e Twice b: -2=6", "e2 e2: -2=8"}, shown(out.MetricDataResults)); d != "" {
		t.Error(d)
	}
}

// TestGetRefused: the errors of GetMetricData, all of them at once, each in a
// line.
func TestGetRefused(t *testing.T) {
	w := newWorld(t, atNoon)
	a := metric("a", "a", "Sum", 60)
	with := func(change func(in *cloudwatch.GetMetricDataInput), queries ...types.MetricDataQuery) *cloudwatch.GetMetricDataInput {
		in := lastTen(queries...)
		if change != nil {
			change(in)
		}
		return in
	}
	for _, c := range []struct {
		name string
		in   *cloudwatch.GetMetricDataInput
		want string
	}{
		{"equal times: elastic/beats#32687", with(func(in *cloudwatch.GetMetricDataInput) { in.StartTime = in.EndTime }, a),
			"ValidationError: The parameter StartTime must not equal parameter EndTime.\n"},
		{"backwards: getmoto/moto#6380", with(func(in *cloudwatch.GetMetricDataInput) { in.StartTime, in.EndTime = in.EndTime, in.StartTime }, a),
			"ValidationError: The parameter EndTime must be greater than StartTime.\n"},
		{"statistics: yet-another-cloudwatch-exporter#385", with(nil, metric("a", "a", "None", 60), metric("b", "b", "p101", 60)),
			"ValidationError: The value None for parameter MetricDataQueries.member.1.MetricStat.Stat is not a valid statistic.\n" +
				"The value p101 for parameter MetricDataQueries.member.2.MetricStat.Stat is not a valid statistic.\n"},
		{"neither: getmoto/moto#6570", with(nil, types.MetricDataQuery{Id: aws.String("a")}),
			"ValidationError: The parameter MetricDataQueries.member.1.MetricStat is required.\n"},
		{"ids", with(nil, metric("A", "a", "Sum", 60), a, a),
			"ValidationError: The value A for parameter MetricDataQueries.member.1.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.\n" +
				"The values for parameter id in MetricDataQueries are not unique.\n"},
		{"period", with(nil, metric("a", "a", "Sum", 45)),
			"ValidationError: The parameter MetricDataQueries.member.1.MetricStat.Period must be 1, 5, 10, 20, 30 or a multiple of 60.\n"},
		{"undeclared", with(nil, a, expression("e", "a + nothing")),
			"ValidationError: Error in expression 'e': The following identifiers were referenced but not declared: nothing\n"},
		{"search", with(nil, expression("e", `SEARCH('{AWS/Lambda,FunctionName} Errors', 'Sum', 60)`)),
			"ValidationError: Error in expression 'e': Unsupported function: SEARCH is not supported by stagedoor\n"},
		{"insights", with(nil, expression("e", "SELECT AVG(x) FROM y")),
			"ValidationError: Error in expression 'e': Metrics Insights queries (SELECT) are not supported by stagedoor\n"},
		{"syntax", with(nil, a, expression("e", "a + ")), "ValidationError: Error in expression 'e': the expression ends too early\n"},
		{"brackets", with(nil, a, expression("e", "(a")), "ValidationError: Error in expression 'e': the expression ends too early\n"},
		{"rubbish", with(nil, a, expression("e", "a $ 2")), "ValidationError: Error in expression 'e': unexpected \"$\"\n"},
		{"deep", with(nil, a, expression("e", strings.Repeat("(", 900)+"a"+strings.Repeat(")", 900))), "ValidationError: Error in expression 'e': the expression is nested too deeply\n"},
		{"number", with(nil, a, expression("e", "SUM(a)")), "ValidationError: Error in expression 'e': The result must be a time series, or an array of them, not Scalar\n"},
		{"loop", with(nil, expression("e", "f"), hidden(expression("f", "e"))), "ValidationError: Error in expression 'e': the expression refers to itself\n" +
			"Error in expression 'f': the expression refers to itself\n"},
		{"types", with(nil, a, expression("e", "a + 'x'")), "ValidationError: Error in expression 'e': Unsupported operand type(s) for +: '[TimeSeries, String]'\n"},
		{"another account", with(nil, types.MetricDataQuery{Id: aws.String("a"), MetricStat: a.MetricStat, AccountId: aws.String("1")}),
			"ValidationError: The value 1 for parameter MetricDataQueries.member.1.AccountId is not this account: metrics of other accounts are not supported by stagedoor.\n"},
		{"time zone", with(func(in *cloudwatch.GetMetricDataInput) {
			in.LabelOptions = &types.LabelOptions{Timezone: aws.String("CET")}
		}, a),
			"ValidationError: The value CET for parameter LabelOptions.Timezone is not matching the expected pattern [+-]\\d{4}.\n"},
		{"token", with(func(in *cloudwatch.GetMetricDataInput) { in.NextToken = aws.String("x") }, a),
			"InvalidNextToken: The next token specified is invalid."},
		{"too much to fill", with(func(in *cloudwatch.GetMetricDataInput) { in.StartTime = aws.Time(noon.Add(-365 * 24 * time.Hour)) }, metric("a", "a", "Sum", 1), expression("e", "FILL(a, 0)")),
			"ValidationError: Error in expression 'e': the time range has more than 100800 periods of 1 seconds\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := w.GetMetricData(w.ctx, c.in)
			if d := cmp.Diff(c.want, fault(err)); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestStatisticNames: CloudWatch-UG: Statistics-definitions.
func TestStatisticNames(t *testing.T) {
	w := newWorld(t, atNoon)
	ten := datum("m", 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
	w.put(ten, types.MetricDatum{MetricName: aws.String("set"), Timestamp: ten.Timestamp, StatisticValues: &types.StatisticSet{
		SampleCount: aws.Float64(4), Sum: aws.Float64(10), Minimum: aws.Float64(1), Maximum: aws.Float64(4)}},
		datum("negative", 2, -1, 5))
	for _, c := range []struct {
		stat, metric, want string
	}{
		{"SampleCount", "m", "-2=10"}, {"Sum", "m", "-2=55"}, {"Average", "m", "-2=5.5"}, {"Minimum", "m", "-2=1"}, {"Maximum", "m", "-2=10"},
		{"p50", "m", "-2=5"}, {"p90", "m", "-2=9"}, {"p99.9", "m", "-2=10"}, {"p0", "m", "-2=1"}, {"p100", "m", "-2=10"},
		{"tm90", "m", "-2=5"}, {"TM(10%:90%)", "m", "-2=5.5"}, {"TM(2:4)", "m", "-2=3"}, {"TM(:50%)", "m", "-2=3"}, {"TM(5:)", "m", "-2=7.5"},
		{"wm80", "m", "-2=5.2"}, {"WM(10%:90%)", "m", "-2=5.5"},
		{"tc80", "m", "-2=8"}, {"TC(2:4)", "m", "-2=3"}, {"ts80", "m", "-2=36"}, {"TS(2:4)", "m", "-2=9"},
		{"PR(:5)", "m", "-2=50"}, {"PR(9:)", "m", "-2=20"}, {"IQM", "m", "-2=5.5"},
		{"Average", "set", "-2=2.5"}, {"p50", "set", ""}, // "If you publish data using a statistic set instead …"
		{"Sum", "negative", "-2=4"}, {"p50", "negative", ""}, // "not available … when any of the metric values are negative"
	} {
		t.Run(c.stat+" "+c.metric, func(t *testing.T) {
			out, err := w.GetMetricData(w.ctx, lastTen(metric("q", c.metric, c.stat, 60)))
			if err != nil {
				t.Fatal(err)
			}
			want := strings.TrimSuffix("q "+c.metric+": "+c.want, " ")
			if d := cmp.Diff([]string{want}, shown(out.MetricDataResults)); d != "" {
				t.Error(d)
			}
		})
	}
	for _, bad := range []string{"", "sum", "p", "p-1", "p1e1", "pr90", "TM", "TM()", "TM(1:2%)", "TM(90%:10%)", "tm(1:2", "PR(1%:2%)", "xx90", "p100.1"} {
		if _, err := w.GetMetricData(w.ctx, lastTen(metric("q", "m", bad, 60))); err == nil {
			t.Errorf("statistic %q is taken", bad)
		}
	}
}

// TestPeriods: periods begin at the start time, which is rounded down (API
// reference, GetMetricData; boto/boto3#3457); the end time is not included.
func TestPeriods(t *testing.T) {
	w := newWorld(t, atNoon)
	for i := 1; i <= 9; i++ {
		w.put(datum("m", i, float64(i)))
	}
	second := func(s int, v float64) types.MetricDatum {
		return types.MetricDatum{MetricName: aws.String("fast"), Timestamp: aws.Time(noon.Add(-time.Duration(s) * time.Second)), Value: &v, StorageResolution: aws.Int32(1)}
	}
	w.put(second(61, 1), second(59, 2), second(31, 3), second(1, 4))
	for _, c := range []struct {
		name       string
		metric     string
		start, end time.Duration
		period     int32
		want       string
	}{
		{"minutes", "m", -3 * time.Minute, 0, 60, "-3=3 -2=2 -1=1"},
		{"start is rounded down", "m", -3*time.Minute + 59*time.Second, 0, 60, "-3=3 -2=2 -1=1"},
		{"end is exclusive", "m", -3 * time.Minute, -time.Minute, 60, "-3=3 -2=2"},
		{"end within a minute", "m", -3 * time.Minute, -time.Minute + time.Second, 60, "-3=3 -2=2 -1=1"},
		{"from the start on", "m", -4 * time.Minute, 0, 180, "-4=9 -1=1"},
		{"one period", "m", -9 * time.Minute, 0, 600, "-9=45"},
		{"ten seconds", "fast", -62 * time.Second, 0, 10, "-1.166667=1 -1=2 -0.666667=3 -0.166667=4"},
		{"one second", "fast", -61 * time.Second, -58 * time.Second, 1, "-1.016667=1 -0.983333=2"},
		{"seconds in minutes", "fast", -2 * time.Minute, 0, 60, "-2=1 -1=9"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := w.GetMetricData(w.ctx, &cloudwatch.GetMetricDataInput{MetricDataQueries: []types.MetricDataQuery{metric("q", c.metric, "Sum", c.period)},
				StartTime: aws.Time(noon.Add(c.start)), EndTime: aws.Time(noon.Add(c.end)), ScanBy: types.ScanByTimestampAscending})
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Fields(shown(out.MetricDataResults)[0])[2:]
			for i, f := range got { // round the minutes
				var minute, v float64
				_, _ = fmt.Sscanf(f, "%g=%g", &minute, &v)
				got[i] = fmt.Sprintf("%g=%g", math.Round(minute*1e6)/1e6, v)
			}
			if d := cmp.Diff(c.want, strings.Join(got, " ")); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestRecordings replays AWS-validated recordings of 2025.
func TestRecordings(t *testing.T) {
	w := newWorld(t, atNoon)
	unit := func(d types.MetricDatum, u types.StandardUnit) types.MetricDatum { d.Unit = u; return d }
	inUnit := func(q types.MetricDataQuery, u types.StandardUnit) types.MetricDataQuery {
		q.MetricStat.Unit = u
		return q
	}

	t.Run("test_label_generation", func(t *testing.T) {
		w.put(unit(datum("metric1", 1, 0, 2, 7, 100), types.StandardUnitSeconds))
		sum60, min60 := metric("a", "metric1", "Sum", 60), metric("b", "metric1", "Minimum", 60)
		for _, c := range []struct {
			queries []types.MetricDataQuery
			want    []string
		}{
			{[]types.MetricDataQuery{sum60, metric("b", "metric1", "Minimum", 30)}, []string{"a metric1 Sum 60: -1=109", "b metric1 Minimum 30: -1=0"}},
			{[]types.MetricDataQuery{sum60, min60}, []string{"a metric1 Sum: -1=109", "b metric1 Minimum: -1=0"}},
			{[]types.MetricDataQuery{sum60, metric("b", "metric1", "Sum", 30)}, []string{"a metric1 60: -1=109", "b metric1 30: -1=109"}},
			{[]types.MetricDataQuery{sum60, inUnit(metric("b", "metric1", "Sum", 60), "Milliseconds")}, []string{"a metric1: -1=109", "b metric1:"}},
		} {
			out, err := w.GetMetricData(w.ctx, lastTen(c.queries...))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, shown(out.MetricDataResults)); d != "" {
				t.Error(d)
			}
		}
	})
	t.Run("test_get_metric_data_different_units_no_unit_in_query", func(t *testing.T) {
		w.put(unit(datum("m-test", 1, 60000), "Milliseconds"), unit(datum("m-test", 1, 60), "Seconds"), unit(datum("m-test", 1, 5), "Count"))
		out, err := w.GetMetricData(w.ctx, lastTen(metric("m1", "m-test", "Sum", 60)))
		if err != nil {
			t.Fatal(err)
		}
		r := out.MetricDataResults[0]
		if r.Values[0] != 5 || *r.Messages[0].Code != "MultipleUnits" || *r.Messages[0].Value != "Multiple units returned: '[Count, Milliseconds, Seconds]'" {
			t.Errorf("%+v", r)
		}
	})
	t.Run("test_handle_different_units", func(t *testing.T) {
		out, err := w.GetMetricStatistics(w.ctx, &cloudwatch.GetMetricStatisticsInput{Namespace: aws.String("n"), MetricName: aws.String("m-test"), Period: aws.Int32(60),
			StartTime: aws.Time(noon.Add(-time.Minute)), EndTime: &noon, Statistics: []types.Statistic{"Average"}})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range out.Datapoints {
			got = append(got, fmt.Sprint(d.Unit, " ", *d.Average))
		}
		slices.Sort(got)
		if d := cmp.Diff([]string{"Count 5", "Milliseconds 60000", "Seconds 60"}, got); d != "" {
			t.Error(d)
		}
	})
	t.Run("test_invalid_amount_of_datapoints", func(t *testing.T) {
		in := &cloudwatch.GetMetricStatisticsInput{Namespace: aws.String("n"), MetricName: aws.String("nothing"), Period: aws.Int32(1),
			StartTime: aws.Time(noon.Add(123 * time.Millisecond)), EndTime: aws.Time(noon.Add(24*time.Hour + 123*time.Millisecond)), Statistics: []types.Statistic{"SampleCount"}}
		_, err := w.GetMetricStatistics(w.ctx, in)
		if d := cmp.Diff("InvalidParameterCombination: You have requested up to 86400 datapoints, which exceeds the limit of 1440. You may reduce the datapoints requested by increasing Period, or decreasing the time range.", fault(err)); d != "" {
			t.Error(d)
		}
		in.Period = aws.Int32(60)
		if out, err := w.GetMetricStatistics(w.ctx, in); err != nil || out.Datapoints == nil || len(out.Datapoints) != 0 || *out.Label != "nothing" {
			t.Errorf("%+v %v", out, err)
		}
		in.EndTime = in.StartTime
		_, err = w.GetMetricStatistics(w.ctx, in)
		if d := cmp.Diff("InvalidParameterValue: The parameter StartTime must be less than the parameter EndTime.", fault(err)); d != "" {
			t.Error(d)
		}
	})
	t.Run("test_put_metric_data_values_list", func(t *testing.T) {
		w.put(types.MetricDatum{MetricName: aws.String("test-metric"), Timestamp: aws.Time(noon.Add(-time.Minute)), Unit: "Count", Values: []float64{1, 10}, Counts: []float64{2, 4}})
		out, err := w.GetMetricStatistics(w.ctx, &cloudwatch.GetMetricStatisticsInput{Namespace: aws.String("n"), MetricName: aws.String("test-metric"), Period: aws.Int32(60),
			StartTime: aws.Time(noon.Add(-time.Minute)), EndTime: &noon, Statistics: []types.Statistic{"SampleCount", "Sum", "Maximum"}})
		if err != nil {
			t.Fatal(err)
		}
		d := out.Datapoints[0]
		if len(out.Datapoints) != 1 || *d.SampleCount != 6 || *d.Sum != 42 || *d.Maximum != 10 || d.Unit != "Count" || d.Minimum != nil {
			t.Errorf("%+v", d)
		}
	})
}

// TestPages: MaxDatapoints bounds the data points of an answer, over all results
// (AWS recording test_get_metric_data_pagination; API reference, StatusCode).
func TestPages(t *testing.T) {
	w := newWorld(t, atNoon)
	for i := 1; i <= 7; i++ {
		w.put(datum("a", i, float64(i)), datum("b", i, float64(i)))
	}
	in := lastTen(metric("a", "a", "Sum", 60), metric("b", "b", "Sum", 60))
	in.MaxDatapoints, in.ScanBy = aws.Int32(5), ""
	want, err := w.GetMetricData(w.ctx, lastTen(metric("a", "a", "Sum", 60), metric("b", "b", "Sum", 60)))
	if err != nil {
		t.Fatal(err)
	}
	got := make([]types.MetricDataResult, 2)
	pages := cloudwatch.NewGetMetricDataPaginator(w.Client, in)
	n := 0
	for pages.HasMorePages() {
		page, err := pages.NextPage(w.ctx)
		if err != nil {
			t.Fatal(err)
		}
		points := 0
		for i, r := range page.MetricDataResults {
			if more := page.NextToken != nil && (i == 1 || n == 0); more != (r.StatusCode == types.StatusCodePartialData) {
				t.Errorf("page %d: %s is %s", n, *r.Id, r.StatusCode)
			}
			points += len(r.Values)
			got[i].Id, got[i].Label = r.Id, r.Label
			got[i].Values = append(got[i].Values, r.Values...)
			got[i].Timestamps = append(got[i].Timestamps, r.Timestamps...)
		}
		if points > 5 {
			t.Errorf("%d data points", points)
		}
		n++
	}
	if n != 3 {
		t.Errorf("%d pages", n)
	}
	for i := range got {
		slices.Reverse(got[i].Values) // the newest come first unless asked otherwise
		slices.Reverse(got[i].Timestamps)
	}
	if d := cmp.Diff(shown(want.MetricDataResults), shown(got)); d != "" {
		t.Error(d)
	}
}

func TestListMetrics(t *testing.T) {
	w := newWorld(t, atNoon)
	dims := func(pairs ...string) (d []types.Dimension) {
		for i := 0; i < len(pairs); i += 2 {
			d = append(d, types.Dimension{Name: &pairs[i], Value: &pairs[i+1]})
		}
		return d
	}
	with := func(d types.MetricDatum, dims []types.Dimension) types.MetricDatum { d.Dimensions = dims; return d }
	w.put(with(datum("m", 1, 1), dims("y", "1", "x", "1")), with(datum("m", 1, 1), dims("x", "2")), datum("old", 300, 1))
	var data []types.MetricDatum
	for i := range 501 {
		data = append(data, datum(fmt.Sprintf("many-%03d", i), 1, 1))
	}
	if _, err := w.PutMetricData(w.ctx, &cloudwatch.PutMetricDataInput{Namespace: aws.String("many"), MetricData: data}); err != nil {
		t.Fatal(err)
	}
	list := func(in cloudwatch.ListMetricsInput) (names []string) {
		pages := cloudwatch.NewListMetricsPaginator(w.Client, &in)
		for pages.HasMorePages() {
			page, err := pages.NextPage(w.ctx)
			if err != nil {
				t.Fatal(err)
			}
			if len(page.Metrics) > 500 {
				t.Errorf("%d on a page", len(page.Metrics))
			}
			for _, m := range page.Metrics {
				name := *m.MetricName
				for _, d := range m.Dimensions {
					name += " " + *d.Name + "=" + *d.Value
				}
				names = append(names, name)
			}
		}
		return names
	}
	n := aws.String("n")
	for _, c := range []struct {
		name string
		in   cloudwatch.ListMetricsInput
		want []string
	}{
		{"namespace", cloudwatch.ListMetricsInput{Namespace: n}, []string{"m x=1 y=1", "m x=2", "old"}},
		{"recently", cloudwatch.ListMetricsInput{Namespace: n, RecentlyActive: "PT3H"}, []string{"m x=1 y=1", "m x=2"}},
		{"dimension", cloudwatch.ListMetricsInput{Namespace: n, Dimensions: []types.DimensionFilter{{Name: aws.String("x")}}}, []string{"m x=1 y=1", "m x=2"}},
		{"value", cloudwatch.ListMetricsInput{Namespace: n, Dimensions: []types.DimensionFilter{{Name: aws.String("x"), Value: aws.String("2")}}}, []string{"m x=2"}},
		{"both", cloudwatch.ListMetricsInput{Namespace: n, Dimensions: []types.DimensionFilter{{Name: aws.String("x")}, {Name: aws.String("y")}}}, []string{"m x=1 y=1"}},
		{"name", cloudwatch.ListMetricsInput{MetricName: aws.String("old")}, []string{"old"}},
		{"no such", cloudwatch.ListMetricsInput{Namespace: aws.String("N")}, nil},
	} {
		if d := cmp.Diff(c.want, list(c.in)); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
	if all := list(cloudwatch.ListMetricsInput{Namespace: aws.String("many")}); len(all) != 501 {
		t.Errorf("%d listed", len(all))
	}
	_, err := w.Client.ListMetrics(w.ctx, &cloudwatch.ListMetricsInput{NextToken: n})
	if fault(err) != "InvalidParameterValue: Request parameter NextToken is invalid" {
		t.Error(err)
	}
}

// TestErrorRate is the question that a promotion asks: what share of the
// requests of a stage's canary failed, now.
func TestErrorRate(t *testing.T) {
	w := newWorld(t, atNoon)
	for i := range 100 {
		call := metrics.APICall{Account: account, Region: region, APIName: "orders", Stage: "prod", Status: 200, Canary: i%10 == 0, Latency: time.Millisecond}
		if i == 50 {
			call.Status = 502
		}
		w.metrics.APICall(&call)
	}
	query := func(id, name, stat, stage string) types.MetricDataQuery {
		return types.MetricDataQuery{Id: &id, ReturnData: aws.Bool(false), MetricStat: &types.MetricStat{Stat: &stat, Period: aws.Int32(60), Metric: &types.Metric{
			Namespace: aws.String("AWS/ApiGateway"), MetricName: &name,
			Dimensions: []types.Dimension{{Name: aws.String("Stage"), Value: &stage}, {Name: aws.String("ApiName"), Value: aws.String("orders")}}}}}
	}
	for stage, want := range map[string]float64{"prod": 1, "prod/Canary": 10} {
		rate := expression("rate", "100 * FILL(errors, 0) / count")
		rate.Label = aws.String("5xx of ${PROP('Dim.Stage')}: ${LAST} % at ${LAST_TIME}")
		in := lastTen(query("errors", "5XXError", "Sum", stage), query("count", "Count", "SampleCount", stage), rate)
		in.EndTime, in.LabelOptions = aws.Time(noon.Add(time.Minute)), &types.LabelOptions{Timezone: aws.String("+0100")}
		out, err := w.GetMetricData(w.ctx, in)
		if err != nil {
			t.Fatal(err)
		}
		label := fmt.Sprintf("5xx of %s: %g %% at 2026-11-22 13:00:00", stage, want)
		if d := cmp.Diff([]string{fmt.Sprintf("rate %s: 0=%g", label, want)}, shown(out.MetricDataResults)); d != "" {
			t.Error(d)
		}
		// "The Average statistic represents the 5XXError error rate" (APIGW-DG).
		average := query("avg", "5XXError", "Average", stage)
		average.ReturnData = nil
		in.MetricDataQueries = []types.MetricDataQuery{average}
		if out, err = w.GetMetricData(w.ctx, in); err != nil || out.MetricDataResults[0].Values[0] != want/100 {
			t.Errorf("%v %v", out, err)
		}
	}
}
