package awswire

import (
	"encoding/binary"
	"math"
	"net/http"
	"reflect"
	"time"
	"unicode/utf8"
)

// rpcCBOR is Smithy RPC v2 with CBOR bodies (RFC 8949), which the SDKs of today speak with CloudWatch.
type rpcCBOR struct{}

const (
	rpcV2CBOR   = "rpc-v2-cbor"
	contentCBOR = "application/cbor"
)

// The major types of CBOR.
const (
	cborUint byte = iota
	cborNegative
	cborBytes
	cborText
	cborArray
	cborMap
	cborTag
	cborSimple
)

// Of cborSimple.
const (
	cborFalse     = 20
	cborTrue      = 21
	cborNull      = 22
	cborUndefined = 23
	cborHalf      = 25
	cborSingle    = 26
	cborDouble    = 27
	cborBreak     = 0xff
	cborEpoch     = 1 // tag: seconds since 1970
)

func (rpcCBOR) decode(d *decoding, cp *callPlan, r *wireRequest, in reflect.Value) error {
	if len(r.body) > 0 {
		d.cbor = cborReader{rest: r.body}
		if err := d.cborStruct(cp.in, in, root); err != nil {
			return err
		}
		if len(d.cbor.rest) > 0 {
			return malformed("")
		}
	}
	d.missing(cp.in, d.seen)
	return nil
}

func (rpcCBOR) encode(s *Service, cp *callPlan, out reflect.Value, requestID string) *answer {
	body := make([]byte, 0, 1024)
	if cp.out != nil {
		body = cp.out.appendCBORStruct(body, out)
	} else {
		body = append(body, cborMap<<5)
	}
	return &answer{status: cp.status, header: cborHeader(nil), body: body}
}

func (rpcCBOR) fail(s *Service, e *wireError, requestID string) *answer {
	body := []byte{cborMap<<5 | indefinite}
	body = appendCBORText(body, "__type")
	body = appendCBORText(body, e.typeName(s))
	for _, m := range e.members {
		if m.cbor == nil && m.text == "" {
			continue
		}
		body = appendCBORText(body, m.name)
		if m.cbor == nil {
			body = appendCBORText(body, m.text)
			continue
		}
		body = append(body, m.cbor...)
	}
	return &answer{status: e.status, header: cborHeader(e), body: append(body, cborBreak)}
}

func cborHeader(e *wireError) http.Header {
	h := http.Header{}
	if e != nil {
		h = e.headers(contentCBOR)
	}
	h["Content-Type"] = []string{contentCBOR}
	h["Smithy-Protocol"] = []string{rpcV2CBOR}
	return h
}

// cborReader reads data items from the front of rest. Whatever it returns fits into what was there: a length is believed
// only as far as bytes follow.
type cborReader struct{ rest []byte }

// cborHead is the head of a data item.
type cborHead struct {
	major byte
	info  byte   // the five low bits
	n     uint64 // the argument
}

const indefinite = 31

func (h cborHead) indefinite() bool { return h.info == indefinite }

func (h cborHead) null() bool {
	return h.major == cborSimple && (h.info == cborNull || h.info == cborUndefined)
}

func (r *cborReader) head() (h cborHead, err error) {
	if len(r.rest) == 0 {
		return h, malformed("")
	}
	h.major, h.info = r.rest[0]>>5, r.rest[0]&31
	r.rest = r.rest[1:]
	switch {
	case h.info < 24:
		h.n = uint64(h.info)
		return h, nil
	case h.info == indefinite && h.major >= cborBytes && h.major <= cborMap:
		return h, nil
	case h.info > 27:
		return h, malformed("")
	}
	size := 1 << (h.info - 24)
	if len(r.rest) < size {
		return h, malformed("")
	}
	var wide [8]byte
	copy(wide[8-size:], r.rest)
	h.n = binary.BigEndian.Uint64(wide[:])
	r.rest = r.rest[size:]
	return h, nil
}

// end reports whether a container of which i items were read is over.
func (r *cborReader) end(h cborHead, i uint64) (bool, error) {
	if !h.indefinite() {
		return i == h.n, nil
	}
	if len(r.rest) == 0 {
		return false, malformed("")
	}
	if r.rest[0] != cborBreak {
		return false, nil
	}
	r.rest = r.rest[1:]
	return true, nil
}

// isNull takes a null off the front.
func (r *cborReader) isNull() bool {
	if len(r.rest) == 0 || r.rest[0] != cborSimple<<5|cborNull && r.rest[0] != cborSimple<<5|cborUndefined {
		return false
	}
	r.rest = r.rest[1:]
	return true
}

// string returns the content of a text or byte string whose head was read. It aliases the body unless the string came in
// chunks.
func (r *cborReader) string(h cborHead) ([]byte, error) {
	if !h.indefinite() {
		if h.n > uint64(len(r.rest)) {
			return nil, malformed("")
		}
		s := r.rest[:h.n]
		r.rest = r.rest[h.n:]
		if h.major == cborText && !utf8.Valid(s) {
			return nil, malformed("")
		}
		return s, nil
	}
	var whole []byte
	for {
		if over, err := r.end(h, 0); err != nil || over {
			return whole, err
		}
		chunk, err := r.head()
		if err != nil {
			return nil, err
		}
		if chunk.major != h.major || chunk.indefinite() {
			return nil, malformed("")
		}
		part, err := r.string(chunk)
		if err != nil {
			return nil, err
		}
		whole = append(whole, part...)
	}
}

// float returns the value of a floating-point item, or of an integer.
func (h cborHead) float() (float64, bool) {
	switch {
	case h.major == cborUint:
		return float64(h.n), true
	case h.major == cborNegative:
		return -1 - float64(h.n), true
	case h.major != cborSimple:
		return 0, false
	case h.info == cborDouble:
		return math.Float64frombits(h.n), true
	case h.info == cborSingle:
		return float64(math.Float32frombits(uint32(h.n))), true
	case h.info == cborHalf:
		return halfFloat(uint16(h.n)), true
	}
	return 0, false
}

// integer returns the value of an integer that fits an int64.
func (h cborHead) integer() (int64, bool) {
	switch {
	case h.n > math.MaxInt64:
	case h.major == cborUint:
		return int64(h.n), true
	case h.major == cborNegative:
		return -1 - int64(h.n), true
	}
	return 0, false
}

// halfFloat is RFC 8949, appendix D.
func halfFloat(bits uint16) float64 {
	exponent, mantissa := int(bits>>10&31), float64(bits&1023)
	var f float64
	switch exponent {
	case 0:
		f = math.Ldexp(mantissa, -24)
	case 31:
		if f = math.Inf(1); mantissa != 0 {
			return math.NaN()
		}
	default:
		f = math.Ldexp(mantissa+1024, exponent-25)
	}
	if bits>>15 == 1 {
		return -f
	}
	return f
}

// skip passes over one data item.
func (r *cborReader) skip(depth int) error {
	if depth > maxDepth {
		return malformed("")
	}
	h, err := r.head()
	if err != nil {
		return err
	}
	items := uint64(1)
	switch h.major {
	case cborBytes, cborText:
		_, err := r.string(h)
		return err
	case cborTag:
		return r.skip(depth + 1)
	case cborMap:
		items = 2
	case cborArray:
	default:
		return nil
	}
	for i := uint64(0); ; i++ {
		if over, err := r.end(h, i); err != nil || over {
			return err
		}
		for range items {
			if err := r.skip(depth + 1); err != nil {
				return err
			}
		}
	}
}

// maxEpoch bounds timestamps to what time.Time can print as AWS does: the year 9999.
const maxEpoch = 253402300800

func cborTime(h cborHead) (time.Time, bool) {
	n, ok := h.float()
	if !ok || !(math.Abs(n) < maxEpoch) { // NaN is none either
		return time.Time{}, false
	}
	return epoch(n), true
}
