package invoke

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// The version that an alias draws: exactly the weight's share of all numbers in
// [0, 1) (LDG:configuring-alias-routing), within five standard deviations of
// draws that are the same in every run.
func TestAliasShares(t *testing.T) {
	random := rand.New(rand.NewChaCha8([32]byte{1}))
	for _, share := range []float64{0, 0.001, 0.1, 0.5, 0.999, 1} {
		f := compileFunction("", &state.Function{Aliases: map[string]*state.Alias{"live": {FunctionVersion: "1", RoutingWeights: map[string]float64{"2": share}}}}, 0)
		const n = 200_000
		second := 0
		for range n {
			if f.aliases["live"].pick(random.Float64) == "2" {
				second++
			}
		}
		if sigma := math.Sqrt(n * share * (1 - share)); math.Abs(float64(second)-n*share) > 5*sigma {
			t.Errorf("share %g: %d of %d", share, second, n)
		}
	}
}

// A draw below the share is the other version, any other the alias's own.
func TestAliasDraw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		share, at := rapid.Float64Range(0, 1).Draw(t, "share"), rapid.Float64Range(0, math.Nextafter(1, 0)).Draw(t, "at")
		a := &alias{main: "1", weights: []weight{{"2", share}}}
		if got, want := a.pick(func() float64 { return at }), map[bool]string{true: "2", false: "1"}[at < share]; got != want {
			t.Errorf("version %s", got)
		}
	})
}

// Calls of an alias are drawn for each call anew, and change with its record.
func TestAliasFollows(t *testing.T) {
	rec := record("f")
	b, _, s := fixture(t, Options{Random: func() float64 { return 0.3 }}, rec)
	for _, v := range []string{"1", "2"} {
		config := rec.Latest
		config.Version = v
		if _, err := store.Put(t.Context(), s, state.FunctionVersionKey(account, region1, "f", v), &state.FunctionVersion{FunctionID: rec.ID, Config: config}); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		alias *state.Alias
		want  string
	}{
		{&state.Alias{FunctionVersion: "1"}, "1"},
		{&state.Alias{FunctionVersion: "1", RoutingWeights: map[string]float64{"2": 0.5}}, "2"},
		{&state.Alias{FunctionVersion: "1", RoutingWeights: map[string]float64{"2": 0.1}}, "1"},
		{&state.Alias{FunctionVersion: "2", RoutingWeights: map[string]float64{"1": 0.5}}, "1"},
		{&state.Alias{FunctionVersion: "2"}, "2"},
	} {
		changed := *rec
		changed.Aliases = map[string]*state.Alias{"live": step.alias}
		put(t, s, &changed)
		res, err := b.Invoke(t.Context(), request("f", "live"))
		if err != nil || res.ExecutedVersion != step.want {
			t.Errorf("%+v: %+v, %v", step.alias, res, err)
		}
	}
}
