package gateway

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/stagedoor/stagedoor/internal/state"
)

// mockPlan is a compiled MOCK integration. The request template only selects a
// status; the integration response of that status makes the answer.
type mockPlan struct {
	requests    map[string]mockRequest // by content type
	passthrough string
	responses   []mockResponse // with a pattern, by status code
	fallback    *mockResponse
}

// mockRequest is what a request template comes to.
type mockRequest struct {
	status  int
	problem string
}

// mockResponse is a compiled integration response.
type mockResponse struct {
	status   int
	pattern  *regexp.Regexp
	header   [][2]string
	body     []byte
	problem  string // why it cannot answer
	sentence string // AWS's words for it
}

// sentenceStatus is AWS's sentence for a request template without a status
// (quoted in many threads, for example terraform modules for CORS).
const sentenceStatus = "statusCode should be an integer which defined in request template"

func compileMock(m *state.Method) *mockPlan {
	in := m.Integration
	p := &mockPlan{requests: make(map[string]mockRequest, len(in.RequestTemplates)), passthrough: in.PassthroughBehavior}
	for contentType, template := range in.RequestTemplates {
		p.requests[strings.ToLower(contentType)] = compileMockRequest(template)
	}
	for _, code := range slices.Sorted(maps.Keys(in.Responses)) {
		r := compileMockResponse(m, in.Responses[code])
		if pattern := in.Responses[code].SelectionPattern; pattern != nil && *pattern != "" {
			p.responses = append(p.responses, r)
		} else if p.fallback == nil {
			p.fallback = &r
		}
	}
	return p
}

// needsVTL reports whether a template is more than literal text: "$" begins a
// reference only before a letter, "_", "!" or "{", "#" a directive or a comment
// only before a letter, "#", "*", "{" or "[" (Velocity user guide).
func needsVTL(template string) bool {
	for i := range len(template) - 1 {
		c, next := template[i], template[i+1]
		letter := next|0x20 >= 'a' && next|0x20 <= 'z'
		if c == '$' && (letter || strings.IndexByte("_!{", next) >= 0) || c == '#' && (letter || strings.IndexByte("#*{[", next) >= 0) {
			return true
		}
	}
	return false
}

const vtlProblem = "the mapping template uses VTL (# or $), which this version of stagedoor does not evaluate yet"

func compileMockRequest(template string) mockRequest {
	if needsVTL(template) {
		return mockRequest{problem: vtlProblem}
	}
	status, ok := mockStatus([]byte(template))
	if !ok {
		return mockRequest{problem: fmt.Sprintf("the request template %q has no integer statusCode", template)}
	}
	return mockRequest{status: status}
}

// bareStatus is what API Gateway's parser takes beside JSON: names without
// quotes. The Serverless Framework's CORS methods have "{statusCode:200}".
var bareStatus = regexp.MustCompile(`^\s*\{\s*'?statusCode'?\s*:\s*(\d{3})\s*(?:,[^{}]*)?\}\s*$`)

// mockStatus reads {"statusCode": 200}.
func mockStatus(text []byte) (int, bool) {
	var v struct {
		StatusCode any `json:"statusCode"`
	}
	if json.Unmarshal(text, &v) != nil {
		if m := bareStatus.FindSubmatch(text); m != nil {
			n, err := strconv.Atoi(string(m[1]))
			return n, err == nil
		}
		return 0, false
	}
	f, ok := v.StatusCode.(float64)
	if !ok || f != math.Trunc(f) || f < 100 || f > 999 {
		return 0, false
	}
	return int(f), true
}

func compileMockResponse(m *state.Method, ir *state.IntegrationResponse) mockResponse {
	r := mockResponse{}
	r.status, _ = strconv.Atoi(ir.StatusCode)
	if ir.SelectionPattern != nil && *ir.SelectionPattern != "" {
		var err error
		if r.pattern, err = regexp.Compile("^(?:" + *ir.SelectionPattern + ")$"); err != nil {
			r.problem = "the selectionPattern cannot be compiled: " + err.Error()
		}
	}
	if m.Responses[ir.StatusCode] == nil || r.status < 200 || r.status > 599 {
		r.sentence = "Output mapping refers to an invalid method response: " + ir.StatusCode
		r.problem = "the method has no method response " + ir.StatusCode + "; make it with aws apigateway put-method-response"
		return r
	}
	contentType, template := responseTemplate(ir.ResponseTemplates)
	if needsVTL(template) {
		r.problem = vtlProblem
	}
	r.body = []byte(template)
	r.header = append(r.header, [2]string{"Content-Type", contentType})
	for _, name := range slices.Sorted(maps.Keys(ir.ResponseParameters)) {
		target, ok := strings.CutPrefix(name, "method.response.header.")
		value, known := staticValue(ir.ResponseParameters[name])
		switch {
		case !ok || !known:
			// A MOCK has no response of its own: integration.response.… maps
			// nothing, and the header is left out.
		case strings.EqualFold(target, "Content-Type"):
			r.header[0][1] = value
		default:
			r.header = append(r.header, [2]string{target, value})
		}
	}
	return r
}

// responseTemplate picks the template of an integration response: JSON when
// there is one, as MOCK answers are JSON, else the first by name.
// unverified: the choice between several others.
func responseTemplate(templates map[string]string) (contentType, template string) {
	if t, ok := templates["application/json"]; ok || len(templates) == 0 {
		return "application/json", t
	}
	contentType = slices.Min(slices.Collect(maps.Keys(templates)))
	return contentType, templates[contentType]
}

// staticValue reads 'text'.
func staticValue(s string) (string, bool) {
	if len(s) >= 2 && s[0] == '\'' && s[len(s)-1] == '\'' {
		return s[1 : len(s)-1], true
	}
	return "", false
}

// runMock answers a MOCK.
func (x *exchange) runMock() {
	p := x.method.mock
	status, ok := x.mockStatus(p)
	if !ok {
		return
	}
	x.integration.status = status
	r := p.choose(status)
	if r == nil {
		x.explain(fmt.Sprintf("no integration response fits status %d and none is the default; make one with aws apigateway put-integration-response", status))
		x.configurationError("No match for output mapping and no default output mapping configured. Endpoint Response Status Code: "+itoa(status), configurationError)
		return
	}
	if r.problem != "" {
		x.explain(r.problem)
		x.configurationError(orText(r.sentence, "Unable to transform response"), configurationError)
		return
	}
	x.answer.status, x.answer.body = r.status, r.body
	for _, h := range r.header {
		x.addHeader(h[0], h[1])
	}
}

// mockStatus is the status that the request selects; it answers itself when
// there is none.
func (x *exchange) mockStatus(p *mockPlan) (int, bool) {
	contentType, _, _ := strings.Cut(x.headerValue("Content-Type"), ";")
	contentType = strings.TrimSpace(contentType)
	if contentType == "" {
		contentType = "application/json"
	}
	request, found := p.requests[lower(contentType)]
	switch {
	case found && request.problem == "":
		return request.status, true
	case found:
		x.explain(request.problem)
	case strings.EqualFold(p.passthrough, "NEVER"),
		strings.EqualFold(p.passthrough, "WHEN_NO_TEMPLATES") && len(p.requests) > 0:
		// APIGW-DG integration-passthrough-behaviors
		x.lines.failed("Execution failed due to configuration error: Unsupported Media Type")
		x.refuse(unsupportedMedia)
		return 0, false
	default:
		if status, ok := mockStatus(x.body); ok { // the body is passed through
			return status, true
		}
		x.explain("no request template fits the content type " + contentType + ", and the body that is passed through instead has no statusCode")
	}
	x.configurationError(sentenceStatus, configurationError)
	return 0, false
}

// choose finds the integration response for a status: the first whose pattern
// matches all of it, else the one without pattern.
func (p *mockPlan) choose(status int) *mockResponse {
	if len(p.responses) > 0 {
		text := itoa(status)
		for i := range p.responses {
			if re := p.responses[i].pattern; re != nil && re.MatchString(text) {
				return &p.responses[i]
			}
		}
	}
	return p.fallback
}

func orText(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}
