package apigateway

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
)

// What cannot be made yet is not there: an API's lists are empty, and those of
// an API that does not exist are refused in the words of AWS recordings
// test_validators_crud_no_api and test_doc_parts_crud_no_api.
func TestAbsent(t *testing.T) {
	client, _ := serve(t)
	api, _, _ := build(t, client)
	ctx := t.Context()
	for name, list := range map[string]func(api string) (int, *string, error){
		"authorizers": func(api string) (int, *string, error) {
			out, err := client.GetAuthorizers(ctx, &apigateway.GetAuthorizersInput{RestApiId: &api})
			return length(out, err, func() (int, *string) { return len(out.Items), out.Position })
		},
		"validators": func(api string) (int, *string, error) {
			out, err := client.GetRequestValidators(ctx, &apigateway.GetRequestValidatorsInput{RestApiId: &api})
			return length(out, err, func() (int, *string) { return len(out.Items), out.Position })
		},
		"documentation parts": func(api string) (int, *string, error) {
			out, err := client.GetDocumentationParts(ctx, &apigateway.GetDocumentationPartsInput{RestApiId: &api})
			return length(out, err, func() (int, *string) { return len(out.Items), out.Position })
		},
		"documentation versions": func(api string) (int, *string, error) {
			out, err := client.GetDocumentationVersions(ctx, &apigateway.GetDocumentationVersionsInput{RestApiId: &api})
			return length(out, err, func() (int, *string) { return len(out.Items), out.Position })
		},
	} {
		t.Run(name, func(t *testing.T) {
			if n, position, err := list(api); n != 0 || position != nil || err != nil {
				t.Errorf("%d items, position %v, %v", n, position, err)
			}
			_, _, err := list("test-fake-rest-id")
			check(t, err, "NotFoundException", "Invalid API identifier specified "+account+":test-fake-rest-id")
		})
	}
	plans := must(client.GetUsagePlans(ctx, &apigateway.GetUsagePlansInput{Limit: aws.Int32(10)}))(t)
	if plans.Items == nil || len(plans.Items) != 0 {
		t.Errorf("usage plans %v", plans.Items)
	}
	_, err := client.GetUsagePlans(ctx, &apigateway.GetUsagePlansInput{Position: aws.String("?")})
	check(t, err, bad, "Invalid position parameter")
}

func length[T any](out *T, err error, count func() (int, *string)) (int, *string, error) {
	if out == nil || err != nil {
		return 0, nil, err
	}
	n, position := count()
	return n, position, nil
}
