package gateway

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/internal/logs"
	"github.com/stagedoor/stagedoor/internal/state"
)

// accessLog is a compiled access-log setting.
type accessLog struct {
	account, region, group string
	segments               []logSegment

	open    sync.Once
	writers []*logs.Writer
}

// logSegment is literal text or the value of one $context variable.
type logSegment struct {
	text  string
	value func(x *exchange) string
}

// maxAccessLine bounds one entry (APIGW-DG set-up-logging: 3 KB).
const maxAccessLine = 3 << 10

// compileAccessLog is nil when the stage writes no access log here: without
// settings, or with a Firehose destination, which does not exist locally.
func compileAccessLog(s *state.AccessLogSettings) *accessLog {
	if s == nil || s.Format == "" {
		return nil
	}
	parts := strings.SplitN(s.DestinationARN, ":", 8)
	if len(parts) < 7 || parts[2] != "logs" || parts[5] != "log-group" {
		return nil
	}
	a := &accessLog{region: parts[3], account: parts[4], group: parts[6]}
	rest := s.Format
	for rest != "" {
		i := strings.Index(rest, "$context.")
		if i < 0 {
			a.segments = append(a.segments, logSegment{text: rest})
			break
		}
		name := rest[i+len("$context."):]
		n := 0
		for n < len(name) && (word(name[n:n+1], "-_") || name[n] == '.' && n+1 < len(name) && word(name[n+1:n+2], "-_")) {
			n++
		}
		a.segments = append(a.segments, logSegment{text: rest[:i]}, logSegment{value: contextVariable(name[:n])})
		rest = name[n:]
	}
	return a
}

// write renders one entry. The client has its answer already.
func (a *accessLog) write(x *exchange) {
	g := x.gateway
	if g.logs == nil {
		return
	}
	a.open.Do(func() { a.writers = x.plan.release.writers(g, a.account, a.region, a.group) })
	var b strings.Builder
	for _, s := range a.segments {
		if s.value == nil {
			b.WriteString(s.text)
			continue
		}
		v := s.value(x)
		if v == "" {
			v = "-"
		}
		b.WriteString(v)
	}
	text := b.String()
	if len(text) > maxAccessLine {
		text = text[:maxAccessLine]
	}
	for _, w := range a.writers {
		w.Write(logs.Event{Millis: x.start.UnixMilli(), Message: text})
	}
}

// contextVariable finds a variable of APIGW-DG
// api-gateway-variables-for-access-logging. Those of features that are not
// there are empty, which is written as "-", like unknown ones.
func contextVariable(name string) func(x *exchange) string {
	if f, ok := contextVariables()[name]; ok {
		return f
	}
	return func(*exchange) string { return "" }
}

func contextVariables() map[string]func(x *exchange) string {
	m := map[string]func(x *exchange) string{
		"accountId":            func(x *exchange) string { return x.plan.account },
		"apiId":                func(x *exchange) string { return x.plan.api },
		"stage":                func(x *exchange) string { return x.plan.name },
		"deploymentId":         func(x *exchange) string { return x.plan.deployment },
		"requestId":            func(x *exchange) string { return x.ids.request },
		"awsEndpointRequestId": func(x *exchange) string { return x.integration.requestID },
		"extendedRequestId":    func(x *exchange) string { return x.ids.extended },
		"httpMethod":           func(x *exchange) string { return x.verb },
		"path":                 func(x *exchange) string { return x.contextPath() },
		"protocol":             func(x *exchange) string { return x.proto },
		"domainName":           func(x *exchange) string { return x.host },
		"domainPrefix":         func(x *exchange) string { return x.prefix },
		"requestTime":          func(x *exchange) string { return x.start.UTC().Format(requestTimeLayout) },
		"requestTimeEpoch":     func(x *exchange) string { return strconv.FormatInt(x.start.UnixMilli(), 10) },
		"status":               func(x *exchange) string { return itoa(x.answer.status) },
		"responseLength":       func(x *exchange) string { return itoa(len(x.answer.body)) },
		"responseLatency":      func(x *exchange) string { return ms(x.gateway.now().Sub(x.start)) },
		"identity.sourceIp":    func(x *exchange) string { return x.clientIP },
		"identity.userAgent":   func(x *exchange) string { return x.headerValue("User-Agent") },
		"isCanaryRequest":      func(x *exchange) string { return x.plan.release.isCanaryRequest() },
		"authorize.status":     (*exchange).authorized,
		"authorize.error":      func(x *exchange) string { return x.refusalOf("ACCESS_DENIED") },
		"authenticate.status":  (*exchange).authenticated,
		"authenticate.error": func(x *exchange) string {
			return x.refusalOf("MISSING_AUTHENTICATION_TOKEN", "INVALID_SIGNATURE", "EXPIRED_TOKEN")
		},
		"identity.caller":         func(x *exchange) string { return x.signer().UserID },
		"identity.user":           func(x *exchange) string { return x.signer().UserID },
		"identity.userArn":        func(x *exchange) string { return x.signer().ARN },
		"identity.accountId":      func(x *exchange) string { return x.signer().Account },
		"identity.accessKey":      func(x *exchange) string { return x.signer().AccessKeyID },
		"resourceId":              func(x *exchange) string { return x.resource().id },
		"resourcePath":            func(x *exchange) string { return x.resource().path },
		"xrayTraceId":             func(x *exchange) string { return x.trace },
		"error.message":           func(x *exchange) string { return x.gatewayAnswer().message },
		"error.responseType":      func(x *exchange) string { return x.gatewayAnswer().kind },
		"integration.error":       func(x *exchange) string { return x.answer.cause },
		"integration.requestId":   func(x *exchange) string { return x.integration.requestID },
		"integration.status":      func(x *exchange) string { return x.integrationStatus() },
		"integrationStatus":       func(x *exchange) string { return x.integrationStatus() },
		"integration.latency":     func(x *exchange) string { return x.integrationLatency() },
		"integrationLatency":      func(x *exchange) string { return x.integrationLatency() },
		"integrationErrorMessage": func(x *exchange) string { return x.answer.cause },
	}
	m["error.messageString"] = func(x *exchange) string {
		if message := m["error.message"](x); message != "" {
			return strconv.Quote(message)
		}
		return ""
	}
	// The status of the function's own answer, where it gave one.
	m["integration.integrationStatus"] = func(x *exchange) string {
		if x.integration.called && x.answer.gateway == nil {
			return itoa(x.answer.status)
		}
		return ""
	}
	return m
}

func (x *exchange) resource() *resourcePlan {
	if x.method == nil {
		return &resourcePlan{}
	}
	return x.method.resource
}

func (x *exchange) gatewayAnswer() *gatewayResponse {
	if x.answer.gateway == nil {
		return &gatewayResponse{}
	}
	return x.answer.gateway
}

// authenticated is the status of the check who calls; 200 also where nobody is
// asked. It is empty where the method asks in a way that is not implemented.
func (x *exchange) authenticated() string {
	switch {
	case x.method == nil || x.method.refusal != nil:
		return ""
	case x.refusalOf("MISSING_AUTHENTICATION_TOKEN", "INVALID_SIGNATURE", "EXPIRED_TOKEN") != "":
		return itoa(x.answer.status)
	}
	return "200"
}

// authorized is the same for the check whether the caller may; it does not come
// to that when nobody knows who calls.
func (x *exchange) authorized() string {
	switch {
	case x.method != nil && x.refusalOf("ACCESS_DENIED") != "":
		return itoa(x.answer.status)
	case x.authenticated() != "200":
		return ""
	}
	return "200"
}

// refusalOf is the message of the gateway's answer if it has one of these types.
func (x *exchange) refusalOf(kinds ...string) string {
	if g := x.gatewayAnswer(); slices.Contains(kinds, g.kind) {
		return g.message
	}
	return ""
}

// signer is who signed the request; nobody where it was not asked.
func (x *exchange) signer() Caller {
	if x.who == nil {
		return Caller{}
	}
	return *x.who
}

// integrationStatus is empty when the function was not called: AWS writes "-"
// for a missing permission (DataBiosphere/azul#8301).
func (x *exchange) integrationStatus() string {
	if x.integration.status == 0 {
		return ""
	}
	return itoa(x.integration.status)
}

func (x *exchange) integrationLatency() string {
	if !x.integration.called {
		return ""
	}
	return ms(x.integration.latency)
}

func ms(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
