package promote

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// undo puts back what a promotion moved: the stage first, then the functions
// from the last to the first. What somebody else changed meanwhile is left as
// it is and told.
func (r *runner) undo(ctx context.Context, reason string) error {
	next := *r.record
	next.Reason = reason
	for _, text := range next.Lost {
		r.lose(text)
	}
	if err := r.write(ctx, &next, Undoing); err != nil {
		return err
	}
	r.record = &next
	if err := r.leave(r.undoStage(ctx, r.plan.force)); err != nil {
		return err
	}
	parts := slices.Clone(r.parts)
	slices.Reverse(parts)
	err := each(ctx, atOnce, parts, func(ctx context.Context, f *FunctionRecord) error { return r.undoFunction(ctx, f) })
	if err != nil {
		return err
	}
	if len(r.lost) > 0 {
		reason = lostText(r.lost, reason)
		r.record.Reason = reason
	}
	if err := r.write(ctx, r.record, Undone); err != nil {
		return err
	}
	r.result.Outcome, r.result.Reason = RolledBack, reason
	r.result.Lost, r.lost = append(r.result.Lost, r.lost...), nil
	return nil
}

// leave lets an undo go on past what somebody else changed or deleted.
func (r *runner) leave(err error) error {
	var final *finalError
	switch {
	case errors.As(err, &final):
		r.say(Event{Kind: "note", Text: final.text + ". It is left as it is.", Bad: true})
	case gone(err):
		r.lose(fmt.Sprintf("it cannot be put back: %v", err))
	default:
		return err
	}
	return nil
}

// lose tells what an undo cannot put back.
func (r *runner) lose(text string) {
	r.say(Event{Kind: "note", Text: sentence(text) + ".", Bad: true})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lost = append(r.lost, text)
}

// sentence begins text with a capital, unless it begins with a name.
func sentence(text string) string {
	for _, word := range []string{"the ", "it "} {
		if strings.HasPrefix(text, word) {
			return strings.ToUpper(text[:1]) + text[1:]
		}
	}
	return text
}

// undoFunction puts aliases back first: they take calls, and the version that
// they go back to has the old code whatever $LATEST has.
func (r *runner) undoFunction(ctx context.Context, f *FunctionRecord) error {
	for i := range f.Aliases {
		a := &f.Aliases[i]
		err := r.step(ctx, func(ctx context.Context) (string, error) {
			if a.New == "" { // it was not moved yet
				return "", nil
			}
			if r.plan.force {
				return r.forceAlias(ctx, f.Function, a)
			}
			return r.setAlias(ctx, f.Function, a, a.Old, a.Weights)
		})
		if err := r.leave(err); err != nil {
			return err
		}
	}
	if f.NewCode == "" {
		return nil
	}
	return r.leave(r.step(ctx, func(ctx context.Context) (string, error) {
		from := f.NewCode
		if r.plan.force {
			now, err := getFunction(ctx, r.w.place, r.w.calls, f.Function)
			if err != nil {
				return "", err
			}
			from = sha(now)
		}
		return r.setCode(ctx, f.Function, from, f.OldCode, f.Function+":"+f.OldVersion)
	}))
}

// forceAlias puts an alias back whatever it is now.
func (r *runner) forceAlias(ctx context.Context, function string, a *AliasRecord) (string, error) {
	now, err := call(ctx, r.w.calls, r.functions(function).GetAlias, &lambda.GetAliasInput{FunctionName: &function, Name: &a.Name})
	if err != nil {
		return "", fmt.Errorf("reading alias %s of %s: %w", a.Name, short(function), err)
	}
	forced := *a
	forced.New = aws.ToString(now.FunctionVersion) // a state that is known, then
	if now.RoutingConfig != nil {
		forced.Old, forced.Weights = forced.New, now.RoutingConfig.AdditionalVersionWeights
	}
	return r.setAlias(ctx, function, &forced, a.Old, a.Weights)
}
