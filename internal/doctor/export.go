package doctor

import (
	"encoding/json"
	"fmt"
	"strings"
)

// snapshot is what GetExport tells of a deployed stage.
type snapshot struct {
	methods []*method
	policy  *string
}

// anyMethod stands for an ANY method in an export.
const anyMethod = "x-amazon-apigateway-any-method"

// openAPI is as much of an OpenAPI 3 document with API Gateway's extensions as
// decides a call (APIGW-DG api-gateway-swagger-extensions).
type openAPI struct {
	Version    string                                `json:"openapi"`
	Paths      map[string]map[string]json.RawMessage `json:"paths"`
	Policy     json.RawMessage                       `json:"x-amazon-apigateway-policy"`
	Components struct {
		SecuritySchemes map[string]struct {
			AuthType string `json:"x-amazon-apigateway-authtype"`
		} `json:"securitySchemes"`
	} `json:"components"`
}

type openAPIOperation struct {
	Security    []map[string]json.RawMessage `json:"security"`
	Integration *struct {
		Type        string `json:"type"`
		URI         string `json:"uri"`
		HTTPMethod  string `json:"httpMethod"`
		Credentials string `json:"credentials"`
		Transfer    string `json:"responseTransferMode"`
		Timeout     int32  `json:"timeoutInMillis"`
	} `json:"x-amazon-apigateway-integration"`
}

// readExport refuses what does not tell all: there are endpoints that answer
// another format, or methods without integrations (moto 5), which AWS does not
// deploy ("No integration defined for method").
func readExport(document json.RawMessage) (*snapshot, error) {
	var d openAPI
	if err := json.Unmarshal(document, &d); err != nil {
		return nil, fmt.Errorf("the export of the stage is no OpenAPI document: %w", err)
	}
	if !strings.HasPrefix(d.Version, "3.") {
		return nil, fmt.Errorf("the export of the stage is no OpenAPI 3 document: its version is %q", d.Version)
	}
	out := &snapshot{}
	if len(d.Policy) > 0 {
		policy := string(d.Policy)
		out.policy = &policy
	}
	for path, operations := range d.Paths {
		for verb, raw := range operations {
			configured, ok := exportedVerb(verb)
			if !ok {
				continue
			}
			var op openAPIOperation
			if err := json.Unmarshal(raw, &op); err != nil {
				return nil, fmt.Errorf("the export of the stage: %s %s: %w", verb, path, err)
			}
			if op.Integration == nil {
				return nil, fmt.Errorf("the export of the stage: %s %s has no integration", verb, path)
			}
			out.methods = append(out.methods, d.method(configured, path, &op))
		}
	}
	sortMethods(out.methods)
	return out, nil
}

func exportedVerb(key string) (string, bool) {
	switch key {
	case anyMethod:
		return "ANY", true
	case "get", "put", "post", "delete", "options", "head", "patch":
		return strings.ToUpper(key), true
	}
	return "", false
}

func (d *openAPI) method(verb, path string, op *openAPIOperation) *method {
	in := op.Integration
	m := &method{
		verb: verb, path: path, auth: "NONE",
		integration: strings.ToUpper(in.Type), uri: in.URI, httpMethod: in.HTTPMethod, credentials: in.Credentials, transfer: in.Transfer, timeout: in.Timeout,
	}
	for _, requirement := range op.Security {
		for scheme := range requirement {
			switch kind := d.Components.SecuritySchemes[scheme].AuthType; {
			case strings.EqualFold(kind, "awsSigv4"):
				m.auth = "AWS_IAM"
			case kind != "":
				m.auth = "CUSTOM"
			default:
				m.keyNeeded = true
			}
		}
	}
	return m
}
