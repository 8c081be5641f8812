package cloudwatch

import (
	"context"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/stagedoor/stagedoor/internal/metrics"
)

const (
	metricsPerPage = 500                 // "Up to 500 results are returned for any one call" (API reference)
	listedFor      = 14 * 24 * time.Hour // "if those metrics haven't reported data in the past two weeks"
	recently       = 3 * time.Hour       // PT3H
)

// ListMetrics lists metrics that were observed in the last two weeks, in the
// order of their names. What was put a moment ago is listed; on AWS that takes
// up to 15 minutes.
func (s *Service) ListMetrics(ctx context.Context, in *cloudwatch.ListMetricsInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.ListMetricsOutput, error) {
	offset, err := listOffset(in.NextToken)
	if err != nil {
		return nil, err
	}
	since := listedFor
	if in.RecentlyActive != "" {
		since = recently
	}
	account, region := at(ctx)
	all, err := s.metrics.List(ctx, account, region, s.now().Add(-since))
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(m metrics.Series) bool { return !listed(&m, in) })
	all = all[min(offset, len(all)):]
	out := &cloudwatch.ListMetricsOutput{Metrics: []types.Metric{}}
	if in.OwningAccount != nil && *in.OwningAccount != account {
		return out, nil
	}
	if len(all) > metricsPerPage {
		all = all[:metricsPerPage]
		out.NextToken = new(base64.RawURLEncoding.EncodeToString([]byte("m" + strconv.Itoa(offset+metricsPerPage))))
	}
	for i := range all {
		out.Metrics = append(out.Metrics, describe(&all[i]))
		if value(in.IncludeLinkedAccounts) {
			out.OwningAccounts = append(out.OwningAccounts, account)
		}
	}
	return out, nil
}

func listOffset(token *string) (int, error) {
	if token == nil {
		return 0, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(*token)
	if err == nil {
		if digits, ok := strings.CutPrefix(string(text), "m"); ok {
			if n, err := strconv.ParseUint(digits, 10, 31); err == nil {
				return int(n), nil
			}
		}
	}
	// As getmoto/moto has it. // unverified: the text
	return 0, invalidValue("Request parameter NextToken is invalid")
}

// listed: "If you specify one dimension name and a metric has that dimension and
// also other dimensions, it will be returned" (API reference).
func listed(m *metrics.Series, in *cloudwatch.ListMetricsInput) bool {
	if in.Namespace != nil && m.Namespace != *in.Namespace || in.MetricName != nil && m.Name != *in.MetricName {
		return false
	}
	for _, f := range in.Dimensions {
		has := slices.ContainsFunc(m.Dimensions, func(d metrics.Dimension) bool {
			return d.Name == value(f.Name) && (f.Value == nil || d.Value == *f.Value)
		})
		if !has {
			return false
		}
	}
	return true
}

func describe(m *metrics.Series) types.Metric {
	out := types.Metric{Namespace: &m.Namespace, MetricName: &m.Name, Dimensions: []types.Dimension{}}
	for i := range m.Dimensions {
		out.Dimensions = append(out.Dimensions, types.Dimension{Name: &m.Dimensions[i].Name, Value: &m.Dimensions[i].Value})
	}
	return out
}
