package promote

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	types "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/stagedoor/stagedoor/internal/target"
)

// RollbackRequest says what to undo.
type RollbackRequest struct {
	API   string `json:"api"`
	Stage string `json:"stage"`
	// ID is the oldest promotion to undo, with all after it; "" is the last one.
	ID string `json:"id,omitempty"`
	// Force puts things back though somebody else changed them since.
	Force    bool   `json:"force,omitempty"`
	TakeOver bool   `json:"takeOver,omitempty"`
	Caller   Caller `json:"-"`
}

// Rollback plans to restore what a stage ran before its last promotion, or
// before promotion ID. An interrupted promotion is the last one. Run the plan
// to do it.
func Rollback(ctx context.Context, place *target.Promoter, r RollbackRequest) (*Plan, error) {
	if r.API == "" || r.Stage == "" {
		return nil, &usageError{"a rollback needs an API and a stage"}
	}
	s, d, err := bare(ctx, place, r.API, []string{r.Stage})
	if err != nil {
		return nil, err
	}
	api := d.RestAPIs[0]
	if stageOf(d, r.Stage) == nil {
		return nil, &usageError{fmt.Sprintf("API %s has no stage %q; it has %s", aws.ToString(api.API.Name), r.Stage, stageNames(api))}
	}
	p := &Plan{
		Kind: "rollback", Request: Request{API: r.API, To: r.Stage, TakeOver: r.TakeOver, Caller: r.Caller}, force: r.Force,
		Account: d.Account, Region: d.Region, API: aws.ToString(api.API.Id), APIName: aws.ToString(api.API.Name), Functions: []FunctionMove{},
	}
	p.adopt(s, *stageOf(d, r.Stage))
	if err := p.refuseLocked(r.TakeOver); err != nil {
		return nil, err
	}
	if p.Undoes, err = undone(recordsOf(r.Stage, p.work.tags), r); err != nil {
		return nil, err
	}
	p.ID = p.Undoes[0].ID
	for i := range p.Undoes {
		if err := p.work.gather(ctx, &p.Undoes[i]); err != nil {
			return nil, err
		}
		p.Request.From = p.Undoes[i].From
	}
	p.planUndo(ctx)
	p.Calls = int(s.calls.Load())
	return p, nil
}

// bare reads an API and its stages, and none of what they lead to.
func bare(ctx context.Context, place *target.Promoter, api string, stages []string) (*scope, *target.Dump, error) {
	s := &scope{place: place, api: api, calls: new(atomic.Int64), stages: stages}
	found, err := call(ctx, s.calls, oneAPI{place.Clients.RestAPIs, s}.GetRestApis, &apigateway.GetRestApisInput{Limit: aws.Int32(500)})
	var mistake *usageError
	switch {
	case errors.As(err, &mistake):
		return nil, nil, mistake
	case err != nil:
		return nil, nil, fmt.Errorf("reading the REST APIs: %w", err)
	}
	all, err := call(ctx, s.calls, place.Clients.RestAPIs.GetStages, &apigateway.GetStagesInput{RestApiId: found.Items[0].Id})
	if err != nil {
		return nil, nil, fmt.Errorf("reading the stages of %s: %w", aws.ToString(found.Items[0].Name), err)
	}
	d := &target.Dump{Region: place.Clients.Region, RestAPIs: []*target.RestAPI{{API: found.Items[0], Stages: all.Item}}}
	return s, d, nil
}

// undone are the promotions that a rollback undoes, newest first.
func undone(all []Record, r RollbackRequest) ([]Record, error) {
	var list []Record
	for _, record := range all {
		if record.State == Undone {
			if record.ID == r.ID {
				return nil, &usageError{fmt.Sprintf("promotion %s was undone already", r.ID)}
			}
			continue
		}
		list = append(list, record)
		if r.ID == "" || record.ID == r.ID {
			return list, nil
		}
	}
	if r.ID != "" {
		return nil, fmt.Errorf("%w: there is no promotion %s; \"stagedoor history %s %s\" lists those that are kept", ErrNothing, r.ID, r.API, r.Stage)
	}
	return nil, fmt.Errorf("%w: \"stagedoor history %s\" lists all that are", ErrNothing, r.API)
}

// follow reads a promotion's functions: the stage's record names the first,
// each function's tags name the next. So a promotion of hundreds of functions
// fits, though a stage has 50 tags. It reports whether all were there; what the
// chain breaks at is noted.
func (w *work) follow(ctx context.Context, r *Record) (whole bool, err error) {
	seen := map[string]bool{}
	for arn := r.first; arn != ""; {
		if seen[arn] || !isFunction(arn) { // somebody edited a tag
			return false, nil
		}
		seen[arn] = true
		tags, err := w.functionTags(ctx, arn)
		switch {
		case code(err) == notFound:
			r.miss(arn, deletedText(arn))
			return false, nil
		case err != nil:
			return false, fmt.Errorf("reading the tags of %s, which was in promotion %s: %w", short(arn), r.ID, err)
		}
		f, ok := readFunction(r.ID, arn, tags)
		if !ok {
			r.miss(arn, forgottenText(arn, r.ID))
			return false, nil
		}
		r.Functions = append(r.Functions, f)
		arn = f.next
	}
	return len(r.Functions) >= r.Count, nil
}

// functionTags reads a function's tags once: they tell of many promotions.
func (w *work) functionTags(ctx context.Context, arn string) (map[string]string, error) {
	w.mu.Lock()
	tags, known := w.tagsOf[arn]
	w.mu.Unlock()
	if known {
		return tags, nil
	}
	out, err := call(ctx, w.calls, w.place.Functions(part(arn, 3)).ListTags, &lambda.ListTagsInput{Resource: &arn})
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tagsOf == nil {
		w.tagsOf = map[string]map[string]string{}
	}
	w.tagsOf[arn] = out.Tags
	return out.Tags, nil
}

// resume makes the plan of what is left of an interrupted promotion.
func (p *Plan) resume(ctx context.Context, asked Request) error {
	r := p.Resumes
	if r.From != asked.From {
		return &usageError{fmt.Sprintf("promotion %s from %s to %s was interrupted: run \"stagedoor promote %s %s %s\" to go on with it, or \"stagedoor rollback %s %s\" to undo it",
			r.ID, r.From, r.Stage, asked.API, r.From, r.Stage, asked.API, r.Stage)}
	}
	if err := p.work.gather(ctx, r); err != nil {
		return err
	}
	p.Kind = "resumption"
	if r.State == Undoing || len(r.Lost) > 0 {
		p.resumeUndo(ctx)
		return nil
	}
	p.Stage, p.Request.Canary = *r.move(), r.Canary
	if asked.Bake == 0 {
		p.Request.Bake, p.Request.AbortOn = r.Bake, r.AbortOn
	}
	for i := range r.Functions {
		p.Functions = append(p.Functions, r.Functions[i].move())
	}
	p.Commands = p.commands()
	p.warn("Promotion %s of %s by %s was interrupted (%s): it is gone on with as it was planned then.", r.ID, r.Began.Format("2006-01-02 15:04 MST"), r.At, r.State)
	return nil
}

// resumeUndo makes the plan of undoing an interrupted promotion that is not gone
// on with. What keeps a rollback from putting something back is only told: this
// is the way out of the interruption, and stops at nothing.
func (p *Plan) resumeUndo(ctx context.Context) {
	r := p.Resumes
	p.Undoes = []Record{*r}
	p.planUndo(ctx)
	for _, x := range p.Problems {
		p.warn("%s It is left as it is.", x.Sentence)
	}
	p.Problems = nil
	if r.State == Undoing {
		p.warn("Promotion %s was being undone (%s): that is completed. Promote again afterwards.", r.ID, r.Reason)
		return
	}
	p.warn("Promotion %s of %s by %s was interrupted (%s) and cannot be gone on with: it is undone. Promote again afterwards.", r.ID, r.Began.Format("2006-01-02 15:04 MST"), r.At, r.State)
}

// move is a function's part in a promotion, in the form of a plan.
func (f *FunctionRecord) move() FunctionMove {
	m := FunctionMove{Function: f.Function, Source: f.Source, Methods: []string{}}
	if f.NewCode != "" {
		m.Code = &CodeMove{Old: f.OldCode, New: f.NewCode}
	}
	for _, a := range f.Aliases {
		m.Aliases = append(m.Aliases, AliasMove{Name: a.Name, Old: a.Old, Weights: a.Weights, New: a.New, AtOnce: a.AtOnce})
	}
	return m
}

// back is move the other way.
func (f *FunctionRecord) back() FunctionMove {
	m := FunctionMove{Function: f.Function, Source: f.Function + ":" + f.OldVersion, Methods: []string{}}
	if f.NewCode != "" {
		m.Code = &CodeMove{Old: f.NewCode, New: f.OldCode}
	}
	for _, a := range f.Aliases {
		if a.New != "" {
			m.Aliases = append(m.Aliases, AliasMove{Name: a.Name, Old: a.New, New: a.Old, NewWeights: a.Weights})
		}
	}
	return m
}

// planUndo shows what a rollback does, and finds what keeps it from doing it.
func (p *Plan) planUndo(ctx context.Context) {
	oldest := &p.Undoes[len(p.Undoes)-1]
	p.Stage = StageMove{Name: p.Stage.Name, OldDeployment: aws.ToString(p.work.seen.DeploymentId), NewDeployment: oldest.OldDeployment, Set: p.variablesBack()}
	if has := aws.ToString(p.work.seen.DeploymentId); has != p.Undoes[0].NewDeployment && has != p.Undoes[0].OldDeployment && !p.force {
		p.changedSince("Stage "+p.Stage.Name, "deployment "+has, "deployment "+p.Undoes[0].NewDeployment)
	}
	for i := range p.Undoes {
		r := &p.Undoes[i]
		if r.OldDeployment == r.NewDeployment {
			continue
		}
		_, err := call(ctx, p.work.calls, p.work.place.Stages.GetDeployment, &apigateway.GetDeploymentInput{RestApiId: &p.API, DeploymentId: &r.OldDeployment})
		if code(err) == "NotFoundException" {
			p.problem(Problem{
				Title:    "the old deployment is gone",
				Sentence: fmt.Sprintf("Deployment %s, which stage %s ran before promotion %s, was deleted.", r.OldDeployment, r.Stage, r.ID),
				Remedy:   "Deploy what it had anew, or undo fewer promotions.",
			})
		}
	}
	for i := range p.Undoes {
		for _, text := range p.Undoes[i].Lost {
			p.warn("%s.", sentence(text))
		}
		for j := range p.Undoes[i].Functions {
			p.planUndoFunction(ctx, &p.Undoes[i].Functions[j], i == 0)
		}
	}
	p.Commands = p.undoCommands()
}

// variablesBack are the stage variables that differ from what they were before
// the oldest of the promotions.
func (p *Plan) variablesBack() []Variable {
	before := map[string]*string{}
	for i := range p.Undoes { // the oldest comes last, and has the last word
		for _, v := range p.Undoes[i].Set {
			before[v.Name] = v.Old
		}
	}
	var set []Variable
	for _, name := range slices.Sorted(maps.Keys(before)) {
		now, has := p.work.seen.Variables[name]
		v := Variable{Name: name, New: before[name]}
		if has {
			v.Old = &now
		}
		if has != (v.New != nil) || has && now != *v.New {
			set = append(set, v)
		}
	}
	return set
}

func (p *Plan) planUndoFunction(ctx context.Context, f *FunctionRecord, newest bool) {
	m := f.back()
	p.Functions = append(p.Functions, m)
	if m.Code == nil {
		return
	}
	now, err := getFunction(ctx, p.work.place, p.work.calls, f.Function)
	if err == nil && newest && sha(now) != f.NewCode && sha(now) != f.OldCode && !p.force {
		p.changedSince("The code of "+short(f.Function), shortHash(sha(now)), shortHash(f.NewCode))
	}
	if f.OldVersion == "" {
		return
	}
	old, kept := getFunction(ctx, p.work.place, p.work.calls, f.Function+":"+f.OldVersion)
	if kept == nil && old.Configuration.PackageType == types.PackageTypeImage {
		m.Code.Image = image(old)
	}
	if err := errors.Join(err, kept); code(err) == "ResourceNotFoundException" || code(kept) == "ResourceNotFoundException" {
		p.problem(Problem{
			Title: "the old code is gone", Function: f.Function,
			Sentence: fmt.Sprintf("Version %s of %s, which keeps the code from before, was deleted.", f.OldVersion, short(f.Function)),
			Remedy:   "Deploy the old code yourself and promote that.",
		})
	}
}

func (p *Plan) changedSince(what, has, left string) {
	p.problem(Problem{
		Title:    "changed since the promotion",
		Sentence: fmt.Sprintf("%s is %s now, and promotion %s left it at %s: somebody changed it since.", what, has, p.Undoes[0].ID, left),
		Remedy:   "--force puts it back all the same.",
	})
}

// rollback undoes one promotion after the other.
func (r *runner) rollback(ctx context.Context) error {
	by := "rollback by " + r.w.caller.Name
	for i := range r.plan.Undoes {
		r.take(&r.plan.Undoes[i])
		reason := by
		if r.record.State == Undoing {
			reason = r.record.Reason
		}
		if err := r.undo(ctx, reason); err != nil {
			return err
		}
	}
	r.result.Reason = ""
	return nil
}

// take makes a promotion that another run began the one of this run.
func (r *runner) take(record *Record) {
	r.record, r.parts = record, nil
	for i := range record.Functions {
		r.parts = append(r.parts, &record.Functions[i])
	}
}
