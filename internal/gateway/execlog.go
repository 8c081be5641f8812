package gateway

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/stagedoor/stagedoor/internal/logs"
	"github.com/stagedoor/stagedoor/internal/state"
)

type logLevel uint8

const (
	levelOff logLevel = iota
	levelError
	levelInfo
)

// settingOf finds the settings of a stage for a method: the most specific of
// "path/VERB", "path/*" and "*/*" counts as a whole; nil when there is none.
// Clients write one path in many ways (state.MethodSetting), and a key is kept
// as it was written: with "~1" for each "/" or some of them, with or without the
// first one. Of two spellings of one path the first in the order of the keys
// counts.
func settingOf(settings map[string]*state.MethodSetting, path, verb string) *state.MethodSetting {
	if len(settings) == 0 {
		return nil
	}
	exact, whole := settingKey(path+"/"+verb), settingKey(path+"/*")
	var found *state.MethodSetting
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		switch settingKey(key) {
		case exact:
			return settings[key]
		case whole:
			if found == nil {
				found = settings[key]
			}
		}
	}
	if found == nil {
		found = settings["*/*"]
	}
	return found
}

// apply takes over what the stage says of the method; a canary has the settings
// of its stage.
func (m *methodPlan) apply(s *state.MethodSetting) {
	if s != nil {
		m.level, m.trace, m.detailed = parseLevel(s.LoggingLevel), s.DataTraceEnabled, s.MetricsEnabled
	}
}

// settingKey brings the spellings of a method setting's key to one: without
// escapes and without slashes at the front ("users/{id}/GET"; "GET" for the
// root).
func settingKey(key string) string {
	return strings.TrimLeft(strings.ReplaceAll(key, "~1", "/"), "/")
}

func parseLevel(s string) logLevel {
	switch strings.ToUpper(s) {
	case "INFO":
		return levelInfo
	case "ERROR":
		return levelError
	}
	return levelOff
}

// execLines collects the execution log of one request: AWS's sentences in
// AWS's order (aws-facts part 3). The zero value collects nothing.
type execLines struct {
	on      bool
	level   logLevel
	trace   bool
	test    bool
	failing bool
	now     func() time.Time
	lines   []execLine
}

type execLine struct {
	at   time.Time
	text string
	// keep marks what level ERROR writes of a failed request: the failure and
	// the completion (execution logs of May 2025).
	keep bool
}

func (l execLines) reset() execLines {
	clear(l.lines)
	return execLines{lines: l.lines[:0]}
}

func (l *execLines) open(x *exchange) {
	m := x.method
	l.on, l.level, l.trace, l.test, l.now = true, m.level, m.trace, m.stage.test, x.gateway.now
}

func (l *execLines) add(parts ...string) {
	if l.on && l.level == levelInfo {
		l.lines = append(l.lines, execLine{at: l.now(), text: strings.Join(parts, "")})
	}
}

func (l *execLines) keep(parts ...string) {
	if l.on {
		l.lines = append(l.lines, execLine{at: l.now(), text: strings.Join(parts, ""), keep: true})
	}
}

// tracing reports whether data-trace lines are wanted; they are costly to make.
func (l *execLines) tracing() bool { return l.on && l.trace && l.level == levelInfo }

// failed notes the sentence that ended the execution.
func (l *execLines) failed(text string) {
	l.failing = true
	l.keep(text)
}

// opening writes what stands before the execution in a stage's log; the Test
// form begins with the execution.
func (l *execLines) opening(x *exchange) {
	if l.test {
		return
	}
	p, m := x.plan, x.method
	apiStage := p.api + "/" + p.name
	l.add("Extended Request Id: ", x.ids.extended)
	l.add("Verifying Usage Plan for request: ", x.ids.request, ". API Key:  API Stage: ", apiStage)
	l.add("API Key  authorized because method '", m.verb, " ", m.resource.path, "' does not require API Key. Request will not contribute to throttle or quota limits")
	l.add("Usage Plan check succeeded for API Key  and API Stage ", apiStage)
}

// request writes the lines up to the integration.
func (l *execLines) request(x *exchange) {
	if !l.on {
		return
	}
	l.opening(x)
	l.add("Starting execution for request: ", x.ids.request)
	l.add("HTTP Method: ", x.verb, ", Resource Path: ", eventPath(x.path))
	if !l.tracing() {
		return
	}
	l.add("Method request path: ", joinParams(&x.params))
	l.add("Method request query string: ", x.joinQuery())
	l.add("Method request headers: ", x.methodHeaders())
	l.add("Method request body before transformations: ", string(x.body))
}

// refused writes what a refusal before the execution leaves in the log
// (recorded logs of authorizers: "Unauthorized request: <id>", "Unauthorized").
func (l *execLines) refused(x *exchange, g *gatewayResponse) {
	if !l.on {
		return
	}
	l.add("Extended Request Id: ", x.ids.extended)
	if g == unauthorized {
		l.keep("Unauthorized request: ", x.ids.request)
	}
	l.failing = true
	l.keep(g.message)
	l.keep("Gateway response type: ", g.kind, " with status code: ", itoa(g.status))
}

// endpointRequest writes the lines of the call to the function.
func (l *execLines) endpointRequest(x *exchange) {
	if !l.tracing() {
		return
	}
	t, c := &x.method.target, &x.call
	sum := sha256.Sum256(x.event)
	l.add("Endpoint request URI: ", t.endpoint)
	l.add("Endpoint request headers: {X-Amz-Date=", x.start.UTC().Format("20060102T150405Z"),
		", x-amzn-apigateway-api-id=", x.plan.api,
		", Accept=application/json, User-Agent=AmazonAPIGateway_", x.plan.api,
		", Host=lambda.", t.region, ".amazonaws.com",
		", X-Amz-Content-Sha256=", hex.EncodeToString(sum[:]),
		", X-Amzn-Trace-Id=Root=", x.traceRoot(),
		", x-amzn-lambda-integration-tag=", x.ids.request,
		", Authorization=", mask(strings.Repeat("*", 64)+x.ids.request[30:]),
		", X-Amz-Source-Arn=", c.SourceARN, "}")
	l.add("Endpoint request body after transformations: ", string(x.event))
	l.add("Sending request to ", t.endpoint)
}

// end writes the lines behind the integration.
func (l *execLines) end(x *exchange) {
	if !l.on {
		return
	}
	if l.failing {
		if !l.test && strings.Contains(x.answer.cause, "assume the provided role") {
			// Only a role that cannot be assumed has this line (recorded log,
			// 2025-02); a missing permission has not (2025-05).
			l.keep("Gateway response type: DEFAULT_5XX with status code: ", itoa(x.answer.status))
		}
		l.keep("Method completed with status: ", itoa(x.answer.status))
	} else {
		if l.tracing() {
			l.add("Method response body after transformations: ", string(x.answer.body))
			l.add("Method response headers: ", joinHeader(x.answer.header))
		}
		l.add("Successfully completed execution")
		l.add("Method completed with status: ", itoa(x.answer.status))
	}
	if id := x.integration.requestID; id != "" && !l.test {
		l.add("AWS Integration Endpoint RequestId : ", id)
	}
}

// flush hands the lines to the log.
func (l *execLines) flush(x *exchange) {
	if !l.on || l.test || x.gateway.logs == nil {
		return
	}
	if l.level == levelError && !l.failing {
		return
	}
	events := make([]logs.Event, 0, len(l.lines))
	for _, line := range l.lines {
		if l.level == levelInfo || line.keep {
			events = append(events, logs.Event{Millis: line.at.UnixMilli(), Message: cut("(" + x.ids.request + ") " + line.text)})
		}
	}
	for _, w := range x.plan.execution(x.gateway) {
		w.Write(events...)
	}
}

// execution are the writers of the stage's execution log, made at the first use:
// that creates groups and streams.
func (p *stagePlan) execution(g *Gateway) []*logs.Writer {
	p.openLog.Do(func() { p.writers = p.release.writers(g, p.account, p.region, p.group) })
	return p.writers
}

// text is the Test form: one string, each line with its time (AWS recording
// test_invoke_test_method).
func (l *execLines) text(requestID string) string {
	var b strings.Builder
	b.WriteString("Execution log for request " + requestID + "\n")
	for _, line := range l.lines {
		b.WriteString(cut(line.at.UTC().Format("Mon Jan 02 15:04:05 UTC 2006") + " : " + line.text))
		b.WriteByte('\n')
	}
	return b.String()
}

// maxLine is where API Gateway cuts a log event (APIGW-DG
// api-gateway-known-issues).
// unverified: whether the prefix counts.
const maxLine = 1024

func cut(text string) string {
	if len(text) <= maxLine {
		return text
	}
	n := maxLine
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + " [TRUNCATED]"
}

// mask hides a secret but for its last six characters.
func mask(secret string) string {
	n := max(len(secret)-6, 0)
	if n == 0 {
		return strings.Repeat("*", len(secret))
	}
	return strings.Repeat("*", n) + secret[n:]
}

// secrets are the request headers that the log masks.
var secrets = []string{"Authorization", "X-Api-Key", "X-Amz-Security-Token"}

func (x *exchange) methodHeaders() string {
	var fields [][2]string
	if x.plan.test {
		fields = append(fields, x.header...)
	} else {
		for _, f := range x.integrationHeader() {
			fields = append(fields, [2]string{f.name, f.value})
		}
	}
	for i, f := range fields {
		if lowerIn(secrets, f[0]) {
			fields[i][1] = mask(f[1])
		}
	}
	return joinHeader(fields)
}

// joinHeader writes {a=b, c=d}.
func joinHeader(fields [][2]string) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, f := range fields {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(f[0] + "=" + f[1])
	}
	b.WriteByte('}')
	return b.String()
}

func joinParams(p *params) string {
	fields := make([][2]string, p.n)
	for i := range fields {
		fields[i] = [2]string{p.names[i], p.values[i]}
	}
	return joinHeader(fields)
}

// joinQuery writes the query string, the last value of each name.
func (x *exchange) joinQuery() string {
	var fields [][2]string
	for _, p := range x.queryPairs() {
		if i := slices.IndexFunc(fields, func(f [2]string) bool { return f[0] == p.name }); i >= 0 {
			fields[i][1] = p.value
			continue
		}
		fields = append(fields, [2]string{p.name, p.value})
	}
	return joinHeader(fields)
}
