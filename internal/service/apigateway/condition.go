package apigateway

import (
	"strconv"
	"strings"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// ConditionKeys are the condition keys apigateway:Resource/… of an API, a method
// or a stage as it is now, for policies on who may change it (Service
// Authorization Reference, "Amazon API Gateway Management"). The resource is an
// ARN ("arn:aws:apigateway:REGION::/restapis/ID"); what does not exist, or has
// no keys, has none.
func (s *Service) ConditionKeys(account, region, resource string) map[string][]string {
	_, path, _ := strings.Cut(resource, "::/")
	parts := strings.Split(path, "/")
	if len(parts) < 2 || parts[0] != "restapis" {
		return nil
	}
	if len(parts) == 4 && parts[2] == "stages" {
		st, _, err := store.Get[state.Stage](s.store, state.StageKey(account, region, parts[1], parts[3]))
		if err != nil {
			return nil
		}
		return stageKeys(st)
	}
	a, _, err := store.Get[state.RestAPI](s.store, state.RestAPIKey(account, region, parts[1]))
	switch {
	case err != nil:
		return nil
	case len(parts) == 2:
		return map[string][]string{
			"apigateway:Resource/ApiName":                   {a.Name},
			"apigateway:Resource/DisableExecuteApiEndpoint": {strconv.FormatBool(a.DisableExecuteAPIEndpoint)},
			"apigateway:Resource/EndpointType":              a.EndpointTypes,
		}
	case len(parts) == 6 && parts[2] == "resources" && parts[4] == "methods":
		return methodKeys(a.Resources[parts[3]], parts[5])
	}
	return nil
}

// stageKeys: a stage without access logs has neither key.
func stageKeys(st *state.Stage) map[string][]string {
	if st.AccessLog == nil {
		return nil
	}
	return map[string][]string{
		"apigateway:Resource/AccessLoggingDestination": {st.AccessLog.DestinationARN},
		"apigateway:Resource/AccessLoggingFormat":      {st.AccessLog.Format},
	}
}

func methodKeys(r *state.Resource, verb string) map[string][]string {
	if r == nil || r.Methods[verb] == nil {
		return nil
	}
	m := r.Methods[verb]
	return map[string][]string{
		"apigateway:Resource/ApiKeyRequired":         {strconv.FormatBool(m.APIKeyRequired)},
		"apigateway:Resource/RouteAuthorizationType": {m.AuthorizationType},
	}
}
