package metrics

import (
	"cmp"
	"slices"
)

// place is where a series lives.
type place struct{ account, region string }

// seriesKey is a series in one unit. Values in other units are kept apart
// (API reference, MetricDatum: "Unit").
type seriesKey struct {
	id   seriesID
	unit string
}

// table sums observations by place and series. Its owner guards it.
type table map[place]map[seriesKey]*tally

// tally are the points of one series, by time. Most have one.
type tally struct{ points []Point }

func (t table) at(p place, k seriesKey) *tally {
	in := t[p]
	if in == nil {
		in = map[seriesKey]*tally{}
		t[p] = in
	}
	s := in[k]
	if s == nil {
		s = &tally{}
		in[k] = s
	}
	return s
}

// point returns the point that begins at second, making it.
func (s *tally) point(second int64) *Point {
	if n := len(s.points); n > 0 && s.points[n-1].Second == second {
		return &s.points[n-1]
	}
	i, found := slices.BinarySearchFunc(s.points, second, func(p Point, second int64) int { return cmp.Compare(p.Second, second) })
	if !found {
		s.points = slices.Insert(s.points, i, Point{Second: second})
	}
	return &s.points[i]
}

// addAll sums another table into t.
func (t table) addAll(other table) {
	for p, in := range other {
		for k, s := range in {
			mine := t.at(p, k)
			for i := range s.points {
				mine.point(s.points[i].Second).merge(&s.points[i])
			}
		}
	}
}

func (t table) size() (points int) {
	for _, in := range t {
		for _, s := range in {
			points += len(s.points)
		}
	}
	return points
}

const secondsPerHour = 3600

func hourOf(second int64) int64 { return second - mod(second, secondsPerHour) }

func mod(a, b int64) int64 { return (a%b + b) % b }

// byHour splits the series of one place into the hours of their points.
func byHour(in map[seriesKey]*tally) map[int64][]unitSeries {
	hours := map[int64][]unitSeries{}
	for k, s := range in {
		for from := 0; from < len(s.points); {
			hour := hourOf(s.points[from].Second)
			to := from + 1
			for to < len(s.points) && hourOf(s.points[to].Second) == hour {
				to++
			}
			hours[hour] = append(hours[hour], unitSeries{k.id, k.unit, s.points[from:to]})
			from = to
		}
	}
	for _, all := range hours {
		sorted(all)
	}
	return hours
}
