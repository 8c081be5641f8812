package cloudwatch

import "testing"

// FuzzExpression: no expression makes the parser or the evaluation panic.
func FuzzExpression(f *testing.F) {
	for _, seed := range []string{"a + b * 2", "FILL(METRICS(), REPEAT) / SUM([a, b])", `METRICS("a") > 1 && !b`, "IF(a, b)", "SORT([a,b], MAX, DESC, 1)",
		"SLICE(METRICS(), 0, 9)", "((((", "[[a]", `"`, "a.b", "1e", "TIME_SERIES(1e999)", "RATE(-a ^ b)", "LOG(0)", "FIRST([])", "SUM([])", "FILL(SUM([]), 0)", `METRICS("0") && a`, "[] + []"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 2048 {
			return
		}
		root, err := parseExpression(text)
		if err != nil {
			return
		}
		queries := []*query{
			{id: "a", period: 60, data: &series{period: 60, at: []int64{0, 60, 120}, v: []float64{1, 0, -3}}},
			{id: "b", period: 300, data: &series{period: 300, at: []int64{0}, v: []float64{2}}},
			{id: "c", expression: root},
		}
		e := &evaluation{queries: queries, byID: map[string]*query{"a": queries[0], "b": queries[1], "c": queries[2]},
			span: func(period int64) span { return span{start: 0, end: 600, period: period} }}
		v, err := e.result(queries[2])
		if err != nil {
			return
		}
		for _, s := range v.list {
			if len(s.at) != len(s.v) || s.period <= 0 {
				t.Errorf("%q: %+v", text, s)
			}
		}
	})
}
