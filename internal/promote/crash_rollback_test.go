package promote_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	types "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/stagedoor/stagedoor/internal/promote"
)

// TestRollbackDiesAnywhere lets a rollback die after every single AWS call.
// Running it again, or promoting, completes it: aliases with the weights that
// they had, code, variables and deployment.
func TestRollbackDiesAnywhere(t *testing.T) {
	stride := 1
	if testing.Short() {
		stride = 5
	}
	var died atomic.Int64
	var running sync.WaitGroup
	for shard := range shards {
		running.Go(func() {
			w := newWorld(shardOf{t})
			s := shapes()[1]
			s.request.API, s.request.Set = s.setUp(w), map[string]string{"extra": "1"}
			w.weigh("shared", "staging")
			old := w.state(s.request.API, "staging", s.names()...)
			for n := shard; w.rollbackDies(s, n, n%2 == 0, old); n += stride * shards {
				w.rollbackDies(s, n, n%2 == 1, old)
				died.Add(2)
			}
		})
	}
	running.Wait()
	if died.Load() < 40/int64(stride) {
		t.Errorf("died %d times only", died.Load())
	}
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

func (w *world) rollbackDies(s shape, n int, applied bool, old state) bool {
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
	if n%3 == 0 {
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
