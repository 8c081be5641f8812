package main

import (
	"bytes"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// rule says what becomes of one JSON value. Objects keep the order of their members: the model's order is the order on
// the wire.
type rule struct {
	keep map[string]*rule // members of an object that stay; nil together with each nil: the whole value stays
	each *rule            // for maps by name and lists: what becomes of every value
}

var whole = &rule{}

func keys(names ...string) *rule {
	r := &rule{keep: map[string]*rule{}}
	for _, n := range names {
		r.keep[n] = whole
	}
	return r
}

func (r *rule) with(name string, sub *rule) *rule {
	r.keep[name] = sub
	return r
}

// modelRules: what awswire reads of a model, see model.go there.
func modelRules() *rule {
	member := keys("shape", "locationName", "location", "flattened", "timestampFormat", "streaming",
		"xmlAttribute", "xmlNamespace", "eventpayload", "eventheader", "queryName", "idempotencyToken", "jsonvalue", "hostLabel")
	shape := keys("type", "required", "min", "max", "pattern", "enum", "sensitive", "payload", "locationName", "flattened",
		"error", "exception", "fault", "event", "eventstream", "union", "streaming", "timestampFormat", "xmlNamespace",
		"xmlOrder", "sparse", "document", "wrapper").
		with("members", &rule{each: member}).with("member", member).with("key", member).with("value", member)
	operation := keys("http", "endpoint", "authtype", "auth").
		with("input", keys("shape", "locationName", "xmlNamespace", "payload")).
		with("output", keys("shape", "resultWrapper")).
		with("errors", &rule{each: keys("shape")})
	metadata := keys("apiVersion", "awsQueryCompatible", "endpointPrefix", "jsonVersion", "protocol", "protocols", "serviceId", "serviceFullName", "signingName",
		"targetPrefix", "xmlNamespace")
	return keys().with("metadata", metadata).
		with("operations", &rule{each: operation}).
		with("shapes", &rule{each: shape})
}

func trimModel(raw []byte) ([]byte, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(raw))
	var out bytes.Buffer
	enc := jsontext.NewEncoder(&out)
	if err := copyValue(dec, enc, modelRules()); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(out.Bytes()), nil
}

func copyValue(dec *jsontext.Decoder, enc *jsontext.Encoder, r *rule) error {
	kind := dec.PeekKind()
	if r == whole || (kind != '{' && kind != '[') {
		v, err := dec.ReadValue()
		if err != nil {
			return err
		}
		return enc.WriteValue(v)
	}
	open, err := dec.ReadToken()
	if err != nil {
		return err
	}
	if err := enc.WriteToken(open); err != nil {
		return err
	}
	for dec.PeekKind() != '}' && dec.PeekKind() != ']' {
		sub := r.each
		if kind == '{' {
			name, err := dec.ReadToken()
			if err != nil {
				return err
			}
			text := name.String()
			if r.each == nil {
				if sub = r.keep[text]; sub == nil {
					if err := dec.SkipValue(); err != nil {
						return err
					}
					continue
				}
			}
			if err := enc.WriteToken(jsontext.String(text)); err != nil {
				return err
			}
		}
		if sub == nil {
			return fmt.Errorf("a list where an object was expected at %s", dec.StackPointer())
		}
		if err := copyValue(dec, enc, sub); err != nil {
			return err
		}
	}
	end, err := dec.ReadToken()
	if err != nil {
		return err
	}
	return enc.WriteToken(end)
}
