package promote

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	rest "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	types "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/stagedoor/stagedoor/internal/target"
)

// stageOf finds a stage in the dump of one API; nil when there is none.
func stageOf(d *target.Dump, name string) *rest.Stage {
	for i := range d.RestAPIs[0].Stages {
		if s := &d.RestAPIs[0].Stages[i]; aws.ToString(s.StageName) == name {
			return s
		}
	}
	return nil
}

// afterStage is the dump once stage to has the deployment of stage from, and
// these variables. d stays as it is.
func afterStage(d *target.Dump, from, to string, variables map[string]string) *target.Dump {
	out := *d
	api := *d.RestAPIs[0]
	out.RestAPIs = []*target.RestAPI{&api}
	api.Stages = slices.Clone(api.Stages)
	source, moved := stageOf(&out, from), stageOf(&out, to)
	moved.DeploymentId, moved.LastUpdatedDate = source.DeploymentId, source.LastUpdatedDate
	moved.Variables, moved.CanarySettings = variables, nil
	api.Exports = maps.Clone(api.Exports)
	if export, ok := api.Exports[from]; ok {
		api.Exports[to] = export
	} else {
		delete(api.Exports, to)
	}
	return &out
}

// onlyStages is the dump without the other stages: what they lead to does not
// matter.
func onlyStages(d *target.Dump, names ...string) *target.Dump {
	out := *d
	api := *d.RestAPIs[0]
	out.RestAPIs = []*target.RestAPI{&api}
	api.Stages = slices.DeleteFunc(slices.Clone(api.Stages), func(s rest.Stage) bool {
		return !slices.Contains(names, aws.ToString(s.StageName))
	})
	return &out
}

// afterAliases is the dump once the aliases have moved: doctor wants to know
// that alias and version exist.
func afterAliases(d *target.Dump, moves []FunctionMove) *target.Dump {
	out := *d
	out.Functions = slices.Clone(d.Functions)
	for i, f := range out.Functions {
		at := slices.IndexFunc(moves, func(m FunctionMove) bool { return m.Function == aws.ToString(f.Configuration.FunctionArn) })
		if at < 0 || len(moves[at].Aliases) == 0 {
			continue
		}
		copied := *f
		copied.Aliases = slices.Clone(f.Aliases)
		for _, a := range moves[at].Aliases {
			version := a.New
			if version == "" {
				version = nextVersion(f.Versions)
			}
			if !slices.Contains(copied.Versions, version) {
				copied.Versions = append(slices.Clone(copied.Versions), version)
			}
			for j := range copied.Aliases {
				if aws.ToString(copied.Aliases[j].Name) == a.Name {
					copied.Aliases[j] = types.AliasConfiguration{
						Name: copied.Aliases[j].Name, AliasArn: copied.Aliases[j].AliasArn, FunctionVersion: &version, RevisionId: copied.Aliases[j].RevisionId,
					}
				}
			}
		}
		out.Functions[i] = &copied
	}
	return &out
}

// stageVariable finds every way of naming a stage variable: ${stageVariables.x}
// in URIs and ARNs, stageVariables.x in parameter mappings, $stageVariables.x
// and $stageVariables['x'] in templates (APIGW-DG
// aws-api-gateway-stage-variables-reference).
var stageVariable = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`stageVariables(?:\.get\(\\*['"]|\[\\*['"]|\.)([A-Za-z0-9_]+)`)
})

// variablesNamed are the stage variables that the deployed snapshot of a stage
// names; in integrations' URIs, credentials and authorizers alone where the
// place does not show the snapshot.
func variablesNamed(d *target.Dump, stage string) []string {
	api := d.RestAPIs[0]
	text := []byte(api.Exports[stage])
	if len(text) == 0 {
		text, _ = json.Marshal([]any{api.Resources, api.Authorizers}) // plain data: always possible
	}
	var names []string
	for _, match := range stageVariable().FindAllSubmatch(text, -1) {
		if name := string(match[1]); name != "get" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
