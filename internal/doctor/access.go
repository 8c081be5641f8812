package doctor

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/iampolicy"
	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/target"
)

// invokeAPI is the action that callers of an API need.
const invokeAPI = "execute-api:Invoke"

// resourcePolicies reports APIs whose policy lets nobody in, and stages that
// run with another policy than the API has now.
func (e *exam) resourcePolicies() []Finding {
	var out []Finding
	for _, a := range e.apis {
		for _, s := range a.stages {
			if s.deployedPolicy != nil && !sameJSON(*s.deployedPolicy, a.policy) {
				f := newFinding(resourcePolicy, &Cell{API: a.id, Name: a.name, Stage: s.name})
				f.Sentence = fmt.Sprintf("The API's resource policy was changed after stage %s was deployed: the stage still uses the old one.", s.name)
				f.Fix, f.NeedsDeployment = []string{e.deployment(&Cell{API: a.id, Stage: s.name})}, true
				out = append(out, f)
			}
		}
		out = append(out, e.closedMethods(a)...)
	}
	return out
}

// closedMethods asks the policy as if every condition suited the caller, and of
// methods that demand a signature as if every principal did, too. Refused even
// then: nobody may call.
func (e *exam) closedMethods(a *api) []Finding {
	closed := map[string]*closedStage{}
	for _, s := range a.stages {
		policy := a.policy
		if s.deployedPolicy != nil { // the stage still asks the one it was deployed with
			policy = *s.deployedPolicy
		}
		if policy == "" {
			continue
		}
		unsigned, err := iampolicy.Parse([]byte(withoutConditions(policy, false)))
		if err != nil {
			f := newFinding(resourcePolicy, &Cell{API: a.id, Name: a.name})
			f.Stages, f.Sentence = nil, fmt.Sprintf("The API's resource policy cannot be read: %v.", err)
			return []Finding{f}
		}
		signed, _ := iampolicy.Parse([]byte(withoutConditions(policy, true))) // the same statements or more
		for _, m := range s.methods {
			r := iampolicy.Request{
				Principal: iampolicy.Principal{Type: iampolicy.Anonymous}, Action: invokeAPI,
				Resource: e.sourceARN(a.kind, s.name, m, e.region, a.id),
			}
			kindest, demandsSignature := unsigned, strings.EqualFold(m.auth, "AWS_IAM")
			if demandsSignature {
				kindest = signed
			}
			if kindest.Evaluate(&r) == iampolicy.Allow {
				continue
			}
			if closed[s.name] == nil {
				closed[s.name] = &closedStage{}
			}
			closed[s.name].add(m.name(), demandsSignature)
		}
	}
	var out []Finding
	for _, name := range slices.Sorted(maps.Keys(closed)) {
		out = append(out, e.closedFinding(a, name, closed[name]))
		for _, c := range e.cellsOf([]string{source(a.id)}) {
			if c.Stage == name && c.Verdict == Passes && slices.Contains(closed[name].methods, c.Method) {
				c.Verdict, c.Code, c.Problem = Broken, resourcePolicy, "The API's resource policy lets nobody call the method."
			}
		}
	}
	return out
}

// closedStage is what nobody may call of a stage.
type closedStage struct {
	methods, unsigned []string // unsigned: those of them that demand no signature
}

func (c *closedStage) add(method string, signed bool) {
	c.methods = append(c.methods, method)
	if !signed {
		c.unsigned = append(c.unsigned, method)
	}
}

func (e *exam) closedFinding(a *api, stage string, closed *closedStage) Finding {
	f := newFinding(resourcePolicy, &Cell{API: a.id, Name: a.name, Stage: stage})
	f.Sentence = fmt.Sprintf("The API's resource policy lets nobody call %s on stage %s, whoever and wherever they are: 403.", list(closed.methods), stage)
	f.Notes = []string{"Allow " + invokeAPI + " on " + a.id + "/" + stage + "/* in the policy, and deploy: a changed policy acts after the next deployment."}
	if len(closed.unsigned) > 0 {
		// Who does not sign is anonymous to the policy (recorded as "User:
		// anonymous is not authorized", serverless/serverless#11808).
		f.Notes = append(f.Notes, "Callers of "+list(closed.unsigned)+" need not sign, so they are anonymous: only a statement with Principal \"*\" lets them in. "+
			"No command is given for that: from where they may call, by a condition such as aws:SourceIp, is for the owner to say.")
	}
	if len(closed.unsigned) < len(closed.methods) {
		f.Fix, f.NeedsDeployment = e.opened(a, stage), true
	}
	return f
}

// opened adds a statement that allows the API's own account, which only those
// who sign can be told to be of, and deploys. Whoever else should call is for the owner to say.
func (e *exam) opened(a *api, stage string) []string {
	var document map[string]json.RawMessage
	if json.Unmarshal([]byte(a.policy), &document) != nil {
		return nil
	}
	var statements []json.RawMessage
	if json.Unmarshal(document["Statement"], &statements) != nil {
		statements = []json.RawMessage{document["Statement"]}
	}
	added := fmt.Sprintf(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::%s:root"},"Action":%q,"Resource":"arn:aws:execute-api:%s:%s:%s/%s/*"}`, e.account, invokeAPI, e.region, e.account, a.id, stage)
	document["Statement"], _ = json.Marshal(append(statements, json.RawMessage(added)))
	policy, err := json.Marshal(document)
	if err != nil {
		return nil
	}
	patch, err := json.Marshal([]map[string]string{{"op": "replace", "path": "/policy", "value": string(policy)}})
	if err != nil {
		return nil
	}
	return []string{
		newCommand("apigateway", "update-rest-api", "region", e.region, "rest-api-id", a.id, "patch-operations", string(patch)).String(),
		e.deployment(&Cell{API: a.id, Stage: stage}),
	}
}

// withoutConditions is the kindest reading of a policy: allowances lose their
// conditions, denials with conditions or principals go. For callers that sign,
// allowances lose their principals, too; for others those that name some go.
func withoutConditions(policy string, signed bool) string {
	var document struct {
		Version   string
		Statement json.RawMessage
	}
	if json.Unmarshal([]byte(policy), &document) != nil {
		return policy
	}
	var statements []map[string]json.RawMessage
	if json.Unmarshal(document.Statement, &statements) != nil {
		var one map[string]json.RawMessage
		if json.Unmarshal(document.Statement, &one) != nil {
			return policy
		}
		statements = append(statements, one)
	}
	var kept []map[string]json.RawMessage
	for _, s := range statements {
		everybody := slices.Contains(principals(s["Principal"]), "*") || slices.Contains(principals(s["Principal"]), "AWS:*")
		if string(s["Effect"]) == `"Deny"` && (len(s["Condition"]) > 0 || !everybody) {
			continue
		}
		if string(s["Effect"]) == `"Allow"` && !signed && !everybody && len(s["NotPrincipal"]) == 0 {
			continue
		}
		delete(s, "Condition")
		delete(s, "NotPrincipal")
		s["Principal"] = json.RawMessage(`"*"`)
		kept = append(kept, s)
	}
	if len(kept) == 0 {
		// A policy that only denies some allows nobody.
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"*"}]}`
	}
	text, err := json.Marshal(map[string]any{"Version": orNone(document.Version, "2012-10-17"), "Statement": kept})
	if err != nil {
		return policy
	}
	return string(text)
}

func sameJSON(a, b string) bool {
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		return a == b
	}
	p, _ := json.Marshal(x) // what was decoded can be encoded
	q, _ := json.Marshal(y)
	return string(p) == string(q)
}

// callers judges methods that pass on the caller's credentials, for the callers
// that were named.
func (e *exam) callers() {
	if len(e.options.Callers) == 0 {
		return
	}
	for i := range e.cells {
		c := &e.cells[i]
		if c.Credentials != grants.CallerCredentials || c.Verdict != Undecided {
			continue
		}
		for _, arn := range e.options.Callers {
			role := e.ledger.roles[arn]
			switch {
			case role == nil || role.Unread != "" || role.Missing:
				c.Problem = "Cannot decide: the caller " + arn + " could not be read."
			case e.may(role, grants.InvokeAction, c.Function, nil).Allowed():
				c.Verdict, c.Problem = Passes, ""
			default:
				c.Verdict, c.Code = Refused, callerRights
				c.Problem = fmt.Sprintf("The integration passes on the caller's credentials, and %s may not invoke %s.", role.ARN, short(c.Function))
			}
			if c.Verdict != Passes {
				break
			}
		}
	}
}

// may asks the policies of a role, and of what is asked for.
func (e *exam) may(role *target.Role, action, resource string, of *grants.AppliedPolicy) grants.CallerVerdict {
	record := roleRecord(role)
	r := grants.CallerRequest{
		Request: iampolicy.Request{
			Principal: iampolicy.Principal{
				Type: iampolicy.AWS, ID: "arn:aws:sts::" + record.Account + ":assumed-role/" + record.Name + "/session",
				Account: record.Account, RoleARN: role.ARN, UniqueID: role.ID + ":session",
			},
			Action: action, Resource: resource,
		},
		ResourceAccount: e.account,
	}
	r.Policies.Resource = of
	for _, name := range slices.Sorted(maps.Keys(role.Inline)) {
		r.Policies.Identity = append(r.Policies.Identity, grants.NewAppliedPolicy(grants.RolePolicy, role.ARN, name, role.Inline[name]))
	}
	for _, arn := range slices.Sorted(maps.Keys(role.Attached)) {
		r.Policies.Identity = append(r.Policies.Identity, grants.NewAppliedPolicy(grants.RolePolicy, role.ARN, arn, role.Attached[arn]))
	}
	if role.Boundary != "" {
		r.Policies.Boundary = grants.NewAppliedPolicy(grants.Boundary, role.Boundary, role.Boundary, role.BoundaryDocument)
	}
	return grants.EvaluateCaller(&r)
}

// mendCaller lets the caller invoke the function.
func (e *exam) mendCaller(c *Cell, f *Finding) {
	for _, arn := range e.options.Callers {
		if role := e.ledger.roles[arn]; role != nil && !e.may(role, grants.InvokeAction, c.Function, nil).Allowed() {
			f.Fix = append(f.Fix, allowRole(role, "invoke-"+functionName(c.to.arn), grants.InvokeAction, c.to.arn, c.to.arn+":*"))
		}
	}
}

func allowRole(role *target.Role, name, action string, resources ...string) string {
	list, _ := json.Marshal(resources) // strings always encode
	return newCommand("iam", "put-role-policy", "role-name", roleRecord(role).Name, "policy-name", statementName(name),
		"policy-document", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"`+action+`","Resource":`+string(list)+`}]}`).String()
}

// callerFindings asks for each named caller whether it may call the methods
// that demand IAM authorization.
func (e *exam) callerFindings() []Finding {
	var out []Finding
	for _, arn := range e.options.Callers {
		role := e.ledger.roles[arn]
		if role == nil || role.Missing || role.Unread != "" {
			f := newFinding(cannotDecide, &Cell{})
			f.Stages, f.Sentence = nil, "Cannot decide what the caller "+arn+" may: it could not be read. Only roles are read, and only of this account."
			out = append(out, f)
			continue
		}
		for _, a := range e.apis {
			out = append(out, e.refusedCaller(a, role)...)
		}
	}
	return out
}

func (e *exam) refusedCaller(a *api, role *target.Role) []Finding {
	var of *grants.AppliedPolicy
	if a.policy != "" {
		of = grants.NewAppliedPolicy(grants.ResourcePolicy, a.id, "", a.policy)
	}
	var out []Finding
	for _, s := range a.stages {
		for _, m := range s.methods {
			resource := e.sourceARN(a.kind, s.name, m, e.region, a.id)
			if !strings.EqualFold(m.auth, "AWS_IAM") || e.may(role, invokeAPI, resource, of).Allowed() {
				continue
			}
			f := newFinding(callerInvoke, &Cell{API: a.id, Name: a.name, Stage: s.name, Method: m.name()})
			f.Sentence = fmt.Sprintf("%s demands IAM authorization, and %s may not %s there: 403.", m.name(), role.ARN, invokeAPI)
			f.Evidence = []Fact{{"resource", resource}}
			f.Fix = []string{allowRole(role, "invoke-"+a.id+"-"+s.name, invokeAPI, "arn:aws:execute-api:"+e.region+":"+e.account+":"+a.id+"/"+s.name+"/*")}
			out = append(out, f)
		}
	}
	return out
}
