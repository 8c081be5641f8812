package awswire

import (
	"encoding/base64"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// The encoder appends to one byte slice. Rules: scalars that are no pointers are always written, except empty strings
// (an enum that is not set); nil is left out; an empty list or map that is not nil is written; members stand in the
// model's order.

// appendJSON appends the value of v, which is not absent.
func (p *plan) appendJSON(dst []byte, f timeFormat, v reflect.Value) []byte {
	if p.ptr {
		v = v.Elem()
	}
	switch p.kind {
	case kindStruct:
		return p.appendObject(dst, v)
	case kindString:
		return appendString(dst, v.String())
	case kindBool:
		return strconv.AppendBool(dst, v.Bool())
	case kindInt:
		return strconv.AppendInt(dst, v.Int(), 10)
	case kindFloat:
		return appendFloat(dst, v.Float(), p.typ.Bits())
	case kindBlob:
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, v.Bytes())
		return append(dst, '"')
	case kindTime:
		t := *v.Addr().Interface().(*time.Time)
		if f == timeUnix {
			return formatTime(dst, f, t)
		}
		dst = append(dst, '"')
		dst = formatTime(dst, f, t)
		return append(dst, '"')
	case kindList:
		dst = append(dst, '[')
		for i := range v.Len() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = p.elem.appendElement(dst, f, v.Index(i))
		}
		return append(dst, ']')
	case kindMap:
		return p.appendMap(dst, f, v)
	case kindUnion:
		return p.appendUnion(dst, v)
	}
	return append(dst, "null"...)
}

func (p *plan) appendElement(dst []byte, f timeFormat, v reflect.Value) []byte {
	if (p.ptr || p.kind == kindUnion) && v.IsNil() {
		return append(dst, "null"...)
	}
	return p.appendJSON(dst, f, v)
}

func (p *plan) appendObject(dst []byte, v reflect.Value) []byte {
	dst = append(dst, '{')
	start := len(dst)
	for _, f := range p.fields {
		if f.loc != inBody || f == p.payload {
			continue
		}
		fv := v.Field(f.index)
		if f.plan.absent(fv) {
			continue
		}
		if len(dst) > start {
			dst = append(dst, ',')
		}
		dst = append(dst, f.jsonName...)
		dst = f.plan.appendJSON(dst, f.time, fv)
	}
	return append(dst, '}')
}

func (p *plan) absent(v reflect.Value) bool {
	if p.ptr {
		return v.IsNil()
	}
	switch p.kind {
	case kindString:
		return v.Len() == 0
	case kindList, kindMap, kindBlob, kindUnion, kindStream:
		return v.IsNil()
	}
	return false
}

// appendMap writes keys in order: Go's map order would make answers differ from run to run.
func (p *plan) appendMap(dst []byte, f timeFormat, v reflect.Value) []byte {
	dst = append(dst, '{')
	for i, k := range sortedKeys(v) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, k.String())
		dst = append(dst, ':')
		dst = p.elem.appendElement(dst, f, addressable(v.MapIndex(k)))
	}
	return append(dst, '}')
}

// addressable copies a map's element where the encoder needs its address (times inside of structures).
func addressable(v reflect.Value) reflect.Value {
	if v.Kind() != reflect.Struct {
		return v
	}
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	return c
}

func sortedKeys(v reflect.Value) []reflect.Value {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int {
		if a.String() < b.String() {
			return -1
		}
		return 1
	})
	return keys
}

func (p *plan) appendUnion(dst []byte, v reflect.Value) []byte {
	dst = append(dst, '{')
	if f, inner := p.unionMember(v); f != nil {
		dst = append(dst, f.jsonName...)
		dst = f.plan.elem.appendJSON(dst, f.time, inner)
	}
	return append(dst, '}')
}

// unionMember finds the registered member of an interface value; nil: not registered.
func (p *plan) unionMember(v reflect.Value) (*field, reflect.Value) {
	v = v.Elem()
	for _, f := range p.fields {
		if f.plan.typ == v.Type() {
			return f, v.Elem().Field(0)
		}
	}
	return nil, v
}

func appendString(dst []byte, s string) []byte {
	out, err := jsontext.AppendQuote(dst, s)
	if err != nil { // invalid UTF-8 becomes U+FFFD, written already
		return out
	}
	return out
}

// appendFloat writes numbers that JSON lacks as strings, as AWS's protocol does, and whole ones as AWS prints them: 50.0 for
// percentTraffic (AWS recording test_create_update_stages), 10.0 for Maximum (test_put_metric_data_values_list).
func appendFloat(dst []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(dst, `"-Infinity"`...)
	}
	return appendJavaFloat(dst, f, bits)
}
