package grants

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/iampolicy"
	"github.com/stagedoor/stagedoor/internal/state"
)

func statementFor(sid, resource, source string) map[string]any {
	return map[string]any{
		"Sid": sid, "Effect": "Allow", "Principal": map[string]string{"Service": GatewayPrincipal}, "Action": InvokeAction,
		"Resource": resource, "Condition": map[string]any{"ArnLike": map[string]string{"AWS:SourceArn": source}},
	}
}

func gatewayCall(function, qualifier string) *Call {
	c := nearCase{"stage": "dev", "method": "GET", "path": "/resource", "region": "us-east-1", "qualifier": qualifier}
	return c.call("arn:aws:lambda:us-east-1:" + testAccount + ":function:" + function)
}

const testSource = "arn:aws:execute-api:us-east-1:" + testAccount + ":" + testAPI + "/*"

func TestModes(t *testing.T) {
	for _, mode := range []Mode{Enforce, Warn, Off} {
		g, _ := newGrants(t, Options{Mode: mode})
		want := FunctionMissing
		if mode == Off {
			want = Allowed
		}
		if got := g.Decide(gatewayCall("nobody", "")); got != want || g.Mode() != mode {
			t.Errorf("mode %s: %v", mode, got)
		}
		if d := g.Explain(gatewayCall("nobody", "")); d.Outcome != FunctionMissing {
			t.Errorf("mode %s: Explain says %v", mode, d.Outcome)
		}
	}
	if _, err := ParseMode("maybe"); err == nil || !strings.Contains(err.Error(), "--grants enforce") {
		t.Errorf("ParseMode: %v", err)
	}
	if m, err := ParseMode(""); m != Enforce || err != nil {
		t.Errorf("ParseMode: %v %v", m, err)
	}
}

// What is missing is named, and what the name was meant to be is suggested.
func TestMissing(t *testing.T) {
	g, s := newGrants(t, Options{})
	putFunction(t, s, newFunction("us-east-1", "my-function-dev"))

	d := g.Explain(gatewayCall("my-function-", ""))
	if d.Outcome != FunctionMissing || d.Cause.Code != CauseFunctionMissing || len(d.Notes) != 2 || !strings.Contains(d.Notes[1], "my-function-dev") {
		t.Errorf("%v %q %q", d.Outcome, d.Cause.Sentence, d.Notes)
	}
	c := gatewayCall("my-function-dev", "production")
	if d := g.Explain(c); d.Outcome != QualifierMissing || len(d.Fix) != 2 {
		t.Errorf("%v %q", d.Outcome, d.Fix)
	} else {
		for _, line := range d.Fix {
			runFix(t, s, line)
		}
	}
	if got := g.Decide(c); got != Allowed {
		t.Errorf("after the fix: %v", got)
	}
	if got := g.Decide(gatewayCall("my-function-dev", "3")); got != QualifierMissing {
		t.Errorf("version 3: %v", got)
	}
	// $LATEST exists but cannot have a policy of its own.
	if got := g.Decide(gatewayCall("my-function-dev", "$LATEST")); got != NoPermission {
		t.Errorf("$LATEST: %v", got)
	}
	for _, arn := range []string{"", "arn:aws:s3:::x", "arn:aws:lambda:us-east-1:1:layer:x", "arn:aws:lambda:us-east-1:1:function:a.b"} {
		bad := *c
		bad.FunctionARN = arn
		if got := g.Decide(&bad); got != FunctionMissing {
			t.Errorf("%q: %v", arn, got)
		}
		g.Explain(&bad)
	}
}

// A version belongs to the function that published it, not to its name.
func TestVersionOfAFormerFunction(t *testing.T) {
	g, s := newGrants(t, Options{})
	f := newFunction("us-east-1", "again")
	putFunction(t, s, f)
	f = newFunction("us-east-1", "again")
	f.ID, f.LastVersion = "another", 0
	f.Policies = map[string]*state.FunctionPolicy{"1": {Document: document(t, statementFor("s", functionARN(f)+":1", testSource))}}
	putFunction(t, s, f)
	if got := g.Decide(gatewayCall("again", "1")); got != QualifierMissing {
		t.Errorf("version of the former function: %v", got)
	}
}

// A document that is no policy grants nothing and says so; so does one without
// any Allow statement.
func TestUnusablePolicies(t *testing.T) {
	g, s := newGrants(t, Options{})
	f := newFunction("us-east-1", "broken")
	f.Policies = map[string]*state.FunctionPolicy{"": {Document: `{"Statement":[{}]}`}, "live": nil}
	putFunction(t, s, f)
	d := g.Explain(gatewayCall("broken", ""))
	if d.Outcome != NoPermission || d.Cause.Code != CausePolicyUnreadable || d.Policies[0].Error == "" {
		t.Errorf("%v %+v", d.Outcome, d.Cause)
	}
	deny := statementFor("no", functionARN(f), "arn:aws:execute-api:us-east-1:000000000000:other/*")
	deny["Effect"] = "Deny"
	f.Policies[""] = &state.FunctionPolicy{Document: document(t, deny)}
	putFunction(t, s, f)
	if d := g.Explain(gatewayCall("broken", "")); d.Cause.Code != CauseNoStatement || d.NearestMiss() != nil {
		t.Errorf("%+v", d.Cause)
	}
}

// Conditions that ask for the time get it; the rest never costs anything.
func TestClock(t *testing.T) {
	g, s := newGrants(t, Options{})
	for name, condition := range map[string]map[string]any{
		"open":   {"DateGreaterThan": map[string]string{"aws:CurrentTime": "2020-01-01T00:00:00Z"}},
		"closed": {"DateLessThan": map[string]string{"aws:EpochTime": "1577836800"}},
		"org":    {"StringEquals": map[string]string{"aws:PrincipalOrgID": "o-1"}},
		"kind":   {"Bool": map[string]string{"aws:PrincipalIsAWSService": "false"}},
	} {
		f := newFunction("us-east-1", name)
		st := statementFor("s", functionARN(f), testSource)
		st["Condition"] = condition
		f.Policies = map[string]*state.FunctionPolicy{"": {Document: document(t, st)}}
		putFunction(t, s, f)
		d := g.Explain(gatewayCall(name, ""))
		if want := name == "open"; (d.Outcome == Allowed) != want {
			t.Errorf("%s: %v", name, d.Outcome)
		}
		if name != "open" && d.Cause.Code != CauseCondition {
			t.Errorf("%s: %+v", name, d.Cause)
		}
	}
}

// A policy that is full gets a fix that fits: narrow statements of this API
// make room for one that covers them all.
func TestFixOfAFullPolicy(t *testing.T) {
	g, s := newGrants(t, Options{})
	f := newFunction("us-east-1", "full")
	f.Policies = map[string]*state.FunctionPolicy{"": {Document: fullDocument(t, functionARN(f))}}
	putFunction(t, s, f)
	c := gatewayCall("full", "")
	d := g.Explain(c)
	if len(d.Fix) < 2 || len(d.Statements) != statementsKept || d.Omitted == 0 {
		t.Fatalf("%d commands, %d statements, %d omitted", len(d.Fix), len(d.Statements), d.Omitted)
	}
	for _, line := range d.Fix {
		runFix(t, s, line)
	}
	if got := g.Decide(c); got != Allowed {
		t.Errorf("after the fix: %v", got)
	}
	old := *c
	old.SourceARN = SourceARN("us-east-1", testAccount, testAPI, "dev", "GET", "/path-0/{id}")
	if got := g.Decide(&old); got != Allowed {
		t.Errorf("a method that was granted before: %v", got)
	}
}

// fullDocument is a policy of nearly 20,480 bytes for the API of the tests.
func fullDocument(t testing.TB, arn string) string {
	t.Helper()
	var statements []any
	for i := 0; ; i++ {
		source := fmt.Sprintf("arn:aws:execute-api:us-east-1:%s:%s/*/GET/path-%d/{id}", testAccount, testAPI, i)
		next := append(statements, statementFor(fmt.Sprintf("s%d", i), arn, source))
		if len(document(t, next...)) > policyLimit {
			return document(t, statements...)
		}
		statements = next
	}
}

// A statement id that is taken is not proposed again: AWS answers 409, and a
// script that swallows that keeps the old ARN (denials.md 28).
func TestFixChoosesAnotherStatementID(t *testing.T) {
	g, s := newGrants(t, Options{})
	f := newFunction("us-east-1", "taken")
	id := "apigateway-" + testAPI + "-GET-resource"
	f.Policies = map[string]*state.FunctionPolicy{"": {Document: document(t,
		statementFor(id, functionARN(f), "arn:aws:execute-api:us-east-1:000000000000:old/*"),
		statementFor(id+"-2", functionARN(f), "arn:aws:execute-api:us-east-1:000000000000:older/*"))}}
	putFunction(t, s, f)
	d := g.Explain(gatewayCall("taken", ""))
	if !strings.Contains(d.Fix[0], "--statement-id "+id+"-3 ") {
		t.Errorf("fix %q", d.Fix)
	}
	runFix(t, s, d.Fix[0])
	if got := g.Decide(gatewayCall("taken", "")); got != Allowed {
		t.Errorf("after the fix: %v", got)
	}
}

// The fix survives a shell whatever the path holds.
func TestFixQuoting(t *testing.T) {
	for _, path := range []string{"/", "/{proxy+}", "/a b", "/it's", `/"x"`, "/$default", "/`id`", `/a\b`, "/ünïcode", "/a!b", "/" + strings.Repeat("long/", 40)} {
		x := &explainer{c: &Call{FunctionARN: "arn:aws:lambda:us-east-1:1:function:f", APIID: "api", Method: "GET", ResourcePath: path, SourceAccount: "1", Account: "1"}, d: &Decision{}}
		x.fixGrant(nil)
		words := shellWords(t, x.d.Fix[0])
		if want := SourceARN("us-east-1", "1", "api", "*", "GET", path); words[len(words)-1] != want {
			t.Errorf("path %s: the shell reads %q, want %q", path, words[len(words)-1], want)
		}
	}
	if got := shellQuote(""); got != "''" {
		t.Errorf("an empty word is %s", got)
	}
}

func TestOutcomeText(t *testing.T) {
	for _, o := range []Outcome{Allowed, NoPermission, CannotAssumeRole, FunctionMissing, QualifierMissing} {
		text, _ := o.MarshalText()
		var back Outcome
		if err := back.UnmarshalText(text); err != nil || back != o {
			t.Errorf("%v → %s → %v", o, text, back)
		}
	}
	if Outcome(99).String() != "NoPermission" || Allowed.LogLine("") != "" {
		t.Error("unknown outcomes must refuse")
	}
	if got := CannotAssumeRole.LogLine("arn:r"); got != "API Gateway does not have permission to assume the provided role arn:r" {
		t.Error(got)
	}
	if got := FunctionMissing.LogLine(""); got != "Invalid permissions on Lambda function" {
		t.Error(got)
	}
	if got := AuthorizerSourceARN("r", "a", "api", "id"); got != "arn:aws:execute-api:r:a:api/authorizers/id" {
		t.Error(got)
	}
}

// BenchmarkDecide20KB is what the data plane pays for each call of a function
// whose policy is as large as Lambda allows (target: ≤ 5 µs).
func BenchmarkDecide20KB(b *testing.B) {
	g, s := newGrants(b, Options{})
	f := newFunction("us-east-1", "full")
	f.Policies = map[string]*state.FunctionPolicy{"": {Document: fullDocument(b, functionARN(f))}}
	putFunction(b, s, f)
	c := gatewayCall("full", "")
	b.ReportAllocs()
	for b.Loop() {
		if g.Decide(c) != NoPermission {
			b.Fatal("allowed")
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	g, s := newGrants(b, Options{})
	f := newFunction("us-east-1", "one")
	f.Policies = map[string]*state.FunctionPolicy{"": {Document: document(b, statementFor("s", functionARN(f), testSource))}}
	putFunction(b, s, f)
	c := gatewayCall("one", "")
	b.ReportAllocs()
	for b.Loop() {
		if g.Decide(c) != Allowed {
			b.Fatal("refused")
		}
	}
}

// BenchmarkDecideRole is a call through an integration's role.
func BenchmarkDecideRole(b *testing.B) {
	g, s := newGrants(b, Options{})
	putFunction(b, s, newFunction("us-east-1", "one"))
	r := &state.Role{Identity: identity("r"), AssumeRolePolicyDocument: trustGateway}
	r.InlinePolicies = map[string]string{"a": roleDocument("lambda:InvokeFunction", "*"), "b": roleDocument("s3:*", "*")}
	putRole(b, s, r)
	c := gatewayCall("one", "")
	c.Credentials = r.ARN
	b.ReportAllocs()
	for b.Loop() {
		if g.Decide(c) != Allowed {
			b.Fatal("refused")
		}
	}
}

func BenchmarkExplain20KB(b *testing.B) {
	g, s := newGrants(b, Options{})
	f := newFunction("us-east-1", "full")
	f.Policies = map[string]*state.FunctionPolicy{"": {Document: fullDocument(b, functionARN(f))}}
	putFunction(b, s, f)
	c := gatewayCall("full", "")
	b.ReportAllocs()
	for b.Loop() {
		g.Explain(c)
	}
}

const trustGateway = `{"Version":"2012-10-17","Statement":[` + trustStatement + `]}`

func roleDocument(action, resource string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"` + action + `","Resource":"` + resource + `"}]}`
}

// Every way in which a role can fail an integration: outcome, cause, and the
// printed commands mend it.
func TestRoles(t *testing.T) {
	const fn = "arn:aws:lambda:us-east-1:000000000000:function:one"
	source := `{"Effect":"Allow","Principal":{"Service":["lambda.amazonaws.com","apigateway.amazonaws.com"]},"Action":"sts:AssumeRole","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:execute-api:*:*:*"},"StringEquals":{"aws:SourceAccount":"000000000000"},"Bool":{"aws:PrincipalIsAWSService":"true"}}}`
	for _, c := range []struct {
		name      string
		trust     string // "" no role at all
		inline    string
		qualifier string
		outcome   Outcome
		cause     string
	}{
		{"missing", "", "", "", CannotAssumeRole, CauseRoleMissing},
		{"trusts-lambda", `{"Statement":{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}}`, roleDocument("lambda:*", "*"), "", CannotAssumeRole, CauseRoleTrust},
		{"trust-unreadable", `{`, roleDocument("lambda:*", "*"), "", CannotAssumeRole, CausePolicyUnreadable},
		{"trust-source-keys", `{"Version":"2012-10-17","Statement":[` + source + `]}`, roleDocument("lambda:*", "*"), "", CannotAssumeRole, CauseRoleTrustKeys},
		{"no-policy", trustGateway, "", "", NoPermission, CauseRolePolicy},
		{"other-function", trustGateway, roleDocument("lambda:InvokeFunction", fn+"-other"), "", NoPermission, CauseRolePolicy},
		{"unqualified", trustGateway, roleDocument("lambda:InvokeFunction", fn), "live", NoPermission, CauseRoleQualifier},
		{"allowed", trustGateway, roleDocument("lambda:InvokeFunction", fn), "", Allowed, CauseAllowed},
		{"allowed-alias", trustGateway, roleDocument("lambda:InvokeFunction", fn+":*"), "live", Allowed, CauseAllowed},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, s := newGrants(t, Options{})
			putFunction(t, s, newFunction("us-east-1", "one"))
			call := gatewayCall("one", c.qualifier)
			call.Credentials = identity(c.name).ARN
			if c.trust != "" {
				r := &state.Role{Identity: identity(c.name), AssumeRolePolicyDocument: c.trust}
				if c.inline != "" {
					r.InlinePolicies = map[string]string{"inline": c.inline}
				}
				putRole(t, s, r)
			}
			d := g.Explain(call)
			if d.Outcome != c.outcome || d.Cause.Code != c.cause || g.Decide(call) != c.outcome {
				t.Fatalf("%v %+v", d.Outcome, d.Cause)
			}
			if c.outcome == Allowed {
				return
			}
			for _, line := range d.Fix {
				runFix(t, s, line)
			}
			if got := g.Explain(call); got.Outcome != Allowed {
				t.Errorf("after %q: %v, %s", d.Fix, got.Outcome, got.Cause.Sentence)
			}
		})
	}
}

// Managed policies, AWS-managed ones, boundaries and denials take part.
func TestRolePolicies(t *testing.T) {
	const fn = "arn:aws:lambda:us-east-1:000000000000:function:one"
	asked := 0
	g, s := newGrants(t, Options{ManagedPolicy: func(arn string) (string, bool) {
		asked++
		return roleDocument("lambda:InvokeFunction", "*"), arn == "arn:aws:iam::aws:policy/service-role/AWSLambdaRole"
	}})
	putFunction(t, s, newFunction("us-east-1", "one"))
	call := gatewayCall("one", "")
	call.Credentials = identity("r").ARN
	r := &state.Role{Identity: identity("r"), AssumeRolePolicyDocument: trustGateway}
	check := func(what string, want Outcome, cause string) {
		t.Helper()
		putRole(t, s, r)
		d := g.Explain(call)
		if d.Outcome != want || d.Cause.Code != cause || g.Decide(call) != want {
			t.Errorf("%s: %v %+v", what, d.Outcome, d.Cause)
		}
	}
	r.AttachedPolicies = []string{"arn:aws:iam::aws:policy/Nothing", "nonsense", "arn:aws:iam::000000000000:policy/gone"}
	check("nothing attached", NoPermission, CauseRolePolicy)
	r.AttachedPolicies = append(r.AttachedPolicies, "arn:aws:iam::aws:policy/service-role/AWSLambdaRole")
	check("AWS-managed", Allowed, CauseAllowed)
	if asked > 10 {
		t.Errorf("the document was asked for %d times", asked)
	}
	managed(t, s, "boundary", roleDocument("s3:*", "*"))
	r.PermissionsBoundary = "arn:aws:iam::000000000000:policy/boundary"
	check("outside the boundary", NoPermission, CauseRoleBoundary)
	managed(t, s, "boundary", roleDocument("lambda:*", "*"))
	check("within the boundary", Allowed, CauseAllowed)
	managed(t, s, "boundary", strings.Replace(roleDocument("lambda:*", "*"), "Allow", "Deny", 1))
	check("denied by the boundary", NoPermission, CauseDenied)
	r.PermissionsBoundary = ""
	r.InlinePolicies = map[string]string{"no": strings.Replace(roleDocument("lambda:*", "*"), "Allow", "Deny", 1)}
	check("denied", NoPermission, CauseDenied)
	if g.RoleAllows(r.ARN, InvokeAction, fn) || g.RoleAllows("arn:aws:iam::000000000000:role/none", InvokeAction, fn) {
		t.Error("RoleAllows allows what is denied, or what is not there")
	}
	delete(r.InlinePolicies, "no")
	call.FunctionARN = fn + "-gone"
	check("function missing", FunctionMissing, CauseFunctionMissing)
	call.FunctionARN, call.Qualifier = fn, "gone"
	check("alias missing", QualifierMissing, CauseQualifierMissing)
	call.Qualifier, call.Credentials = "", CallerCredentials
	check("the caller's credentials, unsigned", NoPermission, CauseCaller)
	signed := func(document string) *CallerRequest {
		const ada = "arn:aws:iam::000000000000:user/ada"
		return &CallerRequest{Policies: CallerPolicies{Identity: []*AppliedPolicy{NewAppliedPolicy(UserPolicy, ada, "own", document)}},
			Request: iampolicy.Request{Principal: iampolicy.Principal{Type: iampolicy.AWS, ID: ada, Account: "000000000000"}, Action: InvokeAction, Resource: call.Resource()}}
	}
	call.Caller = signed(roleDocument("s3:*", "*"))
	check("a caller without rights", NoPermission, CauseCaller)
	call.Caller = signed(roleDocument("lambda:*", "*"))
	check("a caller with rights", Allowed, CauseAllowed)
	call.Caller = nil
	call.Credentials = "not-an-arn"
	check("no ARN", CannotAssumeRole, CauseRoleMissing)
	call.Credentials = "arn:aws:iam::000000000000:role/path/r"
	check("another path", CannotAssumeRole, CauseRoleMissing)
}

// The function's policy alone suffices for a role of its account, and is needed
// besides for a role of another.
func TestRoleAndFunctionPolicy(t *testing.T) {
	g, s := newGrants(t, Options{})
	r := &state.Role{Identity: identity("r"), AssumeRolePolicyDocument: trustGateway}
	putRole(t, s, r)
	f := newFunction("us-east-1", "one")
	grant := map[string]any{"Sid": "role", "Effect": "Allow", "Principal": map[string]string{"AWS": r.ARN}, "Action": InvokeAction, "Resource": functionARN(f)}
	f.Policies = map[string]*state.FunctionPolicy{"": {Document: document(t, grant)}}
	putFunction(t, s, f)
	call := gatewayCall("one", "")
	call.Credentials = r.ARN
	if got := g.Decide(call); got != Allowed {
		t.Errorf("granted by the function's policy: %v", got)
	}

	other := newFunction("us-east-1", "one")
	other.Account = "111122223333"
	putFunction(t, s, other)
	call.FunctionARN = functionARN(other)
	r.InlinePolicies = map[string]string{"all": roleDocument("lambda:*", "*")}
	putRole(t, s, r)
	d := g.Explain(call)
	if d.Outcome != NoPermission || d.Cause.Code != CauseCrossAccount {
		t.Fatalf("%v %+v", d.Outcome, d.Cause)
	}
	runFix(t, s, strings.Replace(d.Fix[0], functionARN(other), functionARN(other), 1))
	if got := g.Decide(call); got != Allowed {
		t.Errorf("after %q: %v", d.Fix, got)
	}
}

func TestRoleAssumable(t *testing.T) {
	g, s := newGrants(t, Options{})
	lax, laxStore := newGrants(t, Options{LaxRoles: true})
	r := &state.Role{Identity: identity("Lambda"), AssumeRolePolicyDocument: strings.ReplaceAll(trustGateway, "apigateway", "lambda")}
	putRole(t, s, r)
	putRole(t, laxStore, r)
	none := "arn:aws:iam::000000000000:role/none"
	for _, c := range []struct {
		g             *Grants
		role, service string
		want          error
	}{
		{g, r.ARN, "lambda.amazonaws.com", nil},
		{g, r.ARN, "apigateway.amazonaws.com", ErrRoleNotTrusting},
		{g, none, "lambda.amazonaws.com", ErrRoleMissing},
		{g, "nonsense", "lambda.amazonaws.com", ErrRoleMissing},
		{g, "arn:aws:iam::111122223333:role/x", "lambda.amazonaws.com", ErrRoleCrossAccount},
		{lax, none, "lambda.amazonaws.com", nil},
		{lax, r.ARN, "apigateway.amazonaws.com", ErrRoleNotTrusting},
	} {
		if err := c.g.RoleAssumable(testAccount, c.role, c.service); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s by %s: %v, want %v", c.role, c.service, err, c.want)
		}
	}
	if !lax.RoleAllows(none, "a:b", "*") || g.RoleAllows(none, "a:b", "*") {
		t.Error("lax roles")
	}
	call := gatewayCall("one", "")
	call.Credentials = none
	putFunction(t, laxStore, newFunction("us-east-1", "one"))
	if got := lax.Decide(call); got != Allowed {
		t.Errorf("lax integration role: %v", got)
	}
}
