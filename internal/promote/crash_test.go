package promote_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/promote"
)

// shape is one kind of promotion to interrupt.
type shape struct {
	name      string
	functions map[string]string // what is promoted, as world.state names it, and from what
	setUp     func(w *world) (api string)
	request   promote.Request
	complete  bool // every call is tried in every run
}

func (s *shape) names() []string { return slices.Collect(maps.Keys(s.functions)) }

func shapes() []shape {
	smallest := shape{
		name: "one alias", functions: map[string]string{"shared:staging": "shared:dev"}, setUp: oneAlias, complete: true,
		request: promote.Request{From: "dev", To: "staging"},
	}
	aliased := map[string]string{"shared:staging": "shared:dev", "other:staging": "other:dev", "both-staging": "both-dev", "both-staging:live": "both-dev:live"}
	return []shape{
		smallest,
		{
			name: "a function for each stage, and grants", setUp: ungranted,
			functions: map[string]string{"hello-staging": "hello-dev", "bye-staging": "bye-dev"},
			request:   promote.Request{From: "dev", To: "staging", Fix: true, Set: map[string]string{"extra": "a/b~?c&d,e"}, Probes: []promote.Probe{{Verb: "GET", Path: "/missing", Status: 403}}},
		},
		{
			name: "aliases", functions: aliased, setUp: aliases,
			request: promote.Request{From: "dev", To: "staging"},
		},
		{
			name: "canary of aliases", functions: aliased, setUp: aliases,
			request: promote.Request{From: "dev", To: "staging", Canary: 10, Bake: time.Millisecond, Set: map[string]string{"extra": "1"}},
		},
	}
}

// aliases is the story with aliases: functions whose dev is $LATEST and whose
// other aliases are versions; and a function for each stage, called by its
// alias live.
func aliases(w *world) (api string) {
	w.t.Helper()
	for _, name := range []string{"shared", "other"} {
		w.function(name, "old "+name)
	}
	for _, stage := range []string{"staging", "dev"} {
		w.function("both-"+stage, "code of "+stage)
	}
	for _, name := range []string{"shared", "other"} {
		one := w.publish(name)
		w.update(name, "new "+name)
		w.alias(name, "staging", one)
		w.alias(name, "dev", "$LATEST")
	}
	for _, stage := range []string{"staging", "dev"} {
		w.alias("both-"+stage, "live", w.publish("both-"+stage))
	}
	api = w.api("shop", "hello=shared:${stageVariables.env}", "bye=other:${stageVariables.env}", "both=both-${stageVariables.env}:live")
	w.grant(api, "shared:dev", "shared:staging", "other:dev", "other:staging", "both-dev:live", "both-staging:live")
	w.deploy(api, "staging", "env=staging")
	w.deploy(api, "dev", "env=dev")
	return api
}

// oneAlias is the smallest promotion: a function, and its alias moves.
func oneAlias(w *world) (api string) {
	w.t.Helper()
	w.function("shared", "old")
	one := w.publish("shared")
	w.update("shared", "new")
	w.alias("shared", "staging", one)
	w.alias("shared", "dev", "$LATEST")
	api = w.api("shop", "hello=shared:${stageVariables.env}")
	w.grant(api, "shared:dev", "shared:staging")
	w.deploy(api, "staging", "env=staging")
	w.deploy(api, "dev", "env=dev")
	return api
}

// ungranted lacks the grants of the target.
func ungranted(w *world) (api string) {
	w.t.Helper()
	for _, name := range []string{"hello", "bye"} {
		w.function(name+"-dev", "new "+name)
		w.function(name+"-staging", "old "+name)
	}
	api = w.api("shop", "hello=hello-${stageVariables.env}", "bye=bye-${stageVariables.env}")
	w.grant(api, "hello-dev", "bye-dev")
	w.deploy(api, "staging", "env=staging")
	w.deploy(api, "dev", "env=dev")
	return api
}

// shards share the calls of a shape among stagedoors of their own: most of the
// time goes to waiting for functions to be updated.
const shards = 8

// sample chooses the calls after which something dies: every third, beginning
// at another one in each run; all of them with STAGEDOOR_TEST_ALL set, and for
// what is to be complete.
type sample struct{ offset, stride int }

func newSample(t testing.TB, complete bool) sample {
	t.Helper()
	s := sample{0, 1}
	if !complete && os.Getenv("STAGEDOOR_TEST_ALL") == "" {
		s.stride = 3
		s.offset = rand.N(s.stride)
		t.Logf("dies after the calls %d, %d, %d …; STAGEDOOR_TEST_ALL=1 takes all", s.offset, s.offset+s.stride, s.offset+2*s.stride)
	}
	return s
}

// least is how often something dies in the sample at the least, where with every
// call it dies all times: the offset may leave out one call, which is tried twice.
func (s sample) least(all int) int {
	if s.stride == 1 {
		return all
	}
	return all/s.stride - 2
}

// call is the k-th call of the sample.
func (s sample) call(k int) int { return s.offset + k*s.stride }

// sweep lets shards share the sample: dies, called for call n, the k-th of the
// sample, reports whether anything died. It returns how often something did.
func (s sample) sweep(begin func() (dies func(n, k int, applied bool) bool)) int {
	var died atomic.Int64
	var running sync.WaitGroup
	for shard := range shards {
		running.Go(func() {
			dies := begin()
			for k := shard; dies(s.call(k), k, k/shards%2 == 0); k += shards {
				dies(s.call(k), k, k/shards%2 == 1)
				died.Add(2)
			}
		})
	}
	running.Wait()
	return int(died.Load())
}

// TestDiesAnywhere lets a promotion die after every single AWS call that it
// makes (of the larger ones a sample), once with the call carried out and its
// answer lost and once without. What comes after, the same command again or a
// rollback, has to end in the new or in the old state, and never between.
func TestDiesAnywhere(t *testing.T) {
	t.Parallel()
	for _, s := range shapes() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			sample := newSample(t, s.complete)
			died := sample.sweep(func() func(n, k int, applied bool) bool {
				w, s := newWorld(shardOf{t}), s
				s.request.API = s.setUp(w)
				old := w.state(s.request.API, "staging", s.names()...)
				return func(n, k int, applied bool) bool { return w.dies(s, n, k, applied, old) }
			})
			t.Logf("died %d times", died)
			least := 40
			if s.complete {
				least = 24
			}
			if died < sample.least(least) {
				t.Errorf("died %d times only", died)
			}
		})
	}
}

// shardOf is a test in a goroutine of its own, which ends with its first error.
type shardOf struct{ testing.TB }

func (s shardOf) Fatal(args ...any) {
	s.TB.Helper()
	s.TB.Error(args...)
	runtime.Goexit()
}

func (s shardOf) Fatalf(format string, args ...any) {
	s.TB.Helper()
	s.TB.Errorf(format, args...)
	runtime.Goexit()
}

// dies interrupts one promotion after n calls and mends it, in one of the ways
// that k chooses among. It reports whether the promotion died at all.
func (w *world) dies(s shape, n, k int, applied bool, old state) bool {
	t := w.t
	t.Helper()
	where := fmt.Sprintf("after %d calls, the next applied: %v", n, applied)
	request := s.request
	w.pid += 2
	request.Caller = somebody(w.pid)
	w.cut.at(-1, false)
	p := w.plan(request)
	w.cut.at(n, applied)
	result, err := p.Run(context.Background(), nil)
	w.cut.at(-1, false)
	request.Caller = somebody(w.pid + 1)
	if err == nil {
		w.back(t, request, old, where)
		return false
	}
	if result != nil && result.Outcome != promote.Unchanged {
		t.Fatalf("%s: it says %q, and fails with %v", where, result.Outcome, err)
	}
	var interrupted *promote.InterruptedError
	if now := w.state(request.API, "staging", s.names()...); !cmp.Equal(now, old) && !errors.As(err, &interrupted) {
		t.Errorf("%s: something has changed, and the error is not that of an interruption: %v", where, err)
	}
	if k%3 == 2 {
		// Whoever finds it in the morning undoes it. Where nothing was begun,
		// there is nothing to undo.
		w.back(t, request, old, where)
		return true
	}
	again := w.plan(request)
	if again.Nothing { // only that it was done could not be heard
		w.arrived(t, request, s, where)
	} else if result := w.run(again); result.Outcome != promote.Promoted {
		t.Fatalf("%s: run again: %+v", where, result)
	}
	w.arrived(t, request, s, where)
	w.back(t, request, old, where)
	return true
}

// arrived demands the new state as a whole.
func (w *world) arrived(t testing.TB, request promote.Request, s shape, where string) {
	t.Helper()
	now := w.state(request.API, "staging", s.names()...)
	for name, source := range s.functions {
		if w.code(name) != w.code(source) {
			t.Fatalf("%s: %s does not run what %s runs", where, name, source)
		}
	}
	if dev := w.state(request.API, "dev"); now.Deployment != dev.Deployment || now.Canary {
		t.Fatalf("%s: %+v", where, now)
	}
	for _, weights := range now.Aliases {
		if !strings.HasSuffix(weights, "map[]") {
			t.Fatalf("%s: weights are left: %s", where, weights)
		}
	}
	for name, value := range request.Set {
		if now.Variables[name] != value {
			t.Fatalf("%s: variable %s is %q", where, name, now.Variables[name])
		}
	}
}

// back rolls back and demands the old state as a whole.
func (w *world) back(t testing.TB, request promote.Request, old state, where string) {
	t.Helper()
	p, err := promote.Rollback(context.Background(), w.place, promote.RollbackRequest{API: request.API, Stage: "staging", Caller: request.Caller})
	if !errors.Is(err, promote.ErrNothing) { // nothing was begun, or the end could not be heard
		must(t, err)
		if result := w.run(p); result.Outcome != promote.RolledBack {
			t.Fatalf("%s: rollback: %+v", where, result)
		}
	}
	names := slices.Concat(slices.Collect(maps.Keys(old.Code)), slices.Collect(maps.Keys(old.Aliases)))
	if diff := cmp.Diff(old, w.state(request.API, "staging", names...)); diff != "" {
		t.Fatalf("%s: after the rollback (-old +now):\n%s", where, diff)
	}
}
