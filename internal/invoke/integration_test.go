package invoke_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/invoke"
	"github.com/stagedoor/stagedoor/internal/logs"
	"github.com/stagedoor/stagedoor/internal/sandbox/sandboxtest"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// The whole path with real processes: calls, concurrent calls, new code, an
// asynchronous call, logs.
func TestRealFunctions(t *testing.T) {
	for _, runtime := range benchRuntimes {
		t.Run(runtime, func(t *testing.T) {
			sandboxtest.Need(t, runtime)
			r := newRig(t, "")
			r.create(t, "f", runtime)
			var wg sync.WaitGroup
			for range 6 {
				wg.Go(func() { r.call(t, "f") })
			}
			wg.Wait()
			if err := r.b.InvokeAsync(t.Context(), &invoke.Request{Account: benchAccount, Region: benchRegion, Function: "f", Payload: []byte("{}")}); err != nil {
				t.Fatal(err)
			}
			deadline := time.Now().Add(10 * time.Second)
			for strings.Count(r.log(t, "f"), "END RequestId: ") < 7 {
				if time.Now().After(deadline) {
					t.Fatalf("log of 7 calls:\n%s", r.log(t, "f"))
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
}

func TestNewCodeRuns(t *testing.T) {
	sandboxtest.Need(t, "python3.12")
	r := newRig(t, "")
	r.create(t, "f", "python3.12")
	r.call(t, "f")
	digest, err := r.s.PutBlob(t.Context(), sandboxtest.Zip(map[string]string{"index.py": "def handler(event, context):\n    return 'new'\n"}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Update(t.Context(), r.s, state.FunctionKey(benchAccount, benchRegion, "f"), func(f *state.Function) error {
		f.Latest.CodeDigest = digest
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if res := r.call(t, "f"); string(res.Payload) != `"new"` {
		t.Errorf("answer %s", res.Payload)
	}
}

// log is what a function's log group holds.
func (r *rig) log(tb testing.TB, name string) string {
	tb.Helper()
	page, err := r.l.Query(context.Background(), logs.Query{Account: benchAccount, Region: benchRegion, Group: "/aws/lambda/" + name, Limit: 1000})
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, e := range page.Events {
		b.WriteString(e.Message)
	}
	return b.String()
}
