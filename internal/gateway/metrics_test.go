package gateway

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/invoke"
	"github.com/stagedoor/stagedoor/internal/metrics"
	"github.com/stagedoor/stagedoor/internal/state"
)

// meter keeps what it is told; it copies, as the exchange uses its memory again.
type meter struct{ calls []metrics.APICall }

func (m *meter) APICall(c *metrics.APICall) { m.calls = append(m.calls, *c) }

// What is counted of a request: once, with the method only where the stage has
// detailed metrics on, and with a latency of the integration only where one was
// called (APIGW-DG api-gateway-metrics-and-dimensions).
func TestMetrics(t *testing.T) {
	clock := testTime
	count := new(meter)
	b := newBed(t, function(func(context.Context, *invoke.Request) (*invoke.Result, error) {
		clock = clock.Add(20 * time.Millisecond)
		return &invoke.Result{Payload: []byte(`{"statusCode":201}`)}, nil
	}), resources(map[string]*state.Method{"ANY /users/{id}": proxy(uri), "GET /mock": mock(`{"statusCode": 200}`, `ok`)}),
		&state.Stage{Name: "dev", MethodSettings: map[string]*state.MethodSetting{"users/{id}/ANY": {MetricsEnabled: true}}},
		&state.Stage{Name: "next", Canary: &state.CanarySettings{PercentTraffic: 100, DeploymentID: "dep1"}})
	b.metrics = count
	b.now = func() time.Time { return clock }
	call := func(stage, method, resource string, canary bool, status int, latency, integration time.Duration) metrics.APICall {
		return metrics.APICall{Account: testAccount, Region: testRegion, APIName: "story", Stage: stage, Method: method, Resource: resource,
			Canary: canary, Status: status, Latency: latency, IntegrationLatency: integration}
	}
	const ms = time.Millisecond
	for _, c := range []struct {
		request string
		outcome grants.Outcome
		want    []metrics.APICall
	}{
		{"GET /dev/users/42", grants.Allowed, []metrics.APICall{call("dev", "ANY", "/users/{id}", false, 201, 20*ms, 20*ms)}},
		{"GET /dev/users/42", grants.NoPermission, []metrics.APICall{call("dev", "ANY", "/users/{id}", false, 500, 0, 0)}},
		{"GET /dev/mock", grants.Allowed, []metrics.APICall{call("dev", "", "", false, 200, 0, 0)}},
		{"GET /dev/nowhere", grants.Allowed, []metrics.APICall{call("dev", "", "", false, 403, 0, 0)}},
		{"GET /next/users/42", grants.Allowed, []metrics.APICall{call("next", "", "", true, 201, 20*ms, 20*ms)}},
		{"GET /nostage/", grants.Allowed, nil}, // belongs to no stage
	} {
		count.calls, b.door.outcome = nil, c.outcome
		b.get(c.request)
		if d := cmp.Diff(c.want, count.calls); d != "" {
			t.Errorf("%s: %s", c.request, d)
		}
	}
	// Try is a request like any other; TestInvokeMethod is none.
	count.calls = nil
	if _, err := b.Try(t.Context(), TryRequest{API: "abc", Stage: "dev", PathWithQuery: "/mock"}); err != nil || len(count.calls) != 1 {
		t.Errorf("Try: %v, %d counted", err, len(count.calls))
	}
}

// APIGW-DG api-gateway-metrics-and-dimensions, the dimension ApiName.
func TestMetricName(t *testing.T) {
	for name, want := range map[string]string{"orders": "orders", "Bücher (v2)": "Bcher (v2)", "注文": "abc", "": "abc"} {
		if got := metricName(name, "abc"); got != want {
			t.Errorf("%q is counted as %q", name, got)
		}
	}
}

// A meter costs no memory.
func TestMetricsAllocateNothing(t *testing.T) {
	for _, withMeter := range []bool{false, true} {
		b := newBed(t, answers(`{}`, nil), resources(map[string]*state.Method{"GET /": mock(`{"statusCode": 200}`, `ok`)}))
		if withMeter {
			b.metrics = sum{}
		}
		x := &exchange{gateway: b.Gateway}
		x.plan = b.picture.Load().find("abc", "dev").plan()
		if n := testing.AllocsPerRun(100, x.finish); n != 0 {
			t.Errorf("with a meter: %v, %g allocations", withMeter, n)
		}
	}
}

// sum is a meter that keeps nothing.
type sum struct{}

func (sum) APICall(*metrics.APICall) {}
