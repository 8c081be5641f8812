package diff_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	rest "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/stagedoor/stagedoor/internal/diff"
	"github.com/stagedoor/stagedoor/internal/target"
)

// where is a place that a model stands in.
type where struct{ account, region, api, endpoint string }

func home() where {
	return where{"111122223333", "eu-central-1", "a1b2c3d4e5", ""}
}

func elsewhere() where {
	return where{"444455556666", "us-west-2", "f6g7h8i9j0", "http://127.0.0.1:4566"}
}

// in puts a text into a place: ACCOUNT, REGION and APIID stand for what it has.
func (p where) in(s string) string {
	return strings.NewReplacer("ACCOUNT", p.account, "REGION", p.region, "APIID", p.api).Replace(s)
}

// model is an API as a place tells of it. It answers as AWS's clients do.
type model struct {
	where
	Name      string
	Stages    map[string]*stageModel
	Functions map[string]*functionModel // by name
	Denied    map[string]bool           // operations that are refused
}

type stageModel struct {
	Export    string // the document, with ACCOUNT, REGION and APIID
	Variables map[string]string
	Settings  map[string]rest.MethodSetting
	Canary    *rest.CanarySettings
	Access    *rest.AccessLogSettings
	Tracing   bool
}

type functionModel struct {
	Versions map[string]*versionModel // "$LATEST" is there always
	Aliases  map[string]aliasModel
	Policies map[string]string // by qualifier
}

type versionModel struct {
	Code, Runtime string
	Memory        int32
	Env           map[string]string
	Role          string
	Layers        []string
}

type aliasModel struct {
	Version string
	Weights map[string]float64
}

func (m *model) clients() *target.Clients {
	return &target.Clients{
		RestAPIs: m, Functions: func(string) target.Functions { return m.functions() }, Roles: nil, Tokens: m,
		Region: m.region, Endpoint: m.endpoint,
	}
}

// picture reads the model as diff does.
func (m *model) picture(t fataler, stages ...string) *target.Picture {
	p, err := diff.Read(context.Background(), m.clients(), m.api, stages...)
	must(t, err)
	return p
}

type fataler interface {
	Helper()
	Fatal(...any)
	Errorf(string, ...any)
}

func must(t fataler, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (m *model) refused(operation string) error {
	if m.Denied[operation] {
		return &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "no identity-based policy allows the action"}
	}
	return nil
}

var errMissing = &smithy.GenericAPIError{Code: "ResourceNotFoundException", Message: "Function not found"}

func (m *model) GetCallerIdentity(context.Context, *sts.GetCallerIdentityInput, ...func(*sts.Options)) (*sts.GetCallerIdentityOutput, error) {
	return &sts.GetCallerIdentityOutput{Account: &m.account}, m.refused("GetCallerIdentity")
}

func (m *model) GetRestApi(_ context.Context, in *apigateway.GetRestApiInput, _ ...func(*apigateway.Options)) (*apigateway.GetRestApiOutput, error) {
	if *in.RestApiId != m.api {
		return nil, &smithy.GenericAPIError{Code: "NotFoundException", Message: "Invalid API identifier specified"}
	}
	return &apigateway.GetRestApiOutput{Id: &m.api, Name: &m.Name}, m.refused("GetRestApi")
}

func (m *model) GetRestApis(context.Context, *apigateway.GetRestApisInput, ...func(*apigateway.Options)) (*apigateway.GetRestApisOutput, error) {
	return &apigateway.GetRestApisOutput{Items: []rest.RestApi{{Id: &m.api, Name: &m.Name}}}, m.refused("GetRestApis")
}

func (m *model) GetResources(context.Context, *apigateway.GetResourcesInput, ...func(*apigateway.Options)) (*apigateway.GetResourcesOutput, error) {
	return &apigateway.GetResourcesOutput{}, m.refused("GetResources")
}

func (m *model) GetStages(context.Context, *apigateway.GetStagesInput, ...func(*apigateway.Options)) (*apigateway.GetStagesOutput, error) {
	out := &apigateway.GetStagesOutput{}
	for name, s := range m.Stages {
		canary := s.Canary
		out.Item = append(out.Item, rest.Stage{
			StageName: &name, DeploymentId: aws.String("d-" + name), Variables: s.Variables, MethodSettings: s.Settings,
			CanarySettings: canary, AccessLogSettings: s.Access, TracingEnabled: s.Tracing,
		})
	}
	return out, m.refused("GetStages")
}

func (m *model) GetAuthorizers(context.Context, *apigateway.GetAuthorizersInput, ...func(*apigateway.Options)) (*apigateway.GetAuthorizersOutput, error) {
	return &apigateway.GetAuthorizersOutput{}, m.refused("GetAuthorizers")
}

func (m *model) GetDeployment(_ context.Context, in *apigateway.GetDeploymentInput, _ ...func(*apigateway.Options)) (*apigateway.GetDeploymentOutput, error) {
	return &apigateway.GetDeploymentOutput{Id: in.DeploymentId}, m.refused("GetDeployment")
}

func (m *model) GetDeployments(context.Context, *apigateway.GetDeploymentsInput, ...func(*apigateway.Options)) (*apigateway.GetDeploymentsOutput, error) {
	return nil, fmt.Errorf("diff does not need the list of deployments")
}

func (m *model) GetExport(_ context.Context, in *apigateway.GetExportInput, _ ...func(*apigateway.Options)) (*apigateway.GetExportOutput, error) {
	return &apigateway.GetExportOutput{Body: []byte(m.in(m.Stages[*in.StageName].Export))}, m.refused("GetExport")
}

func (m *model) GetAccount(context.Context, *apigateway.GetAccountInput, ...func(*apigateway.Options)) (*apigateway.GetAccountOutput, error) {
	return &apigateway.GetAccountOutput{}, nil
}

// modelFunctions are the Lambda half of a model.
type modelFunctions struct{ *model }

func (m *model) functions() modelFunctions { return modelFunctions{m} }

func (m modelFunctions) find(name *string) (*functionModel, error) {
	if f := m.Functions[*name]; f != nil {
		return f, nil
	}
	return nil, errMissing
}

func (m modelFunctions) ListFunctions(context.Context, *lambda.ListFunctionsInput, ...func(*lambda.Options)) (*lambda.ListFunctionsOutput, error) {
	return nil, fmt.Errorf("diff does not need the list of functions")
}

func (m modelFunctions) ListVersionsByFunction(context.Context, *lambda.ListVersionsByFunctionInput, ...func(*lambda.Options)) (*lambda.ListVersionsByFunctionOutput, error) {
	return nil, fmt.Errorf("diff does not need the list of versions")
}

func (m modelFunctions) ListFunctionUrlConfigs(context.Context, *lambda.ListFunctionUrlConfigsInput, ...func(*lambda.Options)) (*lambda.ListFunctionUrlConfigsOutput, error) {
	return nil, fmt.Errorf("diff does not need URLs")
}

func (m modelFunctions) ListAliases(_ context.Context, in *lambda.ListAliasesInput, _ ...func(*lambda.Options)) (*lambda.ListAliasesOutput, error) {
	f, err := m.find(in.FunctionName)
	if err != nil {
		return nil, err
	}
	out := &lambda.ListAliasesOutput{}
	for name, a := range f.Aliases {
		alias := lambdatypes.AliasConfiguration{Name: &name, FunctionVersion: &a.Version}
		if len(a.Weights) > 0 {
			alias.RoutingConfig = &lambdatypes.AliasRoutingConfiguration{AdditionalVersionWeights: a.Weights}
		}
		out.Aliases = append(out.Aliases, alias)
	}
	return out, m.refused("ListAliases")
}

func (m modelFunctions) GetFunctionConfiguration(_ context.Context, in *lambda.GetFunctionConfigurationInput, _ ...func(*lambda.Options)) (*lambda.GetFunctionConfigurationOutput, error) {
	f, err := m.find(in.FunctionName)
	if err != nil {
		return nil, err
	}
	version := aws.ToString(in.Qualifier)
	if version == "" {
		version = "$LATEST"
	}
	if a, ok := f.Aliases[version]; ok {
		version = a.Version
	}
	v := f.Versions[version]
	if v == nil {
		return nil, errMissing
	}
	out := &lambda.GetFunctionConfigurationOutput{
		FunctionName: in.FunctionName, FunctionArn: aws.String(m.in("arn:aws:lambda:REGION:ACCOUNT:function:" + *in.FunctionName)),
		Version: &version, CodeSha256: &v.Code, Runtime: lambdatypes.Runtime(v.Runtime), MemorySize: &v.Memory, Role: aws.String(m.in(v.Role)),
	}
	for _, layer := range v.Layers {
		out.Layers = append(out.Layers, lambdatypes.Layer{Arn: aws.String(m.in(layer))})
	}
	if v.Env != nil {
		out.Environment = &lambdatypes.EnvironmentResponse{Variables: map[string]string{}}
		for name, value := range v.Env {
			out.Environment.Variables[name] = m.in(value)
		}
	}
	return out, m.refused("GetFunctionConfiguration")
}

func (m modelFunctions) GetPolicy(_ context.Context, in *lambda.GetPolicyInput, _ ...func(*lambda.Options)) (*lambda.GetPolicyOutput, error) {
	f, err := m.find(in.FunctionName)
	if err != nil {
		return nil, err
	}
	policy, ok := f.Policies[aws.ToString(in.Qualifier)]
	if !ok {
		return nil, errMissing
	}
	policy = m.in(policy)
	return &lambda.GetPolicyOutput{Policy: &policy, RevisionId: aws.String("r")}, m.refused("GetPolicy")
}

// exportOf is an OpenAPI document with the given methods: "VERB /path" → the
// integration and what else an operation has.
func exportOf(t fataler, methods map[string]map[string]any, more map[string]any) string {
	paths := map[string]map[string]any{}
	for name, operation := range methods {
		verb, path, _ := strings.Cut(name, " ")
		if paths[path] == nil {
			paths[path] = map[string]any{}
		}
		if verb = strings.ToLower(verb); verb == "any" {
			verb = "x-amazon-apigateway-any-method"
		}
		paths[path][verb] = operation
	}
	doc := map[string]any{
		"openapi": "3.0.1", "info": map[string]any{"title": "shop", "version": "2026-01-01T00:00:00Z"}, "paths": paths,
		"servers": []any{map[string]any{"url": "https://APIID.execute-api.REGION.amazonaws.com/{basePath}"}},
	}
	for name, value := range more {
		doc[name] = value
	}
	raw, err := json.Marshal(doc)
	must(t, err)
	return string(raw)
}

// calls is an operation that calls a function.
func calls(function string) map[string]any {
	return map[string]any{"x-amazon-apigateway-integration": map[string]any{
		"type": "aws_proxy", "httpMethod": "POST",
		"uri": "arn:aws:apigateway:REGION:lambda:path/2015-03-31/functions/arn:aws:lambda:REGION:ACCOUNT:function:" + function + "/invocations",
	}}
}

const grantToAPI = `{"Version":"2012-10-17","Statement":[{"Sid":"api","Effect":"Allow","Principal":{"Service":"apigateway.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"*","Condition":{"ArnLike":{"AWS:SourceArn":"arn:aws:execute-api:REGION:ACCOUNT:APIID/*"}}}]}`

// oneFunction is a function without versions.
func oneFunction(code string) *functionModel {
	return &functionModel{
		Versions: map[string]*versionModel{"$LATEST": {Code: code, Runtime: "python3.12", Memory: 128, Role: "arn:aws:iam::ACCOUNT:role/lambda-role"}},
		Policies: map[string]string{"": grantToAPI},
	}
}

// TestModelReads keeps the model honest: reading it is complete.
func TestModelReads(t *testing.T) {
	m := shop(t)
	p := m.picture(t)
	if len(p.Dump.Unread) != 0 || len(p.Read) != 2 || len(p.Called) != 2 {
		t.Errorf("%v %v %v", p.Dump.Unread, p.Read, p.Called)
	}
}

// shop has two stages, each with its own function behind a stage variable.
func shop(t fataler) *model {
	export := exportOf(t, map[string]map[string]any{"GET /orders": calls("fn-${stageVariables.env}"), "POST /orders": calls("fn-${stageVariables.env}")}, nil)
	return &model{
		where: home(), Name: "shop",
		Stages: map[string]*stageModel{
			"dev":  {Export: export, Variables: map[string]string{"env": "dev"}},
			"prod": {Export: export, Variables: map[string]string{"env": "prod"}},
		},
		Functions: map[string]*functionModel{"fn-dev": oneFunction("one"), "fn-prod": oneFunction("one")},
	}
}
