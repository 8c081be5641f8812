package grants

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// policyLimit is the size of a function policy that Lambda refuses to exceed
// ("The final policy size (N) is bigger than the limit (20480).").
const policyLimit = 20480

// fixGrant adds the command that grants exactly this method, on every stage, to
// the qualifier that is called. p is the policy that is there, nil without one.
func (x *explainer) fixGrant(p *policy) {
	c := x.c
	verb := c.Method
	if verb == "ANY" {
		verb = "*" // matches the word ANY as well, and is what the console writes
	}
	source := SourceARN(x.sourceRegion(), c.SourceAccount, c.APIID, "*", verb, c.ResourcePath)
	if p != nil && len(p.document)+statementSize(c, source) > policyLimit {
		source = SourceARN(x.sourceRegion(), c.SourceAccount, c.APIID, "*", "*", "*")
		x.makeRoom(p, statementSize(c, source))
	}
	x.d.Fix = append(x.d.Fix, x.addPermission(p, source, GatewayPrincipal))
	if functionAccount(c.FunctionARN) != c.Account {
		x.note("The function belongs to account %s: run the command with that account's credentials.", functionAccount(c.FunctionARN))
	}
}

// sourceRegion is the region that API Gateway puts into the SourceArn.
func (x *explainer) sourceRegion() string {
	if r := regionOf(x.c.SourceARN); r != "" {
		return r
	}
	return regionOf(x.c.FunctionARN)
}

func (x *explainer) addPermission(p *policy, source, principal string) string {
	c := x.c
	name := functionName(c.FunctionARN)
	if functionAccount(c.FunctionARN) != c.Account {
		name = c.FunctionARN
	}
	args := []string{"aws", "lambda", "add-permission", "--region", regionOf(c.FunctionARN), "--function-name", name}
	if c.Qualifier != "" {
		args = append(args, "--qualifier", c.Qualifier)
	}
	args = append(args, "--statement-id", statementID(p, c), "--action", InvokeAction, "--principal", principal)
	if source != "" {
		args = append(args, "--source-arn", source)
	}
	return command(args...)
}

// statementSize estimates the bytes that one more statement takes.
func statementSize(c *Call, source string) int {
	const frame = 240 // the JSON around the four values
	return frame + len(c.Resource()) + len(source) + 40
}

// makeRoom removes statements for this very API, which the wide grant that
// follows replaces, until it fits.
func (x *explainer) makeRoom(p *policy, need int) {
	x.note("The policy has %d of %d bytes: statements for this API make room for one that covers all its methods.", len(p.document), policyLimit)
	var doc struct{ Statement []json.RawMessage }
	if json.Unmarshal([]byte(p.document), &doc) != nil {
		return
	}
	free := policyLimit - len(p.document)
	for _, raw := range doc.Statement {
		if free >= need {
			return
		}
		var s struct{ Sid string }
		if json.Unmarshal(raw, &s) != nil || s.Sid == "" || !strings.Contains(string(raw), ":"+x.c.APIID+"/") {
			continue
		}
		args := []string{"aws", "lambda", "remove-permission", "--region", regionOf(x.c.FunctionARN), "--function-name", functionName(x.c.FunctionARN)}
		if x.c.Qualifier != "" {
			args = append(args, "--qualifier", x.c.Qualifier)
		}
		x.d.Fix = append(x.d.Fix, command(append(args, "--statement-id", s.Sid)...))
		free += len(raw)
	}
}

// statementID names the new statement after what it grants, "apigateway-a1b2c3-
// GET-users-id", in the alphabet that Lambda accepts and unlike every Sid of
// the policy: a Sid that exists is refused with 409, and scripts that swallow
// that keep the old ARN.
func statementID(p *policy, c *Call) string {
	const longest = 90 // Lambda takes 100 characters
	var b strings.Builder
	b.WriteString("apigateway-" + c.APIID + "-" + c.Method)
	for _, part := range strings.FieldsFunc(c.ResourcePath, func(r rune) bool { return !isStatementIDRune(r) }) {
		b.WriteString("-" + part)
	}
	base := strings.Map(func(r rune) rune {
		if isStatementIDRune(r) {
			return r
		}
		return '-'
	}, b.String())
	base = base[:min(len(base), longest)]
	id := base
	for n := 2; p != nil && strings.Contains(p.document, strconv.Quote(id)); n++ {
		id = fmt.Sprintf("%s-%d", base, n)
	}
	return id
}

func isStatementIDRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_'
}

// command joins words into a line for a POSIX shell.
func command(words ...string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = shellQuote(word)
	}
	return strings.Join(quoted, " ")
}

// shellQuote quotes a word if it has to be: in double quotes, which read better
// around ARNs, unless a shell would see more in it.
func shellQuote(word string) string {
	safe := func(extra string) bool {
		return strings.IndexFunc(word, func(r rune) bool {
			return !isStatementIDRune(r) && !strings.ContainsRune(extra, r)
		}) < 0
	}
	switch {
	case word != "" && safe(".:/@%+=,"):
		return word
	case word != "" && safe(".:/@%+=,*?{}()<>|&;#~[] '"):
		return `"` + word + `"`
	default:
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
}
