package invoke

import (
	"context"
	"testing"

	"github.com/stagedoor/stagedoor/internal/sandbox"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
	"github.com/stagedoor/stagedoor/internal/store/storetest"
)

// What the broker itself costs a call of an alias, beside the function.
func BenchmarkBroker(b *testing.B) {
	s := storetest.New(b)
	rec := record("my-function")
	rec.Aliases = map[string]*state.Alias{"live": {FunctionVersion: "1"}}
	config := rec.Latest
	config.Version = "1"
	if _, err := store.Put(b.Context(), s, state.FunctionKey(account, region1, rec.Name), rec); err != nil {
		b.Fatal(err)
	}
	if _, err := store.Put(b.Context(), s, state.FunctionVersionKey(account, region1, rec.Name, "1"), &state.FunctionVersion{FunctionID: rec.ID, Config: config}); err != nil {
		b.Fatal(err)
	}
	answer := &sandbox.Result{}
	broker := New(s, &fakeDriver{handle: func(*fakeEnv, *sandbox.Invocation) *sandbox.Result { return answer }}, nil, Options{})
	b.Cleanup(func() { _ = broker.Close(context.Background()) })
	r := &Request{Account: account, Region: region1, Function: rec.Name, Qualifier: "live", Payload: []byte("{}"), TraceID: "Root=1", InvokedARN: "arn"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := broker.Invoke(context.Background(), r); err != nil {
			b.Fatal(err)
		}
	}
}
