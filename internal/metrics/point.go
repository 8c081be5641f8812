package metrics

import (
	"math"
	"slices"
)

// Point is what was observed of a series in one minute, or in one second of a
// series of high resolution. The zero Point has observed nothing.
type Point struct {
	Second             int64 // Unix time of the minute's or the second's begin
	Count              float64
	Sum, Min, Max      float64
	bins               []bin // by key; none while all values are the same, or if they are not known
	distributionHidden bool
}

// bin counts the observations whose values share a key, see binKey.
type bin struct {
	key int32
	n   float64
}

// Add observes a value n times.
func (p *Point) Add(value, n float64) {
	p.merge(&Point{Count: n, Sum: value * n, Min: value, Max: value})
}

// Hide makes of p a set of statistics of which only count, sum, minimum and
// maximum are known: it has percentiles only if "the Min and Max are equal, and
// Sum is equal to Min multiplied by SampleCount" (API reference, PutMetricData).
func (p *Point) Hide() {
	p.distributionHidden = p.Min != p.Max || p.Sum != p.Min*p.Count
}

// merge adds the observations of q.
func (p *Point) merge(q *Point) {
	switch {
	case q.Count == 0:
		return
	case p.Count == 0:
		second := p.Second
		*p = *q
		p.Second, p.bins = second, slices.Clone(q.bins)
		return
	}
	hidden := p.distributionHidden || q.distributionHidden
	switch {
	case hidden:
		p.bins = nil
	case p.Min == p.Max && q.Min == q.Max && p.Min == q.Min:
	default:
		p.spread()
		if q.bins == nil {
			p.count(binKey(q.Min), q.Count)
		}
		for _, b := range q.bins {
			p.count(b.key, b.n)
		}
	}
	p.distributionHidden = hidden
	p.Count += q.Count
	p.Sum += q.Sum
	p.Min, p.Max = min(p.Min, q.Min), max(p.Max, q.Max)
}

// spread makes the histogram of a point whose values are all the same.
func (p *Point) spread() {
	if p.bins == nil {
		p.bins = []bin{{binKey(p.Min), p.Count}}
	}
}

func (p *Point) count(key int32, n float64) {
	i, found := slices.BinarySearchFunc(p.bins, key, func(b bin, key int32) int { return int(b.key) - int(key) })
	if found {
		p.bins[i].n += n
		return
	}
	p.bins = slices.Insert(p.bins, i, bin{key, n})
}

// mantissaBits of a value make its key, beside sign and exponent: whole numbers
// below 256 have keys of their own, all others share one with neighbours that
// differ by less than 0.8 %.
const (
	mantissaBits = 7
	keyShift     = 52 - mantissaBits
)

// binKey is a number that grows with the value.
func binKey(value float64) int32 {
	key := int32(math.Float64bits(math.Abs(value)) >> keyShift)
	if value < 0 {
		return -key
	}
	return key
}

// binValue stands for the values of a key: the least of them, for whole numbers
// should stay whole, or their middle where they are farther apart than 1.
func binValue(key int32) float64 {
	if key < 0 {
		return -binValue(-key)
	}
	low := math.Float64frombits(uint64(key) << keyShift)
	if width := math.Float64frombits(uint64(key+1)<<keyShift) - low; width > 1 {
		return low + width/2
	}
	return low
}

// Values yields the observed values in ascending order with how often each was
// observed; ok is false when they are not known. Of many different values some
// are shown as one near them.
func (p *Point) Values() (values []Weighted, ok bool) {
	switch {
	case p.Count == 0 || p.distributionHidden:
		return nil, false
	case p.bins == nil:
		return []Weighted{{p.Min, p.Count}}, true
	}
	values = make([]Weighted, len(p.bins))
	for i, b := range p.bins {
		values[i] = Weighted{min(max(binValue(b.key), p.Min), p.Max), b.n}
	}
	return values, true
}

// Weighted is a value and how often it was observed.
type Weighted struct{ Value, N float64 }

// Merged sums points into one that begins at second.
func Merged(second int64, points []Point) Point {
	all := Point{Second: second}
	for i := range points {
		all.merge(&points[i])
	}
	return all
}
