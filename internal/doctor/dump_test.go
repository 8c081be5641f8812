package doctor_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/stagedoor/stagedoor/internal/doctor"
	"github.com/stagedoor/stagedoor/internal/target"
)

func load(t testing.TB, name string) *target.Dump {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "causes", name+".json"))
	must(t, err)
	defer f.Close()
	d, err := target.Load(f)
	must(t, err)
	return d
}

const callerARN = "arn:aws:iam::111122223333:role/caller"

// TestDumpCauses proves the causes whose feature stagedoor does not have, on
// dumps written by hand in the shape of AWS's answers: doctor names the cause,
// the printed fix is run as it stands against the dump, and the finding is gone.
func TestDumpCauses(t *testing.T) {
	for _, c := range []struct {
		name, file, code string
		options          doctor.Options
		byHand           bool // no command mends it
	}{
		{name: "18 $default route", file: "18", code: "SD018"},
		{name: "19 ANY route of an HTTP API", file: "19", code: "SD019"},
		{name: "20 WebSocket route", file: "20", code: "SD020"},
		{name: "21 authorizer's function", file: "21", code: "SD021"},
		{name: "22 authorizer's function behind a stage variable", file: "22", code: "SD022"},
		{name: "25 caller credentials", file: "25", code: "SD025", options: doctor.Options{Callers: []string{callerARN}}},
		{name: "34 function of another account", file: "34", code: "SD034"},
		{name: "35 function in another region", file: "35", code: "SD035"},
		{name: "38 malformed URI", file: "38", code: "SD038"},
		{name: "40 integration not deployed", file: "40", code: "SD040"},
		{name: "42 streaming mixed", file: "42", code: "SD042"},
		{name: "43 key of a role that was made anew", file: "43", code: "SD043"},
		{name: "44 resource policy lets nobody in", file: "44", code: "SD044"},
		{name: "44 resource policy not deployed", file: "44-deployed", code: "SD044"},
		{name: "45 caller without execute-api:Invoke", file: "45", code: "SD045", options: doctor.Options{Callers: []string{callerARN}}},
		{name: "46 wrong path", file: "46", code: "SD046", byHand: true,
			options: doctor.Options{URL: "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/prod/helo"}},
		{name: "46 stage missing in the URL", file: "46", code: "SD046", byHand: true,
			options: doctor.Options{URL: "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/hello"}},
		{name: "50 policy replaced as a whole", file: "50", code: "SD050", options: doctor.Options{Before: load(t, "50-before")}},
		{name: "52 function URL allowed by halves", file: "52", code: "SD052"},
		{name: "canary's function without grant", file: "canary", code: "SD002"},
		{name: "policy that may not be read", file: "unread", code: "SD100", byHand: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := load(t, c.file)
			report := doctor.Examine(d, c.options)
			f := withCode(report.Findings, c.code)
			if f == nil {
				t.Fatalf("no %s:\n%s", c.code, describe(report.Findings))
			}
			if f.Sentence == "" {
				t.Error("no sentence")
			}
			if c.byHand {
				return
			}
			if len(f.Fix) == 0 {
				t.Fatalf("no fix: %+v", f)
			}
			changes := (&edited{d}).changes()
			for _, line := range f.Fix {
				must(t, doctor.Run(context.Background(), changes, line))
			}
			if left := withCode(doctor.Examine(d, c.options).Findings, c.code); left != nil {
				t.Errorf("after %q still: %s", f.Fix, left.Sentence)
			}
		})
	}
}

// To a resource policy whoever does not sign is anonymous: a principal of the
// account lets in nobody who calls a method without authorization, and so no
// command is printed that would say so.
func TestResourcePolicyForAnonymous(t *testing.T) {
	for auth, passes := range map[string]bool{"AWS_IAM": true, "NONE": false, "CUSTOM": false} {
		d := load(t, "44")
		api := d.RestAPIs[0]
		get := api.Resources[0].ResourceMethods["GET"]
		get.AuthorizationType = &auth
		api.Resources[0].ResourceMethods["GET"] = get
		const account = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"execute-api:Invoke","Resource":"arn:aws:execute-api:eu-central-1:111122223333:a1b2c3d4e5/*"}}`
		f := withCode(doctor.Examine(d, doctor.Options{}).Findings, "SD044")
		if f == nil || (len(f.Fix) > 0) != passes || strings.Contains(strings.Join(f.Notes, ""), "anonymous") == passes {
			t.Errorf("%s: %+v", auth, f)
		}
		*api.API.Policy = account
		if f := withCode(doctor.Examine(d, doctor.Options{}).Findings, "SD044"); (f == nil) != passes {
			t.Errorf("%s, with a principal of the account: %+v", auth, f)
		}
	}
}

// What may not be read is never judged.
func TestUndecided(t *testing.T) {
	report := doctor.Examine(load(t, "unread"), doctor.Options{})
	if c := report.Cells[0]; c.Verdict != doctor.Undecided || !strings.Contains(c.Problem, "AccessDeniedException") {
		t.Errorf("%+v", c)
	}
	if n := len(report.Plan(false)); n != 0 {
		t.Errorf("%d commands for what cannot be decided", n)
	}
}

// edited is a dump on which the operations of fixes act.
type edited struct{ *target.Dump }

func (e *edited) changes() *target.Changes {
	return &target.Changes{Functions: func(string) target.FunctionChanges { return e }, APIs: e, Roles: e}
}

func (e *edited) find(name string) *target.Function {
	for _, f := range e.Functions {
		if *f.Configuration.FunctionName == name || *f.Configuration.FunctionArn == name {
			return f
		}
	}
	return &target.Function{}
}

func (e *edited) AddPermission(_ context.Context, in *lambda.AddPermissionInput, _ ...func(*lambda.Options)) (*lambda.AddPermissionOutput, error) {
	f, q := e.find(*in.FunctionName), ""
	arn := *f.Configuration.FunctionArn
	if in.Qualifier != nil {
		q = *in.Qualifier
		arn += ":" + q
	}
	var document struct {
		Version   string
		Statement []map[string]any
	}
	document.Version = "2012-10-17"
	if p, ok := f.Policies[q]; ok {
		if err := json.Unmarshal([]byte(p.Policy), &document); err != nil {
			return nil, err
		}
	}
	s := map[string]any{"Sid": *in.StatementId, "Effect": "Allow", "Action": *in.Action, "Resource": arn, "Principal": map[string]string{"Service": *in.Principal}}
	if *in.Principal == "*" {
		s["Principal"] = "*"
	}
	if in.SourceArn != nil {
		s["Condition"] = map[string]any{"ArnLike": map[string]string{"AWS:SourceArn": *in.SourceArn}}
	}
	document.Statement = append(document.Statement, s)
	text, err := json.Marshal(document)
	if f.Policies == nil {
		f.Policies = map[string]target.Policy{}
	}
	f.Policies[q] = target.Policy{Policy: string(text), RevisionID: "next"}
	return &lambda.AddPermissionOutput{}, err
}

func (e *edited) RemovePermission(context.Context, *lambda.RemovePermissionInput, ...func(*lambda.Options)) (*lambda.RemovePermissionOutput, error) {
	return nil, fmt.Errorf("no fix of these tests removes anything")
}

func (e *edited) CreateAlias(context.Context, *lambda.CreateAliasInput, ...func(*lambda.Options)) (*lambda.CreateAliasOutput, error) {
	return nil, fmt.Errorf("no fix of these tests makes an alias")
}

// UpdateFunctionConfiguration lets Lambda make a new grant on the key, for the
// role as it is today.
func (e *edited) UpdateFunctionConfiguration(_ context.Context, in *lambda.UpdateFunctionConfigurationInput, _ ...func(*lambda.Options)) (*lambda.UpdateFunctionConfigurationOutput, error) {
	for _, role := range e.Dump.Roles {
		if role.ARN == *in.Role {
			e.KeyGrants[0].GranteePrincipal = role.ARN
		}
	}
	return &lambda.UpdateFunctionConfigurationOutput{}, nil
}

func (e *edited) api(id string) *target.RestAPI {
	for _, a := range e.RestAPIs {
		if *a.API.Id == id {
			return a
		}
	}
	return nil
}

func (e *edited) UpdateIntegration(_ context.Context, in *apigateway.UpdateIntegrationInput, _ ...func(*apigateway.Options)) (*apigateway.UpdateIntegrationOutput, error) {
	for _, r := range e.api(*in.RestApiId).Resources {
		if *r.Id == *in.ResourceId {
			integration := r.ResourceMethods[*in.HttpMethod].MethodIntegration
			switch p := in.PatchOperations[0]; *p.Path {
			case "/uri":
				integration.Uri = p.Value
			case "/httpMethod":
				integration.HttpMethod = p.Value
			}
		}
	}
	return &apigateway.UpdateIntegrationOutput{}, nil
}

func (e *edited) UpdateRestApi(_ context.Context, in *apigateway.UpdateRestApiInput, _ ...func(*apigateway.Options)) (*apigateway.UpdateRestApiOutput, error) {
	e.api(*in.RestApiId).API.Policy = in.PatchOperations[0].Value
	return &apigateway.UpdateRestApiOutput{}, nil
}

func (e *edited) UpdateStage(context.Context, *apigateway.UpdateStageInput, ...func(*apigateway.Options)) (*apigateway.UpdateStageOutput, error) {
	return nil, fmt.Errorf("no fix of these tests changes a stage")
}

// CreateDeployment makes the live configuration the deployed one.
func (e *edited) CreateDeployment(_ context.Context, in *apigateway.CreateDeploymentInput, _ ...func(*apigateway.Options)) (*apigateway.CreateDeploymentOutput, error) {
	delete(e.api(*in.RestApiId).Exports, *in.StageName)
	return &apigateway.CreateDeploymentOutput{}, nil
}

func (e *edited) CreateRole(context.Context, *iam.CreateRoleInput, ...func(*iam.Options)) (*iam.CreateRoleOutput, error) {
	return nil, fmt.Errorf("no fix of these tests makes a role")
}

func (e *edited) PutRolePolicy(_ context.Context, in *iam.PutRolePolicyInput, _ ...func(*iam.Options)) (*iam.PutRolePolicyOutput, error) {
	for _, r := range e.Dump.Roles {
		if r.Name == *in.RoleName {
			r.Inline = map[string]string{*in.PolicyName: *in.PolicyDocument}
		}
	}
	return &iam.PutRolePolicyOutput{}, nil
}

func (e *edited) UpdateAssumeRolePolicy(context.Context, *iam.UpdateAssumeRolePolicyInput, ...func(*iam.Options)) (*iam.UpdateAssumeRolePolicyOutput, error) {
	return nil, fmt.Errorf("no fix of these tests changes who may assume a role")
}
