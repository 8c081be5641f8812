package apigateway

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/awswire"
)

// serve puts the service behind the protocol runtime and returns a real client
// and the address.
func serve(t testing.TB) (*apigateway.Client, string) {
	w := newWorld(t, func(o *Options) { o.NewID, o.Now = nil, nil })
	server := httptest.NewServer(awswire.NewServer(awswire.ServerOptions{
		Services: map[string]awswire.Operations{"apigateway": w.Operations()},
		Account:  account, Region: region,
	}))
	t.Cleanup(server.Close)
	return apigateway.New(apigateway.Options{
		BaseEndpoint: &server.URL, Region: region, HTTPClient: server.Client(),
		Credentials:      credentials.NewStaticCredentialsProvider("test", "test", ""),
		RetryMaxAttempts: 1,
	}), server.URL
}

// build makes what the seed story makes: the calls that a deploy client sends.
func build(t testing.TB, c *apigateway.Client) (api, resource, deployment string) {
	ctx := t.Context()
	created := must(c.CreateRestApi(ctx, &apigateway.CreateRestApiInput{Name: aws.String("shop")}))(t)
	r := must(c.CreateResource(ctx, &apigateway.CreateResourceInput{RestApiId: created.Id, ParentId: created.RootResourceId, PathPart: aws.String("orders")}))(t)
	must(c.PutMethod(ctx, &apigateway.PutMethodInput{RestApiId: created.Id, ResourceId: r.Id, HttpMethod: aws.String("GET"), AuthorizationType: aws.String("NONE")}))(t)
	must(c.PutIntegration(ctx, &apigateway.PutIntegrationInput{
		RestApiId: created.Id, ResourceId: r.Id, HttpMethod: aws.String("GET"), Type: types.IntegrationTypeAwsProxy,
		IntegrationHttpMethod: aws.String("POST"), Uri: aws.String(lambdaURI),
	}))(t)
	d := must(c.CreateDeployment(ctx, &apigateway.CreateDeploymentInput{RestApiId: created.Id, StageName: aws.String("dev"), Variables: map[string]string{"env": "dev"}}))(t)
	return *created.Id, *r.Id, *d.Id
}

// The story's calls through the SDK's client, over HTTP.
func TestStoryOverHTTP(t *testing.T) {
	c, _ := serve(t)
	ctx := t.Context()
	api, resource, deployment := build(t, c)
	must(c.CreateStage(ctx, &apigateway.CreateStageInput{RestApiId: &api, StageName: aws.String("prod"), DeploymentId: &deployment, Variables: map[string]string{"env": "prod"}}))(t)
	_, err := c.UpdateStage(ctx, &apigateway.UpdateStageInput{RestApiId: &api, StageName: aws.String("prod"), PatchOperations: ops("replace /*/*/logging/loglevel=INFO")})
	check(t, err, bad, "CloudWatch Logs role ARN must be set in account settings to enable logging")
	must(c.UpdateAccount(ctx, &apigateway.UpdateAccountInput{PatchOperations: ops("replace /cloudwatchRoleArn=" + logRole)}))(t)
	must(c.UpdateStage(ctx, &apigateway.UpdateStageInput{RestApiId: &api, StageName: aws.String("prod"), PatchOperations: ops("replace /*/*/logging/loglevel=INFO", "replace /*/*/logging/dataTrace=true")}))(t)
	got := must(c.GetStage(ctx, &apigateway.GetStageInput{RestApiId: &api, StageName: aws.String("prod")}))(t)
	if m := got.MethodSettings["*/*"]; *m.LoggingLevel != "INFO" || !m.DataTraceEnabled || time.Since(*got.CreatedDate) > time.Minute {
		t.Errorf("stage: %+v", got)
	}
	list := must(c.GetResources(ctx, &apigateway.GetResourcesInput{RestApiId: &api, Embed: []string{"methods"}}))(t)
	method := list.Items[1].ResourceMethods["GET"]
	want := &types.Integration{
		Type: types.IntegrationTypeAwsProxy, HttpMethod: aws.String("POST"), Uri: aws.String(lambdaURI), PassthroughBehavior: aws.String("WHEN_NO_MATCH"),
		TimeoutInMillis: 29000, CacheNamespace: &resource, CacheKeyParameters: []string{},
	}
	if diff := cmp.Diff(want, method.MethodIntegration, ignore); diff != "" {
		t.Errorf("-AWS +ours:\n%s", diff)
	}
	arn := "arn:aws:apigateway:eu-west-1::/restapis/" + api + "/stages/prod"
	must(c.TagResource(ctx, &apigateway.TagResourceInput{ResourceArn: &arn, Tags: map[string]string{"team": "a&b"}}))(t)
	if tags := must(c.GetTags(ctx, &apigateway.GetTagsInput{ResourceArn: &arn}))(t).Tags; tags["team"] != "a&b" {
		t.Errorf("tags: %v", tags)
	}
	must(c.FlushStageCache(ctx, &apigateway.FlushStageCacheInput{RestApiId: &api, StageName: aws.String("prod")}))(t)
	_, err = c.CreateAuthorizer(ctx, &apigateway.CreateAuthorizerInput{RestApiId: &api, Name: aws.String("a"), Type: types.AuthorizerTypeToken})
	if err == nil || !strings.Contains(err.Error(), "CreateAuthorizer") {
		t.Errorf("an operation that is not done: %v", err)
	}
	must(c.DeleteRestApi(ctx, &apigateway.DeleteRestApiInput{RestApiId: &api}))(t)
	_, err = c.GetRestApi(ctx, &apigateway.GetRestApiInput{RestApiId: &api})
	check(t, err, missing, "Invalid API identifier specified 123456789012:"+api)
}

// The JSON on the wire: which members are there, in which form.
func TestWireShapes(t *testing.T) {
	c, address := serve(t)
	api, resource, _ := build(t, c)
	for _, test := range []struct {
		method, path, body string
		status             int
		want               string // JSON; "*" matches anything
	}{
		{"GET", "/restapis/" + api, "", 200, `{"id":"*","name":"shop","createdDate":"*","apiKeySource":"HEADER","endpointConfiguration":{"types":["EDGE"],"ipAddressType":"ipv4"},"disableExecuteApiEndpoint":false,"rootResourceId":"*"}`},
		{"PATCH", "/restapis/" + api, `{"patchOperations":[]}`, 200, `{"id":"*","name":"shop","createdDate":"*","apiKeySource":"HEADER","endpointConfiguration":{"types":["EDGE"],"ipAddressType":"ipv4"},"disableExecuteApiEndpoint":false,"rootResourceId":"*","tags":{}}`},
		{"GET", "/restapis/" + api + "/resources/" + resource, "", 200, `{"id":"*","parentId":"*","path":"/orders","pathPart":"orders","resourceMethods":{"GET":{}}}`},
		{"GET", "/restapis/" + api + "/resources/" + resource + "/methods/GET/integration", "", 200, `{"type":"AWS_PROXY","httpMethod":"POST","uri":"*","passthroughBehavior":"WHEN_NO_MATCH","timeoutInMillis":29000,"cacheNamespace":"*","cacheKeyParameters":[]}`},
		{"GET", "/restapis/" + api + "/stages", "", 200, `{"item":[{"deploymentId":"*","stageName":"dev","cacheClusterEnabled":false,"cacheClusterStatus":"NOT_AVAILABLE","methodSettings":{},"variables":{"env":"dev"},"tracingEnabled":false,"createdDate":"*","lastUpdatedDate":"*"}]}`},
		{"GET", "/restapis/" + api + "/deployments", "", 200, `{"item":[{"id":"*","createdDate":"*"}]}`},
		{"GET", "/account", "", 200, `{"throttleSettings":{"burstLimit":5000,"rateLimit":10000},"features":["UsagePlans"],"apiKeyVersion":"4"}`},
		{"PUT", "/restapis/" + api + "/resources/" + resource + "/methods/GET/responses/200", `{}`, 201, `{"statusCode":"200"}`},
		{"DELETE", "/restapis/" + api + "/stages/dev/cache/data", "", 202, ""},
		{"DELETE", "/restapis/" + api + "/resources/" + resource + "/methods/GET/integration", "", 204, ""},
		{"DELETE", "/restapis/" + api + "/resources/" + resource, "", 202, ""},
		{"GET", "/restapis/api_id", "", 404, `{"message":"Invalid API identifier specified 123456789012:api_id"}`},
	} {
		status, body := send(t, test.method, address+test.path, test.body)
		if status != test.status || !matches(t, test.want, body) {
			t.Errorf("%s %s: %d %s\nwant %d %s", test.method, test.path, status, body, test.status, test.want)
		}
	}
}

func send(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	r := must(http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body)))(t)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20261122/eu-west-1/apigateway/aws4_request, SignedHeaders=host, Signature=0")
	answer := must(http.DefaultClient.Do(r))(t)
	defer answer.Body.Close()
	return answer.StatusCode, string(must(io.ReadAll(answer.Body))(t))
}

// matches compares JSON; the string "*" in want matches any value.
func matches(t *testing.T, want, got string) bool {
	t.Helper()
	if want == "" || got == "" {
		return strings.TrimSpace(got) == want
	}
	var w, g any
	if json.Unmarshal([]byte(want), &w) != nil || json.Unmarshal([]byte(got), &g) != nil {
		return false
	}
	return cmp.Equal(w, g, cmp.FilterValues(func(a, b any) bool { return a == any("*") || b == any("*") }, cmp.Ignore()))
}

// The client and the service satisfy the same interface: commands that are
// written against one work with the other.
var _ = []interface {
	GetStage(context.Context, *apigateway.GetStageInput, ...func(*apigateway.Options)) (*apigateway.GetStageOutput, error)
	GetResources(context.Context, *apigateway.GetResourcesInput, ...func(*apigateway.Options)) (*apigateway.GetResourcesOutput, error)
}{(*apigateway.Client)(nil), (*Service)(nil)}

// SDK paginators run over the service in the process.
func TestPaginator(t *testing.T) {
	w := newWorld(t)
	for range 5 {
		w.api()
	}
	pages, n := apigateway.NewGetRestApisPaginator(w.Service, &apigateway.GetRestApisInput{Limit: aws.Int32(2)}), 0
	for pages.HasMorePages() {
		n += len(must(pages.NextPage(w.ctx))(t).Items)
	}
	if n != 5 {
		t.Errorf("%d APIs in all pages", n)
	}
}

// BenchmarkChain is the five-call chain CreateRestApi … CreateDeployment through
// the SDK's client over HTTP, every write synced; calls/s counts single calls.
func BenchmarkChain(b *testing.B) {
	c, _ := serve(b)
	for b.Loop() {
		build(b, c)
	}
	b.ReportMetric(5*float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}
