package invoke

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/stagedoor/stagedoor/internal/sandbox"
	"github.com/stagedoor/stagedoor/internal/state"
)

// function is the compiled picture of a state.Function.
type function struct {
	id       string
	latest   *version
	aliases  map[string]*alias
	reserved int // -1: none reserved
}

// version is the compiled picture of $LATEST or of one published version.
type version struct {
	functionID string
	name       string // "$LATEST" or a number
	state      string
	fn         *sandbox.Function
	// signature changes with everything that a running environment has seen: an
	// environment with another one is retired. A changed policy, tag or alias
	// does not change it.
	signature string
}

// alias says where its calls go.
type alias struct {
	main    string
	weights []weight // of the other versions, sorted
}

type weight struct {
	version string
	share   float64
}

func compileFunction(_ state.Key, rec *state.Function, _ uint64) *function {
	f := &function{
		id:       rec.ID,
		latest:   compileConfig(rec.Account, rec.Region, rec.Name, rec.ID, &rec.Latest),
		aliases:  make(map[string]*alias, len(rec.Aliases)),
		reserved: reservedOf(rec),
	}
	for name, a := range rec.Aliases {
		compiled := &alias{main: a.FunctionVersion}
		for _, v := range slices.Sorted(maps.Keys(a.RoutingWeights)) {
			compiled.weights = append(compiled.weights, weight{v, a.RoutingWeights[v]})
		}
		f.aliases[name] = compiled
	}
	return f
}

// reservedOf is a function's reserved concurrency, -1 when none is reserved.
func reservedOf(rec *state.Function) int {
	if rec == nil || rec.ReservedConcurrency == nil {
		return -1
	}
	return int(*rec.ReservedConcurrency)
}

func compileVersion(key state.Key, rec *state.FunctionVersion, _ uint64) *version {
	parts := key.Tokens() // lambda, version, account, region, name, number
	if len(parts) != 6 {
		return nil
	}
	return compileConfig(parts[2], parts[3], parts[4], rec.FunctionID, &rec.Config)
}

func compileConfig(account, region, name, id string, c *state.FunctionConfig) *version {
	fn := &sandbox.Function{
		ARN:     functionARN(account, region, name, ""),
		Name:    name,
		Version: c.Version,
		Account: account,
		Region:  region,
		Runtime: c.Runtime, Handler: c.Handler, CodeDigest: c.CodeDigest,
		Env:      c.Environment,
		MemoryMB: int(c.MemoryMB), TimeoutSeconds: int(c.TimeoutSeconds), EphemeralMB: int(c.EphemeralStorageMB),
		LogGroup: c.LogGroup, LogFormat: c.LogFormat, AppLogLevel: c.ApplicationLogLevel, SystemLogLevel: c.SystemLogLevel,
		Role: c.Role,
	}
	if fn.LogGroup == "" {
		fn.LogGroup = "/aws/lambda/" + name
	}
	if fn.Version == "" {
		fn.Version = "$LATEST"
	}
	seen, _ := json.Marshal(fn) // plain values: cannot fail
	return &version{functionID: id, name: fn.Version, state: c.State, fn: fn, signature: id + string(seen)}
}

func functionARN(account, region, name, qualifier string) string {
	arn := "arn:aws:lambda:" + region + ":" + account + ":function:" + name
	if qualifier != "" {
		arn += ":" + qualifier
	}
	return arn
}

// resolve finds the version that a request runs.
func (b *Broker) resolve(r *Request) (*function, *version, error) {
	f, ok := b.functions.Get(state.FunctionKey(r.Account, r.Region, r.Function))
	if !ok || f == nil {
		return nil, nil, ErrFunctionNotFound
	}
	name := r.Qualifier
	if a, ok := f.aliases[name]; ok {
		name = a.pick(b.random)
	}
	v := f.latest
	if name != "" && name != "$LATEST" {
		v, ok = b.versions.Get(state.FunctionVersionKey(r.Account, r.Region, r.Function, name))
		if !ok || v == nil || v.functionID != f.id {
			return nil, nil, ErrFunctionNotFound
		}
	}
	if v.state != "" && v.state != "Active" {
		return nil, nil, &NotReadyError{Function: r.Function, State: v.state}
	}
	return f, v, nil
}

// pick chooses a version by the alias's weights: each other version its share,
// the alias's own version the rest (LDG:configuring-alias-routing).
func (a *alias) pick(random func() float64) string {
	if len(a.weights) == 0 {
		return a.main
	}
	at := random()
	for _, w := range a.weights {
		if at < w.share {
			return w.version
		}
		at -= w.share
	}
	return a.main
}
