package state

import (
	"slices"
	"testing"
)

func TestResolve(t *testing.T) {
	for _, c := range []struct {
		text, want string
		undefined  []string
	}{
		{"f", "f", nil},
		{"f-${stageVariables.env}", "f-dev", nil},
		{"${stageVariables.env}${stageVariables.env}:${stageVariables.no}", "devdev:", []string{"no"}},
		{"f-${stageVariables.env", "f-${stageVariables.env", nil},
		{"${other.env}", "${other.env}", nil},
	} {
		got, undefined := Resolve(c.text, map[string]string{"env": "dev"})
		if got != c.want || !slices.Equal(undefined, c.undefined) {
			t.Errorf("%q: %q %q", c.text, got, undefined)
		}
	}
}
