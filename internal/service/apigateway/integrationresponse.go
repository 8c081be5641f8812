package apigateway

import (
	"context"
	"maps"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"

	"github.com/stagedoor/stagedoor/internal/state"
)

// PutIntegrationResponse maps what the integration answers to a status code, in
// place of an older mapping (AWS recording test_lifecycle_integration_response
// overwrites one).
func (s *Service) PutIntegrationResponse(ctx context.Context, in *apigateway.PutIntegrationResponseInput, _ ...func(*apigateway.Options)) (*apigateway.PutIntegrationResponseOutput, error) {
	status := deref(in.StatusCode)
	r := &state.IntegrationResponse{
		StatusCode: status, SelectionPattern: in.SelectionPattern,
		ResponseParameters: in.ResponseParameters, ResponseTemplates: in.ResponseTemplates,
	}
	if in.ContentHandling != "" {
		r.ContentHandling = new(string(in.ContentHandling))
	}
	err := s.updateIntegration(ctx, in.RestApiId, in.ResourceId, in.HttpMethod, func(m *state.Method, i *state.Integration) error {
		if err := checkIntegrationResponse(m, i, r); err != nil {
			return err
		}
		if i.Responses == nil {
			i.Responses = map[string]*state.IntegrationResponse{}
		}
		i.Responses[status] = r
		return nil
	})
	if err != nil {
		return nil, err
	}
	return (*apigateway.PutIntegrationResponseOutput)(integrationResponseOutput(r)), nil
}

// checkIntegrationResponse validates a response as a whole.
func checkIntegrationResponse(m *state.Method, i *state.Integration, r *state.IntegrationResponse) error {
	for target, source := range r.ResponseParameters {
		declared := m.Responses[r.StatusCode]
		if declared == nil {
			return errMapping("No method response exists for method.") // aws-apigateway-importer#121
		}
		if _, ok := declared.ResponseParameters[target]; !ok || !isResponseParameter(target) {
			return errMapping("Invalid mapping expression parameter specified: " + target) // aws-apigateway-importer#209
		}
		if !isResponseSource(source) {
			return errMapping("Invalid mapping expression specified: " + source)
		}
		if isMock(i) && isDynamic(source) {
			return errUnsupported("The response mapping from %s in a MOCK integration", source)
		}
	}
	if isMock(i) {
		// AWS reads Java's regular expressions; a pattern that only they know
		// could not be matched here.
		if _, err := regexp.Compile(deref(r.SelectionPattern)); err != nil {
			return badRequest("The selection pattern of a MOCK integration response cannot be used: %v", err)
		}
	}
	return checkResponseTemplates(i, r)
}

func isMock(i *state.Integration) bool { return i.Type == string(types.IntegrationTypeMock) }

// isDynamic reports whether the source of a mapping is known only at a call.
// integration.response.… is not among them: a MOCK has none, on AWS too.
func isDynamic(source string) bool {
	return strings.HasPrefix(source, "context.") || strings.HasPrefix(source, "stageVariables.")
}

// isResponseSource reports whether s can be mapped to a response header
// (APIGW-DG:request-response-data-mappings).
func isResponseSource(s string) bool {
	rest, ok := strings.CutPrefix(s, "integration.response.")
	if !ok {
		return isLiteralOrContext(s)
	}
	for _, place := range []string{"header.", "multivalueheader.", "body."} {
		if name, ok := strings.CutPrefix(rest, place); ok && name != "" {
			return true
		}
	}
	return rest == "body"
}

// checkResponseTemplates: those of a MOCK integration make the body of its answer
// and must be literal. Those of AWS_PROXY are stored and never used, on AWS too.
func checkResponseTemplates(i *state.Integration, r *state.IntegrationResponse) error {
	if err := checkTemplates(r.ResponseTemplates); err != nil || !isMock(i) {
		return err
	}
	for contentType, template := range r.ResponseTemplates {
		if err := checkLiteral("response", contentType, template); err != nil {
			return err
		}
	}
	return nil
}

// GetIntegrationResponse answers one mapping.
func (s *Service) GetIntegrationResponse(ctx context.Context, in *apigateway.GetIntegrationResponseInput, _ ...func(*apigateway.Options)) (*apigateway.GetIntegrationResponseOutput, error) {
	i, err := s.integrationOf(scopeOf(ctx), in.RestApiId, in.ResourceId, in.HttpMethod)
	if err != nil {
		return nil, err
	}
	r := i.Responses[deref(in.StatusCode)]
	if r == nil {
		return nil, errResponseNotFound()
	}
	return integrationResponseOutput(r), nil
}

// UpdateIntegrationResponse patches one mapping.
func (s *Service) UpdateIntegrationResponse(ctx context.Context, in *apigateway.UpdateIntegrationResponseInput, _ ...func(*apigateway.Options)) (*apigateway.UpdateIntegrationResponseOutput, error) {
	var updated *state.IntegrationResponse
	err := s.updateIntegration(ctx, in.RestApiId, in.ResourceId, in.HttpMethod, func(m *state.Method, i *state.Integration) error {
		updated = i.Responses[deref(in.StatusCode)]
		if updated == nil {
			return errResponseNotFound()
		}
		if err := integrationResponsePatches.apply(updated, in.PatchOperations); err != nil {
			return err
		}
		return checkIntegrationResponse(m, i, updated)
	})
	if err != nil {
		return nil, err
	}
	return (*apigateway.UpdateIntegrationResponseOutput)(integrationResponseOutput(updated)), nil
}

// integrationResponsePatches: API reference "Patch operations", UpdateIntegrationResponse.
var integrationResponsePatches = patchTable[state.IntegrationResponse]{rules: []patchRule[state.IntegrationResponse]{
	{"/contentHandling", opsReplaceRemove, func(r *state.IntegrationResponse, p patch) error {
		r.ContentHandling = optional(p)
		return nil
	}},
	{"/selectionPattern", opsReplaceRemove, func(r *state.IntegrationResponse, p patch) error {
		r.SelectionPattern = nil
		if p.op == types.OpReplace && p.given {
			r.SelectionPattern = &p.value
		}
		return nil
	}},
	{"/responseParameters/{}", opsMap, func(r *state.IntegrationResponse, p patch) error {
		return patchMap(&r.ResponseParameters, p, entryValue("responseParameters"))
	}},
	{"/responseTemplates/{}", opsMap, func(r *state.IntegrationResponse, p patch) error {
		return patchMap(&r.ResponseTemplates, p, templateValue)
	}},
}}

// DeleteIntegrationResponse removes one mapping.
func (s *Service) DeleteIntegrationResponse(ctx context.Context, in *apigateway.DeleteIntegrationResponseInput, _ ...func(*apigateway.Options)) (*apigateway.DeleteIntegrationResponseOutput, error) {
	err := s.updateIntegration(ctx, in.RestApiId, in.ResourceId, in.HttpMethod, func(_ *state.Method, i *state.Integration) error {
		if i.Responses[deref(in.StatusCode)] == nil {
			return errResponseNotFound()
		}
		delete(i.Responses, deref(in.StatusCode))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &apigateway.DeleteIntegrationResponseOutput{}, nil
}

func integrationResponse(r *state.IntegrationResponse) types.IntegrationResponse {
	return types.IntegrationResponse{
		StatusCode: &r.StatusCode, SelectionPattern: r.SelectionPattern,
		ContentHandling:    types.ContentHandlingStrategy(deref(r.ContentHandling)),
		ResponseParameters: maps.Clone(r.ResponseParameters), ResponseTemplates: maps.Clone(r.ResponseTemplates),
	}
}

func integrationResponseOutput(r *state.IntegrationResponse) *apigateway.GetIntegrationResponseOutput {
	t := integrationResponse(r)
	return &apigateway.GetIntegrationResponseOutput{
		StatusCode: t.StatusCode, SelectionPattern: t.SelectionPattern, ContentHandling: t.ContentHandling,
		ResponseParameters: t.ResponseParameters, ResponseTemplates: t.ResponseTemplates,
	}
}
