package stagedoor

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	gatewaytypes "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/stagedoor/stagedoor/internal/grants"
)

const emptySHA = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// front is a deployed API with an open and a signed method, both MOCK.
type front struct {
	*people
	api  *apigateway.Client
	id   string
	open string // resource id of /open
}

func newFront(t *testing.T, prepare ...func(*Server)) *front {
	f := &front{people: newPeople(t, start(t, prepare...))}
	f.api = apigateway.NewFromConfig(f.config("test", "test", ""))
	ctx := t.Context()
	api, err := f.api.CreateRestApi(ctx, &apigateway.CreateRestApiInput{Name: aws.String("front")})
	must(t, err)
	f.id = *api.Id
	f.open = f.mock(*api.RootResourceId, "open", "NONE", "GET")
	signed := f.mock(*api.RootResourceId, "signed", "AWS_IAM", "ANY")
	f.mock(signed, "{id}", "AWS_IAM", "POST")
	f.deploy()
	return f
}

// mock makes a resource that answers "ok".
func (f *front) mock(parent, part, authorization, verb string) (id string) {
	f.t.Helper()
	ctx := f.t.Context()
	res, err := f.api.CreateResource(ctx, &apigateway.CreateResourceInput{RestApiId: &f.id, ParentId: &parent, PathPart: &part})
	must(f.t, err)
	_, err = f.api.PutMethod(ctx, &apigateway.PutMethodInput{RestApiId: &f.id, ResourceId: res.Id, HttpMethod: &verb, AuthorizationType: &authorization})
	must(f.t, err)
	_, err = f.api.PutMethodResponse(ctx, &apigateway.PutMethodResponseInput{RestApiId: &f.id, ResourceId: res.Id, HttpMethod: &verb, StatusCode: aws.String("200")})
	must(f.t, err)
	_, err = f.api.PutIntegration(ctx, &apigateway.PutIntegrationInput{RestApiId: &f.id, ResourceId: res.Id, HttpMethod: &verb,
		Type: gatewaytypes.IntegrationTypeMock, RequestTemplates: map[string]string{"application/json": `{"statusCode": 200}`}})
	must(f.t, err)
	_, err = f.api.PutIntegrationResponse(ctx, &apigateway.PutIntegrationResponseInput{RestApiId: &f.id, ResourceId: res.Id, HttpMethod: &verb,
		StatusCode: aws.String("200"), ResponseTemplates: map[string]string{"application/json": "ok"}})
	must(f.t, err)
	return *res.Id
}

func (f *front) deploy() {
	f.t.Helper()
	_, err := f.api.CreateDeployment(f.t.Context(), &apigateway.CreateDeploymentInput{RestApiId: &f.id, StageName: aws.String("dev")})
	must(f.t, err)
}

// policy sets the API's resource policy, without deploying it; "" removes it.
func (f *front) policy(document string) {
	f.t.Helper()
	op := gatewaytypes.PatchOperation{Op: gatewaytypes.OpReplace, Path: aws.String("/policy"), Value: &document}
	_, err := f.api.UpdateRestApi(f.t.Context(), &apigateway.UpdateRestApiInput{RestApiId: &f.id, PatchOperations: []gatewaytypes.PatchOperation{op}})
	must(f.t, err)
}

// request makes "POST /dev/signed/1 body", unsigned.
func (f *front) request(line string) (*http.Request, string) {
	f.t.Helper()
	verb, rest, _ := strings.Cut(line, " ")
	path, body, _ := strings.Cut(rest, " ")
	r, err := http.NewRequestWithContext(f.t.Context(), verb, f.s.Endpoint()+path, strings.NewReader(body))
	must(f.t, err)
	r.Host = f.id + ".execute-api.localhost:" + f.s.Endpoint()[strings.LastIndexByte(f.s.Endpoint(), ':')+1:]
	return r, body
}

// as signs a request the way an SDK does.
func (f *front) as(cfg aws.Config, r *http.Request, body string, at time.Time) *http.Request {
	f.t.Helper()
	creds, err := cfg.Credentials.Retrieve(f.t.Context())
	must(f.t, err)
	sum := sha256.Sum256([]byte(body))
	must(f.t, v4.NewSigner().SignHTTP(f.t.Context(), creds, r, hex.EncodeToString(sum[:]), "execute-api", "us-east-1", at))
	return r
}

// frontAnswer is what a client sees of a refusal, and its request id.
type frontAnswer struct {
	status          int
	body, errorType string
	id              string
}

func (f *front) send(r *http.Request) frontAnswer {
	f.t.Helper()
	response, err := http.DefaultClient.Do(r)
	must(f.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(f.t, err)
	return frontAnswer{response.StatusCode, string(body), response.Header.Get("X-Amzn-Errortype"), response.Header.Get("X-Amzn-Requestid")}
}

func (f *front) unsigned(line string) frontAnswer {
	f.t.Helper()
	r, _ := f.request(line)
	return f.send(r)
}

func (f *front) signed(cfg aws.Config, line string) frontAnswer {
	f.t.Helper()
	r, body := f.request(line)
	return f.send(f.as(cfg, r, body, time.Now()))
}

// why is the Decision about a request.
func (f *front) why(id string) *grants.Decision {
	f.t.Helper()
	d, err := explanations{f.s.parts.grants, f.s.parts.gateway}.Decision(f.t.Context(), id)
	must(f.t, err)
	return d
}

// refusedFor asserts an answer and the cause behind it, and returns the Decision.
func (f *front) refusedFor(got frontAnswer, errorType, body, cause string) *grants.Decision {
	f.t.Helper()
	if got.status != 403 || got.errorType != errorType || got.body != body {
		f.t.Errorf("got  %d %s %s\nwant 403 %s %s", got.status, got.errorType, got.body, errorType, body)
	}
	d := f.why(got.id)
	if d.Cause.Code != cause || d.Cause.Sentence == "" {
		f.t.Errorf("cause %+v, want %s", d.Cause, cause)
	}
	return d
}

func (f *front) denied(who, line, reason string) string {
	verb, path, _ := strings.Cut(line, " ")
	return `{"Message":"User: ` + who + ` is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:us-east-1:********0000:` +
		f.id + strings.Replace(path, "/dev/", "/dev/"+verb+"/", 1) + reason + `"}`
}

const (
	noIdentity = " because no identity-based policy allows the execute-api:Invoke action"
	noResource = " because no resource-based policy allows the execute-api:Invoke action"
	resourceNo = " with an explicit deny in a resource-based policy"
)

// Signatures are verified, and every fault has AWS's words.
func TestSignedMethods(t *testing.T) {
	f := newFront(t)
	ada := f.user("ada", allows("execute-api:Invoke", "arn:aws:execute-api:us-east-1:000000000000:"+f.id+"/dev/*"))
	for _, line := range []string{"GET /dev/signed", "POST /dev/signed/42 {}", "POST /dev/signed/a%20b?x=1&y=%2F {}", "GET //dev/signed/", "GET /dev/open"} {
		if got := f.signed(ada, line); got.status != 200 || got.body != "ok" {
			t.Errorf("%s: %+v", line, got)
		}
	}
	for _, root := range []string{"test", "000000000000"} {
		if got := f.signed(f.config(root, "test", ""), "GET /dev/signed"); got.status != 200 {
			t.Errorf("root %s: %+v", root, got)
		}
	}

	creds, err := ada.Credentials.Retrieve(t.Context())
	must(t, err)
	presigned, _ := f.request("GET /dev/signed?X-Amz-Expires=60")
	uri, _, err := v4.NewSigner().PresignHTTP(t.Context(), creds, presigned, emptySHA, "execute-api", "us-east-1", time.Now())
	must(t, err)
	r, err := http.NewRequest("GET", f.s.Endpoint()+uri[strings.Index(uri, "/dev/"):], nil)
	must(t, err)
	r.Host = presigned.Host
	if got := f.send(r); got.status != 200 {
		t.Errorf("presigned: %+v", got)
	}

	f.refusedFor(f.unsigned("GET /dev/signed"), "MissingAuthenticationTokenException", `{"message":"Missing Authentication Token"}`, grants.CauseUnsigned)
	bearer, _ := f.request("GET /dev/signed")
	bearer.Header.Set("Authorization", "Bearer x")
	f.refusedFor(f.send(bearer), "IncompleteSignatureException", `{"message":"Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): 'uTem/WB082UJMN2ajD6lH6UChGpTAddMJSx2iu923No='."}`, grants.CauseSignature)
}

// What is wrong with a signature is said in AWS's words.
func TestBadSignatures(t *testing.T) {
	f := newFront(t)
	ada := f.user("ada", allows("execute-api:Invoke", "*"))
	creds, err := ada.Credentials.Retrieve(t.Context())
	must(t, err)

	got := f.signed(f.config(creds.AccessKeyID, "wrong", ""), "POST /dev/signed/42?b=2&a=1 {}")
	for _, want := range []string{
		`{"message":"The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.\n\nThe Canonical String for this request should have been\n'POST\n/dev/signed/42\na=1&b=2\n`,
		`\n44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a'\n\nThe String-to-Sign should have been\n'AWS4-HMAC-SHA256\n`,
		`/us-east-1/execute-api/aws4_request\n`,
	} {
		if !strings.Contains(got.body, want) || got.status != 403 || got.errorType != "InvalidSignatureException" {
			t.Errorf("got %+v, want %s in it", got, want)
		}
	}
	if d := f.why(got.id); d.Cause.Code != grants.CauseSignature || d.AccessKeyID != creds.AccessKeyID || len(d.Notes) == 0 {
		t.Errorf("decision %+v", d)
	}

	r, body := f.request("GET /dev/signed")
	r = f.as(ada, r, body, time.Now().Add(-6*time.Minute))
	if got := f.send(r); !strings.HasPrefix(got.body, `{"message":"Signature expired: `) || !strings.HasSuffix(got.body, ` - 5 min.)"}`) || got.errorType != "InvalidSignatureException" {
		t.Errorf("old: %+v", got)
	}

	scoped := func(service, region string) frontAnswer {
		r, _ := f.request("GET /dev/signed")
		must(t, v4.NewSigner().SignHTTP(t.Context(), creds, r, emptySHA, service, region, time.Now()))
		return f.send(r)
	}
	f.refusedFor(scoped("apigateway", "us-east-1"), "InvalidSignatureException", `{"message":"Credential should be scoped to correct service: 'execute-api'. "}`, grants.CauseSignature)
	f.refusedFor(scoped("execute-api", "eu-west-1"), "InvalidSignatureException", `{"message":"Credential should be scoped to a valid region, not 'eu-west-1'. "}`, grants.CauseSignature)

	_, err = f.root.DeleteAccessKey(t.Context(), &iam.DeleteAccessKeyInput{UserName: aws.String("ada"), AccessKeyId: &creds.AccessKeyID})
	must(t, err)
	f.refusedFor(f.signed(ada, "GET /dev/signed"), "UnrecognizedClientException", `{"message":"The security token included in the request is invalid."}`, grants.CauseUnknownKey)
}
