package lambda

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// UpdateFunctionConfiguration changes $LATEST; what the request leaves out
// stays.
func (s *Service) UpdateFunctionConfiguration(ctx context.Context, in *lambda.UpdateFunctionConfigurationInput, _ ...func(*lambda.Options)) (*lambda.UpdateFunctionConfigurationOutput, error) {
	t, err := resolveOwn(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	if err := latestOnly(t); err != nil {
		return nil, err
	}
	settings := updateSettings(in)
	if err := s.check(settings, t.account); err != nil {
		return nil, err
	}
	fn, err := s.update(ctx, t, func(fn *state.Function) error {
		if err := s.updatable(t, fn, in.RevisionId); err != nil {
			return err
		}
		if err := settings.apply(&fn.Latest); err != nil {
			return err
		}
		s.startSettling(&fn.Latest, false)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return output[lambda.UpdateFunctionConfigurationOutput](describeStarted(t, &fn.Latest)), nil
}

// UpdateFunctionCode changes the code of $LATEST, and publishes a version of
// it at once when asked to.
func (s *Service) UpdateFunctionCode(ctx context.Context, in *lambda.UpdateFunctionCodeInput, _ ...func(*lambda.Options)) (*lambda.UpdateFunctionCodeOutput, error) {
	t, err := s.resolveShared(ctx, in.FunctionName, nil, "lambda:UpdateFunctionCode")
	if err != nil {
		return nil, err
	}
	if err := latestOnly(t); err != nil {
		return nil, err
	}
	if in.PublishTo != "" {
		return nil, unsupported("PublishTo is not supported yet; leave it out")
	}
	if _, _, err := s.function(t); err != nil {
		return nil, err
	}
	if err := checkSource(codeSource{operation: "UpdateFunctionCode", zip: in.ZipFile, image: in.ImageUri, bucket: in.S3Bucket, key: in.S3Key}); err != nil {
		return nil, err
	}
	var code state.FunctionConfig
	if err := s.storeCode(ctx, &code, in.ZipFile); err != nil {
		return nil, err
	}
	change := func(fn *state.Function) error {
		if err := s.updatable(t, fn, in.RevisionId); err != nil {
			return err
		}
		c := &fn.Latest
		c.CodeDigest, c.CodeSHA256, c.CodeSize = code.CodeDigest, code.CodeSHA256, code.CodeSize
		c.SourceKMSKeyARN = deref(in.SourceKMSKeyArn)
		if len(in.Architectures) > 0 {
			c.Architectures = architectures(in.Architectures)
		}
		s.startSettling(c, false)
		return nil
	}
	switch {
	case in.DryRun:
		return s.dryRunCode(t, change)
	case in.Publish:
		return s.updateAndPublish(ctx, t, change)
	}
	fn, err := s.update(ctx, t, change)
	if err != nil {
		return nil, err
	}
	return output[lambda.UpdateFunctionCodeOutput](describeStarted(t, &fn.Latest)), nil
}

// dryRunCode answers what an update would, and writes nothing.
//
// unverified: which RevisionId and which states AWS answers here.
func (s *Service) dryRunCode(t target, change func(*state.Function) error) (*lambda.UpdateFunctionCodeOutput, error) {
	fn, _, err := s.function(t)
	if err != nil {
		return nil, err
	}
	next := *fn
	if err := change(&next); err != nil {
		return nil, err
	}
	next.Latest.RevisionID, next.Latest.LastModified, next.Latest.Settling = fn.Latest.RevisionID, fn.Latest.LastModified, nil
	return output[lambda.UpdateFunctionCodeOutput](s.describe(t, &next.Latest)), nil
}

// updateAndPublish writes the change and the version in one batch and answers
// the version (AWS recording test_publish_with_update).
func (s *Service) updateAndPublish(ctx context.Context, t target, change func(*state.Function) error) (*lambda.UpdateFunctionCodeOutput, error) {
	var out *types.FunctionConfiguration
	_, err := s.publish(ctx, t, func(fn *state.Function) (*state.FunctionVersion, error) {
		if err := change(fn); err != nil {
			return nil, err
		}
		version, err := s.unchangedVersion(t, fn)
		if err != nil {
			return nil, err
		}
		if version == nil {
			version = s.newVersion(fn, nil, true)
			out = describeStarted(t.with(version.Config.Version), &version.Config)
			return version, nil
		}
		out = s.describe(t.with(version.Config.Version), &version.Config)
		return nil, nil
	})
	if err != nil {
		return nil, err
	}
	return output[lambda.UpdateFunctionCodeOutput](out), nil
}

// updatable refuses a change while another is going on, or of another revision
// than the client knows.
func (s *Service) updatable(t target, fn *state.Function, revision *string) error {
	if err := s.settled(t, &fn.Latest); err != nil {
		return err
	}
	if revision != nil && *revision != s.revision(&fn.Latest) {
		return precondition(msgRevisionFunction)
	}
	return nil
}

// update is store.Update of a function with AWS's error when there is none.
func (s *Service) update(ctx context.Context, t target, change func(*state.Function) error) (*state.Function, error) {
	fn, err := store.Update(ctx, s.store, t.key(), change)
	if errors.Is(err, store.ErrNotFound) {
		err = functionNotFound(t)
	}
	return fn, recordError(t, err)
}

// recordError explains the one limit that AWS does not have: a function with
// all its aliases and policies is one record. A megabyte of it, compressed,
// takes some hundred aliases with full policies.
func recordError(t target, err error) error {
	if errors.Is(err, store.ErrTooLarge) {
		return unsupported("the aliases, policies and tags of function %s are too large together; remove some: %v", t.name, err)
	}
	return err
}
