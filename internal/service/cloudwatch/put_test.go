package cloudwatch_test

import (
	"math"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"
)

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
