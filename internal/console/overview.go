package console

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	types "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

func overviewRoutes() []route {
	return []route{
		{path: "", get: overviewPage, nav: "Overview", icon: "overview"},
		{path: "apis", post: createAPI},
		{path: "example", post: makeExample},
	}
}

// Bounds of the overview, which must stay small for an account of any size.
const (
	apisPerPage     = 40
	functionsShown  = 8
	cellsExplained  = 6000 // refused cells × APIs: what explaining costs grows with both
	decisionsLooked = 200
	recently        = time.Hour
)

// overview is what the first page shows.
type overview struct {
	Query     string
	Total     int // APIs in the region
	Found     int // of them those that match Query
	Rows      []apiRow
	Pager     *pager
	Counts    struct{ Allowed, Refused, Broken int }
	Causes    []cause // of what would be refused
	MoreAPIs  int     // with refusals, that Causes do not count
	Recent    []cause // of what was refused in the last hour
	Functions []functionRow
	More      bool // there are more functions
	// FunctionsDenied says why functions cannot be listed; "" otherwise.
	FunctionsDenied string
	Empty           *emptyState
}

type apiRow struct {
	Name, ID, Description, URL string
	Created                    time.Time
	Stages                     []string // the first few
	MoreStages                 int
	Methods                    int
	Allowed, Refused, Broken   int
}

type functionRow struct{ Name, Runtime, URL string }

const stagesInRow = 4

func overviewPage(v *visit) (*page, error) {
	o := &overview{Query: v.value("q")}
	apis, err := v.allAPIs(v.ctx())
	if err != nil {
		return nil, err
	}
	o.Total = len(apis)
	summaries := v.summaries()
	o.rows(v, apis, summaries)
	if v.fragment() == "found" {
		return &page{Title: "Overview", Template: "overview", Body: o}, nil
	}
	o.causes(v, apis, summaries)
	o.recent(v, apis)
	o.functions(v)
	if o.Total == 0 {
		o.Empty = firstSteps(v)
	}
	return &page{Title: "Overview", Template: "overview", Body: o}, nil
}

// allAPIs lists the REST APIs of a region, by name.
func (v *visit) allAPIs(ctx context.Context) ([]types.RestApi, error) {
	var all []types.RestApi
	client := v.apis()
	in := &apigateway.GetRestApisInput{Limit: aws.Int32(500)}
	for {
		out, err := client.GetRestApis(ctx, in)
		if err != nil {
			return nil, err
		}
		all = append(all, out.Items...)
		if aws.ToString(out.Position) == "" {
			break
		}
		in.Position = out.Position
	}
	slices.SortStableFunc(all, func(a, b types.RestApi) int {
		return cmp.Or(strings.Compare(aws.ToString(a.Name), aws.ToString(b.Name)), strings.Compare(aws.ToString(a.Id), aws.ToString(b.Id)))
	})
	return all, nil
}

// summaries is what the data plane knows, by API.
func (v *visit) summaries() map[string]*Summary {
	all := v.c.o.Gateway.Summaries(v.s.Account, v.region)
	byID := make(map[string]*Summary, len(all))
	for i := range all {
		byID[all[i].API] = &all[i]
	}
	return byID
}

// rows lists the APIs that match the query, those with refusals first.
func (o *overview) rows(v *visit, apis []types.RestApi, summaries map[string]*Summary) {
	var found []*types.RestApi
	query := strings.ToLower(o.Query)
	for i := range apis {
		a := &apis[i]
		if s := summaries[aws.ToString(a.Id)]; s != nil {
			o.Counts.Allowed += s.Allowed
			o.Counts.Refused += s.Refused
			o.Counts.Broken += s.Broken
		}
		if query == "" || strings.Contains(strings.ToLower(aws.ToString(a.Name)), query) || strings.Contains(aws.ToString(a.Id), query) {
			found = append(found, a)
		}
	}
	weight := func(a *types.RestApi) int {
		s := summaries[aws.ToString(a.Id)]
		switch {
		case s == nil || s.Refused+s.Broken == 0:
			return 2
		case s.Refused == 0:
			return 1
		}
		return 0
	}
	slices.SortStableFunc(found, func(a, b *types.RestApi) int { return weight(a) - weight(b) })
	o.Found = len(found)
	var from, to int
	o.Pager, from, to = newPager("Pages of APIs", v.r.URL, "page", len(found), apisPerPage)
	for _, a := range found[from:to] {
		o.Rows = append(o.Rows, newAPIRow(a, summaries[aws.ToString(a.Id)]))
	}
}

func newAPIRow(a *types.RestApi, s *Summary) apiRow {
	row := apiRow{
		Name: aws.ToString(a.Name), ID: aws.ToString(a.Id), Description: aws.ToString(a.Description),
		URL: apiURL(aws.ToString(a.Id)), Created: aws.ToTime(a.CreatedDate),
	}
	if s != nil {
		row.Methods, row.Allowed, row.Refused, row.Broken = s.Methods, s.Allowed, s.Refused, s.Broken
		row.Stages = s.Stages[:min(len(s.Stages), stagesInRow)]
		row.MoreStages = len(s.Stages) - len(row.Stages)
	}
	return row
}

// causes groups what would be refused now by cause, over as many APIs as can be
// explained in time (0.3 ms a cell where there are a thousand functions), those
// with the most refusals first.
func (o *overview) causes(v *visit, apis []types.RestApi, summaries map[string]*Summary) {
	if len(apis) == 0 {
		return
	}
	var worst []*Summary
	for i := range apis {
		if s := summaries[aws.ToString(apis[i].Id)]; s != nil && s.Refused > 0 {
			worst = append(worst, s)
		}
	}
	slices.SortStableFunc(worst, func(a, b *Summary) int { return b.Refused - a.Refused })
	groups := causeGroups{}
	budget := cellsExplained / len(apis)
	for _, s := range worst {
		if s.Refused > budget {
			o.MoreAPIs++
			continue
		}
		budget -= s.Refused
		cells := v.c.o.Gateway.Matrix(v.s.Account, v.region, s.API)
		for i := range cells {
			if c := &cells[i]; refused(c) {
				groups.add(c.Decision.Cause.Code, v.quotable(c.Decision.Cause.Sentence), 1,
					c.Verb+" "+c.Path+" on "+c.Stage+" of "+c.APIName, cellURL(c.API, c.Stage, c.Verb, c.Path))
			}
		}
	}
	o.Causes = groups.sorted()
}

// quotable is a sentence that may quote a policy: for those only who may read
// every policy. Others see it where it is known that they may read that one.
func (v *visit) quotable(sentence string) string {
	if v.s.Root() {
		return sentence
	}
	return ""
}

// recent groups the calls that were refused in the last hour, of the APIs that
// the person may see.
func (o *overview) recent(v *visit, apis []types.RestApi) {
	decisions, err := v.c.o.Journal.Decisions(v.ctx(), decisionsLooked)
	if err != nil {
		v.c.o.Logger.Error("console: journal", "error", err)
		return
	}
	visible := map[string]bool{}
	for i := range apis {
		visible[aws.ToString(apis[i].Id)] = true
	}
	groups := causeGroups{}
	for _, d := range decisions {
		if d.Account == v.s.Account && d.Region == v.region && visible[d.API] && v.now().Sub(d.LastTime) < recently {
			groups.add(d.Cause.Code, v.quotable(d.Cause.Sentence), max(d.Count, 1), d.Method+" "+d.Path+" on "+d.Stage, refusalURL(d.ID))
		}
	}
	o.Recent = groups.sorted()
}

// causeGroups collects causes by code.
type causeGroups map[string]*cause

func (g causeGroups) add(code, sentence string, n int, where, address string) {
	if g[code] == nil {
		g[code] = &cause{Code: code, Title: causeTitle(code), Sentence: sentence, Where: where, URL: address}
	}
	g[code].Count += n
}

func (g causeGroups) sorted() []cause {
	all := make([]cause, 0, len(g))
	for _, each := range g {
		all = append(all, *each)
	}
	slices.SortFunc(all, func(a, b cause) int { return cmp.Or(b.Count-a.Count, strings.Compare(a.Code, b.Code)) })
	return all
}

// functions lists the first functions of the region.
func (o *overview) functions(v *visit) {
	out, err := v.functions("").ListFunctions(v.ctx(), &lambda.ListFunctionsInput{MaxItems: aws.Int32(functionsShown)})
	if err != nil {
		o.FunctionsDenied = describe(err, v).Sentence
		return
	}
	for i := range out.Functions {
		f := &out.Functions[i]
		o.Functions = append(o.Functions, functionRow{Name: aws.ToString(f.FunctionName), Runtime: string(f.Runtime), URL: functionURL(aws.ToString(f.FunctionName))})
	}
	o.More = aws.ToString(out.NextMarker) != ""
}

// firstSteps teaches what to do with an empty server.
func firstSteps(v *visit) *emptyState {
	return &emptyState{
		Icon: "door", Title: "No API yet in " + v.region,
		Sentence: "Deploy to this endpoint with the aws CLI, Terraform, SAM or CDK as to AWS, or make an API here. Any tool finds stagedoor by these settings:",
		Commands: []string{
			"export AWS_ENDPOINT_URL=" + v.c.o.Endpoint + " AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=" + v.region,
			command("apigateway", "create-rest-api", "--name", "orders"),
		},
	}
}

// createAPI makes an empty REST API.
func createAPI(v *visit) (*done, error) {
	name := v.value("name")
	if name == "" {
		return nil, &problem{Status: 422, Title: "The API needs a name", Sentence: "Give a name; it may hold anything, and may be used twice."}
	}
	out, err := v.apis().CreateRestApi(v.ctx(), &apigateway.CreateRestApiInput{Name: &name})
	if err != nil {
		return nil, err
	}
	id := aws.ToString(out.Id)
	return &done{
		Message: "The API " + name + " was created with the id " + id + ".", To: apiURL(id),
		Commands:  []string{command("apigateway", "create-rest-api", "--name", name)},
		UndoLabel: "Delete it again",
		undo: func(v *visit) (*done, error) {
			if _, err := v.apis().DeleteRestApi(v.ctx(), &apigateway.DeleteRestApiInput{RestApiId: &id}); err != nil {
				return nil, err
			}
			return &done{Message: "The API " + name + " was deleted again.", To: overviewURL(), Commands: []string{command("apigateway", "delete-rest-api", "--rest-api-id", id)}}, nil
		},
	}, nil
}
