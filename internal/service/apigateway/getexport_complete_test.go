package apigateway

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/stagedoor/stagedoor/internal/state"
)

// What a deployment can differ in shows in its export: every field of a snapshot
// has a change here, and the export after it is another one, or the reason why
// AWS's export does not tell of it. A field that somebody adds fails the test
// until it has one.
func TestExportNamesEveryDifference(t *testing.T) {
	for kind, fields := range map[reflect.Type]map[string]any{
		reflect.TypeFor[state.APISnapshot](): {
			"APIKeySource":              func(d *state.Deployment) { d.APIKeySource = "AUTHORIZER" },
			"BinaryMediaTypes":          func(d *state.Deployment) { d.BinaryMediaTypes = []string{"image/png"} },
			"MinimumCompressionSize":    func(d *state.Deployment) { d.MinimumCompressionSize = new(int32(0)) },
			"EndpointTypes":             "AWS's export has no place for it: clients give it beside the document",
			"VPCEndpointIDs":            func(d *state.Deployment) { d.VPCEndpointIDs = []string{"vpce-1"} },
			"IPAddressType":             "AWS's export has no place for it",
			"Policy":                    func(d *state.Deployment) { d.Policy = new(`{"Version":"2012-10-17","Statement":[]}`) },
			"DisableExecuteAPIEndpoint": func(d *state.Deployment) { d.DisableExecuteAPIEndpoint = true },
			"RootResourceID":            "an id",
			"Resources": func(d *state.Deployment) {
				d.Resources["r3"] = &state.Resource{ID: "r3", ParentID: "r1", Path: "/b", Methods: map[string]*state.Method{"ANY": exportMethod(d)}}
			},
		},
		reflect.TypeFor[state.Resource](): {
			"ID": "an id", "ParentID": "an id", "PathPart": "the path holds it",
			"Path":    func(d *state.Deployment) { d.Resources["r2"].Path = "/b" },
			"Methods": func(d *state.Deployment) { d.Resources["r2"].Methods["PUT"] = exportMethod(d) },
		},
		reflect.TypeFor[state.Method](): {
			"HTTPMethod":          "the key of the method",
			"AuthorizationType":   func(m *state.Method) { m.AuthorizationType = authIAM },
			"AuthorizerID":        "no method can have an authorizer yet",
			"AuthorizationScopes": "they mean something with a Cognito authorizer only, which no method can have yet",
			"APIKeyRequired":      func(m *state.Method) { m.APIKeyRequired = true },
			"OperationName":       func(m *state.Method) { m.OperationName = new("List") },
			"RequestValidatorID":  "no method can have a validator yet",
			"RequestParameters":   func(m *state.Method) { m.RequestParameters["method.request.querystring.q"] = true },
			"RequestModels":       func(m *state.Method) { m.RequestModels = map[string]string{"application/json": "Empty"} },
			"Responses":           func(m *state.Method) { m.Responses["500"] = &state.MethodResponse{StatusCode: "500"} },
			"Integration":         func(m *state.Method) { m.Integration = &state.Integration{Type: "MOCK"} },
		},
		reflect.TypeFor[state.MethodResponse](): {
			"StatusCode": "the key of the response",
			"ResponseParameters": func(m *state.Method) {
				m.Responses["200"].ResponseParameters = map[string]bool{"method.response.header.X": true}
			},
			"ResponseModels": func(m *state.Method) {
				m.Responses["200"].ResponseModels = map[string]string{"text/plain": "Error"}
			},
		},
		reflect.TypeFor[state.Integration](): {
			"Type":           func(i *state.Integration) { i.Type = "MOCK" },
			"HTTPMethod":     func(i *state.Integration) { i.HTTPMethod = "GET" },
			"URI":            func(i *state.Integration) { i.URI += "x" },
			"ConnectionType": func(i *state.Integration) { i.ConnectionType = "INTERNET" },
			"ConnectionID":   func(i *state.Integration) { i.ConnectionID = new("c") },
			"Credentials":    func(i *state.Integration) { i.Credentials = new("arn:aws:iam::123456789012:role/x") },
			"RequestParameters": func(i *state.Integration) {
				i.RequestParameters = map[string]string{"integration.request.header.x": "'1'"}
			},
			"RequestTemplates":     func(i *state.Integration) { i.RequestTemplates = map[string]string{"application/json": "{}"} },
			"PassthroughBehavior":  func(i *state.Integration) { i.PassthroughBehavior = "NEVER" },
			"ContentHandling":      func(i *state.Integration) { i.ContentHandling = new("CONVERT_TO_TEXT") },
			"TimeoutMillis":        func(i *state.Integration) { i.TimeoutMillis = 50 },
			"CacheNamespace":       func(i *state.Integration) { i.CacheNamespace = "shared" },
			"CacheKeyParameters":   func(i *state.Integration) { i.CacheKeyParameters = []string{"method.request.querystring.q"} },
			"InsecureSkipVerify":   func(i *state.Integration) { i.InsecureSkipVerify = new(false) },
			"ResponseTransferMode": func(i *state.Integration) { i.ResponseTransferMode = "BUFFERED" },
			"Responses": func(i *state.Integration) {
				i.Responses["500"] = &state.IntegrationResponse{StatusCode: "500", SelectionPattern: new("5..")}
			},
		},
		reflect.TypeFor[state.IntegrationResponse](): {
			"StatusCode":       func(r *state.IntegrationResponse) { r.StatusCode = "201" },
			"SelectionPattern": func(r *state.IntegrationResponse) { r.SelectionPattern = new("2..") },
			"ResponseParameters": func(r *state.IntegrationResponse) {
				r.ResponseParameters = map[string]string{"method.response.header.X": "'1'"}
			},
			"ResponseTemplates": func(r *state.IntegrationResponse) { r.ResponseTemplates = map[string]string{"application/json": "{}"} },
			"ContentHandling":   func(r *state.IntegrationResponse) { r.ContentHandling = new("CONVERT_TO_TEXT") },
		},
	} {
		for i := range kind.NumField() {
			name := kind.Field(i).Name
			if fields[name] == nil {
				t.Errorf("%s.%s: nothing is said about it", kind.Name(), name)
			}
			if _, because := fields[name].(string); because {
				continue
			}
			for _, format := range []string{exportOpenAPI, exportSwagger} {
				d := exportDeployment()
				before := exported(format, d)
				m := d.Resources["r2"].Methods["GET"]
				switch change := fields[name].(type) {
				case func(*state.Deployment):
					change(d)
				case func(*state.Method):
					change(m)
				case func(*state.Integration):
					change(m.Integration)
				case func(*state.IntegrationResponse):
					change(m.Integration.Responses["200"])
				}
				if exported(format, d) == before {
					t.Errorf("%s.%s: the %s export does not show the change", kind.Name(), name, format)
				}
			}
		}
	}
}

func exported(format string, d *state.Deployment) string {
	e := &exporter{
		kind: format, parts: extensions{integrations: true, authorizers: true, api: true},
		api: &state.RestAPI{ID: "api", Region: region}, stage: &state.Stage{Name: "dev"}, deployment: d,
		models: map[string]bool{}, schemes: map[string]bool{},
	}
	return string(e.document().json())
}

func exportDeployment() *state.Deployment {
	d := &state.Deployment{APIName: "shop", APISnapshot: state.APISnapshot{APIKeySource: "HEADER", RootResourceID: "r1"}}
	d.Resources = map[string]*state.Resource{
		"r1": {ID: "r1", Path: "/"},
		"r2": {ID: "r2", ParentID: "r1", PathPart: "a", Path: "/a", Methods: map[string]*state.Method{"GET": {
			HTTPMethod: "GET", AuthorizationType: authNone, RequestParameters: map[string]bool{"method.request.querystring.q": false},
			Responses: map[string]*state.MethodResponse{"200": {StatusCode: "200"}},
			Integration: &state.Integration{
				Type: "AWS_PROXY", HTTPMethod: "POST", URI: lambdaURI, PassthroughBehavior: passWhenNoMatch, TimeoutMillis: defaultTimeoutMillis, CacheNamespace: "r2",
				Responses: map[string]*state.IntegrationResponse{"200": {StatusCode: "200"}},
			},
		}}},
	}
	return d
}

// exportMethod is a copy of the one method there is.
func exportMethod(d *state.Deployment) *state.Method {
	data, _ := json.Marshal(d.Resources["r2"].Methods["GET"])
	m := &state.Method{}
	_ = json.Unmarshal(data, m)
	return m
}
