package apigateway

import "github.com/stagedoor/stagedoor/awswire"

// Operations returns the handlers by operation name. What is not in the table is
// answered by awswire with an error that names service and operation.
func (s *Service) Operations() awswire.Operations {
	return awswire.Operations{
		"CreateRestApi": awswire.Op(s.CreateRestApi),
		"GetRestApi":    awswire.Op(s.GetRestApi),
		"GetRestApis":   awswire.Op(s.GetRestApis),
		"UpdateRestApi": awswire.Op(s.UpdateRestApi),
		"DeleteRestApi": awswire.Op(s.DeleteRestApi),

		"CreateResource": awswire.Op(s.CreateResource),
		"GetResource":    awswire.Op(s.GetResource),
		"GetResources":   awswire.Op(s.GetResources),
		"UpdateResource": awswire.Op(s.UpdateResource),
		"DeleteResource": awswire.Op(s.DeleteResource),

		"PutMethod":            awswire.Op(s.PutMethod),
		"GetMethod":            awswire.Op(s.GetMethod),
		"UpdateMethod":         awswire.Op(s.UpdateMethod),
		"DeleteMethod":         awswire.Op(s.DeleteMethod),
		"TestInvokeMethod":     awswire.Op(s.TestInvokeMethod),
		"PutMethodResponse":    awswire.Op(s.PutMethodResponse),
		"GetMethodResponse":    awswire.Op(s.GetMethodResponse),
		"UpdateMethodResponse": awswire.Op(s.UpdateMethodResponse),
		"DeleteMethodResponse": awswire.Op(s.DeleteMethodResponse),

		"PutIntegration":            awswire.Op(s.PutIntegration),
		"GetIntegration":            awswire.Op(s.GetIntegration),
		"UpdateIntegration":         awswire.Op(s.UpdateIntegration),
		"DeleteIntegration":         awswire.Op(s.DeleteIntegration),
		"PutIntegrationResponse":    awswire.Op(s.PutIntegrationResponse),
		"GetIntegrationResponse":    awswire.Op(s.GetIntegrationResponse),
		"UpdateIntegrationResponse": awswire.Op(s.UpdateIntegrationResponse),
		"DeleteIntegrationResponse": awswire.Op(s.DeleteIntegrationResponse),

		"CreateDeployment": awswire.Op(s.CreateDeployment),
		"GetDeployment":    awswire.Op(s.GetDeployment),
		"GetDeployments":   awswire.Op(s.GetDeployments),
		"UpdateDeployment": awswire.Op(s.UpdateDeployment),
		"DeleteDeployment": awswire.Op(s.DeleteDeployment),

		"CreateStage":                awswire.Op(s.CreateStage),
		"GetStage":                   awswire.Op(s.GetStage),
		"GetStages":                  awswire.Op(s.GetStages),
		"UpdateStage":                awswire.Op(s.UpdateStage),
		"DeleteStage":                awswire.Op(s.DeleteStage),
		"GetExport":                  awswire.Op(s.GetExport),
		"FlushStageCache":            awswire.Op(s.FlushStageCache),
		"FlushStageAuthorizersCache": awswire.Op(s.FlushStageAuthorizersCache),

		"GetAccount":    awswire.Op(s.GetAccount),
		"UpdateAccount": awswire.Op(s.UpdateAccount),

		"TagResource":   awswire.Op(s.TagResource),
		"UntagResource": awswire.Op(s.UntagResource),
		"GetTags":       awswire.Op(s.GetTags),

		"GetModel":            awswire.Op(s.GetModel),
		"GetModels":           awswire.Op(s.GetModels),
		"GetGatewayResponse":  awswire.Op(s.GetGatewayResponse),
		"GetGatewayResponses": awswire.Op(s.GetGatewayResponses),

		"GetUsagePlans":            awswire.Op(s.GetUsagePlans),
		"GetAuthorizers":           awswire.Op(s.GetAuthorizers),
		"GetRequestValidators":     awswire.Op(s.GetRequestValidators),
		"GetDocumentationParts":    awswire.Op(s.GetDocumentationParts),
		"GetDocumentationVersions": awswire.Op(s.GetDocumentationVersions),
	}
}
