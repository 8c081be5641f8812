//go:build !linux

package sandbox

import "fmt"

func chooseIsolation(o Options, _ string) (isolator, error) {
	switch o.Isolation {
	case "", "plain":
		return &plain{why: "isolation needs Linux"}, nil
	}
	return nil, fmt.Errorf("isolation %q does not exist on this system: use plain", o.Isolation)
}
