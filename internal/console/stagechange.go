package console

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	types "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
)

// fingerprint stands for variables as a page showed them.
func fingerprint(values map[string]string) string {
	h := sha256.New()
	for _, each := range variablesOf(values) {
		fmt.Fprintf(h, "%q=%q\n", each.Name, each.Value)
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:12])
}

// Was is the fingerprint of the variables that the page shows.
func (s *stageView) Was() string {
	values := map[string]string{}
	for _, each := range s.Variables {
		if each.Name != "" {
			values[each.Name] = each.Value
		}
	}
	return fingerprint(values)
}

// switchDeployment lets the stage serve another deployment of the API.
func switchDeployment(v *visit) (*done, error) {
	stage, err := v.stageOf(v.ctx())
	if err != nil {
		return nil, err
	}
	id, was := v.value("deployment"), aws.ToString(stage.DeploymentId)
	if id == was {
		return &done{Message: "The stage serves the deployment " + id + " already.", To: stageURL(v.r.PathValue("api"), v.r.PathValue("stage"))}, nil
	}
	return v.patch("The stage serves the deployment "+id+" now.",
		[]types.PatchOperation{replace("/deploymentId", id)}, []types.PatchOperation{replace("/deploymentId", was)})
}

// saveSettings writes the settings of one method, or of all.
func saveSettings(v *visit) (*done, error) {
	key := v.value("method")
	if v.value("remove") != "" {
		return v.patch("The settings of "+settingLabel(key)+" were removed.", []types.PatchOperation{remove("/" + key)}, nil)
	}
	// AWS escapes the slashes of a resource's path in the key (APIGW-DG:patch-operations).
	at := strings.LastIndexByte(key, '/')
	if at < 0 {
		return nil, &problem{Status: http.StatusUnprocessableEntity, Title: "This is no method", Sentence: key + " is not of the form PATH/VERB."}
	}
	root := "/" + strings.ReplaceAll(key[:at], "/", "~1") + key[at:]
	operations := []types.PatchOperation{
		replace(root+"/logging/loglevel", v.value("level")),
		replace(root+"/logging/dataTrace", onOff(v.value("trace"))),
		replace(root+"/metrics/enabled", onOff(v.value("metrics"))),
	}
	for field, path := range map[string]string{"rate": "/throttling/rateLimit", "burst": "/throttling/burstLimit"} {
		if value := v.value(field); value != "" {
			operations = append(operations, replace(root+path, value))
		}
	}
	return v.patch("The settings of "+settingLabel(key)+" were saved. They act at once.", operations, nil)
}

func onOff(value string) string { return strconv.FormatBool(value != "") }

// saveAccessLog sets where a line for each request goes, and what it holds.
func saveAccessLog(v *visit) (*done, error) {
	destination, format := v.value("destination"), v.value("format")
	if destination == "" && format == "" {
		return v.patch("Access logs are off.", []types.PatchOperation{remove("/accessLogSettings")}, nil)
	}
	return v.patch("The settings of the access log were saved.", []types.PatchOperation{
		replace("/accessLogSettings/destinationArn", strings.TrimSuffix(destination, ":*")), replace("/accessLogSettings/format", format),
	}, nil)
}

// saveCanary begins, changes, promotes or ends the canary of a stage.
func saveCanary(v *visit) (*done, error) {
	stage, err := v.stageOf(v.ctx())
	if err != nil {
		return nil, err
	}
	switch v.value("do") {
	case "end":
		return v.patch("The canary was ended: the stage answers every call again.", []types.PatchOperation{remove("/canarySettings")}, nil)
	case "promote":
		return promoteCanary(v, stage)
	}
	percent, deployment := v.value("percent"), v.value("deployment")
	if n, err := strconv.ParseFloat(percent, 64); err != nil || n < 0 || n > 100 {
		p, err := v.stagePage("The share of a canary is a number from 0 to 100, not “"+percent+"”.", nil)
		return &done{Page: p}, err
	}
	operations := []types.PatchOperation{replace("/canarySettings/percentTraffic", percent)}
	if deployment != "" {
		operations = append(operations, replace("/canarySettings/deploymentId", deployment))
	}
	values := map[string]string{}
	for _, each := range v.variables() {
		if trouble := variableProblem(each.Name, each.Value); trouble != "" {
			p, err := v.stagePage(trouble, nil)
			return &done{Page: p}, err
		}
		values[each.Name] = each.Value
	}
	var old map[string]string
	if stage.CanarySettings != nil {
		old = stage.CanarySettings.StageVariableOverrides
	}
	operations = append(operations, variablePatch("/canarySettings/stageVariableOverrides/", old, values)...)
	return v.patch("The canary answers "+percent+" % of the calls.", operations, nil)
}

// promoteCanary makes the canary the stage: its deployment and its variables
// (APIGW-DG:promote-canary-deployment).
func promoteCanary(v *visit, stage *apigateway.GetStageOutput) (*done, error) {
	if stage.CanarySettings == nil {
		return nil, &problem{Status: http.StatusConflict, Title: "There is no canary (any more)", Sentence: "The stage has none to promote. Nothing was changed."}
	}
	operations := []types.PatchOperation{{Op: types.OpCopy, From: aws.String("/canarySettings/deploymentId"), Path: aws.String("/deploymentId")}}
	if len(stage.CanarySettings.StageVariableOverrides) > 0 {
		operations = append(operations, types.PatchOperation{Op: types.OpCopy, From: aws.String("/canarySettings/stageVariableOverrides"), Path: aws.String("/variables")})
	}
	return v.patch("The canary was promoted: every call gets what it answered.", append(operations, remove("/canarySettings")), nil)
}

// deleteStage deletes a stage whose name was typed.
func deleteStage(v *visit) (*done, error) {
	api, stage := v.r.PathValue("api"), v.r.PathValue("stage")
	if v.r.PostFormValue("confirm") != stage {
		p, err := v.stagePage("To delete the stage, type its name exactly as it is. Nothing was changed.", nil)
		return &done{Page: p}, err
	}
	if _, err := v.apis().DeleteStage(v.ctx(), &apigateway.DeleteStageInput{RestApiId: &api, StageName: &stage}); err != nil {
		return nil, err
	}
	return &done{
		Message: "The stage " + stage + " was deleted. Its deployment is kept.", To: apiURL(api),
		Commands: []string{command("apigateway", "delete-stage", "--rest-api-id", api, "--stage-name", stage)},
	}, nil
}
