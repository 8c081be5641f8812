package apigateway

import (
	"context"
	"crypto/sha256"

	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"
)

// defaultModels are the two models that AWS gives every new API, with its
// descriptions and schemas, sorted by name. They are not stored: nothing can
// change them yet.
var defaultModels = []struct{ name, description, schema string }{
	{"Empty", "This is a default empty schema model", "{\n  \"$schema\": \"http://json-schema.org/draft-04/schema#\",\n  \"title\" : \"Empty Schema\",\n  \"type\" : \"object\"\n}"},
	{"Error", "This is a default error schema model", "{\n  \"$schema\" : \"http://json-schema.org/draft-04/schema#\",\n  \"title\" : \"Error Schema\",\n  \"type\" : \"object\",\n  \"properties\" : {\n    \"message\" : { \"type\" : \"string\" }\n  }\n}"},
}

// defaultModel returns the model called name, its id empty; nil if there is none.
func defaultModel(name string) *types.Model {
	for _, m := range defaultModels {
		if m.name == name {
			return &types.Model{Name: &m.name, Description: &m.description, Schema: &m.schema, ContentType: new("application/json")}
		}
	}
	return nil
}

// modelID is the id of an API's default model: always the same for the same
// API, without a record.
func modelID(api, name string) *string {
	sum := sha256.Sum256([]byte(api + "/" + name))
	id := sum[:resourceIDLength]
	for i, b := range id {
		id[i] = idAlphabet[b%byte(len(idAlphabet))]
	}
	return new(string(id))
}

// GetModels answers an API's models: the default ones.
func (s *Service) GetModels(ctx context.Context, in *apigateway.GetModelsInput, _ ...func(*apigateway.Options)) (*apigateway.GetModelsOutput, error) {
	a, err := s.api(scopeOf(ctx), deref(in.RestApiId))
	if err != nil {
		return nil, err
	}
	var all []types.Model
	for _, m := range defaultModels {
		model := defaultModel(m.name)
		model.Id = modelID(a.ID, m.name)
		all = append(all, *model)
	}
	items, position, err := page(all, in.Limit, in.Position, func(m types.Model) string { return *m.Name })
	if err != nil {
		return nil, err
	}
	return &apigateway.GetModelsOutput{Items: items, Position: position}, nil
}

// GetModel answers one of an API's default models.
func (s *Service) GetModel(ctx context.Context, in *apigateway.GetModelInput, _ ...func(*apigateway.Options)) (*apigateway.GetModelOutput, error) {
	a, err := s.api(scopeOf(ctx), deref(in.RestApiId))
	if err != nil {
		return nil, err
	}
	m := defaultModel(deref(in.ModelName))
	if m == nil {
		return nil, notFound("Invalid model name specified: %s", deref(in.ModelName)) // unverified: text
	}
	return &apigateway.GetModelOutput{
		Id: modelID(a.ID, *m.Name), Name: m.Name, Description: m.Description, Schema: m.Schema, ContentType: m.ContentType,
	}, nil
}
