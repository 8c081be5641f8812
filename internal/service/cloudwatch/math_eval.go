package cloudwatch

import (
	"fmt"
	"strings"
)

// maxSeries bounds the arrays of expressions ("as many as 500 different metrics
// in a single request", API reference).
const maxSeries = 500

// evaluation is one call's expressions and metrics.
type evaluation struct {
	queries []*query
	byID    map[string]*query
	span    func(period int64) span
}

// result of a query: of a metric its data, of an expression its value, worked out
// once.
func (e *evaluation) result(q *query) (operand, error) {
	switch {
	case q.data != nil:
		return single(q.data), nil
	case q.value != nil:
		return *q.value, nil
	case q.busy:
		return operand{}, fmt.Errorf("the expression refers to itself") // unverified: the text
	}
	q.busy = true
	defer func() { q.busy = false }()
	v, err := e.eval(q.expression)
	if err == nil {
		q.value = &v
	}
	return v, err
}

func (e *evaluation) eval(n *node) (operand, error) {
	switch n.kind {
	case isNumber:
		return number(n.n), nil
	case isText:
		return operand{kind: text, text: n.text}, nil
	case isName:
		if q := e.byID[n.text]; q != nil {
			return e.result(q)
		}
		return operand{kind: text, text: n.text}, nil // REPEAT, DESC, …
	case isArray:
		return e.array(n.parts)
	case isUnary:
		return e.unary(n)
	case isBinary:
		a, err := e.eval(n.parts[0])
		if err != nil {
			return a, err
		}
		b, err := e.eval(n.parts[1])
		if err != nil {
			return b, err
		}
		return apply(n.text, a, b)
	}
	return e.call(n)
}

func (e *evaluation) unary(n *node) (operand, error) {
	v, err := e.eval(n.parts[0])
	switch {
	case err != nil || n.text == "+":
		return v, err
	case n.text == "!":
		return apply("==", v, number(0))
	}
	return apply("-", number(0), v)
}

// array is "[m1, m2]".
func (e *evaluation) array(parts []*node) (operand, error) {
	out := several(nil)
	for _, part := range parts {
		v, err := e.eval(part)
		if err != nil {
			return v, err
		}
		if v.kind != oneSeries && v.kind != manySeries {
			return v, fmt.Errorf("an array holds time series, not %s", &v) // unverified: the text
		}
		if out.list = append(out.list, v.list...); len(out.list) > maxSeries {
			return v, fmt.Errorf("an array holds %d time series at most", maxSeries) // unverified: the text
		}
	}
	return out, nil
}

// call evaluates a function. Its arguments are evaluated first, but for those of
// IF and METRICS nothing depends on that.
func (e *evaluation) call(n *node) (operand, error) {
	args := make([]operand, len(n.parts))
	for i, part := range n.parts {
		var err error
		if args[i], err = e.eval(part); err != nil {
			return operand{}, err
		}
	}
	f := function{e, n.text, args}
	return f.call()
}

// metrics are the metrics of the call, or those whose id contains a text:
// METRICS("errors") (CloudWatch-UG: using-metric-math, METRICS).
func (e *evaluation) metrics(part string) operand {
	out := several(nil)
	for _, q := range e.queries {
		if q.data != nil && strings.Contains(q.id, part) {
			out.list = append(out.list, q.data)
		}
	}
	return out
}

// spanOf is the call's time in periods, for functions that make a data point in
// each.
func (e *evaluation) spanOf(period int64) (span, error) {
	s := e.span(period)
	if s.count() > maxDatapoints { // unverified: the text
		return s, fmt.Errorf("the time range has more than %d periods of %d seconds", maxDatapoints, period)
	}
	return s, nil
}

// period of an expression that has no time series of its own: the longest of the
// call's metrics, else one minute.
func (e *evaluation) period() int64 {
	longest := int64(0)
	for _, q := range e.queries {
		longest = max(longest, q.period)
	}
	if longest == 0 {
		return 60
	}
	return longest
}
