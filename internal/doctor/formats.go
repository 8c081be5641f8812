package doctor

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// Formats are the names that Write takes, beside "text".
func Formats() []string {
	return []string{"json", "junit", "sarif", "terraform", "cloudformation", "sh"}
}

// Write writes the report in one of the Formats. The last three hold the Plan.
func (r *Report) Write(w io.Writer, format string, wide bool) error {
	switch format {
	case "json":
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(r)
	case "junit":
		return r.writeJUnit(w)
	case "sarif":
		return r.writeSARIF(w)
	case "terraform":
		return r.writeTerraform(w, wide)
	case "cloudformation":
		return r.writeCloudFormation(w, wide)
	case "sh":
		return r.writeShell(w, wide)
	}
	return fmt.Errorf("--format %s: there is text, %s", format, strings.Join(Formats(), ", "))
}

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string       `xml:"name,attr"`
	Class   string       `xml:"classname,attr"`
	Failure *junitResult `xml:"failure,omitempty"`
	Skipped *junitResult `xml:"skipped,omitempty"`
}

type junitResult struct {
	Type    string `xml:"type,attr,omitempty"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// junitLog collects test cases: the API is the suite.
type junitLog struct {
	report *Report
	all    junitSuites
	index  map[string]int // of a suite by its name
}

func (j *junitLog) add(api, name string, tc junitCase) {
	title := strings.TrimSpace(name + " " + api)
	if title == "" {
		title = "account " + j.report.Account
	}
	if _, ok := j.index[title]; !ok {
		j.index[title] = len(j.all.Suites)
		j.all.Suites = append(j.all.Suites, junitSuite{Name: title})
	}
	s := &j.all.Suites[j.index[title]]
	tc.Class = title
	s.Cases, s.Tests, j.all.Tests = append(s.Cases, tc), s.Tests+1, j.all.Tests+1
	if tc.Failure != nil {
		s.Failures, j.all.Failures = s.Failures+1, j.all.Failures+1
	}
	if tc.Skipped != nil {
		s.Skipped, j.all.Skipped = s.Skipped+1, j.all.Skipped+1
	}
}

func failure(f *Finding) *junitResult {
	return &junitResult{Type: f.Code, Message: f.Sentence, Text: strings.Join(f.Fix, "\n")}
}

// writeJUnit gives each cell a test case, and each finding beside the matrix
// one. What is undecided is skipped.
func (r *Report) writeJUnit(w io.Writer) error {
	log := &junitLog{report: r, all: junitSuites{Name: "stagedoor doctor"}, index: map[string]int{}}
	told := log.cells()
	for i := range r.Findings {
		if f := &r.Findings[i]; !told[f] && f.Level != Info && f.Code != cannotDecide {
			log.add(f.API, f.Name, junitCase{Name: strings.TrimSpace(f.Code + " " + f.where()), Failure: failure(f)})
		}
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(log.all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// cells adds the cells and returns the findings that they are part of.
func (j *junitLog) cells() map[*Finding]bool {
	findings, told := j.report.byCell(), map[*Finding]bool{}
	for i := range j.report.Cells {
		c := &j.report.Cells[i]
		tc := junitCase{Name: strings.TrimSpace(c.Method + " on " + c.Stage + " " + c.Share)}
		f := findings[cellKey(c.Code, c.API, c.Method, newFinding(c.Code, c).Stages[0])]
		switch {
		case c.Verdict == Passes:
		case c.Verdict == Undecided:
			tc.Skipped = &junitResult{Message: c.Problem}
		case f != nil:
			tc.Failure, told[f] = failure(f), true
		default: // of a finding about the whole stage
			tc.Failure = &junitResult{Type: c.Code, Message: c.Problem}
		}
		j.add(c.API, c.Name, tc)
	}
	return told
}

// cellKey joins a cell and its finding.
func cellKey(code, api, method, stage string) string {
	return strings.Join([]string{code, api, method, stage}, "\n")
}

// byCell are the findings by the cells that they are about.
func (r *Report) byCell() map[string]*Finding {
	out := map[string]*Finding{}
	for i := range r.Findings {
		f := &r.Findings[i]
		for _, stage := range f.Stages {
			out[cellKey(f.Code, f.API, f.Method, stage)] = f
		}
	}
	return out
}

// sarif is as much of SARIF 2.1.0 as a log of findings needs.
type sarif struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool struct {
		Driver sarifDriver `json:"driver"`
	} `json:"tool"`
	Results []sarifResult `json:"results"`
}

type sarifDriver struct {
	Name  string      `json:"name"`
	Rules []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID      string    `json:"id"`
	Short   sarifText `json:"shortDescription"`
	Default struct {
		Level string `json:"level"`
	} `json:"defaultConfiguration"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifResult struct {
	RuleID    string          `json:"ruleId"`
	Level     string          `json:"level"`
	Message   sarifText       `json:"message"`
	Locations []sarifLocation `json:"locations"`
	Prints    sarifPrint      `json:"partialFingerprints"`
}

type sarifPrint struct {
	Place string `json:"stagedoor/v1"`
}

type sarifLocation struct {
	Logical []sarifLogical `json:"logicalLocations"`
}

type sarifLogical struct {
	Name string `json:"fullyQualifiedName"`
	Kind string `json:"kind"`
}

// writeSARIF writes findings for code scanning. There are no files to point at:
// the locations are logical, account/API/stage/method.
func (r *Report) writeSARIF(w io.Writer) error {
	levels := map[Level]string{Error: "error", Warning: "warning", Info: "note"}
	log := sarif{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: make([]sarifRun, 1)}
	run := &log.Runs[0]
	run.Tool.Driver.Name, run.Results = "stagedoor doctor", []sarifResult{}
	for _, c := range Codes() {
		rule := sarifRule{ID: c.ID, Short: sarifText{upper(c.Title)}}
		rule.Default.Level = levels[c.Level]
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, rule)
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		text := f.Sentence
		if len(f.Fix) > 0 {
			text += "\n\n" + strings.Join(f.Fix, "\n")
		}
		result := sarifResult{RuleID: f.Code, Level: levels[f.Level], Message: sarifText{text}}
		for _, name := range r.logicalNames(f) {
			result.Locations = append(result.Locations, sarifLocation{[]sarifLogical{{Name: name, Kind: "resource"}}})
		}
		result.Prints.Place = f.Code + "/" + strings.Join(r.logicalNames(f), "+")
		run.Results = append(run.Results, result)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(log)
}

func (r *Report) logicalNames(f *Finding) []string {
	if f.API == "" {
		return []string{r.Account + "/" + orNone(f.Function, r.Region)}
	}
	if len(f.Stages) == 0 {
		return []string{r.Account + "/" + f.API}
	}
	var out []string
	for _, stage := range f.Stages {
		out = append(out, strings.TrimSuffix(r.Account+"/"+f.API+"/"+stage+"/"+f.Method, "/"))
	}
	return out
}
