package state

import "strings"

const variableOpen = "${stageVariables."

// Resolve replaces each ${stageVariables.x} of a URI or an ARN. A variable that
// the stage does not have becomes empty, as on AWS, where
// "fn-${stageVariables.env}" then asks for "fn-"
// (awslabs/aws-apigateway-importer#119); its name is returned. The data plane,
// doctor and the console all resolve by this.
func Resolve(text string, variables map[string]string) (resolved string, undefined []string) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, variableOpen)
		b.WriteString(before)
		name, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			if found {
				b.WriteString(variableOpen + rest)
			}
			return b.String(), undefined
		}
		value, defined := variables[name]
		if !defined {
			undefined = append(undefined, name)
		}
		b.WriteString(value)
		text = after
	}
}

// VariablesIn lists the stage variables that a URI or an ARN names, in order.
func VariablesIn(text string) []string {
	_, names := Resolve(text, nil)
	return names
}
