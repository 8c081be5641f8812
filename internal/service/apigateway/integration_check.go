package apigateway

import (
	"mime"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"

	"github.com/stagedoor/stagedoor/internal/state"
)

// checkIntegration validates an integration as a whole, after a put or a patch.
func (s *Service) checkIntegration(c scope, m *state.Method, i *state.Integration) error {
	switch types.IntegrationType(i.Type) {
	case types.IntegrationTypeAwsProxy:
		if err := checkLambda(c, i); err != nil {
			return err
		}
	case types.IntegrationTypeMock:
		if err := checkMock(i); err != nil {
			return err
		}
	default:
		return badRequest("Integrations of type '%s' are not supported by stagedoor yet: use AWS_PROXY with a Lambda function, or MOCK", i.Type)
	}
	if limit := s.limits.TimeoutMillis; i.TimeoutMillis < 50 || limit > 0 && i.TimeoutMillis > limit {
		// aws/aws-cdk#31063.
		return badRequest("Timeout should be between 50 ms and %d ms", limit)
	}
	if !isPassthrough(i.PassthroughBehavior) {
		return badRequest("Invalid pass through behavior specified. Valid values are [%s]", strings.Join(passthroughBehaviors, ", ")) // unverified: text
	}
	if i.ResponseTransferMode != "" && i.ResponseTransferMode != string(types.ResponseTransferModeBuffered) {
		return errUnsupported("The response transfer mode %s", i.ResponseTransferMode)
	}
	if i.ConnectionType != "" && i.ConnectionType != string(types.ConnectionTypeInternet) {
		return errUnsupported("The connection type %s", i.ConnectionType)
	}
	if err := checkTemplates(i.RequestTemplates); err != nil {
		return err
	}
	return checkRequestMapping(m, i)
}

// maxTemplate: APIGW-DG:api-gateway-execution-service-limits-table, bytes.
const maxTemplate = 300 << 10

// checkTemplates validates what all templates have in common.
func checkTemplates(templates map[string]string) error {
	for contentType, template := range templates {
		switch {
		case !isContentType(contentType):
			return errValidation("", "Invalid content type specified: "+contentType)
		case len(template) > maxTemplate:
			return badRequest("Mapping template for %s is longer than %d bytes", contentType, maxTemplate) // unverified: text
		}
	}
	return nil
}

// checkLambda validates an AWS_PROXY integration.
func checkLambda(c scope, i *state.Integration) error {
	if i.HTTPMethod == "" {
		return badRequest("Enumeration value for HttpMethod must be non-empty") // aws/aws-cli#1605
	}
	if err := checkLambdaURI(i.URI); err != nil {
		return err
	}
	return checkCredentials(c, deref(i.Credentials))
}

// functionsPath begins the path of a Lambda invocation; streamingPath that of a
// streamed one.
const (
	functionsPath = "2015-03-31/functions/"
	streamingPath = "2021-11-15/functions/"
)

// checkLambdaURI accepts what AWS accepts:
// arn:PARTITION:apigateway:REGION:lambda:path/2015-03-31/functions/FUNCTION/invocations,
// where everything after "functions/" may hold ${stageVariables.NAME}. Whether
// FUNCTION makes sense shows only in a stage, so AWS looks at it no earlier than
// at a call. The texts are from AWS recording test_put_integration_aws_proxy_uri.
func checkLambdaURI(uri string) error {
	parts := strings.SplitN(uri, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" {
		return badRequest("Invalid ARN specified in the request")
	}
	service, target := parts[4], parts[5]
	path, isPath := strings.CutPrefix(target, "path/")
	_, isAction := strings.CutPrefix(target, "action/")
	if parts[2] != "apigateway" || !isPath && !isAction {
		return badRequest("AWS ARN for integration must contain path or action")
	}
	switch {
	case service == "lambda" && strings.HasPrefix(path, streamingPath):
		return errUnsupported("Response streaming (the path %s…)", streamingPath)
	case service == "firehose" && isAction:
		return errUnsupported("An AWS_PROXY integration with a Firehose stream")
	}
	function, ok := strings.CutPrefix(path, functionsPath)
	if service != "lambda" || !ok || function == "" {
		return badRequest("Integrations of type 'AWS_PROXY' currently only supports Lambda function and Firehose stream invocations.")
	}
	return nil
}

// checkCredentials accepts the ARN of a role of the caller's account, with stage
// variables in its last part (aws-apigateway-importer#94), or "arn:aws:iam::*:user/*".
func checkCredentials(c scope, credentials string) error {
	if credentials == "" {
		return nil
	}
	parts := strings.SplitN(credentials, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" || parts[2] != "iam" {
		return badRequest("Invalid ARN specified in the request") // aws/aws-sdk-java#860
	}
	if account := parts[4]; account != c.account && account != "*" {
		return errCrossAccountRole()
	}
	return nil
}

// checkMock refuses request templates that need a template engine: a MOCK
// integration takes its status from the literal JSON of the template.
func checkMock(i *state.Integration) error {
	for contentType, template := range i.RequestTemplates {
		if err := checkLiteral("request", contentType, template); err != nil {
			return err
		}
	}
	for _, r := range i.Responses {
		if err := checkResponseTemplates(i, r); err != nil {
			return err
		}
	}
	return nil
}

// checkLiteral refuses a template of a MOCK integration with anything to evaluate.
func checkLiteral(kind, contentType, template string) error {
	if construct := evaluates(template); construct != "" {
		return badRequest("The %s template for %s contains %q: mapping templates of MOCK integrations must be literal, "+
			"the template language (VTL) is not supported by stagedoor yet", kind, contentType, construct)
	}
	return nil
}

// evaluates returns the first construct of the template language in template, ""
// if it is literal text. A '$' begins a reference only before a letter, '_', '!'
// or '{', a '#' a directive or comment only before a letter, '#', '*', '{' or '['
// (Velocity user guide): "$5" and "#1" are text.
func evaluates(template string) string {
	for i := range len(template) - 1 {
		c, next := template[i], template[i+1]
		letter := next|0x20 >= 'a' && next|0x20 <= 'z'
		if c == '$' && (letter || strings.IndexByte("_!{", next) >= 0) || c == '#' && (letter || strings.IndexByte("#*{[", next) >= 0) {
			return template[i:min(i+16, len(template))]
		}
	}
	return ""
}

// isContentType reports whether s can be the key of a template map: AWS refuses
// "123" (AWS recording test_integration_response_invalid_responsetemplates).
func isContentType(s string) bool {
	if s == "$default" {
		return true
	}
	media, _, err := mime.ParseMediaType(s)
	return err == nil && strings.Contains(media, "/")
}

// checkRequestMapping validates requestParameters and cacheKeyParameters against
// the parameters that the method declares.
func checkRequestMapping(m *state.Method, i *state.Integration) error {
	for target, source := range i.RequestParameters {
		if !isIntegrationParameter(target) {
			return errMapping("Invalid mapping expression parameter specified: " + target)
		}
		if err := checkRequestSource(m, source); err != nil {
			return err
		}
	}
	for _, key := range i.CacheKeyParameters {
		_, declared := m.RequestParameters[key]
		_, mapped := i.RequestParameters[key]
		if !declared && !mapped {
			return badRequest("Invalid cache key parameter specified") // DianaIonita/serverless-api-gateway-caching#65
		}
	}
	return nil
}

// isIntegrationParameter reports whether s is "integration.request.{header|querystring|path}.NAME".
func isIntegrationParameter(s string) bool {
	for _, place := range []string{"header.", "querystring.", "path."} {
		if name, ok := strings.CutPrefix(s, "integration.request."+place); ok && name != "" {
			return true
		}
	}
	return false
}

// checkRequestSource validates the right side of a request mapping
// (APIGW-DG:request-response-data-mappings).
func checkRequestSource(m *state.Method, source string) error {
	if strings.HasPrefix(source, "method.request.") {
		rest := strings.TrimPrefix(source, "method.request.")
		if rest == "body" || strings.HasPrefix(rest, "body.") {
			return nil
		}
		single := strings.NewReplacer("request.multivaluequerystring.", "request.querystring.", "request.multivalueheader.", "request.header.").Replace(source)
		_, declared := m.RequestParameters[source]
		_, declaredSingle := m.RequestParameters[single]
		if _, ok := requestParameter(source); !ok || !declared && !declaredSingle {
			// amazon-api-gateway-developer-guide#24.
			return errMapping("Invalid mapping expression parameter specified: " + source)
		}
		return nil
	}
	if !isLiteralOrContext(source) {
		// amazon-api-gateway-developer-guide#7.
		return errMapping("Invalid mapping expression specified: " + source)
	}
	return nil
}

// isLiteralOrContext reports whether s is a quoted literal, a context variable or
// a stage variable.
func isLiteralOrContext(s string) bool {
	if len(s) >= 2 && s[0] == '\'' && s[len(s)-1] == '\'' {
		return true
	}
	return slices.ContainsFunc([]string{"context.", "stageVariables."}, func(prefix string) bool {
		return strings.HasPrefix(s, prefix) && len(s) > len(prefix)
	})
}
