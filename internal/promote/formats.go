package promote

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"strconv"
	"strings"
	"time"
)

// Report is what the machine-readable formats hold.
type Report struct {
	Plan   *Plan   `json:"plan"`
	Result *Result `json:"result,omitempty"`
	Error  string  `json:"error,omitempty"`
}

// WriteJSON writes the report as JSON.
func WriteJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string       `xml:"name,attr"`
	Class   string       `xml:"classname,attr"`
	Seconds string       `xml:"time,attr,omitempty"`
	Failure *junitReason `xml:"failure,omitempty"`
}

type junitReason struct {
	Type    string `xml:"type,attr,omitempty"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes a test case for the examination, for each step and probe,
// and for the outcome.
func (r *Report) WriteJUnit(w io.Writer) error {
	p := r.Plan
	s := junitSuite{Name: "stagedoor " + p.verb() + " " + p.APIName + " " + strings.TrimPrefix(p.Request.From+" to "+p.Stage.Name, " to ")}
	add := func(name string, took time.Duration, failure *junitReason) {
		tc := junitCase{Name: clean(name), Class: s.Name, Failure: failure}
		if took > 0 {
			tc.Seconds = strconv.FormatFloat(took.Seconds(), 'f', 3, 64)
		}
		s.Cases, s.Tests = append(s.Cases, tc), s.Tests+1
		if failure != nil {
			s.Failures++
		}
	}
	for i := range p.Problems {
		x := &p.Problems[i]
		add("check: "+x.Title+" "+x.Method, 0, &junitReason{Type: x.Code, Message: x.Sentence, Text: strings.Join(append([]string{x.Remedy}, x.Fix...), "\n")})
	}
	if len(p.Problems) == 0 {
		add("check: every method of "+p.Stage.Name+" will pass", 0, nil)
	}
	if r.Result != nil {
		for _, e := range r.Result.Events {
			var failure *junitReason
			if e.Bad {
				failure = &junitReason{Message: e.Text}
			}
			add(e.Kind+": "+e.Text, e.Took, failure)
		}
	}
	if r.Error != "" {
		add("outcome", 0, &junitReason{Message: r.Error})
	} else if r.Result != nil {
		var failure *junitReason
		if r.Result.Reason != "" {
			failure = &junitReason{Message: r.Result.Reason}
		}
		add("outcome: "+r.Result.Outcome, 0, failure)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(s); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
