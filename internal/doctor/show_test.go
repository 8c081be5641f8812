package doctor_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/internal/doctor"
)

// Of many findings with one code the first are shown, and the rest named.
func TestManyFindings(t *testing.T) {
	for _, c := range []struct {
		findings, shown int
		rest            string
	}{{8, 8, ""}, {9, 9, ""}, {10, 8, "2 more: GET /8 on prod, GET /9 on prod."}, {300, 8, "292 more: GET /8 on prod, GET /9 on prod, GET /10 on prod, GET /11 on prod and 288 more."}} {
		r := &doctor.Report{Account: "111122223333", Region: "eu-central-1"}
		for i := range c.findings {
			r.Findings = append(r.Findings, doctor.Finding{
				Code: "SD001", Level: doctor.Error, Title: "no grant at all", Method: fmt.Sprintf("GET /%d", i), Stages: []string{"prod"}, Sentence: "Full sentence.",
			})
		}
		var few, all strings.Builder
		must(t, r.WriteText(&few, false))
		must(t, r.WriteText(&all, true))
		if got := strings.Count(few.String(), "Full sentence."); got != c.shown {
			t.Errorf("%d findings: %d are shown, want %d", c.findings, got, c.shown)
		}
		if got := strings.Count(all.String(), "Full sentence."); got != c.findings {
			t.Errorf("%d findings: %d with everything", c.findings, got)
		}
		if plain := strings.Join(strings.Fields(few.String()), " "); !strings.Contains(plain, c.rest) || c.rest == "" && strings.Contains(plain, " more") {
			t.Errorf("%d findings:\n%s", c.findings, few.String())
		}
	}
}

// A URL that leads to a method, and those that do not.
func TestWrongURLs(t *testing.T) {
	for _, c := range []struct{ file, url, want string }{
		{"46", "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/prod/hello", ""},
		{"46", "https://example.com/prod/hello", "names no API"},
		{"46", "https://zzzzzzzzzz.execute-api.eu-central-1.amazonaws.com/prod/hello", "There is no API zzzzzzzzzz in account 111122223333"},
		{"46", "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/prod/nothing", "403 Missing Authentication Token"},
		{"18", "https://h1h2h3h4h5.execute-api.eu-central-1.amazonaws.com/anything/at/all", ""}, // the route $default takes it
		{"20", "wss://w1w2w3w4w5.execute-api.eu-central-1.amazonaws.com/prod", ""},
	} {
		d := load(t, c.file)
		for _, a := range d.HTTPAPIs { // whatever its id is
			id := strings.SplitN(strings.SplitN(c.url, "//", 2)[1], ".", 2)[0]
			a.API.ApiId = &id
		}
		f := withCode(doctor.Examine(d, doctor.Options{URL: c.url}).Findings, "SD046")
		switch {
		case c.want == "" && f != nil, c.want != "" && (f == nil || !strings.Contains(f.Sentence, c.want)):
			t.Errorf("%s: %+v", c.url, f)
		}
	}
}
