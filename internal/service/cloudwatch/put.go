package cloudwatch

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/stagedoor/stagedoor/internal/metrics"
)

// Limits of a PutMetricData call (API reference).
const (
	maxMetrics  = 1000
	maxValues   = 150
	maxPast     = 14 * 24 * time.Hour
	maxFuture   = 2 * time.Hour
	maxExponent = 360 // "Values must be in the range of -2^360 to 2^360"
	maxEntities = 2
)

// PutMetricData adds observations to metrics, which begin to exist with their
// first. Entities are accepted, and not kept.
func (s *Service) PutMetricData(ctx context.Context, in *cloudwatch.PutMetricDataInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.PutMetricDataOutput, error) {
	if err := s.checkPut(in); err != nil {
		return nil, err
	}
	var data []metrics.Datum
	add := func(path string, list []types.MetricDatum) error {
		for i := range list {
			d, err := s.datum(fmt.Sprintf("%s.member.%d", path, i+1), *in.Namespace, &list[i])
			if err != nil {
				return err
			}
			data = append(data, d)
		}
		return nil
	}
	if err := add("MetricData", in.MetricData); err != nil {
		return nil, err
	}
	for i := range in.EntityMetricData {
		if err := add(fmt.Sprintf("EntityMetricData.member.%d.MetricData", i+1), in.EntityMetricData[i].MetricData); err != nil {
			return nil, err
		}
	}
	account, region := at(ctx)
	if err := s.metrics.Put(ctx, account, region, data); err != nil {
		return nil, err
	}
	return &cloudwatch.PutMetricDataOutput{}, nil
}

func (s *Service) checkPut(in *cloudwatch.PutMetricDataInput) error {
	total := len(in.MetricData)
	for i := range in.EntityMetricData {
		total += len(in.EntityMetricData[i].MetricData)
	}
	switch {
	case strings.HasPrefix(*in.Namespace, "AWS/"):
		// "To avoid conflicts with Amazon Web Services service namespaces, you
		// should not specify a namespace that begins with AWS/" (API reference).
		// unverified: that AWS refuses it, and the text
		return invalidValue("The value %s for parameter Namespace is invalid.", *in.Namespace)
	case !printable(*in.Namespace):
		return notASCII("Namespace")
	case total == 0:
		return missing("MetricData")
	case len(in.EntityMetricData) > maxEntities:
		return tooMany("EntityMetricData", maxEntities)
	case total > maxMetrics:
		return tooMany("MetricData", maxMetrics)
	}
	return nil
}

// tooMany: aws/aws-sdk-go#2019 (MetricData, when 20 was the limit),
// aws/aws-sdk-java-v2#3080 (Values).
func tooMany(path string, limit int) error {
	return invalidValue("The collection %s must not have a size greater than %d.", path, limit)
}

// notASCII: buildkite/buildkite-agent-metrics#32.
func notASCII(path string) error {
	return invalidValue("The value for parameter %s contains non-ASCII characters.", path)
}

// printable: "ASCII characters, except for control characters" (API reference).
func printable(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// datum turns one member of the call into observations.
func (s *Service) datum(path, namespace string, d *types.MetricDatum) (metrics.Datum, error) {
	out := metrics.Datum{Series: metrics.Series{Namespace: namespace, Name: *d.MetricName}, Unit: string(d.Unit)}
	if out.Unit == "" {
		out.Unit = string(types.StandardUnitNone)
	}
	if !printable(*d.MetricName) {
		return out, notASCII(path + ".MetricName")
	}
	var err error
	if out.Series.Dimensions, err = dimensions(path+".Dimensions", d.Dimensions); err != nil {
		return out, err
	}
	switch r := value(d.StorageResolution); {
	case d.StorageResolution == nil || r == 60:
	case r == 1:
		out.HighResolution = true
	default: // boto/botocore#1671
		return out, invalidValue("The parameter %s.StorageResolution must be a value in the set [ 1, 60 ].", path)
	}
	if out.Point, err = observations(path, d); err != nil {
		return out, err
	}
	now := s.now()
	when := now
	if d.Timestamp != nil {
		when = *d.Timestamp
	}
	switch {
	case when.Before(now.Add(-maxPast)): // cloud-custodian/cloud-custodian#2559
		return out, invalidValue("The parameter %s.Timestamp must specify a time within the past two weeks.", path)
	case when.After(now.Add(maxFuture)): // unverified: the text
		return out, invalidValue("The parameter %s.Timestamp must specify a time no more than two hours in the future.", path)
	}
	out.Point.Second = when.Unix()
	return out, nil
}

// dimensions checks names and values beyond the model's lengths: "must contain
// only ASCII characters, must include at least one non-whitespace character",
// names "cannot start with a colon" (API reference, Dimension).
func dimensions(path string, in []types.Dimension) ([]metrics.Dimension, error) {
	out := make([]metrics.Dimension, len(in))
	seen := make(map[string]bool, len(in))
	for i, d := range in {
		name, text := value(d.Name), value(d.Value)
		member := fmt.Sprintf("%s.member.%d", path, i+1)
		switch {
		case !printable(name):
			return nil, notASCII(member + ".Name")
		case !printable(text):
			return nil, notASCII(member + ".Value")
		case strings.HasPrefix(name, ":") || strings.TrimSpace(name) == "": // unverified: the text
			return nil, invalidValue("The value %s for parameter %s.Name is invalid.", name, member)
		case strings.TrimSpace(text) == "": // unverified: the text
			return nil, invalidValue("The value %s for parameter %s.Value is invalid.", text, member)
		case seen[name]: // unverified: the text
			return nil, invalidValue("The parameter %s must not have two dimensions of the name %s.", path, name)
		}
		seen[name] = true
		out[i] = metrics.Dimension{Name: name, Value: text}
	}
	return out, nil
}

// observations of a datum: one value, a list with counts, or a set of statistics.
func observations(path string, d *types.MetricDatum) (p metrics.Point, err error) {
	exclusive := func(a, b string) error { // AWS recording test_put_metric_data_validation
		return invalidCombination("The parameters %s.%s and %s.%s are mutually exclusive and you have specified both.", path, a, path, b)
	}
	switch {
	case d.Value != nil && len(d.Values) > 0:
		return p, exclusive("Value", "Values")
	case d.Value != nil && d.StatisticValues != nil:
		return p, exclusive("Value", "StatisticValues")
	case d.Value != nil:
		if !acceptable(*d.Value) {
			return p, badValue(path+".Value", *d.Value)
		}
		p.Add(*d.Value, 1)
		return p, nil
	case len(d.Values) > 0:
		// Together with StatisticValues as well: AWS takes both (the same
		// recording). // unverified: which of them counts then
		return valueList(path, d)
	case d.StatisticValues != nil:
		return statisticSet(path+".StatisticValues", d.StatisticValues)
	}
	// AdRoll/goamz#301
	return p, invalidCombination("At least one of the parameters %s.Value and %s.StatisticValues must be specified.", path, path)
}

func valueList(path string, d *types.MetricDatum) (p metrics.Point, err error) {
	switch {
	case len(d.Values) > maxValues:
		return p, tooMany(path+".Values", maxValues)
	case len(d.Counts) > 0 && len(d.Counts) != len(d.Values): // AWS recording test_put_metric_data_validation
		return p, invalidValue("The parameters %s.Values and %s.Counts must be of the same size.", path, path)
	}
	for i, v := range d.Values {
		n := 1.0
		if len(d.Counts) > 0 {
			n = d.Counts[i]
		}
		if !acceptable(v) {
			return p, badValue(fmt.Sprintf("%s.Values.member.%d", path, i+1), v)
		}
		if !acceptable(n) || n <= 0 { // unverified: that a count of 0 is refused
			return p, badValue(fmt.Sprintf("%s.Counts.member.%d", path, i+1), n)
		}
		p.Add(v, n)
	}
	return p, nil
}

func statisticSet(path string, set *types.StatisticSet) (p metrics.Point, err error) {
	p.Count, p.Sum, p.Min, p.Max = value(set.SampleCount), value(set.Sum), value(set.Minimum), value(set.Maximum)
	for _, v := range []struct {
		name  string
		value float64
	}{{"SampleCount", p.Count}, {"Sum", p.Sum}, {"Minimum", p.Min}, {"Maximum", p.Max}} {
		if !acceptable(v.value) || v.name == "SampleCount" && v.value <= 0 { // unverified: that a count of 0 is refused
			return p, badValue(path+"."+v.name, v.value)
		}
	}
	if p.Max < p.Min { // unverified: the text
		return p, invalidValue("The parameter %s.Maximum must be greater than or equal to %s.Minimum.", path, path)
	}
	p.Hide()
	return p, nil
}

// acceptable: "Values must be in the range of -2^360 to 2^360. In addition,
// special values (for example, NaN, +Infinity, -Infinity) are not supported" (API
// reference).
func acceptable(v float64) bool { return math.Abs(v) <= math.Ldexp(1, maxExponent) }

// badValue: sj26/sidekiq-cloudwatchmetrics#16.
func badValue(path string, v float64) error {
	text := fmt.Sprint(v)
	if math.IsInf(v, 0) {
		text = strings.Replace(strings.TrimPrefix(text, "+"), "Inf", "Infinity", 1)
	}
	return invalidValue("The value %s for parameter %s is invalid.", text, path)
}
