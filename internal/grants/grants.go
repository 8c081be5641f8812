package grants

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/stagedoor/stagedoor/iampolicy"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// Options are what New needs beside the store. The zero value enforces.
type Options struct {
	Mode   Mode         // "" is Enforce
	Logger *slog.Logger // nil: none
	// ManagedPolicy returns the document of an AWS-managed policy
	// (arn:aws:iam::aws:policy/…). Those are not records: the IAM service
	// brings them along. It is called once per ARN.
	ManagedPolicy func(arn string) (document string, ok bool)
	// LaxRoles takes a role that does not exist for one that every service
	// may assume and that allows everything (--lax roles), for projects whose
	// role ARNs were never real. Roles that exist are checked all the same.
	LaxRoles bool
	// NewID returns a fresh decision id; nil: 8 random letters and digits.
	NewID func() string

	now func() time.Time // nil: time.Now; for tests of bursts
}

// Grants answers who may call whom from compiled pictures of the records.
type Grants struct {
	store     *store.Store
	options   Options
	log       *slog.Logger
	functions pictures[*function]
	roles     pictures[*role]
	managed   pictures[*policy]
	published func(f *state.Function, version string) bool
	aws       managedCache
	recorder  *recorder
	past      *past // nil: Offline
	// callers gathers what applies to callers, for explanations of what changed;
	// empty until NewCallers.
	callers atomic.Pointer[Callers]
}

// New compiles the policies of all functions and roles and keeps them compiled.
// Close the Grants before the store.
func New(s *store.Store, o Options) *Grants {
	if o.Mode == "" {
		o.Mode = Enforce
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.NewID == nil {
		o.NewID = newID
	}
	if o.now == nil {
		o.now = time.Now
	}
	g := &Grants{
		store:   s,
		options: o,
		log:     o.Logger,
		managed: store.NewView(s, state.ManagedPolicies, compileManaged),
	}
	g.functions = store.NewView(s, state.Functions, compileFunction)
	g.roles = store.NewView(s, state.Roles, compileRole)
	g.published = func(f *state.Function, version string) bool {
		v, _, err := store.Get[state.FunctionVersion](s, state.FunctionVersionKey(f.Account, f.Region, f.Name, version))
		return err == nil && v.FunctionID == f.ID
	}
	g.past = &past{}
	g.past.follow(s, o.now)
	g.recorder = newRecorder(g)
	return g
}

// Mode returns what a refusal does: the gateway makes the call all the same
// unless it is Enforce.
func (g *Grants) Mode() Mode { return g.options.Mode }

// Close records what is still queued and ends the goroutine. Refusals handed in
// later are lost.
func (g *Grants) Close(ctx context.Context) error { return g.recorder.close(ctx) }

// Flush waits until every refusal handed in so far can be read.
func (g *Grants) Flush(ctx context.Context) error { return g.recorder.flush(ctx) }

// policy is one compiled document.
type policy struct {
	name     string // of an inline policy, ARN of a managed one
	resource string // of a function policy: the ARN that it is asked about
	document string
	revision string
	compiled *iampolicy.Policy // nil when the document is no policy
	err      error
	clock    bool // asks for the time
}

// compilePolicy keeps a document that is no policy together with the reason:
// it grants nothing, and Explain says why.
func compilePolicy(document string) *policy {
	p := &policy{document: document}
	p.compiled, p.err = iampolicy.Parse([]byte(document))
	if p.err == nil {
		for _, key := range p.compiled.Keys() {
			switch strings.ToLower(key) {
			case "aws:currenttime", "aws:epochtime":
				p.clock = true
			}
		}
	}
	return p
}

// evaluate answers r; a policy that is missing or broken matches nothing.
func (p *policy) evaluate(r *iampolicy.Request) iampolicy.Effect {
	if p == nil || p.compiled == nil {
		return iampolicy.NoMatch
	}
	return p.compiled.Evaluate(r)
}

// function is what deciding needs of a function.
type function struct {
	rec      *state.Function
	arn      string
	policies map[string]*policy // by qualifier
}

func compileFunction(_ state.Key, rec *state.Function, _ uint64) *function {
	f := &function{rec: rec, arn: functionARN(rec), policies: make(map[string]*policy, len(rec.Policies))}
	for qualifier, stored := range rec.Policies {
		if stored == nil {
			continue
		}
		p := compilePolicy(stored.Document)
		p.revision = stored.RevisionID
		p.resource = f.arn
		if qualifier != "" {
			p.resource += ":" + qualifier
		}
		f.policies[qualifier] = p
	}
	return f
}

func functionARN(f *state.Function) string {
	return "arn:" + state.Partition(f.Region) + ":lambda:" + f.Region + ":" + f.Account + ":function:" + f.Name
}

// functionByARN finds the function of an unqualified ARN.
func (g *Grants) functionByARN(arn string) *function {
	_, rest, ok := strings.Cut(arn, ":lambda:")
	if !ok {
		return nil
	}
	region, rest, _ := strings.Cut(rest, ":")
	account, rest, _ := strings.Cut(rest, ":")
	name, ok := strings.CutPrefix(rest, "function:")
	if !ok {
		return nil
	}
	f, ok := g.functions.Get(functionKey(account, region, name))
	if !ok {
		return nil
	}
	return f
}

// functionKey is state.FunctionKey with one allocation for the names that need
// no escaping, which are all that Lambda accepts.
func functionKey(account, region, name string) state.Key {
	if plain(account) && plain(region) && plain(name) {
		return state.Key(string(state.Functions) + "." + account + "." + region + "." + name)
	}
	return state.FunctionKey(account, region, name)
}

func plain(token string) bool {
	for i := 0; i < len(token); i++ {
		switch c := token[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return token != ""
}

// has reports whether the function has the alias or version.
func (g *Grants) has(f *function, qualifier string) bool {
	if qualifier == "" || qualifier == "$LATEST" {
		return true
	}
	if _, ok := f.rec.Aliases[qualifier]; ok {
		return true
	}
	if qualifier[0] < '0' || qualifier[0] > '9' {
		return false
	}
	return g.published(f.rec, qualifier)
}
