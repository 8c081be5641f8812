package awswire

import (
	"reflect"
	"strings"
)

// presence knows which members were on the wire: a tree in one slice, parents before children. List elements and map
// values share the node of their container.
type presence struct {
	nodes []presenceNode
	fixed []string // instead of nodes, see WithPresent

	plan  *plan // instead of nodes, for in-process calls: the input itself
	value reflect.Value
}

type presenceNode struct {
	parent int
	field  *field
}

func (p *presence) add(parent int, f *field) int {
	p.nodes = append(p.nodes, presenceNode{parent, f})
	return len(p.nodes) - 1
}

const root = -1

func (p *presence) has(path string) bool {
	switch {
	case p == nil || path == "":
		return false
	case p.plan != nil:
		return notZero(p.plan, p.value, path)
	case p.nodes == nil:
		for _, f := range p.fixed {
			if strings.EqualFold(f, path) || len(f) > len(path) && f[len(path)] == '.' && strings.EqualFold(f[:len(path)], path) {
				return true
			}
		}
		return false
	}
	for i, n := range p.nodes {
		if strings.EqualFold(n.field.name, lastPart(path)) && p.matches(i, path) {
			return true
		}
	}
	return false
}

func (p *presence) matches(i int, path string) bool {
	for {
		cut := strings.LastIndexByte(path, '.')
		if !strings.EqualFold(p.nodes[i].field.name, path[cut+1:]) {
			return false
		}
		i = p.nodes[i].parent
		if cut < 0 || i == root {
			return cut < 0 && i == root
		}
		path = path[:cut]
	}
}

func lastPart(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }

// notZero looks for a non-zero field along the path in a Go value.
func notZero(p *plan, v reflect.Value, path string) bool {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return false
		}
		v = v.Elem()
	}
	switch p.kind {
	case kindStruct:
	case kindList:
		for i := range v.Len() {
			if notZero(p.elem, v.Index(i), path) {
				return true
			}
		}
		return false
	case kindMap:
		for it := v.MapRange(); it.Next(); {
			if notZero(p.elem, it.Value(), path) {
				return true
			}
		}
		return false
	default:
		return false
	}
	name, rest, more := strings.Cut(path, ".")
	for _, f := range p.fields {
		if strings.EqualFold(f.name, name) {
			fv := v.Field(f.index)
			return !fv.IsZero() && (!more || notZero(f.plan, fv, rest))
		}
	}
	return false
}
