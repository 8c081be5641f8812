//go:build !linux

package sandbox

import "fmt"

func chooseIsolation(demand string) (isolator, error) {
	switch demand {
	case "", "plain":
		return &plain{why: "isolation needs Linux"}, nil
	}
	return nil, fmt.Errorf("isolation %q does not exist on this system: use plain", demand)
}
