package stagedoor

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/stagedoor/stagedoor/awswire"
	"github.com/stagedoor/stagedoor/internal/grants"
)

// gatewayCase is one condition key of API Gateway's control plane: with value
// the operation is allowed, with another it is refused. The operations are those
// of which the Service Authorization Reference says "available during".
type gatewayCase struct {
	key, operator, value, other string
	operation                   string
	in                          any
}

func (c *gatewayCase) policy(value string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"apigateway:*","Resource":"*","Condition":{%q:{"apigateway:%s":%q}}}]}`, c.operator, c.key, value)
}

func change(lines ...string) []types.PatchOperation {
	var ops []types.PatchOperation
	for _, line := range lines {
		path, value, _ := strings.Cut(line, "=")
		ops = append(ops, types.PatchOperation{Op: types.OpReplace, Path: &path, Value: &value})
	}
	return ops
}

// requestCases are the keys of what a request asks for.
func requestCases(api, resource string) []gatewayCase {
	id, stage := &api, aws.String("prod")
	const equals, boolean = "StringEquals", "Bool"
	return []gatewayCase{
		{"Request/ApiName", equals, "shop", "x", "CreateRestApi", &apigateway.CreateRestApiInput{Name: aws.String("shop")}},
		{"Request/ApiName", equals, "shop", "x", "UpdateRestApi", &apigateway.UpdateRestApiInput{RestApiId: id, PatchOperations: change("/name=shop")}},
		{"Request/DisableExecuteApiEndpoint", boolean, "true", "false", "CreateRestApi", &apigateway.CreateRestApiInput{Name: aws.String("n"), DisableExecuteApiEndpoint: true}},
		{"Request/DisableExecuteApiEndpoint", boolean, "true", "false", "UpdateRestApi", &apigateway.UpdateRestApiInput{RestApiId: id, PatchOperations: change("/disableExecuteApiEndpoint=true")}},
		{"Request/EndpointType", "ForAnyValue:StringEquals", "REGIONAL", "EDGE", "CreateRestApi",
			&apigateway.CreateRestApiInput{Name: aws.String("n"), EndpointConfiguration: &types.EndpointConfiguration{Types: []types.EndpointType{types.EndpointTypeRegional}}}},
		{"Request/EndpointType", "ForAnyValue:StringEquals", "REGIONAL", "PRIVATE", "UpdateRestApi",
			&apigateway.UpdateRestApiInput{RestApiId: id, PatchOperations: change("/endpointConfiguration/types/EDGE=REGIONAL")}},
		{"Request/SecurityPolicy", equals, "TLS_1_2", "TLS_1_0", "CreateRestApi", &apigateway.CreateRestApiInput{Name: aws.String("n"), SecurityPolicy: types.SecurityPolicyTls12}},
		{"Request/SecurityPolicy", equals, "TLS_1_2", "TLS_1_0", "CreateDomainName", &apigateway.CreateDomainNameInput{DomainName: aws.String("d"), SecurityPolicy: types.SecurityPolicyTls12}},
		{"Request/MtlsTrustStoreUri", "StringLike", "s3://good/*", "s3://bad/*", "UpdateDomainName",
			&apigateway.UpdateDomainNameInput{DomainName: aws.String("d"), PatchOperations: change("/mutualTlsAuthentication/truststoreUri=s3://good/t.pem")}},
		{"Request/MtlsTrustStoreVersion", equals, "1", "2", "CreateDomainName",
			&apigateway.CreateDomainNameInput{DomainName: aws.String("d"), MutualTlsAuthentication: &types.MutualTlsAuthenticationInput{TruststoreVersion: aws.String("1")}}},
		{"Request/StageName", equals, "prod", "dev", "CreateDeployment", &apigateway.CreateDeploymentInput{RestApiId: id, StageName: stage}},
		{"Request/AccessLoggingDestination", "StringLike", "arn:aws:logs:*:*:log-group:good", "arn:aws:logs:*:*:log-group:bad", "UpdateStage",
			&apigateway.UpdateStageInput{RestApiId: id, StageName: stage, PatchOperations: change("/accessLogSettings/destinationArn=arn:aws:logs:us-east-1:000000000000:log-group:good")}},
		{"Request/AccessLoggingFormat", equals, "$context.requestId", "x", "UpdateStage",
			&apigateway.UpdateStageInput{RestApiId: id, StageName: stage, PatchOperations: change("/accessLogSettings/format=$context.requestId")}},
		{"Request/ApiKeyRequired", boolean, "true", "false", "PutMethod",
			&apigateway.PutMethodInput{RestApiId: id, ResourceId: &resource, HttpMethod: aws.String("GET"), AuthorizationType: aws.String("NONE"), ApiKeyRequired: true}},
		{"Request/ApiKeyRequired", boolean, "false", "true", "PutMethod",
			&apigateway.PutMethodInput{RestApiId: id, ResourceId: &resource, HttpMethod: aws.String("GET"), AuthorizationType: aws.String("NONE")}},
		{"Request/RouteAuthorizationType", equals, "AWS_IAM", "NONE", "PutMethod",
			&apigateway.PutMethodInput{RestApiId: id, ResourceId: &resource, HttpMethod: aws.String("GET"), AuthorizationType: aws.String("AWS_IAM")}},
		{"Request/AuthorizerType", equals, "TOKEN", "REQUEST", "CreateAuthorizer", &apigateway.CreateAuthorizerInput{RestApiId: id, Name: aws.String("z"), Type: types.AuthorizerTypeToken}},
		{"Request/AuthorizerUri", "StringLike", "*:good/invocations", "*:bad/invocations", "UpdateAuthorizer",
			&apigateway.UpdateAuthorizerInput{RestApiId: id, AuthorizerId: aws.String("z"), PatchOperations: change("/authorizerUri=arn:good/invocations")}},
	}
}

// resourceCases are the keys of what a request is about, as it is before.
func resourceCases(api, resource string) []gatewayCase {
	id, stage, get := &api, aws.String("prod"), aws.String("GET")
	const equals, boolean = "StringEquals", "Bool"
	var cases []gatewayCase
	both := func(c gatewayCase, operation string, in any) {
		cases = append(cases, c)
		c.operation, c.in = operation, in
		cases = append(cases, c)
	}
	updateAPI := &apigateway.UpdateRestApiInput{RestApiId: id, PatchOperations: change("/name=new")}
	updateStage := &apigateway.UpdateStageInput{RestApiId: id, StageName: stage, PatchOperations: change("/description=new")}
	putMethod := &apigateway.PutMethodInput{RestApiId: id, ResourceId: &resource, HttpMethod: get, AuthorizationType: aws.String("NONE")}
	deleteMethod := &apigateway.DeleteMethodInput{RestApiId: id, ResourceId: &resource, HttpMethod: get}
	both(gatewayCase{"Resource/ApiName", equals, "shop", "new", "UpdateRestApi", updateAPI}, "DeleteRestApi", &apigateway.DeleteRestApiInput{RestApiId: id})
	both(gatewayCase{"Resource/DisableExecuteApiEndpoint", boolean, "false", "true", "UpdateRestApi", updateAPI}, "DeleteRestApi", &apigateway.DeleteRestApiInput{RestApiId: id})
	both(gatewayCase{"Resource/EndpointType", "ForAnyValue:StringEquals", "REGIONAL", "EDGE", "UpdateRestApi", updateAPI}, "DeleteRestApi", &apigateway.DeleteRestApiInput{RestApiId: id})
	both(gatewayCase{"Resource/AccessLoggingDestination", "StringLike", "*:log-group:access", "*:log-group:other", "UpdateStage", updateStage}, "DeleteStage", &apigateway.DeleteStageInput{RestApiId: id, StageName: stage})
	both(gatewayCase{"Resource/AccessLoggingFormat", equals, "$context.requestId", "x", "UpdateStage", updateStage}, "DeleteStage", &apigateway.DeleteStageInput{RestApiId: id, StageName: stage})
	both(gatewayCase{"Resource/ApiKeyRequired", boolean, "true", "false", "PutMethod", putMethod}, "DeleteMethod", deleteMethod)
	both(gatewayCase{"Resource/RouteAuthorizationType", equals, "AWS_IAM", "NONE", "PutMethod", putMethod}, "DeleteMethod", deleteMethod)
	return cases
}

// Each key allows its value and refuses another; without the key in the request,
// or in another operation, a condition on it does not hold.
func TestConditionKeysOfTheGateway(t *testing.T) {
	s := start(t)
	p := newPeople(t, s)
	api, resource := gatewayForConditions(t, p)
	p.user("ada", "")
	a := &authorizer{callers: s.parts.callers, mode: grants.Enforce, now: time.Now, current: s.parts.apis}
	ctx := awswire.WithCaller(t.Context(), awswire.Caller{Account: acct, Region: "us-east-1", ARN: "arn:aws:iam::" + acct + ":user/ada"})
	ask := func(t *testing.T, policy, operation string, in any) error {
		t.Helper()
		_, err := p.root.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{UserName: aws.String("ada"), PolicyName: aws.String("p"), PolicyDocument: &policy})
		must(t, err)
		return a.authorize(ctx, &awswire.Request{Service: "apigateway", Operation: operation, Input: in})
	}
	for _, c := range append(requestCases(api, resource), resourceCases(api, resource)...) {
		t.Run(c.operation+" "+c.key, func(t *testing.T) {
			if err := ask(t, c.policy(c.value), c.operation, c.in); err != nil {
				t.Errorf("with %s: %v", c.value, err)
			}
			if ask(t, c.policy(c.other), c.operation, c.in) == nil {
				t.Errorf("with %s: not refused", c.other)
			}
			if ask(t, c.policy(c.value), "GetResources", &apigateway.GetResourcesInput{RestApiId: &api}) == nil {
				t.Error("an operation without the key: not refused")
			}
		})
	}
}

// gatewayForConditions makes an API with an access-logged stage and a protected
// method.
func gatewayForConditions(t *testing.T, p *people) (api, resource string) {
	ctx := context.Background()
	c := apigateway.NewFromConfig(p.config("test", "test", ""))
	role := p.role("access-logs", `{"Service":"apigateway.amazonaws.com"}`, allows("logs:*", "*"))
	_, err := c.UpdateAccount(ctx, &apigateway.UpdateAccountInput{PatchOperations: accountRole(role)})
	must(t, err)
	made, err := c.CreateRestApi(ctx, &apigateway.CreateRestApiInput{Name: aws.String("shop"), EndpointConfiguration: &types.EndpointConfiguration{Types: []types.EndpointType{types.EndpointTypeRegional}}})
	must(t, err)
	_, err = c.PutMethod(ctx, &apigateway.PutMethodInput{RestApiId: made.Id, ResourceId: made.RootResourceId, HttpMethod: aws.String("GET"), AuthorizationType: aws.String("AWS_IAM"), ApiKeyRequired: true})
	must(t, err)
	_, err = c.PutIntegration(ctx, &apigateway.PutIntegrationInput{RestApiId: made.Id, ResourceId: made.RootResourceId, HttpMethod: aws.String("GET"), Type: types.IntegrationTypeMock})
	must(t, err)
	_, err = c.CreateDeployment(ctx, &apigateway.CreateDeploymentInput{RestApiId: made.Id, StageName: aws.String("prod")})
	must(t, err)
	_, err = c.UpdateStage(ctx, &apigateway.UpdateStageInput{RestApiId: made.Id, StageName: aws.String("prod"), PatchOperations: change(
		"/accessLogSettings/destinationArn=arn:aws:logs:us-east-1:"+acct+":log-group:access", "/accessLogSettings/format=$context.requestId")})
	must(t, err)
	return *made.Id, *made.RootResourceId
}

// Tags take a permission of their own, on the API's tags, and a resource policy
// takes UpdateRestApiPolicy.
func TestTaggedCreatesNeedMore(t *testing.T) {
	p := newPeople(t, start(t))
	ctx := t.Context()
	const policy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/*"}]}`
	create := func(cfg aws.Config, in *apigateway.CreateRestApiInput) error {
		in.Name = aws.String("shop")
		_, err := apigateway.NewFromConfig(cfg).CreateRestApi(ctx, in)
		return err
	}
	tagged, guarded := &apigateway.CreateRestApiInput{Tags: map[string]string{"team": "red"}}, &apigateway.CreateRestApiInput{Policy: aws.String(policy)}
	maker := p.user("maker", allows("apigateway:POST", "*"))
	must(t, create(maker, &apigateway.CreateRestApiInput{}))
	const who = "User: arn:aws:iam::000000000000:user/maker is not authorized to perform: "
	// mattclay/aws-terminator#284 quotes the sentence.
	refusedAs(t, create(maker, tagged), "AccessDeniedException", 403, who+"apigateway:PUT on resource: arn:aws:apigateway:us-east-1::/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Frestapis%2F*"+
		" because no identity-based policy allows the apigateway:PUT action")
	refusedAs(t, create(maker, guarded), "AccessDeniedException", 403, who+"apigateway:UpdateRestApiPolicy on resource: arn:aws:apigateway:us-east-1::/restapis"+
		" because no identity-based policy allows the apigateway:UpdateRestApiPolicy action")
	tagger := p.user("tagger", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["apigateway:POST","apigateway:UpdateRestApiPolicy"],"Resource":"*"},
		{"Effect":"Allow","Action":"apigateway:PUT","Resource":"arn:aws:apigateway:*::/tags/*","Condition":{"StringEquals":{"aws:RequestTag/team":"red"}}}]}`)
	must(t, create(tagger, tagged))
	must(t, create(tagger, guarded))
	if create(tagger, &apigateway.CreateRestApiInput{Tags: map[string]string{"team": "blue"}}) == nil {
		t.Error("another team's tag: not refused")
	}
}

// The keys of what exists are asked for on the real port as well.
func TestResourceKeysOverTheWire(t *testing.T) {
	s := start(t)
	p := newPeople(t, s)
	root := apigateway.NewFromConfig(p.config("test", "test", ""))
	ours := apigateway.NewFromConfig(p.user("ours", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"apigateway:*","Resource":"*",
		"Condition":{"StringEquals":{"apigateway:Resource/ApiName":"ours"}}}]}`))
	for name, refused := range map[string]bool{"ours": false, "theirs": true} {
		api, err := root.CreateRestApi(t.Context(), &apigateway.CreateRestApiInput{Name: &name})
		must(t, err)
		_, err = ours.DeleteRestApi(t.Context(), &apigateway.DeleteRestApiInput{RestApiId: api.Id})
		if (err != nil) != refused {
			t.Errorf("deleting %q: %v", name, err)
		}
	}
}
