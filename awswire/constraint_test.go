package awswire

import (
	"regexp"
	"strings"
	"testing"
)

// TestPatterns compiles every pattern of the models: RE2 must take each, or it is checked by hand.
func TestPatterns(t *testing.T) {
	total, hand := 0, map[string]bool{}
	for _, name := range Names() {
		for shapeName, sh := range Load(name).model.Shapes {
			if sh.Pattern == "" {
				continue
			}
			total++
			if handChecked[sh.Pattern] != nil {
				hand[sh.Pattern] = true
				continue
			}
			text := sh.Pattern
			if ahead := dialects[name].pattern; ahead != nil {
				text = ahead(shapeName, text)
			}
			if _, err := regexp.Compile(rewritePattern(text)); err != nil {
				t.Errorf("%s %s: %v", name, shapeName, err)
			}
			if m := bigRepeat.FindString(sh.Pattern); m != "" && sh.Max == nil {
				t.Errorf("%s %s: %s is opened by the rewrite and the shape has no max", name, shapeName, m)
			}
		}
	}
	for p := range handChecked {
		if !hand[p] {
			t.Errorf("no model has the hand-checked pattern %s any more", p)
		}
	}
	t.Logf("%d patterns, %d checked by hand", total, len(hand))
}

func TestHandCheckedPatterns(t *testing.T) {
	tests := []struct {
		pattern  string
		yes, not []string
	}{
		{`(?!^[0-9]+$)([a-zA-Z0-9-_]+)`, []string{"dev", "1a", "a1", "-"}, []string{"", "1", "123", "a b", "a:b"}},
		{`((?!^\d+$)^[0-9a-zA-Z-_]+$)`, []string{"dev", "1a"}, []string{"", "123", "$LATEST"}},
		{`[0-9A-Za-z\.\-_]*(?<!\.)`, []string{"", "bucket", "a.b"}, []string{"a.", ".", "a b"}},
		{`(^(?!(system\x2e)))(^[_a-zA-Z0-9])([^$]*)`, []string{"orders", "_x", "systemx"}, []string{"", "system.users", "a$b", "-a"}},
		{`^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$`, []string{"abc", "a-b", "a1-b2-c3"}, []string{"ab", "a--b", "-ab", "ab-", "ABC", strings.Repeat("a", 64)}},
	}
	for _, tt := range tests {
		check := compilePattern(tt.pattern)
		for _, s := range tt.yes {
			if !check(s) {
				t.Errorf("%s refuses %q", tt.pattern, s)
			}
		}
		for _, s := range tt.not {
			if check(s) {
				t.Errorf("%s takes %q", tt.pattern, s)
			}
		}
	}
}

func TestJavaLength(t *testing.T) {
	for s, want := range map[string]int{"": 0, "abc": 3, "grüße": 5, "😀": 2, "a😀b": 4} {
		if got := javaLength(s); got != want {
			t.Errorf("javaLength(%q) = %d, want %d", s, got, want)
		}
	}
}
