package cli

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	rest "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor"
	"github.com/stagedoor/stagedoor/internal/diff"
	"github.com/stagedoor/stagedoor/internal/target"
)

// diffRun runs the command and returns what it says and its exit code.
func diffRun(t *testing.T, environment map[string]string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	env := &Environment{Stdout: &out, Stderr: &errs, Getenv: func(name string) string { return environment[name] }}
	code = run(env, append([]string{"diff"}, args...))
	return out.String(), errs.String(), code
}

// The policy of the help is enough, also where only keys that were issued count,
// and each of its parts is needed for something: without it that is told as
// unread.
func TestDiffNeedsItsPolicyOnly(t *testing.T) {
	serve(t, stagedoor.Options{Ephemeral: true, Credentials: "strict"}, func(endpoint string) {
		deployPair(t, endpoint)
		unknown := map[string]string{"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "x"}
		if _, stderr, code := diffRun(t, unknown, "shop", "dev", "prod", "--endpoint-url", endpoint); code != 2 {
			t.Errorf("a key that was not issued: exit code %d, %s", code, stderr)
		}
		for without, key := range readers(t, endpoint) {
			stdout, stderr, code := diffRun(t, key, "shop", "dev", "prod", "--endpoint-url", endpoint, "--format", "json")
			if without == "apigateway:GET" {
				if code != 2 || !strings.Contains(stderr, "apigateway:GET") {
					t.Errorf("without %s: exit code %d, %s", without, code, stderr)
				}
				continue
			}
			var c diff.Comparison
			if err := json.Unmarshal([]byte(stdout), &c); err != nil || code != 1 || c.Reports[0].Differences == 0 {
				t.Fatalf("without %q: exit code %d, %v %s", without, code, err, stderr)
			}
			// Everybody may ask who they are (STS API reference, GetCallerIdentity).
			complete := without == "" || without == "sts:GetCallerIdentity"
			if unread := c.Reports[0].Unread; (len(unread) == 0) != complete {
				t.Errorf("without %q: unread %q", without, unread)
			}
		}
	})
}

// serve runs a stagedoor for a while.
func serve(t *testing.T, o stagedoor.Options, f func(endpoint string)) {
	t.Helper()
	o.Listen, o.Logger = "127.0.0.1:0", slog.New(slog.DiscardHandler)
	s, err := stagedoor.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	}()
	f(s.Endpoint())
}

// readers makes a user with diff's policy, "", and one for each action in it who
// has all the others.
func readers(t *testing.T, endpoint string) map[string]map[string]string {
	t.Helper()
	config, _, err := target.Place{Endpoint: endpoint}.Config(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	client, ctx := iam.NewFromConfig(config), context.Background()
	var policy struct {
		Version   string
		Statement []struct {
			Effect   string
			Action   []string
			Resource string
		}
	}
	if err := json.Unmarshal([]byte(target.ReadAPIPolicy), &policy); err != nil {
		t.Fatal(err)
	}
	actions := policy.Statement[0].Action
	keys := map[string]map[string]string{}
	for _, without := range append([]string{""}, actions...) {
		user := "reader" + strings.ReplaceAll(without, ":", "-")
		document := target.ReadAPIPolicy
		if without != "" {
			document = strings.Replace(document, `"`+without+`"`, `"none:None"`, 1)
		}
		if _, err := client.CreateUser(ctx, &iam.CreateUserInput{UserName: &user}); err != nil {
			t.Fatal(err)
		}
		if _, err := client.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: &user, PolicyName: aws.String("diff"), PolicyDocument: &document}); err != nil {
			t.Fatal(err)
		}
		key, err := client.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &user})
		if err != nil {
			t.Fatal(err)
		}
		keys[without] = map[string]string{"AWS_ACCESS_KEY_ID": *key.AccessKey.AccessKeyId, "AWS_SECRET_ACCESS_KEY": *key.AccessKey.SecretAccessKey}
	}
	return keys
}

const gatewayTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":["apigateway.amazonaws.com","lambda.amazonaws.com"]},"Action":"sts:AssumeRole"}]}`

// deployPair deploys one API on two stages: a function behind an alias that a
// stage variable names, and a role with every kind of policy as the caller of a
// second method.
func deployPair(t *testing.T, endpoint string) {
	t.Helper()
	config, _, err := target.Place{Endpoint: endpoint}.Config(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	roles, functions, apis := iam.NewFromConfig(config), lambda.NewFromConfig(config), apigateway.NewFromConfig(config)
	allow := aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:InvokeFunction","Resource":"*"}]}`)
	boundary, err := roles.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("boundary"), PolicyDocument: allow})
	must(err)
	role, err := roles.CreateRole(ctx, &iam.CreateRoleInput{
		RoleName: aws.String("caller"), AssumeRolePolicyDocument: aws.String(gatewayTrust), PermissionsBoundary: boundary.Policy.Arn})
	must(err)
	_, err = roles.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String("caller"), PolicyName: aws.String("inline"), PolicyDocument: allow})
	must(err)
	_, err = roles.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: aws.String("caller"), PolicyArn: boundary.Policy.Arn})
	must(err)

	name := aws.String("shop")
	_, err = functions.CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: name, Runtime: lambdatypes.RuntimePython312, Handler: aws.String("index.handler"), Role: role.Role.Arn, Publish: true,
		Code: &lambdatypes.FunctionCode{ZipFile: archive(t)}, Environment: &lambdatypes.Environment{Variables: map[string]string{"LEVEL": "info"}},
	})
	must(err)
	for alias, version := range map[string]string{"dev": "$LATEST", "prod": "1"} {
		_, err = functions.CreateAlias(ctx, &lambda.CreateAliasInput{FunctionName: name, Name: &alias, FunctionVersion: &version})
		must(err)
	}
	_, err = functions.AddPermission(ctx, &lambda.AddPermissionInput{
		FunctionName: name, Qualifier: aws.String("dev"), StatementId: aws.String("api"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("apigateway.amazonaws.com")})
	must(err)

	api, err := apis.CreateRestApi(ctx, &apigateway.CreateRestApiInput{Name: name})
	must(err)
	uri := aws.String("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:shop:${stageVariables.alias}/invocations")
	for verb, credentials := range map[string]*string{"GET": nil, "POST": role.Role.Arn} {
		_, err = apis.PutMethod(ctx, &apigateway.PutMethodInput{RestApiId: api.Id, ResourceId: api.RootResourceId, HttpMethod: &verb, AuthorizationType: aws.String("NONE")})
		must(err)
		_, err = apis.PutIntegration(ctx, &apigateway.PutIntegrationInput{
			RestApiId: api.Id, ResourceId: api.RootResourceId, HttpMethod: &verb, Type: rest.IntegrationTypeAwsProxy, IntegrationHttpMethod: aws.String("POST"),
			Uri: uri, Credentials: credentials})
		must(err)
	}
	for _, stage := range []string{"dev", "prod"} {
		_, err = apis.CreateDeployment(ctx, &apigateway.CreateDeploymentInput{RestApiId: api.Id, StageName: &stage, Variables: map[string]string{"alias": stage}})
		must(err)
	}
}

func archive(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create("index.py")
	if err == nil {
		_, err = f.Write([]byte("def handler(event, context):\n    return {'statusCode': 200}\n"))
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestDiffPlaces(t *testing.T) {
	for _, c := range []struct {
		flags       diffFlags
		args        string
		left, right diffSide
		same        bool
		err         string
	}{
		{args: "shop dev prod", left: diffSide{name: "local", api: "shop"}, right: diffSide{name: "local", api: "shop"}, same: true},
		{args: "a=b", left: diffSide{name: "local", api: "a"}, right: diffSide{name: "local", api: "b"}},
		{flags: diffFlags{right: "aws:prod@eu-central-1"}, args: "shop", left: diffSide{name: "local", api: "shop"},
			right: diffSide{name: "aws:prod@eu-central-1", api: "shop", place: target.Place{AWS: true, Profile: "prod", Region: "eu-central-1"}}},
		{flags: diffFlags{left: "aws", right: "aws:test"}, args: "shop",
			left: diffSide{name: "aws", api: "shop", place: target.Place{AWS: true}}, right: diffSide{name: "aws:test", api: "shop", place: target.Place{AWS: true, Profile: "test"}}},
		{flags: diffFlags{left: "http://host:1/", right: "local", place: target.Place{Endpoint: "http://other:2"}}, args: "shop",
			left:  diffSide{name: "host:1", api: "shop", place: target.Place{Endpoint: "http://host:1"}},
			right: diffSide{name: "local", api: "shop", place: target.Place{Endpoint: "http://other:2"}}},
		{flags: diffFlags{left: "file:x/account.json", place: target.Place{AWS: true, Profile: "p"}}, args: "shop",
			left: diffSide{name: "file:account.json", file: "x/account.json", api: "shop"}, right: diffSide{name: "aws:p", api: "shop", place: target.Place{AWS: true, Profile: "p"}}},
		{flags: diffFlags{left: "local@eu-west-1", right: "http://host:1@us-gov-west-1"}, args: "shop",
			left:  diffSide{name: "local@eu-west-1", api: "shop", place: target.Place{Region: "eu-west-1"}},
			right: diffSide{name: "host:1@us-gov-west-1", api: "shop", place: target.Place{Endpoint: "http://host:1", Region: "us-gov-west-1"}}},
		{flags: diffFlags{left: "aws:me@work@eu-west-1", right: "aws:me@work"}, args: "shop",
			left:  diffSide{name: "aws:me@work@eu-west-1", api: "shop", place: target.Place{AWS: true, Profile: "me@work", Region: "eu-west-1"}},
			right: diffSide{name: "aws:me@work", api: "shop", place: target.Place{AWS: true, Profile: "me@work"}}},
		{flags: diffFlags{left: "aws:"}, args: "shop", err: "aws:PROFILE@REGION"},
		{flags: diffFlags{left: "aws:p@"}, args: "shop", err: "aws:PROFILE@REGION"},
		{flags: diffFlags{right: "https://"}, args: "shop", err: "is not a URL"},
		{flags: diffFlags{right: "file:"}, args: "shop", err: "is no place"},
		{flags: diffFlags{right: "prod"}, args: "shop", err: "is no place"},
		{args: "shop dev", err: "compared with which other?"},
	} {
		t.Run(c.flags.left+" "+c.flags.right+" "+c.args, func(t *testing.T) {
			left, right, err := c.flags.sides(strings.Fields(c.args))
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("error %v, want %q", err, c.err)
				}
				return
			}
			if err != nil || right.sameAs(left) != c.same {
				t.Fatalf("%v, the same %v", err, !c.same)
			}
			for _, side := range [][2]*diffSide{{left, &c.left}, {right, &c.right}} {
				side[0].stages = nil
				if d := cmp.Diff(*side[1], *side[0], cmp.AllowUnexported(diffSide{})); d != "" {
					t.Errorf("-want +got\n%s", d)
				}
			}
		})
	}
}

func TestDiffExitCodes(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken.json")
	if err := os.WriteFile(broken, []byte(`{`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args   string
		code   int
		stderr string
	}{
		{"", 2, "diff needs an API"},
		{"a b c d", 2, "diff needs an API"},
		{"shop dev prod --format yaml", 2, "there is text, json, html"},
		{"shop dev prod --ignore nothing", 2, "there is api, policy"},
		{"shop dev prod --no-such-flag", 2, "unknown flag"},
		{"shop", 2, "which stages?"},
		{"shop dev prod --endpoint-url http://127.0.0.1:1", 2, "nothing listens at http://127.0.0.1:1"},
		{"shop dev prod --left file:" + broken, 2, "the dump is truncated"},
		{"shop prod --left file:" + causes + "22.json --right file:./" + causes + "22.json", 1, ""},
		{"shop prod --left file:" + causes + "22.json --right file:./" + causes + "22.json --ignore functions,environment,api,policy,models,authorizers,responses", 0, ""},
	} {
		t.Run(c.args, func(t *testing.T) {
			stdout, stderr, code := diffRun(t, nil, strings.Fields(c.args)...)
			if code != c.code || !strings.Contains(stderr, c.stderr) {
				t.Errorf("code %d, %q; want %d, %q\n%s", code, stderr, c.code, c.stderr, stdout)
			}
		})
	}
}

func TestDiffHelpHasItsPolicy(t *testing.T) {
	out, _, _ := diffRun(t, nil, "--help")
	if !strings.Contains(out, target.ReadAPIPolicy) {
		t.Error("the IAM policy is missing")
	}
}
