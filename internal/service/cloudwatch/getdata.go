package cloudwatch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/stagedoor/stagedoor/internal/metrics"
)

const (
	maxQueries    = 500
	maxDatapoints = 100_800 // of one answer (API reference)
)

// GetMetricData reads metrics and works out expressions over them.
func (s *Service) GetMetricData(ctx context.Context, in *cloudwatch.GetMetricDataInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricDataOutput, error) {
	account, _ := at(ctx)
	queries, err := parseQueries(in, account)
	if err != nil {
		return nil, err
	}
	offset, err := dataOffset(in.NextToken)
	if err != nil {
		return nil, err
	}
	if err := s.read(ctx, in, queries); err != nil {
		return nil, err
	}
	results, err := s.results(in, queries)
	if err != nil {
		return nil, err
	}
	if in.ScanBy != types.ScanByTimestampAscending {
		for i := range results {
			slices.Reverse(results[i].Timestamps)
			slices.Reverse(results[i].Values)
		}
	}
	out := &cloudwatch.GetMetricDataOutput{Messages: []types.MessageData{}, MetricDataResults: results}
	limit := maxDatapoints
	if n := value(in.MaxDatapoints); n > 0 {
		limit = min(limit, int(n))
	}
	out.NextToken = paginate(results, offset, limit)
	return out, nil
}

// read fills in the data of the queries for metrics.
func (s *Service) read(ctx context.Context, in *cloudwatch.GetMetricDataInput, queries []*query) error {
	var wanted []metrics.Series
	first, end := in.StartTime.Unix(), in.EndTime.Unix()
	for _, q := range queries {
		if q.stat != nil {
			span := newSpan(*in.StartTime, *in.EndTime, int32(q.period))
			first, end = min(first, span.start), max(end, span.end)
			wanted = append(wanted, q.metric)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	account, region := at(ctx)
	found, err := s.metrics.Read(ctx, account, region, wanted, time.Unix(first, 0), time.Unix(end, 0))
	if err != nil {
		return err
	}
	now := s.now()
	for _, q := range queries {
		if q.stat != nil {
			q.data = q.compute(newSpan(*in.StartTime, *in.EndTime, int32(q.period)), found[0], now)
			found = found[1:]
		}
	}
	return nil
}

// compute makes the data points of one metric. Of values in several units those
// of the first count (AWS recording
// test_get_metric_data_different_units_no_unit_in_query).
func (q *query) compute(span span, all []metrics.Unit, now time.Time) *series {
	out := &series{source: q, period: span.period, label: q.label}
	units := inUnit(all, q.unit)
	if len(units) > 1 {
		for _, u := range units {
			out.messages = append(out.messages, u.Unit)
		}
	}
	if len(units) == 0 {
		return out
	}
	points := units[0].Points
	points = points[lowerBound(points, span.start):lowerBound(points, span.end)]
	for _, p := range span.sums(points, now) {
		if v, ok := q.stat(&p); ok {
			out.add(p.Second, v)
		}
	}
	return out
}

func lowerBound(points []metrics.Point, second int64) int {
	n, _ := slices.BinarySearchFunc(points, second, func(p metrics.Point, second int64) int { return int(p.Second - second) })
	return n
}

// results are the answers to the queries that want one, the oldest data points
// first.
func (s *Service) results(in *cloudwatch.GetMetricDataInput, queries []*query) ([]types.MetricDataResult, error) {
	e := &evaluation{queries: queries, byID: map[string]*query{}, span: func(period int64) span {
		return newSpan(*in.StartTime, *in.EndTime, int32(period))
	}}
	for _, q := range queries {
		e.byID[q.id] = q
	}
	zone, err := labelZone(in.LabelOptions)
	if err != nil {
		return nil, err
	}
	labels := labeller{zone: zone, now: s.now(), common: commonality(queries)}
	out := []types.MetricDataResult{}
	var faults faults
	for _, q := range queries {
		v, err := e.result(q)
		if err == nil && q.wanted && v.kind != oneSeries && v.kind != manySeries {
			// A number is no answer. // unverified: the text
			err = fmt.Errorf("The result must be a time series, or an array of them, not %s", &v)
		}
		if err != nil {
			faults.add("Error in expression '%s': %s", q.id, err)
			continue
		}
		if !q.wanted {
			continue
		}
		for _, series := range v.list {
			r, err := labels.result(q, series, v.kind == manySeries)
			if err != nil {
				faults.add("Error in the label of '%s': %s", q.id, err)
				continue
			}
			out = append(out, r)
		}
	}
	return out, faults.err()
}

// message about a metric whose values came in several units: the same recording.
func unitMessages(s *series) []types.MessageData {
	if len(s.messages) == 0 {
		return nil
	}
	return []types.MessageData{{Code: new("MultipleUnits"), Value: new("Multiple units returned: '[" + strings.Join(s.messages, ", ") + "]'")}}
}
