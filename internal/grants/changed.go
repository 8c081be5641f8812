package grants

import (
	"slices"
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
	user     *state.User
	group    *state.Group
}

// past remembers what functions, roles, users, groups, managed policies and
// stages were before they changed. It is filled when records change and read when
// a refusal is explained: deciding a call neither reads nor writes it.
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
	store.OnChange(s, state.Users, func(key state.Key, old, next *state.User, _ uint64) {
		if old != nil && (next == nil || !sameIdentity(&old.Identity, &next.Identity) || !slices.Equal(old.Groups, next.Groups)) {
			p.add(moment{key: key, until: now().UTC(), user: old})
		}
	})
	store.OnChange(s, state.Groups, func(key state.Key, old, next *state.Group, _ uint64) {
		if old != nil && (next == nil || !sameIdentity(&old.Identity, &next.Identity)) {
			p.add(moment{key: key, until: now().UTC(), group: old})
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

// rewind is the records as they were: it undoes one change after the other.
type rewind struct {
	now         *Grants
	then        *Grants  // decides by the records as they were
	thenCallers *Callers // likewise; nil where nobody gathers callers

	functions overlay[*function]
	roles     overlay[*role]
	managed   overlay[*policy]
	users     overlay[*entity]
	groups    overlay[*entity]
	stages    map[state.Key]*state.Stage // those that were undone
}

// question is a refused call, asked again of the records as they were.
type question interface {
	// concerns reports whether the change that was just undone may matter.
	concerns(m *moment) bool
	allowed() bool
	// differences says what is different now; since are the moments that were
	// undone, oldest first.
	differences(since []moment) []Change
}

func (g *Grants) newRewind() *rewind {
	r := &rewind{
		now:       g,
		functions: newOverlay(g.functions), roles: newOverlay(g.roles), managed: newOverlay(g.managed),
		stages: map[state.Key]*state.Stage{},
	}
	r.then = &Grants{
		store: g.store, options: g.options, log: g.log,
		functions: r.functions, roles: r.roles, managed: r.managed, published: g.published,
	}
	if c := g.callers.Load(); c != nil {
		r.users, r.groups = newOverlay(c.users), newOverlay(c.groups)
		r.thenCallers = &Callers{g: r.then, users: r.users, groups: r.groups, sessions: c.sessions}
	}
	return r
}

// ask finds the newest earlier state of the records in which the refused call
// would have been allowed, and says what is different now; nil where there is
// none within memory, which begins when the process starts. It asks the states,
// not the calls that were made: noting those would cost the data plane, and would
// miss what nobody happened to call.
func (r *rewind) ask(q question) []Change {
	moments := r.now.past.all()
	if len(moments) == 0 || q.allowed() { // by now: what decides it was changed back
		return nil
	}
	for i := len(moments) - 1; i >= 0; i-- {
		r.undo(&moments[i])
		if q.concerns(&moments[i]) && q.allowed() {
			return q.differences(moments[i:])
		}
	}
	return nil
}

// undo takes one change back.
func (r *rewind) undo(m *moment) {
	switch {
	case m.function != nil:
		r.functions.changed[m.key] = compileFunction(m.key, m.function, 0)
	case m.role != nil:
		r.roles.changed[m.key] = compileRole(m.key, m.role, 0)
	case m.managed != nil:
		r.managed.changed[m.key] = compileManaged(m.key, m.managed, 0)
	case m.stage != nil:
		r.stages[m.key] = m.stage
	case r.thenCallers == nil:
	case m.user != nil:
		r.users.changed[m.key] = compileUser(m.key, m.user, 0)
	case m.group != nil:
		r.groups.changed[m.key] = compileGroup(m.key, m.group, 0)
	}
}

// overlay is pictures some of which are as they were.
type overlay[C any] struct {
	pictures[C]
	changed map[state.Key]C
}

func newOverlay[C any](now pictures[C]) overlay[C] {
	return overlay[C]{pictures: now, changed: map[state.Key]C{}}
}

// Get finds a picture as it was.
func (o overlay[C]) Get(key state.Key) (C, bool) {
	if c, ok := o.changed[key]; ok {
		return c, true
	}
	return o.pictures.Get(key)
}
