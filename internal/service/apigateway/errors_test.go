package apigateway

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"
)

// refusal is one call that AWS refuses.
type refusal struct {
	name          string
	call          func(w *world) error
	code, message string
}

func refuse(t *testing.T, cases []refusal) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			check(t, c.call(newWorld(t)), c.code, c.message)
		})
	}
}

const (
	bad     = "BadRequestException"
	missing = "NotFoundException"
	clash   = "ConflictException"
)

func createAPI(in apigateway.CreateRestApiInput) func(w *world) error {
	return func(w *world) error {
		in.Name = aws.String("shop")
		_, err := w.CreateRestApi(w.ctx, &in)
		return err
	}
}

func endpoint(ip types.IpAddressType, kinds ...types.EndpointType) *types.EndpointConfiguration {
	if kinds == nil {
		kinds = []types.EndpointType{}
	}
	return &types.EndpointConfiguration{IpAddressType: ip, Types: kinds}
}

// AWS recordings test_create_rest_api_with_endpoint_configuration,
// test_create_rest_api_private_type, test_update_rest_api_*.
func TestRestAPIRefusals(t *testing.T) {
	update := func(lines ...string) func(w *world) error {
		return func(w *world) error {
			id, _ := w.api()
			_, err := w.UpdateRestApi(w.ctx, &apigateway.UpdateRestApiInput{RestApiId: &id, PatchOperations: ops(lines...)})
			return err
		}
	}
	refuse(t, []refusal{
		{"no types", createAPI(apigateway.CreateRestApiInput{EndpointConfiguration: endpoint("")}), bad, "REGIONAL Configuration and EDGE Configuration cannot be both DISABLED."},
		{"two types", createAPI(apigateway.CreateRestApiInput{EndpointConfiguration: endpoint("", "EDGE", "REGIONAL")}), bad, "Cannot create an api with multiple Endpoint Types."},
		{"private ipv4", createAPI(apigateway.CreateRestApiInput{EndpointConfiguration: endpoint("ipv4", "PRIVATE")}), bad, "Only dualstack ipAddressType is supported for Private APIs."},
		{"empty description first", createAPI(apigateway.CreateRestApiInput{Description: aws.String(""), MinimumCompressionSize: aws.Int32(-1), EndpointConfiguration: endpoint("ipv4", "PRIVATE")}), bad, "Description cannot be an empty string"},
		{"policy", createAPI(apigateway.CreateRestApiInput{Policy: aws.String(`{"Version":`)}), bad, "Invalid policy document. Please check the policy syntax and ensure that Principals are valid."},
		{"clone of nothing", createAPI(apigateway.CreateRestApiInput{CloneFrom: aws.String("nothing")}), missing, "Invalid API identifier specified 123456789012:nothing"},
		{"get", func(w *world) error {
			_, err := w.GetRestApi(w.ctx, &apigateway.GetRestApiInput{RestApiId: aws.String("api_id")})
			return err
		}, missing, "Invalid API identifier specified 123456789012:api_id"},
		{"update nothing", func(w *world) error {
			_, err := w.UpdateRestApi(w.ctx, &apigateway.UpdateRestApiInput{RestApiId: aws.String("api_id"), PatchOperations: ops("replace /apiKeySource=AUTHORIZER")})
			return err
		}, missing, "Invalid API identifier specified 123456789012:api_id"},
		{"delete nothing", func(w *world) error {
			_, err := w.DeleteRestApi(w.ctx, &apigateway.DeleteRestApiInput{RestApiId: aws.String("api_id")})
			return err
		}, missing, "Invalid API identifier specified 123456789012:api_id"},
		{"add media types", update("add /binaryMediaTypes=image/gif"), bad, "Invalid patch path /binaryMediaTypes"},
		{"replace media types", update("replace /binaryMediaTypes=image/gif"), bad, "Invalid patch path /binaryMediaTypes"},
		{"remove media types", update("remove /binaryMediaTypes"), bad, "Invalid patch path /binaryMediaTypes"},
		{"ipv4 for private", update("replace /endpointConfiguration/types/0=PRIVATE", "replace /endpointConfiguration/ipAddressType=ipv4"), bad, "Only dualstack ipAddressType is supported for Private APIs."},
		{"endpoint of a public API", createAPI(apigateway.CreateRestApiInput{EndpointConfiguration: &types.EndpointConfiguration{Types: []types.EndpointType{"EDGE"}, VpcEndpointIds: []string{"vpce-1"}}}), bad, "VPCEndpoints can only be specified with PRIVATE apis."},
		{"compression", createAPI(apigateway.CreateRestApiInput{MinimumCompressionSize: aws.Int32(-1)}), bad, "Invalid minimum compression size, must be between 0 and 10485760"},
		{"compression, patched", update("replace /minimumCompressionSize=10485761"), bad, "Invalid minimum compression size, must be between 0 and 10485760"},
		{"key source", update("replace /apiKeySource=COOKIE"), bad, "Invalid API key source specified. Valid options are [HEADER, AUTHORIZER]"},
		{"endpoint type", update("replace /endpointConfiguration/types/0=LOCAL"), bad, "Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE,PRIVATE"},
		{"endpoint index", update("replace /endpointConfiguration/types/1=EDGE"), bad, "Invalid patch path /endpointConfiguration/types/1"},
		{"address type", update("replace /endpointConfiguration/ipAddressType=ipv6"), bad, "Invalid ipAddressType specified. Valid options are [ipv4, dualstack]"},
		{"no name", update("replace /name="), bad, "Name must be provided"},
		{"security policy", createAPI(apigateway.CreateRestApiInput{SecurityPolicy: types.SecurityPolicyTls12}), bad, "The member securityPolicy is not supported by stagedoor yet"},
	})
}

// AWS recordings test_update_resource_behaviour, test_update_resource_on_root,
// test_delete_resource; other sources at the checks.
func TestResourceRefusals(t *testing.T) {
	create := func(parts ...string) func(w *world) error {
		return func(w *world) error {
			id, root := w.api()
			var err error
			for _, part := range parts {
				_, err = w.CreateResource(w.ctx, &apigateway.CreateResourceInput{RestApiId: &id, ParentId: &root, PathPart: &part})
			}
			return err
		}
	}
	// update patches pets of /pets and /pets/subpets/pets; "@x" stands for an id.
	update := func(target, op, path, value string) func(w *world) error {
		return func(w *world) error {
			id, root := w.api()
			ids := map[string]string{"@root": root}
			ids["@pets"] = w.child(id, root, "pets")
			ids["@sub"] = w.child(id, ids["@pets"], "subpets")
			ids["@deep"] = w.child(id, ids["@sub"], "pets")
			if v := ids[value]; v != "" {
				value = v
			}
			if v := ids[target]; v != "" {
				target = v
			}
			_, err := w.UpdateResource(w.ctx, &apigateway.UpdateResourceInput{RestApiId: &id, ResourceId: &target, PatchOperations: ops(op + " " + path + "=" + value)})
			return err
		}
	}
	const (
		chars = "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly braces at the beginning and the end."
		none  = "Invalid Resource identifier specified"
	)
	refuse(t, []refusal{
		{"same name", create("pets", "pets"), clash, "Another resource with the same parent already has this name: pets"},
		{"second variable", create("{id}", "{proxy+}"), bad, "A sibling ({id}) of this resource already has a variable path part -- only one is allowed"},
		{"characters", create("a b"), bad, chars},
		{"dollar", create("$metadata"), bad, chars},
		{"half a variable", create("{id"), bad, chars},
		{"empty", create(""), bad, chars},
		{"no parent", func(w *world) error {
			id, _ := w.api()
			_, err := w.CreateResource(w.ctx, &apigateway.CreateResourceInput{RestApiId: &id, ParentId: aws.String("nothing"), PathPart: aws.String("a")})
			return err
		}, missing, none},
		{"child of greedy", func(w *world) error {
			id, root := w.api()
			proxy := w.child(id, root, "{proxy+}")
			_, err := w.CreateResource(w.ctx, &apigateway.CreateResourceInput{RestApiId: &id, ParentId: &proxy, PathPart: aws.String("a")})
			return err
		}, bad, "Cannot create a child of a resource with a greedy path variable: {proxy+}"},
		{"no resource", update("fake-resource", "replace", "/pathPart", "dogs"), missing, none},
		{"invalid path", update("@pets", "replace", "/invalid", "dogs"), bad, "Invalid patch path  '/invalid' specified for op 'replace'. Must be one of: [/parentId, /pathPart]"},
		{"invalid parent", update("@pets", "replace", "/parentId", "fake-parent-id"), missing, none},
		{"future sibling", update("@deep", "replace", "/parentId", "@root"), clash, "Another resource with the same parent already has this name: pets"},
		{"own child as parent", update("@pets", "replace", "/parentId", "@sub"), bad, "Resources cannot be cyclical."},
		{"remove", update("@pets", "remove", "/pathPart", ""), bad, "Invalid patch path  '/pathPart' specified for op 'remove'. Please choose supported operations"},
		{"add", update("@pets", "add", "/pathPart", "added"), bad, "Invalid patch path  '/pathPart' specified for op 'add'. Please choose supported operations"},
		{"name of root", update("@root", "replace", "/pathPart", "dogs"), bad, "Root resource cannot update its pathPart."},
		{"parent of root", update("@root", "replace", "/parentId", "@root"), bad, "Root resource cannot update its parentId."},
		{"greedy with children", update("@pets", "replace", "/pathPart", "{all+}"), bad, "Cannot create a child of a resource with a greedy path variable: {all+}"},
		{"delete nothing", func(w *world) error {
			id, _ := w.api()
			_, err := w.DeleteResource(w.ctx, &apigateway.DeleteResourceInput{RestApiId: &id, ResourceId: aws.String("nothing")})
			return err
		}, missing, none},
		{"get in no API", func(w *world) error {
			_, err := w.GetResource(w.ctx, &apigateway.GetResourceInput{RestApiId: aws.String("nothing"), ResourceId: aws.String("x")})
			return err
		}, missing, none},
		{"list of no API", func(w *world) error {
			_, err := w.GetResources(w.ctx, &apigateway.GetResourcesInput{RestApiId: aws.String("nothing")})
			return err
		}, missing, "Invalid API identifier specified 123456789012:nothing"},
	})
}

// AWS recordings test_method_lifecycle, test_method_request_parameters,
// test_update_method_validation.
func TestMethodRefusals(t *testing.T) {
	put := func(in apigateway.PutMethodInput) func(w *world) error {
		return func(w *world) error {
			id, root := w.api()
			w.put(id, root, "ANY")
			if in.HttpMethod == nil {
				in.HttpMethod = aws.String("GET")
			}
			if in.AuthorizationType == nil {
				in.AuthorizationType = aws.String("NONE")
			}
			in.RestApiId, in.ResourceId = &id, &root
			_, err := w.PutMethod(w.ctx, &in)
			return err
		}
	}
	update := func(lines ...string) func(w *world) error {
		return func(w *world) error {
			id, root := w.api()
			w.put(id, root, "ANY")
			_, err := w.UpdateMethod(w.ctx, &apigateway.UpdateMethodInput{RestApiId: &id, ResourceId: &root, HttpMethod: aws.String("ANY"), PatchOperations: ops(lines...)})
			return err
		}
	}
	const (
		authorizer = "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS requires a valid authorizer."
		onlySet    = "Invalid patch operation specified. Must be one of: [replace]"
	)
	refuse(t, []refusal{
		{"twice", put(apigateway.PutMethodInput{HttpMethod: aws.String("ANY")}), clash, "Method already exists for this resource"},
		{"no verb", put(apigateway.PutMethodInput{HttpMethod: aws.String("FETCH")}), bad, "Invalid HttpMethod specified. Valid options are GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY"},
		{"custom without authorizer", put(apigateway.PutMethodInput{AuthorizationType: aws.String("CUSTOM")}), bad, authorizer},
		{"cognito", put(apigateway.PutMethodInput{AuthorizationType: aws.String("COGNITO_USER_POOLS"), AuthorizerId: aws.String("abc123")}), bad, authorizer},
		{"validator", put(apigateway.PutMethodInput{RequestValidatorId: aws.String("fake-id")}), bad, "Invalid Request Validator identifier specified"},
		{"model", put(apigateway.PutMethodInput{RequestModels: map[string]string{"application/json": "Order"}}), bad, "Invalid model identifier specified: Order"},
		{"same parameter name", put(apigateway.PutMethodInput{RequestParameters: map[string]bool{"method.request.querystring.optional": false, "method.request.header.optional": false}}), bad, "Parameter names must be unique across querystring, header and path"},
		{"no parameter", put(apigateway.PutMethodInput{RequestParameters: map[string]bool{"request.header.x": false}}), bad, "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression parameter specified: request.header.x]"},
		{"update in no API", func(w *world) error {
			_, err := w.UpdateMethod(w.ctx, &apigateway.UpdateMethodInput{RestApiId: aws.String("fake"), ResourceId: aws.String("x"), HttpMethod: aws.String("ANY")})
			return err
		}, missing, "Invalid Resource identifier specified"},
		{"update no method", func(w *world) error {
			id, root := w.api()
			_, err := w.UpdateMethod(w.ctx, &apigateway.UpdateMethodInput{RestApiId: &id, ResourceId: &root, HttpMethod: aws.String("GET")})
			return err
		}, missing, "Invalid Method identifier specified"},
		{"add operation name", update("add /operationName=x"), bad, onlySet},
		{"add validator", update("add /requestValidatorId=x"), bad, onlySet},
		{"verb", update("add /httpMethod=PUT"), bad, "Invalid patch path /httpMethod"},
		{"parameters as a whole", update("replace /requestParameters=method.request.querystring.optional=false"), bad, "Invalid patch path /requestParameters"},
		{"unescaped model", update("add /requestModels/application/json=Empty"), bad, "Invalid patch path /requestModels/application/json"},
		{"custom", update("replace /authorizationType=CUSTOM"), bad, authorizer},
		{"custom with unknown id", update("replace /authorizationType=CUSTOM", "replace /authorizerId=abc123"), bad, authorizer},
		{"unknown validator", update("replace /requestValidatorId=fake-id"), bad, "Invalid Request Validator identifier specified"},
		{"response of no method", func(w *world) error {
			id, root := w.api()
			_, err := w.PutMethodResponse(w.ctx, &apigateway.PutMethodResponseInput{RestApiId: &id, ResourceId: &root, HttpMethod: aws.String("GET"), StatusCode: aws.String("200")})
			return err
		}, missing, "Invalid Method identifier specified"},
		{"response twice", func(w *world) error {
			id, root := w.api()
			w.put(id, root, "GET")
			in := &apigateway.PutMethodResponseInput{RestApiId: &id, ResourceId: &root, HttpMethod: aws.String("GET"), StatusCode: aws.String("200")}
			must(w.PutMethodResponse(w.ctx, in))(w.t)
			_, err := w.PutMethodResponse(w.ctx, in)
			return err
		}, clash, "Response already exists for this resource"},
		{"no response", func(w *world) error {
			id, root := w.api()
			w.put(id, root, "GET")
			_, err := w.GetMethodResponse(w.ctx, &apigateway.GetMethodResponseInput{RestApiId: &id, ResourceId: &root, HttpMethod: aws.String("GET"), StatusCode: aws.String("200")})
			return err
		}, missing, "Invalid Response status code specified"},
	})
}

const lambdaURI = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:123456789012:function:my-function-${stageVariables.env}/invocations"

// AWS recordings test_put_integration_response_validation,
// test_integration_response_wrong_*, test_put_integration_aws_proxy_uri; other
// sources at the checks.
func TestIntegrationRefusals(t *testing.T) {
	put := func(in apigateway.PutIntegrationInput) func(w *world) error {
		return func(w *world) error {
			id, root := w.api()
			w.put(id, root, "GET")
			in.RestApiId, in.ResourceId, in.HttpMethod = &id, &root, aws.String("GET")
			_, err := w.PutIntegration(w.ctx, &in)
			return err
		}
	}
	lambda := func(change func(in *apigateway.PutIntegrationInput)) func(w *world) error {
		in := apigateway.PutIntegrationInput{Type: types.IntegrationTypeAwsProxy, IntegrationHttpMethod: aws.String("POST"), Uri: aws.String(lambdaURI)}
		change(&in)
		return put(in)
	}
	mapping := func(problem string) string {
		return "Invalid mapping expression specified: Validation Result: warnings : [], errors : [" + problem + "]"
	}
	respond := func(in apigateway.PutIntegrationResponseInput) func(w *world) error {
		return func(w *world) error {
			id, root := w.deployable()
			must(w.PutMethodResponse(w.ctx, &apigateway.PutMethodResponseInput{
				RestApiId: &id, ResourceId: &root, HttpMethod: aws.String("GET"), StatusCode: aws.String("200"),
				ResponseParameters: map[string]bool{"method.response.header.X": false},
			}))(w.t)
			in.RestApiId, in.ResourceId, in.HttpMethod = &id, &root, aws.String("GET")
			_, err := w.PutIntegrationResponse(w.ctx, &in)
			return err
		}
	}
	const unsupported = "Integrations of type 'HTTP_PROXY' are not supported by stagedoor yet: use AWS_PROXY with a Lambda function, or MOCK"
	refuse(t, []refusal{
		{"type", put(apigateway.PutIntegrationInput{Type: types.IntegrationTypeHttpProxy}), bad, unsupported},
		{"no verb", lambda(func(in *apigateway.PutIntegrationInput) { in.IntegrationHttpMethod = nil }), bad, "Enumeration value for HttpMethod must be non-empty"},
		{"no URI", lambda(func(in *apigateway.PutIntegrationInput) { in.Uri = nil }), bad, "Invalid ARN specified in the request"},
		{"timeout", lambda(func(in *apigateway.PutIntegrationInput) { in.TimeoutInMillis = aws.Int32(31000) }), bad, "Timeout should be between 50 ms and 29000 ms"},
		{"short timeout", lambda(func(in *apigateway.PutIntegrationInput) { in.TimeoutInMillis = aws.Int32(49) }), bad, "Timeout should be between 50 ms and 29000 ms"},
		{"stream", lambda(func(in *apigateway.PutIntegrationInput) { in.ResponseTransferMode = types.ResponseTransferModeStream }), bad, "The response transfer mode STREAM is not supported by stagedoor yet"},
		{"VPC link", lambda(func(in *apigateway.PutIntegrationInput) { in.ConnectionType = types.ConnectionTypeVpcLink }), bad, "The connection type VPC_LINK is not supported by stagedoor yet"},
		{"undeclared parameter", lambda(func(in *apigateway.PutIntegrationInput) {
			in.RequestParameters = map[string]string{"integration.request.path.id": "method.request.path.petId"}
		}), bad, mapping("Invalid mapping expression parameter specified: method.request.path.petId")},
		{"no expression", lambda(func(in *apigateway.PutIntegrationInput) {
			in.RequestParameters = map[string]string{"integration.request.header.x": `"*"`}
		}), bad, mapping(`Invalid mapping expression specified: "*"`)},
		{"no target", lambda(func(in *apigateway.PutIntegrationInput) {
			in.RequestParameters = map[string]string{"integration.request.cookie.x": "'a'"}
		}), bad, mapping("Invalid mapping expression parameter specified: integration.request.cookie.x")},
		{"cache key", lambda(func(in *apigateway.PutIntegrationInput) { in.CacheKeyParameters = []string{"method.request.path.id"} }), bad, "Invalid cache key parameter specified"},
		{"template language", put(apigateway.PutIntegrationInput{Type: types.IntegrationTypeMock, RequestTemplates: map[string]string{"application/json": `{"statusCode": $input.params('x')}`}}), bad,
			`The request template for application/json contains "$input.params('x": mapping templates of MOCK integrations must be literal, the template language (VTL) is not supported by stagedoor yet`},
		{"content type", put(apigateway.PutIntegrationInput{Type: types.IntegrationTypeMock, RequestTemplates: map[string]string{"123": `{}`}}), bad, "Validation Result: warnings : [], errors : [Invalid content type specified: 123]"},
		{"long template", put(apigateway.PutIntegrationInput{Type: types.IntegrationTypeMock, RequestTemplates: map[string]string{"application/json": strings.Repeat("x", 300<<10+1)}}), bad, "Mapping template for application/json is longer than 307200 bytes"},
		{"no method", func(w *world) error {
			id, root := w.api()
			_, err := w.PutIntegration(w.ctx, &apigateway.PutIntegrationInput{RestApiId: &id, ResourceId: &root, HttpMethod: aws.String("GET"), Type: types.IntegrationTypeMock})
			return err
		}, missing, "Invalid Method identifier specified"},
		{"no resource", func(w *world) error {
			id, _ := w.api()
			_, err := w.PutIntegration(w.ctx, &apigateway.PutIntegrationInput{RestApiId: &id, ResourceId: aws.String("bad"), HttpMethod: aws.String("GET"), Type: types.IntegrationTypeMock})
			return err
		}, missing, "Invalid Resource identifier specified"},
		{"no integration", func(w *world) error {
			id, root := w.api()
			w.put(id, root, "GET")
			_, err := w.GetIntegration(w.ctx, &apigateway.GetIntegrationInput{RestApiId: &id, ResourceId: &root, HttpMethod: aws.String("GET")})
			return err
		}, missing, "Invalid Integration identifier specified"},
		{"response in no API", func(w *world) error {
			_, err := w.PutIntegrationResponse(w.ctx, &apigateway.PutIntegrationResponseInput{RestApiId: aws.String("wrong-api"), ResourceId: aws.String("dummy"), HttpMethod: aws.String("GET"), StatusCode: aws.String("200")})
			return err
		}, missing, "Invalid Resource identifier specified"},
		{"response of no method", func(w *world) error {
			id, root := w.api()
			_, err := w.GetIntegrationResponse(w.ctx, &apigateway.GetIntegrationResponseInput{RestApiId: &id, ResourceId: &root, HttpMethod: aws.String("wrong-method"), StatusCode: aws.String("200")})
			return err
		}, missing, "Invalid Method identifier specified"},
		{"response content type", respond(apigateway.PutIntegrationResponseInput{StatusCode: aws.String("200"), ResponseTemplates: map[string]string{"123": "{}"}}), bad, "Validation Result: warnings : [], errors : [Invalid content type specified: 123]"},
		{"response template language", respond(apigateway.PutIntegrationResponseInput{StatusCode: aws.String("200"), ResponseTemplates: map[string]string{"application/json": "#if(true)x#end"}}), bad,
			`The response template for application/json contains "#if(true)x#end": mapping templates of MOCK integrations must be literal, the template language (VTL) is not supported by stagedoor yet`},
		{"undeclared status", respond(apigateway.PutIntegrationResponseInput{StatusCode: aws.String("404"), ResponseParameters: map[string]string{"method.response.header.X": "'a'"}}), bad, mapping("No method response exists for method.")},
		{"undeclared header", respond(apigateway.PutIntegrationResponseInput{StatusCode: aws.String("200"), ResponseParameters: map[string]string{"method.response.header.Y": "'a'"}}), bad, mapping("Invalid mapping expression parameter specified: method.response.header.Y")},
		{"dynamic header", respond(apigateway.PutIntegrationResponseInput{StatusCode: aws.String("200"), ResponseParameters: map[string]string{"method.response.header.X": "context.requestId"}}), bad, "The response mapping from context.requestId in a MOCK integration is not supported by stagedoor yet"},
		{"pattern", respond(apigateway.PutIntegrationResponseInput{StatusCode: aws.String("200"), SelectionPattern: aws.String("(?!2)")}), bad, "The selection pattern of a MOCK integration response cannot be used: error parsing regexp: invalid or unsupported Perl syntax: `(?!`"},
		{"response expression", respond(apigateway.PutIntegrationResponseInput{StatusCode: aws.String("200"), ResponseParameters: map[string]string{"method.response.header.X": "a"}}), bad, mapping("Invalid mapping expression specified: a")},
	})
}
