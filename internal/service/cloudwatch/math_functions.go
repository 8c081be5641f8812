package cloudwatch

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// function is one call in an expression. What each does is from CloudWatch-UG:
// using-metric-math, "Functions supported for metric math".
type function struct {
	e    *evaluation
	name string
	args []operand
}

// arguments says how many a function takes.
func (f *function) arguments() (least, most int, known bool) {
	switch f.name {
	case "ABS", "CEIL", "FLOOR", "LOG", "LOG10", "AVG", "MAX", "MIN", "SUM", "STDDEV", "DATAPOINT_COUNT", "FIRST", "LAST",
		"METRIC_COUNT", "PERIOD", "RATE", "DIFF", "DIFF_TIME", "RUNNING_SUM", "REMOVE_EMPTY", "TIME_SERIES",
		"EPOCH", "MINUTE", "HOUR", "DAY", "DATE", "MONTH", "YEAR":
		return 1, 1, true
	case "METRICS":
		return 0, 1, true
	case "FILL":
		return 2, 2, true
	case "IF":
		return 2, 3, true
	case "SLICE":
		return 2, 3, true
	case "SORT":
		return 3, 4, true
	}
	return 0, 0, false
}

func (f *function) call() (operand, error) {
	least, most, known := f.arguments()
	switch {
	case !known:
		// Among them SEARCH, ANOMALY_DETECTION_BAND, INSIGHT_RULE_METRIC,
		// SERVICE_QUOTA, LAMBDA, DB_PERF_INSIGHTS and Metrics Insights' SELECT.
		return operand{}, fmt.Errorf("Unsupported function: %s is not supported by stagedoor", f.name)
	case len(f.args) < least || len(f.args) > most:
		return operand{}, fmt.Errorf("%s does not take %d arguments", f.name, len(f.args)) // unverified: the text
	}
	switch f.name {
	case "METRICS":
		return f.metrics()
	case "FILL":
		return f.fill()
	case "IF":
		return f.choose()
	case "SLICE":
		return f.slice()
	case "SORT":
		return f.sort()
	case "TIME_SERIES":
		return f.timeSeries()
	case "FIRST", "LAST", "METRIC_COUNT", "REMOVE_EMPTY":
		return f.ofArray()
	case "AVG", "MAX", "MIN", "SUM", "STDDEV", "DATAPOINT_COUNT":
		return f.aggregate()
	case "PERIOD":
		if f.args[0].kind != oneSeries {
			return f.wrong(0)
		}
		return number(float64(f.args[0].list[0].period)), nil
	}
	return f.map1()
}

// wrong says that an argument is of a type that the function does not take.
func (f *function) wrong(i int) (operand, error) {
	return operand{}, fmt.Errorf("Unsupported operand type(s) for %s: '[%s]'", f.name, &f.args[i])
}

func (f *function) metrics() (operand, error) {
	if len(f.args) == 0 {
		return f.e.metrics(""), nil
	}
	if f.args[0].kind != text {
		return f.wrong(0)
	}
	return f.e.metrics(f.args[0].text), nil
}

// statisticOf is one number of many.
func statisticOf(name string, v []float64) float64 {
	if name == "DATAPOINT_COUNT" {
		return float64(len(v))
	}
	if len(v) == 0 {
		return math.NaN()
	}
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	mean := sum / float64(len(v))
	switch name {
	case "AVG":
		return mean
	case "MAX":
		return slices.Max(v)
	case "MIN":
		return slices.Min(v)
	case "SUM":
		return sum
	}
	squares := 0.0
	for _, x := range v {
		squares += (x - mean) * (x - mean)
	}
	return math.Sqrt(squares / float64(len(v)))
}

// aggregate makes a number of a time series, and of an array the time series of
// what its members have at each time.
func (f *function) aggregate() (operand, error) {
	switch a := f.args[0]; a.kind {
	case scalar:
		return a, nil
	case oneSeries:
		return number(statisticOf(f.name, a.list[0].v)), nil
	case manySeries:
		at := map[int64][]float64{}
		out := &series{period: 1}
		if len(a.list) == 0 {
			out.period = f.e.period()
		}
		for _, s := range a.list {
			out.period = max(out.period, s.period)
			for i, t := range s.at {
				at[t] = append(at[t], s.v[i])
			}
		}
		times := make([]int64, 0, len(at))
		for t := range at {
			times = append(times, t)
		}
		slices.Sort(times)
		for _, t := range times {
			out.add(t, statisticOf(f.name, at[t]))
		}
		return single(out), nil
	}
	return f.wrong(0)
}

// map1 are the functions that make a time series of a time series.
func (f *function) map1() (operand, error) {
	a := f.args[0]
	switch a.kind {
	case text:
		return f.wrong(0)
	case scalar:
		v := (&series{at: []int64{0}, v: []float64{a.n}}).each(f.ofValue())
		if f.ofValue() == nil || len(v.v) == 0 {
			return f.wrong(0)
		}
		return number(v.v[0]), nil
	}
	out := operand{kind: a.kind}
	for _, s := range a.list {
		switch each := f.ofValue(); {
		case each != nil:
			out.list = append(out.list, s.each(each))
		default:
			out.list = append(out.list, f.ofSeries(s))
		}
	}
	return out, nil
}

// ofValue is a function that looks at one value only, else nil.
func (f *function) ofValue() func(float64) float64 {
	switch f.name {
	case "ABS":
		return math.Abs
	case "CEIL":
		return math.Ceil
	case "FLOOR":
		return math.Floor
	case "LOG":
		return math.Log
	case "LOG10":
		return math.Log10
	}
	return nil
}

// ofSeries are the functions that look at times or at neighbours.
func (f *function) ofSeries(s *series) *series {
	out := &series{label: s.label, source: s.source, period: s.period}
	sum := 0.0
	for i, v := range s.v {
		sum += v
		when := time.Unix(s.at[i], 0).UTC()
		switch f.name {
		case "RUNNING_SUM":
			out.add(s.at[i], sum)
		case "EPOCH":
			out.add(s.at[i], float64(s.at[i]))
		case "MINUTE":
			out.add(s.at[i], float64(when.Minute()))
		case "HOUR":
			out.add(s.at[i], float64(when.Hour()))
		case "DAY": // "Monday is 1 and Sunday is 7"
			out.add(s.at[i], float64((when.Weekday()+6)%7+1))
		case "DATE":
			out.add(s.at[i], float64(when.Day()))
		case "MONTH":
			out.add(s.at[i], float64(when.Month()))
		case "YEAR":
			out.add(s.at[i], float64(when.Year()))
		default:
			if i == 0 {
				continue
			}
			seconds := float64(s.at[i] - s.at[i-1])
			switch f.name {
			case "DIFF":
				out.add(s.at[i], v-s.v[i-1])
			case "DIFF_TIME":
				out.add(s.at[i], seconds)
			case "RATE":
				out.add(s.at[i], (v-s.v[i-1])/seconds)
			}
		}
	}
	return out
}

// fill puts a value where a series has none: a number, that of another series,
// the one before (REPEAT), or one on the line between its neighbours (LINEAR).
func (f *function) fill() (operand, error) {
	a, with := f.args[0], f.args[1]
	if a.kind != oneSeries && a.kind != manySeries {
		return f.wrong(0)
	}
	if with.kind == manySeries || with.kind == text && with.text != "REPEAT" && with.text != "LINEAR" {
		return f.wrong(1)
	}
	out := operand{kind: a.kind}
	for _, s := range a.list {
		span, err := f.e.spanOf(s.period)
		if err != nil {
			return a, err
		}
		filled := &series{label: s.label, source: s.source, period: s.period}
		next := 0 // of s
		for t := span.start; t < span.end; t += span.period {
			for next < len(s.at) && s.at[next] < t {
				next++
			}
			if next < len(s.at) && s.at[next] == t {
				filled.add(t, s.v[next])
				continue
			}
			filled.add(t, s.gap(t, next, &with))
		}
		out.list = append(out.list, filled)
	}
	return out, nil
}

// gap is the value to put at t, before the data point next.
func (s *series) gap(t int64, next int, with *operand) float64 {
	switch {
	case with.kind == scalar:
		return with.n
	case with.kind == oneSeries:
		if v, ok := with.list[0].find(t); ok {
			return v
		}
	case next == 0:
	case with.text == "REPEAT":
		return s.v[next-1]
	case next < len(s.at):
		share := float64(t-s.at[next-1]) / float64(s.at[next]-s.at[next-1])
		return s.v[next-1] + share*(s.v[next]-s.v[next-1])
	}
	return math.NaN()
}

// choose is IF(condition, then [, else]); without else there is no data point
// where the condition is 0.
func (f *function) choose() (operand, error) {
	for i := range f.args {
		if k := f.args[i].kind; k != scalar && k != oneSeries {
			return f.wrong(i)
		}
	}
	cond, yes, no := f.args[0], f.args[1], number(math.NaN())
	if len(f.args) == 3 {
		no = f.args[2]
	}
	if cond.kind == scalar {
		if cond.n != 0 {
			return yes, nil
		}
		return no, nil
	}
	pick := func(o *operand, at int64) float64 {
		if o.kind == scalar {
			return o.n
		}
		if v, ok := o.list[0].find(at); ok {
			return v
		}
		return math.NaN()
	}
	c := cond.list[0]
	out := &series{label: c.label, source: c.source, period: c.period}
	for i, t := range c.at {
		if c.v[i] != 0 {
			out.add(t, pick(&yes, t))
		} else {
			out.add(t, pick(&no, t))
		}
	}
	return single(out), nil
}

// timeSeries is TIME_SERIES(number).
func (f *function) timeSeries() (operand, error) {
	if f.args[0].kind != scalar {
		return f.wrong(0)
	}
	span, err := f.e.spanOf(f.e.period())
	if err != nil {
		return operand{}, err
	}
	out := &series{period: span.period}
	for t := span.start; t < span.end; t += span.period {
		out.add(t, f.args[0].n)
	}
	return single(out), nil
}

func (f *function) ofArray() (operand, error) {
	a := f.args[0]
	if a.kind != oneSeries && a.kind != manySeries {
		return f.wrong(0)
	}
	switch {
	case f.name == "METRIC_COUNT":
		return number(float64(len(a.list))), nil
	case f.name == "REMOVE_EMPTY":
		return several(slices.DeleteFunc(slices.Clone(a.list), func(s *series) bool { return len(s.v) == 0 })), nil
	case len(a.list) == 0:
		return single(&series{period: f.e.period()}), nil
	case f.name == "FIRST":
		return single(a.list[0]), nil
	}
	return single(a.list[len(a.list)-1]), nil
}

// slice is SLICE(array, from [, to]): the members from from, before to, or the
// one at from.
func (f *function) slice() (operand, error) {
	if f.args[0].kind != manySeries {
		return f.wrong(0)
	}
	list := f.args[0].list
	index := func(i int) int { return int(min(max(f.args[i].n, 0), float64(len(list)))) }
	for i := 1; i < len(f.args); i++ {
		if f.args[i].kind != scalar {
			return f.wrong(i)
		}
	}
	from := index(1)
	if len(f.args) == 2 {
		if from == len(list) {
			return single(&series{period: f.e.period()}), nil
		}
		return single(list[from]), nil
	}
	return several(list[from:max(from, index(2))]), nil
}

// sort is SORT(array, AVG|MAX|MIN|SUM, ASC|DESC [, number]).
func (f *function) sort() (operand, error) {
	by, order := f.args[1], f.args[2]
	switch {
	case f.args[0].kind != manySeries:
		return f.wrong(0)
	case by.kind != text || !contains([]string{"AVG", "MAX", "MIN", "SUM"}, by.text):
		return f.wrong(1)
	case order.kind != text || order.text != "ASC" && order.text != "DESC":
		return f.wrong(2)
	}
	list := slices.Clone(f.args[0].list)
	slices.SortStableFunc(list, func(a, b *series) int {
		c := cmp.Compare(statisticOf(by.text, a.v), statisticOf(by.text, b.v))
		if order.text == "DESC" {
			return -c
		}
		return c
	})
	if len(f.args) == 4 {
		if f.args[3].kind != scalar {
			return f.wrong(3)
		}
		list = list[:int(min(max(f.args[3].n, 0), float64(len(list))))]
	}
	return several(list), nil
}
