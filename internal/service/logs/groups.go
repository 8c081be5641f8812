package logs

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

func (p place) key() state.Key { return state.LogGroupKey(p.account, p.region, p.group) }

// arn is the group's ARN without the ":*" that some answers end it with.
func (p place) arn() string {
	return "arn:aws:logs:" + p.region + ":" + p.account + ":log-group:" + p.group
}

// get returns the group's record. What Writers are about to make exists.
func (s *Service) get(ctx context.Context, p place) (*state.LogGroup, error) {
	rec, _, err := store.Get[state.LogGroup](s.store, p.key())
	if err == nil {
		return rec, nil
	}
	if err := s.logs.Flush(ctx); err != nil {
		return nil, err
	}
	rec, _, err = store.Get[state.LogGroup](s.store, p.key())
	return rec, missingGroup(err)
}

// change alters the group's record.
func (s *Service) change(ctx context.Context, p place, f func(*state.LogGroup) error) error {
	if _, err := s.get(ctx, p); err != nil {
		return err
	}
	_, err := store.Update(ctx, s.store, p.key(), f)
	return missingGroup(err)
}

// checkName refuses what is too long: AWS recording
// test_create_log_group_invalid_name_length, which words it for both kinds.
func checkName(names ...*string) error {
	for _, name := range names {
		if name != nil && len(*name) > 512 {
			return invalid("Invalid LogGroup or LogStream, both must have length less than or equal to 512.")
		}
	}
	return nil
}

// CreateLogGroup makes an empty group.
func (s *Service) CreateLogGroup(ctx context.Context, in *cloudwatchlogs.CreateLogGroupInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogGroupOutput, error) {
	if err := checkName(in.LogGroupName); err != nil {
		return nil, err
	}
	p := at(ctx, in.LogGroupName)
	rec := &state.LogGroup{
		Account: p.account, Region: p.region, Name: p.group,
		CreatedMillis:      s.now().UnixMilli(),
		Class:              string(in.LogGroupClass),
		KMSKeyID:           value(in.KmsKeyId),
		Tags:               in.Tags,
		DeletionProtection: in.DeletionProtectionEnabled != nil && *in.DeletionProtectionEnabled,
	}
	if err := s.logs.Flush(ctx); err != nil {
		return nil, err
	}
	_, err := store.Create(ctx, s.store, p.key(), rec)
	if errors.Is(err, store.ErrExists) {
		// AWS recording test_create_log_group_duplicate_error
		return nil, &types.ResourceAlreadyExistsException{Message: new("The specified log group already exists")}
	}
	if err != nil {
		return nil, err
	}
	return &cloudwatchlogs.CreateLogGroupOutput{}, nil
}

// DeleteLogGroup removes a group with everything in it.
func (s *Service) DeleteLogGroup(ctx context.Context, in *cloudwatchlogs.DeleteLogGroupInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DeleteLogGroupOutput, error) {
	if err := checkName(in.LogGroupName); err != nil {
		return nil, err
	}
	p := at(ctx, in.LogGroupName)
	rec, err := s.get(ctx, p)
	if err != nil {
		return nil, err
	}
	if rec.DeletionProtection {
		// unverified: the text. The API reference says that a protected group
		// cannot be deleted until the protection is removed.
		return nil, validation("The log group " + p.group + " cannot be deleted because deletion protection is enabled.")
	}
	if err := s.logs.DeleteGroup(ctx, p.account, p.region, p.group); err != nil {
		return nil, missingGroup(err)
	}
	return &cloudwatchlogs.DeleteLogGroupOutput{}, nil
}

// DescribeLogGroups lists groups in the order of their names.
func (s *Service) DescribeLogGroups(ctx context.Context, in *cloudwatchlogs.DescribeLogGroupsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DescribeLogGroupsOutput, error) {
	if in.LogGroupNamePrefix != nil && in.LogGroupNamePattern != nil {
		// AWS recording test_describe_log_groups_prefix_and_pattern_error
		return nil, invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
	}
	wanted := map[string]bool{}
	for _, id := range in.LogGroupIdentifiers {
		p, err := identified(ctx, id)
		if err != nil {
			return nil, err
		}
		wanted[p.group] = true
	}
	groups, err := s.groups(ctx, func(rec *state.LogGroup) bool {
		return strings.HasPrefix(rec.Name, value(in.LogGroupNamePrefix)) && strings.Contains(rec.Name, value(in.LogGroupNamePattern)) &&
			(len(wanted) == 0 || wanted[rec.Name]) && (in.LogGroupClass == "" || class(rec) == in.LogGroupClass)
	})
	if err != nil {
		return nil, err
	}
	page, next, err := paged(groups, func(g *state.LogGroup) string { return g.Name }, in.NextToken, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &cloudwatchlogs.DescribeLogGroupsOutput{LogGroups: []types.LogGroup{}, NextToken: next}
	for _, rec := range page {
		out.LogGroups = append(out.LogGroups, describeGroup(rec, in.LogGroupNamePattern != nil))
	}
	return out, nil
}

func class(rec *state.LogGroup) types.LogGroupClass {
	if rec.Class == "" {
		return types.LogGroupClassStandard
	}
	return types.LogGroupClass(rec.Class)
}

// describeGroup shows a record as AWS does; by a pattern AWS shows less (AWS
// recordings test_describe_log_groups_with_prefix and …_with_pattern).
func describeGroup(rec *state.LogGroup, byPattern bool) types.LogGroup {
	arn := place{rec.Account, rec.Region, rec.Name}.arn()
	group := types.LogGroup{
		Arn:               new(arn + ":*"),
		LogGroupArn:       &arn,
		LogGroupName:      &rec.Name,
		LogGroupClass:     class(rec),
		CreationTime:      &rec.CreatedMillis,
		MetricFilterCount: new(int32(0)),
	}
	if byPattern {
		return group
	}
	// StoredBytes is 0 in recordings right after a write; AWS brings it up to
	// date hours later.
	group.StoredBytes = new(int64(0))
	group.DeletionProtectionEnabled = &rec.DeletionProtection
	if rec.RetentionDays != 0 {
		group.RetentionInDays = &rec.RetentionDays
	}
	if rec.KMSKeyID != "" {
		group.KmsKeyId = &rec.KMSKeyID
	}
	return group
}

// DescribeSubscriptionFilters answers that a group has none: they cannot be
// made here, and Terraform and consoles ask.
func (s *Service) DescribeSubscriptionFilters(ctx context.Context, in *cloudwatchlogs.DescribeSubscriptionFiltersInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DescribeSubscriptionFiltersOutput, error) {
	if _, err := s.get(ctx, at(ctx, in.LogGroupName)); err != nil {
		return nil, err
	}
	return &cloudwatchlogs.DescribeSubscriptionFiltersOutput{SubscriptionFilters: []types.SubscriptionFilter{}}, nil
}

func value(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}
