package lambda

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// maxTries bounds how often a batch is tried again after another writer was
// first.
const maxTries = 20

// PublishVersion freezes $LATEST under the next number. When nothing changed
// since the last version it answers that one (AWS recording
// test_version_lifecycle).
func (s *Service) PublishVersion(ctx context.Context, in *lambda.PublishVersionInput, _ ...func(*lambda.Options)) (*lambda.PublishVersionOutput, error) {
	t, err := s.resolveShared(ctx, in.FunctionName, nil, "lambda:PublishVersion")
	if err != nil {
		return nil, err
	}
	if err := latestOnly(t); err != nil {
		return nil, err
	}
	if in.PublishTo != "" {
		return nil, unsupported("PublishTo is not supported yet; leave it out")
	}
	var version *state.FunctionVersion
	_, err = s.publish(ctx, t, func(fn *state.Function) (*state.FunctionVersion, error) {
		if err := s.publishable(t, fn, in); err != nil {
			return nil, err
		}
		version, err = s.unchangedVersion(t, fn)
		if version != nil || err != nil {
			return nil, err
		}
		version = s.newVersion(fn, in.Description, false)
		// AWS recording test_function_revisions_version_and_alias: publishing
		// changes the revision of $LATEST too.
		fn.Latest.RevisionID = s.newID()
		return version, nil
	})
	if err != nil {
		return nil, err
	}
	return output[lambda.PublishVersionOutput](s.describe(t.with(version.Config.Version), &version.Config)), nil
}

func (s *Service) publishable(t target, fn *state.Function, in *lambda.PublishVersionInput) error {
	if err := s.settled(t, &fn.Latest); err != nil {
		return err
	}
	if in.RevisionId != nil && *in.RevisionId != s.revision(&fn.Latest) {
		return precondition(msgRevisionFunction)
	}
	if sum := deref(in.CodeSha256); sum != "" && sum != fn.Latest.CodeSHA256 {
		return invalid("CodeSHA256 (%s) is different from current CodeSHA256 in $LATEST (%s). Please try again with the CodeSHA256 in $LATEST.", sum, fn.Latest.CodeSHA256)
	}
	return nil
}

// publish changes a function and writes the version that change returns, both
// or neither; nil from change writes nothing. change gets a copy of the record
// whose maps it must leave alone, and runs again when another writer was first.
func (s *Service) publish(ctx context.Context, t target, change func(fn *state.Function) (*state.FunctionVersion, error)) (*state.Function, error) {
	for range maxTries {
		fn, revision, err := s.function(t)
		if err != nil {
			return nil, err
		}
		next := *fn
		version, err := change(&next)
		if err != nil || version == nil {
			return &next, err
		}
		next.LastVersion = parseVersion(version.Config.Version)
		err = store.Apply(ctx, s.store,
			store.PutOp(t.versionKey(version.Config.Version), version, 0),
			store.PutOp(t.key(), &next, revision))
		if !errors.Is(err, store.ErrConflict) {
			return &next, err
		}
	}
	return nil, conflict(msgBusy, t.unqualified())
}

// newVersion makes the record of the next version of fn, from its $LATEST.
// creating: it comes with a creation or an update of the code and shows
// Pending as long as that (AWS recording test_publish_with_update).
func (s *Service) newVersion(fn *state.Function, description *string, creating bool) *state.FunctionVersion {
	version := &state.FunctionVersion{FunctionID: fn.ID, Config: fn.Latest, SourceDescription: fn.Latest.Description}
	config := &version.Config
	config.Version = fmtVersion(fn.LastVersion + 1)
	config.RevisionID = s.newID()
	config.LastModified = s.now().UTC()
	config.Settling = nil
	if settling := fn.Latest.Settling; creating && settling != nil {
		config.Settling = &state.Settling{Until: settling.Until, Creating: true, RevisionID: config.RevisionID}
	}
	if description != nil && *description != "" {
		config.Description = *description
	}
	return version
}

// unchangedVersion returns the newest version of fn if $LATEST is still what
// was published then.
func (s *Service) unchangedVersion(t target, fn *state.Function) (*state.FunctionVersion, error) {
	if fn.LastVersion == 0 {
		return nil, nil
	}
	version, err := s.version(t, fn, fmtVersion(fn.LastVersion))
	if err != nil || version == nil {
		return nil, err
	}
	published := version.Config
	published.Description = version.SourceDescription
	if !bytes.Equal(content(fn.Latest), content(published)) {
		return nil, nil
	}
	return version, nil
}

// content is what makes two configurations the same for PublishVersion: all
// but names, times and states.
func content(c state.FunctionConfig) []byte {
	c.Version, c.RevisionID, c.Settling = "", "", nil
	c.State, c.StateReason, c.StateReasonCode = "", "", ""
	c.LastUpdateStatus, c.LastUpdateStatusReason = "", ""
	c.LastModified = time.Time{}
	return compactJSON(c)
}

// latestOnly refuses a version or an alias where only $LATEST can be changed
// (appleboy/lambda-action#6 quotes the sentence).
func latestOnly(t target) error {
	if t.qualifier != "" && t.qualifier != latest {
		return invalid("Current operation does not support versions other than $LATEST")
	}
	return nil
}
