package grants

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/iampolicy"
)

// The causes of a refusal. Codes are stable; where a cause depends on the
// SourceArn, Cause.Segment says which piece differs.
const (
	CauseAllowed          = "allowed"
	CauseChanged          = "changed-since" // refused then, allowed now
	CauseFunctionMissing  = "function-missing"
	CauseQualifierMissing = "qualifier-missing"
	CauseNoPolicy         = "no-policy"           // no statement at all
	CauseGrantOnFunction  = "grant-on-function"   // the URI names an alias or version, the grant is on the bare function
	CauseGrantOnQualifier = "grant-on-qualifier"  // the URI names the bare function, the grant is on an alias or version
	CauseOtherQualifier   = "other-qualifier"     // the grant is on another alias or version
	CauseDenied           = "denied"              // a Deny statement applies
	CausePolicyUnreadable = "policy-unreadable"   // the stored document is no policy
	CauseNoStatement      = "no-statement"        // no statement is even near
	CausePrincipal        = "wrong-principal"     // another service or account is allowed
	CauseAction           = "wrong-action"        // another action is allowed
	CauseResource         = "wrong-resource"      // the statement is about another function or qualifier
	CauseSourceAccount    = "wrong-sourceaccount" // aws:SourceAccount differs
	CauseCondition        = "condition"           // another condition is not met

	CauseMalformedARN  = "sourcearn-malformed"
	CauseService       = "sourcearn-service"
	CauseRegion        = "sourcearn-region"
	CauseAccount       = "sourcearn-account"
	CauseAccountEmpty  = "sourcearn-account-empty"
	CauseNoWildcard    = "sourcearn-ends-at-api"
	CauseLogicalID     = "sourcearn-logical-id"
	CauseOtherAPI      = "sourcearn-other-api"
	CauseAuthorizer    = "sourcearn-authorizer"
	CauseTestStage     = "sourcearn-test-stage"
	CauseOnlyTestStage = "sourcearn-only-test-stage"
	CauseStage         = "sourcearn-stage"
	CauseMissingStage  = "sourcearn-stage-missing"
	CauseExtraSegment  = "sourcearn-extra-segment"
	CauseVerb          = "sourcearn-verb"
	CauseVerbCase      = "sourcearn-verb-case"
	CauseAnyLiteral    = "sourcearn-any-literal"
	CauseVerbOnAny     = "sourcearn-verb-on-any"
	CauseRootSlash     = "sourcearn-root-slash"
	CausePathMissing   = "sourcearn-path-missing"
	CauseSamplePath    = "sourcearn-sample-path"
	CauseParameterName = "sourcearn-parameter-name"
	CausePartialPath   = "sourcearn-partial-path"
	CauseDoubleSlash   = "sourcearn-double-slash"
	CauseTrailingSlash = "sourcearn-trailing-slash"
	CausePathCase      = "sourcearn-path-case"
	CausePath          = "sourcearn-path"
	CauseLiteralStar   = "sourcearn-literal-star" // "*" under StringEquals is no wildcard
	CauseRoleMissing   = "role-missing"
	CauseRoleTrust     = "role-trust"
	CauseRoleTrustKeys = "role-trust-source-keys" // the trust policy demands aws:SourceArn or aws:SourceAccount
	CauseRolePolicy    = "role-policy"
	CauseRoleQualifier = "role-policy-qualifier"
	CauseRoleBoundary  = "role-boundary"
	CauseCrossAccount  = "role-cross-account"
	CauseCaller        = "caller-credentials"
)

func (x *explainer) cause(code, format string, args ...any) {
	x.d.Cause = Cause{Code: code, Sentence: fmt.Sprintf(format, args...)}
}

func (x *explainer) note(format string, args ...any) {
	x.d.Notes = append(x.d.Notes, fmt.Sprintf(format, args...))
}

// functionCause names the cause of what p answered, and the fix.
func (x *explainer) functionCause(p *policy) {
	c, d := x.c, x.d
	switch {
	case d.Outcome == Allowed:
		x.allowed()
		return
	case x.f == nil:
		x.functionMissing()
		return
	case d.Outcome == QualifierMissing || !x.g.has(x.f, c.Qualifier):
		x.qualifierMissing()
		return
	case p != nil && p.err != nil:
		x.cause(CausePolicyUnreadable, "The policy on %s cannot be read, so it allows nothing: %v.", x.target(), p.err)
	case p != nil && d.Policies[0].Effect == iampolicy.Deny:
		x.denied()
		return
	case x.elsewhere():
	case p == nil:
		x.cause(CauseNoPolicy, "Nothing allows API Gateway to call %s: it has no policy.", x.target())
		x.siblings()
	default:
		x.nearestCause()
	}
	x.fixGrant(p)
}

func (x *explainer) allowed() {
	if s := x.d.NearestMiss(); s != nil && s.Matched {
		x.cause(CauseAllowed, "Statement %s allows the call.", statementName(s))
		return
	}
	x.cause(CauseAllowed, "The call is allowed.")
}

// target names what is called in words: "my-fn", "alias prod of my-fn".
func (x *explainer) target() string { return targetName(functionName(x.c.FunctionARN), x.c.Qualifier) }

func targetName(name, qualifier string) string {
	switch {
	case qualifier == "":
		return "function " + name
	case qualifier[0] >= '0' && qualifier[0] <= '9':
		return "version " + qualifier + " of " + name
	default:
		return "alias " + qualifier + " of " + name
	}
}

func functionName(arn string) string {
	_, name, ok := strings.Cut(arn, ":function:")
	if !ok {
		return arn
	}
	return name
}

// statementName is a statement's Sid, or its place in the policy.
func statementName(s *Statement) string {
	if s.Sid != "" {
		return fmt.Sprintf("%q", s.Sid)
	}
	return fmt.Sprintf("number %d", s.Index+1)
}

func (x *explainer) functionMissing() {
	c := x.c
	name := functionName(c.FunctionARN)
	x.cause(CauseFunctionMissing, "There is no function %s in account %s, region %s. AWS reports that as a missing permission.",
		orNothing(name), functionAccount(c.FunctionARN), regionOf(c.FunctionARN))
	if strings.HasSuffix(name, "-") || strings.HasSuffix(name, "_") || name == "" {
		x.note("The name ends where a stage variable would go on: is the variable defined on stage %s?", c.Stage)
	}
	if near := x.similarFunction(name); near != "" {
		x.note("There is a function %s.", near)
	}
}

func orNothing(name string) string {
	if name == "" {
		return `""`
	}
	return name
}

// similarFunction returns the name nearest to name among the functions of the
// same account and region, "" when none is near.
func (x *explainer) similarFunction(name string) string {
	account, region := functionAccount(x.c.FunctionARN), regionOf(x.c.FunctionARN)
	best, bestDistance := "", max(len(name)/3, 2)+1
	for _, f := range x.g.functions.All() {
		if f.rec.Account != account || f.rec.Region != region {
			continue
		}
		if n := editDistance(name, f.rec.Name, bestDistance); n < bestDistance {
			best, bestDistance = f.rec.Name, n
		}
	}
	return best
}

func (x *explainer) qualifierMissing() {
	name, q := functionName(x.c.FunctionARN), x.c.Qualifier
	x.cause(CauseQualifierMissing, "Function %s has no alias or version %s. AWS reports that as a missing permission.", name, orNothing(q))
	if q != "" && (q[0] < '0' || q[0] > '9') {
		x.d.Fix = append(x.d.Fix, command("aws", "lambda", "create-alias", "--region", regionOf(x.c.FunctionARN),
			"--function-name", name, "--name", q, "--function-version", x.newestVersion()))
	}
	x.fixGrant(nil)
	if aliases := slices.Sorted(maps.Keys(x.f.rec.Aliases)); len(aliases) > 0 {
		x.note("Its aliases are %s.", strings.Join(aliases, ", "))
	}
}

func (x *explainer) newestVersion() string {
	if n := x.f.rec.LastVersion; n > 0 {
		return fmt.Sprint(n)
	}
	return "$LATEST"
}

func (x *explainer) denied() {
	s := x.d.NearestMiss()
	x.cause(CauseDenied, "Statement %s of the policy on %s denies the call.", statementName(s), x.target())
	if s.Sid != "" {
		args := []string{"aws", "lambda", "remove-permission", "--region", regionOf(x.c.FunctionARN), "--function-name", functionName(x.c.FunctionARN)}
		if x.c.Qualifier != "" {
			args = append(args, "--qualifier", x.c.Qualifier)
		}
		x.d.Fix = append(x.d.Fix, command(append(args, "--statement-id", s.Sid)...))
	}
}

// elsewhere recognises the commonest surprise: the right grant hangs on another
// qualifier of the same function.
func (x *explainer) elsewhere() bool {
	c := x.c
	for _, q := range slices.Sorted(maps.Keys(x.f.policies)) {
		p := x.f.policies[q]
		if q == c.Qualifier || evaluateGateway(p, c) != iampolicy.Allow {
			continue
		}
		name := functionName(c.FunctionARN)
		switch {
		case q == "":
			x.cause(CauseGrantOnFunction, "The grant is on the bare function, but the integration calls %s: a grant on %s does not cover its aliases and versions.", x.target(), name)
		case c.Qualifier == "":
			x.cause(CauseGrantOnQualifier, "The grant is on %s, but the integration calls the bare function: a grant on an alias or version does not cover it.", targetName(name, q))
		default:
			x.cause(CauseOtherQualifier, "The grant is on %s, but the integration calls %s: each alias and version needs its own grant.", targetName(name, q), x.target())
		}
		x.showElsewhere(q, p)
		return true
	}
	return false
}

// showElsewhere adds the policy that would have allowed the call; its allowing
// statement becomes the nearest miss.
func (x *explainer) showElsewhere(q string, p *policy) {
	own := x.d.Statements
	x.d.Statements = nil
	owner := x.c.FunctionARN
	if q != "" {
		owner += ":" + q
	}
	x.read(FunctionPolicy, owner, p, gatewayRequest(owner, x.c, p.clock))
	x.d.Statements = append(x.d.Statements[:1], own...)
	x.d.Nearest = 0
}

// siblings points at other functions that have the very grant which is missing
// here: with a stage variable in the function's name each function needs one.
func (x *explainer) siblings() {
	const (
		shown, asked = 3, 200 // bounds, because a matrix explains many cells
		related      = 3      // letters that names built with a stage variable share at least
	)
	var names []string
	n := 0
	for _, f := range x.g.functions.All() {
		if n++; n > asked || len(names) == shown {
			break
		}
		if f == x.f || f.rec.Account != x.f.rec.Account || commonPrefix(f.rec.Name, x.f.rec.Name) < related {
			continue
		}
		if evaluateGateway(f.policies[""], x.c.withFunction(f)) == iampolicy.Allow {
			names = append(names, f.rec.Name)
		}
	}
	if len(names) > 0 {
		have := "has"
		if len(names) > 1 {
			have = "have"
		}
		x.note("%s already %s such a grant. Each function that a stage variable leads to needs its own.", strings.Join(names, ", "), have)
	}
}

// commonPrefix counts the letters with which both begin.
func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func (c *Call) withFunction(f *function) *Call {
	other := *c
	other.FunctionARN, other.Qualifier = f.arn, ""
	return &other
}

// nearestCause reads the cause off the nearest statement.
func (x *explainer) nearestCause() {
	s := x.d.NearestMiss()
	if s == nil || s.Matched {
		x.cause(CauseNoStatement, "No statement of the policy on %s allows anything to API Gateway.", x.target())
		return
	}
	failed := s.Failed()
	for i := range failed {
		if e := &failed[i]; e.Element != "Condition" || !isKey(e, "aws:SourceArn") {
			x.elementCause(s, e)
			return
		}
	}
	x.sourceARNCause(s, &failed[0])
}

func isKey(e *iampolicy.ElementResult, key string) bool { return strings.EqualFold(e.Key, key) }

// elementCause explains a failed element that is not the SourceArn.
func (x *explainer) elementCause(s *Statement, e *iampolicy.ElementResult) {
	want := strings.Join(e.Want, ", ")
	switch name := statementName(s); {
	case strings.HasSuffix(e.Element, "Principal"):
		x.cause(CausePrincipal, "Statement %s is for %s, not for %s.", name, want, GatewayPrincipal)
		if n := editDistance(want, GatewayPrincipal, 4); n <= 3 {
			x.d.Cause.Sentence = fmt.Sprintf("Statement %s is for %s: that is %s mistyped.", name, want, GatewayPrincipal)
		}
	case strings.HasSuffix(e.Element, "Action"):
		x.cause(CauseAction, "Statement %s is about %s, and API Gateway needs %s.", name, want, InvokeAction)
	case strings.HasSuffix(e.Element, "Resource"):
		x.cause(CauseResource, "Statement %s is about %s, and the integration calls %s.", name, want, x.c.Resource())
	case isKey(e, "aws:SourceAccount"):
		x.cause(CauseSourceAccount, "Statement %s wants aws:SourceAccount %s, and the API belongs to account %s.", name, want, x.c.SourceAccount)
	case len(e.Got) == 0:
		x.cause(CauseCondition, "Statement %s wants %s (%s %s), which API Gateway does not send.", name, e.Key, e.Operator, want)
	default:
		x.cause(CauseCondition, "Statement %s wants %s %s %s, and it is %s.", name, e.Key, e.Operator, want, strings.Join(e.Got, ", "))
	}
}

// editDistance is Levenshtein's, given up at limit.
func editDistance(a, b string, limit int) int {
	if d := len(a) - len(b); d >= limit || -d >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return min(row[len(b)], limit)
}
