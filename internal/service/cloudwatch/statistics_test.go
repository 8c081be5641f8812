package cloudwatch_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"
)

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
