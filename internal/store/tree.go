package store

import (
	"hash/maphash"

	"github.com/stagedoor/stagedoor/internal/state"
)

// tree is an immutable treap of entries in the order of their keys: List walks
// one prefix of it without touching the rest, on a picture that does not move
// under it. A change copies the path to the root (about 2·log₂ n nodes).
type tree struct {
	entry       *entry
	weight      uint64
	left, right *tree
}

// treeSeed makes the shape of trees unpredictable from the names of records.
type treeSeed = maphash.Seed

func (t *tree) insert(seed treeSeed, e *entry) *tree {
	if t == nil {
		return &tree{entry: e, weight: maphash.String(seed, string(e.key))}
	}
	switch {
	case e.key == t.entry.key:
		return &tree{entry: e, weight: t.weight, left: t.left, right: t.right}
	case e.key < t.entry.key:
		left := t.left.insert(seed, e)
		if left.weight > t.weight {
			return &tree{entry: left.entry, weight: left.weight, left: left.left,
				right: &tree{entry: t.entry, weight: t.weight, left: left.right, right: t.right}}
		}
		return &tree{entry: t.entry, weight: t.weight, left: left, right: t.right}
	default:
		right := t.right.insert(seed, e)
		if right.weight > t.weight {
			return &tree{entry: right.entry, weight: right.weight, right: right.right,
				left: &tree{entry: t.entry, weight: t.weight, left: t.left, right: right.left}}
		}
		return &tree{entry: t.entry, weight: t.weight, left: t.left, right: right}
	}
}

func (t *tree) remove(key state.Key) *tree {
	if t == nil {
		return nil
	}
	switch {
	case key < t.entry.key:
		return &tree{entry: t.entry, weight: t.weight, left: t.left.remove(key), right: t.right}
	case key > t.entry.key:
		return &tree{entry: t.entry, weight: t.weight, left: t.left, right: t.right.remove(key)}
	}
	return merge(t.left, t.right)
}

func merge(a, b *tree) *tree {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case a.weight > b.weight:
		return &tree{entry: a.entry, weight: a.weight, left: a.left, right: merge(a.right, b)}
	default:
		return &tree{entry: b.entry, weight: b.weight, left: merge(a, b.left), right: b.right}
	}
}

// under calls yield for each entry under prefix, in the order of the keys.
func (t *tree) under(prefix state.Key, yield func(*entry) bool) bool {
	if t == nil {
		return true
	}
	if prefix == "" {
		return t.left.under(prefix, yield) && yield(t.entry) && t.right.under(prefix, yield)
	}
	// Keys under prefix lie in [prefix, prefix+"/"): '/' follows '.'.
	if t.entry.key < prefix {
		return t.right.under(prefix, yield)
	}
	if t.entry.key >= prefix+"/" {
		return t.left.under(prefix, yield)
	}
	if !t.left.under(prefix, yield) {
		return false
	}
	if t.entry.key.Under(prefix) && !yield(t.entry) {
		return false
	}
	return t.right.under(prefix, yield)
}

// build makes a tree of entries sorted by key, without copying paths.
func buildTree(seed treeSeed, sorted []*entry) *tree {
	// The right spine of the tree, root first: the usual linear construction
	// of a Cartesian tree.
	var spine []*tree
	for _, e := range sorted {
		n := &tree{entry: e, weight: maphash.String(seed, string(e.key))}
		var last *tree
		for len(spine) > 0 && spine[len(spine)-1].weight < n.weight {
			last = spine[len(spine)-1]
			spine = spine[:len(spine)-1]
		}
		n.left = last
		if len(spine) > 0 {
			spine[len(spine)-1].right = n
		}
		spine = append(spine, n)
	}
	if len(spine) == 0 {
		return nil
	}
	return spine[0]
}
