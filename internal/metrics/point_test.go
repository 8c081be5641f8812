package metrics

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestHistogram: a value is shown as itself or as one less than 0.8 % away, and
// whole numbers below 256 as themselves; keys grow with values.
func TestHistogram(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		v := rapid.OneOf(rapid.Float64Range(-1e9, 1e9), rapid.Float64Range(0, 1), rapid.Map(rapid.IntRange(-255, 255), func(n int) float64 { return float64(n) })).Draw(rt, "v")
		got := binValue(binKey(v))
		if math.Abs(v) > 1e-300 && math.Abs(got-v) > math.Abs(v)/128 {
			rt.Fatalf("%g is shown as %g", v, got)
		}
		if v == math.Trunc(v) && math.Abs(v) < 256 && got != v {
			rt.Fatalf("%g is shown as %g", v, got)
		}
		w := rapid.Float64Range(-1e9, 1e9).Draw(rt, "w")
		if v < w && binKey(v) > binKey(w) {
			rt.Fatalf("the key of %g is above that of %g", v, w)
		}
	})
}

func TestHidden(t *testing.T) {
	var p, q Point
	p.Count, p.Sum, p.Min, p.Max = 10, 50, 1, 9
	p.Hide()
	if _, ok := p.Values(); ok {
		t.Error("the values of a set of statistics are known")
	}
	q.Add(3, 1)
	q.merge(&p)
	if _, ok := q.Values(); ok || q.Count != 11 || q.Min != 1 {
		t.Errorf("%+v", q)
	}
	same := Point{Count: 4, Sum: 8, Min: 2, Max: 2}
	same.Hide()
	if v, ok := same.Values(); !ok || v[0] != (Weighted{2, 4}) {
		t.Errorf("%v %v", v, ok)
	}
}

func drawPoint(rt *rapid.T, second int64) (p Point) {
	p.Second = second
	value := rapid.OneOf(rapid.Float64Range(-1e12, 1e12), rapid.Map(rapid.IntRange(-10, 5000), func(n int) float64 { return float64(n) }))
	for range rapid.IntRange(1, 20).Draw(rt, "n") {
		p.Add(value.Draw(rt, "v"), rapid.SampledFrom([]float64{1, 2, 0.5, 1e6}).Draw(rt, "times"))
	}
	if rapid.Bool().Draw(rt, "hidden") {
		p.Hide()
		if p.distributionHidden {
			p.bins = nil
		}
	}
	return p
}

// TestChunks: what is encoded comes back.
func TestChunks(t *testing.T) {
	const hour = 495_000 * secondsPerHour
	rapid.Check(t, func(rt *rapid.T) {
		var all []unitSeries
		text := rapid.StringN(0, 5, -1)
		for range rapid.IntRange(0, 6).Draw(rt, "series") {
			s := Series{Namespace: text.Draw(rt, "namespace"), Name: text.Draw(rt, "name")}
			for range rapid.IntRange(0, 3).Draw(rt, "dims") {
				s.Dimensions = append(s.Dimensions, Dimension{text.Draw(rt, "k"), text.Draw(rt, "v")})
			}
			if _, err := s.id().series(); err != nil {
				rt.Fatal(err)
			}
			u := unitSeries{id: s.id(), unit: text.Draw(rt, "unit")}
			for i := range rapid.IntRange(1, 4).Draw(rt, "points") {
				u.points = append(u.points, drawPoint(rt, hour+int64(i)*60))
			}
			all = append(all, u)
		}
		sorted(all)
		var got []unitSeries
		for _, body := range encode(hour, all) {
			r := reader{rest: body.data}
			err := r.decode(hour, func(id, unit []byte) func(*Point) {
				got = append(got, unitSeries{id: seriesID(id), unit: string(unit)})
				s := &got[len(got)-1]
				return func(p *Point) { s.points = append(s.points, *p) }
			})
			if err != nil {
				rt.Fatal(err)
			}
		}
		if d := cmp.Diff(all, got, cmp.AllowUnexported(unitSeries{}, Point{}, bin{})); d != "" {
			rt.Fatal(d)
		}
	})
}

// FuzzChunk: no entry makes the reader panic or take more than it has.
func FuzzChunk(f *testing.F) {
	s := Series{Namespace: "n", Name: "m", Dimensions: []Dimension{{"a", "b"}}}
	p := Point{Second: 60}
	p.Add(1.5, 1)
	p.Add(2, 3)
	f.Add(append(appendHeader(nil, header{stamps: []stamp{{7, 1}}, parts: 1}), encode(0, []unitSeries{{s.id(), "Count", []Point{p, p}}})[0].data...))
	f.Add([]byte{1, 0, 0, 0, 0, 255, 255, 255, 255, 15})
	f.Fuzz(func(t *testing.T, data []byte) {
		r := reader{rest: data}
		if _, err := r.header(); err != nil {
			return
		}
		_ = r.decode(0, func(id, _ []byte) func(*Point) {
			_, _ = seriesID(id).series()
			return func(*Point) {}
		})
	})
}
