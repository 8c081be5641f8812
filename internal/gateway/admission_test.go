package gateway

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/iampolicy"
	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/state"
)

// signers is a Callers that knows one signer, ada, whose policies are these;
// any other Authorization header is refused.
type signers []*grants.AppliedPolicy

const adaARN = "arn:aws:iam::" + testAccount + ":user/ada"

func (s signers) Authenticate(r *http.Request, _ []byte, region string) (*Caller, error) {
	switch r.Header.Get("Authorization") {
	case "ada":
		return &Caller{Account: testAccount, Region: region, ARN: adaARN, UserID: "AIDAADA", AccessKeyID: "AKIAADA"}, nil
	case "expired":
		return nil, &CredentialError{Code: "ExpiredTokenException", Message: "The security token included in the request is expired", AccessKeyID: "ASIAX"}
	case "":
		return nil, &CredentialError{Code: "MissingAuthenticationTokenException", Message: "Missing Authentication Token"}
	default:
		return nil, &CredentialError{Code: "IncompleteSignatureException", Message: "say \"please\"\n"}
	}
}

func (s signers) Request(c *Caller, action, resource string, keys iampolicy.Context, _ time.Time) *grants.CallerRequest {
	return &grants.CallerRequest{
		Request:  iampolicy.Request{Principal: iampolicy.Principal{Type: iampolicy.AWS, ID: c.ARN, Account: c.Account}, Action: action, Resource: resource, Context: keys},
		Policies: grants.CallerPolicies{Identity: s},
	}
}

func own(effect, resource string) *grants.AppliedPolicy {
	return grants.NewAppliedPolicy(grants.UserPolicy, adaARN, "own", `{"Version":"2012-10-17","Statement":[{"Effect":"`+effect+`","Action":"execute-api:Invoke","Resource":"`+resource+`"}]}`)
}

func withMethod(authorization string, m *state.Method) *state.Method {
	m.AuthorizationType = authorization
	return m
}

// Every combination of authorization, own policies and resource policy that
// tables A and B have for one account, and what the journal is told.
func TestAdmission(t *testing.T) {
	allow := own("Allow", "arn:aws:execute-api:us-east-1:123456789012:abc/dev/*")
	deny := own("Deny", "*")
	statement := func(effect string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"` + effect + `","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/*"}]}`
	}
	const none = `{"Version":"2012-10-17","Statement":[]}`
	for _, c := range []struct {
		name, path, auth string
		own              signers
		policy           string
		mode             grants.Mode
		status           int
		errorType        string
		journal          int
	}{
		{"open", "open", "", nil, "", grants.Enforce, 200, "", 0},
		{"open, allowed", "open", "", nil, statement("Allow"), grants.Enforce, 200, "", 0},
		{"open, denied", "open", "", nil, statement("Deny"), grants.Enforce, 403, "AccessDeniedException", 1},
		{"open, silent", "open", "", nil, none, grants.Enforce, 403, "AccessDeniedException", 1},
		{"open, silent, a signature changes nothing", "open", "ada", signers{allow}, none, grants.Enforce, 403, "AccessDeniedException", 1},
		{"open, silent, warned", "open", "", nil, none, grants.Warn, 200, "", 1},
		{"open, silent, off", "open", "", nil, none, grants.Off, 200, "", 0},
		{"signed, own policy", "signed", "ada", signers{allow}, "", grants.Enforce, 200, "", 0},
		{"signed, own policy, silent", "signed", "ada", signers{allow}, none, grants.Enforce, 200, "", 0},
		{"signed, resource policy", "signed", "ada", nil, statement("Allow"), grants.Enforce, 200, "", 0},
		{"signed, nobody", "signed", "ada", nil, "", grants.Enforce, 403, "AccessDeniedException", 1},
		{"signed, own deny", "signed", "ada", signers{allow, deny}, statement("Allow"), grants.Enforce, 403, "AccessDeniedException", 1},
		{"signed, resource deny", "signed", "ada", signers{allow}, statement("Deny"), grants.Enforce, 403, "AccessDeniedException", 1},
		{"signed, nobody, warned", "signed", "ada", nil, "", grants.Warn, 200, "", 1},
		{"signed, nobody, off", "signed", "ada", nil, "", grants.Off, 200, "", 0},
		{"unsigned", "signed", "", signers{allow}, statement("Allow"), grants.Enforce, 403, "MissingAuthenticationTokenException", 1},
		{"unsigned, off", "signed", "", signers{allow}, statement("Allow"), grants.Off, 403, "MissingAuthenticationTokenException", 1},
		{"expired", "signed", "expired", signers{allow}, "", grants.Enforce, 403, "ExpiredTokenException", 1},
		{"torn", "signed", "x", signers{allow}, "", grants.Enforce, 403, "IncompleteSignatureException", 1},
		{"signed, and a key", "key", "ada", signers{allow}, "", grants.Enforce, 403, "ForbiddenException", 0},
		{"authorizer, silent", "custom", "", nil, none, grants.Enforce, 401, "UnauthorizedException", 0},
		{"authorizer, denied", "custom", "", nil, statement("Deny"), grants.Enforce, 403, "AccessDeniedException", 1},
		{"Cognito, denied", "cognito", "", nil, statement("Deny"), grants.Enforce, 401, "UnauthorizedException", 0},
		{"unreadable", "open", "", nil, "{", grants.Enforce, 403, "AccessDeniedException", 1},
	} {
		key := withMethod("AWS_IAM", mock(`{"statusCode": 200}`, `ok`))
		key.APIKeyRequired = true
		snapshot := resources(map[string]*state.Method{
			"GET /open":    mock(`{"statusCode": 200}`, `ok`),
			"GET /signed":  withMethod("AWS_IAM", mock(`{"statusCode": 200}`, `ok`)),
			"GET /custom":  withMethod("CUSTOM", mock(`{"statusCode": 200}`, `ok`)),
			"GET /cognito": withMethod("COGNITO_USER_POOLS", mock(`{"statusCode": 200}`, `ok`)),
			"GET /key":     key,
		})
		if c.policy != "" {
			snapshot.Policy = &c.policy
		}
		b := newBed(t, answers(`{}`, nil), snapshot)
		b.callers, b.door.mode = c.own, c.mode
		r := b.get("GET /dev/"+c.path, header("Authorization", c.auth))
		if got := strings.Join(r.Header["x-amzn-ErrorType"], ""); r.StatusCode != c.status || got != c.errorType || len(b.door.turned) != c.journal {
			t.Errorf("%s: %d %s %s, %d in the journal; want %d %s, %d", c.name, r.StatusCode, got, read(r), len(b.door.turned), c.status, c.errorType, c.journal)
		}
	}
}

// The event and the access log name the signer, and the signature stays here.
func TestSignerInEventAndLogs(t *testing.T) {
	var event string
	b := newBed(t, answers(`{"statusCode":200}`, &event), resources(map[string]*state.Method{"GET /signed": withMethod("AWS_IAM", proxy(uri)), "GET /open": proxy(uri)}))
	b.callers = signers{own("Allow", "*")}
	if r := b.get("GET /dev/signed", header("Authorization", "ada"), header("X-Amz-Date", "20261122T000000Z")); r.StatusCode != 200 {
		t.Fatal(r.StatusCode, read(r))
	}
	const identity = `"identity":{"cognitoIdentityPoolId":null,"accountId":"123456789012","cognitoIdentityId":null,"caller":"AIDAADA",` +
		`"sourceIp":"127.0.0.1","principalOrgId":null,"accessKey":"AKIAADA","cognitoAuthenticationType":null,"cognitoAuthenticationProvider":null,` +
		`"userArn":"arn:aws:iam::123456789012:user/ada","userAgent":`
	if !strings.Contains(event, identity) || !strings.Contains(event, `,"user":"AIDAADA"}`) || strings.Contains(event, `"Authorization"`) || !strings.Contains(event, `"X-Amz-Date"`) {
		t.Errorf("event %s", event)
	}
	// A signature reaches no function of an open method either; other tokens do.
	b.get("GET /dev/open", header("Authorization", "AWS4-HMAC-SHA256 Credential=x"))
	if strings.Contains(event, "AWS4-HMAC") {
		t.Errorf("event %s", event)
	}
	b.get("GET /dev/open", header("Authorization", "Bearer x"))
	if !strings.Contains(event, `"Authorization":"Bearer x"`) || !strings.Contains(event, `"userArn":null`) {
		t.Errorf("event %s", event)
	}

	x := &exchange{gateway: b.Gateway, visit: visit{who: &Caller{ARN: adaARN, UserID: "AIDAADA", Account: testAccount, AccessKeyID: "AKIAADA"}, method: &methodPlan{}}}
	x.answer = answer{status: 403, gateway: messageResponse(accessDenied, "AccessDeniedException", "Message", "no")}
	for name, want := range map[string]string{
		"identity.userArn": adaARN, "identity.caller": "AIDAADA", "identity.user": "AIDAADA", "identity.accountId": testAccount, "identity.accessKey": "AKIAADA",
		"authenticate.status": "200", "authenticate.error": "", "authorize.status": "403", "authorize.error": "no",
	} {
		if got := contextVariable(name)(x); got != want {
			t.Errorf("$context.%s = %q, want %q", name, got, want)
		}
	}
}

// Requests that are lost are remembered in a bounded way.
func TestLostRequestsAreBounded(t *testing.T) {
	b := newBed(t, answers(`{}`, nil), resources(map[string]*state.Method{"GET /users/{id}": mock(`{"statusCode": 200}`, `ok`), "ANY /orders": mock(`{"statusCode": 200}`, `ok`)}))
	first := b.get("GET /dev/user/42").Header["x-amzn-RequestId"][0]
	d := b.Explained(context.Background(), first)
	if d == nil || d.Cause.Code != grants.CauseRouteNotFound || len(d.Notes) != 1 || !strings.Contains(d.Notes[0], "/users/{id}") || d.Answer != "Missing Authentication Token" {
		t.Fatalf("%+v", d)
	}
	long := "/no/" + strings.Repeat("x", 1<<20)
	id := b.get("GET " + long).Header["x-amzn-RequestId"][0]
	if d := b.Explained(context.Background(), id); d == nil || d.Cause.Code != grants.CauseStageNotFound || len(d.Path) > maxLost {
		t.Errorf("a long path: %+v", d)
	}
	for range lostKept {
		b.get("GET /dev/nowhere")
	}
	if d := b.Explained(context.Background(), first); d != nil {
		t.Errorf("still there: %+v", d)
	}
	if b.Explained(context.Background(), "") != nil || len(b.door.turned) != 0 {
		t.Error("nobody was refused")
	}
}

// However a client writes the key of a method setting, its method is meant.
func TestMethodSettingSpellings(t *testing.T) {
	for _, c := range []struct {
		path string
		keys []string
	}{
		{"/a/b", []string{"~1a~1b/GET", "a~1b/GET", "/a/b/GET", "a/b/GET", "/a~1b/GET", "~1a~1b/*", "/a/b/*", "*/*"}},
		{"/", []string{"~1/GET", "/GET", "//GET", "~1/*", "*/*"}},
	} {
		for _, key := range c.keys {
			level, _ := logSetting(map[string]*state.MethodSetting{key: {LoggingLevel: "INFO"}}, c.path, "GET")
			if level != levelInfo {
				t.Errorf("%s is not found for %s", key, c.path)
			}
		}
	}
	level, _ := logSetting(map[string]*state.MethodSetting{"*/*": {LoggingLevel: "INFO"}, "/a/b/*": {LoggingLevel: "INFO"}, "a~1b/GET": {LoggingLevel: "ERROR"}}, "/a/b", "GET")
	if level != levelError {
		t.Error("the most specific setting counts")
	}
	if level, _ := logSetting(map[string]*state.MethodSetting{"a/GET": {LoggingLevel: "INFO"}}, "/a/b", "GET"); level != levelOff {
		t.Error("another path's setting counts")
	}
}
