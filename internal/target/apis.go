package target

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	rest "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
)

// pageSize is the most that API Gateway gives in one answer.
const pageSize = 500

// restAPIs reads the REST APIs of the region: up to four calls for each, and one
// or two for each stage.
func (r *reader) restAPIs(ctx context.Context) error {
	for position := (*string)(nil); ; {
		page, err := call(ctx, r, r.clients.RestAPIs.GetRestApis, &apigateway.GetRestApisInput{Limit: aws.Int32(pageSize), Position: position})
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				return cause
			}
			return fmt.Errorf("%s does not list its REST APIs; the caller needs the policy in \"stagedoor doctor --help\": %w", r.place(), plain(err))
		}
		for _, api := range page.Items {
			r.dump.RestAPIs = append(r.dump.RestAPIs, &RestAPI{API: api})
		}
		if position = page.Position; position == nil {
			break
		}
	}
	each(ctx, r, r.dump.RestAPIs, r.restAPI)
	r.logRole(ctx)
	return nil
}

func (r *reader) logRole(ctx context.Context) {
	if len(r.dump.RestAPIs) == 0 {
		return
	}
	out, err := call(ctx, r, r.clients.RestAPIs.GetAccount, &apigateway.GetAccountInput{})
	if err != nil {
		r.unread("the account's settings of API Gateway", "GetAccount", err)
		return
	}
	r.dump.LogRole = aws.String(value(out.CloudwatchRoleArn))
}

func (r *reader) restAPI(ctx context.Context, a *RestAPI) {
	a.Unread = map[string]string{}
	part := func(name, operation string, err error) bool {
		if err != nil {
			a.Unread[name] = r.unread(name+" of API "+value(a.API.Id), operation, err)
		}
		return err == nil
	}
	part("resources", "GetResources", r.resources(ctx, a))
	stages, err := call(ctx, r, r.clients.RestAPIs.GetStages, &apigateway.GetStagesInput{RestApiId: a.API.Id})
	if part("stages", "GetStages", err) {
		a.Stages = stages.Item
	}
	part("authorizers", "GetAuthorizers", r.authorizers(ctx, a))
	for i := range a.Stages {
		r.deployed(ctx, a, &a.Stages[i])
	}
	r.deploymentDates(ctx, a)
	if len(a.Unread) == 0 {
		a.Unread = nil
	}
}

func (r *reader) resources(ctx context.Context, a *RestAPI) error {
	for position := (*string)(nil); ; {
		page, err := call(ctx, r, r.clients.RestAPIs.GetResources, &apigateway.GetResourcesInput{
			RestApiId: a.API.Id, Limit: aws.Int32(pageSize), Position: position, Embed: []string{"methods"},
		})
		if err != nil {
			return err
		}
		for i := range page.Items {
			if !r.whole {
				slim(&page.Items[i])
			}
		}
		a.Resources = append(a.Resources, page.Items...)
		if position = page.Position; position == nil {
			return nil
		}
	}
}

// slim drops what decides nothing and fills a dump: responses and templates.
func slim(resource *rest.Resource) {
	for verb, method := range resource.ResourceMethods {
		method.MethodResponses, method.RequestModels = nil, nil
		if in := method.MethodIntegration; in != nil {
			in.IntegrationResponses, in.RequestTemplates = nil, nil
		}
		resource.ResourceMethods[verb] = method
	}
}

func (r *reader) authorizers(ctx context.Context, a *RestAPI) error {
	if !needsAuthorizers(a) {
		return nil
	}
	for position := (*string)(nil); ; {
		page, err := call(ctx, r, r.clients.RestAPIs.GetAuthorizers, &apigateway.GetAuthorizersInput{
			RestApiId: a.API.Id, Limit: aws.Int32(pageSize), Position: position,
		})
		if err != nil {
			return err
		}
		a.Authorizers = append(a.Authorizers, page.Items...)
		if position = page.Position; position == nil {
			return nil
		}
	}
}

// needsAuthorizers saves the call for APIs whose methods have none.
func needsAuthorizers(a *RestAPI) bool {
	for i := range a.Resources {
		for _, method := range a.Resources[i].ResourceMethods {
			if value(method.AuthorizerId) != "" {
				return true
			}
		}
	}
	return false
}

// deployed reads what a stage really runs: its export, or where the place has
// no GetExport the list of deployed methods, by which a difference is noticed
// at least. Exports show no canary: of one with a deployment of its own, the list
// of methods is all that AWS tells.
func (r *reader) deployed(ctx context.Context, a *RestAPI, stage *rest.Stage) {
	exported := r.exports(ctx, a, stage)
	for _, id := range deploymentsOf(stage) {
		if !exported || id != value(stage.DeploymentId) {
			r.deployment(ctx, a, id)
		}
	}
}

// deploymentDates reads when the deployments were made that no other call told
// of. A stage's LastUpdatedDate does not say: it moves with every change of a
// setting.
func (r *reader) deploymentDates(ctx context.Context, a *RestAPI) {
	undated := map[string]bool{}
	for stage := range a.Exports {
		for i := range a.Stages {
			id := value(a.Stages[i].DeploymentId)
			if _, known := a.Deployments[id]; value(a.Stages[i].StageName) == stage && !known {
				undated[id] = true
			}
		}
	}
	for position := (*string)(nil); len(undated) > 0; {
		page, err := call(ctx, r, r.clients.RestAPIs.GetDeployments, &apigateway.GetDeploymentsInput{
			RestApiId: a.API.Id, Limit: aws.Int32(pageSize), Position: position,
		})
		if err != nil {
			r.unread("the dates of the deployments of API "+value(a.API.Id), "GetDeployments", err)
			return
		}
		for i := range page.Items {
			if d := &page.Items[i]; undated[value(d.Id)] {
				delete(undated, *d.Id)
				a.remember(d)
			}
		}
		if position = page.Position; position == nil {
			return
		}
	}
}

func (a *RestAPI) remember(d *rest.Deployment) {
	if a.Deployments == nil {
		a.Deployments = map[string]rest.Deployment{}
	}
	a.Deployments[value(d.Id)] = *d
}

// deployment reads the list of methods of one deployment, once.
func (r *reader) deployment(ctx context.Context, a *RestAPI, id string) {
	r.mu.Lock()
	_, known := a.Deployments[id]
	r.mu.Unlock()
	if known {
		return
	}
	out, err := call(ctx, r, r.clients.RestAPIs.GetDeployment, &apigateway.GetDeploymentInput{
		RestApiId: a.API.Id, DeploymentId: &id, Embed: []string{"apisummary"},
	})
	if err != nil {
		r.unread(fmt.Sprintf("deployment %s of API %s", id, value(a.API.Id)), "GetDeployment", err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	a.remember(&rest.Deployment{Id: &id, Description: out.Description, CreatedDate: out.CreatedDate, ApiSummary: out.ApiSummary})
}

func deploymentsOf(stage *rest.Stage) (ids []string) {
	if id := value(stage.DeploymentId); id != "" {
		ids = append(ids, id)
	}
	if c := stage.CanarySettings; c != nil && value(c.DeploymentId) != "" {
		ids = append(ids, *c.DeploymentId)
	}
	return ids
}

// exports asks for the stage's deployed snapshot. The first place that does not
// have the operation is not asked again.
func (r *reader) exports(ctx context.Context, a *RestAPI, stage *rest.Stage) bool {
	if r.noExports.Load() || value(stage.DeploymentId) == "" {
		return false
	}
	out, err := call(ctx, r, r.clients.RestAPIs.GetExport, &apigateway.GetExportInput{
		RestApiId: a.API.Id, StageName: stage.StageName, ExportType: aws.String("oas30"), Accepts: aws.String("application/json"),
		// "apigateway" is the integrations and what stands beside the paths; the
		// authorizers are asked for by their own name (API reference, GetExport).
		Parameters: map[string]string{"extensions": "integrations,authorizers,apigateway"},
	})
	if err != nil {
		if unsupported(err) {
			if !r.noExports.Swap(true) {
				r.unread("the deployed configuration of the stages (the live one was read)", "GetExport", err)
			}
			return false
		}
		r.unread(fmt.Sprintf("the deployed configuration of stage %s of API %s (the live one was read)", value(stage.StageName), value(a.API.Id)), "GetExport", err)
		return false
	}
	if !json.Valid(out.Body) {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if a.Exports == nil {
		a.Exports = map[string]json.RawMessage{}
	}
	a.Exports[value(stage.StageName)] = out.Body
	return true
}

func unsupported(err error) bool {
	switch errorCode(err) {
	case "UnsupportedOperation", "UnknownOperationException", "NotImplemented", "NotImplementedException", "InternalFailure":
		return true
	}
	return false
}

// httpAPIs reads the HTTP and WebSocket APIs: four calls for each.
func (r *reader) httpAPIs(ctx context.Context) error {
	if r.clients.HTTPAPIs == nil {
		return nil
	}
	for token := (*string)(nil); ; {
		page, err := call(ctx, r, r.clients.HTTPAPIs.GetApis, &apigatewayv2.GetApisInput{NextToken: token, MaxResults: aws.String("500")})
		if err != nil {
			r.unread("HTTP and WebSocket APIs", "GetApis", err)
			return nil
		}
		for _, api := range page.Items {
			r.dump.HTTPAPIs = append(r.dump.HTTPAPIs, &HTTPAPI{API: api})
		}
		if token = page.NextToken; token == nil {
			break
		}
	}
	each(ctx, r, r.dump.HTTPAPIs, r.httpAPI)
	return nil
}

func (r *reader) httpAPI(ctx context.Context, a *HTTPAPI) {
	client, id := r.clients.HTTPAPIs, a.API.ApiId
	most := aws.String("500")
	part := func(name, operation string, err error) {
		if err == nil {
			return
		}
		if a.Unread == nil {
			a.Unread = map[string]string{}
		}
		a.Unread[name] = r.unread(name+" of API "+value(id), operation, err)
	}
	part("routes", "GetRoutes", pages(func(token *string) (*string, error) {
		out, err := call(ctx, r, client.GetRoutes, &apigatewayv2.GetRoutesInput{ApiId: id, NextToken: token, MaxResults: most})
		if err != nil {
			return nil, err
		}
		a.Routes = append(a.Routes, out.Items...)
		return out.NextToken, nil
	}))
	part("integrations", "GetIntegrations", pages(func(token *string) (*string, error) {
		out, err := call(ctx, r, client.GetIntegrations, &apigatewayv2.GetIntegrationsInput{ApiId: id, NextToken: token, MaxResults: most})
		if err != nil {
			return nil, err
		}
		a.Integrations = append(a.Integrations, out.Items...)
		return out.NextToken, nil
	}))
	part("stages", "GetStages", pages(func(token *string) (*string, error) {
		out, err := call(ctx, r, client.GetStages, &apigatewayv2.GetStagesInput{ApiId: id, NextToken: token, MaxResults: most})
		if err != nil {
			return nil, err
		}
		a.Stages = append(a.Stages, out.Items...)
		return out.NextToken, nil
	}))
	part("authorizers", "GetAuthorizers", pages(func(token *string) (*string, error) {
		out, err := call(ctx, r, client.GetAuthorizers, &apigatewayv2.GetAuthorizersInput{ApiId: id, NextToken: token, MaxResults: most})
		if err != nil {
			return nil, err
		}
		a.Authorizers = append(a.Authorizers, out.Items...)
		return out.NextToken, nil
	}))
}

// pages calls next until it gives no token.
func pages(next func(token *string) (*string, error)) error {
	for token := (*string)(nil); ; {
		var err error
		if token, err = next(token); err != nil || value(token) == "" {
			return err
		}
	}
}
