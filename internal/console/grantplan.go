package console

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/stagedoor/stagedoor/internal/grants"
)

// grant is one statement that lets API Gateway call a function.
type grant struct {
	Region, Account string // of the function
	Name, Qualifier string
	StatementID     string
	SourceARN       string
}

// Target is the function as people name it: "my-function:prod".
func (g *grant) Target() string {
	if g.Qualifier == "" {
		return g.Name
	}
	return g.Name + ":" + g.Qualifier
}

func (g *grant) input() *lambda.AddPermissionInput {
	in := &lambda.AddPermissionInput{
		FunctionName: &g.Name, StatementId: &g.StatementID, Action: aws.String(grants.InvokeAction),
		Principal: aws.String(grants.GatewayPrincipal), SourceArn: &g.SourceARN,
	}
	if g.Qualifier != "" {
		in.Qualifier = &g.Qualifier
	}
	return in
}

// command is the same for a shell.
func (g *grant) command() string {
	words := []string{"lambda", "add-permission", "--region", g.Region, "--function-name", g.Name}
	if g.Qualifier != "" {
		words = append(words, "--qualifier", g.Qualifier)
	}
	return command(append(words, "--statement-id", g.StatementID, "--action", grants.InvokeAction,
		"--principal", grants.GatewayPrincipal, "--source-arn", g.SourceARN)...)
}

func (g *grant) removal() string {
	words := []string{"lambda", "remove-permission", "--region", g.Region, "--function-name", g.Name}
	if g.Qualifier != "" {
		words = append(words, "--qualifier", g.Qualifier)
	}
	return command(append(words, "--statement-id", g.StatementID)...)
}

// choice is one way to allow a call: the grants that it would add, exactly.
type choice struct {
	Kind     string
	Title    string
	Sentence string
	Grants   []grant
	Primary  bool
}

// The kinds of choice, as forms send them.
const (
	thisStage = "stage"  // this stage may call its function
	allStages = "stages" // every stage, also those to come
	eachStage = "each"   // each stage its own function or alias, and no other
	wholeAPI  = "api"    // every method of every stage
)

// shownCommands bounds the commands of one choice on the page.
const shownCommands = 6

// Commands are the first commands of a choice.
func (c *choice) Commands() []string {
	all := make([]string, 0, shownCommands)
	for i := range c.Grants[:min(len(c.Grants), shownCommands)] {
		all = append(all, c.Grants[i].command())
	}
	return all
}

// More is how many commands Commands leaves out.
func (c *choice) More() int { return max(len(c.Grants)-shownCommands, 0) }

// Digest stands for the grants, so that what is carried out is what was shown.
func (c *choice) Digest() string {
	h := sha256.New()
	for i := range c.Grants {
		h.Write([]byte(c.Grants[i].command() + "\n"))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:12])
}

// grantHelps reports whether one more statement in the function's policy would
// allow the call: it is the policy that decides, nothing denies, the function
// is there, and it belongs to this account. $LATEST has no policy of its own.
func grantHelps(c *Cell, account string) bool {
	d := c.Decision
	if !refused(c) || d.Credentials != "" || d.Outcome != grants.NoPermission || d.Qualifier == "$LATEST" {
		return false
	}
	return d.Cause.Code != grants.CauseDenied && d.Cause.Code != grants.CausePolicyUnreadable && part(d.FunctionARN, 4) == account
}

// part is the n-th colon part of an ARN.
func part(arn string, n int) string {
	parts := strings.SplitN(arn, ":", 6)
	if n >= len(parts) {
		return ""
	}
	return parts[n]
}

// planGrants lists the ways to allow the call of one cell. Functions that are
// granted already are left alone.
func planGrants(cells []Cell, open *Cell, account string) []choice {
	if !grantHelps(open, account) {
		return nil
	}
	p := planner{}
	one := p.grant(open, open.Stage)
	choices := []choice{{
		Kind: thisStage, Title: "This stage", Primary: true,
		Sentence: "Only " + open.Stage + " may call " + one.Target() + " by " + open.Verb + " " + open.Path + ".", Grants: []grant{one},
	}}
	var all, each []grant
	targets, names := map[string]bool{}, map[string]bool{}
	for i := range cells {
		c := &cells[i]
		if c.Verb != open.Verb || c.Path != open.Path || !grantHelps(c, account) {
			continue
		}
		if !targets[c.Decision.Resource] {
			targets[c.Decision.Resource], names[c.Decision.FunctionARN] = true, true
			all = append(all, p.grant(c, "*"))
		}
		each = append(each, p.grant(c, c.Stage))
	}
	choices = append(choices, choice{
		Kind: allStages, Title: "All stages", Grants: all,
		Sentence: "Every stage, also those to come, may call " + targetsOf(all) + " by " + open.Verb + " " + open.Path + ".",
	})
	if len(each) > 1 {
		title := "Each stage its own function"
		if len(names) == 1 && len(targets) > 1 {
			title = "Per alias"
		}
		choices = append(choices, choice{Kind: eachStage, Title: title, Grants: each, Sentence: "Each of " + plural(len(each), "stage") + " may call the one that it resolves to, and no other."})
	}
	return append(choices, p.api(cells, account))
}

// api lets every method of the API call every function that it is refused.
func (p planner) api(cells []Cell, account string) choice {
	var all []grant
	seen := map[string]bool{}
	methods := 0
	for i := range cells {
		c := &cells[i]
		if !grantHelps(c, account) {
			continue
		}
		methods++
		if seen[c.Decision.Resource] {
			continue
		}
		seen[c.Decision.Resource] = true
		g := p.grant(c, "*")
		d := c.Decision
		g.SourceARN = grants.SourceARN(g.Region, d.SourceAccount, d.API, "*", "*", "*")
		g.StatementID = p.id(c, "apigateway-"+d.API)
		all = append(all, g)
	}
	return choice{
		Kind: wholeAPI, Title: "The whole API", Grants: all,
		Sentence: "Every method of every stage may call " + targetsOf(all) + ". This mends " + plural(methods, "refused call") + " at once.",
	}
}

func targetsOf(all []grant) string {
	var names []string
	for i := range all {
		if !slices.Contains(names, all[i].Target()) {
			names = append(names, all[i].Target())
		}
	}
	switch {
	case len(names) > 3:
		return strings.Join(names[:3], ", ") + " and " + strconv.Itoa(len(names)-3) + " more"
	default:
		return strings.Join(names, ", ")
	}
}

// planner makes the grants of cells.
type planner struct{}

func (p planner) grant(c *Cell, stage string) grant {
	d := c.Decision
	verb := d.Method
	if verb == "ANY" {
		verb = "*" // matches the word ANY as well, and is what AWS's console writes
	}
	region := part(d.FunctionARN, 3)
	base := grants.StatementID(&grants.Call{APIID: d.API, Method: d.Method, ResourcePath: d.Path})
	if stage != "*" {
		base += "-" + word(stage)
	}
	return grant{
		Region: region, Account: part(d.FunctionARN, 4), Name: strings.TrimPrefix(part(d.FunctionARN, 5), "function:"), Qualifier: d.Qualifier,
		StatementID: p.id(c, base), SourceARN: grants.SourceARN(region, d.SourceAccount, d.API, stage, verb, d.Path),
	}
}

// id is a statement id that the policies of a cell do not have yet.
func (p planner) id(c *Cell, base string) string {
	documents := make([]string, len(c.Decision.Policies))
	for i := range c.Decision.Policies {
		documents[i] = c.Decision.Policies[i].Document
	}
	return freeID(base, documents...)
}

// freeID is a statement id that the policies do not have yet: one that exists is
// refused (AWS recording test_lambda_api: "The statement id (X) provided already
// exists. …").
func freeID(base string, policies ...string) string {
	base = base[:min(len(base), 92)] // Lambda takes 100 characters
	id := base
	taken := func(policy string) bool { return strings.Contains(policy, strconv.Quote(id)) }
	for n := 2; slices.ContainsFunc(policies, taken); n++ {
		id = base + "-" + strconv.Itoa(n)
	}
	return id
}

// word keeps what a statement id may hold.
func word(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, s)
}
