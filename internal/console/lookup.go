package console

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/stagedoor/stagedoor/internal/grants"
)

// lookup finds out about functions that integrations resolve to, each once.
type lookup struct {
	v     *visit
	known map[string]*found
}

// found is what is known of one function under one qualifier.
type found struct {
	Exists bool
	Policy string // "" where there is none
	// Problem says why it is not known; "" otherwise.
	Problem string
}

func (v *visit) lookup() *lookup { return &lookup{v: v, known: map[string]*found{}} }

// find asks for a function and its policy. GetPolicy answers ResourceNotFound
// for both a missing function and a missing policy (AWS recording
// test_lambda_api: "The resource you requested does not exist." is about the
// policy), so the function is asked for where there is no policy.
func (l *lookup) find(c *callee) *found {
	key := c.qualified()
	if f := l.known[key]; f != nil {
		return f
	}
	f := &found{}
	l.known[key] = f
	if c.Account != l.v.s.Account {
		f.Exists, f.Problem = true, "It belongs to account "+c.Account+", whose owner has to grant the call."
		return f
	}
	name, qualifier := &c.Name, optional(c.Qualifier)
	if c.Qualifier == "$LATEST" {
		qualifier = nil
	}
	client := l.v.functions(c.Region)
	policy, err := client.GetPolicy(l.v.ctx(), &lambda.GetPolicyInput{FunctionName: name, Qualifier: qualifier})
	if err == nil {
		f.Exists, f.Policy = true, aws.ToString(policy.Policy)
		return f
	}
	if !isMissing(err) {
		f.Exists, f.Problem = true, describe(err, l.v).Sentence
		return f
	}
	_, err = client.GetFunctionConfiguration(l.v.ctx(), &lambda.GetFunctionConfigurationInput{FunctionName: name, Qualifier: qualifier})
	switch {
	case err == nil:
		f.Exists = true
	case isMissing(err):
		f.Problem = "There is no function " + c.target() + "."
	default:
		f.Exists, f.Problem = true, describe(err, l.v).Sentence
	}
	return f
}

func (c *callee) target() string {
	if c.Qualifier == "" {
		return c.Name
	}
	return c.Name + ":" + c.Qualifier
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// covers reports whether a function's policy certainly lets API Gateway call it
// with this SourceArn: by a statement of the plain form that AddPermission makes,
// and without any Deny. The data plane judges calls; this only keeps grants from
// being added twice.
func covers(policy, source string) bool {
	var doc struct {
		Statement []struct {
			Effect    string
			Principal any
			Action    any
			Condition map[string]map[string]any
		}
	}
	if json.Unmarshal([]byte(policy), &doc) != nil {
		return false
	}
	allowed := false
	for i := range doc.Statement {
		s := &doc.Statement[i]
		if s.Effect != "Allow" {
			return false
		}
		principal, _ := s.Principal.(map[string]any)
		if principal["Service"] != grants.GatewayPrincipal || s.Action != grants.InvokeAction {
			continue
		}
		plain := true
		for operator, keys := range s.Condition {
			for key, value := range keys {
				pattern, isText := value.(string)
				plain = plain && isText && (operator == "ArnLike" || operator == "StringLike") && strings.EqualFold(key, "aws:SourceArn") && like(pattern, source)
			}
		}
		allowed = allowed || plain
	}
	return allowed
}

// like matches * and ? as policies do; a * in text is covered by a * only. It
// goes back to the last * alone, so it takes no longer than pattern × text.
func like(pattern, text string) bool {
	p, t, star, mark := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// resolution is what a method would call on one stage, and whether it may.
type resolution struct {
	Stage    string
	Target   string // "my-function:prod"
	URL      string // of the function's page; "" where it is none
	Kind     string // "ok": granted, "bad": not granted, "warn": cannot work
	Sentence string
	grant    *grant // that is missing; nil: none
}

// judge says what a method would meet on a stage with these variables. where is
// the stage in the grant: the stage itself, or "*" for all.
func (l *lookup) judge(api, stage, where, verb, path, function string, variables map[string]string) resolution {
	c := l.v.resolve(function, variables)
	r := resolution{Stage: stage, Target: c.target(), Kind: warnKind, Sentence: c.Problem}
	if c.Problem != "" {
		return r
	}
	r.URL = functionURL(c.Name)
	f := l.find(&c)
	if f.Problem != "" {
		r.Sentence = f.Problem
		if c.Account != l.v.s.Account || f.Exists {
			return r
		}
		r.Sentence += " Create it, then come back for the grant."
		return r
	}
	if c.Qualifier == "$LATEST" {
		r.Sentence = "$LATEST has no policy of its own: name no version, or an alias."
		return r
	}
	if covers(f.Policy, grants.SourceARN(c.Region, l.v.s.Account, api, stage, verb, path)) {
		r.Kind = okKind
		return r
	}
	g := l.v.grantFor(&c, f.Policy, api, where, verb, path)
	r.Kind, r.Sentence, r.grant = badKind, "Not granted yet.", &g
	return r
}

// grantFor is the grant of one method on a stage, or "*" for all.
func (v *visit) grantFor(c *callee, policy, api, stage, verb, path string) grant {
	base := grants.StatementID(&grants.Call{APIID: api, Method: verb, ResourcePath: path})
	if stage != "*" {
		base += "-" + word(stage)
	}
	if verb == "ANY" {
		verb = "*"
	}
	return grant{
		Region: c.Region, Account: c.Account, Name: c.Name, Qualifier: c.Qualifier,
		StatementID: freeID(base, policy), SourceARN: grants.SourceARN(c.Region, v.s.Account, api, stage, verb, path),
	}
}

// missing lists the grants that resolutions lack, each once.
func missing(all []resolution) []grant {
	var out []grant
	for i := range all {
		g := all[i].grant
		if g != nil && !slices.ContainsFunc(out, func(o grant) bool {
			return o.Target() == g.Target() && o.Region == g.Region && o.SourceARN == g.SourceARN
		}) {
			out = append(out, *g)
		}
	}
	return out
}
