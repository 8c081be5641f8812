package apigateway

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/google/go-cmp/cmp"
)

// exportable makes an API that has everything an export can show, and deploys it
// to the stage "local".
func (w *world) exportable() (id string) {
	w.t.Helper()
	created := must(w.CreateRestApi(w.ctx, &apigateway.CreateRestApiInput{
		Name: aws.String("PetStore"), Description: aws.String("Your first API"),
		BinaryMediaTypes: []string{"image/png", "application/pdf"}, MinimumCompressionSize: aws.Int32(1024), ApiKeySource: types.ApiKeySourceTypeAuthorizer,
		Policy: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/*"}]}`),
	}))(w.t)
	id, root := *created.Id, *created.RootResourceId
	pets := w.child(id, root, "pets")
	pet := w.child(id, pets, "{petId}")
	all := w.child(id, w.child(id, root, "all"), "{proxy+}")

	must(w.PutMethod(w.ctx, &apigateway.PutMethodInput{
		RestApiId: &id, ResourceId: &pets, HttpMethod: aws.String("POST"), AuthorizationType: aws.String("AWS_IAM"), ApiKeyRequired: true, OperationName: aws.String("CreatePet"),
		RequestModels: map[string]string{"application/json": "Empty"},
	}))(w.t)
	w.lambda(id, pets, "POST")
	must(w.PutMethodResponse(w.ctx, &apigateway.PutMethodResponseInput{
		RestApiId: &id, ResourceId: &pets, HttpMethod: aws.String("POST"), StatusCode: aws.String("200"), ResponseModels: map[string]string{"application/json": "Error"},
		ResponseParameters: map[string]bool{"method.response.header.Access-Control-Allow-Origin": true},
	}))(w.t)

	w.put(id, pets, "OPTIONS")
	w.mock(id, pets, "OPTIONS")
	must(w.PutMethodResponse(w.ctx, &apigateway.PutMethodResponseInput{
		RestApiId: &id, ResourceId: &pets, HttpMethod: aws.String("OPTIONS"), StatusCode: aws.String("200"),
		ResponseParameters: map[string]bool{"method.response.header.Access-Control-Allow-Origin": true},
	}))(w.t)
	must(w.PutIntegrationResponse(w.ctx, &apigateway.PutIntegrationResponseInput{
		RestApiId: &id, ResourceId: &pets, HttpMethod: aws.String("OPTIONS"), StatusCode: aws.String("200"),
		ResponseParameters: map[string]string{"method.response.header.Access-Control-Allow-Origin": "'*'"},
		ResponseTemplates:  map[string]string{"text/html": "<b>ok</b>"},
	}))(w.t)
	must(w.PutIntegrationResponse(w.ctx, &apigateway.PutIntegrationResponseInput{
		RestApiId: &id, ResourceId: &pets, HttpMethod: aws.String("OPTIONS"), StatusCode: aws.String("404"), SelectionPattern: aws.String(`4\d{2}`),
	}))(w.t)

	must(w.PutMethod(w.ctx, &apigateway.PutMethodInput{
		RestApiId: &id, ResourceId: &pet, HttpMethod: aws.String("GET"), AuthorizationType: aws.String("NONE"),
		RequestParameters: map[string]bool{"method.request.path.petId": true, "method.request.querystring.type": false, "method.request.header.X-Trace": true},
	}))(w.t)
	must(w.PutIntegration(w.ctx, &apigateway.PutIntegrationInput{
		RestApiId: &id, ResourceId: &pet, HttpMethod: aws.String("GET"), Type: types.IntegrationTypeAwsProxy, IntegrationHttpMethod: aws.String("POST"),
		Uri: aws.String(lambdaURI), Credentials: aws.String("arn:aws:iam::" + account + ":role/gateway"), TimeoutInMillis: aws.Int32(5000),
		PassthroughBehavior: aws.String("WHEN_NO_TEMPLATES"), ContentHandling: types.ContentHandlingStrategyConvertToText,
		RequestParameters:  map[string]string{"integration.request.path.petId": "method.request.path.petId"},
		CacheKeyParameters: []string{"method.request.querystring.type", "method.request.path.petId"},
	}))(w.t)
	w.put(id, all, "ANY")
	w.lambda(id, all, "ANY")
	w.deploy(id, "local")
	return id
}

func (w *world) lambda(api, resource, verb string) {
	w.t.Helper()
	must(w.PutIntegration(w.ctx, &apigateway.PutIntegrationInput{
		RestApiId: &api, ResourceId: &resource, HttpMethod: &verb, Type: types.IntegrationTypeAwsProxy,
		IntegrationHttpMethod: aws.String("POST"), Uri: aws.String(lambdaURI),
	}))(w.t)
}

func (w *world) export(api, kind, accepts, extensions string) string {
	w.t.Helper()
	in := &apigateway.GetExportInput{RestApiId: &api, StageName: aws.String("local"), ExportType: &kind, Accepts: &accepts}
	if extensions != "" {
		in.Parameters = map[string]string{"extensions": extensions}
	}
	return string(must(w.GetExport(w.ctx, in))(w.t).Body)
}

// The whole answers, beside what their form was taken from: AWS recordings
// test_export_oas30_openapi and test_export_swagger_openapi (members, lower
// case, "default", consumes and produces, empty content, models in use only),
// and public exports for the layout, api_key, sigv4, cacheNamespace, YAML.
func TestGetExport(t *testing.T) {
	w := newWorld(t)
	id := w.exportable()
	for _, c := range []struct{ file, kind, accepts, extensions string }{
		{"oas30.json", "oas30", "application/json", ""},
		{"oas30-apigateway.json", "oas30", "application/json", "apigateway"},
		{"oas30-integrations.json", "oas30", "", "integrations"},
		{"swagger.json", "swagger", "application/json", ""},
		{"swagger-apigateway.json", "swagger", "*/*", "integrations,authorizers,apigateway"},
		{"oas30-apigateway.yaml", "oas30", "application/yaml", "apigateway"},
	} {
		t.Run(c.file, func(t *testing.T) {
			got := w.export(id, c.kind, c.accepts, c.extensions)
			if again := w.export(id, c.kind, c.accepts, c.extensions); again != got {
				t.Error("two exports of one deployment differ")
			}
			golden(t, filepath.Join("testdata", "export", c.file), got)
			if strings.HasSuffix(c.file, ".json") && !json.Valid([]byte(got)) {
				t.Error("no JSON")
			}
		})
	}
}

// golden compares with a file. UPDATE_GOLDEN=1 writes it anew.
func golden(t *testing.T, name, got string) {
	t.Helper()
	got += "\n"
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: -want +got:\n%s", name, diff)
	}
}

// The export is of the deployment: what is edited later is not in it.
func TestGetExportOfTheDeployment(t *testing.T) {
	w := newWorld(t)
	id := w.exportable()
	before := w.export(id, "oas30", "", "apigateway")
	root := must(w.GetRestApi(w.ctx, &apigateway.GetRestApiInput{RestApiId: &id}))(t).RootResourceId
	w.put(id, *root, "GET")
	w.mock(id, *root, "GET")
	must(w.UpdateRestApi(w.ctx, &apigateway.UpdateRestApiInput{RestApiId: &id, PatchOperations: ops("replace /name=other", "add /binaryMediaTypes/a~1b")}))(t)
	if after := w.export(id, "oas30", "", "apigateway"); after != before {
		t.Errorf("an edit shows without a deployment:\n%s", cmp.Diff(before, after))
	}
	first := must(w.GetStage(w.ctx, &apigateway.GetStageInput{RestApiId: &id, StageName: aws.String("local")}))(t).DeploymentId
	w.deploy(id, "local")
	if after := w.export(id, "oas30", "", "apigateway"); after == before || !strings.Contains(after, `"/" : {`) {
		t.Error("the new deployment is not exported")
	}
	must(w.updateStage(id, "local", "replace /deploymentId="+*first))(t)
	if after := w.export(id, "oas30", "", "apigateway"); after != before {
		t.Error("back at the first deployment the export is another one")
	}
}

func TestGetExportErrors(t *testing.T) {
	w := newWorld(t)
	id := w.exportable()
	for _, c := range []struct {
		name, code, message string
		change              func(*apigateway.GetExportInput)
	}{
		{"unknown API", "NotFoundException", "Invalid API identifier specified 123456789012:nope", func(in *apigateway.GetExportInput) { in.RestApiId = aws.String("nope") }},
		{"unknown stage", "NotFoundException", "Invalid stage identifier specified", func(in *apigateway.GetExportInput) { in.StageName = aws.String("nope") }},
		{"type", bad, "Invalid export type specified: oas31. Valid values are [oas30, swagger]", func(in *apigateway.GetExportInput) { in.ExportType = aws.String("oas31") }},
		{"accept", bad, "Invalid accept header specified: text/plain. Valid values are [application/json, application/yaml]", func(in *apigateway.GetExportInput) { in.Accepts = aws.String("text/plain") }},
		{"postman", bad, "An export with Postman's extensions is not supported by stagedoor yet", func(in *apigateway.GetExportInput) { in.Parameters = map[string]string{"extensions": "postman"} }},
		{"postman, as older clients ask", bad, "An export with Postman's extensions is not supported by stagedoor yet", func(in *apigateway.GetExportInput) { in.Parameters = map[string]string{"postman": "true"} }},
		{"extension", bad, "Invalid extension specified: x. Valid values are [integrations, authorizers, apigateway]", func(in *apigateway.GetExportInput) {
			in.Parameters = map[string]string{"extensions": "integrations,x"}
		}},
		{"the developer guide's word", "", "", func(in *apigateway.GetExportInput) { in.Parameters = map[string]string{"extensions": "integration"} }},
	} {
		in := &apigateway.GetExportInput{RestApiId: &id, StageName: aws.String("local"), ExportType: aws.String("oas30")}
		c.change(in)
		t.Run(c.name, func(t *testing.T) {
			_, err := w.GetExport(w.ctx, in)
			check(t, err, c.code, c.message)
		})
	}
}

// Over HTTP: the file's name and the content type are in headers, the document
// is the body, the parameters are query parameters (AWS recording
// test_export_swagger_openapi[TEST_IMPORT_PETS]: "swagger_1.0.0.json"). The SDK
// for Go sends "Accept: application/json" whatever it is told, so YAML is asked
// for as other clients do it.
func TestGetExportOverHTTP(t *testing.T) {
	c, url := serve(t)
	api, _, _ := build(t, c)
	must(c.UpdateRestApi(t.Context(), &apigateway.UpdateRestApiInput{RestApiId: &api, PatchOperations: ops("replace /version=1.0.0")}))(t)
	in := &apigateway.GetExportInput{RestApiId: &api, StageName: aws.String("dev"), ExportType: aws.String("swagger"), Parameters: map[string]string{"extensions": "integrations"}}
	got := must(c.GetExport(t.Context(), in))(t)
	if aws.ToString(got.ContentType) != "application/octet-stream" || aws.ToString(got.ContentDisposition) != `attachment; filename="swagger_1.0.0.json"` {
		t.Errorf("%s %s", aws.ToString(got.ContentType), aws.ToString(got.ContentDisposition))
	}
	if !strings.Contains(string(got.Body), lambdaURI) {
		t.Errorf("no integration:\n%s", got.Body)
	}

	r := must(http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/restapis/"+api+"/stages/dev/exports/oas30?extensions=apigateway", nil))(t)
	r.Header.Set("Accept", "application/yaml")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20261122/eu-west-1/apigateway/aws4_request, SignedHeaders=host, Signature=00")
	answer := must(http.DefaultClient.Do(r))(t)
	defer answer.Body.Close()
	body := must(io.ReadAll(answer.Body))(t)
	if d := answer.Header.Get("Content-Disposition"); d != `attachment; filename="oas30_1.0.0.yaml"` || !strings.HasPrefix(string(body), "---\nopenapi: \"3.0.1\"\n") {
		t.Errorf("%s\n%s", d, body)
	}
}

// BenchmarkGetExport exports 300 methods, the quota of resources of an API.
func BenchmarkGetExport(b *testing.B) {
	w := newWorld(b)
	id, root := w.api()
	for i := range 299 {
		r := w.child(id, root, fmt.Sprintf("resource-%d", i))
		w.put(id, r, "GET")
		w.lambda(id, r, "GET")
	}
	w.deploy(id, "local")
	b.ReportAllocs()
	for b.Loop() {
		b.ReportMetric(float64(len(w.export(id, "oas30", "", "apigateway"))), "bytes")
	}
}
