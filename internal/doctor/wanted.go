package doctor

import (
	"maps"
	"slices"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/target"
)

// Wanted tells target.Read which functions and roles the APIs lead to, on every
// stage and canary. callers are roles that --caller names.
func Wanted(callers []string) func(d *target.Dump) target.Wanted {
	return func(d *target.Dump) target.Wanted {
		w := wantedOf(d, apisOf(d))
		w.Roles = append(w.Roles, callers...)
		return w
	}
}

func wantedOf(d *target.Dump, apis []*api) target.Wanted {
	functions, roles := map[string]map[string]bool{}, map[string]bool{}
	add := func(a *api, variables map[string]string, uri, credentials string) {
		resolved, _ := state.Resolve(uri, variables)
		c, err := parseURI(resolved, d.Region, d.Account, a.kind != restKind)
		if err == nil {
			if functions[c.arn] == nil {
				functions[c.arn] = map[string]bool{}
			}
			functions[c.arn][c.qualifier] = true
		}
		if role, _ := state.Resolve(credentials, variables); role != "" {
			roles[role] = true
		}
	}
	for _, a := range apis {
		for _, s := range a.stages {
			for _, variables := range s.variants() {
				for _, m := range s.methods {
					if callsLambda(m.integration, m.uri) {
						add(a, variables.values, m.uri, m.credentials)
					}
				}
				for _, z := range a.authorizers {
					if z.uri != "" {
						add(a, variables.values, z.uri, z.credentials)
					}
				}
			}
		}
	}
	out := target.Wanted{Functions: map[string][]string{}, Roles: slices.Sorted(maps.Keys(roles))}
	for arn, qualifiers := range functions {
		out.Functions[arn] = slices.Sorted(maps.Keys(qualifiers))
	}
	return out
}

// variant is one set of stage variables under which a stage answers calls.
type variant struct {
	name   string // "", or "canary 10 %"
	values map[string]string
}
