package gateway

import (
	"fmt"
	"strings"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/state"
)

// target is the function that an integration calls on one stage.
type target struct {
	region, account string
	name, qualifier string
	arn             string // unqualified
	asked           string // the ARN as the URI has it, legal or not
	uri             string // the integration URI with its stage variables resolved
	endpoint        string // what the execution log shows
	undefined       []string
}

// qualified is the ARN as it stands in the endpoint URI.
func (t *target) qualified() string {
	if t.qualifier == "" {
		return t.arn
	}
	return t.arn + ":" + t.qualifier
}

// parseTarget reads an AWS_PROXY URI for a stage:
//
//	arn:aws:apigateway:R:lambda:path/2015-03-31/functions/FUNCTION/invocations
//
// FUNCTION is what Lambda's Invoke takes: a whole ARN, ACCOUNT:function:NAME or
// NAME, each with or without :QUALIFIER. The API's account and region fill what
// is missing.
// unverified: that AWS lets a partial ARN through to Lambda.
//
// The error is a sentence for a person.
func parseTarget(uri string, variables map[string]string, region, account string) (target, error) {
	t := target{region: region, account: account}
	t.uri, t.undefined = state.Resolve(uri, variables)
	parts := strings.SplitN(t.uri, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" || parts[2] != "apigateway" || parts[4] != "lambda" {
		return t, fmt.Errorf("the integration URI %q is not of the form arn:aws:apigateway:REGION:lambda:path/2015-03-31/functions/FUNCTION/invocations", t.uri)
	}
	if parts[3] != "" {
		t.region = parts[3]
	}
	path, ok := strings.CutPrefix(parts[5], "path/")
	path = strings.TrimPrefix(path, "/")
	path, found := strings.CutPrefix(path, "2015-03-31/functions/")
	function, ends := strings.CutSuffix(path, "/invocations")
	if !ok || !found || !ends {
		return t, fmt.Errorf("the integration URI %q does not end in lambda:path/2015-03-31/functions/FUNCTION/invocations", t.uri)
	}
	if err := t.function(parts[1], function); err != nil {
		return t, err
	}
	t.endpoint = "https://lambda." + t.region + ".amazonaws.com/2015-03-31/functions/" + t.qualified() + "/invocations"
	return t, nil
}

func (t *target) function(partition, function string) error {
	rest := function
	if whole, found := strings.CutPrefix(function, "arn:"); found {
		parts := strings.SplitN(whole, ":", 5)
		if len(parts) < 5 || parts[1] != "lambda" {
			return fmt.Errorf("%q in the integration URI is no ARN of a Lambda function", function)
		}
		partition, t.region, t.account, rest = parts[0], parts[2], parts[3], parts[4]
		if rest, found = strings.CutPrefix(rest, "function:"); !found {
			return fmt.Errorf("%q in the integration URI is no ARN of a Lambda function", function)
		}
	} else {
		if account, after, found := strings.Cut(rest, ":"); found && len(account) == 12 && digits(account) {
			t.account, rest = account, after
		}
		rest = strings.TrimPrefix(rest, "function:")
	}
	var qualified bool
	t.name, t.qualifier, qualified = strings.Cut(rest, ":")
	stem := "arn:" + partition + ":lambda:" + t.region + ":" + t.account + ":function:"
	t.arn, t.asked = stem+t.name, stem+rest
	switch {
	case t.region == "" || len(t.account) != 12 || !digits(t.account):
		return fmt.Errorf("%q in the integration URI names no region or no 12-digit account", function)
	case t.name == "" || len(t.name) > 140 || !word(t.name, "-_"):
		return fmt.Errorf("%q in the integration URI is no function name: letters, digits, - and _ are allowed", t.name)
	case qualified && t.qualifier != "$LATEST" && (t.qualifier == "" || len(t.qualifier) > 128 || !word(t.qualifier, "-_")):
		return fmt.Errorf("%q in the integration URI is no version or alias", t.qualifier)
	}
	return nil
}

// call is the question to the door, without what belongs to one request.
// $LATEST has no policy of its own: AWS refuses to add one ("We currently do
// not support adding policies for $LATEST."), but the call names it.
func (t *target) call(s *stagePlan, r *resourcePlan, verb string) grants.Call {
	return grants.Call{
		Account: s.account, Region: s.region, APIID: s.api, Stage: s.name,
		Method: verb, ResourcePath: r.path,
		FunctionARN: t.arn, Qualifier: t.qualifier,
		// The region is the function's, the account the API's (LDG
		// services-apigateway; aws-facts 1).
		SourceARN:     grants.SourceARN(t.region, s.account, s.api, s.name, verb, r.path),
		SourceAccount: s.account,
		DeploymentID:  s.deployment,
		Canary:        s.release == canaryRelease,
		TestInvoke:    s.test,
	}
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func word(s, more string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(more, c) >= 0) {
			return false
		}
	}
	return true
}
