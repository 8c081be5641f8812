package why

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// LogEvent is one event of a log group of CloudWatch Logs.
type LogEvent struct {
	Time    time.Time
	Message string
}

// FailureKind says who lacked a permission.
type FailureKind string

// The kinds of Failure.
const (
	// NoGrant: API Gateway may not call the function.
	NoGrant FailureKind = "no-permission"
	// NoRole: API Gateway cannot assume the integration's role.
	NoRole FailureKind = "cannot-assume-role"
	// NoAuthorizer: API Gateway cannot call the authorizer.
	NoAuthorizer FailureKind = "authorizer"
	// NoCaller: a client, or the integration's role, is not authorized.
	NoCaller FailureKind = "not-authorized"
	// Status: an access log tells a status of 500 and no reason: it may be a
	// missing permission or something else.
	Status FailureKind = "status-only"
)

// Failure is what log lines say of calls that failed alike for want of a
// permission. What the log does not say is "".
type Failure struct {
	Kind       FailureKind `json:"kind"`
	Message    string      `json:"message"` // the log's sentence
	API        string      `json:"api,omitempty"`
	Stage      string      `json:"stage,omitempty"`
	Method     string      `json:"method,omitempty"` // as configured: "ANY /{proxy+}"
	Verb       string      `json:"verb,omitempty"`   // of the request
	Path       string      `json:"path,omitempty"`   // of the request, or the resource's
	SourceARN  string      `json:"sourceArn,omitempty"`
	Role       string      `json:"role,omitempty"`
	Authorizer string      `json:"authorizer,omitempty"` // its id
	SourceIP   string      `json:"sourceIp,omitempty"`   // of the first of the calls

	Count      int       `json:"count"`
	First      time.Time `json:"first"`
	Last       time.Time `json:"last"`
	RequestIDs []string  `json:"requestIds,omitempty"` // the first few
}

// requestIDsShown bounds the request ids of a Failure.
const requestIDsShown = 20

// Failures finds the permission failures among the events of a log group, an
// execution log of API Gateway (REST; aws-facts: "API-Gateway-Execution-
// Logs_API/STAGE") or an access log in JSON or in the common log format, and
// puts those together that differ in nothing but their time. The most frequent
// come first.
func Failures(group string, events []LogEvent) []Failure {
	c := collector{index: map[failureKey]int{}, requests: map[string]*Failure{}, known: map[string]bool{}}
	c.api, c.stage, c.execution = executionLog(group)
	events = slices.Clone(events)
	slices.SortStableFunc(events, func(a, b LogEvent) int { return a.Time.Compare(b.Time) })
	for _, e := range events {
		if c.execution {
			c.executionLine(e)
		} else {
			c.accessLine(e)
		}
	}
	slices.SortStableFunc(c.found, func(a, b Failure) int { return cmp.Compare(b.Count, a.Count) })
	return c.found
}

// executionLog takes API and stage out of the name of an execution log.
func executionLog(group string) (api, stage string, ok bool) {
	rest, ok := strings.CutPrefix(group, "API-Gateway-Execution-Logs_")
	api, stage, _ = strings.Cut(rest, "/")
	return api, stage, ok
}

type collector struct {
	api, stage string
	execution  bool
	found      []Failure
	index      map[failureKey]int
	requests   map[string]*Failure // what the log has said so far of each request
	known      map[string]bool     // requests that are counted
}

// failureKey is a Failure without what differs between requests.
type failureKey = struct{ kind, message, api, stage, method, verb, path, source, role, authorizer string }

func (f *Failure) key() failureKey {
	k := failureKey{string(f.Kind), f.Message, f.API, f.Stage, f.Method, f.Verb, f.Path, f.SourceARN, f.Role, f.Authorizer}
	if f.Method != "" {
		// One resource with many actual paths is one failure.
		k.verb, k.path = "", ""
	}
	return k
}

// add counts one failed request.
func (c *collector) add(f *Failure, request string, at time.Time) {
	if request != "" && c.known[request] {
		return
	}
	c.known[request] = request != ""
	i, ok := c.index[f.key()]
	if !ok {
		i = len(c.found)
		c.index[f.key()] = i
		next := *f
		next.First = at.UTC()
		c.found = append(c.found, next)
	}
	g := &c.found[i]
	g.Count++
	g.Last = at.UTC()
	if request != "" && len(g.RequestIDs) < requestIDsShown {
		g.RequestIDs = append(g.RequestIDs, request)
	}
}

// executionLine reads "(REQUEST-ID) TEXT": aws-facts part 3.
func (c *collector) executionLine(e LogEvent) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(e.Message), "(")
	request, text, found := strings.Cut(rest, ") ")
	if !ok || !found {
		return
	}
	f := c.requests[request]
	if f == nil {
		f = &Failure{API: c.api, Stage: c.stage}
		c.requests[request] = f
	}
	switch {
	case strings.HasPrefix(text, "API Key"):
		f.Method = between(text, "because method '", "'")
	case strings.HasPrefix(text, "Starting authorizer: "):
		f.Authorizer = between(text, "Starting authorizer: ", " ")
	case strings.HasPrefix(text, "Successfully completed authorizer execution"):
		f.Authorizer = ""
	case strings.HasPrefix(text, "HTTP Method: "):
		f.Verb = between(text, "HTTP Method: ", ",")
		f.Path = between(text+"\n", "Resource Path: ", "\n")
	case strings.HasPrefix(text, "Endpoint request headers: "):
		f.SourceARN = sourceARNIn(text)
	case strings.HasPrefix(text, "Method completed with status: "):
		delete(c.requests, request)
	default:
		kind, ok := permissionFailure(text)
		if !ok {
			return
		}
		if f.Authorizer != "" && kind == NoGrant {
			kind = NoAuthorizer
		}
		f.Kind, f.Message, f.Role = kind, sentenceOf(text), roleIn(text)
		c.add(f, request, e.Time)
	}
}

// sourceARNIn finds the SourceArn among the headers that the log shows with
// data trace; none where the line was cut off in it.
func sourceARNIn(text string) string {
	_, rest, found := strings.Cut(text, "X-Amz-Source-Arn=")
	if !found {
		return ""
	}
	// A path template may hold "}", so only what follows a header ends it.
	for _, end := range []string{", X-Amz-", ", "} {
		if arn, _, found := strings.Cut(rest, end); found {
			return arn
		}
	}
	arn, whole := strings.CutSuffix(strings.TrimSpace(rest), "}")
	if !whole {
		return ""
	}
	return arn
}

// permissionFailure recognises AWS's sentences (aws-facts part 3; KC
// api-gateway-internal-server-error; recorded logs).
// unverified: whether an execution log says "is not authorized to perform" of an
// integration's role that may not invoke the function; clients get that wording.
func permissionFailure(text string) (FailureKind, bool) {
	switch {
	case strings.Contains(text, "Invalid permissions on Lambda function"):
		return NoGrant, true
	case strings.Contains(text, "API Gateway does not have permission to assume the provided role"):
		return NoRole, true
	case strings.Contains(text, "configuration error: Authorizer error"), strings.Contains(text, "AuthorizerConfigurationException"):
		return NoAuthorizer, true
	case strings.Contains(text, "is not authorized to perform: "), strings.Contains(text, "is not authorized to access this resource"):
		return NoCaller, true
	}
	return "", false
}

// sentenceOf is a log line without what every failure begins with.
func sentenceOf(text string) string {
	return strings.TrimSpace(strings.TrimPrefix(text, "Execution failed due to configuration error: "))
}

func roleIn(text string) string {
	_, role, _ := strings.Cut(text, "assume the provided role ")
	role, _, _ = strings.Cut(role, " ")
	return strings.TrimRight(role, ".")
}

// between returns what stands between two marks, "" where one is missing.
func between(text, begin, end string) string {
	_, rest, ok := strings.Cut(text, begin)
	inner, _, found := strings.Cut(rest, end)
	if !ok || !found {
		return ""
	}
	return inner
}
