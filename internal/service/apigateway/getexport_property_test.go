package apigateway

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// What a document is written as reads back as what went in, in the same order,
// whatever characters the names and texts have: templates hold anything.
func TestDocumentsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawObject(t, 3)
		text := string(want.json())
		if !json.Valid([]byte(text)) {
			t.Fatalf("no JSON: %s", text)
		}
		got, ok := parseDocument(text).(object)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(member{})); !ok || diff != "" {
			t.Fatalf("-want +got:\n%s\n%s", diff, text)
		}
	})
}

// Keys of YAML that need quotes have them.
func TestYAMLKeys(t *testing.T) {
	for key, want := range map[string]string{
		"paths": "paths", "x-amazon-apigateway-policy": "x-amazon-apigateway-policy", "/pets/{petId}": "/pets/{petId}", "/{proxy+}": "/{proxy+}", "$ref": "$ref",
		"application/json": "application/json", "integration.request.path.id": "integration.request.path.id",
		"200": `"200"`, "2\\d{2}": `"2\\d{2}"`, "*/*": `"*/*"`, "": `""`, "a: b": `"a: b"`, "- a": `"- a"`, "no": `"no"`, "True": `"True"`, "n": `"n"`, "ö": `"ö"`, "{a}": `"{a}"`, "a#b": `"a#b"`,
	} {
		if got := yamlKey(key); got != want {
			t.Errorf("%q: %s, want %s", key, got, want)
		}
	}
}

func drawObject(t *rapid.T, depth int) object {
	out := object{}
	for range rapid.IntRange(0, 3).Draw(t, "members") {
		out.add(rapid.String().Draw(t, "key"), drawValue(t, depth-1))
	}
	return out
}

func drawValue(t *rapid.T, depth int) any {
	kinds := 3
	if depth > 0 {
		kinds = 5
	}
	switch rapid.IntRange(1, kinds).Draw(t, "kind") {
	case 1:
		return rapid.String().Draw(t, "text")
	case 2:
		return rapid.Bool().Draw(t, "boolean")
	case 3:
		return json.Number(rapid.StringMatching(`(0|[1-9][0-9]{0,8})(\.[0-9]{1,3})?`).Draw(t, "number"))
	case 4:
		return drawObject(t, depth)
	default:
		list := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "elements") {
			list = append(list, drawValue(t, depth-1))
		}
		return list
	}
}
