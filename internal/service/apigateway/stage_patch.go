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

// UpdateStage patches a stage. Its paths have errors of their own, unlike those
// of every other resource, and any path that is not a setting of the stage is
// taken for one of a method (AWS recordings test_create_update_stages,
// test_stage_access_log_settings_validation, test_update_stage_canary_deployment_validation).
func (s *Service) UpdateStage(ctx context.Context, in *apigateway.UpdateStageInput, _ ...func(*apigateway.Options)) (*apigateway.UpdateStageOutput, error) {
	c := scopeOf(ctx)
	st, err := s.updateStage(ctx, c, deref(in.RestApiId), deref(in.StageName), func(st *state.Stage) error {
		u := stagePatcher{service: s, scope: c, stage: st}
		for _, op := range in.PatchOperations {
			if op.Path == nil {
				return badRequest("Invalid patch path null")
			}
			p := patch{op: op.Op, path: *op.Path, value: deref(op.Value), given: op.Value != nil, from: op.From}
			if err := u.apply(p); err != nil {
				return err
			}
		}
		return s.checkVariables(st.Variables)
	})
	if err != nil {
		return nil, err
	}
	return (*apigateway.UpdateStageOutput)(stageOutput(st)), nil
}

// stagePatcher applies patches to one private copy of a stage.
type stagePatcher struct {
	service *Service
	scope   scope
	stage   *state.Stage
}

func (u *stagePatcher) apply(p patch) error {
	switch p.op {
	case types.OpRemove:
		return u.remove(p)
	case types.OpCopy:
		return u.copy(p)
	case types.OpAdd, types.OpReplace:
		return u.set(p)
	}
	return badRequest("Invalid patch operation specified. Must be one of: [add, remove, replace, copy]") // unverified: text
}

// set adds or replaces. Only access log settings can be added.
func (u *stagePatcher) set(p patch) error {
	if strings.HasPrefix(p.path, "/accessLogSettings") {
		return u.setAccessLog(p)
	}
	set := u.setter(p.path)
	if set == nil {
		return errStagePath(p.path)
	}
	if p.op == types.OpAdd {
		return badRequest("Invalid add operation with path: %s", p.path)
	}
	return set(p)
}

// setter returns the function behind a path, nil for an unknown path.
func (u *stagePatcher) setter(path string) func(p patch) error {
	st := u.stage
	switch path {
	case "/deploymentId":
		return func(p patch) error {
			if st.Canary != nil && p.value != st.Canary.DeploymentID && p.value != st.DeploymentID {
				// APIGW-DG:canary-release: no other deployment while the canary is
				// enabled. unverified: text.
				return badRequest("Stage %s has a canary release enabled: remove /canarySettings first", st.Name)
			}
			st.DeploymentID = p.value
			return u.service.checkDeployments(u.scope, st)
		}
	case "/description":
		return func(p patch) error { st.Description = optional(p); return nil }
	case "/tracingEnabled":
		return func(p patch) error { st.TracingEnabled = parseBool(p.value); return nil }
	case "/documentationVersion":
		return func(p patch) error { st.DocumentationVersion = optional(p); return nil }
	case "/cacheClusterEnabled":
		return func(p patch) error { setCacheCluster(st, parseBool(p.value), ""); return nil }
	case "/cacheClusterSize":
		return u.setCacheSize
	case "/clientCertificateId":
		return func(p patch) error {
			st.ClientCertificateID = optional(p)
			if st.ClientCertificateID != nil {
				return errUnsupported("A client certificate")
			}
			return nil
		}
	}
	if name, ok := strings.CutPrefix(path, "/variables/"); ok && name != "" {
		return func(p patch) error { return setVariable(&st.Variables, unescapePointer(name), p) }
	}
	if rest, ok := strings.CutPrefix(path, "/canarySettings"); ok {
		return u.canarySetter(rest)
	}
	return u.methodSetter(path)
}

func (u *stagePatcher) setCacheSize(p patch) error {
	if !slices.Contains(types.CacheClusterSize("").Values(), types.CacheClusterSize(p.value)) {
		return badRequest("Invalid cache cluster size: %s", p.value) // unverified: text
	}
	u.stage.CacheClusterSize = &p.value
	return nil
}

// setVariable writes one variable; a nil value takes it away.
func setVariable(variables *map[string]string, name string, p patch) error {
	if err := checkVariable(name, p.value); err != nil {
		return err
	}
	if *variables == nil {
		*variables = map[string]string{}
	}
	(*variables)[name] = p.value
	return nil
}

// setAccessLog: the texts are from AWS recording test_stage_access_log_settings_validation.
func (u *stagePatcher) setAccessLog(p patch) error {
	member, _ := strings.CutPrefix(p.path, "/accessLogSettings/")
	if member != "destinationArn" && member != "format" {
		return badRequest("Invalid accessLogSettings path. Must be one of : [/accessLogSettings/destinationArn, /accessLogSettings/format]")
	}
	if p.value == "" {
		return badRequest("Access Log value must not be empty")
	}
	if err := u.service.checkLogging(u.scope); err != nil {
		return err
	}
	log := u.stage.AccessLog
	if log == nil {
		log = &state.AccessLogSettings{}
		u.stage.AccessLog = log
	}
	if member == "format" {
		log.Format = p.value
		return checkLogFormat(p.value)
	}
	log.DestinationARN = p.value
	return checkLogDestination(p.value)
}

// maxLogFormat: APIGW-DG:set-up-logging, bytes.
const maxLogFormat = 3 << 10

// checkLogFormat: APIGW-DG:set-up-logging asks for a request id in the format.
func checkLogFormat(format string) error {
	switch {
	case !strings.Contains(format, "$context.requestId") && !strings.Contains(format, "$context.extendedRequestId"):
		return badRequest("Access Log format must contain $context.requestId or $context.extendedRequestId") // unverified: text
	case strings.Contains(strings.TrimSuffix(format, "\n"), "\n"):
		return badRequest("Access Log format must be single line, new line character is allowed only at end of the format")
	case len(format) > maxLogFormat:
		return badRequest("Access Log format must not be longer than %d bytes", maxLogFormat) // unverified: text
	}
	return nil
}

// checkLogDestination accepts a log group, without the ":*" that CloudWatch Logs
// appends to its ARNs, or a Firehose stream of the reserved name.
func checkLogDestination(arn string) error {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) == 6 && parts[0] == "arn" {
		group, isGroup := strings.CutPrefix(parts[5], "log-group:")
		if parts[2] == "logs" && isGroup && group != "" && !strings.HasSuffix(group, ":*") {
			return nil
		}
		if parts[2] == "firehose" && strings.HasPrefix(parts[5], "deliverystream/amazon-apigateway-") {
			return errUnsupported("A Firehose stream as the destination of access logs")
		}
	}
	// unverified: text.
	return badRequest("Invalid ARN specified in the request. ARNs must start with 'arn:' and name a CloudWatch Logs log group (without ':*') or an Amazon Data Firehose delivery stream")
}

// canarySetter returns the function behind "/canarySettings" + rest. The first
// one makes a canary of the stage's own deployment (APIGW-DG:create-canary-deployment
// shows the answer).
func (u *stagePatcher) canarySetter(rest string) func(p patch) error {
	var set func(canary *state.CanarySettings, p patch) error
	name, override := strings.CutPrefix(rest, "/stageVariableOverrides/")
	switch {
	case rest == "/deploymentId":
		set = func(canary *state.CanarySettings, p patch) error { canary.DeploymentID = p.value; return nil }
	case rest == "/percentTraffic":
		set = func(canary *state.CanarySettings, p patch) (err error) {
			canary.PercentTraffic, err = parseFloat(p)
			return err
		}
	case rest == "/useStageCache":
		set = func(canary *state.CanarySettings, p patch) error {
			canary.UseStageCache = parseBool(p.value)
			return nil
		}
	case override && name != "":
		set = func(canary *state.CanarySettings, p patch) error {
			return setVariable(&canary.StageVariableOverrides, unescapePointer(name), p)
		}
	default:
		return nil
	}
	return func(p patch) error {
		if u.stage.Canary == nil {
			u.stage.Canary = &state.CanarySettings{DeploymentID: u.stage.DeploymentID}
		}
		if err := set(u.stage.Canary, p); err != nil {
			return err
		}
		if err := u.service.checkDeployments(u.scope, u.stage); err != nil {
			return err
		}
		return u.service.checkCanary(u.stage)
	}
}

// remove takes away a variable, a group of settings or a method's settings. All
// other paths are taken for those of a method that has none.
func (u *stagePatcher) remove(p patch) error {
	st := u.stage
	key := strings.TrimPrefix(p.path, "/")
	name, variable := strings.CutPrefix(p.path, "/variables/")
	overridden, override := strings.CutPrefix(p.path, "/canarySettings/stageVariableOverrides/")
	switch {
	case p.path == "/accessLogSettings":
		st.AccessLog = nil
	case p.path == "/canarySettings":
		st.Canary = nil
	case p.path == "/description":
		st.Description = nil
	case p.path == "/clientCertificateId":
		st.ClientCertificateID = nil
	case variable:
		delete(st.Variables, unescapePointer(name))
		if len(st.Variables) == 0 {
			st.Variables = nil
		}
	case override && st.Canary != nil:
		delete(st.Canary.StageVariableOverrides, unescapePointer(overridden))
	case st.MethodSettings[key] != nil:
		delete(st.MethodSettings, key)
	default:
		return badRequest("Cannot remove method setting %s because there is no method setting for this method ", key)
	}
	return nil
}

// copy promotes a canary (APIGW-DG:promote-canary-deployment): its deployment
// becomes the stage's, its overrides go over the stage's variables.
func (u *stagePatcher) copy(p patch) error {
	st, from := u.stage, deref(p.from)
	switch {
	case st.Canary != nil && from == "/canarySettings/deploymentId" && p.path == "/deploymentId":
		st.DeploymentID = st.Canary.DeploymentID
		return nil
	case st.Canary != nil && from == "/canarySettings/stageVariableOverrides" && p.path == "/variables":
		for name, value := range st.Canary.StageVariableOverrides {
			if st.Variables == nil {
				st.Variables = map[string]string{}
			}
			st.Variables[name] = value
		}
		return nil
	}
	return badRequest("Invalid copy operation with path: %s and from: %s", p.path, from) // unverified: text
}

// methodSetter returns the function behind "/PATH/VERB/SETTING". PATH/VERB is
// the key of the settings exactly as the client wrote it: AWS recording
// test_create_update_stages has "test/GET", terraform-provider-aws#9738 a key
// with slashes. A new key starts from the settings of all methods.
func (u *stagePatcher) methodSetter(path string) func(p patch) error {
	at := settingStart(path)
	if at < 2 {
		return nil
	}
	key, setting := path[1:at], path[at+1:]
	slash := strings.LastIndexByte(key, '/')
	if slash < 1 || key[slash+1:] != "*" && !slices.Contains(httpMethods, key[slash+1:]) {
		return nil
	}
	set := methodSettings[setting]
	if set == nil {
		return func(patch) error {
			// aws/aws-sdk-java#1823.
			return badRequest("Invalid method setting path: %s. Must be one of: [.../metrics/enabled, .../logging/dataTrace, .../logging/loglevel,.../throttling/burstLimit, .../throttling/rateLimit, .../caching/ttlInSeconds, .../caching/enabled, .../caching/dataEncrypted, .../caching/requireAuthorizationForCacheControl, .../caching/unauthorizedCacheControlHeaderStrategy]", setting)
		}
	}
	return func(p patch) error {
		m := u.stage.MethodSettings[key]
		if m == nil {
			m = u.newSetting()
		}
		if err := set(m, p); err != nil {
			return err
		}
		if setting == "logging/loglevel" && p.value != logOff {
			if err := u.service.checkLogging(u.scope); err != nil {
				return err
			}
		}
		if u.stage.MethodSettings == nil {
			u.stage.MethodSettings = map[string]*state.MethodSetting{}
		}
		u.stage.MethodSettings[key] = m
		return nil
	}
}

// settingStart returns the index of the slash before the last two segments.
func settingStart(path string) int {
	last := strings.LastIndexByte(path, '/')
	if last < 0 {
		return -1
	}
	return strings.LastIndexByte(path[:last], '/')
}

// newSetting: AWS recording test_create_update_stages shows the defaults, and
// that a method's settings begin as those of "*/*" and do not follow them later.
func (u *stagePatcher) newSetting() *state.MethodSetting {
	if all := u.stage.MethodSettings["*/*"]; all != nil {
		return new(*all)
	}
	return &state.MethodSetting{
		ThrottlingBurstLimit: defaultBurst, ThrottlingRateLimit: defaultRate,
		CacheTTLSeconds: 300, RequireAuthorizationForCacheControl: true,
		UnauthorizedCacheControlHeaderStrategy: string(types.UnauthorizedCacheControlHeaderStrategySucceedWithResponseHeader),
	}
}

// Logging levels of a stage.
const logOff = "OFF"

var logLevels = []string{logOff, "ERROR", "INFO"}

// methodSettings maps the last segments of a path to what they set.
var methodSettings = map[string]func(m *state.MethodSetting, p patch) error{
	"metrics/enabled":       func(m *state.MethodSetting, p patch) error { m.MetricsEnabled = parseBool(p.value); return nil },
	"logging/dataTrace":     func(m *state.MethodSetting, p patch) error { m.DataTraceEnabled = parseBool(p.value); return nil },
	"caching/enabled":       func(m *state.MethodSetting, p patch) error { m.CachingEnabled = parseBool(p.value); return nil },
	"caching/dataEncrypted": func(m *state.MethodSetting, p patch) error { m.CacheDataEncrypted = parseBool(p.value); return nil },
	"caching/requireAuthorizationForCacheControl": func(m *state.MethodSetting, p patch) error {
		m.RequireAuthorizationForCacheControl = parseBool(p.value)
		return nil
	},
	"logging/loglevel": func(m *state.MethodSetting, p patch) error {
		if !slices.Contains(logLevels, p.value) {
			return badRequest("Invalid logging level: %s. Must be one of: [%s]", p.value, strings.Join(logLevels, ", ")) // unverified: text
		}
		m.LoggingLevel = p.value
		return nil
	},
	"throttling/burstLimit": func(m *state.MethodSetting, p patch) (err error) {
		m.ThrottlingBurstLimit, err = parseInt32(p)
		return err
	},
	"throttling/rateLimit": func(m *state.MethodSetting, p patch) (err error) {
		m.ThrottlingRateLimit, err = parseFloat(p)
		return err
	},
	"caching/ttlInSeconds": func(m *state.MethodSetting, p patch) (err error) {
		m.CacheTTLSeconds, err = parseInt32(p)
		if err == nil && (m.CacheTTLSeconds < 0 || m.CacheTTLSeconds > 3600) {
			err = badRequest("Cache TTL must be between 0 and 3600 seconds") // unverified: text
		}
		return err
	},
	"caching/unauthorizedCacheControlHeaderStrategy": func(m *state.MethodSetting, p patch) error {
		values := types.UnauthorizedCacheControlHeaderStrategy("").Values()
		if !slices.Contains(values, types.UnauthorizedCacheControlHeaderStrategy(p.value)) {
			return badRequest("Invalid unauthorized cache control header strategy: %s", p.value) // unverified: text
		}
		m.UnauthorizedCacheControlHeaderStrategy = p.value
		return nil
	},
}

// errStagePath is AWS's list of a stage's paths, its missing commas included (AWS
// recording test_create_update_stages).
func errStagePath(path string) error {
	return badRequest("Invalid method setting path: %s. Must be one of: [/deploymentId, /description, /cacheClusterEnabled, "+
		"/cacheClusterSize, /clientCertificateId, /accessLogSettings, /accessLogSettings/destinationArn, /accessLogSettings/format, "+
		"/{resourcePath}/{httpMethod}/metrics/enabled, /{resourcePath}/{httpMethod}/logging/dataTrace, "+
		"/{resourcePath}/{httpMethod}/logging/loglevel, /{resourcePath}/{httpMethod}/throttling/burstLimit"+
		"/{resourcePath}/{httpMethod}/throttling/rateLimit/{resourcePath}/{httpMethod}/caching/ttlInSeconds, "+
		"/{resourcePath}/{httpMethod}/caching/enabled, /{resourcePath}/{httpMethod}/caching/dataEncrypted, "+
		"/{resourcePath}/{httpMethod}/caching/requireAuthorizationForCacheControl, "+
		"/{resourcePath}/{httpMethod}/caching/unauthorizedCacheControlHeaderStrategy, /*/*/metrics/enabled, /*/*/logging/dataTrace, "+
		"/*/*/logging/loglevel, /*/*/throttling/burstLimit /*/*/throttling/rateLimit /*/*/caching/ttlInSeconds, /*/*/caching/enabled, "+
		"/*/*/caching/dataEncrypted, /*/*/caching/requireAuthorizationForCacheControl, "+
		"/*/*/caching/unauthorizedCacheControlHeaderStrategy, /variables/{variable_name}, /tracingEnabled]", path)
}

// checkLogging: without an account role nothing could be written (azul#8301 and
// dynamic-image-transformation-for-amazon-cloudfront#172 quote the text).
func (s *Service) checkLogging(c scope) error {
	account, _, err := store.Get[state.APIGatewayAccount](s.store, state.APIGatewayAccountKey(c.account, c.region))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if account == nil || account.CloudWatchRoleARN == "" {
		return badRequest("CloudWatch Logs role ARN must be set in account settings to enable logging")
	}
	return nil
}
