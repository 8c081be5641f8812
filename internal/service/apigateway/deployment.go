package apigateway

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// CreateDeployment freezes the live tree and, if a stage is named, lets that
// stage serve it: a stage that exists is moved, another one is made. The
// deployment is written before the stage, so a stage never points at nothing.
func (s *Service) CreateDeployment(ctx context.Context, in *apigateway.CreateDeploymentInput, _ ...func(*apigateway.Options)) (*apigateway.CreateDeploymentOutput, error) {
	c, api := scopeOf(ctx), deref(in.RestApiId)
	a, err := s.api(c, api)
	if err != nil {
		return nil, err
	}
	if err := checkDeployable(a); err != nil {
		return nil, err
	}
	move, err := s.stageOfDeployment(c, a, in)
	if err != nil {
		return nil, err
	}
	d := &state.Deployment{
		Account: c.account, Region: c.region, API: api, Description: in.Description,
		CreatedDate: s.timestamp(), APIName: a.Name, APISnapshot: a.APISnapshot,
	}
	for {
		d.ID = s.newID(deploymentIDLength)
		_, err = store.Create(ctx, s.store, c.deploymentKey(api, d.ID), d)
		if !errors.Is(err, store.ErrExists) {
			break
		}
	}
	if errors.Is(err, store.ErrTooLarge) {
		return nil, errTooLarge(err)
	}
	if err != nil {
		return nil, err
	}
	if move != nil {
		if err := move(ctx, d.ID); err != nil {
			return nil, undone(err, store.Delete(ctx, s.store, c.deploymentKey(api, d.ID)))
		}
	}
	return (*apigateway.CreateDeploymentOutput)(deploymentOutput(d, false)), nil
}

// checkDeployable: an API needs a method, and every method an integration
// (serverless/serverless#11748 and Clarifai/lambdafai#57 quote the texts).
func checkDeployable(a *state.RestAPI) error {
	methods := 0
	for _, r := range a.Resources {
		for _, m := range r.Methods {
			if m.Integration == nil {
				return badRequest("No integration defined for method")
			}
			methods++
		}
	}
	if methods == 0 {
		return badRequest("The REST API doesn't contain any methods")
	}
	return nil
}

// stageOfDeployment checks what in says about a stage and returns the function
// that writes it once the deployment is there; nil without a stage. The texts are
// from AWS recording test_create_canary_deployment_validation.
func (s *Service) stageOfDeployment(c scope, a *state.RestAPI, in *apigateway.CreateDeploymentInput) (func(ctx context.Context, deployment string) error, error) {
	name := deref(in.StageName)
	if in.CanarySettings != nil && name == "" {
		given := "null"
		if in.StageName != nil {
			given = ""
		}
		return nil, badRequest("Invalid deployment content specified.Non null and non empty stageName must be provided for canary deployment. Provided value is %s", given)
	}
	if name == "" {
		return nil, nil
	}
	if err := s.checkVariables(in.Variables); err != nil {
		return nil, err
	}
	stage, _, err := store.Get[state.Stage](s.store, c.stageKey(a.ID, name))
	switch {
	case err == nil:
		if stage.Canary != nil && in.CanarySettings == nil {
			// APIGW-DG:canary-release says that such a stage cannot be associated
			// with a non-canary deployment. unverified: text.
			return nil, badRequest("Stage %s has a canary release enabled: deploy with canarySettings, or remove /canarySettings from the stage first", name)
		}
		if err := s.checkCanary(&state.Stage{Canary: deployedCanary(in.CanarySettings, "")}); err != nil {
			return nil, err // before there is a deployment that no stage has
		}
		return func(ctx context.Context, deployment string) error {
			_, err := s.updateStage(ctx, c, a.ID, name, func(st *state.Stage) error {
				redeploy(st, in, deployment)
				return s.checkVariables(st.Variables)
			})
			return err
		}, nil
	case !errors.Is(err, store.ErrNotFound):
		return nil, err
	case in.CanarySettings != nil:
		return nil, badRequest("Invalid deployment content specified.Stage %s must already be created before making a canary release deployment", name)
	}
	created := s.newStage(c, a.ID, name)
	created.Description, created.Variables = in.StageDescription, in.Variables
	created.TracingEnabled = in.TracingEnabled != nil && *in.TracingEnabled
	if in.CacheClusterEnabled != nil {
		setCacheCluster(created, *in.CacheClusterEnabled, string(in.CacheClusterSize))
	}
	if err := s.checkNewStage(c, a.ID, name); err != nil {
		return nil, err
	}
	return func(ctx context.Context, deployment string) error {
		created.DeploymentID = deployment
		return s.createStage(ctx, c, created)
	}, nil
}

// redeploy moves an existing stage, or its canary, to a new deployment. Variables
// and settings that the call does not name stay. unverified: whether AWS merges
// variables or replaces them.
func redeploy(st *state.Stage, in *apigateway.CreateDeploymentInput, deployment string) {
	if in.CanarySettings != nil {
		st.Canary = deployedCanary(in.CanarySettings, deployment)
		return
	}
	st.DeploymentID = deployment
	if in.StageDescription != nil {
		st.Description = in.StageDescription
	}
	for name, value := range in.Variables {
		if st.Variables == nil {
			st.Variables = map[string]string{}
		}
		st.Variables[name] = value
	}
	if in.TracingEnabled != nil {
		st.TracingEnabled = *in.TracingEnabled
	}
	if in.CacheClusterEnabled != nil {
		setCacheCluster(st, *in.CacheClusterEnabled, string(in.CacheClusterSize))
	}
}

// deployedCanary is the canary that CreateDeployment makes; nil without settings.
func deployedCanary(in *types.DeploymentCanarySettings, deployment string) *state.CanarySettings {
	if in == nil {
		return nil
	}
	return &state.CanarySettings{
		DeploymentID: deployment, PercentTraffic: in.PercentTraffic,
		StageVariableOverrides: in.StageVariableOverrides, UseStageCache: in.UseStageCache,
	}
}

// deployment returns a deployment record.
func (s *Service) deployment(c scope, api, id *string) (*state.Deployment, error) {
	d, _, err := store.Get[state.Deployment](s.store, c.deploymentKey(deref(api), deref(id)))
	if errors.Is(err, store.ErrNotFound) {
		return nil, errDeploymentNotFound()
	}
	return d, err
}

// GetDeployment answers one deployment; embed=apisummary lists its methods.
func (s *Service) GetDeployment(ctx context.Context, in *apigateway.GetDeploymentInput, _ ...func(*apigateway.Options)) (*apigateway.GetDeploymentOutput, error) {
	d, err := s.deployment(scopeOf(ctx), in.RestApiId, in.DeploymentId)
	if err != nil {
		return nil, err
	}
	return deploymentOutput(d, slices.ContainsFunc(in.Embed, isSummary)), nil
}

func isSummary(embed string) bool { return strings.EqualFold(embed, "apisummary") }

// GetDeployments answers an API's deployments, the newest first, a page at a time.
func (s *Service) GetDeployments(ctx context.Context, in *apigateway.GetDeploymentsInput, _ ...func(*apigateway.Options)) (*apigateway.GetDeploymentsOutput, error) {
	c, api := scopeOf(ctx), deref(in.RestApiId)
	if _, err := s.api(c, api); err != nil {
		return nil, err
	}
	all := store.List[state.Deployment](s.store, state.Deployments.Child(c.account, c.region, api))
	slices.SortStableFunc(all, func(x, y store.Item[state.Deployment]) int {
		return y.Record.CreatedDate.Compare(x.Record.CreatedDate) // unverified: order
	})
	items, position, err := page(all, in.Limit, in.Position, func(i store.Item[state.Deployment]) string { return i.Record.ID })
	if err != nil {
		return nil, err
	}
	out := &apigateway.GetDeploymentsOutput{Items: make([]types.Deployment, 0, len(items)), Position: position}
	for _, item := range items {
		d := item.Record
		out.Items = append(out.Items, types.Deployment{Id: &d.ID, Description: d.Description, CreatedDate: &d.CreatedDate})
	}
	return out, nil
}

// UpdateDeployment changes a deployment's description: the rest is immutable.
func (s *Service) UpdateDeployment(ctx context.Context, in *apigateway.UpdateDeploymentInput, _ ...func(*apigateway.Options)) (*apigateway.UpdateDeploymentOutput, error) {
	c := scopeOf(ctx)
	d, err := store.Update(ctx, s.store, c.deploymentKey(deref(in.RestApiId), deref(in.DeploymentId)), func(d *state.Deployment) error {
		return deploymentPatches.apply(d, in.PatchOperations)
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, errDeploymentNotFound()
	}
	if err != nil {
		return nil, err
	}
	return (*apigateway.UpdateDeploymentOutput)(deploymentOutput(d, false)), nil
}

// deploymentPatches: API reference "Patch operations", UpdateDeployment.
// unverified: which of the two forms its error for another path has.
var deploymentPatches = patchTable[state.Deployment]{listPaths: true, rules: []patchRule[state.Deployment]{
	{"/description", opsReplace, func(d *state.Deployment, p patch) error {
		d.Description = optional(p)
		return nil
	}},
}}

// DeleteDeployment removes a deployment that no stage serves.
func (s *Service) DeleteDeployment(ctx context.Context, in *apigateway.DeleteDeploymentInput, _ ...func(*apigateway.Options)) (*apigateway.DeleteDeploymentOutput, error) {
	c, api := scopeOf(ctx), deref(in.RestApiId)
	d, err := s.deployment(c, in.RestApiId, in.DeploymentId)
	if err != nil {
		return nil, err
	}
	for _, stage := range store.List[state.Stage](s.store, state.Stages.Child(c.account, c.region, api)) {
		if stage.Record.DeploymentID == d.ID || stage.Record.Canary != nil && stage.Record.Canary.DeploymentID == d.ID {
			// AWS recording test_create_delete_deployments.
			return nil, badRequest("Active stages pointing to this deployment must be moved or deleted")
		}
	}
	err = store.Delete(ctx, s.store, c.deploymentKey(api, d.ID))
	if errors.Is(err, store.ErrNotFound) {
		return nil, errDeploymentNotFound()
	}
	if err != nil {
		return nil, err
	}
	return &apigateway.DeleteDeploymentOutput{}, nil
}

func deploymentOutput(d *state.Deployment, summary bool) *apigateway.GetDeploymentOutput {
	out := &apigateway.GetDeploymentOutput{Id: &d.ID, Description: d.Description, CreatedDate: &d.CreatedDate}
	if !summary {
		return out
	}
	out.ApiSummary = map[string]map[string]types.MethodSnapshot{}
	for _, r := range d.Resources {
		for verb, m := range r.Methods {
			if out.ApiSummary[r.Path] == nil {
				out.ApiSummary[r.Path] = map[string]types.MethodSnapshot{}
			}
			out.ApiSummary[r.Path][verb] = types.MethodSnapshot{ApiKeyRequired: m.APIKeyRequired, AuthorizationType: &m.AuthorizationType}
		}
	}
	return out
}
