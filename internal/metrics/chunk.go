package metrics

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
)

// An entry of the journal holds observations of one account and region in one
// hour. Numbers are varints:
//
//	version (1) · number of stamps · stamps · part · parts ·
//	then series by id and unit, until the end:
//	length of what the id shares with the one before · length, rest of the id ·
//	length, unit · number of points · for each:
//	seconds since the hour's begin · hidden · count · sum · minimum · maximum ·
//	number of bins · for each: key less the one before · count
//
// A stamp is eight bytes that name a process and a number that it counts up. New
// observations have part and parts 0 and the one stamp of who wrote them. A sum
// has the last stamp of each process whose entries it sums, and stands in their
// place as soon as all its parts are there. Stamps and not the journal's sequence,
// because an import numbers the entries anew.
const chunkVersion = 1

// chunkBytes is the size at which an entry ends: well under the default
// max_payload (1 MB) of NATS servers.
const chunkBytes = 256 << 10

// stamp is the number of an entry among those of one process.
type stamp struct{ process, count uint64 }

// header of an entry.
type header struct {
	stamps      []stamp // of a sum by process
	part, parts uint64
}

func (h *header) sum() bool { return h.parts > 0 }

// unitSeries are the points of one series in one unit, by time.
type unitSeries struct {
	id     seriesID
	unit   string
	points []Point
}

func appendHeader(b []byte, h header) []byte {
	b = append(b, chunkVersion)
	b = binary.AppendUvarint(b, uint64(len(h.stamps)))
	for _, s := range h.stamps {
		b = binary.LittleEndian.AppendUint64(b, s.process)
		b = binary.AppendUvarint(b, s.count)
	}
	b = binary.AppendUvarint(b, h.part)
	return binary.AppendUvarint(b, h.parts)
}

// body of an entry, and how many series are in it.
type body struct {
	data []byte
	n    int
}

// encode writes series of one hour, sorted by id and unit, as bodies of entries:
// each can be read alone.
func encode(hour int64, all []unitSeries) (bodies []body) {
	var b []byte
	var last seriesID
	n := 0
	for i := range all {
		s := &all[i]
		if len(b) > chunkBytes {
			bodies = append(bodies, body{b, n})
			b, last, n = nil, "", 0
		}
		n++
		shared := sharedPrefix(string(last), string(s.id))
		b = binary.AppendUvarint(b, uint64(shared))
		b = appendText(b, string(s.id[shared:]))
		b = appendText(b, s.unit)
		b = binary.AppendUvarint(b, uint64(len(s.points)))
		for j := range s.points {
			b = appendPoint(b, hour, &s.points[j])
		}
		last = s.id
	}
	return append(bodies, body{b, n})
}

func sharedPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func appendPoint(b []byte, hour int64, p *Point) []byte {
	b = binary.AppendUvarint(b, uint64(p.Second-hour))
	hidden := byte(0)
	if p.distributionHidden {
		hidden = 1
	}
	b = append(b, hidden)
	for _, f := range [...]float64{p.Count, p.Sum, p.Min, p.Max} {
		b = appendNumber(b, f)
	}
	b = binary.AppendUvarint(b, uint64(len(p.bins)))
	last := int32(0)
	for _, bin := range p.bins {
		b = binary.AppendVarint(b, int64(bin.key-last))
		b = appendNumber(b, bin.n)
		last = bin.key
	}
	return b
}

// appendNumber writes a whole number as a varint of twice its zigzag form, any
// other as 1 and its eight bytes.
func appendNumber(b []byte, f float64) []byte {
	if n := int64(f); float64(n) == f && n > -1<<53 && n < 1<<53 {
		return binary.AppendUvarint(b, uint64(n<<1^n>>63)<<1)
	}
	return binary.LittleEndian.AppendUint64(append(b, 1), math.Float64bits(f))
}

// reader reads from the front of rest; failed tells that something was missing.
type reader struct {
	rest   []byte
	failed bool
}

func (r *reader) fail() {
	r.failed, r.rest = true, nil
}

func (r *reader) uvarint() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *reader) varint() int64 {
	n, size := binary.Varint(r.rest)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.fail()
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) text() string { return string(r.bytes(r.uvarint())) }

func (r *reader) number() float64 {
	if len(r.rest) > 0 && r.rest[0] == 1 {
		b := r.bytes(9)
		if b == nil {
			return 0
		}
		return math.Float64frombits(binary.LittleEndian.Uint64(b[1:]))
	}
	n := r.uvarint() >> 1
	return float64(int64(n>>1) ^ -int64(n&1))
}

func (r *reader) header() (h header, err error) {
	if v := r.bytes(1); v == nil || v[0] != chunkVersion {
		return h, errDamaged
	}
	n := r.uvarint()
	if n == 0 || n > uint64(len(r.rest)) {
		return h, errDamaged
	}
	h.stamps = make([]stamp, 0, min(n, 16))
	for range n {
		process := r.bytes(8)
		if process == nil {
			return h, errDamaged
		}
		h.stamps = append(h.stamps, stamp{binary.LittleEndian.Uint64(process), r.uvarint()})
	}
	h.part, h.parts = r.uvarint(), r.uvarint()
	if r.failed || h.sum() && h.part >= h.parts {
		return h, errDamaged
	}
	return h, nil
}

// visitor gets each series' id and unit, which it must not keep; where it returns
// a function, that gets the series' points.
type visitor func(id, unit []byte) func(*Point)

// decode reads the body of an entry.
func (r *reader) decode(hour int64, visit visitor) error {
	var id []byte
	var p Point // one for all: its address is passed on
	for len(r.rest) > 0 {
		shared := r.uvarint()
		if shared > uint64(len(id)) {
			return errDamaged
		}
		id = append(id[:shared], r.bytes(r.uvarint())...)
		unit := r.bytes(r.uvarint())
		take := visit(id, unit)
		for range r.uvarint() {
			p = r.point(hour, take != nil)
			if r.failed {
				return errDamaged
			}
			if take != nil {
				take(&p)
			}
		}
		if r.failed {
			return errDamaged
		}
	}
	return nil
}

func (r *reader) point(hour int64, wanted bool) (p Point) {
	p.Second = hour + int64(r.uvarint())
	hidden := r.bytes(1)
	p.distributionHidden = hidden != nil && hidden[0] == 1
	p.Count, p.Sum, p.Min, p.Max = r.number(), r.number(), r.number(), r.number()
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.fail()
		return p
	}
	if wanted && n > 0 {
		p.bins = make([]bin, 0, n)
	}
	key := int32(0)
	for range n {
		key += int32(r.varint())
		count := r.number()
		if wanted {
			p.bins = append(p.bins, bin{key, count})
		}
	}
	return p
}

// sorted returns the series in the order of the journal.
func sorted(all []unitSeries) []unitSeries {
	slices.SortFunc(all, func(a, b unitSeries) int {
		if c := strings.Compare(string(a.id), string(b.id)); c != 0 {
			return c
		}
		return strings.Compare(a.unit, b.unit)
	})
	return all
}
