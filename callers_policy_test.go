package stagedoor

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	gatewaytypes "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/stagedoor/stagedoor/internal/grants"
)

func policyOf(statements string) string {
	return `{"Version":"2012-10-17","Statement":[` + statements + `]}`
}

const everybody = `{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/*"}`

// Callers need execute-api:Invoke; the printed fixes give it.
func TestSignersNeedPolicies(t *testing.T) {
	f := newFront(t)
	const ada, bob, line = "arn:aws:iam::000000000000:user/ada", "arn:aws:iam::000000000000:user/bob", "GET /dev/signed"
	cfg := f.user("ada", allows("execute-api:Invoke", "arn:aws:execute-api:us-east-1:000000000000:"+f.id+"/prod/*"))
	d := f.refusedFor(f.signed(cfg, line), "AccessDeniedException", f.denied(ada, line, noIdentity), grants.CauseCallerIdentity)
	if d.Principal != ada || d.Nearest < 0 || d.Request != "GET /signed" {
		t.Errorf("decision %+v", d)
	}
	f.mended(d, func() frontAnswer { return f.signed(cfg, line) })
	if got := f.signed(cfg, "POST /dev/signed/42"); got.status != 403 {
		t.Errorf("the fix is too wide: %+v", got)
	}

	// In one account the API's policy may do without the caller's own.
	cfg = f.user("bob", "")
	f.policy(policyOf(`{"Effect":"Allow","Principal":{"AWS":"` + bob + `"},"Action":"execute-api:Invoke","Resource":"execute-api:/dev/*/signed"}`))
	f.refusedFor(f.signed(cfg, line), "AccessDeniedException", f.denied(bob, line, noIdentity), grants.CauseNotDeployed)
	f.deploy()
	if got := f.signed(cfg, line); got.status != 200 {
		t.Errorf("resource policy alone: %+v", got)
	}
	f.policy(policyOf(`{"Sid":"NotBob","Effect":"Deny","Principal":{"AWS":"` + bob + `"},"Action":"execute-api:Invoke","Resource":"execute-api:/*"},` + everybody))
	f.deploy()
	d = f.refusedFor(f.signed(cfg, line), "AccessDeniedException", f.denied(bob, line, resourceNo), grants.CauseAPIPolicyDeny)
	f.mended(d, func() frontAnswer { return f.signed(cfg, line) })

	// From another account both must allow.
	f.policy("")
	f.deploy()
	other := f.config("111122223333", "test", "")
	d = f.refusedFor(f.signed(other, line), "AccessDeniedException", f.denied("arn:aws:iam::111122223333:root", line, noResource), grants.CauseAPIPolicy)
	f.mended(d, func() frontAnswer { return f.signed(other, line) })
}

// The deployed resource policy decides about everybody, and each refusal of
// this kind is mended by what is printed.
func TestResourcePolicies(t *testing.T) {
	const line = "GET /dev/open"
	with := func(condition string) string {
		return policyOf(strings.Replace(everybody, `/*"}`, `/*","Condition":`+condition+`}`, 1))
	}
	for _, c := range []struct{ name, policy, reason, cause string }{
		{"nothing allows", policyOf(``), noResource, grants.CauseAPIPolicy},
		{"another address", with(`{"IpAddress":{"aws:SourceIp":["192.0.2.0/24","10.0.0.0/8"]}}`), noResource, grants.CauseAPIPolicy},
		{"another stage", policyOf(strings.Replace(everybody, "/*", "/prod/*", 1)), noResource, grants.CauseAPIPolicy},
		{"another verb", policyOf(strings.Replace(everybody, "/*", "/dev/POST/*", 1)), noResource, grants.CauseAPIPolicy},
		{"denied address", policyOf(everybody + `,{"Sid":"NotHere","Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/*","Condition":{"NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}`), resourceNo, grants.CauseAPIPolicyDeny},
		{"only a deny", policyOf(strings.Replace(everybody, "Allow", "Deny", 1)), resourceNo, grants.CauseAPIPolicyDeny},
		{"a VPC endpoint", with(`{"StringEquals":{"aws:SourceVpce":"vpce-1a2b3c4d"}}`), noResource, grants.CauseAPIPolicyVPC},
		{"a principal", policyOf(strings.Replace(everybody, `"*"`, `{"AWS":"arn:aws:iam::000000000000:role/caller"}`, 1)), noResource, grants.CauseAPIPolicyAuth},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFront(t)
			f.policy(c.policy)
			if got := f.unsigned(line); got.status != 200 {
				t.Fatalf("not deployed yet, and still %+v", got)
			}
			f.deploy()
			d := f.refusedFor(f.unsigned(line), "AccessDeniedException", f.denied(grants.AnonymousCaller, line, c.reason), c.cause)
			f.mended(d, func() frontAnswer {
				if c.cause == grants.CauseAPIPolicyAuth { // the method asks for a signature now
					return f.signed(f.config("test", "test", ""), line)
				}
				return f.unsigned(line)
			})
		})
	}
	t.Run("changed, not deployed", func(t *testing.T) {
		f := newFront(t)
		f.policy(policyOf(``))
		f.deploy()
		f.policy(policyOf(everybody))
		d := f.refusedFor(f.unsigned(line), "AccessDeniedException", f.denied(grants.AnonymousCaller, line, noResource), grants.CauseNotDeployed)
		f.mended(d, func() frontAnswer { return f.unsigned(line) })
	})
}

// A slash too many, or an escape where none is needed, evades no statement.
func TestPolicyPathsCannotBeEvaded(t *testing.T) {
	f := newFront(t)
	f.policy(policyOf(everybody + `,{"Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/dev/GET/open"}`))
	f.deploy()
	for _, line := range []string{"GET /dev/open", "GET /dev/open/", "GET /dev//open", "GET //dev/open", "GET /dev/%6fpen", "GET /dev/open?x=/"} {
		if got := f.unsigned(line); got.status != 403 {
			t.Errorf("%s: %+v", line, got)
		}
	}
}

// Requests that lead nowhere are explained, and are no refusals in the journal.
func TestLostRequests(t *testing.T) {
	f := newFront(t)
	f.mock(f.open, "late", "NONE", "GET")
	const missing = `{"message":"Missing Authentication Token"}`
	for _, c := range []struct{ line, errorType, body, cause, says string }{
		{"GET /dev/opne", "MissingAuthenticationTokenException", missing, grants.CauseRouteNotFound, "/open"},
		{"PUT /dev/open", "MissingAuthenticationTokenException", missing, grants.CauseRouteNotFound, "has GET at this path"},
		{"GET /dev/open/late", "MissingAuthenticationTokenException", missing, grants.CauseRouteUndeployed, "deploy it"},
		{"GET /open", "ForbiddenException", `{"message":"Forbidden"}`, grants.CauseStageNotFound, "Its stages are dev"},
	} {
		d := f.refusedFor(f.unsigned(c.line), c.errorType, c.body, c.cause)
		if text := d.Cause.Sentence + strings.Join(d.Notes, ""); !strings.Contains(text, c.says) {
			t.Errorf("%s: %s", c.line, text)
		}
	}
	f.mended(f.why(f.unsigned("GET /dev/open/late").id), func() frontAnswer { return f.unsigned("GET /dev/open/late") })
	// Those who send credentials are told something else.
	if got := f.signed(f.config("test", "test", ""), "GET /dev/nowhere"); got.body != `{"message":"Unable to determine service/operation name to be authorized"}` || got.errorType != "AccessDeniedException" {
		t.Errorf("signed: %+v", got)
	}
	r, _ := f.request("GET /dev/nowhere")
	r.Header.Set("Authorization", "Bearer x")
	if got := f.send(r); got.errorType != "IncompleteSignatureException" {
		t.Errorf("bearer: %+v", got)
	}
	if all, err := f.s.parts.grants.Decisions(t.Context(), 10); err != nil || len(all) != 0 {
		t.Errorf("journal: %v %v", all, err)
	}
}

// mended runs the printed commands as a shell and the aws CLI would, and tries
// again.
func (f *front) mended(d *grants.Decision, again func() frontAnswer) {
	f.t.Helper()
	if len(d.Fix) == 0 {
		f.t.Errorf("no fix for %+v", d.Cause)
	}
	for _, line := range d.Fix {
		f.command(line)
	}
	if got := again(); got.status != 200 {
		f.t.Errorf("after %s:\n%+v", strings.Join(d.Fix, "\n"), got)
	}
}

// shellSplit takes a command apart as a POSIX shell does that sees single and
// double quotes only.
func shellSplit(line string) (words []string) {
	var word strings.Builder
	var quote rune
	for _, r := range line + " " {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote = r
		case quote == 0 && r == ' ':
			words = append(words, word.String())
			word.Reset()
		default:
			word.WriteRune(r)
		}
	}
	return words
}

func (f *front) command(line string) {
	f.t.Helper()
	words := shellSplit(line)
	if len(words)%2 == 0 || words[0] != "aws" {
		f.t.Fatalf("%q is no aws command", line)
	}
	o := map[string]*string{}
	for i := 3; i < len(words); i += 2 {
		o[strings.TrimPrefix(words[i], "--")] = &words[i+1]
	}
	ctx := f.t.Context()
	var err error
	switch words[1] + " " + words[2] {
	case "apigateway update-rest-api":
		_, err = f.api.UpdateRestApi(ctx, &apigateway.UpdateRestApiInput{RestApiId: o["rest-api-id"], PatchOperations: patches(f.t, *o["patch-operations"])})
	case "apigateway update-method":
		_, err = f.api.UpdateMethod(ctx, &apigateway.UpdateMethodInput{RestApiId: o["rest-api-id"], ResourceId: o["resource-id"], HttpMethod: o["http-method"], PatchOperations: patches(f.t, *o["patch-operations"])})
	case "apigateway create-deployment":
		_, err = f.api.CreateDeployment(ctx, &apigateway.CreateDeploymentInput{RestApiId: o["rest-api-id"], StageName: o["stage-name"]})
	case "iam put-user-policy":
		_, err = f.root.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: o["user-name"], PolicyName: o["policy-name"], PolicyDocument: o["policy-document"]})
	default:
		f.t.Fatalf("unknown command %s", line)
	}
	must(f.t, err)
}

// patches reads patch operations as JSON or in the CLI's short form.
func patches(t *testing.T, text string) []gatewaytypes.PatchOperation {
	t.Helper()
	type operation struct{ Op, Path, Value string }
	var raw []operation
	if strings.HasPrefix(text, "[") {
		must(t, json.Unmarshal([]byte(text), &raw))
	} else {
		fields := map[string]string{}
		for _, pair := range strings.Split(text, ",") {
			name, value, _ := strings.Cut(pair, "=")
			fields[name] = value
		}
		raw = append(raw, operation{fields["op"], fields["path"], fields["value"]})
	}
	var out []gatewaytypes.PatchOperation
	for _, p := range raw {
		out = append(out, gatewaytypes.PatchOperation{Op: gatewaytypes.Op(p.Op), Path: &p.Path, Value: &p.Value})
	}
	return out
}

// function makes a function that answers who called, and a method in front of it
// with the credentials given.
func (f *front) function(part, authorization string, credentials *string) (resource string) {
	f.t.Helper()
	needs(f.t, "python3")
	ctx := f.t.Context()
	functions := lambda.NewFromConfig(f.config("test", "test", ""))
	role := f.role("role-of-"+part, `{"Service":"lambda.amazonaws.com"}`, "")
	made, err := functions.CreateFunction(ctx, &lambda.CreateFunctionInput{FunctionName: &part, Runtime: "python3.12", Handler: aws.String("index.handler"), Role: &role,
		Code: &lambdatypes.FunctionCode{ZipFile: zipped(f.t, "index.py", "import json\ndef handler(event, context):\n    return {'statusCode': 200, 'body': json.dumps(event['requestContext']['identity'])}\n")}})
	must(f.t, err)
	if credentials == nil {
		_, err = functions.AddPermission(ctx, &lambda.AddPermissionInput{FunctionName: &part, StatementId: aws.String("any"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("apigateway.amazonaws.com")})
		must(f.t, err)
	}
	id := f.mock(f.open, part, authorization, "POST")
	_, err = f.api.PutIntegration(ctx, &apigateway.PutIntegrationInput{RestApiId: &f.id, ResourceId: &id, HttpMethod: aws.String("POST"), Type: gatewaytypes.IntegrationTypeAwsProxy, Credentials: credentials,
		IntegrationHttpMethod: aws.String("POST"), Uri: aws.String("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/" + *made.FunctionArn + "/invocations")})
	must(f.t, err)
	f.deploy()
	return id
}

// The event of TestInvokeMethod names who tests.
func TestTesterInEvent(t *testing.T) {
	f := newFront(t)
	ctx := t.Context()
	id := f.function("who", "AWS_IAM", nil)
	ada := f.user("ada", allows("apigateway:*", "*"))
	key, err := ada.Credentials.Retrieve(ctx)
	must(t, err)
	got, err := apigateway.NewFromConfig(ada).TestInvokeMethod(ctx, &apigateway.TestInvokeMethodInput{RestApiId: &f.id, ResourceId: &id, HttpMethod: aws.String("POST")})
	must(t, err)
	var identity map[string]any
	must(t, json.Unmarshal([]byte(*got.Body), &identity))
	if identity["userArn"] != "arn:aws:iam::000000000000:user/ada" || identity["accessKey"] != key.AccessKeyID || identity["accountId"] != acct ||
		identity["caller"] != identity["user"] || !strings.HasPrefix(identity["user"].(string), "AIDA") || identity["sourceIp"] != "test-invoke-source-ip" {
		t.Errorf("identity %v", identity)
	}
}

// An integration that passes the caller's credentials on asks for the caller's
// right to call the function, not for a grant to API Gateway.
func TestCallerCredentials(t *testing.T) {
	f := newFront(t)
	f.function("direct", "AWS_IAM", aws.String(grants.CallerCredentials))
	const line = "POST /dev/open/direct"
	ada := f.user("ada", allows("execute-api:Invoke", "*"))
	got := f.signed(ada, line)
	if got.status != 500 || got.body != `{"message": "Internal server error"}` {
		t.Fatalf("%+v", got)
	}
	d := f.why(got.id)
	if d.Cause.Code != grants.CauseCaller || d.Principal != "arn:aws:iam::000000000000:user/ada" || !strings.Contains(d.Cause.Sentence, "no identity-based policy allows the lambda:InvokeFunction action") {
		t.Errorf("%+v", d.Cause)
	}
	f.mended(d, func() frontAnswer { return f.signed(ada, line) })
	if got := f.signed(f.config("test", "test", ""), line); got.status != 200 || !strings.Contains(got.body, `"userArn": "arn:aws:iam::000000000000:root"`) {
		t.Errorf("root: %+v", got)
	}
}
