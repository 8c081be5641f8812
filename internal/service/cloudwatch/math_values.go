package cloudwatch

import (
	"fmt"
	"math"
)

// series are the data points of a metric or an expression, the oldest first.
type series struct {
	label    string
	source   *query // of a metric, for labels
	period   int64
	at       []int64
	v        []float64
	messages []string // units, where there were several
}

// operand is the value of a part of an expression: a number, a time series, an
// array of them, or a text.
type operand struct {
	kind operandKind
	n    float64
	list []*series // one of a time series
	text string
}

type operandKind uint8

const (
	scalar operandKind = iota
	oneSeries
	manySeries
	text
)

// String is AWS's name of the type, in its messages.
func (o *operand) String() string {
	switch o.kind {
	case oneSeries:
		return "TimeSeries"
	case manySeries:
		return "Array[TimeSeries]"
	case text:
		return "String"
	}
	return "Scalar"
}

func number(n float64) operand       { return operand{kind: scalar, n: n} }
func single(s *series) operand       { return operand{kind: oneSeries, list: []*series{s}} }
func several(list []*series) operand { return operand{kind: manySeries, list: list} }

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// compute is one operation on numbers; NaN where there is no result, and then no
// data point.
func compute(op string, a, b float64) float64 {
	switch op {
	case "+":
		return a + b
	case "-":
		return a - b
	case "*":
		return a * b
	case "/":
		if b == 0 {
			return math.NaN()
		}
		return a / b
	case "^":
		return math.Pow(a, b)
	case "==":
		return truth(a == b)
	case "!=":
		return truth(a != b)
	case "<":
		return truth(a < b)
	case "<=":
		return truth(a <= b)
	case ">":
		return truth(a > b)
	case ">=":
		return truth(a >= b)
	case "&&":
		return truth(a != 0 && b != 0)
	}
	return truth(a != 0 || b != 0) // ||
}

// apply is an operation on any two operands that go together. // unverified: that
// arrays go together by their places.
func apply(op string, a, b operand) (operand, error) {
	switch {
	case a.kind == text || b.kind == text,
		a.kind == manySeries && b.kind == manySeries && len(a.list) != len(b.list):
		return a, fmt.Errorf("Unsupported operand type(s) for %s: '[%s, %s]'", op, &a, &b)
	case a.kind == scalar && b.kind == scalar:
		return number(compute(op, a.n, b.n)), nil
	}
	out := operand{kind: max(a.kind, b.kind)}
	n := 1
	if a.kind == manySeries {
		n = len(a.list)
	} else if b.kind == manySeries {
		n = len(b.list)
	}
	for i := range n {
		switch {
		case a.kind == scalar:
			out.list = append(out.list, b.list[i].each(func(v float64) float64 { return compute(op, a.n, v) }))
		case b.kind == scalar:
			out.list = append(out.list, a.list[i].each(func(v float64) float64 { return compute(op, v, b.n) }))
		default:
			out.list = append(out.list, join(a.nth(i), b.nth(i), func(x, y float64) float64 { return compute(op, x, y) }))
		}
	}
	return out, nil
}

// nth of an array, or the series itself.
func (o *operand) nth(i int) *series {
	if o.kind == oneSeries {
		return o.list[0]
	}
	return o.list[i]
}

// each maps the values; NaN takes the data point away.
func (s *series) each(f func(float64) float64) *series {
	out := &series{label: s.label, source: s.source, period: s.period}
	for i, v := range s.v {
		out.add(s.at[i], f(v))
	}
	return out
}

func (s *series) add(at int64, v float64) {
	if !math.IsNaN(v) && !math.IsInf(v, 0) {
		s.at, s.v = append(s.at, at), append(s.v, v)
	}
}

// join maps the values that two series have at the same time.
func join(a, b *series, f func(x, y float64) float64) *series {
	out := &series{label: a.label, source: a.source, period: max(a.period, b.period)}
	for i, j := 0, 0; i < len(a.at) && j < len(b.at); {
		switch {
		case a.at[i] < b.at[j]:
			i++
		case a.at[i] > b.at[j]:
			j++
		default:
			out.add(a.at[i], f(a.v[i], b.v[j]))
			i++
			j++
		}
	}
	return out
}

// find returns the value at a time.
func (s *series) find(at int64) (float64, bool) {
	lo, hi := 0, len(s.at)
	for lo < hi {
		if mid := (lo + hi) / 2; s.at[mid] < at {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(s.at) && s.at[lo] == at {
		return s.v[lo], true
	}
	return 0, false
}
