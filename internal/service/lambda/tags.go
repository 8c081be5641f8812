package lambda

import (
	"context"
	"maps"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/stagedoor/stagedoor/internal/state"
)

// maxTags is the limit of tags on one resource; the texts are from AWS
// recordings test_tag_limits and test_tag_exceptions.
const (
	maxTags        = 50
	msgTooManyTags = "Number of tags exceeds resource tag limit."
)

// TagResource sets tags of a function.
func (s *Service) TagResource(ctx context.Context, in *lambda.TagResourceInput, _ ...func(*lambda.Options)) (*lambda.TagResourceOutput, error) {
	t, err := s.tagged(ctx, in.Resource, "lambda:TagResource")
	if err != nil {
		return nil, err
	}
	if len(in.Tags) == 0 {
		return nil, invalid("An error occurred and the request cannot be processed.")
	}
	_, err = s.update(ctx, t, func(fn *state.Function) error {
		if fn.Tags == nil {
			fn.Tags = map[string]string{}
		}
		maps.Copy(fn.Tags, in.Tags)
		if len(fn.Tags) > maxTags {
			return invalid(msgTooManyTags)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &lambda.TagResourceOutput{}, nil
}

// UntagResource removes tags; those that are not there are no error.
func (s *Service) UntagResource(ctx context.Context, in *lambda.UntagResourceInput, _ ...func(*lambda.Options)) (*lambda.UntagResourceOutput, error) {
	t, err := s.tagged(ctx, in.Resource, "lambda:UntagResource")
	if err != nil {
		return nil, err
	}
	_, err = s.update(ctx, t, func(fn *state.Function) error {
		for _, key := range in.TagKeys {
			delete(fn.Tags, key)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &lambda.UntagResourceOutput{}, nil
}

// ListTags answers a function's tags.
func (s *Service) ListTags(ctx context.Context, in *lambda.ListTagsInput, _ ...func(*lambda.Options)) (*lambda.ListTagsOutput, error) {
	t, err := s.tagged(ctx, in.Resource, "lambda:ListTags")
	if err != nil {
		return nil, err
	}
	fn, _, err := s.function(t)
	if err != nil {
		return nil, err
	}
	tags := maps.Clone(fn.Tags)
	if tags == nil {
		tags = map[string]string{}
	}
	return &lambda.ListTagsOutput{Tags: tags}, nil
}

// tagged resolves the ARN of what is tagged: functions only, because nothing
// else that can have tags exists here.
func (s *Service) tagged(ctx context.Context, resource *string, action string) (target, error) {
	if !strings.Contains(deref(resource), ":function:") {
		return target{}, notFound(msgNoSuchResource) // unverified: AWS's words depend on the kind of resource
	}
	t, err := s.resolveShared(ctx, resource, nil, action)
	if err == nil && t.qualifier != "" {
		err = invalid("Tags on function aliases and versions are not supported. Please specify a function ARN.")
	}
	return t, err
}
