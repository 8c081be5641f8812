package actions

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// input reads members of an SDK input struct by name. A member that is not
// there, or not set, has no value.
type input struct{ v reflect.Value }

func newInput(in any) input {
	v := reflect.ValueOf(in)
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	return input{v}
}

// find follows a path of members ("VpcConfig.SubnetIds").
func (in input) find(path string) reflect.Value {
	v := in.v
	for name := range strings.SplitSeq(path, ".") {
		for v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		if v.Kind() != reflect.Struct {
			return reflect.Value{}
		}
		v = v.FieldByName(name)
	}
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	return v
}

// values are the texts of a member: several for a list.
func (in input) values(path string) []string {
	v := in.find(path)
	if v.Kind() != reflect.Slice {
		return one(scalar(v))
	}
	var all []string
	for i := range v.Len() {
		all = append(all, one(scalar(reflect.Indirect(v.Index(i))))...)
	}
	return all
}

func (in input) text(path string) string {
	if values := in.values(path); len(values) > 0 {
		return values[0]
	}
	return ""
}

func scalar(v reflect.Value) string {
	switch v.Kind() {
	case reflect.String:
		return v.String()
	case reflect.Bool, reflect.Int, reflect.Int32, reflect.Int64:
		return fmt.Sprint(v.Interface())
	default:
		return ""
	}
}

// tag is one tag of a request.
type tag struct{ key, value string }

// tags reads a map of tags, or a list of structs with Key and Value.
func (in input) tags(path string) []tag {
	v := in.find(path)
	var all []tag
	switch v.Kind() {
	case reflect.Map:
		for _, k := range v.MapKeys() {
			all = append(all, tag{scalar(k), scalar(v.MapIndex(k))})
		}
	case reflect.Slice:
		for i := range v.Len() {
			e := input{reflect.Indirect(v.Index(i))}
			if key := e.text("Key"); key != "" {
				all = append(all, tag{key, e.text("Value")})
			}
		}
	}
	slices.SortFunc(all, func(a, b tag) int { return strings.Compare(a.key, b.key) })
	return all
}

// tagKeys are the condition keys of a request that sets tags.
func tagKeys(tags []tag) []Key {
	var keys []Key
	var names []string
	for _, t := range tags {
		keys = append(keys, Key{"aws:RequestTag/" + t.key, []string{t.value}})
		names = append(names, t.key)
	}
	if names != nil {
		keys = append(keys, Key{"aws:TagKeys", names})
	}
	return keys
}

// patched is the value that a patch operation of API Gateway gives to a path.
func (in input) patched(path string) string {
	values := in.patches(path)
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

// patches are the values that patch operations give to a path, or with "/*" at
// its end to the paths below it.
func (in input) patches(path string) (values []string) {
	in.eachPatch(path, func(op input) { values = append(values, one(op.text("Value"))...) })
	return values
}

// touches reports whether a patch operation names a path.
func (in input) touches(path string) (found bool) {
	in.eachPatch(path, func(input) { found = true })
	return found
}

func (in input) eachPatch(path string, do func(op input)) {
	v := in.find("PatchOperations")
	if v.Kind() != reflect.Slice {
		return
	}
	above, below := strings.CutSuffix(path, "*")
	for i := range v.Len() {
		op := input{reflect.Indirect(v.Index(i))}
		if given := op.text("Path"); given == path || below && strings.HasPrefix(given, above) {
			do(op)
		}
	}
}
