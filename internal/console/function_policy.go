package console

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// grantLine is one statement of a function's policy as a person reads it.
type grantLine struct {
	Sid  string
	Deny bool
	// Who and Where are the two halves of the sentence: "API orders", "any
	// stage, GET /orders". Where may be "".
	Who, Where string
	// Warning says what is dangerous about the statement, "" where nothing is.
	Warning string
	// API is the id of the one API that the statement is about, "" otherwise.
	API string
	// Unknown says why the statement is shown as JSON only; "" where the
	// sentence tells all of it.
	Unknown string
	JSON    string // the statement, indented
	// Again is what AddPermission needs to add the statement once more; nil
	// where AddPermission cannot express it.
	Again *statementParts
}

// Sentence is the whole of it in one line.
func (g *grantLine) Sentence() string {
	if g.Where == "" {
		return g.Who
	}
	return g.Who + ", " + g.Where
}

// statementParts are AddPermission's own terms.
type statementParts struct {
	Sid, Action, Principal                                 string
	SourceARN, SourceAccount, Organization, Token, URLAuth string
}

// policyStatement reads a statement of any shape.
type policyStatement struct {
	Sid       string
	Effect    string
	Principal json.RawMessage
	Action    oneOrMore
	Resource  oneOrMore
	Condition map[string]map[string]oneOrMore

	NotPrincipal, NotAction, NotResource json.RawMessage
}

// oneOrMore is a string or a list of strings; IAM reads both alike.
type oneOrMore []string

func (o *oneOrMore) UnmarshalJSON(data []byte) error {
	var many []string
	if json.Unmarshal(data, &many) == nil {
		*o = many
		return nil
	}
	var one any
	if err := json.Unmarshal(data, &one); err != nil {
		return err
	}
	*o = oneOrMore{fmt.Sprint(one)}
	return nil
}

// only returns the one value, "" where there are none or several.
func (o oneOrMore) only() string {
	if len(o) == 1 {
		return o[0]
	}
	return ""
}

// grantLines puts a policy document into sentences. names are the APIs' names
// by id. What no sentence can tell wholly is marked, never simplified: a person
// decides by what stands there.
func grantLines(document string, names map[string]string) ([]grantLine, error) {
	if document == "" {
		return nil, nil
	}
	var d struct{ Statement json.RawMessage }
	if err := json.Unmarshal([]byte(document), &d); err != nil {
		return nil, fmt.Errorf("the policy is no JSON: %w", err)
	}
	var raw []json.RawMessage
	if json.Unmarshal(d.Statement, &raw) != nil && len(d.Statement) > 0 {
		raw = []json.RawMessage{d.Statement} // one statement without a list
	}
	lines := make([]grantLine, 0, len(raw))
	for _, statement := range raw {
		lines = append(lines, newGrantLine(statement, names))
	}
	return lines, nil
}

func newGrantLine(raw json.RawMessage, names map[string]string) grantLine {
	line := grantLine{JSON: indented(raw)}
	var s policyStatement
	if err := json.Unmarshal(raw, &s); err != nil {
		line.Who, line.Unknown = "A statement of an unusual shape", "It is not built as IAM's statements are: "+err.Error()+"."
		return line
	}
	line.Sid, line.Deny = s.Sid, s.Effect == "Deny"
	parts, unknown := s.parts()
	line.Unknown = unknown
	line.say(parts, names)
	if unknown == "" && !line.Deny && parts.Sid != "" {
		line.Again = &parts
	}
	return line
}

// parts takes the statement to pieces as AddPermission would have put it
// together (aws-facts part 2; LAMBDA-API AddPermission), and says what it could
// not place.
func (s *policyStatement) parts() (p statementParts, unknown string) {
	p = statementParts{Sid: s.Sid, Action: s.Action.only(), Principal: principalText(s.Principal)}
	switch {
	case s.NotPrincipal != nil || s.NotAction != nil || s.NotResource != nil:
		return p, "It says whom or what it is not about (NotPrincipal, NotAction or NotResource)."
	case s.Effect != "Allow" && s.Effect != "Deny":
		return p, "Its effect is neither Allow nor Deny."
	case p.Principal == "":
		return p, "It names several principals, or one in an unusual form."
	case p.Action == "":
		return p, "It is about several actions, or none."
	case len(s.Resource) != 1:
		return p, "It is about several resources, or none."
	}
	for operator, keys := range s.Condition {
		for key, values := range keys {
			if !p.condition(operator, key, values.only()) {
				return p, fmt.Sprintf("Its condition %s on %s is more than a sentence here can say.", operator, key)
			}
		}
	}
	return p, ""
}

// condition takes one condition over, and reports whether AddPermission knows
// it. Names of condition keys are compared without regard to case, as IAM does.
func (p *statementParts) condition(operator, key, value string) bool {
	if value == "" {
		return false
	}
	switch strings.ToLower(operator + " " + key) {
	case "arnlike aws:sourcearn", "arnequals aws:sourcearn", "stringlike aws:sourcearn", "stringequals aws:sourcearn":
		p.SourceARN = value
		return strings.EqualFold(operator, "ArnLike") || !strings.ContainsAny(value, "*?")
	case "stringequals aws:sourceaccount":
		p.SourceAccount = value
	case "stringequals aws:principalorgid":
		p.Organization = value
	case "stringequals lambda:eventsourcetoken":
		p.Token = value
	case "stringequals lambda:functionurlauthtype":
		p.URLAuth = value
	default:
		return false
	}
	return true
}

// principalText is who a statement names: a service's domain, an ARN, "*", or
// "" where it is not exactly one.
func principalText(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var named map[string]oneOrMore
	if json.Unmarshal(raw, &named) != nil || len(named) != 1 {
		return ""
	}
	for _, values := range named {
		return values.only()
	}
	return ""
}

// say writes the sentence's halves.
func (g *grantLine) say(p statementParts, names map[string]string) {
	arn := strings.SplitN(p.SourceARN, ":", 6)
	switch {
	case p.Principal == "apigateway.amazonaws.com" && len(arn) == 6 && arn[2] == "execute-api":
		g.gateway(arn, names)
	case strings.HasSuffix(p.Principal, ".amazonaws.com"):
		g.service(p, arn)
	case p.Principal == "*":
		g.everybody(p)
	case p.Principal == "":
		g.Who = "Several principals"
	default:
		g.Who = principalName(p.Principal)
	}
	if p.Action != "" && p.Action != "lambda:InvokeFunction" && p.Action != "lambda:InvokeFunctionUrl" {
		g.Where = joinNonEmpty(", ", g.Where, "for "+p.Action)
	}
	if p.Organization != "" {
		g.Where = joinNonEmpty(", ", g.Where, "within organization "+p.Organization)
	}
}

// gateway reads the SourceArn of a deployed API:
// arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/VERB/PATH (aws-facts part 1).
func (g *grantLine) gateway(arn []string, names map[string]string) {
	segments := strings.SplitN(arn[5], "/", 4)
	switch api := segments[0]; {
	case api == "*":
		g.Who = "Any API of " + starOr(arn[4], "any account", "account ", "accounts like ") + " in " + starAs(arn[3], "any region")
		if arn[4] == "*" {
			g.Warning = "APIs of other accounts may call too: the SourceArn leaves the account open."
		}
	case names[api] != "":
		g.Who, g.API = "API "+names[api], api
	default:
		g.Who = "API " + api
		g.Warning = "There is no API with this id here."
		if strings.ContainsAny(api, "*?") {
			g.Who, g.Warning = "APIs like "+api, ""
		}
	}
	g.Where = methodWords(segments[1:])
	if len(segments) == 1 && strings.HasSuffix(segments[0], "*") {
		g.Where = "any stage, any method" // "*" crosses "/" (aws-facts part 1)
	}
}

// methodWords says which stage, verb and path the rest of a SourceArn means.
func methodWords(segments []string) string {
	switch {
	case len(segments) == 0:
		return "nothing of it: the SourceArn ends before the stage"
	case segments[0] == "authorizers":
		return "as authorizer " + starAs(strings.Join(segments[1:], "/"), "of any id")
	case len(segments) == 1 && strings.HasSuffix(segments[0], "*"):
		return stageWords(segments[0]) + ", any method"
	case len(segments) == 1:
		return "nothing of it: the SourceArn ends after the stage " + segments[0]
	}
	stage := stageWords(segments[0])
	rest := segments[1:]
	if len(rest) == 1 && rest[0] == "*" || len(rest) == 2 && rest[0] == "*" && rest[1] == "*" {
		return stage + ", any method"
	}
	verb := rest[0]
	if verb == "*" {
		verb = "any verb on"
	}
	if len(rest) == 1 {
		return stage + ", " + verb + " without a path"
	}
	if rest[1] == "*" {
		return stage + ", " + verb + " any path"
	}
	return stage + ", " + verb + " /" + rest[1]
}

func stageWords(stage string) string {
	if stage == "test-invoke-stage" {
		return "the console's Test"
	}
	return starOr(stage, "any stage", "stage ", "stages like ")
}

// service names another AWS service and what of it may call.
func (g *grantLine) service(p statementParts, arn []string) {
	g.Who = serviceName(p.Principal)
	switch {
	case len(arn) == 6:
		g.Where = "from " + starAs(p.SourceARN, "anywhere")
	case p.SourceARN != "":
		g.Where = "from " + p.SourceARN
	case p.SourceAccount == "" && p.Organization == "":
		g.Where = "for anybody"
		g.Warning = "No SourceArn and no SourceAccount: through this service, any account may call this function."
		if p.Principal == "apigateway.amazonaws.com" {
			g.Who, g.Where = "Any API of any account", ""
		}
	}
	if p.SourceAccount != "" {
		g.Where = joinNonEmpty(", ", g.Where, "for account "+p.SourceAccount)
	}
}

func (g *grantLine) everybody(p statementParts) {
	g.Who = "Everybody"
	switch {
	case p.URLAuth == "NONE":
		g.Where = "through the function's URL, without signing in"
	case p.URLAuth != "":
		g.Where = "through the function's URL, signed"
	}
	if p.SourceARN != "" {
		g.Where = joinNonEmpty(", ", g.Where, "from "+p.SourceARN)
	}
	if p.SourceAccount != "" {
		g.Where = joinNonEmpty(", ", g.Where, "for account "+p.SourceAccount)
	}
	if p.Organization == "" && p.SourceARN == "" && p.SourceAccount == "" && !g.Deny {
		g.Warning = "Anybody in the world may call: no condition says from where."
	}
}

// principalName says who an ARN of IAM is.
func principalName(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 {
		return arn
	}
	kind, name, _ := strings.Cut(parts[5], "/")
	switch kind {
	case "root":
		return "Account " + parts[4]
	case "role", "user":
		return strings.ToUpper(kind[:1]) + kind[1:] + " " + name + " of account " + parts[4]
	}
	return arn
}

// serviceName is what people call the service of a domain.
func serviceName(domain string) string {
	name := strings.TrimSuffix(domain, ".amazonaws.com")
	known := [...][2]string{
		{"apigateway", "API Gateway"}, {"s3", "S3"}, {"sns", "SNS"}, {"sqs", "SQS"}, {"events", "EventBridge"},
		{"scheduler", "EventBridge Scheduler"}, {"logs", "CloudWatch Logs"}, {"cognito-idp", "Cognito"},
		{"elasticloadbalancing", "Elastic Load Balancing"}, {"secretsmanager", "Secrets Manager"}, {"iot", "IoT"},
		{"lambda.alarms.cloudwatch", "CloudWatch alarms"}, {"ses", "SES"}, {"config", "AWS Config"}, {"alexa-appkit", "Alexa"},
	}
	if i := slices.IndexFunc(known[:], func(k [2]string) bool { return k[0] == name }); i >= 0 {
		return known[i][1]
	}
	return "Service " + domain
}

// starAs replaces a lone "*" by words.
func starAs(text, words string) string {
	if text == "*" {
		return words
	}
	return text
}

// starOr says a value that may be "*", hold wildcards, or be plain.
func starOr(text, any, plain, like string) string {
	switch {
	case text == "*":
		return any
	case strings.ContainsAny(text, "*?"):
		return like + text
	}
	return plain + text
}

func joinNonEmpty(separator string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), separator)
}

// indented lays JSON out for reading; what is no JSON stays as it is.
func indented(data []byte) string {
	var value any
	if json.Unmarshal(data, &value) != nil {
		return string(data)
	}
	// Compacting keeps the order of the members, which says something here.
	out, err := json.MarshalIndent(json.RawMessage(data), "", "  ")
	if err != nil {
		return string(data)
	}
	return string(out)
}
