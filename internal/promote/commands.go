package promote

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// shell joins words into a line for a POSIX shell, quoted where needed.
func shell(words ...string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = word
		if word == "" || strings.ContainsFunc(word, special) {
			quoted[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}

// special are the characters that a shell may act on.
func special(r rune) bool {
	plain := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	return !plain && !strings.ContainsRune("-_./:=@%+,", r)
}

// patch is one operation of UpdateStage, in the CLI's JSON.
type patch struct {
	Op    string  `json:"op"`
	Path  string  `json:"path"`
	From  string  `json:"from,omitempty"`
	Value *string `json:"value,omitempty"`
}

func replace(path, value string) patch { return patch{Op: "replace", Path: path, Value: &value} }

// escapePointer writes a name as a segment of a patch path (RFC 6901).
func escapePointer(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

// commands are the aws commands that do what the plan does. They keep no
// journal: a rollback does not know of them.
func (p *Plan) commands() []string {
	lines := slices.Clone(p.Grants)
	for i := range p.Functions {
		lines = append(lines, p.functionCommands(&p.Functions[i])...)
	}
	if !p.Stage.changes() {
		return lines
	}
	if p.Stage.Canary == 0 {
		return append(lines, p.updateStage(stagePatches(&p.Stage)))
	}
	lines = append(lines, p.updateStage(canaryPatches(&p.Stage)), p.bakeComment())
	for i := range p.Functions {
		lines = append(lines, p.aliasCommands(&p.Functions[i], false)...)
	}
	return append(lines, p.updateStage(completePatches(&p.Stage)), p.updateStage([]patch{{Op: "remove", Path: "/canarySettings"}}))
}

func (p *Plan) bakeComment() string {
	return fmt.Sprintf("sleep %d", int(p.Request.Bake.Seconds()))
}

func (p *Plan) updateStage(patches []patch) string {
	text, _ := json.Marshal(patches) // strings only: always possible
	return shell("aws", "apigateway", "update-stage", "--region", p.Region, "--rest-api-id", p.API, "--stage-name", p.Stage.Name, "--patch-operations", string(text))
}

// stagePatches move a stage at once.
func stagePatches(s *StageMove) []patch {
	var out []patch
	if s.NewDeployment != s.OldDeployment {
		out = append(out, replace("/deploymentId", s.NewDeployment))
	}
	return append(out, variablePatches("/variables/", s.Set)...)
}

func variablePatches(under string, set []Variable) []patch {
	var out []patch
	for _, v := range set {
		if v.New == nil {
			out = append(out, patch{Op: "remove", Path: under + escapePointer(v.Name)})
		} else {
			out = append(out, replace(under+escapePointer(v.Name), *v.New))
		}
	}
	return out
}

// canaryPatches give the canary its share (APIGW-DG:create-canary-deployment).
func canaryPatches(s *StageMove) []patch {
	out := []patch{
		replace("/canarySettings/percentTraffic", strconv.FormatFloat(s.Canary, 'f', -1, 64)),
		replace("/canarySettings/deploymentId", s.NewDeployment),
	}
	return append(out, variablePatches("/canarySettings/stageVariableOverrides/", s.Set)...)
}

// completePatches make the canary the stage (APIGW-DG:promote-canary-deployment).
func completePatches(s *StageMove) []patch {
	out := []patch{replace("/canarySettings/percentTraffic", "0")}
	if len(s.Set) > 0 {
		out = append(out, patch{Op: "copy", From: "/canarySettings/stageVariableOverrides", Path: "/variables"})
	}
	return append(out, patch{Op: "copy", From: "/canarySettings/deploymentId", Path: "/deploymentId"})
}

func (p *Plan) functionCommands(m *FunctionMove) []string {
	var lines []string
	name := short(m.Function)
	region := part(m.Function, 3)
	if m.Code != nil && p.Kind == "promotion" {
		lines = append(lines,
			shell("aws", "lambda", "publish-version", "--region", region, "--function-name", name, "--code-sha256", m.Code.Old, "--description", "before promotion "+p.ID))
	}
	if m.Code != nil {
		if m.Code.Image != "" {
			lines = append(lines, shell("aws", "lambda", "update-function-code", "--region", region, "--function-name", name, "--image-uri", m.Code.Image))
		} else {
			file := "stagedoor-" + p.ID + "-" + name + ".zip" // no file of the user's
			bare, qualifier := splitARN(m.Source)
			get := []string{"aws", "lambda", "get-function", "--region", part(bare, 3), "--function-name", short(bare)}
			if !isLatest(qualifier) {
				get = append(get, "--qualifier", qualifier)
			}
			lines = append(lines,
				shell("curl", "--silent", "--show-error", "--fail", "--output", file)+` "$(`+shell(append(get, "--query", "Code.Location", "--output", "text")...)+`)"`,
				shell("aws", "lambda", "update-function-code", "--region", region, "--function-name", name, "--zip-file", "fileb://"+file),
				shell("rm", file))
		}
		lines = append(lines, shell("aws", "lambda", "wait", "function-updated-v2", "--region", region, "--function-name", name))
	}
	return append(lines, p.aliasCommands(m, true)...)
}

// aliasCommands move the aliases of a function: with a canary first by weights.
func (p *Plan) aliasCommands(m *FunctionMove, first bool) []string {
	var lines []string
	name, region := short(m.Function), part(m.Function, 3)
	for i := range m.Aliases {
		a := &m.Aliases[i]
		weighted := p.Request.Canary > 0 && !a.AtOnce
		if !weighted && !first {
			continue
		}
		version := a.New
		if version == "" {
			version = `"$(` + shell("aws", "lambda", "publish-version", "--region", region, "--function-name", name, "--code-sha256", a.Code, "--query", "Version", "--output", "text") + `)"`
		} else {
			version = shell(version)
		}
		update := shell("aws", "lambda", "update-alias", "--region", region, "--function-name", name, "--name", a.Name)
		if weighted && first {
			share := strconv.FormatFloat(p.Request.Canary/100, 'f', -1, 64)
			lines = append(lines, update+" --function-version "+shell(a.Old)+" --routing-config AdditionalVersionWeights={"+version+"="+share+"}")
			continue
		}
		lines = append(lines, update+" --function-version "+version+" --routing-config "+shell("AdditionalVersionWeights={"+shorthand(a.NewWeights)+"}"))
	}
	return lines
}

// shorthand writes weights in the CLI's shorthand syntax.
func shorthand(weights map[string]float64) string {
	var words []string
	for _, v := range slices.Sorted(maps.Keys(weights)) {
		words = append(words, v+"="+strconv.FormatFloat(weights[v], 'f', -1, 64))
	}
	return strings.Join(words, ",")
}

// undoCommands are the aws commands that do what a rollback does.
func (p *Plan) undoCommands() []string {
	var lines []string
	if p.work.seen.CanarySettings != nil {
		lines = append(lines, p.updateStage([]patch{{Op: "remove", Path: "/canarySettings"}}))
	}
	if patches := stagePatches(&p.Stage); len(patches) > 0 {
		lines = append(lines, p.updateStage(patches))
	}
	for i := range p.Functions {
		lines = append(lines, p.functionCommands(&p.Functions[i])...)
	}
	return lines
}

// weightsText is a routing configuration for a person: "v3 10 %".
func weightsText(weights map[string]float64) string {
	var words []string
	for _, v := range slices.Sorted(maps.Keys(weights)) {
		words = append(words, fmt.Sprintf("v%s %g %%", v, weights[v]*100))
	}
	return strings.Join(words, ", ")
}
