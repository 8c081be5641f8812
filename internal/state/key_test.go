package state

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Names with dots, slashes or nothing in them must neither collide nor leave
// the alphabet of NATS subjects.
func TestKeyRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tokens := rapid.SliceOfN(rapid.String(), 1, 5).Draw(t, "tokens")
		key := NewKey(tokens...)
		if got := key.Tokens(); !slices.Equal(got, tokens) {
			t.Fatalf("NewKey(%q) = %q, which reads back as %q", tokens, key, got)
		}
	})
}

func TestKeyUnder(t *testing.T) {
	for _, c := range []struct {
		key, prefix Key
		want        bool
	}{
		{"a.b.c", "a.b", true},
		{"a.bc", "a.b", false},
		{"a.b", "a.b", true},
		{"a", "", true},
		{"a", "a.b", false},
	} {
		if got := c.key.Under(c.prefix); got != c.want {
			t.Errorf("%q under %q = %v, want %v", c.key, c.prefix, got, c.want)
		}
	}
}
