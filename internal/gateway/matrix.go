package gateway

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/state"
)

// Cell is one method of one deployed stage, and whether a call would pass.
type Cell struct {
	Account, Region, API, APIName string
	Stage, DeploymentID           string
	Verb, Path                    string // as configured
	URL                           string // path of the virtual host: "/dev/users/{id}"
	Integration                   string // "AWS_PROXY", "MOCK", …
	// Canary is set for what the stage's canary answers, where that is not what
	// the stage itself does: another function, or a method that the stage lacks.
	Canary bool

	Function    string // ARN with its qualifier; "" when no function is called
	SourceARN   string
	Credentials string // role

	Allowed bool
	// Problem says why a call cannot work where it is not a matter of grants.
	Problem string
	// Decision explains a refusal; nil when Allowed, or when nothing was asked.
	Decision *grants.Decision
}

// Matrix lists every method of every deployed stage, in the order of API,
// stage, path and verb. Behind a stage stand the cells of its canary, as far as
// they differ and the canary takes any requests.
func (g *Gateway) Matrix() []Cell {
	var cells []Cell
	apis := g.picture.Load().apis
	for _, api := range slices.Sorted(maps.Keys(apis)) {
		cells = g.appendAPI(cells, apis[api])
	}
	return cells
}

// MatrixOf is Matrix of one API; nothing when it has no deployed stage.
func (g *Gateway) MatrixOf(account, region, api string) []Cell {
	stages := g.picture.Load().apis[api]
	for _, d := range stages {
		if d.stage.Account != account || d.stage.Region != region {
			return nil
		}
	}
	return g.appendAPI(nil, stages)
}

func (g *Gateway) appendAPI(cells []Cell, stages map[string]*deployed) []Cell {
	now := g.now()
	for _, name := range slices.Sorted(maps.Keys(stages)) {
		d := stages[name]
		own := cellsOf(d)
		all := own
		if d.share > 0 {
			all = slices.Concat(own, others(own, cellsOf(d.canary)))
		}
		for i := range all {
			g.judge(&all[i], now)
			cells = append(cells, all[i].Cell)
		}
	}
	return cells
}

// candidate is a cell and the method that it is to be judged by.
type candidate struct {
	Cell
	method *methodPlan
}

// cellsOf lists the methods of a release by path and verb, not judged yet.
func cellsOf(d *deployed) []candidate {
	var cells []candidate
	d.eachMethod(func(r *state.Resource, m *state.Method, mp *methodPlan) {
		c := Cell{
			Account: d.stage.Account, Region: d.stage.Region, API: d.stage.API, APIName: d.deployment.APIName,
			Stage: d.stage.Name, DeploymentID: d.deployment.ID, Verb: mp.verb, Path: r.Path,
			URL: "/" + d.stage.Name + r.Path, Canary: d.release == canaryRelease,
		}
		if m.Integration != nil {
			c.Integration = m.Integration.Type
		}
		c.Problem = mp.problem
		if mp.refusal != nil {
			c.Problem = mp.refusal.reason
		}
		if mp.call.FunctionARN != "" {
			c.Function, c.SourceARN, c.Credentials = mp.call.Resource(), mp.call.SourceARN, mp.call.Credentials
		}
		cells = append(cells, candidate{c, mp})
	})
	slices.SortFunc(cells, func(a, b candidate) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Verb, b.Verb))
	})
	return cells
}

// eachMethod calls f for every method of a release, in no order. It does not use
// the plan that requests use: that would keep every stage compiled from the
// start, and a verdict needs little of it.
func (d *deployed) eachMethod(f func(r *state.Resource, m *state.Method, mp *methodPlan)) {
	p := &stagePlan{
		account: d.stage.Account, region: d.stage.Region, api: d.stage.API, name: d.stage.Name,
		deployment: d.deployment.ID, release: d.release,
	}
	for _, r := range d.deployment.Resources {
		rp := &resourcePlan{id: r.ID, path: r.Path}
		for verb, m := range r.Methods {
			f(r, m, p.outline(rp, verb, m, d.variables))
		}
	}
}

// others are the cells of a canary that differ from those of its stage. Both
// are sorted alike.
func others(own, canary []candidate) []candidate {
	var out []candidate
	for _, c := range canary {
		at, found := slices.BinarySearchFunc(own, c, func(a, b candidate) int {
			return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Verb, b.Verb))
		})
		if found {
			o := &own[at].Cell
			if o.Function == c.Function && o.Credentials == c.Credentials && o.Integration == c.Integration && o.Problem == c.Problem {
				continue
			}
		}
		out = append(out, c)
	}
	return out
}

// judge fills in what a call of the method would meet.
func (g *Gateway) judge(c *candidate, now time.Time) {
	outcome, allowed := g.verdict(c.method, now)
	c.Allowed = allowed
	if outcome.Refused() {
		call := c.method.call
		call.Time = now
		c.Decision = g.door.Explain(&call)
	}
}

// verdict says what the door makes of a call of the method, Allowed where it is
// not asked, and whether the call would reach what answers it.
func (g *Gateway) verdict(mp *methodPlan, now time.Time) (outcome grants.Outcome, allowed bool) {
	if mp.call.FunctionARN == "" {
		return grants.Allowed, mp.kind == kindMock && mp.refusal == nil
	}
	call := &mp.call
	call.Time = now
	outcome = g.door.Decide(call)
	return outcome, !outcome.Refused() && mp.kind == kindLambda && mp.post && mp.refusal == nil
}
