package console

import (
	"context"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"

	"github.com/stagedoor/stagedoor/internal/state"
)

// APIGW-DG:stage-variables: names of letters, digits and _, values of
// [A-Za-z0-9-._~:/?#&=,]+. AWS's own error text allows blanks as well ("… values
// with alphanumeric characters and the symbols ' ', -', '.', …").
var (
	variableNames  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_]+$`) })
	variableValues = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9 ._~:/?#&=,-]+$`) })
)

// variableProblem says what is wrong with a variable; "" if nothing.
func variableProblem(name, value string) string {
	switch {
	case name == "":
		return "A variable with the value “" + value + "” has no name."
	case !variableNames().MatchString(name):
		return "“" + name + "” is no name of a variable: letters, digits and _ are allowed."
	case len(name) > 64:
		return "The name “" + name + "” is longer than 64 characters."
	case value == "":
		return "The variable " + name + " has no value. To remove it, empty its name as well."
	case !variableValues().MatchString(value):
		return "“" + illegal(value) + "” is not allowed in a value (of " + name + "): letters, digits and - . _ ~ : / ? # & = , are."
	case len(value) > 512:
		return "The value of " + name + " is longer than 512 characters."
	}
	return ""
}

// illegal is the first character that no value may hold.
func illegal(value string) string {
	for _, r := range value {
		if !variableValues().MatchString(string(r)) {
			return string(r)
		}
	}
	return ""
}

// deployedMethod is a method as a stage serves it.
type deployedMethod struct {
	method
	Function string // with its stage variables; "" where none is called
}

// deployedMethods reads what a stage serves, which may be another picture than
// what is configured now: AWS shows the deployed snapshot by GetExport only.
func (v *visit) deployedMethods(ctx context.Context, api, stage string) ([]deployedMethod, error) {
	out, err := v.apis().GetExport(ctx, &apigateway.GetExportInput{
		RestApiId: &api, StageName: &stage, ExportType: aws.String("oas30"), Accepts: aws.String("application/json"),
		Parameters: map[string]string{"extensions": "integrations"},
	})
	if err != nil {
		return nil, err
	}
	var doc struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal(out.Body, &doc); err != nil {
		return nil, err
	}
	var all []deployedMethod
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		for _, verb := range slices.Sorted(maps.Keys(doc.Paths[path])) {
			m := deployedMethod{method: method{strings.ToUpper(verb), path}}
			switch {
			case verb == "x-amazon-apigateway-any-method":
				m.Verb = "ANY"
			case !slices.Contains(verbs(), m.Verb):
				continue // parameters and the like
			}
			var operation struct {
				Integration struct {
					Type string `json:"type"`
					URI  string `json:"uri"`
				} `json:"x-amazon-apigateway-integration"`
			}
			if json.Unmarshal(doc.Paths[path][verb], &operation) == nil && strings.EqualFold(operation.Integration.Type, "aws_proxy") {
				m.Function = functionInURI(operation.Integration.URI)
			}
			all = append(all, m)
		}
	}
	return all, nil
}

// variableCheck says what variables would make of a stage, before they are saved.
type variableCheck struct {
	Problems  []string // illegal names and values, names given twice
	Undefined []string // named by methods, and not defined
	Unused    []string
	Methods   []methodCheck
	More      int
	Changed   bool // these are not the variables that act now
	API       string
	Stage     string
}

type methodCheck struct {
	Verb, Path string
	resolution
}

const methodsChecked = 60

// check judges every method of a stage as if it had these variables.
func (v *visit) check(api, stage string, methods []deployedMethod, variables []variable) *variableCheck {
	c := &variableCheck{API: api, Stage: stage}
	values := map[string]string{}
	for _, each := range variables {
		if problem := variableProblem(each.Name, each.Value); problem != "" {
			c.Problems = append(c.Problems, problem)
		}
		if _, twice := values[each.Name]; twice {
			c.Problems = append(c.Problems, "“"+each.Name+"” is given twice.")
		}
		values[each.Name] = each.Value
	}
	used := map[string]bool{}
	l := v.lookup()
	for i := range methods {
		m := &methods[i]
		for _, name := range state.VariablesIn(m.Function) {
			used[name] = true
		}
		if m.Function == "" {
			continue
		}
		if len(c.Methods) == methodsChecked {
			c.More++
			continue
		}
		c.Methods = append(c.Methods, methodCheck{m.Verb, m.Path, l.judge(api, stage, stage, m.Verb, m.Path, m.Function, values)})
	}
	for _, name := range slices.Sorted(maps.Keys(used)) {
		if _, ok := values[name]; !ok {
			c.Undefined = append(c.Undefined, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !used[name] && name != "" {
			c.Unused = append(c.Unused, name)
		}
	}
	return c
}
