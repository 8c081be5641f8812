package awswire

import (
	"reflect"
	"strconv"
)

// This file decodes CBOR along a plan; it mirrors json_decode.go. What AWS says of a body that does not fit is not known
// for CBOR: the texts are those of JSON. // unverified: the texts of errors of CBOR bodies.

func (d *decoding) cborStruct(p *plan, dst reflect.Value, node int) error {
	h, err := d.cborOpen(cborMap)
	if err != nil {
		return err
	}
	if d.depth++; d.depth > maxDepth {
		return malformed("")
	}
	defer func() { d.depth-- }()
	dst = p.target(dst)
	var seen uint64
	for i := uint64(0); ; i++ {
		over, err := d.cbor.end(h, i)
		if err != nil {
			return err
		}
		if over {
			break
		}
		f, err := d.cborName(p)
		if err != nil {
			return err
		}
		if f == nil {
			if err := d.cbor.skip(d.depth); err != nil {
				return err
			}
			continue
		}
		if d.cbor.isNull() {
			continue
		}
		seen |= f.bit
		if err := d.cborMember(f, dst.Field(f.index), node); err != nil {
			return err
		}
	}
	if node == root {
		d.seen |= seen
		return nil
	}
	d.missing(p, seen)
	return nil
}

// cborOpen reads the head of a container of the wanted kind.
func (d *decoding) cborOpen(want byte) (cborHead, error) {
	h, err := d.cbor.head()
	switch {
	case err != nil || h.major == want:
		return h, err
	case h.major == cborArray:
		return h, malformed(unexpectedList)
	case h.major == cborMap:
		return h, malformed(unexpectedObject)
	}
	return h, malformed("")
}

// cborName reads a member's name and finds its field; nil: the model does not know it.
func (d *decoding) cborName(p *plan) (*field, error) {
	name, err := d.cborText()
	if err != nil {
		return nil, err
	}
	return p.byWire[string(name)], nil
}

func (d *decoding) cborText() ([]byte, error) {
	h, err := d.cbor.head()
	if err != nil {
		return nil, err
	}
	if h.major != cborText {
		return nil, malformed("")
	}
	return d.cbor.string(h)
}

func (d *decoding) cborMember(f *field, dst reflect.Value, node int) error {
	if d.inList == 0 || f.lossy() {
		node = d.present.add(node, f)
	}
	d.enter(f)
	err := d.cborValue(f.plan, dst, node)
	d.pop()
	return err
}

// cborValue decodes one item that is not null.
func (d *decoding) cborValue(p *plan, dst reflect.Value, node int) error {
	switch p.kind {
	case kindStruct:
		return d.cborStruct(p, dst, node)
	case kindList:
		return d.cborList(p, dst, node)
	case kindMap:
		return d.cborMapping(p, dst, node)
	case kindUnion:
		return d.cborUnion(p, dst, node)
	}
	return d.cborScalar(p, dst)
}

func (d *decoding) cborScalar(p *plan, dst reflect.Value) error {
	h, err := d.cbor.head()
	if err != nil {
		return err
	}
	switch {
	case h.major == cborArray:
		return malformed(unexpectedList)
	case h.major == cborMap:
		return malformed(unexpectedObject)
	case h.major == cborTag && p.kind == kindTime && h.n == cborEpoch:
		return d.cborTimestamp(p, dst)
	case h.major == cborTag:
		return malformed("")
	}
	switch p.kind {
	case kindString:
		return d.cborString(p, h, dst)
	case kindBlob:
		if h.major != cborBytes {
			return malformed("")
		}
		b, err := d.cbor.string(h)
		if err != nil {
			return err
		}
		d.blob(p.check, b)
		dst.SetBytes(append([]byte{}, b...))
	case kindBool:
		if h.major != cborSimple || h.info != cborTrue && h.info != cborFalse {
			return malformed("")
		}
		p.setBool(dst, h.info == cborTrue)
	case kindInt:
		n, ok := h.integer()
		if !ok || !p.setInt(dst, n) {
			return malformed("")
		}
		d.number(p.check, float64(n))
	case kindFloat:
		n, ok := h.float()
		if !ok {
			return malformed("")
		}
		d.number(p.check, n)
		p.setFloat(dst, n)
	default: // a time without its tag
		return malformed("")
	}
	return nil
}

func (d *decoding) cborString(p *plan, h cborHead, dst reflect.Value) error {
	if h.major != cborText {
		return malformed("")
	}
	text, err := d.cbor.string(h)
	if err != nil {
		return err
	}
	s := string(text)
	d.string(p.check, s)
	p.setString(dst, s)
	return nil
}

func (d *decoding) cborTimestamp(p *plan, dst reflect.Value) error {
	h, err := d.cbor.head()
	if err != nil {
		return err
	}
	t, ok := cborTime(h)
	if !ok {
		return malformed("")
	}
	p.setTime(dst, t)
	return nil
}

func (d *decoding) cborList(p *plan, dst reflect.Value, node int) error {
	h, err := d.cborOpen(cborArray)
	if err != nil {
		return err
	}
	d.inList++
	dst.Set(reflect.MakeSlice(p.typ, 0, 0))
	n := 0
	for i := uint64(0); ; i++ {
		over, err := d.cbor.end(h, i)
		if err != nil {
			return err
		}
		if over {
			break
		}
		if d.cbor.isNull() {
			continue
		}
		if n == maxElements && p.elem.nested() {
			return malformed("")
		}
		dst.Grow(1)
		dst.SetLen(n + 1)
		if err := d.cborElement(p.elem, dst.Index(n), n, "."+strconv.Itoa(n+1)+".member", node); err != nil {
			return err
		}
		n++
	}
	d.inList--
	d.container(p, dst)
	return nil
}

// cborElement decodes an element of a list or a map. The rules of scalars are reported at their container.
func (d *decoding) cborElement(p *plan, dst reflect.Value, n int, step string, node int) error {
	if !p.nested() && p.kind != kindUnion {
		mark := len(d.found)
		err := d.cborScalar(p, dst)
		d.found = d.found[:mark]
		return err
	}
	d.push(n, step)
	err := d.cborValue(p, dst, node)
	d.pop()
	return err
}

func (d *decoding) cborMapping(p *plan, dst reflect.Value, node int) error {
	h, err := d.cborOpen(cborMap)
	if err != nil {
		return err
	}
	d.inList++
	m := reflect.MakeMap(p.typ)
	dst.Set(m)
	elem := reflect.New(p.elem.goType()).Elem()
	for i := uint64(0); ; i++ {
		over, err := d.cbor.end(h, i)
		if err != nil {
			return err
		}
		if over {
			break
		}
		text, err := d.cborText()
		if err != nil {
			return err
		}
		if d.cbor.isNull() {
			continue
		}
		key := string(text)
		elem.SetZero()
		if err := d.cborElement(p.elem, elem, int(i), "."+key+".member", node); err != nil {
			return err
		}
		m.SetMapIndex(reflect.ValueOf(key).Convert(p.key.typ), elem)
	}
	d.inList--
	d.container(p, dst)
	return nil
}

// cborUnion decodes a map with exactly one known member.
func (d *decoding) cborUnion(p *plan, dst reflect.Value, node int) error {
	h, err := d.cborOpen(cborMap)
	if err != nil {
		return err
	}
	for i := uint64(0); ; i++ {
		over, err := d.cbor.end(h, i)
		if err != nil || over {
			return err
		}
		f, err := d.cborName(p)
		if err != nil {
			return err
		}
		if f == nil {
			if err := d.cbor.skip(d.depth); err != nil {
				return err
			}
			continue
		}
		if d.cbor.isNull() {
			continue
		}
		v := reflect.New(f.plan.typ.Elem())
		d.enter(f)
		err = d.cborValue(f.plan.elem, v.Elem().Field(0), node)
		d.pop()
		if err != nil {
			return err
		}
		dst.Set(v)
	}
}
