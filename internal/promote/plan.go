package promote

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	rest "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/stagedoor/stagedoor/internal/doctor"
	"github.com/stagedoor/stagedoor/internal/target"
)

// work is what a plan needs to run.
type work struct {
	place    *target.Promoter
	calls    *atomic.Int64
	caller   Caller
	stageARN string            // of the stage that changes
	seen     rest.Stage        // as it was planned on
	tags     map[string]string // of that stage
	// functions are what is known of the functions, by ARN[:qualifier].
	functions map[string]*lambda.GetFunctionOutput
	mu        sync.Mutex                   // guards tagsOf
	tagsOf    map[string]map[string]string // of functions, by ARN, while planning
	all       []string                     // functions of the region, once they were listed
}

// NewPlan works out what a promotion would do. It changes nothing. A promotion
// that was interrupted on the stage is gone on with: the plan is then what is
// left of it.
func NewPlan(ctx context.Context, place *target.Promoter, r Request) (*Plan, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	b := &builder{ctx: ctx, request: r, scope: &scope{place: place, api: r.API, calls: new(atomic.Int64), stages: []string{r.From, r.To}}}
	b.scope.lead = func(d *target.Dump) target.Wanted {
		if stageOf(d, r.From) == nil || stageOf(d, r.To) == nil {
			return target.Wanted{}
		}
		return leadTo(onlyStages(afterStage(d, r.From, r.To, b.variablesAfter(d)), r.To))
	}
	d, err := b.scope.read(ctx)
	if err != nil {
		return nil, err
	}
	p, err := b.begin(d)
	if err != nil {
		return nil, err
	}
	if p.Resumes != nil && p.Resumes.State != Preparing {
		err = p.resume(ctx, r)
	} else {
		err = b.build(p)
	}
	p.Calls = int(b.scope.calls.Load())
	return p, err
}

// check refuses what makes no sense before anybody is asked.
func (r *Request) check() error {
	switch {
	case r.API == "" || r.From == "" || r.To == "":
		return &usageError{"a promotion needs an API, the stage to take from and the stage to bring to"}
	case r.From == r.To:
		return &usageError{fmt.Sprintf("stage %s cannot be promoted to itself", r.From)}
	case r.Canary != 0 && !isShare(r.Canary):
		return &usageError{fmt.Sprintf("--canary %g is no share of the calls: it is more than 0 and less than 100 percent", r.Canary)}
	case r.Bake < 0 || r.Bake > longestBake:
		return &usageError{fmt.Sprintf("--bake %s is no duration such as 5m, of %s at most", r.Bake, longestBake)}
	case r.Canary > 0 && r.Bake == 0:
		return &usageError{"--canary needs --bake: how long the canary takes its share before all calls move, for example 5m"}
	case len(r.AbortOn) > 0 && r.Bake == 0:
		return &usageError{"--abort-on needs --bake: how long to watch, for example 5m"}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Set)) {
		if why := doctor.VariableProblem(name, r.Set[name]); why != "" {
			return &usageError{fmt.Sprintf("--set %s=%s: %s", name, r.Set[name], why)}
		}
	}
	return nil
}

// longestBake bounds how long a promotion watches: it holds the stage's lock.
const longestBake = 24 * time.Hour

// isShare reports whether percent is a share that leaves something to both
// sides; not a number is none.
func isShare(percent float64) bool { return percent > 0 && percent < 100 }

// builder makes the plan of a new promotion.
type builder struct {
	ctx     context.Context
	request Request
	scope   *scope
	dump    *target.Dump
}

// variablesAfter are the target's variables once --set is applied.
func (b *builder) variablesAfter(d *target.Dump) map[string]string {
	variables := maps.Clone(stageOf(d, b.request.To).Variables)
	if variables == nil {
		variables = map[string]string{}
	}
	maps.Copy(variables, b.request.Set)
	return variables
}

// begin finds API and stages, and what the stage's tags say.
func (b *builder) begin(d *target.Dump) (*Plan, error) {
	b.dump = d
	r := b.request
	api := d.RestAPIs[0]
	if why := api.Unread["stages"]; why != "" {
		return nil, fmt.Errorf("the stages of API %s could not be read (%s); the caller needs the policy in \"stagedoor promote --help\"", aws.ToString(api.API.Id), why)
	}
	for _, name := range []string{r.From, r.To} {
		if stageOf(d, name) == nil {
			return nil, &usageError{fmt.Sprintf("API %s has no stage %q; it has %s", aws.ToString(api.API.Name), name, stageNames(api))}
		}
	}
	p := &Plan{
		Kind: "promotion", ID: newID(time.Now()), Request: r, Account: d.Account, Region: d.Region,
		API: aws.ToString(api.API.Id), APIName: aws.ToString(api.API.Name), Functions: []FunctionMove{},
	}
	p.adopt(b.scope, *stageOf(d, r.To))
	if ids := promotionsIn(p.work.tags); len(ids) > 0 {
		p.ID = idAfter(ids[0], time.Now())
	}
	if err := p.refuseLocked(r.TakeOver); err != nil {
		return nil, err
	}
	for _, record := range recordsOf(r.To, p.work.tags) {
		if record.Interrupted() {
			p.Resumes, p.ID = &record, record.ID
		}
	}
	return p, nil
}

// adopt fills in what running needs.
func (p *Plan) adopt(s *scope, seen rest.Stage) {
	p.Stage.Name = aws.ToString(seen.StageName)
	p.work = &work{
		place: s.place, calls: s.calls, caller: p.Request.Caller, seen: seen, tags: seen.Tags, functions: s.functions,
		stageARN: stageARN(p.Region, p.API, p.Stage.Name),
	}
}

func stageARN(region, api, stage string) string {
	return "arn:" + partition(region) + ":apigateway:" + region + "::/restapis/" + api + "/stages/" + stage
}

func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

func stageNames(api *target.RestAPI) string {
	names := make([]string, len(api.Stages))
	for i := range api.Stages {
		names[i] = aws.ToString(api.Stages[i].StageName)
	}
	slices.Sort(names)
	if len(names) == 0 {
		return "none: deploy it first"
	}
	return strings.Join(names, ", ")
}

// build fills the plan of a promotion that begins.
func (b *builder) build(p *Plan) error {
	if err := b.planStage(p); err != nil {
		return err
	}
	after := afterStage(b.dump, p.Request.From, p.Request.To, b.variablesAfter(b.dump))
	if err := b.planFunctions(p, after); err != nil {
		return err
	}
	b.planCanary(p)
	b.checkVariables(p)
	b.checkAfter(p, afterAliases(after, p.Functions))
	b.checkRoom(p)
	if err := b.checkMetrics(p); err != nil {
		return err
	}
	p.Nothing = len(p.Functions) == 0 && len(p.Grants) == 0 && !p.Stage.changes() && len(p.Problems) == 0
	p.Commands = p.commands()
	return nil
}

func (s *StageMove) changes() bool { return s.OldDeployment != s.NewDeployment || len(s.Set) > 0 }

// planStage says what happens to the stage itself.
func (b *builder) planStage(p *Plan) error {
	from, to := stageOf(b.dump, p.Request.From), stageOf(b.dump, p.Request.To)
	p.Stage.OldDeployment, p.Stage.NewDeployment = aws.ToString(to.DeploymentId), aws.ToString(from.DeploymentId)
	if p.Stage.NewDeployment == "" {
		return &usageError{fmt.Sprintf("stage %s has no deployment: deploy the API to it first", p.Request.From)}
	}
	if to.CanarySettings != nil {
		p.problem(Problem{
			Title: "a canary is under way", Sentence: fmt.Sprintf("Stage %s has a canary of %g %% that this promotion did not make.", p.Stage.Name, to.CanarySettings.PercentTraffic),
			Remedy: "Promote that canary, or take it away:",
			Fix:    []string{shell("aws", "apigateway", "update-stage", "--region", p.Region, "--rest-api-id", p.API, "--stage-name", p.Stage.Name, "--patch-operations", "op=remove,path=/canarySettings")},
		})
	}
	if from.CanarySettings != nil {
		p.warn("Stage %s has a canary of %g %%. Its main deployment %s is promoted, not the canary's.", p.Request.From, from.CanarySettings.PercentTraffic, p.Stage.NewDeployment)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Request.Set)) {
		value := p.Request.Set[name]
		old, had := to.Variables[name]
		if had && old == value {
			continue
		}
		v := Variable{Name: name, New: &value}
		if had {
			v.Old = &old
		}
		p.Stage.Set = append(p.Stage.Set, v)
	}
	p.Stage.Kept = maps.Clone(to.Variables)
	for _, v := range p.Stage.Set {
		delete(p.Stage.Kept, v.Name)
	}
	return nil
}

// planCanary says what the canary can split and what changes at once.
func (b *builder) planCanary(p *Plan) {
	if p.Request.Canary == 0 {
		return
	}
	split := false
	var atOnce []string
	if p.Stage.changes() {
		p.Stage.Canary, split = p.Request.Canary, true
	}
	for i := range p.Functions {
		f := &p.Functions[i]
		for j := range f.Aliases {
			a := &f.Aliases[j]
			if a.Old == latest {
				a.AtOnce = true
				p.warn("Alias %s of %s points to $LATEST, which cannot share its calls with a version (Lambda developer guide, configuring-alias-routing): it moves at once for everybody.", a.Name, short(f.Function))
			}
			split = split || !a.AtOnce
		}
		if f.Code != nil && len(f.Aliases) == 0 {
			atOnce = append(atOnce, short(f.Function))
		}
	}
	if n := len(atOnce); n > 0 {
		names := strings.Join(atOnce[:min(n, 3)], ", ")
		if n > 3 {
			names += fmt.Sprintf(" and %d more", n-3)
		}
		p.warn("The code of %s changes for every caller at once, not for %g %% of them: calls of a function without an alias cannot be split. An abort restores it. With an alias for each stage (%s:${stageVariables.alias}) they can.", names, p.Request.Canary, atOnce[0])
	}
	if !split && (len(p.Functions) > 0 || p.Stage.changes()) {
		p.warn("Nothing here can be split, so all calls get the new code at once; what --bake watches are all calls.")
	}
}

// checkVariables stops a snapshot that names variables which the target lacks.
func (b *builder) checkVariables(p *Plan) {
	after, source := b.variablesAfter(b.dump), stageOf(b.dump, p.Request.From).Variables
	for _, name := range variablesNamed(b.dump, p.Request.From) {
		if _, ok := after[name]; ok {
			continue
		}
		value, defined := source[name]
		if !defined {
			continue // so it is on the source; where it matters doctor says so
		}
		p.problem(Problem{
			Code: undefinedVariable, Title: "a stage variable is not defined",
			Sentence: fmt.Sprintf("Deployment %s names the stage variable %s, which stage %s does not have; on %s it is %q.", p.Stage.NewDeployment, name, p.Stage.Name, p.Request.From, value),
			Remedy:   fmt.Sprintf("Say what it is on %s: --set %s=VALUE", p.Stage.Name, name),
		})
	}
}

// undefinedVariable is doctor's code for a stage variable that is not defined.
const undefinedVariable = "SD039"

func (p *Plan) problem(x Problem) { p.Problems = append(p.Problems, x) }

func (p *Plan) warn(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(p.Warnings, text) {
		p.Warnings = append(p.Warnings, text)
	}
}

// checkRoom makes sure that the journal fits beside the stage's other tags,
// once old records are dropped.
func (b *builder) checkRoom(p *Plan) {
	others := 0
	for key := range p.work.tags {
		if !strings.HasPrefix(key, tagPrefix) {
			others++
		}
	}
	record := p.record()
	record.By, record.At = strings.Repeat("x", 200), p.Request.Caller.Name
	record.first = strings.Repeat("x", 140)
	if need := len(record.tags()) + lockTags; others+need > maxTags {
		p.problem(Problem{
			Title:    "the stage has too many tags",
			Sentence: fmt.Sprintf("Stage %s has %d tags of its own; AWS allows %d, and this promotion needs %d to remember how to undo itself.", p.Stage.Name, others, maxTags, need),
			Remedy:   "Remove tags that nobody needs (aws apigateway untag-resource).",
		})
	}
}

// lockTags leaves room for the locks of two contenders.
const lockTags = 2

// record is the journal of the plan as it begins.
func (p *Plan) record() *Record {
	r := &Record{
		ID: p.ID, State: Preparing, From: p.Request.From, Stage: p.Stage.Name, OldDeployment: p.Stage.OldDeployment, NewDeployment: p.Stage.NewDeployment,
		Set: p.Stage.Set, Canary: p.Request.Canary, Bake: p.Request.Bake, AbortOn: p.Request.AbortOn, Count: len(p.Functions),
	}
	if len(p.Functions) > 0 {
		r.first = p.Functions[0].Function
	}
	return r
}

func sortMoves(moves []FunctionMove) {
	slices.SortFunc(moves, func(a, b FunctionMove) int { return cmp.Compare(a.Function, b.Function) })
}
