package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	types "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
)

// addGrant adds the grants of the choice that was shown, no others: where the
// matrix has changed since the page was made, nothing is done.
func addGrant(v *visit) (*done, error) {
	api, err := v.apiOf(v.ctx())
	if err != nil {
		return nil, err
	}
	id := aws.ToString(api.Id)
	key := cellKey{v.value("stage"), method{v.value("verb"), v.value("path")}}
	back := cellURL(id, key.Stage, key.Verb, key.Path)
	cells := v.matrix(id)
	open := find(cells, key)
	if open == nil {
		return nil, &problem{Status: http.StatusNotFound, Title: "The stage has no such method any more", Sentence: key.String() + " is not on " + key.Stage + " now. Nothing was changed.", To: apiURL(id)}
	}
	if open.Allowed {
		return &done{Message: key.String() + " on " + key.Stage + " is allowed already. Nothing was changed.", To: back}, nil
	}
	choices := planGrants(cells, open, v.s.Account)
	at := slices.IndexFunc(choices, func(c choice) bool { return c.Kind == v.value("kind") })
	if at < 0 || choices[at].Digest() != v.value("plan") {
		return nil, &problem{
			Status: http.StatusConflict, Title: "This has changed meanwhile", To: back,
			Sentence: "What would be granted is no longer what the page showed. Nothing was changed.",
			Remedy:   []string{"Look at the call again and choose anew."},
		}
	}
	d, err := v.grant(choices[at].Grants, sentenceFor(&choices[at], aws.ToString(api.Name), key))
	if err != nil {
		return nil, err
	}
	d.To = back
	return d, nil
}

func sentenceFor(c *choice, api string, key cellKey) string {
	switch c.Kind {
	case thisStage:
		return "Granted: " + key.String() + " on " + key.Stage + " of " + api + " may call " + targetsOf(c.Grants) + "."
	case wholeAPI:
		return "Granted: every method of " + api + ", on any stage, may call " + targetsOf(c.Grants) + "."
	case eachStage:
		return "Granted: " + key.String() + " of " + api + " may call, on each stage, the function that it resolves to."
	default:
		return "Granted: " + key.String() + " of " + api + ", on any stage, may call " + targetsOf(c.Grants) + "."
	}
}

// grant adds grants, as many as can be added, and tells of each. It fails where
// none could be.
func (v *visit) grant(all []grant, message string) (*done, error) {
	d := &done{Message: message, UndoLabel: "Undo"}
	var added []grant
	var first error
	for i := range all {
		g := &all[i]
		_, err := v.functions(g.Region).AddPermission(v.ctx(), g.input())
		switch {
		case err == nil:
			added = append(added, *g)
			d.Commands = append(d.Commands, g.command())
		case v.hasGrant(g):
			d.Details = append(d.Details, g.Target()+" had this grant already.")
		default:
			if first == nil {
				first = err
			}
			d.Warning = true
			d.Details = append(d.Details, g.Target()+" was not granted: "+v.grantProblem(err))
		}
	}
	if first != nil && len(added) == 0 {
		return nil, first
	}
	if d.Warning {
		d.Message = fmt.Sprintf("Only %d of %d statements were added.", len(added), len(all))
	}
	if d.added = added; len(added) > 0 {
		d.undo = func(v *visit) (*done, error) { return v.revoke(added) }
	}
	return d, nil
}

// grantProblem is AWS's sentence, with what helps where the policy is full.
func (v *visit) grantProblem(err error) string {
	p := describe(err, v)
	if strings.HasPrefix(p.Code, "PolicyLengthExceeded") {
		return p.Sentence + " “The whole API” needs one statement only; stagedoor doctor --fix makes room."
	}
	return p.Sentence
}

// statement is what a grant looks like in a function's policy.
type statement struct {
	Sid       string
	Condition struct {
		ArnLike map[string]string
	}
}

// hasGrant reports whether the policy holds exactly this grant.
func (v *visit) hasGrant(g *grant) bool {
	in := &lambda.GetPolicyInput{FunctionName: &g.Name}
	if g.Qualifier != "" {
		in.Qualifier = &g.Qualifier
	}
	out, err := v.functions(g.Region).GetPolicy(v.ctx(), in)
	if err != nil {
		return false
	}
	var doc struct{ Statement []json.RawMessage }
	if json.Unmarshal([]byte(aws.ToString(out.Policy)), &doc) != nil {
		return false
	}
	for _, raw := range doc.Statement {
		var s statement
		if json.Unmarshal(raw, &s) != nil || s.Sid != g.StatementID {
			continue
		}
		for _, source := range s.Condition.ArnLike {
			if source == g.SourceARN {
				return true
			}
		}
	}
	return false
}

// revoke takes exactly these grants back. One that somebody changed meanwhile,
// or took back already, is left as it is.
func (v *visit) revoke(all []grant) (*done, error) {
	d := &done{Message: "Undone: the grants were removed again."}
	for i := range all {
		g := &all[i]
		in := &lambda.RemovePermissionInput{FunctionName: &g.Name, StatementId: &g.StatementID}
		if g.Qualifier != "" {
			in.Qualifier = &g.Qualifier
		}
		var err error
		if v.hasGrant(g) {
			_, err = v.functions(g.Region).RemovePermission(v.ctx(), in)
		} else if err = v.mayRead(g); err == nil {
			d.Details = append(d.Details, g.Target()+": the statement "+g.StatementID+" is gone already, or is another one now. It was left as it is.")
			continue
		}
		if err != nil {
			return nil, err
		}
		d.Commands = append(d.Commands, g.removal())
	}
	if len(d.Commands) == 0 {
		d.Message, d.Warning = "There was nothing to undo.", true
	}
	return d, nil
}

// mayRead returns the error of reading a policy, but for there being none.
func (v *visit) mayRead(g *grant) error {
	in := &lambda.GetPolicyInput{FunctionName: &g.Name}
	if g.Qualifier != "" {
		in.Qualifier = &g.Qualifier
	}
	_, err := v.functions(g.Region).GetPolicy(v.ctx(), in)
	if isMissing(err) {
		return nil
	}
	return err
}

// isMissing recognises AWS's 404 of Lambda and of API Gateway.
func isMissing(err error) bool {
	var missing *types.ResourceNotFoundException
	if errors.As(err, &missing) {
		return true
	}
	var api smithy.APIError
	return errors.As(err, &api) && strings.HasPrefix(api.ErrorCode(), "NotFound")
}
