package apigateway

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/google/go-cmp/cmp"
)

// stagePaths is the list in AWS recording test_create_update_stages.
const stagePaths = ". Must be one of: [/deploymentId, /description, /cacheClusterEnabled, /cacheClusterSize, /clientCertificateId, /accessLogSettings, /accessLogSettings/destinationArn, /accessLogSettings/format, /{resourcePath}/{httpMethod}/metrics/enabled, /{resourcePath}/{httpMethod}/logging/dataTrace, /{resourcePath}/{httpMethod}/logging/loglevel, /{resourcePath}/{httpMethod}/throttling/burstLimit/{resourcePath}/{httpMethod}/throttling/rateLimit/{resourcePath}/{httpMethod}/caching/ttlInSeconds, /{resourcePath}/{httpMethod}/caching/enabled, /{resourcePath}/{httpMethod}/caching/dataEncrypted, /{resourcePath}/{httpMethod}/caching/requireAuthorizationForCacheControl, /{resourcePath}/{httpMethod}/caching/unauthorizedCacheControlHeaderStrategy, /*/*/metrics/enabled, /*/*/logging/dataTrace, /*/*/logging/loglevel, /*/*/throttling/burstLimit /*/*/throttling/rateLimit /*/*/caching/ttlInSeconds, /*/*/caching/enabled, /*/*/caching/dataEncrypted, /*/*/caching/requireAuthorizationForCacheControl, /*/*/caching/unauthorizedCacheControlHeaderStrategy, /variables/{variable_name}, /tracingEnabled]"

const logGroup = "arn:aws:logs:eu-west-1:123456789012:log-group:access"

// AWS recordings test_create_update_stages, test_stage_access_log_settings_validation,
// test_update_stage_canary_deployment_validation; other sources at the checks.
func TestStageRefusals(t *testing.T) {
	// update patches a stage; a first line "role" gives the account a role.
	update := func(lines ...string) func(w *world) error {
		return func(w *world) error {
			if lines[0] == "role" {
				must(w.updateAccount("replace /cloudwatchRoleArn=" + logRole))(w.t)
				lines = lines[1:]
			}
			id, _ := w.deployable()
			w.deploy(id, "dev")
			_, err := w.updateStage(id, "dev", lines...)
			return err
		}
	}
	create := func(change func(in *apigateway.CreateStageInput)) func(w *world) error {
		return func(w *world) error {
			id, _ := w.deployable()
			deployment := w.deploy(id, "dev")
			in := &apigateway.CreateStageInput{RestApiId: &id, DeploymentId: &deployment, StageName: aws.String("prod")}
			change(in)
			_, err := w.CreateStage(w.ctx, in)
			return err
		}
	}
	const (
		accessLog = "Invalid accessLogSettings path. Must be one of : [/accessLogSettings/destinationArn, /accessLogSettings/format]"
		noRole    = "CloudWatch Logs role ARN must be set in account settings to enable logging"
	)
	none := func(key string) string {
		return "Cannot remove method setting " + key + " because there is no method setting for this method "
	}
	refuse(t, []refusal{
		{"exists", create(func(in *apigateway.CreateStageInput) { in.StageName = aws.String("dev") }), clash, "Stage already exists"},
		{"name", create(func(in *apigateway.CreateStageInput) { in.StageName = aws.String("$default") }), bad, "Stage name only allows a-zA-Z0-9_"},
		{"no deployment", create(func(in *apigateway.CreateStageInput) { in.DeploymentId = aws.String("nothing") }), bad, "Deployment id does not exist"},
		{"variable", create(func(in *apigateway.CreateStageInput) { in.Variables = map[string]string{"a-b": "x"} }), bad, "Invalid stage variable name: a-b.  Please use names with only word characters."},
		{"no API", create(func(in *apigateway.CreateStageInput) { in.RestApiId = aws.String("nothing") }), missing, "Invalid API identifier specified 123456789012:nothing"},
		{"no stage", func(w *world) error {
			id, _ := w.api()
			_, err := w.GetStage(w.ctx, &apigateway.GetStageInput{RestApiId: &id, StageName: aws.String("dev")})
			return err
		}, missing, "Invalid stage identifier specified"},
		{"flush no stage", func(w *world) error {
			_, err := w.FlushStageCache(w.ctx, &apigateway.FlushStageCacheInput{RestApiId: aws.String("x"), StageName: aws.String("dev")})
			return err
		}, missing, "Invalid stage identifier specified"},
		{"documentation_version", update("replace /documentation_version=123"), bad, "Invalid method setting path: /documentation_version" + stagePaths},
		{"tags", update("replace /tags/tag1=value1"), bad, "Invalid method setting path: /tags/tag1" + stagePaths},
		{"no verb in a method path", update("replace /~1//logging/dataTrace=true"), bad, "Invalid method setting path: /~1//logging/dataTrace" + stagePaths},              // serverless-aws-alias#133
		{"double slash", update("replace /{proxy+}/ANY//throttling/burstLimit=5"), bad, "Invalid method setting path: /{proxy+}/ANY//throttling/burstLimit" + stagePaths}, // terraform-provider-aws#15855
		{"access log of a method", update("replace /*/*/accessLogSettings/format=test"), bad, // aws/aws-sdk-java#1823
			"Invalid method setting path: accessLogSettings/format. Must be one of: [.../metrics/enabled, .../logging/dataTrace, .../logging/loglevel,.../throttling/burstLimit, .../throttling/rateLimit, .../caching/ttlInSeconds, .../caching/enabled, .../caching/dataEncrypted, .../caching/requireAuthorizationForCacheControl, .../caching/unauthorizedCacheControlHeaderStrategy]"},
		{"access log path, add", update("add /accessLogSettings/randomValue=x"), bad, accessLog},
		{"access log path, replace", update("replace /accessLogSettings/*=x"), bad, accessLog},
		{"access log as a whole", update("replace /accessLogSettings=test"), bad, accessLog},
		{"access log path, remove", update("remove /accessLogSettings/randomValue=x"), bad, none("accessLogSettings/randomValue")},
		{"access log destination, remove", update("remove /accessLogSettings/destinationArn"), bad, none("accessLogSettings/destinationArn")},
		{"access log without value", update("role", "replace /accessLogSettings/format="), bad, "Access Log value must not be empty"},
		{"access log of two lines", update("role", "replace /accessLogSettings/format=$context.requestId\nx\n"), bad, "Access Log format must be single line, new line character is allowed only at end of the format"},
		{"access log without a role", update("add /accessLogSettings/destinationArn=" + logGroup), bad, noRole},
		{"level without a role", update("replace /*/*/logging/loglevel=INFO"), bad, noRole},
		{"overrides, remove", update("remove /canarySettings/stageVariableOverrides"), bad, none("canarySettings/stageVariableOverrides")},
		{"canary path, remove", update("remove /canarySettings/badPath"), bad, none("canarySettings/badPath")},
		{"canary as a whole", update("replace /canarySettings=test"), bad, "Invalid method setting path: /canarySettings" + stagePaths},
		{"canary path", update("replace /canarySettings/badPath=badPath"), bad, "Invalid method setting path: /canarySettings/badPath" + stagePaths},
		{"canary, add", update("add /canarySettings/deploymentId=x"), bad, "Invalid add operation with path: /canarySettings/deploymentId"},
		{"canary deployment", update("replace /canarySettings/deploymentId=deploy"), bad, "Deployment id does not exist"},
		{"deployment", update("replace /deploymentId=deploy"), bad, "Deployment id does not exist"},
		{"variable value", update("replace /variables/v=$LATEST"), bad, "Invalid stage variable value: $LATEST.  Please use values with alphanumeric characters and the symbols ' ', -', '.', '_', ':', '/', '?', '&', '=', and ','."},
		{"settings that are not there", update("remove /*/*"), bad, none("*/*")},
	})
}

// AWS recordings test_create_delete_deployments, test_create_canary_deployment_validation.
func TestDeploymentRefusals(t *testing.T) {
	canary := func(stage *string) func(w *world) error {
		return func(w *world) error {
			id, _ := w.deployable()
			_, err := w.CreateDeployment(w.ctx, &apigateway.CreateDeploymentInput{RestApiId: &id, StageName: stage, CanarySettings: &types.DeploymentCanarySettings{PercentTraffic: 50}})
			return err
		}
	}
	deploy := func(prepare func(w *world, id, root string)) func(w *world) error {
		return func(w *world) error {
			id, root := w.api()
			prepare(w, id, root)
			_, err := w.CreateDeployment(w.ctx, &apigateway.CreateDeploymentInput{RestApiId: &id})
			return err
		}
	}
	refuse(t, []refusal{
		{"no API", func(w *world) error {
			_, err := w.CreateDeployment(w.ctx, &apigateway.CreateDeploymentInput{RestApiId: aws.String("x")})
			return err
		}, missing, "Invalid API identifier specified 123456789012:x"},
		{"no methods", deploy(func(*world, string, string) {}), bad, "The REST API doesn't contain any methods"},
		{"no integration", deploy(func(w *world, id, root string) { w.put(id, root, "GET") }), bad, "No integration defined for method"},
		{"canary without stage", canary(nil), bad, "Invalid deployment content specified.Non null and non empty stageName must be provided for canary deployment. Provided value is null"},
		{"canary with empty stage", canary(aws.String("")), bad, "Invalid deployment content specified.Non null and non empty stageName must be provided for canary deployment. Provided value is "},
		{"canary without its stage", canary(aws.String("non-existing")), bad, "Invalid deployment content specified.Stage non-existing must already be created before making a canary release deployment"},
		{"delete an active one", func(w *world) error {
			id, _ := w.deployable()
			deployment := w.deploy(id, "dev")
			_, err := w.DeleteDeployment(w.ctx, &apigateway.DeleteDeploymentInput{RestApiId: &id, DeploymentId: &deployment})
			return err
		}, bad, "Active stages pointing to this deployment must be moved or deleted"},
		{"delete nothing", func(w *world) error {
			id, _ := w.api()
			_, err := w.DeleteDeployment(w.ctx, &apigateway.DeleteDeploymentInput{RestApiId: &id, DeploymentId: aws.String("x")})
			return err
		}, missing, "Invalid Deployment identifier specified"},
		{"get nothing", func(w *world) error {
			_, err := w.GetDeployment(w.ctx, &apigateway.GetDeploymentInput{RestApiId: aws.String("x"), DeploymentId: aws.String("x")})
			return err
		}, missing, "Invalid Deployment identifier specified"},
		{"bad variable leaves nothing", func(w *world) error {
			id, _ := w.deployable()
			_, err := w.CreateDeployment(w.ctx, &apigateway.CreateDeploymentInput{RestApiId: &id, StageName: aws.String("dev"), Variables: map[string]string{"a b": "c"}})
			if list := must(w.GetDeployments(w.ctx, &apigateway.GetDeploymentsInput{RestApiId: &id}))(w.t); len(list.Items) != 0 {
				w.t.Error("a deployment was left behind")
			}
			return err
		}, bad, "Invalid stage variable name: a b.  Please use names with only word characters."},
	})
}

// AWS recording test_create_update_stages: the patches and what they answer.
func TestUpdateStageLikeRecording(t *testing.T) {
	w := newWorld(t)
	id, _ := w.deployable()
	deployment := w.deploy(id, "")
	must(w.CreateStage(w.ctx, &apigateway.CreateStageInput{
		RestApiId: &id, StageName: aws.String("s1"), DeploymentId: &deployment,
		Description: aws.String("my stage"), DocumentationVersion: aws.String("v123"),
	}))(t)
	created := w.clock
	out := must(w.updateStage(id, "s1",
		"replace /description=stage new", "replace /variables/var1=test", "replace /variables/var2=test2",
		"replace /*/*/throttling/burstLimit=123", "replace /*/*/caching/enabled=true",
		"replace /tracingEnabled=true", "replace /test/GET/throttling/burstLimit=124"))(t)
	setting := func(burst int32) types.MethodSetting {
		return types.MethodSetting{
			CacheTtlInSeconds: 300, CachingEnabled: true, RequireAuthorizationForCacheControl: true,
			ThrottlingBurstLimit: burst, ThrottlingRateLimit: 10000,
			UnauthorizedCacheControlHeaderStrategy: types.UnauthorizedCacheControlHeaderStrategySucceedWithResponseHeader,
		}
	}
	updated := w.clock
	want := apigateway.GetStageOutput{
		StageName: aws.String("s1"), DeploymentId: &deployment, Description: aws.String("stage new"), DocumentationVersion: aws.String("v123"),
		CacheClusterStatus: types.CacheClusterStatusNotAvailable, TracingEnabled: true, CreatedDate: &created, LastUpdatedDate: &updated,
		Variables:      map[string]string{"var1": "test", "var2": "test2"},
		MethodSettings: map[string]types.MethodSetting{"*/*": setting(123), "test/GET": setting(124)},
	}
	if diff := cmp.Diff(want, apigateway.GetStageOutput(*out), ignore); diff != "" {
		t.Errorf("-AWS +ours:\n%s", diff)
	}
	must(w.updateStage(id, "s1", "replace /*/*/throttling/burstLimit=100"))(t)
	updated = w.clock
	want.LastUpdatedDate, want.MethodSettings["*/*"] = &updated, setting(100)
	got := must(w.GetStage(w.ctx, &apigateway.GetStageInput{RestApiId: &id, StageName: aws.String("s1")}))(t)
	if diff := cmp.Diff(want, *got, ignore); diff != "" {
		t.Errorf("-AWS +ours:\n%s", diff)
	}
	// Terraform's way of taking a method's settings away.
	last := must(w.updateStage(id, "s1", "remove /test/GET", "remove /variables/var1", "remove /variables/var2"))(t)
	if len(last.MethodSettings) != 1 || last.Variables != nil {
		t.Errorf("after removal: %v, %v", last.MethodSettings, last.Variables)
	}
}

// Logging as the story sets it: level and data trace, after the account's role.
func TestStageLogging(t *testing.T) {
	w := newWorld(t)
	id, _ := w.deployable()
	w.deploy(id, "dev")
	must(w.updateStage(id, "dev", "replace /*/*/logging/loglevel=OFF"))(t)
	must(w.updateAccount("replace /cloudwatchRoleArn=" + logRole))(t)
	out := must(w.updateStage(id, "dev", "replace /*/*/logging/loglevel=INFO", "replace /*/*/logging/dataTrace=true",
		"replace /~1a~1{b}/GET/logging/loglevel=ERROR",
		"replace /accessLogSettings/destinationArn="+logGroup, "replace /accessLogSettings/format=$context.requestId\n"))(t)
	all, one := out.MethodSettings["*/*"], out.MethodSettings["~1a~1{b}/GET"]
	if *all.LoggingLevel != "INFO" || !all.DataTraceEnabled || *one.LoggingLevel != "ERROR" || !one.DataTraceEnabled {
		t.Errorf("settings: %+v, %+v", all, one)
	}
	if log := out.AccessLogSettings; *log.DestinationArn != logGroup || *log.Format != "$context.requestId\n" {
		t.Errorf("access log: %+v", log)
	}
	if out := must(w.updateStage(id, "dev", "remove /accessLogSettings"))(t); out.AccessLogSettings != nil {
		t.Error("access log settings are still there")
	}
}

// AWS recordings test_create_canary_deployment_with_stage, test_invoking_canary_deployment;
// APIGW-DG:create-canary-deployment and :promote-canary-deployment.
func TestCanary(t *testing.T) {
	w := newWorld(t)
	id, _ := w.deployable()
	first := w.deploy(id, "")
	must(w.CreateStage(w.ctx, &apigateway.CreateStageInput{RestApiId: &id, StageName: aws.String("dev"), DeploymentId: &first, Variables: map[string]string{"testVar": "default", "sv0": "val0"}}))(t)
	second := *must(w.CreateDeployment(w.ctx, &apigateway.CreateDeploymentInput{
		RestApiId: &id, StageName: aws.String("dev"),
		CanarySettings: &types.DeploymentCanarySettings{PercentTraffic: 50, StageVariableOverrides: map[string]string{"testVar": "canary"}},
	}))(t).Id
	got := must(w.GetStage(w.ctx, &apigateway.GetStageInput{RestApiId: &id, StageName: aws.String("dev")}))(t)
	want := &types.CanarySettings{DeploymentId: &second, PercentTraffic: 50, StageVariableOverrides: map[string]string{"testVar": "canary"}}
	if diff := cmp.Diff(want, got.CanarySettings, ignore); diff != "" || *got.DeploymentId != first {
		t.Errorf("stage serves %s; -AWS +ours:\n%s", *got.DeploymentId, diff)
	}
	if _, err := w.CreateDeployment(w.ctx, &apigateway.CreateDeploymentInput{RestApiId: &id, StageName: aws.String("dev")}); err == nil {
		t.Error("a stage with a canary was moved")
	}
	_, err := w.DeleteDeployment(w.ctx, &apigateway.DeleteDeploymentInput{RestApiId: &id, DeploymentId: &second})
	check(t, err, bad, "Active stages pointing to this deployment must be moved or deleted")
	promoted := must(w.updateStage(id, "dev",
		"replace /canarySettings/percentTraffic=0.0",
		"copy /variables=/canarySettings/stageVariableOverrides",
		"copy /deploymentId=/canarySettings/deploymentId"))(t)
	if diff := cmp.Diff(map[string]string{"testVar": "canary", "sv0": "val0"}, promoted.Variables); diff != "" || *promoted.DeploymentId != second {
		t.Errorf("promoted to %s:\n%s", *promoted.DeploymentId, diff)
	}
	// What UpdateStage refuses, a deployment may not bring, nor leave itself behind.
	deployments := len(must(w.GetDeployments(w.ctx, &apigateway.GetDeploymentsInput{RestApiId: &id}))(t).Items)
	for text, settings := range map[string]*types.DeploymentCanarySettings{
		"Percent traffic must be between 0.0 and 100.0": {PercentTraffic: -1},
		"Invalid stage variable name: a b":              {PercentTraffic: 5, StageVariableOverrides: map[string]string{"a b": "x"}},
	} {
		_, err := w.CreateDeployment(w.ctx, &apigateway.CreateDeploymentInput{RestApiId: &id, StageName: aws.String("dev"), CanarySettings: settings})
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%+v: %v, want %s", settings, err, text)
		}
	}
	if n := len(must(w.GetDeployments(w.ctx, &apigateway.GetDeploymentsInput{RestApiId: &id}))(t).Items); n != deployments {
		t.Errorf("%d deployments, want %d", n, deployments)
	}
	if out := must(w.updateStage(id, "dev", "remove /canarySettings"))(t); out.CanarySettings != nil {
		t.Error("the canary is still there")
	}
	fresh := must(w.updateStage(id, "dev", "replace /canarySettings/percentTraffic=10.5", "replace /canarySettings/useStageCache=false",
		"replace /canarySettings/stageVariableOverrides/sv1=val2"))(t)
	want = &types.CanarySettings{DeploymentId: &second, PercentTraffic: 10.5, StageVariableOverrides: map[string]string{"sv1": "val2"}}
	if diff := cmp.Diff(want, fresh.CanarySettings, ignore); diff != "" {
		t.Errorf("-AWS +ours:\n%s", diff)
	}
}

// Deploying to a stage that exists moves it and keeps its settings.
func TestRedeploy(t *testing.T) {
	w := newWorld(t)
	id, root := w.deployable()
	must(w.CreateDeployment(w.ctx, &apigateway.CreateDeploymentInput{
		RestApiId: &id, StageName: aws.String("dev"), StageDescription: aws.String("first"), Description: aws.String("d1"),
		Variables: map[string]string{"env": "dev"}, TracingEnabled: aws.Bool(true), CacheClusterEnabled: aws.Bool(true),
	}))(t)
	must(w.updateStage(id, "dev", "replace /*/*/metrics/enabled=true"))(t)
	w.put(id, root, "POST")
	w.mock(id, root, "POST")
	second := w.deploy(id, "dev")
	got := must(w.GetStage(w.ctx, &apigateway.GetStageInput{RestApiId: &id, StageName: aws.String("dev")}))(t)
	switch {
	case *got.DeploymentId != second, *got.Description != "first", got.Variables["env"] != "dev", !got.TracingEnabled, !got.MethodSettings["*/*"].MetricsEnabled:
		t.Errorf("stage after the second deployment: %+v", got)
	case got.CacheClusterStatus != types.CacheClusterStatusAvailable, got.CacheClusterSize != types.CacheClusterSizeSize0Point5Gb:
		t.Errorf("cache cluster: %s %s", got.CacheClusterStatus, got.CacheClusterSize)
	}
	list := must(w.GetDeployments(w.ctx, &apigateway.GetDeploymentsInput{RestApiId: &id}))(t)
	if len(list.Items) != 2 || *list.Items[0].Id != second {
		t.Errorf("deployments: %+v", list.Items)
	}
	old := must(w.GetDeployment(w.ctx, &apigateway.GetDeploymentInput{RestApiId: &id, DeploymentId: list.Items[1].Id, Embed: []string{"apisummary"}}))(t)
	if diff := cmp.Diff(map[string]map[string]types.MethodSnapshot{"/": {"GET": {AuthorizationType: aws.String("NONE")}}}, old.ApiSummary, ignore); diff != "" {
		t.Errorf("a deployment changed:\n%s", diff)
	}
	must(w.CreateDeployment(w.ctx, &apigateway.CreateDeploymentInput{
		RestApiId: &id, StageName: aws.String("dev"), StageDescription: aws.String("third"), Variables: map[string]string{"more": "1"},
		TracingEnabled: aws.Bool(false), CacheClusterEnabled: aws.Bool(false),
	}))(t)
	got = must(w.GetStage(w.ctx, &apigateway.GetStageInput{RestApiId: &id, StageName: aws.String("dev")}))(t)
	if *got.Description != "third" || got.TracingEnabled || got.CacheClusterEnabled || !cmp.Equal(got.Variables, map[string]string{"env": "dev", "more": "1"}) {
		t.Errorf("stage after the third deployment: %+v", got)
	}
	must(w.DeleteDeployment(w.ctx, &apigateway.DeleteDeploymentInput{RestApiId: &id, DeploymentId: &second}))(t)
	_, err := w.GetDeployment(w.ctx, &apigateway.GetDeploymentInput{RestApiId: &id, DeploymentId: &second})
	check(t, err, missing, "Invalid Deployment identifier specified")
	second = *list.Items[1].Id
	updated := must(w.UpdateDeployment(w.ctx, &apigateway.UpdateDeploymentInput{RestApiId: &id, DeploymentId: &second, PatchOperations: ops("replace /description=new")}))(t)
	if *updated.Description != "new" {
		t.Errorf("description %q", *updated.Description)
	}
	must(w.DeleteStage(w.ctx, &apigateway.DeleteStageInput{RestApiId: &id, StageName: aws.String("dev")}))(t)
	stages := must(w.GetStages(w.ctx, &apigateway.GetStagesInput{RestApiId: &id}))(t)
	if stages.Item == nil || len(stages.Item) != 0 {
		t.Errorf("stages: %v", stages.Item)
	}
}

// A stage whose API goes while it is made does not stay behind.
func TestStageOfVanishedAPI(t *testing.T) {
	w := newWorld(t)
	id, _ := w.deployable()
	st := w.newStage(scope{account, region}, id, "late")
	must(w.DeleteRestApi(w.ctx, &apigateway.DeleteRestApiInput{RestApiId: &id}))(t)
	check(t, w.createStage(w.ctx, scope{account, region}, st), missing, "Invalid API identifier specified 123456789012:"+id)
	_, err := w.GetStage(w.ctx, &apigateway.GetStageInput{RestApiId: &id, StageName: aws.String("late")})
	check(t, err, missing, "Invalid stage identifier specified")
}

// What a stage refuses beyond the recordings.
func TestStageValues(t *testing.T) {
	w := newWorld(t)
	id, _ := w.deployable()
	w.deploy(id, "dev")
	for line, message := range map[string]string{
		"replace /*/*/logging/loglevel=DEBUG":                           "Invalid logging level: DEBUG. Must be one of: [OFF, ERROR, INFO]",
		"replace /*/*/throttling/burstLimit=many":                       "Invalid value 'many' specified for path /*/*/throttling/burstLimit: a number is needed",
		"replace /*/*/throttling/rateLimit=NaN":                         "Invalid value 'NaN' specified for path /*/*/throttling/rateLimit: a number is needed",
		"replace /*/*/caching/ttlInSeconds=3601":                        "Cache TTL must be between 0 and 3600 seconds",
		"replace /*/*/caching/unauthorizedCacheControlHeaderStrategy=x": "Invalid unauthorized cache control header strategy: x",
		"replace /cacheClusterSize=7":                                   "Invalid cache cluster size: 7",
		"replace /clientCertificateId=abc":                              "A client certificate is not supported by stagedoor yet",
		"replace /canarySettings/percentTraffic=101":                    "Percent traffic must be between 0.0 and 100.0",
		"copy /deploymentId=/canarySettings/deploymentId":               "Invalid copy operation with path: /deploymentId and from: /canarySettings/deploymentId",
		"move /description=x":                                           "Invalid patch operation specified. Must be one of: [add, remove, replace, copy]",
		"add /variables/a=b":                                            "Invalid add operation with path: /variables/a",
	} {
		_, err := w.updateStage(id, "dev", line)
		check(t, err, bad, message)
	}
	out := must(w.updateStage(id, "dev", "replace /*/*/caching/dataEncrypted=true", "replace /*/*/caching/requireAuthorizationForCacheControl=false",
		"replace /*/*/caching/unauthorizedCacheControlHeaderStrategy=FAIL_WITH_403", "replace /*/*/caching/ttlInSeconds=0",
		"replace /*/*/throttling/burstLimit=-1", "replace /*/*/throttling/rateLimit=-1.000000", "replace /cacheClusterEnabled=true", "replace /cacheClusterSize=1.6"))(t)
	want := types.MethodSetting{CacheDataEncrypted: true, UnauthorizedCacheControlHeaderStrategy: "FAIL_WITH_403", ThrottlingBurstLimit: -1, ThrottlingRateLimit: -1}
	if diff := cmp.Diff(want, out.MethodSettings["*/*"], ignore); diff != "" || out.CacheClusterSize != "1.6" {
		t.Errorf("cache %s; -want +got:\n%s", out.CacheClusterSize, diff)
	}
}

func TestLimits(t *testing.T) {
	w := newWorld(t, func(o *Options) {
		o.Limits = &Limits{APIs: 2, ResourcesPerAPI: 3, StagesPerAPI: 2, VariablesPerStage: 1, PolicyBytes: 40, TimeoutMillis: 29000}
	})
	id, root := w.deployable()
	w.child(id, root, "a")
	w.child(id, root, "b")
	_, err := w.CreateResource(w.ctx, &apigateway.CreateResourceInput{RestApiId: &id, ParentId: &root, PathPart: aws.String("c")})
	check(t, err, "LimitExceededException", "Maximum number of Resources for this API has been reached.  Please contact AWS if you need additional Resources.") // boto3#1296
	w.deploy(id, "s1")
	deployment := w.deploy(id, "s2")
	_, err = w.CreateStage(w.ctx, &apigateway.CreateStageInput{RestApiId: &id, DeploymentId: &deployment, StageName: aws.String("s3")})
	check(t, err, "LimitExceededException", "Maximum number of Stages for this API has been reached.  Please contact AWS if you need additional Stages.")
	_, err = w.updateStage(id, "s1", "replace /variables/a=1", "replace /variables/b=2")
	check(t, err, bad, "Maximum number of variables per stage is 1")
	_, err = w.UpdateRestApi(w.ctx, &apigateway.UpdateRestApiInput{RestApiId: &id, PatchOperations: ops(`replace /policy={"Statement":[` + strings.Repeat(" ", 40) + `]}`)})
	check(t, err, "", "")
	_, err = w.UpdateRestApi(w.ctx, &apigateway.UpdateRestApiInput{RestApiId: &id, PatchOperations: ops(`replace /policy={"Statement":["` + strings.Repeat("x", 40) + `"]}`)})
	check(t, err, bad, "Policy exceeds the limit of 40 characters")
	w.api()
	_, err = w.CreateRestApi(w.ctx, &apigateway.CreateRestApiInput{Name: aws.String("third")})
	check(t, err, "LimitExceededException", "Maximum number of APIs has been reached.  Please contact AWS if you need additional APIs.") // Zappa#628
	if d := DefaultLimits(); d.ResourcesPerAPI != 300 || d.StagesPerAPI != 10 || d.VariablesPerStage != 100 {
		t.Error(fmt.Sprint(d))
	}
}
