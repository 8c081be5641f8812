package console

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/stagedoor/stagedoor/internal/grants"
)

// explanation says why one call would be allowed or refused, and how to mend it.
type explanation struct {
	API, APIName, Stage, Verb, Path string
	Kind, Symbol, Word              string
	Sentence                        string
	Canary                          bool

	Function, FunctionURL string // ARN; "" where none is called
	Target                string
	SourceARN             string
	Credentials           string
	*evidence

	Choices []choice
	// Fix are the commands where a grant alone does not help.
	Fix      []string
	Notes    []string
	StageURL string
	TryURL   string
	LogsURL  string
}

// evidence is what the policies say.
type evidence struct {
	// Denied says why the person may not read the policies; "" otherwise.
	Denied   string
	Policies []policyText
	Nearest  *nearest
	Changed  []changeText
}

// policyText is one policy as it was read.
type policyText struct {
	Title, Revision, Document, Problem string
	Missing                            bool
}

// nearest is the statement that nearly applied, element by element.
type nearest struct {
	Title   string // "nearest statement", "decided by", …
	Name    string
	Deny    bool
	Failed  []difference
	Matched []string // elements that agree
}

// difference is an element that keeps a statement from applying: two ARNs
// segment under segment, or two values.
type difference struct {
	Element   string
	Want, Got string
	Columns   []column
}

// column is one segment of two ARNs.
type column struct {
	Label, Want, Got string
	Same             bool
}

type changeText struct{ What, When, Text string }

// find returns the cell at a place, the worse of stage and canary, or nil.
func find(cells []Cell, key cellKey) *Cell {
	var found *Cell
	for i := range cells {
		c := &cells[i]
		if c.Stage == key.Stage && c.Verb == key.Verb && c.Path == key.Path && (found == nil || severity(c) > severity(found)) {
			found = c
		}
	}
	return found
}

// explain makes the explanation of one cell.
func (v *visit) explain(apiName string, cells []Cell, key cellKey) (*explanation, error) {
	c := find(cells, key)
	api := v.r.PathValue("api")
	if c == nil {
		return nil, &problem{
			Status: http.StatusNotFound, Title: "The stage has no such method", To: apiURL(api),
			Sentence: key.String() + " is not on stage " + key.Stage + " of " + apiName + " as it is deployed now.",
			Remedy:   []string{"It may have been deleted or deployed anew since the page was made."},
		}
	}
	e := &explanation{
		API: api, APIName: apiName, Stage: c.Stage, Verb: c.Verb, Path: c.Path, Sentence: sentence(c), Canary: c.Canary,
		Function: c.Function, SourceARN: c.SourceARN, Credentials: c.Credentials,
		StageURL: stageURL(api, c.Stage), TryURL: tryURL(api, c.Stage, c.Verb, c.Path), LogsURL: logsURL(api, c.Stage),
	}
	e.Kind, e.Symbol, e.Word = verdict(c)
	if c.Function != "" {
		name, _, _ := strings.Cut(shortFunction(c.Function), ":")
		e.Target, e.FunctionURL = shortFunction(c.Function), functionURL(name)
	}
	e.Evidence(v, c)
	if c.Decision != nil {
		e.remedy(v, cells, c)
	}
	return e, nil
}

// remedy says what would let the call pass. Sentences and commands of the
// Decision may quote policies, so they are for those only who may read them.
func (e *explanation) remedy(v *visit, cells []Cell, c *Cell) {
	d := c.Decision
	e.Choices = planGrants(cells, c, v.s.Account)
	if e.Denied == "" {
		e.Notes = d.Notes
	} else if refused(c) {
		e.Sentence = causeTitle(d.Cause.Code) + "."
	}
	owner := part(d.FunctionARN, 4)
	switch {
	case len(e.Choices) > 0:
	case e.Denied == "":
		e.Fix = d.Fix
	case refused(c) && d.Credentials == "" && owner != "" && owner != v.s.Account:
		g := planner{}.grant(c, "*")
		g.Name = d.FunctionARN
		e.Fix = []string{g.command()}
		e.Notes = []string{"The function belongs to account " + owner + ": its owner runs this command."}
	}
}

// Evidence reads the policies: those of the Decision, where the person may read
// them too, or that of the function.
func (e *explanation) Evidence(v *visit, c *Cell) {
	e.evidence = &evidence{}
	if c.Function == "" {
		return
	}
	document, err := v.policyOf(c.Function)
	switch {
	case err != nil && !isMissing(err):
		e.evidence.Denied = describe(err, v).Sentence
	case c.Decision != nil:
		e.evidence = evidenceOf(c.Decision)
	case document != "":
		e.evidence.Policies = []policyText{{Title: "policy of " + e.Target, Document: pretty(document)}}
	}
}

// policyOf reads a function's policy, "" where it has none.
func (v *visit) policyOf(arn string) (string, error) {
	name, qualifier, _ := strings.Cut(strings.TrimPrefix(part(arn, 5), "function:"), ":")
	if account := part(arn, 4); account != v.s.Account {
		name = strings.TrimSuffix(arn, ":"+qualifier)
	}
	in := &lambda.GetPolicyInput{FunctionName: &name}
	if qualifier != "" && qualifier != "$LATEST" {
		in.Qualifier = &qualifier
	}
	out, err := v.functions(part(arn, 3)).GetPolicy(v.ctx(), in)
	if err != nil {
		return "", err
	}
	return aws.ToString(out.Policy), nil
}

// evidenceOf is what a Decision was made from.
func evidenceOf(d *grants.Decision) *evidence {
	e := &evidence{Nearest: nearestOf(d)}
	for i := range d.Policies {
		p := &d.Policies[i]
		text := policyText{Title: policyTitle(p), Revision: p.Revision, Missing: p.Missing, Problem: p.Error}
		if !p.Missing {
			text.Document = pretty(p.Document)
		}
		e.Policies = append(e.Policies, text)
	}
	for i := range d.Changed {
		c := &d.Changed[i]
		text := c.Detail
		if c.From != "" || c.To != "" {
			text = strings.TrimPrefix(text+" ("+orNone(c.From)+" → "+orNone(c.To)+")", " ")
		}
		e.Changed = append(e.Changed, changeText{What: c.What, When: stamp(c.Time), Text: text})
	}
	return e
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func policyTitle(p *grants.PolicyRead) string {
	owner := shortFunction(p.Owner)
	if _, role, found := strings.Cut(p.Owner, ":role/"); found {
		owner = "role " + role
	}
	switch p.Kind {
	case grants.FunctionPolicy:
		return "policy of " + owner
	case grants.RolePolicy:
		return "policy " + p.Name + " of " + owner
	default:
		return string(p.Kind) + " of " + owner
	}
}

// nearestOf shows the statement that nearly applied, or that denied.
func nearestOf(d *grants.Decision) *nearest {
	s := d.NearestMiss()
	if s == nil {
		return nil
	}
	n := &nearest{Title: "Nearest statement", Name: s.Sid, Deny: s.Effect.String() == "Deny"}
	if n.Name == "" {
		n.Name = "number " + strconv.Itoa(s.Index+1)
	}
	switch {
	case s.Matched && n.Deny:
		n.Title = "Denied by the statement"
	case s.Matched:
		n.Title = "Granted elsewhere, by the statement"
	}
	for i := range s.Elements {
		e := &s.Elements[i]
		label := e.Element
		if e.Key != "" {
			label = e.Operator + " " + e.Key
		}
		if e.Matched {
			n.Matched = append(n.Matched, label)
			continue
		}
		diff := difference{Element: label, Want: strings.Join(e.Want, ", "), Got: strings.Join(e.Got, ", ")}
		if e.Got == nil {
			diff.Got = "(the request has no such key)"
		}
		method := false
		for _, s := range e.Segments {
			method = method || s.Part == "service" && s.Got == "execute-api"
		}
		for _, s := range e.Segments {
			if s.Matched && s.Part != "resource" {
				continue // the SourceArn stands above in full
			}
			diff.Columns = append(diff.Columns, column{
				Label: segmentLabel(s.Part, s.Index, method), Want: shown(s.Want, s.NoWant), Got: shown(s.Got, s.NoGot), Same: s.Matched,
			})
		}
		n.Failed = append(n.Failed, diff)
	}
	return n
}

// segmentLabel names a segment of a SourceArn: api/stage/verb/path.
func segmentLabel(part string, index int, method bool) string {
	if part != "resource" || !method {
		return part
	}
	return [...]string{"api", "stage", "verb", "path"}[min(index, 3)]
}

// shown makes absence visible: "—" for no segment, "" in quotes for an empty one.
func shown(text string, absent bool) string {
	switch {
	case absent:
		return "—"
	case text == "":
		return `""`
	default:
		return text
	}
}

// pretty is a JSON document with indents; what is none stays as it is.
func pretty(document string) string {
	var b bytes.Buffer
	if json.Indent(&b, []byte(document), "", "  ") != nil {
		return document
	}
	return b.String()
}
