package sandbox_test

import (
	"testing"

	"github.com/stagedoor/stagedoor/internal/sandbox"
	"github.com/stagedoor/stagedoor/internal/sandbox/sandboxtest"
)

// BenchmarkStart is what each isolation costs: from nothing to the first
// answer of a function that does nothing.
func BenchmarkStart(b *testing.B) {
	for _, isolation := range append(strong(b), "plain") {
		b.Run(isolation, func(b *testing.B) {
			sandboxtest.Need(b, "python3.12")
			h := sandboxtest.NewHost(b, with(isolation))
			fn := h.Function("python3.12", "app.handler", map[string]string{"app.py": "def handler(event, context): return 1"})
			for b.Loop() {
				e, err := h.Driver.Start(b.Context(), fn)
				if err != nil {
					b.Fatal(err)
				}
				if r, err := e.Invoke(b.Context(), &sandbox.Invocation{RequestID: "b", Payload: []byte("{}")}); err != nil || r.FunctionError != "" {
					b.Fatal(r, err)
				}
				b.StopTimer()
				e.Close()
				b.StartTimer()
			}
		})
	}
}
