package invoke

import (
	"regexp"
	"testing"
)

// Request ids are UUIDs of version 4, and differ.
func TestRequestIDs(t *testing.T) {
	shape := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]bool{}
	for range 1000 {
		id := newRequestID()
		if !shape.MatchString(id) || seen[id] {
			t.Fatalf("%q, seen %v", id, seen[id])
		}
		seen[id] = true
	}
	if n := testing.AllocsPerRun(100, func() { newRequestID() }); n > 1 {
		t.Errorf("%g allocations", n)
	}
}
