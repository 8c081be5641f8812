package apigateway

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/awswire"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// AWS recordings test_create_rest_api_verify_defaults, test_create_rest_api_with_*.
func TestRestAPIDefaults(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		in   *types.EndpointConfiguration
		want types.EndpointConfiguration
	}{
		{nil, types.EndpointConfiguration{Types: []types.EndpointType{"EDGE"}, IpAddressType: "ipv4"}},
		{endpoint("", "EDGE"), *endpoint("ipv4", "EDGE")},
		{endpoint("dualstack", "EDGE"), *endpoint("dualstack", "EDGE")},
		{endpoint("", "REGIONAL"), *endpoint("ipv4", "REGIONAL")},
		{endpoint("", "PRIVATE"), *endpoint("dualstack", "PRIVATE")},
	} {
		out := must(w.CreateRestApi(w.ctx, &apigateway.CreateRestApiInput{Name: aws.String("a"), EndpointConfiguration: c.in}))(t)
		if diff := cmp.Diff(&c.want, out.EndpointConfiguration, ignore); diff != "" {
			t.Errorf("-AWS +ours:\n%s", diff)
		}
		if out.ApiKeySource != types.ApiKeySourceTypeHeader || out.DisableExecuteApiEndpoint || out.Tags != nil || out.BinaryMediaTypes != nil || len(*out.Id) != 10 || len(*out.RootResourceId) != 10 {
			t.Errorf("defaults: %+v", out)
		}
	}
}

// What Terraform writes comes back: every member of aws_api_gateway_rest_api.
func TestRestAPIRoundTrip(t *testing.T) {
	w := newWorld(t)
	in := &apigateway.CreateRestApiInput{
		Name: aws.String("shop"), Description: aws.String("d"), Version: aws.String("1"), ApiKeySource: types.ApiKeySourceTypeAuthorizer,
		BinaryMediaTypes: []string{"image/png", "*/*"}, MinimumCompressionSize: aws.Int32(0), DisableExecuteApiEndpoint: true,
		EndpointConfiguration: &types.EndpointConfiguration{Types: []types.EndpointType{"PRIVATE"}, VpcEndpointIds: []string{"vpce-1"}},
		Policy:                aws.String("{\n \"Version\": \"2012-10-17\",\n \"Statement\": []\n}"), Tags: map[string]string{"k": "v"},
	}
	created := must(w.CreateRestApi(w.ctx, in))(t)
	want := apigateway.GetRestApiOutput{
		Id: created.Id, RootResourceId: created.RootResourceId, CreatedDate: aws.Time(start.Add(time.Minute)),
		Name: in.Name, Description: in.Description, Version: in.Version, ApiKeySource: in.ApiKeySource, BinaryMediaTypes: in.BinaryMediaTypes,
		MinimumCompressionSize: in.MinimumCompressionSize, DisableExecuteApiEndpoint: true, Tags: in.Tags,
		EndpointConfiguration: &types.EndpointConfiguration{Types: []types.EndpointType{"PRIVATE"}, IpAddressType: "dualstack", VpcEndpointIds: []string{"vpce-1"}},
		Policy:                aws.String(`{\"Version\":\"2012-10-17\",\"Statement\":[]}`),
	}
	got := must(w.GetRestApi(w.ctx, &apigateway.GetRestApiInput{RestApiId: created.Id}))(t)
	if diff := cmp.Diff(want, *got, ignore); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// AWS recordings test_update_rest_api_operation_add_remove, test_update_rest_api_behaviour.
func TestUpdateRestAPI(t *testing.T) {
	w := newWorld(t)
	id := *must(w.CreateRestApi(w.ctx, &apigateway.CreateRestApiInput{Name: aws.String("shop"), Description: aws.String("this is my api")}))(t).Id
	for _, c := range []struct {
		ops   []string
		check func(out *apigateway.UpdateRestApiOutput) bool
	}{
		{[]string{"add /binaryMediaTypes/image~1png", "add /binaryMediaTypes/image~1jpeg"}, func(out *apigateway.UpdateRestApiOutput) bool {
			return cmp.Equal(out.BinaryMediaTypes, []string{"image/png", "image/jpeg"}) && *out.Description == "this is my api" && out.Tags != nil && len(out.Tags) == 0
		}},
		{[]string{"replace /binaryMediaTypes/image~1png=image/gif"}, func(out *apigateway.UpdateRestApiOutput) bool {
			return cmp.Equal(out.BinaryMediaTypes, []string{"image/jpeg", "image/gif"})
		}},
		{[]string{"remove /binaryMediaTypes/image~1gif", "remove /description"}, func(out *apigateway.UpdateRestApiOutput) bool {
			return cmp.Equal(out.BinaryMediaTypes, []string{"image/jpeg"}) && out.Description == nil
		}},
		{[]string{"remove /binaryMediaTypes/image~1jpeg"}, func(out *apigateway.UpdateRestApiOutput) bool { return out.BinaryMediaTypes == nil }},
		{[]string{"add /binaryMediaTypes/-=image/png"}, func(out *apigateway.UpdateRestApiOutput) bool {
			return cmp.Equal(out.BinaryMediaTypes, []string{"-"})
		}},
		{[]string{"replace /minimumCompressionSize=10", "replace /disableExecuteApiEndpoint=true", "replace /name=new"}, func(out *apigateway.UpdateRestApiOutput) bool {
			return *out.MinimumCompressionSize == 10 && out.DisableExecuteApiEndpoint && *out.Name == "new"
		}},
		{[]string{"replace /minimumCompressionSize="}, func(out *apigateway.UpdateRestApiOutput) bool { return out.MinimumCompressionSize == nil }},
		{[]string{"replace /endpointConfiguration/types/0=REGIONAL", "replace /endpointConfiguration/ipAddressType=dualstack"}, func(out *apigateway.UpdateRestApiOutput) bool {
			return out.EndpointConfiguration.Types[0] == "REGIONAL" && out.EndpointConfiguration.IpAddressType == "dualstack"
		}},
		{[]string{"replace /endpointConfiguration/types/REGIONAL=PRIVATE", "add /endpointConfiguration/vpcEndpointIds=vpce-1", "add /endpointConfiguration/vpcEndpointIds=vpce-2", "remove /endpointConfiguration/vpcEndpointIds=vpce-1"}, func(out *apigateway.UpdateRestApiOutput) bool {
			return cmp.Equal(out.EndpointConfiguration.VpcEndpointIds, []string{"vpce-2"})
		}},
		{[]string{`replace /policy={"Statement":[]}`}, func(out *apigateway.UpdateRestApiOutput) bool { return *out.Policy == `{\"Statement\":[]}` }},
		{[]string{"replace /policy="}, func(out *apigateway.UpdateRestApiOutput) bool { return out.Policy == nil }},
	} {
		out := must(w.UpdateRestApi(w.ctx, &apigateway.UpdateRestApiInput{RestApiId: &id, PatchOperations: ops(c.ops...)}))(t)
		if !c.check(out) {
			t.Errorf("%q: %+v", c.ops, out)
		}
	}
}

// AWS recordings test_update_resource_behaviour, test_delete_resource.
func TestResources(t *testing.T) {
	w := newWorld(t)
	id, root := w.api()
	pets := w.child(id, root, "pets")
	sub := w.child(id, pets, "subpets")
	deep := w.child(id, sub, "{id}")
	paths := func() map[string]string {
		out := must(w.GetResources(w.ctx, &apigateway.GetResourcesInput{RestApiId: &id}))(t)
		got := map[string]string{}
		for _, r := range out.Items {
			got[*r.Path] = *r.Id
		}
		return got
	}
	want := map[string]string{"/": root, "/pets": pets, "/pets/subpets": sub, "/pets/subpets/{id}": deep}
	if diff := cmp.Diff(want, paths()); diff != "" {
		t.Error(diff)
	}
	moved := must(w.UpdateResource(w.ctx, &apigateway.UpdateResourceInput{RestApiId: &id, ResourceId: &sub, PatchOperations: ops("replace /parentId="+root, "replace /pathPart=other")}))(t)
	if diff := cmp.Diff(apigateway.GetResourceOutput{Id: &sub, ParentId: &root, PathPart: aws.String("other"), Path: aws.String("/other")}, apigateway.GetResourceOutput(*moved), ignore); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"/": root, "/pets": pets, "/other": sub, "/other/{id}": deep}, paths()); diff != "" {
		t.Error(diff)
	}
	must(w.DeleteResource(w.ctx, &apigateway.DeleteResourceInput{RestApiId: &id, ResourceId: &sub}))(t)
	if diff := cmp.Diff(map[string]string{"/": root, "/pets": pets}, paths()); diff != "" {
		t.Error(diff)
	}
	first := must(w.GetResources(w.ctx, &apigateway.GetResourcesInput{RestApiId: &id, Limit: aws.Int32(1)}))(t)
	second := must(w.GetResources(w.ctx, &apigateway.GetResourcesInput{RestApiId: &id, Limit: aws.Int32(1), Position: first.Position}))(t)
	if *first.Items[0].Path != "/" || *second.Items[0].Path != "/pets" || second.Position != nil {
		t.Errorf("pages: %+v %+v", first, second)
	}
}

// AWS recordings test_lifecycle_method_response, test_update_method_response,
// test_lifecycle_integration_response.
func TestMethodLifecycle(t *testing.T) {
	w := newWorld(t)
	id, root := w.api()
	get, ok := aws.String("GET"), aws.String("200")
	w.put(id, root, "GET")
	w.mock(id, root, "GET")
	response := must(w.PutMethodResponse(w.ctx, &apigateway.PutMethodResponseInput{
		RestApiId: &id, ResourceId: &root, HttpMethod: get, StatusCode: ok, ResponseParameters: map[string]bool{}, ResponseModels: map[string]string{},
	}))(t)
	if response.ResponseModels == nil || response.ResponseParameters == nil {
		t.Errorf("empty maps are gone: %+v", response)
	}
	if got := must(w.GetMethodResponse(w.ctx, &apigateway.GetMethodResponseInput{RestApiId: &id, ResourceId: &root, HttpMethod: get, StatusCode: ok}))(t); got.ResponseModels == nil || got.ResponseParameters == nil {
		t.Errorf("empty maps are gone after storage: %+v", got)
	}
	patchResponse := func(lines ...string) *apigateway.UpdateMethodResponseOutput {
		return must(w.UpdateMethodResponse(w.ctx, &apigateway.UpdateMethodResponseInput{RestApiId: &id, ResourceId: &root, HttpMethod: get, StatusCode: ok, PatchOperations: ops(lines...)}))(t)
	}
	patchResponse("add /responseParameters/method.response.header.my-header=true", "add /responseModels/application~1json=Empty")
	patchResponse("replace /responseParameters/method.response.header.my-header=true", "replace /responseModels/application~1json=Empty")
	must(w.PutIntegrationResponse(w.ctx, &apigateway.PutIntegrationResponseInput{
		RestApiId: &id, ResourceId: &root, HttpMethod: get, StatusCode: ok, SelectionPattern: aws.String(""),
		ResponseTemplates:  map[string]string{"application/json": `"created"`},
		ResponseParameters: map[string]string{"method.response.header.my-header": "'a'"},
	}))(t)
	updated := must(w.UpdateIntegrationResponse(w.ctx, &apigateway.UpdateIntegrationResponseInput{
		RestApiId: &id, ResourceId: &root, HttpMethod: get, StatusCode: ok, PatchOperations: ops("replace /selectionPattern=updated-pattern", "replace /contentHandling=CONVERT_TO_TEXT"),
	}))(t)
	if *updated.SelectionPattern != "updated-pattern" || updated.ContentHandling != types.ContentHandlingStrategyConvertToText {
		t.Errorf("integration response: %+v", updated)
	}
	must(w.PutIntegrationResponse(w.ctx, &apigateway.PutIntegrationResponseInput{
		RestApiId: &id, ResourceId: &root, HttpMethod: get, StatusCode: ok, SelectionPattern: aws.String("overwrite-pattern"),
		ResponseTemplates: map[string]string{"application/json": "overwrite"},
	}))(t)
	want := apigateway.GetMethodOutput{
		HttpMethod: get, AuthorizationType: aws.String("NONE"), ApiKeyRequired: aws.Bool(false),
		MethodResponses: map[string]types.MethodResponse{"200": {
			StatusCode: ok, ResponseModels: map[string]string{"application/json": "Empty"}, ResponseParameters: map[string]bool{"method.response.header.my-header": true},
		}},
		MethodIntegration: &types.Integration{
			Type: types.IntegrationTypeMock, CacheKeyParameters: []string{}, CacheNamespace: &root, PassthroughBehavior: aws.String("WHEN_NO_MATCH"),
			RequestTemplates: map[string]string{"application/json": `{"statusCode": 200}`}, TimeoutInMillis: 29000,
			IntegrationResponses: map[string]types.IntegrationResponse{"200": {
				StatusCode: ok, SelectionPattern: aws.String("overwrite-pattern"), ResponseTemplates: map[string]string{"application/json": "overwrite"},
			}},
		},
	}
	got := must(w.GetMethod(w.ctx, &apigateway.GetMethodInput{RestApiId: &id, ResourceId: &root, HttpMethod: get}))(t)
	if diff := cmp.Diff(want, *got, ignore); diff != "" {
		t.Errorf("-AWS +ours:\n%s", diff)
	}
	embedded := must(w.GetResource(w.ctx, &apigateway.GetResourceInput{RestApiId: &id, ResourceId: &root, Embed: []string{"methods"}}))(t)
	if diff := cmp.Diff(want.MethodIntegration, embedded.ResourceMethods["GET"].MethodIntegration, ignore); diff != "" {
		t.Errorf("embed=methods:\n%s", diff)
	}
	if plain := must(w.GetResource(w.ctx, &apigateway.GetResourceInput{RestApiId: &id, ResourceId: &root}))(t); !cmp.Equal(plain.ResourceMethods, map[string]types.Method{"GET": {}}, ignore) {
		t.Errorf("without embed: %+v", plain.ResourceMethods)
	}
	if out := patchResponse("remove /responseParameters/method.response.header.my-header=true", "remove /responseModels/application~1json=Empty"); out.ResponseModels != nil || out.ResponseParameters != nil {
		t.Errorf("removed: %+v", out)
	}
	must(w.DeleteIntegrationResponse(w.ctx, &apigateway.DeleteIntegrationResponseInput{RestApiId: &id, ResourceId: &root, HttpMethod: get, StatusCode: ok}))(t)
	must(w.DeleteMethodResponse(w.ctx, &apigateway.DeleteMethodResponseInput{RestApiId: &id, ResourceId: &root, HttpMethod: get, StatusCode: ok}))(t)
	must(w.DeleteIntegration(w.ctx, &apigateway.DeleteIntegrationInput{RestApiId: &id, ResourceId: &root, HttpMethod: get}))(t)
	if bare := must(w.GetMethod(w.ctx, &apigateway.GetMethodInput{RestApiId: &id, ResourceId: &root, HttpMethod: get}))(t); bare.MethodIntegration != nil || bare.MethodResponses != nil {
		t.Errorf("bare method: %+v", bare)
	}
	must(w.DeleteMethod(w.ctx, &apigateway.DeleteMethodInput{RestApiId: &id, ResourceId: &root, HttpMethod: get}))(t)
	_, err := w.GetMethod(w.ctx, &apigateway.GetMethodInput{RestApiId: &id, ResourceId: &root, HttpMethod: get})
	check(t, err, missing, "Invalid Method identifier specified")
}

// AWS recording test_update_method_validation: what AWS accepts against expectation.
func TestUpdateMethod(t *testing.T) {
	w := newWorld(t)
	id, root := w.api()
	must(w.PutMethod(w.ctx, &apigateway.PutMethodInput{RestApiId: &id, ResourceId: &root, HttpMethod: aws.String("ANY"), AuthorizationType: aws.String("NONE"), ApiKeyRequired: true}))(t)
	update := func(lines ...string) *apigateway.UpdateMethodOutput {
		return must(w.UpdateMethod(w.ctx, &apigateway.UpdateMethodInput{RestApiId: &id, ResourceId: &root, HttpMethod: aws.String("ANY"), PatchOperations: ops(lines...)}))(t)
	}
	if out := update("replace /apiKeyRequired=whatever"); *out.ApiKeyRequired {
		t.Error("apiKeyRequired is still true")
	}
	if out := update("replace /authorizerId=abc123"); out.AuthorizerId != nil {
		t.Error("an authorizer id stays on a method without authorization")
	}
	out := update("replace /authorizationType=AWS_IAM", "replace /operationName=op", "add /authorizationScopes=a/b",
		"add /requestParameters/method.request.header.h=true", "add /requestModels/application~1json=Error")
	if *out.AuthorizationType != "AWS_IAM" || *out.OperationName != "op" || !out.RequestParameters["method.request.header.h"] || out.RequestModels["application/json"] != "Error" || out.AuthorizationScopes[0] != "a/b" {
		t.Errorf("%+v", out)
	}
}

// Every member of an AWS_PROXY integration comes back as Terraform wrote it.
func TestIntegrationRoundTrip(t *testing.T) {
	w := newWorld(t)
	id, root := w.api()
	must(w.PutMethod(w.ctx, &apigateway.PutMethodInput{
		RestApiId: &id, ResourceId: &root, HttpMethod: aws.String("ANY"), AuthorizationType: aws.String("NONE"),
		RequestParameters: map[string]bool{"method.request.querystring.q": false},
	}))(t)
	in := &apigateway.PutIntegrationInput{
		RestApiId: &id, ResourceId: &root, HttpMethod: aws.String("ANY"), Type: types.IntegrationTypeAwsProxy,
		IntegrationHttpMethod: aws.String("POST"), Uri: aws.String(lambdaURI), Credentials: aws.String("arn:aws:iam::123456789012:role/invoke"),
		ConnectionType: types.ConnectionTypeInternet, ContentHandling: types.ContentHandlingStrategyConvertToText,
		PassthroughBehavior: aws.String("NEVER"), TimeoutInMillis: aws.Int32(50), CacheNamespace: aws.String("ns"),
		CacheKeyParameters: []string{"method.request.querystring.q"}, TlsConfig: &types.TlsConfig{InsecureSkipVerification: false},
		RequestParameters: map[string]string{"integration.request.header.X": "method.request.querystring.q", "integration.request.header.Y": "'literal'", "integration.request.querystring.z": "stageVariables.env"},
		RequestTemplates:  map[string]string{"application/json": "$input.body"}, // unused by AWS_PROXY, kept as it is
	}
	must(w.PutIntegration(w.ctx, in))(t)
	want := apigateway.GetIntegrationOutput{
		Type: in.Type, HttpMethod: in.IntegrationHttpMethod, Uri: in.Uri, Credentials: in.Credentials, ConnectionType: in.ConnectionType,
		ContentHandling: in.ContentHandling, PassthroughBehavior: in.PassthroughBehavior, TimeoutInMillis: 50, CacheNamespace: in.CacheNamespace,
		CacheKeyParameters: in.CacheKeyParameters, TlsConfig: in.TlsConfig, RequestParameters: in.RequestParameters, RequestTemplates: in.RequestTemplates,
	}
	got := must(w.GetIntegration(w.ctx, &apigateway.GetIntegrationInput{RestApiId: &id, ResourceId: &root, HttpMethod: in.HttpMethod}))(t)
	if diff := cmp.Diff(want, *got, ignore); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	updated := must(w.UpdateIntegration(w.ctx, &apigateway.UpdateIntegrationInput{RestApiId: &id, ResourceId: &root, HttpMethod: in.HttpMethod, PatchOperations: ops(
		"replace /timeoutInMillis=29000", "remove /cacheKeyParameters/method.request.querystring.q", "remove /requestParameters/integration.request.header.X",
		"replace /credentials=", "replace /httpMethod=POST", "replace /passthroughBehavior=WHEN_NO_TEMPLATES", "replace /contentHandling=CONVERT_TO_BINARY",
		"replace /cacheNamespace=other", "replace /tlsConfig/insecureSkipVerification=true", "remove /requestTemplates/application~1json")}))(t)
	if updated.TimeoutInMillis != 29000 || len(updated.CacheKeyParameters) != 0 || updated.CacheKeyParameters == nil || updated.Credentials != nil ||
		len(updated.RequestParameters) != 2 || *updated.CacheNamespace != "other" || !updated.TlsConfig.InsecureSkipVerification || updated.RequestTemplates != nil {
		t.Errorf("updated: %+v", updated)
	}
	_, err := w.UpdateIntegration(w.ctx, &apigateway.UpdateIntegrationInput{RestApiId: &id, ResourceId: &root, HttpMethod: in.HttpMethod, PatchOperations: ops("replace /uri=arn:aws:lambda:x")})
	check(t, err, bad, "Invalid ARN specified in the request")
}

func TestClone(t *testing.T) {
	w := newWorld(t)
	id, root := w.deployable()
	users := w.child(id, root, "users")
	w.put(id, users, "GET")
	w.mock(id, users, "GET")
	out := must(w.CreateRestApi(w.ctx, &apigateway.CreateRestApiInput{Name: aws.String("copy"), CloneFrom: &id}))(t)
	list := must(w.GetResources(w.ctx, &apigateway.GetResourcesInput{RestApiId: out.Id, Embed: []string{"methods"}}))(t).Items
	if len(list) != 2 || *list[0].Id != *out.RootResourceId || *list[1].ParentId != *out.RootResourceId || *list[1].Id == users {
		t.Fatalf("clone: %+v", list)
	}
	if ns := *list[1].ResourceMethods["GET"].MethodIntegration.CacheNamespace; ns != *list[1].Id {
		t.Errorf("cache namespace %s", ns)
	}
}

// An API goes with everything that belongs to it; others stay.
func TestDeleteAPI(t *testing.T) {
	w := newWorld(t)
	other, _ := w.deployable()
	w.deploy(other, "dev")
	id, _ := w.deployable()
	w.deploy(id, "dev")
	w.deploy(id, "prod")
	must(w.DeleteRestApi(w.ctx, &apigateway.DeleteRestApiInput{RestApiId: &id}))(t)
	if n := len(store.List[state.Stage](w.store, state.Stages)); n != 1 {
		t.Errorf("%d stages are left", n)
	}
	if n := len(store.List[state.Deployment](w.store, state.Deployments)); n != 1 {
		t.Errorf("%d deployments are left", n)
	}
	_, err := w.GetStage(w.ctx, &apigateway.GetStageInput{RestApiId: &id, StageName: aws.String("dev")})
	check(t, err, missing, "Invalid stage identifier specified")
	list := must(w.GetRestApis(w.ctx, &apigateway.GetRestApisInput{}))(t)
	if len(list.Items) != 1 || *list.Items[0].Id != other {
		t.Errorf("APIs: %+v", list.Items)
	}
}

// Another account, and the same account in another region, see nothing.
func TestIsolation(t *testing.T) {
	w := newWorld(t)
	id, root := w.deployable()
	deployment := w.deploy(id, "dev")
	for _, caller := range []awswire.Caller{{Account: "210987654321", Region: region}, {Account: account, Region: "us-east-1"}} {
		ctx := awswire.WithCaller(context.Background(), caller)
		_, err := w.GetRestApi(ctx, &apigateway.GetRestApiInput{RestApiId: &id})
		check(t, err, missing, "Invalid API identifier specified "+caller.Account+":"+id)
		_, err = w.GetResource(ctx, &apigateway.GetResourceInput{RestApiId: &id, ResourceId: &root})
		check(t, err, missing, "Invalid Resource identifier specified")
		_, err = w.GetStage(ctx, &apigateway.GetStageInput{RestApiId: &id, StageName: aws.String("dev")})
		check(t, err, missing, "Invalid stage identifier specified")
		_, err = w.DeleteStage(ctx, &apigateway.DeleteStageInput{RestApiId: &id, StageName: aws.String("dev")})
		check(t, err, missing, "Invalid stage identifier specified")
		_, err = w.GetDeployment(ctx, &apigateway.GetDeploymentInput{RestApiId: &id, DeploymentId: &deployment})
		check(t, err, missing, "Invalid Deployment identifier specified")
		_, err = w.DeleteRestApi(ctx, &apigateway.DeleteRestApiInput{RestApiId: &id})
		check(t, err, missing, "Invalid API identifier specified "+caller.Account+":"+id)
		if list := must(w.GetRestApis(ctx, &apigateway.GetRestApisInput{}))(t); len(list.Items) != 0 {
			t.Errorf("%v sees %d APIs", caller, len(list.Items))
		}
	}
}

// tester records what it was asked.
type tester struct{ got TestRequest }

func (f *tester) TestInvoke(_ context.Context, r TestRequest) (*TestResult, error) {
	f.got = r
	return &TestResult{Status: 200, Body: "b", Log: "l", Latency: 12 * time.Millisecond, Headers: map[string][]string{"X": {"1", "2"}}}, nil
}

func TestTestInvokeMethod(t *testing.T) {
	f := &tester{}
	w := newWorld(t, func(o *Options) { o.Tester = f })
	id, root := w.deployable()
	in := &apigateway.TestInvokeMethodInput{
		RestApiId: &id, ResourceId: &root, HttpMethod: aws.String("GET"), PathWithQueryString: aws.String("/?a=b"), Body: aws.String("x"),
		Headers: map[string]string{"H": "1"}, MultiValueHeaders: map[string][]string{"M": {"1", "2"}}, StageVariables: map[string]string{"env": "dev"},
	}
	out := must(w.TestInvokeMethod(w.ctx, in))(t)
	if out.Status != 200 || *out.Body != "b" || *out.Log != "l" || out.Latency != 12 || out.Headers["X"] != "2" || len(out.MultiValueHeaders["X"]) != 2 {
		t.Errorf("%+v", out)
	}
	want := TestRequest{
		Account: account, Region: region, API: id, ResourceID: root, Method: "GET", PathWithQuery: "/?a=b", Body: "x",
		Headers: map[string][]string{"H": {"1"}, "M": {"1", "2"}}, StageVariables: map[string]string{"env": "dev"},
	}
	if diff := cmp.Diff(want, f.got); diff != "" {
		t.Error(diff)
	}
	// AWS recording test_invoke_test_method.
	for _, c := range []struct{ api, resource, verb, message string }{
		{id, root, "POST", "Invalid Method identifier specified"},
		{id, "nothing", "GET", "Invalid Resource identifier specified"},
		{"nothing", root, "GET", "Invalid Resource identifier specified"},
	} {
		_, err := w.TestInvokeMethod(w.ctx, &apigateway.TestInvokeMethodInput{RestApiId: &c.api, ResourceId: &c.resource, HttpMethod: &c.verb})
		check(t, err, missing, c.message)
	}
}

// Changes of one tree from many sides are all kept: none overwrites another.
func TestConcurrentChanges(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.NewID, o.Now = nil, nil })
	id, root := w.api()
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			part := fmt.Sprintf("r%d", i)
			r, err := w.CreateResource(w.ctx, &apigateway.CreateResourceInput{RestApiId: &id, ParentId: &root, PathPart: &part})
			if err != nil {
				t.Error(err)
				return
			}
			_, err = w.PutMethod(w.ctx, &apigateway.PutMethodInput{RestApiId: &id, ResourceId: r.Id, HttpMethod: aws.String("GET"), AuthorizationType: aws.String("NONE")})
			check(t, err, "", "")
			_, err = w.PutIntegration(w.ctx, &apigateway.PutIntegrationInput{RestApiId: &id, ResourceId: r.Id, HttpMethod: aws.String("GET"), Type: types.IntegrationTypeMock})
			check(t, err, "", "")
			_, err = w.updateAccount("replace /cloudwatchRoleArn=" + logRole)
			check(t, err, "", "")
		})
	}
	group.Wait()
	out := must(w.GetResources(w.ctx, &apigateway.GetResourcesInput{RestApiId: &id, Embed: []string{"methods"}}))(t)
	if len(out.Items) != 9 {
		t.Fatalf("%d resources", len(out.Items))
	}
	for _, r := range out.Items[1:] {
		if r.ResourceMethods["GET"].MethodIntegration == nil {
			t.Errorf("%s lost its integration", *r.Path)
		}
	}
}

// Answers are copies: who changes one does not change what the next one reads.
func TestAnswersAreCopies(t *testing.T) {
	w := newWorld(t)
	id, _ := w.deployable()
	w.deploy(id, "dev")
	must(w.updateStage(id, "dev", "replace /variables/env=dev"))(t)
	get := func() *apigateway.GetStageOutput {
		return must(w.GetStage(w.ctx, &apigateway.GetStageInput{RestApiId: &id, StageName: aws.String("dev")}))(t)
	}
	get().Variables["env"] = "changed"
	if env := get().Variables["env"]; env != "dev" {
		t.Errorf("env is %q", env)
	}
}
