package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	types "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go"

	"github.com/stagedoor/stagedoor/internal/state"
)

func integrationRoutes() []route {
	return []route{
		{path: "apis/{api}/integration", get: integrationPage},
		{path: "apis/{api}/integration", post: putIntegration},
	}
}

// integrationForm is the page on which a Lambda integration is made or changed.
type integrationForm struct {
	API, APIName, URL string
	Edit              bool // the method is there already
	Resource          string
	Path, Verb        string
	Function          string
	Scope             string // allStages or eachStage
	Authorization     string
	Other             string // type of the integration that is there, where it is no AWS_PROXY
	Paths, Functions  []string
	Verbs             []string
	Preview           *integrationPreview
	Problem           string
}

// integrationPreview is what the integration would call, stage by stage.
type integrationPreview struct {
	NoStage  bool
	Stages   []resolution
	More     int // stages that are not shown
	Grants   []grant
	Problems int
}

// Bounds of the form and its preview.
const (
	choicesOffered = 200
	stagesResolved = 40
)

func verbs() []string {
	return []string{"ANY", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}
}

// integrationPage shows the form; with a function in the address, also what that
// would resolve to, which is all that htmx asks for while the person types.
func integrationPage(v *visit) (*page, error) {
	api, err := v.apiOf(v.ctx())
	if err != nil {
		return nil, err
	}
	f := &integrationForm{
		Verb: v.value("verb"), Path: v.value("path"), Function: v.value("function"),
		Scope: v.value("scope"), Resource: v.value("resource"), Authorization: "NONE",
	}
	if v.fragment() == "preview" {
		f.API, f.APIName = aws.ToString(api.Id), aws.ToString(api.Name)
		if f.Function != "" {
			f.Preview, err = v.preview(f)
		}
		return v.integrationPage(f), err
	}
	return v.fillIntegration(f, api)
}

func (v *visit) integrationPage(f *integrationForm) *page {
	title := "New method"
	if f.Edit {
		title = f.Verb + " " + f.Path
	}
	return &page{
		Title: title, Template: "integration", Body: f,
		Crumbs: []crumb{{"Overview", overviewURL()}, {f.APIName, apiURL(f.API)}},
	}
}

// fillIntegration completes the form from what is there.
func (v *visit) fillIntegration(f *integrationForm, api *apigateway.GetRestApiOutput) (*page, error) {
	f.API, f.APIName, f.Verbs = aws.ToString(api.Id), aws.ToString(api.Name), verbs()
	f.URL = apiURL(f.API) + "/integration"
	resources, err := v.resources(v.ctx(), f.API)
	if err != nil {
		return nil, err
	}
	for i := range resources {
		r := &resources[i]
		if len(f.Paths) < choicesOffered {
			f.Paths = append(f.Paths, aws.ToString(r.Path))
		}
		if f.Resource != "" && aws.ToString(r.Id) == f.Resource {
			f.Path = aws.ToString(r.Path)
			if m, ok := r.ResourceMethods[f.Verb]; ok {
				f.there(&m)
			}
		}
	}
	if f.Resource != "" && !f.Edit {
		return nil, &problem{
			Status: http.StatusNotFound, Title: "The API has no such method (any more)", To: apiURL(f.API),
			Sentence: f.Verb + " of the resource " + f.Resource + " does not exist. It may have been deleted since the page was made.",
		}
	}
	if f.Verb == "" {
		f.Verb = "GET"
	}
	if f.Scope == "" {
		f.Scope = allStages
	}
	if out, err := v.functions("").ListFunctions(v.ctx(), &lambda.ListFunctionsInput{}); err == nil { // only a help to type
		for i := range out.Functions {
			f.Functions = append(f.Functions, aws.ToString(out.Functions[i].FunctionName))
		}
	}
	if f.Function != "" && f.Preview == nil {
		if f.Preview, err = v.preview(f); err != nil {
			return nil, err
		}
	}
	return v.integrationPage(f), nil
}

// there takes over what the method has.
func (f *integrationForm) there(m *types.Method) {
	f.Edit = true
	f.Authorization = aws.ToString(m.AuthorizationType)
	in := m.MethodIntegration
	switch {
	case in == nil:
	case in.Type != types.IntegrationTypeAwsProxy:
		f.Other = string(in.Type)
	case f.Function == "":
		f.Function = short(functionInURI(aws.ToString(in.Uri)))
	}
}

// short is a function's reference without the ARN in front, where that is the
// ARN of no particular account: the form takes both.
func short(function string) string {
	if rest, found := strings.CutPrefix(function, "arn:aws:lambda:"); found {
		if _, name, ok := strings.Cut(rest, ":function:"); ok && !strings.Contains(strings.TrimSuffix(rest, name), "${") {
			return name
		}
	}
	return function
}

// reference is the function as the form means it: a name belongs to the region
// and account that are looked at, an edited ARN of elsewhere keeps its place.
func (f *integrationForm) reference() string { return strings.TrimSpace(f.Function) }

// preview resolves the function for every stage.
func (v *visit) preview(f *integrationForm) (*integrationPreview, error) {
	stages, err := v.stages(v.ctx(), f.API)
	if err != nil {
		return nil, err
	}
	p := &integrationPreview{NoStage: len(stages) == 0}
	all := v.resolveStages(f, stages)
	for i := range all {
		if all[i].Kind == warnKind {
			p.Problems++
		}
	}
	p.Grants = missing(all)
	p.Stages = all[:min(len(all), stagesResolved)]
	p.More = len(all) - len(p.Stages)
	return p, nil
}

// resolveStages judges the method on every stage. Without stages a function that
// no stage variable names is judged all the same: it will be the same on each.
func (v *visit) resolveStages(f *integrationForm, stages []types.Stage) []resolution {
	l := v.lookup()
	var all []resolution
	for i := range stages {
		name := aws.ToString(stages[i].StageName)
		where := "*"
		if f.Scope == eachStage {
			where = name
		}
		all = append(all, l.judge(f.API, name, where, f.Verb, f.Path, f.reference(), stages[i].Variables))
	}
	if len(stages) == 0 && len(state.VariablesIn(f.reference())) == 0 {
		all = append(all, l.judge(f.API, "*", "*", f.Verb, f.Path, f.reference(), nil))
	}
	return all
}

// putIntegration makes or changes a method's Lambda integration, and grants the
// call on every function that it resolves to.
func putIntegration(v *visit) (*done, error) {
	api, err := v.apiOf(v.ctx())
	if err != nil {
		return nil, err
	}
	f := &integrationForm{
		API: aws.ToString(api.Id), APIName: aws.ToString(api.Name), Resource: v.value("resource"),
		Path: v.value("path"), Verb: v.value("verb"), Function: v.value("function"), Scope: v.value("scope"), Authorization: v.value("authorization"),
	}
	again := func(sentence string) (*done, error) {
		f.Problem = sentence
		p, err := v.fillIntegration(f, api)
		return &done{Page: p}, err
	}
	switch {
	case f.Function == "":
		return again("Name the function that the method calls.")
	case !strings.HasPrefix(f.Path, "/"):
		return again("A path begins with /, such as /users/{id}.")
	case !slices.Contains(verbs(), f.Verb):
		return again("Choose the method: " + strings.Join(verbs(), ", ") + ".")
	}
	stages, err := v.stages(v.ctx(), f.API)
	if err != nil {
		return nil, err
	}
	made := &methodMade{steps{v: v, api: f.API}}
	if err := made.put(f); err != nil {
		if undone := made.undo(v.ctx()); undone != nil {
			return nil, errors.Join(err, undone)
		}
		var refused smithy.APIError
		if errors.As(err, &refused) && refused.ErrorCode() == "BadRequestException" {
			return again(refused.ErrorMessage())
		}
		return nil, err
	}
	return v.grantIntegration(f, made, stages), nil
}

// grantIntegration adds the grants that the integration needs and tells of all
// that was done and of what could not be.
func (v *visit) grantIntegration(f *integrationForm, made *methodMade, stages []types.Stage) *done {
	all := v.resolveStages(f, stages)
	d := &done{
		Message: f.Verb + " " + f.Path + " of " + f.APIName + " calls " + f.Function + ". Deploy to let it act.",
		To:      deployURL(f.API), Commands: made.commands, UndoLabel: "Undo",
	}
	var granted []grant
	if need := missing(all); len(need) > 0 {
		g, err := v.grant(need, "")
		if err != nil {
			d.Warning = true
			d.Details = append(d.Details, "No grant was added: "+v.grantProblem(err))
		} else {
			granted = g.added
			d.Warning = g.Warning
			d.Commands = append(d.Commands, g.Commands...)
			d.Details = append(d.Details, g.Details...)
			for i := range granted {
				d.Details = append(d.Details, "Granted: "+granted[i].Target()+" may be called for "+granted[i].SourceARN+".")
			}
		}
	}
	for i := range all {
		if all[i].Kind == warnKind {
			d.Warning = true
			d.Details = append(d.Details, "Stage "+all[i].Stage+": "+all[i].Sentence)
		}
	}
	if len(stages) == 0 && len(all) == 0 {
		d.Details = append(d.Details, "Which functions it calls depends on the variables of stages, and there is no stage yet. Grants follow from the matrix once there is one.")
	}
	const details = 30
	if len(d.Details) > details {
		d.Details = append(d.Details[:details], plural(len(d.Details)-details, "line")+" more")
	}
	d.undo = func(v *visit) (*done, error) {
		made.v = v
		if err := made.undo(v.ctx()); err != nil {
			return nil, err
		}
		u := &done{Message: "Undone: the method is as it was before, and the grants are removed.", To: apiURL(f.API)}
		if len(granted) > 0 {
			r, err := v.revoke(granted)
			if err != nil {
				return nil, err
			}
			u.Details, u.Commands = r.Details, r.Commands
		}
		return u, nil
	}
	return d
}

// methodMade makes a method.
type methodMade struct{ steps }

// put makes what is missing of resources, method and integration.
func (m *methodMade) put(f *integrationForm) error {
	resources, err := m.v.resources(m.v.ctx(), m.api)
	if err != nil {
		return err
	}
	resource, err := m.resource(resources, f.Path)
	if err != nil {
		return err
	}
	id := aws.ToString(resource.Id)
	method, there := resource.ResourceMethods[f.Verb]
	if !there {
		if f.Authorization != "AWS_IAM" {
			f.Authorization = "NONE"
		}
		_, err := m.v.apis().PutMethod(m.v.ctx(), &apigateway.PutMethodInput{RestApiId: &m.api, ResourceId: &id, HttpMethod: &f.Verb, AuthorizationType: &f.Authorization})
		if err != nil {
			return err
		}
		m.did("put-method", "--rest-api-id", m.api, "--resource-id", id, "--http-method", f.Verb, "--authorization-type", f.Authorization)
		m.back = append(m.back, func(ctx context.Context, client *apigateway.Client) error {
			_, err := client.DeleteMethod(ctx, &apigateway.DeleteMethodInput{RestApiId: &m.api, ResourceId: &id, HttpMethod: &f.Verb})
			return err
		})
	}
	uri := m.v.uriOf(f.reference())
	if in := method.MethodIntegration; in != nil && in.Type == types.IntegrationTypeAwsProxy {
		return m.update(id, f.Verb, uri, in)
	}
	return m.create(id, f.Verb, uri)
}

// resource finds the resource of a path, or makes it with those above it.
func (m *methodMade) resource(all []types.Resource, path string) (*types.Resource, error) {
	byPath := map[string]*types.Resource{}
	for i := range all {
		byPath[aws.ToString(all[i].Path)] = &all[i]
	}
	if path != "/" {
		path = strings.TrimSuffix(path, "/")
	}
	if r := byPath[path]; r != nil {
		return r, nil
	}
	parent, at := byPath["/"], ""
	for _, part := range strings.Split(strings.TrimPrefix(path, "/"), "/") {
		at += "/" + part
		if r := byPath[at]; r != nil {
			parent = r
			continue
		}
		if parent == nil {
			return nil, errors.New("console: the API has no root resource")
		}
		out, err := m.v.apis().CreateResource(m.v.ctx(), &apigateway.CreateResourceInput{RestApiId: &m.api, ParentId: parent.Id, PathPart: &part})
		if err != nil {
			return nil, err
		}
		id := out.Id
		m.did("create-resource", "--rest-api-id", m.api, "--parent-id", aws.ToString(parent.Id), "--path-part", part)
		m.back = append(m.back, func(ctx context.Context, client *apigateway.Client) error {
			_, err := client.DeleteResource(ctx, &apigateway.DeleteResourceInput{RestApiId: &m.api, ResourceId: id})
			return err
		})
		parent = &types.Resource{Id: id, Path: &at}
	}
	return parent, nil
}

// create puts a Lambda integration, in place of any of another type.
func (m *methodMade) create(resource, verb, uri string) error {
	_, err := m.v.apis().PutIntegration(m.v.ctx(), &apigateway.PutIntegrationInput{
		RestApiId: &m.api, ResourceId: &resource, HttpMethod: &verb, Type: types.IntegrationTypeAwsProxy,
		IntegrationHttpMethod: aws.String(http.MethodPost), Uri: &uri,
	})
	if err != nil {
		return err
	}
	m.did("put-integration", "--rest-api-id", m.api, "--resource-id", resource, "--http-method", verb, "--type", "AWS_PROXY", "--integration-http-method", "POST", "--uri", uri)
	m.back = append(m.back, func(ctx context.Context, client *apigateway.Client) error {
		_, err := client.DeleteIntegration(ctx, &apigateway.DeleteIntegrationInput{RestApiId: &m.api, ResourceId: &resource, HttpMethod: &verb})
		return err
	})
	return nil
}

// update lets an integration call another function.
func (m *methodMade) update(resource, verb, uri string, was *types.Integration) error {
	set := func(ctx context.Context, client *apigateway.Client, uri, method string) error {
		_, err := client.UpdateIntegration(ctx, &apigateway.UpdateIntegrationInput{
			RestApiId: &m.api, ResourceId: &resource, HttpMethod: &verb,
			PatchOperations: []types.PatchOperation{
				{Op: types.OpReplace, Path: aws.String("/uri"), Value: &uri},
				// Lambda is called by POST whatever the method is; anything else fails.
				{Op: types.OpReplace, Path: aws.String("/httpMethod"), Value: &method},
			},
		})
		return err
	}
	if err := set(m.v.ctx(), m.v.apis(), uri, http.MethodPost); err != nil {
		return err
	}
	m.did("update-integration", "--rest-api-id", m.api, "--resource-id", resource, "--http-method", verb,
		"--patch-operations", "op=replace,path=/uri,value="+uri, "op=replace,path=/httpMethod,value=POST")
	m.back = append(m.back, func(ctx context.Context, client *apigateway.Client) error {
		return set(ctx, client, aws.ToString(was.Uri), aws.ToString(was.HttpMethod))
	})
	return nil
}

// BackURL is where the form leads when it is left.
func (f *integrationForm) BackURL() string { return apiURL(f.API) }
