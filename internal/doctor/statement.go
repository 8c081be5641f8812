package doctor

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/target"
)

// statement is one statement of a function policy as far as tidying needs it.
type statement struct {
	sid        string
	effect     string
	principals []string // "Service:apigateway.amazonaws.com", "*"
	actions    []string
	resources  []string
	sources    []string // of aws:SourceArn
	accounts   []string // of aws:SourceAccount
	others     string   // all other conditions, as JSON
	exact      bool     // SourceArn is compared with StringEquals or ArnEquals without wildcards
	size       int
}

// statementsOf reads a document; one that is no policy has none.
func statementsOf(document string) []statement {
	var outer struct{ Statement json.RawMessage }
	if json.Unmarshal([]byte(document), &outer) != nil {
		return nil
	}
	var raws []json.RawMessage
	if json.Unmarshal(outer.Statement, &raws) != nil {
		raws = []json.RawMessage{outer.Statement}
	}
	var out []statement
	for _, raw := range raws {
		if s, ok := readStatement(raw); ok {
			out = append(out, s)
		}
	}
	return out
}

func readStatement(raw json.RawMessage) (statement, bool) {
	var in struct {
		Sid, Effect string
		Principal   json.RawMessage
		Action      json.RawMessage
		Resource    json.RawMessage
		Condition   map[string]map[string]json.RawMessage
	}
	if json.Unmarshal(raw, &in) != nil {
		return statement{}, false
	}
	s := statement{sid: in.Sid, effect: in.Effect, actions: texts(in.Action), resources: texts(in.Resource), size: len(raw)}
	s.principals = principals(in.Principal)
	others := map[string]map[string]json.RawMessage{}
	for operator, keys := range in.Condition {
		for key, values := range keys {
			like := operator == "ArnLike" || operator == "StringLike" || operator == "ArnEquals" || operator == "StringEquals"
			switch {
			case like && strings.EqualFold(key, "aws:SourceArn"):
				s.sources = append(s.sources, texts(values)...)
				s.exact = operator == "StringEquals"
			case like && strings.EqualFold(key, "aws:SourceAccount"):
				s.accounts = append(s.accounts, texts(values)...)
			default:
				if others[operator] == nil {
					others[operator] = map[string]json.RawMessage{}
				}
				others[operator][key] = values
			}
		}
	}
	if len(others) > 0 {
		text, _ := json.Marshal(others) // what was decoded can be encoded
		s.others = string(text)
	}
	slices.Sort(s.principals)
	slices.Sort(s.actions)
	slices.Sort(s.resources)
	slices.Sort(s.sources)
	slices.Sort(s.accounts)
	return s, true
}

// texts reads a string or a list of strings.
func texts(raw json.RawMessage) []string {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}
	}
	var many []string
	if json.Unmarshal(raw, &many) != nil {
		return nil
	}
	return many
}

func principals(raw json.RawMessage) (out []string) {
	var byType map[string]json.RawMessage
	if json.Unmarshal(raw, &byType) != nil {
		return texts(raw)
	}
	for kind, values := range byType {
		for _, v := range texts(values) {
			out = append(out, kind+":"+v)
		}
	}
	return out
}

// forGateway reports whether the statement lets API Gateway invoke.
func (s *statement) forGateway() bool {
	return s.effect == "Allow" && slices.Contains(s.principals, "Service:"+grants.GatewayPrincipal) &&
		slices.ContainsFunc(s.actions, func(a string) bool {
			return strings.EqualFold(a, grants.InvokeAction) || a == "lambda:*" || a == "*"
		})
}

// about reports whether the statement is about a function or a version or alias
// of it. On AWS all of a policy are about its owner, but there are endpoints that
// answer one policy for all qualifiers (moto 5).
func (s *statement) about(owner string) bool {
	return len(s.resources) == 0 || slices.ContainsFunc(s.resources, func(pattern string) bool { return pattern == "*" || arnCovers(pattern, owner) })
}

// open reports whether any account's API may call by this statement.
func (s *statement) open() bool {
	return s.forGateway() && len(s.sources) == 0 && len(s.accounts) == 0 && s.others == ""
}

// covers reports whether whatever other allows, s allows as well. It may say no
// where the answer is yes.
func (s *statement) covers(other *statement) bool {
	if s.effect != "Allow" || other.effect != "Allow" || s.others != other.others || s.exact != other.exact ||
		!slices.Equal(s.principals, other.principals) || !slices.Equal(s.actions, other.actions) || !slices.Equal(s.resources, other.resources) {
		return false
	}
	if len(s.accounts) > 0 && !slices.Equal(s.accounts, other.accounts) {
		return false
	}
	if len(s.sources) == 0 {
		return true
	}
	return len(other.sources) > 0 && !slices.ContainsFunc(other.sources, func(arn string) bool {
		return !slices.ContainsFunc(s.sources, func(pattern string) bool { return arnCovers(pattern, arn) })
	})
}

// arnCovers compares part by part, as ArnLike does.
func arnCovers(pattern, arn string) bool {
	p, a := strings.SplitN(pattern, ":", 6), strings.SplitN(arn, ":", 6)
	if len(p) != 6 || len(a) != 6 {
		return pattern == arn
	}
	for i := range p {
		if !textCovers(p[i], a[i]) {
			return false
		}
	}
	return true
}

// textCovers reports whether pattern matches text in which * stands for itself:
// then it matches everything that text matches as a pattern.
func textCovers(pattern, text string) bool {
	p, t, star, mark := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == text[t] || pattern[p] == '?' && text[t] != '*'):
			p, t = p+1, t+1
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// apiIn is the API that a SourceArn names; "" when it names none exactly.
func apiIn(source string) string {
	parts := strings.SplitN(source, ":", 6)
	if len(parts) < 6 || parts[2] != "execute-api" {
		return ""
	}
	id, _, _ := strings.Cut(parts[5], "/")
	if strings.ContainsAny(id, "*?") {
		return ""
	}
	return id
}

func policyOf(l *ledger, c *Cell) *target.Policy {
	f, ok := l.functions[c.to.arn]
	if !ok {
		return nil
	}
	p, ok := f.Policies[c.to.qualifier]
	if !ok {
		return nil
	}
	return &p
}
