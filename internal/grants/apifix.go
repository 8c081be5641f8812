package grants

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/stagedoor/stagedoor/iampolicy"
)

// apiPolicyLimit is how long a resource policy may be (APIGW-DG
// api-gateway-execution-service-limits-table: 8,192 characters).
const apiPolicyLimit = 8192

// fixAll adds the commands that let exactly this caller call this method on
// this stage: one step for each policy that stands in the way.
func (x *apiExplainer) fixAll() {
	const steps = 4 // resource policy, own policies, and again after a deny was removed
	r := *x.r.Request
	if x.d.Cause.Code == CauseAPIPolicyAuth {
		x.fixAskWho()
		return
	}
	deploy := false
	for range steps {
		v := EvaluateCaller(&r)
		switch {
		case v.Allowed():
			if deploy {
				x.fixDeploy()
			}
			return
		case v.Kind == ResourcePolicy:
			mended, command := x.fixAPIPolicy(&r)
			if command == "" {
				return
			}
			r.Policies.Resource, deploy = mended, true
			x.d.Fix = append(x.d.Fix, command)
		case v.Basis == NothingAllows && v.Kind != Boundary && v.Kind != SessionPolicy && v.Kind != ServiceControlPolicy:
			command := x.fixCaller()
			if command == "" {
				return
			}
			own := NewAppliedPolicy(UserPolicy, x.d.Principal, "", x.grantDocument())
			r.Policies.Identity = append(r.Policies.Identity[:len(r.Policies.Identity):len(r.Policies.Identity)], own)
			x.d.Fix = append(x.d.Fix, command)
		default:
			x.note("%s has to be changed by whoever set it: it stands above what can be granted.", capital(x.policyText(v)))
			return
		}
	}
}

// fixDeploy deploys the API as it stands.
func (x *apiExplainer) fixDeploy() {
	c := &x.r.Call
	x.d.Fix = append(x.d.Fix, command("aws", "apigateway", "create-deployment", "--region", c.Region, "--rest-api-id", c.APIID, "--stage-name", c.Stage))
	x.note("A deployment takes over the whole API as it stands now, other changes included.")
}

// fixAskWho lets the method ask for a signature.
func (x *apiExplainer) fixAskWho() {
	c := &x.r.Call
	x.d.Fix = append(x.d.Fix, command("aws", "apigateway", "update-method", "--region", c.Region, "--rest-api-id", c.APIID,
		"--resource-id", c.ResourceID, "--http-method", c.Method, "--patch-operations", "op=replace,path=/authorizationType,value=AWS_IAM"))
	x.fixDeploy()
	x.note("Callers then have to sign their requests.")
}

// pattern is the method as policies name it: verb and template with stars.
func (c *APICall) pattern() string {
	verb := c.Method
	if verb == "ANY" {
		verb = "*"
	}
	parts := strings.Split(strings.TrimPrefix(c.ResourcePath, "/"), "/")
	for i, part := range parts {
		if strings.HasPrefix(part, "{") {
			parts[i] = "*"
		}
	}
	return SourceARN(c.Region, c.Account, c.APIID, c.Stage, verb, strings.Join(parts, "/"))
}

// grantDocument is the policy that lets the caller call the method.
func (x *apiExplainer) grantDocument() string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"` + InvokeAPIAction + `","Resource":` + quoteJSON(x.r.Call.pattern()) + `}]}`
}

// fixCaller grants the caller by an inline policy of a name that is free; "" for
// a caller who can have none.
func (x *apiExplainer) fixCaller() string {
	who := &x.r.Request.Request.Principal
	base := "invoke-" + x.r.Call.APIID
	name := base
	for n := 2; x.hasPolicy(name); n++ {
		name = base + "-" + strconv.Itoa(n)
	}
	last := func(text string) string { return text[strings.LastIndexByte(text, '/')+1:] }
	if _, user, ok := strings.Cut(who.ID, ":user/"); ok {
		return command("aws", "iam", "put-user-policy", "--user-name", last(user), "--policy-name", name, "--policy-document", x.grantDocument())
	}
	if _, rest, ok := strings.Cut(who.ID, ":assumed-role/"); ok {
		role, _, _ := strings.Cut(rest, "/")
		return command("aws", "iam", "put-role-policy", "--role-name", role, "--policy-name", name, "--policy-document", x.grantDocument())
	}
	return ""
}

func (x *apiExplainer) hasPolicy(name string) bool {
	for _, p := range x.d.Policies {
		if p.Name == name {
			return true
		}
	}
	return false
}

// fixAPIPolicy changes the API's resource policy so that it allows: statements
// that deny the call go, and where none allows it one for exactly this caller
// is added. What stands in the live policy otherwise is kept.
func (x *apiExplainer) fixAPIPolicy(r *CallerRequest) (mended *AppliedPolicy, line string) {
	c := &x.r.Call
	base := r.Policies.Resource
	if live, ok := x.live(); ok && live != nil && live.compiled != nil {
		base = live
	}
	var doc struct {
		Version, ID string
		Statement   json.RawMessage
	}
	statements := []json.RawMessage{}
	if base != nil && base.compiled != nil && json.Unmarshal([]byte(base.document), &doc) == nil && json.Unmarshal(doc.Statement, &statements) != nil {
		statements = []json.RawMessage{doc.Statement} // a single one without brackets
	}
	document := func() string {
		text := `{"Version":"2012-10-17",`
		if doc.ID != "" {
			text += `"Id":` + quoteJSON(doc.ID) + `,`
		}
		list, _ := json.Marshal(statements) // raw JSON that was read before
		return text + `"Statement":` + string(list) + `}`
	}
	test := *r
	if base != nil && base.compiled != nil {
		denied := map[int]bool{}
		for _, s := range base.compiled.Explain(&r.Request).Statements {
			denied[s.Index] = s.Matched && s.Effect == iampolicy.Deny
		}
		kept := statements[:0:0]
		for i, s := range statements {
			if !denied[i] {
				kept = append(kept, s)
			}
		}
		statements = kept
	}
	if len(statements) == 0 && c.Signed && !x.across(r) {
		return nil, x.patchPolicy("")
	}
	mended = NewAPIPolicy(c.Region, c.Account, c.APIID, document())
	test.Policies.Resource = mended
	if v := EvaluateCaller(&test); len(statements) == 0 || !v.Allowed() && v.Kind == ResourcePolicy {
		statements = append(statements, json.RawMessage(x.allowStatement()))
		mended = NewAPIPolicy(c.Region, c.Account, c.APIID, document())
	}
	if n := len(mended.document); n > apiPolicyLimit {
		x.note("With a statement for this call the resource policy would have %d of %d characters: widen a statement that is there instead.", n, apiPolicyLimit)
		return nil, ""
	}
	return mended, x.patchPolicy(mended.document)
}

func (x *apiExplainer) across(r *CallerRequest) bool {
	return r.Request.Principal.Account != "" && r.Request.Principal.Account != x.r.Call.Account
}

// allowStatement lets in exactly who was refused: the signer, or whoever calls
// from this address.
func (x *apiExplainer) allowStatement() string {
	c := &x.r.Call
	head := `{"Effect":"Allow","Principal":`
	tail := `,"Action":"` + InvokeAPIAction + `","Resource":` + quoteJSON(c.pattern())
	if !c.Signed {
		return head + `"*"` + tail + `,"Condition":{"IpAddress":{"aws:SourceIp":` + quoteJSON(c.SourceIP) + `}}}`
	}
	who := x.r.Request.Request.Principal
	id := who.ID
	if who.RoleARN != "" {
		id = who.RoleARN
	}
	return head + `{"AWS":` + quoteJSON(id) + `}` + tail + `}`
}

// patchPolicy is the command that sets the resource policy, or removes it.
func (x *apiExplainer) patchPolicy(document string) string {
	c := &x.r.Call
	args := []string{"aws", "apigateway", "update-rest-api", "--region", c.Region, "--rest-api-id", c.APIID, "--patch-operations"}
	if document == "" {
		return command(append(args, "op=remove,path=/policy")...)
	}
	// Short-hand syntax cannot carry JSON.
	return command(append(args, `[{"op":"replace","path":"/policy","value":`+quoteJSON(document)+`}]`)...)
}

// quoteJSON writes a JSON string and leaves <, > and & alone.
func quoteJSON(text string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // strings never fail
	return strings.TrimSuffix(b.String(), "\n")
}
