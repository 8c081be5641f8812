package console

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
)

// makeExample furnishes an empty account with what the story of stage variables
// begins with: one API, three stages, a function for each, and not one grant.
// AWS's own console leaves it there; the next clicks here mend it.
func makeExample(v *visit) (*done, error) {
	runtime, code := "python3.13", pythonStarter
	if v.value("runtime") == "nodejs22.x" {
		runtime, code = "nodejs22.x", nodeStarter
	}
	m := &making{v: v}
	api, err := m.example(runtime, code)
	if err != nil {
		return nil, errors.Join(err, m.undo(v.ctx()))
	}
	d := m.done("The example is there: the API orders, whose GET /hello calls my-function-dev, -staging or -prod by a stage variable.", apiURL(api), "Delete the example")
	d.Details = []string{"No function has a grant yet, so every call is refused, as on AWS. Open a ✗ and add the grant."}
	return d, nil
}

func exampleStages() []string { return []string{"dev", "staging", "prod"} }

func (m *making) example(runtime, code string) (api string, err error) {
	role := ""
	if err := m.role(&role); err != nil {
		return "", err
	}
	for _, stage := range exampleStages() {
		if err := m.function("my-function-"+stage, runtime, code, role); err != nil {
			return "", err
		}
	}
	made, err := m.v.apis().CreateRestApi(m.v.ctx(), &apigateway.CreateRestApiInput{Name: aws.String("orders")})
	if err != nil {
		return "", err
	}
	api = aws.ToString(made.Id)
	m.did("apigateway", "create-rest-api", "--name", "orders")
	m.back = append(m.back, func(ctx context.Context, v *visit) error {
		_, err := v.apis().DeleteRestApi(ctx, &apigateway.DeleteRestApiInput{RestApiId: &api})
		return err
	})
	method := &methodMade{steps{v: m.v, api: api}}
	form := &integrationForm{API: api, Path: "/hello", Verb: "GET", Function: "my-function-${stageVariables.env}"}
	if err := method.put(form); err != nil {
		return "", err
	}
	m.commands = append(m.commands, method.commands...)
	return api, m.stages(api)
}

// stages deploys the example three times.
func (m *making) stages(api string) error {
	for _, stage := range exampleStages() {
		_, err := m.v.apis().CreateDeployment(m.v.ctx(), &apigateway.CreateDeploymentInput{
			RestApiId: &api, StageName: &stage, Variables: map[string]string{"env": stage},
		})
		if err != nil {
			return err
		}
		m.did("apigateway", "create-deployment", "--rest-api-id", api, "--stage-name", stage, "--variables", "env="+stage)
	}
	return nil
}
