package diff

import (
	"encoding/json"
	"io"
	"slices"
)

// Kind says in what way a row differs.
type Kind string

// The kinds of rows.
const (
	Changed   Kind = "changed" // on both sides, and different
	OnlyLeft  Kind = "left"    // on the left alone
	OnlyRight Kind = "right"   // on the right alone
	// Paired rows are no difference: they say which function stands for which,
	// where the two have different names and are otherwise the same.
	Paired Kind = "paired"
)

// The names of the sections, in their order.
const (
	SectionAPI         = "api"         // settings of the API as deployed
	SectionPolicy      = "policy"      // resource policy as deployed
	SectionMethods     = "methods"     // resources, methods and integrations as deployed
	SectionAuthorizers = "authorizers" // as deployed
	SectionModels      = "models"      // models and request validators as deployed
	SectionResponses   = "responses"   // gateway responses as deployed
	SectionVariables   = "variables"   // stage variables
	SectionFunctions   = "functions"   // code and configuration behind methods and authorizers
	SectionEnvironment = "environment" // environment variables of those functions
	SectionAliases     = "aliases"     // where called aliases lead to
	SectionStage       = "stage"       // cache cluster, tracing, certificate, firewall
	SectionLogging     = "logging"     // access and execution logs, metrics
	SectionThrottling  = "throttling"  // rates and bursts
	SectionCaching     = "caching"     // caching of methods
	SectionCanary      = "canary"      // share, deployment and variables of the canary
	SectionGrants      = "grants"      // who may call the functions, and doctor's verdict
)

// Sections are the names of all sections, in their order.
func Sections() []string {
	return []string{
		SectionAPI, SectionPolicy, SectionMethods, SectionAuthorizers, SectionModels, SectionResponses, SectionVariables,
		SectionFunctions, SectionEnvironment, SectionAliases, SectionStage, SectionLogging, SectionThrottling, SectionCaching,
		SectionCanary, SectionGrants,
	}
}

// Report is what differs between two stages.
type Report struct {
	Left  End `json:"left"`
	Right End `json:"right"`
	// Same says that nothing differs, and that all of it could be read.
	Same        bool      `json:"same"`
	Differences int       `json:"differences"` // rows that differ
	Sections    []Section `json:"sections"`
	// Unread is what a place did not tell, in sentences: nothing is said about
	// what hangs on it.
	Unread []string `json:"unread,omitempty"`
	// Notes are what else one should know, in sentences.
	Notes []string `json:"notes,omitempty"`
}

// End is one side of a Report.
type End struct {
	Label      string `json:"label,omitempty"` // of the place: "local", "aws:prod"
	Endpoint   string `json:"endpoint,omitempty"`
	Account    string `json:"account"`
	Region     string `json:"region"`
	API        string `json:"api"` // id
	APIName    string `json:"apiName"`
	Stage      string `json:"stage"`
	Deployment string `json:"deployment,omitempty"` // id
}

// Name is what stands above the side's column: "dev", or "local dev" where the
// sides are in different places.
func (e *End) Name() string {
	if e.Label == "" {
		return e.Stage
	}
	return e.Label + " " + e.Stage
}

// Section is one subject.
type Section struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	Rows  []Row  `json:"rows,omitempty"`
	Same  int    `json:"same"` // how many compared things do not differ
	// Unknown says why this subject, or a part of it, could not be compared.
	Unknown []string `json:"unknown,omitempty"`
	Notes   []string `json:"notes,omitempty"`
}

// Differences counts the rows that differ.
func (s *Section) Differences() int {
	n := 0
	for i := range s.Rows {
		if s.Rows[i].Kind != Paired {
			n++
		}
	}
	return n
}

// Row is one thing that differs.
type Row struct {
	// Item names it: a method, a variable, a function.
	Item   string  `json:"item"`
	Kind   Kind    `json:"kind"`
	Fields []Field `json:"fields,omitempty"`
	// Methods are the methods that it is about, where it is about several.
	Methods []string `json:"methods,omitempty"`
}

// Field is one property of a Row on both sides.
type Field struct {
	Name string `json:"name,omitempty"` // "": the thing itself has a value
	// Left and Right are nil where the side does not have it.
	Left  *string `json:"left"`
	Right *string `json:"right"`
	// Same fields do not differ in what counts; they are there for orientation.
	Same bool `json:"same,omitempty"`
	// Masked values are not shown: "••••" stands for each that is there.
	Masked bool `json:"masked,omitempty"`
}

// Section returns the section of that name; nil when there is none.
func (r *Report) Section(name string) *Section {
	for i := range r.Sections {
		if r.Sections[i].Name == name {
			return &r.Sections[i]
		}
	}
	return nil
}

// Without returns the report without the named sections, and counts anew.
func (r *Report) Without(names ...string) *Report {
	out := *r
	out.Sections = nil
	for i := range r.Sections {
		if !slices.Contains(names, r.Sections[i].Name) {
			out.Sections = append(out.Sections, r.Sections[i])
		}
	}
	out.count()
	return &out
}

// count sums up the sections.
func (r *Report) count() {
	r.Differences = 0
	known := len(r.Unread) == 0
	for i := range r.Sections {
		r.Differences += r.Sections[i].Differences()
		known = known && len(r.Sections[i].Unknown) == 0
	}
	r.Same = r.Differences == 0 && known
}

// Format and Version stand at the head of a Comparison's JSON.
const (
	Format  = "stagedoor-diff"
	Version = 1
)

// Comparison is the Reports of all pairs of stages.
type Comparison struct {
	Format  string    `json:"format"`
	Version int       `json:"version"`
	Same    bool      `json:"same"`
	Reports []*Report `json:"reports"`
	// OnlyLeft and OnlyRight are stages that the other side does not have,
	// where all stages of equal name are compared.
	OnlyLeft  []string `json:"onlyLeft,omitempty"`
	OnlyRight []string `json:"onlyRight,omitempty"`
	Calls     int      `json:"calls"`              // operations asked for
	Requests  int64    `json:"requests,omitempty"` // HTTP requests that it took, repeated ones included
}

// Differences counts what differs in all reports, missing stages included.
func (c *Comparison) Differences() int {
	n := len(c.OnlyLeft) + len(c.OnlyRight)
	for _, r := range c.Reports {
		n += r.Differences
	}
	return n
}

// WriteJSON writes the comparison for machines.
func (c *Comparison) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(c)
}
