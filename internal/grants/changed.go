package grants

import (
	"strings"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// Change is one thing that changed between the last moment at which a refused
// call would have been allowed and the refusal.
type Change struct {
	// What says in words what changed: "policy of my-function-dev",
	// "deployment of stage dev", "alias prod of my-function".
	What string `json:"what"`
	From string `json:"from"` // revision, id or value; "" where there was none
	To   string `json:"to"`   // likewise; "" where there is none now
	// Detail says more where the values alone say little: "statement api removed".
	Detail string    `json:"detail,omitempty"`
	Time   time.Time `json:"time"` // of the latest change to it
}

// momentsKept bounds what is remembered about earlier states of all records
// together. One moment holds one record as it was: a kilobyte or two.
const momentsKept = 512

// moment is a record as it was until it changed. Exactly one of the pointers is
// set.
type moment struct {
	key      state.Key
	until    time.Time
	function *state.Function
	role     *state.Role
	managed  *state.ManagedPolicy
	stage    *state.Stage
}

// past remembers what functions, roles, managed policies and stages were before
// they changed. It is filled when records change and read when a refusal is explained: deciding
// a call neither reads nor writes it.
type past struct {
	mu      sync.Mutex
	moments []moment // oldest first
}

// follow begins to remember.
func (p *past) follow(s *store.Store, now func() time.Time) {
	store.OnChange(s, state.Functions, func(key state.Key, old, next *state.Function, _ uint64) {
		if old != nil && !sameGrants(old, next) {
			p.add(moment{key: key, until: now().UTC(), function: old})
		}
	})
	store.OnChange(s, state.Roles, func(key state.Key, old, next *state.Role, _ uint64) {
		if old != nil && !sameRole(old, next) {
			p.add(moment{key: key, until: now().UTC(), role: old})
		}
	})
	store.OnChange(s, state.ManagedPolicies, func(key state.Key, old, next *state.ManagedPolicy, _ uint64) {
		if old != nil && !sameManaged(old, next) {
			p.add(moment{key: key, until: now().UTC(), managed: old})
		}
	})
	store.OnChange(s, state.Stages, func(key state.Key, old, next *state.Stage, _ uint64) {
		if old != nil && !sameTarget(old, next) {
			p.add(moment{key: key, until: now().UTC(), stage: old})
		}
	})
}

func (p *past) add(m moment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.moments) == momentsKept {
		// A copy, because a rewind may be reading the old one.
		p.moments = append(make([]moment, 0, momentsKept), p.moments[1:]...)
	}
	p.moments = append(p.moments, m)
}

// all returns the moments, oldest first; they are never changed in place.
func (p *past) all() []moment {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.moments[:len(p.moments):len(p.moments)]
}

// changed finds the newest earlier state of the records in which the refused
// call c would have been allowed, and says what is different now; nil where
// there is none within memory, which begins when the process starts. It asks
// the states, not the calls that were made: noting those would cost the data
// plane, and would miss what nobody happened to call.
func (g *Grants) changed(c *Call) []Change {
	if g.past == nil {
		return nil
	}
	moments := g.past.all()
	if len(moments) == 0 || g.decide(c) == Allowed {
		return nil
	}
	r := newRewind(g, c)
	for i := len(moments) - 1; i >= 0; i-- {
		if r.back(&moments[i]) && r.allowed() {
			return r.differences(moments[i:])
		}
	}
	return nil
}

// rewind undoes one change after the other.
type rewind struct {
	now  *Grants
	then *Grants // decides by the records as they were
	call *Call   // as it was refused

	functions overlay[*function]
	roles     overlay[*role]
	managed   overlay[*policy]
	stageKey  state.Key
	stageNow  *state.Stage
	stage     *state.Stage // as it was
	was       *Call        // call under the stage as it was; nil: not known
}

func newRewind(g *Grants, c *Call) *rewind {
	r := &rewind{
		now: g, call: c, was: c,
		functions: overlay[*function]{pictures: g.functions, changed: map[state.Key]*function{}},
		roles:     overlay[*role]{pictures: g.roles, changed: map[state.Key]*role{}},
		managed:   overlay[*policy]{pictures: g.managed, changed: map[state.Key]*policy{}},
		stageKey:  state.StageKey(c.Account, c.Region, c.APIID, c.Stage),
	}
	// A call through a canary has another deployment than the stage; what the
	// stage was says nothing about it.
	if s, _, err := store.Get[state.Stage](g.store, r.stageKey); err == nil && s.DeploymentID == c.DeploymentID {
		r.stage, r.stageNow = s, s
	}
	r.then = &Grants{
		store: g.store, options: g.options, log: g.log,
		functions: r.functions, roles: r.roles, managed: r.managed, published: g.published,
	}
	return r
}

// back undoes one change and reports whether it may matter to the call.
func (r *rewind) back(m *moment) bool {
	switch {
	case m.function != nil:
		r.functions.changed[m.key] = compileFunction(m.key, m.function, 0)
		return r.was != nil && m.key == keyOfFunction(r.was.FunctionARN)
	case m.role != nil:
		r.roles.changed[m.key] = compileRole(m.key, m.role, 0)
		return r.was != nil && r.was.Credentials != ""
	case m.managed != nil:
		r.managed.changed[m.key] = compileManaged(m.key, m.managed, 0)
		return r.was != nil && r.was.Credentials != ""
	case m.key == r.stageKey && r.stageNow != nil:
		r.stage = m.stage
		r.was = callUnder(r.now.store, r.call, m.stage)
		return r.was != nil
	}
	return false
}

func (r *rewind) allowed() bool { return r.was != nil && r.then.decide(r.was) == Allowed }

// overlay is pictures some of which are as they were.
type overlay[C any] struct {
	pictures[C]
	changed map[state.Key]C
}

// Get finds a picture as it was.
func (o overlay[C]) Get(key state.Key) (C, bool) {
	if c, ok := o.changed[key]; ok {
		return c, true
	}
	return o.pictures.Get(key)
}

// callUnder is what c would have called with the stage as it was; nil when that
// cannot be told any more, because the deployment or the method is gone.
func callUnder(s *store.Store, c *Call, stage *state.Stage) *Call {
	d, _, err := store.Get[state.Deployment](s, state.DeploymentKey(c.Account, c.Region, c.APIID, stage.DeploymentID))
	if err != nil {
		return nil
	}
	for _, resource := range d.Resources {
		if resource.Path != c.ResourcePath {
			continue
		}
		m := resource.Methods[c.Method]
		if m == nil || m.Integration == nil {
			return nil
		}
		return callOf(c, m.Integration, stage)
	}
	return nil
}

func callOf(c *Call, in *state.Integration, stage *state.Stage) *Call {
	was := *c
	was.DeploymentID, was.Credentials = stage.DeploymentID, ""
	if in.Credentials != nil {
		was.Credentials = withVariables(*in.Credentials, stage.Variables)
	}
	if was.Credentials == CallerCredentials {
		return nil // it depends on who called
	}
	_, name, _ := strings.Cut(withVariables(in.URI, stage.Variables), "/functions/")
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
