package logs

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/stagedoor/stagedoor/internal/state"
)

// retentionDays are the values that a retention may have (API reference,
// PutRetentionPolicy).
func retentionDays() []int32 {
	return []int32{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
}

// PutRetentionPolicy sets for how many days a group keeps its events.
func (s *Service) PutRetentionPolicy(ctx context.Context, in *cloudwatchlogs.PutRetentionPolicyInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutRetentionPolicyOutput, error) {
	if in.RetentionInDays == nil || !slices.Contains(retentionDays(), *in.RetentionInDays) {
		// As reported from AWS in aws/aws-cdk #1343.
		return nil, invalid("Invalid retention value. Valid values are: %s", list(retentionDays()))
	}
	if err := s.setRetention(ctx, at(ctx, in.LogGroupName), *in.RetentionInDays); err != nil {
		return nil, err
	}
	return &cloudwatchlogs.PutRetentionPolicyOutput{}, nil
}

// DeleteRetentionPolicy lets a group keep its events for ever.
func (s *Service) DeleteRetentionPolicy(ctx context.Context, in *cloudwatchlogs.DeleteRetentionPolicyInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DeleteRetentionPolicyOutput, error) {
	if err := s.setRetention(ctx, at(ctx, in.LogGroupName), 0); err != nil {
		return nil, err
	}
	return &cloudwatchlogs.DeleteRetentionPolicyOutput{}, nil
}

func (s *Service) setRetention(ctx context.Context, p place, days int32) error {
	return s.change(ctx, p, func(g *state.LogGroup) error {
		g.RetentionDays = days
		return nil
	})
}
