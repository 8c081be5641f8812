package gateway

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The event of AWS_PROXY, payload format 1.0, in the order in which AWS writes
// its members (APIGW-DG set-up-lambda-proxy-integrations and the sample events
// there; which members are null: AWS recording test_lambda_aws_proxy_integration).

// appendEventHead appends what is the same for all requests up to the path.
func appendEventHead(b []byte, m *methodPlan) []byte {
	b = append(b, `{"resource":`...)
	b = appendString(b, m.resource.path)
	return append(b, `,"path":`...)
}

// appendEventContext appends the fixed beginning of requestContext.
func appendEventContext(b []byte, m *methodPlan) []byte {
	b = append(b, `,"stageVariables":`...)
	b = append(b, m.stage.variables...)
	b = append(b, `,"requestContext":{"resourceId":`...)
	b = appendString(b, m.resource.id)
	b = append(b, `,"resourcePath":`...)
	b = appendString(b, m.resource.path)
	if m.operation != "" {
		b = append(b, `,"operationName":`...)
		b = appendString(b, m.operation)
	}
	return append(b, `,"httpMethod":`...)
}

// appendEvent appends the whole event.
func (x *exchange) appendEvent(b []byte) []byte {
	m := x.method
	b = append(b, m.eventHead...)
	b = appendString(b, eventPath(x.path))
	b = append(b, `,"httpMethod":`...)
	b = appendString(b, x.verb)
	b = x.appendHeaders(b)
	b = x.appendQuery(b)
	b = append(b, `,"pathParameters":`...)
	b = x.appendParams(b)
	b = append(b, m.eventContext...)
	b = x.appendContext(b)
	return x.appendBody(b)
}

// eventPath is the path of the event: one leading slash, however many were
// sent, the rest untouched and still percent-encoded (AWS recording
// test_lambda_aws_proxy_integration, prepended-slash and path-encoded-email).
func eventPath(path string) string {
	if strings.HasPrefix(path, "//") {
		return "/" + strings.TrimLeft(path, "/")
	}
	return path
}

func (x *exchange) appendHeaders(b []byte) []byte {
	if x.plan.test && len(x.header) == 0 {
		return append(b, `,"headers":null,"multiValueHeaders":null`...)
	}
	sorted := x.integrationHeader()
	b = append(b, `,"headers":{`...)
	for i, f := range sorted {
		if i+1 < len(sorted) && sorted[i+1].name == f.name {
			continue // the last value counts
		}
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = appendString(b, f.name)
		b = append(b, ':')
		b = appendString(b, f.value)
	}
	b = append(b, `},"multiValueHeaders":{`...)
	for i, f := range sorted {
		if i > 0 && sorted[i-1].name == f.name {
			b = append(b[:len(b)-1], ',')
		} else {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendString(b, f.name)
			b = append(b, ":["...)
		}
		b = appendString(b, f.value)
		b = append(b, ']')
	}
	return append(b, '}')
}

// appendQuery appends both forms of the query string. Values and names are
// decoded, "+" is a blank (AWS recording test_lambda_aws_proxy_integration,
// params-encoding); the single form has the last value of each name.
func (x *exchange) appendQuery(b []byte) []byte {
	pairs := x.queryPairs()
	if len(pairs) == 0 {
		return append(b, `,"queryStringParameters":null,"multiValueQueryStringParameters":null`...)
	}
	b = append(b, `,"queryStringParameters":{`...)
	for i, p := range pairs {
		if hasName(pairs[:i], p.name) {
			continue
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, p.name)
		b = append(b, ':')
		for _, last := range slices.Backward(pairs) {
			if last.name == p.name {
				b = appendString(b, last.value)
				break
			}
		}
	}
	b = append(b, `},"multiValueQueryStringParameters":{`...)
	for i, p := range pairs {
		if hasName(pairs[:i], p.name) {
			continue
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, p.name)
		b = append(b, ":["...)
		for j, other := range pairs[i:] {
			if other.name == p.name {
				if j > 0 {
					b = append(b, ',')
				}
				b = appendString(b, other.value)
			}
		}
		b = append(b, ']')
	}
	return append(b, '}')
}

// queryPairs splits and decodes the query string.
func (x *exchange) queryPairs() []headerField {
	x.pairs = x.pairs[:0]
	for rest := x.query; rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		if pair != "" {
			name, value, _ := strings.Cut(pair, "=")
			x.pairs = append(x.pairs, headerField{name: unescapeQuery(name), value: unescapeQuery(value)})
		}
	}
	return x.pairs
}

func hasName(pairs []headerField, name string) bool {
	for i := range pairs {
		if pairs[i].name == name {
			return true
		}
	}
	return false
}

// unescapeQuery decodes what can be decoded and leaves the rest: a stray "%" is
// a "%".
func unescapeQuery(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			b = append(b, ' ')
		case s[i] == '%' && i+2 < len(s) && unhex(s[i+1]) < 16 && unhex(s[i+2]) < 16:
			b = append(b, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		default:
			b = append(b, s[i])
		}
	}
	return string(b)
}

func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

// appendParams appends the path variables, null when the template has none.
// They stay percent-encoded (serverless/serverless#5037; AWS recording
// test_lambda_aws_proxy_integration, path-encoded-email).
func (x *exchange) appendParams(b []byte) []byte {
	if x.params.n == 0 {
		return append(b, "null"...)
	}
	b = append(b, '{')
	for i := range x.params.n {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, x.params.names[i])
		b = append(b, ':')
		b = appendString(b, x.params.values[i])
	}
	return append(b, '}')
}

// requestTimeLayout is $context.requestTime, "09/Apr/2015:12:34:56 +0000".
const requestTimeLayout = "02/Jan/2006:15:04:05 -0700"

func (x *exchange) appendContext(b []byte) []byte {
	p := x.plan
	b = appendString(b, x.verb)
	b = append(b, `,"extendedRequestId":"`...)
	b = append(b, x.ids.extended...)
	b = append(b, `","requestTime":"`...)
	b = x.start.UTC().AppendFormat(b, requestTimeLayout)
	b = append(b, `","path":`...)
	b = appendString(b, x.contextPath())
	b = append(b, `,"accountId":"`...)
	b = append(b, p.account...)
	b = append(b, `","protocol":`...)
	b = appendString(b, x.proto)
	b = append(b, `,"stage":`...)
	b = appendString(b, p.name)
	b = append(b, `,"domainPrefix":`...)
	b = appendString(b, x.prefix)
	b = append(b, `,"requestTimeEpoch":`...)
	b = strconv.AppendInt(b, x.start.UnixMilli(), 10)
	b = append(b, `,"requestId":"`...)
	b = append(b, x.ids.request...)
	b = append(b, `","identity":`...)
	b = x.appendIdentity(b)
	b = append(b, `,"domainName":`...)
	b = appendString(b, x.host)
	if p.deployment != "" {
		b = append(b, `,"deploymentId":`...)
		b = appendString(b, p.deployment)
	}
	b = append(b, `,"apiId":`...)
	b = appendString(b, p.api)
	return append(b, '}')
}

// contextPath is $context.path: with the stage, and with the slashes that were
// sent behind it (AWS recording: "/stage//proxy-value").
func (x *exchange) contextPath() string {
	if x.plan.test {
		return x.path
	}
	if x.path == "/" && x.bareStage() {
		return "/" + x.plan.name
	}
	return "/" + x.plan.name + x.path
}

// bareStage reports whether the request named the stage without a slash behind.
func (x *exchange) bareStage() bool {
	return x.request != nil && !strings.HasSuffix(rawPath(x.request), "/")
}

func (x *exchange) appendIdentity(b []byte) []byte {
	if x.plan.test {
		return x.appendTestIdentity(b)
	}
	if x.who != nil {
		return x.appendSigner(b)
	}
	b = append(b, `{"cognitoIdentityPoolId":null,"accountId":null,"cognitoIdentityId":null,"caller":null,"sourceIp":`...)
	b = appendString(b, x.clientIP)
	b = append(b, `,"principalOrgId":null,"accessKey":null,"cognitoAuthenticationType":null,"cognitoAuthenticationProvider":null,"userArn":null,"userAgent":`...)
	b = x.appendUserAgent(b)
	return append(b, `,"user":null}`...)
}

// appendSigner appends the identity of a signed request: caller and user are the
// caller's unique id, with the session name behind it for a role (APIGW-DG
// api-gateway-mapping-template-reference, $context.identity; events of 2023
// that users published).
func (x *exchange) appendSigner(b []byte) []byte {
	b = append(b, `{"cognitoIdentityPoolId":null,"accountId":`...)
	b = appendString(b, x.who.Account)
	b = append(b, `,"cognitoIdentityId":null,"caller":`...)
	b = appendString(b, x.who.UserID)
	b = append(b, `,"sourceIp":`...)
	b = appendString(b, x.clientIP)
	b = append(b, `,"principalOrgId":null,"accessKey":`...)
	b = appendString(b, x.who.AccessKeyID)
	b = append(b, `,"cognitoAuthenticationType":null,"cognitoAuthenticationProvider":null,"userArn":`...)
	b = appendString(b, x.who.ARN)
	b = append(b, `,"userAgent":`...)
	b = x.appendUserAgent(b)
	b = append(b, `,"user":`...)
	b = appendString(b, x.who.UserID)
	return append(b, '}')
}

func (x *exchange) appendUserAgent(b []byte) []byte {
	if ua := x.headerValue("User-Agent"); ua != "" {
		return appendString(b, ua)
	}
	return append(b, "null"...)
}

func (x *exchange) appendBody(b []byte) []byte {
	switch {
	case len(x.body) == 0:
		return append(b, `,"body":null,"isBase64Encoded":false}`...)
	case x.plan.binary.match(x.headerValue("Content-Type")):
		b = append(b, `,"body":"`...)
		b = base64.StdEncoding.AppendEncode(b, x.body)
		return append(b, `","isBase64Encoded":true}`...)
	default:
		b = append(b, `,"body":`...)
		b = appendText(b, x.body)
		return append(b, `,"isBase64Encoded":false}`...)
	}
}

// traceRoot is the Root of the request's trace: the client's, else a new one.
func (x *exchange) traceRoot() string {
	if x.trace == "" {
		for part := range strings.SplitSeq(x.headerValue("X-Amzn-Trace-Id"), ";") {
			if root, ok := strings.CutPrefix(strings.TrimSpace(part), "Root="); ok && root != "" {
				x.trace = root
				return root
			}
		}
		x.trace = string(appendTrace(make([]byte, 0, 35), x.start, x.gateway.random))
	}
	return x.trace
}

func millis(d time.Duration) int64 { return d.Milliseconds() }
