package cloudwatch

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/stagedoor/stagedoor/awswire"
)

// common says what the metrics of a call share: the label of a metric that has
// none given names what they do not (AWS recording test_label_generation).
type common struct{ stat, period bool }

func commonality(queries []*query) common {
	c := common{stat: true, period: true}
	var first *query
	for _, q := range queries {
		if q.stat == nil {
			continue
		}
		if first == nil {
			first = q
		}
		c.stat = c.stat && q.name == first.name
		c.period = c.period && q.period == first.period
	}
	return c
}

// generated is the label of a metric that has none given.
func (c common) generated(q *query) string {
	label := q.metric.Name
	if !c.stat {
		label += " " + q.name
	}
	if !c.period {
		label += " " + strconv.FormatInt(q.period, 10)
	}
	return label
}

// labelZone is the time zone of times in labels: "+ or - followed by four digits"
// (API reference, LabelOptions).
func labelZone(o *types.LabelOptions) (*time.Location, error) {
	if o == nil || o.Timezone == nil {
		return time.UTC, nil
	}
	t, err := time.Parse("-0700", *o.Timezone)
	if err != nil || len(*o.Timezone) != 5 { // unverified: the text
		return nil, awswire.Errorf("ValidationError", "The value %s for parameter LabelOptions.Timezone is not matching the expected pattern [+-]\\d{4}.\n", *o.Timezone)
	}
	return t.Location(), nil
}

// labeller makes results of series.
type labeller struct {
	zone   *time.Location
	now    time.Time
	common common
}

func (l *labeller) result(q *query, s *series, array bool) (types.MetricDataResult, error) {
	own := ""
	if s.source != nil {
		own = s.source.label
		if own == "" {
			own = l.common.generated(s.source)
		}
	}
	label := own
	if q.stat == nil {
		// unverified: that an expression without a label is labelled with its id
		label = q.label
		if label == "" {
			label = q.id
		}
		if array && own != "" { // "Expression-Label Metric-Label" (CloudWatch-UG: using-metric-math)
			label += " " + own
		}
	}
	label, err := l.dynamic(label, s)
	r := types.MetricDataResult{
		Id: &q.id, Label: &label, StatusCode: types.StatusCodeComplete,
		Timestamps: make([]time.Time, len(s.at)), Values: slices.Clone(s.v),
	}
	if r.Values == nil {
		r.Values = []float64{}
	}
	for i, t := range s.at {
		r.Timestamps[i] = time.Unix(t, 0).UTC()
	}
	if q.stat != nil {
		r.Messages = unitMessages(s)
	}
	return r, err
}

// dynamic puts values into the places of a label: ${MAX}, ${LAST_TIME},
// ${PROP('Dim.ApiName')} (CloudWatch-UG: graph-dynamic-labels).
func (l *labeller) dynamic(label string, s *series) (string, error) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(label, "${")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			b.WriteString("${" + rest)
			return b.String(), nil
		}
		text, err := l.place(name, s)
		if err != nil {
			return "", err
		}
		b.WriteString(text)
		label = after
	}
}

// place is what stands for one name. A series without data points has "--", as
// AWS's pictures show it. // unverified: the forms of numbers and times
func (l *labeller) place(name string, s *series) (string, error) {
	if property, ok := strings.CutPrefix(name, "PROP("); ok {
		return l.property(strings.Trim(strings.TrimSuffix(property, ")"), `'"`), s)
	}
	if name == "LABEL" {
		if s.source == nil {
			return "", nil
		}
		return l.common.generated(s.source), nil
	}
	kind, how := name, ""
	for _, suffix := range []string{"_TIME_RELATIVE", "_TIME"} {
		if k, ok := strings.CutSuffix(name, suffix); ok {
			kind, how = k, suffix
			break
		}
	}
	i, v := 0, 0.0
	switch kind {
	case "FIRST":
	case "LAST":
		i = len(s.v) - 1
	case "MAX":
		i = index(s.v, func(a, b float64) bool { return a > b })
	case "MIN":
		i = index(s.v, func(a, b float64) bool { return a < b })
	case "AVG", "SUM", "DATAPOINT_COUNT":
		if how != "" {
			return "", fmt.Errorf("${%s} is not supported by stagedoor", name)
		}
		i = -1
		v = statisticOf(kind, s.v)
	default:
		return "", fmt.Errorf("${%s} is not supported by stagedoor", name)
	}
	if len(s.v) == 0 && kind != "DATAPOINT_COUNT" {
		return "--", nil
	}
	if i >= 0 && kind != "DATAPOINT_COUNT" {
		v = s.v[i]
	}
	switch how {
	case "_TIME":
		return time.Unix(s.at[i], 0).In(l.zone).Format("2006-01-02 15:04:05"), nil
	case "_TIME_RELATIVE":
		return l.now.Sub(time.Unix(s.at[i], 0)).Truncate(time.Second).String(), nil
	}
	return strconv.FormatFloat(v, 'f', -1, 64), nil
}

func index(v []float64, better func(a, b float64) bool) int {
	best := 0
	for i := range v {
		if better(v[i], v[best]) {
			best = i
		}
	}
	return best
}

// property of the metric behind a series.
func (l *labeller) property(name string, s *series) (string, error) {
	if s.source == nil {
		return "", nil
	}
	m := &s.source.metric
	switch name {
	case "MetricName":
		return m.Name, nil
	case "Namespace":
		return m.Namespace, nil
	case "Stat":
		return s.source.name, nil
	case "Period":
		return strconv.FormatInt(s.source.period, 10), nil
	}
	if dim, ok := strings.CutPrefix(name, "Dim."); ok {
		for _, d := range m.Dimensions {
			if d.Name == dim {
				return d.Value, nil
			}
		}
		return "", nil
	}
	return "", fmt.Errorf("${PROP('%s')} is not supported by stagedoor", name)
}
