package awswire

import (
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

type kind uint8

const (
	kindStruct kind = iota
	kindUnion
	kindList
	kindMap
	kindString
	kindBool
	kindInt
	kindFloat
	kindBlob
	kindStream
	kindTime
)

type location uint8

const (
	inBody location = iota
	inPath
	inQuery
	inHeader
	inStatus
)

type timeFormat uint8

const (
	timeUnix timeFormat = iota
	timeISO
	timeHTTP
)

// plan says how one model shape and one Go type fit together. Plans are immutable once [Service] hands them out.
type plan struct {
	kind  kind
	ptr   bool         // the Go type is a pointer to typ
	typ   reflect.Type // without the pointer
	shape *modelShape
	check *constraint // of scalars, and the length of lists and maps; nil: none

	fields   []*field          // struct and union: in model order
	byWire   map[string]*field // body members by wire name
	required uint64            // by field order
	payload  *field

	elem      *plan  // list element, map value
	key       *plan  // map key
	elemName  string // XML and form: name of a list element, "" when flattened
	keyName   string
	valueName string
	elemCheck *constraint // of scalar elements
	keyCheck  *constraint
	strict    bool // "Member must not be null" is among the rules of elements
}

// field is one member of a structure.
type field struct {
	name     string // model member
	wire     string // on the wire
	path     string // in validation sentences
	order    int
	index    int // of the Go field; -1: the Go type lacks it
	loc      location
	plan     *plan
	time     timeFormat
	flat     bool
	restMap  bool   // query map without a name: everything that is not bound otherwise
	jsonName string // quoted, with colon
	bit      uint64 // in plan.required
	isError  bool   // the code-like message member of an error
	omitZero bool   // not written when it is zero, though the Go field cannot be absent
}

type planKey struct {
	shape string
	typ   reflect.Type
	flat  bool
	query bool // compiled for a query protocol: names differ
}

// compiler builds plans; its owner holds the lock of the Service.
type compiler struct {
	s       *Service
	done    map[planKey]*plan
	missing []string // members without a Go field, for tests
}

func (c *compiler) compile(ref *shapeRef, t reflect.Type) (*plan, error) {
	shape := c.s.model.Shapes[ref.Shape]
	if shape == nil {
		return nil, fmt.Errorf("the model has no shape %s", ref.Shape)
	}
	k := planKey{shape.name, t, ref.Flattened || shape.Flattened, c.s.query()}
	if p := c.done[k]; p != nil {
		return p, nil
	}
	p := &plan{shape: shape, typ: t}
	if t.Kind() == reflect.Pointer {
		p.ptr, p.typ = true, t.Elem()
	}
	c.done[k] = p
	if err := c.fill(p, k.flat); err != nil {
		delete(c.done, k)
		return nil, fmt.Errorf("%s: %w", shape.name, err)
	}
	return p, nil
}

func (c *compiler) fill(p *plan, flat bool) error {
	if p.shape.EventStream {
		return fmt.Errorf("event streams are outside of the codec")
	}
	switch p.shape.Type {
	case "structure":
		return c.fillStruct(p)
	case "list":
		return c.fillList(p, flat)
	case "map":
		return c.fillMap(p)
	}
	if err := p.fillScalar(); err != nil {
		return err
	}
	p.check = c.s.constraint(p.shape).withValuesOf(p.typ)
	return nil
}

func (p *plan) fillScalar() error {
	want := map[string]kind{"string": kindString, "character": kindString, "boolean": kindBool, "integer": kindInt,
		"long": kindInt, "float": kindFloat, "double": kindFloat, "blob": kindBlob, "timestamp": kindTime}
	k, ok := want[p.shape.Type]
	if !ok {
		return fmt.Errorf("unknown shape type %q", p.shape.Type)
	}
	p.kind = k
	fits := false
	switch k {
	case kindString:
		fits = p.typ.Kind() == reflect.String
	case kindBool:
		fits = p.typ.Kind() == reflect.Bool
	case kindInt:
		fits = p.typ.Kind() == reflect.Int32 || p.typ.Kind() == reflect.Int64
	case kindFloat:
		fits = p.typ.Kind() == reflect.Float32 || p.typ.Kind() == reflect.Float64
	case kindTime:
		fits = p.typ == reflect.TypeFor[time.Time]()
	case kindBlob:
		fits = p.typ == reflect.TypeFor[[]byte]()
		if !fits && p.typ.Kind() == reflect.Interface {
			p.kind, fits = kindStream, true // io.Reader or io.ReadCloser
		}
	}
	if !fits {
		return fmt.Errorf("Go type %s does not fit a %s", p.typ, p.shape.Type)
	}
	return nil
}

func (c *compiler) fillList(p *plan, flat bool) (err error) {
	p.kind = kindList
	if p.typ.Kind() != reflect.Slice || p.ptr {
		return fmt.Errorf("Go type %s is not a slice", p.typ)
	}
	if p.elem, err = c.compile(p.shape.Member, p.typ.Elem()); err != nil {
		return err
	}
	p.check = c.s.constraint(p.shape)
	p.elemCheck = p.elem.scalarCheck()
	p.strict = c.s.dialect.strict(p.shape.name)
	if !flat {
		p.elemName = "member" // the query protocol's default
		if p.shape.Member.LocationName != "" {
			p.elemName = p.shape.Member.LocationName
		}
	}
	return nil
}

func (c *compiler) fillMap(p *plan) (err error) {
	p.kind = kindMap
	if p.typ.Kind() != reflect.Map || p.ptr {
		return fmt.Errorf("Go type %s is not a map", p.typ)
	}
	if p.key, err = c.compile(p.shape.Key, p.typ.Key()); err != nil {
		return err
	}
	if p.elem, err = c.compile(p.shape.Value, p.typ.Elem()); err != nil {
		return err
	}
	p.check = c.s.constraint(p.shape)
	p.elemCheck, p.keyCheck = p.elem.scalarCheck(), p.key.scalarCheck()
	p.strict = c.s.dialect.strict(p.shape.name)
	p.keyName, p.valueName = "key", "value"
	if n := p.shape.Key.LocationName; n != "" {
		p.keyName = n
	}
	if n := p.shape.Value.LocationName; n != "" {
		p.valueName = n
	}
	return nil
}

func (p *plan) scalarCheck() *constraint {
	switch p.kind {
	case kindString, kindInt, kindFloat, kindBlob:
		return p.check
	}
	return nil
}

func (c *compiler) fillStruct(p *plan) error {
	if p.shape.Union {
		return c.fillUnion(p)
	}
	p.kind = kindStruct
	if p.typ.Kind() != reflect.Struct {
		return fmt.Errorf("Go type %s is not a struct", p.typ)
	}
	p.byWire = make(map[string]*field, len(p.shape.Members))
	for i, m := range p.shape.Members {
		gf, ok := goField(p.typ, m.name)
		if !ok {
			if target := c.s.model.Shapes[m.Shape]; target == nil || !target.EventStream {
				c.missing = append(c.missing, p.shape.name+"."+m.name)
			}
			continue
		}
		f, err := c.newField(p, m, i, gf.Type)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		f.index = gf.Index[0]
		p.addField(f)
	}
	for _, name := range p.shape.Required {
		for _, f := range p.fields {
			if f.name == name && f.order < 64 {
				f.bit = 1 << f.order
				p.required |= f.bit
			}
		}
	}
	return nil
}

func (p *plan) addField(f *field) {
	p.fields = append(p.fields, f)
	if f.name == p.shape.Payload {
		p.payload = f
	} else if f.loc == inBody {
		p.byWire[f.wire] = f
	}
}

// fillUnion compiles the members that are registered for the Go interface. The SDK names them INTERFACEMemberNAME and
// gives them one field, Value.
func (c *compiler) fillUnion(p *plan) error {
	p.kind = kindUnion
	if p.typ.Kind() != reflect.Interface {
		return fmt.Errorf("Go type %s is not an interface", p.typ)
	}
	p.byWire = make(map[string]*field, len(p.shape.Members))
	for i, m := range p.shape.Members {
		for _, t := range c.s.unions {
			if !t.Implements(p.typ) || t.Elem().Name() != p.typ.Name()+"Member"+exported(m.name) {
				continue
			}
			f, err := c.newField(p, m, i, t.Elem().Field(0).Type)
			if err != nil {
				return err
			}
			f.index = 0
			p.addField(f)
			f.plan = &plan{kind: kindUnion, typ: t, elem: f.plan} // typ: the member's pointer type
		}
	}
	return nil
}

func (c *compiler) newField(p *plan, m *shapeRef, order int, t reflect.Type) (*field, error) {
	sub, err := c.compile(m, t)
	if err != nil {
		return nil, err
	}
	f := &field{name: m.name, wire: m.LocationName, path: lowerFirst(m.name), order: order, plan: sub}
	if f.wire == "" {
		f.wire = m.name
	}
	f.flat = m.Flattened || sub.shape.Flattened
	f.jsonName = string(appendString(nil, f.wire)) + ":"
	switch m.Location {
	case "":
	case "uri":
		f.loc = inPath
	case "querystring":
		f.loc = inQuery
		f.restMap = m.LocationName == "" && sub.kind == kindMap
	case "header":
		f.loc = inHeader
	case "statusCode":
		f.loc = inStatus
	default:
		return nil, fmt.Errorf("unknown location %q", m.Location)
	}
	f.time = c.timeFormat(m, sub.shape, f.loc)
	f.omitZero = c.s.dialect.omitZero[p.shape.name+"."+m.name]
	if c.s.query() && m.LocationName == "" && f.flat && sub.kind == kindList && sub.shape.Member.LocationName != "" {
		f.wire = sub.shape.Member.LocationName // flattened lists take the name of their element
	}
	return f, nil
}

// timeFormat: the member's trait, else the shape's, else the default of the place (AWS protocol documents: JSON bodies
// epoch seconds, XML and query strings ISO 8601, headers RFC 822).
func (c *compiler) timeFormat(m *shapeRef, s *modelShape, loc location) timeFormat {
	name := m.TimestampFormat
	if name == "" {
		name = s.TimestampFormat
	}
	switch name {
	case "iso8601":
		return timeISO
	case "unixTimestamp":
		return timeUnix
	case "rfc822":
		return timeHTTP
	}
	switch {
	case loc == inHeader:
		return timeHTTP
	case loc == inQuery || loc == inPath || c.s.query():
		return timeISO
	}
	return timeUnix
}

// goField finds the exported Go field for a model member: the SDK upper-cases the first letter.
func goField(t reflect.Type, member string) (reflect.StructField, bool) {
	if f, ok := t.FieldByName(exported(member)); ok && len(f.Index) == 1 {
		return f, true
	}
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() && strings.EqualFold(f.Name, member) {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

func exported(name string) string {
	r, n := utf8.DecodeRuneInString(name)
	return string(unicode.ToUpper(r)) + name[n:]
}

// lowerFirst gives the form of a member's name in AWS's validation sentences: functionName, kMSKeyArn.
func lowerFirst(name string) string {
	r, n := utf8.DecodeRuneInString(name)
	return string(unicode.ToLower(r)) + name[n:]
}
