package apigateway

import (
	"maps"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/internal/state"
)

// Names that AWS gives the security schemes of AWS_IAM and of API keys in its
// exports.
const (
	schemeIAM = "sigv4"
	schemeKey = "api_key"
)

// anyVerb is the ANY method (APIGW-DG:api-gateway-swagger-extensions-any-method).
const anyVerb = "x-amazon-apigateway-any-method"

// paths: a resource without methods is left out, the root as well (AWS recording
// test_export_oas30_openapi[TEST_IMPORT_PETS]).
func (e *exporter) paths() object {
	resources := slices.SortedFunc(maps.Values(e.deployment.Resources), func(x, y *state.Resource) int {
		return strings.Compare(x.Path, y.Path)
	})
	paths := object{}
	for _, r := range resources {
		var methods object
		for _, verb := range sortedKeys(r.Methods) {
			key := strings.ToLower(verb)
			if verb == "ANY" {
				key = anyVerb
			}
			methods.add(key, e.method(r, r.Methods[verb]))
		}
		paths.addSome(r.Path, methods)
	}
	return paths
}

func (e *exporter) method(r *state.Resource, m *state.Method) object {
	var op object
	if m.OperationName != nil {
		op.add("operationId", *m.OperationName)
	}
	parameters := e.parameters(m)
	if e.swagger() {
		op.addList("consumes", contentTypes(m.RequestModels, templatesOf(m)))
		op.addList("produces", e.produces(m))
		if contentType, model := mainModel(m.RequestModels); contentType != "" {
			parameters = append(parameters, object{{"in", "body"}, {"name", model}, {"required", true}, {"schema", e.model(model)}})
		}
		op.addList("parameters", parameters)
	} else {
		op.addList("parameters", parameters)
		if len(m.RequestModels) > 0 {
			op.add("requestBody", object{{"content", e.content(m.RequestModels)}, {"required", true}})
		}
	}
	// OpenAPI asks for the member. unverified: a method without responses.
	op.add("responses", e.responses(m))
	op.addList("security", e.security(m))
	if e.parts.integrations && m.Integration != nil {
		op.add("x-amazon-apigateway-integration", integrationDocument(r, m.Integration))
	}
	return op
}

// security: one requirement for each thing that is asked for.
func (e *exporter) security(m *state.Method) []any {
	var list []any
	add := func(scheme string) {
		e.schemes[scheme] = true
		list = append(list, object{{scheme, []any{}}})
	}
	if m.AuthorizationType == authIAM {
		add(schemeIAM)
	}
	if m.APIKeyRequired {
		add(schemeKey)
	}
	return list
}

// parameters are those that the method declares. unverified: whether AWS also
// writes path variables that no method declares.
func (e *exporter) parameters(m *state.Method) []any {
	var list []any
	for _, key := range sortedKeys(m.RequestParameters) {
		place, name, _ := strings.Cut(strings.TrimPrefix(key, "method.request."), ".")
		in, many := strings.CutPrefix(place, "multivalue")
		if in == "querystring" {
			in = "query"
		}
		kind := object{{"type", "string"}}
		if many { // unverified: how AWS writes these
			kind = object{{"type", "array"}, {"items", object{{"type", "string"}}}}
		}
		p := object{{"name", name}, {"in", in}}
		if e.swagger() {
			p.add("required", m.RequestParameters[key])
			p = append(p, kind...)
		} else {
			if m.RequestParameters[key] {
				p.add("required", true)
			}
			p.add("schema", kind)
		}
		list = append(list, p)
	}
	return list
}

// responses: an OpenAPI response has a "content" even without a model (AWS
// recording test_export_oas30_openapi).
func (e *exporter) responses(m *state.Method) object {
	responses := object{}
	for _, status := range sortedKeys(m.Responses) {
		r := m.Responses[status]
		out := object{{"description", status + " response"}}
		var headers object
		for _, key := range sortedKeys(r.ResponseParameters) {
			header := object{{"type", "string"}}
			if !e.swagger() {
				header = object{{"schema", header}}
			}
			headers.add(strings.TrimPrefix(key, "method.response.header."), header)
		}
		if contentType, model := mainModel(r.ResponseModels); e.swagger() && contentType != "" {
			out.add("schema", e.model(model))
		}
		out.addSome("headers", headers)
		if !e.swagger() {
			out.add("content", e.content(r.ResponseModels))
		}
		responses.add(status, out)
	}
	return responses
}

func (e *exporter) content(models map[string]string) object {
	content := object{}
	for _, contentType := range sortedKeys(models) {
		content.add(contentType, object{{"schema", e.model(models[contentType])}})
	}
	return content
}

// model refers to a model and remembers that it is needed.
func (e *exporter) model(name string) object {
	e.models[name] = true
	if e.swagger() {
		return object{{"$ref", "#/definitions/" + name}}
	}
	return object{{"$ref", "#/components/schemas/" + name}}
}

// mainModel is the one model that Swagger 2.0 has a place for. unverified:
// which one AWS takes of several.
func mainModel(models map[string]string) (contentType, model string) {
	if model := models["application/json"]; model != "" {
		return "application/json", model
	}
	for _, contentType := range sortedKeys(models) {
		return contentType, models[contentType]
	}
	return "", ""
}

// contentTypes: Swagger's "consumes" and "produces" are the content types of
// models and of templates (AWS recording test_export_swagger_openapi).
func contentTypes(of ...map[string]string) []any {
	all := map[string]bool{}
	for _, m := range of {
		for contentType := range m {
			all[contentType] = true
		}
	}
	return texts(sortedKeys(all))
}

func templatesOf(m *state.Method) map[string]string {
	if m.Integration == nil {
		return nil
	}
	return m.Integration.RequestTemplates
}

func (e *exporter) produces(m *state.Method) []any {
	var of []map[string]string
	for _, r := range m.Responses {
		of = append(of, r.ResponseModels)
	}
	if m.Integration != nil {
		for _, r := range m.Integration.Responses {
			of = append(of, r.ResponseTemplates)
		}
	}
	return contentTypes(of...)
}

// integrationDocument: APIGW-DG:api-gateway-swagger-extensions-integration. Type
// and passthroughBehavior are in lower case; the cache's namespace is written
// where it matters, and the timeout where it is not the default (AWS recording
// test_export_oas30_openapi; public exports).
func integrationDocument(r *state.Resource, i *state.Integration) object {
	out := object{{"type", strings.ToLower(i.Type)}}
	out.addText("credentials", deref(i.Credentials))
	out.addText("httpMethod", i.HTTPMethod)
	out.addText("uri", i.URI)
	out.addSome("responses", integrationResponses(i))
	out.addSome("requestParameters", textMap(i.RequestParameters))
	out.addSome("requestTemplates", textMap(i.RequestTemplates))
	out.addText("passthroughBehavior", strings.ToLower(i.PassthroughBehavior))
	out.addText("connectionType", i.ConnectionType)
	out.addText("connectionId", deref(i.ConnectionID))
	if len(i.CacheKeyParameters) > 0 || i.CacheNamespace != r.ID {
		out.addText("cacheNamespace", i.CacheNamespace)
	}
	if i.TimeoutMillis != defaultTimeoutMillis {
		out.add("timeoutInMillis", i.TimeoutMillis)
	}
	out.addList("cacheKeyParameters", texts(slices.Sorted(slices.Values(i.CacheKeyParameters))))
	out.addText("contentHandling", deref(i.ContentHandling))
	out.addText("responseTransferMode", i.ResponseTransferMode)
	if i.InsecureSkipVerify != nil {
		out.add("tlsConfig", object{{"insecureSkipVerification", *i.InsecureSkipVerify}})
	}
	return out
}

// integrationResponses are by selection pattern, "default" for the one without
// (APIGW-DG:api-gateway-swagger-extensions-integration-responses). unverified:
// which one AWS writes of two with the same pattern.
func integrationResponses(i *state.Integration) object {
	byPattern := map[string]*state.IntegrationResponse{}
	for _, status := range sortedKeys(i.Responses) {
		pattern := deref(i.Responses[status].SelectionPattern)
		if pattern == "" {
			pattern = "default"
		}
		if byPattern[pattern] == nil {
			byPattern[pattern] = i.Responses[status]
		}
	}
	var responses object
	for _, pattern := range sortedKeys(byPattern) {
		r := byPattern[pattern]
		out := object{{"statusCode", r.StatusCode}}
		out.addSome("responseParameters", textMap(r.ResponseParameters))
		out.addSome("responseTemplates", textMap(r.ResponseTemplates))
		out.addText("contentHandling", deref(r.ContentHandling))
		responses.add(pattern, out)
	}
	return responses
}
