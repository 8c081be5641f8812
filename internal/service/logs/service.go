package logs

import (
	"context"
	"time"

	"github.com/stagedoor/stagedoor/awswire"
	"github.com/stagedoor/stagedoor/internal/logs"
	"github.com/stagedoor/stagedoor/internal/store"
)

// Options tune a Service.
type Options struct {
	Now func() time.Time // nil: time.Now
}

// Service handles the operations of CloudWatch Logs.
type Service struct {
	store *store.Store
	logs  *logs.Logs
	now   func() time.Time
}

// New makes a Service over the records of s and the events of l.
func New(s *store.Store, l *logs.Logs, o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Service{store: s, logs: l, now: o.Now}
}

// Operations are the handlers by their name in the service model.
func (s *Service) Operations() awswire.Operations {
	return awswire.Operations{
		"CreateLogGroup":                awswire.Op(s.CreateLogGroup),
		"CreateLogStream":               awswire.Op(s.CreateLogStream),
		"DeleteLogGroup":                awswire.Op(s.DeleteLogGroup),
		"DeleteLogStream":               awswire.Op(s.DeleteLogStream),
		"DeleteRetentionPolicy":         awswire.Op(s.DeleteRetentionPolicy),
		"DescribeLogGroups":             awswire.Op(s.DescribeLogGroups),
		"DescribeLogStreams":            awswire.Op(s.DescribeLogStreams),
		"DescribeSubscriptionFilters":   awswire.Op(s.DescribeSubscriptionFilters),
		"FilterLogEvents":               awswire.Op(s.FilterLogEvents),
		"GetLogEvents":                  awswire.Op(s.GetLogEvents),
		"ListLogGroups":                 awswire.Op(s.ListLogGroups),
		"ListTagsForResource":           awswire.Op(s.ListTagsForResource),
		"ListTagsLogGroup":              awswire.Op(s.ListTagsLogGroup),
		"PutLogEvents":                  awswire.Op(s.PutLogEvents),
		"PutLogGroupDeletionProtection": awswire.Op(s.PutLogGroupDeletionProtection),
		"PutRetentionPolicy":            awswire.Op(s.PutRetentionPolicy),
		"TagLogGroup":                   awswire.Op(s.TagLogGroup),
		"TagResource":                   awswire.Op(s.TagResource),
		"UntagLogGroup":                 awswire.Op(s.UntagLogGroup),
		"UntagResource":                 awswire.Op(s.UntagResource),
	}
}

// place is the group that a call is about.
type place struct {
	account, region, group string
}

// at is the place of a group named in a call.
func at(ctx context.Context, group *string) place {
	caller := awswire.CallerFrom(ctx)
	p := place{account: caller.Account, region: caller.Region}
	if group != nil {
		p.group = *group
	}
	return p
}
