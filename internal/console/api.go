package console

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	types "github.com/aws/aws-sdk-go-v2/service/apigateway/types"

	"github.com/stagedoor/stagedoor/internal/state"
)

func apiRoutes() []route {
	return []route{
		{path: "apis/{api}", get: apiPage},
		{path: "apis/{api}/cell", get: cellPage},
		{path: "apis/{api}/grant", post: addGrant},
		{path: "apis/{api}/delete", post: deleteAPI},
	}
}

// Bounds of the matrix on one page.
const (
	stagesPerPage  = 12
	methodsPerPage = 50
)

// apiView is the page of one API.
type apiView struct {
	ID, Name, Description string
	Counts                struct{ Allowed, Refused, Broken int }
	StageCount            int
	Matrix                *matrix
	StagePager            *pager
	MethodPager           *pager
	Query                 string
	Only                  string // "refused": only methods with a refused stage
	URL                   string
	// Explanation is of the cell that is open; nil: none.
	Explanation *explanation
	Methods     []liveMethod
	LivePager   *pager
	LiveDenied  string
	Empty       *emptyState
	StageNames  []string
}

// apiOf reads the API that the address names, or says that it is not there.
func (v *visit) apiOf(ctx context.Context) (*apigateway.GetRestApiOutput, error) {
	return v.apis().GetRestApi(ctx, &apigateway.GetRestApiInput{RestApiId: aws.String(v.r.PathValue("api"))})
}

func (v *visit) matrix(api string) []Cell {
	return v.c.o.Gateway.Matrix(v.s.Account, v.region, api)
}

func apiPage(v *visit) (*page, error) { return v.apiPage(nil) }

// cellPage is the page of an API with the explanation of one cell beside the
// matrix; htmx asks for the explanation alone.
func cellPage(v *visit) (*page, error) {
	return v.apiPage(&cellKey{v.value("stage"), method{v.value("verb"), v.value("path")}})
}

func (v *visit) apiPage(open *cellKey) (*page, error) {
	api, err := v.apiOf(v.ctx())
	if err != nil {
		return nil, err
	}
	id := aws.ToString(api.Id)
	a := &apiView{ID: id, Name: aws.ToString(api.Name), Description: aws.ToString(api.Description), URL: apiURL(id)}
	p := &page{
		Title: a.Name, Lead: a.Description, Template: "api", Body: a, Wide: true,
		Crumbs: []crumb{{"Overview", overviewURL()}},
	}
	cells := v.matrix(id)
	if open != nil {
		if a.Explanation, err = v.explain(a.Name, cells, *open); err != nil {
			return nil, err
		}
		p.Crumbs = append(p.Crumbs, crumb{a.Name, apiURL(id)})
		p.Title = open.String() + " on " + open.Stage
		if v.fragment() == "panel" {
			return p, nil
		}
	}
	stages, err := v.stages(v.ctx(), id)
	if err != nil {
		return nil, err
	}
	a.layOut(v, stages, cells, open)
	a.live(v, stages, cells)
	if len(a.Methods) == 0 && a.LiveDenied == "" {
		a.Empty = &emptyState{
			Icon: "api", Title: "This API has no method yet",
			Sentence: "A method is a path and a verb that lead to a function. Name the function by a stage variable, such as my-function-${stageVariables.env}, and each stage calls its own.",
		}
	}
	return p, nil
}

// stages lists the stages of an API, by name.
func (v *visit) stages(ctx context.Context, api string) ([]types.Stage, error) {
	out, err := v.apis().GetStages(ctx, &apigateway.GetStagesInput{RestApiId: &api})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(out.Item, func(a, b types.Stage) int {
		return strings.Compare(aws.ToString(a.StageName), aws.ToString(b.StageName))
	})
	return out.Item, nil
}

// layOut makes the matrix of the stages and methods on this page.
func (a *apiView) layOut(v *visit, stages []types.Stage, cells []Cell, open *cellKey) {
	a.Query, a.Only = v.value("q"), v.value("only")
	names := make([]string, len(stages))
	for i := range stages {
		names[i] = aws.ToString(stages[i].StageName)
	}
	a.StageCount, a.StageNames = len(names), names
	methods := a.filter(cells)
	if open != nil {
		// The open cell is on the page that is shown.
		if at := slices.Index(names, open.Stage); at >= 0 {
			v.turnTo("stages", at/stagesPerPage+1)
		}
		if at := slices.Index(methods, open.method); at >= 0 {
			v.turnTo("methods", at/methodsPerPage+1)
		}
	}
	address := *v.r.URL
	if open != nil {
		address.Path = apiURL(a.ID)
	}
	var from, to int
	a.StagePager, from, to = newPager("Pages of stages", &address, "stages", len(names), stagesPerPage)
	names = names[from:to]
	a.MethodPager, from, to = newPager("Pages of methods", &address, "methods", len(methods), methodsPerPage)
	if len(methods) > 0 && len(names) > 0 {
		a.Matrix = newMatrix("Which methods of "+a.Name+" may call their function on which stage", a.ID, names, methods[from:to], cells, open)
	}
}

// turnTo chooses a page of a list unless the address does.
func (v *visit) turnTo(name string, n int) {
	q := v.r.URL.Query()
	if !q.Has(name) {
		q.Set(name, strconv.Itoa(n))
		v.r.URL.RawQuery = q.Encode()
	}
}

// filter counts the verdicts and picks the methods that match the query.
func (a *apiView) filter(cells []Cell) []method {
	bad := map[method]bool{}
	for i := range cells {
		c := &cells[i]
		switch severity(c) {
		case 0:
			a.Counts.Allowed++
		case 1:
			a.Counts.Broken++
		default:
			a.Counts.Refused++
		}
		if !c.Allowed {
			bad[method{c.Verb, c.Path}] = true
		}
	}
	query := strings.ToLower(a.Query)
	return slices.DeleteFunc(methodsOf(cells), func(m method) bool {
		return query != "" && !strings.Contains(strings.ToLower(m.String()), query) || a.Only == "refused" && !bad[m]
	})
}

// liveMethod is a method as it is configured, deployed or not.
type liveMethod struct {
	Verb, Path, Resource string
	Integration          string // "AWS_PROXY", "" for none
	Function             string // with its stage variables, or the URI where it is none
	Variables            bool   // the function is named by a stage variable
	EditURL              string
	// Undeployed lists the stages that do not serve it as it is here.
	Undeployed []string
}

const livePerPage = 50

// live lists what is configured, and where it differs from what is deployed:
// changes act with the next deployment only.
func (a *apiView) live(v *visit, stages []types.Stage, cells []Cell) {
	resources, err := v.resources(v.ctx(), a.ID)
	if err != nil {
		a.LiveDenied = describe(err, v).Sentence
		return
	}
	deployed := make(map[cellKey]*Cell, len(cells))
	for i := range cells {
		if c := &cells[i]; !c.Canary {
			deployed[cellKey{c.Stage, method{c.Verb, c.Path}}] = c
		}
	}
	var all []liveMethod
	for i := range resources {
		r := &resources[i]
		for _, verb := range slices.Sorted(maps.Keys(r.ResourceMethods)) {
			m := r.ResourceMethods[verb]
			all = append(all, newLiveMethod(a.ID, verb, r, m.MethodIntegration))
		}
	}
	var from, to int
	a.LivePager, from, to = newPager("Pages of configured methods", v.r.URL, "live", len(all), livePerPage)
	a.Methods = all[from:to]
	for i := range a.Methods {
		m := &a.Methods[i]
		for j := range stages {
			if len(m.Undeployed) > stagesInRow {
				break
			}
			if !v.serves(&stages[j], m, deployed) {
				m.Undeployed = append(m.Undeployed, aws.ToString(stages[j].StageName))
			}
		}
	}
}

// serves reports whether a stage has the method with the function that is
// configured now.
func (v *visit) serves(s *types.Stage, m *liveMethod, deployed map[cellKey]*Cell) bool {
	c := deployed[cellKey{aws.ToString(s.StageName), method{m.Verb, m.Path}}]
	switch {
	case c == nil:
		return false
	case m.Integration != "AWS_PROXY" || c.Function == "":
		return c.Integration == "" || c.Integration == m.Integration
	}
	t := v.resolve(m.Function, s.Variables)
	return t.Problem != "" || t.qualified() == c.Function
}

func newLiveMethod(api, verb string, r *types.Resource, in *types.Integration) liveMethod {
	m := liveMethod{Verb: verb, Path: aws.ToString(r.Path), Resource: aws.ToString(r.Id), EditURL: integrationURL(api, aws.ToString(r.Id), verb)}
	if in == nil {
		return m
	}
	m.Integration, m.Function = string(in.Type), functionInURI(aws.ToString(in.Uri))
	m.Variables = len(state.VariablesIn(m.Function)) > 0
	return m
}

// resources lists the resources of an API with their methods, by path.
func (v *visit) resources(ctx context.Context, api string) ([]types.Resource, error) {
	var all []types.Resource
	in := &apigateway.GetResourcesInput{RestApiId: &api, Limit: aws.Int32(500), Embed: []string{"methods"}}
	client := v.apis()
	for {
		out, err := client.GetResources(ctx, in)
		if err != nil {
			return nil, err
		}
		all = append(all, out.Items...)
		if aws.ToString(out.Position) == "" {
			break
		}
		in.Position = out.Position
	}
	slices.SortFunc(all, func(a, b types.Resource) int { return strings.Compare(aws.ToString(a.Path), aws.ToString(b.Path)) })
	return all, nil
}

// deleteAPI deletes an API whose name was typed.
func deleteAPI(v *visit) (*done, error) {
	api, err := v.apiOf(v.ctx())
	if err != nil {
		return nil, err
	}
	id, name := aws.ToString(api.Id), aws.ToString(api.Name)
	if v.r.PostFormValue("name") != name {
		return nil, &problem{
			Status: http.StatusUnprocessableEntity, Title: "The name is another one", To: apiURL(id),
			Sentence: "To delete the API, type its name exactly as it is. Nothing was changed.",
		}
	}
	if _, err := v.apis().DeleteRestApi(v.ctx(), &apigateway.DeleteRestApiInput{RestApiId: &id}); err != nil {
		return nil, err
	}
	return &done{
		Message: "The API " + name + " was deleted with its stages.", To: overviewURL(),
		Commands: []string{command("apigateway", "delete-rest-api", "--rest-api-id", id)},
		Details:  []string{"Grants that name it stay in the policies of its functions; stagedoor doctor lists them."},
	}, nil
}
