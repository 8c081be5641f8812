package awswire

import (
	"bytes"
	"encoding/base64"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

func openTag(b []byte, name string) []byte {
	b = append(b, '<')
	b = append(b, name...)
	return append(b, '>')
}

func closeTag(b []byte, name string) []byte {
	b = append(b, '<', '/')
	b = append(b, name...)
	return append(b, '>')
}

func (p *plan) appendXMLMembers(b []byte, v reflect.Value) []byte {
	for _, f := range p.fields {
		fv := v.Field(f.index)
		if !f.plan.absent(fv) && !(f.omitZero && fv.IsZero()) {
			b = f.plan.appendXML(b, f.wire, f.time, f.flat, fv)
		}
	}
	return b
}

// appendXML appends the element name for v, which is not absent.
func (p *plan) appendXML(b []byte, name string, f timeFormat, flat bool, v reflect.Value) []byte {
	if p.ptr {
		v = v.Elem()
	}
	if p.kind == kindList {
		return p.appendXMLList(b, name, f, flat, v)
	}
	if p.kind == kindMap && flat {
		for _, k := range sortedKeys(v) {
			b = p.appendXMLEntry(b, name, f, k, v)
		}
		return b
	}
	b = openTag(b, name)
	switch p.kind {
	case kindStruct:
		b = p.appendXMLMembers(b, v)
	case kindMap:
		for _, k := range sortedKeys(v) {
			b = p.appendXMLEntry(b, "entry", f, k, v)
		}
	case kindUnion:
		if m, inner := p.unionMember(v); m != nil {
			b = m.plan.elem.appendXML(b, m.wire, m.time, m.flat, inner)
		}
	case kindString:
		b = appendEscaped(b, v.String())
	case kindBool:
		b = strconv.AppendBool(b, v.Bool())
	case kindInt:
		b = strconv.AppendInt(b, v.Int(), 10)
	case kindFloat:
		b = appendJavaFloat(b, v.Float(), p.typ.Bits())
	case kindBlob:
		b = base64.StdEncoding.AppendEncode(b, v.Bytes())
	case kindTime:
		b = formatTime(b, f, v.Interface().(time.Time))
	}
	return closeTag(b, name)
}

func (p *plan) appendXMLList(b []byte, name string, f timeFormat, flat bool, v reflect.Value) []byte {
	if flat {
		for i := range v.Len() {
			b = p.elem.appendXML(b, name, f, false, v.Index(i))
		}
		return b
	}
	if v.Len() == 0 {
		b = append(b, '<')
		b = append(b, name...)
		return append(b, '/', '>')
	}
	b = openTag(b, name)
	for i := range v.Len() {
		b = p.elem.appendXML(b, p.elemName, f, false, v.Index(i))
	}
	return closeTag(b, name)
}

func (p *plan) appendXMLEntry(b []byte, name string, f timeFormat, key, m reflect.Value) []byte {
	b = openTag(b, name)
	b = p.key.appendXML(b, p.keyName, f, false, key)
	b = p.elem.appendXML(b, p.valueName, f, false, m.MapIndex(key))
	return closeTag(b, name)
}

// appendJavaFloat writes a number as Java prints it: "41.0", "1.0E7" (AWS recording test_basic_operations_multiple_protocols).
func appendJavaFloat(b []byte, f float64, bits int) []byte {
	switch abs := math.Abs(f); {
	case math.IsNaN(f):
		return append(b, "NaN"...)
	case math.IsInf(f, 1):
		return append(b, "Infinity"...)
	case math.IsInf(f, -1):
		return append(b, "-Infinity"...)
	case abs == 0 || abs >= 1e-3 && abs < 1e7:
		start := len(b)
		b = strconv.AppendFloat(b, f, 'f', -1, bits)
		if bytes.IndexByte(b[start:], '.') < 0 {
			b = append(b, ".0"...)
		}
		return b
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'E', -1, bits), "E")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	n, _ := strconv.Atoi(exponent) // without Go's plus sign and leading zero
	return append(b, mantissa+"E"+strconv.Itoa(n)...)
}

// appendEscaped escapes text for an element. Characters that XML 1.0 cannot carry become U+FFFD.
func appendEscaped(b []byte, s string) []byte {
	last := 0
	for i := 0; i < len(s); {
		r, n := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(s[i:])
		}
		var esc string
		switch {
		case r == '&':
			esc = "&amp;"
		case r == '<':
			esc = "&lt;"
		case r == '>':
			esc = "&gt;"
		case r == '"':
			esc = "&quot;"
		case r == '\r':
			esc = "&#xD;" // a bare one would be read as a line feed
		case r < 0x20 && r != '\t' && r != '\n', r == 0xFFFE, r == 0xFFFF, r == utf8.RuneError && n == 1:
			esc = "\uFFFD"
		default:
			i += n
			continue
		}
		b = append(b, s[last:i]...)
		b = append(b, esc...)
		i += n
		last = i
	}
	return append(b, s[last:]...)
}
