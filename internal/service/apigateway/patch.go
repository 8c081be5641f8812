package apigateway

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"
)

// A patch of API Gateway looks like JSON Patch and is not: every resource has a
// list of paths, each with the operations that it takes (API reference, "Patch
// operations"), keys of maps are path segments ("/requestModels/application~1json")
// and all values are strings.

// patch is one operation, matched to a rule.
type patch struct {
	op    types.Op
	path  string
	key   string  // the unescaped segment that stood for "{}" in the rule's path
	value string  // "" when absent
	given bool    // value was sent
	from  *string // of copy
}

// patchRule says which operations a path takes and what they do to a T.
type patchRule[T any] struct {
	path  string // "/name", or "/tags/{}" for the entries of a map
	ops   []types.Op
	apply func(t *T, p patch) error
}

// patchTable holds the rules of one resource.
type patchTable[T any] struct {
	rules []patchRule[T]
	// listPaths selects the error of UpdateResource and UpdateApiKey, which
	// names the paths that an operation takes (AWS recordings
	// test_update_resource_behaviour, test_update_api_key_immutable_field).
	// Without it the error is that of UpdateMethod and UpdateRestApi (AWS
	// recordings test_update_method_validation, test_update_rest_api_behaviour).
	listPaths bool
}

var (
	opsReplace       = []types.Op{types.OpReplace}
	opsAddRemove     = []types.Op{types.OpAdd, types.OpRemove}
	opsReplaceRemove = []types.Op{types.OpReplace, types.OpRemove}
	opsMap           = []types.Op{types.OpAdd, types.OpReplace, types.OpRemove}
)

// apply runs the operations in order on t. The first error ends it; the caller
// throws t away then.
func (table *patchTable[T]) apply(t *T, ops []types.PatchOperation) error {
	for _, op := range ops {
		if op.Path == nil {
			// AWS recording test_update_gateway_response ("update-gateway-no-path").
			return badRequest("Invalid patch path null")
		}
		p := patch{op: op.Op, path: *op.Path, given: op.Value != nil, from: op.From}
		if op.Value != nil {
			p.value = *op.Value
		}
		rule := table.find(&p)
		if rule == nil {
			return table.refuse(p)
		}
		if !slices.Contains(rule.ops, p.op) {
			if table.listPaths {
				return table.refuse(p)
			}
			return badRequest("Invalid patch operation specified. Must be one of: [%s]", joinOps(rule.ops))
		}
		if err := rule.apply(t, p); err != nil {
			return err
		}
	}
	return nil
}

// find returns the rule of p's path and sets p's key.
func (table *patchTable[T]) find(p *patch) *patchRule[T] {
	for i := range table.rules {
		rule := &table.rules[i]
		base, ok := strings.CutSuffix(rule.path, "{}")
		if !ok {
			if rule.path == p.path {
				return rule
			}
			continue
		}
		key, ok := strings.CutPrefix(p.path, base)
		// A slash in the key must be escaped: "/requestModels/application/json"
		// is no path (AWS recording test_update_method_validation).
		if ok && key != "" && !strings.Contains(key, "/") {
			p.key = unescapePointer(key)
			return rule
		}
	}
	return nil
}

func (table *patchTable[T]) refuse(p patch) error {
	if !table.listPaths {
		return badRequest("Invalid patch path %s", p.path)
	}
	var paths []string
	for _, rule := range table.rules {
		if slices.Contains(rule.ops, p.op) {
			paths = append(paths, rule.path)
		}
	}
	if len(paths) == 0 {
		return badRequest("Invalid patch path  '%s' specified for op '%s'. Please choose supported operations", p.path, p.op)
	}
	return badRequest("Invalid patch path  '%s' specified for op '%s'. Must be one of: [%s]", p.path, p.op, strings.Join(paths, ", "))
}

func joinOps(ops []types.Op) string {
	names := make([]string, len(ops))
	for i, op := range ops {
		names[i] = string(op)
	}
	return strings.Join(names, ", ")
}

// unescapePointer undoes the escapes of JSON Pointer: "~1" is "/", "~0" is "~".
func unescapePointer(segment string) string {
	if !strings.Contains(segment, "~") {
		return segment
	}
	return strings.ReplaceAll(strings.ReplaceAll(segment, "~1", "/"), "~0", "~")
}

// parseBool reads a boolean as AWS does: everything but "true" is false (AWS
// recording test_update_method_validation sets apiKeyRequired to "whatever").
func parseBool(value string) bool { return strings.EqualFold(value, "true") }

// optional is a string member that a patch sets: "" takes it away.
func optional(p patch) *string {
	if p.op == types.OpRemove || p.value == "" {
		return nil
	}
	return &p.value
}

// patchMap adds, replaces or removes the entry p.key of *m. A map that loses its
// last entry is absent afterwards (AWS recording test_update_method_response).
func patchMap[V any](m *map[string]V, p patch, value func(p patch) (V, error)) error {
	_, there := (*m)[p.key]
	switch {
	case p.op == types.OpAdd:
	case !there:
		// AWS recording test_update_gateway_response ("replace-invalid-parameter").
		return notFound("Invalid parameter name specified")
	case p.op == types.OpRemove:
		delete(*m, p.key)
		if len(*m) == 0 {
			*m = nil
		}
		return nil
	}
	v, err := value(p)
	if err != nil {
		return err
	}
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[p.key] = v
	return nil
}

// patchList adds or removes an entry of a list that patches treat like a set.
func patchList(list *[]string, p patch, entry string) {
	at := slices.Index(*list, entry)
	switch {
	case p.op == types.OpAdd && at < 0:
		*list = append(*list, entry)
	case p.op == types.OpRemove && at >= 0:
		*list = slices.Delete(*list, at, at+1)
	}
	if len(*list) == 0 {
		*list = nil
	}
}

// entryValue is the value of a map entry as it was sent; name is the map's, for
// the error (AWS recording test_update_gateway_response).
func entryValue(name string) func(p patch) (string, error) {
	return func(p patch) (string, error) {
		if !p.given || p.value == "" {
			return "", badRequest("Invalid null or empty value in %s", name)
		}
		return p.value, nil
	}
}

func boolValue(p patch) (bool, error) { return parseBool(p.value), nil }

// parseInt32 reads a number.
func parseInt32(p patch) (int32, error) {
	n, err := strconv.ParseInt(p.value, 10, 32)
	if err != nil {
		return 0, errNumber(p)
	}
	return int32(n), nil
}

// parseFloat reads a number that may have a fraction.
func parseFloat(p patch) (float64, error) {
	n, err := strconv.ParseFloat(p.value, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return 0, errNumber(p)
	}
	return n, nil
}

// unverified: text.
func errNumber(p patch) error {
	return badRequest("Invalid value '%s' specified for path %s: a number is needed", p.value, p.path)
}
