package diff

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// fields are the properties of one thing, by name.
type fields map[string]string

// things are what one section compares, by name.
type things map[string]fields

// flatten writes a JSON value as fields, the names of nested members joined by
// dots. Lists of plain values are taken for sets, as nearly all lists of API
// Gateway's documents are. Empty values are left out: AWS writes some of them
// in one answer and not in another.
func (f fields) flatten(name string, value any) {
	switch v := value.(type) {
	case nil:
	case map[string]any:
		for key, member := range v {
			f.flatten(join(name, key), member)
		}
	case []any:
		f.list(name, v)
	case string:
		if v != "" {
			f[name] = v
		}
	default:
		f[name] = fmt.Sprint(v)
	}
}

func (f fields) list(name string, list []any) {
	var plain []string
	for _, element := range list {
		switch element.(type) {
		case map[string]any, []any:
			for i, element := range list {
				f.flatten(fmt.Sprintf("%s[%d]", name, i), element)
			}
			return
		}
		plain = append(plain, fmt.Sprint(element))
	}
	slices.Sort(plain)
	f.set(name, plain)
}

// set writes a list of texts as one.
func (f fields) set(name string, list []string) {
	if len(list) == 0 {
		return
	}
	if !slices.ContainsFunc(list, func(s string) bool { return strings.Contains(s, ",") }) {
		f[name] = strings.Join(list, ", ")
		return
	}
	if quoted, err := json.Marshal(list); err == nil {
		f[name] = string(quoted)
	}
}

// drop removes fields that say what holds anyway.
func (f fields) drop(defaults map[string]string) {
	for name, value := range defaults {
		if f[name] == value {
			delete(f, name)
		}
	}
}

func join(name, key string) string {
	if name == "" {
		return key
	}
	return name + "." + key
}

// equal compares two values, apart from what lies in the nature of the places.
func (c *comparing) equal(left, right string) bool {
	return left == right || c.left.place != c.right.place && c.left.place.normal(left) == c.right.place.normal(right)
}

// section compares what both sides have by name.
func (c *comparing) section(name, title string, left, right things) Section {
	s := Section{Name: name, Title: title}
	all := maps.Clone(left)
	if all == nil {
		all = things{}
	}
	maps.Copy(all, right)
	for _, item := range slices.Sorted(maps.Keys(all)) {
		l, onLeft := left[item]
		r, onRight := right[item]
		row := Row{Item: item, Kind: Changed}
		switch {
		case !onLeft:
			row.Kind = OnlyRight
		case !onRight:
			row.Kind = OnlyLeft
		}
		row.Fields = c.fields(l, r)
		if row.Kind == Changed && len(row.Fields) == 0 {
			s.Same++
			continue
		}
		s.Rows = append(s.Rows, row)
	}
	return s
}

// fields lists what differs, in the order of names.
func (c *comparing) fields(left, right fields) []Field {
	all := maps.Clone(left)
	if all == nil {
		all = fields{}
	}
	maps.Copy(all, right)
	var out []Field
	for _, name := range slices.Sorted(maps.Keys(all)) {
		l, onLeft := left[name]
		r, onRight := right[name]
		if onLeft && onRight && c.equal(l, r) {
			continue
		}
		f := Field{Name: name}
		if onLeft {
			f.Left = &l
		}
		if onRight {
			f.Right = &r
		}
		out = append(out, f)
	}
	return out
}
