package metrics

import "time"

// APICall is one request to a stage of a REST API, as API Gateway counts it in
// namespace AWS/ApiGateway (APIGW-DG: api-gateway-metrics-and-dimensions).
type APICall struct {
	Account, Region string
	APIName         string // the API's name, not its id: dimension ApiName
	Stage           string
	// Method and Resource ("GET", "/orders/{id}") are set where the stage has
	// detailed metrics enabled for this method (metricsEnabled), else empty.
	Method, Resource string
	// Canary tells that the stage's canary answered.
	Canary bool
	Status int // of the answer that the client got
	// Latency is the time from the request's arrival to the end of the answer.
	Latency time.Duration
	// IntegrationLatency is the time that the backend took; 0: none was called.
	IntegrationLatency time.Duration
}

// FunctionCall is one call of a Lambda function, as Lambda counts it in
// namespace AWS/Lambda (Lambda-DG: monitoring-metrics-types).
type FunctionCall struct {
	Account, Region string
	Function        string // the plain name: dimension FunctionName
	Qualifier       string // alias or version that was asked for; "": none
	ExecutedVersion string // the version that ran: "$LATEST", "3"
	Err             bool   // the function's own error, a crash or a timeout
	Throttled       bool   // refused for want of concurrency: the function did not run
	Duration        time.Duration
	// Concurrent is how many executions of the function were under way, this one
	// included; 0: not known.
	Concurrent int
}

// Namespaces and units of AWS.
const (
	apiNamespace    = "AWS/ApiGateway"
	lambdaNamespace = "AWS/Lambda"
	unitCount       = "Count"
	unitMillis      = "Milliseconds"
)

// canarySuffix follows a stage's name in the names of its canary's log groups
// (APIGW-DG: canary-release). // unverified: that the dimension Stage of the
// canary's own metrics has it too; AWS says only that there are such metrics.
const canarySuffix = "/Canary"

// counted are the series of one target, in the order of its metrics.
type counted struct{ levels [][]*tally }

// tell sums one record into the pending table. m.mu is held.
func (m *Metrics) tell(r *record) {
	c := m.targets[r.target]
	if c == nil {
		c = m.newTarget(&r.target)
		m.targets[r.target] = c
	}
	minute := r.second - mod(r.second, 60)
	for _, series := range c.levels {
		if r.target.function {
			countFunction(series, r, minute)
		} else {
			countAPI(series, r, minute)
		}
	}
}

// The metrics of API Gateway (APIGW-DG: api-gateway-metrics-and-dimensions). The
// errors are 0 or 1 for each request, so that their average is the rate.
var apiMetrics = [...]struct{ name, unit string }{
	{"Count", unitCount}, {"4XXError", unitCount}, {"5XXError", unitCount},
	{"Latency", unitMillis}, {"IntegrationLatency", unitMillis},
}

func countAPI(s []*tally, r *record, minute int64) {
	s[0].point(minute).Add(1, 1)
	s[1].point(minute).Add(flag(r.status >= 400 && r.status < 500), 1)
	s[2].point(minute).Add(flag(r.status >= 500), 1)
	s[3].point(minute).Add(float64(r.latency.Milliseconds()), 1)
	if r.integration > 0 {
		s[4].point(minute).Add(float64(r.integration.Milliseconds()), 1)
	}
}

// The metrics of Lambda (Lambda-DG: monitoring-metrics-types). A throttled call
// is neither an invocation nor an error.
var functionMetrics = [...]struct{ name, unit string }{
	{"Invocations", unitCount}, {"Errors", unitCount}, {"Throttles", unitCount},
	{"Duration", unitMillis}, {"ConcurrentExecutions", unitCount},
}

func countFunction(s []*tally, r *record, minute int64) {
	s[2].point(minute).Add(flag(r.throttled), 1)
	if r.throttled {
		return
	}
	s[0].point(minute).Add(1, 1)
	s[1].point(minute).Add(flag(r.err), 1)
	s[3].point(minute).Add(float64(r.latency.Microseconds())/1000, 1)
	if r.concurrent > 0 && len(s) > 4 {
		s[4].point(minute).Add(float64(r.concurrent), 1)
	}
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (m *Metrics) newTarget(t *target) *counted {
	c := &counted{}
	metrics, namespace, levels := apiMetrics[:], apiNamespace, apiLevels(t)
	if t.function {
		metrics, namespace, levels = functionMetrics[:], lambdaNamespace, functionLevels(t)
	}
	for _, dims := range levels {
		names := metrics
		if t.function && len(dims) == 0 {
			names = names[:4] // how many functions run in all is not told
		}
		series := make([]*tally, len(names))
		for i, metric := range names {
			s := Series{Namespace: namespace, Name: metric.name, Dimensions: dims}
			series[i] = m.pending.at(t.place, seriesKey{s.id(), metric.unit})
		}
		c.levels = append(c.levels, series)
	}
	return c
}

// apiLevels are the sets of dimensions that a request is counted for: the API,
// its stage, and with detailed metrics the method. "The canary release has its
// own logs and metrics generated for all canary requests", beside the stage's,
// which count them as well (APIGW-DG: canary-release).
func apiLevels(t *target) [][]Dimension {
	api := Dimension{"ApiName", t.name}
	stages := []string{t.stage}
	if t.canary {
		stages = append(stages, t.stage+canarySuffix)
	}
	levels := [][]Dimension{{api}}
	for _, name := range stages {
		stage := Dimension{"Stage", name}
		levels = append(levels, []Dimension{api, stage})
		if t.method != "" {
			levels = append(levels, []Dimension{api, stage, {"Method", t.method}, {"Resource", t.resource}})
		}
	}
	return levels
}

// functionLevels: all functions, the function, "a version or alias of a
// function", and "a combination of alias and version" (Lambda-DG:
// monitoring-metrics-view). // unverified: that the resource of an unqualified
// call is the function's name.
func functionLevels(t *target) [][]Dimension {
	function := Dimension{"FunctionName", t.name}
	resource := Dimension{"Resource", t.name}
	if t.stage != "" {
		resource.Value += ":" + t.stage
	}
	levels := [][]Dimension{nil, {function}, {function, resource}}
	if t.stage != "" && t.stage != t.method && t.method != "" {
		levels = append(levels, []Dimension{function, resource, {"ExecutedVersion", t.method}})
	}
	return levels
}
