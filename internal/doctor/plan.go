package doctor

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/state"
)

// Plan is the smallest set of commands that mends every error and warning:
// nothing twice, nothing that another command covers, grants no wider than
// needed. wide asks for one grant for all methods of an API in place of one for
// each. Where a policy would outgrow Lambda's limit, that is done there anyway,
// and what the wide grant covers is removed first.
func (r *Report) Plan(wide bool) []string {
	p := r.plan(wide)
	out := make([]string, len(p.commands))
	for i, c := range p.commands {
		out[i] = c.String()
	}
	return out
}

type plan struct {
	report   *Report
	commands []*command
	seen     map[string]bool
}

func (r *Report) plan(wide bool) *plan {
	p := &plan{report: r}
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Level == Info {
			continue
		}
		for _, line := range f.Fix {
			if c, err := parseCommand(line); err == nil {
				p.add(c)
			}
		}
	}
	changes := p.byOwner()
	for _, function := range p.functions() {
		budget := r.Policies[function]
		if wide || sizeAfter(function, budget, changes[function]) > grants.PolicyLimit {
			p.widen(function, budget)
		}
	}
	p.dropCovered()
	p.distinctIDs()
	p.deploymentsLast()
	return p
}

// policyOwner is the function, with its qualifier, whose policy a command
// changes; "" for other commands.
func (c *command) policyOwner(account string) string {
	if !c.is("lambda", "add-permission") && !c.is("lambda", "remove-permission") {
		return ""
	}
	arn := c.get("function-name")
	if !strings.HasPrefix(arn, "arn:") {
		arn = "arn:" + state.Partition(c.get("region")) + ":lambda:" + c.get("region") + ":" + account + ":function:" + arn
	}
	if q := c.get("qualifier"); q != "" {
		arn += ":" + q
	}
	return arn
}

// add takes a command unless the same is there: a grant is the same whatever
// its statement id.
func (p *plan) add(c *command) {
	key := c.String()
	if isGatewayGrant(c) {
		key = strings.Join([]string{p.owner(c), c.get("source-arn"), c.get("source-account")}, " ")
	}
	if p.seen[key] {
		return
	}
	if p.seen == nil {
		p.seen = map[string]bool{}
	}
	p.seen[key] = true
	p.commands = append(p.commands, c)
}

func (p *plan) owner(c *command) string {
	if c.owner == "" {
		c.owner = c.policyOwner(p.report.Account)
	}
	return c.owner
}

// functions are those whose policies the plan adds to, in order.
func (p *plan) functions() []string {
	var all []string
	seen := map[string]bool{}
	for _, c := range p.commands {
		if owner := p.owner(c); isGatewayGrant(c) && !seen[owner] {
			seen[owner] = true
			all = append(all, owner)
		}
	}
	return all
}

// byOwner are the commands that change each policy.
func (p *plan) byOwner() map[string][]*command {
	out := map[string][]*command{}
	for _, c := range p.commands {
		if owner := p.owner(c); owner != "" {
			out[owner] = append(out[owner], c)
		}
	}
	return out
}

// sizeAfter is the size of a policy once the commands that change it have run.
func sizeAfter(function string, budget *Budget, changes []*command) int {
	size := 0
	if budget != nil {
		size = budget.Now
	}
	if size == 0 {
		size = len(`{"Version":"2012-10-17","Id":"default","Statement":[]}`)
	}
	for _, c := range changes {
		switch {
		case c.is("lambda", "add-permission"):
			size += grantSize(function, c)
		case budget != nil:
			for i := range budget.statements {
				if s := &budget.statements[i]; s.sid == c.get("statement-id") {
					size -= s.size + 1
				}
			}
		}
	}
	return size
}

// grantSize is what Lambda writes for a grant to API Gateway (AWS recording
// test_lambda_api), with the comma before it.
func grantSize(function string, c *command) int {
	const frame = len(`,{"Sid":"","Effect":"Allow","Principal":{"Service":""},"Action":"","Resource":"","Condition":{"ArnLike":{"AWS:SourceArn":""}}}`)
	return frame + len(c.get("statement-id")) + len(c.get("principal")) + len(c.get("action")) + len(function) + len(c.get("source-arn"))
}

// widen replaces the grants of each API on a function by one for all methods of
// the API, and removes the statements that it covers.
func (p *plan) widen(function string, budget *Budget) {
	kept := make([]*command, 0, len(p.commands))
	done := map[string]bool{}
	for _, c := range p.commands {
		id := apiIn(c.get("source-arn"))
		if p.owner(c) != function || !isGatewayGrant(c) || id == "" || strings.Contains(c.get("source-arn"), "/authorizers/") {
			kept = append(kept, c)
			continue
		}
		if done[id] {
			continue
		}
		done[id] = true
		parts := strings.SplitN(c.get("source-arn"), ":", 6)
		source := strings.Join(parts[:5], ":") + ":" + id + "/*"
		if budget != nil {
			kept = append(kept, p.replaced(c, source, budget)...)
		}
		c.set("source-arn", source)
		c.set("statement-id", statementName("apigateway", id, "all"))
		kept = append(kept, c)
	}
	p.commands = kept
}

// replaced are the commands that remove what a grant for source covers.
func (p *plan) replaced(c *command, source string, budget *Budget) []*command {
	var out []*command
	wide := statement{effect: "Allow", principals: []string{"Service:" + grants.GatewayPrincipal}, actions: []string{grants.InvokeAction}, sources: []string{source}}
	for i := range budget.statements {
		if s := &budget.statements[i]; s.sid != "" && wide.covers(s) {
			out = append(out, newCommand("lambda", "remove-permission", "region", c.get("region"), "function-name", c.get("function-name"),
				"qualifier", c.get("qualifier"), "statement-id", s.sid))
		}
	}
	return out
}

// dropCovered leaves out grants that another grant of the plan covers, and
// commands that became the same.
func (p *plan) dropCovered() {
	wide := map[string][]string{} // policy and API → SourceArns with a wildcard
	of := func(c *command) string { return p.owner(c) + " " + apiIn(c.get("source-arn")) }
	for _, c := range p.commands {
		if source := c.get("source-arn"); isGatewayGrant(c) && strings.Contains(source, "*") {
			wide[of(c)] = append(wide[of(c)], source)
		}
	}
	all := p.commands
	p.commands = nil
	again := map[string]bool{}
	for _, c := range all {
		source, line := c.get("source-arn"), c.String()
		covered := isGatewayGrant(c) && slices.ContainsFunc(wide[of(c)], func(other string) bool {
			return other != source && arnCovers(other, source)
		})
		if !covered && !again[line] {
			again[line] = true
			p.commands = append(p.commands, c)
		}
	}
}

// distinctIDs makes the statement ids of one policy differ from each other and
// from those that are there and stay.
func (p *plan) distinctIDs() {
	taken := map[string]bool{}
	for function, budget := range p.report.Policies {
		for i := range budget.statements {
			taken[function+" "+budget.statements[i].sid] = true
		}
	}
	for _, c := range p.commands {
		key := func() string { return p.owner(c) + " " + c.get("statement-id") }
		switch {
		case c.is("lambda", "remove-permission"):
			delete(taken, key())
		case c.is("lambda", "add-permission"):
			base := c.get("statement-id")
			for n := 2; taken[key()]; n++ {
				c.set("statement-id", fmt.Sprintf("%s-%d", base, n))
			}
			taken[key()] = true
		}
	}
}

// deploymentsLast puts each deployment behind everything that it deploys, once.
func (p *plan) deploymentsLast() {
	var rest, deployments []*command
	for _, c := range p.commands {
		if c.is("apigateway", "create-deployment") || c.is("apigatewayv2", "create-deployment") {
			deployments = append(deployments, c)
		} else {
			rest = append(rest, c)
		}
	}
	p.commands = append(rest, deployments...)
}

// budgets measures the policies that were read.
func (e *exam) budgets() map[string]*Budget {
	out := map[string]*Budget{}
	e.eachPolicy(func(arn, qualifier string, size int, all []statement) {
		if qualifier != "" {
			arn += ":" + qualifier
		}
		out[arn] = &Budget{Now: size, statements: all}
	})
	return out
}

// nearLimit is where a policy is worth a warning: one more method or two.
const nearLimit = grants.PolicyLimit * 9 / 10

// sizes reports policies that are nearly full, and those that exact grants for
// all methods would overfill.
func (r *Report) sizes() []Finding {
	exact := &plan{report: r}
	for i := range r.Findings {
		for _, line := range r.Findings[i].Fix {
			if c, err := parseCommand(line); err == nil && isGatewayGrant(c) && r.Findings[i].Level != Info {
				exact.add(c)
			}
		}
	}
	needed := map[string]int{}
	changes := exact.byOwner()
	for _, function := range exact.functions() {
		needed[function] = sizeAfter(function, r.Policies[function], changes[function])
	}
	final := r.plan(false)
	changes = final.byOwner()
	for function, budget := range r.Policies {
		budget.After = sizeAfter(function, budget, changes[function])
	}
	var out []Finding
	for _, function := range slices.Sorted(maps.Keys(needed)) {
		if needed[function] > grants.PolicyLimit {
			out = append(out, fullPolicy(function, needed[function], sizeAfter(function, r.Policies[function], changes[function]), changes[function]))
		}
	}
	for _, function := range slices.Sorted(maps.Keys(r.Policies)) {
		if b := r.Policies[function]; b.Now > nearLimit && needed[function] <= grants.PolicyLimit {
			f := policyFinding(policyTooLarge, function, "")
			f.Sentence = fmt.Sprintf("The policy of %s has %d of %d bytes: another grant or two, and AddPermission refuses with PolicyLengthExceededException.", short(function), b.Now, grants.PolicyLimit)
			out = append(out, f)
		}
	}
	return out
}

func fullPolicy(function string, needed, after int, changes []*command) Finding {
	f := policyFinding(policyTooLarge, function, "")
	f.Sentence = fmt.Sprintf("A grant for each method would make the policy of %s %d bytes long, and Lambda's limit is %d: one grant for all methods of an API replaces them.", short(function), needed, grants.PolicyLimit)
	if after > grants.PolicyLimit {
		f.Level = Error
		f.Notes = []string{fmt.Sprintf("Even so it would have %d bytes, and the last of these grants would be refused: too many APIs call this one function. Give their integrations a role (credentials), which needs no grant, or share the calls out among aliases, each of which has a policy of its own.", after)}
	}
	for _, c := range changes {
		f.Fix = append(f.Fix, c.String())
	}
	return f
}
