package cloudwatch

import (
	"math"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/stagedoor/stagedoor/internal/metrics"
)

// statistic computes one number from what was observed; ok is false where it
// cannot be computed, and there is no data point then.
type statistic func(p *metrics.Point) (v float64, ok bool)

// parseStatistic reads the name of a statistic: the five plain ones and those of
// CloudWatch-UG: Statistics-definitions. nil: there is none of that name.
func parseStatistic(name string) statistic {
	switch types.Statistic(name) {
	case types.StatisticSampleCount:
		return func(p *metrics.Point) (float64, bool) { return p.Count, true }
	case types.StatisticSum:
		return func(p *metrics.Point) (float64, bool) { return p.Sum, true }
	case types.StatisticAverage:
		return func(p *metrics.Point) (float64, bool) { return p.Sum / p.Count, true }
	case types.StatisticMinimum:
		return func(p *metrics.Point) (float64, bool) { return p.Min, true }
	case types.StatisticMaximum:
		return func(p *metrics.Point) (float64, bool) { return p.Max, true }
	}
	return parseExtended(name)
}

// parseExtended reads the statistics that need the values themselves: p99.9,
// tm90, TM(10%:90%), wm, tc, ts, PR(:300) and IQM.
func parseExtended(name string) statistic {
	if name == "IQM" { // "the trimmed mean of the interquartile range", TM(25%:75%)
		return trimmed("tm", bounds{low: 25, high: 75, percent: true})
	}
	lower := strings.ToLower(name)
	if digits, ok := strings.CutPrefix(lower, "p"); ok && !strings.HasPrefix(lower, "pr") {
		if p, ok := percentage(digits); ok {
			return percentile(p)
		}
		return nil
	}
	if len(lower) < 3 {
		return nil
	}
	kind, rest := lower[:2], lower[2:]
	switch kind {
	case "tm", "wm", "tc", "ts", "pr":
	default:
		return nil
	}
	inner, isRange := strings.CutPrefix(rest, "(")
	if !isRange {
		p, ok := percentage(rest)
		if !ok || kind == "pr" {
			return nil
		}
		return trimmed(kind, bounds{low: 0, high: p, percent: true})
	}
	inner, closed := strings.CutSuffix(inner, ")")
	b, ok := parseBounds(inner)
	if !closed || !ok || kind == "pr" && b.percent {
		return nil
	}
	return trimmed(kind, b)
}

// percentage: up to ten decimal places (CloudWatch-UG), from 0 to 100.
func percentage(text string) (float64, bool) {
	if strings.IndexFunc(text, func(r rune) bool { return (r < '0' || r > '9') && r != '.' }) >= 0 {
		return 0, false
	}
	p, err := strconv.ParseFloat(text, 64)
	return p, err == nil && p <= 100
}

// bounds of a trimmed statistic, in percent of the observations or in values.
type bounds struct {
	low, high float64
	percent   bool
}

// parseBounds reads "10%:90%", ":90%", "150:1000", ":300" or "100:".
func parseBounds(text string) (b bounds, ok bool) {
	from, to, found := strings.Cut(text, ":")
	if !found || from == "" && to == "" {
		return b, false
	}
	b.percent = strings.HasSuffix(from, "%") || strings.HasSuffix(to, "%")
	b.low, b.high = math.Inf(-1), math.Inf(1)
	if b.percent {
		b.low, b.high = 0, 100
	}
	for _, side := range []struct {
		text string
		into *float64
	}{{from, &b.low}, {to, &b.high}} {
		if side.text == "" {
			continue
		}
		digits, percent := strings.CutSuffix(side.text, "%")
		n, err := strconv.ParseFloat(digits, 64)
		if err != nil || percent != b.percent || b.percent && (n < 0 || n > 100) {
			return b, false
		}
		*side.into = n
	}
	return b, b.low <= b.high
}

// values of a point; "Percentile statistics are not available for metrics when
// any of the metric values are negative numbers" (API reference,
// GetMetricStatistics).
func values(p *metrics.Point) ([]metrics.Weighted, bool) {
	v, ok := p.Values()
	if !ok || len(v) == 0 || v[0].Value < 0 {
		return nil, false
	}
	return v, true
}

// percentile is the least value that at least so many percent of the
// observations do not exceed. // unverified: AWS does not say how it places
// percentiles between two observations.
func percentile(percent float64) statistic {
	return func(p *metrics.Point) (float64, bool) {
		all, ok := values(p)
		if !ok {
			return 0, false
		}
		want, seen := p.Count*percent/100, 0.0
		for _, v := range all {
			if seen += v.N; seen >= want {
				return v.Value, true
			}
		}
		return p.Max, true
	}
}

// trimmed computes over the observations between two bounds: their mean (tm), the
// mean of all with those outside moved to the bounds (wm), their number (tc),
// their sum (ts), or their share in percent (pr).
func trimmed(kind string, b bounds) statistic {
	return func(p *metrics.Point) (float64, bool) {
		all, ok := values(p)
		if !ok {
			return 0, false
		}
		count, sum, first, last := within(all, p.Count, b)
		switch kind {
		case "tc":
			return count, true
		case "ts":
			return sum, true
		case "pr":
			return 100 * count / p.Count, true
		case "tm":
			return sum / count, count > 0
		}
		if count == 0 {
			return 0, false
		}
		below, above := outside(all, p.Count, b)
		return (sum + below*first + above*last) / p.Count, true
	}
}

// within weighs the observations between the bounds. An observation that is cut
// by a bound in percent counts in part.
func within(all []metrics.Weighted, total float64, b bounds) (count, sum, first, last float64) {
	before := 0.0
	for _, v := range all {
		n := v.N
		if b.percent {
			from, to := total*b.low/100, total*b.high/100
			n = max(0, min(before+v.N, to)-max(before, from))
		} else if v.Value < b.low || v.Value > b.high {
			n = 0
		}
		before += v.N
		if n > 0 {
			if count == 0 {
				first = v.Value
			}
			last = v.Value
			count += n
			sum += n * v.Value
		}
	}
	return count, sum, first, last
}

// outside weighs the observations below and above the bounds.
func outside(all []metrics.Weighted, total float64, b bounds) (below, above float64) {
	if b.percent {
		return total * b.low / 100, total * (100 - b.high) / 100
	}
	for _, v := range all {
		switch {
		case v.Value < b.low:
			below += v.N
		case v.Value > b.high:
			above += v.N
		}
	}
	return below, above
}
