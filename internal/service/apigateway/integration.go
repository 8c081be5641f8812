package apigateway

import (
	"context"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"

	"github.com/stagedoor/stagedoor/internal/state"
)

// Values of an integration that AWS fills in (AWS recording
// test_lifecycle_integration_response).
const (
	defaultTimeoutMillis = 29000
	passWhenNoMatch      = "WHEN_NO_MATCH"
)

var passthroughBehaviors = []string{passWhenNoMatch, "WHEN_NO_TEMPLATES", "NEVER"}

// PutIntegration gives a method its integration, in place of an older one.
func (s *Service) PutIntegration(ctx context.Context, in *apigateway.PutIntegrationInput, _ ...func(*apigateway.Options)) (*apigateway.PutIntegrationOutput, error) {
	c := scopeOf(ctx)
	i := &state.Integration{
		Type: string(in.Type), HTTPMethod: deref(in.IntegrationHttpMethod), URI: deref(in.Uri),
		ConnectionType: string(in.ConnectionType), ConnectionID: in.ConnectionId, Credentials: in.Credentials,
		RequestParameters: in.RequestParameters, RequestTemplates: in.RequestTemplates,
		PassthroughBehavior:  deref(in.PassthroughBehavior),
		TimeoutMillis:        defaultTimeoutMillis,
		CacheNamespace:       deref(in.CacheNamespace),
		CacheKeyParameters:   in.CacheKeyParameters,
		ResponseTransferMode: string(in.ResponseTransferMode),
	}
	if in.ContentHandling != "" {
		i.ContentHandling = new(string(in.ContentHandling))
	}
	if in.TimeoutInMillis != nil {
		i.TimeoutMillis = *in.TimeoutInMillis
	}
	if in.TlsConfig != nil {
		i.InsecureSkipVerify = &in.TlsConfig.InsecureSkipVerification
	}
	if i.PassthroughBehavior == "" {
		i.PassthroughBehavior = passWhenNoMatch
	}
	err := s.updateMethod(ctx, in.RestApiId, in.ResourceId, in.HttpMethod, func(r *state.Resource, m *state.Method) error {
		if deref(in.IntegrationTarget) != "" {
			return errUnsupported("The member integrationTarget")
		}
		if i.CacheNamespace == "" {
			i.CacheNamespace = r.ID
		}
		if err := s.checkIntegration(c, m, i); err != nil {
			return err
		}
		m.Integration = i
		return nil
	})
	if err != nil {
		return nil, err
	}
	return (*apigateway.PutIntegrationOutput)(integrationOutput(i)), nil
}

// integrationOf returns a method's integration.
func (s *Service) integrationOf(c scope, api, resource, verb *string) (*state.Integration, error) {
	_, m, err := s.method(c, api, resource, verb)
	if err != nil {
		return nil, err
	}
	if m.Integration == nil {
		return nil, errIntegrationNotFound()
	}
	return m.Integration, nil
}

// updateIntegration changes one integration of the live tree.
func (s *Service) updateIntegration(ctx context.Context, api, resource, verb *string, change func(m *state.Method, i *state.Integration) error) error {
	return s.updateMethod(ctx, api, resource, verb, func(_ *state.Resource, m *state.Method) error {
		if m.Integration == nil {
			return errIntegrationNotFound()
		}
		return change(m, m.Integration)
	})
}

// GetIntegration answers a method's integration with its responses.
func (s *Service) GetIntegration(ctx context.Context, in *apigateway.GetIntegrationInput, _ ...func(*apigateway.Options)) (*apigateway.GetIntegrationOutput, error) {
	i, err := s.integrationOf(scopeOf(ctx), in.RestApiId, in.ResourceId, in.HttpMethod)
	if err != nil {
		return nil, err
	}
	return integrationOutput(i), nil
}

// DeleteIntegration takes a method's integration away.
func (s *Service) DeleteIntegration(ctx context.Context, in *apigateway.DeleteIntegrationInput, _ ...func(*apigateway.Options)) (*apigateway.DeleteIntegrationOutput, error) {
	err := s.updateIntegration(ctx, in.RestApiId, in.ResourceId, in.HttpMethod, func(m *state.Method, _ *state.Integration) error {
		m.Integration = nil
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &apigateway.DeleteIntegrationOutput{}, nil
}

// UpdateIntegration patches a method's integration; the result is checked like
// a new one.
func (s *Service) UpdateIntegration(ctx context.Context, in *apigateway.UpdateIntegrationInput, _ ...func(*apigateway.Options)) (*apigateway.UpdateIntegrationOutput, error) {
	c := scopeOf(ctx)
	var updated *state.Integration
	err := s.updateIntegration(ctx, in.RestApiId, in.ResourceId, in.HttpMethod, func(m *state.Method, i *state.Integration) error {
		updated = i
		if err := integrationPatches.apply(i, in.PatchOperations); err != nil {
			return err
		}
		return s.checkIntegration(c, m, i)
	})
	if err != nil {
		return nil, err
	}
	return (*apigateway.UpdateIntegrationOutput)(integrationOutput(updated)), nil
}

// integration is the answer for an integration. cacheKeyParameters is there even
// when it is empty (AWS recording test_lifecycle_integration_response).
func integration(i *state.Integration) types.Integration {
	out := types.Integration{
		Type:               types.IntegrationType(i.Type),
		ConnectionType:     types.ConnectionType(i.ConnectionType),
		ConnectionId:       i.ConnectionID,
		Credentials:        i.Credentials,
		ContentHandling:    types.ContentHandlingStrategy(deref(i.ContentHandling)),
		RequestParameters:  maps.Clone(i.RequestParameters),
		RequestTemplates:   maps.Clone(i.RequestTemplates),
		TimeoutInMillis:    i.TimeoutMillis,
		CacheNamespace:     &i.CacheNamespace,
		CacheKeyParameters: append([]string{}, i.CacheKeyParameters...),

		PassthroughBehavior:  &i.PassthroughBehavior,
		ResponseTransferMode: types.ResponseTransferMode(i.ResponseTransferMode),
	}
	if i.HTTPMethod != "" {
		out.HttpMethod = &i.HTTPMethod
	}
	if i.URI != "" {
		out.Uri = &i.URI
	}
	if i.InsecureSkipVerify != nil {
		out.TlsConfig = &types.TlsConfig{InsecureSkipVerification: *i.InsecureSkipVerify}
	}
	if len(i.Responses) > 0 {
		out.IntegrationResponses = make(map[string]types.IntegrationResponse, len(i.Responses))
		for status, r := range i.Responses {
			out.IntegrationResponses[status] = integrationResponse(r)
		}
	}
	return out
}

func integrationOutput(i *state.Integration) *apigateway.GetIntegrationOutput {
	t := integration(i)
	return &apigateway.GetIntegrationOutput{
		Type: t.Type, HttpMethod: t.HttpMethod, Uri: t.Uri, ConnectionType: t.ConnectionType, ConnectionId: t.ConnectionId,
		Credentials: t.Credentials, ContentHandling: t.ContentHandling, RequestParameters: t.RequestParameters,
		RequestTemplates: t.RequestTemplates, PassthroughBehavior: t.PassthroughBehavior, TimeoutInMillis: t.TimeoutInMillis,
		CacheNamespace: t.CacheNamespace, CacheKeyParameters: t.CacheKeyParameters, TlsConfig: t.TlsConfig,
		ResponseTransferMode: t.ResponseTransferMode, IntegrationResponses: t.IntegrationResponses,
	}
}

// integrationPatches: API reference "Patch operations", UpdateIntegration.
var integrationPatches = patchTable[state.Integration]{rules: []patchRule[state.Integration]{
	{"/cacheNamespace", opsReplace, func(i *state.Integration, p patch) error {
		i.CacheNamespace = p.value
		return nil
	}},
	{"/cacheKeyParameters", opsAddRemove, func(i *state.Integration, p patch) error {
		patchList(&i.CacheKeyParameters, p, p.value)
		return nil
	}},
	{"/cacheKeyParameters/{}", opsAddRemove, func(i *state.Integration, p patch) error {
		patchList(&i.CacheKeyParameters, p, p.key)
		return nil
	}},
	{"/connectionId", opsReplace, func(i *state.Integration, p patch) error {
		i.ConnectionID = optional(p)
		return nil
	}},
	{"/connectionType", opsReplace, func(i *state.Integration, p patch) error {
		i.ConnectionType = p.value
		return nil
	}},
	{"/contentHandling", opsReplaceRemove, func(i *state.Integration, p patch) error {
		i.ContentHandling = optional(p)
		return nil
	}},
	{"/credentials", opsReplaceRemove, func(i *state.Integration, p patch) error {
		i.Credentials = optional(p)
		return nil
	}},
	{"/httpMethod", opsReplace, func(i *state.Integration, p patch) error {
		i.HTTPMethod = p.value
		return nil
	}},
	{"/passthroughBehavior", opsReplace, func(i *state.Integration, p patch) error {
		i.PassthroughBehavior = p.value
		return nil
	}},
	{"/requestParameters/{}", opsMap, func(i *state.Integration, p patch) error {
		return patchMap(&i.RequestParameters, p, entryValue("requestParameters"))
	}},
	{"/requestTemplates/{}", opsMap, func(i *state.Integration, p patch) error {
		return patchMap(&i.RequestTemplates, p, templateValue)
	}},
	{"/responseTransferMode", opsReplace, func(i *state.Integration, p patch) error {
		i.ResponseTransferMode = p.value
		return nil
	}},
	{"/timeoutInMillis", opsReplace, func(i *state.Integration, p patch) error {
		millis, err := parseInt32(p)
		i.TimeoutMillis = millis
		return err
	}},
	{"/tlsConfig/insecureSkipVerification", opsReplace, func(i *state.Integration, p patch) error {
		i.InsecureSkipVerify = new(parseBool(p.value))
		return nil
	}},
	{"/uri", opsReplace, func(i *state.Integration, p patch) error {
		i.URI = p.value
		return nil
	}},
}}

// templateValue is a template: it may be empty.
func templateValue(p patch) (string, error) { return p.value, nil }

func isPassthrough(behavior string) bool { return slices.Contains(passthroughBehaviors, behavior) }
