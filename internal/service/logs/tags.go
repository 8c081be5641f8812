package logs

import (
	"context"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/stagedoor/stagedoor/internal/state"
)

// maxTags is how many tags a log group may have (API reference, TagResource).
const maxTags = 50

func (s *Service) tag(ctx context.Context, p place, tags map[string]string) error {
	return s.change(ctx, p, func(g *state.LogGroup) error {
		if g.Tags == nil {
			g.Tags = map[string]string{}
		}
		maps.Copy(g.Tags, tags)
		if len(g.Tags) > maxTags {
			// unverified: the text.
			return validation("A resource can have no more than 50 tags.")
		}
		return nil
	})
}

func (s *Service) untag(ctx context.Context, p place, keys []string) error {
	return s.change(ctx, p, func(g *state.LogGroup) error {
		maps.DeleteFunc(g.Tags, func(key, _ string) bool { return slices.Contains(keys, key) })
		return nil
	})
}

func (s *Service) tags(ctx context.Context, p place) (map[string]string, error) {
	rec, err := s.get(ctx, p)
	if err != nil {
		return nil, err
	}
	if rec.Tags == nil {
		return map[string]string{}, nil
	}
	return rec.Tags, nil
}

// TagResource adds tags to the group that an ARN names.
func (s *Service) TagResource(ctx context.Context, in *cloudwatchlogs.TagResourceInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.TagResourceOutput, error) {
	p, err := identified(ctx, value(in.ResourceArn))
	if err == nil {
		err = s.tag(ctx, p, in.Tags)
	}
	if err != nil {
		return nil, err
	}
	return &cloudwatchlogs.TagResourceOutput{}, nil
}

// UntagResource removes tags from the group that an ARN names.
func (s *Service) UntagResource(ctx context.Context, in *cloudwatchlogs.UntagResourceInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.UntagResourceOutput, error) {
	p, err := identified(ctx, value(in.ResourceArn))
	if err == nil {
		err = s.untag(ctx, p, in.TagKeys)
	}
	if err != nil {
		return nil, err
	}
	return &cloudwatchlogs.UntagResourceOutput{}, nil
}

// ListTagsForResource returns the tags of the group that an ARN names.
func (s *Service) ListTagsForResource(ctx context.Context, in *cloudwatchlogs.ListTagsForResourceInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.ListTagsForResourceOutput, error) {
	p, err := identified(ctx, value(in.ResourceArn))
	if err != nil {
		return nil, err
	}
	tags, err := s.tags(ctx, p)
	if err != nil {
		return nil, err
	}
	return &cloudwatchlogs.ListTagsForResourceOutput{Tags: tags}, nil
}

// TagLogGroup is the older TagResource, by name.
func (s *Service) TagLogGroup(ctx context.Context, in *cloudwatchlogs.TagLogGroupInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.TagLogGroupOutput, error) {
	if err := s.tag(ctx, at(ctx, in.LogGroupName), in.Tags); err != nil {
		return nil, err
	}
	return &cloudwatchlogs.TagLogGroupOutput{}, nil
}

// UntagLogGroup is the older UntagResource, by name.
func (s *Service) UntagLogGroup(ctx context.Context, in *cloudwatchlogs.UntagLogGroupInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.UntagLogGroupOutput, error) {
	if err := s.untag(ctx, at(ctx, in.LogGroupName), in.Tags); err != nil {
		return nil, err
	}
	return &cloudwatchlogs.UntagLogGroupOutput{}, nil
}

// ListTagsLogGroup is the older ListTagsForResource, by name.
func (s *Service) ListTagsLogGroup(ctx context.Context, in *cloudwatchlogs.ListTagsLogGroupInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.ListTagsLogGroupOutput, error) {
	tags, err := s.tags(ctx, at(ctx, in.LogGroupName))
	if err != nil {
		return nil, err
	}
	return &cloudwatchlogs.ListTagsLogGroupOutput{Tags: tags}, nil
}
