package state

import "time"

// Prefixes of the API Gateway (REST) records.
const (
	RestAPIs           Key = "apigateway.restapi"    // .account.region.api → RestAPI
	Deployments        Key = "apigateway.deployment" // .account.region.api.deployment → Deployment
	Stages             Key = "apigateway.stage"      // .account.region.api.stage → Stage
	APIGatewayAccounts Key = "apigateway.account"    // .account.region → APIGatewayAccount
)

// RestAPIKey names a REST API by its id.
func RestAPIKey(account, region, api string) Key { return RestAPIs.Child(account, region, api) }

// DeploymentKey names one deployment of a REST API.
func DeploymentKey(account, region, api, deployment string) Key {
	return Deployments.Child(account, region, api, deployment)
}

// StageKey names one stage of a REST API.
func StageKey(account, region, api, stage string) Key {
	return Stages.Child(account, region, api, stage)
}

// APIGatewayAccountKey names the settings of one account in one region.
func APIGatewayAccountKey(account, region string) Key {
	return APIGatewayAccounts.Child(account, region)
}

// Maps and lists in these records are omitzero, not omitempty: AWS answers an
// empty map where one was sent and none where none was (AWS recording
// test_lifecycle_method_response), so the two must survive storage.

// RestAPI is a REST API as it is edited: its settings and its live tree. What
// a stage serves is a Deployment, not this.
type RestAPI struct {
	Account     string            `json:"account"`
	Region      string            `json:"region"`
	ID          string            `json:"id"`
	Name        string            `json:"name"`
	Description *string           `json:"description,omitempty"`
	Version     *string           `json:"version,omitempty"`
	CreatedDate time.Time         `json:"createdDate"`
	Tags        map[string]string `json:"tags,omitzero"`
	APISnapshot
}

// APISnapshot is the part of a REST API that a deployment freezes.
type APISnapshot struct {
	APIKeySource              string               `json:"apiKeySource"` // "HEADER" or "AUTHORIZER"
	BinaryMediaTypes          []string             `json:"binaryMediaTypes,omitzero"`
	MinimumCompressionSize    *int32               `json:"minimumCompressionSize,omitempty"`
	EndpointTypes             []string             `json:"endpointTypes"` // "EDGE", "REGIONAL" or "PRIVATE"
	VPCEndpointIDs            []string             `json:"vpcEndpointIds,omitzero"`
	IPAddressType             string               `json:"ipAddressType,omitempty"`
	Policy                    *string              `json:"policy,omitempty"` // the resource policy as it was sent
	DisableExecuteAPIEndpoint bool                 `json:"disableExecuteApiEndpoint,omitempty"`
	RootResourceID            string               `json:"rootResourceId"`
	Resources                 map[string]*Resource `json:"resources"` // by id
}

// Resource is a node of an API's tree.
type Resource struct {
	ID       string             `json:"id"`
	ParentID string             `json:"parentId,omitempty"` // empty for the root
	PathPart string             `json:"pathPart,omitempty"` // empty for the root
	Path     string             `json:"path"`               // the full template, "/users/{id}"
	Methods  map[string]*Method `json:"methods,omitzero"`   // by verb or "ANY"
}

// Method is one verb on a resource.
type Method struct {
	HTTPMethod          string                     `json:"httpMethod"`
	AuthorizationType   string                     `json:"authorizationType"` // "NONE", "AWS_IAM", "CUSTOM", "COGNITO_USER_POOLS"
	AuthorizerID        *string                    `json:"authorizerId,omitempty"`
	AuthorizationScopes []string                   `json:"authorizationScopes,omitzero"`
	APIKeyRequired      bool                       `json:"apiKeyRequired"`
	OperationName       *string                    `json:"operationName,omitempty"`
	RequestValidatorID  *string                    `json:"requestValidatorId,omitempty"`
	RequestParameters   map[string]bool            `json:"requestParameters,omitzero"` // "method.request.header.X" → required
	RequestModels       map[string]string          `json:"requestModels,omitzero"`     // content type → model
	Responses           map[string]*MethodResponse `json:"responses,omitzero"`         // by status code
	Integration         *Integration               `json:"integration,omitempty"`
}

// MethodResponse declares one status code of a method.
type MethodResponse struct {
	StatusCode         string            `json:"statusCode"`
	ResponseParameters map[string]bool   `json:"responseParameters,omitzero"`
	ResponseModels     map[string]string `json:"responseModels,omitzero"`
}

// Integration is what answers a method.
type Integration struct {
	Type                 string                          `json:"type"`                 // "AWS_PROXY", "MOCK", …
	HTTPMethod           string                          `json:"httpMethod,omitempty"` // the verb of the integration request
	URI                  string                          `json:"uri,omitempty"`        // may hold ${stageVariables.x}
	ConnectionType       string                          `json:"connectionType,omitempty"`
	ConnectionID         *string                         `json:"connectionId,omitempty"`
	Credentials          *string                         `json:"credentials,omitempty"` // a role ARN, or arn:aws:iam::*:user/*
	RequestParameters    map[string]string               `json:"requestParameters,omitzero"`
	RequestTemplates     map[string]string               `json:"requestTemplates,omitzero"` // content type → template
	PassthroughBehavior  string                          `json:"passthroughBehavior,omitempty"`
	ContentHandling      *string                         `json:"contentHandling,omitempty"`
	TimeoutMillis        int32                           `json:"timeoutMillis"` // 50 … 29000
	CacheNamespace       string                          `json:"cacheNamespace,omitempty"`
	CacheKeyParameters   []string                        `json:"cacheKeyParameters,omitzero"`
	InsecureSkipVerify   *bool                           `json:"insecureSkipVerify,omitempty"` // tlsConfig; nil: no tlsConfig
	ResponseTransferMode string                          `json:"responseTransferMode,omitempty"`
	Responses            map[string]*IntegrationResponse `json:"responses,omitzero"` // by status code
}

// IntegrationResponse maps what an integration answered to a method response.
type IntegrationResponse struct {
	StatusCode         string            `json:"statusCode"`
	SelectionPattern   *string           `json:"selectionPattern,omitempty"`
	ResponseParameters map[string]string `json:"responseParameters,omitzero"`
	ResponseTemplates  map[string]string `json:"responseTemplates,omitzero"`
	ContentHandling    *string           `json:"contentHandling,omitempty"`
}

// Deployment is the immutable picture of a RestAPI at the moment of
// CreateDeployment. Only its description ever changes.
type Deployment struct {
	Account     string    `json:"account"`
	Region      string    `json:"region"`
	API         string    `json:"api"`
	ID          string    `json:"id"`
	Description *string   `json:"description,omitempty"`
	CreatedDate time.Time `json:"createdDate"`
	APIName     string    `json:"apiName"`
	APISnapshot
}

// Stage serves one deployment under one name.
type Stage struct {
	Account              string                    `json:"account"`
	Region               string                    `json:"region"`
	API                  string                    `json:"api"`
	Name                 string                    `json:"name"`
	DeploymentID         string                    `json:"deploymentId"`
	Description          *string                   `json:"description,omitempty"`
	Variables            map[string]string         `json:"variables,omitzero"`
	MethodSettings       map[string]*MethodSetting `json:"methodSettings,omitzero"` // by "PATH/VERB", or "*/*": see MethodSetting
	AccessLog            *AccessLogSettings        `json:"accessLog,omitempty"`
	Canary               *CanarySettings           `json:"canary,omitempty"`
	CacheClusterEnabled  bool                      `json:"cacheClusterEnabled"`
	CacheClusterSize     *string                   `json:"cacheClusterSize,omitempty"`
	ClientCertificateID  *string                   `json:"clientCertificateId,omitempty"`
	DocumentationVersion *string                   `json:"documentationVersion,omitempty"`
	TracingEnabled       bool                      `json:"tracingEnabled"`
	WebACLARN            *string                   `json:"webAclArn,omitempty"`
	Tags                 map[string]string         `json:"tags,omitzero"`
	CreatedDate          time.Time                 `json:"createdDate"`
	LastUpdatedDate      time.Time                 `json:"lastUpdatedDate"`
}

// MethodSetting is how a stage treats one method, or all of them. Its key is
// what the client wrote before the setting's name in a patch path, and clients
// write one path in several ways: "~1users~1{id}/GET" (aws CLI), without escapes
// and leading slash "users/{id}/GET" (Terraform; AWS recording
// test_create_update_stages has "test/GET"), or with it.
type MethodSetting struct {
	MetricsEnabled                         bool    `json:"metricsEnabled"`
	LoggingLevel                           string  `json:"loggingLevel,omitempty"` // "OFF", "ERROR" or "INFO"; empty: never set, which means OFF
	DataTraceEnabled                       bool    `json:"dataTraceEnabled"`
	ThrottlingBurstLimit                   int32   `json:"throttlingBurstLimit"` // -1: no limit
	ThrottlingRateLimit                    float64 `json:"throttlingRateLimit"`  // requests per second
	CachingEnabled                         bool    `json:"cachingEnabled"`
	CacheTTLSeconds                        int32   `json:"cacheTtlSeconds"`
	CacheDataEncrypted                     bool    `json:"cacheDataEncrypted"`
	RequireAuthorizationForCacheControl    bool    `json:"requireAuthorizationForCacheControl"`
	UnauthorizedCacheControlHeaderStrategy string  `json:"unauthorizedCacheControlHeaderStrategy"`
}

// AccessLogSettings says where and in which form a stage writes access logs.
type AccessLogSettings struct {
	DestinationARN string `json:"destinationArn"`
	Format         string `json:"format"`
}

// CanarySettings sends a share of a stage's requests to another deployment.
type CanarySettings struct {
	PercentTraffic         float64           `json:"percentTraffic"` // 0 … 100
	DeploymentID           string            `json:"deploymentId"`
	StageVariableOverrides map[string]string `json:"stageVariableOverrides,omitzero"`
	UseStageCache          bool              `json:"useStageCache"`
}

// APIGatewayAccount is what GetAccount answers beside constants.
type APIGatewayAccount struct {
	CloudWatchRoleARN string `json:"cloudWatchRoleArn,omitempty"`
}
