package grants

import (
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/internal/state"
)

// pictures are compiled records: a view of the store, or a fixed set of them.
type pictures[C any] interface {
	Get(key state.Key) (C, bool)
	All() iter.Seq2[state.Key, C]
}

// Records are what Offline decides from.
type Records struct {
	Functions []*state.Function
	Versions  []string // published versions as ARNs with the number behind them
	Roles     []*state.Role
	// ManagedPolicy returns the document of a managed policy, AWS's or the
	// account's own.
	ManagedPolicy func(arn string) (document string, ok bool)
}

// Offline makes a Grants of records that never change, without store and
// journal: for an account that is examined from a dump. Decide and Explain give
// exactly the verdicts that the data plane gives. Refuse, Decisions and Close
// must not be called.
func Offline(r Records) *Grants {
	g := &Grants{
		options: Options{Mode: Enforce},
		log:     slog.New(slog.DiscardHandler),
	}
	published := make(map[string]bool, len(r.Versions))
	for _, version := range r.Versions {
		published[version] = true
	}
	g.published = func(f *state.Function, version string) bool { return published[functionARN(f)+":"+version] }
	functions := map[state.Key]*function{}
	for _, f := range r.Functions {
		functions[functionKey(f.Account, f.Region, f.Name)] = compileFunction("", f, 0)
	}
	roles, managed := map[state.Key]*role{}, map[state.Key]*policy{}
	for _, rec := range r.Roles {
		roles[state.RoleKey(rec.Account, strings.ToLower(rec.Name))] = compileRole("", rec, 0)
		for _, arn := range append(slices.Clone(rec.AttachedPolicies), rec.PermissionsBoundary) {
			account, ok := policyAccount(arn)
			if !ok || r.ManagedPolicy == nil {
				continue
			}
			if document, found := r.ManagedPolicy(arn); found {
				p := compilePolicy(document)
				p.name = arn
				managed[state.ManagedPolicyKey(account, arn)] = p
			}
		}
	}
	g.options.ManagedPolicy = r.ManagedPolicy
	g.functions, g.roles, g.managed = newFixed(functions), newFixed(roles), newFixed(managed)
	return g
}

// fixed is a set of pictures that never changes.
type fixed[C any] struct {
	byKey map[state.Key]C
	keys  []state.Key // sorted
}

func newFixed[C any](byKey map[state.Key]C) fixed[C] {
	return fixed[C]{byKey: byKey, keys: slices.Sorted(maps.Keys(byKey))}
}

// Get finds a picture.
func (f fixed[C]) Get(key state.Key) (C, bool) {
	c, ok := f.byKey[key]
	return c, ok
}

// All yields the pictures in the order of their keys, as a view does.
func (f fixed[C]) All() iter.Seq2[state.Key, C] {
	return func(yield func(state.Key, C) bool) {
		for _, key := range f.keys {
			if !yield(key, f.byKey[key]) {
				return
			}
		}
	}
}
