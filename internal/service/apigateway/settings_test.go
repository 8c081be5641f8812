package apigateway

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/google/go-cmp/cmp"
)

func TestTags(t *testing.T) {
	w := newWorld(t)
	id, _ := w.deployable()
	w.deploy(id, "dev")
	for _, arn := range []string{
		"arn:aws:apigateway:eu-west-1::/restapis/" + id,
		"arn:aws:apigateway:eu-west-1::/restapis/" + id + "/stages/dev",
	} {
		get := func() map[string]string {
			return must(w.GetTags(w.ctx, &apigateway.GetTagsInput{ResourceArn: &arn}))(t).Tags
		}
		if tags := get(); tags == nil || len(tags) != 0 {
			t.Errorf("no tags: %v", tags)
		}
		must(w.TagResource(w.ctx, &apigateway.TagResourceInput{ResourceArn: &arn, Tags: map[string]string{"a": "1", "b": "2"}}))(t)
		must(w.TagResource(w.ctx, &apigateway.TagResourceInput{ResourceArn: &arn, Tags: map[string]string{"b": "3"}}))(t)
		must(w.UntagResource(w.ctx, &apigateway.UntagResourceInput{ResourceArn: &arn, TagKeys: []string{"a", "c"}}))(t)
		if diff := cmp.Diff(map[string]string{"b": "3"}, get()); diff != "" {
			t.Error(diff)
		}
	}
	for arn, want := range map[string][2]string{
		"nonsense": {bad, "Invalid ARN specified in the request"},
		"arn:aws:apigateway:eu-west-1::/restapis/nothing":              {missing, "Invalid API identifier specified 123456789012:nothing"},
		"arn:aws:apigateway:eu-west-1::/restapis/" + id + "/stages/no": {missing, "Invalid stage identifier specified"},
		"arn:aws:apigateway:eu-west-1::/usageplans/x":                  {bad, "Tagging of /usageplans is not supported by stagedoor yet"},
		"arn:aws:apigateway:eu-west-1::/restapis":                      {bad, "Invalid ARN specified in the request"},
	} {
		_, err := w.GetTags(w.ctx, &apigateway.GetTagsInput{ResourceArn: &arn})
		check(t, err, want[0], want[1])
		_, err = w.TagResource(w.ctx, &apigateway.TagResourceInput{ResourceArn: &arn})
		check(t, err, want[0], want[1])
	}
}

// roles knows one role for logs and one that nobody may assume.
type roles struct{}

func (roles) MayAssume(_, role, service string) bool {
	return role != "arn:aws:iam::123456789012:role/untrusting" && service == "apigateway.amazonaws.com"
}

func (roles) Allows(role, action, resource string) bool {
	return role == logRole && resource == "arn:aws:logs:eu-west-1:123456789012:log-group:API-Gateway-Execution-Logs_api/stage:log-stream:stream"
}

func TestAccount(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Roles = roles{} })
	got := must(w.GetAccount(w.ctx, &apigateway.GetAccountInput{}))(t)
	if *got.ApiKeyVersion != "4" || got.Features[0] != "UsagePlans" || got.ThrottleSettings.BurstLimit != 5000 || got.ThrottleSettings.RateLimit != 10000 || got.CloudwatchRoleArn != nil {
		t.Errorf("fresh account: %+v", got)
	}
	const refused = "The role ARN does not have required permissions configured. Please grant trust permission for API Gateway and add the required role policy."
	for _, role := range []string{"arn:aws:iam::123456789012:role/untrusting", "arn:aws:iam::123456789012:role/powerless"} {
		_, err := w.updateAccount("replace /cloudwatchRoleArn=" + role)
		check(t, err, bad, refused)
	}
	if out := must(w.updateAccount("replace /cloudwatchRoleArn="+logRole, "add /features=UsagePlans"))(t); *out.CloudwatchRoleArn != logRole {
		t.Errorf("role: %v", out.CloudwatchRoleArn)
	}
	if out := must(w.updateAccount("replace /cloudwatchRoleArn="))(t); out.CloudwatchRoleArn != nil {
		t.Error("the role is still there")
	}
	_, err := w.updateAccount("replace /throttleSettings=1")
	check(t, err, bad, "Invalid patch path  '/throttleSettings' specified for op 'replace'. Must be one of: [/cloudwatchRoleArn]")
}

func TestDefaults(t *testing.T) {
	w := newWorld(t)
	id, _ := w.api()
	models := must(w.GetModels(w.ctx, &apigateway.GetModelsInput{RestApiId: &id}))(t).Items
	if len(models) != 2 || *models[0].Name != "Empty" || *models[1].Name != "Error" || len(*models[0].Id) != 6 || *models[0].Id == *models[1].Id {
		t.Errorf("models: %+v", models)
	}
	if m := must(w.GetModel(w.ctx, &apigateway.GetModelInput{RestApiId: &id, ModelName: aws.String("Error")}))(t); *m.Id != *models[1].Id || *m.Schema != *models[1].Schema {
		t.Errorf("model: %+v", m)
	}
	// AWS recording test_gateway_response_crud.
	r := must(w.GetGatewayResponse(w.ctx, &apigateway.GetGatewayResponseInput{RestApiId: &id, ResponseType: "MISSING_AUTHENTICATION_TOKEN"}))(t)
	if !r.DefaultResponse || *r.StatusCode != "403" || r.ResponseParameters == nil || r.ResponseTemplates["application/json"] != `{"message":$context.error.messageString}` {
		t.Errorf("gateway response: %+v", r)
	}
	all := must(w.GetGatewayResponses(w.ctx, &apigateway.GetGatewayResponsesInput{RestApiId: &id, Limit: aws.Int32(500)}))(t)
	if len(all.Items) != 21 || len(types.GatewayResponseType("").Values()) != 21 {
		t.Errorf("%d gateway responses", len(all.Items))
	}
}
