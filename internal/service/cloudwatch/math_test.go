package cloudwatch_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"
)

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
		{"a sign alone", with(nil, a, expression("e", "-")), "ValidationError: Error in expression 'e': the expression ends too early\n"},
		{"a sign before rubbish", with(nil, a, expression("e", "a + !$")), "ValidationError: Error in expression 'e': unexpected \"$\"\n"},
		{"many signs", with(nil, a, expression("e", strings.Repeat("-", 2000)+"a")), "ValidationError: Error in expression 'e': the expression is nested too deeply\n"},
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
