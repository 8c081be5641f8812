package diff

import (
	"encoding/json"
	"slices"
	"strings"
)

// granted are the statements of a function's policy that let API Gateway call
// it from the API, each as what it allows, with "{stage}" for the stage's own
// name: the rest of the policy is nobody's business here.
func (h *half) granted(function string) []string {
	called := h.called(function)
	var out []string
	for _, f := range h.Picture.Dump.Functions {
		if text(f.Configuration.FunctionArn) == called.ARN {
			out = h.statements(f.Policies[called.Qualifier].Policy)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (h *half) statements(policy string) (out []string) {
	var document any
	if json.Unmarshal([]byte(policy), &document) != nil {
		return nil // doctor says that it cannot be read
	}
	statements := object(document)["Statement"]
	all := list(statements)
	if one := object(statements); one != nil {
		all = []any{one}
	}
	for _, s := range all {
		if what, ok := h.grant(object(s)); ok {
			out = append(out, what)
		}
	}
	return out
}

// grant says what a statement allows or denies API Gateway; false when it is
// about somebody else, or about another API.
func (h *half) grant(statement map[string]any) (string, bool) {
	f := fields{}
	f.flatten("", statement)
	if principal := f["Principal.Service"] + f["Principal"]; !strings.Contains(principal, "apigateway.amazonaws.com") && principal != "*" {
		return "", false
	}
	var from, other []string
	for name, value := range f {
		switch {
		case !strings.HasPrefix(name, "Condition."):
		case strings.HasSuffix(strings.ToLower(name), ".aws:sourcearn"):
			from = append(from, h.source(value))
		default:
			other = append(other, strings.TrimPrefix(name, "Condition.")+" "+h.place.normalShown(value))
		}
	}
	if len(from) == 1 && from[0] == "" {
		return "", false
	}
	what := "any API"
	if len(from) > 0 {
		what = strings.Join(from, ", ")
	}
	if f["Effect"] == "Deny" {
		what = "denied: " + what
	}
	slices.Sort(other)
	return strings.Join(append([]string{what}, other...), ", if "), true
}

// source is a SourceArn without what all of them share: "{stage}/GET/orders".
// It is "" for another API.
func (h *half) source(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[2] != "execute-api" {
		return arn
	}
	api, rest, _ := strings.Cut(parts[5], "/")
	if api != h.place.api {
		if strings.ContainsAny(api, "*?") {
			return parts[5]
		}
		return ""
	}
	stage, rest, found := strings.Cut(rest, "/")
	if stage == h.Stage {
		stage = "{stage}"
	}
	if found {
		stage += "/" + rest
	}
	return stage
}

// normalShown is normal in words that people can read.
func (p place) normalShown(s string) string {
	return strings.ReplaceAll(p.normal(s), "\x00", "")
}

// shapes tell where functions are granted to the API in different ways. That is
// no difference by itself: the verdicts say what comes of it.
func (c *comparing) shapes() []Row {
	var out []Row
	for _, p := range c.pairs {
		if c.identical(p) {
			continue
		}
		left, right := c.left.granted(p.left), c.right.granted(p.right)
		if slices.Equal(left, right) {
			continue
		}
		row := Row{Item: c.name(p), Kind: Paired}
		for _, what := range left {
			if slices.Contains(right, what) {
				row.Fields = append(row.Fields, orientation("granted to", what, what))
			} else {
				row.Fields = append(row.Fields, Field{Name: "granted to", Left: &what, Same: true})
			}
		}
		for _, what := range right {
			if !slices.Contains(left, what) {
				row.Fields = append(row.Fields, Field{Name: "granted to", Right: &what, Same: true})
			}
		}
		out = append(out, row)
	}
	return out
}
