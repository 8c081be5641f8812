package apigateway

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"
)

// The operations in this file answer what is true of things that cannot exist
// here yet: clean-up scripts and exporters read them beside every API, and give
// up where one fails. AWS's words for an unknown API are recorded for all kinds
// (test_validators_crud_no_api, test_doc_parts_crud_no_api).

// GetUsagePlans answers that there are none. Who deletes an API asks first
// which plans it is in.
func (s *Service) GetUsagePlans(_ context.Context, in *apigateway.GetUsagePlansInput, _ ...func(*apigateway.Options)) (*apigateway.GetUsagePlansOutput, error) {
	items, err := none[types.UsagePlan](in.Limit, in.Position)
	return &apigateway.GetUsagePlansOutput{Items: items}, err
}

// GetAuthorizers answers that the API has none.
func (s *Service) GetAuthorizers(ctx context.Context, in *apigateway.GetAuthorizersInput, _ ...func(*apigateway.Options)) (*apigateway.GetAuthorizersOutput, error) {
	items, err := noneOf[types.Authorizer](ctx, s, in.RestApiId, in.Limit, in.Position)
	return &apigateway.GetAuthorizersOutput{Items: items}, err
}

// GetRequestValidators answers that the API has none.
func (s *Service) GetRequestValidators(ctx context.Context, in *apigateway.GetRequestValidatorsInput, _ ...func(*apigateway.Options)) (*apigateway.GetRequestValidatorsOutput, error) {
	items, err := noneOf[types.RequestValidator](ctx, s, in.RestApiId, in.Limit, in.Position)
	return &apigateway.GetRequestValidatorsOutput{Items: items}, err
}

// GetDocumentationParts answers that the API has none.
func (s *Service) GetDocumentationParts(ctx context.Context, in *apigateway.GetDocumentationPartsInput, _ ...func(*apigateway.Options)) (*apigateway.GetDocumentationPartsOutput, error) {
	items, err := noneOf[types.DocumentationPart](ctx, s, in.RestApiId, in.Limit, in.Position)
	return &apigateway.GetDocumentationPartsOutput{Items: items}, err
}

// GetDocumentationVersions answers that the API has none.
func (s *Service) GetDocumentationVersions(ctx context.Context, in *apigateway.GetDocumentationVersionsInput, _ ...func(*apigateway.Options)) (*apigateway.GetDocumentationVersionsOutput, error) {
	items, err := noneOf[types.DocumentationVersion](ctx, s, in.RestApiId, in.Limit, in.Position)
	return &apigateway.GetDocumentationVersionsOutput{Items: items}, err
}

// noneOf is the empty list of an API that exists.
func noneOf[T any](ctx context.Context, s *Service, api *string, limit *int32, position *string) ([]T, error) {
	if _, err := s.api(scopeOf(ctx), deref(api)); err != nil {
		return nil, err
	}
	return none[T](limit, position)
}

// none is an empty list, whose page parameters are checked like any other's.
func none[T any](limit *int32, position *string) ([]T, error) {
	items, _, err := page([]T{}, limit, position, func(T) string { return "" })
	return items, err
}
