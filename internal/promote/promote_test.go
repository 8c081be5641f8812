package promote_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/promote"
)

// stages is the story with stage variables: a function for each stage.
func stages(w *world) (api string) {
	w.t.Helper()
	w.function("hello-dev", "new", "TABLE=dev", "ONLY_DEV=1")
	w.function("hello-staging", "old", "TABLE=staging")
	w.function("bye-dev", "new bye")
	w.function("bye-staging", "old bye")
	api = w.api("shop", "hello=hello-${stageVariables.env}", "bye=bye-${stageVariables.env}")
	w.grant(api, "hello-dev", "hello-staging", "bye-dev", "bye-staging")
	w.deploy(api, "staging", "env=staging")
	w.deploy(api, "dev", "env=dev")
	return api
}

var stageFunctions = []string{"hello-staging", "bye-staging"}

func TestPromoteStageVariables(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	api := stages(w)
	old := w.state(api, "staging", stageFunctions...)
	p := w.plan(promote.Request{API: "shop", From: "dev", To: "staging", Caller: somebody(1)})
	if len(p.Problems) > 0 {
		t.Fatalf("%+v", p.Problems)
	}
	if diff := cmp.Diff(old, w.state(api, "staging", stageFunctions...)); diff != "" {
		t.Fatal("planning changed something", diff)
	}
	result := w.run(p)
	if result.Outcome != promote.Promoted {
		t.Errorf("%+v", result)
	}
	dev, now := w.state(api, "dev", "hello-dev", "bye-dev"), w.state(api, "staging", stageFunctions...)
	if now.Deployment != dev.Deployment || now.Code["hello-staging"] != dev.Code["hello-dev"] || now.Code["bye-staging"] != dev.Code["bye-dev"] || now.Variables["env"] != "staging" {
		t.Errorf("%+v", now)
	}
	if status, body := w.get(api, "staging", "/hello"); status != 200 || body != "new hello-staging" {
		t.Errorf("%d %q", status, body)
	}
	if again := w.plan(promote.Request{API: api, From: "dev", To: "staging", Caller: somebody(1)}); !again.Nothing {
		t.Errorf("there is still something to do: %+v", again)
	}

	back, err := promote.Rollback(context.Background(), w.place, promote.RollbackRequest{API: "shop", Stage: "staging", Caller: somebody(1)})
	must(t, err)
	if result := w.run(back); result.Outcome != promote.RolledBack {
		t.Errorf("%+v", result)
	}
	if diff := cmp.Diff(old, w.state(api, "staging", stageFunctions...)); diff != "" {
		t.Error(diff)
	}
	past, err := promote.History(context.Background(), w.place, "shop", "", true)
	must(t, err)
	if len(past.Promotions) != 1 || past.Promotions[0].State != promote.Undone || len(past.Promotions[0].Functions) != 2 {
		t.Errorf("%+v", past)
	}
	if _, err := promote.Rollback(context.Background(), w.place, promote.RollbackRequest{API: "shop", Stage: "staging", Caller: somebody(1)}); !errors.Is(err, promote.ErrNothing) {
		t.Errorf("a second rollback: %v", err)
	}
}
