package grants

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/stagedoor/stagedoor/iampolicy"
)

// The files of testdata/callers are AWS's documented rules and examples: see
// its README.
func TestEvaluateCaller(t *testing.T) {
	files, err := filepath.Glob("testdata/callers/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			r, want := callerCase(t, archive)
			v := EvaluateCaller(r)
			got := v.Basis.String() + " " + string(v.Kind)
			switch {
			case v.Kind == "":
				got += "-"
			case v.Policy != nil && v.Policy.Name() != "":
				got += " " + v.Policy.Name()
			}
			if !v.Allowed() {
				got += "\n" + v.Sentence(r)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func callerCase(t *testing.T, a *txtar.Archive) (r *CallerRequest, want string) {
	t.Helper()
	r = &CallerRequest{}
	for _, f := range a.Files {
		folder, name, _ := strings.Cut(strings.TrimSuffix(f.Name, ".json"), "/")
		if strings.HasPrefix(name, "managed-") {
			name = "arn:aws:iam::111122223333:policy/" + strings.TrimPrefix(name, "managed-")
		}
		p := &r.Policies
		applied := func(kind PolicyKind) *AppliedPolicy {
			return NewAppliedPolicy(kind, "", name, string(f.Data))
		}
		switch folder {
		case "request":
			callerRequest(t, r, string(f.Data))
		case "identity":
			kind := UserPolicy
			if r.Request.Principal.RoleARN != "" {
				kind = RolePolicy
			}
			p.Identity = append(p.Identity, applied(kind))
		case "group":
			p.Identity = append(p.Identity, applied(GroupPolicy))
		case "boundary":
			p.Boundary = applied(Boundary)
		case "session":
			p.Session = append(p.Session, applied(SessionPolicy))
		case "resource":
			p.Resource = applied(ResourcePolicy)
		case "trust":
			p.Resource, r.MustGrant = applied(TrustPolicy), true
		case "organization":
			p.Organization = append(p.Organization, applied(ServiceControlPolicy))
		case "want":
			want = strings.TrimSpace(string(f.Data))
		default:
			t.Fatalf("unknown file %s", f.Name)
		}
	}
	return r, want
}

func callerRequest(t *testing.T, r *CallerRequest, lines string) {
	t.Helper()
	p := &r.Request.Principal
	p.Type = iampolicy.AWS
	for line := range strings.Lines(lines) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok {
			t.Fatalf("%q is not key=value", line)
		}
		switch key {
		case "principal":
			p.ID = value
			if parts := strings.Split(value, ":"); len(parts) >= 6 {
				p.Account = parts[4]
			}
		case "type":
			p.Type = iampolicy.PrincipalType(value)
		case "role":
			p.RoleARN = value
		case "id":
			p.UniqueID = value
		case "action":
			r.Request.Action = value
		case "resource":
			r.Request.Resource = value
		case "owner":
			r.ResourceAccount = value
		case "root":
			r.Root = value == "true"
		case "serviceLinked":
			r.ServiceLinked = value == "true"
		case "session":
			r.Policies.HasSession = value == "none"
		default:
			if !strings.Contains(key, ":") {
				t.Fatalf("unknown key %s", key)
			}
			r.Request.Context = addContext(r.Request.Context, key, value)
		}
	}
}

func addContext(c iampolicy.Context, key, value string) iampolicy.Context {
	for i := range c {
		if c[i].Name == key {
			c[i].Values = append(c[i].Values, value)
			return c
		}
	}
	return append(c, iampolicy.ContextKey{Name: key, Values: []string{value}})
}

// A verdict on identity, boundary, session and resource policies: the target is
// 10 µs. The identity policy has 40 statements, the others a handful.
func BenchmarkEvaluateCaller(b *testing.B) {
	var statements []string
	for _, service := range strings.Fields("ec2 s3 sqs sns dynamodb kms ecr ecs eks rds") {
		for _, verb := range []string{"Get*", "List*", "Describe*", "Create*"} {
			statements = append(statements, `{"Effect":"Allow","Action":"`+service+":"+verb+`","Resource":"arn:aws:`+service+`:*:111122223333:*"}`)
		}
	}
	statements = append(statements, `{"Effect":"Allow","Action":"lambda:*","Resource":"arn:aws:lambda:*:111122223333:function:app-*","Condition":{"StringEquals":{"aws:RequestedRegion":["eu-central-1","us-east-1"]}}}`)
	doc := func(s ...string) string {
		return `{"Version":"2012-10-17","Statement":[` + strings.Join(s, ",") + `]}`
	}
	r := &CallerRequest{Request: iampolicy.Request{
		Principal: iampolicy.Principal{Type: iampolicy.AWS, ID: "arn:aws:sts::111122223333:assumed-role/job/run", Account: "111122223333", RoleARN: "arn:aws:iam::111122223333:role/job", UniqueID: "AROAX:run"},
		Action:    "lambda:GetFunction", Resource: "arn:aws:lambda:us-east-1:111122223333:function:app-one",
		Context: iampolicy.Context{{Name: "aws:PrincipalArn", Values: []string{"arn:aws:iam::111122223333:role/job"}}, {Name: "aws:SourceIp", Values: []string{"127.0.0.1"}}, {Name: "aws:RequestedRegion", Values: []string{"us-east-1"}}},
	}}
	r.Policies = CallerPolicies{
		Identity: []*AppliedPolicy{NewAppliedPolicy(RolePolicy, "", "own", doc(statements...))},
		Boundary: NewAppliedPolicy(Boundary, "", "b", doc(`{"Effect":"Allow","Action":["lambda:*","logs:*","s3:*"],"Resource":"*"}`, `{"Effect":"Deny","Action":"iam:*","Resource":"*"}`)),
		Session:  []*AppliedPolicy{NewAppliedPolicy(SessionPolicy, "", "", doc(`{"Effect":"Allow","Action":"lambda:Get*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}}}`))},
		Resource: NewAppliedPolicy(FunctionPolicy, "", "", doc(`{"Effect":"Allow","Principal":{"Service":"apigateway.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"arn:aws:lambda:us-east-1:111122223333:function:app-one","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:execute-api:us-east-1:111122223333:a1b2c3d4e5/*/GET/*"}}}`)),
	}
	if v := EvaluateCaller(r); v.Basis != IdentityAllows {
		b.Fatal(v)
	}
	b.ReportAllocs()
	for b.Loop() {
		EvaluateCaller(r)
	}
}
