package cloudwatch

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/stagedoor/stagedoor/internal/metrics"
)

const maxStatisticPoints = 1440 // of one call (API reference)

// GetMetricStatistics reads several statistics of one metric.
func (s *Service) GetMetricStatistics(ctx context.Context, in *cloudwatch.GetMetricStatisticsInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricStatisticsOutput, error) {
	if err := checkStatistics(in); err != nil {
		return nil, err
	}
	span := newSpan(*in.StartTime, *in.EndTime, *in.Period)
	series, err := wanted("", in.Namespace, in.MetricName, in.Dimensions)
	if err != nil {
		return nil, err
	}
	account, region := at(ctx)
	units, err := s.metrics.Read(ctx, account, region, []metrics.Series{series}, time.Unix(span.start, 0), time.Unix(span.end, 0))
	if err != nil {
		return nil, err
	}
	out := &cloudwatch.GetMetricStatisticsOutput{Label: in.MetricName, Datapoints: []types.Datapoint{}}
	for _, u := range inUnit(units[0], in.Unit) {
		for _, p := range span.sums(u.Points, s.now()) {
			out.Datapoints = append(out.Datapoints, datapoint(in, u.Unit, &p))
		}
	}
	return out, nil
}

func checkStatistics(in *cloudwatch.GetMetricStatisticsInput) error {
	switch {
	case !in.StartTime.Before(*in.EndTime): // AWS recording test_invalid_amount_of_datapoints
		return invalidValue("The parameter StartTime must be less than the parameter EndTime.")
	case !validPeriod(*in.Period): // unverified: the text
		return invalidValue("The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60.")
	case len(in.Statistics) == 0 && len(in.ExtendedStatistics) == 0: // as getmoto/moto has it
		return invalidCombination("Must specify either Statistics or ExtendedStatistics")
	case len(in.Statistics) > 0 && len(in.ExtendedStatistics) > 0: // unverified: the text
		return invalidCombination("Cannot specify both Statistics and ExtendedStatistics")
	}
	for i, name := range in.ExtendedStatistics {
		if parseExtended(name) == nil { // as AWS words it for alarms (getmoto/moto)
			return invalidValue("The value %s for parameter ExtendedStatistics.member.%d is not supported.", name, i+1)
		}
	}
	period := time.Duration(*in.Period) * time.Second
	if n := (in.EndTime.Sub(*in.StartTime) + period - 1) / period; n > maxStatisticPoints { // AWS recording test_invalid_amount_of_datapoints
		return invalidCombination("You have requested up to %d datapoints, which exceeds the limit of %d. You may reduce the datapoints requested by increasing Period, or decreasing the time range.", n, maxStatisticPoints)
	}
	return nil
}

func datapoint(in *cloudwatch.GetMetricStatisticsInput, unit string, p *metrics.Point) types.Datapoint {
	d := types.Datapoint{Timestamp: new(time.Unix(p.Second, 0).UTC()), Unit: types.StandardUnit(unit)}
	for _, name := range in.Statistics {
		v, _ := parseStatistic(string(name))(p)
		switch name {
		case types.StatisticAverage:
			d.Average = &v
		case types.StatisticMaximum:
			d.Maximum = &v
		case types.StatisticMinimum:
			d.Minimum = &v
		case types.StatisticSampleCount:
			d.SampleCount = &v
		case types.StatisticSum:
			d.Sum = &v
		}
	}
	for _, name := range in.ExtendedStatistics {
		if v, ok := parseExtended(name)(p); ok {
			if d.ExtendedStatistics == nil {
				d.ExtendedStatistics = map[string]float64{}
			}
			d.ExtendedStatistics[name] = v
		}
	}
	return d
}

// wanted is the series that a call names.
func wanted(path string, namespace, name *string, dims []types.Dimension) (metrics.Series, error) {
	out, err := dimensions(path+"Dimensions", dims)
	return metrics.Series{Namespace: value(namespace), Name: value(name), Dimensions: out}, err
}
