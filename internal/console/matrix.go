package console

import (
	"html"
	"html/template"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/internal/grants"
)

// matrix is methods × stages of one API, as the partial of that name shows it.
type matrix struct {
	Caption string
	Stages  []matrixStage
	Rows    []matrixRow
}

type matrixStage struct{ Name, URL string }

type matrixRow struct {
	Verb, Path string
	Cells      []matrixCell
}

// matrixCell is one method on one stage; without URL the stage does not have it.
type matrixCell struct {
	Kind    string // "ok", "bad" or "warn"
	Symbol  string
	Label   string // for screen readers: "GET /users on dev: refused"
	URL     string
	Current bool // its explanation is open
}

// The verdicts on a cell: kind, symbol and word.
const (
	okKind, badKind, warnKind = "ok", "bad", "warn"
)

// verdict says what would become of a call: allowed, refused, or that it cannot
// work for a reason which is no matter of grants.
func verdict(c *Cell) (kind, symbol, word string) {
	switch {
	case c.Allowed:
		return okKind, "✓", "allowed"
	case refused(c):
		return badKind, "✗", "refused"
	default:
		return warnKind, "!", "cannot work"
	}
}

// severity orders verdicts, the worst highest.
func severity(c *Cell) int {
	switch {
	case c.Allowed:
		return 0
	case refused(c):
		return 2
	default:
		return 1
	}
}

func refused(c *Cell) bool {
	return !c.Allowed && c.Decision != nil && c.Decision.Outcome.Refused()
}

// sentence says why a cell is not allowed; "" where it is.
func sentence(c *Cell) string {
	switch {
	case c.Allowed:
		return ""
	case c.Problem != "":
		return c.Problem
	case c.Decision != nil:
		return c.Decision.Cause.Sentence
	default:
		return "A call would not reach its function."
	}
}

// method is one row of a matrix: a verb and a path, as configured.
type method struct{ Verb, Path string }

// String implements fmt.Stringer: "GET /users".
func (m method) String() string { return m.Verb + " " + m.Path }

// cellKey is a place of a matrix.
type cellKey struct {
	Stage string
	method
}

// methodsOf lists the methods among cells, by path and verb.
func methodsOf(cells []Cell) []method {
	seen := map[method]bool{}
	var all []method
	for i := range cells {
		m := method{cells[i].Verb, cells[i].Path}
		if !seen[m] {
			seen[m] = true
			all = append(all, m)
		}
	}
	slices.SortFunc(all, func(a, b method) int {
		if n := strings.Compare(a.Path, b.Path); n != 0 {
			return n
		}
		return strings.Compare(a.Verb, b.Verb)
	})
	return all
}

// newMatrix lays out the cells of an API for some of its stages and methods.
// open is the place whose explanation is shown, nil: none.
func newMatrix(caption, api string, stages []string, methods []method, cells []Cell, open *cellKey) *matrix {
	at := make(map[cellKey]*Cell, len(cells))
	for i := range cells {
		p := cellKey{cells[i].Stage, method{cells[i].Verb, cells[i].Path}}
		// A canary answers some of the calls: the worse of the two is shown.
		if at[p] == nil || severity(&cells[i]) > severity(at[p]) {
			at[p] = &cells[i]
		}
	}
	m := &matrix{Caption: caption, Rows: make([]matrixRow, 0, len(methods))}
	for _, stage := range stages {
		m.Stages = append(m.Stages, matrixStage{Name: stage, URL: stageURL(api, stage)})
	}
	for _, each := range methods {
		row := matrixRow{Verb: each.Verb, Path: each.Path, Cells: make([]matrixCell, len(stages))}
		for i, stage := range stages {
			c := at[cellKey{stage, each}]
			if c == nil {
				continue
			}
			kind, symbol, word := verdict(c)
			row.Cells[i] = matrixCell{
				Kind: kind, Symbol: symbol, Label: each.String() + " on " + stage + ": " + word,
				URL: cellURL(api, stage, each.Verb, each.Path), Current: open != nil && *open == cellKey{stage, each},
			}
		}
		m.Rows = append(m.Rows, row)
	}
	return m
}

// breakable lets a browser break a path or an ARN behind each / and :, and
// nowhere else.
func breakable(text string) template.HTML {
	head := min(len(text), 1) // a path's first slash stays with what follows
	escaped := html.EscapeString(text[head:])
	return template.HTML(html.EscapeString(text[:head]) + strings.NewReplacer("/", "/<wbr>", ":", ":<wbr>").Replace(escaped))
}

// shortFunction is the name of a function in an ARN, with its qualifier.
func shortFunction(arn string) string {
	if _, name, found := strings.Cut(arn, ":function:"); found {
		return name
	}
	return arn
}

// causes counts cells or refusals by cause.
type cause struct {
	Code     string
	Title    string
	Sentence string // of one of them
	Count    int
	URL      string // of one of them
	Where    string // that one
}

// causeTitle is a cause in words that fit into a line; the codes are those of
// package grants.
func causeTitle(code string) string {
	if title, ok := causeTitles()[code]; ok {
		return title
	}
	return strings.ReplaceAll(strings.TrimPrefix(code, "sourcearn-"), "-", " ")
}

func causeTitles() map[string]string {
	return map[string]string{
		grants.CauseNoPolicy:         "The function has no policy at all",
		grants.CauseNoStatement:      "No statement of the policy is about this call",
		grants.CauseFunctionMissing:  "The function does not exist",
		grants.CauseQualifierMissing: "The alias or version does not exist",
		grants.CauseGrantOnFunction:  "The grant is on the function, the alias is called",
		grants.CauseGrantOnQualifier: "The grant is on an alias, the function is called",
		grants.CauseOtherQualifier:   "The grant is on another alias or version",
		grants.CauseStage:            "The grant is for another stage",
		grants.CauseMissingStage:     "The grant names a stage that does not exist",
		grants.CauseVerb:             "The grant is for another verb",
		grants.CauseVerbOnAny:        "The grant names a verb, the method is ANY",
		grants.CausePath:             "The grant is for another path",
		grants.CauseOtherAPI:         "The grant is for another API",
		grants.CauseLogicalID:        "The grant has a name in place of the API's id",
		grants.CauseDenied:           "A statement denies it",
		grants.CausePrincipal:        "The grant is for another principal",
		grants.CauseRoleMissing:      "The integration's role does not exist",
		grants.CauseRoleTrust:        "API Gateway may not assume the role",
		grants.CauseRolePolicy:       "The role may not invoke the function",
	}
}
