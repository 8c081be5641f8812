package promote

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	rest "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// move is the record's change of the stage in the form of a plan.
func (r *Record) move() *StageMove {
	return &StageMove{Name: r.Stage, OldDeployment: r.OldDeployment, NewDeployment: r.NewDeployment, Set: r.Set, Canary: r.Canary}
}

// back is move the other way.
func (r *Record) back() *StageMove {
	s := &StageMove{Name: r.Stage, OldDeployment: r.NewDeployment, NewDeployment: r.OldDeployment}
	for _, v := range r.Set {
		s.Set = append(s.Set, Variable{Name: v.Name, Old: v.New, New: v.Old})
	}
	return s
}

// left are the changes of s that stage st does not have yet.
func (s *StageMove) left(st *apigateway.GetStageOutput) *StageMove {
	rest := &StageMove{Name: s.Name, OldDeployment: aws.ToString(st.DeploymentId), NewDeployment: s.NewDeployment, Canary: s.Canary}
	for _, v := range s.Set {
		now, has := st.Variables[v.Name]
		if v.New == nil && has || v.New != nil && (!has || now != *v.New) {
			rest.Set = append(rest.Set, v)
		}
	}
	return rest
}

func (r *runner) stage(ctx context.Context) (*apigateway.GetStageOutput, error) {
	st, err := call(ctx, r.w.calls, r.w.place.Stages.GetStage, &apigateway.GetStageInput{RestApiId: &r.plan.API, StageName: &r.plan.Stage.Name})
	if err != nil {
		return nil, fmt.Errorf("reading stage %s: %w", r.plan.Stage.Name, err)
	}
	return st, nil
}

func (r *runner) patch(ctx context.Context, patches []patch) error {
	in := &apigateway.UpdateStageInput{RestApiId: &r.plan.API, StageName: &r.plan.Stage.Name}
	for _, p := range patches {
		op := rest.PatchOperation{Op: rest.Op(p.Op), Path: aws.String(p.Path), Value: p.Value}
		if p.From != "" {
			op.From = aws.String(p.From)
		}
		in.PatchOperations = append(in.PatchOperations, op)
	}
	err := unlessBusy(ctx, func() error {
		_, err := call(ctx, r.w.calls, r.w.place.Stages.UpdateStage, in)
		return err
	})
	if err != nil {
		return fmt.Errorf("changing stage %s: %w", r.plan.Stage.Name, err)
	}
	return nil
}

// moveStage gives the stage its deployment and variables: at once, as a canary,
// or by making the canary the stage.
func (r *runner) moveStage(ctx context.Context, to phase) error {
	s := r.record.move()
	if !s.changes() {
		return nil
	}
	return r.step(ctx, func(ctx context.Context) (string, error) {
		st, err := r.stage(ctx)
		if err != nil {
			return "", err
		}
		left := s.left(st)
		has := aws.ToString(st.DeploymentId)
		if has != s.OldDeployment && has != s.NewDeployment {
			return "", errForeign("Stage "+s.Name, "at deployment "+has)
		}
		if to == share {
			return r.makeCanary(ctx, s, st)
		}
		if st.CanarySettings != nil {
			return r.completeCanary(ctx, s, st)
		}
		if !left.changes() {
			return "", nil
		}
		return stageText(left), r.patch(ctx, stagePatches(left))
	})
}

func (r *runner) makeCanary(ctx context.Context, s *StageMove, st *apigateway.GetStageOutput) (string, error) {
	c := st.CanarySettings
	if c != nil && aws.ToString(c.DeploymentId) == s.NewDeployment && c.PercentTraffic == s.Canary {
		return "", nil
	}
	if c != nil && aws.ToString(c.DeploymentId) != s.NewDeployment {
		return "", errForeign("The canary of stage "+s.Name, "of deployment "+aws.ToString(c.DeploymentId))
	}
	text := fmt.Sprintf("canary: %g %% of the calls of %s go to deployment %s", s.Canary, s.Name, s.NewDeployment)
	return text, r.patch(ctx, canaryPatches(s))
}

// completeCanary makes the canary the stage and then takes it away: two calls,
// as APIGW-DG:promote-canary-deployment has them. After the first one the
// canary's share is 0.
func (r *runner) completeCanary(ctx context.Context, s *StageMove, st *apigateway.GetStageOutput) (string, error) {
	if left := s.left(st); left.changes() {
		if aws.ToString(st.CanarySettings.DeploymentId) != s.NewDeployment {
			return "", errForeign("The canary of stage "+s.Name, "of deployment "+aws.ToString(st.CanarySettings.DeploymentId))
		}
		if err := r.patch(ctx, completePatches(s)); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("the canary becomes stage %s: deployment %s", s.Name, s.NewDeployment), r.patch(ctx, []patch{{Op: "remove", Path: "/canarySettings"}})
}

func stageText(s *StageMove) string {
	var words []string
	if s.OldDeployment != s.NewDeployment {
		words = append(words, "deployment "+s.OldDeployment+" → "+s.NewDeployment)
	}
	for _, v := range s.Set {
		if v.New == nil {
			words = append(words, "variable "+v.Name+" removed")
		} else {
			words = append(words, v.Name+"="+*v.New)
		}
	}
	return "stage " + s.Name + ": " + strings.Join(words, ", ")
}

// undoStage puts deployment and variables back, and takes the canary away.
func (r *runner) undoStage(ctx context.Context, force bool) error {
	s := r.record.back()
	if !s.changes() {
		return nil
	}
	return r.step(ctx, func(ctx context.Context) (string, error) {
		st, err := r.stage(ctx)
		if err != nil {
			return "", err
		}
		if has := aws.ToString(st.DeploymentId); has != s.OldDeployment && has != s.NewDeployment && !force {
			return "", errForeign("Stage "+s.Name, "at deployment "+has)
		}
		text := ""
		if c := st.CanarySettings; c != nil && aws.ToString(c.DeploymentId) == s.OldDeployment {
			text = "the canary of stage " + s.Name + " is taken away"
			if err := r.patch(ctx, []patch{{Op: "remove", Path: "/canarySettings"}}); err != nil {
				return "", err
			}
		}
		left := s.left(st)
		if !left.changes() {
			return text, nil
		}
		err = r.patch(ctx, stagePatches(left))
		if gone(err) && left.OldDeployment != left.NewDeployment && len(left.Set) > 0 {
			// The deployment was deleted; the variables can go back all the same.
			if again := r.patch(ctx, variablePatches("/variables/", left.Set)); again != nil {
				return "", again
			}
		}
		return stageText(left), err
	})
}

// keptPromotions is how many promotions of a stage are remembered, and on a
// function those of all stages together.
const (
	keptPromotions = 10
	keptOnFunction = 20
)

// makeRoom drops the oldest records of the stage: only so many are kept, and
// fewer where the stage has many tags of its own.
func (r *runner) makeRoom(ctx context.Context, next *Record) error {
	tags := maps.Clone(r.w.tags)
	ids := promotionsIn(tags)
	ids = slices.DeleteFunc(ids, func(id string) bool { return id == next.ID })
	var drop []string
	need := len(next.tags()) + lockTags
	for len(ids) > 0 && (len(ids) >= keptPromotions || len(tags)+need > maxTags) {
		oldest := ids[len(ids)-1]
		ids = ids[:len(ids)-1]
		for _, key := range keysOf(recordKey+oldest, tags) {
			delete(tags, key)
			drop = append(drop, key)
		}
	}
	if len(drop) == 0 {
		return nil
	}
	return r.w.untagStage(ctx, drop)
}

// roomOnFunction does the same for the tags of a function, which stages share.
func (r *runner) roomOnFunction(ctx context.Context, f *FunctionRecord) error {
	known := r.w.functions[f.Function]
	if known == nil {
		return nil
	}
	tags := maps.Clone(known.Tags)
	ids := slices.DeleteFunc(promotionsIn(tags), func(id string) bool { return id == r.record.ID })
	var drop []string
	need := len(f.tags(r.record.ID)) + 1 // the version that is published later may need one more
	for len(ids) > 0 && (len(ids) >= keptOnFunction || len(tags)+need > maxTags) {
		oldest := ids[len(ids)-1]
		ids = ids[:len(ids)-1]
		for _, key := range keysOf(recordKey+oldest, tags) {
			delete(tags, key)
			drop = append(drop, key)
		}
	}
	if len(drop) == 0 {
		return nil
	}
	_, err := call(ctx, r.w.calls, r.functions(f.Function).UntagResource, &lambda.UntagResourceInput{Resource: &f.Function, TagKeys: drop})
	return err
}
