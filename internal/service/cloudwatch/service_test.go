package cloudwatch_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http/httptest"
	"slices"
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
