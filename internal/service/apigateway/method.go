package apigateway

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"

	"github.com/stagedoor/stagedoor/internal/state"
)

var httpMethods = []string{"GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD", "ANY"}

// Authorization types of a method.
const (
	authNone    = "NONE"
	authIAM     = "AWS_IAM"
	authCustom  = "CUSTOM"
	authCognito = "COGNITO_USER_POOLS"
)

// PutMethod adds a verb to a resource.
//
// AWS_IAM is stored: the data plane refuses calls of such a method that are not
// signed. CUSTOM and COGNITO_USER_POOLS need an authorizer, and as long as none
// can be made AWS's own error for a missing one is the answer.
func (s *Service) PutMethod(ctx context.Context, in *apigateway.PutMethodInput, _ ...func(*apigateway.Options)) (*apigateway.PutMethodOutput, error) {
	verb := deref(in.HttpMethod)
	m := &state.Method{
		HTTPMethod: verb, AuthorizationType: deref(in.AuthorizationType),
		AuthorizerID: in.AuthorizerId, AuthorizationScopes: in.AuthorizationScopes,
		APIKeyRequired: in.ApiKeyRequired, OperationName: in.OperationName,
		RequestValidatorID: in.RequestValidatorId,
		RequestParameters:  in.RequestParameters, RequestModels: in.RequestModels,
	}
	_, err := s.updateAPI(ctx, scopeOf(ctx), deref(in.RestApiId), errResourceNotFound(), func(a *state.RestAPI) error {
		r := a.Resources[deref(in.ResourceId)]
		switch {
		case r == nil:
			return errResourceNotFound()
		case !slices.Contains(httpMethods, verb):
			return badRequest("Invalid HttpMethod specified. Valid options are %s", strings.Join(httpMethods, ",")) // unverified: text
		case r.Methods[verb] != nil:
			return conflict("Method already exists for this resource")
		}
		if err := checkMethod(m); err != nil {
			return err
		}
		if r.Methods == nil {
			r.Methods = map[string]*state.Method{}
		}
		r.Methods[verb] = m
		return nil
	})
	if err != nil {
		return nil, err
	}
	return (*apigateway.PutMethodOutput)(methodOutput(m)), nil
}

// checkMethod validates a method as a whole, after a put or a patch.
func checkMethod(m *state.Method) error {
	if err := checkAuthorization(m); err != nil {
		return err
	}
	if id := deref(m.RequestValidatorID); id != "" {
		// AWS recording test_update_method_validation. No validator can exist yet.
		return badRequest("Invalid Request Validator identifier specified")
	}
	if err := checkModels(m.RequestModels); err != nil {
		return err
	}
	names := map[string]bool{}
	for parameter := range m.RequestParameters {
		name, ok := requestParameter(parameter)
		if !ok {
			return errMapping("Invalid mapping expression parameter specified: " + parameter)
		}
		if names[name] {
			// AWS recording test_method_request_parameters.
			return badRequest("Parameter names must be unique across querystring, header and path")
		}
		names[name] = true
	}
	return nil
}

func checkAuthorization(m *state.Method) error {
	switch m.AuthorizationType {
	case authNone, authIAM:
		// An authorizer id is ignored here (AWS recording
		// test_update_method_validation, "skip-auth-id-with-wrong-type").
		m.AuthorizerID = nil
	case authCustom, authCognito:
		return badRequest("Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS requires a valid authorizer.")
	default:
		// unverified: text.
		return badRequest("Invalid authorization type specified. Valid options are [%s, %s, %s, %s]", authNone, authIAM, authCustom, authCognito)
	}
	return nil
}

// checkModels accepts what every API has: its default models.
func checkModels(models map[string]string) error {
	for contentType, name := range models {
		if !isContentType(contentType) {
			return errValidation("", "Invalid content type specified: "+contentType)
		}
		if defaultModel(name) == nil {
			return badRequest("Invalid model identifier specified: %s", name) // unverified: position of the name
		}
	}
	return nil
}

// requestParameter returns the name in "method.request.{querystring|header|path}.NAME".
func requestParameter(parameter string) (name string, ok bool) {
	for _, place := range []string{"querystring.", "header.", "path.", "multivaluequerystring.", "multivalueheader."} {
		if name, ok := strings.CutPrefix(parameter, "method.request."+place); ok && name != "" {
			return name, true
		}
	}
	return "", false
}

// method returns a node of the live tree and its method.
func (s *Service) method(c scope, api, resource, verb *string) (*state.Resource, *state.Method, error) {
	_, r, err := s.resource(c, api, resource)
	if err != nil {
		return nil, nil, err
	}
	m := r.Methods[deref(verb)]
	if m == nil {
		return nil, nil, errMethodNotFound()
	}
	return r, m, nil
}

// updateMethod changes one method of the live tree in one compare-and-set.
func (s *Service) updateMethod(ctx context.Context, api, resource, verb *string, change func(r *state.Resource, m *state.Method) error) error {
	_, err := s.updateAPI(ctx, scopeOf(ctx), deref(api), errResourceNotFound(), func(a *state.RestAPI) error {
		r := a.Resources[deref(resource)]
		if r == nil {
			return errResourceNotFound()
		}
		m := r.Methods[deref(verb)]
		if m == nil {
			return errMethodNotFound()
		}
		return change(r, m)
	})
	return err
}

// GetMethod answers a method with its integration and responses.
func (s *Service) GetMethod(ctx context.Context, in *apigateway.GetMethodInput, _ ...func(*apigateway.Options)) (*apigateway.GetMethodOutput, error) {
	_, m, err := s.method(scopeOf(ctx), in.RestApiId, in.ResourceId, in.HttpMethod)
	if err != nil {
		return nil, err
	}
	return methodOutput(m), nil
}

// UpdateMethod patches a method.
func (s *Service) UpdateMethod(ctx context.Context, in *apigateway.UpdateMethodInput, _ ...func(*apigateway.Options)) (*apigateway.UpdateMethodOutput, error) {
	var updated *state.Method
	err := s.updateMethod(ctx, in.RestApiId, in.ResourceId, in.HttpMethod, func(_ *state.Resource, m *state.Method) error {
		updated = m
		if err := methodPatches.apply(m, in.PatchOperations); err != nil {
			return err
		}
		return checkMethod(m)
	})
	if err != nil {
		return nil, err
	}
	return (*apigateway.UpdateMethodOutput)(methodOutput(updated)), nil
}

// methodPatches: API reference "Patch operations", UpdateMethod.
var methodPatches = patchTable[state.Method]{rules: []patchRule[state.Method]{
	{"/apiKeyRequired", opsReplace, func(m *state.Method, p patch) error {
		m.APIKeyRequired = parseBool(p.value)
		return nil
	}},
	{"/authorizationType", opsReplace, func(m *state.Method, p patch) error {
		m.AuthorizationType = p.value
		return nil
	}},
	{"/authorizerId", opsReplace, func(m *state.Method, p patch) error {
		m.AuthorizerID = optional(p)
		return nil
	}},
	{"/operationName", opsReplace, func(m *state.Method, p patch) error {
		m.OperationName = optional(p)
		return nil
	}},
	{"/requestValidatorId", opsReplace, func(m *state.Method, p patch) error {
		m.RequestValidatorID = optional(p)
		return nil
	}},
	{"/authorizationScopes", opsAddRemove, func(m *state.Method, p patch) error {
		patchList(&m.AuthorizationScopes, p, p.value)
		return nil
	}},
	{"/requestModels/{}", opsMap, func(m *state.Method, p patch) error {
		return patchMap(&m.RequestModels, p, entryValue("requestModels"))
	}},
	{"/requestParameters/{}", opsMap, func(m *state.Method, p patch) error {
		return patchMap(&m.RequestParameters, p, boolValue)
	}},
}}

// DeleteMethod removes a verb from a resource.
func (s *Service) DeleteMethod(ctx context.Context, in *apigateway.DeleteMethodInput, _ ...func(*apigateway.Options)) (*apigateway.DeleteMethodOutput, error) {
	err := s.updateMethod(ctx, in.RestApiId, in.ResourceId, in.HttpMethod, func(r *state.Resource, m *state.Method) error {
		delete(r.Methods, m.HTTPMethod)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &apigateway.DeleteMethodOutput{}, nil
}

// method is the answer for a method.
func method(m *state.Method) types.Method {
	out := types.Method{
		HttpMethod: &m.HTTPMethod, AuthorizationType: &m.AuthorizationType, ApiKeyRequired: &m.APIKeyRequired,
		AuthorizerId: m.AuthorizerID, AuthorizationScopes: slices.Clone(m.AuthorizationScopes),
		OperationName: m.OperationName, RequestValidatorId: m.RequestValidatorID,
		RequestModels: maps.Clone(m.RequestModels), RequestParameters: maps.Clone(m.RequestParameters),
	}
	if m.Integration != nil {
		out.MethodIntegration = new(integration(m.Integration))
	}
	if len(m.Responses) > 0 {
		out.MethodResponses = make(map[string]types.MethodResponse, len(m.Responses))
		for status, r := range m.Responses {
			out.MethodResponses[status] = methodResponse(r)
		}
	}
	return out
}

func methodOutput(m *state.Method) *apigateway.GetMethodOutput {
	t := method(m)
	return &apigateway.GetMethodOutput{
		HttpMethod: t.HttpMethod, AuthorizationType: t.AuthorizationType, ApiKeyRequired: t.ApiKeyRequired,
		AuthorizerId: t.AuthorizerId, AuthorizationScopes: t.AuthorizationScopes, OperationName: t.OperationName,
		RequestValidatorId: t.RequestValidatorId, RequestModels: t.RequestModels, RequestParameters: t.RequestParameters,
		MethodIntegration: t.MethodIntegration, MethodResponses: t.MethodResponses,
	}
}
