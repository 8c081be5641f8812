package promote_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	types "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/stagedoor/stagedoor/internal/promote"
)

// TestRollbackDiesAnywhere lets a rollback die after AWS calls, as sample has
// them. Running it again, or promoting, completes it: aliases with the weights
// that they had, code, variables and deployment.
func TestRollbackDiesAnywhere(t *testing.T) {
	t.Parallel()
	sample := newSample(t, false)
	died := sample.sweep(func() func(n, k int, applied bool) bool {
		w, s := newWorld(shardOf{t}), shapeNamed("aliases")
		s.request.API, s.request.Set = s.setUp(w), map[string]string{"extra": "1"}
		w.weigh("shared", "staging")
		old := w.state(s.request.API, "staging", s.names()...)
		return func(n, k int, applied bool) bool { return w.rollbackDies(s, n, k, applied, old) }
	})
	if died < sample.least(36) {
		t.Errorf("died %d times only", died)
	}
}

func shapeNamed(name string) shape {
	all := shapes()
	return all[slices.IndexFunc(all, func(s shape) bool { return s.name == name })]
}

// weigh gives an alias a second version with a tenth of the calls.
func (w *world) weigh(name, alias string) {
	w.t.Helper()
	w.update(name, "a canary of somebody")
	second := w.publish(name)
	_, err := w.lambda.UpdateAlias(context.Background(), &lambda.UpdateAliasInput{
		FunctionName: &name, Name: &alias, RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{second: 0.1}},
	})
	must(w.t, err)
	w.update(name, "new "+aws.ToString(&name))
}

func (w *world) rollbackDies(s shape, n, k int, applied bool, old state) bool {
	t := w.t
	t.Helper()
	where := fmt.Sprintf("rollback, after %d calls, the next applied: %v", n, applied)
	w.pid += 2
	s.request.Caller = somebody(w.pid)
	if result := w.run(w.plan(s.request)); result.Outcome != promote.Promoted {
		t.Fatalf("%s: %+v", where, result)
	}
	p, err := promote.Rollback(context.Background(), w.place, promote.RollbackRequest{API: s.request.API, Stage: "staging", Caller: s.request.Caller})
	must(t, err)
	w.cut.at(n, applied)
	_, err = p.Run(context.Background(), nil)
	w.cut.at(-1, false)
	if err == nil {
		return false
	}
	s.request.Caller = somebody(w.pid + 1)
	if k%3 == 0 {
		again := w.plan(s.request)
		if again.Resumes != nil { // it was being undone
			if result := w.run(again); result.Outcome != promote.RolledBack {
				t.Fatalf("%s: promote: %+v", where, result)
			}
		}
	}
	w.back(t, s.request, old, where)
	return true
}
