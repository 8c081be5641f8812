package doctor

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/state"
)

// remedies add to the findings of some codes what a grant alone does not mend.
func (e *exam) remedies() map[string]func(*Cell, *Finding) {
	return map[string]func(*Cell, *Finding){
		notPOST:          e.mendVerb,
		badURI:           e.mendURI,
		streamingMixed:   e.mendURI,
		undefinedVar:     e.mendVariable,
		latestQualifier:  e.mendLatest,
		notDeployed:      e.mendDeployment,
		statementIDTaken: e.mendTakenID,
		policyLost:       e.tellLost,
		crossAccount:     e.tellCrossAccount,
		policyReplaced:   e.tellReplaced,
		callerRights:     e.mendCaller,
		defaultRoute:     e.tellShape,
		webSocketRoute:   e.tellShape,
		authorizerGrant:  e.tellShape,
		authorizerByVar:  e.tellShape,
	}
}

// deployment is the command that makes a change of the live configuration
// effective on a stage.
func (e *exam) deployment(c *Cell) string {
	if c.stage != nil && c.stage.api.kind != restKind {
		return newCommand("apigatewayv2", "create-deployment", "region", e.region, "api-id", c.API, "stage-name", c.Stage).String()
	}
	return newCommand("apigateway", "create-deployment", "region", e.region, "rest-api-id", c.API, "stage-name", c.Stage).String()
}

// updateIntegration changes one member of a method's integration and deploys.
func (e *exam) updateIntegration(c *Cell, f *Finding, path, value string) {
	if c.method != nil && c.stage.api.kind != restKind {
		e.updateRoute(c, f, path, value)
		return
	}
	if c.method == nil || c.method.resourceID == "" {
		return
	}
	update := newCommand("apigateway", "update-integration", "region", e.region, "rest-api-id", c.API,
		"resource-id", c.method.resourceID, "http-method", c.method.verb,
		"patch-operations", "op=replace,path="+path+",value="+value)
	f.Fix = append([]string{update.String(), e.deployment(c)}, f.Fix...)
	f.NeedsDeployment = true
}

// updateRoute does so for an HTTP or WebSocket API, whose integrations routes
// share, and which need no deployment where the stage makes its own.
func (e *exam) updateRoute(c *Cell, f *Finding, path, value string) {
	option := map[string]string{"/uri": "integration-uri", "/httpMethod": "integration-method"}[path]
	if option == "" || c.method.integrationID == "" {
		return
	}
	fix := []string{newCommand("apigatewayv2", "update-integration", "region", e.region, "api-id", c.API,
		"integration-id", c.method.integrationID, option, value).String()}
	if !c.stage.deploysItself {
		fix, f.NeedsDeployment = append(fix, e.deployment(c)), true
	}
	f.Fix = append(fix, f.Fix...)
}

func (e *exam) mendVerb(c *Cell, f *Finding) { e.updateIntegration(c, f, "/httpMethod", "POST") }

// mendURI writes the URI anew for the function that it most likely means, and
// grants what that function then lacks.
func (e *exam) mendURI(c *Cell, f *Finding) {
	if c.method == nil {
		return
	}
	uri := repairedURI(c.method.uri, e.region, strings.EqualFold(c.method.transfer, "STREAM"))
	if uri == "" {
		f.Notes = append(f.Notes, "The URI names no function that could be recognised: write arn:aws:apigateway:"+e.region+":lambda:path/2015-03-31/functions/FUNCTION-ARN/invocations.")
		return
	}
	e.grantsOf(c, f, uri, e.variablesOf(c))
	e.updateIntegration(c, f, "/uri", uri)
}

// grantsOf adds the grants that a method lacks once its URI or variables are
// other ones.
func (e *exam) grantsOf(c *Cell, f *Finding, uri string, variables map[string]string) {
	changed := *c.method
	changed.uri, changed.httpMethod, changed.transfer = uri, "POST", ""
	if strings.HasSuffix(uri, streamEnd) {
		changed.transfer = "STREAM"
	}
	then := e.methodCell(c.stage, &changed, variant{values: variables})
	if then.Decision != nil {
		f.Fix = append(f.Fix, e.grantFix(&then)...)
	}
}

// mendVariable defines the variable with the value that most likely belongs
// there: the stage's own name, or what another stage has, if it leads to a
// function that exists.
func (e *exam) mendVariable(c *Cell, f *Finding) {
	names := slices.Compact(slices.Sorted(slices.Values(c.undefined)))
	f.Sentence = fmt.Sprintf("Stage %s does not define the stage variable %s, which then stands for nothing: the integration calls %s.",
		c.Stage, strings.Join(names, ", "), orNone(c.to.asked, c.Function))
	f.Fix, f.Notes = nil, nil
	values := e.suggest(c, names[0])
	if len(names) > 1 || len(values) == 0 {
		f.Notes = append(f.Notes, "Set it: "+e.setVariable(c, names[0], "…"))
		return
	}
	f.Fix = append(f.Fix, e.setVariable(c, names[0], values[0]))
	if c.method != nil {
		variables := maps.Clone(e.variablesOf(c))
		if variables == nil {
			variables = map[string]string{}
		}
		variables[names[0]] = values[0]
		e.grantsOf(c, f, c.method.uri, variables)
	}
	if len(values) > 1 {
		f.Notes = append(f.Notes, fmt.Sprintf("Other values lead to functions as well: %s.", strings.Join(values[1:], ", ")))
	}
}

// setVariable is the command that gives a stage a variable. HTTP and WebSocket
// APIs take all variables at once.
// unverified: whether one that is left out there would be deleted.
func (e *exam) setVariable(c *Cell, name, value string) string {
	if c.stage.api.kind == restKind {
		return newCommand("apigateway", "update-stage", "region", e.region, "rest-api-id", c.API, "stage-name", c.Stage,
			"patch-operations", "op=replace,path=/variables/"+name+",value="+value).String()
	}
	all := map[string]string{}
	maps.Copy(all, c.stage.variables)
	all[name] = value
	text, _ := json.Marshal(all) // a map of strings never fails
	return newCommand("apigatewayv2", "update-stage", "region", e.region, "api-id", c.API, "stage-name", c.Stage, "stage-variables", string(text)).String()
}

// suggest lists values of a variable that lead to functions that exist.
func (e *exam) suggest(c *Cell, name string) []string {
	candidates := []string{c.Stage}
	for _, other := range c.stage.api.stages {
		if v := other.variables[name]; v != "" && !slices.Contains(candidates, v) {
			candidates = append(candidates, v)
		}
	}
	uri := ""
	switch {
	case c.method != nil:
		uri = c.method.uri
	case c.authorizer != nil:
		uri = c.authorizer.uri
	}
	return slices.DeleteFunc(candidates, func(v string) bool {
		variables := map[string]string{}
		maps.Copy(variables, c.stage.variables)
		variables[name] = v
		resolved, _ := state.Resolve(uri, variables)
		to, err := parseURI(resolved, e.region, e.account, c.stage.api.kind != restKind)
		if err != nil {
			return true
		}
		f, ok := e.ledger.functions[to.arn]
		return !ok || !f.Has(to.qualifier)
	})
}

// mendLatest drops the qualifier that no policy can name ("We currently do not
// support adding policies for $LATEST.").
func (e *exam) mendLatest(c *Cell, f *Finding) {
	f.Sentence = "The integration calls " + c.Function + ", and a grant for the qualifier $LATEST is refused by Lambda: call the bare function, which is the same code, or an alias."
	f.Fix = nil
	if c.method == nil {
		return
	}
	uri := strings.Replace(c.method.uri, ":$LATEST", "", 1)
	if uri == c.method.uri {
		f.Notes = append(f.Notes, "The qualifier comes from a stage variable: let it name an alias.")
		return
	}
	e.grantsOf(c, f, uri, e.variablesOf(c))
	e.updateIntegration(c, f, "/uri", uri)
}

func (e *exam) mendDeployment(c *Cell, f *Finding) {
	f.Sentence = fmt.Sprintf("Stage %s still calls %s as it was deployed; the live configuration calls what is granted, but is not deployed.", c.Stage, c.Function)
	f.Fix, f.NeedsDeployment, f.Notes = []string{e.deployment(c)}, true, nil
}

func (e *exam) mendTakenID(c *Cell, f *Finding) {
	s := c.Decision.NearestMiss()
	f.Sentence = fmt.Sprintf("The policy has a statement %q already, for something else: adding it for %s is refused with 409, and scripts that swallow that keep the old one. %s",
		s.Sid, c.Method, c.Decision.Cause.Sentence)
	for i, line := range f.Fix {
		if cmd, err := parseCommand(line); err == nil && isGatewayGrant(cmd) {
			cmd.set("statement-id", s.Sid)
			f.Fix[i] = cmd.String()
			remove := newCommand("lambda", "remove-permission", "region", cmd.get("region"), "function-name", cmd.get("function-name"),
				"qualifier", cmd.get("qualifier"), "statement-id", s.Sid)
			f.Fix = slices.Insert(f.Fix, i, remove.String())
			return
		}
	}
}

func (e *exam) tellLost(c *Cell, f *Finding) {
	f.Sentence = fmt.Sprintf("%s has no policy, and it was made or changed after stage %s was deployed: a function that is deleted and created again loses its grants.",
		upper(short(c.Function)), c.Stage)
}

// tellShape says what API Gateway sends where it is not stage, verb and path:
// the Decision's sentence would compare those.
func (e *exam) tellShape(c *Cell, f *Finding) {
	shape := "The SourceArn of an authorizer names no stage: it is the API's id, the word authorizers and the authorizer's id."
	switch f.Code {
	case defaultRoute:
		shape = "The SourceArn of the $default route has two segments, stage and $default, and no verb."
	case webSocketRoute:
		shape = "The SourceArn of a WebSocket route has two segments, stage and route key, and each route needs a grant even where they share an integration."
	}
	which := "No statement on " + short(c.Function) + " allows the call. "
	if c.Decision.NearestMiss() == nil {
		which = "Nothing allows API Gateway to call " + short(c.Function) + ". "
	}
	f.Sentence = which + shape
}

func (e *exam) tellCrossAccount(c *Cell, f *Finding) {
	f.Sentence = fmt.Sprintf("The function belongs to account %s and the API to %s: the function's policy must allow the API, and only its owner can add that.", c.to.account, e.account)
	if c.method != nil && len(state.VariablesIn(c.method.uri)) > 0 {
		f.Notes = append(f.Notes, "AWS does not support stage variables in the name of another account's function: write its ARN out.")
	}
}

func (e *exam) tellReplaced(c *Cell, f *Finding) {
	f.Sentence = fmt.Sprintf("The policy of %s allowed the call in the earlier dump and was replaced as a whole since (another revision, none of its statements left): PutResourcePolicy overwrites what AddPermission added.", short(c.Function))
	f.Notes = append(f.Notes, "Give PutResourcePolicy the RevisionId that was read, so that it cannot overwrite what it has not seen.")
}

// short is a function's name with its qualifier.
func short(arn string) string {
	if _, name, ok := strings.Cut(arn, ":function:"); ok {
		return "function " + name
	}
	return arn
}

// replaced compares with an earlier dump.
func (e *exam) replaced(c *Cell) bool {
	if e.before == nil || e.before.unknown(&c.call) != "" || e.before.judge.Decide(&c.call) != grants.Allowed {
		return false
	}
	then, now := policyOf(e.before, c), policyOf(e.ledger, c)
	if now == nil || then == nil || now.RevisionID == then.RevisionID {
		return false
	}
	kept := statementsOf(now.Policy)
	return len(kept) > 0 && !slices.ContainsFunc(statementsOf(then.Policy), func(old statement) bool {
		return slices.ContainsFunc(kept, func(s statement) bool { return s.sid == old.sid })
	})
}
