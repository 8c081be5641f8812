package logs

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// groups returns the caller's groups that keep accepts, in the order of their
// names.
func (s *Service) groups(ctx context.Context, keep func(*state.LogGroup) bool) ([]*state.LogGroup, error) {
	if err := s.logs.Flush(ctx); err != nil {
		return nil, err
	}
	caller := at(ctx, nil)
	var groups []*state.LogGroup
	for _, item := range store.List[state.LogGroup](s.store, state.LogGroups.Child(caller.account, caller.region)) {
		if keep(item.Record) {
			groups = append(groups, item.Record)
		}
	}
	// Keys are escaped: their order is not quite that of the names.
	slices.SortFunc(groups, func(a, b *state.LogGroup) int { return strings.Compare(a.Name, b.Name) })
	return groups, nil
}

// ListLogGroups lists groups by a pattern: alternatives separated by "|", each a
// substring of the name or, after "^", its beginning (API reference).
func (s *Service) ListLogGroups(ctx context.Context, in *cloudwatchlogs.ListLogGroupsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.ListLogGroupsOutput, error) {
	alternatives := strings.Split(value(in.LogGroupNamePattern), "|")
	groups, err := s.groups(ctx, func(rec *state.LogGroup) bool {
		return (in.LogGroupClass == "" || class(rec) == in.LogGroupClass) && slices.ContainsFunc(alternatives, func(p string) bool {
			if prefix, ok := strings.CutPrefix(p, "^"); ok {
				return strings.HasPrefix(rec.Name, prefix)
			}
			return strings.Contains(rec.Name, p)
		})
	})
	if err != nil {
		return nil, err
	}
	page, next, err := paged(groups, func(g *state.LogGroup) string { return g.Name }, in.NextToken, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &cloudwatchlogs.ListLogGroupsOutput{LogGroups: []types.LogGroupSummary{}, NextToken: next}
	for _, rec := range page {
		arn := place{rec.Account, rec.Region, rec.Name}.arn()
		out.LogGroups = append(out.LogGroups, types.LogGroupSummary{LogGroupName: &rec.Name, LogGroupArn: &arn, LogGroupClass: class(rec)})
	}
	return out, nil
}

// PutLogGroupDeletionProtection lets a group be deleted or not.
func (s *Service) PutLogGroupDeletionProtection(ctx context.Context, in *cloudwatchlogs.PutLogGroupDeletionProtectionInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutLogGroupDeletionProtectionOutput, error) {
	p, err := identified(ctx, value(in.LogGroupIdentifier))
	if err != nil {
		return nil, err
	}
	err = s.change(ctx, p, func(g *state.LogGroup) error {
		g.DeletionProtection = in.DeletionProtectionEnabled != nil && *in.DeletionProtectionEnabled
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &cloudwatchlogs.PutLogGroupDeletionProtectionOutput{}, nil
}
