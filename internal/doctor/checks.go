package doctor

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	lambda "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/state"
)

// testInvoke finds methods that work and whose Test button does not: it calls
// with the stage "test-invoke-stage".
func (e *exam) testInvoke() []Finding {
	var out []Finding
	seen := map[string]bool{}
	for i := range e.cells {
		c := &e.cells[i]
		if c.Verdict != Passes || c.Function == "" || c.method == nil || c.Credentials != "" || c.stage.api.kind != restKind {
			continue
		}
		key := c.API + c.Method + c.Function
		if seen[key] {
			continue
		}
		seen[key] = true
		test := *c
		test.call.Stage, test.call.TestInvoke = grants.TestStage, true
		test.call.SourceARN = e.sourceARN(restKind, grants.TestStage, c.method, c.to.region, c.API)
		e.judge(&test)
		if test.Verdict != Refused {
			continue
		}
		f := newFinding(testRefused, c)
		f.Sentence = fmt.Sprintf("%s is allowed on stage %s, but the console's Test and TestInvokeMethod call with the stage %s, and that is refused.", c.Method, c.Stage, grants.TestStage)
		f.Evidence = evidence(test.Decision)
		f.Fix = e.testFix(&test)
		out = append(out, f)
	}
	return out
}

// testFix grants the Test alone: the stages have their grants.
func (e *exam) testFix(c *Cell) []string {
	var out []string
	for _, line := range c.Decision.Fix {
		cmd, err := parseCommand(line)
		if err != nil || !isGatewayGrant(cmd) {
			continue
		}
		source := e.sourceARN(restKind, grants.TestStage, c.method, c.to.region, c.API)
		if c.method.verb == "ANY" {
			source = strings.Replace(source, "/ANY/", "/*/", 1)
		}
		cmd.set("source-arn", source)
		cmd.set("statement-id", statementName(cmd.get("statement-id"), "test"))
		out = append(out, cmd.String())
	}
	return out
}

// drift reports stages that do not run what is configured.
func (e *exam) drift() []Finding {
	var out []Finding
	for _, a := range e.apis {
		for _, s := range a.stages {
			var parts []string
			for _, p := range []struct {
				what  string
				names []string
			}{{"not deployed yet", s.added}, {"deployed otherwise", e.untold(s)}, {"deployed still, but deleted", s.gone}} {
				if len(p.names) > 0 {
					parts = append(parts, p.what+": "+list(p.names))
				}
			}
			if len(parts) == 0 {
				continue
			}
			f := newFinding(notDeployed, &Cell{API: a.id, Name: a.name, Stage: s.name})
			f.Sentence = "Stage " + s.name + " does not run the live configuration; " + strings.Join(parts, "; ") + "."
			if c := s.canary; c != nil && c.own {
				// A deployment to this stage would become the canary's (APIGW-DG
				// create-canary-deployment), and what is missing may be on its way.
				f.Level, f.Notes = Info, []string{"A canary with the deployment " + c.deployment + " is under way: promote it or end it first."}
			} else {
				f.Fix, f.NeedsDeployment = []string{e.deployment(&Cell{API: a.id, Stage: s.name})}, true
			}
			out = append(out, f)
		}
	}
	return out
}

// canaries reports canaries of which nothing is known: one finding for each, not
// one for each method.
func (e *exam) canaries() []Finding {
	var out []Finding
	for _, a := range e.apis {
		for _, s := range a.stages {
			names := s.hiddenMethods()
			if len(names) == 0 {
				continue
			}
			c := e.cell(s, s.variants()[1])
			f := newFinding(cannotDecide, &c)
			f.Sentence = upper(s.canary.hidden()) + ": whether the canary's calls pass cannot be told before it is promoted."
			f.Evidence = []Fact{{"not judged", list(names)}}
			out = append(out, f)
		}
	}
	return out
}

// untold are the methods that were changed since, without those whose calls
// fail for it: they have their own finding.
func (e *exam) untold(s *stage) []string {
	told := map[string]bool{}
	for _, c := range e.cellsOf([]string{source(s.api.id)}) {
		if c.stage == s && c.Code == notDeployed {
			told[c.Method] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(s.changed), func(name string) bool { return told[name] })
}

// source is a SourceArn that names an API.
func source(api string) string { return "arn:aws:execute-api:::" + api + "/*" }

// list shows a few names and counts the rest.
func list(names []string) string {
	const shown = 4
	if len(names) <= shown {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
}

// What API Gateway accepts (APIGW-DG aws-api-gateway-stage-variables-reference;
// its error text, quoted in sirceljm/aws-lambda-blog#10, has the blank as well).
func legalName(name string) bool {
	return name != "" && len(name) <= 64 && strings.IndexFunc(name, func(r rune) bool { return r == '-' || !isWord(string(r)) }) < 0
}

// VariableProblem says why API Gateway does not take a stage variable; "" where
// it does.
func VariableProblem(name, value string) string {
	switch {
	case !legalName(name):
		return "a name is of letters, digits and _, 64 at most"
	case value == "" || !legalValue(value):
		return "a value is of letters, digits and -._~:/?#&=, and of 512 characters at most"
	}
	return ""
}

func legalValue(value string) bool {
	return len(value) <= 512 && strings.IndexFunc(value, func(r rune) bool {
		return !isWord(string(r)) && !strings.ContainsRune(" -._~:/?#&=,", r)
	}) < 0
}

// variables reports stage variables that are illegal, or that nothing names.
func (e *exam) variables() []Finding {
	var out []Finding
	for _, a := range e.apis {
		named := map[string]bool{}
		for _, m := range a.live {
			for _, name := range state.VariablesIn(m.uri + m.credentials) {
				named[name] = true
			}
		}
		for _, z := range a.authorizers {
			for _, name := range state.VariablesIn(z.uri + z.credentials) {
				named[name] = true
			}
		}
		for _, s := range a.stages {
			for _, name := range slices.Sorted(maps.Keys(s.variables)) {
				if f, found := variableFinding(s, name, named[name]); found {
					out = append(out, f)
				}
			}
		}
	}
	return out
}

func variableFinding(s *stage, name string, named bool) (Finding, bool) {
	at := &Cell{API: s.api.id, Name: s.api.name, Stage: s.name}
	switch value := s.variables[name]; {
	case !legalName(name):
		f := newFinding(illegalVariable, at)
		f.Sentence = fmt.Sprintf("The stage variable %q has an illegal name: letters, digits and _ are allowed, 64 at most.", name)
		return f, true
	case !legalValue(value):
		f := newFinding(illegalVariable, at)
		f.Sentence = fmt.Sprintf("The stage variable %s has an illegal value %q: letters, digits and -._~:/?#&=, are allowed, 512 at most, so that $LATEST cannot be named.", name, value)
		return f, true
	case !named:
		f := newFinding(unusedVariable, at)
		f.Sentence = fmt.Sprintf("No integration or authorizer names the stage variable %s. Functions still find it in their event.", name)
		return f, true
	}
	return Finding{}, false
}

// logRole reports that nobody can read why calls fail.
func (e *exam) logRole() []Finding {
	if e.dump.LogRole == nil || *e.dump.LogRole != "" {
		return nil
	}
	k := codeOf(noLogRole)
	return []Finding{{
		Code: k.ID, Title: k.Title, Level: k.Level,
		Sentence: "API Gateway has no role for CloudWatch in this account and region, so no stage can write an execution log.",
		Notes:    []string{"Make a role that trusts apigateway.amazonaws.com and has the policy AmazonAPIGatewayPushToCloudWatchLogs, then: aws apigateway update-account --patch-operations op=replace,path=/cloudwatchRoleArn,value=ROLE-ARN"},
	}}
}

// keys reports functions that Lambda cannot start because the key of their
// environment variables is out of reach.
// unverified: that Lambda makes a new grant on the key when the same role is
// saved again.
func (e *exam) keys() []Finding {
	var out []Finding
	for _, fn := range e.dump.Functions {
		arn := text(fn.Configuration.FunctionArn)
		var sentence string
		switch {
		case strings.Contains(string(fn.Configuration.StateReasonCode), "KMSKey"):
			sentence = fmt.Sprintf("Lambda cannot use the key of %s: its state says %s (%s).", short(arn), fn.Configuration.StateReasonCode, text(fn.Configuration.StateReason))
		case strings.Contains(string(fn.Configuration.LastUpdateStatusReasonCode), "KMSKey"):
			sentence = fmt.Sprintf("Lambda cannot use the key of %s: its last update says %s (%s).", short(arn), fn.Configuration.LastUpdateStatusReasonCode, text(fn.Configuration.LastUpdateStatusReason))
		default:
			sentence = e.orphanedKeyGrant(arn, text(fn.Configuration.Role))
		}
		if sentence == "" {
			continue
		}
		k := codeOf(keyAccess)
		out = append(out, Finding{
			Code: k.ID, Title: k.Title, Level: k.Level, Function: arn, Sentence: sentence,
			Fix: []string{newCommand("lambda", "update-function-configuration", "region", regionOf(arn),
				"function-name", functionName(arn), "role", text(fn.Configuration.Role)).String()},
			Notes: []string{"Where a role was deleted and made again under its name, set another role first and then this one: Lambda renews its grant on the key only when the role changes."},
		})
	}
	return out
}

// orphanedKeyGrant compares the role in the key's grant, which KMS shows by its
// unique id once the role is deleted, with the role of that name today.
func (e *exam) orphanedKeyGrant(arn, roleARN string) string {
	role := e.ledger.roles[roleARN]
	if role == nil || role.ID == "" {
		return ""
	}
	for _, g := range e.dump.KeyGrants {
		about := g.Constraints.EncryptionContextEquals["aws:lambda:FunctionArn"] == arn ||
			g.Constraints.EncryptionContextSubset["aws:lambda:FunctionArn"] == arn
		if id, _, _ := strings.Cut(g.GranteePrincipal, ":"); about && strings.HasPrefix(id, "AROA") && id != role.ID {
			return fmt.Sprintf("The key's grant for %s belongs to a role with the id %s that no longer exists; the role %s was made anew as %s, so its environment cannot be decrypted.", short(arn), id, role.Name, role.ID)
		}
	}
	return ""
}

// openGrants reports statements that let any account's API call.
func (e *exam) openGrants() []Finding {
	var out []Finding
	e.eachPolicy(func(arn, qualifier string, _ int, all []statement) {
		for i := range all {
			s := &all[i]
			if !s.open() {
				continue
			}
			f := policyFinding(openGrant, arn, qualifier)
			f.Sentence = fmt.Sprintf("Statement %s lets every API of every AWS account call %s: it names neither aws:SourceArn nor aws:SourceAccount.", quoted(s), short(f.Function))
			f.Fix = append(e.narrowed(f.Function, s, all), removal(arn, qualifier, s.sid)...)
			out = append(out, f)
		}
	})
	return out
}

// functionURLs reports URLs of which one of the two actions is allowed and the
// other is not: both are needed since October 2025 (LDG urls-auth).
func (e *exam) functionURLs() []Finding {
	var out []Finding
	for _, fn := range e.dump.Functions {
		arn := text(fn.Configuration.FunctionArn)
		for i := range fn.URLs {
			u := &fn.URLs[i]
			qualifier := strings.TrimPrefix(strings.TrimPrefix(text(u.FunctionArn), arn), ":")
			if f, found := urlFinding(arn, qualifier, u, fn.Policies[qualifier].Policy); found {
				out = append(out, f)
			}
		}
	}
	return out
}

func urlFinding(arn, qualifier string, u *lambda.FunctionUrlConfig, document string) (Finding, bool) {
	half := map[string][2]bool{} // principal → may InvokeFunctionUrl, may InvokeFunction
	for _, s := range statementsOf(document) {
		if s.effect != "Allow" {
			continue
		}
		for _, p := range s.principals {
			h := half[p]
			for _, action := range s.actions {
				h[0] = h[0] || action == "lambda:InvokeFunctionUrl" || action == "lambda:*"
				h[1] = h[1] || (action == grants.InvokeAction || action == "lambda:*") && !strings.HasPrefix(p, "Service:")
			}
			half[p] = h
		}
	}
	if public := string(u.AuthType) == "NONE"; public && half["*"] == [2]bool{} {
		half["*"] = [2]bool{false, false}
	}
	for _, p := range slices.Sorted(maps.Keys(half)) {
		h := half[p]
		if h[0] && h[1] || p != "*" && !h[0] || p == "*" && !h[0] && !h[1] && u.AuthType != lambda.FunctionUrlAuthTypeNone {
			continue
		}
		f := policyFinding(functionURL, arn, qualifier)
		f.Sentence = fmt.Sprintf("The URL of %s needs lambda:InvokeFunctionUrl and lambda:InvokeFunction for %s, and its policy does not allow both: callers get 403.", short(f.Function), p)
		f.Evidence = []Fact{{"url", text(u.FunctionUrl)}, {"policy", "lambda:InvokeFunctionUrl " + allowed(h[0]) + ", lambda:InvokeFunction " + allowed(h[1])}}
		f.Fix = urlFix(arn, qualifier, string(u.AuthType), strings.TrimPrefix(p, "AWS:"), h)
		return f, true
	}
	return Finding{}, false
}

func allowed(yes bool) string {
	if yes {
		return "allowed"
	}
	return "not allowed"
}

func urlFix(arn, qualifier, auth, principal string, half [2]bool) []string {
	var out []string
	add := func(id, action, option, value string) {
		c := newCommand("lambda", "add-permission", "region", regionOf(arn), "function-name", functionName(arn), "qualifier", qualifier,
			"statement-id", id, "action", action, "principal", principal)
		if option == "invoked-via-function-url" {
			c.options = append(c.options, newFlag(option))
		} else {
			c.set(option, value)
		}
		out = append(out, c.String())
	}
	if !half[0] {
		add("url-invoke-function-url", "lambda:InvokeFunctionUrl", "function-url-auth-type", auth)
	}
	if !half[1] {
		add("url-invoke-function", grants.InvokeAction, "invoked-via-function-url", "")
	}
	return out
}
