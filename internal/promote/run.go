package promote

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/stagedoor/stagedoor/internal/doctor"
)

// The order of a promotion, and why a crash after any call leaves something
// that the next run completes or undoes:
//
//  1. Grants. Each is complete in itself; a new plan asks for those that are
//     still missing.
//  2. The record, "preparing". Callers see no change yet: the next run begins
//     anew under the same id.
//  3. For each function: its old code is published as a version, and its tags
//     say which, what comes and which function is next. Nor is that seen.
//  4. The record, "moving": from here on the journal is complete, and the
//     promotion is gone on with or undone from it alone.
//  5. Functions, then the stage. Each compares first: what is new already is
//     left, what is neither old nor new was changed by somebody else.
//  6. With a canary: "baking", then "finishing", with the rest of the moves.
//  7. The record, "done".
//
// An undo says "undoing" first, puts the stage back, then the functions, and
// says "undone" last.
type runner struct {
	plan   *Plan
	w      *work
	lock   *lock
	record *Record
	parts  []*FunctionRecord
	result *Result
	// resumed says that another run began what this one goes on with.
	resumed bool
	// measured is what was told last of the metrics.
	measured string

	mu   sync.Mutex // guards result.Events and lost
	lost []string   // what the undo of record could not put back
	tell func(Event)
}

// Run carries the plan out. progress is told each step; nil: nobody. What went
// wrong in a way that trying again would not mend is undone at once, and the
// Result says so; an InterruptedError leaves the rest to the next run.
func (p *Plan) Run(ctx context.Context, progress func(Event)) (*Result, error) {
	if len(p.Problems) > 0 {
		return nil, &StoppedError{p}
	}
	r := &runner{plan: p, w: p.work, tell: progress, result: &Result{Outcome: Unchanged, Events: []Event{}}}
	if p.Nothing {
		return r.result, nil
	}
	before := p.work.calls.Load()
	defer func() { r.result.Calls = int(p.work.calls.Load() - before) }()
	var err error
	if r.lock, err = p.work.acquire(ctx, p.Stage.Name, p.Request.TakeOver); err != nil {
		return nil, err
	}
	defer r.lock.release(ctx)
	if err := r.unchanged(ctx); err != nil {
		return nil, err
	}
	if p.Kind == "rollback" {
		err = r.rollback(ctx)
	} else {
		err = r.promote(ctx)
	}
	if r.record != nil {
		r.result.Record = *r.record
		for _, f := range r.parts {
			r.result.Record.Functions = append(r.result.Record.Functions, *f)
		}
		if err != nil && r.record.Interrupted() {
			err = &InterruptedError{Record: r.result.Record, API: p.Request.API, Err: err}
		}
	}
	return r.result, err
}

// unchanged makes sure, under the lock, that the stage is what was planned on.
func (r *runner) unchanged(ctx context.Context) error {
	now, err := call(ctx, r.w.calls, r.w.place.Stages.GetStage, &apigateway.GetStageInput{RestApiId: &r.plan.API, StageName: &r.plan.Stage.Name})
	if err != nil {
		return fmt.Errorf("reading stage %s: %w", r.plan.Stage.Name, err)
	}
	seen := r.w.seen
	same := aws.ToString(now.DeploymentId) == aws.ToString(seen.DeploymentId) && sameMap(now.Variables, seen.Variables) &&
		reflect.DeepEqual(recordsOf(r.plan.Stage.Name, now.Tags), recordsOf(r.plan.Stage.Name, seen.Tags))
	if !same {
		return fmt.Errorf("stage %s was changed since the plan was made: run it again", r.plan.Stage.Name)
	}
	r.w.tags = now.Tags
	return nil
}

// promote begins a promotion or goes on with one.
func (r *runner) promote(ctx context.Context) error {
	if old := r.plan.Resumes; old != nil && old.State != Preparing {
		r.resumed = true
		r.take(old)
		if old.State == Undoing || len(old.Lost) > 0 {
			return r.undo(ctx, old.Reason)
		}
		return r.settle(ctx, r.forward(ctx))
	}
	if err := r.prepare(ctx); err != nil {
		return r.abandon(ctx, err)
	}
	return r.settle(ctx, r.forward(ctx))
}

// abandon ends a promotion of which callers have seen nothing, unless the next
// run may get further.
func (r *runner) abandon(ctx context.Context, err error) error {
	if r.record == nil || retriable(ctx, err) {
		return err
	}
	next := *r.record
	next.Reason = err.Error()
	if failed := r.write(ctx, &next, Undone); failed != nil {
		return errors.Join(err, failed)
	}
	r.record = &next
	return err
}

// settle undoes a promotion that trying again would not mend.
func (r *runner) settle(ctx context.Context, err error) error {
	if err == nil || retriable(ctx, err) {
		return err
	}
	r.say(Event{Kind: "undo", Text: "This is undone: " + err.Error(), Bad: true})
	return r.undo(ctx, err.Error())
}

// retriable tells what the next run may get past (no network, throttling, an
// expired session) from what would fail again.
func retriable(ctx context.Context, err error) bool {
	if ctx.Err() != nil || errors.Is(err, errLockLost) {
		return true
	}
	var final *finalError
	if errors.As(err, &final) {
		return false
	}
	return transient(code(err))
}

// transient are the codes with which AWS refuses what may succeed later; ""
// is no answer at all.
func transient(code string) bool {
	return slices.Contains([]string{
		"", "ConflictException", "TooManyRequestsException", "ThrottlingException", "Throttling", "RequestLimitExceeded", "ServiceException", "ServiceUnavailable",
		"ServiceUnavailableException", "InternalFailure", "InternalServerError", "InternalServerException", "ExpiredToken", "ExpiredTokenException", "RequestExpired",
	}, code)
}

// finalError is a failure that trying again would not mend.
type finalError struct{ text string }

func (e *finalError) Error() string { return e.text }

func final(format string, args ...any) error { return &finalError{fmt.Sprintf(format, args...)} }

// prepare writes the journal; callers see nothing of it.
func (r *runner) prepare(ctx context.Context) error {
	for _, line := range r.plan.Grants {
		if err := r.grant(ctx, line); err != nil {
			return err
		}
	}
	record := r.plan.record()
	record.Began, record.At = time.Now().UTC().Truncate(time.Second), limited(r.w.caller.Name, maxCaller)
	record.By = limited(r.callerARN(ctx), maxCaller)
	if err := r.makeRoom(ctx, record); err != nil {
		return err
	}
	if err := r.write(ctx, record, Preparing); err != nil {
		return err
	}
	r.record = record
	for i := range r.plan.Functions {
		m := &r.plan.Functions[i]
		part := &FunctionRecord{Function: m.Function, Source: m.Source}
		if m.Code != nil {
			part.OldCode, part.NewCode = m.Code.Old, m.Code.New
		}
		if i+1 < len(r.plan.Functions) {
			part.next = r.plan.Functions[i+1].Function
		}
		for _, a := range m.Aliases {
			part.Aliases = append(part.Aliases, AliasRecord{Name: a.Name, Old: a.Old, Weights: a.Weights, New: a.New, AtOnce: a.AtOnce})
		}
		r.parts = append(r.parts, part)
	}
	err := each(ctx, atOnce, r.parts, func(ctx context.Context, f *FunctionRecord) error {
		return r.keep(ctx, f, r.plan.move(f.Function))
	})
	if err != nil {
		return err
	}
	return r.write(ctx, r.record, Moving)
}

func (p *Plan) move(function string) *FunctionMove {
	at := slices.IndexFunc(p.Functions, func(m FunctionMove) bool { return m.Function == function })
	return &p.Functions[at]
}

// grant adds or removes a grant. What is there already is no error: an earlier
// try may have been answered to nobody.
func (r *runner) grant(ctx context.Context, line string) error {
	return r.step(ctx, func(ctx context.Context) (string, error) {
		r.w.calls.Add(1)
		err := doctor.Run(ctx, r.w.place.Changes, line)
		if name := code(err); name == "ResourceConflictException" || name == "ResourceNotFoundException" {
			err = nil
		}
		return line, err
	})
}

// callerARN is who promotes, for the history; without it the history says less.
func (r *runner) callerARN(ctx context.Context) string {
	out, err := call(ctx, r.w.calls, r.w.place.Clients.Tokens.GetCallerIdentity, &sts.GetCallerIdentityInput{})
	if err != nil {
		return ""
	}
	return aws.ToString(out.Arn)
}

// write keeps the record, in a new state.
func (r *runner) write(ctx context.Context, record *Record, state string) error {
	step, cancel, err := r.lock.hold(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	next := *record
	next.State = state
	if !next.Interrupted() {
		next.Ended = time.Now().UTC().Truncate(time.Second)
	}
	next.Reason = limited(next.Reason, maxReason)
	tags := next.progress()
	if state == Preparing {
		tags = next.tags()
	}
	if err := r.w.tagStage(step, tags); err != nil {
		return err
	}
	*record = next
	return nil
}

// forward moves everything that the journal names.
func (r *runner) forward(ctx context.Context) error {
	if r.record.State == Moving && r.record.Canary > 0 {
		if err := r.moveAll(ctx, share); err != nil {
			return err
		}
		if err := r.beginBake(ctx); err != nil {
			return err
		}
	}
	if r.record.State == Baking && r.record.Canary > 0 {
		if err := r.bake(ctx); err != nil {
			return err
		}
		if err := r.write(ctx, r.record, Finishing); err != nil {
			return err
		}
	}
	if r.record.State != Baking {
		if err := r.moveAll(ctx, whole); err != nil {
			return err
		}
		if err := r.probe(ctx); err != nil {
			return err
		}
		if r.record.Canary == 0 && r.plan.Request.Bake > 0 {
			if err := r.beginBake(ctx); err != nil {
				return err
			}
		}
	}
	if r.record.State == Baking {
		if err := r.bake(ctx); err != nil {
			return err
		}
	}
	if err := r.write(ctx, r.record, Done); err != nil {
		return err
	}
	r.result.Outcome = Promoted
	return nil
}

// phase is how far things move.
type phase int

const (
	share phase = iota // the canary's
	whole
)

// moveAll moves functions, then the stage.
func (r *runner) moveAll(ctx context.Context, to phase) error {
	if err := each(ctx, atOnce, r.parts, func(ctx context.Context, f *FunctionRecord) error { return r.moveFunction(ctx, f, to) }); err != nil {
		return err
	}
	return r.moveStage(ctx, to)
}

// step runs one step under the lock and tells of it.
func (r *runner) step(ctx context.Context, f func(ctx context.Context) (string, error)) error {
	held, cancel, err := r.lock.hold(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	began := time.Now()
	text, err := f(held)
	if err != nil {
		if cause := context.Cause(held); cause != nil && ctx.Err() == nil {
			return cause
		}
		return err
	}
	if text != "" {
		r.say(Event{Kind: "step", Text: text, Took: time.Since(began)})
	}
	return nil
}

func (r *runner) say(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Events = append(r.result.Events, e)
	if r.tell != nil {
		r.tell(e)
	}
}

func sameMap(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if other, ok := b[k]; !ok || other != v {
			return false
		}
	}
	return true
}
