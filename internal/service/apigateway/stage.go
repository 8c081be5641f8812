package apigateway

import (
	"context"
	"errors"
	"maps"
	"regexp"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// CreateStage lets a stage serve a deployment.
func (s *Service) CreateStage(ctx context.Context, in *apigateway.CreateStageInput, _ ...func(*apigateway.Options)) (*apigateway.CreateStageOutput, error) {
	c, api := scopeOf(ctx), deref(in.RestApiId)
	if _, err := s.api(c, api); err != nil {
		return nil, err
	}
	if err := s.checkNewStage(c, api, deref(in.StageName)); err != nil {
		return nil, err
	}
	if err := s.checkVariables(in.Variables); err != nil {
		return nil, err
	}
	st := s.newStage(c, api, deref(in.StageName))
	st.DeploymentID, st.Description, st.Variables = deref(in.DeploymentId), in.Description, in.Variables
	st.DocumentationVersion, st.TracingEnabled, st.Tags = in.DocumentationVersion, in.TracingEnabled, in.Tags
	setCacheCluster(st, in.CacheClusterEnabled, string(in.CacheClusterSize))
	if canary := in.CanarySettings; canary != nil {
		st.Canary = &state.CanarySettings{
			DeploymentID: deref(canary.DeploymentId), PercentTraffic: canary.PercentTraffic,
			StageVariableOverrides: canary.StageVariableOverrides, UseStageCache: canary.UseStageCache,
		}
		if st.Canary.DeploymentID == "" {
			st.Canary.DeploymentID = st.DeploymentID
		}
	}
	if err := s.checkDeployments(c, st); err != nil {
		return nil, err
	}
	if err := s.checkCanary(st); err != nil {
		return nil, err
	}
	if err := s.createStage(ctx, c, st); err != nil {
		return nil, err
	}
	return (*apigateway.CreateStageOutput)(stageOutput(st)), nil
}

// stageName: APIGW-DG:api-gateway-execution-service-limits-table; the text below predates the hyphen and is still
// AWS's in 2023 (klothoplatform/klotho#235).
var stageName = compiled(`^[A-Za-z0-9_-]{1,128}$`)

// compiled is an expression that is compiled when it is first needed, not when
// the process starts.
func compiled(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

// checkNewStage reports whether an API can have a further stage called name.
func (s *Service) checkNewStage(c scope, api, name string) error {
	if !stageName().MatchString(name) {
		return badRequest("Stage name only allows a-zA-Z0-9_")
	}
	stages := store.List[state.Stage](s.store, state.Stages.Child(c.account, c.region, api))
	for _, st := range stages {
		if st.Record.Name == name {
			return errStageExists()
		}
	}
	if limit := s.limits.StagesPerAPI; limit > 0 && len(stages) >= limit {
		return errTooMany("Stages") // unverified: the noun
	}
	return nil
}

// hashicorp/terraform-provider-aws#2918.
func errStageExists() error { return conflict("Stage already exists") }

func (s *Service) newStage(c scope, api, name string) *state.Stage {
	now := s.timestamp()
	return &state.Stage{Account: c.account, Region: c.region, API: api, Name: name, CreatedDate: now, LastUpdatedDate: now}
}

// createStage writes a new stage. An API that was deleted meanwhile takes the
// stage with it: nothing may serve what is gone.
func (s *Service) createStage(ctx context.Context, c scope, st *state.Stage) error {
	key := c.stageKey(st.API, st.Name)
	_, err := store.Create(ctx, s.store, key, st)
	if errors.Is(err, store.ErrExists) {
		return errStageExists()
	}
	if err != nil {
		return err
	}
	if _, err := s.api(c, st.API); err != nil {
		return undone(err, store.Delete(ctx, s.store, key))
	}
	return nil
}

// setCacheCluster switches the cache cluster; without a size AWS takes the
// smallest one.
func setCacheCluster(st *state.Stage, enabled bool, size string) {
	st.CacheClusterEnabled = enabled
	if size != "" {
		st.CacheClusterSize = &size
	} else if enabled && st.CacheClusterSize == nil {
		st.CacheClusterSize = new(string(types.CacheClusterSizeSize0Point5Gb))
	}
}

// The character sets of stage variables: sirceljm/aws-lambda-blog#10 quotes the
// error with its symbols (and shows that "" is refused), APIGW-DG:
// aws-api-gateway-stage-variables-reference adds '~' and '#'; serverless#6133
// quotes the error for names. '$' is in neither, so no variable holds "$LATEST".
var (
	variableName  = compiled(`^\w+$`)
	variableValue = compiled(`^[A-Za-z0-9 ._~:/?#&=,-]+$`)
)

// Lengths of stage variables (APIGW-DG:aws-api-gateway-stage-variables-reference).
const (
	maxVariableName  = 64
	maxVariableValue = 512
)

// checkVariables validates the variables of a stage, or a canary's overrides.
func (s *Service) checkVariables(variables map[string]string) error {
	if limit := s.limits.VariablesPerStage; limit > 0 && len(variables) > limit {
		return badRequest("Maximum number of variables per stage is %d", limit) // unverified: code and text
	}
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		if err := checkVariable(name, variables[name]); err != nil {
			return err
		}
	}
	return nil
}

func checkVariable(name, value string) error {
	switch {
	case !variableName().MatchString(name):
		return badRequest("Invalid stage variable name: %s.  Please use names with only word characters.", name)
	case !variableValue().MatchString(value):
		return badRequest("Invalid stage variable value: %s.  Please use values with alphanumeric characters and the symbols ' ', -', '.', '_', ':', '/', '?', '&', '=', and ','.", value)
	case len(name) > maxVariableName:
		return badRequest("Stage variable name %s is longer than %d characters", name, maxVariableName) // unverified: text
	case len(value) > maxVariableValue:
		return badRequest("The value of stage variable %s is longer than %d characters", name, maxVariableValue) // unverified: text
	}
	return nil
}

// checkDeployments reports whether the deployments that st names exist.
func (s *Service) checkDeployments(c scope, st *state.Stage) error {
	ids := []string{st.DeploymentID}
	if st.Canary != nil {
		ids = append(ids, st.Canary.DeploymentID)
	}
	for _, id := range ids {
		_, _, err := store.Get[state.Deployment](s.store, c.deploymentKey(st.API, id))
		if errors.Is(err, store.ErrNotFound) {
			return errNoDeployment()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) checkCanary(st *state.Stage) error {
	if st.Canary == nil {
		return nil
	}
	if p := st.Canary.PercentTraffic; !(p >= 0 && p <= 100) { // NaN is neither
		return badRequest("Percent traffic must be between 0.0 and 100.0") // unverified: text
	}
	return s.checkVariables(st.Canary.StageVariableOverrides)
}

// stage returns a stage record.
func (s *Service) stage(c scope, api, name *string) (*state.Stage, error) {
	st, _, err := store.Get[state.Stage](s.store, c.stageKey(deref(api), deref(name)))
	if errors.Is(err, store.ErrNotFound) {
		return nil, errStageNotFound()
	}
	return st, err
}

// updateStage changes a stage in one compare-and-set.
func (s *Service) updateStage(ctx context.Context, c scope, api, name string, change func(*state.Stage) error) (*state.Stage, error) {
	st, err := store.Update(ctx, s.store, c.stageKey(api, name), func(st *state.Stage) error {
		if err := change(st); err != nil {
			return err
		}
		st.LastUpdatedDate = s.timestamp()
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, errStageNotFound()
	}
	return st, err
}

// GetStage answers one stage.
func (s *Service) GetStage(ctx context.Context, in *apigateway.GetStageInput, _ ...func(*apigateway.Options)) (*apigateway.GetStageOutput, error) {
	st, err := s.stage(scopeOf(ctx), in.RestApiId, in.StageName)
	if err != nil {
		return nil, err
	}
	return stageOutput(st), nil
}

// GetStages answers an API's stages by name, or those of one deployment.
func (s *Service) GetStages(ctx context.Context, in *apigateway.GetStagesInput, _ ...func(*apigateway.Options)) (*apigateway.GetStagesOutput, error) {
	c, api := scopeOf(ctx), deref(in.RestApiId)
	if _, err := s.api(c, api); err != nil {
		return nil, err
	}
	out := &apigateway.GetStagesOutput{Item: []types.Stage{}}
	for _, item := range store.List[state.Stage](s.store, state.Stages.Child(c.account, c.region, api)) {
		if in.DeploymentId == nil || item.Record.DeploymentID == *in.DeploymentId {
			out.Item = append(out.Item, stage(item.Record))
		}
	}
	return out, nil
}

// DeleteStage removes a stage; its deployment stays.
func (s *Service) DeleteStage(ctx context.Context, in *apigateway.DeleteStageInput, _ ...func(*apigateway.Options)) (*apigateway.DeleteStageOutput, error) {
	err := store.Delete(ctx, s.store, scopeOf(ctx).stageKey(deref(in.RestApiId), deref(in.StageName)))
	if errors.Is(err, store.ErrNotFound) {
		return nil, errStageNotFound()
	}
	if err != nil {
		return nil, err
	}
	return &apigateway.DeleteStageOutput{}, nil
}

// FlushStageCache empties a stage's cache: there is none to empty yet.
func (s *Service) FlushStageCache(ctx context.Context, in *apigateway.FlushStageCacheInput, _ ...func(*apigateway.Options)) (*apigateway.FlushStageCacheOutput, error) {
	if _, err := s.stage(scopeOf(ctx), in.RestApiId, in.StageName); err != nil {
		return nil, err
	}
	return &apigateway.FlushStageCacheOutput{}, nil
}

// FlushStageAuthorizersCache empties a stage's authorizer cache: there are no
// authorizers yet.
func (s *Service) FlushStageAuthorizersCache(ctx context.Context, in *apigateway.FlushStageAuthorizersCacheInput, _ ...func(*apigateway.Options)) (*apigateway.FlushStageAuthorizersCacheOutput, error) {
	if _, err := s.stage(scopeOf(ctx), in.RestApiId, in.StageName); err != nil {
		return nil, err
	}
	return &apigateway.FlushStageAuthorizersCacheOutput{}, nil
}

// stage is the answer for a stage (AWS recordings test_create_update_stages,
// test_create_canary_deployment_with_stage): methodSettings is always there,
// loggingLevel only when it was set.
func stage(st *state.Stage) types.Stage {
	out := types.Stage{
		StageName: &st.Name, DeploymentId: &st.DeploymentID, Description: st.Description,
		CreatedDate: &st.CreatedDate, LastUpdatedDate: &st.LastUpdatedDate,
		CacheClusterEnabled: st.CacheClusterEnabled, CacheClusterSize: types.CacheClusterSize(deref(st.CacheClusterSize)),
		CacheClusterStatus:  types.CacheClusterStatusNotAvailable,
		ClientCertificateId: st.ClientCertificateID, DocumentationVersion: st.DocumentationVersion,
		TracingEnabled: st.TracingEnabled, WebAclArn: st.WebACLARN,
		Tags: maps.Clone(st.Tags), Variables: maps.Clone(st.Variables),
		MethodSettings: make(map[string]types.MethodSetting, len(st.MethodSettings)),
	}
	if st.CacheClusterEnabled {
		out.CacheClusterStatus = types.CacheClusterStatusAvailable
	}
	for key, m := range st.MethodSettings {
		setting := types.MethodSetting{
			MetricsEnabled: m.MetricsEnabled, DataTraceEnabled: m.DataTraceEnabled,
			ThrottlingBurstLimit: m.ThrottlingBurstLimit, ThrottlingRateLimit: m.ThrottlingRateLimit,
			CachingEnabled: m.CachingEnabled, CacheTtlInSeconds: m.CacheTTLSeconds, CacheDataEncrypted: m.CacheDataEncrypted,
			RequireAuthorizationForCacheControl:    m.RequireAuthorizationForCacheControl,
			UnauthorizedCacheControlHeaderStrategy: types.UnauthorizedCacheControlHeaderStrategy(m.UnauthorizedCacheControlHeaderStrategy),
		}
		if m.LoggingLevel != "" {
			setting.LoggingLevel = &m.LoggingLevel
		}
		out.MethodSettings[key] = setting
	}
	if log := st.AccessLog; log != nil {
		out.AccessLogSettings = &types.AccessLogSettings{}
		if log.DestinationARN != "" {
			out.AccessLogSettings.DestinationArn = &log.DestinationARN
		}
		if log.Format != "" {
			out.AccessLogSettings.Format = &log.Format
		}
	}
	if canary := st.Canary; canary != nil {
		out.CanarySettings = &types.CanarySettings{
			DeploymentId: &canary.DeploymentID, PercentTraffic: canary.PercentTraffic,
			StageVariableOverrides: maps.Clone(canary.StageVariableOverrides), UseStageCache: canary.UseStageCache,
		}
	}
	return out
}

func stageOutput(st *state.Stage) *apigateway.GetStageOutput {
	t := stage(st)
	return &apigateway.GetStageOutput{
		StageName: t.StageName, DeploymentId: t.DeploymentId, Description: t.Description, CreatedDate: t.CreatedDate,
		LastUpdatedDate: t.LastUpdatedDate, CacheClusterEnabled: t.CacheClusterEnabled, CacheClusterSize: t.CacheClusterSize,
		CacheClusterStatus: t.CacheClusterStatus, ClientCertificateId: t.ClientCertificateId,
		DocumentationVersion: t.DocumentationVersion, TracingEnabled: t.TracingEnabled, WebAclArn: t.WebAclArn, Tags: t.Tags,
		Variables: t.Variables, MethodSettings: t.MethodSettings, AccessLogSettings: t.AccessLogSettings, CanarySettings: t.CanarySettings,
	}
}
