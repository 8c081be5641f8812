package apigateway

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
)

// A resource policy is checked like one, and its short forms are written out
// when it is saved (APIGW-DG apigateway-control-access-policy-language-overview).
func TestResourcePolicy(t *testing.T) {
	w := newWorld(t)
	const invalid = "Invalid policy document. Please check the policy syntax and ensure that Principals are valid."
	statement := func(principal, resource string) string {
		return `{"Version":"2012-10-17","Statement":{"Effect":"Allow",` + principal + `"Action":"execute-api:Invoke","Resource":"` + resource + `"}}`
	}
	api, err := w.CreateRestApi(w.ctx, &apigateway.CreateRestApiInput{Name: aws.String("a"), Policy: aws.String(statement(`"Principal":"*",`, "execute-api:/dev/*"))})
	check(t, err, "", "")
	if whole := "arn:aws:execute-api:" + region + ":" + account + ":" + *api.Id; !strings.Contains(*api.Policy, `\"Resource\":\"`+whole+`/dev/*\"`) {
		t.Errorf("policy %s", *api.Policy)
	}
	for _, c := range []struct{ policy, message string }{
		{statement(`"Principal":"*",`, "execute-api:/*"), ""},
		{statement(`"Principal":{"AWS":"123456789012"},`, "*"), ""},
		{statement(``, "*"), invalid},
		{statement(`"Principal":"me",`, "*"), invalid},
		{statement(`"Principal":{"AWS":"me"},`, "*"), invalid},
		{statement(`"Principal":{"Nobody":"*"},`, "*"), invalid},
		{`{"Version":"2012-10-17"}`, invalid},
		{`{"Version":"2012-10-17","Statement":[{"Effect":"Maybe"}]}`, invalid},
		{`[]`, invalid},
		{`{`, invalid},
		{statement(`"Principal":"*",`, strings.Repeat("x", 8192)), "Policy exceeds the limit of 8192 characters"},
	} {
		_, err := w.UpdateRestApi(w.ctx, &apigateway.UpdateRestApiInput{RestApiId: api.Id, PatchOperations: ops("replace /policy=" + c.policy)})
		code := bad
		if c.message == "" {
			code = ""
		}
		check(t, err, code, c.message)
	}
}
