package doctor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/target"
)

// Cell is one method, route or authorizer of one stage.
type Cell struct {
	API         string  `json:"api"`
	Name        string  `json:"apiName"`
	Kind        string  `json:"kind"` // REST, HTTP or WebSocket
	Stage       string  `json:"stage"`
	Method      string  `json:"method"`
	Share       string  `json:"share,omitempty"`    // "canary 10 %": calls that the canary takes
	Function    string  `json:"function,omitempty"` // ARN with its qualifier; "" when none is called
	SourceARN   string  `json:"sourceArn,omitempty"`
	Credentials string  `json:"credentials,omitempty"`
	Verdict     Verdict `json:"verdict"`
	Code        string  `json:"code,omitempty"`    // of the finding
	Problem     string  `json:"problem,omitempty"` // why it is broken or undecided
	// Decision explains a refusal.
	Decision *grants.Decision `json:"-"`

	stage      *stage
	method     *method     // nil for an authorizer
	authorizer *authorizer // nil for a method
	to         callee
	call       grants.Call
	undefined  []string
	hidden     bool // of a canary whose deployment nobody can read
}

// variants are the sets of variables under which the stage answers.
func (s *stage) variants() []variant {
	all := []variant{{values: s.variables}}
	if s.canary != nil && s.canary.percent > 0 {
		all = append(all, variant{name: "canary " + strconv.FormatFloat(s.canary.percent, 'f', -1, 64) + " %", values: s.canary.variables})
	}
	return all
}

// exam is one examination.
type exam struct {
	dump     *target.Dump
	options  Options
	ledger   *ledger
	before   *ledger // of an earlier dump; nil: none
	apis     []*api
	region   string
	account  string
	now      time.Time
	cells    []Cell
	byAPI    map[string][]*Cell // made when all cells are there; "" has all
	verdicts map[string]judged  // by function and SourceArn: the policies ask for nothing else
}

type judged struct {
	verdict  Verdict
	problem  string
	decision *grants.Decision
}

// matrix judges everything that calls a function, and lists the rest.
func (e *exam) matrix() {
	e.verdicts = map[string]judged{}
	for _, a := range e.apis {
		for _, s := range a.stages {
			for _, v := range s.variants() {
				e.methodCells(s, v)
				for _, z := range a.usedAuthorizers(s) {
					if v.name == "" || dependsOn(s, v, z.uri+z.credentials) {
						e.cells = append(e.cells, e.authorizerCell(s, z, v))
					}
				}
			}
			if !s.fromLive {
				continue // what is gone was judged by the export
			}
			for _, name := range s.gone {
				e.cells = append(e.cells, Cell{
					API: a.id, Name: a.name, Kind: string(a.kind), Stage: s.name, Method: name, stage: s,
					Verdict: Undecided, Code: cannotDecide, Problem: "the method is deployed, but gone from the live configuration, and only that could be read",
				})
			}
		}
	}
}

// methodCells judges the methods of a stage, or those of its canary that have
// another answer there.
func (e *exam) methodCells(s *stage, v variant) {
	switch {
	case v.name == "":
		for _, m := range s.methods {
			e.cells = append(e.cells, e.methodCell(s, m, v))
		}
	case s.canary.own && !s.fromLive:
		e.hiddenCells(s, v)
	default: // of the stage's deployment, or all that is known is the live configuration
		for _, m := range s.liveCanary() {
			if !slices.Contains(s.methods, m) || dependsOn(s, v, m.uri+m.credentials) {
				e.cells = append(e.cells, e.methodCell(s, m, v))
			}
		}
	}
}

// liveCanary is what the canary serves as far as the live configuration tells.
func (s *stage) liveCanary() []*method {
	if !s.canary.own || s.canary.methods == nil {
		return s.methods
	}
	return slices.DeleteFunc(slices.Clone(s.api.live), func(m *method) bool {
		_, served := slices.BinarySearch(s.canary.methods, m.name())
		return !served
	})
}

// hiddenCells stand for the methods of a canary that nobody can read.
func (e *exam) hiddenCells(s *stage, v variant) {
	for _, name := range s.hiddenMethods() {
		c := e.cell(s, v)
		c.Method, c.hidden = name, true
		c.Verdict, c.Code, c.Problem = Undecided, cannotDecide, "Cannot decide: "+s.canary.hidden()+"."
		e.cells = append(e.cells, c)
	}
}

// hiddenMethods are the methods of a canary with a deployment of its own.
// GetExport answers the deployment of the stage, and AWS has nothing that
// answers another one, so their integrations may be any.
func (s *stage) hiddenMethods() (names []string) {
	if s.fromLive || s.canary == nil || s.canary.percent <= 0 || !s.canary.own {
		return nil
	}
	if s.canary.methods != nil {
		return s.canary.methods
	}
	for _, m := range s.methods {
		names = append(names, m.name())
	}
	return names
}

func (c *canary) hidden() string {
	return "the canary runs deployment " + c.deployment + " and the stage another one, and API Gateway shows the integrations of the stage's only"
}

// dependsOn reports whether a canary's variables change what a text says.
func dependsOn(s *stage, v variant, text string) bool {
	for _, name := range state.VariablesIn(text) {
		if v.values[name] != s.variables[name] {
			return true
		}
	}
	return false
}

// usedAuthorizers are the Lambda authorizers that some method of the stage asks.
func (a *api) usedAuthorizers(s *stage) []*authorizer {
	var used []*authorizer
	seen := map[string]bool{}
	for _, m := range s.methods {
		if z := a.authorizers[m.authorizer]; z != nil && z.uri != "" && !seen[z.id] {
			seen[z.id] = true
			used = append(used, z)
		}
	}
	return used
}

func (e *exam) cell(s *stage, v variant) Cell {
	return Cell{API: s.api.id, Name: s.api.name, Kind: string(s.api.kind), Stage: s.name, Share: v.name, Verdict: Passes, stage: s}
}

func (e *exam) methodCell(s *stage, m *method, v variant) Cell {
	c := e.cell(s, v)
	c.Method, c.method = m.name(), m
	switch {
	case m.integration == "" && s.api.kind == restKind:
		c.Verdict, c.Code, c.Problem = Broken, noIntegration, "The method has no integration."
		return c
	case !callsLambda(m.integration, m.uri):
		return c
	}
	if !e.resolve(&c, v, m.uri, m.credentials) {
		return c
	}
	c.call.Method, c.call.ResourcePath = m.verb, m.path
	c.call.SourceARN = e.sourceARN(s.api.kind, s.name, m, c.to.region, s.api.id)
	e.judge(&c)
	e.beyondGrants(&c)
	return c
}

func (e *exam) authorizerCell(s *stage, z *authorizer, v variant) Cell {
	c := e.cell(s, v)
	c.Method, c.authorizer = "authorizer "+z.name, z
	if !e.resolve(&c, v, z.uri, z.credentials) {
		return c
	}
	c.call.Method, c.call.ResourcePath = "", "/authorizers/"+z.id
	c.call.SourceARN = grants.AuthorizerSourceARN(c.to.region, e.account, s.api.id, z.id)
	e.judge(&c)
	return c
}

// resolve finds out which function is called; false when the URI says none.
func (e *exam) resolve(c *Cell, v variant, uri, credentials string) bool {
	resolved, undefined := state.Resolve(uri, v.values)
	to, err := parseURI(resolved, e.region, e.account, c.stage.api.kind != restKind)
	c.to, c.undefined = to, undefined
	c.call = grants.Call{
		Account: e.account, Region: e.region, APIID: c.API, Stage: c.Stage,
		FunctionARN: to.arn, Qualifier: to.qualifier, SourceAccount: e.account, Time: e.now,
	}
	if credentials != "" {
		role, missing := state.Resolve(credentials, v.values)
		c.Credentials, c.call.Credentials = role, role
		c.undefined = append(c.undefined, missing...)
	}
	if err != nil {
		c.Verdict, c.Problem = Broken, upper(err.Error())+"."
		if to.asked != "" {
			c.Function = to.asked
		}
		return false
	}
	c.Function = to.qualified()
	return true
}

// sourceARN is what API Gateway sends (aws-facts 1): of HTTP APIs api/stage/VERB/path
// and api/stage/$default, of WebSocket APIs api/stage/routeKey.
// unverified: that the verb of an HTTP API's ANY route is ANY there, too.
func (e *exam) sourceARN(k kind, stage string, m *method, region, api string) string {
	if k == webSocketKind || m.verb == "" {
		return "arn:aws:execute-api:" + region + ":" + e.account + ":" + api + "/" + stage + "/" + m.path
	}
	return grants.SourceARN(region, e.account, api, stage, m.verb, m.path)
}

// judge asks the policies. Cells that ask the same question share the answer.
func (e *exam) judge(c *Cell) {
	c.SourceARN = c.call.SourceARN
	key := strings.Join([]string{c.Function, c.SourceARN, c.Credentials}, "\n")
	j, known := e.verdicts[key]
	if !known {
		j = e.ask(&c.call)
		e.verdicts[key] = j
	}
	c.Verdict, c.Problem, c.Decision = j.verdict, j.problem, j.decision
}

func (e *exam) ask(call *grants.Call) judged {
	if why := e.ledger.unknown(call); why != "" {
		return judged{verdict: Undecided, problem: "Cannot decide: " + why + "."}
	}
	if !e.ledger.judge.Decide(call).Refused() {
		return judged{verdict: Passes}
	}
	return judged{verdict: Refused, decision: trimmed(e.ledger.judge.Explain(call))}
}

// trimmed keeps of the statements the one that matters: thousands of refusals
// are held together.
func trimmed(d *grants.Decision) *grants.Decision {
	if s := d.NearestMiss(); s != nil {
		d.Statements, d.Nearest = []grants.Statement{*s}, 0
	} else {
		d.Statements = nil
	}
	for i := range d.Policies {
		d.Policies[i].Document = ""
	}
	return d
}

// beyondGrants finds what keeps a method from working though it may call.
func (e *exam) beyondGrants(c *Cell) {
	m := c.method
	switch {
	case !strings.EqualFold(m.httpMethod, "POST"):
		c.Verdict, c.Code, c.Decision = Broken, notPOST, nil
		c.Problem = fmt.Sprintf("Lambda is only called by POST, and the integration's httpMethod is %q.", m.httpMethod)
	case c.to.streaming != strings.EqualFold(m.transfer, "STREAM") && (c.to.streaming || m.transfer != ""):
		c.Verdict, c.Code, c.Decision = Broken, streamingMixed, nil
		c.Problem = fmt.Sprintf("The integration's responseTransferMode is %s, and its URI ends in %s: both must stream, or neither.",
			orNone(m.transfer, "BUFFERED"), streamName(c.to.streaming))
	}
}

func streamName(streaming bool) string {
	if streaming {
		return streamEnd
	}
	return invokeEnd
}

func orNone(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
