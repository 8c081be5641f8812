package awswire

import (
	"encoding/binary"
	"math"
	"reflect"
	"time"
)

// This file encodes CBOR along a plan, by the rules of json_encode.go. Structures are written as maps of indefinite length,
// which saves counting their members.

func (p *plan) appendCBOR(dst []byte, v reflect.Value) []byte {
	if p.ptr {
		v = v.Elem()
	}
	switch p.kind {
	case kindStruct:
		return p.appendCBORStruct(dst, v)
	case kindString:
		return appendCBORText(dst, v.String())
	case kindBool:
		if v.Bool() {
			return append(dst, cborSimple<<5|cborTrue)
		}
		return append(dst, cborSimple<<5|cborFalse)
	case kindInt:
		return appendCBORInt(dst, v.Int())
	case kindFloat:
		return appendCBORFloat(dst, v.Float())
	case kindBlob:
		dst = appendCBORHead(dst, cborBytes, uint64(v.Len()))
		return append(dst, v.Bytes()...)
	case kindTime:
		return appendCBORTime(dst, v.Interface().(time.Time))
	case kindList:
		dst = appendCBORHead(dst, cborArray, uint64(v.Len()))
		for i := range v.Len() {
			dst = p.elem.appendCBORElement(dst, v.Index(i))
		}
		return dst
	case kindMap:
		dst = appendCBORHead(dst, cborMap, uint64(v.Len()))
		for _, k := range sortedKeys(v) {
			dst = appendCBORText(dst, k.String())
			dst = p.elem.appendCBORElement(dst, addressable(v.MapIndex(k)))
		}
		return dst
	case kindUnion:
		dst = append(dst, cborMap<<5|indefinite)
		if f, inner := p.unionMember(v); f != nil {
			dst = appendCBORText(dst, f.wire)
			dst = f.plan.elem.appendCBOR(dst, inner)
		}
		return append(dst, cborBreak)
	}
	return append(dst, cborSimple<<5|cborNull)
}

func (p *plan) appendCBORElement(dst []byte, v reflect.Value) []byte {
	if (p.ptr || p.kind == kindUnion) && v.IsNil() {
		return append(dst, cborSimple<<5|cborNull)
	}
	return p.appendCBOR(dst, v)
}

func (p *plan) appendCBORStruct(dst []byte, v reflect.Value) []byte {
	dst = append(dst, cborMap<<5|indefinite)
	for _, f := range p.fields {
		fv := v.Field(f.index)
		if f.plan.absent(fv) {
			continue
		}
		dst = appendCBORText(dst, f.wire)
		dst = f.plan.appendCBOR(dst, fv)
	}
	return append(dst, cborBreak)
}

func appendCBORHead(dst []byte, major byte, n uint64) []byte {
	major <<= 5
	switch {
	case n < 24:
		return append(dst, major|byte(n))
	case n <= math.MaxUint8:
		return append(dst, major|24, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, major|25), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, major|27), n)
}

func appendCBORText(dst []byte, s string) []byte {
	return append(appendCBORHead(dst, cborText, uint64(len(s))), s...)
}

func appendCBORInt(dst []byte, n int64) []byte {
	if n < 0 {
		return appendCBORHead(dst, cborNegative, uint64(-1-n))
	}
	return appendCBORHead(dst, cborUint, uint64(n))
}

func appendCBORFloat(dst []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, cborSimple<<5|cborDouble), math.Float64bits(f))
}

func appendCBORTime(dst []byte, t time.Time) []byte {
	dst = append(dst, cborTag<<5|cborEpoch)
	ms := t.UnixMilli()
	if ms%1000 == 0 {
		return appendCBORInt(dst, ms/1000)
	}
	return appendCBORFloat(dst, float64(ms)/1000)
}
