package metrics_test

import (
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/metrics"
	"github.com/stagedoor/stagedoor/internal/store/storetest"
)

// BenchmarkAPICall is what counting costs a request.
func BenchmarkAPICall(b *testing.B) {
	m := open(b, storetest.New(b), &clock{now: noon})
	call := metrics.APICall{Account: account, Region: region, APIName: "orders", Stage: "prod", Status: 200, Latency: 12 * time.Millisecond, IntegrationLatency: 10 * time.Millisecond}
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m.APICall(&call)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				m.APICall(&call)
			}
		})
	})
}
