package grants

import (
	"maps"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// changed says what is different from the last state in which a refused call of
// a function would have been allowed.
func (g *Grants) changed(c *Call) []Change {
	if g.past == nil {
		return nil
	}
	r := g.newRewind()
	return r.ask(&callQuestion{rewind: r, call: c, was: c, release: r.releaseOf(c.Account, c.Region, c.APIID, c.Stage, c.DeploymentID, c.Canary)})
}

// release is what a request to a stage meets: the stage itself, or its canary.
type release struct {
	key      state.Key // of the stage
	canary   bool
	now, was *state.Stage // now is nil where it cannot be told what the request met
}

// releaseOf finds the release of a stage that serves a deployment; a canary may
// begin with the stage's own.
func (r *rewind) releaseOf(account, region, api, stage, deployment string, canary bool) release {
	rel := release{key: state.StageKey(account, region, api, stage)}
	s, _, err := store.Get[state.Stage](r.now.store, rel.key)
	switch {
	case err != nil:
	case !canary && s.DeploymentID == deployment:
		rel.now, rel.was = s, s
	case canary && s.Canary != nil && s.Canary.DeploymentID == deployment:
		rel.now, rel.was, rel.canary = s, s, true
	}
	return rel
}

// target is what a stage would have served to the request: a canary's requests
// went to the stage itself before the canary began.
func (rel *release) target(s *state.Stage) (deployment string, variables map[string]string) {
	if !rel.canary || s.Canary == nil {
		return s.DeploymentID, s.Variables
	}
	variables = maps.Clone(s.Variables)
	if variables == nil {
		variables = map[string]string{}
	}
	maps.Copy(variables, s.Canary.StageVariableOverrides)
	return s.Canary.DeploymentID, variables
}

// deployed is the method that the release served at some time, with its
// deployment; nil when that cannot be told any more, because one of them is gone.
func (rel *release) deployed(g *Grants, s *state.Stage, method, path string) (*state.Deployment, *state.Method) {
	id, _ := rel.target(s)
	d, _, err := store.Get[state.Deployment](g.store, state.DeploymentKey(s.Account, s.Region, s.API, id))
	if err != nil {
		return nil, nil
	}
	for _, resource := range d.Resources {
		if resource.Path == path {
			return d, resource.Methods[method]
		}
	}
	return d, nil
}

// differences says which deployment and variables are different.
func (rel *release) differences(add differ) {
	if rel.was == rel.now {
		return
	}
	name := rel.now.Name
	from, before := rel.target(rel.was)
	to, after := rel.target(rel.now)
	switch {
	case !rel.canary:
		add(rel.key, "deployment of stage "+name, from, to, "")
	case rel.was.Canary == nil:
		add(rel.key, "canary of stage "+name, from, to, "it began: a share of the requests goes to its deployment")
	default:
		add(rel.key, "deployment of the canary of stage "+name, from, to, "")
	}
	names := slices.Sorted(maps.Keys(before))
	for _, variable := range slices.Sorted(maps.Keys(after)) {
		if _, ok := before[variable]; !ok {
			names = append(names, variable)
		}
	}
	for _, variable := range names {
		add(rel.key, "stage variable "+variable+" of "+name, before[variable], after[variable], "")
	}
}

// callQuestion asks again about a call of a function by API Gateway.
type callQuestion struct {
	*rewind
	call *Call // as it was refused
	was  *Call // under the stage as it was; nil: not known
	release
}

func (q *callQuestion) concerns(m *moment) bool {
	switch {
	case m.function != nil:
		return q.was != nil && m.key == keyOfFunction(q.was.FunctionARN)
	case m.role != nil, m.managed != nil:
		return q.was != nil && q.was.Credentials != ""
	case m.stage != nil && m.key == q.key && q.release.now != nil:
		q.release.was = m.stage
		q.was = q.callUnder(m.stage)
		return q.was != nil
	}
	return false
}

func (q *callQuestion) allowed() bool { return q.was != nil && q.then.decide(q.was) == Allowed }

// callUnder is what the request would have called with the stage as it was.
func (q *callQuestion) callUnder(s *state.Stage) *Call {
	d, m := q.deployed(q.rewind.now, s, q.call.Method, q.call.ResourcePath)
	if m == nil || m.Integration == nil {
		return nil
	}
	_, variables := q.target(s)
	return callOf(q.call, m.Integration, d.ID, variables)
}

func callOf(c *Call, in *state.Integration, deployment string, variables map[string]string) *Call {
	was := *c
	was.DeploymentID, was.Credentials = deployment, ""
	if in.Credentials != nil {
		was.Credentials = withVariables(*in.Credentials, variables)
	}
	if was.Credentials == CallerCredentials {
		return nil // it depends on who called
	}
	_, name, _ := strings.Cut(withVariables(in.URI, variables), "/functions/")
	name, ok := strings.CutSuffix(name, "/invocations")
	parts := strings.Split(name, ":")
	if !ok || len(parts) < 7 || parts[5] != "function" { // arn:aws:lambda:R:A:function:NAME[:QUALIFIER]
		return nil
	}
	was.FunctionARN, was.Qualifier = strings.Join(parts[:7], ":"), strings.Join(parts[7:], ":")
	was.SourceARN = SourceARN(parts[3], c.Account, c.APIID, c.Stage, c.Method, c.ResourcePath)
	return &was
}

// withVariables resolves ${stageVariables.NAME}; a variable that is not defined
// leaves nothing, as it does for the data plane.
func withVariables(text string, variables map[string]string) string {
	const begin = "${stageVariables."
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, begin)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, after, _ := strings.Cut(rest, "}")
		b.WriteString(variables[name])
		text = after
	}
}

func keyOfFunction(arn string) state.Key {
	parts := strings.Split(arn, ":")
	if len(parts) != 7 {
		return ""
	}
	return functionKey(parts[4], parts[3], parts[6])
}
