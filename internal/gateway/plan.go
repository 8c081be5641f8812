package gateway

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/logs"
	"github.com/stagedoor/stagedoor/internal/state"
)

// stagePlan is a compiled stage.
type stagePlan struct {
	account, region, api, name string
	counted                    string // the name of the API in metrics
	deployment                 string
	release                    release
	test                       bool // TestInvokeMethod
	closed                     bool // the API answers no calls at its execute-api address

	router    router
	variables []byte // JSON: null or an object
	binary    binaryTypes
	policy    *grants.AppliedPolicy // the API's resource policy; nil: it has none
	access    *accessLog
	settings  *account
	targets   map[string]resolved // by URI; of the compiler alone
	group     string              // of the execution log

	openLog sync.Once
	writers []*logs.Writer
}

// resourcePlan is a compiled resource.
type resourcePlan struct {
	id, path string
}

// methodPlan is a compiled method of a stage: everything that does not depend
// on the request.
type methodPlan struct {
	stage     *stagePlan
	resource  *resourcePlan
	verb      string // as configured
	operation string // operationName
	level     logLevel
	trace     bool
	detailed  bool // metrics of its own

	// guard stands before everything else; nil for an open method.
	guard *guard
	// refusal answers instead of everything else: the method is protected by
	// something that is not implemented.
	refusal *refusal

	kind     integrationKind
	problem  string // why a broken integration is broken, for a person
	sentence string // the same in AWS's words
	timeout  time.Duration

	mock    *mockPlan
	target  target
	call    grants.Call // with everything but the request
	post    bool        // the integration's verb is POST
	invoked string      // ARN with which the function is called

	// forbidden are the sources of mappings onto headers that API Gateway does
	// not let anybody set.
	forbidden []string

	// Fixed pieces of the event.
	eventHead, eventContext []byte
}

type integrationKind uint8

const (
	kindBroken integrationKind = iota
	kindMock
	kindLambda
)

// refusal is an answer of the gateway and the reason of it for a person.
type refusal struct {
	answer *gatewayResponse
	reason string
}

// defaultTimeout applies to integrations without one (APIGW-DG:limits, 29 s).
const defaultTimeout = 29 * time.Second

func compileStage(d *deployed) *stagePlan {
	st, dep := d.stage, d.deployment
	p := newStagePlan(st.Account, st.Region, st.API, st.Name, &dep.APISnapshot, d.variables)
	p.counted = metricName(dep.APIName, st.API)
	p.deployment, p.release = dep.ID, d.release
	p.settings = d.account
	p.access = compileAccessLog(st.AccessLog)
	p.group = "API-Gateway-Execution-Logs_" + st.API + "/" + st.Name
	for _, r := range dep.Resources {
		p.addResource(r, d.variables, func(m *methodPlan) {
			m.apply(settingOf(st.MethodSettings, r.Path, m.verb))
		})
	}
	p.targets = nil
	return p
}

func newStagePlan(account, region, api, name string, snapshot *state.APISnapshot, variables map[string]string) *stagePlan {
	p := &stagePlan{
		account: account, region: region, api: api, name: name,
		variables: appendVariables(nil, variables),
		binary:    compileBinary(snapshot.BinaryMediaTypes),
		closed:    snapshot.DisableExecuteAPIEndpoint,
	}
	if snapshot.Policy != nil && *snapshot.Policy != "" {
		p.policy = grants.NewAPIPolicy(region, account, api, *snapshot.Policy)
	}
	return p
}

func (p *stagePlan) addResource(r *state.Resource, variables map[string]string, each func(*methodPlan)) {
	if len(r.Methods) == 0 {
		return // not deployed: only a step on the way to others
	}
	rp := &resourcePlan{id: r.ID, path: r.Path}
	methods := make(map[string]*methodPlan, len(r.Methods))
	for verb, m := range r.Methods {
		mp := p.compileMethod(rp, verb, m, variables)
		each(mp)
		methods[verb] = mp
	}
	p.router.add(r.Path, methods)
}

func (p *stagePlan) compileMethod(rp *resourcePlan, verb string, m *state.Method, variables map[string]string) *methodPlan {
	mp := p.outline(rp, verb, m, variables)
	if m.OperationName != nil {
		mp.operation = *m.OperationName
	}
	mp.guard = compileGuard(p, m)
	switch mp.kind {
	case kindMock:
		mp.mock = compileMock(m)
	case kindLambda:
		mp.eventHead = appendEventHead(nil, mp)
		mp.eventContext = appendEventContext(nil, mp)
	}
	return mp
}

// outline compiles what decides where a call of the method goes and whether it
// can, and leaves out what only a request needs.
func (p *stagePlan) outline(rp *resourcePlan, verb string, m *state.Method, variables map[string]string) *methodPlan {
	mp := &methodPlan{stage: p, resource: rp, verb: verb, timeout: defaultTimeout, refusal: protection(m)}
	in := m.Integration
	if in == nil {
		// AWS refuses to deploy a method without integration ("No integration
		// defined for method").
		mp.problem = "the method has no integration"
		return mp
	}
	if in.TimeoutMillis > 0 {
		mp.timeout = time.Duration(in.TimeoutMillis) * time.Millisecond
	}
	switch in.Type {
	case "MOCK":
		mp.kind = kindMock
	case "AWS_PROXY":
		mp.compileProxy(in, variables)
	default:
		mp.problem = fmt.Sprintf("integrations of type %s are not implemented by this version of stagedoor", in.Type)
	}
	return mp
}

func (mp *methodPlan) compileProxy(in *state.Integration, variables map[string]string) {
	t, err := mp.stage.resolve(in.URI, variables)
	mp.target = t
	if err != nil {
		mp.problem = err.Error() + undefinedHint(t.undefined, mp.stage.name)
		if t.asked != "" {
			mp.sentence = fmt.Sprintf(sentenceName, t.asked)
			mp.call = t.call(mp.stage, mp.resource, mp.verb)
			mp.call.FunctionARN, mp.call.Qualifier = t.asked, ""
		}
		return
	}
	mp.kind = kindLambda
	mp.invoked = t.qualified()
	mp.post = strings.EqualFold(in.HTTPMethod, "POST")
	for name, source := range in.RequestParameters {
		if header, ok := strings.CutPrefix(name, "integration.request.header."); ok && lowerIn(unmappable, header) {
			mp.forbidden = append(mp.forbidden, source)
		}
	}
	mp.call = t.call(mp.stage, mp.resource, mp.verb)
	if in.Credentials != nil {
		role, undefined := state.Resolve(*in.Credentials, variables)
		mp.call.Credentials = role
		mp.target.undefined = append(mp.target.undefined, undefined...)
	}
	if !mp.post {
		mp.problem = fmt.Sprintf("Lambda is only called by POST, the integration's httpMethod is %q", in.HTTPMethod)
		return
	}
	mp.problem = strings.TrimPrefix(undefinedHint(mp.target.undefined, mp.stage.name), ": ")
}

// resolve is parseTarget; methods of an API often share one function, and what
// its URI comes to is worked out once.
func (p *stagePlan) resolve(uri string, variables map[string]string) (target, error) {
	if r, ok := p.targets[uri]; ok {
		return r.target, r.err
	}
	t, err := parseTarget(uri, variables, p.region, p.account)
	t.undefined = slices.Clip(t.undefined) // methods append to theirs
	if p.targets == nil {
		p.targets = make(map[string]resolved)
	}
	p.targets[uri] = resolved{t, err}
	return t, err
}

type resolved struct {
	target target
	err    error
}

// unmappable are the headers that requestParameters must not set: a call that
// would set one fails, although AWS_PROXY ignores all other mappings (AWS
// recording test_apigateway_header_remapping_aws[AWS_PROXY], content-length … te).
var unmappable = []string{"Authorization", "Connection", "Content-Length", "Expect", "Proxy-Authenticate", "TE", "Transfer-Encoding"}

// sentenceName is Lambda's sentence about an illegal function name.
// unverified: that API Gateway passes it on; awslabs/aws-apigateway-importer#119
// reports "a validation message".
const sentenceName = "1 validation error detected: Value '%s' at 'functionName' failed to satisfy constraint: " +
	`Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}(-gov)?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?`

func undefinedHint(names []string, stage string) string {
	if len(names) == 0 {
		return ""
	}
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	return fmt.Sprintf(": stage %s does not define the stage variable %s; set it with aws apigateway update-stage --patch-operations op=replace,path=/variables/%s,value=…",
		stage, strings.Join(names, ", "), names[0])
}

// protection refuses what would need a check that is not implemented. It must
// know every such setting: a method is open only if neither this nor its guard
// speaks.
//
// AWS's own answers to a caller without credentials: authorizers → 401
// Unauthorized, API keys → 403 Forbidden (APIGW-DG supported-gateway-response-types).
func protection(m *state.Method) *refusal {
	switch {
	case m.AuthorizationType != "" && !strings.EqualFold(m.AuthorizationType, authNone) && !strings.EqualFold(m.AuthorizationType, authIAM):
		return &refusal{unauthorized, fmt.Sprintf("the method has an authorizer (%s), which this version of stagedoor does not call yet", m.AuthorizationType)}
	case m.APIKeyRequired:
		return &refusal{invalidKey, "the method needs an API key, which this version of stagedoor does not check yet"}
	}
	return nil
}
