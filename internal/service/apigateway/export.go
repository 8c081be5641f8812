package apigateway

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/apigateway"

	"github.com/stagedoor/stagedoor/internal/state"
)

// The formats that GetExport knows (API reference GetExport, exportType).
const (
	exportOpenAPI = "oas30"
	exportSwagger = "swagger"
)

// exportTimestamp is how an API without a version is versioned in its export:
// with the time of its creation (AWS recording test_export_oas30_openapi).
const exportTimestamp = "2006-01-02T15:04:05Z"

// GetExport answers what a stage serves, the snapshot of its deployment and not
// the tree that is being edited, as an OpenAPI document. Members come in one
// order, always the same (AWS's order changes from call to call), so that two
// exports of one deployment are equal byte for byte.
//
// The shape is that of AWS recordings test_export_swagger_openapi and
// test_export_oas30_openapi. A canary's deployment cannot be asked for, on AWS
// neither.
func (s *Service) GetExport(ctx context.Context, in *apigateway.GetExportInput, _ ...func(*apigateway.Options)) (*apigateway.GetExportOutput, error) {
	c, kind := scopeOf(ctx), deref(in.ExportType)
	a, err := s.api(c, deref(in.RestApiId))
	if err != nil {
		return nil, err
	}
	stage, err := s.stage(c, in.RestApiId, in.StageName)
	if err != nil {
		return nil, err
	}
	if kind != exportOpenAPI && kind != exportSwagger {
		// unverified: text.
		return nil, badRequest("Invalid export type specified: %s. Valid values are [%s, %s]", kind, exportOpenAPI, exportSwagger)
	}
	yaml, err := acceptsYAML(deref(in.Accepts))
	if err != nil {
		return nil, err
	}
	parts, err := exportParts(in.Parameters)
	if err != nil {
		return nil, err
	}
	d, err := s.deployment(c, in.RestApiId, &stage.DeploymentID)
	if err != nil {
		return nil, err
	}
	e := &exporter{kind: kind, parts: parts, api: a, stage: stage, deployment: d, models: map[string]bool{}, schemes: map[string]bool{}}
	return e.answer(yaml), nil
}

// acceptsYAML reads the Accept header. Clients that do not set it send none, or
// "*/*"; JSON is the answer then.
func acceptsYAML(accept string) (bool, error) {
	for kind := range strings.SplitSeq(accept, ",") {
		kind, _, _ = strings.Cut(kind, ";")
		switch strings.ToLower(strings.TrimSpace(kind)) {
		case "", "*/*", "application/*", "application/json":
			return false, nil
		case "application/yaml":
			return true, nil
		}
	}
	// unverified: text.
	return false, badRequest("Invalid accept header specified: %s. Valid values are [application/json, application/yaml]", accept)
}

// extensions says which of API Gateway's extensions an export holds.
type extensions struct {
	integrations bool // x-amazon-apigateway-integration
	authorizers  bool // how a method's caller is authenticated
	api          bool // what concerns the API as a whole: policy, media types, endpoint …
}

// exportParts reads the parameter "extensions" (API reference GetExport). The
// names can be put together with commas. The developer guide's older pages write
// "integration".
func exportParts(parameters map[string]string) (extensions, error) {
	var e extensions
	if _, asked := parameters["postman"]; asked {
		return e, errUnsupported("An export with Postman's extensions")
	}
	for name := range strings.SplitSeq(parameters["extensions"], ",") {
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "":
		case "integrations", "integration":
			e.integrations = true
		case "authorizers":
			e.authorizers = true
		case "apigateway":
			e = extensions{integrations: true, authorizers: true, api: true}
		case "postman":
			return e, errUnsupported("An export with Postman's extensions")
		default:
			// unverified: whether AWS refuses an extension that it does not know.
			return e, badRequest("Invalid extension specified: %s. Valid values are [integrations, authorizers, apigateway]", name)
		}
	}
	return e, nil
}

// exporter writes one document.
type exporter struct {
	kind       string
	parts      extensions
	api        *state.RestAPI
	stage      *state.Stage
	deployment *state.Deployment
	models     map[string]bool // that a method names
	schemes    map[string]bool // that a method asks for
}

// answer: the content type and the file's name are AWS's (AWS recording
// test_export_swagger_openapi; the YAML one is quoted in a Classmethod article
// on get-export).
func (e *exporter) answer(yaml bool) *apigateway.GetExportOutput {
	document, extension := e.document(), ".json"
	body := document.json()
	if yaml {
		body, extension = document.yaml(), ".yaml"
	}
	return &apigateway.GetExportOutput{
		Body:               body,
		ContentType:        new("application/octet-stream"),
		ContentDisposition: new(`attachment; filename="` + e.kind + "_" + e.version() + extension + `"`),
	}
}

// unverified: that version and description are those of the API at the time of
// the export. Of a deployment only the tree is known to be frozen.
func (e *exporter) version() string {
	if v := deref(e.api.Version); v != "" {
		return v
	}
	return e.api.CreatedDate.UTC().Format(exportTimestamp)
}

func (e *exporter) swagger() bool { return e.kind == exportSwagger }

func (e *exporter) document() object {
	paths := e.paths() // first: it finds out which models and schemes there are
	var doc object
	if e.swagger() {
		doc.add("swagger", "2.0")
		doc.add("info", e.info())
		doc.add("host", e.host())
		doc.add("basePath", "/"+e.stage.Name)
		doc.add("schemes", []any{"https"})
		doc.add("paths", paths)
		doc.addSome("securityDefinitions", e.securitySchemes())
		doc.addSome("definitions", e.schemas())
	} else {
		var components object
		components.addSome("schemas", e.schemas())
		components.addSome("securitySchemes", e.securitySchemes())
		doc.add("openapi", "3.0.1")
		doc.add("info", e.info())
		doc.add("servers", []any{e.server()})
		doc.add("paths", paths)
		doc.add("components", components) // empty, too (APIGW-DG:request-response-data-mappings has one)
	}
	if e.parts.api {
		e.settings(&doc)
	}
	return doc
}

func (e *exporter) info() object {
	var info object
	info.add("title", e.deployment.APIName)
	if e.api.Description != nil {
		info.add("description", *e.api.Description)
	}
	info.add("version", e.version())
	return info
}

func (e *exporter) host() string {
	host := e.api.ID + ".execute-api." + e.api.Region + ".amazonaws.com"
	if state.Partition(e.api.Region) == "aws-cn" {
		host += ".cn"
	}
	return host
}

func (e *exporter) server() object {
	var server object
	server.add("url", "https://"+e.host()+"/{basePath}")
	server.add("variables", object{{"basePath", object{{"default", e.stage.Name}}}})
	if e.parts.api {
		server.addSome("x-amazon-apigateway-endpoint-configuration", e.endpoint())
	}
	return server
}

// endpoint: APIGW-DG:api-gateway-swagger-extensions-endpoint-configuration. AWS
// does not export whether an API is EDGE, REGIONAL or PRIVATE.
func (e *exporter) endpoint() object {
	var endpoint object
	if e.deployment.DisableExecuteAPIEndpoint {
		endpoint.add("disableExecuteApiEndpoint", true)
	}
	if ids := e.deployment.VPCEndpointIDs; len(ids) > 0 {
		endpoint.add("vpcEndpointIds", texts(ids))
	}
	return endpoint
}

// settings are the extensions that concern the API as a whole. A setting with
// its default is left out (AWS recording test_export_oas30_openapi).
func (e *exporter) settings(doc *object) {
	if e.swagger() {
		doc.addSome("x-amazon-apigateway-endpoint-configuration", e.endpoint())
	}
	d := e.deployment
	if d.APIKeySource != "" && d.APIKeySource != "HEADER" {
		doc.add("x-amazon-apigateway-api-key-source", d.APIKeySource)
	}
	if policy := deref(d.Policy); policy != "" {
		doc.add("x-amazon-apigateway-policy", parseDocument(policy))
	}
	if len(d.BinaryMediaTypes) > 0 {
		doc.add("x-amazon-apigateway-binary-media-types", texts(slices.Sorted(slices.Values(d.BinaryMediaTypes))))
	}
	if d.MinimumCompressionSize != nil {
		doc.add("x-amazon-apigateway-minimum-compression-size", *d.MinimumCompressionSize)
	}
}

// securitySchemes: APIGW-DG:api-gateway-swagger-extensions-authtype; api_key as
// public exports have it.
func (e *exporter) securitySchemes() object {
	var schemes object
	for _, name := range sortedKeys(e.schemes) {
		header := cmp.Or(map[string]string{schemeKey: "x-api-key"}[name], "Authorization")
		scheme := object{{"type", "apiKey"}, {"name", header}, {"in", "header"}}
		if name == schemeIAM && e.parts.authorizers {
			scheme.add("x-amazon-apigateway-authtype", "awsSigv4")
		}
		schemes.add(name, scheme)
	}
	return schemes
}

// schemas are the models that methods name. Others are not exported: an API with
// the console's two models exports but the one in use. "$schema" falls away
// (public exports).
func (e *exporter) schemas() object {
	var schemas object
	for _, name := range sortedKeys(e.models) {
		if m := defaultModel(name); m != nil {
			if schema, ok := parseDocument(*m.Schema).(object); ok {
				schemas.add(name, schema.without("$schema"))
			}
		}
	}
	return schemas
}
