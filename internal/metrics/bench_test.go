package metrics_test

import (
	"fmt"
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

// BenchmarkThousandAPIs is a flush after each of 3,000 stages of 1,000 APIs was
// called, and then a read of one of them.
func BenchmarkThousandAPIs(b *testing.B) {
	m := open(b, storetest.New(b), &clock{now: noon})
	calls := make([]metrics.APICall, 3000)
	for i := range calls {
		calls[i] = metrics.APICall{Account: account, Region: region, APIName: fmt.Sprint("api-", i/3), Stage: []string{"dev", "staging", "prod"}[i%3],
			Status: 200, Latency: time.Duration(i%50) * time.Millisecond, IntegrationLatency: time.Millisecond}
	}
	b.Run("flush", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for i := range calls {
				m.APICall(&calls[i])
			}
			if err := m.Flush(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read", func(b *testing.B) {
		entries, err := m.Entries(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if len(all(b, m, series("AWS/ApiGateway", "Count", "ApiName", "api-7", "Stage", "prod"))) != 1 {
				b.Fatal("nothing there")
			}
		}
		b.ReportMetric(float64(entries), "entries")
	})
}
