package logs

import "testing"

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern string
		yes, no []string
	}{
		{"", []string{"", "x"}, nil},
		{"ERROR", []string{"[ERROR] x", "an ERROR"}, []string{"error", ""}},
		{"ERROR 404", []string{"404 ERROR"}, []string{"ERROR", "404"}},
		{`"ERROR 404"`, []string{"ERROR 404!"}, []string{"404 ERROR"}},
		{`"say \"hi\""`, []string{`I say "hi"`}, []string{"say hi"}},
		{"ERROR -404", []string{"ERROR 500"}, []string{"ERROR 404", "500"}},
		{`-"a b"`, []string{"a", ""}, []string{"x a b"}},
		{"?ERROR ?WARN", []string{"ERROR", "WARN"}, []string{"INFO"}},
		{"?ERROR WARN", []string{"WARN"}, []string{"ERROR"}},
		{"%[Ee]rror [0-9]+%", []string{"Error 42", "an error 1"}, []string{"error x"}},
		{`{ $.level = "error" }`, []string{`{"level":"error"}`}, []string{`{"level":"errors"}`, "error", `{"level":1}`, "{"}},
		{`{ $.level = "err*r" }`, []string{`{"level":"error"}`, `{"level":"err-or"}`}, []string{`{"level":"terror"}`}},
		{`{ $.ip != 10.0.* }`, []string{`{"ip":"192.168.0.1"}`}, []string{`{"ip":"10.0.0.1"}`, `{}`}},
		{`{ $.latency >= 1000 }`, []string{`{"latency":1000}`, `{"latency":1e9}`}, []string{`{"latency":999.5}`, `{"latency":"x"}`}},
		{`{$.a=1&&$.b=2||$.c=3}`, []string{`{"a":1,"b":2}`, `{"c":3}`}, []string{`{"a":1,"b":3}`}},
		{`{ $.a = 1 && ($.b = 2 || $.c = 3) }`, []string{`{"a":1,"c":3}`}, []string{`{"c":3}`}},
		{`{ $.x IS NULL }`, []string{`{"x":null}`}, []string{`{}`, `{"x":0}`}},
		{`{ $.x NOT EXISTS }`, []string{`{}`}, []string{`{"x":null}`}},
		{`{ $.x IS TRUE }`, []string{`{"x":true}`}, []string{`{"x":"true"}`}},
		{`{ $.items[1].name = %^a.c$% }`, []string{`{"items":[{},{"name":"abc"}]}`}, []string{`{"items":[{"name":"abc"}]}`}},
		{`{ $.['a b'] = x }`, []string{`{"a b":"x"}`}, []string{`{"a":"x"}`}},
	} {
		match, err := parsePattern(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		for _, m := range c.yes {
			if match != nil && !match(m) {
				t.Errorf("%s does not match %s", c.pattern, m)
			}
		}
		for _, m := range c.no {
			if match == nil || match(m) {
				t.Errorf("%s matches %s", c.pattern, m)
			}
		}
	}
	for _, pattern := range []string{`"`, `""`, `a"b`, "?", "-", "%(a)%", "%a", "{", "{}", "{ $.a }", "{ $.a = }", "{ a = 1 }", "{ ($.a = 1 }", "{ $.a > x }", "{ $.a[x] = 1 }", "[a, b]"} {
		if _, err := parsePattern(pattern); err == nil {
			t.Errorf("%s is accepted", pattern)
		}
	}
}

func FuzzPattern(f *testing.F) {
	for _, seed := range []string{`ERROR -x ?y "z" %a%`, `{ $.a[0].b = "x*" && ($.c IS NULL || $.d >= 1) }`} {
		f.Add(seed, `{"a":[{"b":"xy"}]}`)
	}
	f.Fuzz(func(t *testing.T, pattern, message string) {
		if match, err := parsePattern(pattern); err == nil && match != nil {
			match(message)
		}
	})
}
