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
)

func deployRoutes() []route {
	return []route{
		{path: "apis/{api}/deploy", get: deployPage},
		{path: "apis/{api}/deploy", post: deploy},
	}
}

// deployForm is the page on which stages get what is configured now.
type deployForm struct {
	API, APIName, URL string
	Stages            []deployStage
	New               string // a stage to be made
	Variables         []variable
	Description       string
	Grant             bool // add the grants that the stages lack
	Problem           string
}

type deployStage struct {
	Name, Deployment string
	Chosen           bool
	Canary           bool // no other deployment while a canary is enabled
}

// variable is one stage variable in a form.
type variable struct{ Name, Value, Problem string }

// emptyRows are offered for variables that are to come.
const emptyRows = 2

func deployPage(v *visit) (*page, error) {
	api, err := v.apiOf(v.ctx())
	if err != nil {
		return nil, err
	}
	f := &deployForm{New: v.value("new")}
	return v.fillDeploy(f, api, []string{v.value("stage")})
}

func (v *visit) fillDeploy(f *deployForm, api *apigateway.GetRestApiOutput, chosen []string) (*page, error) {
	f.API, f.APIName = aws.ToString(api.Id), aws.ToString(api.Name)
	f.URL = deployURL(f.API)
	stages, err := v.stages(v.ctx(), f.API)
	if err != nil {
		return nil, err
	}
	for i := range stages {
		name := aws.ToString(stages[i].StageName)
		f.Stages = append(f.Stages, deployStage{
			Name: name, Deployment: aws.ToString(stages[i].DeploymentId), Chosen: slices.Contains(chosen, name), Canary: stages[i].CanarySettings != nil,
		})
	}
	for range emptyRows {
		f.Variables = append(f.Variables, variable{})
	}
	return &page{
		Title: "Deploy", Template: "deploy", Body: f,
		Crumbs: []crumb{{"Overview", overviewURL()}, {f.APIName, apiURL(f.API)}},
	}, nil
}

// deploy makes one deployment and lets the chosen stages serve it.
func deploy(v *visit) (*done, error) {
	api, err := v.apiOf(v.ctx())
	if err != nil {
		return nil, err
	}
	chosen := v.r.PostForm["stage"]
	f := &deployForm{API: aws.ToString(api.Id), New: v.value("new"), Description: v.value("description"), Variables: v.variables(), Grant: v.value("grant") != ""}
	again := func(sentence string) (*done, error) {
		f.Problem = sentence
		p, err := v.fillDeploy(f, api, chosen)
		return &done{Page: p}, err
	}
	if f.New == "" && len(chosen) == 0 {
		return again("Choose a stage, or name a new one.")
	}
	if f.New == "" && len(f.Variables) > 0 {
		return again("Variables are for the new stage: name it, or leave them empty. Those of the others are changed on their own pages.")
	}
	for i := range f.Variables {
		if problem := variableProblem(f.Variables[i].Name, f.Variables[i].Value); problem != "" {
			return again(problem)
		}
	}
	x := &deploying{steps{v: v, api: f.API}}
	if err := x.run(f, chosen); err != nil {
		if undone := x.undo(v.ctx()); undone != nil {
			err = errors.Join(err, undone)
		}
		if p := describe(err, v); p.Status == http.StatusBadRequest || p.Status == http.StatusConflict {
			return again(p.Sentence)
		}
		return nil, err
	}
	names := chosen
	if f.New != "" {
		names = append(slices.Clone(chosen), f.New)
	}
	d := &done{Message: "Deployed to " + listed(names) + ".", To: apiURL(f.API), Commands: x.commands, UndoLabel: "Undo"}
	var granted []grant
	if f.Grant {
		granted = v.grantStages(d, f.API, names)
	}
	d.undo = func(v *visit) (*done, error) {
		x.v = v
		if err := x.undo(v.ctx()); err != nil {
			return nil, err
		}
		u := &done{Message: "Undone: " + listed(names) + " as before.", To: apiURL(f.API)}
		if len(granted) > 0 {
			r, err := v.revoke(granted)
			if err != nil {
				return nil, err
			}
			u.Details, u.Commands = r.Details, r.Commands
		}
		return u, nil
	}
	return d, nil
}

// grantStages adds what the methods of some stages lack, each for its stage only,
// and tells of it in d.
func (v *visit) grantStages(d *done, api string, stages []string) []grant {
	var need []grant
	cells := v.matrix(api)
	for i := range cells {
		if c := &cells[i]; slices.Contains(stages, c.Stage) && grantHelps(c, v.s.Account) {
			need = append(need, planner{}.grant(c, c.Stage))
		}
	}
	if len(need) == 0 {
		d.Details = append(d.Details, "No grant was missing.")
		return nil
	}
	g, err := v.grant(need, "")
	if err != nil {
		d.Warning = true
		d.Details = append(d.Details, "No grant was added: "+v.grantProblem(err))
		return nil
	}
	d.Warning = g.Warning
	d.Commands = append(d.Commands, g.Commands...)
	d.Details = append(append(d.Details, plural(len(g.added), "grant")+" added, each for its stage only."), g.Details...)
	return g.added
}

// listed is "dev, staging and prod".
func listed(names []string) string {
	switch n := len(names); {
	case n == 0:
		return ""
	case n == 1:
		return names[0]
	case n > 6:
		return strings.Join(names[:5], ", ") + " and " + plural(n-5, "other")
	default:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
}

// variables reads the rows of a form; rows without name and value are nothing.
func (v *visit) variables() []variable {
	names, values := v.r.Form["name"], v.r.Form["value"]
	var all []variable
	for i, name := range names {
		one := variable{Name: strings.TrimSpace(name)}
		if i < len(values) {
			one.Value = strings.TrimSpace(values[i])
		}
		if one.Name != "" || one.Value != "" {
			all = append(all, one)
		}
	}
	return all
}

// deploying carries out a deployment.
type deploying struct{ steps }

func (x *deploying) run(f *deployForm, chosen []string) error {
	made, err := x.v.apis().CreateDeployment(x.v.ctx(), &apigateway.CreateDeploymentInput{RestApiId: &x.api, Description: optional(f.Description)})
	if err != nil {
		return err
	}
	id := aws.ToString(made.Id)
	x.did("create-deployment", "--rest-api-id", x.api)
	x.back = append(x.back, func(ctx context.Context, client *apigateway.Client) error {
		_, err := client.DeleteDeployment(ctx, &apigateway.DeleteDeploymentInput{RestApiId: &x.api, DeploymentId: &id})
		return err
	})
	for _, stage := range chosen {
		if err := x.point(stage, id); err != nil {
			return err
		}
	}
	if f.New == "" {
		return nil
	}
	return x.create(f, id)
}

// point lets a stage serve a deployment.
func (x *deploying) point(stage, id string) error {
	was, err := x.v.apis().GetStage(x.v.ctx(), &apigateway.GetStageInput{RestApiId: &x.api, StageName: &stage})
	if err != nil {
		return err
	}
	set := func(ctx context.Context, client *apigateway.Client, id *string) error {
		_, err := client.UpdateStage(ctx, &apigateway.UpdateStageInput{
			RestApiId: &x.api, StageName: &stage,
			PatchOperations: []types.PatchOperation{{Op: types.OpReplace, Path: aws.String("/deploymentId"), Value: id}},
		})
		return err
	}
	if err := set(x.v.ctx(), x.v.apis(), &id); err != nil {
		return err
	}
	x.did("update-stage", "--rest-api-id", x.api, "--stage-name", stage, "--patch-operations", "op=replace,path=/deploymentId,value="+id)
	x.back = append(x.back, func(ctx context.Context, client *apigateway.Client) error { return set(ctx, client, was.DeploymentId) })
	return nil
}

// create makes a stage with its variables.
func (x *deploying) create(f *deployForm, id string) error {
	in := &apigateway.CreateStageInput{RestApiId: &x.api, StageName: &f.New, DeploymentId: &id}
	words := []string{"create-stage", "--rest-api-id", x.api, "--stage-name", f.New, "--deployment-id", id}
	if len(f.Variables) > 0 {
		in.Variables = map[string]string{}
		var pairs []string
		for _, each := range f.Variables {
			in.Variables[each.Name] = each.Value
			pairs = append(pairs, each.Name+"="+each.Value)
		}
		words = append(words, "--variables", strings.Join(pairs, ","))
	}
	if _, err := x.v.apis().CreateStage(x.v.ctx(), in); err != nil {
		return err
	}
	x.did(words...)
	x.back = append(x.back, func(ctx context.Context, client *apigateway.Client) error {
		_, err := client.DeleteStage(ctx, &apigateway.DeleteStageInput{RestApiId: &x.api, StageName: &f.New})
		return err
	})
	return nil
}
