package awswire

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// decoding is the state of one request being decoded.
type decoding struct {
	checker
	present *presence
	dec     *jsontext.Decoder
	cbor    cborReader
	inList  int // depth of lists and maps
	depth   int // of structures
	// javaTypes: the service's framework names Java classes where a type is wrong, see dialect.
	javaTypes bool
	seen      uint64 // required members of the input itself that were on the wire
}

// malformed is the framework's error for a body that does not fit the shapes. AWS leaves the message out where the JSON
// itself is broken; the texts for wrong types were measured by others against Athena (json-1.1) and SES (rest-json) in
// 2026: unverified for our services.
func malformed(message string) error {
	return &Error{Code: "SerializationException", Message: message, Status: 400}
}

const (
	unexpectedList   = "Start of list found where not expected"
	unexpectedObject = "Start of structure or map found where not expected."
)

// maxElements bounds lists of structures, which are hundreds of bytes each here and may be one on the wire. The longest
// that an operation takes is the 10,000 events of PutLogEvents.
//
// unverified: what AWS answers to lists beyond all measure
const maxElements = 100_000

// maxDepth bounds structures inside of structures: some shapes are recursive. Unknown members are skipped without
// recursion, up to jsontext's own limit of 10,000.
const maxDepth = 100

type pooledDecoder struct {
	dec *jsontext.Decoder
	src *bytes.Buffer
}

var decoders = sync.Pool{New: func() any {
	p := &pooledDecoder{src: new(bytes.Buffer)}
	p.dec = jsontext.NewDecoder(p.src, jsontext.AllowDuplicateNames(true))
	return p
}}

// document decodes a whole JSON body into the struct dst: the input itself (node is root), or the member that is the
// payload.
func (d *decoding) document(p *plan, dst reflect.Value, body []byte, node int) error {
	pooled := decoders.Get().(*pooledDecoder)
	defer decoders.Put(pooled)
	// A bytes.Buffer lets the decoder read the body in place. Jackson accepts a member twice (the last one counts), so do
	// we.
	src := bytes.NewBuffer(body)
	pooled.dec.Reset(src, jsontext.AllowDuplicateNames(true))
	d.dec = pooled.dec
	var err error
	switch d.dec.PeekKind() {
	case '{':
		err = d.structure(p, dst, node)
	case '[':
		err = malformed(unexpectedList)
	default:
		err = malformed("")
	}
	if err == nil {
		if _, end := d.dec.ReadToken(); end != io.EOF {
			err = malformed("")
		}
	}
	pooled.dec.Reset(pooled.src, jsontext.AllowDuplicateNames(true)) // do not keep the body alive
	var own *Error
	if err != nil && !errors.As(err, &own) {
		err = malformed("")
	}
	return err
}

func (d *decoding) structure(p *plan, dst reflect.Value, node int) error {
	if err := d.open('{', "Expected null"); err != nil {
		return err
	}
	if d.depth++; d.depth > maxDepth {
		return malformed("")
	}
	defer func() { d.depth-- }()
	dst = p.target(dst)
	var seen uint64
	for d.dec.PeekKind() != '}' {
		f, err := d.name(p)
		if err != nil {
			return err
		}
		if f == nil || d.dec.PeekKind() == 'n' { // null is absent
			if err := d.dec.SkipValue(); err != nil {
				return err
			}
			continue
		}
		seen |= f.bit
		if err := d.member(f, dst.Field(f.index), node); err != nil {
			return err
		}
	}
	if _, err := d.dec.ReadToken(); err != nil {
		return err
	}
	if node == root {
		d.seen |= seen // the members that are bound elsewhere are judged together with these
		return nil
	}
	d.missing(p, seen)
	return nil
}

// name reads a member's name and finds its field; nil: the model does not know it, AWS ignores it.
func (d *decoding) name(p *plan) (*field, error) {
	raw, err := d.dec.ReadValue()
	if err != nil {
		return nil, err
	}
	inner := raw[1 : len(raw)-1]
	if bytes.IndexByte(inner, '\\') >= 0 {
		if inner, err = jsontext.AppendUnquote(nil, raw); err != nil {
			return nil, err
		}
	}
	return p.byWire[string(inner)], nil
}

func (d *decoding) member(f *field, dst reflect.Value, node int) error {
	if d.inList == 0 || f.lossy() {
		node = d.present.add(node, f)
	}
	d.enter(f)
	err := d.value(f.plan, f.time, dst, node)
	d.pop()
	return err
}

// lossy: the Go field cannot tell zero from absent.
func (f *field) lossy() bool {
	return !f.plan.ptr && (f.plan.kind == kindString || f.plan.kind == kindBool || f.plan.kind == kindInt || f.plan.kind == kindFloat)
}

// value decodes one JSON value that is not null.
func (d *decoding) value(p *plan, f timeFormat, dst reflect.Value, node int) error {
	switch p.kind {
	case kindStruct:
		return d.structure(p, dst, node)
	case kindList:
		return d.list(p, f, dst, node)
	case kindMap:
		return d.mapping(p, f, dst, node)
	case kindUnion:
		return d.union(p, dst, node)
	}
	tok, err := d.dec.ReadToken()
	if err != nil {
		return err
	}
	return d.scalar(p, f, dst, tok)
}

func (d *decoding) scalar(p *plan, f timeFormat, dst reflect.Value, tok jsontext.Token) error {
	switch tok.Kind() {
	case '[':
		return malformed(unexpectedList)
	case '{':
		return malformed(unexpectedObject)
	}
	switch p.kind {
	case kindString:
		if tok.Kind() != '"' {
			return d.wrongKind(tok, "a String")
		}
		s := tok.String()
		d.string(p.check, s)
		p.setString(dst, s)
	case kindBool:
		// Jackson takes any string for true (measured by others on SES v2).
		if tok.Kind() == '0' || tok.Kind() == '"' && d.javaTypes {
			return d.wrongKind(tok, "a Boolean")
		}
		p.setBool(dst, tok.Kind() != 'f')
	case kindInt:
		return d.integer(p, dst, tok)
	case kindFloat:
		if tok.Kind() != '0' {
			return d.wrongKind(tok, "a Double")
		}
		n, err := strconv.ParseFloat(tok.String(), 64)
		if err != nil {
			return malformed("")
		}
		d.number(p.check, n)
		p.setFloat(dst, n)
	case kindBlob:
		if tok.Kind() != '"' {
			return d.wrongKind(tok, "a Blob") // unverified text
		}
		return d.setBlob(p, dst, []byte(tok.String()))
	case kindTime:
		if tok.Kind() != '0' && tok.Kind() != '"' {
			return d.wrongKind(tok, "a Timestamp") // unverified text
		}
		t, err := parseTime(f, tok.String())
		if err != nil {
			return malformed("")
		}
		p.setTime(dst, t)
	default:
		return malformed("")
	}
	return nil
}

func (d *decoding) integer(p *plan, dst reflect.Value, tok jsontext.Token) error {
	if tok.Kind() != '0' {
		return d.wrongKind(tok, "an Integer")
	}
	text := tok.String()
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		// AWS cuts 1.5 to 1 (measured by others on Athena); what it does out of range is unverified.
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || v >= 1<<63 || v < -1<<63 {
			return malformed("")
		}
		n = int64(v)
	}
	d.number(p.check, float64(n))
	if !p.setInt(dst, n) {
		return malformed("")
	}
	return nil
}

func (d *decoding) wrongKind(tok jsontext.Token, target string) error {
	if d.javaTypes {
		java := map[jsontext.Kind]string{'"': "java.lang.String", '0': "com.amazon.coral.value.json.numbers.TruncatingBigNumber",
			't': "java.lang.Boolean", 'f': "java.lang.Boolean"}
		_, name, _ := strings.Cut(target, " ")
		return malformed("class " + java[tok.Kind()] + " can not be converted to an " + name)
	}
	names := map[jsontext.Kind]string{'"': "STRING_VALUE", '0': "NUMBER_VALUE", 't': "TRUE_VALUE", 'f': "FALSE_VALUE"}
	return malformed(names[tok.Kind()] + " can not be converted to " + target)
}

// open reads the opening token want; scalar is AWS's text when a scalar stands there.
func (d *decoding) open(want jsontext.Kind, scalar string) error {
	tok, err := d.dec.ReadToken()
	switch {
	case err != nil:
		return err
	case tok.Kind() == want:
		return nil
	case tok.Kind() == '[':
		return malformed(unexpectedList)
	case tok.Kind() == '{':
		return malformed(unexpectedObject)
	}
	return malformed(scalar)
}

func (d *decoding) list(p *plan, f timeFormat, dst reflect.Value, node int) error {
	if err := d.open('[', "Expected list or null"); err != nil {
		return err
	}
	d.inList++
	dst.Set(reflect.MakeSlice(p.typ, 0, 0))
	for n := 0; d.dec.PeekKind() != ']'; {
		if d.dec.PeekKind() == 'n' { // AWS drops null elements (measured by others on Athena)
			if err := d.dec.SkipValue(); err != nil {
				return err
			}
			continue
		}
		if n == maxElements && p.elem.nested() {
			return malformed("")
		}
		dst.Grow(1)
		dst.SetLen(n + 1)
		if err := d.element(p, f, dst.Index(n), n, node); err != nil {
			return err
		}
		n++
	}
	d.inList--
	d.container(p, dst)
	_, err := d.dec.ReadToken()
	return err
}

func (d *decoding) element(p *plan, f timeFormat, dst reflect.Value, n, node int) error {
	if p.elemScalar() {
		tok, err := d.dec.ReadToken()
		if err != nil {
			return err
		}
		return d.uncheckedScalar(p.elem, f, dst, tok)
	}
	d.push(n, "."+strconv.Itoa(n+1)+".member")
	err := d.value(p.elem, f, dst, node)
	d.pop()
	return err
}

func (p *plan) elemScalar() bool { return !p.elem.nested() && p.elem.kind != kindUnion }

// uncheckedScalar decodes a scalar whose rules are reported at its container.
func (d *decoding) uncheckedScalar(p *plan, f timeFormat, dst reflect.Value, tok jsontext.Token) error {
	mark := len(d.found)
	err := d.scalar(p, f, dst, tok)
	d.found = d.found[:mark]
	return err
}

func (d *decoding) mapping(p *plan, f timeFormat, dst reflect.Value, node int) error {
	if err := d.open('{', "Expected map or null"); err != nil { // unverified text
		return err
	}
	d.inList++
	m := reflect.MakeMap(p.typ)
	dst.Set(m)
	elem := reflect.New(p.elem.goType()).Elem()
	for n := 0; d.dec.PeekKind() != '}'; n++ {
		tok, err := d.dec.ReadToken()
		if err != nil {
			return err
		}
		key := tok.String()
		if d.dec.PeekKind() == 'n' {
			if err := d.dec.SkipValue(); err != nil {
				return err
			}
			continue
		}
		elem.SetZero()
		if err := d.mapElement(p, f, elem, key, n, node); err != nil {
			return err
		}
		if plain, ok := m.Interface().(map[string]string); ok {
			plain[key] = elem.String()
			continue
		}
		m.SetMapIndex(reflect.ValueOf(key).Convert(p.key.typ), elem)
	}
	d.inList--
	d.container(p, dst)
	_, err := d.dec.ReadToken()
	return err
}

func (d *decoding) mapElement(p *plan, f timeFormat, dst reflect.Value, key string, n, node int) error {
	if p.elemScalar() {
		tok, err := d.dec.ReadToken()
		if err != nil {
			return err
		}
		return d.uncheckedScalar(p.elem, f, dst, tok)
	}
	d.push(n, "."+key+".member")
	err := d.value(p.elem, f, dst, node)
	d.pop()
	return err
}

func (p *plan) goType() reflect.Type {
	if p.ptr {
		return reflect.PointerTo(p.typ)
	}
	return p.typ
}

// union decodes an object with exactly one known member.
func (d *decoding) union(p *plan, dst reflect.Value, node int) error {
	if err := d.open('{', "Expected null"); err != nil {
		return err
	}
	for d.dec.PeekKind() != '}' {
		f, err := d.name(p)
		if err != nil {
			return err
		}
		if f == nil || d.dec.PeekKind() == 'n' {
			if err := d.dec.SkipValue(); err != nil {
				return err
			}
			continue
		}
		v := reflect.New(f.plan.typ.Elem())
		d.enter(f)
		err = d.value(f.plan.elem, f.time, v.Elem().Field(0), node)
		d.pop()
		if err != nil {
			return err
		}
		dst.Set(v)
	}
	_, err := d.dec.ReadToken()
	return err
}

// decodeBase64 takes base64 with and without padding.
func decodeBase64(text []byte) ([]byte, error) {
	text = bytes.TrimRight(text, "=")
	out := make([]byte, base64.RawStdEncoding.DecodedLen(len(text)))
	n, err := base64.RawStdEncoding.Decode(out, text)
	return out[:n], err
}
