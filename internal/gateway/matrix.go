package gateway

import (
	"slices"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/grants"
)

// Cell is one method of one deployed stage, and whether a call would pass.
type Cell struct {
	Account, Region, API, APIName string
	Stage, DeploymentID           string
	Verb, Path                    string // as configured
	URL                           string // path of the virtual host: "/dev/users/{id}"
	Integration                   string // "AWS_PROXY", "MOCK", …

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
// stage, path and verb.
func (g *Gateway) Matrix() []Cell {
	var cells []Cell
	now := g.now()
	for d := range g.picture.Load().all() {
		from := len(cells)
		// Not d.plan(): that would keep every stage compiled from the start.
		p := newStagePlan(d.stage.Account, d.stage.Region, d.stage.API, d.stage.Name, &d.deployment.APISnapshot, d.stage.Variables)
		p.deployment = d.deployment.ID
		for _, r := range d.deployment.Resources {
			for verb, m := range r.Methods {
				mp := p.compileMethod(&resourcePlan{id: r.ID, path: r.Path}, verb, m, d.stage.Variables)
				c := Cell{
					Account: d.stage.Account, Region: d.stage.Region, API: d.stage.API, APIName: d.deployment.APIName,
					Stage: d.stage.Name, DeploymentID: d.deployment.ID, Verb: verb, Path: r.Path,
					URL: "/" + d.stage.Name + r.Path,
				}
				if m.Integration != nil {
					c.Integration = m.Integration.Type
				}
				g.judge(&c, mp, now)
				cells = append(cells, c)
			}
		}
		slices.SortFunc(cells[from:], func(a, b Cell) int {
			if n := strings.Compare(a.Path, b.Path); n != 0 {
				return n
			}
			return strings.Compare(a.Verb, b.Verb)
		})
	}
	return cells
}

// judge fills in what a call of the method would meet.
func (g *Gateway) judge(c *Cell, mp *methodPlan, now time.Time) {
	c.Problem = mp.problem
	if mp.refusal != nil {
		c.Problem = mp.refusal.reason
	}
	if mp.call.FunctionARN == "" {
		c.Allowed = mp.kind == kindMock && mp.refusal == nil
		return
	}
	c.Function, c.SourceARN, c.Credentials = mp.call.Resource(), mp.call.SourceARN, mp.call.Credentials
	call := mp.call
	call.Time = now
	outcome := g.door.Decide(&call)
	if outcome.Refused() {
		c.Decision = g.door.Explain(&call)
	}
	c.Allowed = !outcome.Refused() && mp.kind == kindLambda && mp.post && mp.refusal == nil
}
