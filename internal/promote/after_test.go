package promote

import (
	"encoding/json"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	rest "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/target"
)

// A variable that the snapshot names anywhere, in whatever way, is missed on
// the target where the source has it (APIGW-DG
// aws-api-gateway-stage-variables-reference lists the places).
func TestVariablesNamed(t *testing.T) {
	export, err := json.Marshal(map[string]any{"paths": map[string]any{"/": map[string]any{
		"uri":        "https://${stageVariables.host}/x",
		"parameters": map[string]string{"integration.request.header.x": "stageVariables.mapped"},
		"templates":  `{"a": $stageVariables['single'], "b": "$stageVariables.plain $stageVariables.get('got') $stageVariables[\"double\"]"}`,
		"text":       "stageVariables are useful",
	}}})
	if err != nil {
		t.Fatal(err)
	}
	stage := func(name string, variables map[string]string) rest.Stage {
		return rest.Stage{StageName: &name, Variables: variables, DeploymentId: aws.String("d-" + name)}
	}
	d := &target.Dump{RestAPIs: []*target.RestAPI{{
		Exports: map[string]json.RawMessage{"dev": export},
		Stages:  []rest.Stage{stage("dev", map[string]string{"host": "h", "got": "1"}), stage("prod", map[string]string{"host": "h"})},
	}}}
	if diff := cmp.Diff([]string{"double", "got", "host", "mapped", "plain", "single"}, variablesNamed(d, "dev")); diff != "" {
		t.Error(diff)
	}
	b := &builder{dump: d, request: Request{From: "dev", To: "prod"}}
	p := &Plan{Request: b.request, Stage: StageMove{Name: "prod"}}
	b.checkVariables(p)
	if len(p.Problems) != 1 || p.Problems[0].Remedy != "Say what it is on prod: --set got=VALUE" {
		t.Errorf("%+v", p.Problems)
	}
	after := afterStage(d, "dev", "prod", map[string]string{"got": "2"})
	if s := stageOf(after, "prod"); *s.DeploymentId != "d-dev" || string(after.RestAPIs[0].Exports["prod"]) != string(export) || len(s.Variables) != 1 {
		t.Errorf("%+v", s)
	}
	if s := stageOf(d, "prod"); *s.DeploymentId != "d-prod" || d.RestAPIs[0].Exports["prod"] != nil || len(s.Variables) != 1 || s.Variables["host"] != "h" {
		t.Errorf("the dump was changed: %+v", s)
	}
}
