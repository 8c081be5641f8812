package cloudwatch

import (
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/stagedoor/stagedoor/internal/metrics"
)

// span is the time that a call asks for, cut to periods.
type span struct {
	start, end int64 // Unix seconds, end exclusive
	period     int64
}

// validPeriod: "1, 5, 10, 20, 30, 60, or any multiple of 60" (API reference).
func validPeriod(period int32) bool {
	switch period {
	case 1, 5, 10, 20, 30:
		return true
	}
	return period > 0 && period%60 == 0
}

// newSpan rounds the start down to a whole minute, or to a whole period below a
// minute (API reference, GetMetricData, StartTime). Periods are counted from
// there (boto/boto3#3457: "timestamps aligned to the provided StartTime").
func newSpan(start, end time.Time, period int32) span {
	step := int64(60)
	if period < 60 {
		step = int64(period)
	}
	from := start.Unix()
	until := end.Unix()
	if end.Nanosecond() > 0 {
		until++ // exclusive, to the second
	}
	return span{start: from - (from%step+step)%step, end: until, period: int64(period)}
}

// highResolutionFor is how long seconds are told apart: "Data points with a
// period of less than 60 seconds are available for 3 hours" (API reference).
const highResolutionFor = 3 * time.Hour

// sums cuts points into periods and sums each. now ends the time of periods
// below a minute.
func (s span) sums(points []metrics.Point, now time.Time) []metrics.Point {
	if s.period < 60 {
		oldest := now.Add(-highResolutionFor).Unix()
		points = slices.DeleteFunc(slices.Clone(points), func(p metrics.Point) bool { return p.Second < oldest })
	}
	var out []metrics.Point
	for from := 0; from < len(points); {
		begin := s.begin(points[from].Second)
		to := from + 1
		for to < len(points) && points[to].Second < begin+s.period {
			to++
		}
		out = append(out, metrics.Merged(begin, points[from:to]))
		from = to
	}
	return out
}

// begin of the period that a second lies in.
func (s span) begin(second int64) int64 { return second - (second-s.start)%s.period }

// count is how many periods the span has.
func (s span) count() int64 { return (s.end - s.start + s.period - 1) / s.period }

// unitOrder is AWS's order of units, the first of which is taken where values
// came in several (the comment of AWS recording
// test_get_metric_data_different_units_no_unit_in_query).
var unitOrder = [...]types.StandardUnit{
	types.StandardUnitMegabits, types.StandardUnitTerabits, types.StandardUnitGigabits, types.StandardUnitCount, types.StandardUnitBytes,
	types.StandardUnitGigabytes, types.StandardUnitGigabytesSecond, types.StandardUnitKilobytes, types.StandardUnitKilobitsSecond,
	types.StandardUnitTerabytes, types.StandardUnitTerabitsSecond, types.StandardUnitBytesSecond, types.StandardUnitPercent,
	types.StandardUnitMegabytes, types.StandardUnitMegabitsSecond, types.StandardUnitMilliseconds, types.StandardUnitMicroseconds,
	types.StandardUnitKilobytesSecond, types.StandardUnitGigabitsSecond, types.StandardUnitMegabytesSecond, types.StandardUnitBits,
	types.StandardUnitBitsSecond, types.StandardUnitCountSecond, types.StandardUnitSeconds, types.StandardUnitKilobits,
	types.StandardUnitTerabytesSecond, types.StandardUnitNone,
}

// inUnit picks the units that were asked for, in AWS's order.
func inUnit(all []metrics.Unit, unit types.StandardUnit) []metrics.Unit {
	var picked []metrics.Unit
	for _, name := range unitOrder {
		for _, u := range all {
			if u.Unit == string(name) && (unit == "" || unit == name) {
				picked = append(picked, u)
			}
		}
	}
	return picked
}
