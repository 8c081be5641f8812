package console

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	types "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

func newFunctionRoutes() []route {
	return []route{
		{path: "new-function", get: newFunctionPage},
		{path: "new-function", post: createFunction},
	}
}

// newFunction is the page on which a small function is written.
type newFunction struct {
	Name, Runtime, Code, Role string
	Runtimes                  []runtimeChoice
	Roles                     []string
	Problem                   string
}

type runtimeChoice struct{ ID, Label string }

func runtimes() []runtimeChoice {
	return []runtimeChoice{{"python3.13", "Python 3.13"}, {"nodejs22.x", "Node.js 22"}}
}

// starters are what the editor begins with: an answer for API Gateway's proxy
// integration that tells which function gave it.
const (
	pythonStarter = `import json

def handler(event, context):
    return {
        "statusCode": 200,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps({"hello": "from " + context.function_name}),
    }
`
	nodeStarter = `exports.handler = async (event, context) => ({
  statusCode: 200,
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ hello: "from " + context.functionName }),
});
`
)

// exampleRole is the role that functions made here run with, where none is chosen.
const exampleRole = "stagedoor-function"

const functionTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

func newFunctionPage(v *visit) (*page, error) {
	f := &newFunction{Name: v.value("name"), Runtime: v.value("runtime"), Code: pythonStarter}
	if f.Runtime == "nodejs22.x" {
		f.Code = nodeStarter
	}
	return v.newFunctionPage(f), nil
}

func (v *visit) newFunctionPage(f *newFunction) *page {
	f.Runtimes = runtimes()
	if out, err := v.iam().ListRoles(v.ctx(), &iam.ListRolesInput{}); err == nil { // only a help to choose
		for i := range out.Roles {
			f.Roles = append(f.Roles, aws.ToString(out.Roles[i].Arn))
		}
	}
	return &page{
		Title: "New function", Template: "new-function", Body: f, Section: "functions",
		Lead:   "Written here for a first try; whatever you deploy with makes functions as on AWS.",
		Crumbs: []crumb{{"Overview", overviewURL()}, {"Functions", Prefix + "functions"}},
	}
}

// createFunction makes a function of one file.
func createFunction(v *visit) (*done, error) {
	f := &newFunction{Name: v.value("name"), Runtime: v.value("runtime"), Code: v.r.PostFormValue("code"), Role: v.value("role")}
	again := func(sentence string) (*done, error) {
		f.Problem = sentence
		return &done{Page: v.newFunctionPage(f)}, nil
	}
	if !slices.ContainsFunc(runtimes(), func(r runtimeChoice) bool { return r.ID == f.Runtime }) {
		return again("Choose a runtime.")
	}
	m := &making{v: v}
	err := m.role(&f.Role)
	if err == nil {
		err = m.function(f.Name, f.Runtime, f.Code, f.Role)
	}
	if err != nil {
		if undone := m.undo(v.ctx()); undone != nil {
			return nil, errors.Join(err, undone)
		}
		if p := describe(err, v); p.Status == http.StatusBadRequest || p.Status == http.StatusConflict {
			return again(p.Sentence)
		}
		return nil, err
	}
	return m.done("The function "+f.Name+" was created.", functionURL(f.Name), "Delete it again"), nil
}

// making makes things and remembers how to take them back.
type making struct {
	v        *visit
	commands []string
	back     []func(context.Context, *visit) error
}

func (m *making) did(words ...string) { m.commands = append(m.commands, command(words...)) }

func (m *making) undo(ctx context.Context) error {
	for len(m.back) > 0 {
		last := len(m.back) - 1
		if err := m.back[last](ctx, m.v); err != nil && !isMissing(err) {
			return err
		}
		m.back = m.back[:last]
	}
	return nil
}

func (m *making) done(message, to, label string) *done {
	return &done{
		Message: message, To: to, Commands: m.commands, UndoLabel: label,
		undo: func(v *visit) (*done, error) {
			m.v = v
			if err := m.undo(v.ctx()); err != nil {
				return nil, err
			}
			return &done{Message: "Undone: everything that was made is deleted again.", To: overviewURL()}, nil
		},
	}
}

// role fills in the role of functions made here, and makes it where it is missing.
func (m *making) role(arn *string) error {
	if *arn != "" {
		return nil
	}
	name := exampleRole
	found, err := m.v.iam().GetRole(m.v.ctx(), &iam.GetRoleInput{RoleName: &name})
	if err == nil {
		*arn = aws.ToString(found.Role.Arn)
		return nil
	}
	var missing *iamtypes.NoSuchEntityException
	if !errors.As(err, &missing) {
		return err
	}
	made, err := m.v.iam().CreateRole(m.v.ctx(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(functionTrust)})
	if err != nil {
		return err
	}
	*arn = aws.ToString(made.Role.Arn)
	m.did("iam", "create-role", "--role-name", name, "--assume-role-policy-document", functionTrust)
	m.back = append(m.back, func(ctx context.Context, v *visit) error {
		_, err := v.iam().DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &name})
		return err
	})
	return nil
}

// function makes a function of one file, and waits until it can be called.
func (m *making) function(name, runtime, code, role string) error {
	file, handler := "index.py", "index.handler"
	if strings.HasPrefix(runtime, "nodejs") {
		file = "index.js"
	}
	archive, err := zipped(file, code)
	if err != nil {
		return err
	}
	client := m.v.functions("")
	_, err = client.CreateFunction(m.v.ctx(), &lambda.CreateFunctionInput{
		FunctionName: &name, Runtime: types.Runtime(runtime), Handler: &handler, Role: &role, Code: &types.FunctionCode{ZipFile: archive},
	})
	if err != nil {
		return err
	}
	m.did("lambda", "create-function", "--function-name", name, "--runtime", runtime, "--handler", handler, "--role", role, "--zip-file", "fileb://code.zip")
	m.back = append(m.back, func(ctx context.Context, v *visit) error {
		_, err := v.functions("").DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: &name})
		return err
	})
	waiter := lambda.NewFunctionActiveV2Waiter(client, func(o *lambda.FunctionActiveV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = 5*time.Millisecond, 100*time.Millisecond
	})
	return waiter.Wait(m.v.ctx(), &lambda.GetFunctionInput{FunctionName: &name}, 20*time.Second)
}

// zipped is a package of one file. Its dates are zero, so that the same code has
// the same hash wherever it is made.
func zipped(name, text string) ([]byte, error) {
	var b bytes.Buffer
	archive := zip.NewWriter(&b)
	header := &zip.FileHeader{Name: name, Method: zip.Deflate}
	header.SetMode(0o644)
	w, err := archive.CreateHeader(header)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write([]byte(strings.ReplaceAll(text, "\r\n", "\n"))); err != nil {
		return nil, err
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
