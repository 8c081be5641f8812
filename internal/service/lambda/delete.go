package lambda

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// DeleteFunction deletes a function with all that belongs to it, or one
// published version.
func (s *Service) DeleteFunction(ctx context.Context, in *lambda.DeleteFunctionInput, _ ...func(*lambda.Options)) (*lambda.DeleteFunctionOutput, error) {
	t, err := s.resolveShared(ctx, in.FunctionName, in.Qualifier, "lambda:DeleteFunction")
	if err != nil {
		return nil, err
	}
	switch {
	case t.qualifier == "":
		err = s.deleteFunction(ctx, t)
	case t.qualifier == latest: // AWS recording test_ops_with_arn_qualifier_mismatch: the function need not exist
		err = invalid("$LATEST version cannot be deleted without deleting the function.")
	case t.isVersion():
		err = s.deleteVersion(ctx, t)
	default: // floci-io/floci#2824 quotes the sentence
		err = invalid("Deletion of aliases is not currently supported.")
	}
	if err != nil {
		return nil, err
	}
	return &lambda.DeleteFunctionOutput{StatusCode: 204}, nil
}

// deleteFunction removes the function's record first: from then on nothing of
// it is visible, because versions count only together with their function. A
// crash in between leaves records that nobody reads.
func (s *Service) deleteFunction(ctx context.Context, t target) error {
	fn, _, err := s.function(t)
	if err != nil {
		return err
	}
	if fn.LastVersion == 0 {
		err = store.Delete(ctx, s.store, t.key())
	} else {
		err = s.deletePublished(ctx, t)
	}
	if errors.Is(err, store.ErrNotFound) {
		return functionNotFound(t)
	}
	return err
}

// deletePublished removes a function that has had versions and keeps the
// number of the last one, which is never given again.
func (s *Service) deletePublished(ctx context.Context, t target) error {
	var id string
	for try := 0; ; try++ {
		fn, revision, err := s.function(t)
		if err != nil {
			return err
		}
		id = fn.ID
		err = store.Apply(ctx, s.store,
			store.DeleteOp(t.key(), revision),
			store.PutOp(state.DeletedFunctionKey(t.account, t.region, t.name), &state.DeletedFunction{LastVersion: fn.LastVersion}, 0))
		if err == nil {
			break
		}
		if !errors.Is(err, store.ErrConflict) || try == maxTries {
			return err
		}
	}
	for _, item := range store.List[state.FunctionVersion](s.store, state.FunctionVersions.Child(t.account, t.region, t.name)) {
		if item.Record.FunctionID != id {
			continue
		}
		if err := store.Delete(ctx, s.store, item.Key); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	return nil
}

// deleteVersion removes one version and its policy. A version that is not
// there is no error (AWS recording test_delete_on_nonexisting_version). The
// function's record is written with it, although often nothing in it changes:
// an alias that is made at the same time then loses, or this call does.
func (s *Service) deleteVersion(ctx context.Context, t target) error {
	for range maxTries {
		fn, revision, err := s.function(t.with(""))
		if err != nil {
			return err
		}
		if err := unreferenced(fn, t.qualifier); err != nil {
			return err
		}
		version, err := s.version(t, fn, t.qualifier)
		if err != nil || version == nil {
			return err
		}
		next := *fn
		next.Policies = maps.Clone(fn.Policies)
		delete(next.Policies, t.qualifier)
		err = store.Apply(ctx, s.store, store.PutOp(t.key(), &next, revision), store.DeleteOp(t.versionKey(t.qualifier), 0))
		if !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	return conflict(msgBusy, t.unqualified())
}

// unreferenced refuses to delete a version that aliases use
// (karl-cardenas-coding/go-lambda-cleanup#45 quotes the sentence).
func unreferenced(fn *state.Function, version string) error {
	var names []string
	for name, alias := range fn.Aliases {
		if _, routed := alias.RoutingWeights[version]; routed || alias.FunctionVersion == version {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return conflict("Unable to delete version because the following aliases reference it: [%s]", strings.Join(names, ", "))
}
