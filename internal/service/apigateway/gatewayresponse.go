package apigateway

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"
)

// gatewayResponseStatus holds the default status of every gateway response
// (APIGW-DG:supported-gateway-response-types; AWS recording
// test_gateway_response_crud). DEFAULT_4XX and DEFAULT_5XX have none.
var gatewayResponseStatus = map[types.GatewayResponseType]string{
	types.GatewayResponseTypeAccessDenied:                 "403",
	types.GatewayResponseTypeApiConfigurationError:        "500",
	types.GatewayResponseTypeAuthorizerConfigurationError: "500",
	types.GatewayResponseTypeAuthorizerFailure:            "500",
	types.GatewayResponseTypeBadRequestBody:               "400",
	types.GatewayResponseTypeBadRequestParameters:         "400",
	types.GatewayResponseTypeDefault4xx:                   "",
	types.GatewayResponseTypeDefault5xx:                   "",
	types.GatewayResponseTypeExpiredToken:                 "403",
	types.GatewayResponseTypeIntegrationFailure:           "504",
	types.GatewayResponseTypeIntegrationTimeout:           "504",
	types.GatewayResponseTypeInvalidApiKey:                "403",
	types.GatewayResponseTypeInvalidSignature:             "403",
	types.GatewayResponseTypeMissingAuthenticationToken:   "403",
	types.GatewayResponseTypeQuotaExceeded:                "429",
	types.GatewayResponseTypeRequestTooLarge:              "413",
	types.GatewayResponseTypeResourceNotFound:             "404",
	types.GatewayResponseTypeThrottled:                    "429",
	types.GatewayResponseTypeUnauthorized:                 "401",
	types.GatewayResponseTypeUnsupportedMediaType:         "415",
	types.GatewayResponseTypeWafFiltered:                  "403",
}

// GetGatewayResponse answers the default of one gateway response.
func (s *Service) GetGatewayResponse(ctx context.Context, in *apigateway.GetGatewayResponseInput, _ ...func(*apigateway.Options)) (*apigateway.GetGatewayResponseOutput, error) {
	if _, err := s.api(scopeOf(ctx), deref(in.RestApiId)); err != nil {
		return nil, err
	}
	if _, ok := gatewayResponseStatus[in.ResponseType]; !ok {
		return nil, badRequest("Invalid gateway response type specified: %s", in.ResponseType) // unverified: the model's enum answers first
	}
	r := gatewayResponse(in.ResponseType)
	return &apigateway.GetGatewayResponseOutput{
		DefaultResponse: r.DefaultResponse, ResponseParameters: r.ResponseParameters, ResponseTemplates: r.ResponseTemplates,
		ResponseType: r.ResponseType, StatusCode: r.StatusCode,
	}, nil
}

// GetGatewayResponses answers the defaults of all gateway responses.
func (s *Service) GetGatewayResponses(ctx context.Context, in *apigateway.GetGatewayResponsesInput, _ ...func(*apigateway.Options)) (*apigateway.GetGatewayResponsesOutput, error) {
	if _, err := s.api(scopeOf(ctx), deref(in.RestApiId)); err != nil {
		return nil, err
	}
	all := make([]types.GatewayResponse, 0, len(gatewayResponseStatus))
	for kind := range gatewayResponseStatus {
		all = append(all, gatewayResponse(kind))
	}
	slices.SortFunc(all, func(a, b types.GatewayResponse) int {
		return strings.Compare(string(a.ResponseType), string(b.ResponseType))
	})
	items, position, err := page(all, in.Limit, in.Position, func(r types.GatewayResponse) string { return string(r.ResponseType) })
	if err != nil {
		return nil, err
	}
	return &apigateway.GetGatewayResponsesOutput{Items: items, Position: position}, nil
}

func gatewayResponse(kind types.GatewayResponseType) types.GatewayResponse {
	r := types.GatewayResponse{
		ResponseType: kind, DefaultResponse: true,
		ResponseParameters: map[string]string{},
		ResponseTemplates:  map[string]string{"application/json": `{"message":$context.error.messageString}`},
	}
	if status := gatewayResponseStatus[kind]; status != "" {
		r.StatusCode = &status
	}
	return r
}
