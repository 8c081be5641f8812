package console

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// A slip of the person who types is named, and nothing is sent.
func TestTrySlips(t *testing.T) {
	v := &visit{r: httptest.NewRequest("GET", "/", nil), s: &session{}}
	for _, c := range []struct {
		change func(*tryView)
		want   string
	}{
		{func(*tryView) {}, ""},
		{func(t *tryView) { t.Query, t.Header = "?a=%20&b", "X-A: b\tc\n\nx-a:" }, ""},
		{func(t *tryView) { t.Stage = "" }, "Choose"},
		{func(t *tryView) { t.Path = "x" }, "begins with"},
		{func(t *tryView) { t.Path = "/{id}" }, "braces"},
		{func(t *tryView) { t.Path = "/a b" }, "%20"},
		{func(t *tryView) { t.Path = "/a#b" }, "%23"},
		{func(t *tryView) { t.Path = "/%zz" }, "hexadecimal"},
		{func(t *tryView) { t.Path = "/\x00" }, "control character"},
		{func(t *tryView) { t.Query = "a\x7f" }, "control character"},
		{func(t *tryView) { t.Method = "GET x" }, "verb"},
		{func(t *tryView) { t.Header = "no header" }, "Name: value"},
		{func(t *tryView) { t.Header = "X-A: a\x00b" }, "control characters: X-A"},
	} {
		try := &tryView{API: "a1b2c3d4e5", Stage: "dev", Method: "GET", Path: "/orders"}
		c.change(try)
		r, wrong := try.request(v)
		if (r == nil) != (c.want != "") || !strings.Contains(wrong, c.want) || c.want == "" && wrong != "" {
			t.Errorf("%+v: %q, want %q", try, wrong, c.want)
		}
	}
}
