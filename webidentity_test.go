package stagedoor

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/identity/oidc/oidctest"
)

const mainBranch = "repo:org/app:ref:refs/heads/main"

// pipeline is an account that GitHub Actions may deploy to: a provider, and a
// role that trusts one branch.
type pipeline struct {
	*people
	issuer   *oidctest.Issuer
	provider string
	role     string
}

func newPipeline(t *testing.T, branch string) *pipeline {
	t.Helper()
	p := &pipeline{people: newPeople(t, start(t)), issuer: oidctest.New(t)}
	made, err := p.root.CreateOpenIDConnectProvider(t.Context(), &iam.CreateOpenIDConnectProviderInput{Url: &p.issuer.URL, ClientIDList: []string{"sts.amazonaws.com"}})
	must(t, err)
	p.provider = *made.OpenIDConnectProviderArn
	trust := strings.NewReplacer("PROVIDER", p.provider, "ISSUER", p.issuer.Name(), "BRANCH", branch).Replace(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"PROVIDER"},"Action":"sts:AssumeRoleWithWebIdentity",
		"Condition":{"StringEquals":{"ISSUER:aud":"sts.amazonaws.com","ISSUER:sub":"BRANCH"}}}]}`)
	role, err := p.root.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("deploy"), AssumeRolePolicyDocument: &trust})
	must(t, err)
	p.role = *role.Role.Arn
	_, err = p.root.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("deploy"), PolicyName: aws.String("own"), PolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:ListFunctions","Resource":"*","Condition":{"StringEquals":{"` + p.issuer.Name() + `:sub":"` + mainBranch + `"}}}]}`)})
	must(t, err)
	return p
}

func (p *pipeline) token() string {
	return p.issuer.Token(p.t, map[string]any{
		"iss": p.issuer.URL, "sub": mainBranch, "aud": "sts.amazonaws.com", "iat": time.Now().Unix(), "exp": time.Now().Add(5 * time.Minute).Unix(),
	})
}

func (p *pipeline) assume() (*sts.AssumeRoleWithWebIdentityOutput, error) {
	client := sts.New(sts.Options{Region: "eu-central-1", BaseEndpoint: aws.String(p.s.Endpoint()), RetryMaxAttempts: 1})
	return client.AssumeRoleWithWebIdentity(p.t.Context(), &sts.AssumeRoleWithWebIdentityInput{RoleArn: &p.role, RoleSessionName: aws.String("GitHubActions"), WebIdentityToken: aws.String(p.token())})
}

// latest is the newest refusal.
func (p *people) latest() *grants.Decision {
	p.t.Helper()
	all, err := p.s.parts.grants.Decisions(p.t.Context(), 1)
	must(p.t, err)
	if len(all) == 0 {
		p.t.Fatal("no refusal was recorded")
	}
	return all[0]
}

// From the token of a job to a call that the role's policy allows, which sees
// the token's subject; nothing else is allowed.
func TestPipeline(t *testing.T) {
	p := newPipeline(t, mainBranch)
	out, err := p.assume()
	must(t, err)
	c := out.Credentials
	functions := lambda.NewFromConfig(p.config(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken))
	_, err = functions.ListFunctions(t.Context(), nil)
	must(t, err)
	_, err = functions.GetAccountSettings(t.Context(), nil)
	refusedAs(t, err, "AccessDeniedException", 403, "User: "+*out.AssumedRoleUser.Arn+" is not authorized to perform: lambda:GetAccountSettings on resource: * because no identity-based policy allows the lambda:GetAccountSettings action")
}

// A role that trusts another branch: AWS's answer says next to nothing, `why`
// says which condition differs, and its command mends it, for this branch only.
func TestPipelineRefused(t *testing.T) {
	p := newPipeline(t, "repo:org/app:ref:refs/heads/release")
	_, err := p.assume()
	refusedAs(t, err, "AccessDenied", 403, "Not authorized to perform sts:AssumeRoleWithWebIdentity")
	d := p.latest()
	if d.Cause.Code != grants.CauseCallerTrust || d.Principal != p.provider || d.Operation != "sts AssumeRoleWithWebIdentity" {
		t.Errorf("cause %+v, principal %s, operation %s", d.Cause, d.Principal, d.Operation)
	}
	differing := ""
	if s := d.NearestMiss(); s != nil {
		for _, e := range s.Elements {
			if !e.Matched {
				differing += e.Key + "=" + strings.Join(e.Got, ",")
			}
		}
	}
	if differing != p.issuer.Name()+":sub="+mainBranch {
		t.Errorf("what differs is %q", differing)
	}
	if len(d.Fix) != 1 {
		t.Fatalf("fix %q", d.Fix)
	}
	p.run(d.Fix[0])
	_, err = p.assume()
	must(t, err)
	role, err := p.root.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("deploy")})
	must(t, err)
	if document := *role.Role.AssumeRolePolicyDocument; strings.Count(document, "sub%22") != 2 {
		t.Errorf("the fix does not name the subject: %s", document)
	}

	// A token that does not hold is explained as well.
	_, err = p.root.RemoveClientIDFromOpenIDConnectProvider(t.Context(), &iam.RemoveClientIDFromOpenIDConnectProviderInput{OpenIDConnectProviderArn: &p.provider, ClientID: aws.String("sts.amazonaws.com")})
	must(t, err)
	_, err = p.assume()
	refusedAs(t, err, "InvalidIdentityToken", 400, "Incorrect token audience")
	if d := p.latest(); d.Cause.Code != grants.CauseCallerToken || !strings.Contains(d.Cause.Sentence, `the token is for ["sts.amazonaws.com"], and the provider knows []`) {
		t.Errorf("cause %+v", d.Cause)
	}
}

// run runs the printed command's operation: update-assume-role-policy with its
// two options, as a shell would.
func (p *pipeline) run(command string) {
	p.t.Helper()
	needs(p.t, "sh")
	dir := p.t.TempDir()
	// "aws" writes its arguments down, one a line.
	must(p.t, os.WriteFile(filepath.Join(dir, "aws"), []byte("#!/bin/sh\nprintf '%s\\n' \"$@\"\n"), 0o700))
	cmd := exec.CommandContext(p.t.Context(), "sh", "-c", command)
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
	out, err := cmd.Output()
	must(p.t, err)
	args := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(args) != 6 || args[1] != "update-assume-role-policy" {
		p.t.Fatalf("command %q", args)
	}
	_, err = p.root.UpdateAssumeRolePolicy(p.t.Context(), &iam.UpdateAssumeRolePolicyInput{RoleName: &args[3], PolicyDocument: &args[5]})
	must(p.t, err)
}

// botocore does it by itself, from the two variables that a pod of Kubernetes
// or a job of a pipeline has.
func TestPipelineBotocore(t *testing.T) {
	needs(t, "python3")
	if exec.CommandContext(t.Context(), "python3", "-c", "import boto3").Run() != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("boto3 is missing, and in CI this test must run")
		}
		t.Skip("boto3 is not installed")
	}
	p := newPipeline(t, mainBranch)
	file := filepath.Join(t.TempDir(), "token")
	must(t, os.WriteFile(file, []byte(p.token()), 0o600))
	cmd := exec.CommandContext(t.Context(), "python3", "-c", `import boto3; print(boto3.client("sts").get_caller_identity()["Arn"])`)
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "AWS_") { // whose keys would come first
			cmd.Env = append(cmd.Env, e)
		}
	}
	cmd.Env = append(cmd.Env, "AWS_WEB_IDENTITY_TOKEN_FILE="+file, "AWS_ROLE_ARN="+p.role, "AWS_ROLE_SESSION_NAME=pod", "AWS_ENDPOINT_URL="+p.s.Endpoint(),
		"AWS_DEFAULT_REGION=eu-central-1", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true")
	out, err := cmd.CombinedOutput()
	if got := strings.TrimSpace(string(out)); err != nil || got != "arn:aws:sts::000000000000:assumed-role/deploy/pod" {
		t.Errorf("%v: %s", err, got)
	}
}

// What `why --json` shows of a refused caller can be decoded, by whom policies
// let, in the caller's account only (STS API Reference,
// DecodeAuthorizationMessage; aws/aws-sdk-go#1536 shows a decoded message).
func TestDecodeAuthorizationMessage(t *testing.T) {
	p := newPeople(t, start(t))
	cfg := p.user("ada", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"No","Effect":"Deny","Action":["lambda:ListFunctions","sts:DecodeAuthorizationMessage"],"Resource":"*"}]}`)
	_, err := lambda.NewFromConfig(cfg).ListFunctions(t.Context(), nil)
	if err == nil {
		t.Fatal("not refused")
	}
	message := p.latest().EncodedMessage
	decode := func(cfg aws.Config, message string) (string, error) {
		out, err := sts.NewFromConfig(cfg).DecodeAuthorizationMessage(t.Context(), &sts.DecodeAuthorizationMessageInput{EncodedMessage: &message})
		if err != nil {
			return "", err
		}
		return *out.DecodedMessage, nil
	}
	text, err := decode(p.config("test", "test", ""), message)
	must(t, err)
	var got struct {
		Allowed, ExplicitDeny bool
		MatchedStatements     struct {
			Items []struct{ StatementID, Effect string }
		}
		Failures struct{ Items []any }
		Context  struct {
			Principal        struct{ ID, Name, ARN string }
			Action, Resource string
			Conditions       struct {
				Items []struct {
					Key    string
					Values struct{ Items []struct{ Value string } }
				}
			}
		}
	}
	must(t, json.Unmarshal([]byte(text), &got))
	if got.Allowed || !got.ExplicitDeny || len(got.MatchedStatements.Items) != 1 || got.MatchedStatements.Items[0].StatementID != "No" || got.MatchedStatements.Items[0].Effect != "DENY" {
		t.Errorf("decoded %s", text)
	}
	if p := got.Context.Principal; p.Name != "ada" || p.ARN != "arn:aws:iam::000000000000:user/ada" || !strings.HasPrefix(p.ID, "AIDA") || got.Context.Action != "lambda:ListFunctions" || got.Context.Resource != "*" {
		t.Errorf("decoded %s", text)
	}
	if len(got.Context.Conditions.Items) < 5 || len(message) > 2000 {
		t.Errorf("%d conditions, %d characters", len(got.Context.Conditions.Items), len(message))
	}

	_, err = decode(cfg, message)
	refusedAs(t, err, "AccessDenied", 403, "User: arn:aws:iam::000000000000:user/ada is not authorized to perform: sts:DecodeAuthorizationMessage with an explicit deny in an identity-based policy")
	changed := message[:len(message)/2] + "A" + message[len(message)/2+1:]
	if changed == message {
		changed = message[:len(message)/2] + "B" + message[len(message)/2+1:]
	}
	for name, c := range map[string]struct {
		cfg     aws.Config
		message string
	}{
		"another account": {p.config("111122223333", "test", ""), message}, "changed": {p.config("test", "test", ""), changed},
		"cut": {p.config("test", "test", ""), message[:40]}, "a line break": {p.config("test", "test", ""), message[:40] + "\n" + message[40:]}, "of AWS": {p.config("test", "test", ""), "rHU-pVHMSckD0OAc5l3r9-gKN1XZjZ2X9J3w0fZ31licaTpAVwlD9ix3fLSABy3X"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := decode(c.cfg, c.message)
			refusedAs(t, err, "InvalidAuthorizationMessageException", 400, "Message is not valid")
		})
	}
}

// A session's managed policies must exist.
func TestSessionPolicyMustExist(t *testing.T) {
	p := newPeople(t, start(t))
	role := p.role("job", `{"AWS":"000000000000"}`, "")
	assume := func(arn string) error {
		_, err := sts.NewFromConfig(p.config("test", "test", "")).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("run"), PolicyArns: []ststypes.PolicyDescriptorType{{Arn: &arn}}})
		return err
	}
	must(t, assume("arn:aws:iam::aws:policy/ReadOnlyAccess"))
	refusedAs(t, assume("arn:aws:iam::aws:policy/NoSuchPolicy"), "ValidationError", 400, "Policy arn:aws:iam::aws:policy/NoSuchPolicy does not exist or is not attachable.")
	made, err := p.root.CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: aws.String("own"), PolicyDocument: aws.String(allows("lambda:ListFunctions", "*"))})
	must(t, err)
	must(t, assume(*made.Policy.Arn))
}
