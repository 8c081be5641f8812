package apigateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// object is a JSON object whose members keep their order. Values are strings,
// booleans, numbers, objects and lists ([]any).
type object []member

type member struct {
	key   string
	value any
}

func (o *object) add(key string, value any) { *o = append(*o, member{key, value}) }

// addText adds a text that is not empty, addSome an object with members, addList
// a list with elements.
func (o *object) addText(key, value string) {
	if value != "" {
		o.add(key, value)
	}
}

func (o *object) addSome(key string, value object) {
	if len(value) > 0 {
		o.add(key, value)
	}
}

func (o *object) addList(key string, value []any) {
	if len(value) > 0 {
		o.add(key, value)
	}
}

func (o object) without(key string) object {
	return slices.DeleteFunc(slices.Clone(o), func(m member) bool { return m.key == key })
}

func texts(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

func textMap(m map[string]string) object {
	var out object
	for _, key := range sortedKeys(m) {
		out.add(key, m[key])
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// parseDocument reads JSON and keeps the order of its members. What is no JSON
// stays text: a schema or policy was checked when it was stored.
func parseDocument(text string) any {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	value, err := parseValue(d)
	if err != nil {
		return text
	}
	return value
}

func parseValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		out := object{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			value, err := parseValue(d)
			if err != nil {
				return nil, err
			}
			out.add(fmt.Sprint(key), value)
		}
		_, err := d.Token()
		return out, err
	case json.Delim('['):
		out := []any{}
		for d.More() {
			value, err := parseValue(d)
			if err != nil {
				return nil, err
			}
			out = append(out, value)
		}
		_, err := d.Token()
		return out, err
	default:
		return token, nil
	}
}

// json writes the document as AWS lays it out: two spaces, a space on either
// side of the colon, elements of a list beside its brackets (public exports).
func (o object) json() []byte {
	var b bytes.Buffer
	writeJSON(&b, o, "")
	return b.Bytes()
}

func writeJSON(b *bytes.Buffer, value any, indent string) {
	switch v := value.(type) {
	case object:
		if len(v) == 0 {
			b.WriteString("{ }")
			return
		}
		b.WriteString("{")
		for i, m := range v {
			if i > 0 {
				b.WriteString(",")
			}
			b.WriteString("\n" + indent + "  " + scalar(m.key) + " : ")
			writeJSON(b, m.value, indent+"  ")
		}
		b.WriteString("\n" + indent + "}")
	case []any:
		if len(v) == 0 {
			b.WriteString("[ ]")
			return
		}
		b.WriteString("[ ")
		for i, element := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			writeJSON(b, element, indent)
		}
		b.WriteString(" ]")
	default:
		b.WriteString(scalar(v))
	}
}

// scalar is a JSON text, number or boolean, which is one in YAML as well.
func scalar(value any) string {
	if s, ok := value.(string); ok && isPlain(s) {
		return `"` + s + `"`
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(value) != nil { // no value of a document fails
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// isPlain reports whether JSON writes s as it is: nearly all keys and values of a
// document, and twice as fast.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// yaml writes the document as AWS does: a document marker, two spaces, every
// text in double quotes, lists as deep as the member that holds them (public
// exports; only that AWS folds long lines is left out).
func (o object) yaml() []byte {
	b := bytes.NewBufferString("---\n")
	writeMembers(b, o, "", "")
	return b.Bytes()
}

// writeMembers writes an object; first stands before its first member, where
// that follows a dash.
func writeMembers(b *bytes.Buffer, o object, first, indent string) {
	for i, m := range o {
		if i == 0 {
			b.WriteString(first)
		} else {
			b.WriteString(indent)
		}
		b.WriteString(yamlKey(m.key) + ":")
		writeYAML(b, m.value, indent)
	}
}

func writeYAML(b *bytes.Buffer, value any, indent string) {
	switch v := value.(type) {
	case object:
		if len(v) == 0 {
			b.WriteString(" {}\n")
			return
		}
		b.WriteString("\n")
		writeMembers(b, v, indent+"  ", indent+"  ")
	case []any:
		if len(v) == 0 {
			b.WriteString(" []\n")
			return
		}
		b.WriteString("\n")
		for _, element := range v {
			if o, ok := element.(object); ok && len(o) > 0 {
				writeMembers(b, o, indent+"- ", indent+"  ")
				continue
			}
			b.WriteString(indent + "-")
			writeYAML(b, element, indent+"  ")
		}
	default:
		b.WriteString(" " + scalar(v) + "\n")
	}
}

// plainKey are the keys that YAML reads as text without quotes.
var plainKey = compiled(`^[A-Za-z_/$][A-Za-z0-9_./{}+$*-]*$`)

// yamlWords are read as something else than text.
var yamlWords = []string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}

func yamlKey(key string) string {
	if plainKey().MatchString(key) && !slices.Contains(yamlWords, strings.ToLower(key)) {
		return key
	}
	return scalar(key)
}
