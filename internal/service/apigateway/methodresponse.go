package apigateway

import (
	"context"
	"maps"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"

	"github.com/stagedoor/stagedoor/internal/state"
)

// PutMethodResponse declares a status code of a method.
func (s *Service) PutMethodResponse(ctx context.Context, in *apigateway.PutMethodResponseInput, _ ...func(*apigateway.Options)) (*apigateway.PutMethodResponseOutput, error) {
	status := deref(in.StatusCode)
	r := &state.MethodResponse{StatusCode: status, ResponseParameters: in.ResponseParameters, ResponseModels: in.ResponseModels}
	err := s.updateMethod(ctx, in.RestApiId, in.ResourceId, in.HttpMethod, func(_ *state.Resource, m *state.Method) error {
		if m.Responses[status] != nil {
			// hashicorp/terraform-provider-aws users meet it when two applies race.
			return conflict("Response already exists for this resource")
		}
		if err := checkMethodResponse(r); err != nil {
			return err
		}
		if m.Responses == nil {
			m.Responses = map[string]*state.MethodResponse{}
		}
		m.Responses[status] = r
		return nil
	})
	if err != nil {
		return nil, err
	}
	return (*apigateway.PutMethodResponseOutput)(methodResponseOutput(r)), nil
}

func checkMethodResponse(r *state.MethodResponse) error {
	for parameter := range r.ResponseParameters {
		if !isResponseParameter(parameter) {
			return errMapping("Invalid mapping expression parameter specified: " + parameter)
		}
	}
	return checkModels(r.ResponseModels)
}

// isResponseParameter reports whether s is "method.response.header.NAME".
func isResponseParameter(s string) bool {
	name, ok := strings.CutPrefix(s, "method.response.header.")
	return ok && name != ""
}

// GetMethodResponse answers one declared status code.
func (s *Service) GetMethodResponse(ctx context.Context, in *apigateway.GetMethodResponseInput, _ ...func(*apigateway.Options)) (*apigateway.GetMethodResponseOutput, error) {
	_, m, err := s.method(scopeOf(ctx), in.RestApiId, in.ResourceId, in.HttpMethod)
	if err != nil {
		return nil, err
	}
	r := m.Responses[deref(in.StatusCode)]
	if r == nil {
		return nil, errResponseNotFound()
	}
	return methodResponseOutput(r), nil
}

// UpdateMethodResponse patches one declared status code.
func (s *Service) UpdateMethodResponse(ctx context.Context, in *apigateway.UpdateMethodResponseInput, _ ...func(*apigateway.Options)) (*apigateway.UpdateMethodResponseOutput, error) {
	var updated *state.MethodResponse
	err := s.updateMethod(ctx, in.RestApiId, in.ResourceId, in.HttpMethod, func(_ *state.Resource, m *state.Method) error {
		updated = m.Responses[deref(in.StatusCode)]
		if updated == nil {
			return errResponseNotFound()
		}
		if err := methodResponsePatches.apply(updated, in.PatchOperations); err != nil {
			return err
		}
		return checkMethodResponse(updated)
	})
	if err != nil {
		return nil, err
	}
	return (*apigateway.UpdateMethodResponseOutput)(methodResponseOutput(updated)), nil
}

// methodResponsePatches: API reference "Patch operations", UpdateMethodResponse.
var methodResponsePatches = patchTable[state.MethodResponse]{rules: []patchRule[state.MethodResponse]{
	{"/responseModels/{}", opsMap, func(r *state.MethodResponse, p patch) error {
		return patchMap(&r.ResponseModels, p, entryValue("responseModels"))
	}},
	{"/responseParameters/{}", opsMap, func(r *state.MethodResponse, p patch) error {
		return patchMap(&r.ResponseParameters, p, boolValue)
	}},
}}

// DeleteMethodResponse removes a declared status code.
func (s *Service) DeleteMethodResponse(ctx context.Context, in *apigateway.DeleteMethodResponseInput, _ ...func(*apigateway.Options)) (*apigateway.DeleteMethodResponseOutput, error) {
	err := s.updateMethod(ctx, in.RestApiId, in.ResourceId, in.HttpMethod, func(_ *state.Resource, m *state.Method) error {
		if m.Responses[deref(in.StatusCode)] == nil {
			return errResponseNotFound()
		}
		delete(m.Responses, deref(in.StatusCode))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &apigateway.DeleteMethodResponseOutput{}, nil
}

func methodResponse(r *state.MethodResponse) types.MethodResponse {
	return types.MethodResponse{
		StatusCode: &r.StatusCode, ResponseModels: maps.Clone(r.ResponseModels), ResponseParameters: maps.Clone(r.ResponseParameters),
	}
}

func methodResponseOutput(r *state.MethodResponse) *apigateway.GetMethodResponseOutput {
	t := methodResponse(r)
	return &apigateway.GetMethodResponseOutput{StatusCode: t.StatusCode, ResponseModels: t.ResponseModels, ResponseParameters: t.ResponseParameters}
}
