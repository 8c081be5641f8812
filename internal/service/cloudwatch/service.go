package cloudwatch

import (
	"context"
	"time"

	"github.com/stagedoor/stagedoor/awswire"
	"github.com/stagedoor/stagedoor/internal/metrics"
)

// Options tune a Service.
type Options struct {
	Now func() time.Time // nil: time.Now
}

// Service handles the operations of CloudWatch.
type Service struct {
	metrics *metrics.Metrics
	now     func() time.Time
}

// New makes a Service over the observations of m.
func New(m *metrics.Metrics, o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Service{metrics: m, now: o.Now}
}

// Operations are the handlers by their name in the service model.
func (s *Service) Operations() awswire.Operations {
	return awswire.Operations{
		"GetMetricData":       awswire.Op(s.GetMetricData),
		"GetMetricStatistics": awswire.Op(s.GetMetricStatistics),
		"ListMetrics":         awswire.Op(s.ListMetrics),
		"PutMetricData":       awswire.Op(s.PutMetricData),
	}
}

// at is the account and the region that a call is about.
func at(ctx context.Context) (account, region string) {
	caller := awswire.CallerFrom(ctx)
	return caller.Account, caller.Region
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
