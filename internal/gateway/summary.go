package gateway

import (
	"cmp"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// APISummary is one API that is deployed, for an overview of many.
type APISummary struct {
	Account, Region, API, Name string
	Stages                     []string // sorted
	// Methods is how many methods the stages have, each counted once, Cells how
	// many methods of stages there are, those of canaries included as far as
	// they differ: as many as MatrixOf has.
	Methods, Cells int
	// Refused is how many cells the door would refuse, Broken how many cannot
	// work for another reason.
	Refused, Broken int
	// First are the first of the refused cells, at most refusedShown.
	First []RefusedCell
}

// RefusedCell is a method of a stage that the door would refuse.
type RefusedCell struct {
	Stage      string
	Canary     bool
	Verb, Path string // as configured
	Function   string // ARN with its qualifier
	Outcome    grants.Outcome
}

// refusedShown bounds the refused cells that a summary names.
const refusedShown = 5

// summaryAge is how long a summary lasts without any change: a policy may ask for
// the time.
const summaryAge = time.Minute

// summaries remembers what Summary found out. The data plane knows nothing of it.
type summaries struct {
	mu   sync.Mutex
	apis map[string]*summary

	changed changes
}

// summary is an APISummary and what it was made from.
type summary struct {
	APISummary
	stages    []*deployed
	functions map[functionName]struct{} // that a verdict was asked about
	roles     bool                      // a role calls one of them
	made      time.Time
}

// functionName names a function.
type functionName struct{ account, region, name string }

// changes are what changed since the last Summary of what verdicts depend on,
// beside the picture.
type changes struct {
	mu        sync.Mutex
	functions map[functionName]struct{} // themselves, or their versions; nil: nobody asks yet
	roles     bool                      // or managed policies
	many      bool                      // more functions than are kept
}

// changesKept bounds the functions that changed while nobody asked.
const changesKept = 4096

// follow notes changes. The store tells its watchers in the order in which they
// began to watch, and the door began before: whoever is told of a change here
// finds a door that knows it.
func (c *changes) follow(s *store.Store) {
	store.OnChange(s, state.Functions, func(_ state.Key, old, rec *state.Function, _ uint64) {
		if rec == nil {
			rec = old
		}
		if rec != nil {
			c.function(functionName{rec.Account, rec.Region, rec.Name})
		}
	})
	store.OnChange(s, state.FunctionVersions, func(key state.Key, _, _ *state.FunctionVersion, _ uint64) {
		if parts := key.Tokens(); len(parts) == 6 { // lambda, version, account, region, name, number
			c.function(functionName{parts[2], parts[3], parts[4]})
		}
	})
	store.OnChange(s, state.Roles, func(state.Key, *state.Role, *state.Role, uint64) { c.role() })
	store.OnChange(s, state.ManagedPolicies, func(state.Key, *state.ManagedPolicy, *state.ManagedPolicy, uint64) { c.role() })
}

func (c *changes) function(name functionName) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.functions == nil || c.many:
	case len(c.functions) == changesKept:
		c.many = true
		clear(c.functions)
	default:
		c.functions[name] = struct{}{}
	}
}

func (c *changes) role() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.roles = true
}

// changeSet is what changed between two summaries.
type changeSet struct {
	functions   map[functionName]struct{}
	roles, many bool
}

// take returns the changes so far and begins anew.
func (c *changes) take() changeSet {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := changeSet{c.functions, c.roles, c.many}
	if c.functions == nil || len(c.functions) > 0 {
		c.functions = make(map[functionName]struct{})
	}
	c.roles, c.many = false, false
	return out
}

// concern reports whether a verdict of s may be another one now.
func (c *changeSet) concern(s *summary) bool {
	if c.many || c.roles && s.roles {
		return true
	}
	for name := range c.functions {
		if _, asked := s.functions[name]; asked {
			return true
		}
	}
	return false
}

// Summary tells of every deployed API of an account in a region, by API id, how
// many calls would be refused: the verdicts of Matrix without the explanations.
// What did not change since the last time is not asked again.
func (g *Gateway) Summary(account, region string) []APISummary {
	c := &g.summaries
	c.mu.Lock()
	defer c.mu.Unlock()
	now := g.now()
	apis := c.current(g, now)
	var unknown []string
	for api := range apis {
		if c.apis[api] == nil {
			unknown = append(unknown, api)
		}
	}
	for i, s := range g.summarizeAll(apis, unknown, now) {
		c.apis[unknown[i]] = s
	}
	var out []APISummary
	for _, s := range c.apis {
		if s.Account == account && s.Region == region {
			out = append(out, s.APISummary)
		}
	}
	slices.SortFunc(out, func(a, b APISummary) int { return strings.Compare(a.API, b.API) })
	return out
}

// summarizeAll judges many APIs, on all processors: the first page of an account
// waits for it.
func (g *Gateway) summarizeAll(apis map[string]map[string]*deployed, names []string, now time.Time) []*summary {
	out := make([]*summary, len(names))
	var next atomic.Int64
	work := func() {
		for i := int(next.Add(1)) - 1; i < len(names); i = int(next.Add(1)) - 1 {
			out[i] = g.summarize(apis[names[i]], now)
		}
	}
	var helpers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(names)) - 1 {
		helpers.Go(work)
	}
	work()
	helpers.Wait()
	return out
}

// current forgets what no longer holds, and returns what is deployed now. The
// changes are taken first: what changes later is found with the next call.
func (c *summaries) current(g *Gateway, now time.Time) map[string]map[string]*deployed {
	changed := c.changed.take()
	apis := g.picture.Load().apis
	maps.DeleteFunc(c.apis, func(api string, s *summary) bool {
		return now.Sub(s.made) >= summaryAge || !s.of(apis[api]) || changed.concern(s)
	})
	if c.apis == nil {
		c.apis = make(map[string]*summary, len(apis))
	}
	return apis
}

// of reports whether s was made from these stages.
func (s *summary) of(stages map[string]*deployed) bool {
	if len(s.stages) != len(stages) {
		return false
	}
	for _, d := range s.stages {
		if stages[d.stage.Name] != d {
			return false
		}
	}
	return true
}

// summarize judges an API.
func (g *Gateway) summarize(stages map[string]*deployed, now time.Time) *summary {
	s := &summary{made: now, functions: make(map[functionName]struct{})}
	methods := make(map[[2]string]struct{})
	for _, name := range slices.Sorted(maps.Keys(stages)) {
		d := stages[name]
		s.stages, s.Stages = append(s.stages, d), append(s.Stages, name)
		s.Account, s.Region, s.API, s.Name = d.stage.Account, d.stage.Region, d.stage.API, d.deployment.APIName
		if d.share > 0 {
			own := cellsOf(d)
			s.addAll(g, own, methods, now)
			s.addAll(g, others(own, cellsOf(d.canary)), methods, now)
			continue
		}
		first := len(s.First)
		d.eachMethod(func(r *state.Resource, _ *state.Method, mp *methodPlan) {
			methods[[2]string{mp.verb, r.Path}] = struct{}{}
			s.add(g, mp, now)
		})
		s.order(first)
	}
	s.Methods = len(methods)
	return s
}

func (s *summary) addAll(g *Gateway, cells []candidate, methods map[[2]string]struct{}, now time.Time) {
	first := len(s.First)
	for i := range cells {
		methods[[2]string{cells[i].Verb, cells[i].Path}] = struct{}{}
		s.add(g, cells[i].method, now)
	}
	s.order(first)
}

// add judges one method.
func (s *summary) add(g *Gateway, mp *methodPlan, now time.Time) {
	s.Cells++
	if t := &mp.target; t.name != "" {
		s.functions[functionName{t.account, t.region, t.name}] = struct{}{}
		s.roles = s.roles || mp.call.Credentials != ""
	}
	outcome, allowed := g.verdict(mp, now)
	switch {
	case outcome.Refused():
		s.Refused++
		s.First = append(s.First, RefusedCell{
			Stage: mp.stage.name, Canary: mp.stage.release == canaryRelease, Verb: mp.verb, Path: mp.resource.path,
			Function: mp.call.Resource(), Outcome: outcome,
		})
	case !allowed:
		s.Broken++
	}
}

// order sorts what was added from first on as Matrix has it, and keeps the first
// few of all.
func (s *summary) order(first int) {
	slices.SortFunc(s.First[first:], func(a, b RefusedCell) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Verb, b.Verb))
	})
	if len(s.First) > refusedShown {
		s.First = slices.Clip(s.First[:refusedShown])
	}
}
