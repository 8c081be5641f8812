package apigateway

import (
	"context"
	"maps"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/apigateway"

	"github.com/stagedoor/stagedoor/internal/state"
)

// taggable names what a tag operation is about: an API, or a stage of it.
type taggable struct{ api, stage string }

// parseTagARN reads arn:aws:apigateway:REGION::/restapis/API[/stages/STAGE].
func parseTagARN(c scope, arn string) (taggable, error) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" || parts[2] != "apigateway" || parts[4] != "" && parts[4] != c.account {
		return taggable{}, badRequest("Invalid ARN specified in the request")
	}
	segments := strings.Split(strings.TrimPrefix(parts[5], "/"), "/")
	switch {
	case segments[0] != "restapis":
		return taggable{}, errUnsupported("Tagging of /%s", segments[0])
	case parts[3] != c.region:
		return taggable{}, badRequest("Invalid ARN specified in the request") // unverified: text
	case len(segments) == 2 && segments[1] != "":
		return taggable{api: segments[1]}, nil
	case len(segments) == 4 && segments[2] == "stages" && segments[3] != "":
		return taggable{api: segments[1], stage: segments[3]}, nil
	}
	return taggable{}, badRequest("Invalid ARN specified in the request")
}

// changeTags alters the tags of what arn names.
func (s *Service) changeTags(ctx context.Context, arn *string, change func(tags *map[string]string)) error {
	c := scopeOf(ctx)
	target, err := parseTagARN(c, deref(arn))
	if err != nil {
		return err
	}
	if target.stage != "" {
		_, err = s.updateStage(ctx, c, target.api, target.stage, func(st *state.Stage) error {
			change(&st.Tags)
			return nil
		})
		return err
	}
	_, err = s.updateAPI(ctx, c, target.api, errAPINotFound(c.account, target.api), func(a *state.RestAPI) error {
		change(&a.Tags)
		return nil
	})
	return err
}

// TagResource adds tags to an API or a stage.
func (s *Service) TagResource(ctx context.Context, in *apigateway.TagResourceInput, _ ...func(*apigateway.Options)) (*apigateway.TagResourceOutput, error) {
	err := s.changeTags(ctx, in.ResourceArn, func(tags *map[string]string) {
		if *tags == nil {
			*tags = map[string]string{}
		}
		maps.Copy(*tags, in.Tags)
	})
	if err != nil {
		return nil, err
	}
	return &apigateway.TagResourceOutput{}, nil
}

// UntagResource takes tags from an API or a stage; keys it has not are ignored.
func (s *Service) UntagResource(ctx context.Context, in *apigateway.UntagResourceInput, _ ...func(*apigateway.Options)) (*apigateway.UntagResourceOutput, error) {
	err := s.changeTags(ctx, in.ResourceArn, func(tags *map[string]string) {
		for _, key := range in.TagKeys {
			delete(*tags, key)
		}
	})
	if err != nil {
		return nil, err
	}
	return &apigateway.UntagResourceOutput{}, nil
}

// GetTags answers the tags of an API or a stage.
func (s *Service) GetTags(ctx context.Context, in *apigateway.GetTagsInput, _ ...func(*apigateway.Options)) (*apigateway.GetTagsOutput, error) {
	c := scopeOf(ctx)
	target, err := parseTagARN(c, deref(in.ResourceArn))
	if err != nil {
		return nil, err
	}
	var tags map[string]string
	if target.stage != "" {
		st, err := s.stage(c, &target.api, &target.stage)
		if err != nil {
			return nil, err
		}
		tags = st.Tags
	} else {
		a, err := s.api(c, target.api)
		if err != nil {
			return nil, err
		}
		tags = a.Tags
	}
	out := &apigateway.GetTagsOutput{Tags: map[string]string{}}
	maps.Copy(out.Tags, tags)
	return out, nil
}
